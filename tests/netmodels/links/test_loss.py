import math

import numpy as np
import pytest

from netmodels import Link, LinkSpec
from netmodels.links import LOSSES, Bernoulli, GilbertElliott, LossTrace, loss_draws
from netmodels.links.loss import mean_burst
from netmodels.streams import stream

DRAWS = 100_000
MODELS = [
    Bernoulli(0.0),
    Bernoulli("10%"),
    Bernoulli(1.0),
    GilbertElliott("3%", "25%"),
    GilbertElliott(0.2),
    GilbertElliott(0.7, 0.9),
    GilbertElliott(0.05, 0.2, 0.6),
    GilbertElliott(0.05, 0.2, 0.6, 0.02),
    GilbertElliott(0.9, 0.95, 0.8, 0.1),
    GilbertElliott(0.0, 0.0, 1.0, 0.3),
    GilbertElliott(1.0, 1.0),
    LossTrace(values=(0, 1, 1, 0, 0, 1, 0, 0)),
    LossTrace(values=(0, 1, 1, 0, 0, 1, 0, 0), lockstep=True, offset=3),
    LossTrace(values=(1,)),
]


@pytest.fixture(params=MODELS, ids=repr)
def model(request):
    return request.param


@pytest.fixture
def lost(model):
    return np.array(loss_draws(model, 5, "loss", 0, 1).take(DRAWS))


def test_long_run_rate(model, lost, in_sigmas):
    in_sigmas.batch_means(lost, model.loss_rate)


def test_mean_burst(model, lost, in_sigmas):
    if model.loss_rate in (0.0, 1.0):
        return
    bursts = burst_lengths(lost)
    in_sigmas.mean(bursts, mean_burst(model))


def burst_lengths(lost):
    edges = np.flatnonzero(np.diff(np.concatenate([[False], lost, [False]]).astype(int)))
    return edges[1::2] - edges[::2]


def test_bursts_of_the_classic_model_last_one_over_r(in_sigmas):
    lost = np.array(loss_draws(GilbertElliott(0.03, 0.25), 9, "loss").take(DRAWS))
    in_sigmas.mean(burst_lengths(lost), 4.0)
    assert math.isclose(GilbertElliott(0.03, 0.25).loss_rate, 0.03 / 0.28)


def test_netem_defaults():
    assert GilbertElliott(0.2) == GilbertElliott(0.2, 0.8, 1.0, 0.0)
    assert math.isclose(GilbertElliott(0.2).loss_rate, 0.2)
    assert math.isclose(mean_burst(GilbertElliott(0.2)), mean_burst(Bernoulli(0.2)))


@pytest.mark.parametrize("model", [m for m in MODELS if isinstance(m, GilbertElliott)], ids=repr)
def test_chain_in_blocks_is_the_chain_step_by_step(model):
    """The same uniforms through the definition, one packet after the other."""
    generator = stream(3, "loss")
    bad = generator.random() < model.bad_fraction
    expected = []
    for move, luck in generator.random((300, 2)).tolist():
        expected.append(luck < (model.one_minus_h if bad else model.one_minus_k))
        bad = move < model.p if not bad else move < 1.0 - model.r
    sample = model.sampler(stream(3, "loss"))
    assert [lost for n in (1, 7, 92, 200) for lost in sample(n).tolist()] == expected


@pytest.mark.slow
def test_start_is_stationary(in_sigmas):
    model = GilbertElliott(0.01, 0.04)
    first = [model.sampler(stream(0, "loss", link))(1)[0] for link in range(20_000)]
    in_sigmas.mean(np.array(first, dtype=float), 0.2)


def test_trace_repeats_in_order():
    draws = loss_draws(LossTrace(values=(0, 1, 1), offset=0), 0, "loss")
    assert draws.take(4) + draws.take(3) == [False, True, True, False, True, True, False]


def test_transmit_conserves_mass_and_keeps_the_stationary_state(model):
    stationary = model.stationary()
    saved, lost = model.transmit(stationary)
    assert saved.sum() + lost.sum() == pytest.approx(1.0)
    assert lost.sum() == pytest.approx(model.loss_rate)
    assert saved + lost == pytest.approx(stationary)


def test_a_link_loses_at_the_stated_rate(model, in_sigmas):
    link = Link(LinkSpec(rate="unlimited", delay=0, loss=model), seed=6)
    lost = [link.offer(k, 50 * 1472).arrival_ns == -1 for k in range(400)]
    in_sigmas.batch_means(np.concatenate(lost), model.loss_rate)


def test_every_kind_is_tested_here():
    assert set(LOSSES.values()) == {type(model) for model in MODELS}
