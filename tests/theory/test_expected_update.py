"""What DVDN descends on average when exchanges are truncated: docs/method.md (truncation), by going through everything.

With exchangeable random graphs the mean update is the gradient of

    Φ = ½ (Σ_i δ_i)² + ½ N a Σ_i (δ_i - δ̄)²,    a = E[A_ii] - E[A_ij]

over the agents' own -Q_i in their δ_i. The mean of the learner's gradients over all graphs and losses is compared with
autograd's gradient of Φ itself, through torch's modules. All in float64.
"""

import itertools

import numpy as np
import pytest
import torch
from plain_team import PlainTeam, made_up_episodes
from teams import as_module, everyone, exchanged, in_module_order, make_learner, minibatch_of

from dvdn_sim.consensus import POLICIES, WEIGHTS, Facts, lossless_facts
from dvdn_sim.learners import RecurrentQ
from dvdn_sim.scenario import Dvdn
from netmodels.topology import Graph

torch.set_num_threads(1)

NETWORK = RecurrentQ(obs_dim=3, hidden=4, n_actions=3)
GAMMA, LENGTHS = 0.9, [4, 2, 5]
SELF, SYMMETRIC = (POLICIES[name](WEIGHTS["metropolis"]) for name in ("self", "symmetric"))
ONE_ROUND = {(3, 2): 1 / 3, (4, 3): 0.375}  # a of the uniform connected graphs with so many links


def every_graph(n_agents, links):
    """All connected labelled graphs, found by spreading from agent 0."""
    found = []
    for chosen in itertools.combinations(list(itertools.combinations(range(n_agents), 2)), links):
        reached = {0}
        for _ in range(n_agents):
            reached |= {end for link in chosen if reached & set(link) for end in link}
        if len(reached) == n_agents:
            found.append(Graph.undirected(n_agents, chosen))
    return found


def every_exchange(graph, p):
    """(chance, facts) of one round on a graph, each message lost with probability p; ends know what the other heard."""
    whole = lossless_facts([graph])
    for held in itertools.product([True, False], repeat=len(whole.edges)):
        there = np.array([held])
        chance = float(np.where(there, 1 - p, p).prod())
        if chance:
            latest, confirmed = np.where(there, 0, -1), there[:, whole.reverse]
            yield chance, Facts(whole.n_agents, whole.edges, whole.active, latest, confirmed)


class Truncated:
    """One team and minibatch, on which an update's gradient is asked for again and again."""

    def __init__(self, n_agents, model="team_mean", seed=0):
        available = np.ones((n_agents, 3), bool)
        rng = np.random.default_rng(seed)
        self.n_agents = n_agents
        self.episodes = made_up_episodes(rng, LENGTHS, n_agents=n_agents, obs_dim=3, available=available)
        self.spec = Dvdn(reward_model=model, clip=None, gamma=GAMMA, standardise_rewards=False)
        self.learner = make_learner(self.spec, NETWORK, seeds=[seed], available=available, steps=5, batch=len(LENGTHS))
        self.learner.parameters[1].mul_(1.1)  # a target network of its own

    def gradient(self, operator):
        """The learner's, [N, P], after an exchange that came to `operator` [N, N]."""
        td = self.learner.local_errors(minibatch_of([self.episodes]), everyone(1))
        self.learner.differentiate(exchanged(torch.from_numpy(operator)[None], td))
        return self.learner.gradient[0].clone()

    def mean_gradient(self, operators):
        """Over (chance, operator), whose chances add up to 1."""
        operators = list(operators)
        assert sum(chance for chance, _ in operators) == pytest.approx(1.0, abs=1e-12)
        return sum(chance * self.gradient(operator) for chance, operator in operators)

    def gradient_of_the_objective(self, a):
        """Autograd's of 2 Σ mask Φ / Σ mask, agent by agent, [N] lists of tensors."""
        n = self.n_agents
        online, target = ([as_module(NETWORK, row) for row in rows[0]] for rows in self.learner.parameters)
        team = PlainTeam(self.spec, online, available=np.ones((n, 3), bool))
        team.targets = target
        total = 0.0
        for episode, rewards in zip(self.episodes, team.local_rewards(self.episodes), strict=True):
            delta = torch.stack(team.deltas(episode, rewards))
            apart = delta - delta.mean(0)
            total = total + (0.5 * delta.sum(0) ** 2 + 0.5 * n * a * (apart**2).sum(0)).sum()
        (2 * total / sum(LENGTHS)).backward()
        return [[parameter.grad for parameter in agent.parameters()] for agent in online]

    def assert_descends(self, operators, a):
        """To 1e-12 of the largest entry."""
        found, expected = self.mean_gradient(operators), self.gradient_of_the_objective(a)
        for row, tensors in zip(found, expected, strict=True):
            for mine, theirs in zip(in_module_order(NETWORK, row), tensors, strict=True):
                torch.testing.assert_close(mine, theirs, rtol=1e-11, atol=1e-12)


def uniform(facts):
    """Operators of equally likely exchanges."""
    facts = list(facts)
    return [(1 / len(facts), SELF.operator(each)[-1]) for each in facts]


@pytest.mark.parametrize("model", ["team_mean", "individual"])
@pytest.mark.parametrize(("n_agents", "links"), ONE_ROUND)
def test_one_round_on_every_connected_graph(n_agents, links, model):
    """3 graphs with two links, 16 with three: a = 1/3 and 3/8."""
    graphs = every_graph(n_agents, links)
    assert len(graphs) == {(3, 2): 3, (4, 3): 16}[n_agents, links]
    operators = uniform(lossless_facts([graph]) for graph in graphs)
    Truncated(n_agents, model).assert_descends(operators, ONE_ROUND[n_agents, links])


@pytest.mark.parametrize(("n_agents", "links", "rounds"), [(3, 2, 2), (3, 2, 3), (4, 3, 2)])
def test_rounds_on_graphs_of_their_own_give_a_to_the_power_of_their_number(n_agents, links, rounds):
    """Every sequence of graphs: 9, 27 and 256 of them."""
    sequences = itertools.product(every_graph(n_agents, links), repeat=rounds)
    operators = uniform(lossless_facts(list(graphs)) for graphs in sequences)
    Truncated(n_agents).assert_descends(operators, ONE_ROUND[n_agents, links] ** rounds)


def test_rounds_on_one_graph_do_not():
    """One graph for both rounds: a_2 = (E tr W² - 1)/(N - 1).

    On a path of three W has eigenvalues 1, 2/3, 0, so tr W² = 13/9 and a_2 = 2/9, where a² = 1/9.
    """
    operators = uniform(lossless_facts([graph] * 2) for graph in every_graph(3, 2))
    Truncated(3).assert_descends(operators, 2 / 9)


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5])
def test_lost_messages_whose_weight_returns_to_oneself(p):
    """All 3·16 ways in which messages of one round on two links are lost one by one: 1 - (1-p)(1-a)."""
    exchanges = [each for graph in every_graph(3, 2) for each in every_exchange(graph, p)]
    operators = [(chance / 3, SELF.operator(facts)[-1]) for chance, facts in exchanges]
    a = 1 - (1 - p) * (1 - 1 / 3)
    assert round(a, 3) == {0.1: 0.4, 0.3: 0.533, 0.5: 0.667}[p]
    Truncated(3).assert_descends(operators, a)


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_links_that_count_only_where_both_ends_are_heard(p):
    """`symmetric` with acknowledgements that are never lost: a link fails with 1 - (1-p)² in place of p."""
    exchanges = [each for graph in every_graph(3, 2) for each in every_exchange(graph, p)]
    operators = [(chance / 3, SYMMETRIC.operator(facts)[-1]) for chance, facts in exchanges]
    Truncated(3).assert_descends(operators, 1 - (1 - p) ** 2 * (1 - 1 / 3))


@pytest.mark.parametrize("p", [0.2])
def test_lost_messages_among_four(p):
    """All 16·64 ways."""
    exchanges = [each for graph in every_graph(4, 3) for each in every_exchange(graph, p)]
    assert len(exchanges) == 16 * 64
    operators = sum(chance / 16 * SELF.operator(facts)[-1] for chance, facts in exchanges)
    Truncated(4).assert_descends([(1.0, operators)], 1 - (1 - p) * (1 - 0.375))


@pytest.mark.parametrize(("a", "operator"), [(0.0, np.full((3, 3), 1 / 3)), (1.0, np.eye(3))], ids=["vdn", "iql"])
def test_the_ends_of_the_scale(a, operator):
    """a = 0 is ½(Σδ)²; a = 1 is ½ N Σ δ_i²: of each agent alone."""
    Truncated(3).assert_descends([(1.0, operator)], a)


def test_the_comparison_would_see_another_a():
    """A hundredth is told apart."""
    operators = uniform(lossless_facts([graph]) for graph in every_graph(3, 2))
    with pytest.raises(AssertionError):
        Truncated(3).assert_descends(operators, 1 / 3 + 0.01)


@pytest.mark.parametrize(("weights", "grows"), [("metropolis", True), ("lazy", False)])
def test_a_negative_eigenvalue_is_ascended(weights, grows):
    """A static ring of four, λ_min = -1/3: in the direction (1, -1, 1, -1) plain DVDN goes up, Σ Q_i staying sane.

    One state, one action each, reward 1 at every step: Q_i is b3 alone. Lazy weights (I + W)/2 have no such direction.
    """
    n_agents, available = 4, np.ones((4, 1), bool)
    network = RecurrentQ(obs_dim=1, hidden=1, n_actions=1)
    spec = Dvdn(clip=None, standardise_rewards=False, lr=0.02)
    learner = make_learner(spec, network, seeds=[0], available=available, steps=1, batch=1)
    learner.parameters.zero_()
    learner.parameters[0, 0, :, -1] = torch.tensor([0.3, -0.2, 0.1, 0.4])
    ring = Graph.undirected(n_agents, [(0, 1), (1, 2), (2, 3), (3, 0)])
    operator = POLICIES["self"](WEIGHTS[weights]).operator(lossless_facts([ring]))[-1]
    assert np.linalg.eigvalsh(operator)[0] == pytest.approx(-1 / 3 if grows else 1 / 3)
    rng = np.random.default_rng(0)
    (episode,) = made_up_episodes(rng, [1], n_agents=n_agents, obs_dim=1, available=available)
    episode.observations[...] = 0.0
    episode.rewards[...] = 0.25
    for _ in range(400):
        td = learner.local_errors(minibatch_of([[episode]]), everyone(1))
        figures = learner.differentiate(exchanged(torch.from_numpy(operator)[None], td))
        learner.step(everyone(1))
    values = learner.parameters[0, 0, :, -1]
    assert abs(float(values.sum()) - 1) < (0.5 if grows else 1e-3)
    assert (float(figures.q_abs_max) > 2) == grows
    assert grows or values.tolist() == pytest.approx([0.25] * 4, abs=1e-3)
