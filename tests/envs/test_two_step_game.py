"""The two-step game, which `tests/references` keeps for learners: it must itself be right."""

import numpy as np
import torch
from two_step_game import PAYOFFS, TwoStepGame, all_trajectories, observed


def test_it_keeps_the_contract(check_batched_env):
    check_batched_env(lambda row_seeds: TwoStepGame(len(row_seeds)))


def test_every_way_to_play_is_paid_as_listed():
    """The list of all trajectories, and the same ones played in the game."""
    places, actions, rewards = all_trajectories()
    assert len({tuple(way) for way in actions.flatten(0, 1).T.tolist()}) == 16
    game = TwoStepGame(16)
    state, seen = game.reset(None)
    for t, over in enumerate((False, True)):
        assert np.array_equal(seen, observed(places[t]).numpy()[:, None].repeat(2, 1))
        state, seen, paid, done = game.step(state, actions[:, t].T.numpy())
        assert paid.sum(1).tolist() == rewards[t].tolist()
        assert done.tolist() == [over] * 16


def test_the_closest_sum_prefers_the_worse_branch():
    """Least squares of v_0[a] + v_1[b] to the second branch's payoffs, uniformly weighted: the docstring's numbers."""
    features = torch.tensor([[1, 0, 1, 0], [1, 0, 0, 1], [0, 1, 1, 0], [0, 1, 0, 1]], dtype=torch.float64)
    closest = features @ torch.linalg.pinv(features) @ PAYOFFS[1].flatten()
    assert torch.allclose(closest, torch.tensor([-1.5, 2.5, 2.5, 6.5], dtype=torch.float64))
    assert closest.max() < PAYOFFS[0].max() < PAYOFFS[1].max()
