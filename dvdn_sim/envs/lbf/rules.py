"""The rules of Level-Based Foraging: where a batch of fields stands, what a step does, what players see."""

from collections.abc import Sequence
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from dvdn_sim.envs.batch import described

GONE = (-(2**16), -(2**16), 0)
"""Row, column and level of a food that is not there (any more): beside nobody, in nobody's sight."""
HIGHEST_LEVEL = 2**15 - 1
PARTS = ("players", "foods", "food_spawned", "step", "episode")


class LbfState:
    """A batch of E fields with N players; never changed in place.

    Attributes:
        size: Rows and columns.
        players: int32 ``[3, N, E]``: row, column and level of each player.
        foods: int32 ``[3, F, E]``, the same of each food, in row-major order; `GONE` for those that are eaten.
        food_spawned: int64 ``[E]``, the sum of all foods' levels at the beginning.
        step: int64 ``[E]``, steps taken in the episode.
        episode: int64 ``[E]``, its number, 0 for the first.
        seen: What its players observe, batch last, once somebody has asked (see `Sight.planes`).
    """

    players: Tensor
    foods: Tensor
    food_spawned: Tensor
    step: Tensor
    episode: Tensor

    def __init__(
        self,
        field: Tensor,
        positions: Tensor,
        levels: Tensor,
        food_spawned: Tensor,
        step: Tensor,
        *,
        episode: Tensor | None = None,
    ) -> None:
        """Put a batch of fields together by hand, from whole numbers of any width.

        `field` has the levels of foods, 0 where there is none, ``[E, rows, columns]``; `positions` rows and columns of
        players, ``[E, N, 2]``; `levels` are theirs, ``[E, N]``; the rest is ``[E]``. Refuses (ValueError) what does not
        fit: shapes, a player outside the field or beside two foods (foods are never so near each other), levels.
        """
        episode = torch.zeros_like(step) if episode is None else episode
        _check_shapes(field, positions, levels, food_spawned=food_spawned, step=step, episode=episode)
        _check_levels("levels", levels, 1)
        _check_levels("field", field, 0)
        self.size = (field.shape[1], field.shape[2])
        self.seen: Tensor | None = None
        self.players = torch.cat([positions, levels[..., None]], 2).permute(2, 1, 0).int().contiguous()
        self.foods = _foods_of(field)
        self.food_spawned, self.step, self.episode = food_spawned.long(), step.long(), episode.long()
        self._check_players()

    @classmethod
    def of_planes(
        cls,
        size: tuple[int, int],
        *,
        players: Tensor,
        foods: Tensor,
        food_spawned: Tensor,
        step: Tensor,
        episode: Tensor,
    ) -> Self:
        """The same from its parts, unchecked, for fields of `size` rows and columns."""
        state = cls.__new__(cls)
        state.size, state.players, state.foods, state.seen = size, players, foods, None
        state.food_spawned, state.step, state.episode = food_spawned, step, episode
        return state

    @property
    def n_rows(self) -> int:
        """E."""
        return self.players.shape[2]

    @cached_property
    def positions(self) -> Tensor:
        """Rows and columns of the players, int64 ``[E, N, 2]``."""
        return self.players[:2].permute(2, 1, 0).long().contiguous()

    @cached_property
    def levels(self) -> Tensor:
        """Levels of the players, int64 ``[E, N]``."""
        return self.players[2].T.long().contiguous()

    @cached_property
    def field(self) -> Tensor:
        """Levels of the foods, 0 where there is none, int64 ``[E, rows, columns]``."""
        row, column, level = self.foods.transpose(1, 2).long()
        flat: Tensor = level.new_zeros(self.n_rows, self.size[0] * self.size[1])
        flat.scatter_add_(1, (row * self.size[1] + column).clamp(min=0), level)
        return flat.view(-1, *self.size)

    def with_rows(self, rows: Tensor, fresh: "LbfState") -> "LbfState":
        """The same with the states of `fresh` in the given rows, int64 ``[M]``."""
        parts = {name: getattr(self, name).index_copy(-1, rows, getattr(fresh, name)) for name in PARTS}
        return self.of_planes(self.size, **parts)

    def at_rows(self, rows: Tensor) -> "LbfState":
        """The given rows, int64 ``[M]``, alone."""
        return self.of_planes(self.size, **{name: getattr(self, name).index_select(-1, rows) for name in PARTS})

    def with_room_for(self, foods: int) -> "LbfState":
        """The same with so many foods in the list, the last ones gone."""
        gone = self.foods.new_tensor(GONE)[:, None, None]
        more = gone.expand(3, foods - self.foods.shape[1], self.n_rows)
        return self.of_planes(
            self.size,
            players=self.players,
            foods=torch.cat([self.foods, more], 1),
            food_spawned=self.food_spawned,
            step=self.step,
            episode=self.episode,
        )

    def _check_players(self) -> None:
        row, column = self.positions.unbind(-1)
        outside = (row < 0) | (row >= self.size[0]) | (column < 0) | (column >= self.size[1])
        if bool(outside.any()):
            where, player = outside.nonzero()[0].tolist()
            cell = tuple(self.positions[where, player].tolist())
            raise ValueError(f"row {where}, player {player} at {cell} found; a cell of a field of {self.size} expected")
        apart = (self.foods[:2, :, None] - self.players[:2, None]).abs().sum(0)  # [F, N, E]
        torn = (apart == 1).sum(0).T > 1
        if bool(torn.any()):
            where, player = torn.nonzero()[0].tolist()
            raise ValueError(f"row {where}, player {player} beside several foods found; one at most expected")


def _check_shapes(field: Tensor, positions: Tensor, levels: Tensor, **by_row: Tensor) -> None:
    copies, players = len(field), positions.shape[1:2]
    expected = {
        "field": (field, "[E, rows, columns]", (copies, *field.shape[1:3])),
        "positions": (positions, f"[{copies}, N, 2]", (copies, *players, 2)),
        "levels": (levels, f"[{copies}, {players[0] if players else 'N'}]", (copies, *players)),
    }
    expected |= {name: (each, f"[{copies}]", (copies,)) for name, each in by_row.items()}
    for name, (found, words, shape) in expected.items():
        rank = 1 if name in by_row else 3 - (name == "levels")
        whole = not (found.is_floating_point() or found.is_complex() or found.dtype == torch.bool)
        if found.ndim != rank or tuple(found.shape) != shape or not whole:
            raise ValueError(f"{name} {described(found)} found; whole numbers {words} expected")


def _check_levels(name: str, levels: Tensor, lowest: int) -> None:
    low, high = (int(each) for each in torch.aminmax(levels))
    if low < lowest or high > HIGHEST_LEVEL:
        raise ValueError(f"{name} from {low} to {high} found; levels from {lowest} to {HIGHEST_LEVEL} expected")


def _foods_of(field: Tensor) -> Tensor:
    """The foods of a field in row-major order, int32 ``[3, F, E]``, F the most that a row has, or 1."""
    where, row, column = field.nonzero(as_tuple=True)
    counts = torch.bincount(where, minlength=len(field))
    slot = torch.arange(len(where), device=field.device) - (counts.cumsum(0) - counts)[where]
    most = int(counts.max().clamp(min=1))
    foods = torch.tensor(GONE, dtype=torch.int32, device=field.device)[:, None, None].repeat(1, most, len(field))
    foods[:, slot, where] = torch.stack([row, column, field[where, row, column].long()]).int()
    return foods


LOAD = 5


class Rules:
    """Steps on a field of given size."""

    def __init__(
        self, size: tuple[int, int], *, limit: int, penalty: float, normalise: bool, device: torch.device
    ) -> None:
        """Make the tables."""
        self._size, self._limit, self._penalty, self._normalise = size, limit, penalty, normalise
        # By action: none, north, south, west, east, load.
        self._down = torch.tensor([0, -1, 1, 0, 0, 0], dtype=torch.int32, device=device)
        self._right = torch.tensor([0, 0, 0, -1, 1, 0], dtype=torch.int32, device=device)
        self._gone = torch.tensor(GONE, dtype=torch.int32, device=device)[:, None, None]
        # With one column more than there is, cells are beside each other iff their codes are 1 or `_width` apart.
        self._width = size[1] + 1

    def step(self, state: LbfState, actions: Tensor) -> tuple[LbfState, Tensor, Tensor]:
        """Return the state after actions ``[E, N]``, rewards, float64 ``[E, N]``, and which rows are done."""
        going = ~self.done(state)
        actions = (actions * going[:, None]).T.contiguous()  # a row that is done stands still
        cells, food_cells = self._cells(state.players), self._cells(state.foods)[:, None]
        players = self._moved(state.players, actions, cells, food_cells)
        apart = (food_cells - cells).abs()
        loads = (((apart == 1) | (apart == self._width)) & (actions == LOAD)).int()  # [F, N, E]
        together = (loads * state.players[2]).sum(1, dtype=torch.int32)
        loaded = together >= state.foods[2]  # as are, again, those that are gone
        after = LbfState.of_planes(
            state.size,
            players=players,
            foods=torch.where(loaded, self._gone, state.foods),
            food_spawned=state.food_spawned,
            step=state.step + going,
            episode=state.episode,
        )
        return after, self._rewards(state, loads, together), self.done(after)

    def done(self, state: LbfState) -> Tensor:
        """Which rows have ended: no food is left, or the time is up; bool ``[E]``."""
        return (state.step >= self._limit) | self.cleared(state)

    def cleared(self, state: LbfState) -> Tensor:
        """Where no food is left, bool ``[E]``."""
        return state.foods[2].amax(0) == 0

    def _cells(self, triplets: Tensor) -> Tensor:
        """Codes of the cells of players or foods, one number each."""
        return torch.add(triplets[1], triplets[0], alpha=self._width)

    def _moved(self, players: Tensor, actions: Tensor, cells: Tensor, food_cells: Tensor) -> Tensor:
        row, column, level = players
        row = (row + self._down.index_select(0, actions.flatten()).view_as(row)).clamp_(0, self._size[0] - 1)
        column = (column + self._right.index_select(0, actions.flatten()).view_as(row)).clamp_(0, self._size[1] - 1)
        target = torch.stack([row, column, level])
        claim = self._cells(target)
        free = (food_cells - claim).abs().amin(0) > 0
        claim = torch.where(free, claim, cells)
        alone = (claim[:, None] == claim).sum(0, dtype=torch.int32) == 1
        return torch.where(free & alone, target, players)

    def _rewards(self, state: LbfState, loads: Tensor, together: Tensor) -> Tensor:
        # Of the food that a player loads (nobody is beside two): its level, and the sum of its loaders' levels.
        food = (loads * state.foods[2][:, None]).sum(0, dtype=torch.int32)
        loaders = (loads * together[:, None]).sum(0, dtype=torch.int32)
        gained = (state.players[2] * food).double()
        if self._normalise:
            # Where nobody loads 0 is divided; 1 keeps the quotient finite.
            gained = gained / (loaders * state.food_spawned.double()).clamp(min=1.0)
        return torch.where(loaders >= food, gained, 0.0 - self._penalty).T.contiguous()


LEVEL_BITS = HIGHEST_LEVEL.bit_length()


class Sight:
    """Observations on a field of given size."""

    def __init__(self, size: tuple[int, int], *, sight: int, players: int, levels: bool, device: torch.device) -> None:
        """Make the tables."""
        self._sight, self._levels = sight, levels
        self._whole = sight >= max(size) - 1
        self._side_bits = max(size).bit_length()
        place_bit = 2 * self._side_bits + LEVEL_BITS
        packed = torch.int32 if place_bit + (players + 1).bit_length() < 32 else torch.int64
        self._last = torch.tensor((players + 1) << place_bit, dtype=packed, device=device)
        everyone = torch.arange(players)
        places = torch.where(everyone == everyone[:, None], 0, everyone + 1)  # to each player itself comes first
        self._order = places.argsort(1).to(device)
        self._places = (places << place_bit).to(device, packed)[:, :, None]

    def observe(self, state: LbfState) -> Tensor:
        """Observations of all players, float32 ``[E, N, D]``; a new tensor at each call."""
        planes = self.planes(state)
        players, numbers, rows = planes.shape
        return planes.view(players * numbers, rows).T.contiguous().view(rows, players, numbers)

    def planes(self, state: LbfState) -> Tensor:
        """The same with the batch last, float32 ``[N, D, E]``; the state keeps it."""
        if state.seen is None:
            triplets = self._whole_field(state) if self._whole else self._windows(state)
            if self._levels:
                state.seen = triplets.flatten(1, 2)
            else:
                foods = state.foods.shape[1]
                state.seen = torch.cat([triplets[:, :foods].flatten(1, 2), triplets[:, foods:, :2].flatten(1, 2)], 1)
        return state.seen

    def visible(self, state: LbfState) -> Tensor:
        """Who sees whom, bool ``[E, N, N]``: the first axis sees the second, nobody itself."""
        own = state.players[:2]
        near = self._near(own[:, None], self._origin(own) + self._sight + 1)
        unlike = ~torch.eye(len(near), dtype=torch.bool, device=near.device)
        return near.permute(2, 0, 1) & unlike

    def _whole_field(self, state: LbfState) -> Tensor:
        """Triplets ``[N, F + N, 3, E]`` where everybody sees everything."""
        _, players, rows = state.players.shape
        foods = self._packed(state.foods) - self._packed(torch.full_like(state.foods[:2, :1], -1))
        foods = torch.where(state.foods[2] > 0, foods, self._last)
        triplets = torch.empty(players, len(foods) + players, 3, rows, device=foods.device)
        triplets[:, : len(foods)] = self._unpacked(torch.stack(_ascending(foods.unbind(0)))[None])
        in_order = state.players.index_select(1, self._order.flatten()).view(3, players, players, rows)
        triplets[:, len(foods) :] = in_order.permute(1, 2, 0, 3)
        return triplets

    def _windows(self, state: LbfState) -> Tensor:
        """Triplets ``[N, F + N, 3, E]``, each player's from its own corner."""
        own = state.players[:2]
        origin = self._origin(own)
        offset = self._packed(origin)[:, None]
        near = self._near(state.foods[:2, None], own)
        foods = torch.where(near, self._packed(state.foods) - offset, self._last)
        near = self._near(own[:, None], origin + self._sight + 1)
        players = torch.where(near, self._packed(state.players) - offset + self._places, self._last)
        return self._unpacked(torch.stack([*_ascending(foods.unbind(1)), *_ascending(players.unbind(1))], 1))

    def _origin(self, own: Tensor) -> Tensor:
        """What coordinates count from, one before the upper left corner of the window; int32 ``[2, N, E]``.

        So they start at 1, and the zeros of a number for what is not seen read as -1, -1, 0.
        """
        return (own - (self._sight + 1)).clamp_(min=-1)

    def _near(self, cells: Tensor, centres: Tensor) -> Tensor:
        """Which cells ``[2, 1, M, E]`` are within sight of each of the centres ``[2, N, E]``; bool ``[N, M, E]``."""
        return (cells - centres[:, :, None]).abs_().amax(0) <= self._sight

    def _packed(self, triplets: Tensor) -> Tensor:
        """One number for row, column and, if there is one, level."""
        row, column, *level = triplets.to(self._last.dtype)
        cell = torch.add(column, row, alpha=1 << self._side_bits) * (1 << LEVEL_BITS)
        return cell + level[0] if level else cell

    def _unpacked(self, keys: Tensor) -> Tensor:
        """Triplets ``[N, M, 3, E]``, float32, of numbers ``[N, M, E]``."""
        players, many, rows = keys.shape
        triplets = torch.empty(players, many, 3, rows, device=keys.device)
        side = (1 << self._side_bits) - 1
        torch.sub((keys >> (self._side_bits + LEVEL_BITS)) & side, 1, out=triplets[:, :, 0])
        torch.sub((keys >> LEVEL_BITS) & side, 1, out=triplets[:, :, 1])
        triplets[:, :, 2] = keys & HIGHEST_LEVEL
        return triplets


def _ascending(keys: Sequence[Tensor]) -> list[Tensor]:
    """Sort elementwise across a few tensors of one shape."""
    ordered = list(keys)
    for last in range(len(ordered) - 1, 0, -1):
        for i in range(last):
            low, high = ordered[i : i + 2]
            ordered[i], ordered[i + 1] = torch.minimum(low, high), torch.maximum(low, high)
    return ordered
