"""What pydantic found wrong, as mistakes with their place in the YAML."""

from collections.abc import Iterable

from pydantic_core import ErrorDetails

from dvdn_sim.errors import Mistake
from dvdn_sim.scenario.blocks import TAG
from dvdn_sim.scenario.document import Document, Path, Value, value_at
from dvdn_sim.scenario.names import leftovers, unknown_key
from dvdn_sim.scenario.words import Finding, words_for


def explain(errors: Iterable[ErrorDetails], document: Document) -> list[Mistake]:
    """Return one mistake per error; keys that a ``--set`` of their kind left behind are told together.

    What is missing where a file to include was not read is not told: it may stand there.
    """
    mistakes: list[Mistake] = []
    unknown: list[Path] = []
    for error in errors:
        path = _path(error["loc"], document.root)
        if error["type"] in ("missing", "kind_missing") and _may_be_included(path, document):
            continue
        if error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]:
            continue  # its entries are wrong, and told
        if error["type"] == "extra_forbidden":
            unknown.append(path)
            continue
        finding = Finding(path, error["input"], error.get("ctx", {}), error["msg"], document.root)
        message, remedy = words_for(error["type"], finding)
        path, message = _place(error["type"], path, message, document.root)
        mistakes.append(document.blame(path, message, remedy))
    together = leftovers(unknown, document)
    alone = [path for path in unknown if path[:-1] not in together]
    return [*mistakes, *together.values(), *(document.blame(path, *unknown_key(path, document.root)) for path in alone)]


def _may_be_included(path: Path, document: Document) -> bool:
    return any(path[: len(block)] == block for block in document.incomplete)


def _path(location: tuple[int | str, ...], root: Value) -> Path:
    """Return pydantic's location as a path of the YAML: without kinds, and no deeper than what was written."""
    path: Path = ()
    here: Value = root
    for step in location:
        if isinstance(step, str) and step.startswith(TAG):
            continue
        if isinstance(here, dict):
            here = here.get(str(step))
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            here = here[step]
        else:
            break
        path = (*path, step)
    return path


def _place(error_type: str, path: Path, message: str, root: Value) -> tuple[Path, str]:
    """Return the path to blame and the message without it.

    An unknown kind is a fault of ``kind``, not of the block around it. What a dataclass of `netmodels` refuses begins
    with the field's name: ``delay.jitter: expected ...``.
    """
    if error_type in ("kind_unknown", "kind_missing"):
        return (*path, "kind"), message
    name, colon, rest = message.partition(": ")
    field = name.rpartition(".")[2]
    if error_type != "value_error" or not colon or not name.replace(".", "").isidentifier():
        return path, message
    return ((*path, field) if isinstance(value_at(path, root), dict) else path), rest
