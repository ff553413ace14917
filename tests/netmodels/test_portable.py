"""Draws of equal bits on every platform: what they are made of is as exact as a library's, their bits are golden."""

import hashlib
import math
from statistics import NormalDist

import numpy as np
import pytest
from numba import njit
from numba.extending import register_jitable
from scipy import stats

from dvdn_sim.network import simulation
from dvdn_sim.scenario import LognormalTime, NormalTime
from netmodels import portable
from netmodels.links.delay import Empirical, Exponential, Lognormal, Normal, Pareto, Uniform, delay_draws
from netmodels.links.loss import Bernoulli, GilbertElliott, LossTrace, loss_draws
from netmodels.on_off import OnOff
from netmodels.streams import stream
from netmodels.topology import Instant, RandomConnected, RandomWaypoint

UNIFORMS = stream(0, "uniform").random(20_000)
ENDS = np.array([0.0, 2.0**-53, 0.075, 0.5, 0.925, 1.0 - 2.0**-53])


def last_places(found, expected):
    """How many units in the last place, at most, numbers are apart."""
    return np.max(np.abs(found - expected) / np.spacing(np.abs(expected)))


@pytest.mark.parametrize(
    "numbers", [UNIFORMS[UNIFORMS > 0.0], 1.0 + 1e-3 * (UNIFORMS - 0.5), np.ldexp(1.0 + UNIFORMS, 40), ENDS[1:5]]
)
def test_logarithms_are_those_of_the_library(numbers):
    assert last_places(portable.log(numbers), np.array([math.log(x) for x in numbers])) <= 2.0


def test_exponentials_are_those_of_the_library():
    numbers = np.concatenate([1400.0 * UNIFORMS - 700.0, 1e-9 * UNIFORMS, [0.0, 700.0, -700.0]])
    assert last_places(portable.exp(numbers), np.array([math.exp(x) for x in numbers])) <= 2.0


def test_normal_draws_are_quantiles_of_the_normal_distribution():
    uniforms = np.concatenate([UNIFORMS, ENDS[1:]])
    expected = np.array([NormalDist().inv_cdf(p) for p in uniforms])
    assert np.allclose(portable.normal(uniforms), expected, rtol=1e-14, atol=1e-15)
    assert portable.normal(ENDS)[0] == pytest.approx(NormalDist().inv_cdf(2.0**-54), rel=1e-14)


def test_exponential_draws_are_quantiles_of_the_exponential_distribution():
    expected = np.array([-math.log1p(-u) for u in UNIFORMS])
    assert np.allclose(portable.exponential(UNIFORMS), expected, rtol=1e-14, atol=0.0)
    assert portable.exponential(ENDS)[0] == 0.0


@pytest.mark.parametrize("deviation", [1e-12, 1e-6, 0.3, 2.0, 1e6])
def test_a_lognormal_has_the_mean_and_deviation_that_were_asked_for(deviation):
    mu, sigma = portable.lognormal(3.0, deviation)
    variance = math.log1p((deviation / 3.0) ** 2)
    assert (mu, sigma) == pytest.approx((math.log(3.0) - variance / 2.0, math.sqrt(variance)), rel=1e-14)


@pytest.mark.parametrize("transform", [portable.normal, portable.exponential, portable.log, portable.exp])
def test_compiled_they_have_the_same_bits(transform):
    for each in (portable.log, portable.polynomial, portable.ratio, transform):
        register_jitable(each)

    @njit
    def one_by_one(numbers):
        out = np.empty_like(numbers)
        for index in range(len(numbers)):
            out[index] = transform(numbers[index])
        return out

    numbers = np.concatenate([UNIFORMS, ENDS])[transform is portable.log :]
    numbers = numbers[numbers > 0.0] if transform is portable.log else numbers
    assert np.array_equal(one_by_one(numbers), transform(numbers))


LAWS = {
    "exponential": (Exponential(2.0), stats.expon(scale=2.0)),
    "normal": (Normal(9.0, 1.0), stats.norm(9.0, 1.0)),
    "lognormal": (Lognormal(2.0, 1.0), stats.lognorm(*[math.sqrt(math.log(1.25))], scale=2.0 / math.sqrt(1.25))),
    "pareto": (Pareto(3.0, shape=1.5), stats.pareto(1.5)),
    "uniform": (Uniform(2.0, 1.0), stats.uniform(1.0, 2.0)),
}


@pytest.mark.parametrize("name", LAWS)
def test_delays_follow_their_laws(name):
    """A Kolmogorov-Smirnov test of 50 000 delays; scipy knows the laws."""
    model, law = LAWS[name]
    delays = model.sampler(stream(1, "law", name))(50_000)
    assert stats.kstest(delays, law.cdf).pvalue > 1e-3


def delays(model):
    return delay_draws(model, 7, "delay", 0, 1).take(1000)


def losses(model):
    return loss_draws(model, 7, "loss", 0, 1).take(1000)


def times(model):
    times = simulation.ComputeTimes(model, 7, [3])
    return [times.take()[0] for _ in range(1000)]


GOLDEN = {
    "uniform": (lambda: delays(Uniform("9 ms", "4 ms")), "01fb984115cf0e8b"),
    "normal": (lambda: delays(Normal("9 ms", "4 ms")), "e42a0d0c3834bb59"),
    "lognormal": (lambda: delays(Lognormal("9 ms", "4 ms")), "a7bd46844d9d3186"),
    "pareto": (lambda: delays(Pareto("9 ms", "4 ms")), "0d6bdbb99c3e665e"),
    "exponential": (lambda: delays(Exponential("9 ms")), "591a227d760e1e2b"),
    "empirical": (lambda: delays(Empirical(values=("1 ms", "2 ms", "5 ms"))), "b11d93d15407abec"),
    "bernoulli": (lambda: losses(Bernoulli("20%")), "22a05f22b2802560"),
    "gemodel": (lambda: losses(GilbertElliott("3%", "25%")), "c384f0240a551139"),
    "trace": (lambda: losses(LossTrace(values=(0, 1, 1, 0, 0))), "2de587f4403a3627"),
    "normal compute": (lambda: times(NormalTime(mean=0.01, jitter=0.002)), "c841bdfa2360c6f5"),
    "lognormal compute": (lambda: times(LognormalTime(mean=0.01, jitter=0.002)), "f1ce00793ea23ce2"),
    "up and down": (lambda: OnOff(stream(7, "x"), 3.0, 1.0).window(0, 10**12).intervals, "9fb3fce067373b1d"),
    "waypoints": (
        lambda: RandomWaypoint(area=(9.0, 5.0), speed=(1.0, 2.0), pause=1.0).positions(4, 7, 10**11).tolist(),
        "04ed5ee79dfdad7f",
    ),
    "random connected": (lambda: RandomConnected(edges=12).graph(9, 7, Instant(3)).edges, "9c845cbee94505fe"),
}


@pytest.mark.parametrize("family", GOLDEN)
def test_draws_have_the_same_bits_everywhere(family):
    draw, golden = GOLDEN[family]
    assert hashlib.sha256(repr(draw()).encode()).hexdigest()[:16] == golden
