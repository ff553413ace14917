"""Simulated time is a Python int of nanoseconds and never goes back."""

import numpy as np
import pytest

from dvdn_sim.network import Clock, ClockEvent

NOT_TIMES = [1.0, float("nan"), np.int64(5), np.float64(5.0), True, "5", None, 4]


def noting(clock, seen, what):
    return ClockEvent(clock, lambda _: seen.append((clock.now_ns, what)))


@pytest.mark.parametrize("at_ns", NOT_TIMES, ids=repr)
def test_only_python_ints_from_now_on_are_times(at_ns):
    clock = Clock(5)
    with pytest.raises(ValueError, match="at_ns: expected a Python int of at least 5, got "):
        clock.schedule(noting(clock, [], "never"), at_ns)
    assert clock.now_ns == 5
    assert not clock.step()


def test_time_stays_a_python_int():
    clock = Clock()
    clock.schedule(noting(clock, [], "x"), 10**18 + 1)
    clock.step()
    assert (type(clock.now_ns), clock.now_ns) == (int, 10**18 + 1)


def test_earlier_first_then_by_priority_then_first_scheduled():
    clock, seen = Clock(), []
    for what, at_ns, priority in [("d", 7, 3), ("e", 7, 3), ("c", 7, 2), ("b", 7, 1), ("f", 8, 1), ("a", 6, 99)]:
        clock.schedule(noting(clock, seen, what), at_ns, priority)
    pending = clock.pending()
    for at_ns, event in pending:
        assert clock.step()
        assert (clock.now_ns, event.processed) == (at_ns, True)
    assert seen == [(6, "a"), (7, "b"), (7, "c"), (7, "d"), (7, "e"), (8, "f")]
    assert clock.pending() == []


def test_an_instant_is_finished_with_what_is_scheduled_for_now():
    clock, seen = Clock(3), []
    first = ClockEvent(clock, lambda _: clock.schedule(noting(clock, seen, "second"), clock.now_ns, 5))
    clock.schedule(first, 3)
    clock.schedule(noting(clock, seen, "later"), 4)
    clock.finish_instant()
    assert seen == [(3, "second")]
    clock.finish_instant()
    assert (clock.now_ns, len(clock.pending())) == (3, 1)


def test_what_is_forgotten_never_happens():
    clock, seen = Clock(), []
    clock.schedule(noting(clock, seen, "x"), 5)
    clock.forget()
    assert not clock.step()
    assert seen == clock.pending() == []
