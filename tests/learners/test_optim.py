"""Adam and clipping against torch's."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from dvdn_sim.learners import Adam, clip_by_norm


@settings(max_examples=25, deadline=None)
@given(
    st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 5)),
    st.floats(-6, 3),
    st.floats(1e-5, 0.1),
    st.integers(0, 10**6),
)
def test_adam_is_torchs(shape, magnitude, lr, seed):
    """30 steps to 1e-12, gradients from 1e-6 (where ε counts) to 1e3, some of them zero."""
    rng = np.random.default_rng(seed)
    mine = torch.from_numpy(rng.normal(size=shape))
    theirs = nn.Parameter(mine.clone())
    adam, reference = Adam(mine, lr), torch.optim.Adam([theirs], lr=lr)
    for _ in range(30):
        gradient = torch.from_numpy(rng.normal(size=shape) * 10**magnitude * (rng.random(shape) < 0.8))
        theirs.grad = gradient.clone()
        adam.step(mine, gradient)
        reference.step()
        torch.testing.assert_close(mine, theirs.detach(), rtol=1e-12, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 6)),
    st.floats(-8, 4),
    st.sampled_from([0.1, 1.0, 10.0]),
    st.booleans(),
    st.integers(0, 10**6),
)
def test_clipping_is_torchs(shape, magnitude, limit, jointly, seed):
    """`nn.utils.clip_grad_norm_` over all agents of a replica, or over each agent alone; never across replicas."""
    rng = np.random.default_rng(seed)
    gradient = torch.from_numpy(rng.normal(size=shape) * 10**magnitude)
    groups = [[(r, i) for i in range(shape[1])] for r in range(shape[0])]
    if not jointly:
        groups = [[place] for group in groups for place in group]
    expected, norms = gradient.clone(), []
    for group in groups:
        parameters = [nn.Parameter(torch.zeros(shape[2], dtype=torch.float64)) for _ in group]
        for parameter, place in zip(parameters, group, strict=True):
            parameter.grad = gradient[place].clone()
        norms.append(float(nn.utils.clip_grad_norm_(parameters, limit)))
        for parameter, place in zip(parameters, group, strict=True):
            expected[place] = parameter.grad
    found = clip_by_norm([gradient], limit, jointly=jointly)
    assert found.shape == (shape[0], 1 if jointly else shape[1])
    assert found.flatten().tolist() == pytest.approx(norms, rel=1e-12)
    torch.testing.assert_close(gradient, expected, rtol=1e-12, atol=0)


def test_no_limit_changes_nothing():
    gradient = torch.full((1, 2, 3), 1e9, dtype=torch.float64)
    norms = clip_by_norm([gradient], None, jointly=False)
    assert torch.equal(gradient, torch.full_like(gradient, 1e9))
    assert norms.tolist() == [[pytest.approx(3**0.5 * 1e9)] * 2]


def test_a_gradient_of_zero_stays_zero():
    gradient = torch.zeros(1, 2, 3)
    clip_by_norm([gradient], 10.0, jointly=False)
    assert not gradient.any()
