"""Compute times: how long an agent works on an update before it can send.

Drawn afresh for every agent and update. The mean and the jitter (standard deviation) are those of the distribution
named, the normal one's before it is cut at zero.
"""

from dataclasses import dataclass

from dvdn_sim.scenario.quantities import Time


@dataclass(frozen=True)
class ConstantTime:
    """Always the same time.

    Attributes:
        mean: the time, in seconds.
    """

    mean: Time


@dataclass(frozen=True)
class NormalTime:
    """A normal time, cut at zero: max(0, x).

    Attributes:
        mean: mean of x, in seconds.
        jitter: standard deviation of x, in seconds.
    """

    mean: Time
    jitter: Time


@dataclass(frozen=True)
class LognormalTime:
    """A lognormal time: never below zero, now and then much longer than the mean.

    Attributes:
        mean: mean of the time, in seconds.
        jitter: standard deviation of the time, in seconds.
    """

    mean: Time
    jitter: Time
