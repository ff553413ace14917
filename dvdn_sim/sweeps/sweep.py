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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path as FilePath
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints, TypeAdapter, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass as model

from dvdn_sim.errors import Mistake
from dvdn_sim.scenario import (
    Document,
    Path,
    Place,
    Value,
    block_text,
    checked,
    flow_text,
    no_such,
    parse_seeds,
    read_document,
    read_yaml,
    resolve_includes,
)
from netmodels.units import CLOSED, refusal, shown

MAX_LABEL = 40
MAX_CELLS = 2000
_DOTTED = re.compile(r"\w+(\.\w+)*")


def _path(value: object) -> object:
    if not isinstance(value, str) or not _DOTTED.fullmatch(value):
        raise refusal(f"{shown(value)} is no path in a scenario", "write it as network.link.loss")
    if value.partition(".")[0] == "seeds":
        raise refusal("seeds are the same in all cells, which share their luck", "write `seeds` beside `axes`")
    return value


def _seeds(value: object) -> tuple[int, ...]:
    remedy = "write `0-9`, or a list such as [0, 1, 2]"
    if isinstance(value, list) and value and all(type(each) is int and each >= 0 for each in value):
        return tuple(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise refusal(f"{shown(value)} is no list of seeds", remedy)
    try:
        return parse_seeds(str(value))
    except ValueError as error:
        raise refusal(str(error), remedy) from error


def _base(value: object) -> object:
    if not isinstance(value, str | dict) or not value:
        raise refusal(f"must be a scenario's file, not {shown(value)}", "write `base: FILE.yaml`, or a scenario")
    return value


_Path = Annotated[str, BeforeValidator(_path)]
_Settings = dict[_Path, Any]
_Seeds = Annotated[tuple[int, ...], BeforeValidator(_seeds)]
_Some = Annotated[tuple[Any, ...], Field(min_length=1)]
_SETTINGS_BY_LABEL = TypeAdapter(dict[str, _Settings])


@model(frozen=True, kw_only=True, config=CLOSED)
class AxisFile:
    """What differs from cell to cell: values of a path, as a list or by name; or, by name, what each of them sets."""

    path: _Path | None = None
    name: Annotated[str, Field(strict=True, pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=32)] | None = None
    values: Any

    @field_validator("values")
    @classmethod
    def _say_what_they_set(cls, values: Any, others: ValidationInfo) -> Any:
        if not isinstance(values, list | dict) or not values:
            raise refusal(f"must be a list of values, or values by name, not {shown(values)}", "write [0%, 10%]")
        if others.data.get("path", "one that is wrong") is not None:
            return values
        if isinstance(values, list):
            remedy = "name them and say what each sets: {perfect: {network.link.loss: 0%}}; or write `path: ...`"
            raise refusal("are no values of anything: there is no `path`", remedy)
        return _SETTINGS_BY_LABEL.validate_python(values)


@model(frozen=True, kw_only=True, config=CLOSED)
class QuickFile:
    """What is smaller in a quick look: other seeds, more to set, fewer values on some axes."""

    seeds: _Seeds | None = None
    set: _Settings = field(default_factory=dict)
    axes: dict[str, _Some] = field(default_factory=dict)


@model(frozen=True, kw_only=True, config=CLOSED)
class SweepFile:
    """A sweep file; `docs/sweeps.md` says what each key means."""

    name: Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
    question: Annotated[str, StringConstraints(strict=True, strip_whitespace=True, min_length=1)]
    base: Annotated[Any, BeforeValidator(_base)]
    set: _Settings = field(default_factory=dict)
    axes: Annotated[tuple[AxisFile, ...], Field(min_length=1)]
    seeds: _Seeds | None = None
    compare: Annotated[dict[str, Any], Field(min_length=1, max_length=1)] | None = None
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
        return self.place.override or f"{self.path}={flow_text(self.value)}"

    def undoes(self, earlier: str) -> bool:
        """Return whether nothing is left of what stood at a path: it was set, or a block around it."""
        return f"{earlier}.".startswith(f"{self.path}.")

    def mistake(self, message: str, remedy: str) -> Mistake:
        return self.place.mistake((self.path,), message, remedy)


@dataclass(frozen=True)
class Axis:
    """What differs from cell to cell: by the label of each value, what it changes."""

    name: str
    values: Mapping[str, tuple[Change, ...]]


def folder_name(label: str) -> str:
    """Return a label as a part of the name of a folder, on any file system.

    >>> folder_name("20 Mbit/s"), folder_name("../..")
    ('20Mbit_s', '.._')
    """
    return re.sub(r"[^A-Za-z0-9._%+-]+", "_", label.replace(" ", "")).strip("_").rstrip(".")


@dataclass(frozen=True)
class Sweep:
    """What a sweep file stands for."""

    name: str
    question: str
    base: FilePath | str
    """The scenario that the cells change: its file, or its text if the sweep file holds it."""
    document: Document
    """The sweep file's."""
    changes: tuple[Change, ...]
    """To all cells, in order."""
    axes: tuple[Axis, ...]
    seeds: tuple[int, ...] | None
    """Of every cell; None for those of the base."""
    compare: tuple[str, str] | None
    """Axis and label of the baseline."""

    def resolved(self) -> str:
        """Return the sweep as YAML that needs no other file; read back, it has the same cells."""
        head: dict[str, Any] = {"name": self.name, "question": self.question}
        if self.seeds is not None:
            head["seeds"] = list(self.seeds)
        if self.compare is not None:
            head["compare"] = dict([self.compare])
        axes: list[Value] = [
            {"name": axis.name, "values": {label: _values_of(changes) for label, changes in axis.values.items()}}
            for axis in self.axes
        ]
        entries = (textwrap.indent(block_text(axis), "    ").removeprefix("    ") for axis in axes)
        base = read_document(self.base) if isinstance(self.base, str) else read_yaml(self.base)
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
    """Read a sweep file, and every mistake in the file itself; there is no sweep if it is too wrong for one.

    What is wrong with the cells is found by `dvdn_sim.sweeps.grid.cells_of`.

    Args:
        path: a YAML file; what it names or includes is relative to its folder.
        changes: to all cells, in the form of ``--set``; they come after the file's own.
        seeds: in place of the file's.
        quick: whether the smaller sweep is meant that the file describes under ``quick``.
    """
    document = read_yaml(FilePath(path))
    if document.node is not None and not isinstance(document.root, dict):
        remedy = "write `key: value` lines: name, question, base, axes"
        return None, [*document.mistakes, Mistake("", None, "is not a sweep", remedy)]
    written, mistakes = checked(document, SweepFile) if document.node is not None else (None, [])
    mistakes += document.mistakes
    if written is None:
        return None, mistakes
    sweep = _sweep(written, document, FilePath(path))
    mistakes += [document.blame(*wrong) for wrong in _broken_rules(written, sweep)]
    if quick and written.quick is None:
        mistakes.append(Mistake("quick", None, "is missing", "say there what is smaller, or do without it"))
    elif quick and written.quick is not None:
        sweep = _quick(written.quick, sweep)
    more = [_change(text) for text in changes]
    sweep = replace(sweep, changes=(*sweep.changes, *more), seeds=tuple(seeds or ()) or sweep.seeds)
    of_seeds = [change for change in more if change.path.partition(".")[0] == "seeds"]
    mistakes += [change.mistake("is no setting of a cell", "write `--seeds 0-4`") for change in of_seeds]
    return sweep, [*mistakes, *_in_vain(sweep)]


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
    values: dict[str, tuple[Change, ...]] = {}
    for key, label, value in _labelled(written):
        here = (*path, "values", key)
        one = None if written.path is None else (Change(written.path, value, document.place(here)),)
        values[label] = one or _changes(value, here, document)
    *_, block, last = ["", *(written.path or "").split(".")]
    return Axis(written.name or (block if block and last in ("kind", "preset") else last), values)


def _labelled(written: AxisFile) -> Iterator[tuple[str | int, str, Any]]:
    """Yield each value of an axis with its key in the file and its label."""
    if isinstance(written.values, list):
        yield from ((index, label_of(value), value) for index, value in enumerate(written.values))
    else:
        yield from ((label, label, value) for label, value in written.values.items())


def _quick(written: QuickFile, sweep: Sweep) -> Sweep:
    """Return the smaller sweep, under a name of its own."""
    kept = {name: [label_of(value) for value in values] for name, values in written.axes.items()}
    axes = (
        (axis.name, {label: each for label, each in axis.values.items() if label in kept.get(axis.name, axis.values)})
        for axis in sweep.axes
    )
    return replace(
        sweep,
        name=f"{sweep.name}_quick",
        changes=(*sweep.changes, *_changes(written.set, ("quick", "set"), sweep.document)),
        axes=tuple(Axis(*each) for each in axes),
        seeds=written.seeds or sweep.seeds,
    )


def _change(text: str) -> Change:
    """Return a ``--set``; what is wrong with it, the cells that it changes will find."""
    path, _, written = text.partition("=")
    value = read_document(written)
    resolve_includes(value)
    return Change(path.strip(), value.root, Place(override=text))


Broken = tuple[Path, str, str]
"""What breaks a rule of a sweep file: its path, what is wrong, and what to write instead."""


def _broken_rules(written: SweepFile, sweep: Sweep) -> Iterator[Broken]:
    """Yield what no key alone can break."""
    yield from _axes_have_names(written, sweep)
    for index, axis in enumerate(written.axes):
        yield from _labels_can_be_told_apart(axis, ("axes", index, "values"))
    yield from _axes_do_not_overwrite(sweep)
    yield from _labels_exist(written, sweep)
    if (count := prod(len(axis.values) for axis in sweep.axes)) > MAX_CELLS:
        yield ("axes",), f"{count} cells", f"at most {MAX_CELLS}; a smaller sweep shows the same"


def _axes_have_names(written: SweepFile, sweep: Sweep) -> Iterator[Broken]:
    names = [axis.name for axis in sweep.axes]
    for index, name in enumerate(names):
        here: Path = ("axes", index)
        if not name:
            yield here, "has no name and no path", "write `name: ...`, or `path: ...` if one value differs"
        elif name in names[:index]:
            here = (*here, "name") if written.axes[index].name else here
            yield here, f"another axis is called `{name}`", "write another `name: ...`"


def _labels_can_be_told_apart(axis: AxisFile, path: Path) -> Iterator[Broken]:
    """File systems may not tell capitals from small letters."""
    remedy = "name the values: {NAME: VALUE}" if isinstance(axis.values, list) else "write another name"
    seen: dict[str, str] = {}
    for key, label, _ in _labelled(axis):
        safe = folder_name(label)
        same = seen.get(safe.lower())
        seen[safe.lower()] = label
        if not 0 < len(safe) <= MAX_LABEL:
            yield (*path, key), f"{shown(label)} cannot name a folder", remedy
        elif same == label:
            yield (*path, key), f"{shown(same)} is given twice", "remove one of them"
        elif same is not None:
            yield (*path, key), f"cannot be told from {shown(same)} in the name of a folder", remedy


def _axes_do_not_overwrite(sweep: Sweep) -> Iterator[Broken]:
    """A later change of a whole block undoes an earlier one of a part of it."""
    earlier: dict[str, str] = {}
    for index, axis in enumerate(sweep.axes):
        changes = {change.path: change for value in axis.values.values() for change in value}
        for path, change in changes.items():
            undone = next((other for other in earlier if change.undoes(other)), None)
            if undone is not None:
                remedy = "make one axis of them" if undone == path else "write this axis before that one"
                yield ("axes", index), f"sets {path}, and so undoes `{undone}` of axis {earlier[undone]}", remedy
        earlier |= dict.fromkeys(changes, axis.name)


def _in_vain(sweep: Sweep) -> Iterator[Mistake]:
    """Yield a mistake for every change to all cells that an axis undoes in all cells."""
    for change in sweep.changes:
        for axis in sweep.axes:
            if all(any(each.undoes(change.path) for each in value) for value in axis.values.values()):
                yield change.mistake(f"has no effect: axis {axis.name} sets it in every cell", "remove it")


def _labels_exist(written: SweepFile, sweep: Sweep) -> Iterator[Broken]:
    """Those of the baseline, and those of a quick look, which needs the baseline, too."""
    axis, label = sweep.compare or ("", "")
    if axis:
        yield from _are_labels(("compare", axis), [label], sweep)
    for name, values in (written.quick.axes if written.quick else {}).items():
        here: Path = ("quick", "axes", name)
        labels = [label_of(value) for value in values]
        yield from _are_labels(here, labels, sweep)
        if axis == name and label not in labels:
            yield here, f"leaves out {shown(label)}, the baseline", "keep it, for all others are compared with it"


def _are_labels(path: Path, labels: list[str], sweep: Sweep) -> Iterator[Broken]:
    """Yield what is no label of the axis that a path ends in."""
    known = {axis.name: list(axis.values) for axis in sweep.axes}
    if (name := str(path[-1])) not in known:
        yield path, *no_such("axis", name, list(known))
    for label in labels if name in known else ():
        if label not in known[name]:
            yield path, *no_such(f"value of {name}", label, known[name])
