"""``include: FILE``: a block, or a part of one, may stand in a file of its own.

The keys of the file are laid under those beside ``include``: what stands beside wins, blocks within are laid under
blocks in the same way, and lists are taken whole. So is a block within whose ``kind`` is another than in the file, for
its keys belong to something else. Of several files a later one wins. Paths are relative to the folder of the file that
names them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from os.path import normpath
from pathlib import Path as FilePath

from dvdn_sim.scenario.document import MAX_BYTES, Document, Path, Place, Value, read_document
from dvdn_sim.scenario.files import NotAFileError, read_file, reason_of
from dvdn_sim.scenario.names import meant
from dvdn_sim.scenario.quantities import shown
from dvdn_sim.scenario.scalars import legible

INCLUDE = "include"
MOST_FILES = 100
MOST_IN_A_ROW = 5
"""How many files may include one another in a row, the scenario's own among them."""
MOST_NAMES = 1000
LONGEST_NAME = 200


class _NotIncludedError(Exception):
    """What stands in the way of a file: a message and a remedy."""


@dataclass
class _Spent:
    """What was read for one text: bounded, whatever includes what."""

    files: int = 0
    size_bytes: int = 0


@dataclass(frozen=True)
class _Reading:
    """The text that is being read.

    Attributes:
        folder: what paths in it are relative to.
        chain: its file and those that include it, outermost first.
        spent: what was read so far.
    """

    folder: FilePath
    chain: tuple[FilePath, ...] = ()
    spent: _Spent = field(default_factory=_Spent)

    def part(self, name: Value) -> Document:
        """Return what stands in a file, with nothing left to include; its root is a block unless it has mistakes.

        Raises:
            _NotIncludedError: It cannot be read, or holds no block.
        """
        if not isinstance(name, str):
            raise _NotIncludedError(f"must be a file or a list of files, not {shown(name)}", "name YAML files")
        file = self.folder / name
        part = read_document(self._text(file)).written_in(file=legible(normpath(file), most=LONGEST_NAME))
        if not part.readable:
            return part
        if not isinstance(part.root, dict):
            raise _NotIncludedError(
                f"{_told(file)} holds {shown(part.root)}, which is no block", "write `key: value` lines"
            )
        _resolve(part, _Reading(file.parent, (*self.chain, file.resolve()), self.spent))
        return part

    def _text(self, file: FilePath) -> bytes:
        try:
            self._refuse_endless(file)
            text = read_file(file, MAX_BYTES + 1)
        except FileNotFoundError as error:
            raise _NotIncludedError(f"there is no file {_told(file)}", _nearest(file)) from error
        except NotAFileError as error:
            raise _NotIncludedError(f"{_told(file)} is not a file", "name a YAML file") from error
        except (OSError, ValueError, RuntimeError) as error:  # also: no name of a file; a link to itself
            raise _NotIncludedError(f"{_told(file)} cannot be read: {reason_of(error)}", "name a YAML file") from error
        self.spent.size_bytes += len(text)
        if self.spent.size_bytes > MAX_BYTES:
            message = f"with {_told(file)}, more than {MAX_BYTES // 1024} KiB are included"
            raise _NotIncludedError(message, "this is not a scenario")
        return text

    def _refuse_endless(self, file: FilePath) -> None:
        self.spent.files += 1
        if file.resolve() in self.chain:
            raise _NotIncludedError(f"{_told(file)} includes itself", "remove one of the `include` on the way")
        if len(self.chain) >= MOST_IN_A_ROW:
            raise _NotIncludedError(f"more than {MOST_IN_A_ROW} files include one another", "write some of it out")
        if self.spent.files > MOST_FILES:
            raise _NotIncludedError(f"more than {MOST_FILES} files are included", "write some of it out")


def resolve_includes(document: Document, file: FilePath | None = None) -> None:
    """Replace every ``include`` of ``document`` by what it stands for, or note in its mistakes why that cannot be.

    Args:
        document: a text as it was read.
        file: where the text stands; paths in it are relative to the current directory if it stands nowhere.
    """
    if document.readable:
        _resolve(document, _Reading(FilePath()) if file is None else _Reading(file.parent, (file.resolve(),)))


def _resolve(document: Document, reading: _Reading) -> None:
    document.root = _without_includes(document.root, (), document, reading)


def _without_includes(value: Value, path: Path, document: Document, reading: _Reading) -> Value:
    """Return what stands at ``path``, with nothing left to include."""
    if isinstance(value, list):
        return [_without_includes(entry, (*path, index), document, reading) for index, entry in enumerate(value)]
    if not isinstance(value, dict):
        return value
    block = {
        key: _without_includes(inner, (*path, key), document, reading) for key, inner in value.items() if key != INCLUDE
    }
    if INCLUDE in value:
        _include(value[INCLUDE], block, path, document, reading)
    return block


def _include(named: Value, block: dict[str, Value], path: Path, document: Document, reading: _Reading) -> None:
    """Lay the files that are named under a block."""
    here: Path = (*path, INCLUDE)
    below = Document(root={})
    entries = [((*here, index), name) for index, name in enumerate(named)] if isinstance(named, list) else []
    for place, name in entries or [(here, named)]:
        try:
            part = reading.part(name).standing_at(path)
            _refuse_another_kind(part.root, block, below.root)
        except _NotIncludedError as error:
            document.mistakes.append(document.blame(place, *error.args))
            document.incomplete.append(path)
            continue
        document.mistakes += part.mistakes
        document.incomplete += part.incomplete if part.readable else [path]
        if isinstance(part.root, dict) and isinstance(below.root, dict):
            _lay(below.root, part.root, path, part.places, below.places)
            below = part
    if isinstance(below.root, dict):
        _lay(below.root, block, path, document.places, below.places)


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


def _told(file: FilePath) -> str:
    """Return the name of a file for messages; the end of one without end."""
    name = legible(normpath(file), most=10**4)
    return f"`{name}`" if len(name) <= LONGEST_NAME else f"`...{name[-LONGEST_NAME:]}`"


def _nearest(file: FilePath) -> str:
    """Return the name in that folder that is meant, or else what paths are relative to."""
    names = [each.name for each in islice(file.parent.glob("*.yaml"), MOST_NAMES)]
    return meant(file.name, names) or "paths are relative to the folder of the file that names them"
