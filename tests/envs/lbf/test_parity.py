"""Steps are those of ``lbforaging`` 2.0.0, bit for bit."""

import numpy as np
import pytest
import torch

from dvdn_sim.envs.lbf import LbfState, LevelBasedForaging

LIMIT = 50
PARTS, CASES, SCENES = 4, 32, 800  # games in each part, scenes of each game


def settings_of(case):
    """One of many games: sizes from 5 to 19, sight from 1 to full, all switches."""
    rng = np.random.default_rng([case, 0])
    rows, columns = (int(side) for side in rng.integers(5, 20, 2))
    size = (rows, rows) if case % 2 else (rows, columns)
    return {
        "players": int(rng.choice([2, 2, 2, 3, 3, 4, 5])),
        "field_size": size,
        "max_num_food": int(rng.integers(1, 6)),
        "sight": int(rng.choice([1, 2, rng.integers(1, max(size) + 1), max(size)])),
        "max_episode_steps": LIMIT,
        "force_coop": case % 4 == 0,
        "penalty": (0.0, 0.1)[case // 2 % 2],
        "normalize_reward": case % 5 != 0,
        "observe_agent_levels": case % 7 != 0,
    }


def assert_same_bits(found, expected):
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("part", range(PARTS))
def test_steps_are_those_of_the_original(part, original, scenes):
    happened = dict.fromkeys(COUNTERS, 0)
    for case in range(part * CASES, (part + 1) * CASES):
        settings = settings_of(case)
        before = scenes.drawn(
            np.random.default_rng([case, 1]),
            SCENES,
            settings["field_size"],
            settings["players"],
            settings["max_num_food"],
            limit=LIMIT,
            coop=settings["force_coop"],
        )
        expected = original(**settings).after(before)
        env = LevelBasedForaging(**settings)
        state, observations, rewards, done = env.step(before.state(), torch.from_numpy(before.actions))
        assert_same_bits(observations.numpy(), expected["observations"])
        assert_same_bits(rewards.numpy(), expected["rewards"])
        assert_same_bits(done.numpy(), expected["done"])
        assert np.array_equal(state.field.numpy(), expected["field"])
        assert np.array_equal(state.positions.numpy(), expected["positions"])
        assert np.array_equal(state.step.numpy(), before.step + 1)
        for name, count in COUNTERS.items():
            happened[name] += int(count(before, expected).sum())
    # What makes the game hard to get right has been there, often.
    assert min(happened.values()) > 200, happened


def test_100_000_transitions_are_compared():
    assert PARTS * CASES * SCENES >= 100_000


def pairs(players):
    return [(i, j) for i in range(players) for j in range(i)]


def meet(positions):
    """Per pair, whether two stand on one cell."""
    return np.stack([(positions[:, i] == positions[:, j]).all(axis=1) for i, j in pairs(positions.shape[1])], axis=1)


def swapped(before, after):
    was, now = before.positions, after["positions"]
    each = [(was[:, i] == now[:, j]).all(axis=1) & (was[:, j] == now[:, i]).all(axis=1) for i, j in pairs(was.shape[1])]
    return np.stack(each, axis=1) & ~meet(was)


def loaded(before, after):
    return (after["rewards"] > 0).sum(axis=1)


COUNTERS = {
    "overlaps begin": lambda before, after: meet(after["positions"]) & ~meet(before.positions),
    "overlaps are left": lambda before, after: meet(before.positions) & ~meet(after["positions"]),
    "swaps": swapped,
    "loads alone": lambda before, after: loaded(before, after) == 1,
    "loads of two": lambda before, after: loaded(before, after) == 2,
    "loads of three or more": lambda before, after: loaded(before, after) > 2,
    "loads that fail": lambda before, after: after["rewards"] < 0,
    "foods are left": lambda before, after: (loaded(before, after) > 0) & after["field"].any(axis=(1, 2)),
    "cleared": lambda before, after: ~after["field"].any(axis=(1, 2)),
    "time is up": lambda before, after: after["done"] & after["field"].any(axis=(1, 2)),
    "players hidden": lambda before, after: after["observations"][..., -1] <= 0,
}


@pytest.mark.parametrize("sight", [1, 2, 6])
def test_whole_episodes_are_those_of_the_original(original, scenes, sight):
    """From our own beginnings to the end, in one state after the other."""
    settings = {"players": 3, "field_size": (6, 7), "max_num_food": 2, "sight": sight, "max_food_level": 2}
    env, other = LevelBasedForaging(**settings, row_seeds=range(40)), original(**settings)
    state, _ = env.reset(None)
    rng = np.random.default_rng(sight)
    done = torch.zeros(40, dtype=torch.bool)
    while not done.all():
        actions = torch.from_numpy(rng.choice(6, (40, 3), p=[0.05, 0.15, 0.15, 0.15, 0.15, 0.35]))
        going, before = ~done, scenes.of(state, actions)
        state, observations, rewards, done = env.step(state, actions)
        expected = other.after(before)
        assert_same_bits(observations[going].numpy(), expected["observations"][going])
        assert_same_bits(rewards[going].numpy(), expected["rewards"][going])
        assert_same_bits(done[going].numpy(), expected["done"][going])
    assert 0 < int(env.timed_out(state).sum()) < 40, "some fields are cleared, some are not"


def test_two_may_swap_and_one_may_walk_onto_another():
    """By hand: (2,2) east and (2,3) east, whose way is barred by (2,5) west, end on one cell; two others swap."""
    field = torch.zeros(1, 8, 8, dtype=torch.int64)
    field[0, 6, 6] = 3
    state = LbfState(
        field,
        positions=torch.tensor([[[2, 2], [2, 3], [2, 5], [4, 4], [5, 4]]]),
        levels=torch.ones(1, 5, dtype=torch.int64),
        food_spawned=torch.tensor([3]),
        step=torch.tensor([0]),
    )
    env = LevelBasedForaging(players=5, field_size=(8, 8), max_num_food=1, sight=8)
    state, _, _, _ = env.step(state, torch.tensor([[4, 4, 3, 2, 1]]))
    assert state.positions.tolist() == [[[2, 3], [2, 3], [2, 5], [5, 4], [4, 4]]]
