"""From a path in a scenario to the field that it names."""

from collections.abc import Iterator
from functools import cache

from dvdn_sim.scenario.blocks import Block, BlockField, Choice, block_at, block_fields, entry_annotation, mark_of
from dvdn_sim.scenario.document import Path, Value
from dvdn_sim.scenario.scenario import Scenario

ROOT = Block(Scenario)


def block_of(path: Path, root: Value) -> Block | None:
    """Return the block that stands at ``path``, given the kinds that ``root`` has chosen on the way."""
    block: Block | None = ROOT
    annotation: object = None
    value = root
    for step in path:
        if isinstance(step, int) and isinstance(value, list):
            annotation = entry_annotation(annotation)
            value = value[step] if step < len(value) else None
        else:
            field = None if block is None else _field(block, step)
            if field is None:
                return None
            annotation = field.annotation
            value = value.get(str(step)) if isinstance(value, dict) else None
        block = block_at(annotation, value)
    return block


def field_of(path: Path, root: Value) -> BlockField | None:
    """Return the field that ``path`` names, whether or not it is there."""
    block = block_of(path[:-1], root) if path else None
    return None if block is None else _field(block, path[-1])


def keys_of(block: Block) -> list[str]:
    """Return the keys that a block may have, ``kind`` left aside."""
    return [field.name for field in block_fields(block)]


def homes(key: str) -> list[Path]:
    """Return every path at which some scenario may have ``key``."""
    return [path for path in _every_path() if path[-1] == key]


def _field(block: Block, name: str | int) -> BlockField | None:
    return next((field for field in block_fields(block) if field.name == name), None)


@cache
def _every_path() -> tuple[Path, ...]:
    return tuple(dict.fromkeys(_all_paths(ROOT, ())))


def _all_paths(block: Block, path: Path) -> Iterator[Path]:
    for field in block_fields(block):
        here = (*path, field.name)
        yield here
        mark = mark_of(entry_annotation(field.annotation) or field.annotation)
        inner = [mark] if isinstance(mark, Block) else []
        if isinstance(mark, Choice):
            inner = [mark.block(kind) for kind in mark.catalogue]
        for option in inner:
            yield from _all_paths(option, here)
