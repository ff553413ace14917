"""What pydantic found wrong, as mistakes: each with its place in the YAML, in plain words, with a remedy."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from pydantic.json_schema import JsonSchemaValue
from pydantic_core import ErrorDetails

from dvdn_sim.errors import Mistake
from dvdn_sim.scenario.document import Document, Path, Value, dotted, flow_text, path_of, value_at
from dvdn_sim.scenario.shape import Shape, homes_of, shape_of
from netmodels.units import shown

_MISSING = ("missing", "union_tag_not_found")
_UNKNOWN_KEY = ("unexpected_keyword_argument", "extra_forbidden")


def explain(errors: Iterable[ErrorDetails], document: Document, spec: type) -> list[Mistake]:
    """Return one mistake per error; keys that a ``--set`` of their kind left behind are told together.

    What is missing where a file to include was not read is not told: it may stand there.
    """
    shape, root = shape_of(spec), document.root
    mistakes: list[Mistake] = []
    left_behind: dict[Path, list[str]] = {}
    for error in errors:
        path, place = _place(error["loc"], root, shape)
        block, kind = path[:-1], error["type"]
        if kind in _MISSING and any(path[: len(each)] == each for each in document.incomplete):
            continue
        if kind == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]:
            continue  # its entries are wrong, and told
        if kind not in _UNKNOWN_KEY:
            key, *words = _explained(
                kind, Finding(path, place, error["input"], error.get("ctx", {}), error["msg"], value_at(path, root))
            )
            mistakes.append(document.blame((*path, *path_of(key)), *words))
        elif document.place((*block, "kind")).override and not document.place(path).override:
            left_behind.setdefault(block, []).append(str(path[-1]))
        else:
            mistakes.append(document.blame(path, "unknown key", _other_key(path, root, shape, homes_of(spec))))
    return [*mistakes, *(_leftover(block, keys, document) for block, keys in left_behind.items())]


def _place(location: tuple[int | str, ...], root: Value, shape: Shape) -> tuple[Path, Shape]:
    """Return pydantic's location as a path of the YAML, without kinds, as far as it was written; and its shape."""
    path: Path = ()
    for step in location:
        if step in shape.kinds:
            shape = shape.kinds[str(step)]
            continue
        if not isinstance(root, dict) and not (isinstance(root, list) and isinstance(step, int) and step < len(root)):
            break
        if step == "[key]":  # pydantic's word for: not the value is wrong, but its key
            break
        shape, root, path = shape.at((step,), root), value_at((step,), root), (*path, step)
    return path, shape


@dataclass(frozen=True)
class Finding:
    """One error of pydantic's, put back in its place in the YAML.

    Attributes:
        path: the value at fault.
        shape: what may stand there.
        given: that value, or for what is missing the block around it.
        context: pydantic's details, such as the bound that was crossed.
        said: pydantic's own words.
        written: what stands in the YAML there.
    """

    path: Path
    shape: Shape
    given: object
    context: Mapping[str, object]
    said: str
    written: Value

    @property
    def kinds(self) -> list[str]:
        return list(self.shape.kinds)

    @property
    def keys(self) -> str:
        keys = self.shape.block().keys
        return f"the keys {', '.join(keys)}" if keys else ""

    @property
    def alternatives(self) -> list[JsonSchemaValue]:
        return [each.node for each in self.shape.alternatives()]


Explained = tuple[str, str, str]
"""The key within the value at fault that is to blame, if it is not all of it; what is wrong, and what to write."""


def _explained(error_type: str, finding: Finding) -> Explained:
    if error_type in _WORDS:
        return _WORDS[error_type](finding)
    lengths = {"least": finding.context.get("min_length"), "most": finding.context.get("max_length")}
    counted = {name: _entries(count) for name, count in lengths.items() if isinstance(count, int)}
    message, _, remedy = _PLAIN.get(error_type, "{given} is not valid: {said}").partition("; ")
    words = {"given": shown(finding.given), "said": finding.said, **finding.context, **counted}
    return "", message.format(**words), remedy.format(**words)


def _refused(finding: Finding) -> Explained:
    """Explain what a spec refuses itself, which may begin with the key: ``delay.jitter: expected ...``."""
    said = finding.said.removeprefix("Value error, ")
    name, colon, rest = said.partition(": ")
    if not colon or not name.replace(".", "").isidentifier():
        return "", said, ""
    if not isinstance(finding.written, dict):
        return "", rest, ""
    return name.rpartition(".")[2] if value_at(path_of(name), finding.written) is None else name, rest, ""


def _missing(finding: Finding) -> Explained:
    if isinstance(finding.written, list):  # one of its entries
        return "", f"must have more than {_entries(len(finding.written))}", ""
    if finding.kinds:
        return "", "is missing", f"write `{finding.path[-1]}: {{kind: ...}}`; {choose(finding.kinds)}"
    if finding.keys:
        return "", "is missing", f"it has {finding.keys}"
    for examples in (node["examples"] for node in finding.alternatives if "examples" in node):
        return "", "is missing", f"write it as {' or '.join(f'`{text}`' for text in examples)}"
    meaning = str(finding.shape.node.get("description", "")).rstrip(".")
    return "", "is missing", f"it has no default: {meaning}" if meaning else "it has no default"


def _kind_missing(finding: Finding) -> Explained:
    return "kind", "is missing", f"write `kind: ...`; {choose(finding.kinds)}"


def _kind_unknown(finding: Finding) -> Explained:
    """Explain a kind of ``env``, or of a ``fault`` of ``faults``, that there is not."""
    given = finding.given.get("kind") if isinstance(finding.given, dict) else None
    name = next(step for step in reversed(finding.path) if isinstance(step, str))
    what = name.removesuffix("s") if isinstance(finding.path[-1], int) else name
    return "kind", *no_such(what, given, finding.kinds)


def _no_block(finding: Finding) -> Explained:
    kinds, given = finding.kinds, finding.given
    if not kinds:
        return "", f"must be a block, not {shown(given)}", f"write a block with {finding.keys}".removesuffix(" with ")
    known = isinstance(given, str) and given in kinds
    remedy = f"write `{finding.path[-1]}: {{kind: {given if known else '...'}}}`"
    return "", f"must be a block with a `kind`, not {shown(given)}", remedy if known else f"{remedy}; {choose(kinds)}"


def _literal(finding: Finding) -> Explained:
    lists = (node.get("enum", [node["const"]] if "const" in node else []) for node in finding.alternatives)
    return "", *no_such(str(finding.path[-1]), finding.given, [name for names in lists for name in names])


def no_such(what: str, given: object, valid: list[str]) -> tuple[str, str]:
    """Return what is wrong with a name that is not among the ``valid`` ones, and what to write instead."""
    question = meant(given, valid)
    listed = choose(valid) if len(valid) > 1 or not question else ""
    return f"there is no {what} {shown(given)}", f"{question} {listed}".strip()


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"


def _no_preset(finding: Finding) -> Explained:
    return "preset", *no_such("preset", finding.context["given"], list(finding.context["valid"]))  # type: ignore[call-overload]  # a list of names


_NO_NAME = "{given} cannot name a folder; use letters, digits, `.`, `_` and `-`, at most 64"
_WORDS: dict[str, Callable[[Finding], Explained]] = {
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
    "said": "{said}; {remedy}",
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


def _other_key(path: Path, root: Value, shape: Shape, homes: Mapping[str, Sequence[Path]]) -> str:
    """Return what may be meant by a key that its block does not have."""
    key = str(path[-1])
    valid = list(shape.at(path[:-1], root).block(value_at(path[:-1], root)).keys)
    # What is missing in an entry of a list is written there; and what other kinds have cannot be set.
    others = () if any(isinstance(step, int) for step in path) else homes.get(key, ())
    chosen = [home for home in others if home[:-1] != path[:-1] and shape.at(home, root)]
    elsewhere = dict.fromkeys(f"`{dotted(home)}`" for home in chosen)
    belongs = f"it belongs at {' or '.join(elsewhere)}" if elsewhere else ""
    return meant(key, valid) or belongs or f"the keys here are: {', '.join(valid) or 'none but kind'}"


def _leftover(path: Path, keys: list[str], document: Document) -> Mistake:
    """Return the mistake of keys that belong to the kind that the file had chosen."""
    value = value_at(path, document.root)
    kept = {key: item for key, item in value.items() if key not in keys} if isinstance(value, dict) else {}
    without = " and no ".join(f"`{key}`" for key in keys)
    message = f"kind {shown(kept.get('kind'))} has no {without}, which the file sets"
    remedy = f"replace the whole block: --set '{dotted(path)}={flow_text(kept)}'"
    return document.blame((*path, "kind"), message, remedy)
