"""Field types of scenarios: quantities that carry their unit, and numbers that are what they look like.

The arithmetic of units is `netmodels.units`; here is only that YAML must write them, and how they are written back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, cast

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from dvdn_sim.scenario.scalars import legible
from netmodels import units

AUTO = "auto"
"""Stands for a wait that is worked out."""


@dataclass(frozen=True, eq=False)
class Quantity:
    """How a number with a unit is read from YAML and written back.

    Attributes:
        noun: what it is, for messages: ``a time``.
        examples: texts that are well formed.
        usual: units to propose for a number that was written without one.
        read: `netmodels.units` reader of such a text, which raises ValueError.
        units: what each unit used in writing is worth; empty where the bare number is the natural form.
        bare: whether a number without a unit will do.
    """

    noun: str
    examples: tuple[str, ...]
    usual: tuple[str, ...]
    read: Callable[[object], float]
    units: Mapping[str, float]
    bare: bool = False

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate with `parse`."""
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe the texts (and numbers) that `parse` takes."""
        text: JsonSchemaValue = {"type": "string", "examples": list(self.examples), "description": self.noun}
        return {"anyOf": [{"type": "number", "minimum": 0}, text]} if self.bare else text

    def parse(self, value: object) -> float:
        """Return ``value`` as a number in SI units."""
        if not self.bare and isinstance(value, int | float) and not isinstance(value, bool):
            raise refusal(f"{value} has no unit", self.remedy(value))
        try:
            return self.read(value)
        except ValueError as error:
            number = value if isinstance(value, int | float) and not isinstance(value, bool) else None
            raise refusal(f"{shown(value)} is not {self.noun}", self.remedy(number)) from error

    def write(self, number: float) -> str | float:
        """Return the plainest text that `parse` reads as exactly ``number``; the number itself if it needs no unit."""
        exact = [text for unit in self.units for text in self._texts(number, unit) if self._reads_as(text, number)]
        return min(exact, key=lambda text: ("." in text, len(text)), default=self._fallback(number))

    def _texts(self, number: float, unit: str) -> list[str]:
        """Return ways to say ``number`` in ``unit``: as a person would, and to the last bit."""
        figures = [f"{number / self.units[unit]:.{digits}g}" for digits in (15, 17)]
        gap = "" if unit == "%" else " "
        return [f"{figure}{gap}{unit}" for figure in figures if "e" not in figure]

    def _reads_as(self, text: str, number: float) -> bool:
        try:
            return self.read(text) == number
        except ValueError:  # half a byte
            return False

    def _readable(self, text: str) -> bool:
        """Return whether `read` takes ``text``: no negative time, no size of half a byte."""
        try:
            self.read(text)
        except ValueError:
            return False
        return True

    def _fallback(self, number: float) -> str | float:
        """Return ``number`` where no unit gives it exactly in plain figures."""
        one = next((unit for unit, worth in self.units.items() if worth == 1), None)
        return number if one is None else f"{number!r} {one}"

    def remedy(self, number: float | None = None) -> str:
        """Return how to write one, for messages: ``number`` with units, or else the examples."""
        texts = self.examples if number is None else [f"{number} {unit}".replace(" %", "%") for unit in self.usual]
        readable = [f"`{text}`" for text in texts if self._readable(text)] or [f"`{text}`" for text in self.examples]
        listing = f" (units: {', '.join(self.units)})" if len(self.units) > 1 else ""
        return f"write it as {' or '.join(readable)}{listing}"


class _Rate(Quantity):
    """A rate, which may be ``unlimited``."""

    def write(self, number: float) -> str | float:
        return units.UNLIMITED if number == float("inf") else super().write(number)


class _Deadline(Quantity):
    """A time to wait, which may be ``auto``."""

    def parse(self, value: object) -> float:
        return cast("float", AUTO) if value == AUTO else super().parse(value)

    def write(self, number: float) -> str | float:
        return AUTO if number == cast("float", AUTO) else super().write(number)

    def _readable(self, text: str) -> bool:
        return text == AUTO or super()._readable(text)


def refusal(said: str, remedy: str = "") -> PydanticCustomError:
    """Return the error of a validator that words its own message."""
    return PydanticCustomError("said", "{said}", {"said": said, "remedy": remedy})


def shown(value: object) -> str:
    """Return ``value`` as a reader of the YAML knows it, cut to a sensible length."""
    if value is None or isinstance(value, bool):
        return {None: "nothing (null)", True: "true", False: "false"}[value]
    if isinstance(value, dict | list):
        return "a block" if isinstance(value, dict) else "a list"
    return f"`{legible(str(value), most=58)}`"


def _worth(known: Mapping[str, float], *names: str) -> dict[str, float]:
    return {name: known[name] for name in names}


TIMES = _worth(units.TIMES, "ns", "us", "ms", "s", "min", "h")
RATES = _worth(units.RATES, "bit/s", "kbit/s", "Mbit/s", "Gbit/s")
SIZES = _worth(units.SIZES, "B", "kB", "MB")
LENGTHS = _worth(units.LENGTHS, "m", "km")

_TIME = Quantity("a time", ("50 ms", "2 s"), ("ms", "s"), units.TIME.read, TIMES)
_RATE = _Rate("a rate", ("20 Mbit/s", "unlimited"), ("Mbit/s", "kbit/s"), units.RATE.read, RATES)

_DEADLINE = _Deadline("a time", ("50 ms", "auto"), ("ms", "s"), units.TIME.read, TIMES)

Time = Annotated[float, _TIME]
Deadline = Annotated[float | Literal["auto"], _DEADLINE]
Rate = Annotated[float, _RATE]
Size = Annotated[int, Quantity("a size", ("1472 B", "6.4 kB"), ("B", "kB"), units.SIZE.read, SIZES)]
Probability = Annotated[
    float, Quantity("a probability", ("10%", "0.1"), ("%",), units.PROBABILITY.read, {"%": 0.01}, bare=True)
]
Length = Annotated[float, Quantity("a length", ("30 m", "1.2 km"), ("m", "km"), units.LENGTH.read, LENGTHS)]
Speed = Annotated[float, Quantity("a speed", ("1.5 m/s",), ("m/s",), units.SPEED.read, units.SPEEDS)]
Fraction = Annotated[float, Quantity("a number from 0 to 1", ("0.05", "5%"), (), units.PROBABILITY.read, {}, bare=True)]

Natural = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]


def time_text(seconds: float) -> str:
    """Return a time with its plainest unit.

    >>> time_text(0.05)
    '50 ms'
    """
    return str(_TIME.write(seconds))


def rate_text(bits_per_second: float) -> str:
    """Return a rate with its plainest unit.

    >>> rate_text(2e7)
    '20 Mbit/s'
    """
    return str(_RATE.write(bits_per_second))
