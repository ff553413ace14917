"""What a step does on the ring, one row after the other.

A state's parts are the key of the episode's draws, uint64 ``[E]``; the signs that robots see, int64 ``[E, M, N]``, now
and in the steps before, newest first; what they chose last and whether that was right, ``[E, N]``.
"""

import numpy as np
from numpy.typing import NDArray

from dvdn_sim.compiled import compiled, inner
from dvdn_sim.draws import mixed, unit
from dvdn_sim.envs.api import Mask, Observations, Rewards

Ints = NDArray[np.int64]
Parts = tuple[NDArray[np.uint64], Ints, Ints, Mask]
Clock = tuple[Ints, Mask, int]
"""Of every row its steps and whether it is done; and how many steps an episode has."""


@inner
def show_next(key: np.uint64, step: int, signs: Ints, choices: int) -> None:
    """Move every robot's signs a step into the past, and draw the one that it sees now."""
    past, robots = signs.shape
    for robot in range(robots):
        for ago in range(past - 1, 0, -1):
            signs[ago, robot] = signs[ago - 1, robot]
        signs[0, robot] = int(unit(mixed(mixed(key, step), robot)) * choices)


@compiled
def begin_rows(rows: Ints, keys: NDArray[np.uint64], episode: Ints, parts: Parts, choices: int) -> None:
    """Begin the given episodes in some rows."""
    key, signs, chosen, right = parts
    for row in rows:
        key[row] = mixed(keys[row], episode[row])
        for robot in range(signs.shape[2]):
            for ago in range(signs.shape[1]):
                signs[row, ago, robot] = 0
            chosen[row, robot], right[row, robot] = -1, False
        show_next(key[row], 0, signs[row], choices)


@compiled
def observe_rows(signs: Ints, seen: Observations) -> None:
    """Write the sign that each robot sees, one-hot, into zeros."""
    for row in range(signs.shape[0]):
        for robot in range(signs.shape[2]):
            seen[row, robot, signs[row, 0, robot]] = 1.0


@compiled
def sort_rows(
    parts: Parts, clock: Clock, actions: Ints, rewards: Rewards, seen: Observations,
    codes: Ints, memory: int, neighbours: int, group_size: int,
) -> None:  # fmt: skip
    """Send every robot's parcel to a chute in every row that is not done, and write what robots see."""
    (key, signs, chosen, right), (steps, done, limit) = parts, clock
    rows, past, robots = signs.shape
    labels = codes.shape[1]
    # Of all groups in all steps that are scored, each is worth the same, and every robot is given the same of it.
    share = 1.0 / (robots * (robots // group_size) * (limit - memory))
    for row in range(rows):
        if done[row]:
            continue
        scored = steps[row] >= memory
        right_groups = 0
        for first in range(0, robots, group_size):
            all_right = scored
            for robot in range(first, first + group_size):
                total = 0
                for other in range(robot, robot + neighbours + 1):
                    total += signs[row, past - 1, other % robots]
                chosen[row, robot] = actions[row, robot]
                right[row, robot] = scored and actions[row, robot] == codes[robot, total % labels]
                all_right = all_right and right[row, robot]
            right_groups += int(all_right)
        for robot in range(robots):
            rewards[row, robot] = right_groups * share
        steps[row] += 1
        done[row] = steps[row] >= limit
        show_next(key[row], steps[row], signs[row], labels)
    observe_rows(signs, seen)


@compiled
def relay_rows(
    parts: Parts, clock: Clock, actions: Ints, rewards: Rewards, seen: Observations, tools: int, own_reward: float
) -> None:
    """Let every robot work for itself or hand on a tool in every row that is not done, and write what robots see."""
    (key, signs, chosen, right), (steps, done, limit) = parts, clock
    rows, _, robots = signs.shape
    share = 1.0 / (robots * limit)
    for row in range(rows):
        if done[row]:
            continue
        for robot in range(robots):
            action = actions[row, robot]
            chosen[row, robot], right[row, robot] = action, action == 1 + signs[row, 0, robot]
            if action == 0:
                rewards[row, robot] += own_reward * share
            elif right[row, robot]:
                rewards[row, (robot + 1) % robots] += share
        steps[row] += 1
        done[row] = steps[row] >= limit
        show_next(key[row], steps[row], signs[row], tools)
    observe_rows(signs, seen)
