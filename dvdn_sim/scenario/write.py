"""A scenario as YAML with nothing left to defaults."""

from collections.abc import Mapping
from keyword import iskeyword
from typing import cast

from dvdn_sim.scenario.blocks import (
    Block,
    BlockField,
    Choice,
    KeptAs,
    entry_annotation,
    mark_of,
    marks_of,
    own_fields,
)
from dvdn_sim.scenario.document import Value
from dvdn_sim.scenario.quantities import Quantity
from dvdn_sim.scenario.scenario import Scenario
from dvdn_sim.scenario.walk import ROOT
from dvdn_sim.scenario.yaml_text import block_text


def resolved_yaml(scenario: Scenario) -> str:
    """Return ``scenario`` as YAML: complete, with units, and read back as an equal scenario."""
    return block_text(_block(ROOT, scenario))


def _block(block: Block, built: object) -> dict[str, Value]:
    """Return a dataclass as a block, presets written out; a mapping as the keys that it has."""
    if isinstance(built, Mapping):
        return {
            field.name: plain_value(field.annotation, built[field.name])
            for field in own_fields(block)
            if field.name in built
        }
    return {field.name: plain_value(field.annotation, _given(field, built)) for field in own_fields(block)}


def _given(field: BlockField, built: object) -> object:
    """Return a field's value as it was given, not as the object may have adjusted it."""
    for mark in marks_of(field.annotation):
        if isinstance(mark, KeptAs) and hasattr(built, mark.attribute):
            return getattr(built, mark.attribute)
    return getattr(built, field.name + "_" * iskeyword(field.name))


def plain_value(annotation: object, value: object) -> Value:
    """Return a field's value as YAML writes it."""
    mark = mark_of(annotation)
    if value is None:
        return None
    if isinstance(mark, Block):
        return _block(mark, value)
    if isinstance(mark, Choice):
        return _chosen(mark, value)
    if isinstance(mark, Quantity):
        return mark.write(cast("float", value))
    entries = value if isinstance(value, tuple) else ()
    written = [plain_value(entry_annotation(annotation), entry) for entry in entries]
    return written if isinstance(value, tuple) else cast("Value", value)


def _chosen(choice: Choice, value: object) -> Value:
    """Return one of a choice as a block with its kind."""
    kind = choice.kind_of(value)
    if kind is None:  # a default that its dataclass turns into one of a kind when built
        return plain_value(choice.bare_annotation(), value)
    return {"kind": kind, **_block(choice.block(kind), value)}
