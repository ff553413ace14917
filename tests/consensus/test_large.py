"""A hundred thousand agents: no operator is made of them, and what theory says of few holds of them."""

import numpy as np
import pytest

from dvdn_sim.consensus import POLICIES, Facts, RunningSum, lossless_facts, max_degree, metropolis, round_numbers
from netmodels.topology import Grid, KRegular

N, ROUNDS = 10**5, 12


def lossy(graph, loss):
    """Facts of rounds in which messages are lost independently, and acknowledgements never."""
    shape, numbers = (ROUNDS, len(graph.links)), round_numbers(ROUNDS)[:, None]
    held = np.random.default_rng(0).random(shape) >= loss
    reverse = lossless_facts([graph]).reverse
    latest = np.maximum.accumulate(np.where(held, numbers, -1), axis=0)
    return Facts(graph.n_agents, graph.links, np.ones(shape, bool), latest, held[:, reverse])


def test_running_sums_lose_no_mass():
    facts, values = lossy(KRegular(degree=4).graph(N, 0), 0.2), np.random.default_rng(1).normal(3.0, 1.0, N)
    masses = RunningSum().masses(facts, values)
    for held, flying, start in (
        (masses.held, masses.in_flight, values.sum()),
        (masses.held_zeta, masses.in_flight_zeta, N),
    ):
        np.testing.assert_allclose(held.sum(1) + flying.sum(1), start, rtol=1e-9)


@pytest.mark.parametrize("name", ["self", "symmetric"])
def test_disagreement_of_a_grid_falls_as_its_eigenvalues_say(name):
    """A wave over a grid is an eigenvector of every step's mean: 1 − 2 w q Σ (1 − cos) of it is left a round."""
    side = 300
    graph = Grid().graph(side**2, 0)
    rows, columns = np.divmod(np.arange(side**2), side)
    along, across = 30.0 * np.pi / side, 50.0 * np.pi / side
    wave = np.cos(along * (columns + 0.5)) * np.cos(across * (rows + 0.5))
    after = POLICIES[name](max_degree).apply(lossy(graph, 0.2), wave)[-1]
    q = 0.8 if name == "self" else 0.64
    left = 1.0 - 2.0 / 5.0 * q * (2.0 - np.cos(along) - np.cos(across))
    assert after @ wave / (wave @ wave) == pytest.approx(left**ROUNDS, abs=1e-3)


@pytest.mark.parametrize("name", ["self", "symmetric", "running_sum", "push_sum"])
def test_agreement_stays_to_the_last_bit(name):
    facts = lossy(KRegular(degree=4).graph(N, 0), 0.2)
    assert (POLICIES[name](metropolis).apply(facts, np.full(N, 0.1)) == 0.1).all()
