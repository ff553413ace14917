"""Quantities are written in the plainest way that is read back exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvdn_sim.scenario.quantities import Probability, Quantity, Rate, Size, Time, rate_text, time_text
from netmodels import units


def quantity(annotation: object) -> Quantity:
    mark = annotation.__metadata__[0]
    assert isinstance(mark, Quantity)
    return mark


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.05, "50 ms"),
        (0.1, "100 ms"),
        (2.5, "2500 ms"),
        (60.0, "60 s"),
        (3600.0, "1 h"),
        (90.0, "90 s"),
        (3e-6, "3 us"),
        (0.0, "0 s"),
    ],
)
def test_times(seconds, text):
    assert time_text(seconds) in (text, "0 ns")
    assert units.TIME.read(time_text(seconds)) == seconds


@pytest.mark.parametrize(
    ("rate", "text"), [(20e6, "20 Mbit/s"), (250e3, "250 kbit/s"), (1.5e6, "1500 kbit/s"), (float("inf"), "unlimited")]
)
def test_rates(rate, text):
    assert rate_text(rate) == text


@given(st.floats(0.0, 1e9))
def test_any_time_comes_back(seconds):
    assert units.TIME.read(time_text(seconds)) == seconds


@given(st.floats(1.0, 1e18))
def test_any_rate_comes_back(rate):
    assert quantity(Rate).parse(rate_text(rate)) == rate


@given(st.integers(0, 10**15))
def test_any_size_comes_back(size):
    assert quantity(Size).parse(quantity(Size).write(size)) == size


@given(st.floats(0.0, 1.0))
def test_any_probability_comes_back(p):
    assert quantity(Probability).parse(quantity(Probability).write(p)) == p


def test_examples_are_what_they_are_examples_of():
    for annotation in (Time, Rate, Size, Probability):
        for text in quantity(annotation).examples:
            assert quantity(annotation).parse(text) > 0.0
