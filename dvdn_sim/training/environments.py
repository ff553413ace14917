"""From a scenario's environment to rows that step together: one line in a catalogue for each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from pettingzoo import ParallelEnv  # type: ignore[import-untyped, unused-ignore]

from dvdn_sim.envs.adapt import BatchedParallelEnv
from dvdn_sim.envs.api import BatchedEnv
from dvdn_sim.envs.foraging import ForagingParallelEnv
from dvdn_sim.envs.lbf import LevelBasedForaging
from dvdn_sim.envs.marbler import ArcticTransport, MaterialTransport, PredatorCapturePrey, Warehouse
from dvdn_sim.envs.mpe import SimpleAdversary, SimpleSpread, SimpleTag
from dvdn_sim.scenario import foraging, marbler, particles
from dvdn_sim.scenario.env import Env
from dvdn_sim.training.opponents import TrainedOpponent
from dvdn_sim.training.rollout import Arena
from netmodels.streams import stream

MakeEnv = Callable[[], ParallelEnv[Any, Any, Any]]
MakeBatch = Callable[[Sequence[int], torch.device], BatchedEnv[Any]]
"""Makes a batch of as many rows as there are seeds, on a device."""


def _copies_of_lbforaging(*, row_seeds: Sequence[int], device: torch.device, **settings: Any) -> BatchedEnv[Any]:
    return BatchedParallelEnv(lambda: ForagingParallelEnv(**settings), row_seeds, None, device)


def _against(kind: Callable[..., BatchedEnv[Any]], opponent_name: str) -> Callable[..., BatchedEnv[Any]]:
    """The environment, whose opponent may have been trained before under that name."""

    def make(*, opponent_policy: str | None, device: torch.device, **settings: Any) -> BatchedEnv[Any]:
        if opponent_policy is not None:
            asked = settings | {"opponent": "agent", "row_seeds": (0,)}
            one = kind(**asked)
            seen = one.obs_dims[one.agents.index(opponent_name)]
            settings["opponent"] = TrainedOpponent(opponent_policy, opponent_name, seen, device)
        return kind(**settings, device=device)

    return make


ENVIRONMENTS: Mapping[type, Callable[..., BatchedEnv[Any]]] = {
    foraging.Lbf: LevelBasedForaging,
    foraging.LbForaging: _copies_of_lbforaging,
    particles.MpeSpread: SimpleSpread,
    particles.MpeAdversary: _against(SimpleAdversary, "adversary_0"),
    particles.MpeTag: _against(SimpleTag, "agent_0"),
    marbler.ArcticTransport: ArcticTransport,
    marbler.MaterialTransport: MaterialTransport,
    marbler.PredatorCapturePrey: PredatorCapturePrey,
    marbler.Warehouse: Warehouse,
}
"""By the dataclass of the scenario, whose fields are the keywords; besides, ``row_seeds`` and ``device``."""


def batches_of(spec: Env, make_env: MakeEnv | None, episode_limit: int | None) -> MakeBatch:
    """What makes batches.

    Args:
        spec: The scenario's environment.
        make_env: Makes one PettingZoo environment to be used in its place.
        episode_limit: Steps after which an episode of `make_env`'s is cut; None for its own limit.
    """
    if make_env is None:
        settings: dict[str, Any] = asdict(spec)  # type: ignore[call-overload]  # every one is a dataclass
        return lambda row_seeds, device: ENVIRONMENTS[type(spec)](**settings, row_seeds=row_seeds, device=device)
    return lambda row_seeds, device: BatchedParallelEnv(make_env, row_seeds, episode_limit, device)


def arena_of(make: MakeBatch, seeds: Sequence[int], name: str, *, copies: int, device: torch.device) -> Arena:
    """Copies of an environment for each seed.

    Args:
        make: Makes the batch.
        seeds: One per replica.
        name: Tells the luck of training and evaluation apart.
        copies: C, rows per replica.
        device: Where they are.
    """
    row_seeds = [int(stream(seed, name, copy).integers(2**62)) for seed in seeds for copy in range(copies)]
    return Arena(make(row_seeds, device), len(seeds))
