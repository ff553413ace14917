"""Write counts, sizes and times for people: every message and page takes them from here.

Quantities that a scenario reads back (`5 ms`, `20 Mbit/s`) are written by the types that read them.
"""

import unicodedata
from collections.abc import Sequence
from typing import Any


def plural(count: int, noun: str) -> str:
    """Return a count with its noun.

    >>> plural(1, "seed"), plural(3, "seed")
    ('1 seed', '3 seeds')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def thousands(number: int) -> str:
    """Return a whole number with its thousands apart.

    >>> thousands(150_000)
    '150 000'
    """
    return f"{number:,}".replace(",", " ")


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence lists them.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def first_of(names: Sequence[str]) -> str:
    """Return the first of some names, and how many more there are.

    >>> first_of(["a"]), first_of(["a", "b", "c"])
    ('a', 'a and 2 more')
    """
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def size_text(size_bytes: float) -> str:
    """Return a size in the decimal unit that suits it.

    >>> size_text(512), size_text(51_000_000), size_text(1.234e9)
    ('0.5 kB', '51.0 MB', '1.2 GB')
    """
    unit, scale = next(
        ((unit, scale) for unit, scale in (("GB", 1e9), ("MB", 1e6)) if size_bytes >= scale), ("kB", 1e3)
    )
    return f"{size_bytes / scale:.1f} {unit}"


def duration_text(seconds: float) -> str:
    """Return how long something takes on the wall clock.

    >>> [duration_text(seconds) for seconds in (0.4, 34, 95, 7500)]
    ['0.4 s', '34 s', '2 min', '2 h 5 min']
    """
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def time_text(seconds: float) -> str:
    """Return how long something takes on the network's clock, in the unit that suits it.

    >>> [time_text(seconds) for seconds in (5.5297, 0.00553, 5.4e-5)]
    ['5.53 s', '5.53 ms', '54 µs']
    """
    scale, unit = next((each for each in ((1.0, "s"), (1e-3, "ms")) if seconds >= each[0]), (1e-6, "µs"))
    return f"{seconds / scale:.3g} {unit}"


def printable(said: Any) -> Any:
    r"""Return a text, or plain values with texts in them, with escapes for what a terminal obeys or cannot show.

    Lines stay lines. Whatever is printed, or read from a file that somebody else may have written, goes through here.

    >>> print(printable("a\nb\x1b[31m\x85"), printable({"\r": ["é", 1]}))
    a
    b\x1b[31m\x85 {'\\r': ['é', 1]}
    """
    if isinstance(said, str):
        return said if said.isprintable() else "".join(map(_seen, said))
    if isinstance(said, dict):
        return {printable(key): printable(value) for key, value in said.items()}
    return [printable(each) for each in said] if isinstance(said, list) else said


def _seen(character: str) -> str:
    if character.isprintable() or character == "\n" or unicodedata.category(character) == "Zs":  # blanks of any width
        return character
    return character.encode("unicode_escape").decode()
