"""The batched learners against one plain team each (tests/references/plain_team.py), over ten updates in float64."""

import numpy as np
import pytest
import torch
from plain_team import PlainTeam, cumulative, made_up_episodes, ragged
from teams import as_drqn, everyone, exchanged, in_module_order, make_learner, minibatch_of

from dvdn_sim.learners.dvdn import Dvdn
from dvdn_sim.learners.iql import Iql
from dvdn_sim.learners.recurrent_q import RecurrentQ
from dvdn_sim.learners.vdn import Vdn

NETWORK = RecurrentQ(obs_dim=4, hidden=6, n_actions=4)
AVAILABLE = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 1, 1]], bool)
OBJECTIVES = {"iql": Iql(), "vdn": Vdn(), "dvdn": Dvdn()}
REPLICAS, BATCH, STEPS, UPDATES = 2, 4, 9, 10


def mixing(rng, rounds):
    """Row-stochastic matrices with zeros, one per round: what some exchange left of Metropolis weights."""
    steps = rng.random((rounds, 3, 3)) * (rng.random((rounds, 3, 3)) < 0.6) + 0.3 * np.eye(3)
    return list(steps / steps.sum(2, keepdims=True))


@pytest.mark.parametrize("clip", [10.0, 0.2, None])
@pytest.mark.parametrize(("name", "rounds"), [("iql", 0), ("vdn", 0), ("dvdn", 1), ("dvdn", 3)])
def test_ten_updates(name, rounds, clip):
    """Standardisation on, ragged episodes, unlike action sets, target copy every 3 updates; clipping that never binds,
    always binds, is off. Every weight to 1e-9, and loss and gradient norm with it.
    """
    rng = np.random.default_rng(rounds)
    settings = {"lr": 3e-3, "gamma": 0.9, "clip": clip, "target_update": 3}
    learner = make_learner(
        NETWORK, OBJECTIVES[name], seeds=[3, 8], available=AVAILABLE, steps=STEPS, batch=BATCH, **settings
    )
    teams = [
        PlainTeam(name, [as_drqn(NETWORK, row) for row in rows], standardise=True, available=AVAILABLE, **settings)
        for rows in learner.parameters[0]
    ]
    norms = []
    for _ in range(UPDATES):
        lengths = [ragged(rng, BATCH, int(rng.integers(1, STEPS + 1))) for _ in range(REPLICAS)]
        episodes = [made_up_episodes(rng, each, n_agents=3, obs_dim=4, available=AVAILABLE) for each in lengths]
        exchanges = [mixing(rng, rounds) if rounds else [] for _ in range(REPLICAS)]
        td = learner.local_errors(minibatch_of(episodes), everyone(REPLICAS))
        operator = torch.from_numpy(np.stack([cumulative(each) for each in exchanges])) if rounds else None
        held = None if operator is None else exchanged(operator, td)
        figures = learner.update(held, everyone(REPLICAS))
        for replica, team in enumerate(teams):
            team.update(episodes[replica], exchanges[replica])
            assert float(figures.loss[replica]) == pytest.approx(team.loss, rel=1e-9)
            assert float(figures.grad_norm[replica]) == pytest.approx(team.grad_norm, rel=1e-9)
            norms.append(team.grad_norm)
            for copy, agents in enumerate((team.agents, team.targets)):
                for row, agent in zip(learner.parameters[copy, replica], agents, strict=True):
                    for mine, theirs in zip(in_module_order(NETWORK, row), agent.parameters(), strict=True):
                        torch.testing.assert_close(mine, theirs.detach(), rtol=1e-9, atol=1e-9)
    assert clip is None or (min(norms) > clip if clip < 1 else max(norms) < clip)
