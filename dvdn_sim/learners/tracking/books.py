"""The books of gradient tracking: trackers, the gradients that are in them, and how both begin anew."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dvdn_sim.learners.tracking.tracker import TrackingFigures, norm


class Books:
    """Trackers z and the last gradients g. Σ_i z_i = Σ_i g_i from the start, where both are 0.

    Attributes:
        tracker: z ``[R, N, P]``.
        gradient: g ``[R, N, P]``.
        epochs: How often each replica began anew, int64 ``[R]``.
    """

    def __init__(self, parameters: Tensor) -> None:
        """Open the books for parameters ``[R, N, P]``."""
        self.tracker = torch.zeros_like(parameters)
        self.gradient = torch.zeros_like(parameters)
        self.epochs = torch.zeros(len(parameters), dtype=torch.int64, device=parameters.device)

    @property
    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold, the tensors themselves."""
        return {"tracker": self.tracker, "gradient": self.gradient, "epochs": self.epochs}

    def take_in(self, gradient: Tensor) -> None:
        """Take new gradients in: z ← z + g_new - g_old, in place."""
        self.tracker.add_(gradient).sub_(self.gradient)
        self.gradient.copy_(gradient)

    def reopen(self, agents: npt.NDArray[np.bool_]) -> Tensor:
        """A new epoch where agents lost their state: g = 0 for these, then z = g for everyone in their replica.

        Args:
            agents: Bool ``[R, N]``.

        Returns:
            Which replicas began anew, bool ``[R]``.
        """
        lost = torch.from_numpy(agents).to(self.tracker.device)
        replicas = lost.any(1)
        self.gradient[lost] = 0.0
        self.tracker[replicas] = self.gradient[replicas]
        self.epochs += replicas
        return replicas

    def figures(self, in_flight: Tensor | None = None) -> TrackingFigures:
        """Whether the books balance.

        Args:
            in_flight: What is in no tracker but will be, ``[R, P]``.
        """
        off = (self.tracker - self.gradient).sum(1)
        gradient = norm(self.gradient.sum(1))
        if in_flight is None:
            return TrackingFigures(norm(off), torch.zeros_like(gradient), gradient)
        return TrackingFigures(norm(off + in_flight), norm(in_flight), gradient)
