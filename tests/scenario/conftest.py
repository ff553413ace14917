"""One scenario with every key, and readers of its mistakes."""

from collections.abc import Callable, Sequence

import pytest

from dvdn_sim.errors import Mistake, ScenarioError
from dvdn_sim.scenario import parse_scenario

LOSSY = """\
name: lossy_lbf
seeds: [0, 1]
env: {kind: lbf, field_size: [10, 10], players: 3, max_num_food: 3, max_food_level: 1, sight: 10, max_episode_steps: 25}
algorithm:
  kind: dvdn
  consensus: {rounds: 1, policy: self, weights: metropolis}
  reward_model: team_mean
  hidden: 64
  lr: 3e-4
network:
  topology: {kind: random_connected, edges: 2, resample: episode}
  link:
    rate: 20 Mbit/s
    delay: {kind: normal, mean: 5 ms, jitter: 2 ms}     # a bare quantity is constant
    loss: {kind: gemodel, p: 3%, r: 25%}                # a bare number is Bernoulli
  share: node
  deadline: 50 ms
  control_period: 100 ms
  compute: {kind: lognormal, mean: 10 ms, jitter: 3 ms}
  faults: []
training: {steps: 150_000, batch: 32, buffer: 5000, epsilon: {start: 1.0, end: 0.05, steps: 30_000}, target_update: 200}
evaluation: {every: 15_000, episodes: 100, epsilon: 0.05}
"""

MistakesOf = Callable[..., tuple[Mistake, ...]]


@pytest.fixture(scope="session")
def lossy() -> str:
    """The scenario of the design, as text."""
    return LOSSY


@pytest.fixture(scope="session")
def mistakes_of() -> MistakesOf:
    """Return what is wrong with a text under overrides; fails where nothing is."""

    def mistakes(text: str | bytes, overrides: Sequence[str] = ()) -> tuple[Mistake, ...]:
        with pytest.raises(ScenarioError) as caught:
            parse_scenario(text, overrides)
        return caught.value.mistakes

    return mistakes
