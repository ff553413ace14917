"""Which packets are lost on the way.

A loss model is a spec whose fields are the options of a scenario. It knows its stationary loss rate, what one
transmission does to its state, and makes a sampler on a generator. One value is drawn per transmission, whatever else
happens to the packet, so that a fault elsewhere leaves the luck of later packets alone. A kind is a class and one line
in `netmodels.links.spec.AnyLoss`.
"""

import math
from collections.abc import Callable
from typing import Annotated, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from netmodels.recordings import Played, stream_of
from netmodels.streams import Draws
from netmodels.units import Probability, Spec

Lost = NDArray[np.bool_]
Mass = NDArray[np.float64]


class LossModel(Protocol):
    """Process that says, transmission by transmission, which one is lost."""

    @property
    def loss_rate(self) -> float:
        """Fraction of transmissions lost in the long run."""

    def sampler(self, generator: np.random.Generator) -> Callable[[int], Lost]:
        """Return the function that says for each of the next n transmissions whether it is lost."""

    def stationary(self) -> Mass:
        """Return the long-run probability of each state of the process, [states]."""

    def transmit(self, mass: Mass) -> tuple[Mass, Mass]:
        """Make one transmission, from the probability of each state before it, [..., states].

        Returns the probability of each state after it together with its being received, and with its being lost.
        """

    def describe(self) -> str:
        """Say in a few words what is lost."""


def loss_draws(model: LossModel, seed: int, purpose: str, *name: int | str) -> Draws[np.bool_]:
    """Draw a model's losses, true where lost, from the stream of that name.

    >>> loss_draws(Bernoulli("100%"), 0, "loss", 0, 1).take(2)
    [True, True]
    """
    return Draws(lambda: model.sampler(stream_of(model, seed, purpose, *name)))


def mean_burst(model: LossModel) -> float:
    """Return the mean number of losses in a row, given one: P(lost) / P(lost now and not lost next), stationary.

    >>> mean_burst(Bernoulli(0.5)), mean_burst(LossTrace(values=(1,)))
    (2.0, inf)
    """
    lost = model.transmit(model.stationary())[1]
    ends = float(model.transmit(lost)[0].sum())
    if ends > 0.0:
        return float(lost.sum()) / ends
    return math.inf if model.loss_rate > 0.0 else 1.0


class Bernoulli(Spec, kind="bernoulli"):
    """Each transmission is lost with the same probability, independently.

    Attributes:
        p: probability of loss, a number or a percentage.

    >>> Bernoulli("10%").loss_rate
    0.1
    """

    p: Probability

    @property
    def loss_rate(self) -> float:
        return self.p

    def sampler(self, generator: np.random.Generator) -> Callable[[int], Lost]:
        return lambda n: generator.random(n) < self.p  # the same uniforms serve every p

    def stationary(self) -> Mass:
        return np.ones(1)

    def transmit(self, mass: Mass) -> tuple[Mass, Mass]:
        return mass * (1.0 - self.p), mass * self.p

    def describe(self) -> str:
        return f"loses {100 * self.p:.3g}% of packets independently" if self.p else "loses nothing"


class GilbertElliott(Spec, kind="gemodel"):
    """Bursty loss from a chain with a good and a bad state (netem's ``loss gemodel p [r [1-h [1-k]]]``).

    A transmission is lost with probability 1−h in the bad and 1−k in the good state; then the chain goes good → bad
    with probability p, bad → good with probability r. It starts in its stationary distribution (in the good state if
    p = r = 0), and goes on from message to message.

    Stationary loss = [p(1−h) + r(1−k)]/(p + r); mean burst 1/r when 1−h = 1 and 1−k = 0.

    Attributes:
        p: probability good → bad.
        r: probability bad → good; 1 − p if not given, which makes losses independent.
        one_minus_h: probability of loss in the bad state.
        one_minus_k: probability of loss in the good state.

    Source: Gilbert 1960, Elliott 1963; tc-netem(8) for names and defaults; Haßlinger & Hohlfeld 2008.

    >>> bursty = GilbertElliott(p="3%", r="25%")
    >>> round(bursty.loss_rate, 4), round(mean_burst(bursty), 9)
    (0.1071, 4.0)
    """

    p: Probability
    r: Probability | None = None
    one_minus_h: Probability = 1.0
    one_minus_k: Probability = 0.0

    def __post_init__(self) -> None:
        if self.r is None:
            self._settle(r=1.0 - self.p)

    @property
    def to_good(self) -> float:
        """Probability bad → good."""
        assert self.r is not None  # noqa: S101  (narrowing: __post_init__ set it)
        return self.r

    @property
    def bad_fraction(self) -> float:
        """Fraction of transmissions made in the bad state, p/(p+r)."""
        return self.p / (self.p + self.to_good) if self.p + self.to_good > 0.0 else 0.0

    @property
    def loss_rate(self) -> float:
        bad = self.bad_fraction
        return bad * self.one_minus_h + (1.0 - bad) * self.one_minus_k

    def sampler(self, generator: np.random.Generator) -> Callable[[int], Lost]:
        return _Chain(self, generator).sample

    def stationary(self) -> Mass:
        return np.array([1.0 - self.bad_fraction, self.bad_fraction])

    def transmit(self, mass: Mass) -> tuple[Mass, Mass]:
        moves = np.array([[1.0 - self.p, self.p], [self.to_good, 1.0 - self.to_good]])
        lost = mass * np.array([self.one_minus_k, self.one_minus_h])
        return (mass - lost) @ moves, lost @ moves

    def describe(self) -> str:
        return f"loses {100 * self.loss_rate:.3g}% of packets in bursts of {mean_burst(self):.3g} on average"


class _Chain:
    """The state of one Gilbert-Elliott chain, moved on in blocks."""

    def __init__(self, model: GilbertElliott, generator: np.random.Generator) -> None:
        self._p, self._r = model.p, model.to_good
        self._loss_by_state = np.array([model.one_minus_k, model.one_minus_h])
        self._generator = generator
        self._bad = bool(generator.random() < model.bad_fraction)

    def sample(self, n: int) -> Lost:
        """Return which of the next n transmissions are lost."""
        uniforms = self._generator.random((n, 2))
        states = self._states(uniforms[:, 0])
        self._bad = bool(states[n])
        lost: Lost = uniforms[:, 1] < self._loss_by_state[states[:n].astype(np.intp)]
        return lost

    def _states(self, uniforms: NDArray[np.float64]) -> Lost:
        """Return whether it is bad, before each transmission and after the last, [n + 1].

        From good the chain turns bad below p, from bad it stays bad below 1 − r. A uniform below both thresholds makes
        it bad and one above both makes it good, wherever it was; one between them keeps the state (p < 1 − r) or swaps
        it (p > 1 − r). So each state follows from the last one that was forced and the number of swaps since.
        """
        low, high = sorted((self._p, 1.0 - self._r))
        n = len(uniforms)
        forced_bad = np.concatenate([[self._bad], uniforms < low])
        between = np.concatenate([[False], (uniforms >= low) & (uniforms < high)])
        steps = np.arange(n + 1)
        last_forced = np.maximum.accumulate(np.where(between, 0, steps))
        states: Lost = forced_bad[last_forced]
        if self._p > 1.0 - self._r:
            states = states ^ ((steps - last_forced) % 2 == 1)
        return states


class LossTrace(Played, kind="trace"):
    """Losses in the order in which they were recorded, transmission by transmission, each link at its own place.

    Attributes:
        file: path of a recording of 0 (arrived) and 1 (lost); or empty if the values are given. Read once, when built.
        column: its name, if the file has several.
        values: the same as numbers.

    >>> LossTrace(values=(0, 1, 1, 0)).loss_rate
    0.5
    """

    values: tuple[Annotated[int, Field(strict=True, ge=0, le=1)], ...] = ()

    def __post_init__(self) -> None:
        self._take(_zero_or_one)

    @property
    def loss_rate(self) -> float:
        return float(self.array.mean())

    def sampler(self, generator: np.random.Generator) -> Callable[[int], Lost]:
        play = self.play(generator)
        return lambda n: play(n) == 1

    def stationary(self) -> Mass:
        return np.full(len(self.array), 1.0 / len(self.array))

    def transmit(self, mass: Mass) -> tuple[Mass, Mass]:
        return self.step(mass * (1 - self.array)), self.step(mass * self.array)

    def describe(self) -> str:
        return f"trace of {len(self.array)} transmissions, {100 * self.loss_rate:.3g}% lost"


def _zero_or_one(cell: str, _unit: str) -> int:
    if cell not in ("0", "1", "0.0", "1.0"):
        raise ValueError(f"expected 0 (arrived) or 1 (lost), got {cell!r}")
    return int(cell[0])
