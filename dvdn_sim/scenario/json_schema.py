"""The JSON schema of scenarios, with which editors complete and check YAML while it is written."""

import re

from pydantic.json_schema import JsonSchemaValue

from dvdn_sim.scenario.blocks import (
    PRESET,
    Block,
    BlockField,
    Choice,
    block_fields,
    entry_annotation,
    mark_of,
    reader,
    takes_none,
)
from dvdn_sim.scenario.walk import ROOT
from dvdn_sim.scenario.write import plain_value

_ATTRIBUTE = re.compile(r"^        (\w+): (.*(?:\n {12}.*)*)", re.MULTILINE)


def json_schema() -> JsonSchemaValue:
    """Return the JSON schema (draft 2020-12) that every scenario satisfies.

    It says less than `load_scenario` checks: not the rules that join several values.

    >>> json_schema()["properties"]["env"]["oneOf"][0]["required"]
    ['kind', 'field_size', 'players', 'max_num_food', 'sight']
    """
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "dvdn-sim scenario"}
    return {**head, **_block(ROOT)}


def described_fields(cls: type) -> dict[str, str]:
    """Return what the docstring of a dataclass, or of one that it extends, says of each field."""
    said: dict[str, str] = {}
    for part in reversed(cls.__mro__):
        _, _, attributes = (part.__doc__ or "").partition("Attributes:\n")
        said |= {name.rstrip("_"): " ".join(text.split()) for name, text in _ATTRIBUTE.findall(attributes)}
    return said


def _block(block: Block, kind: str | None = None) -> JsonSchemaValue:
    """Return the schema of a block, of one kind of a choice if it is that."""
    said = described_fields(block.cls)
    fields = block_fields(block)
    head = {} if kind is None else {"kind": {"const": kind}}
    required = {"required": [*head, *(field.name for field in fields if field.required)]}
    return {
        "type": "object",
        "description": (block.cls.__doc__ or "").partition("\n")[0],
        "additionalProperties": False,
        "properties": {**head, **{field.name: _field(field, said.get(field.name, "")) for field in fields}},
        **({"anyOf": [required, {"required": [PRESET]}]} if block.presets else required),
    }


def _field(field: BlockField, said: str) -> JsonSchemaValue:
    """Return the schema of one key, with what it means and what it is if left out."""
    schema = _value(field.annotation)
    if takes_none(field.annotation) and isinstance(mark_of(field.annotation), Block | Choice):
        schema = {"anyOf": [schema, {"type": "null"}]}
    if said:
        schema = {"description": said, **schema}
    return schema if field.required else {**schema, "default": plain_value(field.annotation, field.default)}


def _value(annotation: object) -> JsonSchemaValue:
    """Return the schema of the values so annotated."""
    mark = mark_of(annotation)
    if isinstance(mark, Block):
        return _block(mark)
    entry = entry_annotation(annotation)
    if isinstance(mark_of(entry), Block | Choice):
        return {"type": "array", "items": _value(entry)}
    if not isinstance(mark, Choice):
        return reader(annotation).json_schema()
    blocks = [_block(mark.block(kind), kind) for kind in mark.catalogue]
    if mark.bare is None:
        return {"oneOf": blocks}
    return {"anyOf": [_value(mark.bare_annotation()), *blocks]}
