"""Epsilon-greedy acting: how often, how uniformly, and of what the draws depend."""

import numpy as np
import pytest
import torch
from scipy import stats

from dvdn_sim.learners import Actor, FeedForwardQ, Layout, QAgent, RecurrentQ, epsilon_after, layers_of
from dvdn_sim.scenario import Epsilon
from netmodels.streams import stream

NETWORK = RecurrentQ(obs_dim=3, hidden=4, n_actions=5)
AVAILABLE = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [0, 1, 0, 1, 1], [0, 0, 1, 0, 0]], bool)


def parameters_of(seeds, n_agents, keys=None):
    keys = keys or range(n_agents)
    return NETWORK.initial_parameters([stream(seed, "initial_weights", key) for seed in seeds for key in keys])


def make_actor(seeds, copies, available=AVAILABLE, name="exploration", keys=None):
    return Actor(
        NETWORK,
        layout=Layout(len(seeds), len(available)),
        seeds=seeds,
        copies=copies,
        available=available,
        idle_actions=np.array([2, 0, 1, 0]),
        stream_name=name,
        agent_keys=keys,
    )


def play(actor, seeds, copies, episodes, epsilon, *, steps, keys=None, observations=None):
    """Actions [T, R, C, N] of one episode, on observations that are all zero unless given [T, E, N, D]."""
    n_agents = 4
    actor.begin(parameters_of(seeds, n_agents, keys), np.array(episodes), np.full((steps, len(seeds)), epsilon))
    if observations is None:
        observations = np.zeros((steps, len(seeds) * copies, n_agents, 3), np.float32)
    taken = [actor.act(observations[t], t) for t in range(steps)]
    return np.stack(taken).reshape(steps, len(seeds), copies, n_agents)


def greedy_of(seeds, copies, steps, available=AVAILABLE, observations=None):
    """What the networks alone would do: argmax over the available actions, unrolled agent by agent."""
    n_agents = len(available)
    if observations is None:
        observations = np.zeros((steps, len(seeds) * copies, n_agents, 3))
    seen = torch.from_numpy(observations).double().view(steps, len(seeds), copies, n_agents, 3)
    best = np.empty((steps, len(seeds), copies, n_agents), np.int64)
    for r, seed in enumerate(seeds):
        for i in range(n_agents):
            module = QAgent(3, 4, 5, recurrent=True).double()
            module.load_state_dict(layers_of(NETWORK, parameters_of([seed], 1, [i])[0]))
            hidden = torch.zeros(copies, 4, dtype=torch.float64)
            for t in range(steps):
                q, hidden = module(seen[t, r, :, i], hidden)
                best[t, r, :, i] = np.where(available[i], q.detach().numpy(), -np.inf).argmax(1)
    return best


def test_epsilon_falls_in_a_straight_line_and_stays():
    epsilon = Epsilon(start=1.0, end=0.05, steps=1000)
    steps = np.array([0, 1, 250, 500, 999, 1000, 1001, 10**9])
    expected = [1.0, 0.99905, 0.7625, 0.525, 0.05095, 0.05, 0.05, 0.05]
    assert epsilon_after(epsilon, steps).tolist() == pytest.approx(expected, abs=1e-12)


def test_without_exploration_every_agent_is_greedy():
    """Hidden states are carried from step to step, apart for every row and agent, and start anew with `begin`."""
    rng = np.random.default_rng(0)
    seeds, copies, steps = [3, 4], 2, 6
    observations = rng.normal(size=(steps, 4, 4, 3)).astype(np.float32) * 3
    expected = greedy_of(seeds, copies, steps, observations=observations)
    actor = make_actor(seeds, copies)
    for _ in range(2):
        found = play(actor, seeds, copies, [0, 0], 0.0, steps=steps, observations=observations)
        assert np.array_equal(found, expected)
    assert len(np.unique(found)) > 2


@pytest.mark.parametrize("kind", [RecurrentQ, FeedForwardQ])
def test_a_float32_network_acts_as_its_torch_module_does(kind):
    """At the sizes that are trained, over 51 steps: Q to 1e-5, and the same actions wherever the best is no tie."""
    network, copies, steps, available = kind(18, 64, 6), 20, 51, np.ones((3, 6), bool)
    rows = network.initial_parameters([stream(0, i) for i in range(3)]).mul_(1.5).float()
    modules = [QAgent(18, 64, 6, recurrent=kind is RecurrentQ) for _ in rows]
    for module, row in zip(modules, rows, strict=True):
        module.load_state_dict(layers_of(network, row))
    options = {"available": available, "idle_actions": np.zeros(3, np.int64), "stream_name": "x"}
    actor = Actor(network, layout=Layout(1, 3), seeds=[0], copies=copies, **options)
    actor.begin(rows, np.zeros(1, np.int64), np.zeros((steps, 1)))
    observations = np.random.default_rng(0).normal(size=(steps, copies, 3, 18)).astype(np.float32)
    hidden, decided = [torch.zeros(copies, 64) for _ in modules], 0
    for t, seen in enumerate(observations):
        taken = actor.act(seen, t)
        for i, module in enumerate(modules):
            with torch.inference_mode():
                q, hidden[i] = module(torch.from_numpy(seen[:, i]), hidden[i])
            assert np.abs(actor._q[:, i] - q.numpy()).max() < 1e-5
            second, best = q.sort().values[:, -2:].T
            clear = (best - second > 2e-5).numpy()
            assert np.array_equal(taken[clear, i], q.argmax(1).numpy()[clear])
            decided += clear.sum()
    assert decided > 0.99 * steps * copies * 3


@pytest.mark.parametrize("epsilon", [0.05, 0.5, 1.0])
def test_explores_as_often_as_it_should_and_uniformly(epsilon):
    """48 000 decisions of an agent with n actions: share of its greedy action is 1 - ε + ε/n within 4.5σ, the others
    are alike (χ², p > 1e-4), and what it does not have is never taken.
    """
    seeds, copies, steps = [1, 2], 480, 50
    actor = make_actor(seeds, copies)
    taken = play(actor, seeds, copies, [7, 8], epsilon, steps=steps)
    best = greedy_of(seeds, 1, steps)
    for r in range(2):
        for i, mine in enumerate(AVAILABLE):
            actions, greedy = taken[:, r, :, i], best[:, r, :, i]
            assert mine[actions].all()
            n, total = int(mine.sum()), actions.size
            share = 1 - epsilon + epsilon / n
            sigma = (share * (1 - share) / total) ** 0.5
            assert abs(float((actions == greedy).mean()) - share) <= 4.5 * sigma
            others = actions[actions != greedy]
            if n > 2 and len(np.unique(greedy)) == 1:
                counts = np.bincount(others, minlength=5)[mine & (np.arange(5) != greedy[0, 0])]
                assert stats.chisquare(counts).pvalue > 1e-4


ALL = np.ones((4, 5), bool)


def strayed(actor, seeds, copies, episodes, epsilon):
    """Where agents on observations of zeros do not take their best action, [T, R, C, N]; ε is [T, R]."""
    actor.begin(parameters_of(seeds, 4), np.array(episodes), epsilon)
    nothing = np.zeros((len(seeds) * copies, 4, 3), np.float32)
    taken = np.stack([actor.act(nothing, t) for t in range(len(epsilon))]).reshape(-1, len(seeds), copies, 4)
    return taken != greedy_of(seeds, 1, len(epsilon), ALL)


def test_exploration_is_independent_between_agents_copies_steps_and_episodes():
    """Whether two of them stray at once: correlation below 4.5σ, over 20 000 pairs each."""
    actor = make_actor([5], 400, ALL)
    first, second = (1.0 * strayed(actor, [5], 400, [k], np.full((51, 1), 0.5))[:, 0] for k in (0, 1))  # [T, C, N]
    pairs = {
        "agents": (first[:50, :, 0], first[:50, :, 1]),
        "copies": (first[:50, :200], first[:50, 200:]),
        "steps": (first[:50, :, 0], first[1:, :, 0]),
        "episodes": (first[:50, :, 0], second[:50, :, 0]),
    }
    for name, (left, right) in pairs.items():
        r = np.corrcoef(left.ravel(), right.ravel())[0, 1]
        assert abs(r) < 4.5 / left.size**0.5, name


def test_epsilon_may_change_within_an_episode_and_between_replicas():
    """One action of five is the best one by chance, 4.5σ of 1200 decisions."""
    epsilon = np.array([[0.0, 1.0], [1.0, 0.0]])
    shares = strayed(make_actor([1, 2], 300, ALL), [1, 2], 300, [0, 0], epsilon).mean((2, 3))
    assert shares[epsilon == 0.0].tolist() == [0.0, 0.0]
    assert shares[epsilon == 1.0] == pytest.approx([0.8, 0.8], abs=4.5 * (0.8 * 0.2 / 1200) ** 0.5)


def test_a_replica_does_not_see_its_batch():
    """The same actions alone as in a batch of three, as first or last copy of more, and after any other episodes."""
    together = play(make_actor([4, 5, 6], 3), [4, 5, 6], 3, [9, 2, 0], 0.5, steps=8)
    actor = make_actor([5], 2)
    play(actor, [5], 2, [7], 0.5, steps=8)
    alone = play(actor, [5], 2, [2], 0.5, steps=8)
    assert np.array_equal(together[:, 1, :2], alone[:, 0])


def test_streams_by_name_and_by_agent_key():
    """Training and evaluation draw apart; agents keep their draws under relabelling when they keep their keys."""
    alike = np.tile(AVAILABLE[0], (4, 1))
    plain = play(make_actor([5], 2, alike), [5], 2, [0], 0.5, steps=20)
    other = play(make_actor([5], 2, alike, name="evaluation"), [5], 2, [0], 0.5, steps=20)
    assert not np.array_equal(plain, other)
    order = (2, 0, 3, 1)
    turned = play(make_actor([5], 2, alike, keys=order), [5], 2, [0], 0.5, steps=20, keys=order)
    assert np.array_equal(turned, plain[..., order])


def test_who_is_idle_does_nothing_and_the_others_what_they_did():
    """Agent 0's action that does nothing is 2. It is down at steps 1 and 2 in the first of two replicas."""
    seeds, steps = [3, 4], 5
    free, actor = make_actor(seeds, 1), make_actor(seeds, 1)
    idle = np.zeros((steps, 2, 4), bool)
    idle[1:3, 0, 0] = True
    without = play(free, seeds, 1, [0, 0], 0.5, steps=steps)
    actor.begin(parameters_of(seeds, 4), np.zeros(2, np.int64), np.full((steps, 2), 0.5), idle[:, :, None])
    taken = np.stack([actor.act(np.zeros((2, 4, 3), np.float32), t) for t in range(steps)])
    taken, down = taken.reshape(steps, 2, 1, 4), idle[:, :, None]
    assert (taken[down] == 2).all()
    assert np.array_equal(taken[~down], without[~down])


def test_one_network_for_all_acts_as_networks_that_know_their_number():
    """Shared weights and a one-hot number are, for agent i, weights of its own: its number's row is added to the bias.

    Greedy over unlike action sets, two teams in three copies of the game each, memory included.
    """
    seeds, copies, steps = [3, 4], 3, 6
    wide = RecurrentQ(obs_dim=3 + 4, hidden=4, n_actions=5)
    shared = wide.initial_parameters([stream(seed, "initial_weights", "team") for seed in seeds])
    w1, *others = wide.weights(shared)
    matrix = torch.zeros(8, NETWORK.parameter_count, dtype=torch.float64)
    own = NETWORK.weights(matrix)
    for row, (team, agent) in enumerate(np.ndindex(2, 4)):
        own[0][row, :3], own[0][row, -1] = w1[team, :3], w1[team, -1] + w1[team, 3 + agent]
        for mine, theirs in zip(own[1:], others, strict=True):
            mine[row] = theirs[team]
    observations = np.random.default_rng(0).normal(size=(steps, 6, 4, 3)).astype(np.float32) * 3
    taken = []
    for network, parameters, layout in ((wide, shared, Layout(2, 4, True)), (NETWORK, matrix, Layout(2, 4))):
        actor = Actor(
            network,
            layout=layout,
            seeds=seeds,
            copies=copies,
            available=AVAILABLE,
            idle_actions=np.zeros(4, np.int64),
            stream_name="x",
        )
        actor.begin(parameters, np.zeros(2, np.int64), np.zeros((steps, 2)))
        taken.append(np.stack([actor.act(observations[t], t) for t in range(steps)]))
    assert np.array_equal(*taken)
    assert len(np.unique(taken[0].reshape(-1, 4), axis=0)) > 3


def test_copies_explore_as_if_their_episodes_came_one_after_the_other():
    """Episodes are counted on by the number of copies: no draw of one batch of them comes again in the next."""
    actor, seen = make_actor([5], 3, ALL), set()
    for episodes in (0, 3, 6):
        found = strayed(actor, [5], 3, [episodes], np.full((20, 1), 0.5))[:, 0]
        seen |= {found[:, copy].tobytes() for copy in range(3)}
    assert len(seen) == 9
