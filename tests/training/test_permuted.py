"""Who shares nothing learns alike whether permuted or not: exactly so, from initial weights that are permuted, too."""

import numpy as np
import pytest
import torch
from small_runs import run_small

from dvdn_sim.envs.permuted import Permutations
from dvdn_sim.learners import layers_of
from dvdn_sim.learners.agents import row_of

GREEDY = ("training.epsilon={start: 0, end: 0, steps: 1}", "training.steps=300", "algorithm.lr=1e-3")
PERMUTED = "env.heterogeneity=0.67"
DVDN, IQL = "algorithm={kind: dvdn, hidden: 4}", "algorithm={kind: iql, hidden: 4}"
VDN = "algorithm={kind: vdn, hidden: 4, share_parameters: false}"
GT = "algorithm={kind: dvdn_gt, hidden: 4}"


def by_other_names(parts, layers, agent):
    """An agent's layers with inputs and outputs in its order."""
    orders, agents = Permutations(parts.scenario.env), parts.scenario.env.n_agents
    meant = orders.meant(np.arange(len(layers["fc2.bias"]))[:, None].repeat(agents, 1))[:, agent]
    inputs = orders.observed(layers["fc1.weight"].numpy()[:, None].repeat(agents, 1))[:, agent]
    return layers | {"fc1.weight": torch.from_numpy(inputs)} | {
        name: layers[name][meant] for name in ("fc2.weight", "fc2.bias")
    }  # fmt: skip


def permute_networks(parts):
    learner = parts.learner
    for which, agent in np.ndindex(2, parts.scenario.env.n_agents):
        row = learner.parameters[which, 0, agent]
        row.copy_(row_of(learner.network, by_other_names(parts, layers_of(learner.network, row), agent)))


def losses(done):
    return np.array([row["loss"] for row in done.rows.updates])


def returns(done):
    return [row["return_mean"] for row in done.rows.of("train")]


@pytest.mark.parametrize("lost", ["0%", "30%"])
@pytest.mark.parametrize("algorithm", [DVDN, DVDN.replace("4", "4, recurrent: false"), IQL, VDN])
def test_who_shares_no_network_learns_what_it_would_have_learnt(algorithm, lost):
    """All actions are the best ones, so that chance has no part that is drawn by the number of an action."""
    settings = (algorithm, *GREEDY, f"network.link.loss={lost}")
    plain, permuted = run_small(*settings), run_small(*settings, PERMUTED, prepare=permute_networks)
    assert len(losses(plain)) >= 20
    assert losses(permuted) == pytest.approx(losses(plain), rel=1e-9)
    assert returns(permuted) == returns(plain)
    assert len(set(returns(plain))) > 1
    network = plain.parts.learner.network
    for agent in range(3):
        mine, theirs = (layers_of(network, done.parts.learner.parameters[0, 0, agent]) for done in (plain, permuted))
        for name, values in by_other_names(permuted.parts, mine, agent).items():
            torch.testing.assert_close(theirs[name], values, rtol=1e-6, atol=1e-9)


def test_who_agrees_on_parameters_does_not():
    """The test above could fail: gradient tracking averages what stands at one place and means different things."""
    plain, permuted = run_small(GT, *GREEDY), run_small(GT, *GREEDY, PERMUTED, prepare=permute_networks)
    assert losses(permuted)[0] == pytest.approx(losses(plain)[0], rel=1e-9)
    assert losses(permuted)[1:] != pytest.approx(losses(plain)[1:], rel=1e-3)
