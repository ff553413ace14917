"""YAML as plain values with the place of each, and plain values as YAML.

Stricter than YAML: one document, no anchors, no aliases, no tags, no repeated keys, keys that are texts, and bounds on
size and depth. A scenario needs none of these, and each has hidden a mistake somewhere. Plain scalars are those of YAML
1.2's core schema, and ``150_000``: PyYAML follows YAML 1.1, in which ``3e-4`` is a text, ``off`` is false and ``1:30``
is ninety.
"""

import re
from dataclasses import dataclass, field

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
_HALF_A_CHARACTER = re.compile("[\ud800-\udfff]")
"""What an escape of YAML can write, and no file in UTF-8 can hold."""


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
    if not _FLOAT.fullmatch(text):
        return text
    number = float(text)
    # 1.5e5 is the whole number that it is; 5.0 stays a float.
    return int(number) if "e" in text.lower() and number.is_integer() and abs(number) < 2**53 else number


@dataclass(frozen=True)
class Place:
    """Where a value was written: a line of the scenario, a line of a file that it includes, or a ``--set``."""

    line: int | None = None
    override: str = ""
    file: str = ""

    def at(self, line: int | None) -> "Place":
        """Return the place of a line of the same file, or of the same ``--set``."""
        return self if self.override else Place(line, file=self.file)

    def mistake(self, path: Path, message: str, remedy: str = "") -> Mistake:
        """Return a mistake in what was written here."""
        return Mistake(dotted(path), self.line, message, remedy, self.override, self.file)


@dataclass
class Node:
    """A value with its place: a scalar, a list of nodes or a block of nodes."""

    value: "Scalar | list[Node] | dict[str, Node]"
    place: Place

    @property
    def plain(self) -> Value:
        """The value without places."""
        if isinstance(self.value, dict):
            return {key: node.plain for key, node in self.value.items()}
        return [node.plain for node in self.value] if isinstance(self.value, list) else self.value


@dataclass
class Document:
    """What a text says.

    Attributes:
        path: of the block in whose place the text stands.
        source: the file or the ``--set`` that it is of, if it is not the scenario's own.
        node: its value; None where it cannot be read, so that it makes no sense to look for more mistakes in it.
        mistakes: those against YAML itself, of overrides, and of files to include.
        incomplete: blocks that lack what a file was to bring, so that nobody can say what is missing in them.
    """

    path: Path = ()
    source: Place = Place()
    node: Node | None = None
    mistakes: list[Mistake] = field(default_factory=list)
    incomplete: list[Path] = field(default_factory=list)

    @property
    def root(self) -> Value:
        """Its value without places."""
        return None if self.node is None else self.node.plain

    def refuse(self, line: int | None, message: str, remedy: str, path: Path = ()) -> None:
        """Note a mistake against YAML."""
        self.mistakes.append(self.source.at(line).mistake((*self.path, *path), message, remedy))

    def place(self, path: Path) -> Place:
        """Return where ``path`` was written, or the nearest block around it that was."""
        node = self.node or Node(None, Place())
        for step in path:
            if isinstance(node.value, dict) and step in node.value:
                node = node.value[str(step)]
            elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
        return node.place

    def blame(self, path: Path | str, message: str, remedy: str = "") -> Mistake:
        """Return a mistake at a path, which may be written with dots."""
        path = path_of(path) if isinstance(path, str) else path
        return self.place(path).mistake(path, message, remedy)


def dotted(path: Path) -> str:
    """Return ``path`` as ``--set`` takes it, in one line.

    >>> dotted(("network", "link", "loss"))
    'network.link.loss'
    """
    return ".".join(legible(str(step)) for step in path)


def path_of(text: str) -> Path:
    """Return the path that is written with dots; whole numbers count entries of a list.

    >>> path_of("network.faults.0.at")
    ('network', 'faults', 0, 'at')
    """
    return tuple(int(step) if step.isdecimal() else step for step in text.split(".") if step)


def value_at(path: Path, root: Value) -> Value:
    """Return what stands at ``path``; None where there is nothing.

    >>> value_at(("network", "deadline"), {"network": {"deadline": "50 ms"}})
    '50 ms'
    """
    for step in path:
        if isinstance(root, dict):
            root = root.get(str(step))
        else:
            root = root[step] if isinstance(root, list) and isinstance(step, int) and step < len(root) else None
    return root


def read_document(text: str | bytes, path: Path = (), source: Place = Place()) -> Document:
    """Return the values of a YAML text. Never raises: what is wrong is in ``mistakes``."""
    document = Document(path, source)
    if len(text) > MAX_BYTES:
        document.refuse(None, f"longer than {MAX_BYTES // 1024} KiB", "this is not a scenario")
        return document
    try:
        text = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        root = _Loader(text, document).get_single_node()
        if not document.mistakes:
            document.node = Node(None, source) if root is None else _node(document, root, source.at(_line(root)))
    except _TooMuchError:
        pass
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        document.refuse(line, f"not a text file: byte {error.start} is not UTF-8", "save the file as UTF-8")
    except yaml.reader.ReaderError as error:
        line = str(text)[: error.position].count("\n") + 1
        document.refuse(line, f"not YAML: the character U+{error.character:04X}", "remove that character")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = f"not YAML: {', '.join(part for part in (error.context, error.problem) if part)}"
        remedy = "check indentation, brackets and colons here and above"
        document.refuse(None if mark is None else mark.line + 1, said, remedy)
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # the last two: escapes such as "\\UFFFFFFFF"
        document.refuse(None, f"not YAML: {' '.join(str(error).split())}", "remove that character")
    return document


class _TooMuchError(Exception):
    """What follows need not be read; why is noted."""


class _Loader(yaml.BaseLoader):
    """PyYAML's loader, which notes what a scenario may not have before anything is built of it."""

    def __init__(self, text: str, document: Document) -> None:
        super().__init__(text)
        self._document = document
        self._depth = self._values = 0

    def get_event(self) -> yaml.Event:
        """Return the next event."""
        event: yaml.Event = super().get_event()  # type: ignore[no-untyped-call]
        line, refuse = _line(event), self._document.refuse
        if isinstance(event, yaml.NodeEvent):
            self._values += 1
            if event.anchor is not None:
                said = "alias `*{}`" if isinstance(event, yaml.AliasEvent) else "anchor `&{}`"
                refuse(line, said.format(legible(event.anchor)), "remove it and write the value out where it is wanted")
            if (tag := getattr(event, "tag", None)) is not None:
                refuse(line, f"tag {shown(tag)}", "remove it")
            if half := _HALF_A_CHARACTER.search(getattr(event, "value", "")):
                refuse(line, f"not YAML: the character U+{ord(half[0]):04X}", "remove that character")
        self._depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if self._depth > MAX_DEPTH or self._values > MAX_VALUES:
            deep = f"nested deeper than {MAX_DEPTH} levels" if self._depth > MAX_DEPTH else ""
            refuse(line, deep or f"more than {MAX_VALUES:_} keys and values", "this is not a scenario")
            raise _TooMuchError
        return event


def _node(document: Document, node: yaml.Node, place: Place, path: Path = ()) -> Node:
    """Return a node of PyYAML's as one with its place, refusing repeated keys and keys that are not texts."""
    if isinstance(node, yaml.ScalarNode):
        return Node(plain_scalar(node.value) if node.style is None else node.value, place)
    if isinstance(node, yaml.SequenceNode):
        entries = ((index, each, place.at(_line(each))) for index, each in enumerate(node.value))
        return Node([_node(document, each, where, (*path, index)) for index, each, where in entries], place)
    block: dict[str, Node] = {}
    for key, value in node.value:
        line, here = _line(key), (*path, key.value)
        if not isinstance(key, yaml.ScalarNode):
            document.refuse(line, "a key must be a word", "check the brackets", path)
        elif key.value in block:
            first = block[key.value].place.line
            message = f"{shown(key.value)} is given twice" + (f", first on line {first}" if first else "")
            document.refuse(line, message, "remove one of them", here)
        else:
            block[key.value] = _node(document, value, place.at(line), here)
    return Node(block, place)


def _line(part: yaml.Event | yaml.Node) -> int | None:
    return None if part.start_mark is None else part.start_mark.line + 1


class Lines(list[Value]):
    """A list that is written an entry after the other, each in lines of its own."""


class _Dumper(yaml.SafeDumper):
    """PyYAML's writer, with lists in line, and quotes wherever a text would be read as something else."""

    def ignore_aliases(self, data: object) -> bool:
        """Write every value out: readers refuse aliases."""
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = None if plain_scalar(text) == text else "'"
    style = plain if text.isprintable() else '"'  # which alone escapes, line breaks of any kind too
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_block(dumper: yaml.SafeDumper, block: dict[str, Value]) -> yaml.MappingNode:
    nested = any(isinstance(value, dict) for value in block.values())
    in_line = bool(dumper.default_flow_style) or not nested
    return dumper.represent_mapping("tag:yaml.org,2002:map", block.items(), flow_style=in_line)


def _represent_list(dumper: yaml.SafeDumper, items: list[Value]) -> yaml.SequenceNode:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=True)


def _represent_lines(dumper: yaml.SafeDumper, items: Lines) -> yaml.SequenceNode:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=False)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(dict, _represent_block)
_Dumper.add_representer(list, _represent_list)
_Dumper.add_representer(Lines, _represent_lines)


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
    text = yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=10**6, allow_unicode=True, default_flow_style=True)
    return text.removesuffix("\n").removesuffix("\n...")
