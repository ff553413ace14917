"""What a report over 100 runs costs: the seconds that `report` takes, and those until a browser shows its page.

    pytest tests/benchmarks/bench_report.py --benchmark-only -s

Judged at 2 s to open, which is when the page can be read and its first figure is seen; figures below are drawn
meanwhile. The first of five loads is that of a browser that has just been started. The runs are 25 by 4 cells of 3
seeds, with 41 evaluations and 600 exchanges each.
"""

import numpy as np
import pytest
from browser import DRAWN, chromium, screen, wait
from report_folders import packets, write_sweep

from dvdn_sim.reporting import report

AXES = {"policy": [f"policy_{n}" for n in range(25)], "loss": ["0%", "10%", "20%", "40%"]}
SEEDS, EVALUATIONS, UPDATES = 3, 41, 200
TIMES = """const page = performance.getEntriesByType("navigation")[0];
return [page.domContentLoadedEventEnd, performance.getEntriesByName("first-contentful-paint")[0].startTime]"""
FIRST_FIGURE = """const end = arguments[0], root = document.documentElement;
const look = () => (root.dataset.drawn ? end(performance.now()) : setTimeout(look, 5));
look()"""


def cell(number):
    draws = np.random.default_rng(number).random((SEEDS, UPDATES))
    rows = [
        {"seed": seed, "kind": "td", "update": u + 1, "env_steps": 20 * (u + 1), "a_eff": draw, "sent": 4, "held": 3,
         "lost": 1, "bytes": 400, "jtd_relative_error": draw, "round_time_s": [0.03 * draw], "deadline_s": 0.05}
        for seed, of_seed in enumerate(draws) for u, draw in enumerate(of_seed)
    ]  # fmt: skip
    returns = {seed: np.sort(of_seed[:EVALUATIONS]).tolist() for seed, of_seed in enumerate(draws)}
    return {"returns": returns, "exchanges": rows, "packets": [packets(0, 0, 1, 9, 6)], "random": 0.1}


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    labels = [(policy, loss) for policy in AXES["policy"] for loss in AXES["loss"]]
    cells = {each: cell(number) for number, each in enumerate(labels)}
    return write_sweep(tmp_path_factory.mktemp("report") / "s", AXES, cells, compare=("policy", "policy_0"))


def test_write(benchmark, sweep, tmp_path):
    def write():
        (path,) = report([sweep]).write(tmp_path / "page.html")
        return path

    path = benchmark.pedantic(write, rounds=1)
    benchmark.extra_info["write_s"] = round(benchmark.stats["mean"], 1)
    benchmark.extra_info["page_mb"] = round(path.stat().st_size / 1e6, 1)


@pytest.mark.parametrize("width", [360, 1200])
def test_open(benchmark, sweep, tmp_path, width):
    made = report([sweep])
    (path,) = made.write(tmp_path / "page.html")
    seen = []
    with chromium() as chrome:
        screen(chrome, width)
        chrome.set_script_timeout(60)

        def load():
            chrome.get(path.as_uri())
            first_figure = chrome.execute_async_script(FIRST_FIGURE)
            seen.append([*chrome.execute_script(TIMES), first_figure])
            wait(lambda: chrome.execute_script(DRAWN) == len(made.figures))

        benchmark.pedantic(load, rounds=5)
    for name, values in zip(("can_be_read_s", "first_paint_s", "first_figure_s"), zip(*seen, strict=True), strict=True):
        benchmark.extra_info[name] = [round(value / 1e3, 2) for value in values]
    benchmark.extra_info["all_figures_s"] = round(benchmark.stats["mean"], 2)
