"""Delays and losses that were measured: from a file, or given as values.

A file holds one value per line, in SI units or with its unit, the first column counting if there are several; blank
lines, lines that begin with ``#``, and a first line that is a name are skipped.
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from netmodels.links.delay import Seconds, checked_probability
from netmodels.links.loss import Lost, Mass
from netmodels.recordings import MOST_VALUES, read_recording
from netmodels.units import listed, milliseconds, seconds

_NAME = re.compile(r"[A-Za-z_]\w*")


def recorded_values(
    file: str, values: Sequence[object], read: Callable[[object, str], float], name: str
) -> tuple[float, ...]:
    """Read what was recorded.

    Args:
        file: path of a file; empty if the values are given.
        values: the values; empty if a file is given.
        read: what turns a value, and a name for its errors, into a number.
        name: what is read, for errors.

    Returns:
        The numbers, at least one.

    Raises:
        ValueError: for both or neither, a file that cannot be read, a value that does not fit, none at all, or too
            many.

    >>> recorded_values("", ["5 ms", 0.006], seconds, "delay")
    (0.005, 0.006)
    """
    if bool(file) == (len(values) > 0):
        raise ValueError(f"{name}.file: expected either a file or some values, got {file!r} and {values!r}")
    if len(values) > MOST_VALUES:
        raise ValueError(f"{name}.values: expected at most {MOST_VALUES} values, got {len(values)}")
    if not file:
        return tuple(read(value, f"{name}.values[{index}]") for index, value in enumerate(values))
    lines = read_recording(file, f"{name}.file").splitlines()
    cells = [(number, line.split(",")[0].strip()) for number, line in enumerate(lines, start=1)]
    cells = [(number, cell) for number, cell in cells if cell and not cell.startswith("#")]
    if cells and _NAME.fullmatch(cells[0][1]):
        del cells[0]
    if not cells:
        raise ValueError(f"{name}.file: expected at least one value, got the empty trace {file!r}")
    if len(cells) > MOST_VALUES:
        raise ValueError(f"{name}.file: expected at most {MOST_VALUES} values, got {len(cells)} in {file!r}")
    return tuple(read(_plain(cell), f"{name}.file {file!r} line {number}") for number, cell in cells)


def _plain(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


class _Cycle:
    """Hands a recording out in order, again from the start when it ends."""

    def __init__(self, values: NDArray[np.float64]) -> None:
        self._values = values
        self._next = 0

    def sample(self, n: int) -> NDArray[np.float64]:
        indices = np.arange(self._next, self._next + n) % len(self._values)
        self._next = (self._next + n) % len(self._values)
        return self._values[indices]


@dataclass(frozen=True)
class _RecordedDelay:
    """What empirical and traced delays have in common: a recording, whose moments are theirs."""

    file: str = ""
    values: tuple[float | str, ...] = ()

    def __post_init__(self) -> None:
        values = listed(self.values, "delay.values")
        object.__setattr__(self, "values", recorded_values(self.file, values, seconds, "delay"))
        object.__setattr__(self, "file", "")

    def _array(self) -> Seconds:
        return np.array(self.values, dtype=np.float64)

    @property
    def mean(self) -> float:
        """Mean of the recording, in seconds."""
        return float(self._array().mean())

    @property
    def variance(self) -> float:
        """Variance of the recording, in s²."""
        return float(self._array().var())

    def quantile(self, probability: float) -> float:
        """Return the least recorded delay that this share of the recording does not exceed, in seconds.

        >>> Empirical(values=(1.0, 2.0)).quantile(0.5)
        1.0
        """
        rank = math.ceil(checked_probability(probability) * len(self.values) - 1e-9)
        return float(np.sort(self._array())[max(0, rank - 1)])

    def cdf(self, delay_s: float) -> float:
        """Return the share of the recording that does not exceed a delay.

        >>> Empirical(values=(1.0, 2.0)).cdf(1.5)
        0.5
        """
        return float(np.mean(self._array() <= delay_s))


@dataclass(frozen=True)
class Empirical(_RecordedDelay):
    """Each delay is one of those recorded, drawn independently.

    Attributes:
        file: path of a recording; or empty if the values are given. Read once, when built.
        values: the recorded delays, in seconds or with a unit.

    >>> Empirical(values=("1 ms", "3 ms")).mean, Empirical(values=("1 ms", "3 ms")).quantile(0.9)
    (0.002, 0.003)
    """

    def sampler(self, generator: np.random.Generator) -> Callable[[int], Seconds]:
        """Return the function that draws n delays in seconds.

        >>> Empirical(values=(2.0,)).sampler(np.random.default_rng(0))(2).tolist()
        [2.0, 2.0]
        """
        return partial(_resample, self._array(), generator)

    def describe(self) -> str:
        """Say what the delay is.

        >>> Empirical(values=("1 ms", "3 ms")).describe()
        'drawn from 2 recorded delays, mean 2 ms'
        """
        return f"drawn from {len(self.values)} recorded delays, mean {milliseconds(self.mean)}"


def _resample(values: Seconds, generator: np.random.Generator, n: int) -> Seconds:
    return values[(generator.random(n) * len(values)).astype(np.intp)]


@dataclass(frozen=True)
class DelayTrace(_RecordedDelay):
    """Delays in the order in which they were recorded, packet by packet, over and over. Nothing is drawn.

    Attributes:
        file: path of a recording; or empty if the values are given. Read once, when built.
        values: the recorded delays, in seconds or with a unit.

    >>> DelayTrace(values=("1 ms", "3 ms")).quantile(0.5)
    0.001
    """

    def sampler(self, generator: np.random.Generator) -> Callable[[int], Seconds]:
        """Return the function that hands out the next n delays in seconds.

        >>> DelayTrace(values=(1.0, 3.0)).sampler(np.random.default_rng(0))(3).tolist()
        [1.0, 3.0, 1.0]
        """
        del generator
        return _Cycle(self._array()).sample

    def describe(self) -> str:
        """Say what the delay is.

        >>> DelayTrace(values=("1 ms", "3 ms")).describe()
        'trace of 2 recorded delays, mean 2 ms'
        """
        return f"trace of {len(self.values)} recorded delays, mean {milliseconds(self.mean)}"


@dataclass(frozen=True)
class LossTrace:
    """Losses in the order in which they were recorded, transmission by transmission, over and over.

    Attributes:
        file: path of a recording of 0 (arrived) and 1 (lost); or empty if the values are given. Read once, when built.
        values: the same as numbers or booleans.

    >>> LossTrace(values=(0, 1, 1, 0)).loss_rate, LossTrace(values=(0, 1, 1, 0)).mean_burst
    (0.5, 2.0)
    """

    file: str = ""
    values: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        numbers = recorded_values(self.file, listed(self.values, "loss.values"), _zero_or_one, "loss")
        object.__setattr__(self, "values", tuple(map(int, numbers)))
        object.__setattr__(self, "file", "")

    @property
    def loss_rate(self) -> float:
        """Share of the recording that was lost."""
        return sum(self.values) / len(self.values)

    @property
    def mean_burst(self) -> float:
        """Mean number of losses in a row, the recording being a circle.

        >>> LossTrace(values=(1,)).mean_burst
        inf
        """
        ends = sum(now and not then for now, then in zip(self.values, self._rotated(), strict=True))
        if ends:
            return sum(self.values) / ends
        return math.inf if self.values[0] else 1.0

    def _rotated(self) -> Iterable[int]:
        return (*self.values[1:], self.values[0])

    def sampler(self, generator: np.random.Generator) -> Callable[[int], Lost]:
        """Return the function that hands out the next n losses.

        >>> LossTrace(values=(0, 1)).sampler(np.random.default_rng(0))(3).tolist()
        [False, True, False]
        """
        del generator
        return partial(_next_lost, _Cycle(np.array(self.values, dtype=np.float64)))

    def stationary(self) -> Mass:
        """Return the same probability for each place in the recording.

        >>> LossTrace(values=(0, 1)).stationary().tolist()
        [0.5, 0.5]
        """
        return np.full(len(self.values), 1.0 / len(self.values))

    def transmit(self, mass: Mass) -> tuple[Mass, Mass]:
        """Move one place on; see `LossModel.transmit`.

        >>> [mass.tolist() for mass in LossTrace(values=(0, 1)).transmit(np.array([0.5, 0.5]))]
        [[0.0, 0.5], [0.5, 0.0]]
        """
        lost = np.array(self.values, dtype=np.float64)
        return np.roll(mass * (1.0 - lost), 1, axis=-1), np.roll(mass * lost, 1, axis=-1)

    def describe(self) -> str:
        """Say what is lost.

        >>> LossTrace(values=(0, 1, 1, 0)).describe()
        'trace of 4 transmissions, 50% lost'
        """
        return f"trace of {len(self.values)} transmissions, {100 * self.loss_rate:.3g}% lost"


def _zero_or_one(value: object, name: str) -> float:
    if value not in (0, 1):
        raise ValueError(f"{name}: expected 0 (arrived) or 1 (lost), got {value!r}")
    return float(bool(value))


def _next_lost(cycle: _Cycle, n: int) -> Lost:
    return cycle.sample(n) > 0.0
