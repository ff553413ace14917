"""What watches messages: probes. The network does not measure itself, it tells them each message's life."""

from typing import NamedTuple, Protocol


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
        fate: `held`, `late`, `expired` or `lost`.
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
    fate: str
    reason: str
    arrived_ns: int


class Probe(Protocol):
    """Whoever wants to know what becomes of messages."""

    def message(self, life: MessageLife) -> None:
        """Take one message's life: when it is lost at hand-over, else when its round closes or it comes later.

        A message whose receiver crashes before it closes the round has expired, and is told when the exchange ends.
        Those still on their way at the end of a run are not told.
        """
