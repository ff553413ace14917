"""Running sums find the exact mean under 30% loss, and as fast as theory says.

Mass is (y, ζ) of agents and of books in flight together, z = y - mean·ζ. Each round maps it by a matrix M that depends
on the losses alone: shares go into the books, and what is heard goes from the books to the receiver. Σz stays 0, and
E z zᵀ evolves linearly by E[M ⊗ M], over all patterns of losses: exactly, with no assumption but independence.
"""

from itertools import product

import numpy as np
import pytest
from side_by_side import side_by_side

from dvdn_sim.consensus import RunningSum

P, N_AGENTS, TEAMS = 0.3, 4, 3000
# A triangle with a tail: irregular, so that no symmetry helps.
LINKS = np.array([(0, 1), (0, 2), (1, 2), (2, 3)])
X = np.array([3.0, -1.0, 0.5, -1.5])
EDGES = sorted([(int(a), int(b)) for a, b in LINKS] + [(int(b), int(a)) for a, b in LINKS])
SIGMAS = 4.5


def one_round(heard: tuple[bool, ...]) -> np.ndarray:
    """M [N + E, N + E] for which edges' messages came."""
    n_edges = len(EDGES)
    degrees = np.bincount([sender for sender, _ in EDGES])
    give = np.eye(N_AGENTS + n_edges)
    for agent in range(N_AGENTS):
        give[agent, agent] = 1 / (1 + degrees[agent])
    for edge, (sender, _) in enumerate(EDGES):
        give[N_AGENTS + edge, sender] = 1 / (1 + degrees[sender])
    take = np.eye(N_AGENTS + n_edges)
    for edge, (_, receiver) in enumerate(EDGES):
        if heard[edge]:
            take[receiver, N_AGENTS + edge] = 1
            take[N_AGENTS + edge, N_AGENTS + edge] = 0
    return take @ give


def mean_square_map() -> np.ndarray:
    """E[M ⊗ M]."""
    size = N_AGENTS + len(EDGES)
    mean = np.zeros((size**2, size**2))
    for heard in product([True, False], repeat=len(EDGES)):
        step = one_round(heard)
        np.testing.assert_allclose(step.sum(0), 1)  # column-stochastic: the conservation of mass
        probability = (1 - P) ** sum(heard) * P ** (len(EDGES) - sum(heard))
        mean += probability * np.kron(step, step)
    return mean


@pytest.fixture(scope="module")
def second_moments() -> np.ndarray:
    return mean_square_map()


@pytest.fixture(scope="module")
def rate(second_moments) -> float:
    """Spectral radius of E[M ⊗ M] where both factors sum to 0: by how much E|z|² shrinks in a round, in the end."""
    size = N_AGENTS + len(EDGES)
    # An orthonormal basis of the vectors that sum to 0.
    basis = np.linalg.svd(np.ones((1, size)))[2][1:].T
    twice = np.kron(basis, basis)
    return float(np.abs(np.linalg.eigvals(twice.T @ second_moments @ twice)).max())


def facts_of(rounds: int, seed: int):
    links = np.broadcast_to(LINKS, (TEAMS, *LINKS.shape))
    return side_by_side(links, N_AGENTS, rounds, P, np.random.default_rng(seed))


def test_the_mean_square_is_that_of_the_exact_recursion(second_moments):
    rounds, n_edges, mean = 12, len(EDGES), X.mean()
    masses = RunningSum().masses(facts_of(rounds, seed=5), np.tile(X, TEAMS))
    z = np.concatenate(
        [
            (masses.held - mean * masses.held_zeta).reshape(rounds, TEAMS, N_AGENTS),
            (masses.in_flight - mean * masses.in_flight_zeta).reshape(rounds, TEAMS, n_edges),
        ],
        axis=2,
    )
    np.testing.assert_allclose(z.sum(2), 0, atol=1e-12)
    at_first = np.concatenate([X - mean, np.zeros(n_edges)])
    moment = np.kron(at_first, at_first)
    for k in range(rounds):
        moment = second_moments @ moment
        expected = np.diag(moment.reshape(len(at_first), -1)).sum()
        squares = (z[k] ** 2).sum(1)
        assert abs(squares.mean() - expected) <= SIGMAS * squares.std() / np.sqrt(TEAMS), k


def test_every_team_finds_the_exact_mean_geometrically_and_no_slower_than_the_mean_square(rate):
    """The typical rate is at most that of the mean square (Jensen), and not far from it for these few agents."""
    rounds = 150
    after = RunningSum().apply(facts_of(rounds, seed=6), np.tile(X, TEAMS)).reshape(rounds, TEAMS, N_AGENTS)
    errors = np.abs(after - X.mean()).max(2)
    assert errors[-1].max() < 1e-12
    slopes = (np.log(errors[39]) - np.log(errors[9])) / 30
    standard_error = slopes.std() / np.sqrt(TEAMS)
    assert slopes.mean() <= np.log(rate) / 2 + SIGMAS * standard_error
    assert slopes.mean() >= 1.5 * np.log(rate) / 2
    # Geometric: as fast later as sooner, up to the spread between teams.
    later = (np.log(errors[49]) - np.log(errors[29])) / 20
    sooner = (np.log(errors[29]) - np.log(errors[9])) / 20
    assert abs(later.mean() - sooner.mean()) <= 0.03 * abs(slopes.mean()) + SIGMAS * (later - sooner).std() / TEAMS**0.5
