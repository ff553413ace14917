"""What every batch of rows needs: checks of what comes in, and choosing row by row between two states."""

import math
from collections.abc import Sequence
from dataclasses import fields
from typing import TypeVar

import torch
from torch import Tensor

from dvdn_sim.scenario import Env

State = TypeVar("State")


def check_finite(**found: float) -> None:
    """Refuse (ValueError) numbers that are infinite or none at all."""
    for name, value in found.items():
        if not math.isfinite(value):
            raise ValueError(f"{name} {value} found; a finite number expected")


def refuse_broken(spec: Env, row_seeds: Sequence[int]) -> None:
    """Refuse (ValueError) settings that do not go together, and a batch without rows."""
    for setting, message, remedy in spec.broken_rules():
        raise ValueError(f"{setting}: {message}; {remedy}")
    if not row_seeds:
        raise ValueError("no row_seeds found; 1 or more expected")


def check_reset(n_rows: int | None, mask: Tensor | None, n_copies: int) -> None:
    """Refuse (ValueError) a reset of a state of other rows, or a first one (None) that leaves a row out."""
    if mask is not None:
        check_mask(mask, n_copies)
    if n_rows is None and mask is not None and not bool(mask.all()):
        raise ValueError("the first reset leaves rows out; all expected")
    if n_rows not in {None, n_copies}:
        raise ValueError(f"a state of {n_rows} rows found; {n_copies} expected")


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
    """Refuse actions that are no tensor (TypeError), not int64 ``[E, N]``, or not their agents' (both ValueError)."""
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
    """Return the rows of `chosen`, a dataclass of tensors ``[E, ...]``, where `mask` is true, else those of `other`."""
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
