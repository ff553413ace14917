"""How long a round takes."""

from collections.abc import Callable
from statistics import NormalDist

import numpy as np


def expected_round_time(
    quantile: Callable[[float], float], q: float, degree: int, deadline_s: float, points: int = 400
) -> float:
    """E of a round in which all start together: until d messages are there, or the deadline fires.

    E min(D, max_{j ≤ d} C_j) = ∫_0^D (1 - (q F(t))^d) dt, where a message is held with probability q and then takes C
    with distribution F. Integrated over the quantiles of F, so that steps in F do no harm.

    Args:
        quantile: F⁻¹ in seconds: `LinkSpec.completion_quantile` of the message.
        q: Probability that a message arrives whole.
        degree: d, messages waited for; with servers of their own.
        deadline_s: D in seconds; may be infinite if q is 1.
        points: Of the integration.

    Returns:
        Seconds.

    Raises:
        ValueError: No deadline, and messages that are lost.

    >>> expected_round_time(lambda u: 0.006, 0.9, 2, 0.05)      # 6 ms, or 50 ms with probability 1 - 0.9²
    0.01436
    """
    if degree == 0:
        return 0.0
    if q < 1.0 and np.isinf(deadline_s):
        raise ValueError("deadline_s: expected a finite time, since messages are lost")
    normal = NormalDist()
    shares = [normal.cdf(z) for z in np.linspace(-8.0, 8.0, points + 1).tolist()]
    times = np.minimum([quantile(share) for share in shares], deadline_s)
    middle = (np.array(shares[1:]) + shares[:-1]) / 2.0
    total = times[0] + float(np.diff(times) @ (1.0 - (q * middle) ** degree))
    rest = 0.0 if q == 1.0 else float(deadline_s - times[-1]) * (1.0 - q**degree)
    return round(float(total + rest), 15)
