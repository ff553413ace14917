"""How often an agent counts what it heard of a neighbour, alone or together with the neighbour."""

from dataclasses import dataclass
from typing import NamedTuple, Self


class Confirmation(NamedTuple):
    """Probabilities of what the two ends of a link know of one round.

    Attributes:
        both: both ends know that both messages were heard.
        one_end: exactly one end knows (`ack_mismatch`).
        neither: none does.
    """

    both: float
    one_end: float
    neither: float


def confirmation(q: float, ack: float | None = None, repeat: int = 1) -> Confirmation:
    """What acknowledgements leave known of a link whose two directions lose messages independently.

    Both messages must be heard, q², and then each end must hear one of the acks of the other, with probability
    α = 1 - (1 - q_ack)^repeat: both ends know with q²α², one alone with 2 q² α(1 - α). With acks sent once over
    the same link, q⁴ and 2 q³(1 - q) (docs/method.md (closed forms)).

    Args:
        q: Probability that a message is held.
        ack: Probability that an ack is held; q if not given.
        repeat: How often each is sent, each copy lost independently.

    Returns:
        Probabilities, which sum to 1.

    >>> [round(chance, 4) for chance in confirmation(0.9)]
    [0.6561, 0.1458, 0.1981]
    """
    known = 1.0 - (1.0 - (q if ack is None else ack)) ** repeat
    both, one_end = q**2 * known**2, 2.0 * q**2 * known * (1.0 - known)
    return Confirmation(both, one_end, 1.0 - both - one_end)


@dataclass(frozen=True)
class Heard:
    """Moments of b_ij, whether i counts what it heard of j, and of b_ji.

    Attributes:
        mean: E b_ij.
        variance: Var b_ij.
        covariance: Cov(b_ij, b_ji).
    """

    mean: float
    variance: float
    covariance: float

    @classmethod
    def one_way(cls, q: float) -> Self:
        """Each direction is lost on its own: the policy `self`.

        >>> Heard.one_way(0.5)
        Heard(mean=0.5, variance=0.25, covariance=0.0)
        """
        return cls(q, q * (1.0 - q), 0.0)

    @classmethod
    def together(cls, q: float) -> Self:
        """Both directions fail together: symmetric link failures, and the policy `symmetric` if everything is known.

        >>> Heard.together(0.5)
        Heard(mean=0.5, variance=0.25, covariance=0.25)
        """
        return cls(q, q * (1.0 - q), q * (1.0 - q))

    @classmethod
    def confirmed(cls, known: Confirmation) -> Self:
        """Each end counts a link that it knows to be heard at both: the policy `symmetric` with acks that are lost.

        >>> Heard.confirmed(Confirmation(1.0, 0.0, 0.0))
        Heard(mean=1.0, variance=0.0, covariance=0.0)
        """
        mean = known.both + known.one_end / 2.0
        return cls(mean, mean * (1.0 - mean), known.both - mean**2)
