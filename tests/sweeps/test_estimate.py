"""How long a sweep takes: arithmetic over rates that are measured, and that measuring leaves nothing behind."""

import itertools
from dataclasses import replace

import pytest
from sweep_parts import BASE, write_sweep

from dvdn_sim.scenario import parse_scenario
from dvdn_sim.sweeps import estimate as module
from dvdn_sim.sweeps.estimate import Estimate, Rate, _EnoughSeenError, _StopWatch, estimate, rate_of
from dvdn_sim.sweeps.grid import load_cells


def test_a_run_is_its_steps_and_its_evaluations():
    """1000 steps of 2 seeds at 500 steps/s; random play, the first evaluation, and one every 300 steps."""
    scenario = parse_scenario(BASE, ["seeds=[0, 1]", "training.steps=1000", "evaluation.every=300"])
    assert Rate(1 / 500, 0.5).run_s(scenario) == pytest.approx(2000 / 500 + 0.5 * (2 + 4))


def test_cells_that_were_not_timed_are_taken_for_the_mean(tmp_path, monkeypatch):
    _, cells = load_cells(write_sweep(tmp_path))
    rates = {1: Rate(0.1, 1.0), 2: Rate(0.3, 3.0)}
    monkeypatch.setattr(module, "rate_of", lambda scenario, device: rates[scenario.algorithm.consensus.rounds])
    found = estimate(cells)
    assert list(found.timed) == [cells[0].id, cells[-1].id]
    each = [rates[1], Rate(0.2, 2.0), Rate(0.2, 2.0), rates[2]]
    assert found.work_s == pytest.approx(sum(rate.run_s(cell.scenario) for rate, cell in zip(each, cells, strict=True)))
    assert found.wall_s(2) == found.work_s / 2


def test_the_watch_sees_the_pace_once_updates_go_on(monkeypatch):
    """The first iteration comes after two evaluations; 100 steps take 1 s until updates begin, and 4 s from then on."""
    clock = itertools.chain([0.0, 6.0, 7.0, 8.0, 12.0, 16.0])
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(module, "TIMED_S", 8.0)
    watch = _StopWatch(settled=3)
    for done in (100, 200, 300, 400):
        watch.show(done, 10**6, {})
    assert watch.rate == Rate(0.04, 3.0)
    with pytest.raises(_EnoughSeenError):
        watch.show(500, 10**6, {})


@pytest.mark.parametrize("steps", [30, 100_000])
def test_timing_ends_by_itself_and_leaves_nothing_behind(tmp_path, monkeypatch, steps):
    """Also where the whole run is over before there was anything to time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "TIMED_S", 0.1)
    rate = rate_of(parse_scenario(BASE, [f"training.steps={steps}"]), "cpu")
    assert rate.step_s > 0.0
    assert rate.evaluation_s > 0.0
    assert list(tmp_path.iterdir()) == []


def test_an_estimate_says_how_it_is_known():
    found = Estimate(7200.0, {"a": Rate(0.001, 0.5), "b": Rate(0.002, 0.5)})
    assert found.text(2) == (
        "about 1 h 0 min on 2 at a time, 2 h 0 min of work;"
        " from 3 s each of the first and the last cell on this machine (1000 and 500 steps/s)"
    )
    assert "of one cell on" in replace(found, timed={"a": Rate(0.001, 0.5)}).text(2)
    said = found.as_json(2)
    assert (said["wall_s"], said["work_s"]) == (3600.0, 7200.0)
    assert said["timed"][1] == {"id": "b", "steps_per_s": 500.0, "evaluation_s": 0.5}
