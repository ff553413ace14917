"""Adam, GTAdam and clipping against torch's, and GTAdam against its equations where it is not Adam."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_tracking import gtadam_of
from torch import nn

from dvdn_sim.learners import Adam, clip_by_norm
from dvdn_sim.learners.optim import BETAS, move, plain_move
from dvdn_sim.scenario import GtAdam


def with_bias_correction(parameters, lr):
    return gtadam_of(parameters, lr, bias_correction=True)


@pytest.mark.parametrize("kind", [Adam, with_bias_correction])
@settings(max_examples=15, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 5)),
    magnitude=st.floats(-6, 2),
    lr=st.floats(1e-5, 0.1),
    seed=st.integers(0, 10**6),
)
def test_adam_and_gtadam_with_bias_correction_are_torchs(kind, shape, magnitude, lr, seed):
    """30 steps to 1e-12, gradients from 1e-6 (where ε counts) to 100, some of them zero; GTAdam's G never binds."""
    rng = np.random.default_rng(seed)
    mine = torch.from_numpy(rng.normal(size=shape))
    theirs = nn.Parameter(mine.clone())
    optimiser, reference = kind(mine, lr), torch.optim.Adam([theirs], lr=lr)
    for _ in range(30):
        gradient = torch.from_numpy(rng.normal(size=shape) * 10**magnitude * (rng.random(shape) < 0.8))
        theirs.grad = gradient.clone()
        optimiser.step(mine, gradient)
        reference.step()
        torch.testing.assert_close(mine, theirs.detach(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-15), (torch.float32, 1e-6)])
@pytest.mark.parametrize(
    "options", [{}, {"epsilon_inside": True, "warmup": 4}, {"bias_correction": True, "ceiling": 0.1}]
)
def test_the_compiled_step_is_torchs(dtype, tolerance, options):
    rng, spec = np.random.default_rng(0), GtAdam(**options)
    compiled = [torch.from_numpy(rng.random((3, 40))).to(dtype) for _ in range(4)] + [
        torch.arange(1.0, 4.0, dtype=torch.float64)[:, None]
    ]
    plain = [tensor.clone() for tensor in compiled]
    numbers = spec.epsilon, spec.epsilon_inside, spec.ceiling, spec.bias_correction, spec.warmup
    for _ in range(3):
        move(*(tensor.numpy() for tensor in compiled), 1e-3, *BETAS, *numbers)
        plain_move(*plain, 1e-3, BETAS, spec, spec.ceiling)
    for found, expected in zip(compiled, plain, strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=tolerance)


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


# GTAdam, where it is not that


def one(value=0.0):
    return torch.full((1, 1, 1), value, dtype=torch.float64)


def steps_taken(count, **options):
    """Of each of `count` steps with a constant tracker, its length in units of lr."""
    omega, optimiser = one(), gtadam_of(one(), 1.0, **options)
    lengths = []
    for _ in range(count):
        before = float(omega)
        optimiser.step(omega, one(30.0))
        lengths.append(before - float(omega))
    return np.array(lengths)


def test_without_bias_correction_early_steps_are_too_long():
    """With a constant z, lr (1-β₁ᵗ)/√(1-β₂ᵗ): 3.2 lr, at most 6.6 lr in the twelfth step, and still 1.3 lr later."""
    lengths, t = steps_taken(1000), np.arange(1, 1001)
    np.testing.assert_allclose(lengths, (1 - 0.9**t) / np.sqrt(1 - 0.999**t), rtol=1e-6)
    assert lengths[[0, 11, 99, 999]].round(2).tolist() == [3.16, 6.57, 3.24, 1.26]
    assert lengths.argmax() + 1 == 12
    np.testing.assert_allclose(steps_taken(100, bias_correction=True), 1.0, rtol=1e-6)


def test_warmup_is_a_straight_line_from_zero(monkeypatch):
    """With β = 0 the step is lr · sign(z) but for the factor: t/5, then 1."""
    monkeypatch.setattr("dvdn_sim.learners.optim.BETAS", (0.0, 0.0))
    lengths = steps_taken(8, warmup=5)
    np.testing.assert_allclose(lengths, [0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 1.0, 1.0], rtol=1e-6)


@pytest.mark.parametrize("bias_correction", [False, True])
def test_where_epsilon_stands(bias_correction):
    """First step from z = 1e-5, m = 0.1 z, v = 0.001 z²: ε = 1e-8 is 1e-3 of |z| outside the root, 1e-4 of 1 inside."""
    z, c1, c2 = 1e-5, 0.1, 0.001**0.5
    m, v = (z, z**2) if bias_correction else (c1 * z, (c2 * z) ** 2)
    for inside, expected in ((False, m / (v**0.5 + 1e-8)), (True, m / (v + 1e-8) ** 0.5)):
        omega = one()
        gtadam_of(omega, 1.0, epsilon_inside=inside, bias_correction=bias_correction).step(omega, one(z))
        assert float(-omega) == pytest.approx(expected, rel=1e-9)


def test_the_second_moment_stays_below_its_ceiling():
    """v = min(β₂ v + (1-β₂) z², G): with G = 4 and z = 1e3, v is 4 at once and the first step lr · 0.1 z/2."""
    omega = one()
    optimiser = gtadam_of(omega, 1e-3, ceiling=4.0)
    optimiser.step(omega, one(1e3))
    assert float(optimiser.second) == 4.0
    assert float(omega) == pytest.approx(-1e-3 * 100 / 2, rel=1e-6)
    optimiser.step(omega, one(0.0))
    assert float(optimiser.second) == pytest.approx(4.0 * 0.999)


def test_of_gradients_that_were_clipped_to_ten_the_default_ceiling_says_nothing():
    omega, optimiser = one(), gtadam_of(one(), 1.0)
    for _ in range(1000):
        optimiser.step(omega, one(10.0))
    assert float(optimiser.second) == pytest.approx(100 * (1 - 0.999**1000))


@pytest.mark.parametrize("options", [{}, {"bias_correction": True}, {"warmup": 4}])
def test_an_agent_that_forgets_is_as_good_as_new(options):
    rng = np.random.default_rng(0)
    omega = torch.from_numpy(rng.normal(size=(2, 3, 4)))
    optimiser = gtadam_of(omega, 0.1, **options)
    for _ in range(3):
        optimiser.step(omega, torch.from_numpy(rng.normal(size=(2, 3, 4))))
    forgets = torch.tensor([[True, False, False], [False, False, True]])
    optimiser.forget(forgets)
    fresh = gtadam_of(omega, 0.1, **options)
    gradient, again = torch.from_numpy(rng.normal(size=(2, 3, 4))), omega.clone()
    optimiser.step(omega, gradient)
    fresh.step(again, gradient)
    assert torch.equal(omega[forgets], again[forgets])
    assert not torch.isclose(omega[~forgets], again[~forgets]).any()
