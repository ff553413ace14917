"""Plain values as YAML text that `document` reads back as the same values."""

import yaml

from dvdn_sim.scenario.document import Value
from dvdn_sim.scenario.scalars import is_plain_text


class _Dumper(yaml.SafeDumper):
    """PyYAML's writer, with blocks indented, and quotes wherever a text would be read as something else."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002 (PyYAML's)
        """Indent lists within blocks too."""
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: object) -> bool:
        """Write every value out: readers refuse aliases."""
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if is_plain_text(text) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_block(dumper: yaml.SafeDumper, block: dict[str, Value]) -> yaml.MappingNode:
    nested = any(isinstance(value, dict) for value in block.values())
    return dumper.represent_mapping("tag:yaml.org,2002:map", block.items(), flow_style=not nested)


def _represent_list(dumper: yaml.SafeDumper, items: list[Value]) -> yaml.SequenceNode:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=True)


class _Flow(_Dumper):
    """The same, all in one line."""


def _represent_in_line(dumper: yaml.SafeDumper, block: dict[str, Value]) -> yaml.MappingNode:
    return dumper.represent_mapping("tag:yaml.org,2002:map", block.items(), flow_style=True)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(dict, _represent_block)
_Dumper.add_representer(list, _represent_list)
_Flow.add_representer(dict, _represent_in_line)


def block_text(value: Value) -> str:
    """Return ``value`` as lines, blocks without inner blocks on one.

    >>> print(block_text({"name": "null", "epsilon": {"start": 1.0, "steps": 10}, "seeds": [0, 1]}), end="")
    name: 'null'
    epsilon: {start: 1.0, steps: 10}
    seeds: [0, 1]
    """
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)


def flow_text(value: Value) -> str:
    """Return ``value`` in one line, as ``--set`` takes it.

    >>> flow_text({"kind": "vdn", "lr": 3e-4})
    '{kind: vdn, lr: 0.0003}'
    """
    text = yaml.dump(value, Dumper=_Flow, sort_keys=False, width=10**6, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")
