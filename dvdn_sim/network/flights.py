"""Messages on their way, as they are between two exchanges: nobody waits for them any more, and all will have expired.

An exchange ends when every agent is through with it or given up, and nothing of it is used in another. So what is still
on its way has one fate left, and a checkpoint needs no more of it than the life that it will have had.
"""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from dvdn_sim.network.clock import Clock, Occurrence
from dvdn_sim.network.ledger import Ledger
from dvdn_sim.network.probe import MessageLife, Probe


@runtime_checkable
class InFlight(Protocol):
    """A message on its way."""

    def life_if_expired(self, arrives_ns: int) -> MessageLife:
        """The life that it will have had."""
        ...


class _Arrival(Occurrence):
    """The arrival of a message of an exchange that another process made."""

    life: MessageLife

    def life_if_expired(self, arrives_ns: int) -> MessageLife:
        """The life that it will have had."""
        return self.life._replace(arrived_ns=arrives_ns)


def flights_of(clock: Clock) -> list[list[Any]]:
    """All messages on their way, in the order of their arrival: the turn, then the life that each will have had."""
    return [
        [turn, *occurrence.life_if_expired(at_ns)]
        for at_ns, turn, occurrence in clock.pending()
        if isinstance(occurrence, InFlight)
    ]


def put_in_flight(clock: Clock, flights: Sequence[Sequence[Any]], ledger: Ledger, probe: Probe | None) -> None:
    """Let messages arrive that another process sent.

    Args:
        clock: With nothing of them on it.
        flights: From `flights_of`.
        ledger: Counts them as flying already, and will count them as expired.
        probe: Is told of each.

    Raises:
        ValueError: Others than those that the ledger has flying, or what is no message.
    """
    if len(flights) != ledger.flying:
        raise ValueError(f"flights: expected the {ledger.flying} messages that are on their way, got {len(flights)}")

    def expire(arrival: _Arrival) -> None:
        ledger.expire(arrival.life)
        if probe is not None:
            probe.message(arrival.life)

    for turn, *fields in flights:
        if len(fields) != len(MessageLife._fields):
            raise ValueError(f"flights: expected {', '.join(MessageLife._fields)}, got {fields}")
        arrival = _Arrival(clock, expire)
        arrival.life = MessageLife(*fields)
        clock.schedule(arrival, arrival.life.arrived_ns, turn)
