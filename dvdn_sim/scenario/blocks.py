"""A block of YAML is a dataclass: the same keys, a closed set; a choice is a block whose ``kind`` names the dataclass.

The dataclasses stay plain, so that whoever reads a scenario needs no pydantic, and so that those of `netmodels`, which
knows nothing of YAML, serve as they are. Values that were left out get the dataclass's own default.
"""

import dataclasses
from collections.abc import Hashable, Mapping
from functools import cache, partial
from keyword import iskeyword
from types import NoneType, UnionType
from typing import Annotated, Literal, Optional, Union, cast, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, GetCoreSchemaHandler, TypeAdapter
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

TAG = "kind="
PRESET = "preset"
STRICT = ConfigDict(strict=True, allow_inf_nan=False)
"""Nothing is turned into what it does not look like: ``yes`` is no boolean, ``"3"`` no number."""


@dataclasses.dataclass(frozen=True)
class BlockField:
    """One key of a block.

    Attributes:
        name: the key, which is the dataclass's argument.
        annotation: how its value is checked and written.
        required: whether the key may not be left out.
        default: what stands for a key left out; meaningless where it is required.
    """

    name: str
    annotation: object
    required: bool
    default: object = None


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Block:
    """Marks a field whose value is one dataclass, with annotations of its fields that come before the class's own.

    Attributes:
        cls: the dataclass.
        fields: annotation by field, for a class that does not say which of its numbers carry units; a field whose
            default is None takes None besides.
        closed: whether YAML may set these fields alone, and the class's others keep their defaults.
        presets: objects of the class by the name under ``preset`` that stands for them; the other keys change them.
        partial: whether the block is some keys of the class, kept as a mapping, rather than an object of it.
    """

    cls: type
    fields: Mapping[str, object] = dataclasses.field(default_factory=dict)
    closed: bool = False
    presets: Mapping[str, object] = dataclasses.field(default_factory=dict)
    partial: bool = False

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate the keys and build the dataclass."""
        return block_schema(self, handler)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)  # pydantic writes it out for every mistake
class Choice:
    """Marks a field whose value is one of the dataclasses of a catalogue.

    Attributes:
        family: what is being chosen, one word, for messages and for the list of what is not supported yet.
        catalogue: dataclass by kind.
        bare: kind and field that a value which is no block stands for: ``delay: 5 ms`` is constant with that mean.
        fields: as in `Block`, for all classes of the catalogue; ``kind.field`` for that of one kind.
    """

    family: str
    catalogue: Mapping[str, type]
    bare: tuple[str, str] | None = None
    fields: Mapping[str, object] = dataclasses.field(default_factory=dict)

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate against the dataclass that ``kind`` names."""
        kinds = self.catalogue
        choices: dict[Hashable, CoreSchema] = {TAG + k: block_schema(self.block(k), handler, k) for k in kinds}
        union = core_schema.tagged_union_schema(choices, discriminator=_tag)
        return core_schema.no_info_before_validator_function(self._as_block, union)

    def block(self, kind: str) -> Block:
        """Return the block of one kind."""
        own = {name.partition(".")[2]: value for name, value in self.fields.items() if name.startswith(f"{kind}.")}
        return Block(self.catalogue[kind], {**self.fields, **own})

    def kind_of(self, value: object) -> str | None:
        """Return the kind that ``value`` is of; None if it is of none of them."""
        return next((kind for kind, cls in self.catalogue.items() if type(value) is cls), None)

    def bare_annotation(self) -> object:
        """Return the annotation of the field that a bare value stands for; None where it stands for none."""
        if self.bare is None:
            return None
        kind, name = self.bare
        return next(field.annotation for field in block_fields(self.block(kind)) if field.name == name)

    def _as_block(self, value: object) -> object:
        """Return ``value`` as a block whose kind is in the catalogue."""
        if not isinstance(value, dict):
            if self.bare is None or value is None or isinstance(value, list):
                raise PydanticCustomError("not_a_choice", "not a choice", {"choice": self})
            return {"kind": self.bare[0], self.bare[1]: value}
        if "kind" not in value:
            raise PydanticCustomError("kind_missing", "kind missing", {"choice": self})
        if not isinstance(value["kind"], str) or value["kind"] not in self.catalogue:
            raise PydanticCustomError("kind_unknown", "kind unknown", {"choice": self})
        return value


@dataclasses.dataclass(frozen=True)
class KeptAs:
    """Marks a field that the built object keeps, as it was given, under another name, if it has that name.

    Attributes:
        attribute: the other name.
    """

    attribute: str


def block_fields(block: Block) -> list[BlockField]:
    """Return the keys of a block, in the order of the dataclass; ``preset`` before them."""
    own = own_fields(block)
    if not block.presets:
        return own
    names = Literal[tuple(block.presets)]  # type: ignore[valid-type]  # built, not written
    return [BlockField(PRESET, names, required=False), *own]


def own_fields(block: Block) -> list[BlockField]:
    """Return the keys of a block that its dataclass has; as Python spells them, without the ``_`` of ``for_``."""
    hints = get_type_hints(block.cls, include_extras=True)
    keys = [
        field
        for field in dataclasses.fields(block.cls)
        if field.init and field.name != "kind" and (not block.closed or field.name in block.fields)
    ]
    fields = [_block_field(field, hints[field.name], block.fields.get(_key(field.name))) for field in keys]
    return [dataclasses.replace(field, required=False, default=None) if block.partial else field for field in fields]


def block_schema(block: Block, handler: GetCoreSchemaHandler, kind: str | None = None) -> CoreSchema:
    """Return the schema of a block: each key checked, no others, and the dataclass built.

    Args:
        block: the dataclass.
        handler: pydantic's, for the types of the fields.
        kind: the word under ``kind`` that the block has besides, if it is of a choice.
    """
    keys = {} if kind is None else {"kind": core_schema.typed_dict_field(core_schema.literal_schema([kind]))}
    for field in block_fields(block):
        schema = handler.generate_schema(marked(field.annotation))
        keys[field.name] = core_schema.typed_dict_field(schema, required=field.required)
    own = _checked(block, keys)
    if not block.presets:
        return own
    free = {
        name: core_schema.typed_dict_field(field["schema"], required=name == PRESET) for name, field in keys.items()
    }
    choices: dict[Hashable, CoreSchema] = {TAG: own, TAG + PRESET: _checked(block, free)}
    return core_schema.tagged_union_schema(choices, discriminator=_tag_of_preset)


def _checked(block: Block, keys: dict[str, core_schema.TypedDictField]) -> CoreSchema:
    """Return the schema of these keys, which builds the dataclass from them."""
    config = core_schema.CoreConfig(strict=True, allow_inf_nan=False)
    checked = core_schema.typed_dict_schema(keys, extra_behavior="forbid", config=config)
    return core_schema.no_info_after_validator_function(partial(_build, block), checked)


def marked(annotation: object) -> object:
    """Return ``annotation`` with plain dataclasses, alone or beside None, marked as blocks.

    >>> marked(int | None) == int | None
    True
    """
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        return Annotated[object, Block(annotation)]
    if takes_none(annotation):
        return Optional[marked(get_args(annotation)[0])]  # noqa: UP045 (built, not written)
    return annotation


def marks_of(annotation: object) -> tuple[object, ...]:
    """Return the marks of a field's annotation, its None left aside.

    >>> marks_of(Annotated[int, "a mark", "another"] | None)
    ('a mark', 'another')
    """
    annotation = marked(annotation)
    if takes_none(annotation):
        annotation = get_args(annotation)[0]
    return tuple(getattr(annotation, "__metadata__", ()))


@cache
def reader(annotation: object) -> TypeAdapter[object]:
    """Return pydantic's reader of values so annotated, strict."""
    mark = mark_of(annotation)
    if not isinstance(mark, Block | Choice):
        return TypeAdapter(cast("type[object]", annotation), config=STRICT)
    plain = Annotated[object, mark]  # pydantic would look for the settings of a dataclass in the dataclass
    return TypeAdapter(Optional[plain] if takes_none(annotation) else plain, config=STRICT)  # noqa: UP045 (built, not written)


def takes_none(annotation: object) -> bool:
    """Return whether None is among the values so annotated.

    >>> takes_none(int | None), takes_none(int)
    (True, False)
    """
    return get_origin(annotation) in (UnionType, Union) and NoneType in get_args(annotation)


def entry_annotation(annotation: object) -> object:
    """Return the annotation of a tuple's entries; None for what is no tuple.

    >>> entry_annotation(Annotated[tuple[int, ...], "a mark"])
    <class 'int'>
    """
    plain = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    return next(iter(get_args(plain)), None) if get_origin(plain) is tuple else None


def mark_of(annotation: object) -> object:
    """Return the first mark, which says what the field is (`Block`, `Choice`, a quantity); None without marks."""
    return next(iter(marks_of(annotation)), None)


def block_at(annotation: object, value: object) -> Block | None:
    """Return the block that ``value`` is to be read as; None where it is no block, or of no known kind."""
    mark = mark_of(annotation)
    if isinstance(mark, Choice):
        kind = value.get("kind") if isinstance(value, dict) else None
        return mark.block(kind) if isinstance(kind, str) and kind in mark.catalogue else None
    return mark if isinstance(mark, Block) else None


def _block_field(field: dataclasses.Field[object], annotation: object, instead: object) -> BlockField:
    """Return one field of a dataclass as a key, annotated as its class has it or with what is given ``instead``."""
    name = _key(field.name)
    if instead is not None:
        annotation = Optional[instead] if field.default is None else instead  # noqa: UP045 (built, not written)
    if field.default is not dataclasses.MISSING:
        return BlockField(name, annotation, required=False, default=field.default)
    if field.default_factory is not dataclasses.MISSING:
        return BlockField(name, annotation, required=False, default=field.default_factory())
    return BlockField(name, annotation, required=True)


def _key(name: str) -> str:
    """Return the key of a field; until the alias of `netmodels` is read here."""
    return "mean" if name == "location" else name.rstrip("_")


def _build(block: Block, values: dict[str, object]) -> object:
    """Return the dataclass with the values that were given, or the preset with them changed."""
    preset = values.get(PRESET) if block.presets else None
    given = {key + "_" * iskeyword(key): value for key, value in values.items() if key not in ("kind", PRESET)}
    if block.partial:
        return given
    if isinstance(preset, str):
        return dataclasses.replace(block.presets[preset], **given)  # type: ignore[type-var]
    return block.cls(**given)


def _tag_of_preset(value: object) -> str:
    """Return which of its two schemas a block with presets is to be checked by."""
    return TAG + PRESET if isinstance(value, dict) and PRESET in value else TAG


def _tag(value: dict[str, object]) -> str:
    """Return what stands for the kind in the place of an error; no key of a scenario looks like it."""
    return f"{TAG}{value['kind']}"
