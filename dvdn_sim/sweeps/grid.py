"""The cells of a sweep: all combinations of its axes' values, and their bounds; or all that is wrong with any."""

import hashlib
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from os.path import normpath
from pathlib import Path as FilePath

from dvdn_sim.errors import Mistake, ScenarioError
from dvdn_sim.scenario import Place, Scenario, Value, exchanged, first_mistakes, load_scenario, parse_scenario
from dvdn_sim.sweeps.bounds import BOUNDS, acted
from dvdn_sim.sweeps.sweep import BOUND, Change, Sweep, folder_name, load_sweep
from dvdn_sim.wording import first_of
from netmodels.units import legible

MAX_ID = 150
_SET_OPTION = re.compile(r"--set '([\w.]+)=(.*)'")


@dataclass(frozen=True)
class SweepCell:
    """One combination: its label on every axis, what these set by dotted path, and what is run.

    Its name, ``rounds=3,loss=10%``, is that of its folder, and depends on what it is, not on which others there are.
    A bound says its kind in `bound`, and has labels where all cells that it is for agree; these name theirs in
    `bounds`, by kind.
    """

    id: str
    at: Mapping[str, str]
    changes: Mapping[str, Value]
    scenario: Scenario
    bound: str = ""
    bounds: Mapping[str, str] = field(default_factory=dict)


def load_cells(
    path: str | FilePath, changes: Sequence[str] = (), *, seeds: Sequence[int] | None = None, quick: bool = False
) -> tuple[Sweep, list[SweepCell]]:
    """Read a sweep file and all its cells; the arguments are those of `load_sweep`.

    Raises `ScenarioError` with every mistake in the file and in any of its cells.
    """
    sweep, mistakes = load_sweep(path, changes, seeds=seeds, quick=quick)
    cells, of_cells = ([], []) if sweep is None else _cells_of(sweep)
    mistakes += of_cells
    if sweep is None or mistakes:
        raise ScenarioError.from_mistakes(str(path), first_mistakes(mistakes))
    return sweep, with_bounds(cells) if sweep.bounds else cells


def _cells_of(sweep: Sweep) -> tuple[list[SweepCell], list[Mistake]]:
    """Return the cells, the last axis the fastest; and what is wrong with any of them, each mistake once.

    One that comes of a combination is told with the first cell that has it.
    """
    cells: list[SweepCell] = []
    cells_with: Counter[str] = Counter()  # by a change that they have, as text; by the empty text, all
    wrong: defaultdict[tuple[str, Mistake], list[str]] = defaultdict(list)  # by the change at fault, and the mistake
    seeds = [] if sweep.seeds is None else [Change("seeds", list(sweep.seeds), Place())]
    for combination in itertools.product(*(axis.values.items() for axis in sweep.axes)):
        at = {axis.name: label for axis, (label, _) in zip(sweep.axes, combination, strict=True)}
        own = [change for _, changes in combination for change in changes]
        changes = [*seeds, *sweep.changes, *own]
        by_text = {legible(change.text, most=200): change for change in changes}  # as mistakes name it
        cells_with.update(["", *by_text])
        try:
            texts, base = [change.text for change in changes], sweep.base
            scenario = parse_scenario(base, texts) if isinstance(base, str) else load_scenario(base, texts)
        except ScenarioError as error:
            for key in dict.fromkeys(_in_the_sweep(mistake, by_text, sweep) for mistake in error.mistakes):
                wrong[key].append(cell_id(at))
        else:
            cells.append(SweepCell(cell_id(at), at, {change.path: change.value for change in own}, scenario))
    return cells, [
        mistake
        if len(names) == cells_with[text]
        else replace(mistake, message=f"{mistake.message} (in {first_of(names)})")
        for (text, mistake), names in wrong.items()
    ]


def _in_the_sweep(mistake: Mistake, changes: Mapping[str, Change], sweep: Sweep) -> tuple[str, Mistake]:
    """Return the text of the change at fault, if one is; and the mistake as one of the sweep: its place, its remedy."""
    text = mistake.override if mistake.override in changes else ""
    if text:
        place = changes[text].place
    elif isinstance(sweep.base, str):
        steps = (int(step) if step.isdecimal() else step for step in mistake.path.split(".") if step)
        place = sweep.document.place(("base", *steps))
    else:
        place = Place(mistake.line, file=mistake.file or normpath(sweep.base))
    remedy = _SET_OPTION.sub(r"`\1: \2`", mistake.remedy)
    return text, replace(mistake, line=place.line, override=place.override, file=place.file, remedy=remedy)


def cell_id(at: Mapping[str, str]) -> str:
    """Return the name of a cell, safe on any file system, from its label on each axis.

    A very long one ends in a hash of all of it.
    """
    name = ",".join(f"{axis}={folder_name(label)}" for axis, label in at.items())
    if len(name) <= MAX_ID:
        return name
    hashed = hashlib.blake2b(name.lower().encode(), digest_size=8).hexdigest()
    return f"{name[: MAX_ID - len(hashed) - 1]}-{hashed}"


def with_bounds(cells: Sequence[SweepCell]) -> list[SweepCell]:
    """Return the cells, which name their bounds now, and then those bounds that are no cells themselves."""
    wanted: list[tuple[str, Scenario, list[SweepCell]]] = []
    for kind, bound in BOUNDS.items():
        for cell in cells:
            scenario = bound(cell.scenario)
            served = next((of for name, other, of in wanted if name == kind and other == scenario), None)
            if served is None:
                wanted.append((kind, scenario, served := []))
            served.append(cell)
    alone = [cell for cell in cells if not exchanged(cell.scenario.algorithm)]
    known = [(replace(cell.scenario, network=acted(cell.scenario.network)), cell.id) for cell in alone]
    names: dict[str, dict[str, str]] = {cell.id: {} for cell in cells}
    bounds: dict[str, SweepCell] = {}
    for kind, scenario, served in wanted:
        name = next((each for other, each in known if other == scenario), "")
        if not name:
            found = _named(kind, scenario, served, bounds)
            name, bounds[found.id] = found.id, found
        for cell in served:
            names[cell.id][kind] = name
    return [*(replace(cell, bounds=names[cell.id]) for cell in cells), *bounds.values()]


def _named(kind: str, scenario: Scenario, served: Sequence[SweepCell], taken: Container[str]) -> SweepCell:
    """Return the bound of some cells, at the labels that all of them have."""
    common = {axis: label for axis, label in served[0].at.items() if all(cell.at[axis] == label for cell in served)}
    names = (cell_id({BOUND: f"{kind}_{number}" if number else kind} | common) for number in itertools.count())
    name = next(name for name in names if name not in taken)
    return SweepCell(name, {axis: common.get(axis, "") for axis in served[0].at}, {}, scenario, bound=kind)
