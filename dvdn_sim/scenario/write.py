"""A scenario as YAML with nothing left to defaults, and the JSON schema that editors check YAML with."""

from typing import cast

from dvdn_sim.scenario.blocks import Block, Choice, KeptAs, block_fields, mark_of, marks_of
from dvdn_sim.scenario.document import Value
from dvdn_sim.scenario.quantities import Quantity
from dvdn_sim.scenario.scenario import Scenario
from dvdn_sim.scenario.walk import ROOT
from dvdn_sim.scenario.yaml_text import block_text


def resolved_yaml(scenario: Scenario) -> str:
    """Return ``scenario`` as YAML: complete, with units, and read back as an equal scenario."""
    return block_text(_block(ROOT, scenario))


def _block(block: Block, built: object) -> dict[str, Value]:
    """Return a dataclass as a block."""
    return {field.name: _plain(field.annotation, _given(field.annotation, built, field.name)) for field in block_fields(block)}


def _given(annotation: object, built: object, name: str) -> object:
    """Return a field's value as it was given, not as the object may have adjusted it."""
    for mark in marks_of(annotation):
        if isinstance(mark, KeptAs) and hasattr(built, mark.attribute):
            name = mark.attribute
    return getattr(built, name)


def _plain(annotation: object, value: object) -> Value:
    """Return a field's value as YAML writes it."""
    mark = mark_of(annotation)
    if value is None:
        return None
    if isinstance(mark, Block):
        return _block(mark, value)
    if isinstance(mark, Choice):
        kind = mark.kind_of(value)
        return {"kind": kind, **_block(mark.block(kind), value)}
    if isinstance(mark, Quantity):
        return mark.write(cast(float, value))
    return list(value) if isinstance(value, tuple) else cast(Value, value)
