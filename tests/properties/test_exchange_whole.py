"""Exchanges with everything switched on: shared media, broadcasts, acknowledgements, faults, one-way links, overlap.

What must hold however all of it is combined: the audit, at any time between exchanges and when all has landed
(invariant 6); relabelling (9); what policies keep of such exchanges (3 and 4), and that what did not come has no weight
(10); reports that agree with themselves, with the counters and with probes; and that nobody waits for ever.
"""

from collections import Counter
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from small_networks import ConstantTime, Given, LognormalTime, network_of
from strategies import MS, delays, losses, permuted, relabelled

from dvdn_sim.consensus import POLICIES, RunningSum, metropolis
from dvdn_sim.network import SimulatedNetwork
from netmodels import LinkSpec
from netmodels.topology import Graph

ms = st.integers(0, 40).map(lambda at: f"{at} ms")
lasting = st.one_of(st.none(), st.integers(1, 20).map(lambda at: f"{at} ms"))


@dataclass(frozen=True)
class Whole:
    """Some exchanges in a row of one team, and everything that it takes to run them again."""

    n_agents: int
    seed: int
    fields: dict[str, object]
    other_links: dict[tuple[int, int], dict[str, object]]
    faults: tuple[dict[str, object], ...]
    graphs: tuple[tuple[Graph, ...], ...]
    size_bytes: int
    keys: tuple[int, ...]

    @property
    def acks(self) -> bool:
        return self.fields["acks"]

    def network(self, probe=None) -> SimulatedNetwork:
        return network_of(
            self.n_agents, seed=self.seed, topology=Given(*self.graphs), agent_keys=self.keys, probe=probe,
            control_period=0.004, other_links=self.other_links, faults=self.faults, **self.fields,
        )  # fmt: skip

    def run(self, network, after_each=lambda report: None):
        reports = []
        for update, graphs in enumerate(self.graphs):
            network.act(1)
            size = self.size_bytes
            reports.append(network.exchange("td", rounds=len(graphs), size_bytes=size, episode=0, update=update))
            after_each(reports[-1])
        return reports

    def relabelled(self, number) -> "Whole":
        """The same with other numbers: agent i is now number[i]."""
        return replace(
            self,
            other_links={(number[i], number[j]): spec for (i, j), spec in self.other_links.items()},
            faults=tuple(_renumbered(fault, number) for fault in self.faults),
            graphs=tuple(tuple(relabelled(graph, number) for graph in graphs) for graphs in self.graphs),
            keys=tuple(permuted(self.keys, number)),
        )


def _renumbered(fault, number):
    change = {}
    if "node" in fault:
        change["node"] = number[fault["node"]]
    if "edge" in fault:
        change["edge"] = [number[agent] for agent in fault["edge"]]
    if "groups" in fault:
        change["groups"] = [[number[agent] for agent in group] for group in fault["groups"]]
    return {**fault, **change}


@st.composite
def faults_of(draw, n_agents):
    """Any fault of agents that there are."""
    agents = st.integers(0, n_agents - 1)
    pairs = st.permutations(range(n_agents)).map(lambda order: list(order[:2]))
    options = {
        "crash": {"node": agents, "state": st.sampled_from(["kept", "lost"])},
        "straggler": {"node": agents, "factor": st.sampled_from([0.5, 3.0])},
        "blackout": {},
        "degrade": {"link": st.just({"loss": 0.5, "delay": "3 ms"})},
        "flap": {"up": st.just("5 ms"), "down": st.just("3 ms")},
        "one_way": {"edge": pairs},
        "link_down": {"edge": pairs},
        "partition": {"groups": st.lists(agents, min_size=1, unique=True).map(lambda group: [group])},
    }
    kind = draw(st.sampled_from([kind for kind, chosen in options.items() if n_agents > 1 or "edge" not in chosen]))
    fault = {"kind": kind, "at": draw(ms)} | {name: draw(values) for name, values in options[kind].items()}
    last = draw(lasting)
    return fault if last is None else {**fault, "for": last}


@st.composite
def digraphs(draw, n_agents):
    """Any graph, one-way links included."""
    links = list(permutations(range(n_agents), 2))
    chosen = draw(st.lists(st.sampled_from(links), unique=True)) if links else []
    if draw(st.booleans()):
        return Graph.undirected(n_agents, chosen)
    return Graph(n_agents, tuple(sorted(chosen)))


@st.composite
def wholes(draw):
    n_agents = draw(st.one_of(st.integers(1, 5), st.integers(6, 12)))
    share = draw(st.sampled_from(["link", "node", "medium"]))
    link = LinkSpec(
        rate=draw(st.sampled_from(["unlimited", "12 Mbit/s"])), delay=draw(delays),
        loss=draw(losses.filter(lambda loss: loss != 1.0)), corrupt=draw(st.sampled_from([0.0, 0.2])),
        duplicate=draw(st.sampled_from([0.0, 0.3])), retries=draw(st.sampled_from([0, 1])), retry_delay=1e-3,
        limit=draw(st.sampled_from([4, 1000])), fifo=draw(st.booleans()),
    )  # fmt: skip
    links = list(permutations(range(n_agents), 2))
    others = draw(st.lists(st.sampled_from(links), unique=True, max_size=2)) if links else []
    return Whole(
        n_agents=n_agents,
        seed=draw(st.integers(0, 1000)),
        fields={
            "link": link,
            "share": share,
            "broadcast": share != "link" and draw(st.booleans()),
            "deadline": draw(st.sampled_from([0.0, 0.002, 0.005, "auto"])),
            "acks": draw(st.booleans()),
            "ack_repeat": draw(st.integers(1, 2)),
            "ack_deadline": draw(st.sampled_from([None, 0.003, "auto"])),
            "schedule": draw(st.sampled_from(["blocking", "overlap"])),
            "compute": draw(st.sampled_from([ConstantTime(0.0), ConstantTime(0.002), LognormalTime(0.003, 0.003)])),
        },
        other_links={edge: {"delay": draw(delays), "loss": 0.2} for edge in others},
        faults=tuple(draw(st.lists(faults_of(n_agents), max_size=4))),
        graphs=tuple(
            tuple(draw(st.lists(digraphs(n_agents), min_size=1, max_size=3)))
            for _ in range(draw(st.integers(1, 4)))
        ),
        size_bytes=draw(st.sampled_from([1472, 100, 4000])),
        keys=tuple(draw(st.permutations(range(n_agents)))),
    )  # fmt: skip


class Lives(list):
    message = list.append


def counts_of(messages):
    return Counter(
        delivered=messages.delivered, late=messages.late, expired=messages.expired, lost=messages.lost.total()
    )


@settings(max_examples=300, deadline=None)
@given(wholes())
def test_the_audit_holds_between_exchanges_and_after_everything_has_landed(whole):
    network = whole.network()

    def audit(_):
        assert network.counters.audit() == "ok"
        assert all(counts.in_flight >= 0 for counts in network.counters.packets.values())

    whole.run(network, audit)
    network.act(10**6)
    audit(None)
    assert network.counters.messages.in_flight == 0


@settings(max_examples=300, deadline=None)
@given(wholes())
def test_reports_agree_with_themselves_with_the_counters_and_with_what_probes_are_told(whole):
    lives = Lives()
    network = whole.network(lives)
    for report in whole.run(network):
        facts = report.facts
        edges = facts.edges
        assert int(facts.held.sum()) == report.messages.delivered
        assert (np.diff(facts.latest, axis=0) >= 0).all()
        heard = facts.latest >= 0
        assert facts.active[facts.latest[heard], np.nonzero(heard)[1]].all()
        # Who did not close a round holds nothing of it, and closes no later one.
        closed = report.closed_at_ns >= 0
        assert not facts.held[~closed[:, edges[:, 1]]].any()
        assert (closed[1:] <= closed[:-1]).all()
        assert (report.through_at_ns <= report.ended_ns).all()
        deadlines = report.deadlines_ns
        if not whole.faults:
            assert report.finished.all()
            assert report.messages.sent == int(facts.active.sum())
            assert (np.diff(report.closed_at_ns, axis=0, prepend=report.started_at_ns[None]) <= deadlines).all() or (
                whole.acks
            )
        if report.acks is None:
            assert not facts.confirmed.any()
        else:
            # Who says that it was heard has been.
            back = {edge: index for index, edge in enumerate(map(tuple, edges.tolist()))}
            for k, edge in np.argwhere(facts.confirmed):
                sender, receiver = edges[edge].tolist()
                assert facts.held[k, back[receiver, sender]]
    network.act(10**6)
    assert Counter(life.outcome for life in lives) == +counts_of(network.counters.messages)
    assert Counter(life.reason for life in lives if life.reason) == network.counters.messages.lost
    assert len(lives) == network.counters.messages.sent


def could_have_come(lives, update, n_agents, rounds):
    """Bool [N, N]: whether what j held at first can have come to i, by the messages that arrived, in time or late.

    Through others as well: a message of round k can carry on what had come to its sender before that round.
    """
    came = {(life.round, life.sender, life.receiver) for life in lives
            if (life.kind, life.update) == ("td", update) and life.outcome in ("delivered", "late")}  # fmt: skip
    reached = np.eye(n_agents, dtype=bool)
    for k in range(rounds):
        before = reached.copy()
        for sent, sender, receiver in came:
            if sent == k:
                reached[receiver] |= before[sender]
    return reached


@settings(max_examples=150, deadline=None)
@given(wholes())
def test_policies_keep_what_they_keep_and_what_did_not_come_has_no_weight(whole):
    """Invariants 3, 4 and 10 of exchanges with crashes, partitions, acks that are lost and all the rest."""
    lives = Lives()
    network, n_agents = whole.network(lives), whole.n_agents
    reports = whole.run(network)
    network.act(10**6)
    agreed, x = np.full(n_agents, 0.1), np.arange(n_agents) ** 2.0
    for update, report in enumerate(reports):
        facts, one_way = report.facts, any(not graph.symmetric for graph in whole.graphs[update])
        came = could_have_come(lives, update, n_agents, facts.rounds)
        for name in ("running_sum", "push_sum") if one_way else POLICIES:
            policy = POLICIES[name](metropolis)
            operators = policy.operator(facts)
            assert (operators[-1][~came] == 0).all(), name
            if name != "zero_fill":
                np.testing.assert_allclose(operators.sum(2), 1.0, atol=1e-12)
                assert (operators >= -1e-12).all(), name
                assert (policy.apply(facts, agreed) == 0.1).all(), name
        masses = RunningSum().masses(facts, x)
        np.testing.assert_allclose(masses.held.sum(1) + masses.in_flight.sum(1), x.sum(), rtol=1e-12)
        np.testing.assert_allclose(masses.held_zeta.sum(1) + masses.in_flight_zeta.sum(1), n_agents, rtol=1e-12)
        if not one_way:
            for step, mismatch in zip(POLICIES["symmetric"](metropolis).step(facts), facts.ack_mismatch, strict=True):
                assert np.array_equal(step, step.T) == (mismatch == 0)


@settings(max_examples=300, deadline=None)
@given(wholes(), st.data())
def test_relabelling_agents_with_their_keys_relabels_everything(whole, data):
    number = data.draw(st.permutations(range(whole.n_agents)))
    network, other = whole.network(), whole.relabelled(number).network()
    for report, moved in zip(whole.run(network), whole.relabelled(number).run(other), strict=True):
        new_edges = np.array(number)[report.facts.edges]
        order = np.lexsort((new_edges[:, 1], new_edges[:, 0]))
        np.testing.assert_array_equal(moved.facts.edges, new_edges[order])
        np.testing.assert_array_equal(moved.facts.latest, report.facts.latest[:, order])
        np.testing.assert_array_equal(moved.facts.confirmed, report.facts.confirmed[:, order])
        np.testing.assert_array_equal(moved.through_at_ns[:, number], report.through_at_ns)
        np.testing.assert_array_equal(moved.started_at_ns[number], report.started_at_ns)
        np.testing.assert_array_equal(moved.deadlines_ns[:, number], report.deadlines_ns)
        assert (moved.messages, moved.acks, moved.wire_bytes) == (report.messages, report.acks, report.wire_bytes)
    assert network.now_ns == other.now_ns
    assert network.counters.packets == {
        (kind, number.index(sender), number.index(receiver)): counts
        for (kind, sender, receiver), counts in other.counters.packets.items()
    }


@settings(max_examples=200, deadline=None)
@given(wholes())
def test_nobody_waits_longer_than_its_deadlines(whole):
    """From the start of the last agent that is up on, an exchange lasts at most as long as all waits together."""
    network = whole.network()
    slack_ns = 0 if not whole.faults else 25 * MS  # a crash of up to 20 ms may fall into it
    for report in whole.run(network):
        if not report.finished.any():
            continue
        waits_ns = int(report.deadlines_ns.max(axis=1).sum())
        if whole.acks:
            continue
        assert report.ended_ns <= max(report.started_at_ns.max(), 0) + waits_ns + slack_ns * (1 + len(whole.faults))


@settings(max_examples=100, deadline=None)
@given(wholes())
def test_same_seed_same_everything(whole):
    first, again = whole.network(), whole.network()
    for report, same in zip(whole.run(first), whole.run(again), strict=True):
        np.testing.assert_array_equal(report.facts.latest, same.facts.latest)
        np.testing.assert_array_equal(report.through_at_ns, same.through_at_ns)
    assert first.counters == again.counters
