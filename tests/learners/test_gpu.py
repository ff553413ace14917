"""Updates on a GPU are those on the CPU, for every learner in each of its variations."""

import numpy as np
import pytest
import torch
from every_learner import CASES, SEEDS, UPDATES, everything, learn, learner_of, three_replicas
from teams import CPU

from dvdn_sim.training import repeatable

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def _as_in_a_run():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    with repeatable():
        yield


def updated(name, device):
    """All that learnt in five updates, one agent left out of the fourth, and the figures of each, [U, fields, R]."""
    made, experiences, figures = learner_of(name, SEEDS, device=device), three_replicas(), []
    for update in range(UPDATES):
        active = np.ones((3, 3), bool)
        active[0, 1] = update != 3
        found = learn(made, [each[update] for each in experiences], active)
        figures.append(found.stacked().cpu())
    return everything(made) | {"gradient now": made.learner.gradient}, torch.stack(figures)


@pytest.mark.parametrize("name", CASES)
def test_updates_are_those_on_the_cpu(name):
    """In float64, targets among them: all that is kept, and figures, to 1e-9."""
    cuda = torch.device("cuda")
    (here, figures), (there, expected) = updated(name, cuda), updated(name, CPU)
    assert here["parameters"].device.type == "cuda"
    torch.testing.assert_close(figures, expected, rtol=1e-9, atol=1e-9)
    for key, tensor in there.items():
        torch.testing.assert_close(here[key].cpu(), tensor, rtol=1e-9, atol=1e-9, msg=key)


@pytest.mark.parametrize("name", CASES)
def test_updates_come_out_alike_every_time(name):
    """To the bit."""
    (one, figures), (other, again) = updated(name, torch.device("cuda")), updated(name, torch.device("cuda"))
    assert torch.equal(one["parameters"], other["parameters"])
    assert torch.equal(figures, again)
