"""What must hold of error signals for any operator and any data; test_conformance.py has what holds of all learners."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_team import made_up_episodes, ragged
from teams import CPU, everyone, exchanged, local_of, make_learner, minibatch_of

from dvdn_sim.algorithms import ALGORITHMS, Dvdn, Held, Iql, Qmix
from dvdn_sim.learners import RecurrentQ, RewardStatistics, local_rewards, mixed, td_errors

NETWORK = RecurrentQ(obs_dim=3, hidden=5, n_actions=3)
BATCH, STEPS = 3, 7


def row_stochastic(rng, n_agents, *, keep=0.6):
    """Any exchange of a convex policy: rows sum to 1, nobody forgets itself, some were not heard."""
    operator = rng.random((n_agents, n_agents)) * (rng.random((n_agents, n_agents)) < keep) + 0.1 * np.eye(n_agents)
    return operator / operator.sum(1, keepdims=True)


def tensor(*operators):
    return torch.from_numpy(np.stack(operators))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 8), st.integers(0, 10**6), st.floats(0, 1))
def test_the_reward_part_of_the_error_is_the_team_reward(n_agents, seed, keep):
    """`team_mean`: e is linear in (ρ, γV, Q) and the rows of N·A sum to N, so e(R) - e(0) = R whatever was lost."""
    rng = np.random.default_rng(seed)
    operator = tensor(row_stochastic(rng, n_agents, keep=keep))
    shape = (1, n_agents, 4, 2)
    q, value = (torch.from_numpy(rng.normal(size=shape)) for _ in range(2))
    rewards = torch.from_numpy(rng.normal(size=shape))
    more = torch.from_numpy(rng.random((1, 1, 4, 2)) < 0.8)

    def error(r):
        local = local_rewards("team_mean", r, None)
        td = td_errors(q, value, local, more, 0.99)
        return Dvdn().signal(local_of(td), exchanged(operator, td)).error

    difference = error(rewards) - error(torch.zeros_like(rewards))
    torch.testing.assert_close(difference, rewards.sum(1, keepdim=True).expand(shape), rtol=0, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 6), st.integers(0, 10**6), st.sampled_from([1e3, -1e30, 1e300]))
def test_an_unheard_agent_changes_nothing_for_the_others(n_agents, seed, nonsense):
    """Invariant 10: a zero column (but its own entry) keeps even huge finite values out, to the bit."""
    rng = np.random.default_rng(seed)
    operator, unheard = row_stochastic(rng, n_agents), int(rng.integers(n_agents))
    others = np.arange(n_agents) != unheard
    operator[others, unheard] = 0
    td = torch.from_numpy(rng.normal(size=(1, n_agents, 4, 2)))
    disturbed = td.clone()
    disturbed[:, unheard] = nonsense
    before, after = (
        Dvdn().signal(local_of(each), exchanged(tensor(operator), each)).error[:, others] for each in (td, disturbed)
    )
    assert torch.equal(before, after)


@pytest.mark.parametrize("nonsense", [float("nan"), float("inf")])
def test_an_unheard_agent_that_diverged_changes_nothing_for_the_others(nonsense):
    td = torch.ones(1, 3, 4, 2, dtype=torch.float64)
    td[:, 2] = nonsense
    operator = torch.tensor([[[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]], dtype=torch.float64)
    held = mixed(operator, td, torch.tensor([[False, False, True]]))
    assert held[:, :2].tolist() == td[:, :2].tolist()
    assert bool(held[:, 2].isnan().all())


@pytest.mark.parametrize("model", ["team_mean", "individual", "team_sum"])
@pytest.mark.parametrize("standardised", [True, False])
def test_rewards_inside_local_errors(model, standardised):
    """ρ_i = R/N, r_i or R, of R standardised with the team's statistics, or of r_i over their deviation."""
    rng = np.random.default_rng(0)
    rewards = torch.from_numpy(rng.normal(2.0, 3.0, size=(2, 3, 5, 4)))
    statistics, mean, deviation = None, torch.zeros(2), torch.ones(2)
    if standardised:
        statistics = RewardStatistics(2, CPU)
        statistics.merge(rewards.sum(1), torch.tensor([5, 5]), torch.tensor([True, True]))
        mean, deviation = statistics.mean, statistics.variance.sqrt()
    found = local_rewards(model, rewards, statistics)
    for r, i in np.ndindex(2, 3):
        team, own = rewards[r].sum(0), rewards[r, i]
        expected = {
            "team_mean": (team - mean[r]) / deviation[r] / 3,
            "team_sum": (team - mean[r]) / deviation[r],
            "individual": own / deviation[r],
        }[model]
        torch.testing.assert_close(found.expand(2, 3, 5, 4)[r, i], expected, rtol=1e-12, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 6), st.integers(0, 10**6))
def test_counts_are_of_those_whose_errors_are_in_the_mix(n_agents, seed):
    """Moving the error of j moves the mix of i exactly where j is counted; `count_aware` is n_i times the mix."""
    rng = np.random.default_rng(seed)
    operator = tensor(row_stochastic(rng, n_agents, keep=0.4))
    td = torch.from_numpy(rng.normal(size=(1, n_agents, 3, 2)))
    held = exchanged(operator, td)
    counted = torch.zeros(n_agents)
    for j in range(n_agents):
        moved = td.clone()
        moved[:, j] += 1.0
        counted += (exchanged(operator, moved).values != held.values).all(-1).all(-1)[0]
    assert held.counts.tolist() == [counted.tolist()]
    signal = Dvdn(self_estimate="count_aware").signal(local_of(td), held)
    torch.testing.assert_close(signal.error, held.values * counted[None, :, None, None], rtol=1e-12, atol=0)
    assert signal.pull is signal.error


def test_what_is_not_exchanged_is_refused():
    td = torch.zeros(1, 2, 3, 4)
    with pytest.raises(ValueError, match="dvdn needs what its agents hold"):
        Dvdn().signal(local_of(td), None)


@pytest.mark.parametrize("algorithm", [cls for cls in ALGORITHMS.values() if not issubclass(cls, Dvdn | Qmix)])
def test_who_exchanges_nothing_does_not_look_at_what_was_exchanged(algorithm):
    local = local_of(torch.from_numpy(np.random.default_rng(0).normal(size=(1, 2, 3, 4))))
    nonsense = Held(torch.full_like(local.td, torch.nan), torch.full((1, 2), torch.nan))
    assert torch.equal(algorithm().signal(local, None).pull, algorithm().signal(local, nonsense).pull)


def test_an_update_needs_local_errors_first():
    """And each of them serves one update."""
    rng, available = np.random.default_rng(3), np.ones((2, 3), bool)
    team = [made_up_episodes(rng, ragged(rng, BATCH, STEPS), n_agents=2, obs_dim=3, available=available)]
    learner = make_learner(Iql(), NETWORK, seeds=[0], available=np.ones((2, 3), bool), steps=STEPS, batch=BATCH)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="differentiate follows local_errors"):
            learner.differentiate(None)
        learner.local_errors(minibatch_of(team), everyone(1))
        learner.differentiate(None)


def test_an_agent_that_does_not_learn_is_left_as_it_is_and_disturbs_nobody():
    """Of one team, agent 1 does not learn: its networks stay to the bit, and the others' are as if it did."""
    rng, available = np.random.default_rng(5), np.ones((3, 3), bool)
    episodes = made_up_episodes(rng, [STEPS, 2, STEPS], n_agents=3, obs_dim=3, available=available)
    outcomes = []
    for learning in (np.ones((1, 3), bool), np.array([[True, False, True]])):
        learner = make_learner(
            Iql(), NETWORK, seeds=[4], available=available, steps=STEPS, batch=BATCH, target_update=1
        )
        before = learner.parameters.clone()
        for _ in range(2):
            learner.local_errors(minibatch_of([episodes]), everyone(1))
            learner.differentiate(None)
            learner.step(learning)
        assert learner.updates.tolist() == [2]
        outcomes.append(learner.parameters.clone())
    together, without = outcomes
    assert torch.equal(without[:, :, 1], before[:, :, 1])
    assert not torch.equal(together[0, :, 1], before[0, :, 1])
    assert torch.equal(without[:, :, [0, 2]], together[:, :, [0, 2]])
