"""Two agents, two steps, all numbers worked on paper.

All weights are zero but the last bias b3, so Q_i(·) = b3_i whatever is observed, and the only gradient is that of b3.

    online Q    agent 0: [1, 2]    agent 1: [0, 4]       greedy: 1 and 1
    target Q⁻   agent 0: [10, 20]  agent 1: [30, 40]     so Q⁻(greedy) = 20 and 40
    actions     agent 0: 0, 1      agent 1: 1, 1         so Q(a) = 1, 2 and 4, 4
    R = 1 + 0, 2 + 1    γ = 0.5            the second step is the last: no bootstrap
"""

import numpy as np
import pytest
import torch
from plain_team import Episode
from teams import everyone, exchanged, make_learner, minibatch_of

from dvdn_sim.learners.dvdn import Dvdn
from dvdn_sim.learners.iql import Iql
from dvdn_sim.learners.recurrent_q import RecurrentQ
from dvdn_sim.learners.vdn import Vdn

NETWORK = RecurrentQ(obs_dim=1, hidden=2, n_actions=2)
ACTIONS = np.array([[0, 1], [1, 1]])
EPISODE = Episode(np.zeros((2, 3, 1), np.float32), ACTIONS, np.array([[1.0, 2.0], [0.0, 1.0]]))
SHORT = Episode(np.zeros((2, 2, 1), np.float32), ACTIONS[:, :1], np.array([[2.0], [3.0]]))
OPERATOR = torch.tensor([[[0.75, 0.25], [0.25, 0.75]]], dtype=torch.float64)

# δ with ρ = R:    agent 0: 1 + 0.5·20 - 1, 3 - 2        agent 1: 1 + 0.5·40 - 4, 3 - 4
TEAM_REWARD = [[10.0, 1.0], [17.0, -1.0]]
# δ with ρ = R/2:  agent 0: 0.5 + 10 - 1, 1.5 - 2        agent 1: 0.5 + 20 - 4, 1.5 - 4
TEAM_MEAN = [[9.5, -0.5], [16.5, -2.5]]

CASES = {
    # objective, operator, δ, e, gradient of b3 = -(2/2) Σ_t e_t at the action taken
    "iql": (Iql(), None, TEAM_REWARD, [[10.0, 1.0], [17.0, -1.0]], [[-10.0, -1.0], [0.0, -16.0]]),
    # R + γ(20 + 40) - (1 + 4) = 26 and 3 - (2 + 4) = -3
    "vdn": (Vdn(), None, TEAM_MEAN, [[26.0, -3.0], [26.0, -3.0]], [[-26.0, 3.0], [0.0, -23.0]]),
    # 2(¾·9.5 + ¼·16.5), 2(-¾·0.5 - ¼·2.5); 2(¼·9.5 + ¾·16.5), 2(-¼·0.5 - ¾·2.5)
    "dvdn": (Dvdn(), OPERATOR, TEAM_MEAN, [[22.5, -2.0], [29.5, -4.0]], [[-22.5, 2.0], [0.0, -25.5]]),
}


def learner_of(objective, **options):
    learner = make_learner(
        NETWORK, objective, seeds=[0], available=np.ones((2, 2), bool), steps=2, gamma=0.5, clip=None, **options
    )
    learner.parameters.zero_()
    for copy, values in enumerate(([[1.0, 2.0], [0.0, 4.0]], [[10.0, 20.0], [30.0, 40.0]])):
        learner.parameters[copy, 0, :, -2:] = torch.tensor(values)  # b3 is the last part of a row
    return learner


@pytest.mark.parametrize("name", CASES)
def test_target_error_and_gradient(name):
    objective, operator, td, error, gradient = CASES[name]
    learner = learner_of(objective, standardise_rewards=False, batch=1)
    found = learner.local_errors(minibatch_of([[EPISODE]]), everyone(1))
    assert found[0, :, :, 0].tolist() == td
    figures = learner.update(None if operator is None else exchanged(operator, found), everyone(1))
    assert learner._tape.gradient[:, -2:].tolist() == gradient
    assert not learner._tape.gradient[:, :-2].any()
    error, td = np.array(error), np.array(td)
    assert float(figures.loss) == pytest.approx((error**2).sum() / 2 / 2)
    assert float(figures.grad_norm) == pytest.approx(
        np.linalg.norm(gradient) if name == "vdn" else np.linalg.norm(gradient, axis=1).max()
    )
    assert float(figures.q_mean) == (1 + 2 + 4 + 4) / 4
    assert float(figures.q_abs_max) == 4
    assert float(figures.td_abs_mean) == pytest.approx(np.abs(td).sum() / 4)


def test_error_about_the_joint_td():
    """e - Σδ is -3.5, 3.5 at the first step and 1, -1 at the second; ‖Σδ‖² = 26² + 3² = 685, for 2 agents."""
    learner = learner_of(Dvdn(), standardise_rewards=False, batch=1)
    td = learner.local_errors(minibatch_of([[EPISODE]]), everyone(1))
    figures = learner.update(exchanged(OPERATOR, td), everyone(1))
    assert float(figures.jtd_relative_error) == pytest.approx((26.5 / (2 * 685)) ** 0.5)
    assert float(figures.loss) == 349.125


def test_adams_first_step_is_the_learning_rate():
    """|m̂/(√v̂ + ε)| = 1 at the first step: b3 moves by lr against the sign of its gradient, and nothing else moves."""
    learner = learner_of(Dvdn(), standardise_rewards=False, batch=1, lr=0.125)
    td = learner.local_errors(minibatch_of([[EPISODE]]), everyone(1))
    learner.update(exchanged(OPERATOR, td), everyone(1))
    assert learner.parameters[0, 0, :, -2:].flatten().tolist() == pytest.approx([1.125, 1.875, 0.0, 4.125], abs=1e-8)
    assert learner.parameters[1, 0, :, -2:].tolist() == [[10.0, 20.0], [30.0, 40.0]]
    assert not learner.parameters[..., :-2].any()


def test_standardisation():
    """Rewards 1 and 3: mean 2, unbiased variance 2, merged with mean 0, variance 1, count 1e-4.

    μ = 2·2/2.0001 = 1.999900; v = (1e-4 + 2·2 + 2²·1e-4·2/2.0001)/2.0001 = 2.000150; (R - μ)/√v = -0.707010, 0.707151;
    one half of it is in each δ: 10 - 1 - 0.353505 and so on.
    """
    learner = learner_of(Vdn(), standardise_rewards=True, batch=1)
    found = learner.local_errors(minibatch_of([[EPISODE]]), everyone(1))[0, :, :, 0]
    low, high = -0.353504782, 0.353575487
    expected = [[low + 9, high - 2], [low + 16, high - 4]]
    assert found.flatten().tolist() == pytest.approx([x for row in expected for x in row], abs=2e-9)


def test_padding_counts_in_the_statistics_and_nowhere_else():
    """Rewards 1, 3 | 5, pad: mean 9/4 and unbiased variance 14.75/3 of four numbers, but three steps in the loss.

    The short episode's only step is its last: δ = ρ - Q(a), with the statistics' ρ; the step after it has no error.
    """
    learner = learner_of(Iql(), standardise_rewards=True, batch=2)
    found = learner.local_errors(minibatch_of([[EPISODE, SHORT]]), everyone(1))[0]
    mean, deviation = float(learner._statistics.mean), float(learner._statistics.variance) ** 0.5
    assert mean == pytest.approx(9 / 4, rel=1e-4)
    assert deviation == pytest.approx((14.75 / 3) ** 0.5, rel=1e-4)
    reward = {r: (r - mean) / deviation for r in (1.0, 3.0, 5.0)}
    assert found[:, 0, 1].tolist() == pytest.approx([reward[5.0] - 1, reward[5.0] - 4])
    errors = np.array([[reward[1.0] + 9, reward[3.0] - 2], [reward[1.0] + 16, reward[3.0] - 4]])
    loss = ((errors**2).sum() + (reward[5.0] - 1) ** 2 + (reward[5.0] - 4) ** 2) / 3 / 2
    figures = learner.update(None, everyone(1))
    assert float(figures.loss) == pytest.approx(loss)
    at_action = -2 / 3 * np.array([errors[0, 0] + reward[5.0] - 1, errors[0, 1]])
    assert learner._tape.gradient[0, -2:].tolist() == pytest.approx(at_action.tolist())
