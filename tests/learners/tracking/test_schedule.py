"""Which updates exchange what."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from plain_tracking import Sgd, schedule_of

from dvdn_sim.learners import TRACKERS

P = 26_566  # 18 observation numbers, hidden layers of 64, 6 actions


@given(st.integers(1, 50), st.integers(1, 5), st.data())
def test_every_parameter_is_exchanged_once_in_a_turn_of_all_blocks(parameters, every, data):
    schedule = schedule_of(parameters, every=every, blocks=data.draw(st.integers(1, parameters)))
    turns = data.draw(st.integers(0, 3))
    seen = np.zeros(parameters, int)
    for update in range(turns * every * schedule.spec.blocks, (turns + 1) * every * schedule.spec.blocks):
        number = schedule.number(update)
        assert (number is None) == ((update + 1) % every != 0)
        if number is None:
            assert schedule.messages(update, vectors=(2,)) == ()
            continue
        positions = schedule.positions(number)
        seen[positions] += 1
        assert schedule.messages(update, vectors=(1, 2)) == (len(seen[positions]), 2 * len(seen[positions]))
        assert len(seen[positions]) in (parameters // schedule.spec.blocks, -(-parameters // schedule.spec.blocks))
    assert (seen == 1).all()


@pytest.mark.parametrize(
    ("name", "floats"),
    [("paper", (53_132,)), ("adapt_then_combine", (P, P)), ("running_sum", (53_132,)), ("averaging", (P,))],
)
def test_what_a_message_carries(name, floats):
    """Two vectors of P in one exchange, or one in each of two; of parameters alone, one."""
    omega = torch.zeros(1, 3, P)
    assert TRACKERS[name](omega, Sgd(0.1), schedule_of(P)).messages(0) == floats
    seldom = TRACKERS[name](omega, Sgd(0.1), schedule_of(P, every=3, blocks=2))
    assert [seldom.messages(update) for update in range(3)] == [(), (), tuple(count // 2 for count in floats)]


def test_replicas_that_stand_at_different_updates_exchange_different_blocks():
    schedule = schedule_of(10, every=2, blocks=3)
    blocks = schedule.split(np.array([1, 3, 1, 4, 7]), [4, 2, 1, 0])
    assert [(block.number, block.replicas, block.everyone) for block in blocks] == [
        (0, [0, 2, 4], False),
        (1, [1], False),
    ]
    (block,) = schedule.split(np.array([5, 5]), [0, 1])
    assert (block.number, block.positions, block.everyone) == (2, slice(6, 10), True)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="blocks: expected at most 10, the parameters, got 11"):
        schedule_of(10, blocks=11)
    with pytest.raises(ValueError, match="replica 1 exchanged something in update 2, but only every 2"):
        schedule_of(10, every=2).split(np.array([1, 2]), [0, 1])
