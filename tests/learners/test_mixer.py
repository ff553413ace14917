"""`Mixer` against torch's own layers, what QMIX promises of it, and the game for which QMIX was made."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from teams import as_mixer, mixer_in_module_order, noise, relative
from two_step_game import PAYOFFS, PLACES, all_trajectories, greedy_return, observed

from dvdn_sim.learners import Mixer
from dvdn_sim.scenario import Qmix
from netmodels.streams import stream


def parameters_of(sizes: Mixer, teams: int, seed: int) -> torch.Tensor:
    return sizes.initial_parameters([stream(seed, "w", i) for i in range(teams)]).mul_(1.5)


@st.composite
def cases(draw):
    n, s, e, k = (draw(st.integers(1, most)) for most in (5, 7, 6, 7))
    teams, steps, batch = draw(st.integers(1, 3)), draw(st.integers(1, 5)), draw(st.integers(1, 4))
    return Mixer(n, s, Qmix(mixer_embed=e, hypernet_hidden=k)), teams, steps, batch, draw(st.integers(0, 10**6))


@settings(max_examples=60, deadline=None)
@given(cases())
def test_forward_and_every_gradient_equal_torch(case):
    """Any sizes, several teams at once, in float64; states are a slice of a longer sequence, as in the learner."""
    sizes, teams, steps, batch, seed = case
    parameters = parameters_of(sizes, teams, seed)
    q, d = 3 * noise(seed, teams, sizes.n_agents, steps, batch), noise(seed + 1, teams, steps, batch)
    state = noise(seed + 2, teams, steps + 1, batch, sizes.state_dim)[:, 1:]
    with torch.inference_mode():
        q_tot = sizes.forward(parameters, q, state)
        d_q, d_parameters = sizes.gradient(parameters, q, state, d)
    assert (q_tot.shape, d_q.shape, d_parameters.shape) == (d.shape, q.shape, parameters.shape)
    for team in range(teams):
        oracle = as_mixer(sizes, parameters[team])
        values = q[team].flatten(1).T.clone().requires_grad_()
        expected = oracle(values, state[team].flatten(0, 1))
        expected.backward(d[team].flatten())
        assert relative(q_tot[team].flatten(), expected) < 1e-12
        assert relative(d_q[team].flatten(1).T, values.grad) < 1e-10
        for mine, theirs in zip(mixer_in_module_order(sizes, d_parameters[team]), oracle.parameters(), strict=True):
            assert relative(mine, theirs.grad) < 1e-10


def test_the_sizes_of_foraging_in_float32():
    """Single precision agrees to 1e-5 at the sizes that are trained."""
    sizes, steps, batch = Mixer(3, 54, Qmix()), 50, 8
    parameters = parameters_of(sizes, 1, 0)
    q, state, d = noise(0, 1, 3, steps, batch), noise(1, 1, steps, batch, 54), noise(2, 1, steps, batch)
    arguments = (parameters, q, state, d)
    single = sizes.gradient(*(argument.float() for argument in arguments))
    for found, expected in zip(single, sizes.gradient(*arguments), strict=True):
        assert relative(found.double(), expected) < 1e-5


def test_monotone_and_greedy_agents_are_a_greedy_team():
    """∂Q_tot/∂Q_i ≥ 0 everywhere, and the best of all 3×3×3 joint actions is every agent's own best: by brute force.

    40 mixers with weights four times as large as initial ones, 20 states each.
    """
    sizes, teams, states = Mixer(3, 12, Qmix()), 40, 20
    parameters = parameters_of(sizes, teams, 7).mul_(8 / 3)
    values = 2 * noise(8, teams, 3, states, 3)  # Q_i(a) [R, N, T, A]
    state = noise(9, teams, states, 1, 12).expand(-1, -1, 27, -1)
    joint = torch.tensor(list(itertools.product(range(3), repeat=3))).T  # [N, 27]
    q = torch.stack([values[:, i, :, joint[i]] for i in range(3)], dim=1)  # [R, N, T, 27]

    slopes, _ = sizes.gradient(parameters, q, state, torch.ones(teams, states, 27, dtype=torch.float64))
    assert float(slopes.min()) >= 0
    assert float((slopes > 1e-6).double().mean()) > 0.99

    q_tot = sizes.forward(parameters, q, state)
    for agent in range(3):
        raised = q.clone()
        raised[:, agent] += 0.1
        assert float((sizes.forward(parameters, raised, state) - q_tot).min()) >= -1e-12

    best = joint.T[q_tot.argmax(-1)]  # [R, T, N]
    assert torch.equal(best, values.argmax(-1).transpose(1, 2))


@pytest.mark.parametrize(
    ("sizes", "count"), [(Mixer(3, 54, Qmix()), 18_913), (Mixer(1, 1, Qmix(mixer_embed=1, hypernet_hidden=1)), 14)]
)
def test_parameter_counts(sizes, count):
    """As many as torch's layers have; 18 913 for three players of Foraging-2s-10x10-3p-3f."""
    assert sizes.parameter_count == count
    assert count == sum(p.numel() for p in as_mixer(sizes, parameters_of(sizes, 1, 0)[0]).parameters())


def test_initial_weights_follow_pytorchs_documentation():
    """torch.nn.Linear: U(±1/√in_features), weight and bias. KS at p > 1e-4; each team has a stream of its own."""
    sizes = Mixer(3, 54, Qmix())
    rows = sizes.initial_parameters([stream(0, "mixer", i) for i in range(8)])
    assert torch.equal(rows[5:6], sizes.initial_parameters([stream(0, "mixer", 5)]))
    parts = [mixer_in_module_order(sizes, row) for row in rows]
    for place, fan_in in enumerate(np.repeat([54, 64, 54, 64, 54, 32, 54], 2)):
        values = torch.cat([part[place].flatten() for part in parts]).numpy()
        bound = fan_in**-0.5
        assert np.abs(values).max() <= bound
        assert stats.kstest(values, stats.uniform(-bound, 2 * bound).cdf).pvalue > 1e-4, place


class Sum:
    """VDN's mixer: Q_tot = Σ_i Q_i, without parameters."""

    def forward(self, parameters, q, state):
        return q.sum(1)

    def gradient(self, parameters, q, state, d_q_tot):
        return d_q_tot[:, None].expand_as(q), torch.zeros_like(parameters)


def learnt_by_descent(mixer, parameters, *, steps, lr):
    """Tables of Q-values and a mixer in the two-step game, by plain gradient descent on all trajectories.

    Semi-gradient of the mean squared temporal difference, γ = 1, the target from the tables as they are.

    Returns:
        Tables [R, N, places, A], and Q_tot of every trajectory's steps [R, T, B].
    """
    places, actions, rewards = all_trajectories()
    teams, agents = torch.arange(len(parameters)).view(-1, 1, 1, 1), torch.arange(2).view(-1, 1, 1)
    taken = (teams, agents, places, actions)
    state = observed(places).double().repeat(1, 1, 2).expand(len(parameters), -1, -1, -1)
    tables = 0.1 * noise(0, len(parameters), 2, PLACES, 2)
    for _ in range(steps):
        q = tables[taken]
        q_tot = mixer.forward(parameters, q, state)
        best = tables[teams, agents, places[1:]].amax(-1)
        then = mixer.forward(parameters, best, state[:, 1:])
        error = rewards + torch.cat([then, torch.zeros_like(then)], 1) - q_tot
        d_q, d_parameters = mixer.gradient(parameters, q, state, error * (-2 / rewards.numel()))
        tables.index_put_(taken, -lr * d_q, accumulate=True)
        parameters = parameters - lr * d_parameters
    return tables, q_tot


def test_the_two_step_game_by_descent():
    """Where a sum settles for 7, the mixer finds 8: tables and mixer learn together from full information.

    The sum's values are known: the least squares of the game's docstring, and from them 7 and 6.5 for the first step.
    The mixer can say [[0, 1], [1, 8]], and does to 0.02 (0.005 at worst in 32 teams). Steps must be
    small: at lr 0.05 the first ones made 14 of 32 mixers deaf to the agents in the first state, for ever.
    """
    _, actions, _ = all_trajectories()
    branch, (first, second) = actions[0, 0], actions[:, 1]

    tables, q_tot = learnt_by_descent(Sum(), torch.zeros(4, 1), steps=400, lr=0.5)
    closest = torch.stack([PAYOFFS[0], torch.tensor([[-1.5, 2.5], [2.5, 6.5]], dtype=torch.float64)])
    expected = torch.stack([torch.tensor([7.0, 6.5])[branch], closest[branch, first, second]])
    assert torch.allclose(q_tot, expected.expand_as(q_tot), atol=1e-3)
    assert [greedy_return(table) for table in tables] == [7.0] * 4

    mixer = Mixer(2, 2 * PLACES, Qmix(mixer_embed=8, hypernet_hidden=16))
    tables, q_tot = learnt_by_descent(mixer, parameters_of(mixer, 4, 1), steps=1000, lr=0.02)
    expected = torch.stack([torch.tensor([7.0, 8.0])[branch], PAYOFFS[branch, first, second]])
    assert torch.allclose(q_tot, expected.expand_as(q_tot), atol=0.02)
    assert [greedy_return(table) for table in tables] == [8.0] * 4
