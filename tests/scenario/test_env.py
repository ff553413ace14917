"""Environments in scenarios: one dataclass for each, which says what the environment itself says."""

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from dvdn_sim.envs import ForagingParallelEnv
from dvdn_sim.envs.catalogue import GAMES
from dvdn_sim.scenario import ENVS, Env, describe, headline, parse_scenario

CLASSES = {**GAMES, "lbforaging": ForagingParallelEnv}


def test_every_environment_has_a_class_that_takes_its_settings():
    assert CLASSES.keys() == ENVS.keys()
    assert {kind: game.settings for kind, game in GAMES.items()} == {kind: ENVS[kind] for kind in GAMES}


GRID = {"field_size": (8, 8), "players": 3, "max_num_food": 3, "sight": 8}


@pytest.mark.parametrize(
    ("kind", "setting", "named"),
    [
        ("lbf", GRID | {"players": 62}, "players"),
        ("lbf", GRID | {"min_player_level": 3}, "min_player_level"),
        ("lbf", GRID | {"row_seeds": ()}, "row_seeds"),
        ("lbforaging", GRID | {"players": 33}, "players"),
        ("lbforaging", GRID | {"min_food_level": 2, "max_food_level": 1}, "min_food_level"),
        ("mpe_spread", {"local_ratio": 0.2, "reward": "legacy"}, "local_ratio"),
        ("marbler_material", {"n_slow_agents": 5}, "start_dist"),
        ("marbler_warehouse", {"row_seeds": ()}, "row_seeds"),
        ("sorting", {"memory": 10}, "memory"),
        ("sorting", {"neighbours": 24}, "neighbours"),
        ("sorting", {"groups": 5}, "groups"),
        ("relay", {"players": 1}, "players"),
        ("relay", {"own_reward": 1.5}, "own_reward"),
        *[
            (kind, {"heterogeneity": 1.0}, "heterogeneity")
            for kind in ("marbler_arctic", "marbler_warehouse", "sorting")
        ],
        ("mpe_tag", {"heterogeneity": 1.0, "opponent": "agent"}, "heterogeneity"),
        ("mpe_spread", {"heterogeneity": 0.16}, "heterogeneity"),
        ("lbf", GRID | {"heterogeneity": 1.1}, "heterogeneity"),
        ("lbforaging", GRID | {"heterogeneity": 1.0}, "heterogeneity"),
    ],
)
def test_a_class_refuses_what_a_scenario_refuses(kind, setting, named):
    with pytest.raises(ValueError, match=rf"\b{named}\b"):
        CLASSES[kind](**setting)


SMALL = st.integers(0, 4)
LENGTHS = st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.3, 0.45, 0.9, 1.8, 3.0])
MARBLER = {
    "max_episode_steps": st.integers(1, 50),
    "barrier": st.sampled_from(["safe", "default"]),
    "first_observation": st.sampled_from(["zeros", "real"]),
    "time_limit_plus_one": st.booleans(),
    "penalize_violations": st.booleans(),
}
MPE = {
    "max_episode_steps": st.integers(1, 50),
    "physics": st.sampled_from(["mpe2", "legacy"]),
    "observation": st.sampled_from(["full", "nearest"]),
    "reward": st.sampled_from(["mpe2", "legacy", "individual"]),
}
PLAYERS = st.sampled_from(["agent", "scripted", "random", "still"])
LBF = {
    "field_size": st.lists(st.integers(3, 7), min_size=2, max_size=2),
    "players": st.integers(1, 12),
    "max_num_food": st.integers(1, 6),
    "sight": st.integers(1, 8),
    "min_player_level": SMALL,
    "max_player_level": SMALL,
    "min_food_level": SMALL,
    "max_food_level": st.none() | SMALL,
    "force_coop": st.booleans(),
    "max_episode_steps": st.integers(1, 50),
}
ANY = {"heterogeneity": st.sampled_from([-0.1, 0.0, 0.1, 0.5, 1.0, 1.1])}
SETTINGS: dict[str, dict[str, st.SearchStrategy[object]]] = {
    "lbf": {**LBF, "food_levels": st.sampled_from(["v3", "legacy"]), "observe_agent_levels": st.booleans()},
    "lbforaging": LBF,
    "mpe_spread": {**MPE, "N": SMALL, "local_ratio": st.sampled_from([0.0, 0.5, 1.0])},
    "mpe_adversary": {**MPE, "N": SMALL, "opponent": PLAYERS},
    "mpe_tag": {
        **MPE, "num_good": SMALL, "num_adversaries": SMALL, "num_obstacles": SMALL, "opponent": PLAYERS,
    },
    "marbler_arctic": {**MARBLER, "fast_step": LENGTHS},
    "marbler_material": {
        **MARBLER, "n_fast_agents": SMALL, "n_slow_agents": SMALL, "start_dist": LENGTHS,
        "end_goal_width": st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.5]),
        "capability_aware": st.booleans(), "small_torque": SMALL,
    },
    "marbler_predator_prey": {
        **MARBLER, "predators": SMALL, "captures": SMALL, "num_prey": st.integers(0, 40), "start_dist": LENGTHS,
        "prey_dist": LENGTHS, "num_neighbors": SMALL,
    },
    "marbler_warehouse": {**MARBLER, "num_robots": st.integers(0, 8), "num_neighbors": SMALL, "start_dist": LENGTHS},
    "sorting": {
        "players": SMALL, "labels": SMALL, "chutes": SMALL, "memory": SMALL, "neighbours": SMALL,
        "groups": st.none() | SMALL, "codes": SMALL, "max_episode_steps": SMALL,
    },
    "relay": {"players": SMALL, "tools": SMALL, "max_episode_steps": SMALL, "own_reward": st.floats(-0.5, 1.5)},
}  # fmt: skip


def read(kind: str, chosen: dict[str, object]) -> Env | None:
    """Return the environment of a scenario with these settings; None where it is refused."""
    try:
        env = ENVS[kind](**chosen)
    except ValidationError:
        return None
    return None if any(env.broken_rules()) else env


def keywords(env: Env) -> dict[str, object]:
    """What the environment's class takes."""
    return {name: value for name, value in asdict(env).items() if name != "kind"}


@pytest.mark.parametrize("kind", SETTINGS)
@settings(max_examples=40)
@given(data=st.data())
def test_a_scenario_takes_what_the_environment_takes_and_knows_who_plays_how_long_and_sees_what(kind, data):
    chosen = data.draw(st.fixed_dictionaries({}, optional=SETTINGS[kind] | ANY))
    needed = {name for name, field in ENVS[kind].__pydantic_fields__.items() if field.is_required()}
    chosen |= {name: data.draw(SETTINGS[kind][name]) for name in sorted(needed - chosen.keys())}
    env = read(kind, chosen)
    try:
        made = CLASSES[kind](**(chosen if env is None else keywords(env)))
    except (ValueError, TypeError):
        assert env is None
        return
    assert env is not None
    if kind == "lbforaging":
        agents = made.possible_agents
        assert (env.n_agents, env.longest_episode) == (len(agents), made.max_episode_steps)
        assert {made.observation_space(agent).shape for agent in agents} == {(env.obs_dim,)}
        assert {made.action_space(agent).n for agent in agents} == {env.n_actions}
    else:
        assert (env.n_agents, env.longest_episode) == (made.n_agents, made.episode_limit)
        assert (env.obs_dim, env.n_actions) == (made.obs_dim, made.n_actions)


@pytest.mark.parametrize(
    ("kind", "most", "others"),
    [
        ("marbler_material", "n_fast_agents", {"n_slow_agents": 2, "start_dist": 0.3}),  # 1 by 6 places
        ("marbler_predator_prey", "num_prey", {}),  # 4 by 9
        ("marbler_warehouse", "num_robots", {}),  # 4 by 3
        ("marbler_warehouse", "num_robots", {"start_dist": 0.2}),  # 14 by 9: as many as may be
    ],
)
def test_no_more_begin_than_there_are_places(kind, most, others):
    """Against the environment itself, to the last place."""
    taken = [count for count in range(1, 101) if read(kind, {**others, most: count, **_few_neighbours(kind)})]
    assert taken == list(range(1, max(taken) + 1))
    CLASSES[kind](**{**others, most: max(taken), **_few_neighbours(kind)})
    if max(taken) < 100:
        with pytest.raises(ValueError, match="places"):
            CLASSES[kind](**{**others, most: max(taken) + 1, **_few_neighbours(kind)})


def _few_neighbours(kind: str) -> dict[str, object]:
    return {"num_neighbors": 0} if kind == "marbler_warehouse" else {}


@pytest.mark.parametrize(
    ("kind", "chosen", "alike"),
    [
        ("lbf", {"field_size": [5, 5], "players": 3, "max_num_food": 1, "sight": 2}, True),
        ("mpe_spread", {}, True),
        ("mpe_adversary", {}, True),
        ("mpe_adversary", {"opponent": "agent"}, False),
        ("mpe_tag", {}, True),
        ("mpe_tag", {"opponent": "agent"}, False),
        ("marbler_arctic", {}, False),
        ("marbler_material", {}, False),
        ("marbler_material", {"n_slow_agents": 0}, True),
        ("marbler_predator_prey", {}, False),
        ("marbler_predator_prey", {"predators": 0, "num_neighbors": 1}, True),
        ("marbler_warehouse", {}, False),
        ("marbler_warehouse", {"num_robots": 1, "num_neighbors": 0}, True),
        ("sorting", {"players": 1}, True),
        ("relay", {}, True),
    ],
)
def test_whether_one_network_may_serve_all(kind, chosen, alike):
    """As the environments name their agents: those that play one part are numbered under one name."""
    env = read(kind, chosen)
    assert env is not None
    assert env.homogeneous == alike
    parts = {agent.rpartition("_")[0] for agent in CLASSES[kind](**keywords(env)).agents}
    assert (len(parts) == 1) == alike


@pytest.mark.parametrize("kind", [kind for kind in ENVS if kind not in ("lbforaging",)])
def test_an_episode_lasts_as_long_as_is_said(kind):
    """Played: nobody moves, so that nothing but the limit ends it."""
    quick = {"field_size": [5, 5], "players": 2, "max_num_food": 1, "sight": 2} if kind == "lbf" else {}
    if kind.startswith("marbler"):
        quick = {"iterations_per_step": 1, "penalize_violations": False}
    env = read(kind, {**quick, "max_episode_steps": 4})
    assert env is not None
    game = CLASSES[kind](**keywords(env))
    state, _ = game.reset(None)
    done, steps = np.zeros(1, bool), 0
    while not done.all():
        state, _, rewards, done = game.step(state, game.idle_actions[None])
        steps += 1
    assert (steps, rewards.shape[1]) == (env.longest_episode, env.n_agents)


@pytest.mark.parametrize("kind", ENVS)
def test_every_environment_is_said_in_words(lossy, kind):
    options = "field_size: [8, 8], players: 3, max_num_food: 2, sight: 2" if "lbf" in kind else ""
    scenario = parse_scenario(lossy, [f"env={{kind: {kind}, {options}}}", "network=null", "algorithm={kind: vdn}"])
    assert f"vdn, {scenario.env.title}, 2 seeds" in headline(scenario)
    assert f"at most {scenario.env.longest_episode} steps" in describe(scenario).splitlines()[1]
    assert str(scenario.env.n_agents) in scenario.env.title
