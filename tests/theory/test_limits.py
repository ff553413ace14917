"""Invariant 1 of docs/design.md: DVDN is VDN on the complete lossless graph, and independent learning without links.

Both limits are of docs/method.md (limits), for every reward model and both self-estimates. Clipping is off: VDN clips
all agents together and DVDN each alone.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from plain_team import Episode, made_up_episodes, ragged
from teams import everyone, exchanged, make_learner, minibatch_of

from dvdn_sim.consensus import POLICIES, WEIGHTS, lossless_facts
from dvdn_sim.learners import RecurrentQ
from dvdn_sim.scenario import Dvdn, GtAdam, Iql, Qmix, Vdn
from netmodels.topology import Complete, Graph

torch.set_num_threads(1)

NETWORK = RecurrentQ(obs_dim=4, hidden=8, n_actions=3)
BATCH, STEPS, UPDATES = 4, 12, 20
SEEDS = (11, 12)
MODELS = pytest.mark.parametrize("model", ["team_mean", "individual", "team_sum"])
ESTIMATES = pytest.mark.parametrize("estimate", ["literal", "count_aware"])


def operator_of(graphs):
    """What the policy `self` with Metropolis weights makes of a lossless exchange over these graphs; [R, N, N]."""
    final = POLICIES["self"](WEIGHTS["metropolis"]).operator(lossless_facts(graphs))[-1]
    return torch.from_numpy(np.tile(final, (len(SEEDS), 1, 1)))


PLAN = ("batch", "agent_keys", "target_tau")


def learner_of(spec, n_agents, *, dtype=torch.float64, network=NETWORK, **options):
    """Options are the algorithm's, but for those of `PLAN`; nothing is clipped."""
    plan = {"batch": BATCH, "target_update": 7} | {name: options.pop(name) for name in PLAN if name in options}
    available = np.ones((n_agents, network.n_actions), bool)
    return make_learner(
        replace(spec, **{"clip": None} | options), network, seeds=list(SEEDS), available=available, steps=STEPS,
        dtype=dtype, **plan,
    )  # fmt: skip


def minibatches(n_agents, count, obs_dim=4, batch=BATCH, scale=1.0):
    """`count` times one ragged minibatch for each replica, rewards multiplied by `scale`."""
    rng = np.random.default_rng(n_agents)
    available = np.ones((n_agents, 3), bool)
    drawn = [
        [
            made_up_episodes(rng, ragged(rng, batch, STEPS), n_agents=n_agents, obs_dim=obs_dim, available=available)
            for _ in SEEDS
        ]
        for _ in range(count)
    ]
    return [
        [[Episode(e.observations, e.actions, e.rewards * scale) for e in episodes] for episodes in teams]
        for teams in drawn
    ]


def train(learner, data, operator):
    for teams in data:
        td = learner.local_errors(minibatch_of(teams), everyone(len(SEEDS)))
        learner.differentiate(None if operator is None else exchanged(operator, td))
        learner.step(everyone(len(SEEDS)))
    return learner.parameters


def gradient_of(learner, teams, operator, dtype=torch.float64):
    """δ and the gradient, [R, N, P], of one update on a fixed minibatch."""
    td = learner.local_errors(minibatch_of(teams, dtype), everyone(len(SEEDS))).clone()
    learner.differentiate(None if operator is None else exchanged(operator, td))
    learner.step(everyone(len(SEEDS)))
    return td, learner.gradient.clone()


@ESTIMATES
@pytest.mark.parametrize(
    ("model", "standardise"),
    [("team_mean", True), ("team_mean", False), ("individual", False)],
    ids=["mean, standardised", "mean", "individual"],
)
@pytest.mark.parametrize(("n_agents", "rounds"), [(2, 1), (3, 3), (5, 1), (5, 2)])
def test_complete_lossless_graph_reproduces_vdn(n_agents, rounds, model, standardise, estimate):
    """Metropolis on the complete graph averages exactly in one round, and averages stay averages in further ones.

    Equal initial weights and minibatches, twenty updates, target copies among them: parameters equal to 1e-10.
    """
    operator = operator_of([Complete().graph(n_agents, seed=0)] * rounds)
    data = minibatches(n_agents, UPDATES)
    objectives = (Vdn(), Dvdn(reward_model=model, self_estimate=estimate))
    vdn, dvdn = (learner_of(each, n_agents, standardise_rewards=standardise) for each in objectives)
    start = vdn.parameters.clone()
    assert torch.equal(start, dvdn.parameters)
    expected, found = train(vdn, data, None), train(dvdn, data, operator)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    assert float((expected - start).abs().max()) > 1e-3  # twenty steps of lr 3e-4 have gone somewhere


@ESTIMATES
@pytest.mark.parametrize("n_agents", [2, 4])
def test_with_the_teams_reward_in_every_error_it_is_vdn_on_n_times_that(n_agents, estimate):
    """`team_sum`: the joint temporal difference holds N·R. That is not VDN on R."""
    operator = operator_of([Complete().graph(n_agents, seed=0)])
    (teams,), (larger,) = minibatches(n_agents, 1), minibatches(n_agents, 1, scale=n_agents)
    options = {"standardise_rewards": False}
    _, dvdn = gradient_of(
        learner_of(Dvdn(reward_model="team_sum", self_estimate=estimate), n_agents, **options), teams, operator
    )
    _, same = gradient_of(learner_of(Vdn(), n_agents, **options), larger, None)
    _, other = gradient_of(learner_of(Vdn(), n_agents, **options), teams, None)
    torch.testing.assert_close(dvdn, same, rtol=1e-10, atol=1e-13)
    assert float((dvdn - other).norm() / other.norm()) > 0.05


def test_standardised_individual_rewards_add_up_to_the_teams_without_its_shift():
    """Σρ_i = R/√v, where VDN has (R - μ)/√v: the joint errors differ by μ/√v at every step."""
    (teams,) = minibatches(3, 1)
    dvdn, vdn = learner_of(Dvdn(reward_model="individual"), 3), learner_of(Vdn(), 3)
    minibatch = minibatch_of(teams)
    joint, central = (each.local_errors(minibatch, everyone(2)).sum(1) for each in (dvdn, vdn))
    statistics = vdn._statistics
    shift = (statistics.mean / statistics.variance.sqrt()).view(2, 1, 1).expand_as(joint)
    torch.testing.assert_close(joint - central, shift, rtol=1e-10, atol=1e-12)
    assert float(shift.abs().min()) > 1e-3


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_complete_lossless_graph_gives_vdns_gradient_in_single_precision(rounds):
    """At the sizes that are trained: a fixed minibatch's gradient to 1e-5 of its norm, agent by agent."""
    network = RecurrentQ(obs_dim=18, hidden=64, n_actions=3)
    (teams,) = minibatches(3, 1, obs_dim=18, batch=16)
    operator = operator_of([Complete().graph(3, seed=0)] * rounds).float()
    options = {"dtype": torch.float32, "network": network, "batch": 16}
    _, vdn = gradient_of(learner_of(Vdn(), 3, **options), teams, None, torch.float32)
    _, dvdn = gradient_of(learner_of(Dvdn(), 3, **options), teams, operator, torch.float32)
    assert float(((dvdn - vdn).norm(dim=2) / vdn.norm(dim=2)).max()) < 1e-5


def test_a_path_is_neither_limit():
    """The tests above could see a difference: one round on a path of three is not VDN."""
    operator = operator_of([Graph.undirected(3, [(0, 1), (1, 2)])])
    data = minibatches(3, UPDATES)
    vdn, dvdn = train(learner_of(Vdn(), 3), data, None), train(learner_of(Dvdn(), 3), data, operator)
    assert float((vdn - dvdn).abs().max()) > 1e-4


def test_no_links_leave_every_agent_with_its_own():
    assert torch.equal(operator_of([Graph(3, ())] * 2), torch.eye(3, dtype=torch.float64).expand(2, 3, 3))


@MODELS
@pytest.mark.parametrize("standardise", [True, False], ids=["standardised", "raw"])
@pytest.mark.parametrize("n_agents", [2, 5])
def test_no_links_give_n_times_the_gradient_of_independent_learning_on_the_same_reward(n_agents, model, standardise):
    """The limit, in gradients. With A = I, e_i = N δ_i, so on the same weights and minibatch N times IQL's gradient,

    IQL with the same ρ_i: R/N, its own reward, or R.
    """
    (teams,) = minibatches(n_agents, 1)
    options = {"standardise_rewards": standardise}
    alone = operator_of([Graph(n_agents, ())])
    td, dvdn = gradient_of(learner_of(Dvdn(reward_model=model), n_agents, **options), teams, alone)
    td_iql, iql = gradient_of(learner_of(Iql(reward_model=model), n_agents, **options), teams, None)
    torch.testing.assert_close(td, td_iql, rtol=0, atol=0)
    torch.testing.assert_close(dvdn, n_agents * iql, rtol=1e-10, atol=1e-13)


def test_the_mean_reward_is_the_teams_over_n():
    """`team_mean` on R is `team_sum` on R/N."""
    (teams,), (shared,) = minibatches(3, 1), minibatches(3, 1, scale=1 / 3)
    options = {"standardise_rewards": False}
    mean, _ = gradient_of(learner_of(Iql(reward_model="team_mean"), 3, **options), teams, None)
    smaller, _ = gradient_of(learner_of(Iql(), 3, **options), shared, None)
    torch.testing.assert_close(mean, smaller, rtol=1e-13, atol=1e-13)


@MODELS
@pytest.mark.parametrize("clip", [None, 0.1])
@pytest.mark.parametrize("n_agents", [2, 4])
def test_who_counts_those_it_heard_and_heard_nobody_is_an_independent_learner(n_agents, model, clip):
    """`count_aware`: n_i = 1, so e_i = δ_i, to the bit; twenty updates with Adam and even with clipping per agent."""
    data, options = minibatches(n_agents, UPDATES), {"clip": clip}
    iql = train(learner_of(Iql(reward_model=model), n_agents, **options), data, None)
    alone = operator_of([Graph(n_agents, ())] * 2)
    found = train(learner_of(Dvdn(reward_model=model, self_estimate="count_aware"), n_agents, **options), data, alone)
    torch.testing.assert_close(found, iql, rtol=0, atol=0)
    assert float((iql[0] - iql[1]).abs().max()) > 0


def test_parts_of_a_team_that_are_cut_off_are_teams_that_count_themselves():
    """Agents 0, 1, 2 and agents 3, 4, complete graphs: `count_aware` on individual rewards is VDN of each part.

    On the same weights (agents keep their names in random streams), to 1e-12 the gradients of two VDNs.
    """
    links = [(0, 1), (0, 2), (1, 2), (3, 4)]
    (teams,) = minibatches(5, 1)
    options = {"standardise_rewards": False}
    operator = operator_of([Graph.undirected(5, links)])
    _, together = gradient_of(
        learner_of(Dvdn(reward_model="individual", self_estimate="count_aware"), 5, **options), teams, operator
    )
    _, literal = gradient_of(learner_of(Dvdn(reward_model="individual"), 5, **options), teams, operator)
    for part in ([0, 1, 2], [3, 4]):
        own = [[Episode(e.observations[part], e.actions[part], e.rewards[part]) for e in team] for team in teams]
        vdn = learner_of(Vdn(), len(part), agent_keys=tuple(part), **options)
        _, expected = gradient_of(vdn, own, None)
        torch.testing.assert_close(together[:, part], expected, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(literal[:, part], expected * 5 / len(part), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("n_agents", [2, 3, 5])
def test_no_links_reproduce_independent_learning_on_the_mean_reward(n_agents):
    """The limit, in parameters. Adam without ε does not see a constant factor of the gradient: after twenty updates
    DVDN on R without links has the parameters of IQL on R/N, to 1e-10.
    """
    learners = [learner_of(each, n_agents, standardise_rewards=False) for each in (Dvdn(), Iql())]
    for learner in learners:
        # Not 0: units that never fire have gradient 0.
        learner._optimiser._spec = GtAdam(bias_correction=True, epsilon=1e-300)
    start = learners[0].parameters.clone()
    found = train(learners[0], minibatches(n_agents, UPDATES), operator_of([Graph(n_agents, ())]))
    expected = train(learners[1], minibatches(n_agents, UPDATES, scale=1 / n_agents), None)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    assert float((expected - start).abs().max()) > 1e-3


@pytest.mark.parametrize("standardise", [True, False], ids=["standardised", "raw"])
@pytest.mark.parametrize("n_agents", [2, 3, 5])
def test_no_links_give_the_team_reward_error_of_n_times_the_value(n_agents, standardise):
    """The limit, in values: N δ_i = R + γ·N Q_i⁻ - N Q_i is IQL's error on the whole R for Q̃_i = N Q_i.

    Q̃_i is Q_i with its last layer multiplied by N. Its gradient with respect to that layer is then DVDN's, and with
    respect to all layers below N times DVDN's. Standardisation may be on: it sees R in both.
    """
    (teams,) = minibatches(n_agents, 1)
    options = {"standardise_rewards": standardise}
    dvdn, iql = learner_of(Dvdn(), n_agents, **options), learner_of(Iql(), n_agents, **options)
    last = NETWORK.n_actions * (NETWORK.hidden + 1)  # w3 and b3 end every row of parameters
    iql.parameters[..., -last:] *= n_agents
    td, gradient = gradient_of(dvdn, teams, operator_of([Graph(n_agents, ())]))
    error, expected = gradient_of(iql, teams, None)
    torch.testing.assert_close(n_agents * td, error, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(gradient[..., -last:], expected[..., -last:], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(n_agents * gradient[..., :-last], expected[..., :-last], rtol=1e-10, atol=1e-12)


def test_qmix_with_a_mixer_that_only_adds_is_vdn():
    """|W_1| = 1/E, b_1 = 100, |w_f| = 1 for all E units and V = -100 E: far from ELU's bend, Q_tot = Σ Q_i.

    Errors and the gradients of the agents' networks are then VDN's, whatever the state is.
    """
    n_agents, options = 3, {"standardise_rewards": True}
    spec = Qmix(mixer_embed=4, hypernet_hidden=5)
    qmix, vdn = learner_of(spec, n_agents, **options), learner_of(Vdn(), n_agents, **options)
    mixing = qmix.mixers
    weights = mixing.mixer.weights(mixing.parameters.zero_().flatten(0, 1))
    weights.w1[:, -1], weights.wf[:, -1], weights.v[:, -1] = -0.25, 1.0, -400.0
    weights.from_state[:, -1, -4:] = 100.0
    (teams,) = minibatches(n_agents, 1)
    assert torch.equal(qmix.parameters, vdn.parameters)
    losses = []
    for learner in (qmix, vdn):
        learner.local_errors(minibatch_of(teams), everyone(2))
        losses.append(learner.differentiate(None).loss)
    torch.testing.assert_close(qmix.gradient, vdn.gradient, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(*losses, rtol=1e-10, atol=0)
