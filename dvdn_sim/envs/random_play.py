"""Uniform random play: what an environment pays for no skill at all.

    python -m dvdn_sim.envs.random_play                               the ten tasks, 1000 episodes each
    python -m dvdn_sim.envs.random_play marbler_warehouse lbf_easy --episodes 200 --seed 7

prints the table of docs/random_play.md.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from dvdn_sim.draws import key, uniform
from dvdn_sim.envs.api import Playable
from dvdn_sim.envs.lbf import LevelBasedForaging
from dvdn_sim.envs.marbler import ArcticTransport, MaterialTransport, PredatorCapturePrey, Warehouse
from dvdn_sim.envs.mpe import SimpleAdversary, SimpleSpread, SimpleTag

TASKS: dict[str, Callable[..., Playable[Any]]] = {
    "lbf_easy": partial(
        LevelBasedForaging, players=3, field_size=(10, 10), max_num_food=3, sight=2, food_levels="legacy"
    ),
    "lbf_medium": partial(
        LevelBasedForaging, players=4, field_size=(15, 15), max_num_food=5, sight=2, food_levels="legacy"
    ),
    "lbf_hard": partial(
        LevelBasedForaging, players=3, field_size=(15, 15), max_num_food=5, sight=2, food_levels="legacy"
    ),
    "mpe_adversary": partial(SimpleAdversary, physics="legacy", observation="nearest"),
    "mpe_spread": partial(SimpleSpread, physics="legacy", observation="nearest", reward="individual"),
    "mpe_tag": partial(SimpleTag, physics="legacy", observation="nearest", reward="individual"),
    "marbler_arctic": ArcticTransport,
    "marbler_material": MaterialTransport,
    "marbler_pcp": PredatorCapturePrey,
    "marbler_warehouse": Warehouse,
}
"""The paper's ten tasks, by the names of their files in scenarios/tasks: from `row_seeds` to an environment."""


@dataclass(frozen=True)
class Played:
    """One episode in each of E rows.

    Attributes:
        returns: float64 ``[E]``, undiscounted, summed over the team.
        lengths: int64 ``[E]``, steps.
        collision: bool ``[E]``, whether robots in collision ended it; None where there are no robots.
        boundary: bool ``[E]``, whether a robot outside the arena did.
    """

    returns: Tensor
    lengths: Tensor
    collision: Tensor | None
    boundary: Tensor | None


def play(env: Playable[Any], seed: int = 0) -> Played:
    """Play one episode in each row, all available actions equally likely.

    Args:
        env: Whose next episodes are played.
        seed: Of the actions.
    """
    state, _ = env.reset(None)
    stream = torch.tensor(key(seed, "random play"), device=env.device)
    row = torch.arange(env.n_copies, device=env.device)[:, None]
    agent = torch.arange(env.n_agents, device=env.device)
    counts = env.available.sum(1)
    returns = torch.zeros(env.n_copies, dtype=torch.float64, device=env.device)
    lengths = torch.zeros(env.n_copies, dtype=torch.int64, device=env.device)
    done = torch.zeros(env.n_copies, dtype=torch.bool, device=env.device)
    for step in range(env.episode_limit):
        draws = uniform(stream, row, torch.full_like(row, step), agent)
        lengths = lengths + ~done
        state, _, rewards, done = env.step(state, (draws * counts).long())
        returns = returns + rewards.sum(1)
    return Played(returns, lengths, getattr(state, "collision", None), getattr(state, "boundary", None))


def table_row(name: str, played: Played) -> str:
    """One line of the table: means with their standard errors, shares in per cent."""
    cells = [name, str(len(played.returns)), _mean(played.returns), _mean(played.lengths.double())]
    cells += [_share(played.collision), _share(played.boundary)]
    return "| " + " | ".join(cells) + " |"


def _share(ended: Tensor | None) -> str:
    return "–" if ended is None else f"{100.0 * float(ended.double().mean()):.1f} %"


def _mean(values: Tensor) -> str:
    error = float(values.std()) / len(values) ** 0.5
    return f"{float(values.mean()):.3f} ± {error:.3f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m dvdn_sim.envs.random_play", description="Uniform random play.")
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=f"of {', '.join(TASKS)}; all if none is named")
    parser.add_argument("--episodes", type=int, default=1000, help="per task; 1000 if not given")
    parser.add_argument("--seed", type=int, default=0, help="first row seed, and seed of the actions")
    chosen = parser.parse_args(arguments)
    unknown = [task for task in chosen.tasks if task not in TASKS]
    if unknown:
        parser.error(f"{unknown[0]!r} found; one of {', '.join(TASKS)} expected")
    if chosen.episodes < 2:
        parser.error(f"--episodes {chosen.episodes} found; 2 or more expected, for a standard error")
    torch.set_num_threads(1)
    sys.stdout.write("| task | episodes | return | steps | ended by a collision | by leaving the arena |\n")
    sys.stdout.write("| --- | --- | --- | --- | --- | --- |\n")
    for task in chosen.tasks or TASKS:
        env = TASKS[task](row_seeds=range(chosen.seed, chosen.seed + chosen.episodes))
        sys.stdout.write(table_row(task, play(env, chosen.seed)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
