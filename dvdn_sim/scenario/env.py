"""Environments: what the agents act in."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from dvdn_sim.scenario.quantities import Count

Side = Annotated[Count, Field(ge=3, le=200)]
Level = Annotated[Count, Field(le=1000)]


@dataclass(frozen=True)
class Lbf:
    """Level-Based Foraging: players with levels stand together to load foods with levels.

    Attributes:
        field_size: rows and columns of the field.
        players: number of players, each an agent.
        max_num_food: foods placed at the start of an episode.
        sight: cells that a player sees to each side; the field's longest side shows it all.
        min_player_level: lowest level of a player.
        max_player_level: highest level of a player.
        min_food_level: lowest level of a food.
        max_food_level: highest level of a food; None for the sum of the three lowest player levels.
        force_coop: give every food the highest level.
        penalty: what a load that fails costs each loader.
        max_episode_steps: steps after which an episode ends.
    """

    field_size: Annotated[tuple[Side, Side], Field(strict=False)]
    players: Annotated[Count, Field(le=100)]
    max_num_food: Annotated[Count, Field(le=10_000)]
    sight: Annotated[Count, Field(le=200)]
    min_player_level: Level = 1
    max_player_level: Level = 2
    min_food_level: Level = 1
    max_food_level: Level | None = None
    force_coop: bool = False
    penalty: Annotated[float, Field(ge=0.0)] = 0.0
    max_episode_steps: Annotated[Count, Field(le=100_000)] = 50
