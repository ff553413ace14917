"""Uniform random play: what an environment pays for no skill at all.

    python -m dvdn_sim.envs.random_play scenarios/tasks/*.yaml
    python -m dvdn_sim.envs.random_play scenarios/tasks/lbf_easy.yaml --episodes 200 --seed 7

prints the table of docs/random_play.md.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from dvdn_sim.draws import key, uniform
from dvdn_sim.envs.api import Mask, Playable, Rewards
from dvdn_sim.envs.batch import Game
from dvdn_sim.envs.catalogue import GAMES
from dvdn_sim.scenario import AnyEnv, Env, checked, read_yaml


@dataclass(frozen=True)
class Played:
    """One episode in each of E rows.

    Attributes:
        returns: float64 ``[E]``, undiscounted, summed over the team.
        lengths: int64 ``[E]``, steps.
        collision: bool ``[E]``, whether robots in collision ended it; None where there are no robots.
        boundary: bool ``[E]``, whether a robot outside the arena did.
    """

    returns: Rewards
    lengths: NDArray[np.int64]
    collision: Mask | None
    boundary: Mask | None


def play(env: Playable[Any], seed: int = 0) -> Played:
    """Play one episode in each row, all available actions equally likely.

    Args:
        env: Whose next episodes are played.
        seed: Of the actions.
    """
    state, _ = env.reset(None)
    row, agent, counts = np.arange(env.n_copies)[:, None], np.arange(env.n_agents), env.available.sum(1)
    returns, lengths = np.zeros(env.n_copies), np.zeros(env.n_copies, np.int64)
    done = np.zeros(env.n_copies, bool)
    for step in range(env.episode_limit):
        draws = uniform(key(seed, "random play"), row, step, agent)
        lengths += ~done
        _, rewards, done = env.advance(state, (draws * counts).astype(np.int64))
        returns += rewards.sum(1)
    return Played(returns, lengths, getattr(state, "collision", None), getattr(state, "boundary", None))


def table_row(name: str, played: Played) -> str:
    """One line of the table: means with their standard errors, shares in per cent."""
    cells = [name, str(len(played.returns)), _mean(played.returns), _mean(played.lengths)]
    cells += [_share(played.collision), _share(played.boundary)]
    return "| " + " | ".join(cells) + " |"


def _share(ended: Mask | None) -> str:
    return "–" if ended is None else f"{100.0 * ended.mean():.1f} %"


def _mean(values: NDArray[Any]) -> str:
    return f"{values.mean():.3f} ± {values.std(ddof=1) / len(values) ** 0.5:.3f}"


def game_of(file: Path, row_seeds: Sequence[int]) -> Game[Any, Any]:
    """Make the environment of a block for `env`; ValueError with all that is wrong with it."""
    document = read_yaml(file)
    spec, mistakes = None, document.mistakes
    if not mistakes:
        spec, mistakes = checked(document, cast("type[Env]", AnyEnv))
    if spec is None:
        raise ValueError("\n".join(f"{file}: {mistake}" for mistake in mistakes))
    return GAMES[spec.kind](spec, row_seeds=row_seeds)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m dvdn_sim.envs.random_play", description="Uniform random play.")
    parser.add_argument("files", nargs="+", metavar="FILE", type=Path, help="a block for `env`, as in scenarios/tasks")
    parser.add_argument("--episodes", type=int, default=1000, help="per file; 1000 if not given")
    parser.add_argument("--seed", type=int, default=0, help="first row seed, and seed of the actions")
    chosen = parser.parse_args(arguments)
    if chosen.episodes < 2:
        parser.error(f"--episodes {chosen.episodes} found; 2 or more expected, for a standard error")
    try:
        games = [game_of(file, range(chosen.seed, chosen.seed + chosen.episodes)) for file in chosen.files]
    except ValueError as error:
        parser.error(str(error))
    sys.stdout.write("| task | episodes | return | steps | ended by a collision | by leaving the arena |\n")
    sys.stdout.write("| --- | --- | --- | --- | --- | --- |\n")
    for file, env in zip(chosen.files, games, strict=True):
        sys.stdout.write(table_row(file.stem, play(env, chosen.seed)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
