"""Errors of the notes, delayed consensus and round times, against docs/method.md and against trials."""

import math
from itertools import combinations

import numpy as np
import pytest
from enumeration import (
    connected_graphs,
    delayed_limit,
    every_loss,
    ratio_steps,
)

from dvdn_sim.consensus import WEIGHTS, Heard, PullSteps, expected_round_time, trajectory, weight_matrix
from netmodels import LinkSpec
from netmodels.topology import Graph


def weights_of(graphs):
    return np.array([weight_matrix(WEIGHTS["metropolis"], graph) for graph in graphs])


def steps_of(graphs):
    weights = weights_of(graphs)
    return weights + (1 - weights.sum(2))[..., None] * np.eye(weights.shape[-1])


# docs/method.md (closed forms): rms error, N = 5, one graph with 6 links for all rounds, 400 trials, hence ± 5%.
MEASURED = {
    (0.1, 1): (0.493, 0.441, 0.426), (0.1, 3): (0.254, 0.236, 0.229), (0.1, 10): (0.062, 0.096, 0.090),
    (0.1, 60): (0.0, 0.083, 0.077), (0.3, 1): (0.661, 0.546, 0.507), (0.3, 3): (0.404, 0.314, 0.297),
    (0.3, 10): (0.143, 0.160, 0.158), (0.3, 60): (7e-4, 0.136, 0.139),
}  # fmt: skip


@pytest.mark.parametrize(("p", "rounds"), MEASURED)
def test_the_measured_errors_of_the_notes(p, rounds):
    """`sym` with perfect acks, `self` and `balanced` (here: renormalize)."""
    graphs = connected_graphs(5, 6)
    weights, q = weights_of(graphs), 1 - p
    every = [
        PullSteps(weights, Heard.together(q * q)), PullSteps(weights, Heard.one_way(q)),
        ratio_steps(steps_of(graphs), q),
    ]  # fmt: skip
    rms = [math.sqrt(trajectory(steps, rounds).mse[:, -1].mean()) for steps in every]
    print(p, rounds, np.round(rms, 4), MEASURED[p, rounds])  # noqa: T201
    assert rms == pytest.approx(MEASURED[p, rounds], rel=0.1, abs=1.5e-3)


def test_delayed_consensus_tends_to_the_limit():
    rng = np.random.default_rng(0)
    graph = Graph.undirected(5, [(0, 1), (1, 2), (2, 3), (3, 4), (0, 2)])
    weights = weights_of([graph])[0]
    delays = rng.integers(0, 4, (5, 5))
    x = rng.standard_normal(5)
    history = [x] * 5
    for _ in range(3000):
        now = history[-1]
        pulls = [
            sum(weights[i, j] * (history[-1 - delays[i, j]][j] - now[i]) for j in range(5) if weights[i, j])
            for i in range(5)
        ]
        history = [*history[-4:], now + np.array(pulls)]
    np.testing.assert_allclose(history[-1], delayed_limit(weights, delays, x), atol=1e-9)
    assert delayed_limit(weights, np.zeros((5, 5), int), x) == pytest.approx(x.mean())


@pytest.mark.parametrize("delay", ["5 ms", {"kind": "normal", "mean": "5 ms", "jitter": "2 ms"},
                                   {"kind": "lognormal", "mean": "5 ms", "jitter": "5 ms"}])  # fmt: skip
@pytest.mark.parametrize(("p", "degree", "deadline"), [(0.1, 1, 0.05), (0.3, 4, 0.012), (0.0, 3, math.inf)])
def test_expected_round_time_against_drawn_ones(delay, p, degree, deadline):
    link = LinkSpec(rate="20 Mbit/s", delay=delay, loss=p)
    expected = expected_round_time(lambda u: link.completion_quantile(1000, u), 1 - p, degree, deadline)
    rng, n = np.random.default_rng(1), 100_000
    arrivals = link.serialisation_ns(1028) / 1e9 + link.delay.sampler(rng)(n * degree).reshape(n, degree)
    arrivals[rng.random((n, degree)) < p] = math.inf
    times = np.minimum(arrivals.max(1), deadline)
    assert abs(times.mean() - expected) <= 4 * times.std() / math.sqrt(n) + 2e-7


def test_a_round_without_neighbours_takes_no_time_and_loss_needs_a_deadline():
    assert expected_round_time(lambda _: 1.0, 0.5, 0, 1.0) == 0.0
    with pytest.raises(ValueError, match="deadline_s"):
        expected_round_time(lambda _: 1.0, 0.5, 1, math.inf)


def test_every_loss_is_a_distribution_over_facts():
    graph = Graph.undirected(3, combinations(range(3), 2))
    held = np.zeros((1, 6))
    total = 0.0
    for chance, facts in every_loss([graph], 0.3):
        total, held = total + chance, held + chance * facts.held
    assert total == pytest.approx(1.0)
    np.testing.assert_allclose(held, 0.3)
