"""Let trained teams act again, under the scenario that they were trained in or under a changed one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dvdn_sim.envs.adapt import MakeEnv, closing
from dvdn_sim.errors import RunFolderError, ScenarioError
from dvdn_sim.learners import Actor, q_network_of, row_of
from dvdn_sim.records import NO_COLUMNS, SCENARIO_FILE, Run, load_run
from dvdn_sim.scenario import ENVS, Scenario, load_scenario
from dvdn_sim.statistics import UNBOUNDED, Bounds
from dvdn_sim.training.build import actor_of, batches_of, envs_of, networks_of
from dvdn_sim.training.device import device_of, repeatable
from dvdn_sim.training.rollout import ReplicaEnvs
from dvdn_sim.training.summary import Json, score
from dvdn_sim.training.teams import TeamFormat, faces_of, load_team, policy_path


@dataclass(frozen=True)
class LoadedTeams:
    """The teams of a run in environments whose luck they have not met.

    Attributes:
        run: The run, without its records.
        scenario: What they act under.
        envs: R·C environments; the c-th episode of a seed is the same however many there are.
        actor: Acts for them, once it has begun.
        parameters: Of all their networks, ``[R·G, P]``.
    """

    run: Run
    scenario: Scenario
    envs: ReplicaEnvs
    actor: Actor
    parameters: Tensor

    def begin(self, idle: npt.NDArray[np.bool_] | None) -> None:
        """Begin the episodes; `idle` is who does nothing when, bool ``[T, R, C, N]``, None if nobody ever does."""
        teams = self.envs.replicas
        rates = np.full((self.envs.env.episode_limit, teams), self.scenario.evaluation.epsilon)
        self.actor.begin(self.parameters, np.zeros(teams, np.int64), rates, idle)


def load_teams(
    run_dir: Path | str,
    overrides: Sequence[str] = (),
    *,
    copies: int | None = None,
    at_least: int = 1,
    device: str = "auto",
    make_env: MakeEnv | None = None,
    episode_limit: int | None = None,
) -> LoadedTeams:
    """Load the trained teams of a run, and put each in C = `copies` environments; see `evaluate`.

    C is by default as many as one evaluation of the scenario has episodes, and `at_least` so many.
    """
    run = load_run(run_dir, NO_COLUMNS)
    # How many episodes were acted side by side in training must not stand in the way of faults while acting.
    scenario = load_scenario(run.path / SCENARIO_FILE, [*overrides, "training.episodes_per_iteration=1"])
    trained_in = run.manifest.get("env")
    if make_env is None and trained_in is not None and trained_in not in ENVS:
        remedy = "call `dvdn_sim.evaluate` or `dvdn_sim.training.play_episode` there, with `make_env`"
        raise RunFolderError(f"{run_dir}: its environment, {trained_in!r}, came from Python; {remedy}")
    teams = [load_team(policy_path(run.path, seed)) for seed in run.seeds]
    if not teams:
        raise RunFolderError(f"{run_dir} names no seeds; a run that came to its end expected")
    team, seeds, place = teams[0][0], list(run.seeds), device_of(device)
    make = batches_of(scenario.env, make_env, episode_limit)
    copies = max(copies or scenario.evaluation.episodes, at_least)
    envs = envs_of(make, seeds, "evaluate", copies=copies, device=place)
    _check_faces(envs, team)
    env = envs.env
    network = q_network_of(scenario.algorithm, n_agents=env.n_agents, obs_dim=env.obs_dim, n_actions=env.n_actions)
    rows = torch.stack([row_of(network, layers[name]) for _, layers in teams for name in team.networks])
    actor = actor_of(scenario.algorithm, network, envs, seeds, stream_name="evaluate")
    return LoadedTeams(run, scenario, envs, actor, rows)


def _check_faces(envs: ReplicaEnvs, team: TeamFormat) -> None:
    """Refuse an environment in which agents see or do something else than they learnt."""
    found = faces_of(envs.env)
    for trained, now in zip(team.faces, found, strict=False):
        if trained != now:
            raise ScenarioError(f"env: agents were trained as {trained}, and would be {now}")
    if len(team.faces) != len(found):
        raise ScenarioError(f"env: {len(team.faces)} agents were trained, and {len(found)} would act")


@dataclass(frozen=True)
class EvaluationResult:
    """What evaluated teams did.

    Attributes:
        run_dir: The run folder.
        seeds: Whose teams.
        returns: Undiscounted team returns, ``[seeds, episodes]``.
        lengths: Steps of the episodes, of the same shape.
        down_fraction: Share of agents' steps in which they did nothing because they were down.
        note: What the changes to the network mean for acting; empty where nothing needs saying.
        within: What a return cannot be below, and above.
    """

    run_dir: str
    seeds: tuple[int, ...]
    returns: npt.NDArray[np.float64]
    lengths: npt.NDArray[np.int64]
    down_fraction: float
    note: str = ""
    within: Bounds = UNBOUNDED

    def as_json(self) -> Json:
        """Return the object that `dvdn-sim evaluate --json` prints."""
        return {
            "run_dir": self.run_dir,
            "seeds": list(self.seeds),
            "episodes": self.returns.shape[1],
            "return": score(self.returns.mean(1), self.within),
            "return_std": float(self.returns.std()),
            "episode_length": float(self.lengths.mean()),
            "down_fraction": self.down_fraction,
        }

    def text(self) -> str:
        """Return the same for people."""
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
) -> EvaluationResult:
    """Let the trained teams of a run act again, with luck that they have not met.

    Args:
        run_dir: The folder of a run that came to its end.
        overrides: Changes to its scenario, in the form of ``--set``: other faults, another environment.
        episodes: Of each seed; by default as many as one evaluation of the scenario has.
        device: `cpu`, `cuda`, or `auto`: CUDA where there is one.
        make_env: Makes the PettingZoo environment that the run was given in place of the scenario's.
        episode_limit: Steps after which its episodes are cut.

    Raises:
        RunFolderError: The folder holds no trained teams, or their environment is missing.
        ScenarioError: A change is none, or agents see or do something else in the changed environment.
    """
    with repeatable(), closing(make_env) as made:
        teams = load_teams(
            run_dir, overrides, copies=episodes, device=device, make_env=made, episode_limit=episode_limit
        )
        idle = _idle(teams.scenario, teams.envs)
        teams.begin(idle)
        played = teams.envs.play(teams.actor.act, np.ones(teams.envs.replicas, bool))
    return EvaluationResult(
        run_dir=str(teams.run.path),
        seeds=teams.run.seeds,
        returns=played.returns.double().cpu().numpy(),
        lengths=played.lengths,
        down_fraction=_down_fraction(idle, played.lengths),
        note=_note(overrides, teams.scenario),
        within=UNBOUNDED if make_env else teams.scenario.env.returns_within,
    )


def _idle(scenario: Scenario, envs: ReplicaEnvs) -> npt.NDArray[np.bool_] | None:
    """Return who is down when, bool ``[T, R, C, N]``, one episode after the other; None where nobody ever is."""
    if scenario.network is None or not scenario.network.idles:
        return None
    limit, agents = envs.env.episode_limit, envs.env.n_agents
    idle = np.empty((limit, envs.replicas, envs.copies, agents), bool)
    for replica, network in enumerate(networks_of(scenario, agents)):
        for copy in range(envs.copies):
            idle[:, replica, copy] = network.down_while_acting(limit)
            network.act(limit)
    return idle


def _down_fraction(idle: npt.NDArray[np.bool_] | None, lengths: npt.NDArray[np.int64]) -> float:
    if idle is None:
        return 0.0
    acting = np.arange(len(idle))[:, None, None] < lengths
    share: Any = (idle & acting[..., None]).sum() / (acting.sum() * idle.shape[-1])
    return float(share)


def _note(overrides: Sequence[str], scenario: Scenario) -> str:
    network = scenario.network
    touched = any(change.strip().startswith("network") for change in overrides)
    if not touched or network is None or network.idles:
        return ""
    return (
        "trained agents act without messages, so the network changes nothing here; with `network.acting=noop` and"
        " `network.faults` agents do nothing while they are down"
    )
