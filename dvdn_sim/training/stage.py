"""Trained teams where they act again: what evaluating them and showing them have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from dvdn_sim.errors import RunFolderError, ScenarioError
from dvdn_sim.learners.agents import row_of
from dvdn_sim.learners.exploration import Actor
from dvdn_sim.learners.q_network import Weights
from dvdn_sim.records import NO_COLUMNS, SCENARIO_FILE, Run, load_run
from dvdn_sim.scenario import Scenario, load_scenario
from dvdn_sim.scenario.catalogue import ENVS
from dvdn_sim.training.build import actor_of
from dvdn_sim.training.device import device_of
from dvdn_sim.training.environments import MakeEnv, arena_of, batches_of
from dvdn_sim.training.learners import q_network_of
from dvdn_sim.training.policies import SHARED, TeamFormat, faces_of, load_team, policy_path
from dvdn_sim.training.rollout import Arena


@dataclass(frozen=True)
class Stage:
    """The teams of a run in environments whose luck they have not met.

    Attributes:
        run: The run, without its records.
        scenario: What they act under.
        arena: R·C environments; the c-th episode of a seed is the same however many there are.
        actor: Acts for them, once it has begun.
        weights: Of all their networks.
    """

    run: Run
    scenario: Scenario
    arena: Arena
    actor: Actor
    weights: Weights

    def begin(self, idle: npt.NDArray[np.bool_] | None) -> None:
        """Begin the episodes.

        Args:
            idle: Who does nothing when, bool ``[T, R, C, N]``; None if nobody ever does.
        """
        teams = self.arena.replicas
        rates = np.full((self.arena.env.episode_limit, teams), self.scenario.evaluation.epsilon)
        self.actor.begin(self.weights, np.zeros(teams, np.int64), rates, idle)


def stage_of(
    run_dir: Path | str,
    overrides: Sequence[str] = (),
    *,
    copies: int | None = None,
    at_least: int = 1,
    device: str = "auto",
    make_env: MakeEnv | None = None,
    episode_limit: int | None = None,
) -> Stage:
    """Load the trained teams of a run, and put them in environments.

    Args:
        run_dir: The folder of a run that came to its end.
        overrides: Changes to its scenario, in the form of ``--set``.
        copies: C, environments of each team; by default as many as one evaluation of the scenario has episodes.
        at_least: The fewest that will do.
        device: `cpu`, `cuda`, or `auto`: CUDA where there is one.
        make_env: Makes the PettingZoo environment that the run was given in place of the scenario's.
        episode_limit: Steps after which its episodes are cut.

    Raises:
        RunFolderError: The folder holds no trained teams, or their environment is missing.
        ScenarioError: A change is none, or agents see or do something else in the changed environment.
    """
    run = load_run(run_dir, NO_COLUMNS)
    # How many episodes were acted side by side in training must not stand in the way of faults while acting.
    scenario = load_scenario(run.path / SCENARIO_FILE, [*overrides, "training.episodes_per_iteration=1"])
    trained_in = run.manifest.get("env")
    if make_env is None and trained_in is not None and trained_in not in ENVS:
        raise RunFolderError(f"{run_dir}: its environment, {trained_in!r}, came from Python: make_env expected there")
    teams = [load_team(policy_path(run.path, seed)) for seed in run.seeds]
    if not teams:
        raise RunFolderError(f"{run_dir} names no seeds; a run that came to its end expected")
    seeds, place = list(run.seeds), device_of(device)
    make = batches_of(scenario.env, make_env, episode_limit)
    copies = max(copies or scenario.evaluation.episodes, at_least)
    arena = arena_of(make, seeds, "evaluate", copies=copies, device=place)
    _check_faces(arena, teams[0][0])
    network = q_network_of(scenario.algorithm, arena.env)
    names = [SHARED] if teams[0][0].shared else [face.name for face in teams[0][0].faces]
    rows = torch.stack([row_of(network, layers[name]) for _, layers in teams for name in names])
    actor = actor_of(scenario.algorithm, network, arena, seeds, stream_name="evaluate")
    return Stage(run, scenario, arena, actor, network.weights(rows.to(place)))


def _check_faces(arena: Arena, team: TeamFormat) -> None:
    """Refuse an environment in which agents see or do something else than they learnt."""
    found = faces_of(arena.env)
    for trained, now in zip(team.faces, found, strict=False):
        if trained != now:
            raise ScenarioError(f"env: agents were trained as {trained}, and would be {now}")
    if len(team.faces) != len(found):
        raise ScenarioError(f"env: {len(team.faces)} agents were trained, and {len(found)} would act")
