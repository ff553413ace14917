"""Epsilon-greedy acting: how often, how uniformly, and of what the draws depend."""

import numpy as np
import pytest
import torch
from scipy import stats
from teams import CPU

from dvdn_sim.learners import Actor, Layout, RecurrentQ, epsilon_after
from dvdn_sim.scenario import Epsilon
from netmodels.streams import stream

NETWORK = RecurrentQ(obs_dim=3, hidden=4, n_actions=5)
AVAILABLE = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [0, 1, 0, 1, 1], [0, 0, 1, 0, 0]], dtype=torch.bool)


def weights_of(seeds, n_agents, keys=None):
    keys = keys or range(n_agents)
    return NETWORK.weights(
        NETWORK.initial_parameters([stream(seed, "initial_weights", key) for seed in seeds for key in keys])
    )


def make_actor(seeds, copies, available=AVAILABLE, name="exploration", keys=None):
    return Actor(
        NETWORK,
        layout=Layout(len(seeds), len(available)),
        seeds=seeds,
        copies=copies,
        available=available,
        idle_actions=torch.tensor([2, 0, 1, 0]),
        stream_name=name,
        device=CPU,
        agent_keys=keys,
    )


def play(actor, seeds, copies, episodes, epsilon, *, steps, keys=None, observations=None):
    """Actions [T, R, C, N] of one episode, on observations that are all zero unless given [T, E, N, D]."""
    n_agents = 4
    actor.begin(weights_of(seeds, n_agents, keys), np.array(episodes), np.full((steps, len(seeds)), epsilon))
    if observations is None:
        observations = torch.zeros(steps, len(seeds) * copies, n_agents, 3)
    taken = [actor.act(observations[t], t) for t in range(steps)]
    return torch.stack(taken).view(steps, len(seeds), copies, n_agents)


def greedy_of(seeds, copies, steps, available=AVAILABLE, observations=None):
    """What the networks alone would do: argmax over the available actions, unrolled agent by agent."""
    n_agents = len(available)
    if observations is None:
        observations = torch.zeros(steps, len(seeds) * copies, n_agents, 3)
    seen = observations.view(steps, len(seeds), copies, n_agents, 3).double()
    best = torch.empty(steps, len(seeds), copies, n_agents, dtype=torch.int64)
    for r, seed in enumerate(seeds):
        for i in range(n_agents):
            parameters = NETWORK.initial_parameters([stream(seed, "initial_weights", i)])
            for c in range(copies):
                hidden = torch.zeros(1, 1, 4, dtype=torch.float64)
                for t in range(steps):
                    q, hidden = NETWORK.step(NETWORK.weights(parameters), seen[t, r, c, i].view(1, 1, 3), hidden)
                    best[t, r, c, i] = q[0, 0].masked_fill(~available[i], -torch.inf).argmax()
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
    observations = torch.from_numpy(rng.normal(size=(steps, 4, 4, 3)) * 3)
    expected = greedy_of(seeds, copies, steps, observations=observations)
    actor = make_actor(seeds, copies)
    for _ in range(2):
        found = play(actor, seeds, copies, [0, 0], 0.0, steps=steps, observations=observations)
        assert torch.equal(found, expected)
    assert len(found.unique()) > 2


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
            assert bool(mine[actions].all())
            n, total = int(mine.sum()), actions.numel()
            share = 1 - epsilon + epsilon / n
            sigma = (share * (1 - share) / total) ** 0.5
            assert abs(float((actions == greedy).double().mean()) - share) <= 4.5 * sigma
            others = actions[actions != greedy]
            if n > 2 and len(greedy.unique()) == 1:
                counts = torch.bincount(others, minlength=5)[mine & (torch.arange(5) != greedy[0])]
                assert stats.chisquare(counts.numpy()).pvalue > 1e-4


def test_exploration_is_independent_between_agents_copies_steps_and_episodes():
    """Whether two of them explore at once: correlation below 4.5σ, over 20 000 pairs each."""
    actor = make_actor([5], 400)
    everything = []
    for episode in (0, 1):
        actor.begin(weights_of([5], 4), np.array([episode]), np.full((51, 1), 0.5))
        everything.append(actor._explores[:, 0].double().numpy())  # [T, C, N]
    first, second = everything
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
    actor = make_actor([1, 2], 300)
    epsilon = np.array([[0.0, 1.0], [1.0, 0.0]])
    actor.begin(weights_of([1, 2], 4), np.array([0, 0]), epsilon)
    shares = actor._explores.double().mean((2, 3))
    assert shares.tolist() == epsilon.tolist()


def test_a_replica_does_not_see_its_batch():
    """The same actions alone as in a batch of three, as first or last copy of more, and after any other episodes."""
    together = play(make_actor([4, 5, 6], 3), [4, 5, 6], 3, [9, 2, 0], 0.5, steps=8)
    actor = make_actor([5], 2)
    play(actor, [5], 2, [7], 0.5, steps=8)
    alone = play(actor, [5], 2, [2], 0.5, steps=8)
    assert torch.equal(together[:, 1, :2], alone[:, 0])


def test_streams_by_name_and_by_agent_key():
    """Training and evaluation draw apart; agents keep their draws under relabelling when they keep their keys."""
    alike = AVAILABLE[:1].expand(4, -1)
    plain = play(make_actor([5], 2, alike), [5], 2, [0], 0.5, steps=20)
    other = play(make_actor([5], 2, alike, name="evaluation"), [5], 2, [0], 0.5, steps=20)
    assert not torch.equal(plain, other)
    order = (2, 0, 3, 1)
    turned = play(make_actor([5], 2, alike, keys=order), [5], 2, [0], 0.5, steps=20, keys=order)
    assert torch.equal(turned, plain[..., order])


def test_who_is_idle_does_nothing_and_the_others_what_they_did():
    """Agent 0's action that does nothing is 2. It is down at steps 1 and 2 in the first of two replicas."""
    seeds, steps = [3, 4], 5
    free, actor = make_actor(seeds, 1), make_actor(seeds, 1)
    idle = np.zeros((steps, 2, 4), bool)
    idle[1:3, 0, 0] = True
    without = play(free, seeds, 1, [0, 0], 0.5, steps=steps)
    actor.begin(weights_of(seeds, 4), np.zeros(2, np.int64), np.full((steps, 2), 0.5), idle[:, :, None])
    taken = torch.stack([actor.act(torch.zeros(2, 4, 3), t) for t in range(steps)]).view(steps, 2, 1, 4)
    down = torch.from_numpy(idle)[:, :, None]
    assert (taken[down] == 2).all()
    assert torch.equal(taken[~down], without[~down])


def test_one_network_for_all_acts_as_networks_that_know_their_number():
    """Shared weights and a one-hot number are, for agent i, weights of its own: its number's row is added to the bias.

    Greedy over unlike action sets, two teams in three copies of the game each, memory included.
    """
    seeds, copies, steps = [3, 4], 3, 6
    wide = RecurrentQ(obs_dim=3 + 4, hidden=4, n_actions=5)
    shared = wide.initial_parameters([stream(seed, "initial_weights", "team") for seed in seeds])
    w1, *others = wide.weights(shared)
    own = NETWORK.weights(torch.zeros(8, NETWORK.parameter_count, dtype=torch.float64))
    for row, (team, agent) in enumerate(np.ndindex(2, 4)):
        own[0][row, :3], own[0][row, -1] = w1[team, :3], w1[team, -1] + w1[team, 3 + agent]
        for mine, theirs in zip(own[1:], others, strict=True):
            mine[row] = theirs[team]
    observations = torch.from_numpy(np.random.default_rng(0).normal(size=(steps, 6, 4, 3)) * 3)
    taken = []
    for network, weights, layout in ((wide, wide.weights(shared), Layout(2, 4, True)), (NETWORK, own, Layout(2, 4))):
        actor = Actor(
            network,
            layout=layout,
            seeds=seeds,
            copies=copies,
            available=AVAILABLE,
            idle_actions=torch.zeros(4, dtype=torch.int64),
            stream_name="x",
            device=CPU,
        )
        actor.begin(weights, np.zeros(2, np.int64), np.zeros((steps, 2)))
        taken.append(torch.stack([actor.act(observations[t], t) for t in range(steps)]))
    assert torch.equal(*taken)
    assert len({tuple(team.tolist()) for team in taken[0].flatten(0, 1)}) > 3


def test_copies_explore_as_if_their_episodes_came_one_after_the_other():
    """Episodes are counted on by the number of copies: no draw of one batch of them comes again in the next."""
    actor = make_actor([5], 3)
    seen = set()
    for episodes in (0, 3, 6):
        actor.begin(weights_of([5], 4), np.array([episodes]), np.full((20, 1), 0.5))
        seen |= {tuple(copy.flatten().tolist()) for copy in actor._explores[:, 0].unbind(1)}
    assert len(seen) == 9
