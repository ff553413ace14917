"""Who is in range of whom; and where agents are when nobody else says: random waypoints, or a recording."""

import math
from bisect import bisect_right
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Annotated, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from netmodels.recordings import name_and_unit, read_table
from netmodels.streams import stream
from netmodels.topology.graph import START, Graph, Instant, TopologyKind
from netmodels.units import (
    LENGTHS,
    MAX_M,
    MAX_S,
    TIMES,
    Length,
    Spec,
    Speed,
    Time,
    kinds_of,
    milliseconds,
    or_own,
    shown,
)

Places = NDArray[np.float64]
LEGS_KEPT = 64
"""Of an agent's way, at least."""


class Mobility(Protocol):
    """Where agents are, as a pure function of the seed and the time."""

    def positions(self, n_agents: int, seed: int, now_ns: int) -> Places:
        """Return where the agents are, in metres, float64 [n_agents, 2]."""

    def describe(self) -> str:
        """Say in a few words how agents move."""


class RandomWaypoint(Spec, kind="random_waypoint"):
    """Each agent goes straight to a uniform place at a uniform speed, waits, and goes on to the next.

    Agents start at uniform places, where they first wait. The density of places is not uniform in the long run.

    Attributes:
        area: width and height, in metres or with a unit.
        speed: least and greatest, in m/s or with a unit, above 0 (or agents come to rest: Yoon, Liu, Noble 2003).
        pause: time of waiting, in seconds or with a unit.

    Source: Johnson, Maltz 1996.

    >>> walk = RandomWaypoint(area=("10 m", "10 m"), speed=("1 m/s", "1 m/s"), pause="0 s")
    >>> walk.positions(3, seed=0, now_ns=10**9).shape
    (3, 2)
    """

    area: tuple[Length, Length]
    speed: tuple[Speed, Speed]
    pause: Time

    @field_validator("area")
    @classmethod
    def _sides(cls, area: tuple[float, float]) -> tuple[float, float]:
        if min(area) == 0.0:
            raise ValueError(f"expected sides above 0 metres, got {area!r}")
        return area

    @field_validator("speed")
    @classmethod
    def _least_and_greatest(cls, speed: tuple[float, float]) -> tuple[float, float]:
        if not 0.0 < speed[0] <= speed[1]:
            raise ValueError(f"expected (least, greatest) with 0 < least ≤ greatest, got {speed!r}")
        return speed

    def positions(self, n_agents: int, seed: int, now_ns: int) -> Places:
        return np.array([_walk(self, seed, agent).place(now_ns / 1e9) for agent in range(n_agents)])

    def describe(self) -> str:
        width, height, slow, fast = (*self.area, *self.speed)
        waits = f", waiting {milliseconds(self.pause)}" if self.pause else ""
        return f"random waypoints in {width:.4g} m x {height:.4g} m at {slow:.4g} to {fast:.4g} m/s{waits}"


class _Walk:
    """The way of one agent, drawn as far as it is asked for, of which the latest legs are kept.

    Who asks about an earlier time has it drawn again from its beginning.
    """

    def __init__(self, model: RandomWaypoint, generator: np.random.Generator) -> None:
        self._generator = generator
        self._beginning = generator.bit_generator.state
        self._area = np.array(model.area)
        self._speed = model.speed
        self._pause = model.pause
        self._begin()

    def _begin(self) -> None:
        self._generator.bit_generator.state = self._beginning
        place = self._area * self._generator.random(2)
        # The way is straight between these times: at a place, there still, at the next place, there still, …
        self._times = [0.0, self._pause]
        self._places = [place, place]

    def place(self, time_s: float) -> Places:
        if time_s < self._times[0]:
            self._begin()
        while self._times[-1] <= time_s:
            self._go_on()
        before = bisect_right(self._times, time_s) - 1
        span = self._times[before + 1] - self._times[before]
        share = (time_s - self._times[before]) / span
        return self._places[before] + share * (self._places[before + 1] - self._places[before])

    def _go_on(self) -> None:
        """Draw the next leg; all of those kept are over by the time that is asked for."""
        if len(self._times) >= 4 * LEGS_KEPT:
            del self._times[: 2 * LEGS_KEPT], self._places[: 2 * LEGS_KEPT]
        goal = self._area * self._generator.random(2)
        # Not numpy's `uniform` and `hypot`, which are not rounded alike everywhere.
        slow, fast = self._speed
        speed = slow + (fast - slow) * self._generator.random()
        right, up = (goal - self._places[-1]).tolist()
        arrival = self._times[-1] + max(math.sqrt(right * right + up * up) / speed, 1e-9)
        self._times += [arrival, arrival + self._pause]
        self._places += [goal, goal]


@lru_cache(maxsize=4096)
def _walk(model: RandomWaypoint, seed: int, agent: int) -> _Walk:
    # The same whenever it is asked, so sharing it is as good as drawing it anew.
    return _Walk(model, stream(seed, "topology", "random_waypoint", agent))


def _within(most: float, text: str, worth: float) -> float:
    number = float(text) * worth
    if not abs(number) <= most:
        raise ValueError(f"expected a number from -{most:g} to {most:g}, got {text!r}")
    return number


class PositionTrace(Spec, kind="trace"):
    """Recorded places, with straight lines between them; before the first and after the last an agent stands still.

    Attributes:
        file: CSV with a header and the columns ``time`` (in s, or with a unit: ``time_ms``), ``agent``, ``x`` and ``y``
            (in m, or ``x_km``). Read once, when built.
    """

    file: str

    def __post_init__(self) -> None:
        self._tracks  # noqa: B018  (a file that cannot be read is refused here)

    @cached_property
    def _tracks(self) -> Mapping[int, Places]:
        """Times and places by agent, float64 [rows, 3]."""
        names, rows = read_table(self.file)
        (at, _), *columns = (_column(name, names, self.file) for name in ("agent", "time", "x", "y"))
        by_agent: dict[int, list[list[float]]] = {}
        for number, cells in rows.items():
            try:
                row = [
                    _within(most, cells[place], worth)
                    for (place, worth), most in zip(columns, (MAX_S, MAX_M, MAX_M), strict=True)
                ]
                by_agent.setdefault(int(cells[at]), []).append(row)
            except ValueError as error:
                raise ValueError(f"file: {_WANTED}, got {self.file!r}, line {number}: {error}") from error
        return {agent: np.array(sorted(by_agent[agent])) for agent in sorted(by_agent)}

    def positions(self, n_agents: int, seed: int, now_ns: int) -> Places:
        missing = [agent for agent in range(n_agents) if agent not in self._tracks]
        if missing:
            raise ValueError(f"mobility.file: {self.file!r} has no places of agents {missing}")
        tracks = (self._tracks[agent] for agent in range(n_agents))
        now_s = now_ns / 1e9
        return np.array([[np.interp(now_s, track[:, 0], track[:, axis]) for axis in (1, 2)] for track in tracks])

    def describe(self) -> str:
        return f"places recorded in {self.file}"


def _column(wanted: str, names: list[str], file: str) -> tuple[int, float]:
    """Return which column is the wanted one, and what its unit is worth."""
    units: Mapping[str, Mapping[str, float]] = {"agent": {}, "time": TIMES, "x": LENGTHS, "y": LENGTHS}
    found = [
        (place, units[wanted].get(unit, 1.0))
        for place, (name, unit) in enumerate(map(name_and_unit, names))
        if name == wanted and unit in ("", *units[wanted])
    ]
    if len(found) != 1:
        listed = ", ".join(map(shown, names)) or "no names"
        raise ValueError(f"file: {_WANTED}, got {file!r}, line 1: {listed}")
    return found[0]


_WANTED = "expected a CSV with the columns time, agent, x, y, each once"

AnyMobility = Annotated[
    RandomWaypoint
    | PositionTrace,
    Field(discriminator="kind"),
    or_own("positions"),
]  # fmt: skip
"""What moves the agents, or a mapping with ``kind``."""
MOBILITIES = kinds_of(AnyMobility)


class Range(TopologyKind, kind="range"):
    """Two agents are linked while they are within a radius of each other.

    Attributes:
        radius: in metres or with a unit.
        mobility: what moves the agents; ``None`` if their positions come from the environment.

    >>> Range("2 m").graph(3, 0, Instant(positions=[(0, 0), (1, 0), (3, 0)])).degrees
    (1, 2, 1)
    >>> Range(1.0).graph(2, seed=0)
    Traceback (most recent call last):
    ValueError: positions: expected those of 2 agents, since topology.mobility is not given, got None
    """

    radius: Length
    mobility: AnyMobility | None = None

    @property
    def fixed(self) -> bool:
        return False

    def graph(self, n_agents: int, seed: int, at: Instant = START) -> Graph:
        positions = at.positions if self.mobility is None else self.mobility.positions(n_agents, seed, at.now_ns)
        if positions is None:
            wanted = f"those of {n_agents} agents, since topology.mobility is not given"
            raise ValueError(f"positions: expected {wanted}, got None")
        places = np.asarray(positions, dtype=np.float64)
        if places.ndim != 2 or len(places) != n_agents:
            raise ValueError(f"positions: expected the shape [{n_agents}, dimensions], got {places.shape}")
        distances = np.linalg.norm(places[:, None, :] - places[None, :, :], axis=-1)
        return Graph(n_agents, np.argwhere((distances <= self.radius) & ~np.eye(n_agents, dtype=bool)))

    def describe(self) -> str:
        between = "the positions in the environment" if self.mobility is None else self.mobility.describe()
        return f"links up to {self.radius:.4g} m between {between}"
