"""What holds for every tracker in the catalogue, whoever hears whom: a new one is tested by being listed."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_tracking import Sgd, gtadam_of, schedule_of
from strategies import any_facts, permuted, rounds_of_graphs

from dvdn_sim.consensus import POLICIES, Facts, lossless_facts, metropolis
from dvdn_sim.learners import TRACKERS, Exchanged, disagreement
from netmodels.topology import Complete, Graph

EVERY_TRACKER = pytest.mark.parametrize("name", TRACKERS)
COMPLETE = lossless_facts([Complete().graph(4, seed=0)])
P = 7


def exchanged(facts: Facts, policy: str = "self") -> Exchanged:
    return Exchanged(facts, POLICIES[policy](metropolis).operator(facts)[-1])


def one_round(**kind):
    return any_facts(graphs=rounds_of_graphs(connected=False, most=5, max_rounds=1, **kind))


def gtadam(omega):
    return gtadam_of(omega, 0.1, bias_correction=True)


class Team:
    """R teams under one tracker, with gradients that are drawn."""

    def __init__(self, name, replicas, n_agents, *, seed=0, optimiser=gtadam, **schedule):
        self.rng = np.random.default_rng(seed)
        start = np.repeat(self.rng.normal(size=(replicas, 1, P)), n_agents, axis=1)
        self.omega = torch.from_numpy(start)
        self.tracker = TRACKERS[name](self.omega, optimiser(self.omega), schedule_of(P, **schedule))

    def draw(self):
        return torch.from_numpy(self.rng.normal(size=tuple(self.omega.shape)))

    def step(self, updates, facts, gradient=None, learning=None):
        """`facts` by replica; every exchange of the update goes alike."""
        sent = self.tracker.messages(int(max(updates)))
        self.tracker.step(
            self.omega,
            self.draw() if gradient is None else gradient,
            updates=np.array(updates),
            exchanges=[{replica: exchanged(each) for replica, each in facts.items()} for _ in sent],
            learning=np.ones(self.omega.shape[:2], bool) if learning is None else learning,
        )

    def everything(self):
        return {"parameters": self.omega} | self.tracker.state


def copied(tensors):
    return {name: tensor.clone() for name, tensor in tensors.items()}


@EVERY_TRACKER
@given(facts=st.lists(one_round(), min_size=3, max_size=3), data=st.data())
@settings(max_examples=30)
def test_agents_that_do_not_learn_stay_exactly_as_they_are(name, facts, data):
    """Parameters, trackers, gradients, moments and step counts, whatever others heard of them."""
    n_agents = facts[0].n_agents
    team = Team(name, 1, n_agents)
    for update, each in enumerate(facts[:2]):
        if each.n_agents == n_agents:
            team.step([update], {0: each})
    learning = np.array([data.draw(st.lists(st.booleans(), min_size=n_agents, max_size=n_agents))])
    before = copied(team.everything())
    team.step([2], {0: facts[0]}, learning=learning)
    for key, tensor in team.everything().items():
        if tensor.shape[:2] == learning.shape and key != "in_flight":
            assert torch.equal(tensor[~learning], before[key][~learning]), key
    moved = (team.omega != before["parameters"]).any(2).numpy()
    assert (moved == learning).all()


@EVERY_TRACKER
def test_replicas_that_are_not_active_are_frozen(name):
    """To the last bit, what is in flight and epochs included; gradients that are no numbers do them no harm."""
    rng = np.random.default_rng(1)
    facts = [lossless_facts([Graph.undirected(3, [(0, 1), (1, 2)])])] * 2
    team = Team(name, 2, 3)
    for update in range(3):
        team.step([update] * 2, dict(enumerate(facts)))
    before = copied(team.everything())
    gradient = torch.from_numpy(rng.normal(size=(2, 3, P)))
    gradient[0] = torch.nan
    team.step([3, 3], {1: facts[1]}, gradient, learning=np.array([[False] * 3, [True] * 3]))
    for key, tensor in team.everything().items():
        assert torch.equal(tensor[0], before[key][0]), key
        assert tensor.isfinite().all(), key
    assert not torch.equal(team.omega[1], before["parameters"][1])


@EVERY_TRACKER
@given(facts=st.lists(one_round(fewest=3), min_size=4, max_size=4))
@settings(max_examples=8)
def test_a_replica_of_a_batch_is_the_replica_alone(name, facts):
    """With counters of their own: at update 3 one exchanges the second block, at 1 the other the first, one nothing."""
    n_agents = facts[0].n_agents
    facts = [each for each in facts if each.n_agents == n_agents] * 4
    updates = np.array([1, 3, 2])
    together = Team(name, 3, n_agents, every=2, blocks=2)
    alone = [Team(name, 1, n_agents, every=2, blocks=2) for _ in updates]
    for replica, each in enumerate(alone):
        each.omega.copy_(together.omega[replica])
    for turn in range(4):
        gradient = together.draw()
        exchanging = [replica for replica in range(3) if (updates[replica] + turn + 1) % 2 == 0]
        count = len(together.tracker.messages(1))
        results = {replica: exchanged(facts[(replica + turn) % 4]) for replica in exchanging}
        everyone = np.ones((3, n_agents), bool)
        together.tracker.step(
            together.omega, gradient, updates=updates + turn, exchanges=[results] * count, learning=everyone
        )
        for replica, each in enumerate(alone):
            own = [{0: results[replica]}] * count if replica in results else []
            assert len(each.tracker.messages(updates[replica] + turn)) == len(own)
            each.tracker.step(
                each.omega,
                gradient[replica, None],
                updates=updates[replica, None] + turn,
                exchanges=own,
                learning=everyone[:1],
            )
    for replica, each in enumerate(alone):
        for key, tensor in each.everything().items():
            torch.testing.assert_close(together.everything()[key][replica], tensor[0], rtol=1e-12, atol=1e-12)


@EVERY_TRACKER
def test_so_many_parameters_at_a_time_change_nothing(name, monkeypatch):
    """One, two or all: to the last bit."""
    rng, found = np.random.default_rng(4), []
    facts = [Facts(4, each.edges, each.active, rng.integers(-1, 1, (1, 12))) for each in [COMPLETE] * 5]
    for numbers in (1, 2 * 16, 10**6):
        monkeypatch.setattr("dvdn_sim.learners.parameter_exchange.IN_CACHE", numbers)
        team = Team(name, 1, 4)
        for update, each in enumerate(facts):
            team.step([update], {0: each})
        found.append(copied(team.everything()))
    for key, tensor in found[0].items():
        assert torch.equal(tensor, found[1][key]), key
        assert torch.equal(tensor, found[2][key]), key


@EVERY_TRACKER
@given(facts=one_round(), data=st.data())
@settings(max_examples=30)
def test_relabelling_agents_relabels_the_result(name, facts, data):
    number = data.draw(st.permutations(range(facts.n_agents)))
    other, edges = np.array(number), np.array(number)[facts.edges]
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    moved = Facts(facts.n_agents, edges[order], facts.active[:, order], facts.latest[:, order])
    team, again = Team(name, 1, facts.n_agents), Team(name, 1, facts.n_agents)
    for update in range(3):
        gradient = team.draw()
        team.step([update], {0: facts}, gradient)
        again.step([update], {0: moved}, torch.stack(permuted(gradient[0], number))[None])
    for key, tensor in team.everything().items():
        found = again.everything()[key]
        if key == "in_flight":
            found = found[:, other][:, :, other]
        elif tensor.ndim == 3:
            found = found[:, other]
        torch.testing.assert_close(found, tensor, rtol=1e-10, atol=1e-10)


@EVERY_TRACKER
def test_restored_from_its_state_it_goes_on_to_the_last_bit(name):
    rng = np.random.default_rng(3)
    graph = Graph.undirected(3, [(0, 1), (1, 2)])

    def facts():
        return Facts(3, lossless_facts([graph]).edges, np.ones((1, 4), bool), rng.integers(-1, 1, (1, 4)))

    team = Team(name, 2, 3, every=2, blocks=2)
    for update in range(5):
        team.step([update] * 2, {0: facts(), 1: facts()} if update % 2 else {})
    other = Team(name, 2, 3, every=2, blocks=2, seed=99)
    saved = copied(team.everything())
    for key, tensor in other.everything().items():
        tensor.copy_(saved[key])
    for update in range(5, 10):
        heard = {0: facts(), 1: facts()} if update % 2 else {}
        gradient = team.draw()
        team.step([update] * 2, heard, gradient)
        other.step([update] * 2, heard, gradient)
    for key, tensor in team.everything().items():
        assert torch.equal(other.everything()[key], tensor), key


@EVERY_TRACKER
@pytest.mark.parametrize("bias_correction", [True, False])
def test_an_agent_alone_is_plain_adam(name, bias_correction):
    """N = 1: z = g after every update; torch's Adam, with bias correction."""
    team = Team(name, 1, 1, optimiser=lambda omega: gtadam_of(omega, 0.1, bias_correction=bias_correction))
    theirs = torch.nn.Parameter(team.omega.clone())
    adam = torch.optim.Adam([theirs], lr=0.1)
    for update in range(20):
        gradient = team.draw()
        team.step([update], {0: lossless_facts([Graph(1, ())])}, gradient)
        theirs.grad = gradient.clone()
        adam.step()
        assert torch.isclose(team.omega, theirs, rtol=1e-12, atol=1e-12).all() == bias_correction


@pytest.mark.parametrize("name", ["paper", "adapt_then_combine", "averaging"])
@given(facts=st.lists(one_round(), min_size=1, max_size=4))
@settings(max_examples=30)
def test_agents_with_equal_gradients_stay_equal(name, facts):
    """To the last bit, whatever is lost: rows of A sum to 1."""
    n_agents = facts[0].n_agents
    team = Team(name, 1, n_agents)
    for update, each in enumerate(each for each in facts if each.n_agents == n_agents):
        team.step([update], {0: each}, team.draw()[:, :1].expand(1, n_agents, P))
        assert torch.equal(team.omega, team.omega[:, :1].expand_as(team.omega))
        assert not disagreement(team.omega).any()


@pytest.mark.parametrize(
    ("links", "equal"), [([(0, 1), (1, 2), (2, 3), (3, 0)], True), ([(0, 1), (1, 2), (2, 3)], False)]
)
def test_running_sums_keep_equal_agents_equal_on_regular_lossless_graphs_only(links, equal):
    """At the ends of a path there is less of the trackers: columns sum to 1, rows do not. The parameters follow."""
    team = Team("running_sum", 1, 4, optimiser=lambda _: Sgd(0.1))
    for update in range(3):
        facts = lossless_facts([Graph.undirected(4, links)])
        team.step([update], {0: facts}, team.draw()[:, :1].expand(1, 4, P))
    assert (float(disagreement(team.omega)) < 1e-14) == equal
    assert float(team.tracker.figures(team.omega)["tracker_imbalance"]) < 1e-14


@EVERY_TRACKER
def test_more_exchanges_than_it_has_are_refused(name):
    team, facts = Team(name, 1, 3, every=2), exchanged(lossless_facts([Graph(3, ())]))
    count = len(team.tracker.messages(1))
    options = {"learning": np.ones((1, 3), bool)}
    with pytest.raises(ValueError, match=f"{count + 1} exchanges in an update that has {count}"):
        team.tracker.step(
            team.omega, team.draw(), updates=np.array([1]), exchanges=[{0: facts}] * (count + 1), **options
        )
    with pytest.raises(ValueError, match="replica 0 exchanged something in update 2"):
        team.tracker.step(team.omega, team.draw(), updates=np.array([2]), exchanges=[{0: facts}], **options)


@EVERY_TRACKER
def test_a_schedule_for_other_parameters_is_refused(name):
    with pytest.raises(ValueError, match="a schedule for 8 parameters, but there are 7"):
        TRACKERS[name](torch.zeros(1, 3, P), Sgd(0.1), schedule_of(8))
