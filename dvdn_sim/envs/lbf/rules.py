"""The rules of Level-Based Foraging, one field after the other: ``lbforaging`` 2.0.0's `ForagingEnv` in compiled loops.

A field is int16 ``[rows, columns]``: the levels of foods, 0 where there is none. Players have positions (row, column),
int64 ``[N, 2]``, and levels, int64 ``[N]``. What changes is changed in place. Functions are called as in the original
where they do what the original's do; `step_rows`, `observe_rows` and `begin_rows` take E of everything.
"""

import numpy as np
from numpy.typing import NDArray

from dvdn_sim.compiled import compiled, inner
from dvdn_sim.draws import mixed, unit
from dvdn_sim.envs.api import Mask, Observations, Rewards

Ints = NDArray[np.int64]
Fields = NDArray[np.int16]
Ground = tuple[Fields, Ints, Ints, Ints]
"""Of E rows: fields, positions and levels of players, and the sum of all foods' levels at the beginning."""
Window = tuple[int, int, int]
"""How far players see, how many foods at most, and how many numbers of a player."""

NONE, NORTH, SOUTH, WEST, EAST, LOAD = range(6)


@inner
def adjacent_food(field: Fields, row: int, column: int) -> int:
    """Add the levels of the foods beside a cell; beyond the border is the cell itself, where no food is."""
    rows, columns = field.shape
    return int(
        field[max(row - 1, 0), column]
        + field[min(row + 1, rows - 1), column]
        + field[row, max(column - 1, 0)]
        + field[row, min(column + 1, columns - 1)]
    )


@inner
def adjacent_food_location(field: Fields, row: int, column: int) -> tuple[int, int]:
    """Find the food beside a cell where there is one. Foods are never so near to each other that there are two."""
    rows, columns = field.shape
    if row > 0 and field[row - 1, column] > 0:
        return row - 1, column
    if row < rows - 1 and field[row + 1, column] > 0:
        return row + 1, column
    if column > 0 and field[row, column - 1] > 0:
        return row, column - 1
    return row, min(column + 1, columns - 1)


@inner
def is_valid_action(field: Fields, row: int, column: int, action: int) -> bool:
    """Foods and the border are in the way, other players are not; nobody loads unless beside a food."""
    rows, columns = field.shape
    if action == NORTH:
        return row > 0 and not field[row - 1, column]
    if action == SOUTH:
        return row < rows - 1 and not field[row + 1, column]
    if action == WEST:
        return column > 0 and not field[row, column - 1]
    if action == EAST:
        return column < columns - 1 and not field[row, column + 1]
    if action == LOAD:
        return adjacent_food(field, row, column) > 0
    return True


@inner
def move_players(field: Fields, positions: Ints, actions: Ints, claims: Ints, loading: Mask) -> None:
    """Move who can; write down who is loading. Which actions are valid is judged before anybody moves."""
    players = len(positions)
    for player in range(players):
        row, column = positions[player]
        action = actions[player] if is_valid_action(field, row, column, actions[player]) else NONE
        if action == NORTH:
            row -= 1
        elif action == SOUTH:
            row += 1
        elif action == WEST:
            column -= 1
        elif action == EAST:
            column += 1
        claims[player, 0], claims[player, 1] = row, column  # who stays claims its own cell
        loading[player] = action == LOAD
    # A cell that several claim is nobody's. Two quirks of the original follow: two may swap, and one may walk onto
    # another who meant to leave but could not.
    for player in range(players):
        row, column = claims[player]
        collisions = 0
        for other in range(players):
            if claims[other, 0] == row and claims[other, 1] == column:
                collisions += 1
        if collisions == 1:
            positions[player, 0], positions[player, 1] = row, column


@inner
def load_foods(
    field: Fields, positions: Ints, levels: Ints, food_spawned: int,
    loading: Mask, rewards: Rewards, penalty: float, normalize_reward: bool,
) -> None:  # fmt: skip
    """Let those who load at one food have it if their levels suffice, and share it by level; else they pay."""
    players = len(positions)
    for player in range(players):
        if not loading[player]:
            continue
        frow, fcol = adjacent_food_location(field, positions[player, 0], positions[player, 1])
        food = field[frow, fcol]
        adj_player_level = 0
        for other in range(players):
            if loading[other] and abs(positions[other, 0] - frow) + abs(positions[other, 1] - fcol) == 1:
                adj_player_level += levels[other]
        for other in range(players):
            if loading[other] and abs(positions[other, 0] - frow) + abs(positions[other, 1] - fcol) == 1:
                loading[other] = False
                if adj_player_level < food:
                    rewards[other] -= penalty
                elif normalize_reward:
                    rewards[other] = float(levels[other] * food) / float(adj_player_level * food_spawned)
                else:
                    rewards[other] = float(levels[other] * food)
        if adj_player_level >= food:
            field[frow, fcol] = 0


@inner
def is_cleared(field: Fields) -> bool:
    """Tell if no food is left."""
    for food in field.flat:  # noqa: SIM110  (a generator takes long to compile)
        if food > 0:
            return False
    return True


@inner
def observe(field: Fields, positions: Ints, levels: Ints, seen: Observations, window: Window) -> None:
    """Write what players see, into zeros: `_make_obs` and `make_obs_array`.

    Triplets (row, column, level) of at most so many `foods`, in row-major order; then of players, itself first, then
    the others in order, the hidden ones left out; -1, -1, 0 fills up. Of a player there may be only the first 2
    `numbers`. All count from the upper left corner of the window that the player sees.
    """
    (sight, foods, numbers), (rows, columns) = window, field.shape
    for viewer in range(len(positions)):
        row, column = positions[viewer]
        top, left = max(row - sight, 0), max(column - sight, 0)
        at = 0
        for y in range(top, min(row + sight + 1, rows)):
            for x in range(left, min(column + sight + 1, columns)):
                if field[y, x] > 0:
                    seen[viewer, at], seen[viewer, at + 1], seen[viewer, at + 2] = y - top, x - left, field[y, x]
                    at += 3
        while at < 3 * foods:
            seen[viewer, at] = seen[viewer, at + 1] = -1
            at += 3
        for place in range(len(positions)):
            player = viewer if place == 0 else place - (place <= viewer)
            y, x = positions[player, 0] - top, positions[player, 1] - left
            # A quirk of the original: the window is cut at the upper and left border, but players are seen as far below
            # and to the right as if it were not. So one near that border sees others who do not see it.
            if min(y, x) >= 0 and max(y, x) <= 2 * sight:
                seen[viewer, at], seen[viewer, at + 1] = y, x
                if numbers == 3:
                    seen[viewer, at + 2] = levels[player]
                at += numbers
        while at < seen.shape[1]:
            seen[viewer, at] = seen[viewer, at + 1] = -1
            at += numbers


@compiled
def step_rows(
    ground: Ground, clock: tuple[Ints, Mask], actions: Ints, rewards: Rewards, seen: Observations,
    rules: tuple[int, float, bool], window: Window,
) -> bool:  # fmt: skip
    """Take a step in every row that is not done, and write what players see: `ForagingEnv.step`.

    Returns whether all actions are such as there are; if not, nothing has been stepped.
    """
    (field, positions, levels, food_spawned), (step, done), (limit, penalty, normalize_reward) = ground, clock, rules
    rows, players, _ = positions.shape
    claims, loading = np.empty((players, 2), np.int64), np.empty(players, np.bool_)
    for action in actions.flat:
        if not NONE <= action <= LOAD:
            return False
    for row in range(rows):
        cells, places, strengths, spawned = field[row], positions[row], levels[row], food_spawned[row]
        if not done[row]:
            step[row] += 1
            move_players(cells, places, actions[row], claims, loading)
            load_foods(cells, places, strengths, spawned, loading, rewards[row], penalty, normalize_reward)
            done[row] = is_cleared(cells) or step[row] >= limit
        observe(cells, places, strengths, seen[row], window)
    return True


@compiled
def observe_rows(ground: Ground, seen: Observations, window: Window) -> None:
    """Write what the players of all rows see, into zeros."""
    field, positions, levels, _ = ground
    for row in range(len(field)):
        observe(field[row], positions[row], levels[row], seen[row], window)


@inner
def draw_location(free: Mask, draw: float) -> tuple[int, int]:
    """Choose among the free cells with a number in [0, 1); -1, -1 if there is none."""
    rows, columns = free.shape
    count = 0
    for cell in free.flat:
        count += int(cell)
    left = int(draw * count)
    for row in range(rows):
        for column in range(columns):
            if free[row, column]:
                if left == 0:
                    return row, column
                left -= 1
    return -1, -1


@inner
def draw_level(lowest: int, highest: int, draw: float) -> int:
    """Choose a level, bounds included, with a number in [0, 1)."""
    return lowest + int(draw * (highest - lowest + 1))


@inner
def spawn_players(
    positions: Ints, levels: Ints, free: Mask, key: np.uint64, foods: int, min_level: int, max_level: int
) -> None:
    """Put players on free cells."""
    players = len(positions)
    for player in range(players):
        row, column = draw_location(free, unit(mixed(key, player)))
        positions[player, 0], positions[player, 1] = row, column
        levels[player] = draw_level(min_level, max_level, unit(mixed(key, players + foods + player)))
        free[row, column] = False


@inner
def spawn_food(
    field: Fields, free: Mask, key: np.uint64, players: int, foods: int, min_level: int, max_level: int
) -> int:
    """Put foods on free cells off the border, none in the block of nine around another or two cells beside it.

    Where there is no such cell (any more) there are fewer foods. Returns the sum of their levels.
    """
    rows, columns = field.shape
    food_spawned = 0
    free[0] = free[rows - 1] = False
    free[:, 0] = free[:, columns - 1] = False
    for food in range(foods):
        row, column = draw_location(free, unit(mixed(key, players + food)))
        if row < 0:
            break
        level = draw_level(min_level, max_level, unit(mixed(key, 2 * players + foods + food)))
        field[row, column] = level
        food_spawned += level
        for y in range(max(row - 2, 0), min(row + 3, rows)):
            for x in range(max(column - 2, 0), min(column + 3, columns)):
                down, right = abs(y - row), abs(x - column)
                if max(down, right) <= 1 or min(down, right) == 0:
                    free[y, x] = False
    return food_spawned


@inner
def sum_of_weakest(levels: Ints) -> int:
    """Add the three lowest levels."""
    total = 0
    for player in range(len(levels)):
        weaker = 0
        for other in range(len(levels)):
            if levels[other] < levels[player] or (levels[other] == levels[player] and other < player):
                weaker += 1
        if weaker < 3:
            total += levels[player]
    return total


@compiled
def begin_rows(
    rows: Ints, keys: NDArray[np.uint64], episode: Ints, ground: Ground, done: Mask,
    foods: int, bounds: tuple[int, int, int, int], force_coop: bool, legacy: bool,
) -> None:  # fmt: skip
    """Begin the given episodes in some rows: `ForagingEnv.reset`, with draws that their numbers name.

    The original permutes bounds of levels among players and foods; here all have the same. A highest food level of 0
    stands for the sum of the three lowest player levels; in `legacy` versions that was not drawn unless it was the
    lowest, too. An episode for which no food found room is over before it has begun.
    """
    (field, positions, levels, food_spawned), players = ground, ground[2].shape[1]
    min_player, max_player, min_food, max_food = bounds
    free = np.empty(field.shape[1:], np.bool_)
    for row in rows:
        key = mixed(keys[row], episode[row])
        field[row], free[:] = 0, True
        spawn_players(positions[row], levels[row], free, key, foods, min_player, max_player)
        highest = max_food if max_food > 0 else sum_of_weakest(levels[row])
        lowest = highest if force_coop else min_food
        if legacy:
            highest = max(lowest, highest - 1)
        food_spawned[row] = spawn_food(field[row], free, key, players, foods, lowest, highest)
        done[row] = food_spawned[row] == 0


MISFITS = (
    "",
    "a food of a level below 0",
    "more foods than there may be",
    "foods that add up to more than food_spawned",
    "outside the field",
    "on a food",
    "beside several foods",
    "of a level below 1",
)


@compiled
def misfit(ground: Ground, foods: int) -> tuple[int, int, int]:
    """Find what is wrong with states put together by hand: a row, a player or -1, and which of `MISFITS`, 0 for none.

    The original reads no such state without an error or a result that depends on addresses in memory, and compiled
    code would read and write where it must not.
    """
    field, positions, levels, food_spawned = ground
    _, rows, columns = field.shape
    for e in range(len(field)):
        count = left = 0
        for food in field[e].flat:
            if food < 0:
                return e, -1, 1
            count += food > 0
            left += food
        if count > foods:
            return e, -1, 2
        if left > food_spawned[e]:
            return e, -1, 3
        for player in range(positions.shape[1]):
            row, column = positions[e, player]
            if not (0 <= row < rows and 0 <= column < columns):
                return e, player, 4
            if field[e, row, column] > 0:
                return e, player, 5
            beside = 0
            for y, x in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
                if 0 <= y < rows and 0 <= x < columns and field[e, y, x] > 0:
                    beside += 1
            if beside > 1:
                return e, player, 6
            if levels[e, player] < 1:
                return e, player, 7
    return 0, -1, 0
