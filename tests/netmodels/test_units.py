"""Field types: what they take, with and without units required, and that what they write is read back exactly."""

import math
from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from netmodels.units import (
    FRACTION,
    LENGTH,
    PROBABILITY,
    RATE,
    SIZE,
    SPEED,
    TIME,
    UNITS_REQUIRED,
    Probability,
    Rate,
    Size,
    Time,
    count,
)

QUANTITIES = [TIME, RATE, SIZE, PROBABILITY, LENGTH, SPEED]


def said(field_type, value, context):
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(field_type).validate_python(value, context=context)
    [error] = refused.value.errors()
    return error["ctx"]


@pytest.mark.parametrize("field_type", [Time, Rate, Size])
def test_a_bare_number_is_refused_where_units_are_required(field_type):
    assert TypeAdapter(field_type).validate_python(50) == 50
    assert said(field_type, 50, UNITS_REQUIRED)["said"] == "50 has no unit"


def test_a_probability_needs_no_unit():
    assert TypeAdapter(Probability).validate_python(0.1, context=UNITS_REQUIRED) == 0.1


def test_what_is_wrong_and_what_to_write_instead():
    assert said(Time, 50, UNITS_REQUIRED)["remedy"] == "write it as `50 ms` or `50 s` (units: ns, us, ms, s, min, h)"
    assert said(Time, "soon", None)["said"] == "`soon` is not a time"


@pytest.mark.parametrize(
    ("quantity", "number", "text"),
    [
        (TIME, 0.05, "50 ms"),
        (TIME, 2.5, "2500 ms"),
        (TIME, 60.0, "60 s"),
        (TIME, 3600.0, "1 h"),
        (TIME, 3e-6, "3 us"),
        (TIME, 0.0, "0 s"),
        (RATE, 20e6, "20 Mbit/s"),
        (RATE, 1.5e6, "1500 kbit/s"),
        (RATE, math.inf, "unlimited"),
    ],
)
def test_the_plainest_text(quantity, number, text):
    assert quantity.format(number) == text


@given(st.floats(0.0, 1e9), st.floats(1.0, 1e18), st.integers(0, 10**15), st.floats(0.0, 1.0))
def test_any_number_comes_back(seconds, rate, size, probability):
    for quantity, number in zip((TIME, RATE, SIZE, PROBABILITY), (seconds, rate, size, probability), strict=True):
        assert quantity.read(quantity.format(number)) == number


@pytest.mark.parametrize("quantity", QUANTITIES, ids=lambda quantity: quantity.noun)
def test_examples_are_what_they_are_examples_of(quantity):
    assert all(quantity.read(text) > 0.0 for text in quantity.examples)


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (TIME.read, "5 ms", 0.005),
        (TIME.read, "5ms", 0.005),
        (TIME.read, "3 ms", 0.003),
        (TIME.read, "1e3 us", 0.001),
        (TIME.read, " 1.5 h ", 5400.0),
        (TIME.read, 0, 0.0),
        (TIME.read, np.float64(0.25), 0.25),
        (RATE.read, "20 Mbit/s", 20e6),
        (RATE.read, "250 kbit/s", 250e3),
        (RATE.read, "1 MB/s", 8e6),
        (RATE.read, "unlimited", math.inf),
        (RATE.read, math.inf, math.inf),
        (RATE.read, 1000, 1000.0),
        (SIZE.read, "6.4 kB", 6400),
        (SIZE.read, "212 kB", 212_000),
        (SIZE.read, "2 KiB", 2048),
        (SIZE.read, "150_000 B", 150_000),
        (SIZE.read, np.int64(3), 3),
        (PROBABILITY.read, "10%", 0.1),
        (PROBABILITY.read, "3%", 0.03),
        (PROBABILITY.read, 1, 1.0),
        (PROBABILITY.read, "0.5", 0.5),
        (LENGTH.read, "1.2 km", 1200.0),
    ],
)
def test_reads(read, value, expected):
    assert read(value) == expected


@pytest.mark.parametrize(
    ("read", "value"),
    [
        *[(read, bad) for read in (TIME.read, RATE.read, SIZE.read, LENGTH.read)
          for bad in (True, math.nan, -1, "5", "-5 ms", "nan s", "five", "", None, [1], "5 parsecs", "5 ms ms", 1j)],
        *[(read, 10**400) for read in (TIME.read, RATE.read, SIZE.read, PROBABILITY.read)],
        (SIZE.read, "1e300 B"),
        (LENGTH.read, "1e300 km"),
        (SPEED.read, 1e10),
        (TIME.read, math.inf),
        (TIME.read, "5 MS"),
        (SIZE.read, math.inf),
        (SIZE.read, 1.5),
        (SIZE.read, "1.2345 kB"),
        (SIZE.read, "5 kb"),
        (RATE.read, 0),
        (RATE.read, "0 Mbit/s"),
        (RATE.read, "20 Mbps"),
        (RATE.read, "0.5 bit/s"),
        *[(PROBABILITY.read, bad) for bad in (-0.1, 1.1, "101%", "x%", True, math.nan, None)],
    ],
)  # fmt: skip
def test_refuses_with_a_remedy(read, value):
    with pytest.raises(ValueError, match=r"is not a .*; (write it as `|at (least|most) \d)"):
        read(value)


@pytest.mark.parametrize("value", [True, 1.0, "3", -1, None])
def test_count_refuses(value):
    with pytest.raises(ValueError, match="limit"):
        count(value, "limit")


@pytest.mark.parametrize(
    ("quantity", "value", "remedy"),
    [
        (RATE, 20e6, "write it as `20 Mbit/s`"),
        (RATE, 20, "write it as `20 Mbit/s` or `20 kbit/s`"),
        (RATE, 10**10, "write it as `10 Gbit/s`"),
        (TIME, 0.05, "write it as `50 ms`"),
        (TIME, 1e-6, "write it as `1 us`"),
        (SIZE, 64_000, "write it as `64 kB`"),
        (LENGTH, 0.01, "write it as `0.01 m`"),
    ],
)
def test_a_bare_number_is_given_a_unit_that_suits_it(quantity, value, remedy):
    """Nobody counts 20 million Mbit/s, or 0.05 ms."""
    assert quantity.remedy(value).partition(" (")[0] == remedy


@pytest.mark.parametrize(
    ("quantity", "value", "bound"),
    [
        (FRACTION, 1.5, "at most 1"), (FRACTION, -0.5, "at least 0"), (PROBABILITY, "120%", "at most 100%"),
        (TIME, "-5 ms", "at least 0 s"), (TIME, "100 h", None), (TIME, "1e9 h", "at most 1000000000 s"),
        (RATE, "0.5 bit/s", "at least 1 bit/s"), (SPEED, 1e10, "at most 1000000000 m/s"),
    ],
)  # fmt: skip
def test_out_of_range_says_the_bound(quantity, value, bound):
    with pytest.raises(ValueError, match=f"; {bound}$") if bound else nullcontext():
        quantity.read(value)
