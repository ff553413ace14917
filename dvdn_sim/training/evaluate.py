"""Trained teams again: more episodes, under the scenario that they were trained in or under a changed one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dvdn_sim.scenario import Scenario
from dvdn_sim.training.build import networks_of
from dvdn_sim.training.device import repeatable
from dvdn_sim.training.environments import MakeEnv
from dvdn_sim.training.rollout import Arena
from dvdn_sim.training.stage import stage_of
from dvdn_sim.training.summary import Json, score


@dataclass(frozen=True)
class Evaluation:
    """What evaluated teams did.

    Attributes:
        run_dir: The run folder.
        seeds: Whose teams.
        returns: Undiscounted team returns, ``[seeds, episodes]``.
        lengths: Steps of the episodes, of the same shape.
        down_fraction: Share of agents' steps in which they did nothing because they were down.
        note: What the changes to the network mean for acting; empty where nothing needs saying.
    """

    run_dir: str
    seeds: tuple[int, ...]
    returns: npt.NDArray[np.float64]
    lengths: npt.NDArray[np.int64]
    down_fraction: float
    note: str = ""

    def as_json(self) -> Json:
        """The object that `dvdn-sim evaluate --json` prints."""
        return {
            "run_dir": self.run_dir,
            "seeds": list(self.seeds),
            "episodes": self.returns.shape[1],
            "return": score(self.returns.mean(1)),
            "return_std": float(self.returns.std()),
            "episode_length": float(self.lengths.mean()),
            "down_fraction": self.down_fraction,
        }

    def text(self) -> str:
        """The same for people."""
        found = self.as_json()
        per_seed = ", ".join(f"{value:.2f}" for value in found["return"]["per_seed"])
        interval = found["return"]["ci95"]
        ends = "" if interval is None else f", 95% interval {interval[0]:.2f} to {interval[1]:.2f}"
        lines = [
            f"{self.run_dir}: {found['episodes']} episodes of each of {len(self.seeds)} teams",
            f"  return   {found['return']['mean']:.2f} (per seed {per_seed}; interquartile mean"
            f" {found['return']['iqm']:.2f}{ends})",
            f"  episodes {found['episode_length']:.1f} steps long, return {found['return_std']:.2f} apart (std)",
        ]
        lines += [f"  down     {self.down_fraction:.1%} of agents' steps"] if self.down_fraction else []
        return "\n".join([*lines, *([f"  note     {self.note}"] if self.note else [])])


def evaluate(
    run_dir: Path | str,
    overrides: Sequence[str] = (),
    *,
    episodes: int | None = None,
    device: str = "auto",
    make_env: MakeEnv | None = None,
    episode_limit: int | None = None,
) -> Evaluation:
    """Let the trained teams of a run act again, with luck that they have not met.

    Args:
        run_dir: The folder of a run that came to its end.
        overrides: Changes to its scenario, in the form of ``--set``: other faults, another environment.
        episodes: Of each seed; by default as many as one evaluation of the scenario has.
        device: `cpu`, `cuda`, or `auto`: CUDA where there is one.
        make_env: Makes the PettingZoo environment that the run was given in place of the scenario's.
        episode_limit: Steps after which its episodes are cut.

    Raises:
        RunFolderError: The folder holds no trained teams.
        ScenarioError: A change is none, or agents see or do something else in the changed environment.
    """
    with repeatable():
        stage = stage_of(
            run_dir, overrides, copies=episodes, device=device, make_env=make_env, episode_limit=episode_limit
        )
        idle = _idle(stage.scenario, stage.arena, stage.arena.copies)
        stage.begin(idle)
        played = stage.arena.play(stage.actor.act, np.ones(stage.arena.replicas, bool))
    run, scenario = stage.run, stage.scenario
    return Evaluation(
        run_dir=str(run.path),
        seeds=run.seeds,
        returns=played.returns.double().cpu().numpy(),
        lengths=played.lengths,
        down_fraction=_down_fraction(idle, played.lengths),
        note=_note(overrides, scenario),
    )


def _idle(scenario: Scenario, arena: Arena, copies: int) -> npt.NDArray[np.bool_] | None:
    """Who is down when, bool ``[T, R, C, N]``, one episode after the other; None where nobody ever is."""
    network = scenario.network
    if network is None or network.acting == "frozen" or not network.faults:
        return None
    limit = arena.env.episode_limit
    down: list[list[npt.NDArray[np.bool_]]] = []
    for each in networks_of(scenario, arena.env.n_agents):
        down.append([])
        for _ in range(copies):
            down[-1].append(each.down_while_acting(limit))
            each.act(limit)
    return np.array(down).transpose(2, 0, 1, 3)


def _down_fraction(idle: npt.NDArray[np.bool_] | None, lengths: npt.NDArray[np.int64]) -> float:
    if idle is None:
        return 0.0
    acting = np.arange(len(idle))[:, None, None] < lengths
    share: Any = (idle & acting[..., None]).sum() / (acting.sum() * idle.shape[-1])
    return float(share)


def _note(overrides: Sequence[str], scenario: Scenario) -> str:
    network = scenario.network
    touched = any(change.strip().startswith("network") for change in overrides)
    if not touched or network is None or (network.acting == "noop" and network.faults):
        return ""
    return (
        "trained agents act without messages, so the network changes nothing here; with `network.acting=noop` and"
        " `network.faults` agents do nothing while they are down"
    )
