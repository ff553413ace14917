"""A choice by name: ``{"kind": name, option: value, …}`` becomes the dataclass of that name."""

import keyword
from collections.abc import Callable, Mapping
from typing import TypeVar

Model = TypeVar("Model")


def of_kind(name: str, kinds: Mapping[str, type[Model]], options: Mapping[str, object]) -> Model:
    """Build the kind that a mapping names from its other keys.

    A key that is a Python keyword, such as ``for``, becomes the field of that name with an underscore, ``for_``.

    Args:
        name: what is being chosen, for errors.
        kinds: dataclass by kind.
        options: ``kind`` and the fields of that dataclass.

    Returns:
        The model.

    Raises:
        ValueError: for an unknown kind or option, or one that is missing or does not fit.

    >>> of_kind("number", {"integer": int}, {"kind": "real"})
    Traceback (most recent call last):
    ValueError: number.kind: expected one of integer, got 'real'
    """
    kind = options.get("kind")
    if not isinstance(kind, str) or kind not in kinds:
        raise ValueError(f"{name}.kind: expected one of {', '.join(kinds)}, got {kind!r}")
    build: Callable[..., Model] = kinds[kind]
    fields = {f"{key}_" if keyword.iskeyword(key) else key: value for key, value in options.items() if key != "kind"}
    try:
        return build(**fields)
    except TypeError as error:
        raise ValueError(f"{name}: {kind} does not take {fields!r}: {error}") from error
