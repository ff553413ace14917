"""``--set a.b=c``: changes to a scenario before it is checked."""

from dvdn_sim.errors import Mistake
from dvdn_sim.scenario.document import Document, Path, Place, Value, dotted, read_document
from dvdn_sim.scenario.include import INCLUDE, resolve_includes
from dvdn_sim.scenario.quantities import shown
from dvdn_sim.scenario.scalars import legible

HOW = "write it as `--set network.link.loss=20%`"


def override(document: Document, text: str) -> None:
    """Change one value of ``document``, or note in its mistakes why that cannot be.

    Blocks on the way that are not there are made; whether they may be there is checked later, with all else.

    Args:
        document: what to change.
        text: ``path=value``, the value in YAML.
    """
    name, equals, written = text.partition("=")
    text = legible(text, most=200)
    path = tuple(key.strip() for key in name.split("."))
    if not equals or not all(path):
        document.mistakes.append(Mistake("", None, "is not of the form `path=value`", HOW, text))
        return
    if path[-1] == INCLUDE:
        document.mistakes.append(Mistake(name, None, "cannot be set", _how_to_include(path[:-1]), text))
        return
    value = read_document(written).written_in(override=text)
    value.places.setdefault((), Place(override=text))  # of nothing at all
    resolve_includes(value)
    if not value.mistakes and document.readable:
        document.mistakes += _put(document, path, value, text)
    document.mistakes += value.standing_at(path).mistakes


def _how_to_include(block: tuple[str, ...]) -> str:
    """Return how a block is replaced by what stands in a file."""
    return f"set all of it: --set '{dotted(block)}={{include: FILE}}'" if block else "write it in the scenario"


def _put(document: Document, path: tuple[str, ...], value: Document, text: str) -> list[Mistake]:
    """Put ``value`` at ``path``, and return what stands in the way."""
    document.root = {} if document.root is None else document.root
    holder: Value = document.root
    here: Path = ()
    for key in path[:-1]:
        inner = _inner(holder, key)
        if inner is None:
            return [_blocked(here, holder, key, text)]
        holder, step = inner
        here = (*here, step)
        document.places.setdefault(here, Place(override=text))
    if isinstance(holder, dict):
        holder[path[-1]] = value.root
        _claim(document, (*here, path[-1]), value)
        return []
    if isinstance(holder, list) and _is_index(holder, path[-1]):
        holder[int(path[-1])] = value.root
        _claim(document, (*here, int(path[-1])), value)
        return []
    return [_blocked(here, holder, path[-1], text)]


def _inner(holder: Value, key: str) -> tuple[Value, str | int] | None:
    """Return what stands under ``key`` and the key as a step, a new block where there was nothing; None if barred."""
    if isinstance(holder, dict):
        if holder.get(key) is None:
            holder[key] = {}
        return holder[key], key
    if isinstance(holder, list) and _is_index(holder, key):
        return holder[int(key)], int(key)
    return None


def _is_index(items: list[Value], key: str) -> bool:
    """Return whether ``key`` counts one of the ``items``."""
    return key.isdecimal() and key.isascii() and int(key[:9]) < len(items)


def _claim(document: Document, path: Path, value: Document) -> None:
    """Note where ``value``, which stands at ``path`` now, was written."""
    for inner in [place for place in document.places if place[: len(path)] == path]:
        del document.places[inner]
    document.places |= value.standing_at(path).places


def _blocked(path: Path, holder: Value, key: str, text: str) -> Mistake:
    """Return the mistake of a path that leads through something that is no block."""
    message = f"is {shown(holder)}, which has no `{key}`"
    if isinstance(holder, list):
        return Mistake(dotted(path), None, f"is a list of {len(holder)}, which has no `{key}`", "count from 0", text)
    remedy = f"set all of it: --set '{dotted(path)}={{{key}: ...}}'"
    return Mistake(dotted(path), None, message, remedy, text)
