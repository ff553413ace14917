"""In what two resolved scenarios differ."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from dvdn_sim.scenario.yaml_text import flow_text


def differences(before: str, now: str) -> list[str]:
    """What changed between two resolved scenarios, one line for each value.

    Args:
        before: YAML text.
        now: YAML text.

    Raises:
        ValueError: One of them is no YAML.

    >>> differences("{a: {b: 1, c: 2}}", "{a: {b: 1, c: 3, d: []}}")
    ['a.c: 2 before, 3 now', 'a.d: nothing before, [] now']
    """
    try:
        old, new = (dict(_values(yaml.safe_load(text), "")) for text in (before, now))
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    return [
        f"{path}: {_said(old, path)} before, {_said(new, path)} now"
        for path in dict.fromkeys([*old, *new])
        if path not in old or path not in new or old[path] != new[path]
    ]


def _values(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """All that is no block, by its dotted path."""
    if not isinstance(value, Mapping):
        yield path, value
        return
    for key, inner in value.items():
        yield from _values(inner, f"{path}.{key}" if path else str(key))


def _said(values: Mapping[str, Any], path: str) -> str:
    return flow_text(values[path]) if path in values else "nothing"
