"""Adam (Kingma and Ba 2015) and gradient clipping on a parameter array ``[R, N, P]``."""

from collections.abc import Sequence

import torch
from torch import Tensor


def clip_by_norm(gradients: Sequence[Tensor], limit: float | None, *, jointly: bool) -> Tensor:
    """Scale the gradient of each agent, or of the whole team, to an L2 norm of at most `limit`, in place.

    Args:
        gradients: ``[R, N, P]``; jointly, there may be more, each of its own N and P: a mixer's.
        limit: Largest norm; None leaves the gradients alone.
        jointly: One norm over all of them instead of one per agent over P.

    Returns:
        The norms before clipping, ``[R, 1]`` or ``[R, N]``.
    """
    axes = (-2, -1) if jointly else -1
    norms: Tensor = torch.linalg.vector_norm(gradients[0], dim=axes, keepdim=True)
    for other in gradients[1:]:
        norms = torch.hypot(norms, torch.linalg.vector_norm(other, dim=axes, keepdim=True))
    if limit is not None:
        for gradient in gradients:
            gradient.mul_((limit / (norms + 1e-6)).clamp_(max=1.0))
    return norms.flatten(-2)


class Adam:
    """PyTorch's Adam with its defaults (β 0.9 and 0.999, ε 1e-8 outside the root, bias correction) for R replicas.

    m ← β₁m + (1-β₁)g,  v ← β₂v + (1-β₂)g²,  θ ← θ - lr · m/(1-β₁ᵗ) / (√(v/(1-β₂ᵗ)) + ε)
    """

    def __init__(self, parameters: Tensor, lr: float, betas: tuple[float, float] = (0.9, 0.999)) -> None:
        """Keep moments for parameters ``[R, N, P]``; each network counts its own steps."""
        self.lr, self.betas, self.epsilon = lr, betas, 1e-8
        self.first = torch.zeros_like(parameters)
        self.second = torch.zeros_like(parameters)
        self.steps = torch.zeros(*parameters.shape[:2], 1, dtype=torch.float64, device=parameters.device)
        self._denominator = torch.empty_like(parameters)

    @property
    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold, the tensors themselves."""
        return {"first": self.first, "second": self.second, "steps": self.steps}

    def step(self, parameters: Tensor, gradient: Tensor) -> None:
        """One step, in place, of all replicas."""
        beta1, beta2 = self.betas
        self.steps += 1
        correction1 = 1 - beta1**self.steps
        correction2 = (1 - beta2**self.steps).sqrt()
        self.first.lerp_(gradient, 1 - beta1)
        self.second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        # lr · m/c₁ / (√v/c₂ + ε) = m / ((√v + ε c₂) · c₁/(lr c₂)): two passes fewer over the parameters.
        torch.sqrt(self.second, out=self._denominator).add_((self.epsilon * correction2).to(parameters.dtype))
        self._denominator.mul_((correction1 / (self.lr * correction2)).to(parameters.dtype))
        parameters.addcdiv_(self.first, self._denominator, value=-1)

    def forget(self, networks: Tensor) -> None:
        """Begin anew for some networks, bool ``[R, N]``."""
        for kept in (self.first, self.second, self.steps):
            kept[networks] = 0.0
