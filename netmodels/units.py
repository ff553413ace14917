"""Quantities with units: numbers in SI units, or strings such as ``"5 ms"`` and ``"20 Mbit/s"``.

Each reader takes the value and the name of the parameter that it was given for, and refuses what it cannot read with
a ``ValueError`` that names both. A string must carry its unit; only probabilities have none.

Prefixes are the SI's (k = 1000) and, with an ``i``, the IEC's (Ki = 1024). Names are case-sensitive, because ``m`` is
milli and ``M`` is mega.
"""

import math
import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from numbers import Integral, Real

LONGEST_S = 1e9
"""Durations end here (32 years), so that nanoseconds of the clock stay far from the limits of an int64."""

LONGEST_M = 1e9
"""Lengths end here (a million kilometres), and speeds at as much in a second, so that squares of them stay finite."""

LARGEST_BYTES = 1e15
"""Sizes end here (a petabyte), so that the time of a packet on the slowest wire can be computed."""

UNLIMITED = "unlimited"
"""The rate of a link that serialises in no time."""

TIMES: Mapping[str, float] = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "min": 60.0,
    "h": 3600.0,
}
SIZES: Mapping[str, float] = {
    "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
}  # fmt: skip
RATES: Mapping[str, float] = {
    "bit/s": 1, "kbit/s": 10**3, "Mbit/s": 10**6, "Gbit/s": 10**9, "Tbit/s": 10**12,
    "Kibit/s": 2**10, "Mibit/s": 2**20, "Gibit/s": 2**30,
    "B/s": 8, "kB/s": 8 * 10**3, "MB/s": 8 * 10**6, "GB/s": 8 * 10**9,
}  # fmt: skip
SPEEDS: Mapping[str, float] = {"m/s": 1.0}
LENGTHS: Mapping[str, float] = {"mm": 1e-3, "cm": 1e-2, "m": 1.0, "km": 1e3}

_QUANTITY = re.compile(r"\s*([-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S*)\s*")


def seconds(value: object, name: str = "time") -> float:
    """Read a duration.

    Args:
        value: seconds as a number, or a string with one of the units in `TIMES`.
        name: parameter named in the error.

    Returns:
        Seconds, from 0 to `LONGEST_S`.

    Raises:
        ValueError: for anything else, a missing unit, a boolean, NaN, or a negative value.

    >>> seconds("5 ms"), seconds(0.25), seconds("2 min")
    (0.005, 0.25, 120.0)
    >>> seconds("5", "delay")
    Traceback (most recent call last):
    ValueError: delay: expected seconds or a string such as '5 ms' (units: ns, us, µs, μs, ms, s, min, h), got '5'
    """
    wanted = "seconds or a string such as '5 ms'"
    duration = _quantity(value, name, TIMES, wanted)
    if duration > LONGEST_S:
        raise ValueError(f"{name}: expected at most {LONGEST_S:g} s, got {value!r}")
    return duration


def nanoseconds(value: object, name: str = "time") -> int:
    """Read a duration as whole nanoseconds, rounded to the nearest.

    Args:
        value: seconds as a number, or a string with one of the units in `TIMES`.
        name: parameter named in the error.

    Returns:
        Nanoseconds.

    Raises:
        ValueError: as `seconds`.

    >>> nanoseconds("1.5 us")
    1500
    """
    return round(seconds(value, name) * 1e9)


def bits_per_second(value: object, name: str = "rate") -> float:
    """Read a transmission rate.

    Args:
        value: bits per second as a number, a string with one of the units in `RATES`, or ``"unlimited"``.
        name: parameter named in the error.

    Returns:
        Bits per second, at least 1; infinity for ``"unlimited"``.

    Raises:
        ValueError: for anything else, zero included: a link that carries nothing is absent from the topology.

    >>> bits_per_second("20 Mbit/s"), bits_per_second("unlimited")
    (20000000.0, inf)
    """
    wanted = "bits per second, 'unlimited', or a string such as '20 Mbit/s'"
    if value == UNLIMITED or (isinstance(value, float) and value == math.inf):
        return math.inf
    rate = _quantity(value, name, RATES, wanted)
    if rate < 1.0:
        raise ValueError(f"{name}: must be at least 1 bit/s, got {value!r}")
    return rate


def size_bytes(value: object, name: str = "size") -> int:
    """Read a size.

    Args:
        value: bytes as a whole number, or a string with one of the units in `SIZES`.
        name: parameter named in the error.

    Returns:
        Bytes, at most `LARGEST_BYTES`.

    Raises:
        ValueError: for anything else, and for a size that is not a whole number of bytes.

    >>> size_bytes("6.4 kB"), size_bytes("1 KiB")
    (6400, 1024)
    """
    size = _quantity(value, name, SIZES, "bytes or a string such as '6.4 kB'")
    if abs(size - round(size)) > 1e-9 * size:
        raise ValueError(f"{name}: must be a whole number of bytes, got {value!r}")
    if size > LARGEST_BYTES:
        raise ValueError(f"{name}: expected at most {LARGEST_BYTES:g} bytes, got {value!r}")
    return round(size)


def metres(value: object, name: str = "length") -> float:
    """Read a length.

    Args:
        value: metres as a number, or a string with one of the units in `LENGTHS`.
        name: parameter named in the error.

    Returns:
        Metres, at most `LONGEST_M`.

    Raises:
        ValueError: for anything else.

    >>> metres("1.2 km")
    1200.0
    """
    length = _quantity(value, name, LENGTHS, "metres or a string such as '30 m'")
    if length > LONGEST_M:
        raise ValueError(f"{name}: expected at most {LONGEST_M:g} m, got {value!r}")
    return length


def metres_per_second(value: object, name: str = "speed") -> float:
    """Read a speed.

    Args:
        value: metres per second as a number, or a string with one of the units in `SPEEDS`.
        name: parameter named in the error.

    Returns:
        Metres per second, at most `LONGEST_M`.

    Raises:
        ValueError: for anything else.

    >>> metres_per_second(2), metres_per_second("1.5 m/s")
    (2.0, 1.5)
    """
    speed = _quantity(value, name, SPEEDS, "metres per second or a string such as '1.5 m/s'")
    if speed > LONGEST_M:
        raise ValueError(f"{name}: expected at most {LONGEST_M:g} m/s, got {value!r}")
    return speed


def probability(value: object, name: str = "probability") -> float:
    """Read a probability.

    Args:
        value: a number in [0, 1], or a string such as ``"10%"`` or ``"0.1"``.
        name: parameter named in the error.

    Returns:
        The probability.

    Raises:
        ValueError: for anything else, and outside [0, 1].

    >>> probability("10%"), probability(0.25)
    (0.1, 0.25)
    >>> probability(1.2, "loss")
    Traceback (most recent call last):
    ValueError: loss: expected a probability in [0, 1] or a string such as '10%', got 1.2
    """
    wanted = "a probability in [0, 1] or a string such as '10%'"
    number = _quantity(value, name, {"%": 0.01, "": 1.0}, wanted)
    if number > 1.0:
        raise ValueError(f"{name}: expected {wanted}, got {value!r}")
    return number


def positive(value: object, name: str) -> float:
    """Read a plain number above 0.

    Args:
        value: the number.
        name: parameter named in the error.

    Returns:
        The number, finite.

    Raises:
        ValueError: for anything else, booleans included.

    >>> positive(1.5, "factor")
    1.5
    """
    number = None if isinstance(value, str) else _number(value, {})
    if number is None or not 0.0 < number < math.inf:
        raise ValueError(f"{name}: expected a number above 0, got {value!r}")
    return number


def count(value: object, name: str, minimum: int = 0) -> int:
    """Read a whole number.

    Args:
        value: an integer.
        name: parameter named in the error.
        minimum: the least value allowed.

    Returns:
        The integer.

    Raises:
        ValueError: for anything else, booleans included.

    >>> count(3, "limit")
    3
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < minimum:
        raise ValueError(f"{name}: expected a whole number of at least {minimum}, got {value!r}")
    return int(value)


def listed(value: object, name: str) -> tuple[object, ...]:
    """Read a list.

    Args:
        value: anything with an order, an array too.
        name: parameter named in the error.

    Returns:
        What it holds.

    Raises:
        ValueError: for anything else, text, mappings and sets included.

    >>> listed([0, 1], "edges")
    (0, 1)
    """
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes, Mapping, AbstractSet)):
        raise ValueError(f"{name}: expected a list, got {value!r}")  # noqa: TRY004  (one kind of error for bad input)
    return tuple(value)


def milliseconds(duration_s: float) -> str:
    """Write a duration for a reader.

    Args:
        duration_s: seconds.

    Returns:
        Text with the unit that suits it.

    >>> milliseconds(0.005), milliseconds(2.5), milliseconds(3e-6)
    ('5 ms', '2.5 s', '3 us')
    """
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if duration_s * factor >= 1.0:
            return f"{duration_s * factor:.4g} {unit}"
    return f"{duration_s * 1e9:.4g} ns"


def bit_rate(rate: float) -> str:
    """Write a rate for a reader.

    Args:
        rate: bits per second.

    Returns:
        Text with the unit that suits it.

    >>> bit_rate(20e6), bit_rate(5468.75), bit_rate(math.inf)
    ('20 Mbit/s', '5.469 kbit/s', 'unlimited rate')
    """
    if math.isinf(rate):
        return "unlimited rate"
    for unit, factor in (("Gbit/s", 1e9), ("Mbit/s", 1e6), ("kbit/s", 1e3)):
        if rate >= factor:
            return f"{rate / factor:.4g} {unit}"
    return f"{rate:.4g} bit/s"


def _quantity(value: object, name: str, units: Mapping[str, float], wanted: str) -> float:
    number = _number(value, units)
    if number is None or not math.isfinite(number) or number < 0.0:
        listing = ", ".join(unit for unit in units if unit not in ("", "%"))
        suffix = f" (units: {listing})" if listing else ""
        raise ValueError(f"{name}: expected {wanted}{suffix}, got {value!r}")
    return number


def _number(value: object, units: Mapping[str, float]) -> float | None:
    if isinstance(value, str):
        match = _QUANTITY.fullmatch(value)
        if match is None or match[2] not in units:
            return None
        factor = units[match[2]]
        # Division keeps decimal fractions as they would be written: 5 / 1000 is 0.005, while 3 * 0.001 is not 0.003.
        return float(match[1]) * factor if factor >= 1.0 else float(match[1]) / round(1.0 / factor)
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        return float(value)
    except OverflowError:  # a whole number of more than 308 digits
        return math.inf
