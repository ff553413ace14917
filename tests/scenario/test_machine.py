"""Limits of control groups of both versions, as Linux states them, in a folder of their own."""

import os

import pytest

from dvdn_sim.scenario.machine import has_gpu, memory_limit

PHYSICAL = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
HALF = PHYSICAL // 2
UNLIMITED_V1 = 9223372036854771712


@pytest.fixture
def groups(tmp_path):
    """Write limits, by path below the mount, and say which groups the process is in."""

    def write(membership, **limits):
        for path, text in limits.items():
            file = (
                tmp_path / "cgroup" / path.replace("__", "/").replace("_max", ".max").replace("_lim", ".limit_in_bytes")
            )
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{text}\n")
        (tmp_path / "self").write_text(membership)
        return memory_limit(tmp_path / "cgroup", tmp_path / "self")

    return write


def test_without_groups_it_is_what_the_machine_has(tmp_path):
    assert memory_limit(tmp_path, tmp_path / "nothing") == PHYSICAL
    assert PHYSICAL > 10**8


def test_version_2(groups):
    assert groups("0::/a/b\n", a__b__memory_max=HALF) == HALF
    assert groups("0::/\n", memory_max=HALF) == HALF  # as a container sees its own
    assert groups("0::/a/b\n", a__b__memory_max="max", a__memory_max="max", memory_max="max") == PHYSICAL


def test_the_groups_above_count_too(groups):
    found = groups("0::/a/b/c\n", a__b__c__memory_max=HALF, a__b__memory_max="max", a__memory_max=HALF // 3)
    assert found == HALF // 3


def test_version_1(groups):
    membership = "5:cpu,cpuacct:/other\n4:memory:/docker/x\n0::/\n"
    assert groups(membership, memory__docker__x__memory_lim=HALF) == HALF
    assert groups(membership, memory__docker__x__memory_lim=UNLIMITED_V1) == PHYSICAL
    # A container that sees the host's path, but its own group at the mount.
    assert groups(membership.replace("docker/x", "elsewhere"), memory__memory_lim=HALF // 5) == HALF // 5


def test_other_groups_and_limits_above_the_machines_do_not_count(groups):
    assert groups("3:cpu:/a\n", memory__a__memory_lim=HALF, a__memory_max=HALF) == PHYSICAL
    assert groups("0::/a\n", a__memory_max=10 * PHYSICAL) == PHYSICAL


def test_a_gpu_is_looked_for_where_its_driver_says(tmp_path, monkeypatch):
    monkeypatch.setattr("dvdn_sim.scenario.machine.NVIDIA", tmp_path / "gpus")
    assert not has_gpu()
    (tmp_path / "gpus" / "0000:01:00.0").mkdir(parents=True)
    assert has_gpu()
