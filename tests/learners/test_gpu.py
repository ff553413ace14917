"""Updates on a GPU are those on the CPU, for every learner and every way to exchange parameters."""

import numpy as np
import pytest
import torch
from plain_team import made_up_episodes, ragged
from teams import CPU, minibatch_of, moved, trained

from dvdn_sim.scenario import Dvdn, DvdnGt, GtAdam, Iql, NetworkedQ, ParameterExchange, Qmix, Tracking, Vdn
from dvdn_sim.training import repeatable

pytestmark = pytest.mark.gpu

CUDA = torch.device("cuda")
AVAILABLE = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 1, 1]], bool)
REPLICAS, BATCH, STEPS, OBS_DIM, UPDATES = 2, 3, 5, 4, 6
SMALL = {"hidden": 6, "lr": 3e-3}
MIXER = {"mixer_embed": 3, "hypernet_hidden": 5}
SHARED = {"share_parameters": True}
CASES = {
    "iql": Iql(**SMALL),
    "iql-ps, time limits are no ends": Iql(**SMALL, **SHARED, bootstrap_on_timeout=True),
    "iql, one trainer, clipped": Iql(**SMALL | {"clip": 0.2}, clip_over="team"),
    "vdn": Vdn(**SMALL),
    "vdn-ps, no memory": Vdn(**SMALL, **SHARED, recurrent=False),
    "qmix": Qmix(**SMALL, **MIXER),
    "qmix-ps": Qmix(**SMALL, **MIXER, **SHARED),
    "networked_q": NetworkedQ(**SMALL, averaging=ParameterExchange(every=2, blocks=2)),
    "dvdn": Dvdn(**SMALL),
    "dvdn that counts, clipped": Dvdn(**SMALL | {"clip": 0.2}, reward_model="individual", self_estimate="count_aware"),
    "dvdn_gt": DvdnGt(**SMALL),
    "dvdn_gt, adapt then combine": DvdnGt(
        **SMALL, tracking=Tracking(form="adapt_then_combine"), optimiser=GtAdam(bias_correction=True)
    ),
    "dvdn_gt, running sums": DvdnGt(**SMALL, tracking=Tracking(form="running_sum", every=2, blocks=2)),
}


@pytest.fixture(autouse=True)
def _as_in_a_run():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    with repeatable():
        yield


def updated(spec, device, seed=0):
    """What learnt in `UPDATES` updates, one agent left out of the fourth, and the figures of each, [U, fields, R]."""
    rng = np.random.default_rng(seed)
    made = trained(
        spec,
        seeds=[3, 8],
        available=AVAILABLE,
        obs_dim=OBS_DIM,
        steps=STEPS,
        batch=BATCH,
        device=device,
        target_update=3,
    )
    figures = []
    for update in range(UPDATES):
        data = [
            made_up_episodes(
                rng, ragged(rng, BATCH, STEPS), n_agents=3, obs_dim=OBS_DIM, available=AVAILABLE, timed_out=0.5
            )
            for _ in range(REPLICAS)
        ]
        weights = rng.random((REPLICAS, 3, 3))
        active = np.ones((REPLICAS, 3), bool)
        active[0, 1] = update != 3
        minibatch = moved(minibatch_of(data), device)
        _, found = made.learn(minibatch, weights / weights.sum(2, keepdims=True), active=active)
        figures.append(found.stacked().cpu())
    return made, torch.stack(figures)


@pytest.mark.parametrize("name", CASES)
def test_updates_are_those_on_the_cpu(name):
    """Six updates in float64, targets among them: parameters, trackers and figures to 1e-9."""
    (here, figures), (there, expected) = updated(CASES[name], CUDA), updated(CASES[name], CPU)
    assert here.learner.parameters.device.type == "cuda"
    torch.testing.assert_close(figures, expected, rtol=1e-9, atol=1e-9)
    pairs = [(here.learner.gradient, there.learner.gradient)]
    pairs += [(here.learner.state[each], there.learner.state[each]) for each in there.learner.state]
    for found, wanted in pairs:
        torch.testing.assert_close(found.cpu(), wanted.cpu(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_updates_come_out_alike_every_time(name):
    """To the bit."""
    (one, figures), (other, again) = updated(CASES[name], CUDA), updated(CASES[name], CUDA)
    assert torch.equal(one.learner.parameters, other.learner.parameters)
    assert torch.equal(figures, again)
