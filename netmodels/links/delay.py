"""How long a packet travels after it has left the server.

A delay model is a frozen dataclass whose fields are the options of a scenario. It knows its own moments and quantiles,
and makes a sampler on a generator; the link rounds what is drawn to whole nanoseconds.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from statistics import NormalDist
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from netmodels.streams import Draws, stream
from netmodels.units import milliseconds, seconds

Seconds = NDArray[np.float64]
LONGEST_DRAWN_S = 4.0e9
"""Drawn delays are cut here (127 years): beyond it an int64 of nanoseconds would overflow."""


class DelayModel(Protocol):
    """Distribution of the time between leaving the server and arriving, in seconds."""

    @property
    def mean(self) -> float | str:
        """Mean in seconds; always a float once built, the string is what the field also takes."""

    @property
    def variance(self) -> float:
        """Variance in seconds²; infinite where it does not exist."""

    def quantile(self, probability: float) -> float:
        """Seconds that a delay does not exceed with this probability."""

    def cdf(self, delay_s: float) -> float:
        """Probability that a delay does not exceed this many seconds."""

    def sampler(self, generator: np.random.Generator) -> Callable[[int], Seconds]:
        """Return the function that draws the next n delays in seconds, none negative."""

    def describe(self) -> str:
        """Say in a few words what the delay is."""


def delay_draws(model: DelayModel, seed: int, *name: int | str) -> Draws[np.int64]:
    """Draw a model's delays in nanoseconds from the stream of that name.

    Args:
        model: the distribution.
        seed: seed of the run.
        name: name of the stream.

    Returns:
        Draws of whole nanoseconds.

    >>> delay_draws(Constant("5 ms"), 0, "delay", 0, 1).take(2)
    [5000000, 5000000]
    """
    return Draws(partial(_open_nanoseconds, model, seed, name))


def _open_nanoseconds(model: DelayModel, seed: int, name: tuple[int | str, ...]) -> Callable[[int], NDArray[np.int64]]:
    return partial(_sample_nanoseconds, model.sampler(stream(seed, *name)))


def _sample_nanoseconds(sample: Callable[[int], Seconds], n: int) -> NDArray[np.int64]:
    return np.rint(np.minimum(sample(n), LONGEST_DRAWN_S) * 1e9).astype(np.int64)


def checked_probability(probability: float) -> float:
    """Refuse what is no probability for a quantile.

    Args:
        probability: in [0, 1].

    Returns:
        The same.

    Raises:
        ValueError: outside [0, 1].

    >>> checked_probability(0.999)
    0.999
    """
    if not 0.0 <= probability <= 1.0:
        raise ValueError(f"probability: expected a number in [0, 1], got {probability!r}")
    return probability


@dataclass(frozen=True)
class Constant:
    """Every packet takes the same time.

    Attributes:
        mean: the delay, in seconds or with a unit.

    >>> Constant("5 ms").quantile(0.999)
    0.005
    """

    mean: float | str

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", seconds(self.mean, "delay.mean"))

    @property
    def variance(self) -> float:
        """0 s²."""
        return 0.0

    def quantile(self, probability: float) -> float:
        """Return the delay itself, for any probability in [0, 1].

        >>> Constant(0.25).quantile(0.0)
        0.25
        """
        checked_probability(probability)
        return float(self.mean)

    def cdf(self, delay_s: float) -> float:
        """Return 1 from the delay on, 0 below.

        >>> Constant(0.25).cdf(0.25), Constant(0.25).cdf(0.2)
        (1.0, 0.0)
        """
        return float(delay_s >= float(self.mean))

    def sampler(self, generator: np.random.Generator) -> Callable[[int], Seconds]:
        """Return a function that draws nothing and repeats the delay.

        >>> Constant(0.25).sampler(np.random.default_rng(0))(2).tolist()
        [0.25, 0.25]
        """
        return partial(_repeat, float(self.mean))

    def describe(self) -> str:
        """Say what the delay is.

        >>> Constant("5 ms").describe()
        'constant 5 ms'
        """
        return f"constant {milliseconds(float(self.mean))}"


def _repeat(value: float, n: int) -> Seconds:
    return np.full(n, value)


@dataclass(frozen=True)
class Uniform:
    """Anything from mean − jitter to mean + jitter, as netem's ``delay TIME JITTER`` without a distribution.

    Attributes:
        mean: seconds or with a unit.
        jitter: half the width, at most the mean; seconds or with a unit.

    Source: tc-netem(8).

    >>> round(Uniform("5 ms", "3 ms").variance, 12)
    3e-06
    """

    mean: float | str
    jitter: float | str

    def __post_init__(self) -> None:
        given = self.jitter
        object.__setattr__(self, "mean", seconds(self.mean, "delay.mean"))
        object.__setattr__(self, "jitter", seconds(self.jitter, "delay.jitter"))
        if float(self.jitter) > float(self.mean):
            raise ValueError(
                f"delay.jitter: expected at most the mean, {self.mean} s, or delays are negative, got {given!r}"
            )

    @property
    def variance(self) -> float:
        """Variance, jitter²/3, in s²."""
        return float(self.jitter) ** 2 / 3.0

    def quantile(self, probability: float) -> float:
        """Return mean + (2·probability − 1)·jitter, in seconds.

        >>> Uniform(2.0, 1.0).quantile(1.0)
        3.0
        """
        return float(self.mean) + (2.0 * checked_probability(probability) - 1.0) * float(self.jitter)

    def cdf(self, delay_s: float) -> float:
        """Return the share of the interval that lies below.

        >>> Uniform(2.0, 1.0).cdf(2.5)
        0.75
        """
        mean, jitter = float(self.mean), float(self.jitter)
        if jitter == 0.0:
            return float(delay_s >= mean)
        return min(1.0, max(0.0, (delay_s - mean + jitter) / (2.0 * jitter)))

    def sampler(self, generator: np.random.Generator) -> Callable[[int], Seconds]:
        """Return the function that draws n delays in seconds.

        >>> Uniform(2.0, 0.0).sampler(np.random.default_rng(0))(2).tolist()
        [2.0, 2.0]
        """
        return partial(self._sample, generator)

    def _sample(self, generator: np.random.Generator, n: int) -> Seconds:
        return float(self.mean) + (2.0 * generator.random(n) - 1.0) * float(self.jitter)

    def describe(self) -> str:
        """Say what the delay is.

        >>> Uniform("5 ms", "2 ms").describe()
        'uniform 5 ms ± 2 ms'
        """
        return f"uniform {milliseconds(float(self.mean))} ± {milliseconds(float(self.jitter))}"


@dataclass(frozen=True)
class Normal:
    """A normal delay, rectified: max(0, x) with x ~ N(mean, jitter²), as netem's ``distribution normal``.

    Given are the mean and standard deviation *before* rectification. Once built, `mean` and `variance` are those of
    the delay itself, and the given mean stands in `location`; so build anew rather than with `dataclasses.replace`.

    With z = mean/jitter:  E[d] = mean·Φ(z) + jitter·φ(z),  E[d²] = (mean² + jitter²)·Φ(z) + mean·jitter·φ(z).

    Attributes:
        mean: seconds or with a unit.
        jitter: standard deviation, seconds or with a unit.
        location: the mean as given, in seconds.

    Source: tc-netem(8), ``delay TIME JITTER distribution normal``; moments by integration.

    >>> mild, strong = Normal("5 ms", "1 ms"), Normal("1 ms", "2 ms")
    >>> round(mild.mean, 9), round(strong.mean, 6)
    (0.005, 0.001396)
    """

    mean: float | str
    jitter: float | str
    location: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        location = seconds(self.mean, "delay.mean")
        jitter = seconds(self.jitter, "delay.jitter")
        object.__setattr__(self, "location", location)
        object.__setattr__(self, "jitter", jitter)
        object.__setattr__(self, "mean", self._moments()[0])

    def _moments(self) -> tuple[float, float]:
        """Mean and mean square of the rectified delay."""
        mu, sigma = self.location, float(self.jitter)
        if sigma == 0.0:
            return mu, mu * mu
        standard = NormalDist()
        above, density = standard.cdf(mu / sigma), standard.pdf(mu / sigma)
        return mu * above + sigma * density, (mu * mu + sigma * sigma) * above + mu * sigma * density

    @property
    def variance(self) -> float:
        """Variance of the rectified delay, in s².

        >>> round(Normal("0 s", "2 s").variance, 6)  # 4 (1/2 − 1/(2π))
        1.36338
        """
        mean, mean_square = self._moments()
        return max(0.0, mean_square - mean * mean)

    def quantile(self, probability: float) -> float:
        """Return max(0, mean + jitter·Φ⁻¹(probability)), in seconds.

        >>> Normal("5 ms", "2 ms").quantile(0.5)
        0.005
        """
        checked_probability(probability)
        if float(self.jitter) == 0.0:
            return self.location
        if probability in (0.0, 1.0):
            return math.inf if probability else 0.0
        return max(0.0, self.location + float(self.jitter) * NormalDist().inv_cdf(probability))

    def cdf(self, delay_s: float) -> float:
        """Return Φ((delay − mean)/jitter) for delays of at least 0, 0 below.

        >>> Normal("5 ms", "2 ms").cdf(0.005), Normal("5 ms", "2 ms").cdf(-1)
        (0.5, 0.0)
        """
        if delay_s < 0.0:
            return 0.0
        jitter = float(self.jitter)
        return NormalDist(self.location, jitter).cdf(delay_s) if jitter > 0.0 else float(delay_s >= self.location)

    def sampler(self, generator: np.random.Generator) -> Callable[[int], Seconds]:
        """Return the function that draws n delays in seconds.

        >>> bool((Normal(0.0, 1.0).sampler(np.random.default_rng(0))(100) >= 0).all())
        True
        """
        return partial(self._sample, generator)

    def _sample(self, generator: np.random.Generator, n: int) -> Seconds:
        return np.maximum(0.0, self.location + float(self.jitter) * generator.standard_normal(n))

    def describe(self) -> str:
        """Say what the delay is.

        >>> Normal("5 ms", "2 ms").describe()
        'normal 5 ms ± 2 ms, never below 0'
        """
        return f"normal {milliseconds(self.location)} ± {milliseconds(float(self.jitter))}, never below 0"
