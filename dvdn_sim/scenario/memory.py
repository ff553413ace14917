"""How much memory a run takes, worked out before anything is allocated; and the refusal of one that cannot fit.

What is held for the length of an episode or an update is counted on top of what is held throughout, for the allocator
seldom gives it back. Against the peak of whole runs the sum is right to a quarter (tests/soak/memory.py).
"""

from dataclasses import dataclass, replace
from functools import reduce
from typing import Literal

from dvdn_sim.errors import Mistake, ScenarioError
from dvdn_sim.scenario.machine import memory_limit
from dvdn_sim.scenario.scenario import Scenario
from dvdn_sim.scenario.shapes import Shapes, Sizes

PROCESS = 350_000_000
"""Python with torch (2.13, its CPU build, Linux), polars and pydantic: the peak of a run whose other parts are below
2 MB. What CUDA takes of the host beside it is not counted."""

Place = Literal["machine", "host", "GPU"]
"""Where memory is: all of it in the machine; or some of it there, and some on its GPU."""


@dataclass(frozen=True)
class Part:
    """What takes memory.

    Attributes:
        name: what it is.
        size_bytes: how much.
        key: what in the scenario it grows with, besides `seeds`, dotted; empty if with nothing.
        on_device: whether it is where the learners are: on a GPU, if there is one.
    """

    name: str
    size_bytes: int
    key: str = ""
    on_device: bool = False


@dataclass(frozen=True)
class Memory:
    """What a run takes, in parts, the largest first."""

    parts: tuple[Part, ...]

    @property
    def total_bytes(self) -> int:
        """Return the sum: the peak that is to be expected."""
        return sum(part.size_bytes for part in self.parts)

    def __getitem__(self, name: str) -> Part:
        """Return the part of a name.

        Raises:
            KeyError: there is none.
        """
        return {part.name: part for part in self.parts}[name]

    @property
    def largest(self) -> tuple[Part, ...]:
        """Return the parts that matter: those of at least 3 % of the sum."""
        return tuple(part for part in self.parts if part.size_bytes >= 0.03 * self.total_bytes)

    def on(self, place: Place) -> "Memory":
        """Return the parts that are in a place."""
        return Memory(tuple(part for part in self.parts if place == "machine" or part.on_device == (place == "GPU")))

    def text(self) -> str:
        """Return the sum and the parts that matter, in a line.

        >>> Memory((Part("replay", 600_000_000), Part("process", 300_000_000))).text()
        '0.9 GB: replay 0.6 GB, process 0.3 GB'
        """
        parts = ", ".join(f"{part.name} {size_text(part.size_bytes)}" for part in self.largest)
        return f"{size_text(self.total_bytes)}: {parts}"

    @property
    def keys(self) -> tuple[str, ...]:
        """Return what in the scenario makes the parts that matter smaller, dotted."""
        return (*dict.fromkeys(part.key for part in self.largest if part.key), "seeds")


def size_text(size_bytes: float) -> str:
    """Return a size as people say it.

    >>> size_text(1_234_567_890), size_text(51_000_000), size_text(2e12)
    ('1.2 GB', '0.05 GB', '2000 GB')
    """
    gigabytes = size_bytes / 1e9
    digits = 0 if gigabytes >= 100 else 1 if gigabytes >= 0.095 else 2
    return f"{gigabytes:.{digits}f} GB"


def memory_of(scenario: Scenario, sizes: Sizes | None = None) -> Memory:
    """Return what a run takes at its peak, within a quarter; a trace of all messages is not counted.

    Args:
        scenario: what would run.
        sizes: of the environment, if it is not the scenario's.
    """
    shapes = Shapes(scenario, Sizes.of(scenario.env) if sizes is None else sizes)
    side_by_side, judged = scenario.training.episodes_per_iteration, scenario.evaluation.episodes
    held = (
        Part("replay", shapes.replay, "training.buffer", on_device=True),
        Part("networks", shapes.networks, "algorithm.hidden", on_device=True),
        Part("trackers", shapes.trackers, "algorithm.hidden", on_device=True),
        Part("update", shapes.update, "training.batch", on_device=True),
        Part("acting", shapes.episodes(side_by_side), "training.episodes_per_iteration", on_device=True),
        Part("evaluation", shapes.episodes(judged), "evaluation.episodes", on_device=True),
        Part("checkpoint", shapes.checkpoint),
        Part("network", shapes.links, "network.topology"),
    )
    records = shapes.records(sum(part.size_bytes for part in held))
    every = (*held, Part("process", PROCESS), Part("records", records, "training.steps"))
    return Memory(tuple(sorted(every, key=lambda part: -part.size_bytes)))


def refuse_if_too_large(
    scenario: Scenario,
    sizes: Sizes | None = None,
    *,
    limit_bytes: int | None = None,
    place: Place = "machine",
    source: str = "",
) -> Memory:
    """Return what a run takes, if there is as much.

    Args:
        scenario: what would run.
        sizes: of the environment, if it is not the scenario's.
        limit_bytes: what there is; by default this machine's memory, or less where a control group allows less.
        place: of which parts there must be as much.
        source: what to call the scenario in the error; its name by default.

    Raises:
        ScenarioError: there is less; the largest parts are named, and what makes them fit.
    """
    memory = memory_of(scenario, sizes)
    limit = memory_limit() if limit_bytes is None else limit_bytes
    taken = memory.on(place)
    if limit is not None and taken.total_bytes > limit:
        has = f"{_HAS[place]} {size_text(limit)}"
        fitting = _Fitting(scenario, sizes, place, limit)
        mistake = Mistake(taken.keys[0], None, f"the run takes about {taken.text()}; {has}", fitting.remedy(taken))
        raise ScenarioError.of(source or scenario.name, (mistake,))
    return memory


_HAS: dict[Place, str] = {
    "machine": "this machine has",
    "host": "beside its GPU this machine has",
    "GPU": "the GPU has",
}


@dataclass(frozen=True)
class _Fitting:
    """Looks for values with which a run fits."""

    scenario: Scenario
    sizes: Sizes | None
    place: Place
    limit_bytes: int

    def remedy(self, memory: Memory) -> str:
        """Return the largest values with which it does, each alone; or, if there is none, all that should be less."""
        found = [f"at most {most} as `{key}`" for key in memory.keys[:-1] if (most := self._most(key))]
        seeds = self._most("seeds")
        found += [f"{seeds} of the {len(self.scenario.seeds)} seeds at a time"] if seeds else []
        return ", or ".join(found) or f"less of {', '.join(f'`{key}`' for key in memory.keys)} together"

    def _most(self, key: str) -> int:
        """Return the most that a number may be, if all else stays; 0 if it is none, or none that makes sense fits."""
        found: object = reduce(getattr, key.split("."), self.scenario)
        value = len(found) if isinstance(found, tuple) else found
        if not isinstance(value, int):
            return 0
        fits, not_fits = 0, value
        while not_fits - fits > 1:
            middle = (fits + not_fits) // 2
            taken = memory_of(_with(self.scenario, key, middle), self.sizes).on(self.place).total_bytes
            fits, not_fits = (middle, not_fits) if taken <= self.limit_bytes else (fits, middle)
        least = self.scenario.training.batch if key == "training.buffer" else value // 10
        return fits if fits >= max(least, 1) else 0


def _with(scenario: Scenario, key: str, value: int) -> Scenario:
    """Return the scenario with another number; of seeds the first so many."""
    if key == "seeds":
        return replace(scenario, seeds=scenario.seeds[:value])
    block, name = key.split(".")
    return replace(scenario, **{block: replace(getattr(scenario, block), **{name: value})})
