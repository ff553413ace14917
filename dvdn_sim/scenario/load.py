"""From a YAML file to a scenario, or to the list of all that is wrong with it.

A text becomes a scenario in this order: YAML as plain values (`document`), ``include``, ``--set``, types and ranges
(pydantic), and rules that join several values (`rules`).

``include: FILE``: a block, or a part of one, may stand in a file of its own. The keys of the file are laid under those
beside ``include``: what stands beside wins, blocks within are laid under blocks in the same way, and lists are taken
whole. So is a block within whose ``kind`` is another than in the file, for its keys belong to something else. Of
several files a later one wins.

Paths, of included files, recordings and policies alike, are relative to the folder of the file that says them; those of
``--set`` to the current directory.
"""

import re
import stat
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import MISSING, dataclass, fields, replace
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from os.path import normpath
from pathlib import Path as FilePath
from typing import Any, TextIO, TypeVar, cast, get_args, get_type_hints

from pydantic import ValidationError

from dvdn_sim.errors import Mistake, ScenarioError
from dvdn_sim.scenario.document import (
    INCLUDE,
    MAX_BYTES,
    Document,
    Node,
    Path,
    Place,
    Value,
    block_text,
    dotted,
    flow_text,
    path_of,
    read_document,
    value_at,
)  # fmt: skip
from dvdn_sim.scenario.mistakes import explain, meant
from dvdn_sim.scenario.rules import ValidBlocks, broken_rules
from dvdn_sim.scenario.scenario import Network, Scenario, Training
from dvdn_sim.scenario.shape import reader
from dvdn_sim.wording import listed
from netmodels.units import UNITS_REQUIRED, legible, shown

Spec = TypeVar("Spec")

FILES = "files"
"""Folder beside a run's or a sweep's YAML that has the files which it needs, named by what they hold."""
_KEPT = re.compile(rf"{FILES}/[0-9a-f]{{16}}(\.\w+)?")
MAX_KEPT_BYTES = 2**30
PATHS = ("file", "opponent_policy")
"""Keys whose values are paths of files; relative ones are relative to the folder of the file that says them."""
MAX_TOLD = 100
"""Mistakes of a text; who makes more will mend some and look again."""
MAX_EXPLAINED = 2000
"""Of which those are chosen."""
MAX_FILES = 100
MAX_IN_A_ROW = 5
"""How many files may include one another in a row, the scenario's own among them."""
MAX_NAMES = 1000
MAX_NAME = 200
_SCENARIO = reader(Scenario)


def load_scenario(path: str | FilePath, overrides: Sequence[str] = (), *, any_agents: bool = False) -> Scenario:
    """Read a scenario from a YAML file; what the file leaves out has its default.

    Args:
        path: the file, or `-` for standard input; what it includes is relative to its folder.
        overrides: changes in the form of ``--set``: ``network.link.loss=20%``, applied in order.
        any_agents: whether its network is for other agents than its environment's, whatever their number.

    Raises:
        ScenarioError: with every mistake there is, each with its place and a remedy; of very many, the first.
    """
    source = legible(str(path), most=1000)
    return _scenario(read_yaml(FilePath(path)), overrides, source, any_agents=any_agents)


def parse_scenario(
    text: str | bytes, overrides: Sequence[str] = (), source: str = "scenario", folder: FilePath = FilePath()
) -> Scenario:
    """Read a scenario from its text, as `load_scenario` does; paths in it are relative to the folder.

    `source` is what to call the text in errors.

    >>> parse_scenario("5 ms")
    Traceback (most recent call last):
    dvdn_sim.errors.ScenarioError: scenario: 1 mistake
      line 1: is not a scenario; write `key: value` lines; scenarios/lossy_lbf.yaml is an example
    """
    document = read_document(text)
    find_files(document, document.node, folder)
    resolve_includes(document)
    return _scenario(document, overrides, source)


def _scenario(document: Document, overrides: Sequence[str], source: str, *, any_agents: bool = False) -> Scenario:
    for change in overrides:
        override(document, change)
    scenario, mistakes = (None, []) if document.node is None else _checked_with_rules(document, any_agents=any_agents)
    mistakes += document.mistakes
    if scenario is None or mistakes:
        raise ScenarioError.from_mistakes(source, first_mistakes(mistakes))
    return scenario


def first_mistakes(mistakes: Sequence[Mistake]) -> tuple[Mistake, ...]:
    """Return what of the mistakes anybody will read, as the file goes, then those of included files, then overrides."""
    ordered = sorted(mistakes, key=lambda wrong: (wrong.override != "", wrong.file, wrong.line or 0, wrong.path))
    if len(ordered) <= MAX_TOLD:
        return tuple(ordered)
    message = f"there are {len(ordered) - MAX_TOLD:_} more mistakes from here on"
    rest = replace(ordered[MAX_TOLD], path="", message=message, remedy="mend those first")
    return (*ordered[:MAX_TOLD], rest)


def _checked_with_rules(document: Document, *, any_agents: bool = False) -> tuple[Scenario | None, list[Mistake]]:
    """Return the scenario, if every block of it is well formed, and all that is wrong with it."""
    root = document.root
    if not isinstance(root, dict):
        remedy = "write `key: value` lines; scenarios/lossy_lbf.yaml is an example"
        return None, [document.blame((), "is not a scenario", remedy)]
    if "base" in root and "env" not in root:
        return None, [document.blame((), "is a sweep, not a scenario", "`dvdn-sim sweep` runs it")]
    scenario, mistakes = checked(document, Scenario)
    known = _valid_blocks(root) if scenario is None else scenario
    if not document.incomplete:  # what files that were not read say may be what rules ask for
        mistakes += [document.blame(*wrong) for wrong in broken_rules(known, any_agents=any_agents)]
    return scenario, mistakes


def checked(document: Document, spec: type[Spec]) -> tuple[Spec | None, list[Mistake]]:
    """Return the values of a document as a closed pydantic spec, None if they are none; and all mistakes in them."""
    try:
        return reader(cast("object", spec)).validate_python(document.root, context=UNITS_REQUIRED), []
    except ValidationError as error:
        return None, explain(error.errors(include_url=False)[:MAX_EXPLAINED], document, spec)


_KNOWN_IN_PARTS: Mapping[str, type] = {"network": Network, "training": Training}
"""Blocks of which rules may ask for a key though another one has a mistake."""


def _valid_blocks(root: dict[str, Value], spec: type = Scenario) -> dict[str, object]:
    """Return the keys of a spec that have no mistakes, for rules that ask for no others."""
    known: dict[str, object] = {}
    defaults = {key.name: key.default for key in fields(spec) if key.default is not MISSING}
    for name, annotation in get_type_hints(spec, include_extras=True).items():
        value = root.get(name)
        if name in root or name not in defaults:
            with suppress(ValidationError):
                known[name] = reader(annotation).validate_python(value, context=UNITS_REQUIRED)
        else:
            known[name] = defaults[name]
        if name not in known and isinstance(value, dict) and name in _KNOWN_IN_PARTS:
            known[name] = ValidBlocks(**_valid_blocks(value, _KNOWN_IN_PARTS[name]))
        elif name not in known and isinstance(value, list) and spec is Network:
            known[name] = tuple(_valid_entries(value, annotation))
    return known


def _valid_entries(values: list[Value], annotation: object) -> Iterator[object]:
    """Yield the entries of a list, `ValidBlocks` without any in place of those with mistakes."""
    entry, *_ = get_args(get_args(annotation)[0])
    for value in values:
        try:
            yield reader(entry).validate_python(value, context=UNITS_REQUIRED)
        except ValidationError:
            yield ValidBlocks()


def resolved_yaml(scenario: Scenario, files: dict[str, bytes] | None = None) -> str:
    """Return a scenario as YAML: complete, with units, and read back as an equal scenario.

    Files that it needs are named by what they hold, and are added to `files`, to be kept beside it under these names.
    """
    return block_text(_kind_first(kept(_SCENARIO.dump_python(scenario, mode="json", by_alias=True), files)))


def kept(value: Value, files: dict[str, bytes] | None = None) -> Value:
    """Return values with all files named as they are kept beside them; add these to `files`."""
    copied = deepcopy(value)
    _keep_files(copied, {} if files is None else files)
    return copied


def _kind_first(value: Value) -> Value:
    if isinstance(value, dict):
        kind = {"kind": value["kind"]} if "kind" in value else {}
        return {**kind, **{key: _kind_first(inner) for key, inner in value.items() if key != "kind"}}
    return [_kind_first(entry) for entry in value] if isinstance(value, list) else value


def read_yaml(file: FilePath) -> Document:
    """Return what a YAML file says, and what it includes; what is wrong with it is in the document's mistakes."""
    try:
        said = _standard_input(sys.stdin) if str(file) == "-" else read_file(file, MAX_BYTES + 1)
        document = read_document(said)
    except (OSError, ValueError) as error:
        return Document(mistakes=[Mistake("", None, f"cannot be read: {_reason_of(error)}", "name a YAML file")])
    find_files(document, document.node, file.parent)
    resolve_includes(document, file)
    return document


@lru_cache(maxsize=1)
def _standard_input(stream: TextIO) -> bytes:
    """Return what comes in, once: it can't be read again."""
    return stream.buffer.read(MAX_BYTES + 1)


def read_file(path: FilePath, most_bytes: int) -> bytes:
    """Return what a file holds, or the beginning of it.

    Raises:
        OSError: it cannot be read, or is a folder, or a device or a pipe, which may have no end or never begin.
        ValueError: no file can have that name.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("it is not a file")
    with path.open("rb") as opened:
        return opened.read(most_bytes)


def _reason_of(error: Exception) -> str:
    """Return why a file could not be read, in a few words."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


class _NotIncludedError(Exception):
    """What stands in the way of a file: a message and a remedy."""


@dataclass
class _Includes:
    """Reads what a document includes, within bounds, whatever includes what.

    A chain is a file and those that include it, outermost first; paths are relative to the last one's folder.
    """

    document: Document
    files: int = 0
    size_bytes: int = 0

    def resolve(self, node: Node, path: Path, chain: tuple[FilePath, ...]) -> None:
        """Leave nothing to include in a node that stands at `path`."""
        if isinstance(node.value, list):
            for index, entry in enumerate(node.value):
                self.resolve(entry, (*path, index), chain)
        elif isinstance(node.value, dict):
            named = node.value.pop(INCLUDE, None)
            for key, inner in node.value.items():
                self.resolve(inner, (*path, key), chain)
            if named is not None:
                self._lay_files_under(node.value, named, path, chain)

    def _lay_files_under(self, block: dict[str, Node], named: Node, path: Path, chain: tuple[FilePath, ...]) -> None:
        names: list[tuple[Path, Node]] = [((*path, INCLUDE), named)]
        if isinstance(named.value, list) and named.value:
            names = [((*path, INCLUDE, index), name) for index, name in enumerate(named.value)]
        below: dict[str, Node] = {}
        for where, name in names:
            try:
                part = self._part(name.plain, path, chain)
                _refuse_another_kind(part, block)
                _refuse_another_kind(part, below)
            except _NotIncludedError as error:
                self.document.mistakes.append(name.place.mistake(where, *error.args))
                self.document.incomplete.append(path)
            else:
                _lay(below, part)
                below = part
        _lay(below, block)

    def _part(self, name: Value, path: Path, chain: tuple[FilePath, ...]) -> dict[str, Node]:
        """Return the block that a file holds, with nothing left to include; none of it if it is no YAML."""
        if not isinstance(name, str):
            raise _NotIncludedError(f"must be a file or a list of files, not {shown(name)}", "name YAML files")
        file = (chain[-1].parent if chain else FilePath()) / name
        part = read_document(self._text(file, chain), path, Place(file=_name_of(file)))
        self.document.mistakes += part.mistakes
        if part.node is None:
            self.document.incomplete.append(path)
            return {}
        if not isinstance(part.node.value, dict):
            message = f"`{_name_of(file)}` holds {shown(part.root)}, which is no block"
            raise _NotIncludedError(message, "write `key: value` lines")
        find_files(self.document, part.node, file.parent)
        self.resolve(part.node, path, (*chain, file))
        return part.node.value

    def _text(self, file: FilePath, chain: tuple[FilePath, ...]) -> bytes:
        self.files += 1
        if len(chain) >= MAX_IN_A_ROW:
            raise _NotIncludedError(f"more than {MAX_IN_A_ROW} files include one another", "write some of it out")
        if self.files > MAX_FILES:
            raise _NotIncludedError(f"more than {MAX_FILES} files are included", "write some of it out")
        try:
            if file.resolve() in [each.resolve() for each in chain]:
                raise _NotIncludedError(f"`{_name_of(file)}` includes itself", "remove one of the `include` on the way")
            text = read_file(file, MAX_BYTES + 1)
        except FileNotFoundError as error:
            raise _NotIncludedError(f"there is no file `{_name_of(file)}`", _nearest(file)) from error
        except (OSError, ValueError, RuntimeError) as error:  # also: no name of a file; a link to itself
            message = f"`{_name_of(file)}` cannot be read: {_reason_of(error)}"
            raise _NotIncludedError(message, "name a YAML file") from error
        self.size_bytes += len(text)
        if self.size_bytes > MAX_BYTES:
            message = f"with `{_name_of(file)}`, more than {MAX_BYTES // 1024} KiB are included"
            raise _NotIncludedError(message, "this is not a scenario")
        return text


def resolve_includes(document: Document, file: FilePath | None = None) -> None:
    """Replace every ``include`` of a document by what it stands for, or note in its mistakes why that cannot be.

    Paths are relative to the folder of the file, or to the current directory if the text stands in none.
    """
    if document.node is not None:
        _Includes(document).resolve(document.node, document.path, () if file is None else (file,))


def find_files(document: Document, value: Any, folder: FilePath, path: Path = ()) -> None:
    """Make paths in a document, or in plain values of it, relative to the current directory; check those of kept files.

    A file in that folder says them. Values of a sweep's axes are left alone: they have labels.
    """

    def find(path: Path, at: Any, said: str) -> str:
        file = folder / said
        if (named := _KEPT.fullmatch(said)) and _kept_name(file)[1] != named[0]:
            wrong = f"`{_name_of(file)}` is not the file that was kept there: it is missing, or was changed"
            place = at.place if isinstance(at, Node) else document.place(path)
            document.mistakes.append(place.mistake(path, wrong, "take it from a copy of the folder"))
        return str(file)

    _move_files(value, find, path)


def _keep_files(value: Value, files: dict[str, bytes]) -> None:
    """Name files in values by what they hold, where a run or a sweep keeps them, and add what they hold by that."""

    def keep(_: Path, __: Value, said: str) -> str:
        content, name = _kept_name(FilePath(said))
        if name:
            files[name] = content
        return name or said

    _move_files(value, keep)


def _kept_name(file: FilePath) -> tuple[bytes, str]:
    """Return what a file holds, and its name where it is kept; no name if it cannot be read."""
    try:
        content = read_file(file, MAX_KEPT_BYTES)
    except (OSError, ValueError):
        return b"", ""
    return content, f"{FILES}/{sha256(content).hexdigest()[:16]}{file.suffix}"


def _move_files(value: Any, move: Callable[[Path, Any, str], str], path: Path = ()) -> None:
    """Change every path of a file in a tree, of nodes or of plain values, that stands at `path`."""
    if path in (("compare",), ("quick", "axes")) or (path[:1], path[2:]) == (("axes",), ("values",)):
        return
    inner: Any = value.value if isinstance(value, Node) else value
    items = inner.items() if isinstance(inner, dict) else enumerate(inner) if isinstance(inner, list) else ()
    for key, each in items:
        step, said = (*path, key), each.value if isinstance(each, Node) else each
        if not isinstance(said, str):
            _move_files(each, move, step)
        elif said and str(key).rpartition(".")[2] in PATHS:
            moved = move(step, each, said)
            if isinstance(each, Node):
                each.value = moved
            else:
                inner[key] = moved


def _lay(below: dict[str, Node], block: dict[str, Node]) -> None:
    """Give a block the keys that it lacks and one below it has."""
    for key, node in below.items():
        own, value = block.setdefault(key, node).value, node.value
        if isinstance(own, dict) and isinstance(value, dict) and own is not value and not _differ_in_kind(own, value):
            _lay(value, own)


def _refuse_another_kind(part: dict[str, Node], other: dict[str, Node]) -> None:
    """Refuse a file of which nothing would remain."""
    if _differ_in_kind(part, other):
        kinds = f"brings kind {shown(part['kind'].plain)}, and kind {shown(other['kind'].plain)}"
        raise _NotIncludedError(f"{kinds} is chosen beside it", "remove the one or the other")


def _differ_in_kind(one: dict[str, Node], other: dict[str, Node]) -> bool:
    return "kind" in one and "kind" in other and one["kind"].plain != other["kind"].plain


def _name_of(file: FilePath) -> str:
    """Return the name of a file for messages; the end of one without end."""
    name = legible(normpath(file), most=10**4)
    return name if len(name) <= MAX_NAME else f"...{name[-MAX_NAME:]}"


def _nearest(file: FilePath) -> str:
    """Return the name in that folder that is meant, or else what paths are relative to."""
    names = [each.name for each in islice(file.parent.glob("*.yaml"), MAX_NAMES)]
    return meant(file.name, names) or "paths are relative to the folder of the file that names them"


def override(document: Document, text: str) -> None:
    """Change one value of a document as ``path=value`` says, or note in its mistakes why that cannot be.

    The value is YAML, and may include files; so may a block that is set.
    """
    name, equals, written = text.partition("=")
    place, path = Place(override=legible(text, most=200)), tuple(key.strip() for key in name.split("."))
    if not equals or not all(path):
        wrong = place.mistake((), "is not of the form `path=value`", "write it as `--set network.link.loss=20%`")
        document.mistakes.append(wrong)
    elif path[-1] == INCLUDE:
        whole = f"set all of it: --set '{dotted(path[:-1])}={{include: FILE}}'"
        remedy = whole if path[:-1] else "write it in the scenario"
        document.mistakes.append(place.mistake(path, "cannot be set", remedy))
    elif shadowing := _shadowing(document, path):
        message = f"is hardly of any effect: {listed(shadowing)}, which are set beside it, win over a preset"
        whole = f"replace the whole block: --set '{dotted(path[:-1])}={{preset: {legible(written.strip())}}}'"
        document.mistakes.append(place.mistake(path, message, whole))
    else:
        value = read_document(written, path, place)
        resolve_includes(value)
        document.mistakes += value.mistakes
        if document.node is not None and value.node is not None and not value.mistakes:
            document.mistakes += _put(document.node, path, value.node)


def forgotten(file: str | FilePath, overrides: Sequence[str], scenario: Scenario) -> list[str]:
    """Return what a file says of blocks that were replaced as a whole, and what holds instead, as warnings.

    Args:
        file: that of the scenario.
        overrides: as for `load_scenario`.
        scenario: what came of them.
    """
    document, root = read_yaml(FilePath(file)), _SCENARIO.dump_python(scenario, mode="json", by_alias=True)
    for change in overrides:
        path = path_of(change.partition("=")[0])
        before = value_at(path, document.root)
        override(document, change)
        now, after = value_at(path, root), value_at(path, document.root)
        if isinstance(before, dict) and isinstance(after, dict) and isinstance(now, dict):
            lost = [key for key in before if key not in after and not _agrees(before[key], now.get(key, before[key]))]
            told = [f"`{legible(flow_text({key: before[key]})[1:-1])}` is `{flow_text(now[key])}`" for key in lost]
            if told:
                return [f"`{dotted(path)}` is replaced as a whole, and what it had been given is lost: {listed(told)}"]
    return []


def _agrees(before: Value, now: Value) -> bool:
    """Return whether all that a file says of a value holds."""
    if isinstance(before, dict) and isinstance(now, dict):
        return all(_agrees(value, now.get(key)) for key, value in before.items())
    return before == now


def _shadowing(document: Document, path: Path) -> list[str]:
    """Return what of a link that is complete without a preset would hide one that a change gives it."""
    link = value_at(path[:-1], document.root)
    if path[-1] != "preset" or not isinstance(link, dict) or "preset" in link or not {"rate", "delay"} <= link.keys():
        return []
    return [f"`{key}`" for key in link]


def _put(node: Node, keys: Path, value: Node, path: Path = ()) -> list[Mistake]:
    """Put a value where keys lead from a node that stands at `path`, and return what stands in the way."""
    key, *rest = map(str, keys)
    if node.value is None:
        node.value = {}
    if isinstance(node.value, dict):
        node.value[key] = inner = node.value.get(key, Node(None, value.place)) if rest else value
        return _put(inner, tuple(rest), value, (*path, key)) if rest else []
    if not isinstance(node.value, list):
        remedy = f"set all of it: --set '{dotted(path)}={{{key}: ...}}'"
        return [value.place.mistake(path, f"is {shown(node.plain)}, which has no `{key}`", remedy)]
    if not (key.isdecimal() and key.isascii() and int(key[:9]) < len(node.value)):
        return [value.place.mistake(path, f"is a list of {len(node.value)}, which has no `{key}`", "count from 0")]
    if rest:
        return _put(node.value[int(key)], tuple(rest), value, (*path, int(key)))
    node.value[int(key)] = value
    return []
