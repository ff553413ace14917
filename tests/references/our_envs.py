"""Every kind of environment of ours by name, what plays it at random, and what a state of it holds."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dvdn_sim.envs.lbf import LevelBasedForaging
from dvdn_sim.envs.marbler import ArcticTransport, MaterialTransport, PredatorCapturePrey, Warehouse
from dvdn_sim.envs.mpe import SimpleAdversary, SimpleSpread, SimpleTag
from dvdn_sim.envs.ring import Relay, Sorting

FORAGING = {"players": 3, "field_size": (6, 7), "max_num_food": 2, "sight": 2, "max_episode_steps": 12}
PAPER = {"observation": "nearest", "physics": "legacy"}
ROBOTS = {
    "arctic": ArcticTransport, "material": MaterialTransport, "prey": PredatorCapturePrey, "warehouse": Warehouse,
}  # fmt: skip
SORTING = {"players": 4, "labels": 5, "chutes": 3}
BRISK = {"iterations_per_step": 20}  # of a robot's step: fewer than usual
KINDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "lbf": (LevelBasedForaging, FORAGING),
    "lbf, all seen": (LevelBasedForaging, FORAGING | {"sight": 7, "max_food_level": 1, "penalty": 0.1}),
    "lbf, alone": (LevelBasedForaging, FORAGING | {"players": 1, "observe_agent_levels": False}),
    "spread": (SimpleSpread, {}),
    "spread of the paper": (SimpleSpread, PAPER | {"reward": "individual"}),
    "adversary": (SimpleAdversary, {}),
    "adversary of the paper": (SimpleAdversary, PAPER | {"reward": "legacy"}),
    "adversary, all agents": (SimpleAdversary, {"opponent": "agent"}),
    "tag": (SimpleTag, {}),
    "tag of the paper": (SimpleTag, PAPER | {"reward": "individual"}),
    "tag, all agents": (SimpleTag, {"opponent": "agent"}),
    "tag, two prey at random": (SimpleTag, {"num_good": 2, "opponent": "random"}),
    "sorting": (Sorting, SORTING),
    "sorting, harder": (Sorting, SORTING | {"memory": 2, "neighbours": 3, "groups": 2}),
    "relay": (Relay, {}),
    "lbf, one permuted": (LevelBasedForaging, FORAGING | {"heterogeneity": 0.4}),
    "tag, two permuted": (SimpleTag, {"heterogeneity": 0.6}),
    "material, all permuted": (MaterialTransport, BRISK | {"n_slow_agents": 0, "heterogeneity": 1.0}),
} | {name: (cls, BRISK) for name, cls in ROBOTS.items()}


def make(kind: str, row_seeds: Sequence[int] = (0,), **more: Any) -> Any:
    """One of them."""
    cls, settings = KINDS[kind]
    return cls(**settings | more, row_seeds=row_seeds)


def random_actions(env: Any, rng: np.random.Generator, rows: int) -> np.ndarray:
    """int64 [E, N], of those that each agent has."""
    counts = env.available.sum(axis=1)
    return rng.integers(0, counts, (rows, env.n_agents))


def robots_at(env: Any, places: Any, theta: float = 0.0, **parts: Any) -> Any:
    """A beginning with all robots where they are said to be, looking one way, and with other `parts` of one row."""
    state, _ = env.reset(None)
    poses = np.full((1, env.n_agents, 3), theta)
    poses[0, :, :2] = np.asarray(places, float)
    return replace(state, poses=poses, **{name: np.asarray(part)[None] for name, part in parts.items()})


def played(env: Any, state: Any, actions: Any = None) -> tuple[Any, np.ndarray, float, bool]:
    """One row's step (nobody moves if no actions are given): state, what is seen, the team's reward, whether done."""
    chosen = env.idle_actions if actions is None else np.array(actions)
    state, seen, rewards, done = env.step(state, chosen[None])
    assert len(set(rewards[0].tolist())) == 1
    return state, seen[0], rewards[0, 0].item(), done.item()


def facts(state: Any) -> dict[str, np.ndarray]:
    """All that a state holds, rows first."""
    return dict(vars(state))
