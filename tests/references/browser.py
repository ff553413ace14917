"""A browser that nobody sees, for tests of pages."""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

PATIENCE_S = 60.0
WHY = "no chromium or chromedriver: apt-get install chromium chromium-driver"
WORDS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
DRAWN = "return Number(document.documentElement.dataset.drawn ?? 0)"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")

# What is said, and where; without plotly's names of its own, which are others each time.
PICTURE = """const drawn = [...document.querySelectorAll(`#${arguments[0]} .plot svg :is(path, text, rect, image)`)];
const places = ["d", "style", "x", "y", "width", "height", "transform"];
return [drawn.map((each) => each.textContent + (each.getAttribute("href") ?? "")).join("|"),
  drawn.flatMap((each) => places.map((name) => each.getAttribute(name)?.replace(/url\\([^)]*\\)/, ""))).join("|")]"""
"""For `alike`; of the figure whose id is the first argument."""


@contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    """Start Chromium, which keeps what its console and its network say; without one skip, on CI fail."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not program or not driver:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(WHY)
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for word in WORDS:
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield chrome
    finally:
        chrome.quit()


def screen(chrome: webdriver.Chrome, width: int, height: int = 900) -> None:
    """Give the browser a screen; a narrow one is a phone's."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def system_theme(chrome: webdriver.Chrome, theme: str) -> None:
    """Have the system prefer ``light`` or ``dark``."""
    scheme = {"name": "prefers-color-scheme", "value": theme}
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})


def show(chrome: webdriver.Chrome, address: str, figures: int, *, width: int = 1200, theme: str = "light") -> None:
    """Open a page, and wait until all its figures are drawn."""
    system_theme(chrome, theme)
    screen(chrome, width)
    chrome.get(address)
    wait(lambda: chrome.execute_script(DRAWN) == figures)


def wait(until: Callable[[], object]) -> None:
    """Wait until something is so."""
    end_s = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < end_s, "the page did not come so far"
        time.sleep(0.02)


Picture = Sequence[str]


def alike(picture: Picture, other: Picture) -> bool:
    """Whether two pictures are the same up to a pixel or so, by which plotly's margins remember what they were."""
    (said, place), (other_said, other_place) = picture, other
    if said != other_said or NUMBER.sub("#", place) != NUMBER.sub("#", other_place):
        return False
    numbers, others = (np.array(NUMBER.findall(each), float) for each in (place, other_place))
    return bool(np.abs(numbers - others).max() < 2.0)
