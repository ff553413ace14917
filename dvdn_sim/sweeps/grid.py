"""The cells of a sweep: all combinations of what its axes say, each with its name and its scenario."""

import hashlib
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from os.path import normpath
from pathlib import Path as FilePath

from dvdn_sim.errors import Mistake, ScenarioError
from dvdn_sim.scenario import Scenario
from dvdn_sim.scenario.document import Path, Place, Value
from dvdn_sim.sweeps.reading import load_sweep
from dvdn_sim.sweeps.sweep import Base, Point, Setting, Sweep

LONGEST_ID = 150
_OF_THE_COMMAND_LINE = re.compile(r"--set '([\w.]+)=(.*)'")


@dataclass(frozen=True)
class Cell:
    """One combination.

    Attributes:
        id: its name, which is that of its folder: ``rounds=3,loss=10%``. It depends on what the cell is, not on which
            others there are.
        at: its label on every axis.
        changes: what the axes set, by dotted path.
        scenario: what is run.
    """

    id: str
    at: Mapping[str, str]
    changes: Mapping[str, Value]
    scenario: Scenario


def load_cells(
    path: str | FilePath, changes: Sequence[str] = (), *, seeds: tuple[int, ...] | None = None, quick: bool = False
) -> tuple[Sweep, list[Cell]]:
    """Read a sweep file and all its cells.

    Args:
        path: a YAML file.
        changes: to all cells, in the form of ``--set``.
        seeds: in place of the file's.
        quick: whether the smaller sweep is meant that the file describes.

    Raises:
        ScenarioError: With every mistake in the file and in any of its cells.
    """
    sweep, mistakes = load_sweep(path, changes, seeds=seeds, quick=quick)
    cells: list[Cell] = []
    if sweep is not None:
        cells, of_cells = cells_of(sweep)
        mistakes += of_cells
    if sweep is None or mistakes:
        raise ScenarioError.of(str(path), tuple(sorted(mistakes, key=_order)))
    return sweep, cells


def _order(mistake: Mistake) -> tuple[bool, str, int, str]:
    """Return the key that sorts mistakes as the file goes, then those of other files, then those of ``--set``."""
    return mistake.override != "", mistake.file, mistake.line or 0, mistake.path


def cells_of(sweep: Sweep) -> tuple[list[Cell], list[Mistake]]:
    """Return the cells, the last axis the fastest; and what is wrong with any of them, each mistake once."""
    cells: list[Cell] = []
    found = _Mistakes(sweep.base)
    seeds = [] if sweep.seeds is None else [Setting("seeds", list(sweep.seeds), Place())]
    for points in itertools.product(*(axis.points for axis in sweep.axes)):
        at = {axis.name: point.label for axis, point in zip(sweep.axes, points, strict=True)}
        own = [setting for point in points for setting in point.settings]
        settings = [*seeds, *sweep.settings, *own]
        name = cell_id(dict(zip(at, points, strict=True)))
        try:
            scenario = sweep.base.scenario([setting.text for setting in settings])
        except ScenarioError as error:
            found.add(name, settings, error)
        else:
            found.count(settings)
            cells.append(Cell(name, at, {setting.path: setting.value for setting in own}, scenario))
    return cells, list(found.told())


def cell_id(points: Mapping[str, Point]) -> str:
    """Return the name of a cell, safe on any file system; a very long one ends in a hash of all of it.

    Args:
        points: of each axis.
    """
    name = ",".join(f"{axis}={point.safe}" for axis, point in points.items())
    if len(name) <= LONGEST_ID:
        return name
    hashed = hashlib.blake2b(name.lower().encode(), digest_size=8).hexdigest()
    return f"{name[: LONGEST_ID - len(hashed) - 1]}-{hashed}"


@dataclass
class _Mistakes:
    """What is wrong with cells, and in how many of them.

    Attributes:
        base: their scenario.
    """

    base: Base
    _cells: dict[tuple[Mistake, str], list[str]] = field(default_factory=dict)
    """The cells that have a mistake, by it and the text of the setting at fault."""
    _with: Counter[str] = field(default_factory=Counter)
    """How many cells there are, by the text of a setting that they have; by the empty text, of all."""

    def count(self, settings: Sequence[Setting]) -> None:
        """Note that there is a cell with these."""
        self._with.update(["", *(setting.text for setting in settings)])

    def add(self, name: str, settings: Sequence[Setting], error: ScenarioError) -> None:
        """Note what is wrong with a cell."""
        self.count(settings)
        places = {setting.text: setting.place for setting in settings}
        for mistake in error.mistakes:
            text = mistake.override if mistake.override in places else ""
            cells = self._cells.setdefault((self._as_of_the_sweep(mistake, places.get(text)), text), [])
            if name not in cells[-1:]:
                cells.append(name)

    def told(self) -> Iterator[Mistake]:
        """Yield each mistake once; one that comes of a combination with the first cell that has it."""
        for (mistake, text), cells in self._cells.items():
            if len(cells) == self._with[text]:
                yield mistake
            else:
                where = cells[0] if len(cells) == 1 else f"{cells[0]} and {len(cells) - 1} more"
                yield replace(mistake, message=f"{mistake.message} (in {where})")

    def _as_of_the_sweep(self, mistake: Mistake, place: Place | None) -> Mistake:
        """Return a mistake of a scenario with the place at fault: in the sweep file, or None for the scenario's own."""
        if place is None:
            place = self._in_base(mistake)
        return replace(
            mistake,
            line=place.line,
            override=place.override,
            file=place.file,
            remedy=_OF_THE_COMMAND_LINE.sub(r"`\1: \2`", mistake.remedy),
        )

    def _in_base(self, mistake: Mistake) -> Place:
        if self.base.file is not None:
            return Place(mistake.line, file=mistake.file or normpath(self.base.file))
        steps: Path = tuple(int(step) if step.isdecimal() else step for step in mistake.path.split(".") if step)
        return self.base.document.place(("base", *steps))
