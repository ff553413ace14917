"""Skewed delays: most packets are quick, some take much longer."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist

import numpy as np

from netmodels.links.delay import Seconds, checked_probability
from netmodels.units import milliseconds, seconds


def _positive_seconds(value: float | str, name: str) -> float:
    read = seconds(value, name)
    if read == 0.0:
        raise ValueError(f"{name}: expected more than 0 seconds (a constant delay is kind constant), got {value!r}")
    return read


@dataclass(frozen=True)
class Exponential:
    """An exponential delay: no memory, standard deviation equal to the mean.

    Attributes:
        mean: above 0, in seconds or with a unit.

    >>> round(Exponential("1 s").quantile(0.5), 6)       # ln 2
    0.693147
    """

    mean: float | str

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", _positive_seconds(self.mean, "delay.mean"))

    @property
    def variance(self) -> float:
        """Variance, mean², in s²."""
        return float(self.mean) ** 2

    def quantile(self, probability: float) -> float:
        """Return −mean·ln(1 − probability), in seconds.

        >>> Exponential("1 s").quantile(1.0)
        inf
        """
        return math.inf if checked_probability(probability) == 1.0 else -float(self.mean) * math.log1p(-probability)

    def cdf(self, delay_s: float) -> float:
        """Return 1 − exp(−delay/mean).

        >>> Exponential("1 s").cdf(0.0)
        0.0
        """
        return -math.expm1(-max(0.0, delay_s) / float(self.mean))

    def sampler(self, generator: np.random.Generator) -> Callable[[int], Seconds]:
        """Return the function that draws n delays in seconds.

        >>> Exponential("1 s").sampler(np.random.default_rng(0))(3).shape
        (3,)
        """
        return partial(self._sample, generator)

    def _sample(self, generator: np.random.Generator, n: int) -> Seconds:
        return float(self.mean) * generator.standard_exponential(n)

    def describe(self) -> str:
        """Say what the delay is.

        >>> Exponential("5 ms").describe()
        'exponential, mean 5 ms'
        """
        return f"exponential, mean {milliseconds(float(self.mean))}"


@dataclass(frozen=True)
class Lognormal:
    """A lognormal delay with the given mean and standard deviation.

    ln d ~ N(μ, σ²) with σ² = ln(1 + (jitter/mean)²) and μ = ln mean − σ²/2.

    Attributes:
        mean: above 0, in seconds or with a unit.
        jitter: standard deviation, in seconds or with a unit.

    >>> round(Lognormal("10 ms", "3 ms").quantile(0.5), 6)
    0.009578
    """

    mean: float | str
    jitter: float | str

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", _positive_seconds(self.mean, "delay.mean"))
        object.__setattr__(self, "jitter", seconds(self.jitter, "delay.jitter"))
        if float(self.jitter) > 1e6 * float(self.mean):
            raise ValueError(f"delay.jitter: expected at most 10⁶ times the mean, {self.mean} s, got {self.jitter!r}")

    def _mu_sigma(self) -> tuple[float, float]:
        mean, jitter = float(self.mean), float(self.jitter)
        sigma_square = math.log1p((jitter / mean) ** 2)
        return math.log(mean) - sigma_square / 2.0, math.sqrt(sigma_square)

    @property
    def variance(self) -> float:
        """Variance, jitter², in s²."""
        return float(self.jitter) ** 2

    def quantile(self, probability: float) -> float:
        """Return exp(μ + σ·Φ⁻¹(probability)), in seconds.

        >>> Lognormal("10 ms", "3 ms").quantile(0.0)
        0.0
        """
        mu, sigma = self._mu_sigma()
        if sigma == 0.0:
            checked_probability(probability)
            return float(self.mean)
        if checked_probability(probability) in (0.0, 1.0):
            return math.inf if probability else 0.0
        return math.exp(mu + sigma * NormalDist().inv_cdf(probability))

    def cdf(self, delay_s: float) -> float:
        """Return Φ((ln delay − μ)/σ).

        >>> Lognormal("10 ms", "3 ms").cdf(0.0)
        0.0
        """
        mu, sigma = self._mu_sigma()
        if sigma == 0.0:
            return float(delay_s >= float(self.mean))
        return NormalDist(mu, sigma).cdf(math.log(delay_s)) if delay_s > 0.0 else 0.0

    def sampler(self, generator: np.random.Generator) -> Callable[[int], Seconds]:
        """Return the function that draws n delays in seconds.

        >>> Lognormal(1.0, 0.0).sampler(np.random.default_rng(0))(2).tolist()
        [1.0, 1.0]
        """
        return partial(self._sample, generator)

    def _sample(self, generator: np.random.Generator, n: int) -> Seconds:
        mu, sigma = self._mu_sigma()
        if sigma == 0.0:
            return np.full(n, float(self.mean))
        return np.exp(mu + sigma * generator.standard_normal(n))

    def describe(self) -> str:
        """Say what the delay is.

        >>> Lognormal("10 ms", "3 ms").describe()
        'lognormal, mean 10 ms, standard deviation 3 ms'
        """
        spread = milliseconds(float(self.jitter))
        return f"lognormal, mean {milliseconds(float(self.mean))}, standard deviation {spread}"


@dataclass(frozen=True)
class Pareto:
    """A Pareto delay: P(d > x) = (x_m/x)^α from its least value x_m on.

    Give the spread by `jitter`, the standard deviation, which makes α = 1 + √(1 + (mean/jitter)²) > 2; or by `shape`,
    α > 1 itself, and the variance is infinite up to α = 2. Then x_m = mean·(α − 1)/α.

    Attributes:
        mean: above 0, in seconds or with a unit.
        jitter: standard deviation, above 0, in seconds or with a unit; or ``None`` if the shape is given.
        shape: α; worked out if the jitter is given.

    >>> Pareto("3 s", shape=1.5).quantile(0.0), Pareto("3 s", shape=1.5).variance
    (1.0, inf)
    >>> round(Pareto("3 s", jitter="1.7320508 s").shape, 6)
    3.0
    """

    mean: float | str
    jitter: float | str | None = None
    shape: float | None = None

    def __post_init__(self) -> None:
        mean = _positive_seconds(self.mean, "delay.mean")
        if (self.jitter is None) == (self.shape is None):
            given = f"jitter {self.jitter!r} and shape {self.shape!r}"
            raise ValueError(f"delay.jitter: expected either it or delay.shape, got {given}")
        shape = self.shape
        if self.jitter is not None:
            jitter = _positive_seconds(self.jitter, "delay.jitter")
            shape = 1.0 + math.hypot(1.0, mean / jitter)
        if shape is None or isinstance(shape, bool) or not 1.0 < shape < math.inf:
            raise ValueError(f"delay.shape: expected a finite number above 1, or the mean is infinite, got {shape!r}")
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "jitter", None)
        object.__setattr__(self, "shape", float(shape))

    def _shape_scale(self) -> tuple[float, float]:
        assert self.shape is not None  # noqa: S101  (narrowing: __post_init__ set it)
        return self.shape, float(self.mean) * (self.shape - 1.0) / self.shape

    @property
    def variance(self) -> float:
        """Variance, x_m²·α/((α − 1)²(α − 2)), in s²; infinite for α ≤ 2."""
        shape, scale = self._shape_scale()
        if shape <= 2.0:
            return math.inf
        return scale**2 * shape / ((shape - 1.0) ** 2 * (shape - 2.0))

    def quantile(self, probability: float) -> float:
        """Return x_m·(1 − probability)^(−1/α), in seconds.

        >>> Pareto("2 s", shape=2.0).quantile(0.75)
        2.0
        """
        shape, scale = self._shape_scale()
        return math.inf if checked_probability(probability) == 1.0 else scale * (1.0 - probability) ** (-1.0 / shape)

    def cdf(self, delay_s: float) -> float:
        """Return 1 − (x_m/delay)^α from x_m on, 0 below.

        >>> Pareto("2 s", shape=2.0).cdf(2.0)
        0.75
        """
        shape, scale = self._shape_scale()
        return 1.0 - (scale / delay_s) ** shape if delay_s > scale else 0.0

    def sampler(self, generator: np.random.Generator) -> Callable[[int], Seconds]:
        """Return the function that draws n delays in seconds.

        >>> bool((Pareto("2 s", shape=2.0).sampler(np.random.default_rng(0))(99) >= 1.0).all())
        True
        """
        return partial(self._sample, generator)

    def _sample(self, generator: np.random.Generator, n: int) -> Seconds:
        shape, scale = self._shape_scale()
        return scale * np.exp(generator.standard_exponential(n) / shape)

    def describe(self) -> str:
        """Say what the delay is.

        >>> Pareto("10 ms", shape=3.0).describe()
        'Pareto, mean 10 ms, shape 3'
        """
        return f"Pareto, mean {milliseconds(float(self.mean))}, shape {self.shape:.4g}"
