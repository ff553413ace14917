"""Rules that join several values of a scenario. Each yields what breaks it: (path, message, remedy)."""

from collections.abc import Callable, Iterator
from typing import cast

from dvdn_sim.scenario.consensus_rules import CONSENSUS_RULES
from dvdn_sim.scenario.document import Path
from dvdn_sim.scenario.env import Lbf
from dvdn_sim.scenario.network_rules import NETWORK_RULES
from dvdn_sim.scenario.partial import Unknown
from dvdn_sim.scenario.scenario import Scenario

Broken = tuple[Path, str, str]
Rule = Callable[[Scenario], Iterator[Broken]]


def broken_rules(scenario: object) -> list[Broken]:
    """Return what is broken in a scenario or a `Partial` of one; rules about what is unknown are left out."""
    broken: list[Broken] = []
    for rule in RULES:
        try:
            broken.extend(rule(cast("Scenario", scenario)))
        except Unknown:
            continue
    return broken


def _seeds_differ(scenario: Scenario) -> Iterator[Broken]:
    seeds = scenario.seeds
    twice = [seed for index, seed in enumerate(seeds) if seed in seeds[:index]]
    if twice:
        yield ("seeds",), f"seed {twice[0]} is given twice", "a seed gives one result, however often it is run"


def _buffer_holds_a_batch(scenario: Scenario) -> Iterator[Broken]:
    training = scenario.training
    if training.buffer < training.batch:
        message = f"{training.buffer} episodes do not hold a batch of {training.batch}"
        yield ("training", "buffer"), message, f"at least {training.batch}"


def _exploration_falls(scenario: Scenario) -> Iterator[Broken]:
    epsilon = scenario.training.epsilon
    if epsilon.end > epsilon.start:
        message = f"{epsilon.end} is above the start, {epsilon.start}"
        yield ("training", "epsilon", "end"), message, "exploration falls from `start` to `end`"


def _player_levels_in_order(scenario: Scenario) -> Iterator[Broken]:
    env = scenario.env
    if env.min_player_level > env.max_player_level:
        message = f"{env.min_player_level} is above max_player_level, {env.max_player_level}"
        yield ("env", "min_player_level"), message, "raise the one or lower the other"


def _food_levels_in_order(scenario: Scenario) -> Iterator[Broken]:
    env = scenario.env
    if env.max_food_level is not None and env.min_food_level > env.max_food_level:
        message = f"{env.min_food_level} is above max_food_level, {env.max_food_level}"
        yield ("env", "min_food_level"), message, "raise the one or lower the other"


def _food_levels_within_the_lowest_players(scenario: Scenario) -> Iterator[Broken]:
    env = scenario.env
    lowest = min(3, env.players) * env.min_player_level
    if env.max_food_level is None and env.min_food_level > lowest:
        message = f"{env.min_food_level} is above the highest food level, which can be as low as {lowest}"
        yield ("env", "min_food_level"), message, "lower it, or set `max_food_level`"


def _some_team_can_load(scenario: Scenario) -> Iterator[Broken]:
    env = scenario.env
    strongest = env.players * env.max_player_level
    if env.max_food_level is not None and env.max_food_level > strongest:
        message = f"no team could load it: {env.players} players of level {env.max_player_level} make {strongest}"
        yield ("env", "max_food_level"), message, f"at most {strongest}"


def _food_fits(scenario: Scenario) -> Iterator[Broken]:
    env = scenario.env
    room = most_food(env)
    if env.max_num_food > room:
        rows, columns = env.field_size
        message = f"{env.max_num_food} foods do not fit a field of {rows} by {columns}"
        remedy = f"at most {room}: foods keep off the border and two cells from each other"
        yield ("env", "max_num_food"), message, remedy


def most_food(env: Lbf) -> int:
    """Return a number of foods that a field can never exceed.

    Foods keep off the border and at least 3 steps (rows plus columns) from each other. So each has to itself its cell
    and the four beside it, within the field without its corners; and a 2 by 2 block, or 3 cells in a row, hold one.
    """
    rows, columns = env.field_size[0] - 2, env.field_size[1] - 2
    crosses = (env.field_size[0] * env.field_size[1] - 4) // 5
    blocks = -(-rows // 2) * -(-columns // 2)
    threes = min(rows * -(-columns // 3), columns * -(-rows // 3))
    return min(crosses, blocks, threes)


def _players_fit(scenario: Scenario) -> Iterator[Broken]:
    env = scenario.env
    rows, columns = env.field_size
    room = rows * columns - env.max_num_food
    if env.players > room:
        message = f"{env.players} players do not fit a field of {rows} by {columns} beside {env.max_num_food} foods"
        yield ("env", "players"), message, f"at most {max(room, 1)}"


RULES: tuple[Rule, ...] = (
    _seeds_differ,
    _buffer_holds_a_batch,
    _exploration_falls,
    _player_levels_in_order,
    _food_levels_in_order,
    _food_levels_within_the_lowest_players,
    _some_team_can_load,
    _food_fits,
    _players_fit,
    *NETWORK_RULES,
    *CONSENSUS_RULES,
)
