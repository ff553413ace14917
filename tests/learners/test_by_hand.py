"""Two agents, two steps, all numbers worked on paper.

All weights are zero but the last bias b3, so Q_i(·) = b3_i whatever is observed, and the only gradient is that of b3.

    online Q    agent 0: [1, 2]    agent 1: [0, 4]       greedy: 1 and 1
    target Q⁻   agent 0: [10, 20]  agent 1: [30, 40]     so Q⁻(greedy) = 20 and 40
    actions     agent 0: 0, 1      agent 1: 1, 1         so Q(a) = 1, 2 and 4, 4
    r           agent 0: 1, 2      agent 1: 0, 1         so R = 1, 3
    γ = 0.5     the second step is the last: no bootstrap
"""

import math

import numpy as np
import pytest
import torch
from plain_team import Episode
from plain_tracking import Sgd, schedule_of
from teams import minibatch_of, trained

from dvdn_sim.learners import TRACKERS
from dvdn_sim.scenario import Dvdn, DvdnGt, GtAdam, Iql, NetworkedQ, ParameterExchange, Qmix, Tracking, Vdn

ACTIONS = np.array([[0, 1], [1, 1]])
EPISODE = Episode(np.zeros((2, 3, 1), np.float32), ACTIONS, np.array([[1.0, 2.0], [0.0, 1.0]]))
SHORT = Episode(np.zeros((2, 2, 1), np.float32), ACTIONS[:, :1], np.array([[2.0], [3.0]]))
BOTH = np.array([[[0.75, 0.25], [0.25, 0.75]]])
ONE_WAY = np.array([[[0.75, 0.25], [0.0, 1.0]]])  # agent 1 heard nobody
ONLINE, TARGET = [[1.0, 2.0], [0.0, 4.0]], [[10.0, 20.0], [30.0, 40.0]]

# δ with ρ = R:    agent 0: 1 + 0.5·20 - 1, 3 - 2        agent 1: 1 + 0.5·40 - 4, 3 - 4
TEAM_SUM = [[10.0, 1.0], [17.0, -1.0]]
# δ with ρ = R/2:  agent 0: 0.5 + 10 - 1, 1.5 - 2        agent 1: 0.5 + 20 - 4, 1.5 - 4
TEAM_MEAN = [[9.5, -0.5], [16.5, -2.5]]
# δ with ρ = r:    agent 0: 1 + 10 - 1, 2 - 2            agent 1: 0 + 20 - 4, 1 - 4
INDIVIDUAL = [[10.0, 0.0], [16.0, -3.0]]

CASES = {
    # algorithm, operator, δ, e, gradient of b3 = -(2/2) Σ_t e_t at the action taken
    "iql": (Iql(), None, TEAM_SUM, [[10.0, 1.0], [17.0, -1.0]], [[-10.0, -1.0], [0.0, -16.0]]),
    # the mean over agents: half of it
    "iql, one trainer": (
        Iql(clip_over="team"),
        None,
        TEAM_SUM,
        [[10.0, 1.0], [17.0, -1.0]],
        [[-5.0, -0.5], [0.0, -8.0]],
    ),
    "iql, mean": (Iql(reward_model="team_mean"), None, TEAM_MEAN, TEAM_MEAN, [[-9.5, 0.5], [0.0, -14.0]]),
    "iql, own": (Iql(reward_model="individual"), None, INDIVIDUAL, INDIVIDUAL, [[-10.0, 0.0], [0.0, -13.0]]),
    # R + γ(20 + 40) - (1 + 4) = 26 and 3 - (2 + 4) = -3
    "vdn": (Vdn(), None, TEAM_MEAN, [[26.0, -3.0], [26.0, -3.0]], [[-26.0, 3.0], [0.0, -23.0]]),
    "networked_q": (NetworkedQ(), None, TEAM_SUM, [[10.0, 1.0], [17.0, -1.0]], [[-10.0, -1.0], [0.0, -16.0]]),
    # 2(¾·9.5 + ¼·16.5), 2(-¾·0.5 - ¼·2.5); 2(¼·9.5 + ¾·16.5), 2(-¼·0.5 - ¾·2.5)
    "dvdn": (Dvdn(), BOTH, TEAM_MEAN, [[22.5, -2.0], [29.5, -4.0]], [[-22.5, 2.0], [0.0, -25.5]]),
    "dvdn_gt": (DvdnGt(), BOTH, TEAM_MEAN, [[22.5, -2.0], [29.5, -4.0]], [[-22.5, 2.0], [0.0, -25.5]]),
    # agent 1: 2·16.5, -2·2.5
    "dvdn, one way": (Dvdn(), ONE_WAY, TEAM_MEAN, [[22.5, -2.0], [33.0, -5.0]], [[-22.5, 2.0], [0.0, -28.0]]),
    # agent 1 counts itself alone: 1·16.5, -1·2.5
    "dvdn, one way, counts": (
        Dvdn(self_estimate="count_aware"),
        ONE_WAY,
        TEAM_MEAN,
        [[22.5, -2.0], [16.5, -2.5]],
        [[-22.5, 2.0], [0.0, -14.0]],
    ),
    # 2(¾·10 + ¼·16), 2(0 - ¼·3); 2(¼·10 + ¾·16), 2(0 - ¾·3)
    "dvdn, individual": (
        Dvdn(reward_model="individual"),
        BOTH,
        INDIVIDUAL,
        [[23.0, -1.5], [29.0, -4.5]],
        [[-23.0, 1.5], [0.0, -24.5]],
    ),
    # 2(¾·10 + ¼·17), 2(¾·1 - ¼·1); 2(¼·10 + ¾·17), 2(¼·1 - ¾·1)
    "dvdn, sum": (
        Dvdn(reward_model="team_sum"),
        BOTH,
        TEAM_SUM,
        [[23.5, 1.0], [30.5, -1.0]],
        [[-23.5, -1.0], [0.0, -29.5]],
    ),
}


def begin(spec, *, standardise=False, batch=1, lr=3e-4, online=ONLINE, target=TARGET, **training):
    """The algorithm with the numbers above; Q-networks have 2 units."""
    given = {"gamma": 0.5, "clip": None, "hidden": 2, "lr": lr, "standardise_rewards": standardise}
    options = {"target_update": 200} | training
    made = trained(
        type(spec)(**vars(spec) | given),
        seeds=[0],
        available=np.ones((2, 2), bool),
        obs_dim=1,
        steps=2,
        batch=batch,
        **options,
    )
    made.learner.parameters.zero_()
    for copy, values in enumerate((online, target)):
        made.learner.parameters[copy, 0, :, -2:] = torch.tensor(values)  # b3 is the last part of a row
    return made


def b3(made, copy=0):
    return made.learner.parameters[copy, 0, :, -2:]


@pytest.mark.parametrize("name", CASES)
def test_target_error_and_gradient(name):
    spec, operator, td, error, gradient = CASES[name]
    made = begin(spec)
    found, figures = made.learn(minibatch_of([[EPISODE]]), operator)
    assert found[0, :, :, 0].tolist() == td
    assert made.learner.gradient[0, :, -2:].tolist() == gradient
    assert not made.learner.gradient[0, :, :-2].any()
    error, td = np.array(error), np.array(td)
    assert float(figures.loss) == pytest.approx((error**2).sum() / 2 / 2)
    norm = np.linalg.norm(gradient) if name in ("vdn", "iql, one trainer") else np.linalg.norm(gradient, axis=1).max()
    assert float(figures.grad_norm) == pytest.approx(norm)
    assert float(figures.q_mean) == (1 + 2 + 4 + 4) / 4
    assert float(figures.q_abs_max) == 4
    assert float(figures.q_sum_abs_max) == 6
    assert float(figures.td_abs_mean) == pytest.approx(np.abs(td).sum() / 4)


SHARED = {
    # online [1, 2], target [10, 20]: Q(a) = 1, 2 and 2, 2, and Q⁻ = 20 for both agents
    # R + γ·40 - 3 = 18 and 3 - 4 = -1; b3[0] by agent 0 at the first step, b3[1] by all others: 1 - 18 + 1
    "vdn-ps": (Vdn(share_parameters=True), [18.0, -1.0, 18.0, -1.0], [-18.0, -16.0]),
    # δ = 1 + 10 - 1, 3 - 2 and 1 + 10 - 2, 3 - 2; half of -10, and of -(1 + 9 + 1)
    "iql-ps": (Iql(share_parameters=True), [10.0, 1.0, 9.0, 1.0], [-5.0, -5.5]),
    "iql-ps, no ids": (Iql(share_parameters=True, agent_ids=False), [10.0, 1.0, 9.0, 1.0], [-5.0, -5.5]),
}


@pytest.mark.parametrize("name", SHARED)
def test_one_network_for_both(name):
    spec, error, gradient = SHARED[name]
    made = begin(spec, online=[[1.0, 2.0]], target=[[10.0, 20.0]])
    _, figures = made.learn(minibatch_of([[EPISODE]]))
    assert made.learner.gradient.shape[:2] == (1, 1)
    assert made.learner.gradient[0, 0, -2:].tolist() == gradient
    assert not made.learner.gradient[0, 0, :-2].any()
    assert float(figures.loss) == pytest.approx(np.square(error).sum() / 4)
    assert float(figures.grad_norm) == pytest.approx(np.linalg.norm(gradient))


def test_qmix():
    """A mixer of one unit, all of whose weights are biases: |W_1| = (2, ½) from (-2, ½), b_1 = -5, |w_f| = 3 from -3.

    With V = 1: first step -5 + 2·1 + ½·4 = -1, ELU = 1/e - 1, Q_tot = 3/e - 2; second -5 + 2·2 + ½·4 = 1, Q_tot = 4.
    Target mixer, |W_1| = (1, 1), b_1 = 0, |w_f| = ½, V = 0: ½(20 + 40) = 30 at once. So y = 1 + ½·30 = 16 and 3, and
    e = 18 - 3/e and -1. Slopes are |w_f| ELU' |W_1|, with ELU' = 1/e and 1: (6/e, 3/2e) and (6, 3/2).
    """
    made = begin(Qmix(mixer_embed=1, hypernet_hidden=1))
    mixing = made.learner.mixers
    mixing.parameters.zero_()
    for copy, values in enumerate(([[-2.0, 0.5], [-3.0], 1.0, -5.0], [[-1.0, 1.0], [0.5], 0.0, 0.0])):
        for weight, value in zip(mixer_biases(mixing, mixing.parameters[copy]), values, strict=True):
            weight.copy_(torch.tensor(value))
    td, figures = made.learn(minibatch_of([[EPISODE]]))
    assert td[0, :, :, 0].tolist() == TEAM_SUM
    u = math.exp(-1)
    error = 18 - 3 * u
    assert float(figures.loss) == pytest.approx((error**2 + 1) / 2)
    expected = [-error * 6 * u, 6.0, 0.0, -error * 1.5 * u + 1.5]
    assert made.learner.gradient[0, :, -2:].flatten().tolist() == pytest.approx(expected)
    # Of -2, ½: -Σ e |w_f| ELU' Q_i, turned by the sign; of -3: -Σ e ELU turned; of V: -Σ e; of b_1: -Σ e |w_f| ELU'.
    w1, wf, v, b1 = mixer_biases(mixing, mixing.gradient)
    assert w1.tolist() == pytest.approx([error * 3 * u * 1 - 3 * 2, -error * 3 * u * 4 + 3 * 4])
    assert wf.tolist() == pytest.approx([error * (u - 1) - 1])
    assert float(v) == pytest.approx(1 - error)
    assert float(b1) == pytest.approx(3 - error * 3 * u)
    everything = torch.cat([made.learner.gradient.flatten(), mixing.gradient.flatten()])
    assert float(figures.grad_norm) == pytest.approx(float(everything.norm()))
    assert int((mixing.gradient != 0).sum()) == 5


def mixer_biases(mixing, row):
    """Of one row of a mixer's parameters, the biases that make W_1, w_f, V and b_1."""
    weights = mixing.mixer.weights(row)
    return weights.w1[0, -1], weights.wf[0, -1], weights.v[0, -1, 0], weights.from_state[0, -1, -1]


def test_the_value_at_a_time_limit():
    """Where it counts, the second step has γ Q⁻ too: 3 + 0.5·20 - 2 and 3 + 0.5·40 - 4; for a real end it has not."""
    for cut, second in ((True, [11.0, 19.0]), (False, [1.0, -1.0])):
        td, _ = begin(Iql(bootstrap_on_timeout=True)).learn(minibatch_of([[EPISODE._replace(timed_out=cut)]]))
        assert td[0, :, :, 0].tolist() == [[10.0, second[0]], [17.0, second[1]]]
    td, _ = begin(Iql()).learn(minibatch_of([[EPISODE._replace(timed_out=True)]]))
    assert td[0, :, :, 0].tolist() == TEAM_SUM


def test_error_about_the_joint_td():
    """e - Σδ is -3.5, 3.5 at the first step and 1, -1 at the second; ‖Σδ‖² = 26² + 3² = 685, for 2 agents."""
    _, figures = begin(Dvdn()).learn(minibatch_of([[EPISODE]]), BOTH)
    assert float(figures.jtd_relative_error) == pytest.approx((26.5 / (2 * 685)) ** 0.5)
    assert float(figures.loss) == 349.125


def test_adams_first_step_is_the_learning_rate():
    """|m̂/(√v̂ + ε)| = 1 at the first step: b3 moves by lr against the sign of its gradient, and nothing else moves."""
    made = begin(Dvdn(), lr=0.125)
    made.learn(minibatch_of([[EPISODE]]), BOTH)
    assert b3(made).flatten().tolist() == pytest.approx([1.125, 1.875, 0.0, 4.125], abs=1e-8)
    assert b3(made, copy=1).tolist() == TARGET
    assert not made.learner.parameters[..., :-2].any()


def test_a_soft_target_goes_a_part_of_the_way():
    """τ = ½ after the step above: ½(10 + 1.125) and so on."""
    made = begin(Dvdn(), lr=0.125, target_tau=0.5)
    made.learn(minibatch_of([[EPISODE]]), BOTH)
    assert b3(made, copy=1).flatten().tolist() == pytest.approx([5.5625, 10.9375, 15.0, 22.0625], abs=1e-8)


# Where parameters are exchanged: from A ω = [¾·1 + ¼·0, ¾·2 + ¼·4], [¼·1 + ¾·0, ¼·2 + ¾·4] = [0.75, 2.5], [0.25, 3.5]

EVERY = ParameterExchange(every=1)
ATC = Tracking(form="adapt_then_combine")
SHARING = {
    # Adam of IQL's gradient first: [1.125, 2.125], [0, 4.125]; ¾ and ¼ of these, and ¼ and ¾
    "averaging": (NetworkedQ(averaging=EVERY), 0.125, [[0.84375, 2.625], [0.28125, 3.625]]),
    # z = g = [-22.5, 2], [0, -25.5]; without bias correction a first step is √10 lr, here 0.1
    "paper": (DvdnGt(), 0.1 / math.sqrt(10), [[0.85, 2.4], [0.25, 3.6]]),
    # z = A g = [-16.875, -4.875], [-5.625, -18.625], all negative: ω + 0.125, mixed
    "adapt then combine": (
        DvdnGt(tracking=ATC, optimiser=GtAdam(bias_correction=True)),
        0.125,
        [[0.875, 2.625], [0.375, 3.625]],
    ),
}


@pytest.mark.parametrize("name", SHARING)
def test_exchanged_parameters(name):
    spec, lr, expected = SHARING[name]
    made = begin(spec, lr=lr)
    made.learn(minibatch_of([[EPISODE]]), BOTH)
    np.testing.assert_allclose(b3(made), expected, rtol=0, atol=1e-7)
    assert b3(made, copy=1).tolist() == TARGET


def test_the_second_tracker_of_the_papers_form():
    """Plain descent, lr 0.1. First update: z = g = [-22.5, 2], [0, -25.5], ω = A ω - 0.1 z = [3, 2.3], [0.25, 6.05].

    Agent 0 now prefers action 0, so its Q⁻ is 10. δ = 0.5 + 5 - 3, 1.5 - 2.3; 0.5 + 20 - 6.05, 1.5 - 6.05, so that
    e = 2Aδ = 10.975, -3.475; 22.925, -7.225; so g = [-10.975, 3.475], [0, -15.7], and z = A z + g - g before:
    [¾·-22.5 + 11.525, ¾·2 - ¼·25.5 + 1.475], [¼·-22.5, ¼·2 - ¾·25.5 + 9.8] = [-5.35, -3.4], [-5.625, -8.825].
    Their sum is that of g: -10.975, -12.225.
    """
    made = begin(DvdnGt())
    parameters = made.learner.parameters[0]
    made.learner._optimiser = TRACKERS["paper"](parameters, Sgd(0.1), schedule_of(parameters.shape[-1]))
    for omega, gradient, tracker in (
        ([[3.0, 2.3], [0.25, 6.05]], [[-22.5, 2.0], [0.0, -25.5]], [[-22.5, 2.0], [0.0, -25.5]]),
        (
            # A ω = [¾·3 + ¼·0.25, ¾·2.3 + ¼·6.05], [¼·3 + ¾·0.25, ¼·2.3 + ¾·6.05], less 0.1 z
            [[2.3125 + 0.535, 3.2375 + 0.34], [0.9375 + 0.5625, 5.1125 + 0.8825]],
            [[-10.975, 3.475], [0.0, -15.7]],
            [[-5.35, -3.4], [-5.625, -8.825]],
        ),
    ):
        made.learn(minibatch_of([[EPISODE]]), BOTH)
        np.testing.assert_allclose(made.learner.gradient[0, :, -2:], gradient, atol=1e-12)
        np.testing.assert_allclose(made.learner.tracker.state["tracker"][0, :, -2:], tracker, atol=1e-12)
        np.testing.assert_allclose(b3(made), omega, atol=1e-12)
    assert not parameters[..., :-2].any()


# Standardisation. Rewards 1 and 3: mean 2, unbiased variance 2, merged with mean 0, variance 1, count 1e-4.
#
# μ = 2·2/2.0001 = 1.999900; v = (1e-4 + 2·2 + 2²·1e-4·2/2.0001)/2.0001 = 2.000150; √v = 1.414266626
# (R - μ)/√v = -0.707009564, 0.707150974; r/√v = 0.707080269 for 1, and twice that for 2

LOW, HIGH, ONE = -0.707009564, 0.707150974, 0.707080269
STANDARDISED = {
    # ρ + γQ⁻ - Q and ρ - Q of agent 0, then of agent 1
    "iql": (Iql(), [LOW + 9, HIGH - 2, LOW + 16, HIGH - 4]),
    "qmix": (Qmix(), [LOW + 9, HIGH - 2, LOW + 16, HIGH - 4]),
    "networked_q": (NetworkedQ(), [LOW + 9, HIGH - 2, LOW + 16, HIGH - 4]),
    "vdn": (Vdn(), [LOW / 2 + 9, HIGH / 2 - 2, LOW / 2 + 16, HIGH / 2 - 4]),
    "dvdn": (Dvdn(), [LOW / 2 + 9, HIGH / 2 - 2, LOW / 2 + 16, HIGH / 2 - 4]),
    "dvdn_gt": (DvdnGt(), [LOW / 2 + 9, HIGH / 2 - 2, LOW / 2 + 16, HIGH / 2 - 4]),
    "dvdn of the sum": (Dvdn(reward_model="team_sum"), [LOW + 9, HIGH - 2, LOW + 16, HIGH - 4]),
    "individual": (Dvdn(reward_model="individual"), [ONE + 9, 2 * ONE - 2, 16.0, ONE - 4]),
    "iql, own": (Iql(reward_model="individual"), [ONE + 9, 2 * ONE - 2, 16.0, ONE - 4]),
}


@pytest.mark.parametrize("name", STANDARDISED)
def test_standardisation(name):
    spec, expected = STANDARDISED[name]
    td, _ = begin(spec, standardise=True).learn(minibatch_of([[EPISODE]]), BOTH)
    assert td.flatten().tolist() == pytest.approx(expected, abs=2e-9)


def test_padding_counts_in_the_statistics_and_nowhere_else():
    """Rewards 1, 3 | 5, pad: mean 9/4 and unbiased variance 14.75/3 of four numbers, but three steps in the loss.

    The short episode's only step is its last: δ = ρ - Q(a), with the statistics' ρ; the step after it has no error.
    """
    made = begin(Iql(), standardise=True, batch=2)
    found, figures = made.learn(minibatch_of([[EPISODE, SHORT]]))
    statistics = made.learner._statistics
    mean, deviation = float(statistics.mean), float(statistics.variance) ** 0.5
    assert mean == pytest.approx(9 / 4, rel=1e-4)
    assert deviation == pytest.approx((14.75 / 3) ** 0.5, rel=1e-4)
    reward = {r: (r - mean) / deviation for r in (1.0, 3.0, 5.0)}
    assert found[0, :, 0, 1].tolist() == pytest.approx([reward[5.0] - 1, reward[5.0] - 4])
    errors = np.array([[reward[1.0] + 9, reward[3.0] - 2], [reward[1.0] + 16, reward[3.0] - 4]])
    loss = ((errors**2).sum() + (reward[5.0] - 1) ** 2 + (reward[5.0] - 4) ** 2) / 3 / 2
    assert float(figures.loss) == pytest.approx(loss)
    at_action = -2 / 3 * np.array([errors[0, 0] + reward[5.0] - 1, errors[0, 1]])
    assert made.learner.gradient[0, 0, -2:].tolist() == pytest.approx(at_action.tolist())
