"""Quantities with units: field types of specs, and how numbers are written for a reader.

A field of type `Time`, `Rate`, `Size`, `Probability`, `Length` or `Speed` takes a number in SI units or a string that
carries its unit, such as ``"5 ms"``; from then on it is a plain float or int. YAML must write units: validated with the
context `UNITS_REQUIRED`, a bare number is refused. Prefixes are the SI's (k = 1000) and, with an ``i``, the IEC's
(Ki = 1024). Names are case-sensitive, because ``m`` is milli and ``M`` is mega.

>>> from pydantic import TypeAdapter
>>> TypeAdapter(Time).validate_python("5 ms"), TypeAdapter(Rate).validate_python("20 Mbit/s")
(0.005, 20000000.0)
>>> TypeAdapter(Time).dump_python(0.005)
'5 ms'
"""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, get_args

from pydantic import (
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

UNITS_REQUIRED = {"units": "required"}
"""Validation context of whoever reads YAML."""

MAX_S = 1e9
"""Durations end here (32 years), so that nanoseconds of the clock stay far from the limits of an int64."""
MAX_M = 1e9
"""Lengths end here (a million kilometres), and speeds at as much in a second, so that squares of them stay finite."""
MAX_BYTES = 1e15
"""Sizes end here (a petabyte), so that the time of a packet on the slowest wire can be computed."""

_TEXT = re.compile(r"\s*([-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S*)\s*")


@dataclass(frozen=True, eq=False)
class Quantity:
    """Marks a number with a unit: how it is read, checked, and written back.

    Attributes:
        noun: what it is, for messages: ``a time``.
        units: what each unit is worth.
        written: units used in writing; none where the bare number is the natural form.
        usual: units to propose for a number that was given without one.
        examples: texts that are well formed.
        bare: whether a number needs no unit even where units are required.
        least: smallest number allowed.
        most: greatest number allowed.
        whole: whether it must be a whole number.
        words: numbers that have a name, such as ``unlimited``.

    >>> TIME.read("2 min"), TIME.read(0.25), RATE.read("unlimited"), PROBABILITY.read("10%")
    (120.0, 0.25, inf, 0.1)
    """

    noun: str
    units: Mapping[str, float]
    written: tuple[str, ...]
    usual: tuple[str, ...]
    examples: tuple[str, ...]
    bare: bool = False
    least: float = 0.0
    most: float = math.inf
    whole: bool = False
    words: Mapping[str, float] = field(default_factory=dict)

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            self._validate, serialization=core_schema.plain_serializer_function_ser_schema(self.format)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return self.json_schema()

    def json_schema(self) -> JsonSchemaValue:
        """Return the JSON schema of what YAML may write.

        >>> SPEED.json_schema()
        {'type': 'string', 'examples': ['1.5 m/s'], 'description': 'a speed'}
        """
        text: JsonSchemaValue = {"type": "string", "examples": list(self.examples), "description": self.noun}
        return {"anyOf": [{"type": "number", "minimum": 0}, text]} if self.bare else text

    def _validate(self, value: object, info: core_schema.ValidationInfo) -> float:
        required = not self.bare and info.context is not None and info.context.get("units") == "required"
        if required and isinstance(value, int | float) and not isinstance(value, bool):
            raise refusal(f"{value} has no unit", self.remedy(value))
        return self.read(value)

    def read(self, value: object) -> float:
        """Return a number, or a text with a unit, as a number in SI units.

        Raises:
            PydanticCustomError: (a ValueError) for anything else, a missing unit, NaN, and a number out of range.

        >>> TIME.read("5")
        Traceback (most recent call last):
        pydantic_core._pydantic_core.PydanticCustomError: `5` is not a time; write it as `50 ms` or `2 s` \
(units: ns, us, ms, s, min, h)
        """
        if isinstance(value, str) and value in self.words:
            return self.words[value]
        number = self._number(value)
        if number is None:
            bare = value if isinstance(value, int | float) and not isinstance(value, bool) else None
            meant = bare is not None and self._in_usual_units(bare)
            raise refusal(f"{shown(value)} is not {self.noun}", (not meant and self._bound(value)) or self.remedy(bare))
        return number

    def _bound(self, value: object) -> str:
        """Return the bound that a value crosses; empty for what is no number, or within them."""
        number = _number(value, self.units)
        if number is None or math.isnan(number) or self.least <= number <= self.most:
            return ""
        name, bound = ("at least", self.least) if number < self.least else ("at most", self.most)
        text = self.format(bound)
        return f"{name} {text if isinstance(text, str) else f'{text:g}'}"

    def _in_usual_units(self, number: float) -> list[str]:
        """Return a bare number with each of the usual units, as far as that makes sense."""
        texts = [f"{number} {unit}".replace(" %", "%") for unit in self.usual]
        if texts and number and not 0.1 <= number < 10_000:  # nobody counts in these units: it is in the SI's
            in_si = self._number(number)
            texts = [] if in_si is None else [str(self.format(in_si))]
        return [text for text in texts if self._number(text) is not None]

    def _number(self, value: object) -> float | None:
        """Return the number in SI units, None for what is none or out of range."""
        if isinstance(value, float) and value in self.words.values():
            return value
        number = _number(value, self.units)
        if number is None or not (math.isfinite(number) and self.least <= number <= self.most):
            return None
        if not self.whole:
            return number
        return round(number) if abs(number - round(number)) <= 1e-9 * number else None

    def format(self, number: float) -> str | float:
        """Return the plainest text that `read` takes for exactly this number; the number itself if it needs no unit.

        >>> TIME.format(0.05), RATE.format(2e7), SIZE.format(1472), PROBABILITY.format(0.1), RATE.format(math.inf)
        ('50 ms', '20 Mbit/s', '1472 B', '10%', 'unlimited')
        """
        named = [word for word, value in self.words.items() if value == number]
        texts = named or [text for unit in self.written for text in self._texts(number, unit)]
        exact = [text for text in texts if text in named or self._number(text) == number]
        if exact:
            return min(exact, key=lambda text: ("." in text, len(text)))
        one = next((unit for unit in self.written if self.units[unit] == 1), None)
        return number if one is None else f"{number!r} {one}"  # no unit gives it exactly in plain figures

    def _texts(self, number: float, unit: str) -> list[str]:
        """Return ways to say a number in a unit: as a person would, and to the last bit."""
        figures = [f"{number / self.units[unit]:.{digits}g}" for digits in (15, 17)]
        gap = "" if unit == "%" else " "
        return [f"{figure}{gap}{unit}" for figure in figures if "e" not in figure]

    def remedy(self, number: float | None = None) -> str:
        """Return how to write one, for messages: the number with units, or else the examples.

        >>> TIME.remedy(50), SPEED.remedy()
        ('write it as `50 ms` or `50 s` (units: ns, us, ms, s, min, h)', 'write it as `1.5 m/s`')
        """
        readable = ([] if number is None else self._in_usual_units(number)) or self.examples
        listing = f" (units: {', '.join(self.written)})" if len(self.written) > 1 else ""
        return f"write it as {' or '.join(f'`{text}`' for text in readable)}{listing}"


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

TIME = Quantity("a time", TIMES, ("ns", "us", "ms", "s", "min", "h"), ("ms", "s"), ("50 ms", "2 s"), most=MAX_S)
RATE = Quantity(
    "a rate", RATES, ("bit/s", "kbit/s", "Mbit/s", "Gbit/s"), ("Mbit/s", "kbit/s"), ("20 Mbit/s", UNLIMITED),
    least=1.0, words={UNLIMITED: math.inf},
)  # fmt: skip
SIZE = Quantity("a size", SIZES, ("B", "kB", "MB"), ("B", "kB"), ("1472 B", "6.4 kB"), most=MAX_BYTES, whole=True)
PROBABILITY = Quantity(
    "a probability", {"%": 0.01, "": 1.0}, ("%",), ("%",), ("10%", "0.1"), bare=True, most=1.0
)  # fmt: skip
FRACTION = replace(PROBABILITY, noun="a number from 0 to 1", examples=("0.05", "5%"), usual=(), written=())
LENGTH = Quantity("a length", LENGTHS, ("m", "km"), ("m", "km"), ("30 m", "1.2 km"), most=MAX_M)
SPEED = Quantity("a speed", SPEEDS, ("m/s",), ("m/s",), ("1.5 m/s",), most=MAX_M)

Time = Annotated[float, TIME]
"""Seconds."""
PositiveTime = Annotated[float, TIME, Field(gt=0.0)]
Rate = Annotated[float, RATE]
"""Bits per second, at least 1 (a link that carries nothing is absent from the topology); infinite for ``unlimited``."""
Size = Annotated[int, SIZE]
"""Bytes."""
Probability = Annotated[float, PROBABILITY]
"""From 0 to 1."""
Fraction = Annotated[float, FRACTION]
"""From 0 to 1, written as a bare number."""
Length = Annotated[float, LENGTH]
"""Metres."""
Speed = Annotated[float, SPEED]
"""Metres per second."""

Natural = Annotated[int, Field(strict=True, ge=0)]
Count = Annotated[int, Field(strict=True, ge=1)]
Number = Annotated[float, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]

CLOSED = ConfigDict(extra="forbid", allow_inf_nan=False, populate_by_name=True)
"""Configuration of every spec. Strictness is left to the scalars: here it would make nested specs refuse mappings."""


class Spec:
    """What every spec extends: a frozen dataclass whose fields pydantic reads from texts, mappings and numbers alike.

    One of several kinds is declared with its name, ``class Ring(TopologyKind, kind="ring")``: its first field then.
    Where its base has fields, all are given by name. Other specs are decorated with ``@dataclass(frozen=True,
    init=False, config=CLOSED)`` of pydantic, whose ``init=False`` says that pydantic writes the constructor.
    """

    if TYPE_CHECKING:
        kind: str
        __dataclass_fields__: ClassVar[dict[str, Any]]

        def __init__(self, *values: object, **named: object) -> None: ...

    def __init_subclass__(cls, kind: str = "") -> None:
        super().__init_subclass__()
        if kind:
            cls.__annotations__ = {"kind": Literal[kind]} | cls.__annotations__
            cls.kind = field(default=kind, kw_only=True, repr=False)
            written, keywords = "__repr__" in vars(cls), hasattr(cls, "__dataclass_fields__")
            pydantic_dataclass(frozen=True, init=False, repr=not written, kw_only=keywords, config=CLOSED)(cls)

    def _settle(self, **values: object) -> None:
        """Put in place what follows from the given values; for ``__post_init__``, before anybody sees the spec."""
        for name, value in values.items():
            object.__setattr__(self, name, value)


@dataclass(frozen=True, eq=False)
class Bare:
    """Marks a choice of kinds, a field of one of which a plain value may stand for: ``delay: 5 ms`` is constant."""

    kind: str
    field: str
    quantity: Quantity

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._as_block, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [self.quantity.json_schema(), handler(schema)]}

    def _as_block(self, value: object) -> object:
        plain = isinstance(value, str | int | float)
        return {"kind": self.kind, self.field: value} if plain else value


def or_own(method: str) -> WrapValidator:
    """Let a choice of kinds take a model of the user's own, too: anything that has the method."""

    def model(value: object, handler: ValidatorFunctionWrapHandler) -> object:
        return value if callable(getattr(value, method, None)) else handler(value)

    return WrapValidator(model)


def kinds_of(choice: object) -> dict[str, type]:
    """Return the classes of an annotated union by their kind: the catalogue of what may be chosen."""
    union = get_args(choice)[0]
    return {cls.__dataclass_fields__["kind"].default: cls for cls in get_args(union)}


def refusal(said: str, remedy: str = "") -> PydanticCustomError:
    """Return the error of a validator that words its own message: what is wrong, and what to write instead."""
    return PydanticCustomError("said", "{said}; {remedy}" if remedy else "{said}", {"said": said, "remedy": remedy})


def shown(value: object) -> str:
    r"""Return a value as a reader of YAML knows it, in one line, cut to a sensible length.

    >>> shown(None), shown({}), shown("a\nb")
    ('nothing (null)', 'a block', '`a\\nb`')
    """
    if value is None or isinstance(value, bool):
        return {None: "nothing (null)", True: "true", False: "false"}[value]
    if isinstance(value, dict | list):
        return "a block" if isinstance(value, dict) else "a list"
    return f"`{legible(str(value), most=58)}`"


def legible(text: str, most: int = 100) -> str:
    r"""Return a text for a message: in one line, without what a terminal would obey or cannot show, and not too long.

    >>> print(legible("a\nb\x1b[31m"), legible("x" * 9, most=6))
    a\nb\x1b[31m xxx...
    """
    cut = text if len(text) <= most else f"{text[: most - 3]}..."
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in cut)


def count(value: object, name: str, minimum: int = 0) -> int:
    """Return an argument that has to be a whole number of at least `minimum`; a ValueError names it.

    >>> count(3, "limit")
    3
    """
    if type(value) is int and value >= minimum:  # of every other stream's name, so it comes first
        return value
    if isinstance(value, bool) or not isinstance(value, Integral) or value < minimum:
        raise ValueError(f"{name}: expected a whole number of at least {minimum}, got {value!r}")
    return int(value)


def checked_probability(probability: float) -> float:
    """Return an argument that has to be in [0, 1]."""
    if not 0.0 <= probability <= 1.0:
        raise ValueError(f"probability: expected a number in [0, 1], got {probability!r}")
    return probability


def checked_state(state: object, names: Collection[str], owner: str) -> Mapping[str, Any]:
    """Return a saved state, a mapping with exactly these keys; it holds what parameters and seed cannot tell.

    >>> checked_state({"free_ns": 5}, ["free_ns", "now_ns"], "server")
    Traceback (most recent call last):
    ValueError: state of a server: expected free_ns, now_ns, got free_ns
    """
    if not isinstance(state, Mapping) or state.keys() != set(names):
        found = ", ".join(map(str, state)) if isinstance(state, Mapping) else repr(state)
        raise ValueError(f"state of a {owner}: expected {', '.join(names) or 'nothing'}, got {found or 'nothing'}")
    return state


def milliseconds(duration_s: float) -> str:
    """Return a duration for a reader, with the unit that suits it.

    >>> milliseconds(0.005), milliseconds(2.5), milliseconds(3e-6)
    ('5 ms', '2.5 s', '3 us')
    """
    return _in_unit(duration_s, TIMES, ("s", "ms", "us", "ns"))


def bit_rate(rate: float) -> str:
    """Return a rate for a reader, with the unit that suits it.

    >>> bit_rate(20e6), bit_rate(5468.75), bit_rate(math.inf)
    ('20 Mbit/s', '5.469 kbit/s', 'unlimited rate')
    """
    return "unlimited rate" if math.isinf(rate) else _in_unit(rate, RATES, ("Gbit/s", "Mbit/s", "kbit/s", "bit/s"))


def _in_unit(number: float, worth: Mapping[str, float], units: Sequence[str]) -> str:
    """Return a number in the first of the units, the largest first, of which it is one or more; or else the last."""
    unit = next((unit for unit in units if number >= worth[unit]), units[-1])
    return f"{number / worth[unit]:.4g} {unit}"


def _number(value: object, units: Mapping[str, float]) -> float | None:
    if isinstance(value, str):
        match = _TEXT.fullmatch(value)
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
