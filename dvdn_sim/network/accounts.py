"""The accounts of one exchange: every message and packet from its hand-over to its fate, for the ledger and probes."""

from collections.abc import Iterable, Sequence

from dvdn_sim.network.ledger import Ledger
from dvdn_sim.network.phases import Phase
from dvdn_sim.network.probe import MessageLife, Probe
from dvdn_sim.network.report import NEVER_NS
from netmodels import Transfer
from netmodels.topology.graph import Edge


class Accounts:
    """Counts the messages of one exchange, by phase and link.

    Attributes:
        wire_bytes: Bytes put on the wire.
    """

    def __init__(
        self, ledger: Ledger, phases: Sequence[Phase], edges: Sequence[Edge], probe: Probe | None, update: int
    ) -> None:
        """Open the accounts.

        Args:
            ledger: Of the run.
            phases: Of the exchange.
            edges: All links that any phase uses.
            probe: Is told every message's life.
            update: Index of the update, for the probe.
        """
        self._ledger, self._phases, self._edges = ledger, phases, edges
        self._probe, self._update = probe, update
        kinds = dict.fromkeys(phase.kind for phase in phases)
        of_kind = {kind: [ledger.of_link(kind, *edge) for edge in edges] for kind in kinds}
        self._packets = [of_kind[phase.kind] for phase in phases]
        sizes = {kind: [0] * len(edges) for kind in kinds}
        self._sizes = [sizes[phase.kind] for phase in phases]  # packets of a message
        self._came: dict[
            tuple[int, int], tuple[int, int]
        ] = {}  # by link and phase, when what is there was sent and came
        self.wire_bytes = 0

    def put_on_wire(self, wire_bytes: int, airtime_ns: int) -> None:
        """Count what a transmitter sent."""
        self.wire_bytes += wire_bytes
        self._ledger.wire_bytes += wire_bytes
        self._ledger.airtime_ns += airtime_ns

    def hand_over(self, edge: int, p: int, transfer: Transfer, missed: int) -> bool:
        """Count a message that was handed over; say whether it will arrive.

        Args:
            edge: Its link.
            p: Its phase.
            transfer: What the link made of it.
            missed: How many of its packets come while the receiver is down.
        """
        counts, messages, packets = self._phases[p].counts, self._ledger.messages, self._packets[p][edge]
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
            counts.flying += 1
            messages.flying += 1
            packets.flying += transfer.packets
            self._sizes[p][edge] = transfer.packets
            return True
        return False

    def _lose(self, edge: int, p: int, transfer: Transfer, reason: str, lost: Iterable[tuple[str, int]]) -> None:
        self._phases[p].counts.lost[reason] += 1
        self._ledger.messages.lost[reason] += 1
        packets, arrived = self._packets[p][edge], transfer.packets
        for why, number in lost:
            packets.lost[why] += number
            arrived -= number
        if arrived:
            packets.lost["incomplete"] += arrived
        if self._probe is not None:
            times = (transfer.handed_over_ns, NEVER_NS)
            self._probe.message(self.life(edge, p, "lost", times)._replace(reason=reason, packets=transfer.packets))

    def is_there(self, edge: int, p: int, sent_ns: int, now_ns: int) -> None:
        """Note a message whose phase its receiver has yet to close."""
        if self._probe is not None:
            self._came[edge, p] = (sent_ns, now_ns)

    def hold(self, edges: Sequence[int], p: int) -> None:
        """Count the messages that are there when their receiver closes their phase."""
        packets, sizes, number = self._packets[p], self._sizes[p], len(edges)
        for edge in edges:
            counts, size = packets[edge], sizes[edge]
            counts.held += size
            counts.flying -= size
        for total in (self._phases[p].counts, self._ledger.messages):
            total.held += number
            total.flying -= number
        if self._probe is not None:
            for edge in edges:
                self._probe.message(self.life(edge, p, "held", self._came.pop((edge, p))))

    def expire(self, edge: int, p: int) -> None:
        """Count a message that was there, and that its receiver will not use any more."""
        self._count("expired", edge, p)
        if self._probe is not None:
            self._probe.message(self.life(edge, p, "expired", self._came.pop((edge, p))))

    def settle(self, fate: str, edge: int, p: int, sent_ns: int, now_ns: int) -> None:
        """Count a message whose fate is clear as it comes."""
        self._count(fate, edge, p)
        if self._probe is not None:
            self._probe.message(self.life(edge, p, fate, (sent_ns, now_ns)))

    def _count(self, fate: str, edge: int, p: int) -> None:
        totals = [
            (self._ledger.messages, 1),
            (self._phases[p].counts, 1),
            (self._packets[p][edge], self._sizes[p][edge]),
        ]
        for counts, number in totals:
            counts.flying -= number
            setattr(counts, fate, getattr(counts, fate) + number)

    def life(self, edge: int, p: int, fate: str, times_ns: tuple[int, int]) -> MessageLife:
        """The life of a message on a link in a phase, that was sent and is there at these times."""
        phase, (sender, receiver), (sent_ns, arrived_ns) = self._phases[p], self._edges[edge], times_ns
        return MessageLife(
            kind=phase.kind,
            update=self._update,
            round=phase.round,
            sender=sender,
            receiver=receiver,
            sent_ns=sent_ns,
            bytes=phase.size_bytes,
            packets=self._sizes[p][edge],
            fate=fate,
            reason="",
            arrived_ns=arrived_ns,
        )
