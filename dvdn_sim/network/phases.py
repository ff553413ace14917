"""The phases of an exchange: in each, every agent sends to its neighbours, waits, and closes.

A round is one phase, or two: that of its messages, and that of the acknowledgements that say whose came.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from dvdn_sim.network.ledger import MessageCounts
from netmodels.topology import Graph


@dataclass(frozen=True)
class Acks:
    """How messages are acknowledged.

    Attributes:
        size_bytes: Payload of an acknowledgement.
        repeat: How often each is sent.
        deadline_ns: How long an agent waits for its neighbours' acknowledgements, for all rounds, or by round and
            agent ``[K][N]``.
    """

    size_bytes: int
    repeat: int
    deadline_ns: int | Sequence[Sequence[int]]


@dataclass(frozen=True)
class Phase:
    """One phase of an exchange.

    Attributes:
        kind: What its messages carry.
        round: That it belongs to.
        acks: Whether its messages are acknowledgements.
        graph: Of the round.
        size_bytes: Payload of each message.
        copies: How often each message is sent.
        deadlines_ns: How long each agent waits; None for as long as it takes.
        counts: What became of its messages; shared by the phases of a kind.
    """

    kind: str
    round: int
    acks: bool
    graph: Graph
    size_bytes: int
    copies: int
    deadlines_ns: Sequence[int] | None
    counts: MessageCounts = field(compare=False)


def phases_of(
    kind: str,
    graphs: Sequence[Graph],
    size_bytes: int,
    deadline_ns: int | Sequence[Sequence[int]] | None,
    acks: Acks | None,
) -> list[Phase]:
    """Lay out the phases of an exchange.

    Args:
        kind: What the messages carry, such as `td`.
        graphs: Of each round.
        size_bytes: Payload of every message.
        deadline_ns: How long an agent waits in a round, for all, or by round and agent ``[K][N]``; None for as long
            as it takes.
        acks: How messages are acknowledged; None if they are not.
    """
    phases = []
    counts, ack_counts = MessageCounts(), MessageCounts()
    for k, graph in enumerate(graphs):
        waits = _waits(deadline_ns, k, graph)
        phases.append(
            Phase(kind, k, acks=False, graph=graph, size_bytes=size_bytes, copies=1, deadlines_ns=waits, counts=counts)
        )
        if acks is not None:
            waits = _waits(acks.deadline_ns, k, graph)
            phases.append(
                Phase(
                    "ack",
                    k,
                    acks=True,
                    graph=graph,
                    size_bytes=acks.size_bytes,
                    copies=acks.repeat,
                    deadlines_ns=waits,
                    counts=ack_counts,
                )
            )
    return phases


def _waits(deadline_ns: int | Sequence[Sequence[int]] | None, k: int, graph: Graph) -> Sequence[int] | None:
    if deadline_ns is None:
        return None
    return [deadline_ns] * graph.n_agents if isinstance(deadline_ns, int) else deadline_ns[k]
