"""Level-Based Foraging: steps per second of a batch over those of ``lbforaging``, in one process, on one thread.

    pytest tests/benchmarks/bench_lbf.py --benchmark-only

Uniform random play, and an episode that has ended begins anew at once, on both sides. Both are timed in turn, because
the speed of a shared core wanders; a rate is the best of many windows. `staggered`: rows stand at different steps of
their episodes, so that some end at nearly every step, as they do when a team has learned something.
"""

import time

import numpy as np
import pytest
import torch

from dvdn_sim.envs.lbf import LbfState, LevelBasedForaging

TURNS, BATCHED_STEPS, STEPS = 12, 100, 500
GAME = {"players": 3, "field_size": (10, 10), "max_num_food": 3, "max_episode_steps": 50}
HARD = {"players": 4, "field_size": (15, 15), "max_num_food": 5, "max_episode_steps": 50}


class Original:
    """One copy of lbforaging's own class."""

    def __init__(self, game):
        from lbforaging.foraging.environment import ForagingEnv

        levels = {"min_player_level": 1, "max_player_level": 2, "min_food_level": 1, "max_food_level": None}
        self.env = ForagingEnv(**game, **levels, force_coop=False)
        self.env.reset(seed=0)
        self.actions = np.random.default_rng(0).integers(0, 6, (STEPS, game["players"])).tolist()

    def play(self):
        for actions in self.actions:
            if self.env.step(actions)[2]:
                self.env.reset()

    def rate(self):
        began = time.perf_counter()
        self.play()
        return STEPS / (time.perf_counter() - began)


class Batch:
    """Many rows of ours."""

    def __init__(self, game, copies, staggered):
        self.env = LevelBasedForaging(**game, row_seeds=range(copies))
        state, _ = self.env.reset(None)
        if staggered:
            parts = (state.field, state.positions, state.levels, state.food_spawned)
            state = LbfState(*parts, torch.arange(copies) % game["max_episode_steps"])
        self.state = state
        rng = np.random.default_rng(1)
        self.actions = torch.from_numpy(rng.integers(0, 6, (BATCHED_STEPS, copies, game["players"])))

    def play(self):
        for actions in self.actions:
            state, _, _, done = self.env.step(self.state, actions)
            self.state, _ = self.env.reset(state, done)


@pytest.mark.parametrize("staggered", [False, True], ids=["together", "staggered"])
@pytest.mark.parametrize(
    ("game", "copies"),
    [
        (GAME | {"sight": 10}, 1024),
        (GAME | {"sight": 2}, 1024),
        (HARD | {"sight": 2}, 1024),
        (GAME | {"sight": 2}, 64),
    ],
    ids=["10x10-3p-3f", "10x10-3p-3f-2s", "15x15-4p-5f-2s", "10x10-3p-3f-2s-64"],
)
def test_steps_per_second(benchmark, game, copies, staggered):
    original, batch = Original(game), Batch(game, copies, staggered)
    rates = []
    benchmark.pedantic(
        batch.play, setup=lambda: rates.append(original.rate()), rounds=TURNS, warmup_rounds=1, iterations=1
    )
    steps = copies * BATCHED_STEPS
    best, median = steps / benchmark.stats.stats.min, steps / benchmark.stats.stats.median
    benchmark.extra_info["lbforaging_steps_per_s"] = round(max(rates))
    benchmark.extra_info["steps_per_s"] = round(best)
    benchmark.extra_info["times_lbforaging_best"] = round(best / max(rates), 1)
    benchmark.extra_info["times_lbforaging_median"] = round(median / float(np.median(rates)), 1)
