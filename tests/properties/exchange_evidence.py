"""What the exchanges of a scenario leave, and what must hold of it, whatever the network did.

Each invariant yields what breaks it, in words. docs/design.md numbers some of them: 3 is operators, agreement and
symmetry; 4 mass; 6 audit and lives; 7 repetition; 9 relabelling; 10 influence. Where a policy is documented to break an
invariant (`zero_fill` and row sums, say), it is not asked to keep it.
"""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from small_networks import MS, Lives
from strategies import relabelled

from dvdn_sim.consensus import POLICIES, RunningSum
from dvdn_sim.network import NEVER, ExchangeReport, MessageCounts, Setting, SimulatedNetwork
from dvdn_sim.network.faults import renamed
from netmodels.streams import stream

ROUNDING = 1e-9
SHRINKS = "zero_fill"
"""The policy that keeps neither row sums nor agreement nor the hull."""
AGREED = 3.7
EXCHANGES = 3
LANDED_STEPS = 10**6
"""Steps of acting after which everything that was sent has arrived."""
LONGEST_CRASH_NS = 60 * MS
"""Of those with an end, among random scenarios."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Some exchanges in a row over one network, and what became of them.

    Attributes:
        setting: What was exchanged, over what.
        reports: Of the exchanges.
        audits: After each of them, and after everything had landed.
        counts: Outcomes of all messages, after everything had landed.
        packets: The same by kind and link, in packets.
        lives: What a probe was told.
        values: What agents held before each exchange [N, 2].
        policies: By name.
    """

    setting: Setting
    reports: list[ExchangeReport]
    audits: list[str]
    counts: MessageCounts
    packets: dict[tuple[str, int, int], MessageCounts]
    lives: Lives
    values: np.ndarray
    policies: dict

    def each(self):
        """Every policy with the facts of every exchange that it is made for; weights need links both ways."""
        for report in self.reports:
            facts = report.facts
            one_way = (facts.active & (~facts.active[:, facts.reverse] | (facts.reverse < 0))).any()
            for name, policy in self.policies.items():
                if POLICIES[name].shares or not one_way:
                    yield name, policy, facts


def evidence_of(setting, number=None):
    """Exchange a few times; agent i is called number[i], with its links, faults and random streams."""
    reports, audits, lives, n_agents = [], [], Lives(), setting.n_agents
    network = _network(setting, list(range(n_agents)) if number is None else list(number), lives)
    for index in range(EXCHANGES):
        network.act(1)
        about = {"rounds": setting.rounds, "size_bytes": setting.sent.size_bytes, "episode": index, "update": index}
        reports.append(network.exchange("td", **about))
        audits.append(_audit_of(network))
    network.act(LANDED_STEPS)
    audits.append(_audit_of(network))
    values = stream(setting.seed, "values").standard_normal((n_agents, 2))
    counters = network.counters
    return Evidence(setting, reports, audits, counters.messages, counters.packets, lives, values, setting.policies())


def _audit_of(network):
    negative = [link for link, counts in network.counters.packets.items() if counts.in_flight < 0]
    return f"less than nothing in flight: {negative}" if negative else network.counters.audit()


@dataclass(frozen=True)
class _Renumbered:
    """A topology whose agent i is called number[i]."""

    topology: object
    number: list[int]

    def graph(self, n_agents, *args, **options):
        return relabelled(self.topology.graph(n_agents, *args, **options), self.number)

    def describe(self):
        return self.topology.describe()


def _network(setting, number, lives):
    network, n_agents = setting.network, setting.n_agents
    faults = tuple(renamed(fault, dict(enumerate(number))) for fault in network.faults)
    others = tuple(replace(other, edge=(number[other.edge[0]], number[other.edge[1]])) for other in network.other_links)
    simulated = SimulatedNetwork(
        replace(network, faults=faults, other_links=others), n_agents=n_agents, seed=setting.seed,
        agent_keys=[number.index(agent) for agent in range(n_agents)], probe=lives,
    )  # fmt: skip
    simulated._topology = _Renumbered(network.topology, number)
    return simulated


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
    if told != +expected or told.total() != counts.sent:
        yield f"{dict(told)} told, {dict(+expected)} counted, {counts.sent} sent"
    reasons = Counter(life.reason for life in evidence.lives if life.reason)
    if reasons != counts.lost:
        yield f"lost: {dict(reasons)} told, {dict(counts.lost)} counted"


def reports(evidence):
    """A report agrees with itself: who holds what, who has closed what, when, and how often."""
    for report in evidence.reports:
        facts, closed = report.facts, report.closed_at_ns != NEVER
        unheard = ~facts.held[:, facts.reverse] | (facts.reverse < 0)
        there = facts.latest >= 0
        sent, all_sent = report.messages.sent, int(facts.active.sum())
        odd = {
            "messages held are not those counted": int(facts.held.sum()) != report.messages.delivered,
            "messages sent are not those of its graphs": sent > all_sent
            or (sent < all_sent and not evidence.setting.network.faults),
            "an agent holds what was never sent": not facts.active[facts.latest[there], np.nonzero(there)[1]].all(),
            "an agent holds less than a round before": (np.diff(facts.latest, axis=0) < 0).any(),
            "an agent holds a message of a later round": (facts.latest > np.arange(facts.rounds)[:, None]).any(),
            "an agent holds messages of a round never closed": facts.held[~closed[:, facts.edges[:, 1]]].any(),
            "an agent closed a round and not the one before": (closed[1:] & ~closed[:-1]).any(),
            "a round was closed after the exchange had ended": (report.through_at_ns > report.ended_ns).any(),
            "an agent knows that it was heard, and it was not": (facts.confirmed & unheard).any(),
            "an agent knows without acknowledgements": report.acks is None and facts.confirmed.any(),
        }
        yield from (said for said, is_so in odd.items() if is_so)


def patience(evidence):
    """Nobody spends longer in a round than its deadlines, nor an exchange longer than all of them and the crashes."""
    faults = evidence.setting.network.faults
    for report in evidence.reports:
        if not faults and not report.finished.all():
            yield f"agents {np.flatnonzero(~report.finished).tolist()} never finished"
        elif report.acks is None and report.deadlines_ns is not None and report.finished.any():
            late = report.round_times_ns > report.deadlines_ns
            if late.any() and not faults:
                yield f"{int(late.sum())} rounds outlasted their deadline"
            crashed_ns = LONGEST_CRASH_NS * (1 + len(faults)) if faults else 0
            waits_ns = int(report.deadlines_ns.max(axis=1).sum())
            if report.ended_ns > max(report.started_at_ns.max(), 0) + waits_ns + crashed_ns:
                yield "an exchange outlasted all its deadlines"


def operators(evidence):
    """Rows of operators are weights that sum to 1; applying a policy is multiplying by its operator."""
    for name, policy, facts in evidence.each():
        matrices = policy.operator(facts)
        off = max(np.abs(matrices.sum(axis=2) - 1.0).max(), -matrices.min())
        if name != SHRINKS and off > ROUNDING:
            yield f"{name}: a row sums to 1 ± {off:.2g}, or has a weight below 0"
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
    agents = np.arange(evidence.setting.n_agents)
    yield from _differing(evidence, evidence_of(evidence.setting), agents, "when run again")


def relabelling(evidence):
    """Agents called otherwise, with their links, faults and random streams, fare as they did."""
    number = stream(evidence.setting.seed, "relabelling").permutation(evidence.setting.n_agents)
    moved = evidence_of(evidence.setting, number.tolist())
    yield from _differing(evidence, moved, number, f"if agents are called {number.tolist()}")


def _differing(evidence, other, number, when):
    for index, (mine, moved) in enumerate(zip(evidence.reports, other.reports, strict=True)):
        edges = number[mine.facts.edges]
        order = np.lexsort((edges[:, 1], edges[:, 0])) if len(edges) else np.zeros(0, np.int64)
        same = (
            np.array_equal(moved.facts.edges, edges[order])
            and all(
                np.array_equal(getattr(moved.facts, each), getattr(mine.facts, each)[:, order])
                for each in ("active", "latest", "confirmed")
            )
            and all(
                np.array_equal(getattr(moved, each)[..., number], getattr(mine, each))
                for each in ("started_at_ns", "through_at_ns", "deadlines_ns")
                if getattr(mine, each) is not None
            )
            and (moved.messages, moved.acks, moved.wire_bytes) == (mine.messages, mine.acks, mine.wire_bytes)
        )
        if not same:
            yield f"exchange {index} differs {when}"
    packets = {
        (kind, number[sender], number[receiver]): counts
        for (kind, sender, receiver), counts in evidence.packets.items()
    }
    lives = [life._replace(sender=number[life.sender], receiver=number[life.receiver]) for life in evidence.lives]
    if packets != other.packets or sorted(lives) != sorted(other.lives):
        yield f"messages fare otherwise {when}"


def influence(evidence):
    """What an agent held has no weight where no message can have carried it, directly or through others."""
    came = {id(report.facts): _could_have_come(evidence, k) for k, report in enumerate(evidence.reports)}
    for name, policy, facts in evidence.each():
        without = np.argwhere((policy.operator(facts)[-1] != 0.0) & ~came[id(facts)])
        yield from (f"{name}: agent {sender} changes what {agent} holds" for agent, sender in without.tolist())


def _could_have_come(evidence, update):
    """Bool [N, N]: whether what j held at first can have come to i, by the messages that arrived, in time or late.

    A message of round k can carry on what had come to its sender before that round.
    """
    came = {(life.round, life.sender, life.receiver) for life in evidence.lives
            if (life.kind, life.update) == ("td", update) and life.outcome in ("delivered", "late")}  # fmt: skip
    reached = np.eye(evidence.setting.n_agents, dtype=bool)
    for k in range(evidence.setting.rounds):
        before = reached.copy()
        for sent, sender, receiver in came:
            if sent == k:
                reached[receiver] |= before[sender]
    return reached


INVARIANTS = {
    check.__name__: check
    for check in (
        audit, lives, reports, patience, operators, agreement, hull, symmetry, mass, repetition, relabelling, influence,
    )
}  # fmt: skip
