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

`entries` has every key of such a file; `reading` makes a `Sweep` of it, with a label for every value.
"""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path as FilePath
from typing import cast

from dvdn_sim.scenario import Scenario, load_scenario, parse_scenario
from dvdn_sim.scenario.document import MAX_BYTES, Document, Place, Value, read_document
from dvdn_sim.scenario.files import read_file
from dvdn_sim.scenario.include import resolve_includes
from dvdn_sim.scenario.yaml_text import block_text, flow_text


@dataclass(frozen=True)
class Setting:
    """One change to a scenario.

    Attributes:
        path: of the value, dotted.
        value: what it becomes, as YAML has it.
        place: where that was written.
    """

    path: str
    value: Value
    place: Place

    @property
    def text(self) -> str:
        """The change in the form of ``--set``."""
        return f"{self.path}={flow_text(self.value)}"


@dataclass(frozen=True)
class Point:
    """One value of an axis.

    Attributes:
        label: what it is called.
        settings: what it changes.
        place: where it was written.
    """

    label: str
    settings: tuple[Setting, ...]
    place: Place

    @property
    def safe(self) -> str:
        """The label as a part of the name of a folder, on any file system: letters, digits and ``. _ % + -``."""
        return re.sub(r"[^A-Za-z0-9._%+-]+", "_", self.label.replace(" ", "")).strip("_").rstrip(".")


@dataclass(frozen=True)
class Axis:
    """What differs from cell to cell."""

    name: str
    points: tuple[Point, ...]

    def block(self) -> dict[str, Value]:
        """Return the axis as YAML has it."""
        return {"name": self.name, "values": {point.label: _values_of(point.settings) for point in self.points}}

    def only(self, labels: Sequence[str]) -> "Axis":
        """Return the axis with some of its points, in its own order."""
        return Axis(self.name, tuple(point for point in self.points if point.label in labels))


@dataclass(frozen=True)
class Base:
    """The scenario that the cells change.

    Attributes:
        file: where it stands; None if the sweep file holds it.
        document: the sweep file's, if it holds it.
    """

    file: FilePath | None
    document: Document

    def scenario(self, changes: Sequence[str]) -> Scenario:
        """Return the scenario under changes in the form of ``--set``.

        Raises:
            ScenarioError: With every mistake there is.
        """
        if self.file is not None:
            return load_scenario(self.file, changes)
        return parse_scenario(self._text, changes)

    @cached_property
    def _text(self) -> str:
        return block_text(self.block())

    def block(self) -> dict[str, Value]:
        """Return the scenario as it was written, what it includes laid under it."""
        if self.file is None:
            root = cast("dict[str, Value]", self.document.root)["base"]
        else:
            document = read_document(read_file(self.file, MAX_BYTES + 1))
            resolve_includes(document, self.file)
            root = document.root
        return cast("dict[str, Value]", root)


@dataclass(frozen=True)
class Sweep:
    """What a sweep file says.

    Attributes:
        name: what the folder is called.
        question: what is to be answered, a sentence.
        base: the scenario that the cells change.
        settings: what all cells change, in order.
        axes: what differs between cells.
        seeds: of every cell; None for those of the base.
        compare: axis and label of the baseline; None if there is none.
        source: the file, for messages.
    """

    name: str
    question: str
    base: Base
    settings: tuple[Setting, ...]
    axes: tuple[Axis, ...]
    seeds: tuple[int, ...] | None
    compare: tuple[str, str] | None
    source: str

    def resolved(self) -> str:
        """Return the sweep as YAML that needs no other file; read back, it has the same cells."""
        head: dict[str, Value] = {"name": self.name, "question": self.question}
        if self.seeds is not None:
            head["seeds"] = list(self.seeds)
        if self.compare is not None:
            head["compare"] = dict([self.compare])
        axes = "".join(f"  - {_indented(axis.block())}" for axis in self.axes)
        tail: dict[str, Value] = {"set": _values_of(self.settings), "base": self.base.block()}
        return f"{block_text(head)}axes:\n{axes}{block_text(tail)}"


def _indented(block: dict[str, Value]) -> str:
    """Return a block as the entry of a list."""
    return textwrap.indent(block_text(block), "    ").removeprefix("    ")


def label_of(value: Value) -> str:
    """Return what a value in a list is called: itself, or the kind or preset that it names.

    >>> label_of("5 ms"), label_of(0.1), label_of({"kind": "ring"}), label_of([7, 7])
    ('5 ms', '0.1', 'ring', '7, 7')
    """
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in ("kind", "preset"):
        value = next(iter(value.values()))
    return value if isinstance(value, str) else flow_text(value).strip("{}[]")


def _values_of(settings: Sequence[Setting]) -> dict[str, Value]:
    """Return what settings come to, in the order in which the last word on each path was spoken."""
    values: dict[str, Value] = {}
    for setting in settings:
        values.pop(setting.path, None)
        values[setting.path] = setting.value
    return values
