"""What became of every message and packet: counters of a run and of an exchange, and the lives that probes are told.

The network does not measure itself: it counts outcomes, whose audit must add up at any time, and tells a probe each
message's life once it is over.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import starmap
from typing import Any, Literal, NamedTuple, Protocol, Self

import numpy as np
import numpy.typing as npt

from netmodels import Transfer
from netmodels.topology import Graph
from netmodels.units import checked_state

NEVER = -1
"""Stands for the time, or the step, of what did not happen."""

Waits = npt.NDArray[np.int64]
"""How long agents wait in nanoseconds, by round and agent ``[K][N]``."""
Outcome = Literal["delivered", "late", "expired"]
LOST = "lost"


class MessageLife(NamedTuple):
    """The life of one message, once it is over. A broadcast is one message to each neighbour.

    Attributes:
        kind: What it carried, such as `td` or `ack`.
        update: Index of the update it belonged to.
        round: Of the exchange.
        sender: Index.
        receiver: Index.
        sent_ns: When it was handed over.
        bytes: Payload.
        packets: How many it was cut into.
        outcome: `delivered`, `late`, `expired` or `lost`.
        reason: Why it was lost; empty if it was not.
        arrived_ns: When it was there, whole; -1 if it was lost.
    """

    kind: str
    update: int
    round: int
    sender: int
    receiver: int
    sent_ns: int
    bytes: int
    packets: int
    outcome: str
    reason: str
    arrived_ns: int


class Probe(Protocol):
    """Whoever wants to know what becomes of messages."""

    def message(self, life: MessageLife) -> None:
        """Take one message's life: when it is lost at hand-over, else when its round closes or it comes later.

        A message whose receiver crashes before it closes the round has expired, and is told when the exchange ends.
        Those still on their way at the end of a run are not told.
        """


@dataclass(slots=True)
class MessageCounts:
    """Outcomes of messages (or of their packets): sent = delivered + late + expired + lost + in flight, at any time.

    Attributes:
        sent: Handed over by their senders.
        in_flight: Whose arrival is scheduled, or whose round is still to be closed by the receiver: counted apart from
            all outcomes.
        delivered: There, whole, when the receiver closed their round.
        late: There after that, but before the receiver closed its last round.
        expired: There after the receiver closed its last round, or lost what it held.
        lost: By reason. For packets, `incomplete` counts those that arrived in a message that did not.
        duplicates: Second copies that arrived; counted apart.
    """

    sent: int = 0
    in_flight: int = 0
    delivered: int = 0
    late: int = 0
    expired: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0

    @property
    def settled(self) -> int:
        """Those whose outcome is known."""
        return self.delivered + self.late + self.expired + self.lost.total()

    def settle(self, outcome: Outcome, number: int = 1) -> None:
        """Count messages that were in flight under their outcome."""
        self.in_flight -= number
        setattr(self, outcome, getattr(self, outcome) + number)

    def add(self, other: "MessageCounts") -> None:
        """Count what others have counted, too."""
        self.sent += other.sent
        self.in_flight += other.in_flight
        self.delivered += other.delivered
        self.late += other.late
        self.expired += other.expired
        self.duplicates += other.duplicates
        for reason, number in other.lost.items():
            self.lost[reason] += number

    def __add__(self, other: "MessageCounts") -> "MessageCounts":
        """Return the counts of both together."""
        both = MessageCounts()
        both.add(self)
        both.add(other)
        return both

    def as_json(self) -> dict[str, Any]:
        """Return the counts under the names that records, manifests and checkpoints give them."""
        return {
            "sent": self.sent,
            "held": self.delivered,
            "late": self.late,
            "expired": self.expired,
            "lost": dict(sorted(self.lost.items())),
            "in_flight": self.in_flight,
            "duplicates": self.duplicates,
        }

    @classmethod
    def from_json(cls, counts: Mapping[str, Any]) -> Self:
        """Make the counts that `as_json` gave."""
        checked_state(counts, list(cls().as_json()), "count of messages")
        delivered, lost = counts["held"], Counter(counts["lost"])
        others = {name: counts[name] for name in counts if name not in {"held", "lost"}}
        return cls(**others, delivered=delivered, lost=lost)


Packets = dict[tuple[str, int, int], MessageCounts]
"""Counts of packets, by (kind of message, sender, receiver)."""


class Fold(Protocol):
    """See `NetworkCounters.fold`."""

    def __call__(self, packets: Packets, *, doubtful: bool = False) -> None:
        """Add to these counts."""


@dataclass
class NetworkCounters:
    """Counts of a whole run of one team.

    Attributes:
        messages: All messages.
        wire_bytes: Bytes put on the wire, headers included.
        airtime_ns: Time that transmitters spent sending them.
        flights: Messages on their way when their exchange was over, in order of arrival. They are used no more: the
            life of each is that of a message that has expired.
        fold: Adds packets that are counted elsewhere; of all links, or of those whose counts may not add up.
    """

    messages: MessageCounts = field(default_factory=MessageCounts)
    wire_bytes: int = 0
    airtime_ns: int = 0
    flights: list[MessageLife] = field(default_factory=list)
    fold: "Fold | None" = None
    _packets: Packets = field(default_factory=dict)

    @property
    def packets(self) -> Packets:
        """Packets, by (kind of message, sender, receiver)."""
        if self.fold is not None:
            self.fold(self._packets)
        return self._packets

    def of_link(self, kind: str, sender: int, receiver: int) -> MessageCounts:
        """Return the packet counts of one kind of message on one link."""
        key = (kind, sender, receiver)
        found = self._packets.get(key)
        if found is None:  # not `setdefault`, which makes new counts each time: every exchange asks for all its links
            found = self._packets[key] = MessageCounts()
        return found

    def leave(self, lives: Iterable[MessageLife], now_ns: int, probe: Probe | None) -> None:
        """Leave behind what is on its way when an exchange is over."""
        self.flights += lives
        self.flights.sort(key=lambda life: (life.arrived_ns, life))
        self.land(now_ns + 1, probe)

    def land(self, before_ns: int, probe: Probe | None) -> None:
        """Let messages arrive, and expire, that are there before a time."""
        number = bisect_left(self.flights, before_ns, key=lambda life: life.arrived_ns)
        for life in self.flights[:number]:
            self.messages.settle("expired")
            self.of_link(life.kind, life.sender, life.receiver).settle("expired", life.packets)
            if probe is not None:
                probe.message(life)
        del self.flights[:number]

    def state(self) -> dict[str, Any]:
        """Return all counts as JSON can say them."""
        return {
            "messages": self.messages.as_json(),
            "packets": [[*link, counts.as_json()] for link, counts in sorted(self.packets.items())],
            "wire_bytes": self.wire_bytes,
            "airtime_ns": self.airtime_ns,
            "flights": [list(life) for life in self.flights],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Make the counters of a state; ValueError if its flights are no messages, or others than are in flight."""
        checked_state(state, list(cls().state()), "counter of a network")
        messages = MessageCounts.from_json(state["messages"])
        packets = {(kind, i, j): MessageCounts.from_json(counts) for kind, i, j, counts in state["packets"]}
        for values in state["flights"]:
            if len(values) != len(MessageLife._fields):
                raise ValueError(f"flights: expected {', '.join(MessageLife._fields)}, got {values}")
        flights = list(starmap(MessageLife, state["flights"]))
        if len(flights) != messages.in_flight:
            raise ValueError(f"flights: expected the {messages.in_flight} messages on their way, got {len(flights)}")
        return cls(messages, state["wire_bytes"], state["airtime_ns"], flights, _packets=packets)

    def audit(self) -> str:
        """Say what does not add up, or "ok".

        >>> counters = NetworkCounters()
        >>> counters.messages.sent += 1
        >>> counters.audit()
        'messages: 1 sent, 0 settled, 0 in flight'
        """
        if self.fold is not None:
            self.fold(self._packets, doubtful=True)
        counts = {"messages": self.messages} | {
            f"{kind} packets {sender} to {receiver}": count
            for (kind, sender, receiver), count in sorted(self._packets.items())
        }
        findings = [
            f"{what}: {count.sent} sent, {count.settled} settled, {count.in_flight} in flight"
            for what, count in counts.items()
            # Fewer than none in flight: one that was held is counted as lost, too.
            if count.sent - count.settled != count.in_flight or count.in_flight < 0
        ]
        return "; ".join(findings) or "ok"


class Phase(NamedTuple):
    """One phase of an exchange: messages of one kind, from every agent to its neighbours.

    Attributes:
        kind: What they carry.
        round: That they belong to.
        size_bytes: Payload of each.
        counts: Their outcomes; shared by the phases of a kind.
        graph: Of the round.
        copies: How often each message is sent.
        deadlines_ns: How long each agent waits; None for as long as it takes.
        acks: Whether they are acknowledgements.
    """

    kind: str
    round: int
    size_bytes: int
    counts: MessageCounts
    graph: Graph
    copies: int
    deadlines_ns: npt.NDArray[np.int64] | None
    acks: bool = False

    @classmethod
    def of_rounds(
        cls, kind: str, graphs: Sequence[Graph], size_bytes: int, deadlines_ns: Waits | None, copies: int = 1
    ) -> "list[Phase]":
        """Return a phase of messages, or acknowledgements, over the graph of each round; counted together."""
        counts = MessageCounts()
        waits = [None] * len(graphs) if deadlines_ns is None else deadlines_ns
        acks = kind == "ack"
        return [
            cls(kind, k, size_bytes, counts, graph, copies, wait_ns, acks)
            for k, (graph, wait_ns) in enumerate(zip(graphs, waits, strict=True))
        ]


class ExchangeCounters:
    """Counts the messages of one exchange, by phase and link, into the counters of the run, and tells the probe.

    Attributes:
        wire_bytes: Bytes put on the wire.
    """

    def __init__(
        self,
        network: NetworkCounters,
        phases: Sequence[Phase],
        edges: Sequence[tuple[int, int]],
        probe: Probe | None,
        update: int,
    ) -> None:
        self._network, self._phases, self._edges = network, phases, edges
        self._probe, self._update = probe, update
        kinds = dict.fromkeys(phase.kind for phase in phases)
        of_kind = {kind: [network.of_link(kind, *edge) for edge in edges] for kind in kinds}
        self._packets = [of_kind[phase.kind] for phase in phases]
        sizes = {kind: [0] * len(edges) for kind in kinds}
        self._sizes = [sizes[phase.kind] for phase in phases]  # packets of a message
        # By link and phase, when what is there was sent and came: kept for the probe alone.
        self._came: dict[tuple[int, int], tuple[int, int]] = {}
        self.wire_bytes = 0

    def put_on_wire(self, wire_bytes: int, airtime_ns: int) -> None:
        """Count what a transmitter sent."""
        self.wire_bytes += wire_bytes
        self._network.wire_bytes += wire_bytes
        self._network.airtime_ns += airtime_ns

    def hand_over(self, edge: int, p: int, transfer: Transfer, missed: int) -> bool:
        """Count a message handed over, of which `missed` packets find their receiver down; say if it will arrive."""
        counts, messages, packets = self._phases[p].counts, self._network.messages, self._packets[p][edge]
        counts.sent += 1
        messages.sent += 1
        packets.sent += transfer.packets
        if transfer.duplicates:
            for count in (counts, messages, packets):
                count.duplicates += transfer.duplicates
        if transfer.lost_reason is not None:
            self._lose(edge, p, transfer, transfer.lost_reason, transfer.packets_lost)
        elif missed:
            self._lose(edge, p, transfer, "node_down", [("node_down", missed)])
        else:
            counts.in_flight += 1
            messages.in_flight += 1
            packets.in_flight += transfer.packets
            self._sizes[p][edge] = transfer.packets
            return True
        return False

    def _lose(self, edge: int, p: int, transfer: Transfer, reason: str, lost: Iterable[tuple[str, int]]) -> None:
        self._phases[p].counts.lost[reason] += 1
        self._network.messages.lost[reason] += 1
        packets, arrived = self._packets[p][edge], transfer.packets
        for why, number in lost:
            packets.lost[why] += number
            arrived -= number
        if arrived:
            packets.lost["incomplete"] += arrived
        if self._probe is not None:
            life = self._life(edge, p, LOST, transfer.handed_over_ns, NEVER)
            self._probe.message(life._replace(reason=reason, packets=transfer.packets))

    def is_there(self, edge: int, p: int, sent_ns: int, now_ns: int) -> None:
        """Note a message whose phase its receiver has yet to close."""
        if self._probe is not None:
            self._came[edge, p] = (sent_ns, now_ns)

    def deliver(self, edges: Sequence[int], p: int) -> None:
        """Count the messages that are there when their receiver closes their phase."""
        packets, sizes, number = self._packets[p], self._sizes[p], len(edges)
        # Written out rather than by `settle`: most messages of a run are counted here.
        for edge in edges:
            counts, size = packets[edge], sizes[edge]
            counts.delivered += size
            counts.in_flight -= size
        for total in (self._phases[p].counts, self._network.messages):
            total.delivered += number
            total.in_flight -= number
        if self._probe is not None:
            for edge in edges:
                self._probe.message(self._life(edge, p, "delivered", *self._came.pop((edge, p))))

    def settle(self, outcome: Outcome, edge: int, p: int, sent_ns: int, now_ns: int) -> None:
        """Count a message whose outcome is clear as it comes."""
        self._network.messages.settle(outcome)
        self._phases[p].counts.settle(outcome)
        self._packets[p][edge].settle(outcome, self._sizes[p][edge])
        if self._probe is not None:
            self._probe.message(self._life(edge, p, outcome, sent_ns, now_ns))

    def expire(self, edge: int, p: int) -> None:
        """Count a message that was there, and that its receiver will not use any more."""
        self.settle("expired", edge, p, *self._came.pop((edge, p), (NEVER, NEVER)))

    def leave(self, flights: Iterable[tuple[int, int, int, int]], now_ns: int) -> None:
        """Leave behind what is on its way when the exchange is over, by edge, phase, and when it was sent and comes."""
        lives = (self._life(edge, p, "expired", *times) for edge, p, *times in flights)
        self._network.leave(lives, now_ns, self._probe)

    def _life(self, edge: int, p: int, outcome: str, sent_ns: int, arrived_ns: int) -> MessageLife:
        """Return the life of a message on a link in a phase."""
        phase, (sender, receiver), packets = self._phases[p], self._edges[edge], self._sizes[p][edge]
        return MessageLife(
            phase.kind, self._update, phase.round, sender, receiver, sent_ns, phase.size_bytes, packets, outcome, "",
            arrived_ns,
        )  # fmt: skip
