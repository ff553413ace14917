"""Each kind of error in the words of this program: what is wrong, and what to write instead."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import get_args

from dvdn_sim.scenario.blocks import Block, Choice, mark_of
from dvdn_sim.scenario.document import Path, Value, value_at
from dvdn_sim.scenario.json_schema import described_fields
from dvdn_sim.scenario.names import choose, meant, not_yet
from dvdn_sim.scenario.quantities import Quantity, shown
from dvdn_sim.scenario.walk import block_of, field_of, keys_of

Words = tuple[str, str]


@dataclass(frozen=True)
class Finding:
    """One error of pydantic's, put back in its place in the YAML.

    Attributes:
        path: the value at fault.
        given: that value.
        context: pydantic's details, such as the bound that was crossed.
        said: pydantic's own words.
        root: the whole scenario.
    """

    path: Path
    given: object
    context: Mapping[str, object]
    said: str
    root: Value


def words_for(error_type: str, finding: Finding) -> Words:
    """Return what is wrong and what to write instead; the second may be empty."""
    return _WORDS.get(error_type, _unforeseen)(finding)


def _unforeseen(finding: Finding) -> Words:
    return f"{shown(finding.given)} will not do: {finding.said}", ""


def _refused(finding: Finding) -> Words:
    return finding.said.removeprefix("Value error, "), ""


def _said(finding: Finding) -> Words:
    return str(finding.context["said"]), str(finding.context["remedy"])


def _missing(finding: Finding) -> Words:
    written = value_at(finding.path, finding.root)
    if isinstance(written, list):  # one of its entries
        return f"must have more than {_entries(len(written))}", ""
    field = field_of(finding.path, finding.root)
    mark = None if field is None else mark_of(field.annotation)
    if isinstance(mark, Quantity):
        return "is missing", mark.remedy()
    if isinstance(mark, Choice):
        return "is missing", f"write `{finding.path[-1]}: {{kind: ...}}`; {choose(mark.catalogue)}"
    if isinstance(mark, Block):
        return "is missing", f"it has the keys {', '.join(keys_of(mark))}"
    block = block_of(finding.path[:-1], finding.root)
    meaning = "" if block is None else described_fields(block.cls).get(str(finding.path[-1]), "").rstrip(".")
    return "is missing", f"it has no default: {meaning}" if meaning else "it has no default"


def _kind_missing(finding: Finding) -> Words:
    choice = _choice(finding)
    return "is missing", f"write `kind: ...`; {choose(choice.catalogue)}"


def _kind_unknown(finding: Finding) -> Words:
    choice = _choice(finding)
    kind = finding.given.get("kind") if isinstance(finding.given, dict) else None
    return _no_such(choice.family, kind, list(choice.catalogue))


def _not_a_choice(finding: Finding) -> Words:
    choice = _choice(finding)
    message = f"must be a block with a `kind`, not {shown(finding.given)}"
    if isinstance(finding.given, str) and finding.given in choice.catalogue:
        return message, f"write `{finding.path[-1]}: {{kind: {finding.given}}}`"
    return message, f"write `{finding.path[-1]}: {{kind: ...}}`; {choose(choice.catalogue)}"


def _choice(finding: Finding) -> Choice:
    choice = finding.context["choice"]
    if not isinstance(choice, Choice):
        raise TypeError(choice)
    return choice


def _literal(finding: Finding) -> Words:
    field = field_of(finding.path, finding.root)
    return _no_such(str(finding.path[-1]), finding.given, [] if field is None else list(get_args(field.annotation)))


def _no_such(family: str, given: object, valid: list[str]) -> Words:
    """Return words for a name that is not among the ``valid`` ones, though it may be some day."""
    if not_yet(family, given):
        return f"{family} {shown(given)} is not supported yet", choose(valid)
    question = meant(given, valid)
    listed = choose(valid) if len(valid) > 1 or not question else ""
    return f"there is no {family} {shown(given)}", f"{question} {listed}".strip()


def _must_be(what: str) -> Callable[[Finding], Words]:
    return lambda finding: (f"must be {what}, not {shown(finding.given)}", "")


def _bound(key: str, words: str) -> Callable[[Finding], Words]:
    return lambda finding: (f"must be {words} {finding.context[key]:_}, not {shown(finding.given)}", "")


def _length(words: str, key: str) -> Callable[[Finding], Words]:
    def say(finding: Finding) -> Words:
        context = finding.context
        return f"must have {words} {_entries(context[key])}, not {context['actual_length']}", ""

    return say


def _entries(count: object) -> str:
    return "1 entry" if count == 1 else f"{count} entries"


def _name(finding: Finding) -> Words:
    return f"{shown(finding.given)} cannot name a folder", "use letters, digits, `.`, `_` and `-`, at most 64"


def _block(finding: Finding) -> Words:
    block = block_of(finding.path, finding.root)
    keys = "" if block is None else f" with the keys {', '.join(keys_of(block))}"
    return f"must be a block, not {shown(finding.given)}", f"write a block{keys}"


_WORDS: dict[str, Callable[[Finding], Words]] = {
    "said": _said,
    "value_error": _refused,
    "missing": _missing,
    "kind_missing": _kind_missing,
    "kind_unknown": _kind_unknown,
    "not_a_choice": _not_a_choice,
    "literal_error": _literal,
    "dict_type": _block,
    "int_type": _must_be("a whole number"),
    "float_type": _must_be("a number"),
    "finite_number": _must_be("a finite number"),
    "bool_type": _must_be("true or false"),
    "string_type": _must_be("a text"),
    "tuple_type": _must_be("a list"),
    "greater_than": _bound("gt", "more than"),
    "greater_than_equal": _bound("ge", "at least"),
    "less_than": _bound("lt", "less than"),
    "less_than_equal": _bound("le", "at most"),
    "too_short": _length("at least", "min_length"),
    "too_long": _length("at most", "max_length"),
    "string_pattern_mismatch": _name,
    "string_too_long": _name,
}
