"""Running sums over networks of many agents: no mass is lost, and waves fall as theory says, whatever their length."""

import numpy as np
import pytest
from exchange_cases import CALM, LOSSY

from dvdn_sim.network import Plan, Setting, exchanges
from dvdn_sim.scenario import load_scenario

ROUNDS, LOSS = 20, 0.2
RING = [
    "algorithm.consensus={rounds: 20, policy: running_sum}", "network.link.loss=20%",
    "network.topology={kind: watts_strogatz, neighbours: 4, p: 0%}", *CALM,
]  # fmt: skip


def left_of_a_wave(angle):
    """What is left of it after each round, on average, if each agent hears two on either side.

    Of what an agent holds, z, 1/5 stays and 1/5 goes to each of four; what was lost, f, waits: with λ = 2 cos θ +
    2 cos 2θ, z ← z/5 + q(λz/5 + f) and f ← (1 - q)(λz/5 + f).
    """
    given, q = (2.0 * np.cos(angle) + 2.0 * np.cos(2.0 * angle)) / 5.0, 1.0 - LOSS
    step = np.array([[0.2 + q * given, q], [(1.0 - q) * given, 1.0 - q]])
    return np.array([np.linalg.matrix_power(step, k + 1)[0, 0] for k in range(ROUNDS)])


@pytest.mark.parametrize("agents", [2000, pytest.param(10**6, marks=pytest.mark.slow)])
def test_no_mass_is_lost_and_waves_fall_as_theory_says(agents):
    setting = Setting.from_scenario(load_scenario(LOSSY, RING, any_agents=True), agents=agents)[0]
    ((report,),) = exchanges(setting, Plan(1, "large"))
    held = report.facts.held.mean()
    assert held == pytest.approx(1.0 - LOSS, abs=5.0 * np.sqrt(LOSS * (1.0 - LOSS) / report.facts.held.size))
    for waves in (agents // 200, agents // 9, agents // 3):
        angle = 2.0 * np.pi * waves / agents
        wave = np.cos(angle * np.arange(agents))
        masses = setting.policy.masses(report.facts, 3.0 + wave)
        for of_agents, flying, start in (
            (masses.held, masses.in_flight, 3.0 * agents), (masses.held_zeta, masses.in_flight_zeta, agents),
        ):  # fmt: skip
            np.testing.assert_allclose(of_agents.sum(1) + flying.sum(1), start, rtol=1e-9)
        found = (masses.held - 3.0 * masses.held_zeta) @ wave / (wave @ wave)
        np.testing.assert_allclose(found, left_of_a_wave(angle), atol=4.0 / np.sqrt(agents))
