"""What a scenario can choose, as rows of (name, meaning, keys)."""

from collections.abc import Iterator

from dvdn_sim.scenario.blocks import Block, BlockField, Choice, block_fields, entry_annotation, mark_of
from dvdn_sim.scenario.catalogue import POLICIES
from dvdn_sim.scenario.walk import ROOT
from dvdn_sim.scenario.write import plain_value
from dvdn_sim.scenario.yaml_text import flow_text
from netmodels import LinkSpec
from netmodels.catalogue import PRESETS

Row = tuple[str, str, str]

_PATHS: dict[str, tuple[str, ...]] = {
    "envs": ("env",),
    "algorithms": ("algorithm",),
    "links": ("network.link.delay", "network.link.loss"),
    "topologies": ("network.topology",),
    "faults": ("network.faults",),
}


def listing(family: str) -> dict[str, list[Row]]:
    """Return what there is to choose, by the path that chooses it.

    Args:
        family: ``envs``, ``algorithms``, ``links``, ``topologies``, ``policies``, ``presets`` or
            ``faults``.

    >>> [name for name, _, _ in listing("topologies")["network.topology.kind"]][:3]
    ['complete', 'ring', 'path']
    """
    if family == "policies":
        return {"algorithm.consensus.policy": [(name, meaning, "") for name, meaning in POLICIES.items()]}
    if family == "presets":
        return {"network.link.preset": [(name, *_said_of(preset)) for name, preset in PRESETS.items()]}
    choices = dict(_choices(ROOT, ""))
    return {f"{path}.kind": [_row(choices[path], kind) for kind in choices[path].catalogue] for path in _PATHS[family]}


def _said_of(preset: LinkSpec) -> tuple[str, str]:
    """Return what a preset does to packets, and to a message of a minibatch's TD errors."""
    link, _, message = preset.describe(6424).partition("\n")
    return link, message


def _choices(block: Block, prefix: str) -> Iterator[tuple[str, Choice]]:
    """Yield every choice of a scenario with its path."""
    for field in block_fields(block):
        mark = mark_of(entry_annotation(field.annotation) or field.annotation)
        if isinstance(mark, Choice):
            yield prefix + field.name, mark
        elif isinstance(mark, Block):
            yield from _choices(mark, f"{prefix}{field.name}.")


def _row(choice: Choice, kind: str) -> Row:
    """Return one kind with its meaning and its keys."""
    block = choice.block(kind)
    return kind, (block.cls.__doc__ or "").partition("\n")[0], ", ".join(map(_key, block_fields(block)))


def _key(field: BlockField) -> str:
    """Return a key as YAML writes it, with its default; with dots where it has none."""
    default = "..." if field.required else flow_text(plain_value(field.annotation, field.default))
    return f"{field.name}: {default}"
