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
from dvdn_sim.scenario.include import INCLUDE
from dvdn_sim.scenario.walk import ROOT
from dvdn_sim.scenario.write import plain_value

_ATTRIBUTE = re.compile(r"^        (\w+): (.*(?:\n {12}.*)*)", re.MULTILINE)


INCLUDED = {
    "description": "YAML files whose keys are laid under these; a later one wins.",
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
}


def json_schema() -> JsonSchemaValue:
    """Return the JSON schema (draft 2020-12) that every scenario satisfies.

    It says less than `load_scenario` checks: not the rules that join several values, nor what files that are included
    hold. So no key is demanded of a block that includes one, nor of those within it.

    >>> json_schema()["properties"]["training"]["properties"]["batch"]["default"]
    32
    """
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "dvdn-sim scenario"}
    return {**head, **_block(ROOT), **_demands(ROOT)}


def described_fields(cls: type) -> dict[str, str]:
    """Return what the docstring of a dataclass, or of one that it extends, says of each field."""
    said: dict[str, str] = {}
    for part in reversed(cls.__mro__):
        _, _, attributes = (part.__doc__ or "").partition("Attributes:\n")
        said |= {name.rstrip("_"): " ".join(text.split()) for name, text in _ATTRIBUTE.findall(attributes)}
    return said


def _block(block: Block, kind: str | None = None) -> JsonSchemaValue:
    """Return the schema of the keys of a block, of one kind of a choice if it is that; none is demanded."""
    said = described_fields(block.cls)
    head = {INCLUDE: INCLUDED} if kind is None else {"kind": {"const": kind}, INCLUDE: INCLUDED}
    return {
        "type": "object",
        "description": (block.cls.__doc__ or "").partition("\n")[0],
        "additionalProperties": False,
        "properties": {
            **head,
            **{field.name: _field(field, said.get(field.name, "")) for field in block_fields(block)},
        },
        **({} if kind is None else {"required": ["kind"]}),
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
    of_a_file = {"type": "object", "not": {"required": ["kind"]}, "properties": {INCLUDE: INCLUDED}}
    blocks = [*(_block(mark.block(kind), kind) for kind in mark.catalogue), of_a_file]
    if mark.bare is None:
        return {"oneOf": blocks}
    return {"anyOf": [_value(mark.bare_annotation()), *blocks]}


def _demands(annotation: object) -> JsonSchemaValue:
    """Return which keys may not be left out, of a block and of those within; empty where all may."""
    mark = annotation if isinstance(annotation, Block) else mark_of(annotation)
    if isinstance(mark, Choice):
        kinds = [_if({"kind": {"const": kind}}, _keys(mark.block(kind))) for kind in mark.catalogue]
        return _unless_included({"required": ["kind"], "allOf": kinds})
    if isinstance(mark, Block):
        keys = _keys(mark)
        return _unless_included({"anyOf": [keys, {"required": [PRESET]}]} if mark.presets and keys else keys)
    entry = entry_annotation(annotation)
    within = {} if entry is None else _demands(entry)
    return {"items": within} if within else {}


def _keys(block: Block) -> JsonSchemaValue:
    """Return the keys that a block may not be without."""
    fields = block_fields(block)
    required = [field.name for field in fields if field.required]
    properties = {field.name: within for field in fields if (within := _demands(field.annotation))}
    return {name: value for name, value in (("required", required), ("properties", properties)) if value}


def _if(properties: JsonSchemaValue, demand: JsonSchemaValue) -> JsonSchemaValue:
    return {"if": {"required": list(properties), "properties": properties}, "then": demand}


def _unless_included(demand: JsonSchemaValue) -> JsonSchemaValue:
    return {"if": {"required": [INCLUDE]}, "else": demand} if demand else {}
