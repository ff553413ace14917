"""`FeedForwardQ` against torch's own Linear, forward and by autograd."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import nn

from dvdn_sim.learners.feed_forward_q import FeedForwardQ
from netmodels.streams import stream


def oracle(network: FeedForwardQ, parameters: torch.Tensor) -> nn.Sequential:
    """Linear - ReLU - Linear - ReLU - Linear of torch, with these parameters [P]."""
    sizes = (network.obs_dim, network.hidden, network.hidden, network.n_actions)
    layers = [nn.Linear(*pair, dtype=parameters.dtype) for pair in itertools.pairwise(sizes)]
    module = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
    with torch.no_grad():
        for own, row in zip(module.parameters(), in_module_order(network, parameters), strict=True):
            own.copy_(row)
    return module


def in_module_order(network: FeedForwardQ, parameters: torch.Tensor) -> list[torch.Tensor]:
    """One row of a parameter (or gradient) matrix as torch's layers hold it."""
    layers = [weight[0] for weight in network.weights(parameters[None].clone())]
    return [part for layer in layers for part in (layer[:-1].T, layer[-1])]


def relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Largest difference over the largest entry; an exact zero must be met exactly."""
    found, expected = found.detach(), expected.detach()
    largest = float(expected.abs().max())
    return float((found - expected).abs().max()) / (largest or 1e-300)


def parameters_of(network: FeedForwardQ, count: int, seed: int) -> torch.Tensor:
    return network.initial_parameters([stream(seed, "w", i) for i in range(count)]).mul_(1.5)


def noise(seed: int, *shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


@st.composite
def cases(draw):
    sizes = FeedForwardQ(draw(st.integers(1, 7)), draw(st.integers(1, 9)), draw(st.integers(1, 5)))
    trained, copies, batch = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 4))
    lengths = draw(st.lists(st.integers(1, 12), min_size=1, max_size=4))
    return sizes, trained, copies, batch, lengths, draw(st.integers(0, 4)), draw(st.integers(0, 10**6))


@settings(max_examples=60, deadline=None)
@given(cases())
def test_forward_and_every_gradient_equal_torch(case):
    """Any sizes; one tape for sequences of several lengths, longer and shorter than the one before, in any order.

    Row i of the observations is seen by networks i, i + m, …, of which the first m are differentiated; the last step
    has no gradient, and is left out of d_q, as the learner does.
    """
    network, trained, copies, batch, lengths, spare, seed = case
    parameters = parameters_of(network, trained * copies, seed)
    weights = network.weights(parameters)
    tape = network.tape(
        networks=trained * copies, trained=trained, steps=max(lengths) + 1 + spare, batch=batch, like=parameters
    )
    for number, steps in enumerate(lengths):
        observations = noise(seed + number, trained, steps + 1, batch, network.obs_dim)
        d_q = noise(seed - number - 1 + 2**32, trained, steps, batch, network.n_actions)
        q = network.forward(weights, observations, tape)
        assert q.shape == (trained * copies, steps + 1, batch, network.n_actions)
        found = [q.clone(), network.backward(weights, d_q, tape).clone()]
        for row in range(trained * copies):
            module = oracle(network, parameters[row])
            expected = module(observations[row % trained])
            assert relative(found[0][row], expected) < 1e-12
            if row < trained:
                expected[:-1].backward(d_q[row])
                for mine, theirs in zip(in_module_order(network, found[1][row]), module.parameters(), strict=True):
                    assert relative(mine, theirs.grad) < 1e-12


def test_a_network_does_not_depend_on_its_batch():
    """M rows at once equal M calls with one: forward and gradient (other matrix kernels may sum in another order)."""
    network, rows, steps, batch = FeedForwardQ(5, 8, 3), 4, 12, 6
    parameters = parameters_of(network, rows, 2)
    observations, d_q = noise(1, rows, steps, batch, 5), noise(2, rows, steps, batch, 3)
    tape = network.tape(networks=rows, trained=rows, steps=steps, batch=batch, like=parameters)
    q = network.forward(network.weights(parameters), observations, tape)
    gradient = network.backward(network.weights(parameters), d_q, tape)
    for row in range(rows):
        one = slice(row, row + 1)
        alone = network.tape(networks=1, trained=1, steps=steps, batch=batch, like=parameters)
        weights = network.weights(parameters[one])
        assert relative(network.forward(weights, observations[one], alone), q[one]) < 1e-13
        assert relative(network.backward(weights, d_q[one], alone), gradient[one]) < 1e-12


def test_step_is_forward_and_passes_the_hidden_state_through():
    """Acting and learning see the same function, and nothing of earlier steps."""
    network, rows, steps, batch = FeedForwardQ(4, 6, 3), 3, 9, 5
    parameters = parameters_of(network, rows, 1)
    weights = network.weights(parameters)
    observations, hidden = noise(1, rows, steps, batch, 4), noise(2, rows, batch, 6)
    tape = network.tape(networks=rows, trained=rows, steps=steps, batch=batch, like=parameters)
    unrolled = network.forward(weights, observations, tape)
    for t in range(steps):
        q, after = network.step(weights, observations[:, t], hidden)
        assert relative(q, unrolled[:, t]) < 1e-12
        assert after is hidden


def test_kept_columns_are_part_of_every_observation():
    """Two agents that share a network, told apart by their numbers: kept, or written out in every observation."""
    network, rows, steps, batch = FeedForwardQ(5, 6, 2), 2, 4, 6
    parameters = parameters_of(network, rows, 3)
    weights = network.weights(parameters)
    sizes = {"networks": rows, "trained": rows, "steps": steps, "batch": batch, "like": parameters}
    own, d_q = noise(1, rows, steps, batch, 3), noise(2, rows, steps, batch, 2)
    ids = torch.eye(2, dtype=torch.float64).repeat_interleave(3, 0)
    keeping, plain = network.tape(**sizes), network.tape(**sizes)
    keeping.keep(ids)
    for _ in range(2):
        by_agent = own.unflatten(2, (2, 3))  # axes may be split
        found = network.forward(weights, by_agent, keeping)
        whole = torch.cat([own, ids.expand(rows, steps, batch, 2)], -1)
        assert torch.equal(found, network.forward(weights, whole, plain))
        assert torch.equal(network.backward(weights, d_q, keeping), network.backward(weights, d_q, plain))
        own = own + 1


def test_observations_of_another_length_are_refused():
    network = FeedForwardQ(5, 6, 2)
    parameters = parameters_of(network, 1, 3)
    tape = network.tape(networks=1, trained=1, steps=2, batch=1, like=parameters)
    with pytest.raises(ValueError, match="observations of 1 numbers found; 5 expected"):
        network.forward(network.weights(parameters), noise(1, 1, 2, 1, 1), tape)
    with pytest.raises(ValueError, match="5 numbers of an observation to keep found; fewer than 5 expected"):
        tape.keep(noise(1, 1, 5))


def test_weights_are_views():
    """Writing to a weight writes to the parameters, and every parameter is in exactly one weight."""
    network = FeedForwardQ(3, 4, 2)
    parameters = torch.zeros(2, network.parameter_count)
    for weight in network.weights(parameters):
        weight.add_(1)
    assert torch.equal(parameters, torch.ones_like(parameters))


@pytest.mark.parametrize(("obs_dim", "hidden", "n_actions"), [(18, 128, 5), (27, 64, 6), (1, 1, 1)])
def test_parameter_and_operation_counts(obs_dim, hidden, n_actions):
    """As many parameters as torch's modules have, and two operations per weight."""
    network = FeedForwardQ(obs_dim, hidden, n_actions)
    weights = list(oracle(network, parameters_of(network, 1, 0)[0]).parameters())
    assert network.parameter_count == sum(p.numel() for p in weights)
    assert network.forward_flop == 2 * sum(p.numel() for p in weights if p.ndim == 2)


def test_initial_weights_follow_pytorchs_documentation():
    """torch.nn.Linear: U(±1/√in_features), weight and bias. KS at p > 1e-4; each network has a stream of its own."""
    network = FeedForwardQ(obs_dim=18, hidden=64, n_actions=6)
    rows = network.initial_parameters([stream(0, "initial_weights", i) for i in range(8)])
    assert torch.equal(rows[5:6], network.initial_parameters([stream(0, "initial_weights", 5)]))
    parts = [in_module_order(network, row) for row in rows]
    for place in range(6):
        values = torch.cat([part[place].flatten() for part in parts]).numpy()
        bound = 18**-0.5 if place < 2 else 64**-0.5
        assert np.abs(values).max() <= bound
        assert stats.kstest(values, stats.uniform(-bound, 2 * bound).cdf).pvalue > 1e-4, place


@pytest.mark.parametrize("name", ["obs_dim", "hidden", "n_actions"])
def test_sizes_are_checked(name):
    sizes = {"obs_dim": 1, "hidden": 1, "n_actions": 1} | {name: 0}
    with pytest.raises(ValueError, match=name):
        FeedForwardQ(**sizes)
