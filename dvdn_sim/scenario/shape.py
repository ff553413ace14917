"""What may stand at each place of a scenario: for editors (JSON schema), for people (lists of kinds), for messages.

Everything is read off pydantic's JSON schema, to which the docstrings of the specs add what their keys mean.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from dvdn_sim.consensus import POLICIES
from dvdn_sim.scenario.document import INCLUDE, Path, Value, flow_text, value_at
from dvdn_sim.scenario.scenario import Scenario
from netmodels import LinkSpec
from netmodels.presets import PRESETS

Row = tuple[str, str, str]
_ATTRIBUTE = re.compile(r"^        (\w+): (.*(?:\n {12}.*)*)", re.MULTILINE)


@cache
def reader(spec: Any) -> TypeAdapter[Any]:
    """Return pydantic's reader and writer of a type."""
    return TypeAdapter(spec)


class _WithMeanings(GenerateJsonSchema):
    """pydantic's JSON schema, with the meaning of each class and key from its docstring."""

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        found, cls = super().dataclass_schema(schema), schema["cls"]
        found["description"] = (cls.__doc__ or "").partition("\n")[0]
        keys = _described(found["properties"], cls)
        if "kind" in keys:
            keys["kind"] = {"const": keys["kind"]["const"]}
            found["required"] = ["kind", *found.get("required", ())]
        if cls is LinkSpec:  # a preset stands for all that is left out
            found["properties"] = {"preset": {"enum": list(PRESETS), "description": "keys that are left out."}, **keys}
            found["anyOf"] = [{"required": ["preset"]}, {"required": found.pop("required")}]
        return found

    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> JsonSchemaValue:
        found = super().typed_dict_schema(schema)
        _described(found["properties"], LinkSpec)  # there are no others than changes of links
        return found


def _described(keys: JsonSchemaValue, cls: type) -> JsonSchemaValue:
    """Add to the schemas of keys what they mean in a class."""
    meanings = described_fields(cls)
    for name, key in keys.items():
        key.pop("title", None)
        key.update({"description": meanings[name]} if name in meanings else {})
    return keys


def described_fields(cls: type) -> dict[str, str]:
    """Return what the docstring of a dataclass, or of one that it extends, says of each field."""
    said: dict[str, str] = {}
    for part in reversed(cls.__mro__):
        _, _, attributes = (part.__doc__ or "").partition("Attributes:\n")
        said |= {name.rstrip("_"): " ".join(text.split()) for name, text in _ATTRIBUTE.findall(attributes)}
    return said


@dataclass(frozen=True, eq=False)
class Shape:
    """What may stand at one place: a part of the JSON schema of a spec, and the definitions that it refers to.

    It is false where nothing may stand, or nobody knows what.
    """

    node: JsonSchemaValue
    definitions: JsonSchemaValue

    def __bool__(self) -> bool:
        return bool(self.node)

    def alternatives(self) -> "Iterator[Shape]":
        """Yield the shapes of which it is one, references resolved."""
        node = self.node
        while "$ref" in node:
            node = self.definitions[node["$ref"].rpartition("/")[2]]
        if "properties" in node or "anyOf" not in node:
            yield Shape(node, self.definitions)
            return
        for each in node["anyOf"]:
            yield from Shape(each, self.definitions).alternatives()

    @property
    def kinds(self) -> "dict[str, Shape]":
        """The blocks to choose from by their kind; empty where there is no such choice."""
        for each in self.alternatives():
            if "discriminator" in each.node:
                kinds = {ref: kind for kind, ref in each.node["discriminator"]["mapping"].items()}
                blocks = [Shape(option, self.definitions) for option in each.node["oneOf"]]
                return {kinds[block.node["$ref"]]: next(block.alternatives()) for block in blocks}
        return {}

    def block(self, value: Value = None) -> "Shape":
        """Return the block that a value is to be read as, if its kind is known."""
        kinds = self.kinds
        if kinds:
            return kinds.get(str(value.get("kind")) if isinstance(value, dict) else "", NOTHING)
        return next((each for each in self.alternatives() if "properties" in each.node), NOTHING)

    @property
    def keys(self) -> "dict[str, Shape]":
        """The keys of a block, ``kind`` left aside."""
        properties = self.node.get("properties", {})
        return {name: Shape(node, self.definitions) for name, node in properties.items() if name != "kind"}

    def entry(self, index: int = 0) -> "Shape":
        """Return the shape of a list's entries."""
        for each in self.alternatives():
            first = each.node.get("prefixItems", ())[index : index + 1]
            if first or "items" in each.node:
                return Shape(first[0] if first else each.node["items"], self.definitions)
        return NOTHING

    def at(self, path: Path, root: Value = None) -> "Shape":
        """Return what may stand at a path, given the kinds that ``root`` has chosen on the way."""
        here = self
        for step in path:
            here = here.entry(step) if isinstance(step, int) else here.block(root).keys.get(step, NOTHING)
            root = value_at((step,), root)
        return here

    def every_key(self, path: Path = ()) -> Iterator[Path]:
        """Yield every path at which some value of this shape may have a key; entries of lists have no number."""
        for block in [*self.kinds.values(), self.block()]:
            for name, key in block.keys.items():
                yield (*path, name)
                yield from key.every_key((*path, name))
        if within := self.entry():
            yield from within.every_key(path)


NOTHING = Shape({}, {})


@cache
def homes_of(spec: type) -> dict[str, list[Path]]:
    """Return every path at which a spec may have a key, by the key."""
    homes: dict[str, list[Path]] = {}
    for path in shape_of(spec).every_key():
        homes.setdefault(str(path[-1]), []).append(path)
    return homes


@cache
def shape_of(spec: type) -> Shape:
    """Return what a spec may hold."""
    schema = reader(spec).json_schema(schema_generator=_WithMeanings, mode="serialization")
    return Shape(schema, schema.get("$defs", {}))


_INCLUDED = {
    "description": "YAML files whose keys are laid under these; a later one wins.",
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
}
_INCLUDES = {"required": [INCLUDE]}
_PART = "Part"


def json_schema() -> JsonSchemaValue:
    """Return the JSON schema (draft 2020-12) that every scenario satisfies.

    It says less than `load_scenario` checks: not the rules that join several values, nor what files that are included
    hold. So no key is demanded of a block that includes one, nor of those within it: each block is defined twice, in
    full and as a part.

    >>> json_schema()["$defs"]["Training"]["else"]["properties"]["batch"]["default"]
    32
    """
    shape = shape_of(Scenario)
    root = {name: value for name, value in shape.node.items() if name != "$defs"}
    definitions: JsonSchemaValue = {}
    for name, node in {**shape.definitions, Scenario.__name__: root}.items():
        part, full = (_public(node, suffix) for suffix in (_PART, ""))
        if "properties" in node:
            part["properties"][INCLUDE] = full["properties"][INCLUDE] = _INCLUDED
            part = {key: value for key, value in part.items() if key not in ("required", "anyOf")}
            part |= {"required": ["kind"]} if "kind" in node["properties"] else {}
        definitions[name + _PART] = part
        definitions[name] = {"if": _INCLUDES, "then": {"$ref": f"#/$defs/{name}{_PART}"}, "else": full}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "dvdn-sim scenario"}
    return {**head, "$ref": f"#/$defs/{Scenario.__name__}", "$defs": definitions}


def _public(node: Any, suffix: str) -> Any:
    """Return a part of pydantic's schema, its references to blocks in full or, with a suffix, to parts of blocks."""
    if isinstance(node, list):
        return [_public(each, suffix) for each in node]
    if not isinstance(node, dict):
        return node
    found = {name: _public(each, suffix) for name, each in node.items() if name not in ("discriminator", "title")}
    if "$ref" in node:
        found["$ref"] += suffix
    if "discriminator" not in node:
        return found
    of_a_file = {"type": "object", "not": {"required": ["kind"]}, "properties": {INCLUDE: _INCLUDED}}
    kinds = found.pop("oneOf")
    if suffix:
        return {**found, "oneOf": [*kinds, of_a_file]}
    includes_its_kind = {**of_a_file, **_INCLUDES, "properties": {}}
    return {**found, "if": includes_its_kind, "then": of_a_file, "else": {"oneOf": kinds}}


_PATHS: dict[str, tuple[str, ...]] = {
    "envs": ("env",),
    "algorithms": ("algorithm",),
    "links": ("network.link.delay", "network.link.loss"),
    "topologies": ("network.topology",),
    "faults": ("network.faults",),
}


def listing(family: str) -> dict[str, list[Row]]:
    """Return what there is to choose in a family as rows of (name, meaning, keys), by the path that chooses it.

    >>> [name for name, _, _ in listing("topologies")["network.topology.kind"]][:3]
    ['complete', 'ring', 'path']
    """
    if family == "policies":
        return {"algorithm.consensus.policy": [(name, kind.meaning, "") for name, kind in POLICIES.items()]}
    if family == "presets":
        # What a preset does to packets, and to a message of a minibatch's TD errors.
        said = {name: preset.describe(6424).partition("\n") for name, preset in PRESETS.items()}
        return {"network.link.preset": [(name, link, message) for name, (link, _, message) in said.items()]}
    found = {}
    for path in _PATHS[family]:
        chosen = shape_of(Scenario).at(tuple(path.split(".")))
        kinds = (chosen.entry() or chosen).kinds
        found[f"{path}.kind"] = [(kind, block.node["description"], _keys(block)) for kind, block in kinds.items()]
    return found


def _keys(block: Shape) -> str:
    """Return the keys of a block as YAML writes them, with their defaults; with dots where they have none."""
    required = block.node.get("required", ())
    defaults = {name: "..." if name in required else flow_text(_default(key)) for name, key in block.keys.items()}
    return ", ".join(f"{name}: {default}" for name, default in defaults.items())


def _default(key: Shape) -> Value:
    """Return a default as a person would write it: a block for which a plain value may stand as that value."""
    default: Value = key.node["default"]
    if isinstance(default, dict) and len(default) == 2 and any("examples" in each.node for each in key.alternatives()):
        return next(value for name, value in default.items() if name != "kind")
    return default
