"""What keeps an agent of `sorting` from learning: docs/tasks.md (the gap), against teams that learnt under given A.

An agent's error is e_i = N Σ_j A_ij δ_j, with δ_j = R/N - Q_j and R = c Σ_j h_j, where h_j says whether j was right.
Being right is worth c of R to the agent itself. What the others do is noise, of variance

    c² p (1 - p) Σ_{j≠i} E (1 - A_ij / E A_jj)²,

once each of them knows what its own choice is worth to it, c / (N E A_jj); p is how often they are right. Where A
changes from exchange to exchange, so does the weight of one's own value: c² (h_i - p)² Var A_ii / (E A_ii)² more.
"""

from functools import partial

import numpy as np
import pytest
import torch
from teams import CPU, everyone, exchanged, make_learner

from dvdn_sim.consensus import POLICIES, WEIGHTS, lossless_facts
from dvdn_sim.envs.ring import Sorting
from dvdn_sim.learners import EpisodeReplay, Episodes, FeedForwardQ
from dvdn_sim.scenario import Dvdn
from netmodels.topology import Complete, Ring

torch.set_num_threads(1)

N, CHUTES, STEPS = 6, 4, 8
EPISODES, BATCH, UPDATES = 2048, 64, 2000
RIGHT = 1 / CHUTES
SIGMAS = 4.5


def always(operator, rng, count):
    return np.broadcast_to(operator, (count, N, N))


def lazy(topology, rounds):
    return POLICIES["self"](WEIGHTS["lazy"]).operator(lossless_facts([topology.graph(N, seed=0)] * rounds))[-1]


def lossy(loss, rng, count):
    """One round on the complete graph: A_ij is 1/N if the message came; what did not come is one's own weight."""
    heard = np.where(rng.random((count, N, N)) < loss, 0.0, 1.0 / N) * (1.0 - np.eye(N))
    return heard + np.eye(N) * (1.0 - heard.sum(2, keepdims=True))


GIVEN = {
    "all heard": partial(always, np.full((N, N), 1.0 / N)),
    "complete, lazy, 3 rounds": partial(always, lazy(Complete(), 3)),
    "complete, lazy, 1 round": partial(always, lazy(Complete(), 1)),
    "ring, lazy, 3 rounds": partial(always, lazy(Ring(), 3)),
    "ring, lazy, 1 round": partial(always, lazy(Ring(), 1)),
    "half lost": partial(lossy, 0.5),
    "nothing heard": partial(always, np.eye(N)),
}
"""By name, what makes the operators of so many exchanges. Each is of a replica of its own."""
REPLICAS = len(GIVEN)


def played(seed):
    """Play at random; return the replay, the same for all replicas, and who was right, bool ``[N, T, B]``. c is 1."""
    env = Sorting(players=N, labels=4, chutes=CHUTES, max_episode_steps=STEPS, row_seeds=range(seed, seed + EPISODES))
    rng = np.random.default_rng(seed)
    state, first = env.reset(None)
    observations, actions, rewards, right = [first], [], [], []
    for _ in range(STEPS):
        actions.append(rng.integers(0, CHUTES, (EPISODES, N)))
        state, seen, gained, _ = env.step(state, actions[-1])
        observations.append(seen)
        rewards.append(gained * N * STEPS)
        right.append(state.right)
    whole = [torch.from_numpy(np.stack(part, 2)) for part in (observations, actions, rewards)]
    replay = EpisodeReplay(
        list(range(REPLICAS)), capacity=EPISODES, n_agents=N, obs_dim=4, steps=STEPS, reward_dtype=torch.float32,
        device=CPU,
    )  # fmt: skip
    lengths, timed_out = np.full((REPLICAS, 1), STEPS), torch.zeros(REPLICAS, 1, dtype=torch.bool)
    for episode in range(EPISODES):
        parts = (part[episode].expand(REPLICAS, 1, *part.shape[1:]) for part in whole)
        replay.insert(Episodes(*parts, lengths, timed_out), everyone(REPLICAS))
    return replay, np.stack(right).transpose(2, 0, 1)


@pytest.fixture(scope="module")
def learnt():
    """Local errors of teams that learnt, on fresh play, float64 ``[R, N, samples]``, and who was right."""
    spec = Dvdn(hidden=16, recurrent=False, gamma=0.0, lr=3e-3, clip=None, standardise_rewards=False)
    network, available = FeedForwardQ(obs_dim=4, hidden=16, n_actions=CHUTES), np.ones((N, CHUTES), bool)
    learner = make_learner(
        spec, network, seeds=range(REPLICAS), available=available, steps=STEPS, batch=BATCH, dtype=torch.float32
    )
    rng, (replay, _) = np.random.default_rng(0), played(0)

    def errors(chosen):
        return learner.local_errors(replay.minibatch(chosen), everyone(REPLICAS))

    for update in range(UPDATES):
        if update == UPDATES * 2 // 3:
            learner._optimiser._lr /= 10  # values shake less about what they are on average
        td = errors(rng.integers(0, EPISODES, (REPLICAS, BATCH)))
        operators = np.concatenate([made(rng, 1) for made in GIVEN.values()])
        learner.differentiate(exchanged(torch.from_numpy(operators).to(td), td))
        learner.step(everyone(REPLICAS))
    replay, right = played(10**6)
    chosen = [np.tile(part, (REPLICAS, 1)) for part in np.arange(EPISODES).reshape(-1, BATCH)]
    td = torch.cat([errors(part).clone() for part in chosen], 3)
    return td.double().numpy().reshape(REPLICAS, N, -1), right.reshape(N, -1)


@pytest.mark.slow  # two thousand updates of seven teams
@pytest.mark.parametrize(("replica", "name"), list(enumerate(GIVEN)))
def test_the_others_are_noise_as_far_as_the_operator_has_not_their_values(learnt, replica, name):
    """For every agent, when it was right and when not: in standard errors of a variance, of 4 000 and 12 000 plays."""
    (td, right), rng = (learnt[0][replica], learnt[1]), np.random.default_rng(1)
    operators = GIVEN[name](rng, td.shape[1])
    errors = N * np.einsum("sij,js->is", operators, td)
    own = operators.diagonal(0, 1, 2)
    missing = ((1.0 - operators / own.mean(0)) ** 2).mean(0)
    for agent in range(N):
        noise = RIGHT * (1 - RIGHT) * (missing[agent].sum() - missing[agent, agent])
        for hit in (True, False):
            found = errors[agent, right[agent] == hit]
            squares = (found - found.mean()) ** 2
            expected = noise + (hit - RIGHT) ** 2 * own[:, agent].var() / own[:, agent].mean() ** 2
            if name == "all heard":
                assert squares.mean() < 1e-3
            else:
                assert abs(squares.mean() - expected) < SIGMAS * squares.std() / len(squares) ** 0.5


@pytest.mark.slow  # two thousand updates of seven teams
@pytest.mark.parametrize(("replica", "name"), list(enumerate(GIVEN)))
def test_an_agents_own_choice_is_worth_less_to_it_the_more_weight_it_has(learnt, replica, name):
    """c / (N E A_ii): from 1 where all is heard to 1/6 where nothing is, within 5 %, on average over agents."""
    (td, right), rng = (learnt[0][replica], learnt[1]), np.random.default_rng(1)
    own = GIVEN[name](rng, 4000).diagonal(0, 1, 2).mean()
    values = right.sum(0) / N - td
    worth = [value[hit].mean() - value[~hit].mean() for value, hit in zip(values, right, strict=True)]
    assert np.mean(worth) == pytest.approx(1 / (N * own), rel=0.05)


@pytest.mark.parametrize("n", [3, 6, 24])
@pytest.mark.parametrize("a", [0.0, 0.05, 0.3, 1.0])
def test_where_all_others_are_alike_the_noise_goes_with_a_eff(n, a):
    """A = a I + (1 - a) 11ᵀ/N: in units of what it is in silence, (a N / (1 + a (N - 1)))²."""
    operator = a * np.eye(n) + (1 - a) / n
    missing = ((1 - operator / operator.diagonal()) ** 2).sum(1) / (n - 1)
    assert missing == pytest.approx((a * n / (1 + a * (n - 1))) ** 2, abs=1e-12)
