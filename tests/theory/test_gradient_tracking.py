"""What gradient tracking keeps, breaks, emulates and reaches: docs/gradient_tracking.md, in double precision."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from plain_tracking import Quadratics, Sgd, descend, gtadam_of, lossy, ring, schedule_of
from strategies import any_facts, heard_at_the_other_end, rounds_of_graphs

from dvdn_sim.consensus import POLICIES, Facts, lossless_facts, metropolis
from dvdn_sim.learners import TRACKERS, Exchanged, disagreement
from netmodels.topology import Complete, Graph

torch.set_num_threads(1)

FORMS = pytest.mark.parametrize("name", ["paper", "adapt_then_combine"])
P = 6


def begin(n_agents, size=P, seed=0):
    """Equal parameters for all agents."""
    start = np.random.default_rng(seed).normal(size=size)
    return torch.from_numpy(np.tile(start, (1, n_agents, 1)))


def make(name, omega, optimiser=None, **schedule):
    return TRACKERS[name](omega, optimiser or gtadam_of(omega, 0.05), schedule_of(omega.shape[-1], **schedule))


def exchanged(facts, policy="self"):
    return Exchanged(facts, POLICIES[policy](metropolis).operator(facts)[-1])


def of_operator(operator):
    """An exchange of which nothing but the operator counts."""
    return Exchanged(lossless_facts([Complete().graph(len(operator), seed=0)]), operator)


def step(tracker, omega, gradient, results, update, *, learning=None):
    count = len(tracker.messages(update))
    tracker.step(
        omega,
        gradient,
        updates=np.array([update]),
        exchanges=[{0: each} for each in results[:count]],
        learning=np.ones(omega.shape[:2], bool) if learning is None else np.array([learning]),
    )


def imbalance(tracker):
    """‖Σz + in flight - Σg‖, worked out here from the state."""
    state = tracker.state
    off = (state["tracker"] - state["gradient"]).sum(1)
    if "in_flight" in state:
        off = off + state["in_flight"].sum((1, 2))
    assert float(tracker.figures(state["tracker"])["tracker_imbalance"]) == pytest.approx(float(off.norm()), abs=1e-12)
    return float(off.norm())


def column_stochastic(n_agents):
    """Any: not symmetric, and rows sum to what they like."""
    weights = hnp.arrays(np.float64, (n_agents, n_agents), elements=st.floats(0, 1))
    return weights.map(lambda drawn: (drawn + np.eye(n_agents)) / (drawn + np.eye(n_agents)).sum(0))


# The sum of the trackers is the sum of the gradients


@FORMS
@given(data=st.data())
@settings(max_examples=25)
def test_sums_are_kept_by_columns_that_sum_to_one(name, data):
    """After every update, with GTAdam; every update exchanging, or some, all parameters or a block in turn."""
    n_agents = data.draw(st.integers(1, 5))
    schedule = {"every": data.draw(st.integers(1, 3)), "blocks": data.draw(st.integers(1, P))}
    omega, rng = begin(n_agents), np.random.default_rng(data.draw(st.integers(0, 10**6)))
    tracker = make(name, omega, **schedule)
    for update in range(6):
        results = [of_operator(data.draw(column_stochastic(n_agents))) for _ in range(2)]
        gradient = torch.from_numpy(rng.normal(size=(1, n_agents, P)))
        step(tracker, omega, gradient, results, update)
        assert imbalance(tracker) < 1e-12
        torch.testing.assert_close(tracker.state["gradient"], gradient, rtol=0, atol=0)


def one_round(n_agents, **kind):
    return any_facts(graphs=rounds_of_graphs(fewest=n_agents, most=n_agents, max_rounds=1, connected=False, **kind))


@FORMS
@given(data=st.data())
@settings(max_examples=25)
def test_sums_are_kept_by_symmetric_whatever_is_lost_and_whoever_is_away(name, data):
    """Agents that take no part, whose messages nobody then heard, have row and column of the identity."""
    n_agents = data.draw(st.integers(2, 5))
    omega, rng = begin(n_agents), np.random.default_rng(data.draw(st.integers(0, 10**6)))
    tracker = make(name, omega)
    for update in range(5):
        away = np.array(data.draw(st.lists(st.booleans(), min_size=n_agents, max_size=n_agents)))
        results = []
        for _ in tracker.messages(update):
            drawn = data.draw(one_round(n_agents))
            acked = Facts(n_agents, drawn.edges, drawn.active, drawn.latest, heard_at_the_other_end(drawn))
            results.append(exchanged(acked.without_senders(away), "symmetric"))
            identity = np.eye(n_agents)
            np.testing.assert_array_equal(results[-1].operator[away], identity[away])
            np.testing.assert_array_equal(results[-1].operator[:, away], identity[:, away])
        step(tracker, omega, torch.from_numpy(rng.normal(size=(1, n_agents, P))), results, update, learning=~away)
        assert imbalance(tracker) < 1e-12


@given(data=st.data())
@settings(max_examples=40)
def test_sums_with_what_is_in_flight_are_kept_by_running_sums_whatever_happens(data):
    """Switching graphs, one-way links, any losses, any agents that are not through, sent or not; blocks and pauses."""
    n_agents = data.draw(st.integers(1, 5))
    schedule = {"every": data.draw(st.integers(1, 2)), "blocks": data.draw(st.integers(1, P))}
    omega, rng = begin(n_agents), np.random.default_rng(data.draw(st.integers(0, 10**6)))
    tracker = make("running_sum", omega, **schedule)
    for update in range(6):
        facts = data.draw(one_round(n_agents, one_way=True)) if n_agents > 1 else lossless_facts([Graph(1, ())])
        learning = data.draw(st.lists(st.booleans(), min_size=n_agents, max_size=n_agents))
        gradient = torch.from_numpy(rng.normal(size=(1, n_agents, P)))
        step(tracker, omega, gradient, [exchanged(facts, "push_sum")], update, learning=learning)
        assert imbalance(tracker) < 1e-12


@FORMS
def test_a_message_lost_one_way_breaks_the_sum_for_ever(name):
    """`self`, two agents, 0 not heard by 1 in one exchange of trackers: columns sum to ½ and 3/2.

    By hand, with z = z_0, z_1 before: Σz falls by (z_0 - z_1)/2. Nothing that comes later mends it.
    """
    facts = lossless_facts([Graph.undirected(2, [(0, 1)])])
    lost = exchanged(facts.without_senders(np.array([True, False])))
    np.testing.assert_array_equal(lost.operator, [[0.5, 0.5], [0.0, 1.0]])
    omega, rng = begin(2), np.random.default_rng(0)
    tracker = make(name, omega)
    first, second = (torch.from_numpy(rng.normal(size=(1, 2, P))) for _ in range(2))
    for update in range(30):
        step(tracker, omega, second if update else first, [lost if update == 1 else exchanged(facts)] * 2, update)
        before = first if name == "paper" else (first.mean(1, keepdim=True) + second - first)
        expected = 0.0 if update == 0 else float((before[:, 0] - before[:, 1]).norm()) / 2
        assert imbalance(tracker) == pytest.approx(expected, abs=1e-12)
    assert expected > 0.5


@FORMS
def test_a_crash_after_being_heard_is_a_loss_one_way(name):
    """`symmetric` cannot know: 1 counts 0, which has acknowledged, and goes down before it is done."""
    omega, rng = begin(2), np.random.default_rng(0)
    tracker, facts = make(name, omega), lossless_facts([Graph.undirected(2, [(0, 1)])])
    for update in range(2):
        step(tracker, omega, torch.from_numpy(rng.normal(size=(1, 2, P))), [exchanged(facts, "symmetric")] * 2, update)
        assert imbalance(tracker) < 1e-12
    gradient = torch.from_numpy(rng.normal(size=(1, 2, P)))
    step(tracker, omega, gradient, [exchanged(facts, "symmetric")] * 2, 2, learning=[False, True])
    assert imbalance(tracker) > 0.1


@pytest.mark.parametrize("name", ["paper", "adapt_then_combine", "running_sum"])
def test_a_new_epoch_mends_the_sum(name):
    """After one-way losses, or a crash that lost its state."""
    omega, rng = begin(4), np.random.default_rng(1)
    tracker = make(name, omega)
    for update in range(5):
        gradient = torch.from_numpy(rng.normal(size=(1, 4, P)))
        step(tracker, omega, gradient, [exchanged(lossy(ring(4), 0.4, rng)) for _ in range(2)], update)
    tracker.forget(torch.tensor([[False, True, False, False]]))
    assert imbalance(tracker) < 1e-12
    assert tracker.state["epochs"].tolist() == [1]
    gradient[0, 1] = 0.0
    assert torch.equal(tracker.state["gradient"], gradient)
    assert torch.equal(tracker.state["tracker"], gradient)
    assert tracker.state["optimiser.steps"].flatten().tolist() == [5, 0, 5, 5]


@pytest.mark.parametrize(("name", "policy"), [("paper", "symmetric"), ("running_sum", "self")])
def test_in_single_precision_the_books_drift_by_rounding_alone(name, policy):
    """Gradients of any size per parameter, 1 in 100 of them tenfold: a walk of some 1e-7 of them per √update."""
    rng, size, updates = np.random.default_rng(0), 100, 900
    omega, sizes = torch.zeros(1, 5, size), 10 ** rng.uniform(-6, -1, size)
    tracker = make(name, omega)
    for update in range(updates):
        tenfold = 10.0 if rng.random() < 0.01 else 1.0
        gradient = torch.from_numpy(rng.normal(size=(1, 5, size)) * sizes * tenfold)
        step(tracker, omega, gradient.float(), [exchanged(lossy(ring(5), 0.2, rng), policy)] * 2, update)
    figures = tracker.figures(omega)
    assert 0 < float(figures["tracker_imbalance"] / figures["tracked_gradient"]) < 1e-6 * np.sqrt(updates)


# The mean of the parameters moves by the mean of the directions


class Watched:
    """An optimiser, and what it was asked and did last."""

    def __init__(self, inner):
        self.inner, self.asked, self.moved = inner, None, None

    @property
    def state(self):
        return self.inner.state

    def step(self, parameters, tracker):
        before, self.asked = parameters.clone(), tracker.clone()
        self.inner.step(parameters, tracker)
        self.moved = parameters - before


@pytest.mark.parametrize("name", TRACKERS)
def test_the_mean_of_the_parameters_moves_by_the_mean_step(name):
    """mean ω ← mean ω - lr mean d for doubly stochastic A, GTAdam's d of each agent."""
    omega, rng = begin(5), np.random.default_rng(2)
    watched = Watched(gtadam_of(omega, 0.05))
    tracker = make(name, omega, watched)
    for update in range(10):
        before = omega.clone()
        facts = [exchanged(lossy(ring(5), 0.3, rng), "symmetric") for _ in range(2)]
        step(tracker, omega, torch.from_numpy(rng.normal(size=(1, 5, P))), facts, update)
        torch.testing.assert_close((omega - before).mean(1), watched.moved.mean(1), rtol=0, atol=1e-14)
        assert float(watched.moved.abs().mean()) > 1e-3


def test_disagreement_of_the_papers_form_on_the_complete_graph():
    """ω_i - mean ω = -lr (g_i^k - g_i^{k-1} - their mean): large at first, where g⁰ = 0, and then as gradients change.

    On quadratics, in plain gradient descent: .52 after the first update, .10 after the fifth, .025 after the tenth.
    """
    problem, omega = Quadratics(5, P, seed=3), begin(5)
    tracker, complete = make("paper", omega, Sgd(0.2)), exchanged(lossless_facts([Complete().graph(5, seed=0)]))
    apart, before = [], torch.zeros_like(omega)
    for update in range(10):
        gradient = problem.gradient(omega)
        step(tracker, omega, gradient, [complete], update)
        apart.append(float(disagreement(omega)))
        assert apart[-1] == pytest.approx(0.2 * float(disagreement(gradient - before)), rel=1e-9)
        before = gradient
    assert [round(apart[index], 3) for index in (0, 4, 9)] == [0.516, 0.096, 0.025]


@pytest.mark.parametrize(("correlation", "local", "mean"), [(0.0, 1.8, 0.2), (0.8, 1.16, 0.84)])
def test_noise_of_the_trackers(correlation, local, mean):
    """Variance of z for gradient noise of variance 1, N = 5, complete graph, over P = 100 000 independent parameters.

    With c the correlation between agents, the mean gradient has (1 + 4c)/5; z in the paper's form, which the direction
    of running sums is as well, ḡ^{k-1} + g_i^k - g_i^{k-1}, has 2 - that: 9/5 for c = 0. Within 4.5 standard errors,
    √(2/P) of a variance.
    """
    size, rng = 100_000, np.random.default_rng(4)
    complete, seen = exchanged(lossless_facts([Complete().graph(5, seed=0)])), {}
    for name in ("paper", "adapt_then_combine", "running_sum"):
        omega = torch.zeros(1, 5, size, dtype=torch.float64)
        watched = Watched(Sgd(0.1))
        tracker = make(name, omega, watched)
        for update in range(3):
            common, own = rng.normal(size=(1, 1, size)), rng.normal(size=(1, 5, size))
            gradient = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own
            step(tracker, omega, torch.from_numpy(gradient), [complete] * 2, update)
        seen[name] = float(watched.asked[0, 2].var())
    for name, variance in {"paper": local, "adapt_then_combine": mean, "running_sum": local}.items():
        assert abs(seen[name] - variance) < 4.5 * variance * np.sqrt(2 / size), name


# What it reaches


OPTIMUM = Quadratics(5, 4, seed=0)


@pytest.mark.parametrize("p", [0.1, 0.5])
@pytest.mark.parametrize(
    ("name", "policy", "exact"),
    [
        ("paper", "self", False),
        ("adapt_then_combine", "self", False),
        ("paper", "symmetric", True),
        ("adapt_then_combine", "symmetric", True),
        ("running_sum", "self", True),
        ("averaging", "symmetric", False),
    ],
)
def test_five_quadratics_on_a_lossy_ring(name, policy, exact, p):
    """Exact gradients, plain descent, each message lost with probability p: the optimum of the sum, or beside it.

    Under `self` every lost message stays in Σz - Σg; averages without trackers stop where agents pull apart.
    """
    rng, omega = np.random.default_rng(1), begin(5, 4)
    tracker = make(name, omega, Sgd(0.1))
    off = descend(tracker, OPTIMUM, omega, lambda: exchanged(lossy(ring(5), p, rng), policy), updates=700)
    if exact:
        assert max(off[-5:]) < 1e-11
        assert imbalance(tracker) < 1e-11
    else:
        assert min(off[-200:]) > 0.01
        assert max(off[-200:]) < 1
    if policy == "self" and not exact:
        assert imbalance(tracker) > 0.05


BOTH = {"every": 2, "blocks": 2}


@pytest.mark.parametrize(
    ("name", "schedule"),
    [("paper", {"every": 4}), ("adapt_then_combine", BOTH), ("running_sum", {"blocks": 4}), ("running_sum", BOTH)],
)
def test_fewer_exchanges_reach_the_same_optimum(name, schedule):
    """Tracking goes on locally between exchanges, and in the other blocks: a quarter of the traffic, losses of 20%."""
    rng, omega = np.random.default_rng(1), begin(5, 4)
    tracker = make(name, omega, Sgd(0.03), **schedule)
    policy = "self" if name == "running_sum" else "symmetric"
    off = descend(tracker, OPTIMUM, omega, lambda: exchanged(lossy(ring(5), 0.2, rng), policy), updates=1000)
    assert off[-1] < 1e-8
    assert imbalance(tracker) < 1e-11


def test_averaging_comes_after_the_step():
    """Two agents that hear each other leave every update with the same parameters, unequal gradients or not."""
    omega, rng = begin(2), np.random.default_rng(0)
    tracker, facts = make("averaging", omega), lossless_facts([Graph.undirected(2, [(0, 1)])])
    for update in range(3):
        gradient = torch.from_numpy(rng.normal(size=(1, 2, P)))
        step(tracker, omega, gradient, [exchanged(facts)], update)
        assert float(disagreement(omega)) < 1e-15
    step(tracker, omega, gradient, [], 3)
    assert float(disagreement(omega)) > 1e-2


def test_only_the_block_in_turn_is_mixed():
    """Without gradients nothing moves but the mixed block: parameter by parameter, one after the other."""
    omega = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 5, 3)))
    tracker = make("paper", omega, Sgd(0.1), blocks=3)
    for update in range(3):
        before = omega.clone()
        step(tracker, omega, torch.zeros_like(omega), [exchanged(lossless_facts([ring(5)]))], update)
        assert (omega != before).any(1).flatten().tolist() == [number == update for number in range(3)]


# As others implement it


def test_as_the_authors_group_and_nvflare_implement_it():
    """Both begin elsewhere and order the lines otherwise, and go the same way as this.

    DISROPT: s = g⁰, m = (1-β₁) g⁰, v = (1-β₂) g⁰²; step, mix s and add the change of gradients, then update m and v.
    NVFLARE: s = m = v = 0; update m and v, step (at first by nothing), mix s and add; ε inside the root.
    """
    problem, W = Quadratics(5, P, seed=6), torch.from_numpy(exchanged(lossless_facts([ring(5)])).operator)
    start, lr, updates = begin(5), 0.05, 30
    x, g = start.clone(), problem.gradient(start)
    s, m, v, disropt = g.clone(), 0.1 * g, 0.001 * g**2, []
    for _ in range(updates):
        x = W @ x - lr * m / (v.sqrt() + 1e-8)
        g, before = problem.gradient(x), g
        s = W @ s + g - before
        m, v = 0.9 * m + 0.1 * s, (0.999 * v + 0.001 * s**2).clamp(max=1e6)
        disropt.append(x)
    x = start.clone()
    g, s, m, v = torch.zeros(4, 1, 5, P, dtype=torch.float64)
    nvflare = []
    for _ in range(updates + 1):
        m, v = 0.9 * m + 0.1 * s, (0.999 * v + 0.001 * s**2).clamp(max=1e6)
        x = W @ x - lr * m / (v + 1e-8).sqrt()
        g, before = problem.gradient(x), g
        s = W @ s + g - before
        nvflare.append(x)
    for theirs, inside in ((disropt, False), (nvflare[1:], True)):
        omega = start.clone()
        tracker = make("paper", omega, gtadam_of(omega, lr, epsilon_inside=inside))
        for update, expected in enumerate(theirs):
            step(tracker, omega, problem.gradient(omega), [exchanged(lossless_facts([ring(5)]))], update)
            torch.testing.assert_close(omega, expected, rtol=0, atol=1e-11)
