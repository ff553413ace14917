"""How many jobs fit this machine."""

import os

import pytest

from dvdn_sim.sweeps import machine
from dvdn_sim.sweeps.machine import cores, free_memory, processes_for

GB = 10**9


@pytest.mark.parametrize(
    ("jobs", "memory_bytes", "expected"),
    [
        (100, None, 8),  # one for each core
        (3, None, 3),  # no more than there are jobs
        (100, 2 * GB, 5),  # as many as fit
        (100, 20 * GB, 1),  # one all the same: it will say itself what is wrong
        (100, 1, 8),
    ],
)
def test_processes(monkeypatch, jobs, memory_bytes, expected):
    monkeypatch.setattr(machine, "cores", lambda: 8)
    monkeypatch.setattr(machine, "free_memory", lambda: 11 * GB)
    assert processes_for(jobs, memory_bytes) == expected


def test_where_the_system_does_not_say_memory_is_no_limit(monkeypatch):
    monkeypatch.setattr(machine, "cores", lambda: 8)
    monkeypatch.setattr(machine, "free_memory", lambda: None)
    assert processes_for(100, 20 * GB) == 8


def test_a_containers_share_counts(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    every = cores()
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert cores() == every
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert cores() == 1
    (tmp_path / "memory.max").write_text("5000000\n")
    (tmp_path / "memory.current").write_text("2000000\n")
    assert free_memory() == 3_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory() != 3_000_000


def test_this_machine():
    assert 1 <= cores() <= (os.cpu_count() or 1)
    free = free_memory()
    assert free is None or free > 10**6
