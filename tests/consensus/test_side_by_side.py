"""Exchanges side by side are exchanges apart, to the last bit; so are many numbers, mixed by compiled code."""

import numpy as np
import pytest

from dvdn_sim.consensus import POLICIES, WEIGHTS, Facts, apply_float16, lossless_facts, round_numbers, side_by_side
from dvdn_sim.consensus import facts as of_facts
from dvdn_sim.consensus import weights as of_weights
from netmodels.topology import Graph

ROUNDS, N = 4, 5


def lossy(seed):
    """An exchange over a graph of its own in every round; messages are lost, and some come late."""
    rng = np.random.default_rng(seed)
    pairs = [(i, j) for i in range(N) for j in range(i)]
    graphs = [Graph.undirected(N, [pair for pair in pairs if rng.random() < 0.6]) for _ in range(ROUNDS)]
    whole = lossless_facts(graphs)
    latest = np.where(whole.active & (rng.random(whole.active.shape) < 0.6), round_numbers(ROUNDS)[:, None], -1)
    np.maximum.accumulate(latest, axis=0, out=latest)
    return Facts(N, whole.edges, whole.active, latest, whole.confirmed & (rng.random(latest.shape) < 0.8))


@pytest.mark.parametrize("weights", WEIGHTS.values())
@pytest.mark.parametrize("name", POLICIES)
def test_of_each_team_comes_what_would_come_of_it_alone(name, weights):
    """Degrees differ from team to team, the largest, too."""
    teams, policy = [lossy(seed) for seed in range(6)], POLICIES[name](weights)
    values = np.random.default_rng(1).normal(size=(6, N, 3))
    together = side_by_side(teams)
    assert (together.teams, together.n_agents) == (6, 6 * N)
    after = policy.apply(together, values.reshape(-1, 3)).reshape(ROUNDS, 6, N, 3)
    for team, facts in enumerate(teams):
        np.testing.assert_array_equal(after[:, team], policy.apply(facts, values[team]))
    if POLICIES[name].memoryless:
        after = apply_float16(policy, together, values.reshape(-1, 3)).reshape(ROUNDS, 6, N, 3)
        for team, facts in enumerate(teams):
            np.testing.assert_array_equal(after[:, team], apply_float16(policy, facts, values[team]))


@pytest.mark.parametrize("name", POLICIES)
def test_many_numbers_come_to_the_same(name, monkeypatch):
    """Compiled, and a round at a time."""
    facts, values = side_by_side([lossy(seed) for seed in range(20)]), np.random.default_rng(2).normal(size=(20 * N, 2))
    policy = POLICIES[name](WEIGHTS["metropolis"])
    expected = policy.apply(facts, values)
    monkeypatch.setattr(of_weights, "MANY", 1)
    monkeypatch.setattr(of_facts, "MOST_AT_ONCE", 2 * len(facts.edges))
    assert len(list(facts.in_parts())) == ROUNDS // 2
    np.testing.assert_array_equal(policy.apply(facts, values), expected)
    np.testing.assert_array_equal(policy.apply(facts, values[:, 0]), expected[:, :, 0])


def test_an_exchange_alone_is_itself():
    facts = lossy(0)
    assert side_by_side([facts]) is facts
    (part,) = facts.in_parts()
    assert part is facts
