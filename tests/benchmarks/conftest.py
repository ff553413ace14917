"""Benchmarks are judged as ratios or rates on an idle core; they print what they measured and assert no time."""

import pytest


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter, config):
    session = getattr(config, "_benchmarksession", None)
    for benchmark in session.benchmarks if session else ():
        for name, value in benchmark.extra_info.items():
            terminalreporter.write_line(f"{benchmark.name}: {name} = {value}")
