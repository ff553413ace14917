"""Targets and masks against the equations of docs/method.md (baselines), element by element."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dvdn_sim.learners import (
    Minibatch,
    RewardStatistics,
    chosen,
    continues,
    double_q_value,
    td_errors,
    transfer,
    valid_steps,
)
from dvdn_sim.learners.td import local_of, measure, plain_measure
from dvdn_sim.scenario import Dvdn


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=5), st.integers(1, 10))
def test_masks_are_epymarls(lengths, steps):
    """mask_t = filled_t (1 - terminated_{t-1}); with terminated at the last filled step, no bootstrap after it."""
    valid = valid_steps(torch.tensor(lengths), steps)
    more = continues(torch.tensor(lengths), steps)
    for b, length in enumerate(lengths):
        for t in range(steps):
            assert bool(valid[t, b]) == (t < length)
            assert bool(more[t, b]) == (t < length - 1)


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 4), st.integers(1, 3)),
    st.integers(1, 5),
    st.integers(0, 10**6),
)
def test_double_q_and_td_in_loops(shape, n_actions, seed):
    """y = r + γ (1 - term) Q⁻(argmax_{a available} Q), δ = y - Q(a): one position at a time."""
    rng = np.random.default_rng(seed)
    replicas, agents, steps, batch = shape
    q, target = (torch.from_numpy(rng.normal(size=(*shape[:2], steps + 1, batch, n_actions))) for _ in range(2))
    actions = torch.from_numpy(rng.integers(0, n_actions, (*shape,)))
    rewards = torch.from_numpy(rng.normal(size=(replicas, 1, steps, batch)))
    lengths = torch.from_numpy(rng.integers(1, steps + 1, (replicas, batch)))
    available = rng.random((agents, n_actions)) < 0.6
    available[:, rng.integers(n_actions)] = True
    unavailable = torch.from_numpy(~available[:, None, None, :])
    value = double_q_value(q[:, :, 1:], target[:, :, 1:], unavailable)
    found = td_errors(chosen(q[:, :, :-1], actions), value, rewards, continues(lengths, steps)[:, None], 0.9)
    for at in np.ndindex(*shape):
        r, i, t, b = at
        best = max(np.flatnonzero(available[i]), key=lambda a, at=(r, i, t + 1, b): float(q[(*at, a)]))
        bootstrap = 0.9 * float(target[r, i, t + 1, b, best]) if t + 1 < lengths[r, b] else 0.0
        expected = float(rewards[r, 0, t, b]) + bootstrap - float(q[r, i, t, b, actions[at]])
        assert abs(float(found[at]) - expected) < 1e-14 * 10


def test_an_action_an_agent_lacks_is_never_the_best():
    """Not even where every other value is very low, as with EPyMARL's -9999999."""
    q = torch.tensor([[-1e8, 5.0, 3.0]])
    target = torch.tensor([[1.0, 2.0, 3.0]])
    assert double_q_value(q, target).tolist() == [2.0]
    assert double_q_value(q, target, torch.tensor([[False, True, True]])).tolist() == [1.0]


@pytest.mark.parametrize("reward_model", ["team_mean", "team_sum", "individual"])
@pytest.mark.parametrize("standardise", [True, False])
@pytest.mark.parametrize("bootstrap", [True, False])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_compiled_local_errors_and_figures_are_torchs(monkeypatch, reward_model, standardise, bootstrap, dtype):
    """Of two teams, one of which is not active at first, with episodes of unequal length; statistics go on."""
    rng, tolerance = np.random.default_rng(0), 1e-12 if dtype == torch.float64 else 2e-6
    spec = Dvdn(reward_model=reward_model, standardise_rewards=standardise, bootstrap_on_timeout=bootstrap)
    lengths = np.array([[3, 1, 4, 2], [2, 2, 5, 1]])
    rewards = rng.normal(1.0, 2.0, (2, 3, 5, 4)) * (np.arange(5)[:, None] < lengths[:, None, None])
    minibatch = Minibatch(
        observations=torch.zeros(2, 3, 6, 4, 1),
        actions=torch.zeros(2, 3, 5, 4, dtype=torch.int64),
        rewards=torch.from_numpy(rewards).to(dtype),
        lengths=torch.from_numpy(lengths),
        timed_out=torch.from_numpy(rng.random((2, 4)) < 0.5),
        longest=torch.tensor([4, 5]),
        positions=(10, 10),
    )
    values = torch.from_numpy(rng.normal(size=(2, 2, 3, 5, 4))).to(dtype)
    found, expected = RewardStatistics(2, torch.device("cpu")), RewardStatistics(2, torch.device("cpu"))
    for active in ([True, False], [True, True]):
        local = local_of(spec, minibatch, np.array(active), found, (values[0], values[1]))
        figures, plain_figures = torch.zeros(2, 7, 2, dtype=torch.float64)
        parts = local.td + 1, local.td, local.q_t, local.mask
        measure(*(each.numpy() for each in (*parts, figures)))
        plain_measure(*parts, plain_figures)
        torch.testing.assert_close(figures, plain_figures, rtol=tolerance, atol=tolerance)
        with monkeypatch.context() as patch:
            patch.setattr(transfer, "compiled_for", lambda like: False)
            plain = local_of(spec, minibatch, np.array(active), expected, (values[0], values[1]))
        for name, tensor in vars(plain).items():
            if name != "gamma":
                torch.testing.assert_close(getattr(local, name), tensor, rtol=tolerance, atol=tolerance)
        torch.testing.assert_close(found.moments, expected.moments, rtol=tolerance, atol=tolerance)
