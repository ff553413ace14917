"""`LevelBasedForaging`: rules and beginnings under the contract of a batched environment, and its picture."""

from collections import Counter
from collections.abc import Iterable, Sequence
from operator import index
from typing import Literal

import torch
from torch import Tensor

from dvdn_sim.envs.batch import check_actions, check_episode, check_finite, check_reset
from dvdn_sim.envs.canvas import Canvas, Colour, Frame
from dvdn_sim.envs.lbf.rules import HIGHEST_LEVEL, LbfState, Rules, Sight
from dvdn_sim.envs.lbf.spawn import Levels, Spawn
from dvdn_sim.records import Picture, Point

GRID: Colour = (222, 222, 222)
FOOD: Colour = (97, 158, 75)
INK: Colour = (255, 255, 255)
BLACK: Colour = (40, 40, 40)
PLAYERS: tuple[Colour, ...] = ((42, 93, 158), (205, 98, 38), (122, 82, 160), (28, 128, 128), (176, 48, 84))


def frame(state: LbfState, row: int = 0) -> Frame:
    """Draw one row, 400 pixels wide; row 0 of the field is at the top."""
    return _drawn(state, row, numbered=False)[0].frame()


def picture(state: LbfState, row: int = 0) -> Picture:
    """Draw one row as strokes, every player with its number."""
    canvas, places = _drawn(state, row, numbered=True)
    return canvas.picture(places, 0.36)


def _drawn(state: LbfState, row: int, *, numbered: bool) -> tuple[Canvas, list[Point]]:
    """Draw a row, and return where the players are; those on one cell share it, and a number takes some room."""
    rows, columns = state.size
    canvas, cell_px = Canvas((0.0, -float(rows)), (float(columns), 0.0)), 400 / columns
    height, radius, size = (0.55, 0.36, 0.45) if numbered else (0.5, 0.4, 0.5)
    for line in range(rows + 1):
        canvas.line([(0.0, -line), (columns, -line)], GRID)
    for line in range(columns + 1):
        canvas.line([(line, 0.0), (line, -rows)], GRID)
    for down, right, level in state.foods[:, :, row].T.tolist():
        if level > 0:
            canvas.rectangle((right + 0.12, -down - 0.88), (right + 0.88, -down - 0.12), FOOD)
            canvas.text((right + 0.5, -down - 0.5), str(level), INK, 0.5 * cell_px)
    players = state.players[:, :, row].T.tolist()
    sharing = Counter((down, right) for down, right, _ in players)
    placed: Counter[tuple[int, int]] = Counter()
    places: list[Point] = []
    for player, (down, right, level) in enumerate(players):
        share = 1 / sharing[down, right]
        centre = right + share * (placed[down, right] + 0.5), -down - height
        placed[down, right] += 1
        places.append(centre)
        canvas.disc(centre, radius * share, PLAYERS[player % len(PLAYERS)])
        canvas.text(centre, str(level), INK, size * share * cell_px)
        if numbered:
            canvas.text((centre[0], -down - 0.1), f"#{player}", BLACK, 0.22 * cell_px)
    return canvas, places


Bounds = int | Sequence[int]
ACTIONS = 6


class LevelBasedForaging:
    """Players load foods on a grid; a food of level l needs loaders beside it whose levels add up to l or more.

    Step by step what ``lbforaging`` 2.0.0 does (observations and rewards bit for bit); episodes begin with luck of
    their own, equally distributed. Actions: 0 none, 1 north, 2 south, 3 west, 4 east, 5 load. Observation of a player:
    triplets (row, column, level) of the foods it sees, of itself, of the other players that it sees; -1, -1, 0 fills
    up. If all food is loaded, an episode's rewards sum to 1 over the team.

    Keywords are those of the scenario's `env` (`dvdn-sim list envs`); bounds of levels may also be one per player or
    food, dealt out at random. `row_seeds` are E seeds: rows with equal seeds play equal episodes.

    Raises:
        ValueError: A size out of range, levels of the wrong number, or a lowest level above its highest.
    """

    def __init__(
        self,
        *,
        players: int,
        field_size: tuple[int, int],
        max_num_food: int,
        sight: int,
        max_episode_steps: int = 50,
        force_coop: bool = False,
        min_player_level: Bounds = 1,
        max_player_level: Bounds = 2,
        min_food_level: Bounds = 1,
        max_food_level: Bounds | None = None,
        penalty: float = 0.0,
        normalize_reward: bool = True,
        observe_agent_levels: bool = True,
        food_levels: Literal["v3", "legacy"] = "v3",
        row_seeds: Sequence[int] = (0,),
        device: torch.device | str = "cpu",
    ) -> None:
        size = check_sizes(field_size, players, max_num_food, sight, max_episode_steps)
        if not row_seeds:
            raise ValueError("no row_seeds found; 1 or more expected")
        check_finite(penalty=penalty)
        if players > size[0] * size[1]:
            raise ValueError(f"{players} players found; at most {size[0] * size[1]} expected on a field of {size}")
        if food_levels not in {"v3", "legacy"}:
            raise ValueError(f"food_levels {food_levels!r} found; 'v3' or 'legacy' expected")
        lowest, highest = check_bounds("player", players, min_player_level, max_player_level)
        top = sum(sorted(lowest)[:3])
        lowest_food, highest_food = check_bounds("food", max_num_food, min_food_level, max_food_level, otherwise=top)
        self.device = torch.device(device)
        self.n_copies, self.n_agents, self.n_actions = len(row_seeds), players, ACTIONS
        numbers = 3 if observe_agent_levels else 2
        self.obs_dim = 3 * max_num_food + numbers * players
        self.obs_dims = (self.obs_dim,) * players
        most = max(sum(sorted(highest)[:3]) if max_food_level is None else 0, *highest_food)
        if most > HIGHEST_LEVEL:
            raise ValueError(f"foods of up to level {most} found; {HIGHEST_LEVEL} at most expected")
        low = torch.tensor([-1.0, -1.0, 0.0] * max_num_food + [-1.0, -1.0, 0.0][:numbers] * players)
        last = [size[0] - 1, size[1] - 1]
        high = torch.tensor([*last, most] * max_num_food + [*last, max(highest)][:numbers] * players, dtype=low.dtype)
        self.observation_bounds = low.expand(players, -1).to(self.device), high.expand(players, -1).to(self.device)
        self.episode_limit = max_episode_steps
        self.agents = tuple(f"player_{i}" for i in range(players))
        self.available = torch.ones(players, ACTIONS, dtype=torch.bool, device=self.device)
        self.idle_actions = torch.zeros(players, dtype=torch.int64, device=self.device)
        self._counts = torch.full((players,), ACTIONS, device=self.device)
        self._size, self._foods = size, max_num_food
        self._rules = Rules(
            size, limit=max_episode_steps, penalty=penalty, normalise=normalize_reward, device=self.device
        )
        self._sight = Sight(size, sight=sight, players=players, levels=observe_agent_levels, device=self.device)
        draws = Levels(
            players=(lowest, highest),
            foods=(lowest_food, None if max_food_level is None else highest_food),
            force_coop=force_coop,
            exclusive=food_levels == "legacy",
            device=self.device,
        )
        self._spawn = Spawn(size, draws, players=players, foods=max_num_food, row_seeds=row_seeds, device=self.device)

    def reset(self, state: LbfState | None, mask: Tensor | None = None) -> tuple[LbfState, Tensor]:
        """Begin a new episode in some rows (see `BatchedEnv.reset`). The k-th one depends on (row seed, k) alone."""
        check_reset(None if state is None else state.n_rows, mask, self.n_copies)
        if state is None:
            state = self._spawn.first()
            return state, self._sight.observe(state)
        state = self._fitted(state)
        rows = torch.arange(self.n_copies, device=self.device) if mask is None else mask.nonzero().squeeze(1)
        if len(rows):
            coming = self._spawn.coming(state.episode + 1, rows)
            fresh = self._sight.planes(coming).index_select(-1, rows)
            seen = self._sight.planes(state).index_copy(-1, rows, fresh)
            state = state.with_rows(rows, coming.at_rows(rows))
            state.seen = seen
        return state, self._sight.observe(state)

    def resume(self, episode: Tensor) -> LbfState:
        """A state between two episodes (see `BatchedEnv.resume`)."""
        check_episode(episode, self.n_copies)
        return self._spawn.begin(torch.arange(self.n_copies, device=self.device), episode)

    def step(self, state: LbfState, actions: Tensor) -> tuple[LbfState, Tensor, Tensor, Tensor]:
        """Take one step in every row that is not done (see `BatchedEnv.step`); any number of rows will do."""
        check_actions(actions, state.n_rows, self._counts, self.agents)
        state, rewards, done = self._rules.step(self._fitted(state), actions)
        return state, self._sight.observe(state), rewards, done

    def timed_out(self, state: LbfState) -> Tensor:
        """Which rows the time limit has ended with food left, bool ``[E]``."""
        return self._rules.done(state) & ~self._rules.cleared(state)

    def positions(self, state: LbfState) -> Tensor:
        """Rows and columns of the players, float64 ``[E, N, 2]``."""
        return state.positions.double()

    def visible(self, state: LbfState) -> Tensor:
        """Who sees whom, bool ``[E, N, N]``: the first axis sees the second, nobody itself.

        Not symmetric: players near the upper and left border see further than they are seen (see `sight`).
        """
        return self._sight.visible(state)

    def frame(self, state: LbfState, row: int = 0) -> Frame:
        """A picture of one row, uint8 ``[height, width, 3]``."""
        return frame(state, row)

    def picture(self, state: LbfState, row: int = 0) -> Picture:
        """The same as strokes, every player with its number."""
        return picture(state, row)

    def _fitted(self, state: LbfState) -> LbfState:
        """The state with room for as many foods as this game has."""
        _, players, _ = state.players.shape
        if state.size != self._size or players != self.n_agents:
            found = f"a field of {state.size} with {players} players"
            raise ValueError(f"{found} found; one of {self._size} with {self.n_agents} expected")
        foods = state.foods.shape[1]
        if foods > self._foods:
            raise ValueError(f"{foods} foods on a field found; at most {self._foods} expected")
        return state if foods == self._foods else state.with_room_for(self._foods)


def check_sizes(
    field_size: tuple[int, int], players: int, max_num_food: int, sight: int, max_episode_steps: int
) -> tuple[int, int]:
    """Return rows and columns; refuse (ValueError) a number below its least, and (TypeError) one that is not whole."""
    if len(field_size) != 2:
        raise ValueError(f"field_size {field_size} found; two numbers, rows and columns, expected")
    rows, columns = field_size
    counts = {"players": players, "max_num_food": max_num_food, "sight": sight, "max_episode_steps": max_episode_steps}
    for name, value in ({"rows": rows, "columns": columns} | counts).items():
        least = 1 if name in counts else 3
        if index(value) < least:
            raise ValueError(f"{name} {value} found; {least} or more expected")
    return rows, columns


def check_bounds(
    what: str, count: int, lowest: Bounds, highest: Bounds | None, otherwise: int = 0
) -> tuple[list[int], list[int]]:
    """Return lowest and highest levels, one per player or food; `otherwise` stands for a highest that is not given.

    Raises:
        ValueError: Another number of levels, or a lowest level that is below 1 or above its highest.
    """
    every = []
    for name, levels in (("min", lowest), ("max", otherwise if highest is None else highest)):
        each = [index(level) for level in (levels if isinstance(levels, Iterable) else [levels] * count)]
        if len(each) != count:
            raise ValueError(f"{len(each)} levels in {name}_{what}_level found; one, or {count}, expected")
        every.append(each)
    for low, high in zip(*every, strict=True):
        if not 1 <= low <= high <= HIGHEST_LEVEL:
            raise ValueError(f"{what} levels from {low} to {high} found; 1 to {HIGHEST_LEVEL} expected, low to high")
    return every[0], every[1]
