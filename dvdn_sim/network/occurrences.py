"""What happens in an exchange, and in which turn of an instant.

Within an instant: crashes and recoveries, then starts, then phase by phase hand-overs, arrivals and deadlines.
"""

from dvdn_sim.network.accounts import Accounts
from dvdn_sim.network.clock import FIRST_TURN, Occurrence
from dvdn_sim.network.probe import MessageLife

STARTS_TURN = FIRST_TURN + 1


def hand_overs_turn(phase: int) -> int:
    """The turn of a phase's hand-overs."""
    return STARTS_TURN + 1 + 3 * phase


def arrivals_turn(phase: int) -> int:
    """The turn of a phase's arrivals."""
    return STARTS_TURN + 2 + 3 * phase


def deadlines_turn(phase: int) -> int:
    """The turn of a phase's deadlines."""
    return STARTS_TURN + 3 + 3 * phase


class Start(Occurrence):
    """An agent is done computing."""

    agent: int


class HandOver(Occurrence):
    """What has been waiting for the medium goes to it."""

    phase: int


class Arrival(Occurrence):
    """A message is there, whole."""

    accounts: Accounts
    edge: int
    phase: int
    sent_ns: int

    def life_if_expired(self, arrives_ns: int) -> MessageLife:
        """The life that the message will have had, once the exchange is over; see `InFlight`."""
        return self.accounts.life(self.edge, self.phase, "expired", (self.sent_ns, arrives_ns))


class Deadline(Occurrence):
    """An agent has waited long enough."""

    agent: int
    phase: int
