"""Both Q-networks against torch's own Linear and GRU, forward and by autograd."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from teams import as_module, backward, forward, forward_flop, in_module_order, noise, relative

from dvdn_sim.learners import FeedForwardQ, RecurrentQ
from dvdn_sim.learners.acting import q_values
from netmodels.streams import stream

KINDS = (RecurrentQ, FeedForwardQ)
every_kind = pytest.mark.parametrize("kind", KINDS)


def parameters_of(network, count: int, seed: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    generators = [stream(seed, "w", i) for i in range(count)]
    return network.initial_parameters(generators).mul_(1.5).to(dtype)


def tape_of(network, parameters: torch.Tensor, trained: int, steps: int, batch: int, *, place: int = 0):
    """The tape for the host, or with 1 for `place` the one for devices."""
    return network.tapes[place](
        network, parameters, networks=len(parameters), trained=trained, steps=steps, batch=batch
    )


@st.composite
def cases(draw):
    sizes = draw(st.sampled_from(KINDS))(draw(st.integers(1, 7)), draw(st.integers(1, 9)), draw(st.integers(1, 5)))
    trained, copies, batch = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 4))
    lengths = draw(st.lists(st.integers(1, 26), min_size=1, max_size=4))
    spare, place, seed = draw(st.integers(0, 4)), draw(st.integers(0, 1)), draw(st.integers(0, 10**6))
    return sizes, trained, copies, batch, lengths, spare, place, seed


@settings(max_examples=100, deadline=None)
@given(cases())
def test_forward_and_every_gradient_equal_torch(case):
    """Any sizes; one tape for sequences of several lengths, longer and shorter than the one before, in any order.

    Row i of the observations is seen by networks i, i + m, …, of which the first m are differentiated.
    """
    network, trained, copies, batch, lengths, spare, place, seed = case
    parameters = parameters_of(network, trained * copies, seed)
    tape = tape_of(network, parameters, trained, max(lengths) + spare, batch, place=place)
    for number, steps in enumerate(lengths):
        observations = noise(seed + number, trained, steps, batch, network.obs_dim)
        d_q = noise(seed - number - 1 + 2**32, trained, steps, batch, network.n_actions)
        q = forward(tape, parameters, observations)
        assert q.shape == (trained * copies, steps, batch, network.n_actions)
        found = [q.clone(), backward(tape, d_q).clone()]
        for row in range(trained * copies):
            oracle = as_module(network, parameters[row])
            expected = oracle(observations[row % trained])
            assert relative(found[0][row], expected) < 1e-12
            if row < trained:
                expected.backward(d_q[row])
                for mine, theirs in zip(in_module_order(network, found[1][row]), oracle.parameters(), strict=True):
                    assert relative(mine, theirs.grad) < 1e-10


@every_kind
def test_the_paper_sizes_in_float32(kind):
    """Single precision agrees to 1e-5 at the sizes that are trained, over 51 steps."""
    network, trained, steps, batch = kind(18, 64, 6), 3, 51, 8
    parameters = parameters_of(network, 2 * trained, 5, torch.float32)
    tape = tape_of(network, parameters, trained, steps, batch)
    observations = noise(1, trained, steps, batch, 18, dtype=torch.float32)
    d_q = noise(2, trained, steps, batch, 6, dtype=torch.float32) / (steps * batch)
    q = forward(tape, parameters, observations).clone()
    gradient = backward(tape, d_q)
    for row in range(trained):
        oracle = as_module(network, parameters[row].double())
        expected = oracle(observations[row].double())
        expected.backward(d_q[row].double())
        assert relative(q[row].double(), expected) < 1e-5
        for mine, theirs in zip(in_module_order(network, gradient[row]), oracle.parameters(), strict=True):
            assert relative(mine.double(), theirs.grad) < 1e-5


def test_a_gradient_by_finite_differences():
    """The oracle's oracle: a central difference of Σ d_q·q along random directions, without autograd."""
    network, steps, batch = RecurrentQ(3, 5, 2), 10, 2
    parameters = parameters_of(network, 1, 3)
    tape = tape_of(network, parameters, 1, steps, batch)
    observations, d_q = noise(1, 1, steps, batch, 3), noise(2, 1, steps, batch, 2)

    def objective(at: torch.Tensor) -> float:
        return float((forward(tape, at, observations) * d_q).sum())

    objective(parameters)
    gradient = backward(tape, d_q).clone()
    for seed in range(5):
        direction = noise(10 + seed, *parameters.shape)
        slope = (objective(parameters + 1e-6 * direction) - objective(parameters - 1e-6 * direction)) / 2e-6
        assert slope == pytest.approx(float((gradient * direction).sum()), rel=1e-7)


@every_kind
def test_a_shorter_d_q_means_zeros_after_it(kind):
    """The learner differentiates T of the T + 1 steps it unrolls: the last one only values the state that follows."""
    network, trained, steps, batch = kind(3, 4, 2), 2, 11, 3
    parameters = parameters_of(network, 4, 0)
    tape = tape_of(network, parameters, trained, steps, batch)
    observations, d_q = noise(1, trained, steps, batch, 3), noise(2, trained, steps, batch, 2)
    d_q[:, -1] = 0
    forward(tape, parameters, observations)
    full = backward(tape, d_q).clone()
    forward(tape, parameters, observations)
    short = backward(tape, d_q[:, :-1])
    assert relative(short, full) < 1e-13


@every_kind
def test_acting_sees_the_function_that_is_learnt(kind):
    """Compiled in float32 and step by step, against whole sequences in float64: to 1e-5, many copies."""
    network, teams, agents, copies, steps = kind(5, 6, 3), 2, 3, 11, 9
    parameters = parameters_of(network, teams * agents, 1)
    observations = noise(1, teams * agents, steps, copies, 5)
    unrolled = forward(tape_of(network, parameters, teams * agents, steps, copies), parameters, observations)

    def by_row(values):
        return values.view(teams, agents, copies, -1).transpose(1, 2).flatten(0, 1).float().contiguous().numpy()

    hidden, q = np.zeros((teams * copies, agents, 6), np.float32), np.empty((teams * copies, agents, 3), np.float32)
    networks = kind is RecurrentQ, network.acting_weights(parameters.float()), 0, copies, hidden
    for t in range(steps):
        q_values(networks, by_row(observations[:, t]), q)
        assert np.abs(q - by_row(unrolled[:, t])).max() < 1e-5
    assert hidden.any() == (kind is RecurrentQ)


def test_acting_sees_the_very_values_that_are_learnt():
    """To the bit, of networks that remember, on the host."""
    network, agents, copies, steps = RecurrentQ(5, 12, 3), 3, 7, 9
    parameters = parameters_of(network, agents, 1, torch.float32)
    observations = noise(1, agents, steps, copies, 5, dtype=torch.float32)
    unrolled = forward(tape_of(network, parameters, agents, steps, copies), parameters, observations)
    hidden, q = np.zeros((copies, agents, 12), np.float32), np.empty((copies, agents, 3), np.float32)
    for t in range(steps):
        seen = observations[:, t].transpose(0, 1).contiguous().numpy()
        q_values((True, network.acting_weights(parameters), 0, copies, hidden), seen, q)
        assert (q == unrolled[:, t].transpose(0, 1).numpy()).all()


@every_kind
@pytest.mark.parametrize(("obs_dim", "hidden", "n_actions"), [(18, 64, 6), (27, 64, 6), (1, 1, 1), (5, 128, 9)])
def test_parameter_and_operation_counts(kind, obs_dim, hidden, n_actions):
    """As many parameters as torch's modules have, and two operations per weight; 1.02 GFLOP for N=3, B=32, 51 steps."""
    network = kind(obs_dim, hidden, n_actions)
    weights = list(as_module(network, parameters_of(network, 1, 0)[0]).parameters())
    assert network.parameter_count == sum(p.numel() for p in weights)
    assert forward_flop(network) == 2 * sum(p.numel() for p in weights if p.ndim == 2)
    if (kind, obs_dim, hidden) == (RecurrentQ, 18, 64):
        assert 4 * forward_flop(network) * 3 * 32 * 51 == pytest.approx(1.02e9, rel=0.01)


@every_kind
def test_initial_weights_follow_pytorchs_documentation(kind):
    """torch.nn.Linear: U(±1/√in_features), weight and bias; torch.nn.GRU: U(±1/√hidden_size), all. KS at p > 1e-4."""
    network = kind(obs_dim=18, hidden=64, n_actions=6)
    rows = network.initial_parameters([stream(0, "initial_weights", i) for i in range(8)])
    assert rows.dtype == torch.float64
    assert torch.equal(rows[5:6], network.initial_parameters([stream(0, "initial_weights", 5)]))
    parts = [in_module_order(network, row) for row in rows]
    for place in range(len(parts[0])):
        values = torch.cat([part[place].flatten() for part in parts]).numpy()
        bound = 18**-0.5 if place < 2 else 64**-0.5
        assert np.abs(values).max() <= bound
        assert stats.kstest(values, stats.uniform(-bound, 2 * bound).cdf).pvalue > 1e-4, place


@pytest.mark.parametrize("name", ["obs_dim", "hidden", "n_actions"])
def test_sizes_are_checked(name):
    sizes = {"obs_dim": 1, "hidden": 1, "n_actions": 1} | {name: 0}
    with pytest.raises(ValueError, match=name):
        RecurrentQ(**sizes)


@every_kind
def test_what_backward_returns_is_not_touched_by_a_forward(kind):
    """The learner clips and steps on the returned view; only the next `backward` may overwrite it."""
    network = kind(3, 4, 2)
    parameters = parameters_of(network, 1, 0)
    tape = tape_of(network, parameters, 1, 5, 2)
    forward(tape, parameters, noise(1, 1, 5, 2, 3))
    gradient = backward(tape, noise(2, 1, 5, 2, 2))
    kept = copy.deepcopy(gradient)
    forward(tape, parameters, noise(3, 1, 5, 2, 3))
    assert torch.equal(gradient, kept)
