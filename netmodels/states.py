"""What changes with time can be saved: its `state`, as JSON can say it, is what its `restore` goes on from.

Such a state has no more than what cannot be worked out again from parameters and seed.
"""

from collections.abc import Collection, Mapping
from typing import Any


def checked_state(state: object, names: Collection[str], owner: str) -> Mapping[str, Any]:
    """Refuse a state of something else.

    Args:
        state: what should be a mapping.
        names: its keys, all of them.
        owner: what it should be the state of, for errors.

    Returns:
        The state.

    Raises:
        ValueError: for what is no mapping, or one with other keys.

    >>> checked_state({"free_ns": 5}, ["free_ns", "now_ns"], "server")
    Traceback (most recent call last):
    ValueError: state of a server: expected free_ns, now_ns, got free_ns
    """
    if not isinstance(state, Mapping) or state.keys() != set(names):
        found = ", ".join(map(str, state)) if isinstance(state, Mapping) else repr(state)
        raise ValueError(f"state of a {owner}: expected {', '.join(names) or 'nothing'}, got {found or 'nothing'}")
    return state
