"""What pydantic found wrong, as mistakes: each with its place in the YAML, in plain words, with a remedy."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from pydantic_core import ErrorDetails

from dvdn_sim.errors import Mistake
from dvdn_sim.scenario.document import Document, Path, Place, Value, dotted, flow_text, inner, value_at
from dvdn_sim.scenario.shape import Shape, shape_of
from netmodels.units import shown

Words = tuple[str, str]
"""What is wrong, and what to write instead; the second may be empty."""
_MISSING = ("missing", "union_tag_not_found")
_UNKNOWN_KEY = ("unexpected_keyword_argument", "extra_forbidden")


def explain(errors: Iterable[ErrorDetails], document: Document, spec: type) -> list[Mistake]:
    """Return one mistake per error; keys that a ``--set`` of their kind left behind are told together.

    What is missing where a file to include was not read is not told: it may stand there.
    """
    shape = shape_of(spec)
    mistakes: list[Mistake] = []
    unknown: list[Path] = []
    for error in errors:
        path, place = _place(error["loc"], document.root, shape)
        if error["type"] in _MISSING and any(path[: len(block)] == block for block in document.incomplete):
            continue
        if error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]:
            continue  # its entries are wrong, and told
        if error["type"] in _UNKNOWN_KEY:
            unknown.append(path)
            continue
        finding = Finding(path, place, error["input"], error.get("ctx", {}), error["msg"], document.root)
        key, message, remedy = _explained(error["type"], finding)
        mistakes.append(document.blame((*path, key) if key else path, message, remedy))
    together = _leftovers(unknown, document)
    alone = [path for path in unknown if path[:-1] not in together]
    words = ((path, _unknown_key(path, document.root, shape)) for path in alone)
    return [*mistakes, *together.values(), *(document.blame(path, *said) for path, said in words)]


def _place(location: tuple[int | str, ...], root: Value, shape: Shape) -> tuple[Path, Shape | None]:
    """Return pydantic's location as a path of the YAML, and what may stand there.

    The path is without kinds, and no deeper than what was written.
    """
    path: Path = ()
    here: Shape | None = shape
    for step in location:
        if here is not None and step in here.kinds:
            here = here.kinds[str(step)]
            continue
        if not isinstance(root, dict) and not (isinstance(root, list) and isinstance(step, int) and step < len(root)):
            break
        if step == "[key]":  # pydantic's word for: not the value is wrong, but its key
            break
        here = None if here is None else here.step(step, root)
        root, path = inner(root, step), (*path, step)
    return path, here


@dataclass(frozen=True)
class Finding:
    """One error of pydantic's, put back in its place in the YAML.

    Attributes:
        path: the value at fault.
        shape: what may stand there; None where nobody knows.
        given: that value.
        context: pydantic's details, such as the bound that was crossed.
        said: pydantic's own words.
        root: the whole scenario.
    """

    path: Path
    shape: Shape | None
    given: object
    context: Mapping[str, object]
    said: str
    root: Value

    @property
    def kinds(self) -> list[str]:
        """The kinds of the block that may stand here."""
        return [] if self.shape is None else list(self.shape.kinds)


Explained = tuple[str, str, str]
"""The key within the value at fault that is to blame, if it is not all of it; and the words."""


def _explained(error_type: str, finding: Finding) -> Explained:
    if error_type in _WORDS:
        return _WORDS[error_type](finding)
    if error_type not in _PLAIN:
        return "", f"{shown(finding.given)} is not valid: {finding.said}", ""
    lengths = {"least": finding.context.get("min_length"), "most": finding.context.get("max_length")}
    counted = {name: _entries(count) for name, count in lengths.items() if isinstance(count, int)}
    message, _, remedy = _PLAIN[error_type].partition("; ")
    return "", message.format(given=shown(finding.given), **finding.context, **counted), remedy


def _refused(finding: Finding) -> Explained:
    """Explain what a spec refuses itself, which may begin with the key: ``delay.jitter: expected ...``."""
    said = finding.said.removeprefix("Value error, ")
    name, colon, rest = said.partition(": ")
    if not colon or not name.replace(".", "").isidentifier():
        return "", said, ""
    return name.rpartition(".")[2] if isinstance(value_at(finding.path, finding.root), dict) else "", rest, ""


def _missing(finding: Finding) -> Explained:
    written, shape = value_at(finding.path, finding.root), finding.shape
    if isinstance(written, list):  # one of its entries
        return "", f"must have more than {_entries(len(written))}", ""
    if finding.kinds:
        return "", "is missing", f"write `{finding.path[-1]}: {{kind: ...}}`; {choose(finding.kinds)}"
    block = None if shape is None else shape.block()
    if block is not None:
        return "", "is missing", f"it has the keys {', '.join(block.keys)}"
    for each in () if shape is None else shape.alternatives():
        if "examples" in each.node:
            return "", "is missing", f"write it as {' or '.join(f'`{text}`' for text in each.node['examples'])}"
    meaning = "" if shape is None else str(shape.node.get("description", "")).rstrip(".")
    return "", "is missing", f"it has no default: {meaning}" if meaning else "it has no default"


def _kind_missing(finding: Finding) -> Explained:
    return "kind", "is missing", f"write `kind: ...`; {choose(finding.kinds)}"


def _kind_unknown(finding: Finding) -> Explained:
    given = finding.given.get("kind") if isinstance(finding.given, dict) else None
    return "kind", *no_such(_family(finding.path), given, finding.kinds)


def _family(path: Path) -> str:
    """Return what is chosen at a path: ``env``, and a ``fault`` of ``faults``."""
    names = [step for step in path if isinstance(step, str)]
    return names[-1].removesuffix("s") if isinstance(path[-1], int) else names[-1]


def _no_block(finding: Finding) -> Explained:
    kinds, given = finding.kinds, finding.given
    if not kinds:
        block = None if finding.shape is None else finding.shape.block()
        keys = "" if block is None else f" with the keys {', '.join(block.keys)}"
        return "", f"must be a block, not {shown(given)}", f"write a block{keys}"
    message = f"must be a block with a `kind`, not {shown(given)}"
    if isinstance(given, str) and given in kinds:
        return "", message, f"write `{finding.path[-1]}: {{kind: {given}}}`"
    return "", message, f"write `{finding.path[-1]}: {{kind: ...}}`; {choose(kinds)}"


def _literal(finding: Finding) -> Explained:
    nodes = [] if finding.shape is None else [each.node for each in finding.shape.alternatives()]
    valid = [name for node in nodes for name in node.get("enum", [node["const"]] if "const" in node else [])]
    return "", *no_such(str(finding.path[-1]), finding.given, valid)


def no_such(what: str, given: object, valid: list[str]) -> Words:
    """Return words for a name that is not among the ``valid`` ones."""
    question = meant(given, valid)
    listed = choose(valid) if len(valid) > 1 or not question else ""
    return f"there is no {what} {shown(given)}", f"{question} {listed}".strip()


def _said(finding: Finding) -> Explained:
    return "", str(finding.context["said"]), str(finding.context["remedy"])


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"


def _no_preset(finding: Finding) -> Explained:
    return "preset", *no_such("preset", finding.context["given"], list(finding.context["valid"]))  # type: ignore[call-overload]  # a list of names


_NO_NAME = "{given} cannot name a folder; use letters, digits, `.`, `_` and `-`, at most 64"
_WORDS: dict[str, Callable[[Finding], Explained]] = {
    "said": _said,
    "value_error": _refused,
    "missing": _missing,
    "union_tag_not_found": _kind_missing,
    "union_tag_invalid": _kind_unknown,
    "preset_unknown": _no_preset,
    "model_attributes_type": _no_block,
    "dataclass_type": _no_block,
    "dict_type": _no_block,
    "literal_error": _literal,
}
_PLAIN = {
    "int_type": "must be a whole number, not {given}",
    "float_type": "must be a number, not {given}",
    "finite_number": "must be a finite number, not {given}",
    "bool_type": "must be true or false, not {given}",
    "string_type": "must be a text, not {given}",
    "tuple_type": "must be a list, not {given}",
    "greater_than": "must be more than {gt:_}, not {given}",
    "greater_than_equal": "must be at least {ge:_}, not {given}",
    "less_than": "must be less than {lt:_}, not {given}",
    "less_than_equal": "must be at most {le:_}, not {given}",
    "too_short": "must have at least {least}, not {actual_length}",
    "too_long": "must have at most {most}, not {actual_length}",
    "string_pattern_mismatch": _NO_NAME,
    "string_too_long": _NO_NAME,
}
"""By pydantic's types of errors, and those of `netmodels` (``said``, ``preset_unknown``)."""


def choose(valid: Iterable[str]) -> str:
    """Return the remedy that lists what may be written.

    >>> choose(["complete", "ring"])
    'choose one of: complete, ring'
    """
    names = list(valid)
    return f"choose `{names[0]}`" if len(names) == 1 else f"choose one of: {', '.join(names)}"


def meant(given: object, valid: Iterable[str]) -> str:
    """Return a question after the name that is nearest to ``given``; empty where none is near.

    >>> meant("dvnd", ["iql", "vdn", "dvdn"])
    'did you mean `dvdn`?'
    """
    close = get_close_matches(str(given), list(valid), n=1)
    return f"did you mean `{close[0]}`?" if close else ""


def _unknown_key(path: Path, root: Value, shape: Shape) -> Words:
    """Return words for a key that its block does not have."""
    key = str(path[-1])
    here = shape.at(path[:-1], root)
    block = None if here is None else here.block(value_at(path[:-1], root))
    valid = [] if block is None else list(block.keys)
    homes = (home for home in shape.every_key() if home[-1] == key and home[:-1] != path[:-1])
    elsewhere = dict.fromkeys(f"`{dotted(home)}`" for home in homes)
    if elsewhere and not meant(key, valid):
        return "unknown key", f"it belongs at {' or '.join(elsewhere)}"
    return "unknown key", meant(key, valid) or f"the keys here are: {', '.join(valid) or 'none but kind'}"


def _leftovers(unknown: Iterable[Path], document: Document) -> dict[Path, Mistake]:
    """Return one mistake per block whose kind a ``--set`` changed and whose other keys the new kind does not have."""
    keys_by_block: dict[Path, list[str]] = {}
    for path in unknown:
        block = path[:-1]
        if document.places.get((*block, "kind"), Place()).override and not document.place(path).override:
            keys_by_block.setdefault(block, []).append(str(path[-1]))
    return {block: _leftover(block, keys, document) for block, keys in keys_by_block.items()}


def _leftover(path: Path, keys: list[str], document: Document) -> Mistake:
    """Return the mistake of keys that belong to the kind that the file had chosen."""
    value = value_at(path, document.root)
    kept = {key: item for key, item in value.items() if key not in keys} if isinstance(value, dict) else {}
    message = (
        f"kind {shown(kept.get('kind'))} has no {' and no '.join(f'`{key}`' for key in keys)}, which the file sets"
    )
    remedy = f"replace the whole block: --set '{dotted(path)}={flow_text(kept)}'"
    return document.blame((*path, "kind"), message, remedy)
