"""An episode of a trained team again, step by step, with the links that its network has at each step.

The episode is one of those that ``dvdn-sim evaluate`` plays: the same team, the same luck, the same actions, and so the
same return. Agents act without messages: nothing is sent while they act, and no link drawn is a message. What is
drawn is which links there are: at step t the topology's graph at the simulated time

    start + t · control_period

and of its links those that no fault has taken down then (`dvdn_sim.network.LinksUp`). Episode k starts where
``evaluate`` has it, after k episodes of the longest kind, or at a time of one's choice. Topologies that are drawn anew
with every episode, update or round are those of episode k, update k and round 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dvdn_sim.envs.adapt import MakeEnv, closing
from dvdn_sim.envs.batch import Game
from dvdn_sim.errors import RunFolderError
from dvdn_sim.network import LinksUp
from dvdn_sim.records import Episode, Frame, Picture, Run, read_cells
from dvdn_sim.scenario import Scenario, describe, headline
from dvdn_sim.training.device import repeatable
from dvdn_sim.training.evaluate import LoadedTeams, load_teams
from netmodels.topology import Range


def play_episode(
    run_dir: Path | str,
    *,
    seed: int | None = None,
    number: int = 0,
    start_s: float | None = None,
    device: str = "auto",
    make_env: MakeEnv | None = None,
    episode_limit: int | None = None,
) -> Episode:
    """Play one evaluation episode of a trained team, and keep every step of it.

    Args:
        run_dir: The folder of a run that came to its end; this and what is not said here is as in `dvdn_sim.evaluate`.
        seed: Whose team; by default the run's first.
        number: Which episode of `dvdn_sim.evaluate`, from 0.
        start_s: Simulated seconds at which it begins; by default when `evaluate` has it begin.

    Raises:
        RunFolderError: The folder holds no trained team of that seed, or its environment is missing.
        ScenarioError: Agents see or do something else in that environment than they learnt.
        ValueError: A number below 0, or a time.
    """
    if number < 0 or (start_s is not None and not 0.0 <= start_s < float("inf")):
        raise ValueError(f"number {number}, start_s {start_s} found; 0 or more of each expected")
    with repeatable(), closing(make_env) as made:
        teams = load_teams(run_dir, device=device, make_env=made, episode_limit=episode_limit, at_least=number + 1)
        if seed is not None and seed not in teams.run.seeds:
            among = ", ".join(map(str, teams.run.seeds))
            raise RunFolderError(f"{run_dir} has no team of seed {seed}; it has {among}")
        chosen = teams.run.seeds[0] if seed is None else seed
        frames = tuple(_frames(teams, chosen, number, start_s, own_env=make_env is None))
    return Episode(
        name=_name(teams.run, teams.scenario),
        headline=headline(teams.scenario) if make_env is None else "{algorithm}, {env}".format(**teams.run.manifest),
        seed=chosen,
        number=number,
        agents=teams.envs.env.agents,
        frames=frames,
        network=_network(teams.scenario),
        reach_m=_reach_m(teams.scenario),
        notes=_notes(teams.scenario, frames),
    )


@dataclass(frozen=True)
class _Timeline:
    """When the steps of episode `number` are, and which links are up then, if there is a network."""

    number: int
    start_ns: int
    period_ns: int
    links_up: LinksUp | None

    def at_ns(self, step: int) -> int:
        return self.start_ns + step * self.period_ns

    def frame(self, step: int, picture: Picture | None, *led_there: tuple[Any, ...] | None) -> Frame:
        """Return what there is when a step begins, and the actions and rewards that led there."""
        actions, rewards = led_there or (None, None)
        if self.links_up is None:
            return Frame(None, actions, rewards, None, picture)
        now_ns = self.at_ns(step)
        links = self.links_up.at(now_ns, episode=self.number, update=self.number)
        return Frame(now_ns / 1e9, actions, rewards, links, picture)


def _idle(teams: LoadedTeams, timeline: _Timeline, replica: int) -> npt.NDArray[np.bool_] | None:
    """Return who does nothing because it is down, bool ``[T, R, C, N]``, in this episode; None if nobody ever does."""
    network, envs, links_up = teams.scenario.network, teams.envs, timeline.links_up
    if links_up is None or network is None or not network.idles:
        return None
    agents = range(envs.env.n_agents)
    idle = np.zeros((envs.env.episode_limit, envs.replicas, envs.copies, len(agents)), bool)
    for step in range(len(idle)):
        idle[step, replica, timeline.number] = [links_up.is_down(agent, timeline.at_ns(step)) for agent in agents]
    return idle


def _frames(teams: LoadedTeams, seed: int, number: int, start_s: float | None, *, own_env: bool) -> Iterator[Frame]:
    """Play, and yield what there is before the first step and after each."""
    env, actor, network = teams.envs.env, teams.actor, teams.scenario.network
    replica, period_ns = teams.run.seeds.index(seed), 0 if network is None else round(network.control_period * 1e9)
    start_ns = number * env.episode_limit * period_ns if start_s is None else round(start_s * 1e9)
    links_up = None if network is None else LinksUp(network, n_agents=env.n_agents, seed=seed)
    timeline = _Timeline(number, start_ns, period_ns, links_up)
    row = replica * teams.envs.copies + number
    names = [
        teams.scenario.env.action_names if own_env else tuple(map(str, range(count)))
        for count in env.available.sum(1).tolist()
    ]
    teams.begin(_idle(teams, timeline, replica))
    state, observations = env.reset(None)
    yield timeline.frame(0, picture_of(env, state, row))
    for step in range(env.episode_limit):
        actions = actor.act(observations, step)
        state, observations, rewards, done = env.step(state, actions)
        meant = env.meant(actions[row]) if isinstance(env, Game) else actions[row]
        taken = tuple(names[agent][action] for agent, action in enumerate(meant.tolist()))
        yield timeline.frame(step + 1, picture_of(env, state, row), taken, tuple(rewards[row].tolist()))
        if bool(done[row]):
            break


def _name(run: Run, scenario: Scenario) -> str:
    """Return what a run is called: a sweep's cell as there, any other as its scenario."""
    try:
        table = read_cells(run.path.resolve().parent)
    except RunFolderError:
        return scenario.name
    return f"{table.name}: {run.path.resolve().name}"


def _reach_m(scenario: Scenario) -> float | None:
    """Return how far apart agents are linked, in metres; None where that does not decide it."""
    topologies = () if scenario.network is None else scenario.network.topology.parts()
    return next((each.radius for each in topologies if isinstance(each, Range)), None)


def _network(scenario: Scenario) -> tuple[str, ...]:
    """What carries messages, in words: what `describe` says between the algorithm and the training."""
    lines = [(line[:12].strip(), line[12:]) for line in describe(scenario).splitlines()[3:-2]]
    return tuple(f"{of}: {said}" if of else said for of, said in lines)


def _notes(scenario: Scenario, frames: tuple[Frame, ...]) -> tuple[str, ...]:
    network, notes = scenario.network, []
    if frames[0].picture is not None and scenario.env.picture_note:
        notes.append(scenario.env.picture_note)
    if network is not None and any(frame.links is not None and frame.links.down for frame in frames):
        does = scenario.env.idle if network.acting == "noop" else "goes on acting with what it had learnt"
        notes.append(f"An agent that has crashed neither sends nor receives, and {does}.")
    return tuple(notes)


def picture_of(env: object, state: Any, row: int) -> Picture | None:
    """Return a row of an environment as strokes; None for those of others, which we cannot look into."""
    return env.picture(state, row) if isinstance(env, Game) else None
