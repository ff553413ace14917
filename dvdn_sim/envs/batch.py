"""What every batch of rows needs: checks of what comes in, and choosing row by row between two states."""

import math
from dataclasses import fields
from typing import TypeVar

import torch
from torch import Tensor

State = TypeVar("State")


def check_finite(**found: float) -> None:
    """Refuse (ValueError) numbers that are infinite or none at all."""
    for name, value in found.items():
        if not math.isfinite(value):
            raise ValueError(f"{name} {value} found; a finite number expected")


def check_mask(mask: Tensor, n_copies: int) -> None:
    """Refuse (ValueError) a mask that is not bool ``[E]``."""
    if mask.shape != (n_copies,) or mask.dtype != torch.bool:
        raise ValueError(f"mask {described(mask)} found; bool [{n_copies}] expected")


def check_episode(episode: Tensor, n_copies: int) -> None:
    """Refuse (ValueError) numbers of episodes that are not int64 ``[E]``, each at least 0."""
    if episode.shape != (n_copies,) or episode.dtype != torch.int64:
        raise ValueError(f"episode {described(episode)} found; int64 [{n_copies}] expected")
    if bool((episode < 0).any()):
        raise ValueError(f"episode {int(episode.min())} found; 0 or more expected")


def check_actions(actions: Tensor, n_copies: int, action_counts: Tensor, agents: tuple[str, ...]) -> None:
    """Refuse actions that are no tensor (TypeError), not int64 ``[E, N]``, or not their agents' (both ValueError).

    Args:
        actions: What was asked for.
        n_copies: E.
        action_counts: int64 ``[N]``, how many actions each agent has, numbered from 0.
        agents: Their names.
    """
    if not isinstance(actions, Tensor):
        raise TypeError(
            f"actions {type(actions).__name__} found; a tensor, int64 [{n_copies}, {len(agents)}], expected"
        )
    if actions.shape != (n_copies, len(agents)) or actions.dtype != torch.int64:
        raise ValueError(f"actions {described(actions)} found; int64 [{n_copies}, {len(agents)}] expected")
    wrong = (actions < 0) | (actions >= action_counts)
    if bool(wrong.any()):
        row, agent = wrong.nonzero()[0].tolist()
        found, count = int(actions[row, agent]), int(action_counts[agent])
        raise ValueError(f"row {row}, agent {agents[agent]!r}: action {found} found; 0 to {count - 1} expected")


def where(mask: Tensor, chosen: State, other: State) -> State:
    """The rows of `chosen` where `mask`, bool ``[E]``, is true, those of `other` elsewhere.

    Args:
        mask: By row.
        chosen: A dataclass of tensors ``[E, ...]``.
        other: One of the same type and shapes.
    """
    parts = {
        field.name: torch.where(
            mask.view(-1, *[1] * (getattr(chosen, field.name).ndim - 1)),
            getattr(chosen, field.name),
            getattr(other, field.name),
        )
        for field in fields(chosen)  # type: ignore[arg-type]
    }
    return type(chosen)(**parts)


def described(tensor: Tensor) -> str:
    """Its dtype and shape, for messages: ``float32 [2, 3]``."""
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
