"""YAML as plain values with the place of each, and plain values as YAML.

Stricter than YAML: one document, no anchors, no aliases, no tags, no repeated keys, keys that are texts, and bounds on
size and depth. A scenario needs none of these, and each has hidden a mistake somewhere. Plain scalars are those of YAML
1.2's core schema, and ``150_000``: PyYAML follows YAML 1.1, in which ``3e-4`` is a text, ``off`` is false and ``1:30``
is ninety.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import yaml

from dvdn_sim.errors import Mistake
from netmodels.units import legible, shown

Scalar = str | int | float | bool | None
Value = Scalar | list["Value"] | dict[str, "Value"]
Path = tuple[str | int, ...]

INCLUDE = "include"
"""The key whose value names files; see `load`."""
MAX_BYTES = 640 * 1024
"""Enough for the longest recordings that a scenario may have, written out."""
MAX_VALUES = 30_000
MAX_DEPTH = 20
_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **{sign + word: float(sign + "inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
}
_DIGITS = r"[0-9]+(?:_[0-9]+)*"
_INT = re.compile(rf"[-+]?{_DIGITS}")
_HEX_OR_OCTAL = re.compile(r"0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(rf"[-+]?(?:\.{_DIGITS}|{_DIGITS}(?:\.(?:{_DIGITS})?)?)(?:[eE][-+]?[0-9]+)?")
_LONGEST = 60


def plain_scalar(text: str) -> Scalar:
    """Return the value that an unquoted ``text`` stands for.

    >>> [plain_scalar(text) for text in ("150_000", "1.5e5", "3e-4", "off", "true", "~", "5 ms")]
    [150000, 150000, 0.0003, 'off', True, None, '5 ms']
    """
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _LONGEST:
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _HEX_OR_OCTAL.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return _number(text)
    return text


def _number(text: str) -> int | float:
    """Return 1.5e5 as the whole number that it is; 5.0 stays a float."""
    number = float(text)
    exact = "e" in text.lower() and number.is_integer() and abs(number) < 2**53
    return int(number) if exact else number


def is_plain_text(text: str) -> bool:
    """Return whether ``text``, written without quotes, is read as this same text."""
    return plain_scalar(text) == text and isinstance(plain_scalar(text), str)


@dataclass(frozen=True)
class Place:
    """Where a value was written: a line of the scenario, a line of a file that it includes, or a ``--set``."""

    line: int | None = None
    override: str = ""
    file: str = ""


@dataclass
class Document:
    """Plain values with their places.

    Attributes:
        root: the values.
        places: where each was written.
        mistakes: those against YAML itself, of overrides, and of files to include.
        readable: whether ``root`` is what the text says, so that it makes sense to look for more mistakes in it.
        incomplete: blocks that lack what a file was to bring, so that nobody can say what is missing in them.
    """

    root: Value = None
    places: dict[Path, Place] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    readable: bool = False
    incomplete: list[Path] = field(default_factory=list)

    def place(self, path: Path) -> Place:
        """Return where ``path`` was written, or the nearest block around it that was."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Place())

    def blame(self, path: Path, message: str, remedy: str = "") -> Mistake:
        """Return a mistake at ``path``."""
        place = self.place(path)
        return Mistake(dotted(path), place.line, message, remedy, place.override, place.file)

    def written_in(self, *, file: str = "", override: str = "") -> "Document":
        """Return the same values, told as those of a file or of a ``--set``."""
        places = {path: Place(None if override else place.line, override, file) for path, place in self.places.items()}
        mistakes = [
            replace(wrong, line=None if override else wrong.line, override=override, file=file)
            for wrong in self.mistakes
        ]
        return replace(self, places=places, mistakes=mistakes)

    def standing_at(self, path: Path) -> "Document":
        """Return the same values, told as those of a block that stands at ``path``."""
        return replace(
            self,
            places={(*path, *inner): place for inner, place in self.places.items()},
            mistakes=[
                replace(wrong, path=".".join(filter(None, (dotted(path), wrong.path)))) for wrong in self.mistakes
            ],
            incomplete=[(*path, *inner) for inner in self.incomplete],
        )


def dotted(path: Path) -> str:
    """Return ``path`` as ``--set`` takes it, in one line.

    >>> dotted(("network", "link", "loss"))
    'network.link.loss'
    """
    return ".".join(legible(str(step)) for step in path)


def value_at(path: Path, root: Value) -> Value:
    """Return what stands at ``path``; None where there is nothing.

    >>> value_at(("network", "deadline"), {"network": {"deadline": "50 ms"}})
    '50 ms'
    """
    for step in path:
        root = inner(root, step)
    return root


def inner(value: Value, step: str | int) -> Value:
    """Return what stands one step within a value; None where there is nothing."""
    if isinstance(value, dict):
        return value.get(str(step))
    return value[step] if isinstance(value, list) and isinstance(step, int) and step < len(value) else None


def read_document(text: str | bytes) -> Document:
    """Return the values of a YAML text. Never raises: what is wrong is in ``mistakes``."""
    document = Document()
    if len(text) > MAX_BYTES:
        document.mistakes.append(Mistake("", None, f"longer than {MAX_BYTES // 1024} KiB", "this is not a scenario"))
        return document
    try:
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        message = f"not a text file: byte {error.start} is not UTF-8"
        document.mistakes.append(Mistake("", line, message, "save the file as UTF-8"))
        return document
    reader = _Reader(decoded, document)
    try:
        root = reader.read()
        document.readable = not reader.refused
        document.root = root if document.readable else None
    except _NoScenarioError:
        return document
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # the last two: escapes such as "\\UFFFFFFFF"
        document.mistakes.append(_syntax_mistake(error, decoded))
    return document


def _syntax_mistake(error: Exception, text: str) -> Mistake:
    """Return PyYAML's complaint as a mistake with a line and one sentence."""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        said = ", ".join(part for part in (error.context, error.problem) if part)
        line = None if mark is None else mark.line + 1
        return Mistake("", line, f"not YAML: {said}", "check indentation, brackets and colons here and above")
    if isinstance(error, yaml.reader.ReaderError):
        line = text[: error.position].count("\n") + 1
        return Mistake("", line, f"not YAML: the character U+{error.character:04X}", "remove that character")
    return Mistake("", None, f"not YAML: {' '.join(str(error).split())}", "remove that character")


class _NoScenarioError(Exception):
    """What follows need not be read; why is noted."""


class _Reader:
    """Plain values from PyYAML's events as they come: nothing is built of what a scenario may not have.

    Attributes:
        refused: whether there was something that is legal YAML and no scenario; noted in the document's mistakes.
    """

    def __init__(self, text: str, document: Document) -> None:
        self.refused = False
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.SafeLoader)
        self._document = document
        self._depth = self._values = 0

    def read(self) -> Value:
        """Return the value of the one document; None where there is none."""
        next(self._events)  # the stream
        if not isinstance(next(self._events), yaml.DocumentStartEvent):
            return None
        value = self._value(self._next(), ())
        next(self._events)  # the end of the document
        event = next(self._events)
        if isinstance(event, yaml.DocumentStartEvent):
            self._refuse(event, "a second document starts here", "keep one scenario per file")
        return value

    def _next(self) -> yaml.Event:
        event = next(self._events)
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if isinstance(event, yaml.AliasEvent):
            self._refuse(event, f"alias {shown(f'*{anchor}')}", "write the value out")
        elif anchor is not None:
            self._refuse(event, f"anchor {shown(f'&{anchor}')}", "remove it and write the value out where it is wanted")
        if tag is not None:
            self._refuse(event, f"tag {shown(tag)}", "remove it")
        self._depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        self._values += isinstance(event, yaml.NodeEvent)
        if self._depth > MAX_DEPTH:
            self._refuse(event, f"nested deeper than {MAX_DEPTH} levels", "this is not a scenario")
            raise _NoScenarioError
        if self._values > MAX_VALUES:
            self._refuse(event, f"more than {MAX_VALUES:_} keys and values", "this is not a scenario")
            raise _NoScenarioError
        return event

    def _refuse(self, event: yaml.Event, message: str, remedy: str) -> None:
        self.refused = True
        self._document.mistakes.append(Mistake("", _line(event), message, remedy))

    def _value(self, event: yaml.Event, path: Path) -> Value:
        """Return the value that begins with an event, noting the place of everything in it."""
        self._document.places.setdefault(path, Place(_line(event)))
        if isinstance(event, yaml.ScalarEvent):
            return plain_scalar(event.value) if event.style is None else str(event.value)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(path)
        return self._block(path) if isinstance(event, yaml.MappingStartEvent) else None

    def _list(self, path: Path) -> list[Value]:
        values: list[Value] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            values.append(self._value(event, (*path, len(values))))
        return values

    def _block(self, path: Path) -> dict[str, Value]:
        """Return a mapping, refusing repeated keys and keys that are not texts."""
        block: dict[str, Value] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            if isinstance(event, yaml.ScalarEvent) and event.value not in block:
                key = str(event.value)
                self._document.places[*path, key] = Place(_line(event))
                block[key] = self._value(self._next(), (*path, key))
            else:
                self._document.mistakes.append(self._wrong_with_key(event, path))
                self._pass_over(event)
                self._pass_over(self._next())
        return block

    def _wrong_with_key(self, event: yaml.Event, path: Path) -> Mistake:
        if not isinstance(event, yaml.ScalarEvent):
            return Mistake(dotted(path), _line(event), "a key must be a word", "check the brackets")
        here = (*path, str(event.value))
        message = f"{shown(event.value)} is given twice, first on line {self._document.places[here].line}"
        return Mistake(dotted(here), _line(event), message, "remove one of them")

    def _pass_over(self, event: yaml.Event) -> None:
        """Read to the end of what begins with an event."""
        outside = self._depth - isinstance(event, yaml.CollectionStartEvent)
        while self._depth > outside:
            self._next()


def _line(event: yaml.Event) -> int | None:
    return None if event.start_mark is None else event.start_mark.line + 1


class _Dumper(yaml.SafeDumper):
    """PyYAML's writer, with blocks indented, and quotes wherever a text would be read as something else."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002 (PyYAML's)
        """Indent lists within blocks too."""
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: object) -> bool:
        """Write every value out: readers refuse aliases."""
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if is_plain_text(text) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_block(dumper: yaml.SafeDumper, block: dict[str, Value]) -> yaml.MappingNode:
    nested = any(isinstance(value, dict) for value in block.values())
    return dumper.represent_mapping("tag:yaml.org,2002:map", block.items(), flow_style=not nested)


def _represent_list(dumper: yaml.SafeDumper, items: list[Value]) -> yaml.SequenceNode:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=True)


class _Flow(_Dumper):
    """The same, all in one line."""


def _represent_in_line(dumper: yaml.SafeDumper, block: dict[str, Value]) -> yaml.MappingNode:
    return dumper.represent_mapping("tag:yaml.org,2002:map", block.items(), flow_style=True)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(dict, _represent_block)
_Dumper.add_representer(list, _represent_list)
_Flow.add_representer(dict, _represent_in_line)


def block_text(value: Value) -> str:
    """Return ``value`` as lines, blocks without inner blocks on one.

    >>> print(block_text({"name": "null", "epsilon": {"start": 1.0, "steps": 10}, "seeds": [0, 1]}), end="")
    name: 'null'
    epsilon: {start: 1.0, steps: 10}
    seeds: [0, 1]
    """
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)


def flow_text(value: Value) -> str:
    """Return ``value`` in one line, as ``--set`` takes it.

    >>> flow_text({"kind": "vdn", "lr": 3e-4})
    '{kind: vdn, lr: 0.0003}'
    """
    text = yaml.dump(value, Dumper=_Flow, sort_keys=False, width=10**6, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")
