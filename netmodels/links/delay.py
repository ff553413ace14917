"""How long a packet travels after it has left the server.

A delay model is a spec whose fields are the options of a scenario. It knows its distribution, and makes a sampler on a
generator; the link rounds what is drawn to whole nanoseconds. A kind is a class and one line in
`netmodels.links.spec.AnyDelay`.
"""

import math
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from statistics import NormalDist
from typing import Annotated, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass

from netmodels import portable
from netmodels.recordings import Played, Recording, stream_of
from netmodels.streams import Draws
from netmodels.units import CLOSED, TIME, PositiveTime, Spec, Time, checked_probability, milliseconds, shown

Seconds = NDArray[np.float64]
MAX_DRAWN_S = 4.0e9
"""Drawn delays are cut here (127 years): beyond it an int64 of nanoseconds would overflow."""


class DelayModel(Protocol):
    """Distribution of the time between leaving the server and arriving, in seconds."""

    def quantile(self, probability: float) -> float:
        """Return the seconds that a delay does not exceed with this probability."""

    def cdf(self, delay_s: float) -> float:
        """Return the probability that a delay does not exceed this many seconds."""

    def sampler(self, generator: np.random.Generator) -> Callable[[int], Seconds]:
        """Return the function that draws the next n delays in seconds, none negative."""

    def describe(self) -> str:
        """Say in a few words what the delay is."""


def delay_draws(model: DelayModel, seed: int, purpose: str, *name: int | str) -> Draws[np.int64]:
    """Draw a model's delays, in whole nanoseconds, from the stream of that name.

    >>> delay_draws(Constant("5 ms"), 0, "delay", 0, 1).take(2)
    [5000000, 5000000]
    """

    def opened() -> Callable[[int], NDArray[np.int64]]:
        sample = model.sampler(stream_of(model, seed, purpose, *name))
        return lambda n: np.rint(np.minimum(sample(n), MAX_DRAWN_S) * 1e9).astype(np.int64)

    return Draws(opened)


class _Drawn(Spec):
    """A delay whose sampler remembers nothing but its generator."""

    def sampler(self, generator: np.random.Generator) -> Callable[[int], Seconds]:
        return partial(self._sample, generator)

    def _sample(self, generator: np.random.Generator, n: int) -> Seconds:
        raise NotImplementedError


class Constant(_Drawn, kind="constant"):
    """Every packet takes the same time.

    Attributes:
        mean: the delay, in seconds or with a unit.

    >>> Constant("5 ms").quantile(0.999)
    0.005
    """

    mean: Time

    def quantile(self, probability: float) -> float:
        checked_probability(probability)
        return self.mean

    def cdf(self, delay_s: float) -> float:
        return float(delay_s >= self.mean)

    def _sample(self, generator: np.random.Generator, n: int) -> Seconds:
        return np.full(n, self.mean)

    def describe(self) -> str:
        return f"constant {milliseconds(self.mean)}"


class Uniform(_Drawn, kind="uniform"):
    """Anything from mean − jitter to mean + jitter, as netem's ``delay TIME JITTER`` without a distribution.

    Attributes:
        mean: seconds or with a unit.
        jitter: half the width, at most the mean; seconds or with a unit.

    Source: tc-netem(8).

    >>> Uniform(2.0, 1.0).quantile(1.0), Uniform(2.0, 1.0).cdf(2.5)
    (3.0, 0.75)
    """

    mean: Time
    jitter: Time

    @field_validator("jitter")
    @classmethod
    def _at_most_the_mean(cls, jitter: float, info: ValidationInfo) -> float:
        mean = info.data.get("mean", math.inf)
        if jitter > mean:
            raise ValueError(f"expected at most the mean, {mean} s, or delays are negative, got {jitter!r}")
        return jitter

    def quantile(self, probability: float) -> float:
        return self.mean + (2.0 * checked_probability(probability) - 1.0) * self.jitter

    def cdf(self, delay_s: float) -> float:
        if self.jitter == 0.0:
            return float(delay_s >= self.mean)
        return min(1.0, max(0.0, (delay_s - self.mean + self.jitter) / (2.0 * self.jitter)))

    def _sample(self, generator: np.random.Generator, n: int) -> Seconds:
        return self.mean + (2.0 * generator.random(n) - 1.0) * self.jitter

    def describe(self) -> str:
        return f"uniform {milliseconds(self.mean)} ± {milliseconds(self.jitter)}"


class Normal(_Drawn, kind="normal"):
    """A normal delay, rectified: max(0, x) with x ~ N(mean, jitter²), as netem's ``distribution normal``.

    Given are the mean and standard deviation *before* rectification. Once built, `mean` is that of the delay itself,
    and the given one stands in `location`. With z = location/jitter:  mean = location·Φ(z) + jitter·φ(z).

    Attributes:
        mean: seconds or with a unit.
        jitter: standard deviation, seconds or with a unit.
        location: the mean as given, in seconds.

    Source: tc-netem(8), ``delay TIME JITTER distribution normal``; the mean by integration.

    >>> mild, strong = Normal("5 ms", "1 ms"), Normal("1 ms", "2 ms")
    >>> round(mild.mean, 9), round(strong.mean, 6), strong.location, mild.cdf(0.005)
    (0.005, 0.001396, 0.001, 0.5)
    """

    location: Annotated[Time, Field(alias="mean")]
    jitter: Time

    def __repr__(self) -> str:
        # Streams of faults are named by it, so it stays as it was when the moment took the place of what was given.
        return f"Normal(mean={self.mean!r}, jitter={self.jitter!r})"

    @property
    def mean(self) -> float:
        if self.jitter == 0.0:
            return self.location
        standard, z = NormalDist(), self.location / self.jitter
        return self.location * standard.cdf(z) + self.jitter * standard.pdf(z)

    def quantile(self, probability: float) -> float:
        checked_probability(probability)
        if self.jitter == 0.0:
            return self.location
        if probability in (0.0, 1.0):
            return math.inf if probability else 0.0
        return max(0.0, NormalDist(self.location, self.jitter).inv_cdf(probability))

    def cdf(self, delay_s: float) -> float:
        if delay_s < 0.0:
            return 0.0
        return NormalDist(self.location, self.jitter).cdf(delay_s) if self.jitter else float(delay_s >= self.location)

    def _sample(self, generator: np.random.Generator, n: int) -> Seconds:
        return np.maximum(0.0, self.location + self.jitter * portable.normal(generator.random(n)))

    def describe(self) -> str:
        return f"normal {milliseconds(self.location)} ± {milliseconds(self.jitter)}, never below 0"


class Lognormal(_Drawn, kind="lognormal"):
    """A lognormal delay with the given mean and standard deviation.

    ln d ~ N(μ, σ²) with σ² = ln(1 + (jitter/mean)²) and μ = ln mean − σ²/2.

    Attributes:
        mean: above 0, in seconds or with a unit.
        jitter: standard deviation, in seconds or with a unit.

    >>> round(Lognormal("10 ms", "3 ms").quantile(0.5), 6)
    0.009578
    """

    mean: PositiveTime
    jitter: Time

    @field_validator("jitter")
    @classmethod
    def _within_reason(cls, jitter: float, info: ValidationInfo) -> float:
        mean = info.data.get("mean", math.inf)
        if jitter > 1e6 * mean:
            raise ValueError(f"expected at most 10⁶ times the mean, {mean} s, got {jitter!r}")
        return jitter

    @cached_property
    def logarithm(self) -> NormalDist:
        """Distribution of ln d."""
        return NormalDist(*portable.lognormal(self.mean, self.jitter))

    def quantile(self, probability: float) -> float:
        checked_probability(probability)
        if self.logarithm.stdev == 0.0:
            return self.mean
        if probability in (0.0, 1.0):
            return math.inf if probability else 0.0
        return math.exp(self.logarithm.inv_cdf(probability))

    def cdf(self, delay_s: float) -> float:
        if self.logarithm.stdev == 0.0:
            return float(delay_s >= self.mean)
        return self.logarithm.cdf(math.log(delay_s)) if delay_s > 0.0 else 0.0

    def _sample(self, generator: np.random.Generator, n: int) -> Seconds:
        if self.logarithm.stdev == 0.0:
            return np.full(n, self.mean)
        return portable.exp(self.logarithm.mean + self.logarithm.stdev * portable.normal(generator.random(n)))

    def describe(self) -> str:
        return f"lognormal, mean {milliseconds(self.mean)}, standard deviation {milliseconds(self.jitter)}"


class Pareto(_Drawn, kind="pareto"):
    """A Pareto delay: P(d > x) = (x_m/x)^α from its least value x_m on.

    Give the spread by `jitter`, the standard deviation, which makes α = 1 + √(1 + (mean/jitter)²) > 2; or by `shape`,
    α > 1 itself, and the variance is infinite up to α = 2. Then x_m = mean·(α − 1)/α.

    Attributes:
        mean: above 0, in seconds or with a unit.
        jitter: standard deviation, above 0, in seconds or with a unit; or ``None`` if the shape is given.
        shape: α; worked out if the jitter is given.

    >>> Pareto("3 s", shape=1.5).quantile(0.0)
    1.0
    >>> round(Pareto("3 s", jitter="1.7320508 s").shape, 6)
    3.0
    """

    mean: PositiveTime
    jitter: PositiveTime | None = None
    shape: Annotated[float, Field(strict=True, gt=1.0)] | None = None

    def __post_init__(self) -> None:
        if (self.jitter is None) == (self.shape is None):
            given = f"jitter {self.jitter!r} and shape {self.shape!r}"
            raise ValueError(f"jitter: expected either it or shape, got {given}")
        if self.jitter is not None:
            ratio = self.mean / self.jitter
            shape = 1.0 + math.sqrt(1.0 + ratio * ratio)
            if math.isinf(shape):
                raise ValueError(f"jitter: expected more, or the shape is infinite, got {self.jitter!r}")
            self._settle(jitter=None, shape=shape)

    @property
    def alpha(self) -> float:
        """The shape α."""
        assert self.shape is not None  # noqa: S101  (narrowing: __post_init__ set it)
        return self.shape

    @property
    def least(self) -> float:
        """The least value x_m, in seconds."""
        return self.mean * (self.alpha - 1.0) / self.alpha

    def quantile(self, probability: float) -> float:
        certain = checked_probability(probability) == 1.0
        return math.inf if certain else self.least * (1.0 - probability) ** (-1.0 / self.alpha)

    def cdf(self, delay_s: float) -> float:
        return 1.0 - (self.least / delay_s) ** self.alpha if delay_s > self.least else 0.0

    def _sample(self, generator: np.random.Generator, n: int) -> Seconds:
        return self.least * portable.exp(portable.exponential(generator.random(n)) / self.alpha)

    def describe(self) -> str:
        return f"Pareto, mean {milliseconds(self.mean)}, shape {self.shape:.4g}"


class Exponential(_Drawn, kind="exponential"):
    """An exponential delay: no memory, standard deviation equal to the mean.

    Attributes:
        mean: above 0, in seconds or with a unit.

    >>> round(Exponential("1 s").quantile(0.5), 6)       # ln 2
    0.693147
    """

    mean: PositiveTime

    def quantile(self, probability: float) -> float:
        return math.inf if checked_probability(probability) == 1.0 else -self.mean * math.log1p(-probability)

    def cdf(self, delay_s: float) -> float:
        return -math.expm1(-max(0.0, delay_s) / self.mean)

    def _sample(self, generator: np.random.Generator, n: int) -> Seconds:
        return self.mean * portable.exponential(generator.random(n))

    def describe(self) -> str:
        return f"exponential, mean {milliseconds(self.mean)}"


@dataclass(frozen=True, init=False, config=CLOSED)
class _Recorded(_Drawn, Recording):
    """What empirical and traced delays have in common: a recording.

    Attributes:
        file: path of a recording; or empty if the values are given. Read once, when built.
        column: its name, if the file has several; a unit in it, as in ``delay_ms``, is that of cells without one.
        values: the recorded delays, in seconds or with a unit.
    """

    values: tuple[Time, ...] = ()

    def __post_init__(self) -> None:
        self._take(_time)

    @property
    def mean(self) -> float:
        return float(self.array.mean())

    def quantile(self, probability: float) -> float:
        rank = math.ceil(checked_probability(probability) * len(self.array) - 1e-9)
        return float(np.sort(self.array)[max(0, rank - 1)])

    def cdf(self, delay_s: float) -> float:
        return float(np.mean(self.array <= delay_s))


def _time(cell: str, unit: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        return TIME.read(cell)
    if not unit:
        raise ValueError(f"{shown(cell)} has no unit; {TIME.remedy(number)}, or name its column `delay_ms`")
    return TIME.read(f"{cell} {unit}")


class Empirical(_Recorded, kind="empirical"):
    """Each delay is one of those recorded, drawn independently.

    >>> Empirical(values=("1 ms", "3 ms")).mean, Empirical(values=("1 ms", "3 ms")).quantile(0.9)
    (0.002, 0.003)
    """

    def _sample(self, generator: np.random.Generator, n: int) -> Seconds:
        return self.array[(generator.random(n) * len(self.array)).astype(np.intp)]

    def describe(self) -> str:
        return f"drawn from {len(self.array)} recorded delays, mean {milliseconds(self.mean)}"


class DelayTrace(_Recorded, Played, kind="trace"):
    """Delays in the order in which they were recorded, packet by packet, each link at its own place.

    >>> DelayTrace(values=("1 ms", "3 ms"), offset=1).sampler(np.random.default_rng(0))(3).tolist()
    [0.003, 0.001, 0.003]
    """

    def sampler(self, generator: np.random.Generator) -> Callable[[int], Seconds]:
        return self.play(generator)

    def all_within(self, delays_s: Sequence[float]) -> float:
        """Return the probability that packets in a row take no longer than these delays, which never grow.

        >>> DelayTrace(values=("1 ms", "3 ms"), offset=0).all_within([0.001, 0.001])
        0.0
        """
        longest, mass = self.array.max(), np.full(len(self.array), 1.0 / len(self.array))
        for delay_s in delays_s:
            if delay_s < longest:  # before the first such, every place is as probable as at the beginning
                mass = self.step(mass * (self.array <= delay_s))
        return float(mass.sum())

    def describe(self) -> str:
        return f"trace of {len(self.array)} recorded delays, mean {milliseconds(self.mean)}"
