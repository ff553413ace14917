"""The keys of a sweep file, as plain dataclasses, and what is wrong with a text that has others."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, cast

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails

from dvdn_sim.errors import Mistake
from dvdn_sim.scenario.blocks import Block, entry_annotation, mark_of, own_fields, reader
from dvdn_sim.scenario.document import Document, Path, Value
from dvdn_sim.scenario.names import meant
from dvdn_sim.scenario.quantities import refusal, shown
from dvdn_sim.scenario.words import Finding, words_for

MOST_SEEDS = 1000
_SEEDS = "write `0-9`, or a list such as [0, 1, 2]"
DOTTED = re.compile(r"\w+(\.\w+)*")


def seeds_of(value: object) -> tuple[int, ...]:
    """Return the seeds that ``0-4``, ``0-2,7`` or a list of whole numbers stands for.

    Raises:
        PydanticCustomError: It is none of these.

    >>> seeds_of("0-2,7")
    (0, 1, 2, 7)
    """
    if isinstance(value, list) and value and all(type(each) is int and each >= 0 for each in value):
        return tuple(value)
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise refusal(f"{shown(value)} is no list of seeds", _SEEDS)
    return tuple(seed for part in str(value).split(",") for seed in _range(part))


def _range(part: str) -> range:
    ends = [end.strip() for end in part.split("-")]
    if len(ends) > 2 or not all(end.isascii() and end.isdigit() and len(end) < 19 for end in ends):
        raise refusal(f"{shown(part)} is no seed and no range of seeds", _SEEDS)
    first, last = int(ends[0]), int(ends[-1])
    if not 0 <= last - first < MOST_SEEDS:
        raise refusal(f"{shown(part)} is no range of up to {MOST_SEEDS} seeds", _SEEDS)
    return range(first, last + 1)


def _settings(value: object) -> dict[str, Value]:
    if not isinstance(value, dict):
        raise refusal(f"must be a block of settings, not {shown(value)}", "write {network.link.loss: 10%}")
    for path in value:
        if not DOTTED.fullmatch(path):
            raise refusal(f"{shown(path)} is no path in a scenario", "write it as network.link.loss")
    return value


def _path(value: object) -> str:
    if not isinstance(value, str) or not DOTTED.fullmatch(value):
        raise refusal(f"{shown(value)} is no path in a scenario", "write it as network.link.loss")
    return value


def _base(value: object) -> str | dict[str, Value]:
    if not isinstance(value, str | dict) or not value:
        raise refusal(f"must be a scenario's file, not {shown(value)}", "write `base: FILE.yaml`, or a scenario")
    return value


def _values(value: object) -> list[Value] | dict[str, Value]:
    if not isinstance(value, list | dict) or not value:
        raise refusal(f"must be a list of values, or values by name, not {shown(value)}", "write [0%, 10%]")
    return value


def _chosen(value: object) -> list[Value]:
    if not isinstance(value, list) or not value:
        raise refusal(f"must be a list of some of the axis's values, not {shown(value)}", "write [0%, 10%]")
    return value


def _one(value: object) -> dict[str, Value]:
    if not isinstance(value, dict) or len(value) != 1:
        raise refusal(f"must be one axis with one of its values, not {shown(value)}", "write {policy: self}")
    return value


def _words(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise refusal(f"must be a sentence, not {shown(value)}", "say what the sweep is to answer")
    return " ".join(value.split())


Name = Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
AxisName = Annotated[str, Field(strict=True, pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=32)]
Seeds = Annotated[object, BeforeValidator(seeds_of)]
Settings = Annotated[object, BeforeValidator(_settings)]


@dataclass(frozen=True, kw_only=True)
class AxisEntry:
    """What differs from cell to cell.

    Attributes:
        path: of the value that differs, dotted; None where ``values`` say so themselves.
        name: what the axis is called; None for the last word of ``path`` (of network.topology.kind:
            topology).
        values: a list of values of ``path``; or values by name; or, without a path, by name what each of them sets,
            such as {perfect: {network.link.loss: 0%, network.deadline: null}}.
    """

    path: Annotated[str, BeforeValidator(_path)] | None = None
    name: AxisName | None = None
    values: Annotated[object, BeforeValidator(_values)]


@dataclass(frozen=True, kw_only=True)
class QuickEntry:
    """What is smaller in a quick look.

    Attributes:
        seeds: in place of the sweep's.
        set: changes to the base besides the sweep's.
        axes: some of an axis's values, by its name.
    """

    seeds: Seeds | None = None
    set: Settings = field(default_factory=dict)
    axes: Mapping[str, Annotated[object, BeforeValidator(_chosen)]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SweepEntry:
    """A sweep file.

    Attributes:
        name: what the folder is called.
        question: what the sweep is to answer, a sentence.
        base: the scenario that the cells change: a file, relative to the folder of the file that names it; or a
            scenario.
        set: changes to the base, by dotted path, in all cells.
        axes: what differs between cells; the cells are all combinations, the last axis the fastest.
        seeds: of every cell, ``0-9`` or a list; None for those of the base.
        compare: the axis to compare along, and its value that the others are compared with.
        quick: a smaller sweep that answers the same question roughly.
    """

    name: Name
    question: Annotated[str, BeforeValidator(_words)]
    base: Annotated[object, BeforeValidator(_base)]
    set: Settings = field(default_factory=dict)
    axes: Annotated[tuple[Annotated[AxisEntry, Block(AxisEntry)], ...], Field(strict=False)]
    seeds: Seeds | None = None
    compare: Annotated[object, BeforeValidator(_one)] | None = None
    quick: QuickEntry | None = None


ROOT = Block(SweepEntry)


def read_entries(document: Document) -> tuple[SweepEntry | None, list[Mistake]]:
    """Return the keys of a sweep file if each is well formed, and else what is wrong."""
    if not isinstance(document.root, dict):
        return None, [Mistake("", None, "is not a sweep", "write `key: value` lines: name, question, base, axes")]
    try:
        return cast("SweepEntry", reader(Annotated[SweepEntry, ROOT]).validate_python(document.root)), []
    except ValidationError as error:
        return None, list(_explained(error.errors(include_url=False), document))


def _explained(errors: list[ErrorDetails], document: Document) -> Iterator[Mistake]:
    for error in errors:
        path: Path = error["loc"]
        if error["type"] == "missing" and any(path[: len(block)] == block for block in document.incomplete):
            continue  # it may stand in a file that was not read
        if error["type"] == "extra_forbidden":
            keys = _keys(path[:-1])
            words = "unknown key", meant(path[-1], keys) or f"the keys here are: {', '.join(keys)}"
        else:
            finding = Finding(path, error["input"], error.get("ctx", {}), error["msg"], document.root)
            words = words_for(error["type"], finding)
        yield document.blame(path, *words)


def _keys(path: Path) -> list[str]:
    """Return the keys of the block at a path: the file, an axis, or ``quick``."""
    block = ROOT
    for step in path:
        if isinstance(step, str):
            annotation = next(each.annotation for each in own_fields(block) if each.name == step)
            mark = mark_of(entry_annotation(annotation) or annotation)
            block = mark if isinstance(mark, Block) else block
    return [each.name for each in own_fields(block)]
