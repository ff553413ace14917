"""What several values of a sweep file must satisfy. Each rule yields what breaks it: (path, message, remedy)."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from math import prod

from dvdn_sim.errors import Mistake
from dvdn_sim.scenario.document import Path
from dvdn_sim.scenario.names import choose, meant
from dvdn_sim.scenario.quantities import shown
from dvdn_sim.sweeps.entries import DOTTED, QuickEntry, SweepEntry
from dvdn_sim.sweeps.sweep import Axis, Setting, Sweep, label_of

LONGEST_LABEL = 40
MOST_CELLS = 2000

Broken = tuple[Path, str, str]


def broken_rules(entry: SweepEntry, sweep: Sweep) -> list[Broken]:
    """Return what is broken in a sweep file.

    Args:
        entry: its keys.
        sweep: what they stand for, as far as they stand for something.
    """
    return [wrong for rule in RULES for wrong in rule(entry, sweep)]


def _axes_have_names(entry: SweepEntry, sweep: Sweep) -> Iterator[Broken]:
    if not entry.axes:
        yield ("axes",), "is empty: nothing differs", "write {path: network.link.loss, values: [0%, 10%]}"
    first: dict[str, int] = {}
    for index, (written, axis) in enumerate(zip(entry.axes, sweep.axes, strict=True)):
        if not axis.name:
            yield ("axes", index), "has no name and no path", "write `name: ...`, or `path: ...` if one value differs"
        elif first.setdefault(axis.name, index) != index:
            remedy = "write another `name: ...`"
            yield ("axes", index, *(["name"] if written.name else [])), f"another axis is called `{axis.name}`", remedy


def _values_say_what_they_set(entry: SweepEntry, sweep: Sweep) -> Iterator[Broken]:
    for index, written in enumerate(entry.axes):
        if written.path is not None:
            continue
        here: Path = ("axes", index, "values")
        if not isinstance(written.values, Mapping):
            remedy = "name them and say what each sets: {perfect: {network.link.loss: 0%}}; or write `path: ...`"
            yield here, "are no values of anything: there is no `path`", remedy
            continue
        for label, settings in written.values.items():
            yield from _sets_something((*here, label), settings)


def _sets_something(path: Path, settings: object) -> Iterator[Broken]:
    if not isinstance(settings, dict):
        yield path, f"must be a block of settings, not {shown(settings)}", "write {network.link.loss: 10%}"
        return
    for name in settings:
        if not DOTTED.fullmatch(name):
            yield (*path, name), f"{shown(name)} is no path in a scenario", "write it as network.link.loss"


def _labels_can_be_told_apart(entry: SweepEntry, sweep: Sweep) -> Iterator[Broken]:
    """File systems may not tell capitals from small letters."""
    for index, (written, axis) in enumerate(zip(entry.axes, sweep.axes, strict=True)):
        listed = isinstance(written.values, list)
        remedy = "name the values: {NAME: VALUE}" if listed else "write another name"
        seen: dict[str, str] = {}
        for place, point in enumerate(axis.points):
            here: Path = ("axes", index, "values", place if listed else point.label)
            same = seen.get(point.safe.lower())
            seen[point.safe.lower()] = point.label
            if not 0 < len(point.safe) <= LONGEST_LABEL:
                yield here, f"{shown(point.label)} cannot name a folder", remedy
            elif same == point.label:
                yield here, f"{shown(same)} is given twice", "remove one of them"
            elif same is not None:
                yield here, f"cannot be told from {shown(same)} in the name of a folder", remedy


def _axes_do_not_overwrite(entry: SweepEntry, sweep: Sweep) -> Iterator[Broken]:
    """A later change of a whole block undoes an earlier one of a part of it."""
    earlier: list[tuple[str, Axis]] = []
    for index, axis in enumerate(sweep.axes):
        paths = dict.fromkeys(setting.path for point in axis.points for setting in point.settings)
        for path in paths:
            undone = next((each for each in earlier if _undoes(path, each[0])), None)
            if undone is not None:
                message = f"sets {path}, and so undoes `{undone[0]}` of axis {undone[1].name}"
                remedy = "make one axis of them" if undone[0] == path else "write this axis before that one"
                yield ("axes", index), message, remedy
        earlier += [(path, axis) for path in paths]


def _undoes(later: str, earlier: str) -> bool:
    return f"{earlier}.".startswith(f"{later}.")


def in_vain(sweep: Sweep) -> Iterator[Mistake]:
    """Yield a mistake for every change to all cells that an axis undoes in all cells."""
    for setting in sweep.settings:
        for axis in sweep.axes:
            undone = [any(_undoes(each.path, setting.path) for each in point.settings) for point in axis.points]
            if undone and all(undone):
                place, message = setting.place, f"has no effect: axis {axis.name} sets it in every cell"
                yield Mistake(setting.path, place.line, message, "remove it", place.override, place.file)


def _seeds_are_the_same(entry: SweepEntry, sweep: Sweep) -> Iterator[Broken]:
    found: list[tuple[Path, str]] = [(("set", name), name) for name in _names(entry.set)]
    found += [(("quick", "set", name), name) for name in _names(entry.quick and entry.quick.set)]
    found += [
        (("axes", index), setting.path)
        for index, axis in enumerate(sweep.axes)
        for setting in _first(point.settings for point in axis.points)
    ]
    for path, name in found:
        if name.partition(".")[0] == "seeds":
            yield path, "seeds are the same in all cells, which share their luck", "write `seeds` beside `axes`"


def _names(settings: object) -> list[str]:
    return list(settings) if isinstance(settings, dict) else []


def _first(groups: Iterable[tuple[Setting, ...]]) -> list[Setting]:
    """Return settings of different paths."""
    return list({setting.path: setting for group in groups for setting in group}.values())


def _baseline_exists(entry: SweepEntry, sweep: Sweep) -> Iterator[Broken]:
    if sweep.compare is not None:
        axis, label = sweep.compare
        yield from _are_labels(("compare",), axis, [label], sweep)


def _are_labels(path: Path, name: str, labels: list[str], sweep: Sweep) -> Iterator[Broken]:
    axis = next((each for each in sweep.axes if each.name == name), None)
    if axis is None:
        names = [each.name for each in sweep.axes]
        yield (*path, name), f"there is no axis {shown(name)}", f"{meant(name, names)} {choose(names)}".strip()
        return
    known = [point.label for point in axis.points]
    for label in labels:
        if label not in known:
            remedy = f"{meant(label, known)} {choose(known)}".strip()
            yield (*path, name), f"axis {name} has no value {shown(label)}", remedy


def _quick_is_smaller(entry: SweepEntry, sweep: Sweep) -> Iterator[Broken]:
    if entry.quick is None:
        return
    for name, labels in labels_of(entry.quick).items():
        here: Path = ("quick", "axes")
        yield from _are_labels(here, name, labels, sweep)
        if sweep.compare is not None and sweep.compare[0] == name and sweep.compare[1] not in labels:
            remedy = "keep it, for all others are compared with it"
            yield (*here, name), f"leaves out {shown(sweep.compare[1])}, the baseline", remedy


def labels_of(quick: QuickEntry) -> dict[str, list[str]]:
    """Return which values of which axis a quick look takes, by their labels."""
    return {
        name: [label_of(value) for value in values] for name, values in quick.axes.items() if isinstance(values, list)
    }


def _cells_are_not_too_many(entry: SweepEntry, sweep: Sweep) -> Iterator[Broken]:
    count = prod(len(axis.points) for axis in sweep.axes)
    if count > MOST_CELLS:
        yield ("axes",), f"{count} cells", f"at most {MOST_CELLS}; a smaller sweep shows the same"


Rule = Callable[[SweepEntry, Sweep], Iterator[Broken]]
RULES: tuple[Rule, ...] = (
    _axes_have_names,
    _values_say_what_they_set,
    _labels_can_be_told_apart,
    _axes_do_not_overwrite,
    _seeds_are_the_same,
    _baseline_exists,
    _quick_is_smaller,
    _cells_are_not_too_many,
)
