"""Doing a job: what comes back, whatever happens, and stopping it when asked."""

import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sweep_parts import BASE, Kept

import dvdn_sim
from dvdn_sim.records import FOUND, locked
from dvdn_sim.scenario import parse_scenario
from dvdn_sim.sweeps import Job, Moved, Told, Warned, jobs, work


def a_job(folder, *changes, **options):
    return Job("a", parse_scenario(BASE, changes), folder / "a", device="cpu", **options)


def test_a_job_is_what_run_does_and_one_that_was_done_is_not_done_again(tmp_path):
    outcome = work(a_job(tmp_path), Kept())
    assert (outcome.state, outcome.error) == ("finished", "")
    alone = dvdn_sim.run(parse_scenario(BASE), device="cpu", out=tmp_path / "alone").as_json()
    assert {**outcome.found, "wall_s": 0.0} == {name: alone[name] for name in FOUND} | {"wall_s": 0.0}
    assert outcome.work_s > 0.0
    assert replace(work(a_job(tmp_path), Kept()), work_s=outcome.work_s) == outcome


@pytest.fixture
def always_telling(monkeypatch):
    monkeypatch.setattr(jobs, "PROGRESS_EVERY_S", 0.0)


@pytest.mark.usefixtures("always_telling")
def test_progress_and_warnings_find_their_way(tmp_path):
    """A team that hears nobody is told of as a sign that learning goes wrong."""
    report = Kept()
    work(a_job(tmp_path, "network.link.loss=100%", "training.steps=900", "evaluation.every=900"), report)
    moved = [event for event in report.events if isinstance(event, Moved)]
    assert [event.done for event in moved] == sorted(event.done for event in moved)
    assert {event.total for event in moved} == {900}
    assert "return" in moved[-1].facts
    assert any(isinstance(event, Warned) and event.id == "a" for event in report.events)


def test_that_a_job_compiles_finds_its_way(tmp_path, monkeypatch):
    @contextmanager
    def telling(say):
        say("compiling, once")
        yield

    monkeypatch.setattr("dvdn_sim.compiled.compilation_told", telling)
    report = Kept()
    work(a_job(tmp_path), report)
    assert Told("a", "compiling, once") in report.events


@pytest.mark.usefixtures("always_telling")
def test_a_job_that_is_asked_to_stop_leaves_a_checkpoint_and_is_gone_on_with(tmp_path):
    report = Kept()
    report.stopping = lambda: len(report.events) == 2
    outcome = work(a_job(tmp_path, "network=null", "algorithm={kind: vdn, hidden: 4}"), report)
    assert outcome.state == "interrupted"
    assert "a checkpoint of step" in outcome.error
    again = work(a_job(tmp_path, "network=null", "algorithm={kind: vdn, hidden: 4}"), Kept())
    alone = work(a_job(tmp_path / "alone", "network=null", "algorithm={kind: vdn, hidden: 4}"), Kept())
    assert again.found["digest"] == alone.found["digest"]


def test_a_failure_and_a_defect_are_told_and_not_raised(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "notes.txt").write_text("mine", encoding="utf-8")
    outcome = work(a_job(tmp_path), Kept())
    assert outcome.state == "failed"
    assert "holds no run" in outcome.error
    monkeypatch.setattr(jobs, "_train", lambda job, report: 1 / 0)
    outcome = work(a_job(tmp_path), Kept())
    assert outcome.state == "failed"
    assert outcome.error.startswith("Traceback")
    assert outcome.error.endswith("ZeroDivisionError: division by zero")


def test_a_folder_that_another_process_is_about_to_leave_is_waited_for(tmp_path):
    """As one may be whose sweep was killed a moment ago."""
    (tmp_path / "a").mkdir()
    held, leave = threading.Event(), threading.Event()

    def hold():
        with locked(tmp_path / "a"):
            held.set()
            leave.wait(10.0)

    other = threading.Thread(target=hold)
    other.start()
    held.wait(10.0)
    began_s = time.monotonic()
    threading.Timer(0.3, leave.set).start()
    outcome = work(a_job(tmp_path), Kept())
    other.join()
    assert outcome.state == "finished"
    assert time.monotonic() - began_s >= 0.3


def test_who_waits_for_a_folder_stops_when_asked(tmp_path):
    (tmp_path / "a").mkdir()
    with locked(tmp_path / "a"):
        outcome = work(a_job(tmp_path), Kept(stopping=lambda: True))
    assert outcome.state == "interrupted"
