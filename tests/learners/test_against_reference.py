"""Every learner, wired from its scenario, against one plain team each (tests/references/plain_team.py).

Four updates in float64. Three agents with unlike actions and observations of unlike length, padded for the learner; the
plain agents have networks of their own size. Those that exchange parameters observe the same.
"""

import numpy as np
import pytest
import torch
from plain_team import PlainSharing, PlainTeam, cumulative, made_up_episodes, ragged
from teams import as_mixer, as_module, in_module_order, minibatch_of, mixer_in_module_order, trained

from dvdn_sim.scenario import Dvdn, DvdnGt, GtAdam, Iql, NetworkedQ, ParameterExchange, Qmix, Tracking, Vdn

AVAILABLE = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 1, 1]], bool)
OBS_DIM, OBS_DIMS = 4, (4, 2, 3)
REPLICAS, BATCH, STEPS, UPDATES = 2, 3, 5, 4
SMALL = {"hidden": 6, "lr": 3e-3, "gamma": 0.9}
MIXER = {"mixer_embed": 3, "hypernet_hidden": 5}
SHARED = {"share_parameters": True}
SOFT, CUT = {"target_tau": 0.3}, {"bootstrap_on_timeout": True}

CASES = {
    # what is learnt, rounds of consensus, what the training says
    "iql": (Iql(**SMALL), 0, {}),
    "iql, clipped": (Iql(**SMALL | {"clip": 0.2}), 0, {}),
    "iql of the mean reward, soft": (Iql(**SMALL, reward_model="team_mean"), 0, SOFT),
    "iql, no memory": (Iql(**SMALL, recurrent=False), 0, {}),
    "iql, time limits are no ends": (Iql(**SMALL, **CUT), 0, {}),
    "iql, one trainer, clipped": (Iql(**SMALL | {"clip": 0.2}, clip_over="team"), 0, {}),
    "iql-ps": (Iql(**SMALL, **SHARED), 0, {}),
    "iql-ps, no ids, no memory": (Iql(**SMALL, **SHARED, agent_ids=False, recurrent=False), 0, SOFT),
    "vdn": (Vdn(**SMALL), 0, {}),
    "vdn, not clipped": (Vdn(**SMALL | {"clip": None}), 0, {}),
    "vdn, no memory, soft": (Vdn(**SMALL, recurrent=False), 0, SOFT),
    "vdn, time limits are no ends": (Vdn(**SMALL, **CUT), 0, {}),
    "vdn-ps": (Vdn(**SMALL, **SHARED), 0, {}),
    "vdn-ps, no memory, clipped": (Vdn(**SMALL | {"clip": 0.2}, **SHARED, recurrent=False), 0, {}),
    "vdn-ps, no ids, soft": (Vdn(**SMALL, **SHARED, agent_ids=False), 0, SOFT),
    "qmix": (Qmix(**SMALL, **MIXER), 0, {}),
    "qmix, clipped": (Qmix(**SMALL | {"clip": 0.2}, **MIXER), 0, {}),
    "qmix, soft, time limits are no ends": (Qmix(**SMALL, **MIXER, **CUT), 0, SOFT),
    "qmix-ps, no memory, soft": (Qmix(**SMALL, **MIXER, **SHARED, recurrent=False), 0, SOFT),
    "dvdn": (Dvdn(**SMALL), 1, {}),
    "dvdn, three rounds": (Dvdn(**SMALL), 3, {}),
    "dvdn, not clipped, not standardised": (Dvdn(**SMALL | {"clip": None}, standardise_rewards=False), 2, {}),
    "dvdn of individual rewards": (Dvdn(**SMALL, reward_model="individual"), 1, {}),
    "dvdn of the sum": (Dvdn(**SMALL, reward_model="team_sum"), 1, {}),
    "dvdn that counts": (Dvdn(**SMALL, self_estimate="count_aware"), 1, {}),
    "dvdn that counts, two rounds": (Dvdn(**SMALL, self_estimate="count_aware", reward_model="individual"), 2, {}),
    "dvdn, no memory, soft": (Dvdn(**SMALL, recurrent=False), 1, SOFT),
    "dvdn, time limits are no ends": (Dvdn(**SMALL, **CUT), 1, {}),
    "dvdn_gt": (DvdnGt(**SMALL), 1, {}),
    "dvdn_gt, every other update, soft": (DvdnGt(**SMALL, tracking=Tracking(every=2)), 1, SOFT),
    "dvdn_gt, adapt then combine": (DvdnGt(**SMALL, tracking=Tracking(form="adapt_then_combine")), 2, {}),
    "dvdn_gt, adam, no memory": (DvdnGt(**SMALL, optimiser=GtAdam(bias_correction=True), recurrent=False), 1, {}),
    "networked_q": (NetworkedQ(**SMALL, averaging=ParameterExchange(every=2)), 1, {}),
    "networked_q, own rewards, clipped": (NetworkedQ(**SMALL | {"clip": 0.2}, reward_model="individual"), 1, {}),
}


def obs_dims_of(spec):
    return (OBS_DIM,) * 3 if isinstance(spec, DvdnGt | NetworkedQ) else OBS_DIMS


def plain_of(spec, learner, replica, **training):
    """The plain team that begins where a replica of the learner begins."""
    network, rows, mixers = learner.network, learner.parameters[0, replica], learner.mixers
    if learner.layout.shared:
        agents = [as_module(network, rows[0])] * 3
    else:
        agents = [as_module(network, row, own) for row, own in zip(rows, obs_dims_of(spec), strict=True)]
    mixer = None if mixers is None else as_mixer(mixers.mixer, mixers.parameters[0, replica])
    return PlainTeam(spec, agents, available=AVAILABLE, mixer=mixer, **training)


def mixing(rng, rounds):
    """Row-stochastic matrices with zeros, one per round: what some exchange left of Metropolis weights."""
    steps = rng.random((rounds, 3, 3)) * (rng.random((rounds, 3, 3)) < 0.6) + 0.3 * np.eye(3)
    return list(steps / steps.sum(2, keepdims=True))


def assert_equal(learner, replica, team, tolerance=1e-9):
    """Online and target networks, and mixers."""
    shared = learner.layout.shared
    for copy, agents in enumerate((team.agents, team.targets)):
        for i, agent in enumerate(agents[:1] if shared else agents):
            found = in_module_order(learner.network, learner.parameters[copy, replica, i], agent.fc1.in_features)
            for mine, theirs in zip(found, agent.parameters(), strict=True):
                torch.testing.assert_close(mine, theirs.detach(), rtol=tolerance, atol=tolerance)
    mixing = learner.mixers
    for copy, mixer in enumerate((team.mixer, team.target_mixer)):
        if mixer is not None:
            found = mixer_in_module_order(mixing.mixer, mixing.parameters[copy, replica])
            for mine, theirs in zip(found, mixer.parameters(), strict=True):
                torch.testing.assert_close(mine, theirs.detach(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", CASES)
def test_updates(name):
    """Standardisation on, ragged episodes, some cut by a time limit, target copy every 2 updates.

    Clipping binds always (0.2), hardly ever (10), or is off. Every weight to 1e-9, and loss and gradient norm with it.
    """
    spec, rounds, options = CASES[name]
    rng = np.random.default_rng(sum(map(ord, name)))
    team_options = {"target_update": 2} | options
    made = trained(spec, seeds=[3, 8], available=AVAILABLE, obs_dim=OBS_DIM, steps=STEPS, batch=BATCH, **team_options)
    learner, start = made.learner, made.learner.parameters.clone()
    teams = [plain_of(spec, learner, replica, **team_options) for replica in range(REPLICAS)]
    sharing = None if learner.tracker is None else [PlainSharing(team, spec) for team in teams]
    norms = []
    for update in range(UPDATES):
        lengths = [ragged(rng, BATCH, int(rng.integers(2, STEPS + 1))) for _ in range(REPLICAS)]
        data = [
            made_up_episodes(
                rng, each, n_agents=3, obs_dim=OBS_DIM, obs_dims=obs_dims_of(spec), available=AVAILABLE, timed_out=0.5
            )
            for each in lengths
        ]
        exchanges = [mixing(rng, rounds) for _ in range(REPLICAS)]
        operators = np.stack([cumulative(each) for each in exchanges]) if rounds else None
        _, figures = made.learn(minibatch_of(data), operators)
        for replica, team in enumerate(teams):
            if sharing is None:
                team.update(data[replica], exchanges[replica])
            else:
                exchanged = bool(learner.tracker.messages(update))
                sharing[replica].update(
                    data[replica], exchanges[replica], cumulative(exchanges[replica]) if exchanged else None
                )
            assert float(figures.loss[replica]) == pytest.approx(team.loss, rel=1e-9)
            assert float(figures.grad_norm[replica]) == pytest.approx(team.grad_norm, rel=1e-9)
            norms.append(team.grad_norm)
            assert_equal(learner, replica, team)
    assert float((learner.parameters[0] - start[0]).abs().max()) > 5e-3
    assert spec.clip is None or spec.clip > 1 or min(norms) > spec.clip


@pytest.mark.parametrize(
    "spec", [Iql(**SMALL), Dvdn(**SMALL), Qmix(**SMALL, **MIXER)], ids=lambda spec: type(spec).__name__
)
def test_what_is_padding_to_an_agent_stays_as_it_began(spec):
    """Not a bit of the weights of numbers that agent 1 and 2 never observe moves, whatever the optimiser."""
    rng = np.random.default_rng(0)
    made = trained(spec, seeds=[3], available=AVAILABLE, obs_dim=OBS_DIM, steps=STEPS, batch=BATCH, target_update=1)
    w1 = made.learner.network.weights(made.learner.parameters.view(6, -1))[0].view(2, 3, 5, -1)
    start = w1.clone()
    for _ in range(3):
        data = made_up_episodes(rng, [5, 2, 4], n_agents=3, obs_dim=OBS_DIM, obs_dims=OBS_DIMS, available=AVAILABLE)
        made.learn(minibatch_of([data]), np.stack([cumulative(mixing(rng, 1))]))
    for i, own in enumerate(OBS_DIMS):
        assert torch.equal(w1[:, i, own:-1], start[:, i, own:-1])
        assert not torch.isclose(w1[:, i, :own], start[:, i, :own], rtol=0, atol=1e-6).any()
