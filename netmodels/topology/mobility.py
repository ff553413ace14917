"""Where agents are when nobody else says: random waypoints, or a recording."""

import csv
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from netmodels.recordings import read_recording
from netmodels.streams import stream
from netmodels.units import MAX_M, MAX_S, metres, metres_per_second, milliseconds, seconds

Places = NDArray[np.float64]
LEGS_KEPT = 64
"""Of an agent's way, at least."""


class Mobility(Protocol):
    """Where agents are, as a pure function of the seed and the time."""

    def positions(self, n_agents: int, seed: int, now_ns: int) -> Places:
        """Return where the agents are, in metres, float64 [n_agents, 2]."""

    def describe(self) -> str:
        """Say in a few words how agents move."""


@dataclass(frozen=True)
class RandomWaypoint:
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

    area: Sequence[float | str]
    speed: Sequence[float | str]
    pause: float | str

    def __post_init__(self) -> None:
        width, height = (metres(side, "mobility.area") for side in _two(self.area, "mobility.area"))
        slow, fast = (metres_per_second(speed, "mobility.speed") for speed in _two(self.speed, "mobility.speed"))
        if not 0.0 < slow <= fast:
            raise ValueError(
                f"mobility.speed: expected (least, greatest) with 0 < least ≤ greatest, got {self.speed!r}"
            )
        if min(width, height) == 0.0:
            raise ValueError(f"mobility.area: expected sides above 0 metres, got {self.area!r}")
        object.__setattr__(self, "area", (width, height))
        object.__setattr__(self, "speed", (slow, fast))
        object.__setattr__(self, "pause", seconds(self.pause, "mobility.pause"))

    def positions(self, n_agents: int, seed: int, now_ns: int) -> Places:
        """Return where the agents are; see `Mobility.positions`.

        >>> walk = RandomWaypoint(area=(10, 10), speed=(1, 2), pause=0)
        >>> bool((walk.positions(5, 0, 10**12) <= 10.0).all())
        True
        """
        return np.array([_walk(self, seed, agent).place(now_ns / 1e9) for agent in range(n_agents)])

    def describe(self) -> str:
        """Say how agents move.

        >>> RandomWaypoint(area=(10, 10), speed=(1, 2), pause=0).describe()
        'random waypoints in 10 m x 10 m at 1 to 2 m/s'
        """
        width, height, slow, fast = (float(side) for side in (*self.area, *self.speed))
        waits = f", waiting {milliseconds(float(self.pause))}" if self.pause else ""
        return f"random waypoints in {width:.4g} m x {height:.4g} m at {slow:.4g} to {fast:.4g} m/s{waits}"


def _two(values: object, name: str) -> Sequence[object]:
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != 2:
        raise ValueError(f"{name}: expected two values, got {values!r}")
    return values


class _Walk:
    """The way of one agent, drawn as far as it is asked for, of which the latest legs are kept.

    Who asks about an earlier time has it drawn again from its beginning.
    """

    def __init__(self, model: RandomWaypoint, generator: np.random.Generator) -> None:
        self._generator = generator
        self._beginning = generator.bit_generator.state
        self._area = np.array(model.area, dtype=np.float64)
        self._speed = (float(model.speed[0]), float(model.speed[1]))
        self._pause = float(model.pause)
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
        speed = self._generator.uniform(*self._speed)
        arrival = self._times[-1] + max(float(np.hypot(*(goal - self._places[-1]))) / speed, 1e-9)
        self._times += [arrival, arrival + self._pause]
        self._places += [goal, goal]


@lru_cache(maxsize=4096)
def _walk(model: RandomWaypoint, seed: int, agent: int) -> _Walk:
    # The same whenever it is asked, so sharing it is as good as drawing it anew.
    return _Walk(model, stream(seed, "topology", "random_waypoint", agent))


def _within(most: float, text: str) -> float:
    number = float(text)
    if not abs(number) <= most:
        raise ValueError(f"expected a number from -{most:g} to {most:g}, got {text!r}")
    return number


@dataclass(frozen=True)
class PositionTrace:
    """Recorded places, with straight lines between them; before the first and after the last an agent stands still.

    Attributes:
        file: CSV with a header and the columns ``time`` (s), ``agent``, ``x`` and ``y`` (m). Read once, when built.

    Raises:
        ValueError: for a file that cannot be read or holds anything else.
    """

    file: str
    _records: Mapping[int, Places] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rows = csv.DictReader(read_recording(self.file, "mobility.file").splitlines())
        by_agent: dict[int, list[tuple[float, float, float]]] = {}
        try:
            for row in rows:
                by_agent.setdefault(int(row["agent"]), []).append(
                    (_within(MAX_S, row["time"]), _within(MAX_M, row["x"]), _within(MAX_M, row["y"]))
                )
        except (KeyError, TypeError, ValueError, csv.Error) as error:
            wanted = "a CSV with the columns time, agent, x, y"
            raise ValueError(
                f"mobility.file: expected {wanted}, got {self.file!r}, line {rows.line_num}: {error!r}"
            ) from error
        if not by_agent:
            raise ValueError(f"mobility.file: expected at least one place, got the trace {self.file!r}")
        records = {agent: np.array(sorted(by_agent[agent])) for agent in sorted(by_agent)}
        object.__setattr__(self, "_records", records)

    def positions(self, n_agents: int, seed: int, now_ns: int) -> Places:
        r"""Return where the agents are; see `Mobility.positions`.

        Raises:
            ValueError: if the trace lacks an agent.

        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "places.csv")
        ...     _ = path.write_text("time,agent,x,y\n0,0,0,0\n10,0,5,0\n")
        ...     trace = PositionTrace(str(path))
        >>> trace.positions(1, seed=0, now_ns=2 * 10**9).tolist()
        [[1.0, 0.0]]
        """
        del seed
        missing = [agent for agent in range(n_agents) if agent not in self._records]
        if missing:
            raise ValueError(f"mobility.file: {self.file!r} has no places of agents {missing}")
        tracks = (self._records[agent] for agent in range(n_agents))
        now_s = now_ns / 1e9
        return np.array([[np.interp(now_s, track[:, 0], track[:, axis]) for axis in (1, 2)] for track in tracks])

    def describe(self) -> str:
        r"""Say how agents move.

        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "places.csv")
        ...     _ = path.write_text("time,agent,x,y\n0,0,0,0\n")
        ...     PositionTrace(str(path)).describe().startswith("places recorded in ")
        True
        """
        return f"places recorded in {self.file}"
