"""Running sums of trackers: against the books that papers keep, and what is in flight."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_tracking import SINGLE, PlainRunningSums, Quadratics, Sgd, lossy, ring, schedule_of
from strategies import any_facts, rounds_of_graphs

from dvdn_sim.consensus import POLICIES, lossless_facts, metropolis
from dvdn_sim.learners import TRACKERS, Exchanged
from netmodels.topology import Graph

SELF = POLICIES["self"](metropolis)
LR, P = 0.1, 3
TWO = lossless_facts([Graph.undirected(2, [(0, 1)])])


def tracking(omega):
    return TRACKERS["running_sum"](omega, Sgd(LR), schedule_of(omega.shape[-1]))


def step(tracker, omega, gradient, facts, learning=None):
    tracker.step(
        omega,
        gradient,
        updates=SINGLE,
        exchanges=[{0: Exchanged(facts, SELF.operator(facts)[-1])}],
        learning=np.ones(omega.shape[:2], bool) if learning is None else np.array([learning]),
    )


@given(
    st.integers(2, 5).flatmap(
        lambda n: st.lists(
            any_facts(graphs=rounds_of_graphs(fewest=n, most=n, max_rounds=1, connected=False)), min_size=1, max_size=8
        )
    ),
    st.integers(0, 10**6),
)
@settings(max_examples=25)
def test_what_is_in_flight_is_sigma_minus_rho(facts, seed):
    """Agent by agent, link by link, over graphs that switch and any losses: z, ω and σ - ρ to 1e-12."""
    rng = np.random.default_rng(seed)
    n_agents = facts[0].n_agents
    omega = torch.from_numpy(np.tile(rng.normal(size=P), (1, n_agents, 1)))
    plain, tracker = PlainRunningSums(omega[0].numpy(), LR, last_heard=False), tracking(omega)
    for each in facts:
        gradient = rng.normal(size=(n_agents, P))
        plain.step(gradient, each, metropolis(each)[0])
        step(tracker, omega, torch.from_numpy(gradient[None]), each)
        found = tracker.state
        np.testing.assert_allclose(omega[0], plain.omega, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(found["tracker"][0], plain.z, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(found["in_flight"][0], plain.sigma - plain.rho, rtol=1e-12, atol=1e-12)


def test_totals_grow_and_what_is_in_flight_does_not():
    """A steady gradient: σ grows with every update, σ - ρ stays what a few lost messages carried."""
    rng = np.random.default_rng(5)
    omega = torch.zeros(1, 5, P, dtype=torch.float64)
    plain, tracker = PlainRunningSums(omega[0].numpy(), LR, last_heard=False), tracking(omega)
    for _ in range(300):
        facts = lossy(ring(5), 0.3, rng)
        plain.step(np.ones((5, P)), facts, metropolis(facts)[0])
        step(tracker, omega, torch.ones_like(omega), facts)
    assert plain.sigma.max() > 50
    assert float(tracker.state["in_flight"].abs().max()) < 5


def test_without_loss_nothing_is_in_flight():
    omega = torch.zeros(1, 5, P, dtype=torch.float64)
    tracker, rng = tracking(omega), np.random.default_rng(0)
    for _ in range(10):
        step(tracker, omega, torch.from_numpy(rng.normal(size=(1, 5, P))), lossless_facts([ring(5)]))
        assert not tracker.state["in_flight"].any()
        assert float(tracker.figures(omega)["tracker_in_flight"]) == 0.0


def test_a_lost_share_waits_and_comes_with_the_next_message():
    """By hand, N = 2, a = ½, g = (8, 0) at first and for ever.

    1: z = (8, 0), each gives half, 0 → 1 is lost: z = (4, 0), 4 in flight.
    2: z = (4, 0), 0 gives 2 more, all is heard: z = (2, 6), nothing in flight.
    """
    omega, gradient = torch.zeros(1, 2, 1), torch.tensor([[[8.0], [0.0]]])
    tracker = tracking(omega)
    lost = TWO.without_senders(np.array([True, False]))
    step(tracker, omega, gradient, lost)
    assert tracker.state["tracker"].flatten().tolist() == [4.0, 0.0]
    assert tracker.state["in_flight"].flatten().tolist() == [0.0, 4.0, 0.0, 0.0]
    step(tracker, omega, gradient, TWO)
    assert tracker.state["tracker"].flatten().tolist() == [2.0, 6.0]
    assert not tracker.state["in_flight"].any()


def test_an_agent_that_sent_and_crashed_before_it_was_done_sets_it_right_later():
    """By hand: as above, but in update 2 agent 0 crashes after it was heard. It keeps z = 4, its total of update 1.

    Heard were 4 + 2; so less than nothing, -2, is then in flight. In update 3 it gives 2 again, which 1 has already.
    """
    omega, gradient = torch.zeros(1, 2, 1), torch.tensor([[[8.0], [0.0]]])
    tracker = tracking(omega)
    step(tracker, omega, gradient, TWO.without_senders(np.array([True, False])))
    step(tracker, omega, gradient, TWO, learning=[False, True])
    assert tracker.state["tracker"].flatten().tolist() == [4.0, 6.0]
    assert tracker.state["in_flight"].flatten().tolist() == [0.0, -2.0, 0.0, 0.0]
    step(tracker, omega, gradient, TWO)
    assert tracker.state["tracker"].flatten().tolist() == [2.0 + 3.0, 3.0]
    assert not tracker.state["in_flight"].any()


def test_a_restart_drops_what_is_in_flight_and_opens_new_books():
    """Everyone's z := g but for the agent that lost its own; in the other replica nothing happens."""
    rng = np.random.default_rng(2)
    omega = torch.zeros(2, 3, P, dtype=torch.float64)
    tracker = tracking(omega)
    for _ in range(4):
        facts = [lossy(Graph.undirected(3, [(0, 1), (1, 2)]), 0.5, rng) for _ in range(2)]
        exchange = {replica: Exchanged(each, SELF.operator(each)[-1]) for replica, each in enumerate(facts)}
        gradient = torch.from_numpy(rng.normal(size=(2, 3, P)))
        learning = np.ones((2, 3), bool)
        tracker.step(omega, gradient, updates=np.zeros(2, int), exchanges=[exchange], learning=learning)
    state = tracker.state
    before = {name: tensor.clone() for name, tensor in state.items()}
    assert before["in_flight"].abs().sum((1, 2, 3)).all()
    tracker.forget(torch.tensor([[False, False, False], [False, True, False]]))
    for name, tensor in state.items():
        assert torch.equal(tensor[0], before[name][0]), name
    expected = gradient[1].clone()
    expected[1] = 0.0
    assert torch.equal(state["tracker"][1], expected)
    assert torch.equal(state["gradient"][1], expected)
    assert not state["in_flight"][1].any()
    assert state["epochs"].tolist() == [0, 1]
    assert float(tracker.figures(omega)["tracker_imbalance"].max()) < 1e-14


def test_several_rounds_are_refused():
    omega = torch.zeros(1, 2, 1)
    with pytest.raises(ValueError, match="one round per exchange, not 2"):
        step(tracking(omega), omega, omega, lossless_facts([Graph.undirected(2, [(0, 1)])] * 2))


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_weight_to_oneself_is_faster_than_what_was_last_heard(p):
    """Why a lost v_j is not replaced by an old one: the same luck, updates until all are within 1e-8 of the optimum."""
    problem, needed = Quadratics(5, P, seed=0), []
    for last_heard in (False, True):
        rng = np.random.default_rng(1)
        plain = PlainRunningSums(np.zeros((5, P)), LR, last_heard=last_heard)
        for update in range(2000):
            facts = lossy(ring(5), p, rng)
            omega = torch.from_numpy(plain.omega[None])
            if problem.off(omega) < 1e-8:
                needed.append(update)
                break
            plain.step(problem.gradient(omega)[0].numpy(), facts, metropolis(facts)[0])
    assert len(needed) == 2
    assert needed[0] < 0.97 * needed[1]
