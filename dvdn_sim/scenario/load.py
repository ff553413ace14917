"""From a YAML file to a scenario, or to the list of all that is wrong with it.

A text becomes a scenario in this order: YAML as plain values (`document`), ``include``, ``--set``, types and ranges
(pydantic), and rules that join several values (`rules`).

``include: FILE``: a block, or a part of one, may stand in a file of its own. The keys of the file are laid under those
beside ``include``: what stands beside wins, blocks within are laid under blocks in the same way, and lists are taken
whole. So is a block within whose ``kind`` is another than in the file, for its keys belong to something else. Of
several files a later one wins. Paths are relative to the folder of the file that names them.
"""

import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from os.path import normpath
from pathlib import Path as FilePath
from typing import TypeVar, cast, get_type_hints

from pydantic import TypeAdapter, ValidationError

from dvdn_sim.errors import Mistake, ScenarioError
from dvdn_sim.scenario.document import (
    INCLUDE,
    MAX_BYTES,
    Document,
    Path,
    Place,
    Value,
    block_text,
    dotted,
    inner,
    read_document,
)
from dvdn_sim.scenario.mistakes import explain, meant
from dvdn_sim.scenario.rules import broken_rules
from dvdn_sim.scenario.scenario import Scenario
from dvdn_sim.scenario.shape import reader
from netmodels.units import UNITS_REQUIRED, legible, shown

Spec = TypeVar("Spec")

MAX_TOLD = 100
"""Mistakes of a text; who makes more will mend some and look again."""
MAX_EXPLAINED = 2000
"""Of which those are chosen."""
MAX_FILES = 100
MAX_IN_A_ROW = 5
"""How many files may include one another in a row, the scenario's own among them."""
MAX_NAMES = 1000
LONGEST_NAME = 200


_SCENARIO = reader(Scenario)


def load_scenario(path: str | FilePath, overrides: Sequence[str] = ()) -> Scenario:
    """Read a scenario from a YAML file.

    Args:
        path: the file; what it includes is relative to its folder.
        overrides: changes in the form of ``--set``: ``network.link.loss=20%``, applied in order.

    Returns:
        The scenario, complete: what the file leaves out has its default.

    Raises:
        ScenarioError: with every mistake there is, each with its place and a remedy; of very many, the first.
    """
    source = legible(str(path), most=1000)
    try:
        text = read_file(FilePath(path), MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        wrong = Mistake("", None, f"cannot be read: {reason_of(error)}", "name a YAML file")
        raise ScenarioError.of(source, (wrong,)) from error
    return _scenario(text, overrides, source, FilePath(path))


def parse_scenario(text: str | bytes, overrides: Sequence[str] = (), source: str = "scenario") -> Scenario:
    """Read a scenario from its text; what it includes is relative to the current directory.

    Args:
        text: YAML.
        overrides: as in `load_scenario`.
        source: what to call the text in errors.

    Raises:
        ScenarioError: with every mistake there is.

    >>> parse_scenario("5 ms")
    Traceback (most recent call last):
    dvdn_sim.errors.ScenarioError: scenario: 1 mistake
      line 1: is not a scenario; write `key: value` lines; scenarios/lossy_lbf.yaml is an example
    """
    return _scenario(text, overrides, source)


def _scenario(text: str | bytes, overrides: Sequence[str], source: str, file: FilePath | None = None) -> Scenario:
    document = read_document(text)
    resolve_includes(document, file)
    for change in overrides:
        override(document, change)
    scenario, mistakes = _checked_with_rules(document) if document.readable else (None, [])
    mistakes += document.mistakes
    if scenario is None or mistakes:
        raise ScenarioError.of(source, first_mistakes(mistakes))
    return scenario


def first_mistakes(mistakes: Sequence[Mistake]) -> tuple[Mistake, ...]:
    """Return what of the mistakes anybody will read, as the file goes, then those of included files, then overrides."""
    ordered = sorted(mistakes, key=lambda wrong: (wrong.override != "", wrong.file, wrong.line or 0, wrong.path))
    if len(ordered) <= MAX_TOLD:
        return tuple(ordered)
    message = f"there are {len(ordered) - MAX_TOLD:_} more mistakes from here on"
    rest = replace(ordered[MAX_TOLD], path="", message=message, remedy="mend those first")
    return (*ordered[:MAX_TOLD], rest)


def _checked_with_rules(document: Document) -> tuple[Scenario | None, list[Mistake]]:
    """Return the scenario, if every block of it is well formed, and all that is wrong with it."""
    if not isinstance(document.root, dict):
        remedy = "write `key: value` lines; scenarios/lossy_lbf.yaml is an example"
        return None, [document.blame((), "is not a scenario", remedy)]
    scenario, mistakes = checked(document, Scenario)
    known = _valid_blocks(document.root) if scenario is None else scenario
    if not document.incomplete:  # what files that were not read say may be what rules ask for
        mistakes += [document.blame(*wrong) for wrong in broken_rules(known)]
    return scenario, mistakes


def checked(document: Document, spec: type[Spec]) -> tuple[Spec | None, list[Mistake]]:
    """Return the values of a document as a closed pydantic spec, None if they are none; and all mistakes in them."""
    try:
        read: TypeAdapter[object] = reader(cast("object", spec))
        return cast("Spec", read.validate_python(document.root, context=UNITS_REQUIRED)), []
    except ValidationError as error:
        return None, explain(error.errors(include_url=False)[:MAX_EXPLAINED], document, spec)


def _valid_blocks(root: dict[str, Value]) -> dict[str, object]:
    """Return the blocks of a scenario that have no mistakes, for rules that ask for no others."""
    known: dict[str, object] = {}
    for name, annotation in get_type_hints(Scenario, include_extras=True).items():
        try:
            known[name] = reader(annotation).validate_python(root.get(name), context=UNITS_REQUIRED)
        except ValidationError:
            continue
    return known


def resolved_yaml(scenario: Scenario) -> str:
    """Return a scenario as YAML: complete, with units, and read back as an equal scenario."""
    return block_text(_kind_first(cast("Value", _SCENARIO.dump_python(scenario, mode="json", by_alias=True))))


def _kind_first(value: Value) -> Value:
    if isinstance(value, dict):
        kind = {"kind": value["kind"]} if "kind" in value else {}
        return {**kind, **{key: _kind_first(inner) for key, inner in value.items() if key != "kind"}}
    return [_kind_first(entry) for entry in value] if isinstance(value, list) else value


class NotAFileError(OSError):
    """A folder, or a device or a pipe, which may have no end or never begin."""


def read_file(path: FilePath, most_bytes: int) -> bytes:
    """Return what a file holds, or the beginning of it.

    Raises:
        NotAFileError: it is something else.
        OSError: it cannot be read.
        ValueError: no file can have that name.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise NotAFileError("it is not a file")
    with path.open("rb") as opened:
        return opened.read(most_bytes)


def reason_of(error: Exception) -> str:
    """Return why a file could not be read, in a few words."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


class _NotIncludedError(Exception):
    """What stands in the way of a file: a message and a remedy."""


@dataclass
class _Spent:
    """What was read for one text: bounded, whatever includes what."""

    files: int = 0
    size_bytes: int = 0


@dataclass(frozen=True)
class _Includes:
    """Reads what a text includes.

    Attributes:
        document: the text.
        folder: what paths in it are relative to.
        chain: its file and those that include it, outermost first.
        spent: what was read so far.
    """

    document: Document
    folder: FilePath
    chain: tuple[FilePath, ...] = ()
    spent: _Spent = field(default_factory=_Spent)

    def resolved(self, value: Value, path: Path = ()) -> Value:
        """Return what stands at ``path``, with nothing left to include."""
        if isinstance(value, list):
            return [self.resolved(entry, (*path, index)) for index, entry in enumerate(value)]
        if not isinstance(value, dict):
            return value
        block = {key: self.resolved(inner, (*path, key)) for key, inner in value.items() if key != INCLUDE}
        if INCLUDE in value:
            self._lay_files_under(block, value[INCLUDE], path)
        return block

    def _lay_files_under(self, block: dict[str, Value], named: Value, path: Path) -> None:
        here: Path = (*path, INCLUDE)
        below = Document(root={})
        entries = [((*here, index), name) for index, name in enumerate(named)] if isinstance(named, list) else []
        for place, name in entries or [(here, named)]:
            try:
                part = self._part(name).standing_at(path)
                _refuse_another_kind(part.root, block, below.root)
            except _NotIncludedError as error:
                self.document.mistakes.append(self.document.blame(place, *error.args))
                self.document.incomplete.append(path)
                continue
            self.document.mistakes += part.mistakes
            self.document.incomplete += part.incomplete if part.readable else [path]
            if isinstance(part.root, dict) and isinstance(below.root, dict):
                _lay(below.root, part.root, path, part.places, below.places)
                below = part
        if isinstance(below.root, dict):
            _lay(below.root, block, path, self.document.places, below.places)

    def _part(self, name: Value) -> Document:
        """Return what stands in a file, with nothing left to include; its root is a block unless it has mistakes."""
        if not isinstance(name, str):
            raise _NotIncludedError(f"must be a file or a list of files, not {shown(name)}", "name YAML files")
        file = self.folder / name
        part = read_document(self._text(file)).written_in(file=legible(normpath(file), most=LONGEST_NAME))
        if part.readable and not isinstance(part.root, dict):
            message = f"{_name_of(file)} holds {shown(part.root)}, which is no block"
            raise _NotIncludedError(message, "write `key: value` lines")
        if part.readable:
            within = _Includes(part, file.parent, (*self.chain, file.resolve()), self.spent)
            part.root = within.resolved(part.root)
        return part

    def _text(self, file: FilePath) -> bytes:
        try:
            self._refuse_endless(file)
            text = read_file(file, MAX_BYTES + 1)
        except FileNotFoundError as error:
            raise _NotIncludedError(f"there is no file {_name_of(file)}", _nearest(file)) from error
        except NotAFileError as error:
            raise _NotIncludedError(f"{_name_of(file)} is not a file", "name a YAML file") from error
        except (OSError, ValueError, RuntimeError) as error:  # also: no name of a file; a link to itself
            message = f"{_name_of(file)} cannot be read: {reason_of(error)}"
            raise _NotIncludedError(message, "name a YAML file") from error
        self.spent.size_bytes += len(text)
        if self.spent.size_bytes > MAX_BYTES:
            message = f"with {_name_of(file)}, more than {MAX_BYTES // 1024} KiB are included"
            raise _NotIncludedError(message, "this is not a scenario")
        return text

    def _refuse_endless(self, file: FilePath) -> None:
        self.spent.files += 1
        if file.resolve() in self.chain:
            raise _NotIncludedError(f"{_name_of(file)} includes itself", "remove one of the `include` on the way")
        if len(self.chain) >= MAX_IN_A_ROW:
            raise _NotIncludedError(f"more than {MAX_IN_A_ROW} files include one another", "write some of it out")
        if self.spent.files > MAX_FILES:
            raise _NotIncludedError(f"more than {MAX_FILES} files are included", "write some of it out")


def resolve_includes(document: Document, file: FilePath | None = None) -> None:
    """Replace every ``include`` of a document by what it stands for, or note in its mistakes why that cannot be.

    Paths are relative to the folder of the file, or to the current directory if the text stands in none.
    """
    if document.readable:
        folder, chain = (FilePath(), ()) if file is None else (file.parent, (file.resolve(),))
        document.root = _Includes(document, folder, chain).resolved(document.root)


def _lay(
    below: dict[str, Value],
    block: dict[str, Value],
    path: Path,
    places: dict[Path, Place],
    places_below: Mapping[Path, Place],
) -> None:
    """Give a block the keys that it lacks and one below it has, with the places of what stands under them."""
    for key, value in below.items():
        here, own = (*path, key), block.get(key)
        if key not in block:
            block[key] = value
            places.update((inner, places_below[inner]) for inner in _paths(value, here))
        elif isinstance(own, dict) and isinstance(value, dict) and not _differ_in_kind(own, value):
            _lay(value, own, here, places, places_below)


def _refuse_another_kind(part: Value, *others: Value) -> None:
    """Refuse a file of which nothing would remain."""
    for other in others:
        if isinstance(part, dict) and isinstance(other, dict) and _differ_in_kind(part, other):
            message = f"brings kind {shown(part['kind'])}, and kind {shown(other['kind'])} is chosen beside it"
            raise _NotIncludedError(message, "remove the one or the other")


def _differ_in_kind(one: dict[str, Value], other: dict[str, Value]) -> bool:
    return "kind" in one and "kind" in other and one["kind"] != other["kind"]


def _paths(value: Value, path: Path) -> Iterator[Path]:
    """Yield the path of a value and of all within it."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in inner:
        yield from _paths(each, (*path, step))


def _name_of(file: FilePath) -> str:
    """Return the name of a file for messages; the end of one without end."""
    name = legible(normpath(file), most=10**4)
    return f"`{name}`" if len(name) <= LONGEST_NAME else f"`...{name[-LONGEST_NAME:]}`"


def _nearest(file: FilePath) -> str:
    """Return the name in that folder that is meant, or else what paths are relative to."""
    names = [each.name for each in islice(file.parent.glob("*.yaml"), MAX_NAMES)]
    return meant(file.name, names) or "paths are relative to the folder of the file that names them"


def override(document: Document, text: str) -> None:
    """Change one value of a document as ``path=value`` says, or note in its mistakes why that cannot be.

    Blocks on the way that are not there are made; whether they may be there is checked later, with all else.
    """
    name, equals, written = text.partition("=")
    text = legible(text, most=200)
    path = tuple(key.strip() for key in name.split("."))
    if not equals or not all(path):
        remedy = "write it as `--set network.link.loss=20%`"
        document.mistakes.append(Mistake("", None, "is not of the form `path=value`", remedy, text))
        return
    if path[-1] == INCLUDE:
        whole = f"set all of it: --set '{dotted(path[:-1])}={{include: FILE}}'"
        remedy = whole if path[:-1] else "write it in the scenario"
        document.mistakes.append(Mistake(name, None, "cannot be set", remedy, text))
        return
    value = read_document(written).written_in(override=text)
    value.places.setdefault((), Place(override=text))  # of nothing at all
    resolve_includes(value)
    if not value.mistakes and document.readable:
        document.mistakes += _put(document, path, value, text)
    document.mistakes += value.standing_at(path).mistakes


def _put(document: Document, path: tuple[str, ...], value: Document, text: str) -> list[Mistake]:
    """Put ``value`` at ``path``, and return what stands in the way."""
    document.root = {} if document.root is None else document.root
    holder: Value = document.root
    here: Path = ()
    for key in path[:-1]:
        step = _step(holder, key)
        if step is None:
            return [_blocked(here, holder, key, text)]
        if isinstance(holder, dict) and holder.get(key) is None:
            holder[key] = {}
        holder, here = inner(holder, step), (*here, step)
        document.places.setdefault(here, Place(override=text))
    last = _step(holder, path[-1])
    if isinstance(holder, dict):
        holder[path[-1]] = value.root
    elif isinstance(holder, list) and isinstance(last, int):
        holder[last] = value.root
    else:
        return [_blocked(here, holder, path[-1], text)]
    here = (*here, path[-1] if last is None else last)
    for place in [place for place in document.places if place[: len(here)] == here]:
        del document.places[place]
    document.places |= value.standing_at(here).places
    return []


def _step(holder: Value, key: str) -> str | int | None:
    """Return a key as a step within a block, or an index as one within a list; None where it is neither."""
    if isinstance(holder, dict):
        return key
    counts = isinstance(holder, list) and key.isdecimal() and key.isascii() and int(key[:9]) < len(holder)
    return int(key) if counts else None


def _blocked(path: Path, holder: Value, key: str, text: str) -> Mistake:
    """Return the mistake of a path that leads through something that is no block."""
    message = f"is {shown(holder)}, which has no `{key}`"
    if isinstance(holder, list):
        return Mistake(dotted(path), None, f"is a list of {len(holder)}, which has no `{key}`", "count from 0", text)
    remedy = f"set all of it: --set '{dotted(path)}={{{key}: ...}}'"
    return Mistake(dotted(path), None, message, remedy, text)
