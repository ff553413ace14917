"""What must hold of the learners for any operator, any data, any names of the agents."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_team import PlainTeam, made_up_episodes, ragged, relabelled
from teams import as_module, everyone, exchanged, in_module_order, local_of, make_learner, minibatch_of

from dvdn_sim.learners.dvdn import Dvdn, mixed
from dvdn_sim.learners.iql import Iql
from dvdn_sim.learners.recurrent_q import RecurrentQ
from dvdn_sim.learners.standardise import local_rewards
from dvdn_sim.learners.td import td_errors
from dvdn_sim.learners.vdn import Vdn
from dvdn_sim.scenario.catalogue import ALGORITHMS
from dvdn_sim.training.learners import Teams, objective_of

NETWORK = RecurrentQ(obs_dim=3, hidden=5, n_actions=3)
BATCH, STEPS = 3, 7


def name_of(objective):
    return type(objective).__name__


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


def updated(objective, teams, operators, *, n_agents, updates=3, keys=None, seeds=(4,), disturb=None, available=None):
    """Parameters [2, R, N, P] after some updates, each on the next of the replicas' minibatches."""
    available = np.ones((n_agents, 3), bool) if available is None else available
    learner = make_learner(
        NETWORK,
        objective,
        seeds=list(seeds),
        available=available,
        steps=STEPS,
        batch=BATCH,
        agent_keys=keys,
        clip=1.0,
        target_update=2,
    )
    if disturb is not None:
        learner.parameters[:, :, disturb, -3:] += 1e6
    for update in range(updates):
        td = learner.local_errors(minibatch_of([team[update] for team in teams]), everyone(len(teams)))
        operator = tensor(*(each[update] for each in operators))
        learner.update(exchanged(operator, td), everyone(len(teams)))
    return learner.parameters


def experience(rng, n_agents, available, updates=3):
    """One replica's minibatches and operators."""
    minibatches = [
        made_up_episodes(rng, ragged(rng, BATCH, STEPS), n_agents=n_agents, obs_dim=3, available=available)
        for _ in range(updates)
    ]
    return minibatches, [row_stochastic(rng, n_agents) for _ in range(updates)]


def test_an_unheard_agents_parameters_reach_nobody():
    """The same through three whole DVDN updates: an agent whose Q-values are off by 10⁶ and who is never heard."""
    rng = np.random.default_rng(0)
    team, operators = experience(rng, 4, np.ones((4, 3), bool))
    others = np.outer([1, 1, 0, 1], [0, 0, 1, 0]).astype(bool)
    operators = [np.where(others, 0, operator) for operator in operators]
    operators = [operator / operator.sum(1, keepdims=True) for operator in operators]
    before = updated(Dvdn(), [team], [operators], n_agents=4)
    after = updated(Dvdn(), [team], [operators], n_agents=4, disturb=2)
    assert torch.equal(before[:, :, [0, 1, 3]], after[:, :, [0, 1, 3]])
    assert not torch.equal(before[:, :, 2], after[:, :, 2])


@pytest.mark.parametrize("kind", ["iql", "vdn", "networked_q", "dvdn"])
@settings(max_examples=8, deadline=None)
@given(st.permutations(range(4)), st.integers(0, 10**6))
def test_relabelling_agents_relabels_the_result(kind, order, seed):
    """Invariant 9: agents with their keys, data, actions and rows and columns of the operator; to rounding."""
    rng = np.random.default_rng(seed)
    available = rng.random((4, 3)) < 0.6
    available[:, 1] = True
    team, operators = experience(rng, 4, available)
    teams = Teams([4], n_agents=4, obs_dim=3, device=torch.device("cpu"), dtype=torch.float64)
    objective = objective_of(ALGORITHMS[kind](), teams)
    before = updated(objective, [team], [operators], n_agents=4, available=available, keys=(0, 1, 2, 3))
    turned = [[relabelled(episode, order) for episode in minibatch] for minibatch in team]
    after = updated(
        objective,
        [turned],
        [[operator[np.ix_(order, order)] for operator in operators]],
        n_agents=4,
        available=available[order],
        keys=tuple(order),
    )
    torch.testing.assert_close(after, before[:, :, order], rtol=1e-10, atol=1e-10)


def test_one_agent_is_plain_drqn():
    """N = 1: the three learners are one, and equal the plain reference of a single learner."""
    rng = np.random.default_rng(1)
    available = np.ones((1, 3), bool)
    team, _ = experience(rng, 1, available)
    operators = [np.eye(1)] * 3
    iql, vdn, dvdn = (updated(each, [team], [operators], n_agents=1) for each in (Iql(), Vdn(), Dvdn()))
    assert torch.equal(iql, vdn)
    assert torch.equal(iql, dvdn)
    learner = make_learner(NETWORK, Iql(), seeds=[4], available=available, steps=STEPS)
    plain = PlainTeam(
        "iql",
        [as_module(NETWORK, learner.parameters[0, 0, 0])],
        lr=3e-4,
        gamma=0.99,
        clip=1.0,
        standardise=True,
        target_update=2,
        available=available,
    )
    for minibatch in team:
        plain.update(minibatch)
    for mine, theirs in zip(in_module_order(NETWORK, iql[0, 0, 0]), plain.agents[0].parameters(), strict=True):
        torch.testing.assert_close(mine, theirs.detach(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("objective", [Iql(), Vdn()], ids=name_of)
def test_learners_without_an_exchange_do_not_look_at_the_operator(objective):
    rng = np.random.default_rng(2)
    team, operators = experience(rng, 3, np.ones((3, 3), bool))
    eye = [np.eye(3)] * 3
    assert not objective.exchanges
    assert torch.equal(
        updated(objective, [team], [operators], n_agents=3), updated(objective, [team], [eye], n_agents=3)
    )


def test_dvdn_without_an_exchange_is_refused():
    with pytest.raises(ValueError, match="dvdn needs what its agents hold"):
        Dvdn().signal(local_of(torch.zeros(1, 2, 3, 4)), None)


def test_an_update_needs_local_errors_first():
    """And each of them serves one update."""
    rng = np.random.default_rng(3)
    team, _ = experience(rng, 2, np.ones((2, 3), bool), updates=1)
    learner = make_learner(NETWORK, Iql(), seeds=[0], available=np.ones((2, 3), bool), steps=STEPS, batch=BATCH)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="update follows local_errors"):
            learner.update(None, everyone(1))
        learner.local_errors(minibatch_of(team), everyone(1))
        learner.update(None, everyone(1))


def test_an_agent_that_does_not_learn_is_left_as_it_is_and_disturbs_nobody():
    """Of one team, agent 1 does not learn: its networks stay to the bit, and the others' are as if it did."""
    rng, available = np.random.default_rng(5), np.ones((3, 3), bool)
    episodes = made_up_episodes(rng, [STEPS, 2, STEPS], n_agents=3, obs_dim=3, available=available)
    outcomes = []
    for learning in (np.ones((1, 3), bool), np.array([[True, False, True]])):
        learner = make_learner(
            NETWORK, Iql(), seeds=[4], available=available, steps=STEPS, batch=BATCH, target_update=1
        )
        before = learner.parameters.clone()
        for _ in range(2):
            learner.local_errors(minibatch_of([episodes]), everyone(1))
            learner.update(None, learning)
        assert learner.updates.tolist() == [2]
        outcomes.append(learner.parameters.clone())
    together, without = outcomes
    assert torch.equal(without[:, :, 1], before[:, :, 1])
    assert not torch.equal(together[0, :, 1], before[0, :, 1])
    assert torch.equal(without[:, :, [0, 2]], together[:, :, [0, 2]])
