"""Simulated time is a Python int of nanoseconds and never goes back."""

import numpy as np
import pytest

from dvdn_sim.network import Clock, ClockEvent

NOT_TIMES = [1.0, 5e9, float("nan"), np.int64(5), np.float64(5.0), True, "5", None]


def noting(clock, seen, what):
    return ClockEvent(clock, lambda _: seen.append((clock.now_ns, what)))


@pytest.mark.parametrize("at_ns", NOT_TIMES, ids=repr)
def test_only_python_ints_are_times(at_ns):
    clock = Clock()
    with pytest.raises(ValueError, match="at_ns: expected a Python int"):
        clock.schedule(noting(clock, [], "never"), at_ns)
    with pytest.raises(ValueError, match="at_ns: expected a Python int"):
        clock.advance_to(at_ns)
    assert clock.now_ns == 0
    assert not clock.step()


@pytest.mark.parametrize("at_ns", [1.0, np.int64(5), 4], ids=repr)
def test_the_refusal_says_what_was_expected(at_ns):
    clock = Clock()
    clock.advance_to(5)
    with pytest.raises(ValueError, match="at_ns: expected a Python int of at least 5, got "):
        clock.schedule(noting(clock, [], "never"), at_ns)
    with pytest.raises(ValueError, match="at_ns: expected a Python int of at least 5, got "):
        clock.advance_to(at_ns)


def test_time_stays_a_python_int():
    clock = Clock()
    clock.schedule(noting(clock, [], "x"), 10**18 + 1)
    clock.step()
    assert type(clock.now_ns) is int
    assert clock.now_ns == 10**18 + 1
    clock.advance_to(10**18 + 2)
    assert type(clock.now_ns) is int


def test_earlier_first_then_by_priority_then_first_scheduled():
    clock, seen = Clock(), []
    for what, at_ns, priority in [("d", 7, 3), ("e", 7, 3), ("c", 7, 2), ("b", 7, 1), ("f", 8, 1)]:
        clock.schedule(noting(clock, seen, what), at_ns, priority)
    clock.schedule(noting(clock, seen, "a"), 6, 99)
    while clock.step():
        pass
    assert seen == [(6, "a"), (7, "b"), (7, "c"), (7, "d"), (7, "e"), (8, "f")]


def test_advancing_stops_before_what_happens_then_and_finishing_the_instant_lets_it_happen():
    clock, seen = Clock(), []
    for at_ns in (4, 5, 5, 6):
        clock.schedule(noting(clock, seen, "x"), at_ns)
    clock.advance_to(5)
    assert seen == [(4, "x")]
    clock.finish_instant()
    assert seen == [(4, "x"), (5, "x"), (5, "x")]
    assert clock.now_ns == 5
    clock.advance_to(5)
    clock.finish_instant()
    assert len(seen) == 3


def test_what_is_scheduled_for_now_still_happens_now():
    clock, seen = Clock(), []
    first = ClockEvent(clock, lambda _: clock.schedule(noting(clock, seen, "second"), clock.now_ns, 5))
    clock.schedule(first, 3)
    clock.advance_to(3)
    clock.finish_instant()
    assert seen == [(3, "second")]


def test_what_is_pending_is_listed_in_the_order_in_which_it_happens():
    clock, seen = Clock(), []
    for at_ns, priority in ((7, 1), (5, 3), (5, 1), (7, 1), (5, 3)):
        clock.schedule(ClockEvent(clock, seen.append, len(clock.pending())), at_ns, priority)
    pending = clock.pending()
    while clock.step():
        pass
    assert seen == [event for _, _, event in pending]
    assert [event.about for event in seen] == [(2,), (1,), (4,), (0,), (3,)]
    assert [(at_ns, priority) for at_ns, priority, _ in pending] == [(5, 1), (5, 3), (5, 3), (7, 1), (7, 1)]
    assert clock.pending() == []


def test_nothing_of_the_clocks_own_stays_on_it():
    """SimPy 4.1.2 leaves what stops its `run` in the queue, 4.1.1 does not; with either, what is left is ours alone."""
    clock, seen = Clock(), []
    clock.schedule(noting(clock, seen, "x"), 9)
    for at_ns in (0, 5, 5, 7):
        clock.advance_to(at_ns)
        assert clock.environment.peek() == 9
        clock.finish_instant()
        assert (clock.now_ns, len(clock.pending()), seen) == (at_ns, 1, [])
    assert clock.step()
    assert not clock.step()
    assert seen == [(9, "x")]


def test_a_clock_that_stands_elsewhere_has_nothing_on_it():
    clock = Clock()
    clock.schedule(noting(clock, [], "never"), 3)
    clock.restart_at(10**18 + 1)
    assert (clock.now_ns, clock.pending()) == (10**18 + 1, [])
    assert not clock.step()


@pytest.mark.parametrize("now_ns", [*NOT_TIMES, -1], ids=repr)
def test_a_clock_stands_at_python_ints_alone(now_ns):
    with pytest.raises(ValueError, match="now_ns: expected a Python int of at least 0, got "):
        Clock().restart_at(now_ns)
