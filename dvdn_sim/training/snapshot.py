"""All that a run is between two iterations: what a checkpoint holds, and how a run goes on from it.

Episodes of the replay are apart: a checkpoint holds only those that the one before it did not (`checkpoint`).
Random numbers are pure functions of names and counters, so no generator is among it.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from dvdn_sim.envs.batch import described
from dvdn_sim.network import SimulatedNetwork
from dvdn_sim.training.loop import Loop


def tensors_of(loop: Loop) -> dict[str, Tensor]:
    """The tensors themselves, wherever they live, by the name of their owner and their own."""
    parts = loop.parts
    owners = {
        "learner": parts.learner.state,
        "tracker": {} if parts.tracker is None else parts.tracker.state,
        "arena": parts.arena.state,
        "stands": parts.stands.state,
        "progress": loop.progress.state,
        "loop": {} if loop.acted_with is None else {"acted_with": loop.acted_with},
    }
    return {f"{owner}.{name}": tensor for owner, own in owners.items() for name, tensor in own.items()}


def restore_tensors(loop: Loop, tensors: Mapping[str, Tensor]) -> None:
    """Go on from the tensors of a run of the same scenario.

    Raises:
        ValueError: They are of another run. Nothing is restored.
    """
    if "loop.acted_with" in tensors:
        loop.acted_with = torch.empty_like(loop.parts.learner.parameters[0])
    own = tensors_of(loop)
    strange = sorted(own.keys() ^ tensors.keys())
    if strange:
        raise ValueError(f"{', '.join(strange)}: in one of checkpoint and run, and not in the other")
    for name, tensor in own.items():
        found = tensors[name]
        if found.shape != tensor.shape or found.dtype != tensor.dtype:
            raise ValueError(f"{name}: {described(found)} found; {described(tensor)} expected")
    for name, tensor in own.items():
        tensor.copy_(tensors[name])
    for arena in (loop.parts.arena, loop.parts.stands):
        arena.go_on()


def first_unsound(loop: Loop) -> str:
    """The first of the tensors that holds what is not finite, whose it is, and where; empty if all are sound."""
    seeds = loop.parts.scenario.seeds
    for name, tensor in tensors_of(loop).items():
        if not tensor.is_floating_point() or name.startswith("progress"):
            continue
        unsound = (~tensor.isfinite()).nonzero()
        if len(unsound):
            # Online and target copies come first; then replicas; then, where there are any, agents or their network.
            copy = 1 if name in {"learner.parameters", "learner.mixing"} else 0
            place = unsound[0].tolist()
            agent = f", agent {place[copy + 1]}" if tensor.ndim > copy + 2 and tensor.shape[copy + 1] > 1 else ""
            return f"{name} of seed {seeds[place[copy]]}{agent}: {len(unsound)} values are not finite"
    return ""


def networks_of(networks: tuple[SimulatedNetwork, ...]) -> list[dict[str, Any]]:
    """The state of each replica's network, as JSON can say it."""
    return [network.state() for network in networks]


def restore_networks(networks: tuple[SimulatedNetwork, ...], states: list[dict[str, Any]]) -> None:
    """Go on from these states.

    Raises:
        ValueError: They are of other networks.
    """
    if len(states) != len(networks):
        raise ValueError(f"{len(states)} networks found; {len(networks)} expected")
    for network, state in zip(networks, states, strict=True):
        network.restore(state)
