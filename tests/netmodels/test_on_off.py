"""What goes up and down for ever: the same at whatever time and in whatever order it is asked, in bounded memory."""

from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmodels.faults import FaultPlan
from netmodels.on_off import BLOCK, CHANGES, KEPT, LAST_NS, OnOff
from netmodels.portable import exponential
from netmodels.streams import stream

S = 10**9


def process(seed=0, up_s=3.0, down_s=1.0):
    return OnOff(stream(seed, "x"), up_s=up_s, down_s=down_s)


def by_hand(seed, until_ns, up_s=3.0, down_s=1.0):
    """State at time 0, and every change up to a time: all of them, drawn as the process says."""
    generator = stream(seed, "x")
    starts_up = generator.random() < up_s / (up_s + down_s)
    means = np.array([up_s, down_s] if starts_up else [down_s, up_s]) * 1e9
    changes = [0]
    while changes[-1] <= until_ns:
        steps = np.rint(exponential(generator.random((BLOCK, 2))) * means).astype(int).ravel().tolist()
        changes += [changes[-1] + after for after in accumulate(steps)]
    return starts_up, changes[1:]


@given(st.integers(0, 20), st.lists(st.integers(0, 20_000 * S), min_size=1, max_size=12))
def test_it_is_up_as_drawn_whatever_was_asked_before(seed, times):
    starts_up, changes = by_hand(seed, 20_000 * S)
    asked = process(seed)
    for time in times:
        assert asked.is_up(time) == (starts_up == (np.searchsorted(changes, time, "right") % 2 == 0))


@given(st.integers(0, 20), st.lists(st.tuples(st.integers(0, 9000 * S), st.integers(0, 1500 * S)), max_size=8))
def test_stretches_hold_what_was_asked_for_and_all_that_is_down_in_them(seed, asked):
    starts_up, changes = by_hand(seed, 20_000 * S)
    bounds = changes if starts_up else [0, *changes]
    down = list(zip(bounds[::2], bounds[1::2], strict=False))
    flaky = process(seed)
    for start, length in asked:
        known = flaky.window(start, start + length)
        assert known.from_ns <= start <= start + length < known.until_ns
        within = [pair for pair in down if pair[1] > known.from_ns and pair[0] < known.until_ns]
        assert [pair for pair in known.intervals if pair[0] < known.until_ns] == within


def test_it_keeps_its_latest_blocks_alone():
    flaky = process()
    kept = []
    for now in range(0, 200_000 * S, 2 * S):  # some 100 000 changes
        flaky.is_up(now)
        kept.append(len(flaky._changes_ns))
    assert max(kept) == KEPT * CHANGES
    # Who lags behind by less than is kept asks for nothing to be drawn again.
    drawn = flaky._from_ns
    flaky.is_up(now - 4 * (KEPT - 2) * BLOCK * S)
    assert flaky._from_ns == drawn


def test_a_look_far_ahead_keeps_no_more():
    flaky = process()
    flaky.is_up(1_000_000 * S)
    assert len(flaky._changes_ns) <= KEPT * CHANGES
    assert flaky.is_up(0) == process().is_up(0)


def test_flaps_are_clipped_to_the_time_of_their_fault_and_forgotten_after_it():
    plan = FaultPlan([{"kind": "flap", "up": "3 s", "down": "1 s", "at": "500 s", "for": "400 s"}], n_agents=2, seed=3)
    always = FaultPlan([{"kind": "flap", "up": "3 s", "down": "1 s"}], n_agents=2, seed=3)
    availability = plan.availability(0, 1)
    times = [*range(1500), *range(1499, 0, -7)]
    down = {time for time in times if availability.fate(time * S, time * S + 1)}
    assert down <= set(range(500, 900))
    assert 50 < len(down) < 150
    assert availability.fate(600 * S, 1200 * S)
    # The stream is named after the fault, so that of another fault is another one.
    other = always.availability(0, 1)
    assert {time for time in range(500, 900) if other.fate(time * S, time * S + 1)} != down


@pytest.mark.parametrize("time", [LAST_NS, 2**70])
def test_no_clock_gets_so_far(time):
    with pytest.raises(ValueError, match=r"time_ns.*4611686018427387904"):
        process().is_up(time)
