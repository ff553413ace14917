import math

import pytest

from netmodels.links import Constant, Normal, delay_draws
from netmodels.streams import stream

DRAWS = 200_000
MODELS = [
    Constant("5 ms"),
    Normal("5 ms", "2 ms"),
    Normal("1 ms", "2 ms"),
    Normal("0 s", "1 s"),
    Normal("3 ms", "0 s"),
]


@pytest.fixture(params=MODELS, ids=repr)
def model(request):
    return request.param


def test_sample_has_the_stated_moments_and_quantiles(model, in_sigmas):
    sample = model.sampler(stream(11, "delay"))(DRAWS)
    assert (sample >= 0).all()
    in_sigmas.mean(sample, model.mean)
    in_sigmas.variance(sample, model.mean, model.variance)
    for probability in (0.01, 0.25, 0.5, 0.9, 0.999):
        in_sigmas.quantile(sample, probability, model.quantile(probability))


def test_nanoseconds_are_the_rounded_seconds(model):
    seconds = model.sampler(stream(2, "delay", 0, 1))(32)
    assert delay_draws(model, 2, "delay", 0, 1).take(32) == [round(value * 1e9) for value in seconds.tolist()]


def test_rectified_moments_by_hand():
    # z = 0: half of the mass is at 0, the other half is a half-normal of mean sigma·sqrt(2/pi)
    model = Normal(0.0, 2.0)
    assert math.isclose(model.mean, 2.0 / math.sqrt(2.0 * math.pi))
    assert math.isclose(model.variance, 4.0 * (0.5 - 1.0 / (2.0 * math.pi)))


@pytest.mark.parametrize("probability", [-0.1, 1.1, math.nan])
def test_quantile_refuses(model, probability):
    with pytest.raises(ValueError, match="probability"):
        model.quantile(probability)
