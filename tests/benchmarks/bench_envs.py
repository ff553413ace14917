"""Environment steps per second of a batch of ours, and how many times those of the original package, on one thread.

    pytest tests/benchmarks/bench_envs.py --benchmark-only

Uniform random play; an episode that has ended begins anew at once, on both sides. Both are timed in turn, because the
speed of a shared core wanders; a rate is the best of many windows. What scripted adversaries, prey and robots do has no
original to be compared with. A step of Warehouse is 29 iterations of six robots, and two projections with 15
constraints each where robots are near each other.
"""

import time

import numpy as np
import pytest
from mpe2 import simple_adversary_v3, simple_spread_v3, simple_tag_v3

from dvdn_sim.envs.lbf import LevelBasedForaging
from dvdn_sim.envs.marbler import ArcticTransport, MaterialTransport, PredatorCapturePrey, Warehouse
from dvdn_sim.envs.mpe import SimpleAdversary, SimpleSpread, SimpleTag

TURNS, STEPS = 12, 100
EASY = {"players": 3, "field_size": (10, 10), "max_num_food": 3, "sight": 2, "max_episode_steps": 50}
HARD = {"players": 4, "field_size": (15, 15), "max_num_food": 5, "sight": 2, "max_episode_steps": 50}
AGENTS = {"opponent": "agent"}


def lbforaging(**game):
    from lbforaging.foraging.environment import ForagingEnv

    levels = {"min_player_level": 1, "max_player_level": 2, "min_food_level": 1, "max_food_level": None}
    env = ForagingEnv(**game, **levels, force_coop=False)
    env.reset(seed=0)
    rng = np.random.default_rng(0)

    def step():
        if env.step(rng.integers(0, 6, game["players"]).tolist())[2]:
            env.reset()

    return step


def mpe2(module):
    env = module.parallel_env()
    env.reset(seed=0)
    rng = np.random.default_rng(0)

    def step():
        env.step({agent: int(rng.integers(5)) for agent in env.agents})
        if not env.agents:
            env.reset()

    return step


GAMES = {
    "lbf": (LevelBasedForaging, EASY, 1024, lambda: lbforaging(**EASY)),
    "lbf, one row": (LevelBasedForaging, EASY, 1, lambda: lbforaging(**EASY)),
    "lbf, large": (LevelBasedForaging, HARD, 1024, lambda: lbforaging(**HARD)),
    "spread": (SimpleSpread, {}, 1024, lambda: mpe2(simple_spread_v3)),
    "spread, one row": (SimpleSpread, {}, 1, lambda: mpe2(simple_spread_v3)),
    "adversary": (SimpleAdversary, AGENTS, 1024, lambda: mpe2(simple_adversary_v3)),
    "tag": (SimpleTag, AGENTS, 1024, lambda: mpe2(simple_tag_v3)),
    "tag, scripted": (SimpleTag, {}, 1024, None),
} | {cls.__name__: (cls, {}, 256, None) for cls in (ArcticTransport, MaterialTransport, PredatorCapturePrey, Warehouse)}


@pytest.mark.parametrize("name", GAMES)
def test_steps_per_second(benchmark, name):
    cls, settings, copies, original = GAMES[name]
    env, theirs, info = cls(**settings, row_seeds=range(copies)), [], benchmark.extra_info
    actions = np.random.default_rng(1).integers(0, env.n_actions, (STEPS, copies, env.n_agents))
    state, _ = env.reset(None)

    def play():
        nonlocal state
        for taken in actions:
            _, _, done = env.advance(state, taken)
            if True in done.tolist():  # in one row a tenth of the time of any()
                state, _ = env.reset(state, done)

    step = None if original is None else original()

    def play_original():
        began = time.perf_counter()
        for _ in range(STEPS if step else 0):
            step()
        theirs.append(time.perf_counter() - began)

    benchmark.pedantic(play, setup=play_original, rounds=TURNS, warmup_rounds=1)
    info["steps_per_s"] = round(copies * STEPS / benchmark.stats.stats.min)
    if step:
        info["times_the_original"] = round(copies * min(theirs) / benchmark.stats.stats.min, 1)
