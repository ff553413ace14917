"""What a sweep file is read with: YAML with includes and places, checked against a closed model.

Stands in for names that the front of `dvdn_sim.scenario` does not export yet, and goes with the last of them.
"""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path as FilePath
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from dvdn_sim.errors import Mistake
from dvdn_sim.scenario.document import MAX_BYTES, Document, Path, Place, Value
from dvdn_sim.scenario.document import read_document as read_text
from dvdn_sim.scenario.files import read_file, reason_of
from dvdn_sim.scenario.include import resolve_includes
from dvdn_sim.scenario.names import choose, meant
from dvdn_sim.scenario.quantities import refusal, shown
from dvdn_sim.scenario.words import Finding, words_for
from dvdn_sim.scenario.yaml_text import block_text, flow_text

__all__ = [
    "Document",
    "Path",
    "Place",
    "Seeds",
    "Value",
    "block_text",
    "checked",
    "choose",
    "flow_text",
    "meant",
    "read_document",
    "read_value",
    "refusal",
    "shown",
]
T = TypeVar("T")
_HOW = "write `0-9`, or a list such as [0, 1, 2]"


def parse_seeds(value: object) -> tuple[int, ...]:
    """Return the seeds that ``0-4``, ``0-2,7`` or a list of whole numbers stands for.

    >>> parse_seeds("0-2,7")
    (0, 1, 2, 7)
    """
    if isinstance(value, list) and value and all(type(each) is int and each >= 0 for each in value):
        return tuple(value)
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise refusal(f"{shown(value)} is no list of seeds", _HOW)
    return tuple(seed for part in str(value).split(",") for seed in _range(part))


def _range(part: str) -> range:
    ends = [end.strip() for end in part.split("-")]
    if len(ends) > 2 or not all(end.isascii() and end.isdigit() and len(end) < 19 for end in ends):
        raise refusal(f"{shown(part)} is no seed and no range of seeds", _HOW)
    first, last = int(ends[0]), int(ends[-1])
    if not 0 <= last - first < 1000:
        raise refusal(f"{shown(part)} is no range of up to 1000 seeds", _HOW)
    return range(first, last + 1)


Seeds = Annotated[tuple[int, ...], BeforeValidator(parse_seeds)]


def read_document(file: FilePath) -> Document:
    """Read a YAML file and what it includes; what is wrong is in the document's mistakes."""
    try:
        document = read_text(read_file(file, MAX_BYTES + 1))
    except (OSError, ValueError) as error:
        return Document(mistakes=[Mistake("", None, f"cannot be read: {reason_of(error)}", "name a YAML file")])
    resolve_includes(document, file)
    return document


def read_value(text: str, override: str) -> Document:
    """Read the right side of a ``--set``."""
    value = read_text(text).written_in(override=override)
    resolve_includes(value)
    return value


def checked(document: Document, model: type[T]) -> tuple[T | None, list[Mistake]]:
    """Return what a document says if each key is well formed, and else every mistake."""
    try:
        return TypeAdapter(model).validate_python(document.root), []
    except ValidationError as error:
        found = error.errors(include_url=False)
        return None, [wrong for each in found for wrong in _explained(dict(each), document, model)]


def _explained(error: dict[str, Any], document: Document, model: type) -> Iterator[Mistake]:
    path: Path = error["loc"]
    kind = {"dataclass_type": "dict_type"}.get(error["type"], error["type"])
    if kind == "missing":
        if not any(path[: len(block)] == block for block in document.incomplete):
            yield document.blame(path, "is missing", "it has no default")
    elif kind == "unexpected_keyword_argument":
        keys = _keys(model, path[:-1])
        words = "unknown key", meant(path[-1], keys) or f"the keys here are: {', '.join(keys)}"
        yield document.blame(path, *words)
    else:
        finding = Finding(path, error["input"], error.get("ctx", {}), error["msg"], document.root)
        yield document.blame(path, *words_for(kind, finding))


def _keys(model: Any, path: Path) -> list[str]:
    """Return the keys of the block at a path."""
    for step in path:
        if isinstance(step, str):
            kinds = get_args(next(each.type for each in fields(model) if each.name == step))
            model = next((kind for kind in kinds if is_dataclass(kind)), model)
    return [each.name for each in fields(model)]
