"""What the exchanges of a scenario leave, and what must hold of it, whatever the network did.

Each invariant yields what breaks it, in words. docs/design.md numbers some of them: 3 is operators, agreement and
symmetry; 4 mass; 6 audit and lives; 7 repetition; 9 relabelling; 10 influence. Where a policy is documented to break an
invariant (`zero_fill` and row sums, say), it is not asked to keep it.
"""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from dvdn_sim.consensus import RunningSum
from dvdn_sim.network import NEVER_NS, ExchangeReport, MessageCounts, MessageLife, Setting, SimulatedNetwork
from dvdn_sim.network.faults import renamed
from netmodels.streams import stream
from netmodels.topology import Graph

ROUNDING = 1e-9
SHRINKS = "zero_fill"
"""The policy that keeps neither row sums nor agreement nor the hull."""
AGREED = 3.7
PERTURBATION = 1e6
EXCHANGES = 3
LANDED_STEPS = 10**6
"""Steps of acting after which everything that was sent has arrived."""


class Lives:
    """A probe that keeps what it is told."""

    def __init__(self):
        self.all: list[MessageLife] = []

    def message(self, life):
        self.all.append(life)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Some exchanges in a row over one network, and what became of them.

    Attributes:
        setting: What was exchanged, over what.
        reports: Of the exchanges.
        audits: After each of them, and after everything had landed.
        counts: Outcomes of all messages, after everything had landed.
        lives: What a probe was told.
        values: What agents held before each exchange [N, 2].
        policies: By name.
    """

    setting: Setting
    reports: list[ExchangeReport]
    audits: list[str]
    counts: MessageCounts
    lives: list[MessageLife]
    values: np.ndarray
    policies: dict

    def each(self):
        for report in self.reports:
            for name, policy in self.policies.items():
                yield name, policy, report.facts


def evidence_of(setting, number=None):
    """Exchange a few times; agent i is called number[i], with its links, faults and random streams."""
    lives, reports, audits = Lives(), [], []
    network = _network(setting, list(range(setting.n_agents)) if number is None else list(number), lives)
    for index in range(EXCHANGES):
        network.act(1)
        reports.append(
            network.exchange(
                "td", rounds=setting.rounds, size_bytes=setting.sent.size_bytes, episode=index, update=index
            )
        )
        audits.append(network.counters.audit())
    network.act(LANDED_STEPS)
    audits.append(network.counters.audit())
    values = stream(setting.seed, "values").standard_normal((setting.n_agents, 2))
    return Evidence(setting, reports, audits, network.counters.messages, lives.all, values, setting.policies())


@dataclass(frozen=True)
class _Renumbered:
    """A topology whose agent i is called number[i]."""

    topology: object
    number: tuple[int, ...]

    def graph(self, n_agents, *args, **options):
        graph = self.topology.graph(n_agents, *args, **options)
        return Graph(n_agents, tuple(sorted((self.number[a], self.number[b]) for a, b in graph.edges)))

    def describe(self):
        return self.topology.describe()


def _network(setting, number, lives):
    network = setting.network
    faults = tuple(renamed(fault, dict(enumerate(number))) for fault in network.faults)
    others = tuple(replace(other, edge=(number[other.edge[0]], number[other.edge[1]])) for other in network.other_links)
    return SimulatedNetwork(
        replace(network, faults=faults, other_links=others),
        n_agents=setting.n_agents,
        seed=setting.seed,
        topology=_Renumbered(network.topology, tuple(number)),
        agent_keys=[number.index(agent) for agent in range(setting.n_agents)],
        probe=lives,
    )


def audit(evidence):
    """Sent = delivered + late + expired + lost + in flight, in messages and packets; nothing is in flight for ever."""
    yield from (f"after exchange {index}: {said}" for index, said in enumerate(evidence.audits) if said != "ok")
    if evidence.counts.in_flight:
        yield f"{evidence.counts.in_flight} messages never arrive"


def lives(evidence):
    """What a probe is told adds up to the counters, by outcome and reason."""
    counts = evidence.counts
    expected = Counter(delivered=counts.delivered, late=counts.late, expired=counts.expired, lost=counts.lost.total())
    told = Counter(life.outcome for life in evidence.lives)
    if told != +expected:
        yield f"{dict(told)} told, {dict(+expected)} counted"
    reasons = Counter(life.reason for life in evidence.lives if life.reason)
    if reasons != counts.lost:
        yield f"lost: {dict(reasons)} told, {dict(counts.lost)} counted"


def reports(evidence):
    """A report agrees with itself: who holds what, who has closed what, when, and how often."""
    for report in evidence.reports:
        facts, closed = report.facts, report.closed_at_ns != NEVER_NS
        unheard = ~facts.held[:, facts.reverse] | (facts.reverse < 0)
        odd = {
            "messages held are not those counted": int(facts.held.sum()) != report.messages.delivered,
            "an agent holds less than a round before": (np.diff(facts.latest, axis=0) < 0).any(),
            "an agent holds a message of a later round": (facts.latest > np.arange(facts.rounds)[:, None]).any(),
            "an agent holds messages of a round never closed": facts.held[~closed[:, facts.edges[:, 1]]].any(),
            "an agent closed a round and not the one before": (closed[1:] & ~closed[:-1]).any(),
            "a round was closed after the exchange had ended": (report.through_at_ns > report.ended_ns).any(),
            "an agent knows that it was heard, and it was not": (facts.confirmed & unheard).any(),
        }
        yield from (said for said, is_so in odd.items() if is_so)


def patience(evidence):
    """Where nothing fails, nobody spends longer in a round than its deadlines."""
    for report in [] if evidence.setting.network.faults else evidence.reports:
        if not report.finished.all():
            yield f"agents {np.flatnonzero(~report.finished).tolist()} never finished"
        elif report.acks is None and report.deadlines_ns is not None:
            late = report.round_times_ns > report.deadlines_ns
            if late.any():
                yield f"{int(late.sum())} rounds outlasted their deadline"


def operators(evidence):
    """Rows of operators sum to 1; applying a policy is multiplying by its operator."""
    for name, policy, facts in evidence.each():
        matrices = policy.operator(facts)
        off = np.abs(matrices.sum(axis=2) - 1.0).max()
        if name != SHRINKS and off > ROUNDING:
            yield f"{name}: a row sums to 1 ± {off:.2g}"
        off = np.abs(policy.apply(facts, evidence.values) - matrices @ evidence.values).max()
        if off > ROUNDING:
            yield f"{name}: applying differs from multiplying by {off:.2g}"


def agreement(evidence):
    """Agents that agree go on agreeing, to the last bit, whatever was lost."""
    agreed = np.full((evidence.setting.n_agents, 1), AGREED)
    for name, policy, facts in evidence.each():
        if name != SHRINKS and (policy.apply(facts, agreed) != AGREED).any():
            yield f"{name}: agents that agreed on {AGREED} do not any more"


def hull(evidence):
    """Values stay between the least and the largest that there were."""
    low, high = evidence.values.min(0) - ROUNDING, evidence.values.max(0) + ROUNDING
    for name, policy, facts in evidence.each():
        held = policy.apply(facts, evidence.values)
        if name != SHRINKS and ((held < low) | (held > high)).any():
            yield f"{name}: a value left the hull"


def symmetry(evidence):
    """Steps are symmetric and doubly stochastic: `symmetric`'s without an ack mismatch, all in rounds without loss."""
    for name, policy, facts in evidence.each():
        if not hasattr(policy, "step"):
            continue
        due = facts.ack_mismatch == 0 if name == "symmetric" else (facts.held == facts.active).all(axis=1)
        back = facts.active[:, facts.reverse] & (facts.reverse >= 0)
        for k in np.flatnonzero(due & (facts.active == (facts.active & back)).all(axis=1)):
            matrix = policy.step(facts)[k]
            off = max(np.abs(matrix - matrix.T).max(), np.abs(matrix.sum(0) - 1.0).max(), -matrix.min())
            if off > ROUNDING:
                yield f"{name}: step {k} is not symmetric and doubly stochastic, by {off:.2g}"


def mass(evidence):
    """Running sums: what is held and what is in flight add up to what there was, after every round."""
    values = evidence.values
    for report in evidence.reports:
        masses = RunningSum().masses(report.facts, values)
        off = np.abs(masses.held.sum(1) + masses.in_flight.sum(1) - values.sum(0)).max()
        zeta = masses.held_zeta.sum(1) + masses.in_flight_zeta.sum(1)
        off = max(off, np.abs(zeta - len(values)).max())
        if off > ROUNDING:
            yield f"{off:.2g} of the mass is gone, or too much"
        if masses.held_zeta.min() <= 0.0:
            yield "an agent holds no mass"


def repetition(evidence):
    """The same scenario and seed give the same, to the bit."""
    again = evidence_of(evidence.setting)
    for index, (report, other) in enumerate(zip(evidence.reports, again.reports, strict=True)):
        same = (
            np.array_equal(report.facts.latest, other.facts.latest)
            and np.array_equal(report.facts.confirmed, other.facts.confirmed)
            and np.array_equal(report.through_at_ns, other.through_at_ns)
            and report.messages == other.messages
        )
        if not same:
            yield f"exchange {index} differs when run again"
    if again.lives != evidence.lives:
        yield "messages fare otherwise when run again"


def relabelling(evidence):
    """Agents called otherwise, with their links, faults and random streams, fare as they did."""
    setting = evidence.setting
    number = stream(setting.seed, "relabelling").permutation(setting.n_agents)
    moved = evidence_of(setting, number.tolist())
    for index, (report, other) in enumerate(zip(evidence.reports, moved.reports, strict=True)):
        edges = number[report.facts.edges]
        order = np.lexsort((edges[:, 1], edges[:, 0])) if len(edges) else np.zeros(0, np.int64)
        same = (
            np.array_equal(other.facts.edges, edges[order])
            and np.array_equal(other.facts.latest, report.facts.latest[:, order])
            and np.array_equal(other.facts.confirmed, report.facts.confirmed[:, order])
            and np.array_equal(other.through_at_ns[:, number], report.through_at_ns)
            and (other.messages, other.wire_bytes) == (report.messages, report.wire_bytes)
        )
        if not same:
            yield f"exchange {index} differs if agents are called {number.tolist()}"


def influence(evidence):
    """Who was not heard by an agent, directly or through others, changes nothing of what it holds."""
    for name, policy, facts in evidence.each():
        heard = _heard_of(facts)
        before = policy.apply(facts, evidence.values)[-1]
        for agent in np.flatnonzero(~heard.all(axis=0)):
            values = evidence.values.copy()
            values[agent] += PERTURBATION
            changed = (policy.apply(facts, values)[-1] != before).any(axis=1)
            if (changed & ~heard[:, agent]).any():
                yield f"{name}: agent {agent} changes what {np.flatnonzero(changed & ~heard[:, agent]).tolist()} hold"


def _heard_of(facts):
    """Whose value may be in what an agent holds at the end, [N, N]."""
    heard = np.eye(facts.n_agents, dtype=bool)
    for latest in facts.latest:
        before = heard.copy()
        for edge in np.flatnonzero(latest >= 0):
            sender, receiver = facts.edges[edge]
            heard[receiver] |= before[sender]
    return heard


INVARIANTS = {
    check.__name__: check
    for check in (
        audit, lives, reports, patience, operators, agreement, hull, symmetry, mass, repetition, relabelling, influence,
    )
}  # fmt: skip
