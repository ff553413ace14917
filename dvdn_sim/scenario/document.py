"""A YAML text as plain values, and where each of them stands.

Stricter than YAML: one document, no anchors, no aliases, no tags, no repeated keys, keys that are texts, and bounds on
size and depth. A scenario needs none of these, and each has hidden a mistake somewhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import yaml

from dvdn_sim.errors import Mistake
from dvdn_sim.scenario.scalars import Scalar, plain_scalar

Value = Scalar | list["Value"] | dict[str, "Value"]
Path = tuple[str | int, ...]

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20


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
    """Return ``path`` as ``--set`` takes it.

    >>> dotted(("network", "link", "loss"))
    'network.link.loss'
    """
    return ".".join(map(str, path))


def value_at(path: Path, root: Value) -> Value:
    """Return what stands at ``path``; None where there is nothing.

    >>> value_at(("network", "deadline"), {"network": {"deadline": "50 ms"}})
    '50 ms'
    """
    for step in path:
        if isinstance(root, dict):
            root = root.get(str(step))
        elif isinstance(root, list) and isinstance(step, int) and step < len(root):
            root = root[step]
        else:
            return None
    return root


def read_document(text: str | bytes) -> Document:
    """Return the values of a YAML text. Never raises: what is wrong is in ``mistakes``."""
    document = Document()
    if len(text) > MAX_BYTES:
        document.mistakes.append(Mistake("", None, f"longer than {MAX_BYTES // 1024} KiB", "this is not a scenario"))
        return document
    try:
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        _refuse_what_scenarios_do_not_need(decoded, document)
        if not document.mistakes:
            node = yaml.compose(decoded, Loader=yaml.SafeLoader)
            document.root = None if node is None else _value(node, (), document)
            document.readable = True
    except UnicodeDecodeError as error:
        remedy = "save the file as UTF-8"
        document.mistakes.append(Mistake("", None, f"not a text file: byte {error.start} is not UTF-8", remedy))
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # the last two: escapes such as "\\UFFFFFFFF"
        document.mistakes.append(_syntax_mistake(error))
    return document


def _syntax_mistake(error: Exception) -> Mistake:
    """Return PyYAML's complaint as a mistake with a line and one sentence."""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        said = ", ".join(part for part in (error.context, error.problem) if part)
        line = None if mark is None else mark.line + 1
        return Mistake("", line, f"not YAML: {said}", "check indentation, brackets and colons here and above")
    return Mistake("", None, f"not YAML: {' '.join(str(error).split())}", "remove that character")


def _refuse_what_scenarios_do_not_need(text: str, document: Document) -> None:
    """Note what is legal YAML and no scenario, from the event stream: nothing has been built yet."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        for message, remedy in _refusals(event, depth, documents):
            line = None if event.start_mark is None else event.start_mark.line + 1
            document.mistakes.append(Mistake("", line, message, remedy))
        if depth > MAX_DEPTH or documents > 1:
            return


def _refusals(event: yaml.Event, depth: int, documents: int) -> Iterator[tuple[str, str]]:
    """Yield (message, remedy) for each thing about one event that a scenario may not have."""
    anchor = getattr(event, "anchor", None)
    tag = getattr(event, "tag", None)
    if isinstance(event, yaml.AliasEvent):
        yield f"alias `*{anchor}`", "write the value out"
    elif anchor is not None:
        yield f"anchor `&{anchor}`", "remove it and write the value out where it is wanted"
    if tag is not None:
        yield f"tag `{tag}`", "remove it"
    if depth > MAX_DEPTH:
        yield f"nested deeper than {MAX_DEPTH} levels", "this is not a scenario"
    if documents > 1:
        yield "a second document starts here", "keep one scenario per file"


def _value(node: yaml.Node, path: Path, document: Document) -> Value:
    """Return ``node`` as plain values, noting the place of everything in it."""
    document.places.setdefault(path, Place(node.start_mark.line + 1))
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, document)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, index), document) for index, item in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode) and node.style is None:
        return plain_scalar(node.value)
    return str(node.value)


def _mapping(node: yaml.MappingNode, path: Path, document: Document) -> Value:
    """Return a mapping node as a dict, refusing repeated keys and keys that are not texts."""
    result: dict[str, Value] = {}
    for key_node, value_node in node.value:
        place = Place(key_node.start_mark.line + 1)
        if not isinstance(key_node, yaml.ScalarNode):
            document.mistakes.append(Mistake(dotted(path), place.line, "a key must be a word", "check the brackets"))
            continue
        key = key_node.value
        here = (*path, key)
        if key in result:
            first = document.places[here].line
            message = f"`{key}` is given twice, first on line {first}"
            document.mistakes.append(Mistake(dotted(here), place.line, message, "remove one of them"))
            continue
        document.places[here] = place
        result[key] = _value(value_node, here, document)
    return result
