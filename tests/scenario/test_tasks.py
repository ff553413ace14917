"""The ten tasks of the DVDN paper, and ours: the files that are shipped make the environments that were described."""

from pathlib import Path

import pytest

from dvdn_sim.scenario import headline, parse_scenario
from dvdn_sim.training import batches_of

TASKS = Path(__file__).parents[2] / "scenarios" / "tasks"

# (agents, numbers that one observes, actions, steps of an episode): of the papers and the original packages.
DESCRIBED = {
    "lbf_easy": (3, 18, 6, 50),
    "lbf_medium": (4, 27, 6, 50),
    "lbf_hard": (3, 24, 6, 50),
    "mpe_adversary": (2, 11, 5, 25),
    "mpe_spread": (3, 10, 5, 25),
    "mpe_tag": (3, 12, 5, 25),
    "marbler_arctic": (4, 30, 5, 61),
    "marbler_material": (4, 9, 20, 71),
    "marbler_pcp": (4, 16, 5, 81),
    "marbler_warehouse": (6, 18, 5, 101),
    "sorting": (24, 8, 8, 10),
    "relay": (4, 3, 4, 5),
}


def test_these_are_the_tasks():
    assert {path.stem for path in TASKS.glob("*.yaml")} == set(DESCRIBED)


@pytest.mark.parametrize("task", DESCRIBED)
def test_a_task_is_an_env_for_any_scenario(lossy, task):
    scenario = parse_scenario(lossy, [f"env={{include: {TASKS / task}.yaml}}", "network.topology={kind: complete}"])
    game = batches_of(scenario.env, None, None)((0,))
    assert (game.n_agents, game.obs_dim, game.n_actions, game.episode_limit) == DESCRIBED[task]
    assert scenario.env.longest_episode == game.episode_limit
    assert scenario.env.title in headline(scenario)
