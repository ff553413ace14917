"""Run folders with evaluations that a test chooses, and pages in a browser."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from browser import chromium, show
from selenium import webdriver

from dvdn_sim.records import METRICS, RecordWriter

BYTES_PER_STEP, SECONDS_PER_STEP = 100, 0.5


def write_run(
    run_dir: Path,
    evaluations: Mapping[int, Sequence[tuple[int, float]]],
    *,
    state: str = "finished",
    network: bool = True,
) -> Path:
    """Write a run folder: of each seed, pairs of (environment steps, return); backwards, for order means nothing."""
    run_dir.mkdir()
    writer = RecordWriter(run_dir)
    writer.write_manifest({"seeds": list(evaluations), "state": state})
    nothing = {column.name: None if column.nullable else 0 for column in METRICS.columns}
    for seed, rows in evaluations.items():
        for env_steps, value in reversed(rows):
            clock = {"sim_time_s": SECONDS_PER_STEP * env_steps, "bytes_sent": BYTES_PER_STEP * env_steps}
            row = {"seed": seed, "phase": "evaluation", "env_steps": env_steps, "return_mean": value}
            writer.metrics(nothing | row | (clock if network else {}))
            writer.metrics(nothing | row | {"phase": "train", "return_mean": -99.0})
    writer.flush()
    return run_dir


@pytest.fixture
def folder(tmp_path) -> Callable[..., Path]:
    return lambda name, evaluations, **how: write_run(tmp_path / name, evaluations, **how)


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    with chromium() as chrome:
        yield chrome


@pytest.fixture
def opened(browser, page) -> webdriver.Chrome:
    """The page of a module, all drawn, on a screen of 1200 by 900 in the light."""
    figures, address = page
    show(browser, address, len(figures))
    return browser
