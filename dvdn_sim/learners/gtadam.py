"""GTAdam: Adam's direction for gradient tracking (Carnevale, Farina, Notarnicola and Notarstefano 2023)."""

import torch
from torch import Tensor


class GtAdam:
    """GTAdam's direction on trackers z ``[..., N, P]``, with every choice in which implementations differ.

    m ← β₁m + (1-β₁)z,  v ← min(β₂v + (1-β₂)z², G),  ω ← ω - lr · m/(√v + ε)

    As published it corrects no bias: with a constant z the step is lr·(1-β₁ᵗ)/√(1-β₂ᵗ), 3.2 lr at first, 6.6 lr at
    t = 12, still 1.3 lr at t = 1000. With `bias_correction` it is Adam, m/(1-β₁ᵗ) and v/(1-β₂ᵗ); and GTAdam with
    N = 1 then is PyTorch's. Every agent has moments of its own, so the mean of the directions is not the direction of
    the mean.

    Source: arXiv 2009.01745 (abstract read), and as its authors' group and NVFLARE implement it: G = 1e6, no bias
    correction, ε outside the root (DISROPT) or inside (NVFLARE).

    Attributes:
        lr: Step size, after `warmup`.
        steps: Steps that each agent has taken, float64 ``[..., N, 1]``.
        first: m.
        second: v.
    """

    def __init__(
        self,
        parameters: Tensor,
        lr: float,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        epsilon_inside: bool = False,
        ceiling: float = 1e6,
        bias_correction: bool = False,
        warmup: int = 0,
    ) -> None:
        """Keep moments, zero at first, for parameters ``[..., N, P]``.

        Args:
            parameters: Whose shape, type and device the moments have.
            lr: Step size.
            betas: β₁ and β₂.
            epsilon: ε.
            epsilon_inside: √(v + ε) in place of √v + ε: 1e-8 is then a floor of 1e-4.
            ceiling: G, the largest v.
            bias_correction: Whether to divide the moments by what is missing in them.
            warmup: Steps over which the step size rises from 0, linearly; 0 for none.

        Raises:
            ValueError: A number is out of range.
        """
        if not (lr > 0 and epsilon > 0 and ceiling > 0 and warmup >= 0 and all(0 <= beta < 1 for beta in betas)):
            raise ValueError(
                f"lr {lr}, epsilon {epsilon}, ceiling {ceiling}, warmup {warmup}, betas {betas}: expected lr, epsilon"
                " and ceiling > 0, warmup >= 0 and 0 <= beta < 1"
            )
        self.lr, self.betas, self.epsilon, self.epsilon_inside = lr, betas, epsilon, epsilon_inside
        self.ceiling, self.bias_correction, self.warmup = ceiling, bias_correction, warmup
        self.first = torch.zeros_like(parameters)
        self.second = torch.zeros_like(parameters)
        self.steps = torch.zeros(*parameters.shape[:-1], 1, dtype=torch.float64, device=parameters.device)
        self._denominator = torch.empty_like(parameters)

    @property
    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold, the tensors themselves."""
        return {"first": self.first, "second": self.second, "steps": self.steps}

    def step(self, parameters: Tensor, tracker: Tensor) -> None:
        """One step of all agents, in place."""
        beta1, beta2 = self.betas
        self.steps += 1
        self.first.lerp_(tracker, 1 - beta1)
        self.second.mul_(beta2).addcmul_(tracker, tracker, value=1 - beta2).clamp_(max=self.ceiling)
        rate, correction2 = self._rate()
        # rate · m / (√v + ε c₂), rate = lr c₂/c₁: Adam's step with two passes fewer over the parameters.
        kind = parameters.dtype
        if self.epsilon_inside:
            torch.add(self.second, (self.epsilon * correction2.square()).to(kind), out=self._denominator).sqrt_()
        else:
            torch.sqrt(self.second, out=self._denominator).add_((self.epsilon * correction2).to(kind))
        parameters.addcdiv_(self.first, self._denominator.mul_(rate.reciprocal().to(kind)), value=-1)

    def _rate(self) -> tuple[Tensor, Tensor]:
        """Lr c₂/c₁, and c₂, of every agent, ``[..., N, 1]``: c₁ = 1-β₁ᵗ and c₂² = 1-β₂ᵗ, or 1."""
        rate, correction2 = torch.full_like(self.steps, self.lr), torch.ones_like(self.steps)
        if self.warmup:
            rate *= (self.steps / self.warmup).clamp_(max=1.0)
        if self.bias_correction:
            correction2 = (1 - self.betas[1] ** self.steps).sqrt()
            rate *= correction2 / (1 - self.betas[0] ** self.steps)
        return rate, correction2

    def forget(self, agents: Tensor) -> None:
        """Begin anew for some agents, bool ``[..., N]``."""
        for kept in (self.first, self.second, self.steps):
            kept[agents] = 0.0
