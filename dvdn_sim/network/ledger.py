"""What became of every message and packet. The audit at the end says what does not add up."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class MessageCounts:
    """Fates of messages (or of their packets).

    sent = held + late + expired + lost + in flight, at any time.

    Attributes:
        sent: Handed over by their senders.
        held: There, whole, when the receiver closed their round.
        late: There after that, but before the receiver closed its last round.
        expired: There after the receiver closed its last round.
        lost: By reason. For packets, `incomplete` counts those that arrived in a message that did not.
        duplicates: Second copies that arrived; counted apart.
    """

    sent: int = 0
    held: int = 0
    late: int = 0
    expired: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0

    @property
    def settled(self) -> int:
        """Those whose fate is known."""
        return self.held + self.late + self.expired + self.lost.total()

    @property
    def in_flight(self) -> int:
        """Those still on their way."""
        return self.sent - self.settled


@dataclass
class Ledger:
    """Counts of a whole run of one team.

    Attributes:
        messages: All messages.
        packets: Packets, by (kind of message, sender, receiver).
        wire_bytes: Bytes put on the wire, headers included.
        airtime_ns: Time that transmitters spent sending them.
        flying: Messages whose arrival is scheduled and has not come: counted by the transport, apart from all fates.
    """

    messages: MessageCounts = field(default_factory=MessageCounts)
    packets: dict[tuple[str, int, int], MessageCounts] = field(default_factory=dict)
    wire_bytes: int = 0
    airtime_ns: int = 0
    flying: int = 0

    def of_link(self, kind: str, sender: int, receiver: int) -> MessageCounts:
        """Packet counts of one kind of message on one link."""
        return self.packets.setdefault((kind, sender, receiver), MessageCounts())

    def audit(self) -> str:
        """Say what does not add up, or "ok".

        >>> ledger = Ledger()
        >>> ledger.messages.sent += 1
        >>> ledger.audit()
        'messages: 1 sent, 0 settled, 0 flying'
        """
        findings = []
        if self.messages.in_flight != self.flying:
            count = self.messages
            findings.append(f"messages: {count.sent} sent, {count.settled} settled, {self.flying} flying")
        if self.messages.in_flight == 0:
            findings += [
                f"{kind} packets {sender} to {receiver}: {count.sent} sent, {count.settled} settled"
                for (kind, sender, receiver), count in sorted(self.packets.items())
                if count.in_flight
            ]
        findings += [
            f"{kind} packets {sender} to {receiver}: {count.settled} settled of {count.sent} sent"
            for (kind, sender, receiver), count in sorted(self.packets.items())
            if count.in_flight < 0
        ]
        return "; ".join(findings) or "ok"
