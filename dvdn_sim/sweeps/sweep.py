"""A sweep: which scenario, what differs between cells, and what to compare; and the cells that come of it.

    name: rounds_x_loss
    question: How many rounds of consensus does a lossy network need?
    base: ../lossy_lbf.yaml
    axes:
      - {path: algorithm.consensus.rounds, values: [1, 2, 3]}
      - {path: network.link.loss, values: [0%, 10%]}
    seeds: 0-9
    compare: {rounds: 1}
    quick: {seeds: 0-1, axes: {rounds: [1, 3]}}

`SweepFile` has every key of such a file; `load_sweep` makes a `Sweep` of it, with a label for every value; `load_cells`
makes its cells (`grid`), all combinations of the axes' values, or lists all that is wrong with any of them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path as FilePath
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints, TypeAdapter, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass as model

from dvdn_sim.errors import Mistake
from dvdn_sim.scenario import (
    Document,
    Lines,
    Path,
    Place,
    Value,
    block_text,
    checked,
    find_files,
    flow_text,
    kept,
    no_such,
    parse_seeds,
    read_document,
    read_yaml,
    resolve_includes,
)
from netmodels.units import CLOSED, Flag, legible, refusal, shown

MAX_LABEL = 40
MAX_NAME = 64
QUICK = "_quick"
BOUND = "bound"
"""With which names of bounds begin."""
MAX_CELLS = 2000
_DOTTED = re.compile(r"\w+(\.\w+)*")


def _path(value: object) -> object:
    if not isinstance(value, str) or not _DOTTED.fullmatch(value):
        raise refusal(f"{shown(value)} is not a path in a scenario", "write it as network.link.loss")
    if value.partition(".")[0] == "seeds":
        raise refusal("all cells have the same seeds, to draw the same random numbers", "write `seeds` beside `axes`")
    return value


def _seeds(value: object) -> tuple[int, ...]:
    remedy = "write `0-9`, or a list such as [0, 1, 2]"
    if isinstance(value, list) and value and all(type(each) is int and each >= 0 for each in value):
        return tuple(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise refusal(f"{shown(value)} is not a list of seeds", remedy)
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
            raise refusal("are values without a `path`", remedy)
        return _SETTINGS_BY_LABEL.validate_python(values)

    @property
    def labelled(self) -> list[tuple[str | int, str, Any]]:
        """Each value with its key in the file and its label."""
        if isinstance(self.values, list):
            return [(index, label_of(value), value) for index, value in enumerate(self.values)]
        return [(label, label_of(label), value) for label, value in self.values.items()]


@model(frozen=True, kw_only=True, config=CLOSED)
class QuickFile:
    """What is smaller in a quick look: other seeds, more to set, fewer values on some axes."""

    seeds: _Seeds | None = None
    set: _Settings = field(default_factory=dict)
    axes: dict[str, _Some] = field(default_factory=dict)


@model(frozen=True, kw_only=True, config=CLOSED)
class SweepFile:
    """A sweep file; `docs/sweeps.md` says what each key means."""

    name: Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=MAX_NAME)]
    question: Annotated[str, StringConstraints(strict=True, strip_whitespace=True, min_length=1)]
    base: Annotated[Any, BeforeValidator(_base)]
    set: _Settings = field(default_factory=dict)
    axes: Annotated[tuple[AxisFile, ...], Field(min_length=1)]
    seeds: _Seeds | None = None
    compare: Annotated[dict[str, Any], Field(min_length=1, max_length=1)] | None = None
    bounds: Flag = False
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
    base: FilePath | str  # the scenario that the cells change: its file, or its text if the sweep file holds it
    document: Document  # the sweep file's
    changes: tuple[Change, ...]  # to all cells, in order
    axes: tuple[Axis, ...]
    seeds: tuple[int, ...] | None  # of every cell; None for those of the base
    compare: tuple[str, str] | None  # axis and label of the baseline
    bounds: bool  # whether cells are added that say what communicating can be worth (`dvdn_sim.sweeps.bounds`)

    def resolved(self, files: dict[str, bytes] | None = None) -> str:
        """Return the sweep as YAML that needs no others than `files`, to which it adds; it has the same cells."""
        base = read_document(self.base) if isinstance(self.base, str) else read_yaml(self.base)
        said: dict[str, Value] = {
            "name": self.name,
            "question": self.question,
            "seeds": None if self.seeds is None else list(self.seeds),
            "compare": None if self.compare is None else dict([self.compare]),
            "bounds": self.bounds or None,
            "axes": Lines(
                {
                    "name": axis.name,
                    "values": kept({label: _values_of(each) for label, each in axis.values.items()}, files),
                }
                for axis in self.axes
            ),
            "set": kept(_values_of(self.changes), files),
            "base": kept(base.root, files),
        }
        return block_text({key: value for key, value in said.items() if value is not None})


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
    return legible(value if isinstance(value, str) else flow_text(value).strip("{}[]"), most=1000)


def load_sweep(
    path: str | FilePath, changes: Sequence[str] = (), *, seeds: Sequence[int] | None = None, quick: bool = False
) -> tuple[Sweep | None, list[Mistake]]:
    """Read a sweep file, and every mistake in the file itself; there is no sweep if it is too wrong for one.

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
    if isinstance(document.root, dict) and "env" in document.root and "base" not in document.root:
        return None, [Mistake("", None, "is a scenario, not a sweep", "`dvdn-sim run` runs it")]
    written, mistakes = checked(document, SweepFile) if document.node is not None else (None, [])
    mistakes += document.mistakes
    if written is None:
        return None, mistakes
    told = len(document.mistakes)
    sweep = _sweep(written, document, FilePath(path))
    mistakes += document.mistakes[told:]
    mistakes += [document.blame(*wrong) for wrong in _broken_rules(written, sweep)]
    if quick and written.quick is None:
        mistakes.append(Mistake("quick", None, "is missing", "say what the smaller sweep changes, or remove it"))
    elif quick and written.quick is not None:
        sweep = _quick(written.quick, sweep)
    more = [_change(text) for text in changes]
    sweep = replace(sweep, changes=(*sweep.changes, *more), seeds=tuple(seeds or ()) or sweep.seeds)
    of_seeds = [change for change in more if change.path.partition(".")[0] == "seeds"]
    mistakes += [change.mistake("is not a setting of a cell", "write `--seeds 0-4`") for change in of_seeds]
    mistakes += [  # that an axis undoes in all cells
        change.mistake(f"has no effect: axis {axis.name} sets it in every cell", "remove it")
        for change in sweep.changes
        for axis in sweep.axes
        if all(any(each.undoes(change.path) for each in value) for value in axis.values.values())
    ]
    return sweep, mistakes


def _sweep(written: SweepFile, document: Document, file: FilePath) -> Sweep:
    beside = FilePath(document.place(("base",)).file or file).parent
    return Sweep(
        name=written.name,
        question=legible(" ".join(written.question.split()), most=10_000),
        base=beside / written.base if isinstance(written.base, str) else block_text(written.base),
        document=document,
        changes=_changes(written.set, ("set",), document),
        axes=tuple(_axis(axis, ("axes", index, "values"), document, file) for index, axis in enumerate(written.axes)),
        seeds=written.seeds,
        compare=next(((axis, label_of(value)) for axis, value in (written.compare or {}).items()), None),
        bounds=written.bounds,
    )


def _changes(block: Mapping[str, Value], path: Path, document: Document) -> tuple[Change, ...]:
    return tuple(Change(name, value, document.place((*path, name))) for name, value in block.items())


def _axis(written: AxisFile, path: Path, document: Document, file: FilePath) -> Axis:
    """Return an axis; its name is empty where the file gives none."""
    values: dict[str, tuple[Change, ...]] = {}
    for key, label, value in written.labelled:
        here = (*path, key)
        settings = deepcopy(value if written.path is None else {written.path: value})
        find_files(document, settings, FilePath(document.place(here).file or file).parent, here)
        place = None if written.path is None else document.place(here)
        values[label] = tuple(Change(name, to, place or document.place((*here, name))) for name, to in settings.items())
    *_, block, last = ["", *(written.path or "").split(".")]
    return Axis(written.name or (block if block and last in ("kind", "preset") else last), values)


def _quick(written: QuickFile, sweep: Sweep) -> Sweep:
    """Return the smaller sweep, under a name of its own."""
    kept = {name: [label_of(value) for value in values] for name, values in written.axes.items()}
    axes = (
        (axis.name, {label: each for label, each in axis.values.items() if label in kept.get(axis.name, axis.values)})
        for axis in sweep.axes
    )
    return replace(
        sweep,
        name=f"{sweep.name[: MAX_NAME - len(QUICK)]}{QUICK}",
        changes=(*sweep.changes, *_changes(written.set, ("quick", "set"), sweep.document)),
        axes=tuple(Axis(*each) for each in axes),
        seeds=written.seeds or sweep.seeds,
    )


def _change(text: str) -> Change:
    """Return a ``--set``; what is wrong with it, the cells that it changes will find."""
    path, _, written = text.partition("=")
    value = read_document(written)
    resolve_includes(value)
    return Change(".".join(key.strip() for key in path.split(".")), value.root, Place(override=text))


Broken = tuple[Path, str, str]
"""What breaks a rule of a sweep file: its path, what is wrong, and what to write instead."""


def _broken_rules(written: SweepFile, sweep: Sweep) -> Iterator[Broken]:
    """Yield what no key alone can break."""
    earlier: dict[str, str] = {}  # axes, by the paths that they set
    names = [axis.name for axis in sweep.axes]
    for index, (axis, file) in enumerate(zip(sweep.axes, written.axes, strict=True)):
        here: Path = ("axes", index)
        if not axis.name:
            yield here, "has no name and no path", "write `name: ...`, or `path: ...` if one value differs"
        elif axis.name in names[:index]:
            place = (*here, "name") if file.name else here
            yield place, f"another axis is called `{axis.name}`", "write another `name: ...`"
        elif written.bounds and axis.name == BOUND:
            yield (
                (*here, "name" if file.name else "path"),
                "is what the cells of `bounds` are called",
                "write another `name: ...`",
            )
        yield from _labels_can_be_told_apart(file, (*here, "values"))
        changes = {change.path: change for value in axis.values.values() for change in value}
        for path, change in changes.items():  # of a whole block, perhaps
            undone = next((other for other in earlier if change.undoes(other)), None)
            if undone is not None:
                remedy = "make one axis of them" if undone == path else "write this axis before that one"
                yield here, f"sets {path}, and so undoes `{undone}` of axis {earlier[undone]}", remedy
        earlier |= dict.fromkeys(changes, axis.name)
    yield from _labels_exist(written, sweep)
    if (count := prod(len(axis.values) for axis in sweep.axes)) > MAX_CELLS:
        yield ("axes",), f"{count} cells", f"at most {MAX_CELLS}; a smaller sweep shows the same"


def _labels_can_be_told_apart(axis: AxisFile, path: Path) -> Iterator[Broken]:
    """File systems may not tell capitals from small letters."""
    remedy = "name the values: {NAME: VALUE}" if isinstance(axis.values, list) else "write another name"
    seen: dict[str, str] = {}
    for key, label, _ in axis.labelled:
        safe = folder_name(label)
        same = seen.get(safe.lower())
        seen[safe.lower()] = label
        if not 0 < len(safe) <= MAX_LABEL:
            yield (*path, key), f"{shown(label)} cannot name a folder", remedy
        elif same == label:
            yield (*path, key), f"{shown(same)} is given twice", "remove one of them"
        elif same is not None:
            yield (*path, key), f"has the same folder name as {shown(same)}", remedy


def _labels_exist(written: SweepFile, sweep: Sweep) -> Iterator[Broken]:
    """Those of the baseline, and those of a quick look, which needs the baseline, too."""
    known = {axis.name: list(axis.values) for axis in sweep.axes}
    axis, baseline = sweep.compare or ("", "")
    named: dict[Path, list[str]] = {("compare", axis): [baseline]} if axis else {}
    for name, values in (written.quick.axes if written.quick else {}).items():
        labels = named[("quick", "axes", name)] = [label_of(value) for value in values]
        if name == axis and baseline not in labels:
            remedy = "keep it: all others are compared with it"
            yield ("quick", "axes", name), f"leaves out {shown(baseline)}, the baseline", remedy
    for path, labels in named.items():
        name = str(path[-1])
        if name not in known:
            yield path, *no_such("axis", name, list(known))
        for label in labels if name in known else ():
            if label not in known[name]:
                yield path, *no_such(f"value of {name}", label, known[name])
