"""What became of every message and packet. The audit at the end says what does not add up."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from dvdn_sim.network.probe import MessageLife
from netmodels.states import checked_state


@dataclass(slots=True)
class MessageCounts:
    """Fates of messages (or of their packets).

    sent = held + late + expired + lost + flying, at any time.

    Attributes:
        sent: Handed over by their senders.
        flying: Whose arrival is scheduled, or whose round is still to be closed by the receiver: counted apart from
            all fates.
        held: There, whole, when the receiver closed their round.
        late: There after that, but before the receiver closed its last round.
        expired: There after the receiver closed its last round, or lost what it held.
        lost: By reason. For packets, `incomplete` counts those that arrived in a message that did not.
        duplicates: Second copies that arrived; counted apart.
    """

    sent: int = 0
    flying: int = 0
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
        """Those still on their way: what has no fate yet. The audit compares it with `flying`."""
        return self.sent - self.settled

    def state(self) -> dict[str, Any]:
        """The counts as JSON can say them."""
        return {each.name: getattr(self, each.name) for each in fields(self)} | {"lost": dict(self.lost)}

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Self:
        """The counts of a state."""
        checked_state(state, [each.name for each in fields(cls)], "count of messages")
        return cls(**{**state, "lost": Counter(state["lost"])})

    def copy(self) -> "MessageCounts":
        """The counts as they are now."""
        return replace(self, lost=self.lost.copy())


@dataclass
class Ledger:
    """Counts of a whole run of one team.

    Attributes:
        messages: All messages.
        packets: Packets, by (kind of message, sender, receiver).
        wire_bytes: Bytes put on the wire, headers included.
        airtime_ns: Time that transmitters spent sending them.
    """

    messages: MessageCounts = field(default_factory=MessageCounts)
    packets: dict[tuple[str, int, int], MessageCounts] = field(default_factory=dict)
    wire_bytes: int = 0
    airtime_ns: int = 0

    @property
    def flying(self) -> int:
        """Messages whose arrival is scheduled and has not come."""
        return self.messages.flying

    def of_link(self, kind: str, sender: int, receiver: int) -> MessageCounts:
        """Packet counts of one kind of message on one link."""
        key = (kind, sender, receiver)
        found = self.packets.get(key)
        if found is None:
            found = self.packets[key] = MessageCounts()
        return found

    def expire(self, life: MessageLife) -> None:
        """Count a message that was on its way as one that has expired."""
        packets = self.of_link(life.kind, life.sender, life.receiver)
        for counts, number in ((self.messages, 1), (packets, life.packets)):
            counts.flying -= number
            counts.expired += number

    def state(self) -> dict[str, Any]:
        """All counts as JSON can say them."""
        return {
            "messages": self.messages.state(),
            "packets": [[*link, counts.state()] for link, counts in self.packets.items()],
            "wire_bytes": self.wire_bytes,
            "airtime_ns": self.airtime_ns,
        }

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Self:
        """The ledger of a state."""
        checked_state(state, [each.name for each in fields(cls)], "ledger")
        packets = {(kind, i, j): MessageCounts.of(counts) for kind, i, j, counts in state["packets"]}
        return cls(**{**state, "messages": MessageCounts.of(state["messages"]), "packets": packets})

    def audit(self) -> str:
        """Say what does not add up, or "ok".

        >>> ledger = Ledger()
        >>> ledger.messages.sent += 1
        >>> ledger.audit()
        'messages: 1 sent, 0 settled, 0 flying'
        """
        counts = {"messages": self.messages} | {
            f"{kind} packets {sender} to {receiver}": count
            for (kind, sender, receiver), count in sorted(self.packets.items())
        }
        findings = [
            f"{what}: {count.sent} sent, {count.settled} settled, {count.flying} flying"
            for what, count in counts.items()
            if count.in_flight != count.flying
        ]
        return "; ".join(findings) or "ok"
