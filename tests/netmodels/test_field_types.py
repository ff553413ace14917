"""Field types: what they take, with and without units required, and that what they write is read back exactly."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from netmodels.units import (
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
