"""Adam and GTAdam on a parameter array ``[R, N, P]``, gradient clipping, and freezing of who does not learn."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dvdn_sim.compiled import compiled
from dvdn_sim.learners import transfer
from dvdn_sim.scenario import GtAdam

Array = npt.NDArray[np.floating[Any]]

BETAS = 0.9, 0.999


def clip_by_norm(gradients: Sequence[Tensor], limit: float | None, *, jointly: bool) -> Tensor:
    """Scale the gradient of each agent, or of the whole team, to an L2 norm of at most `limit`, in place.

    Args:
        gradients: ``[R, N, P]``; jointly, there may be more, each of its own N and P: a mixer's.
        limit: Largest norm; None leaves the gradients alone.
        jointly: One norm over all of them instead of one per agent over P.

    Returns:
        The norms before clipping, ``[R, 1]`` or ``[R, N]``.
    """
    if len(gradients) == 1 and transfer.compiled_for(gradients[0]):
        rows = gradients[0].view(len(gradients[0]), 1 if jointly else gradients[0].shape[1], -1).numpy()
        lengths = np.sqrt([[row.dot(row) for row in of_team] for of_team in rows]).astype(rows.dtype)
        if limit is not None and (lengths > limit).any():
            rows *= np.minimum(limit / (lengths + 1e-6), 1.0)[..., None]
        return torch.from_numpy(lengths)
    axes = (-2, -1) if jointly else -1
    norms: Tensor = torch.linalg.vector_norm(gradients[0], dim=axes, keepdim=True)
    for other in gradients[1:]:
        norms = torch.hypot(norms, torch.linalg.vector_norm(other, dim=axes, keepdim=True))
    if limit is not None:
        for gradient in gradients:
            gradient.mul_((limit / (norms + 1e-6)).clamp_(max=1.0))
    return norms.flatten(-2)


class Adam:
    """PyTorch's Adam (Kingma and Ba 2015) with its defaults on networks ``[..., N, P]``, or a variant of it.

    m ← β₁m + (1-β₁)g,  v ← β₂v + (1-β₂)g²,  θ ← θ - lr · m/(1-β₁ᵗ) / (√(v/(1-β₂ᵗ)) + ε)

    On trackers z in place of g it is GTAdam's direction, with every choice in which implementations differ:
    v ← min(…, G), and as published (Carnevale, Farina, Notarnicola and Notarstefano 2023) no bias is corrected. With a
    constant z the step then is lr·(1-β₁ᵗ)/√(1-β₂ᵗ), 3.2 lr at first, 6.6 lr at t = 12, still 1.3 lr at t = 1000. Every
    agent has moments of its own, so the mean of the directions is not the direction of the mean. √(v + ε) in place of
    √v + ε makes 1e-8 a floor of 1e-4.

    Source: arXiv 2009.01745 (abstract read), and as its authors' group and NVFLARE implement it: G = 1e6, no bias
    correction, ε outside the root (DISROPT) or inside (NVFLARE).

    Attributes:
        steps: Steps that each network has taken, float64 ``[..., N, 1]``.
        first: m.
        second: v.
    """

    def __init__(self, parameters: Tensor, lr: float, variant: GtAdam | None = None) -> None:
        """Keep moments, zero at first; `lr` is the step size after the warm-up of a variant."""
        self._lr, self._ceiling = lr, math.inf if variant is None else variant.ceiling
        self._spec = GtAdam(bias_correction=True) if variant is None else variant
        self.first = torch.zeros_like(parameters)
        self.second = torch.zeros_like(parameters)
        self.steps = torch.zeros(*parameters.shape[:-1], 1, dtype=torch.float64, device=parameters.device)

    @property
    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold, the tensors themselves."""
        return {"first": self.first, "second": self.second, "steps": self.steps}

    def forget(self, networks: Tensor) -> None:
        """Begin anew for some networks, bool ``[..., N]``."""
        for kept in (self.first, self.second, self.steps):
            kept[networks] = 0.0

    def step(self, parameters: Tensor, gradient: Tensor) -> None:
        """Take one step with all networks, in place, against gradients or trackers of their shape."""
        spec = self._spec
        self.steps += 1
        tensors = parameters, gradient, self.first, self.second, self.steps
        if transfer.compiled_for(parameters):
            numbers = self._lr, *BETAS, spec.epsilon, spec.epsilon_inside, self._ceiling, spec.bias_correction
            arrays = (tensor.view(-1, tensor.shape[-1]).numpy() for tensor in tensors)
            given: list[Any] = [*arrays, *numbers, spec.warmup]
            move(*given)
        else:
            plain_move(*tensors, self._lr, BETAS, spec, self._ceiling)


@compiled
def move(
    parameters: Array,
    gradient: Array,
    first: Array,
    second: Array,
    steps: Array,
    lr: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    epsilon_inside: bool,
    ceiling: float,
    bias_correction: bool,
    warmup: int,
) -> None:
    """Take a step of `Adam` with vectors ``[networks, P]``, numbers of steps ``[networks, 1]`` and settings."""
    number = parameters.dtype.type
    old1, new1, old2, new2, most = number(beta1), number(1 - beta1), number(beta2), number(1 - beta2), number(ceiling)
    for network in range(len(parameters)):
        taken, correction1, correction2 = steps[network, 0], 1.0, 1.0
        if bias_correction:
            correction1, correction2 = 1 - beta1**taken, np.sqrt(1 - beta2**taken)
        rate = lr * correction2 * (min(taken / warmup, 1.0) if warmup else 1.0)
        # lr · m/c₁ / (√v/c₂ + ε) = m / ((√v + ε c₂) · c₁/(lr c₂))
        under_root = number(epsilon * correction2**2 if epsilon_inside else 0.0)
        beside_it = number(0.0 if epsilon_inside else epsilon * correction2)
        scale = number(correction1 / rate)
        theta, g, m, v = parameters[network], gradient[network], first[network], second[network]
        for j in range(len(theta)):
            m[j] = old1 * m[j] + new1 * g[j]
        for j in range(len(theta)):
            v[j] = min(old2 * v[j] + new2 * g[j] * g[j], most)
        for j in range(len(theta)):
            theta[j] -= m[j] / ((np.sqrt(v[j] + under_root) + beside_it) * scale)


def plain_move(
    parameters: Tensor,
    gradient: Tensor,
    first: Tensor,
    second: Tensor,
    steps: Tensor,
    lr: float,
    betas: tuple[float, float],
    spec: GtAdam,
    ceiling: float,
) -> None:
    """Do what `move` does, in torch."""
    (beta1, beta2), kind = betas, parameters.dtype
    first.lerp_(gradient, 1 - beta1)
    second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2).clamp_(max=ceiling)
    correction1 = correction2 = torch.ones_like(steps)
    if spec.bias_correction:
        correction1, correction2 = 1 - beta1**steps, (1 - beta2**steps).sqrt()
    rate = lr * correction2
    if spec.warmup:
        rate *= (steps / spec.warmup).clamp_(max=1.0)
    if spec.epsilon_inside:
        root = (second + (spec.epsilon * correction2.square()).to(kind)).sqrt_()
    else:
        root = second.sqrt().add_((spec.epsilon * correction2).to(kind))
    parameters.addcdiv_(first, root.mul_((correction1 / rate).to(kind)), value=-1)


@contextmanager
def frozen(learning: npt.NDArray[np.bool_], tensors: Iterable[Tensor]) -> Iterator[None]:
    """Put back, at the end, what agents or networks that do not learn had in these tensors, to the bit.

    Until then others see what such an agent had computed, and may have sent, before it went down. Tensors are
    ``[R, N, ...]``, each in one piece.
    """
    if learning.all():  # indexing by nothing is not free
        yield
        return
    by_row = [tensor.view(-1, *tensor.shape[2:]) for tensor in tensors]
    still = transfer.rows(~learning, by_row[0].device)
    kept = [tensor[still] for tensor in by_row]
    yield
    for tensor, before in zip(by_row, kept, strict=True):
        tensor[still] = before
