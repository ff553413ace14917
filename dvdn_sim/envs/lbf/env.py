"""`LevelBasedForaging`: the rules under the contract of a batched environment, states by hand, and the picture."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dvdn_sim.envs.api import Mask, Observations, Rewards
from dvdn_sim.envs.batch import INT64, Game, Parts, Rows
from dvdn_sim.envs.canvas import Canvas, Colour
from dvdn_sim.envs.lbf.rules import MISFITS, Window, begin_rows, misfit, observe_rows, step_rows
from dvdn_sim.scenario import Lbf

GRID: Colour = (222, 222, 222)
FOOD: Colour = (97, 158, 75)
INK: Colour = (255, 255, 255)
BLACK: Colour = (40, 40, 40)
PLAYERS: tuple[Colour, ...] = ((42, 93, 158), (205, 98, 38), (122, 82, 160), (28, 128, 128), (176, 48, 84))


@dataclass(frozen=True)
class LbfState(Rows):
    """Where E fields with N players stand.

    Attributes:
        field: int16 ``[E, rows, columns]``, the levels of foods, 0 where there is none.
        positions: int64 ``[E, N, 2]``, rows and columns of players.
        levels: int64 ``[E, N]``, theirs.
        food_spawned: int64 ``[E]``, the sum of all foods' levels at the beginning.
    """

    field: NDArray[np.int16]
    positions: NDArray[np.int64]
    levels: NDArray[np.int64]
    food_spawned: NDArray[np.int64]


ground = attrgetter("field", "positions", "levels", "food_spawned")


class LevelBasedForaging(Game[Lbf, LbfState]):
    """Players load foods on a grid; a food of level l needs loaders beside it whose levels add up to l or more.

    Step by step what ``lbforaging`` 2.0.0 does (observations and rewards bit for bit); episodes begin with luck of
    their own, equally distributed. Actions: 0 none, 1 north, 2 south, 3 west, 4 east, 5 load. Observation of a player:
    triplets (row, column, level) of the foods it sees, of itself, of the other players that it sees; -1, -1, 0 fills
    up. If all food is loaded, an episode's rewards sum to 1 over the team.
    """

    settings = Lbf
    stream = "lbf"
    rows = LbfState
    moving = ("field", "positions", "step", "done")

    @cached_property
    def agents(self) -> tuple[str, ...]:
        """``player_0`` and so on."""
        return tuple(f"player_{i}" for i in range(self.n_agents))

    @property
    def _own_bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Lowest and highest observed numbers, as the original says them (of a square field)."""
        spec, shape = self.spec, (self.n_agents, self.obs_dim)
        numbers, (rows, columns) = 2 + spec.observe_agent_levels, spec.field_size
        most = spec.max_food_level or min(3, spec.players) * spec.max_player_level
        food, player = [rows - 1, columns - 1, most], [rows - 1, columns - 1, spec.max_player_level][:numbers]
        low = [-1, -1, 0] * spec.max_num_food + [-1, -1, 0][:numbers] * spec.players
        high = food * spec.max_num_food + player * spec.players
        return np.full(shape, low, np.float32), np.full(shape, high, np.float32)

    def positions(self, state: LbfState) -> NDArray[np.float64]:
        """Rows and columns of the players, float64 ``[E, N, 2]``."""
        return state.positions.astype(np.float64)

    def timed_out(self, state: LbfState) -> Mask:
        """Which rows are done with food left."""
        return state.done & state.field.any((1, 2))

    def place(
        self,
        field: ArrayLike,
        positions: ArrayLike,
        levels: ArrayLike,
        *,
        food_spawned: ArrayLike | None = None,
        step: ArrayLike = 0,
        episode: ArrayLike = 0,
    ) -> LbfState:
        """Put a state of any number of rows together by hand (see `LbfState`); what is one for all is spread.

        Without `food_spawned` the foods on the field are all that there were.

        >>> env = LevelBasedForaging(players=2, field_size=(3, 4), max_num_food=1, sight=1)
        >>> field = [[[0, 0, 0, 0], [0, 2, 0, 0], [0, 0, 0, 0]]]
        >>> state = env.place(field, positions=[[1, 0], [1, 2]], levels=[1, 1])
        >>> state, observations, rewards, done = env.step(state, np.array([[5, 5]]))
        >>> rewards.tolist(), done.tolist()
        ([[0.5, 0.5]], [True])

        Raises:
            ValueError: What does not fit this game: shapes, fractions, a player outside the field, on a food or beside
                two (foods are never so near each other), too many foods, levels.
        """
        given = {"field": np.asarray(field), "positions": np.asarray(positions), "levels": np.asarray(levels)}
        given["food_spawned"] = given["field"].sum((1, 2)) if food_spawned is None else np.asarray(food_spawned)
        given |= {"step": np.asarray(step), "episode": np.asarray(episode)}
        state = self._empty(len(given["field"]))
        for name, part in given.items():
            getattr(state, name)[:] = part
            if not (getattr(state, name) == part).all():
                raise ValueError(f"{name} found that holds other than whole numbers, or too high ones")
        state.done[:] = ~state.field.any((1, 2)) | (state.step >= self.episode_limit)
        self._check(state)
        return state

    @property
    def _parts(self) -> Parts:
        players = self.n_agents
        return {
            "field": (np.int16, self.spec.field_size),
            "positions": (np.int64, (players, 2)),
            "levels": (np.int64, (players,)),
            "food_spawned": (np.int64, ()),
        }

    def _begin(self, state: LbfState, rows: NDArray[np.int64]) -> None:
        spec = self.spec
        levels = spec.min_player_level, spec.max_player_level, spec.min_food_level, spec.max_food_level or 0
        coop, legacy = spec.force_coop, spec.food_levels == "legacy"
        begin_rows(rows, self.keys, state.episode, ground(state), state.done, spec.max_num_food, levels, coop, legacy)

    def _step(self, state: LbfState, actions: NDArray[np.int64], rewards: Rewards, seen: Observations) -> None:
        if not step_rows(ground(state), (state.step, state.done), actions, rewards, seen, self._rules, self._window):
            super()._fitting(actions, len(actions))

    def _fitting(self, actions: NDArray[np.int64], n_rows: int) -> NDArray[np.int64]:
        if getattr(actions, "shape", None) == (n_rows, self.n_agents) and actions.dtype == INT64:
            return np.ascontiguousarray(actions)  # the rules look at the numbers: one call less
        return super()._fitting(actions, n_rows)

    def _observe(self, state: LbfState, seen: Observations) -> None:
        observe_rows(ground(state), seen, self._window)

    @cached_property
    def _rules(self) -> tuple[int, float, bool]:
        """How long an episode is, and what is paid."""
        return self.episode_limit, self.spec.penalty, self.spec.normalize_reward

    @cached_property
    def _window(self) -> Window:
        return self.spec.sight, self.spec.max_num_food, 2 + self.spec.observe_agent_levels

    def _canvas(self, state: LbfState, row: int, *, numbered: bool) -> tuple[Canvas, Sequence[Sequence[float]], float]:
        """Draw a row; players on one cell share it, and a number takes some room."""
        field, positions = state.field[row], list(map(tuple, state.positions[row].tolist()))
        rows, columns = field.shape
        canvas, cell_px = Canvas((0.0, -float(rows)), (float(columns), 0.0)), 400 / columns
        height, radius, size = (0.55, 0.36, 0.45) if numbered else (0.5, 0.4, 0.5)
        for line in range(rows + 1):
            canvas.line([(0.0, -line), (columns, -line)], GRID)
        for line in range(columns + 1):
            canvas.line([(line, 0.0), (line, -rows)], GRID)
        for down, right in np.argwhere(field > 0).tolist():
            canvas.rectangle((right + 0.12, -down - 0.88), (right + 0.88, -down - 0.12), FOOD)
            canvas.text((right + 0.5, -down - 0.5), str(field[down, right]), INK, 0.5 * cell_px)
        sharing, placed = Counter(positions), Counter[tuple[int, ...]]()
        places = []
        for player, (down, right) in enumerate(positions):
            share = 1 / sharing[down, right]
            centre = right + share * (placed[down, right] + 0.5), -down - height
            placed[down, right] += 1
            places.append(centre)
            canvas.disc(centre, radius * share, PLAYERS[player % len(PLAYERS)])
            canvas.text(centre, str(state.levels[row, player]), INK, size * share * cell_px)
            if numbered:
                canvas.text((centre[0], -down - 0.1), f"#{player}", BLACK, 0.22 * cell_px)
        return canvas, places, 0.36

    def _check_values(self, state: LbfState) -> None:
        foods = self.spec.max_num_food
        row, player, wrong = misfit(ground(state), foods)
        if wrong:
            who = "" if player < 0 else f", player {player} at {tuple(state.positions[row, player].tolist())}"
            raise ValueError(f"row {row}{who}: {MISFITS[wrong]} (field {self.spec.field_size}, at most {foods} foods)")
