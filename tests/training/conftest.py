"""A scenario that trains two small teams in a second."""

from collections.abc import Callable

import pytest
import torch

from dvdn_sim.scenario import Scenario, parse_scenario

torch.set_num_threads(1)

TINY = """\
name: tiny
seeds: [0, 1]
env: {kind: lbf, field_size: [5, 5], players: 3, max_num_food: 2, max_food_level: 1, sight: 4, max_episode_steps: 12}
algorithm: {kind: dvdn, hidden: 8, lr: 3e-3, consensus: {rounds: 1}}
network:
  topology: {kind: random_connected, edges: 2, resample: episode}
  link: {rate: unlimited, delay: 0 ms, loss: 0%}
  control_period: 100 ms
  compute: 0 ms
training: {steps: 400, batch: 4, buffer: 30, epsilon: {steps: 300}, target_update: 10}
evaluation: {every: 100, episodes: 3}
"""

LOSSY = (
    "network.link={rate: 1 Mbit/s, delay: {kind: normal, mean: 5 ms, jitter: 4 ms}}",
    "network.link.loss={kind: gemodel, p: 10%, r: 30%}",
    "network.share=node",
    "network.deadline=12 ms",
    "network.compute={kind: lognormal, mean: 10 ms, jitter: 3 ms}",
)


@pytest.fixture
def tiny_text() -> str:
    """A lossless network that costs no time: three agents, about forty updates for each of two seeds."""
    return TINY


@pytest.fixture(scope="session")
def lossy() -> tuple[str, ...]:
    """Overrides that make its network slow, jittery and bursty."""
    return LOSSY


@pytest.fixture(scope="session")
def tiny() -> Callable[..., Scenario]:
    """The scenario under overrides."""

    def make(*overrides: str) -> Scenario:
        return parse_scenario(TINY, overrides)

    return make
