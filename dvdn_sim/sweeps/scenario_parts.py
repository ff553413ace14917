"""What a sweep file is read with besides what scenarios are: lists of seeds, files, the right side of a ``--set``."""

from pathlib import Path as FilePath
from typing import Annotated

from pydantic import BeforeValidator

from dvdn_sim.errors import Mistake
from dvdn_sim.scenario import MAX_BYTES, Document, read_file, reason_of, resolve_includes
from dvdn_sim.scenario import read_document as read_text
from netmodels.units import refusal, shown

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
