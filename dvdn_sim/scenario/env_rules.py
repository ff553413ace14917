"""Rules about the settings of one environment. Each yields what breaks it: (key, message, remedy)."""

import os
from collections.abc import Callable, Iterator
from typing import cast

from dvdn_sim.scenario.document import Path
from dvdn_sim.scenario.foraging import Foraging, LbForaging
from dvdn_sim.scenario.marbler import Marbler, MaterialTransport, PredatorCapturePrey, Warehouse
from dvdn_sim.scenario.particles import MpeAdversary, MpeSpread, MpeTag
from dvdn_sim.scenario.quantities import shown
from dvdn_sim.scenario.scenario import Scenario

Broken = tuple[Path, str, str]
BrokenKey = tuple[str, str, str]


def _player_levels_in_order(env: Foraging) -> Iterator[BrokenKey]:
    if env.min_player_level > env.max_player_level:
        message = f"{env.min_player_level} is above max_player_level, {env.max_player_level}"
        yield "min_player_level", message, "raise the one or lower the other"


def _food_levels_in_order(env: Foraging) -> Iterator[BrokenKey]:
    if env.max_food_level is not None and env.min_food_level > env.max_food_level:
        message = f"{env.min_food_level} is above max_food_level, {env.max_food_level}"
        yield "min_food_level", message, "raise the one or lower the other"


def _food_levels_within_the_lowest_players(env: Foraging) -> Iterator[BrokenKey]:
    lowest = min(3, env.players) * env.min_player_level
    if env.max_food_level is None and env.min_food_level > lowest:
        message = f"{env.min_food_level} is above the highest food level, which can be as low as {lowest}"
        yield "min_food_level", message, "lower it, or set `max_food_level`"


def _some_team_can_load(env: Foraging) -> Iterator[BrokenKey]:
    strongest = env.players * env.max_player_level
    if env.max_food_level is not None and env.max_food_level > strongest:
        message = f"no team could load it: {env.players} players of level {env.max_player_level} make {strongest}"
        yield "max_food_level", message, f"at most {strongest}"


def _food_fits(env: Foraging) -> Iterator[BrokenKey]:
    room = most_food(env)
    if env.max_num_food > room:
        rows, columns = env.field_size
        message = f"{env.max_num_food} foods do not fit a field of {rows} by {columns}"
        remedy = f"at most {room}: foods keep off the border and two cells from each other"
        yield "max_num_food", message, remedy


def most_food(env: Foraging) -> int:
    """Return a number of foods that a field can never exceed.

    Foods keep off the border and at least 3 steps (rows plus columns) from each other. So each has to itself its cell
    and the four beside it, within the field without its corners; and a 2 by 2 block, or 3 cells in a row, hold one.
    """
    rows, columns = env.field_size[0] - 2, env.field_size[1] - 2
    crosses = (env.field_size[0] * env.field_size[1] - 4) // 5
    blocks = -(-rows // 2) * -(-columns // 2)
    threes = min(rows * -(-columns // 3), columns * -(-rows // 3))
    return min(crosses, blocks, threes)


def _players_fit(env: Foraging) -> Iterator[BrokenKey]:
    rows, columns = env.field_size
    room = rows * columns - env.max_num_food
    if env.players > room:
        message = f"{env.players} players do not fit a field of {rows} by {columns} beside {env.max_num_food} foods"
        yield "players", message, f"at most {max(room, 1)}"


def _players_have_two_cells(env: LbForaging) -> Iterator[BrokenKey]:
    rows, columns = env.field_size
    if 2 * env.players > rows * columns:
        message = f"{env.players} players are more than lbforaging places on a field of {rows} by {columns}"
        yield "players", message, f"at most {rows * columns // 2}"


def _only_one_reward_has_a_ratio(env: MpeSpread) -> Iterator[BrokenKey]:
    if env.local_ratio != 0.5 and env.reward != "mpe2":
        message = f"{env.local_ratio} is of no effect: reward `{env.reward}` has no such ratio"
        yield "local_ratio", message, "remove it, or write `reward: mpe2`"


def _there_are_robots(env: Marbler) -> Iterator[BrokenKey]:
    if isinstance(env, MaterialTransport | PredatorCapturePrey) and env.n_agents < 1:
        key = "n_fast_agents" if isinstance(env, MaterialTransport) else "predators"
        yield key, "there are no robots", "at least one of either sort"


def _there_is_room(env: Marbler) -> Iterator[BrokenKey]:
    for places in env.places:
        if places.count > places.room:
            message = f"{places.count} {places.what} do not fit: there are {places.room} places so far apart"
            yield places.key, message, "a smaller one, or fewer of them"


def _neighbours_are_others(env: Marbler) -> Iterator[BrokenKey]:
    if isinstance(env, PredatorCapturePrey | Warehouse) and env.num_neighbors >= max(1, env.n_agents):
        message = f"a robot has {env.n_agents - 1} others, not {env.num_neighbors}"
        yield "num_neighbors", message, f"at most {env.n_agents - 1}"


def _trained_opponents_are_there(env: MpeAdversary | MpeTag) -> Iterator[BrokenKey]:
    if env.opponent_policy is None:
        return
    if env.opponent == "agent":
        yield "opponent_policy", "`opponent: agent` learns, and plays no policy of before", "remove one of the two"
    if not os.path.isfile(env.opponent_policy):  # noqa: PTH113  (Path refuses a null character, which may stand here)
        message = f"there is no file {shown(env.opponent_policy)}"
        yield "opponent_policy", message, "a file `policies/seed-….safetensors` of a run"


def _of(kind: type, rule: Callable[..., Iterator[BrokenKey]]) -> Callable[[Scenario], Iterator[Broken]]:
    """Return the rule for scenarios, of environments of that class."""

    def of_scenario(scenario: Scenario) -> Iterator[Broken]:
        env = scenario.env
        if isinstance(env, kind):
            for key, message, remedy in rule(cast("object", env)):
                yield ("env", key), message, remedy

    return of_scenario


ENV_RULES: tuple[Callable[[Scenario], Iterator[Broken]], ...] = (
    _of(Foraging, _player_levels_in_order),
    _of(Foraging, _food_levels_in_order),
    _of(Foraging, _food_levels_within_the_lowest_players),
    _of(Foraging, _some_team_can_load),
    _of(Foraging, _food_fits),
    _of(Foraging, _players_fit),
    _of(LbForaging, _players_have_two_cells),
    _of(MpeSpread, _only_one_reward_has_a_ratio),
    _of(MpeAdversary, _trained_opponents_are_there),
    _of(MpeTag, _trained_opponents_are_there),
    _of(Marbler, _there_are_robots),
    _of(Marbler, _there_is_room),
    _of(Marbler, _neighbours_are_others),
)
