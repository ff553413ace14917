"""The cells of a sweep: all combinations of its axes' values, each with its name and its scenario."""

import hashlib
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from os.path import normpath
from pathlib import Path as FilePath

from dvdn_sim.errors import Mistake, ScenarioError
from dvdn_sim.scenario import Place, Scenario, Value
from dvdn_sim.sweeps.sweep import AxisValue, Change, Sweep, load_sweep

MAX_ID = 150
_SET_OPTION = re.compile(r"--set '([\w.]+)=(.*)'")


@dataclass(frozen=True)
class SweepCell:
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
    path: str | FilePath, changes: Sequence[str] = (), *, seeds: Sequence[int] | None = None, quick: bool = False
) -> tuple[Sweep, list[SweepCell]]:
    """Read a sweep file and all its cells; the arguments are those of `load_sweep`.

    Raises:
        ScenarioError: With every mistake in the file and in any of its cells.
    """
    sweep, mistakes = load_sweep(path, changes, seeds=seeds, quick=quick)
    cells: list[SweepCell] = []
    if sweep is not None:
        cells, of_cells = cells_of(sweep)
        mistakes += of_cells
    if sweep is None or mistakes:
        raise ScenarioError.of(str(path), tuple(sorted(mistakes, key=_order)))
    return sweep, cells


def _order(mistake: Mistake) -> tuple[bool, str, int, str]:
    """Return the key that sorts mistakes as the file goes, then those of other files, then those of ``--set``."""
    return mistake.override != "", mistake.file, mistake.line or 0, mistake.path


def cells_of(sweep: Sweep) -> tuple[list[SweepCell], list[Mistake]]:
    """Return the cells, the last axis the fastest; and what is wrong with any of them, each mistake once."""
    cells: list[SweepCell] = []
    wrong = _CellMistakes(sweep)
    seeds = [] if sweep.seeds is None else [Change("seeds", list(sweep.seeds), Place())]
    for points in itertools.product(*(axis.points for axis in sweep.axes)):
        at = {axis.name: point for axis, point in zip(sweep.axes, points, strict=True)}
        own = [change for point in points for change in point.changes]
        changes = [*seeds, *sweep.changes, *own]
        name = cell_id(at)
        wrong.count(changes)
        try:
            scenario = sweep.scenario([change.text for change in changes])
        except ScenarioError as error:
            wrong.add(name, changes, error)
        else:
            labels = {axis: point.label for axis, point in at.items()}
            cells.append(SweepCell(name, labels, {change.path: change.value for change in own}, scenario))
    return cells, list(wrong.merged())


def cell_id(points: Mapping[str, AxisValue]) -> str:
    """Return the name of a cell, safe on any file system, from its point on each axis.

    A very long one ends in a hash of all of it.
    """
    name = ",".join(f"{axis}={point.safe}" for axis, point in points.items())
    if len(name) <= MAX_ID:
        return name
    hashed = hashlib.blake2b(name.lower().encode(), digest_size=8).hexdigest()
    return f"{name[: MAX_ID - len(hashed) - 1]}-{hashed}"


@dataclass
class _CellMistakes:
    """What is wrong with the cells of a sweep, and in how many of them."""

    sweep: Sweep
    _cells: dict[tuple[Mistake, str], list[str]] = field(default_factory=dict)
    """The cells that have a mistake, by it and the text of the change at fault."""
    _with: Counter[str] = field(default_factory=Counter)
    """How many cells there are, by the text of a change that they have; by the empty text, of all."""

    def count(self, changes: Sequence[Change]) -> None:
        """Note that there is a cell with these."""
        self._with.update(["", *(change.text for change in changes)])

    def add(self, name: str, changes: Sequence[Change], error: ScenarioError) -> None:
        """Note what is wrong with a cell."""
        places = {change.text: change.place for change in changes}
        for mistake in error.mistakes:
            text = mistake.override if mistake.override in places else ""
            place = places[text] if text else self._in_base(mistake)
            cells = self._cells.setdefault((_moved(mistake, place), text), [])
            if name not in cells[-1:]:
                cells.append(name)

    def merged(self) -> Iterator[Mistake]:
        """Yield each mistake once; one that comes of a combination with the first cell that has it."""
        for (mistake, text), cells in self._cells.items():
            if len(cells) == self._with[text]:
                yield mistake
            else:
                where = cells[0] if len(cells) == 1 else f"{cells[0]} and {len(cells) - 1} more"
                yield replace(mistake, message=f"{mistake.message} (in {where})")

    def _in_base(self, mistake: Mistake) -> Place:
        """Return where a mistake stands that no change is at fault for."""
        if not isinstance(self.sweep.base, str):
            return Place(mistake.line, file=mistake.file or normpath(self.sweep.base))
        steps = (int(step) if step.isdecimal() else step for step in mistake.path.split(".") if step)
        return self.sweep.document.place(("base", *steps))


def _moved(mistake: Mistake, place: Place) -> Mistake:
    """Return a mistake of a scenario as one at a place in the sweep, its remedy as a sweep has it."""
    remedy = _SET_OPTION.sub(r"`\1: \2`", mistake.remedy)
    return replace(mistake, line=place.line, override=place.override, file=place.file, remedy=remedy)
