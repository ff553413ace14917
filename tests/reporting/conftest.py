"""Run folders with evaluations that a test chooses, and pages in a browser."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser import chromium, show
from report_folders import write_run
from selenium import webdriver


@pytest.fixture
def folder(tmp_path) -> Callable[..., Path]:
    return lambda name, evaluations, **how: write_run(tmp_path / name, evaluations, **how)


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    with chromium() as chrome:
        yield chrome


@pytest.fixture
def opened(browser, page) -> webdriver.Chrome:
    """The page of a module, all drawn, on a screen of 1200 by 900 in the light; tests that share it change nothing."""
    if not browser.execute_script("return window.unchanged"):
        show(browser, page[1], len(page[0]))
        browser.execute_script("window.unchanged = true")
    return browser
