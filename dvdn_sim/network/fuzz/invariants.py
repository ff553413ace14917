"""What must hold of any exchanges, whatever the network did. Each invariant yields what breaks it, in words.

Where a policy is documented to break an invariant (`zero_fill` and row sums, say), it is not asked to keep it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

from dvdn_sim.consensus import Facts, Policy, RunningSum
from dvdn_sim.network import NEVER_NS, ExchangeReport
from dvdn_sim.network.fuzz.evidence import Evidence, evidence_of
from netmodels.streams import stream

Bools = npt.NDArray[np.bool_]

ROUNDING = 1e-9
SHRINKS = "zero_fill"
"""The policy that keeps neither row sums nor agreement nor the hull."""
AGREED = 3.7
PERTURBATION = 1e6


def audit(evidence: Evidence) -> Iterator[str]:
    """Sent = held + late + expired + lost + in flight, in messages and packets; nothing is in flight for ever."""
    for index, said in enumerate(evidence.audits):
        if said != "ok":
            yield f"after exchange {index}: {said}"
    if evidence.counts.in_flight:
        yield f"{evidence.counts.in_flight} messages never arrive"


def lives(evidence: Evidence) -> Iterator[str]:
    """What a probe is told adds up to the ledger, by fate and reason."""
    counts = evidence.counts
    expected = Counter(delivered=counts.delivered, late=counts.late, expired=counts.expired, lost=counts.lost.total())
    told = Counter(life.outcome for life in evidence.lives)
    if told != +expected:
        yield f"{dict(told)} told, {dict(+expected)} counted"
    reasons = Counter(life.reason for life in evidence.lives if life.reason)
    if reasons != counts.lost:
        yield f"lost: {dict(reasons)} told, {dict(counts.lost)} counted"


def reports(evidence: Evidence) -> Iterator[str]:
    """A report agrees with itself: who holds what, who has closed what, when, and how often."""
    for index, report in enumerate(evidence.reports):
        yield from (f"exchange {index}: {said}" for said in _odd(report))


def _odd(report: ExchangeReport) -> Iterator[str]:
    facts, closed = report.facts, report.closed_at_ns != NEVER_NS
    if int(facts.held.sum()) != report.messages.delivered:
        yield f"{int(facts.held.sum())} messages held, {report.messages.delivered} counted"
    if (np.diff(facts.latest, axis=0) < 0).any():
        yield "an agent holds less than a round before"
    if (facts.latest > np.arange(facts.rounds)[:, None]).any():
        yield "an agent holds a message of a later round"
    if facts.held[~closed[:, facts.edges[:, 1]]].any():
        yield "an agent holds messages of a round that it never closed"
    if (closed[1:] & ~closed[:-1]).any():
        yield "an agent closed a round and not the one before"
    if (report.through_at_ns > report.ended_ns).any():
        yield "a round was closed after the exchange had ended"
    both = facts.confirmed & ~facts.held[:, facts.reverse]
    if (both & (facts.reverse >= 0)).any() or (facts.confirmed & (facts.reverse < 0)).any():
        yield "an agent knows of a message that it was heard, and it was not"


def patience(evidence: Evidence) -> Iterator[str]:
    """Where nothing fails, nobody spends longer in a round than its deadlines."""
    if evidence.setting.network.faults:
        return
    for index, report in enumerate(evidence.reports):
        if not report.finished.all():
            yield f"exchange {index}: agents {np.flatnonzero(~report.finished).tolist()} never finished"
        elif report.acks is None and report.deadlines_ns is not None:
            late = report.round_times_ns > report.deadlines_ns
            if late.any():
                yield f"exchange {index}: {int(late.sum())} rounds outlasted their deadline"


def operators(evidence: Evidence) -> Iterator[str]:
    """Rows of operators sum to 1; applying a policy is multiplying by its operator."""
    for name, policy, facts in _policies(evidence):
        matrices = policy.operator(facts)
        off = np.abs(matrices.sum(axis=2) - 1.0).max()
        if name != SHRINKS and off > ROUNDING:
            yield f"{name}: a row sums to 1 ± {off:.2g}"
        applied = policy.apply(facts, evidence.values)
        off = np.abs(applied - matrices @ evidence.values).max()
        if off > ROUNDING:
            yield f"{name}: applying differs from multiplying by {off:.2g}"


def agreement(evidence: Evidence) -> Iterator[str]:
    """Agents that agree go on agreeing, to the last bit, whatever was lost."""
    agreed = np.full((evidence.setting.n_agents, 1), AGREED)
    for name, policy, facts in _policies(evidence):
        if name != SHRINKS and (policy.apply(facts, agreed) != AGREED).any():
            yield f"{name}: agents that agreed on {AGREED} do not any more"


def hull(evidence: Evidence) -> Iterator[str]:
    """Values stay between the least and the largest that there were."""
    low, high = evidence.values.min(0) - ROUNDING, evidence.values.max(0) + ROUNDING
    for name, policy, facts in _policies(evidence):
        held = policy.apply(facts, evidence.values)
        if name != SHRINKS and ((held < low) | (held > high)).any():
            yield f"{name}: a value left the hull"


def symmetry(evidence: Evidence) -> Iterator[str]:
    """Steps are symmetric and doubly stochastic: `symmetric`'s without an ack mismatch, all in rounds without loss."""
    for name, policy, facts in _policies(evidence):
        step = getattr(policy, "step", None)
        if step is None:
            continue
        whole = (facts.held == facts.active).all(axis=1)
        due = facts.ack_mismatch == 0 if name == "symmetric" else whole
        for k in np.flatnonzero(due & _both_ways(facts)):
            matrix = step(facts)[k]
            off = max(np.abs(matrix - matrix.T).max(), np.abs(matrix.sum(0) - 1.0).max(), -matrix.min())
            if off > ROUNDING:
                yield f"{name}: step {k} is not symmetric and doubly stochastic, by {off:.2g}"


def _both_ways(facts: Facts) -> Bools:
    """Which rounds' graphs have every link in both directions."""
    back = facts.active[:, facts.reverse] & (facts.reverse >= 0)
    return np.asarray((facts.active == (facts.active & back)).all(axis=1))


def mass(evidence: Evidence) -> Iterator[str]:
    """Running sums: what is held and what is in flight add up to what there was, after every round."""
    values = evidence.values
    for index, report in enumerate(evidence.reports):
        masses = RunningSum().masses(report.facts, values)
        off = np.abs(masses.held.sum(1) + masses.in_flight.sum(1) - values.sum(0)).max()
        zeta = masses.held_zeta.sum(1) + masses.in_flight_zeta.sum(1)
        off = max(off, np.abs(zeta - len(values)).max())
        if off > ROUNDING:
            yield f"exchange {index}: {off:.2g} of the mass is gone, or too much"
        if masses.held_zeta.min() <= 0.0:
            yield f"exchange {index}: an agent holds no mass"


def repetition(evidence: Evidence) -> Iterator[str]:
    """The same scenario and seed give the same, to the bit."""
    again = evidence_of(evidence.setting)
    for index, (report, other) in enumerate(zip(evidence.reports, again.reports, strict=True)):
        if not _same(report, other):
            yield f"exchange {index} differs when run again"
    if again.lives != evidence.lives:
        yield "messages fare otherwise when run again"


def _same(report: ExchangeReport, other: ExchangeReport) -> bool:
    return (
        np.array_equal(report.facts.latest, other.facts.latest)
        and np.array_equal(report.facts.confirmed, other.facts.confirmed)
        and np.array_equal(report.through_at_ns, other.through_at_ns)
        and report.messages == other.messages
    )


def relabelling(evidence: Evidence) -> Iterator[str]:
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


def influence(evidence: Evidence) -> Iterator[str]:
    """Who was not heard by an agent, directly or through others, changes nothing of what it holds."""
    for name, policy, facts in _policies(evidence):
        heard = _heard_of(facts)
        before = policy.apply(facts, evidence.values)[-1]
        for agent in np.flatnonzero(~heard.all(axis=0)):
            values = evidence.values.copy()
            values[agent] += PERTURBATION
            changed = (policy.apply(facts, values)[-1] != before).any(axis=1)
            if (changed & ~heard[:, agent]).any():
                yield f"{name}: agent {agent} changes what {np.flatnonzero(changed & ~heard[:, agent]).tolist()} hold"


def _heard_of(facts: Facts) -> Bools:
    """Whose value may be in what an agent holds at the end, ``[N, N]``."""
    heard = np.eye(facts.n_agents, dtype=bool)
    for latest in facts.latest:
        before = heard.copy()
        for edge in np.flatnonzero(latest >= 0):
            sender, receiver = facts.edges[edge]
            heard[receiver] |= before[sender]
    return heard


def _policies(evidence: Evidence) -> Iterator[tuple[str, Policy, Facts]]:
    for report in evidence.reports:
        for name, policy in evidence.setting.policies(report.facts).items():
            yield name, policy, report.facts


INVARIANTS: Mapping[str, Callable[[Evidence], Iterator[str]]] = {
    check.__name__: check
    for check in (
        audit,
        lives,
        reports,
        patience,
        operators,
        agreement,
        hull,
        symmetry,
        mass,
        repetition,
        relabelling,
        influence,
    )
}
"""By name. docs/design.md numbers some of them: 3 is operators, agreement and symmetry; 4 mass; 6 audit and lives; 7
repetition; 9 relabelling; 10 influence.
"""
