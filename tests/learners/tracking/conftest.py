"""Shared by the tests of trackers."""

import pytest
import torch

from dvdn_sim.learners.tracking import Sgd

torch.set_num_threads(1)


@pytest.fixture
def plain_sgd() -> Sgd:
    return Sgd(0.1)
