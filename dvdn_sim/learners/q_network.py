"""What learning and acting need of a Q-network, whatever is inside; and what every such network sees."""

from typing import Protocol, TypeVar

import numpy as np
from torch import Tensor

Weights = tuple[Tensor, ...]
"""Views into a parameter matrix; each kind of network has its own."""

OwnWeights = TypeVar("OwnWeights", bound=Weights)
OwnTape = TypeVar("OwnTape")


class QNetwork(Protocol[OwnWeights, OwnTape]):
    """Sizes of a Q-network, and the maths on many of them at once: each is a row of a parameter matrix ``[M, P]``.

    A tape is what `forward` leaves for `backward`; its `keep` takes input that never changes (see `Inputs.keep`).
    """

    @property
    def obs_dim(self) -> int:
        """D, length of an observation."""
        ...

    @property
    def hidden(self) -> int:
        """H, length of the hidden state; those that remember nothing carry it along unused."""
        ...

    @property
    def n_actions(self) -> int:
        """A."""
        ...

    @property
    def parameter_count(self) -> int:
        """P."""
        ...

    @property
    def forward_flop(self) -> int:
        """Floating-point operations of one network in one step, without biases and activations."""
        ...

    def weights(self, parameters: Tensor) -> OwnWeights:
        """View a parameter matrix ``[M, P]`` as weights; writing to one writes to the other."""
        ...

    def initial_parameters(self, generators: list[np.random.Generator]) -> Tensor:
        """Draw initial weights, one generator per network: ``[len(generators), P]`` float64."""
        ...

    def tape(self, *, networks: int, trained: int, steps: int, batch: int, like: Tensor) -> OwnTape:
        """Allocate a tape.

        Args:
            networks: M, the rows of the parameter matrix in the forward pass.
            trained: m, the leading rows, those that `backward` differentiates; also the rows of the observations.
            steps: The largest number of observations per sequence.
            batch: B, sequences per network.
            like: Gives dtype and device.
        """
        ...

    def step(self, weights: OwnWeights, observations: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """One time step, for acting: ``[M, B, D]`` and ``[M, B, H]`` to q ``[M, B, A]`` and the next hidden state."""
        ...

    def forward(self, weights: OwnWeights, observations: Tensor, tape: OwnTape) -> Tensor:
        """Q-values of whole sequences.

        Args:
            weights: Of M networks.
            observations: ``[m, T, B, D]``, less what the tape keeps; m and B may be split over several axes.
                Row i is seen by the networks i, i + m, i + 2m, … (an online network and its target see the same).
            tape: Receives what the backward pass needs.

        Returns:
            q ``[M, T, B, A]``, a view into the tape that the next call overwrites.
        """
        ...

    def backward(self, weights: OwnWeights, d_q: Tensor, tape: OwnTape) -> Tensor:
        """Gradient of a loss with respect to the parameters of the first m networks of the last `forward`.

        Args:
            weights: The same as in `forward`, or their first m rows.
            d_q: dL/dq, ``[m, T, B, A]``; T may be less than in `forward`, where later values have no gradient.
            tape: What `forward` left.

        Returns:
            ``[m, P]``, a view into the tape that the next call overwrites.
        """
        ...


class Inputs:
    """What the trained networks see: ``[m, T, B, D + 1]``, the last column always 1, so that a bias is its weight.

    Attributes:
        seen: The buffer.
        varying: How many of the D numbers every call gives anew; the others are kept.
    """

    def __init__(self, rows: int, steps: int, batch: int, obs_dim: int, like: Tensor) -> None:
        """Allocate; see `QNetwork.tape`."""
        self.seen = like.new_ones(rows, steps, batch, obs_dim + 1)
        self.varying = obs_dim

    def keep(self, columns: Tensor) -> None:
        """Keep the last numbers of every observation from now on, because they never change (ids of agents).

        Args:
            columns: Broadcast to ``[m, B, kept]``; observations are then given without them.

        Raises:
            ValueError: Nothing, or less, would be left to vary.
        """
        obs_dim, kept = self.seen.shape[-1] - 1, columns.shape[-1]
        if kept >= obs_dim:
            raise ValueError(f"{kept} numbers of an observation to keep found; fewer than {obs_dim} expected")
        self.varying = obs_dim - kept
        self.seen[..., self.varying : -1] = columns.unsqueeze(-3)

    def write(self, observations: Tensor) -> Tensor:
        """Take in sequences ``[m, T, B, varying]``, m and B split at will, and return ``[m, T, B, D + 1]``.

        Raises:
            ValueError: Observations of another length.
        """
        if observations.shape[-1] != self.varying:
            raise ValueError(f"observations of {observations.shape[-1]} numbers found; {self.varying} expected")
        rows, _, batch, _ = self.seen.shape
        seen = self.seen[:, : observations.numel() // (rows * batch * self.varying)]
        seen.view(*observations.shape[:-1], -1)[..., : self.varying].copy_(observations)
        return seen
