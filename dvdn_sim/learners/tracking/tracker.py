"""What a tracker is to the training loop, and the directions in which it may move parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dvdn_sim.consensus import Facts


class Optimiser(Protocol):
    """A direction, and the memory behind it: ω ← ω - lr · d(z), agent by agent."""

    @property
    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold, the tensors themselves, ``[..., N, ...]``."""
        ...

    def step(self, parameters: Tensor, tracker: Tensor) -> None:
        """Move parameters ``[..., N, P]`` by trackers of the same shape, in place."""
        ...

    def forget(self, agents: Tensor) -> None:
        """Begin anew for some agents, bool ``[..., N]``."""
        ...


@dataclass(frozen=True)
class Sgd:
    """ω ← ω - lr z: no memory, no normalisation; the direction for which theory is exact."""

    lr: float

    @property
    def state(self) -> dict[str, Tensor]:
        """Nothing."""
        return {}

    def step(self, parameters: Tensor, tracker: Tensor) -> None:
        """One step of all agents, in place."""
        parameters.sub_(tracker, alpha=self.lr)

    def forget(self, agents: Tensor) -> None:
        """Nothing to forget."""


class Exchanged(NamedTuple):
    """What one exchange of one replica came to.

    Attributes:
        facts: Who heard whom, in one round. Agents that had nothing to send are cut out (`Facts.without_senders`).
        operator: A ``[N, N]`` of these facts, by a consensus policy.
    """

    facts: Facts
    operator: npt.NDArray[np.float64]


Exchanges = Sequence[Mapping[int, Exchanged]]
"""The exchanges of one update, in order: of each, what it came to in every replica that took part in it."""


@dataclass(frozen=True)
class TrackingFigures:
    """Whether the books balance, per replica ``[R]``, still on the device. All are Euclidean norms over P.

    Attributes:
        imbalance: ‖Σ_i z_i + what is in flight - Σ_i g_i‖; rounding apart, 0 unless a form lost a message one way.
        in_flight: ‖what is in flight‖; 0 where a form has no such thing.
        gradient: ‖Σ_i g_i‖, to compare them with.
    """

    imbalance: Tensor
    in_flight: Tensor
    gradient: Tensor


class Tracker(Protocol):
    """How agents turn gradients into new parameters together.

    The loop

    1. computes clipped gradients g ``[R, N, P]`` of all agents,
    2. asks `messages` what agents send in this update, and has the network carry it, one exchange after the other,
    3. hands `step` what came of it.

    An agent that does not learn in an update (down, or not through with an exchange) stays exactly as it is: ω, z, g
    and moments. Nothing of its gradient has entered then, so its z and g stay in the sums. Cut it out of the facts
    wherever it has nothing to send: row and column of A are then those of the identity (its row is so in any case).
    Where it sent, was heard and crashed before it was done, that is a loss one way like any other, and in the figures.
    """

    @property
    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold, the tensors themselves: copy into them to restore."""
        ...

    def messages(self, update: int) -> tuple[int, ...]:
        """Floats in each agent's message, for each exchange of an update (counted from 0); () for no exchange."""
        ...

    def step(
        self,
        parameters: Tensor,
        gradient: Tensor,
        *,
        updates: npt.NDArray[np.int64],
        exchanges: Exchanges,
        learning: npt.NDArray[np.bool_],
    ) -> None:
        """Move the parameters, in place.

        Args:
            parameters: ω ``[R, N, P]``.
            gradient: g ``[R, N, P]``, at these parameters; rows of agents that do not learn mean nothing.
            updates: Number of the update that each replica makes, ``[R]``.
            exchanges: What came of the exchanges; A = I in replicas, or whole exchanges, that are not there.
            learning: Which agents learn, bool ``[R, N]``; all others stay exactly as they are.

        Raises:
            ValueError: A replica exchanged something in an update that exchanges nothing.
        """
        ...

    def restart(self, agents: npt.NDArray[np.bool_]) -> None:
        """Let agents begin anew that lost their state in a crash, and with them the books of their whole replica.

        Args:
            agents: Bool ``[R, N]``.
        """
        ...

    def figures(self) -> TrackingFigures | None:
        """Whether the books balance; None where there are none."""
        ...


def disagreement(parameters: Tensor) -> Tensor:
    """√(mean over agents of ‖ω_i - mean ω‖²), ``[R]``, of parameters ``[R, N, P]``."""
    apart = parameters - parameters[:, :1]  # so that it is 0 where there is none
    return (apart - apart.mean(1, keepdim=True)).square().sum(2).mean(1).sqrt()


def norm(values: Tensor) -> Tensor:
    """The Euclidean norm over the last axis."""
    length: Tensor = torch.linalg.vector_norm(values, dim=-1)
    return length
