import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmodels import Link, LinkSpec
from netmodels.links import (
    DELAYS,
    Constant,
    DelayTrace,
    Empirical,
    Exponential,
    Lognormal,
    Normal,
    Pareto,
    Uniform,
    delay_draws,
)
from netmodels.streams import stream

DRAWS = 50_000
MODELS = [
    Constant("5 ms"),
    Normal("5 ms", "2 ms"),
    Normal("1 ms", "2 ms"),
    Normal("0 s", "1 s"),
    Normal("3 ms", "0 s"),
    Uniform("5 ms", "2 ms"),
    Uniform("5 ms", "0 s"),
    Exponential("5 ms"),
    Lognormal("10 ms", "3 ms"),
    Lognormal("10 ms", "0 s"),
    Lognormal("1 ms", "1 ms"),
    Pareto("10 ms", jitter="2 ms"),
    Pareto("10 ms", shape=6.0),
    Pareto("10 ms", shape=2.5),
    Pareto("10 ms", shape=1.8),
    Empirical(values=("1 ms", "2 ms", "2 ms", "7 ms")),
]


@pytest.fixture(params=MODELS, ids=repr)
def model(request):
    return request.param


@pytest.fixture
def sample(model):
    return model.sampler(stream(12, "delay"))(DRAWS)


@pytest.mark.parametrize(
    ("model", "mean", "variance"),
    [
        (Uniform("5 ms", "2 ms"), 0.005, 4e-6 / 3),
        (Normal(0.0, 2.0), 2 / math.sqrt(2 * math.pi), 4 * (0.5 - 1 / (2 * math.pi))),  # rectified: half of it is at 0
        (Exponential("5 ms"), 0.005, 25e-6),
        (Lognormal("10 ms", "3 ms"), 0.01, 9e-6),
        (Pareto("10 ms", jitter="2 ms"), 0.01, 4e-6),
        (Empirical(values=("1 ms", "2 ms", "2 ms", "7 ms")), 0.003, 5.5e-6),
    ],
    ids=repr,
)
def test_mean_and_variance(model, mean, variance, in_sigmas):
    sample = model.sampler(stream(12, "delay"))(DRAWS)
    assert model.mean == pytest.approx(mean)
    assert (sample >= 0).all()
    in_sigmas.mean(sample, mean)
    in_sigmas.variance(sample, mean, variance)


def test_quantiles(model, sample, in_sigmas):
    for probability in (0.01, 0.25, 0.5, 0.9, 0.995):
        in_sigmas.quantile(sample, probability, model.quantile(probability))


def test_mean_of_a_heavy_tail_by_its_quantiles():
    model = Pareto("10 ms", shape=1.8)
    steps = 2_000_000
    integral = sum(model.quantile((k + 0.5) / steps) for k in range(0, steps, 4)) * 4 / steps
    assert integral == pytest.approx(model.mean, rel=2e-3)


@settings(deadline=None)
@given(st.sampled_from(MODELS), st.floats(0.001, 0.999))
def test_cdf_and_quantile_belong_together(model, probability):
    quantile = model.quantile(probability)
    assert model.cdf(quantile) >= probability - 1e-9
    assert model.cdf(quantile * (1 - 1e-9) - 1e-15) <= probability + 1e-6


def test_a_link_delays_as_stated(model, in_sigmas):
    """Through the link, in free order; to a nanosecond."""
    link = Link(LinkSpec(rate="unlimited", delay=model, fifo=False), seed=6)
    taken = np.concatenate([link.offer(k, 50 * 1472).arrival_ns - k for k in range(400)]) / 1e9
    for probability in (0.01, 0.5, 0.9, 0.99):
        in_sigmas.quantile(taken, probability, round(model.quantile(probability), 9))


def test_trace_repeats_in_order():
    values = [0.001, 0.003, 0.002]
    sample = DelayTrace(values=tuple(values), offset=0).sampler(stream(0, "x"))
    assert [value for n in (2, 1, 5, 4) for value in sample(n).tolist()] == values * 4
    assert DelayTrace(values=tuple(values)).mean == pytest.approx(0.002)


def test_nanoseconds_are_the_rounded_seconds(model):
    seconds = model.sampler(stream(2, "delay", 0, 1))(32)
    assert delay_draws(model, 2, "delay", 0, 1).take(32) == [round(value * 1e9) for value in seconds.tolist()]


@pytest.mark.parametrize("probability", [-0.1, 1.1, math.nan])
def test_quantile_refuses(model, probability):
    with pytest.raises(ValueError, match="probability"):
        model.quantile(probability)


def test_every_kind_is_tested_here():
    assert set(DELAYS.values()) == {type(model) for model in MODELS} | {DelayTrace}
