"""Which packets are lost on the way.

A loss model is a frozen dataclass whose fields are the options of a scenario. It knows its stationary loss rate and
its mean burst length, and makes a sampler on a generator. One value is drawn per transmission, whatever else happens
to the packet, so that a fault elsewhere leaves the luck of later packets alone.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from netmodels.streams import Draws, stream
from netmodels.units import probability

Lost = NDArray[np.bool_]
Mass = NDArray[np.float64]


class LossModel(Protocol):
    """Process that says, transmission by transmission, which one is lost."""

    @property
    def loss_rate(self) -> float:
        """Fraction of transmissions lost in the long run."""

    @property
    def mean_burst(self) -> float:
        """Mean number of losses in a row, given one."""

    def sampler(self, generator: np.random.Generator) -> Callable[[int], Lost]:
        """Return the function that says for each of the next n transmissions whether it is lost."""

    def stationary(self) -> Mass:
        """Return the long-run probability of each state of the process, [states]."""

    def transmit(self, mass: Mass) -> tuple[Mass, Mass]:
        """Make one transmission.

        Args:
            mass: probability of each state before it, [..., states].

        Returns:
            Probability of each state after it together with its being received, and with its being lost; same shape.
        """

    def describe(self) -> str:
        """Say in a few words what is lost."""


def loss_draws(model: LossModel, seed: int, *name: int | str) -> Draws[np.bool_]:
    """Draw a model's losses from the stream of that name.

    Args:
        model: the process.
        seed: seed of the run.
        name: name of the stream.

    Returns:
        Draws of booleans, true where lost.

    >>> loss_draws(Bernoulli("100%"), 0, "loss", 0, 1).take(2)
    [True, True]
    """
    return Draws(partial(_open_losses, model, seed, name))


def _open_losses(model: LossModel, seed: int, name: tuple[int | str, ...]) -> Callable[[int], Lost]:
    return model.sampler(stream(seed, *name))


@dataclass(frozen=True)
class Bernoulli:
    """Each transmission is lost with the same probability, independently.

    Attributes:
        p: probability of loss, a number or a percentage.

    >>> Bernoulli("10%").loss_rate
    0.1
    """

    p: float | str

    def __post_init__(self) -> None:
        object.__setattr__(self, "p", probability(self.p, "loss.p"))

    @property
    def loss_rate(self) -> float:
        """The probability of loss."""
        return float(self.p)

    @property
    def mean_burst(self) -> float:
        """1/(1−p).

        >>> Bernoulli(0.5).mean_burst
        2.0
        """
        return math.inf if self.p == 1.0 else 1.0 / (1.0 - float(self.p))

    def sampler(self, generator: np.random.Generator) -> Callable[[int], Lost]:
        """Return the function that draws n losses; the same uniforms serve every p.

        >>> Bernoulli(0.0).sampler(np.random.default_rng(0))(2).tolist()
        [False, False]
        """
        return partial(_below, generator, float(self.p))

    def stationary(self) -> Mass:
        """Return the probability 1 of the only state.

        >>> Bernoulli(0.25).stationary().tolist()
        [1.0]
        """
        return np.ones(1)

    def transmit(self, mass: Mass) -> tuple[Mass, Mass]:
        """Lose p of it; see `LossModel.transmit`.

        >>> Bernoulli(0.25).transmit(np.ones(1))
        (array([0.75]), array([0.25]))
        """
        return mass * (1.0 - float(self.p)), mass * float(self.p)

    def describe(self) -> str:
        """Say what is lost.

        >>> Bernoulli("10%").describe()
        'loses 10% of packets independently'
        """
        return f"loses {100 * float(self.p):.3g}% of packets independently" if self.p else "loses nothing"


def _below(generator: np.random.Generator, p: float, n: int) -> Lost:
    return generator.random(n) < p


@dataclass(frozen=True)
class GilbertElliott:
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
    >>> round(bursty.loss_rate, 4), bursty.mean_burst
    (0.1071, 4.0)
    """

    p: float | str
    r: float | str | None = None
    one_minus_h: float | str = 1.0
    one_minus_k: float | str = 0.0

    def __post_init__(self) -> None:
        p = probability(self.p, "loss.p")
        object.__setattr__(self, "p", p)
        object.__setattr__(self, "r", 1.0 - p if self.r is None else probability(self.r, "loss.r"))
        object.__setattr__(self, "one_minus_h", probability(self.one_minus_h, "loss.one_minus_h"))
        object.__setattr__(self, "one_minus_k", probability(self.one_minus_k, "loss.one_minus_k"))

    @property
    def bad_fraction(self) -> float:
        """Fraction of transmissions made in the bad state, p/(p+r).

        >>> GilbertElliott(0.25, 0.75).bad_fraction
        0.25
        """
        p, r = self._transitions()
        return p / (p + r) if p + r > 0.0 else 0.0

    def _transitions(self) -> tuple[float, float]:
        assert self.r is not None  # noqa: S101  (narrowing: __post_init__ set it)
        return float(self.p), float(self.r)

    @property
    def loss_rate(self) -> float:
        """Stationary loss [p(1−h) + r(1−k)]/(p + r)."""
        bad = self.bad_fraction
        return bad * float(self.one_minus_h) + (1.0 - bad) * float(self.one_minus_k)

    @property
    def mean_burst(self) -> float:
        """Mean run of losses: P(lost) / P(lost now and not lost next), stationary.

        >>> GilbertElliott(0.03, 0.25).mean_burst
        4.0
        """
        p, r = self._transitions()
        bad, in_bad, in_good = self.bad_fraction, float(self.one_minus_h), float(self.one_minus_k)
        saved_after_good = (1.0 - p) * (1.0 - in_good) + p * (1.0 - in_bad)
        saved_after_bad = r * (1.0 - in_good) + (1.0 - r) * (1.0 - in_bad)
        ends = (1.0 - bad) * in_good * saved_after_good + bad * in_bad * saved_after_bad
        if ends > 0.0:
            return self.loss_rate / ends
        return math.inf if self.loss_rate > 0.0 else 1.0

    def sampler(self, generator: np.random.Generator) -> Callable[[int], Lost]:
        """Return the function that draws n losses and moves the chain n steps on.

        >>> GilbertElliott(0.0, 0.0).sampler(np.random.default_rng(0))(2).tolist()
        [False, False]
        """
        return _Chain(self, generator).sample

    def stationary(self) -> Mass:
        """Return the probabilities of the good and the bad state.

        >>> GilbertElliott(0.25, 0.75).stationary().tolist()
        [0.75, 0.25]
        """
        return np.array([1.0 - self.bad_fraction, self.bad_fraction])

    def transmit(self, mass: Mass) -> tuple[Mass, Mass]:
        """Lose some in either state, then move; see `LossModel.transmit`.

        >>> GilbertElliott(0.5, 0.5).transmit(np.array([1.0, 0.0]))
        (array([0.5, 0.5]), array([0., 0.]))
        """
        p, r = self._transitions()
        moves = np.array([[1.0 - p, p], [r, 1.0 - r]])
        lost = mass * np.array([float(self.one_minus_k), float(self.one_minus_h)])
        return (mass - lost) @ moves, lost @ moves

    def describe(self) -> str:
        """Say what is lost.

        >>> GilbertElliott("3%", "25%").describe()
        'loses 10.7% of packets in bursts of 4 on average'
        """
        return f"loses {100 * self.loss_rate:.3g}% of packets in bursts of {self.mean_burst:.3g} on average"


class _Chain:
    """The state of one Gilbert-Elliott chain, moved on in blocks."""

    def __init__(self, model: GilbertElliott, generator: np.random.Generator) -> None:
        self._p, self._r = model._transitions()  # noqa: SLF001  (the chain is the model's other half)
        self._loss_by_state = np.array([float(model.one_minus_k), float(model.one_minus_h)])
        self._generator = generator
        self._bad = bool(generator.random() < model.bad_fraction)

    def sample(self, n: int) -> Lost:
        """Say for the next n transmissions which are lost."""
        uniforms = self._generator.random((n, 2))
        states = self._states(uniforms[:, 0])
        self._bad = bool(states[n])
        lost: Lost = uniforms[:, 1] < self._loss_by_state[states[:n].astype(np.intp)]
        return lost

    def _states(self, uniforms: NDArray[np.float64]) -> Lost:
        """Bad or not, before each transmission and after the last, [n + 1].

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
