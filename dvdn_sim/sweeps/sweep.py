"""A sweep: which scenario, what differs between cells, and what to compare.

    name: rounds_x_loss
    question: How many rounds of consensus does a lossy network need?
    base: ../lossy_lbf.yaml
    axes:
      - {path: algorithm.consensus.rounds, values: [1, 2, 3]}
      - {path: network.link.loss, values: [0%, 10%]}
    seeds: 0-9
    compare: {rounds: 1}
    quick: {seeds: 0-1, axes: {rounds: [1, 3]}}

`SweepFile` has every key of such a file; `load_sweep` makes a `Sweep` of it, with a label for every value, or lists all
that is wrong with it.
"""

import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path as FilePath
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic.dataclasses import dataclass as model

from dvdn_sim.errors import Mistake
from dvdn_sim.scenario import (
    MAX_BYTES,
    Document,
    Path,
    Place,
    Scenario,
    Value,
    block_text,
    checked,
    choose,
    flow_text,
    load_scenario,
    meant,
    parse_scenario,
    parse_seeds,
    read_document,
    read_file,
    reason_of,
    resolve_includes,
)
from netmodels.units import CLOSED, refusal, shown

MAX_LABEL = 40
MAX_CELLS = 2000
_DOTTED = re.compile(r"\w+(\.\w+)*")
_HOW_TO_SEED = "write `0-9`, or a list such as [0, 1, 2]"
_HOW_TO_SET = "write it as `--set network.link.loss=20%`"


def _only(kinds: Any, message: str, remedy: str, valid: Callable[[Any], object] = bool) -> BeforeValidator:
    """Refuse values that are not of the kinds, or not valid; the message shows them."""

    def check(value: object) -> object:
        if not isinstance(value, kinds) or not valid(value):
            raise refusal(message.format(shown(value)), remedy)
        return value

    return BeforeValidator(check)


def _settings(value: object) -> object:
    for message, remedy, wrong in _not_settings(value):
        raise refusal(message.format(shown(wrong)), remedy)
    return value


def _not_settings(value: object) -> Iterator[tuple[str, str, object]]:
    """Yield what keeps a value from being settings: a message, a remedy, and what is at fault."""
    if not isinstance(value, dict):
        yield "must be a block of settings, not {}", "write {network.link.loss: 10%}", value
    else:
        yield from ((*_NO_PATH, path) for path in value if not _DOTTED.fullmatch(path))


def _seeds(value: object) -> tuple[int, ...]:
    if isinstance(value, list) and value and all(type(each) is int and each >= 0 for each in value):
        return tuple(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise refusal(f"{shown(value)} is no list of seeds", _HOW_TO_SEED)
    try:
        return parse_seeds(str(value))
    except ValueError as error:
        raise refusal(str(error), _HOW_TO_SEED) from error


_NO_PATH = "{} is no path in a scenario", "write it as network.link.loss"
_Path = Annotated[str, _only(str, *_NO_PATH, _DOTTED.fullmatch)]
_AxisName = Annotated[str, Field(strict=True, pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=32)]
_Values = Annotated[Any, _only(list | dict, "must be a list of values, or values by name, not {}", "write [0%, 10%]")]
_Some = Annotated[list[Any], _only(list, "must be a list of some of the axis's values, not {}", "write [0%, 10%]")]
_Seeds = Annotated[tuple[int, ...], BeforeValidator(_seeds)]
_Settings = Annotated[dict[str, Any], BeforeValidator(_settings)]
_Name = Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
_Sentence = Annotated[str, _only(str, "must be a sentence, not {}", "say what the sweep is to answer", str.strip)]
_Base = Annotated[Any, _only(str | dict, "must be a scenario's file, not {}", "write `base: FILE.yaml`, or a scenario")]
_Baseline = Annotated[
    dict[str, Any],
    _only(dict, "must be one axis with one of its values, not {}", "write {policy: self}", lambda one: len(one) == 1),
]


@model(frozen=True, kw_only=True, config=CLOSED)
class AxisFile:
    """What differs from cell to cell: values of a path, as a list or by name; or, by name, what each of them sets."""

    path: _Path | None = None
    name: _AxisName | None = None
    values: _Values


@model(frozen=True, kw_only=True, config=CLOSED)
class QuickFile:
    """What is smaller in a quick look: other seeds, more to set, fewer values on some axes."""

    seeds: _Seeds | None = None
    set: _Settings = field(default_factory=dict)
    axes: dict[str, _Some] = field(default_factory=dict)


@model(frozen=True, kw_only=True, config=CLOSED)
class SweepFile:
    """A sweep file; `docs/sweeps.md` says what each key means."""

    name: _Name
    question: _Sentence
    base: _Base
    set: _Settings = field(default_factory=dict)
    axes: tuple[AxisFile, ...]
    seeds: _Seeds | None = None
    compare: _Baseline | None = None
    quick: QuickFile | None = None


@dataclass(frozen=True)
class Change:
    """One change to a scenario: a value's dotted path, what it becomes, as YAML has it, and where that was written."""

    path: str
    value: Value
    place: Place

    @property
    def text(self) -> str:
        """The change in the form of ``--set``."""
        return f"{self.path}={flow_text(self.value)}"


@dataclass(frozen=True)
class AxisValue:
    """One value of an axis: what it is called, and what it changes."""

    label: str
    changes: tuple[Change, ...] = ()

    @property
    def safe(self) -> str:
        """The label as a part of the name of a folder, on any file system: letters, digits and ``. _ % + -``."""
        return re.sub(r"[^A-Za-z0-9._%+-]+", "_", self.label.replace(" ", "")).strip("_").rstrip(".")


@dataclass(frozen=True)
class Axis:
    """What differs from cell to cell."""

    name: str
    points: tuple[AxisValue, ...]

    @property
    def paths(self) -> list[str]:
        """The paths that its points change, each once."""
        return list(dict.fromkeys(change.path for point in self.points for change in point.changes))

    def only(self, labels: Sequence[str]) -> "Axis":
        """Return the axis with some of its points, in its own order."""
        return Axis(self.name, tuple(point for point in self.points if point.label in labels))


@dataclass(frozen=True)
class Sweep:
    """What a sweep file stands for.

    Attributes:
        name: what the folder is called.
        question: what is to be answered, a sentence.
        base: the scenario that the cells change: its file, or its text if the sweep file holds it.
        document: the sweep file's.
        changes: to all cells, in order.
        axes: what differs between cells.
        seeds: of every cell; None for those of the base.
        compare: axis and label of the baseline; None if there is none.
    """

    name: str
    question: str
    base: FilePath | str
    document: Document
    changes: tuple[Change, ...]
    axes: tuple[Axis, ...]
    seeds: tuple[int, ...] | None
    compare: tuple[str, str] | None

    def scenario(self, changes: Sequence[str]) -> Scenario:
        """Return the base under changes in the form of ``--set``.

        Raises:
            ScenarioError: With every mistake there is.
        """
        return parse_scenario(self.base, changes) if isinstance(self.base, str) else load_scenario(self.base, changes)

    def resolved(self) -> str:
        """Return the sweep as YAML that needs no other file; read back, it has the same cells."""
        head: dict[str, Any] = {"name": self.name, "question": self.question}
        if self.seeds is not None:
            head["seeds"] = list(self.seeds)
        if self.compare is not None:
            head["compare"] = dict([self.compare])
        axes: list[Value] = [
            {"name": axis.name, "values": {point.label: _values_of(point.changes) for point in axis.points}}
            for axis in self.axes
        ]
        entries = (textwrap.indent(block_text(axis), "    ").removeprefix("    ") for axis in axes)
        base = read_document(self.base) if isinstance(self.base, str) else _read(self.base)
        tail = {"set": _values_of(self.changes), "base": base.root}
        return f"{block_text(head)}axes:\n{''.join(f'  - {entry}' for entry in entries)}{block_text(tail)}"


def _values_of(changes: Sequence[Change]) -> dict[str, Value]:
    """Return what changes come to, in the order in which each path was last changed."""
    values: dict[str, Value] = {}
    for change in changes:
        values.pop(change.path, None)
        values[change.path] = change.value
    return values


def label_of(value: Value) -> str:
    """Return what a value in a list is called: itself, or the kind or preset that it names.

    >>> label_of("5 ms"), label_of(0.1), label_of({"kind": "ring"}), label_of([7, 7])
    ('5 ms', '0.1', 'ring', '7, 7')
    """
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in ("kind", "preset"):
        value = next(iter(value.values()))
    return value if isinstance(value, str) else flow_text(value).strip("{}[]")


def load_sweep(
    path: str | FilePath, changes: Sequence[str] = (), *, seeds: Sequence[int] | None = None, quick: bool = False
) -> tuple[Sweep | None, list[Mistake]]:
    """Read a sweep file.

    Args:
        path: a YAML file; what it names or includes is relative to its folder.
        changes: to all cells, in the form of ``--set``; they come after the file's own.
        seeds: in place of the file's.
        quick: whether the smaller sweep is meant that the file describes under ``quick``.

    Returns:
        The sweep, unless the file is so wrong that there is none; and every mistake in the file itself. What is wrong
        with the cells is found by `dvdn_sim.sweeps.grid.cells_of`.
    """
    document = _read(FilePath(path))
    if document.readable and not isinstance(document.root, dict):
        remedy = "write `key: value` lines: name, question, base, axes"
        return None, [*document.mistakes, Mistake("", None, "is not a sweep", remedy)]
    written, mistakes = checked(document, SweepFile) if document.readable else (None, [])
    mistakes += document.mistakes
    if written is None:
        return None, mistakes
    sweep = _sweep(written, document, FilePath(path))
    mistakes += [document.blame(*wrong) for rule in _RULES for wrong in rule(written, sweep)]
    if quick and written.quick is None:
        mistakes.append(Mistake("quick", None, "is missing", "say there what is smaller, or do without it"))
    elif quick and written.quick is not None:
        sweep = _quick(written.quick, sweep, document)
    more = [change for text in changes if (change := _change(text, mistakes)) is not None]
    sweep = replace(sweep, changes=(*sweep.changes, *more), seeds=tuple(seeds or ()) or sweep.seeds)
    return sweep, [*mistakes, *_in_vain(sweep)]


def _read(file: FilePath) -> Document:
    """Read a YAML file and what it includes; what is wrong is in the document's mistakes."""
    try:
        document = read_document(read_file(file, MAX_BYTES + 1))
    except (OSError, ValueError) as error:
        return Document(mistakes=[Mistake("", None, f"cannot be read: {reason_of(error)}", "name a YAML file")])
    resolve_includes(document, file)
    return document


def _sweep(written: SweepFile, document: Document, file: FilePath) -> Sweep:
    beside = FilePath(document.place(("base",)).file or file).parent
    return Sweep(
        name=written.name,
        question=" ".join(written.question.split()),
        base=beside / written.base if isinstance(written.base, str) else block_text(written.base),
        document=document,
        changes=_changes(written.set, ("set",), document),
        axes=tuple(_axis(axis, ("axes", index), document) for index, axis in enumerate(written.axes)),
        seeds=written.seeds,
        compare=next(((axis, label_of(value)) for axis, value in (written.compare or {}).items()), None),
    )


def _changes(block: Mapping[str, Value], path: Path, document: Document) -> tuple[Change, ...]:
    return tuple(Change(name, value, document.place((*path, name))) for name, value in block.items())


def _axis(written: AxisFile, path: Path, document: Document) -> Axis:
    """Return an axis; its name is empty where the file gives none."""
    *_, block, last = ["", *(written.path or "").split(".")]
    points = []
    for key, label, value in _labelled(written):
        here = (*path, "values", key)
        if written.path is not None:
            changes: tuple[Change, ...] = (Change(written.path, value, document.place(here)),)
        else:
            changes = _changes(value, here, document) if isinstance(value, dict) else ()
        points.append(AxisValue(label, changes))
    return Axis(written.name or (block if block and last in ("kind", "preset") else last), tuple(points))


def _labelled(written: AxisFile) -> Iterator[tuple[str | int, str, Any]]:
    """Yield each value of an axis with its key in the file and its label."""
    if isinstance(written.values, list):
        yield from ((index, label_of(value), value) for index, value in enumerate(written.values))
    else:
        yield from ((label, label, value) for label, value in written.values.items())


def _quick(written: QuickFile, sweep: Sweep, document: Document) -> Sweep:
    """Return the smaller sweep, under a name of its own."""
    fewer = {name: [label_of(value) for value in values] for name, values in written.axes.items()}
    return replace(
        sweep,
        name=f"{sweep.name}_quick",
        changes=(*sweep.changes, *_changes(written.set, ("quick", "set"), document)),
        axes=tuple(axis.only(fewer[axis.name]) if axis.name in fewer else axis for axis in sweep.axes),
        seeds=written.seeds or sweep.seeds,
    )


def _change(text: str, mistakes: list[Mistake]) -> Change | None:
    """Return a ``--set`` as a change; None, and a mistake, if it is none."""
    path, equals, written = (part.strip() for part in text.partition("="))
    if not equals or not _DOTTED.fullmatch(path):
        mistakes.append(Mistake("", None, "is not of the form `path=value`", _HOW_TO_SET, text))
        return None
    if path == "seeds":
        mistakes.append(Mistake("", None, "seeds are no setting of a cell", "write `--seeds 0-4`", text))
        return None
    value = read_document(written).written_in(override=text)
    resolve_includes(value)
    mistakes += value.mistakes
    return Change(path, value.root, Place(override=text))


Broken = tuple[Path, str, str]
"""What breaks a rule of a sweep file: its path, what is wrong, and what to write instead."""


def _axes_have_names(written: SweepFile, sweep: Sweep) -> Iterator[Broken]:
    if not written.axes:
        yield ("axes",), "is empty: nothing differs", "write {path: network.link.loss, values: [0%, 10%]}"
    names = [axis.name for axis in sweep.axes]
    for index, name in enumerate(names):
        here: Path = ("axes", index)
        if not name:
            yield here, "has no name and no path", "write `name: ...`, or `path: ...` if one value differs"
        elif name in names[:index]:
            here = (*here, "name") if written.axes[index].name else here
            yield here, f"another axis is called `{name}`", "write another `name: ...`"


def _values_say_what_they_set(written: SweepFile, sweep: Sweep) -> Iterator[Broken]:
    for index, axis in enumerate(written.axes):
        here: Path = ("axes", index, "values")
        if axis.path is None and isinstance(axis.values, list):
            remedy = "name them and say what each sets: {perfect: {network.link.loss: 0%}}; or write `path: ...`"
            yield here, "are no values of anything: there is no `path`", remedy
        elif axis.path is None:
            for label, block in axis.values.items():
                for message, remedy, wrong in _not_settings(block):
                    key = (label,) if wrong is block else (label, str(wrong))
                    yield (*here, *key), message.format(shown(wrong)), remedy


def _labels_can_be_told_apart(written: SweepFile, sweep: Sweep) -> Iterator[Broken]:
    """File systems may not tell capitals from small letters."""
    for index, axis in enumerate(written.axes):
        remedy = "name the values: {NAME: VALUE}" if isinstance(axis.values, list) else "write another name"
        seen: dict[str, str] = {}
        for key, label, _ in _labelled(axis):
            here: Path = ("axes", index, "values", key)
            safe = AxisValue(label).safe
            same = seen.get(safe.lower())
            seen[safe.lower()] = label
            if not 0 < len(safe) <= MAX_LABEL:
                yield here, f"{shown(label)} cannot name a folder", remedy
            elif same == label:
                yield here, f"{shown(same)} is given twice", "remove one of them"
            elif same is not None:
                yield here, f"cannot be told from {shown(same)} in the name of a folder", remedy


def _axes_do_not_overwrite(written: SweepFile, sweep: Sweep) -> Iterator[Broken]:
    """A later change of a whole block undoes an earlier one of a part of it."""
    earlier: list[tuple[str, str]] = []
    for index, axis in enumerate(sweep.axes):
        for path in axis.paths:
            undone = next(((other, name) for other, name in earlier if _undoes(path, other)), None)
            if undone is not None:
                remedy = "make one axis of them" if undone[0] == path else "write this axis before that one"
                yield ("axes", index), f"sets {path}, and so undoes `{undone[0]}` of axis {undone[1]}", remedy
        earlier += [(path, axis.name) for path in axis.paths]


def _undoes(later: str, earlier: str) -> bool:
    return f"{earlier}.".startswith(f"{later}.")


def _in_vain(sweep: Sweep) -> Iterator[Mistake]:
    """Yield a mistake for every change to all cells that an axis undoes in all cells."""
    for change in sweep.changes:
        for axis in sweep.axes:
            undone = [any(_undoes(each.path, change.path) for each in point.changes) for point in axis.points]
            if undone and all(undone):
                place, message = change.place, f"has no effect: axis {axis.name} sets it in every cell"
                yield Mistake(change.path, place.line, message, "remove it", place.override, place.file)


def _seeds_are_the_same(written: SweepFile, sweep: Sweep) -> Iterator[Broken]:
    paths: list[tuple[Path, str]] = [(("set", name), name) for name in written.set]
    paths += [(("quick", "set", name), name) for name in (written.quick.set if written.quick else ())]
    paths += [(("axes", index), path) for index, axis in enumerate(sweep.axes) for path in axis.paths]
    for here, path in paths:
        if path.partition(".")[0] == "seeds":
            yield here, "seeds are the same in all cells, which share their luck", "write `seeds` beside `axes`"


def _labels_exist(written: SweepFile, sweep: Sweep) -> Iterator[Broken]:
    """Those of the baseline, and those of a quick look, which needs the baseline, too."""
    axis, label = sweep.compare or ("", "")
    if axis:
        yield from _are_labels(("compare", axis), axis, [label], sweep)
    for name, values in (written.quick.axes if written.quick else {}).items():
        labels = [label_of(value) for value in values]
        here: Path = ("quick", "axes", name)
        yield from _are_labels(here, name, labels, sweep)
        if axis == name and label not in labels:
            yield here, f"leaves out {shown(label)}, the baseline", "keep it, for all others are compared with it"


def _are_labels(path: Path, name: str, labels: list[str], sweep: Sweep) -> Iterator[Broken]:
    points = {axis.name: [point.label for point in axis.points] for axis in sweep.axes}
    if name not in points:
        yield path, f"there is no axis {shown(name)}", f"{meant(name, points)} {choose(points)}".strip()
        return
    for label in labels:
        if label not in points[name]:
            remedy = f"{meant(label, points[name])} {choose(points[name])}".strip()
            yield path, f"axis {name} has no value {shown(label)}", remedy


def _cells_are_not_too_many(written: SweepFile, sweep: Sweep) -> Iterator[Broken]:
    count = prod(len(axis.points) for axis in sweep.axes)
    if count > MAX_CELLS:
        yield ("axes",), f"{count} cells", f"at most {MAX_CELLS}; a smaller sweep shows the same"


_RULES: tuple[Callable[[SweepFile, Sweep], Iterator[Broken]], ...] = (
    _axes_have_names,
    _values_say_what_they_set,
    _labels_can_be_told_apart,
    _axes_do_not_overwrite,
    _seeds_are_the_same,
    _labels_exist,
    _cells_are_not_too_many,
)
