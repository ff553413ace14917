"""Opponents: the rules of the scripts worked by hand, how good they are, and what a policy of one's own is told."""

import math

import numpy as np
import pytest

from dvdn_sim.envs.mpe import SimpleAdversary, SimpleTag
from dvdn_sim.envs.mpe.opponents import Random, Scripted, flee, guess
from dvdn_sim.scenario.envs import MpeTag

NONE, LEFT, RIGHT, DOWN, UP = range(5)
PLACES = 0.3 * np.array([[0, 0], [-1, 0], [1, 0], [0, -1], [0, 1]])


def choice(policy, *pairs):
    """What one opponent does that sees these pairs of numbers."""
    seen = np.array([pairs], np.float32).reshape(1, -1)
    actions, _ = policy.act(seen, np.zeros((1, 0), np.float32), np.zeros(1))
    return actions.item()


def fleeing(place, predators, velocity=(0.0, 0.0), order="mpe2"):
    """What the prey does; `predators` are relative to it."""
    policy = Scripted(flee, 6, 6 + 2 * len(predators), order == "legacy")
    return choice(policy, velocity, place, (9.0, 9.0), *predators)


def guessing(landmarks, good, order="mpe2"):
    """What the adversary does; all is relative to it."""
    return choice(Scripted(guess, 2 * len(landmarks), order == "legacy"), *landmarks, *good)


def test_prey_run_away():
    assert fleeing((0.0, 0.0), [(0.3, 0.0)]) == LEFT
    assert fleeing((0.0, 0.0), [(-0.3, 0.1)]) == RIGHT
    assert fleeing((0.0, 0.0), [(0.0, 0.4), (0.3, 0.0), (-0.3, 0.0)]) == DOWN


def test_prey_stay_in_the_arena():
    """At x = 0.85, a predator 0.3 m to the left: for 0.3 m more it would pay exp(0.3) = 1.35. So it goes sideways."""
    assert fleeing((0.85, 0.0), [(-0.3, 0.01)]) == DOWN
    assert fleeing((0.0, 0.0), [(-0.3, 0.01)]) == RIGHT
    # Out of bounds already, and nobody near: back in.
    assert fleeing((0.0, -1.5), [(0.0, 5.0)]) == UP


def test_prey_know_how_far_they_coast():
    """At 1 m/s to the left it will come to rest 0.4 m away, beyond a predator at 0.3 m: so on to the left."""
    assert fleeing((0.0, 0.0), [(-0.3, 0.0)]) == RIGHT
    assert fleeing((0.0, 0.0), [(-0.3, 0.0)], velocity=(-1.0, 0.0)) == LEFT


def test_the_adversary_goes_where_good_agents_are():
    assert guessing([(1.0, 0.0), (-1.0, 0.0)], [(1.0, 0.1), (0.9, 0.0)]) == RIGHT
    assert guessing([(1.0, 0.0), (-1.0, 0.0)], [(-1.0, 0.1), (0.0, 0.7)]) == LEFT


def test_the_adversary_waits_between_landmarks_that_are_covered_alike():
    assert guessing([(1.0, 0.0), (-1.0, 0.0)], [(1.0, 0.0), (-1.0, 0.0)]) == NONE


def test_how_sure_the_adversary_is_by_hand():
    """Distances 0 and 0.3 ln 3: beliefs 3/4 and 1/4, so it heads for 3/4 · 0.28 - 1/4 · 0.28 = 0.14 (or 0.16 of 0.32).

    The place to the right, 0.3 m away, is nearer than its own from 0.15 m on.
    """
    apart = 0.3 * math.log(3)
    for reach, action in ((0.28, NONE), (0.32, RIGHT)):
        assert guessing([(reach, 0.0), (-reach, 0.0)], [(reach, 0.0), (-reach, apart)]) == action


def test_scripts_know_the_old_actions():
    assert fleeing((0.0, 0.0), [(0.3, 0.0)], order="legacy") == RIGHT  # 2, which is -x there
    assert guessing([(1.0, 0.0)], [(1.0, 0.0)], order="legacy") == LEFT  # 1, which is +x


def test_ties_fall_by_chance():
    """A predator in the same place: four places to go to are 0.3 m from it, its own is none.

    From chance 0 or 0.2 on it is 1 that comes first, then 2, 3, 4.
    """
    chance = np.arange(1000) / 1000
    seen = np.tile(np.array([0, 0, 0, 0, 0, 0], np.float32), (1000, 1))
    chosen, _ = Scripted(flee, 4, 6, False).act(seen, np.zeros((1000, 0), np.float32), chance)
    assert np.bincount(chosen, minlength=5).tolist() == [0, 400, 200, 200, 200]
    assert chosen[[0, 399, 400, 999]].tolist() == [1, 1, 2, 4]


def test_random_opponents_do_anything():
    seen = []

    class Recorder(Random):
        def act(self, observations, memory, chance):
            actions, memory = super().act(observations, memory, chance)
            seen.append(actions)
            return actions, memory

    env = SimpleTag(opponent=Recorder(), row_seeds=range(500))
    state, _ = env.reset(None)
    for _ in range(20):
        state, *_ = env.step(state, np.zeros((500, 3), np.int64))
    counts = np.bincount(np.ravel(seen), minlength=5)
    sigma = math.sqrt(10_000 * 0.2 * 0.8)
    assert (abs(counts - 2000) < 4 * sigma).all()
    repeats = (np.array(seen)[1:] == np.array(seen)[:-1]).mean()
    assert abs(repeats - 0.2) < 4 * math.sqrt(0.16 / 9500)  # no memory from step to step


class Counting:
    """A policy with a memory: it counts its calls, and moves to the right on every second one."""

    memory_size = 2

    def __init__(self):
        self.calls = []

    def act(self, observations, memory, chance):
        self.calls.append((observations.copy(), memory.copy(), chance.copy()))
        memory = memory + np.array([1.0, 10.0], np.float32)
        return np.where(memory[:, 0] % 2 == 0, RIGHT, NONE), memory


def test_a_policy_is_told_what_it_saw_before_the_step():
    whole = SimpleTag(opponent="agent", row_seeds=(5, 6))
    policy = Counting()
    env = SimpleTag(opponent=policy, row_seeds=(5, 6), observation="nearest")
    state, _ = env.reset(None)
    state_of_all, seen_of_all = whole.reset(None)
    for step in range(4):
        hunters = np.full((2, 3), UP)
        state, *_ = env.step(state, hunters)
        assert np.array_equal(policy.calls[step][0], seen_of_all[:, 3, :14])
        prey = RIGHT if step % 2 else NONE
        state_of_all, seen_of_all, *_ = whole.step(state_of_all, np.concatenate([hunters, np.full((2, 1), prey)], 1))
        assert np.array_equal(state.positions, state_of_all.positions)


def test_memory_begins_anew_with_an_episode_and_rests_when_it_is_over():
    policy = Counting()
    env = SimpleTag(num_good=2, opponent=policy, row_seeds=(1, 2), max_episode_steps=3)  # two prey with a memory each
    state, _ = env.reset(None)
    actions = np.zeros((2, 3), np.int64)
    for _ in range(5):
        state, *_ = env.step(state, actions)
    assert state.memory.tolist() == [[[3.0, 30.0]] * 2] * 2
    state, _ = env.reset(state, np.array([False, True]))
    assert state.memory.tolist() == [[[3.0, 30.0]] * 2, [[0.0, 0.0]] * 2]


def test_chance_depends_on_seed_episode_and_step_alone():
    def chances(seeds, steps):
        policy = Counting()
        env = SimpleTag(num_good=2, opponent=policy, row_seeds=seeds, max_episode_steps=3)
        state, _ = env.reset(None)
        for step in range(steps):
            if step == 3:
                state, _ = env.reset(state)
            state, *_ = env.step(state, np.zeros((len(seeds), 3), np.int64))
        return np.array([chance for *_, chance in policy.calls]).reshape(steps, len(seeds), 2)

    together = chances((7, 8, 7), 6)
    assert np.array_equal(together[:, :1], chances((7,), 6))
    assert np.array_equal(together[:, 0], together[:, 2])
    assert len(np.unique(together[:, :2])) == 6 * 2 * 2  # another one in each step, episode, row and for each prey


class Answers:
    def __init__(self, actions, memory=None, memory_size=0):
        self.memory_size, self.answer = memory_size, (actions, memory)

    def act(self, observations, memory, chance):
        return self.answer[0], memory if self.answer[1] is None else self.answer[1]


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (Answers(np.zeros(1, np.int64)), r"opponent's actions int64 \[1\] found; int64 \[2\] expected"),
        (Answers(np.zeros(2, np.float32)), r"opponent's actions float32 \[2\] found; int64 \[2\] expected"),
        (Answers(np.array([0, 5])), r"row 1, agent 'adversary_0': action 5 found; 0 to 4 expected"),
        (
            Answers(np.zeros(2, np.int64), np.zeros((2, 3), np.float32), memory_size=2),
            r"opponent's memory float32 \[2, 3\] found; float32 \[2, 2\] expected",
        ),
        (
            Answers(np.zeros(2, np.int64), np.zeros((2, 2)), memory_size=2),
            r"opponent's memory float64 \[2, 2\] found; float32 \[2, 2\] expected",
        ),
    ],
)
def test_bad_answers_are_refused(policy, message):
    env = SimpleAdversary(opponent=policy, row_seeds=(0, 1))
    state, _ = env.reset(None)
    with pytest.raises(ValueError, match=message):
        env.step(state, np.zeros((2, 2), np.int64))


def test_what_cannot_act_is_refused():
    with pytest.raises(ValueError, match="'agent', 'scripted', 'random' or 'still'"):
        SimpleTag(opponent="trained")
    for nobody in (lambda seen: seen, 3):
        with pytest.raises(TypeError, match="found; an Opponent, with memory_size and act, expected"):
            SimpleTag(opponent=nobody)
    with pytest.raises(ValueError, match="found beside `opponent: agent`; one of the two expected"):
        SimpleTag(MpeTag(opponent="agent"), opponent=Random())


EPISODES = 400


def returns(env, act):
    """Sum over agents and steps, one per episode: mean and standard error."""
    state, seen = env.reset(None)
    gained = np.zeros(env.n_copies)
    for step in range(25):
        state, seen, rewards, _ = env.step(state, act(seen, step))
        gained += rewards.sum(1)
    return gained.mean(), gained.std(ddof=1) / math.sqrt(env.n_copies)


def by_chance(agents):
    rng = np.random.default_rng(0)
    return lambda seen, step: rng.integers(5, size=(len(seen), agents))


def chase(seen, step):
    """Every predator makes for where the prey will be in 0.4 s, knowing how far it coasts itself."""
    velocity, prey, prey_velocity = seen[..., :2], seen[..., 12:14], seen[..., 14:16]
    apart = prey + 0.4 * prey_velocity - 0.4 * velocity
    return np.linalg.norm(apart[..., None, :] - PLACES, axis=-1).argmin(-1)


def test_scripted_prey_are_harder_to_catch_than_random_ones_and_not_impossible():
    """Against predators at random, and against ones that chase. (A prey without bounds would not be caught at all.)"""
    kinds = ("scripted", "random", "still")
    envs = {kind: SimpleTag(opponent=kind, reward="individual", row_seeds=range(EPISODES)) for kind in kinds}
    chased = {kind: returns(env, chase) for kind, env in envs.items()}
    met = {kind: returns(env, by_chance(3)) for kind, env in envs.items()}
    for results in (chased, met):
        for easier in ("random", "still"):
            apart = results[easier][0] - results["scripted"][0]
            assert apart > 4 * math.hypot(results[easier][1], results["scripted"][1])
    assert chased["scripted"][0] - met["scripted"][0] > 4 * math.hypot(chased["scripted"][1], met["scripted"][1])


def split_up(seen, step, share=True):
    """One good agent goes to the goal; the other to the other landmark (or to the goal, too). Blind to velocities."""
    goal, first, second = seen[..., :2], seen[..., 2:4], seen[..., 4:6]
    other = np.where((goal == first).all(-1, keepdims=True), second, first)
    target = np.stack([goal[:, 0], other[:, 1] if share else goal[:, 1]], 1)
    return np.linalg.norm(target[..., None, :] - PLACES, axis=-1).argmin(-1)


def test_the_scripted_adversary_finds_the_goal_unless_good_agents_split_up():
    """So there is something to learn: to go to the goal, and to do it together."""
    env = SimpleAdversary(row_seeds=range(EPISODES))
    random = returns(env, by_chance(2))
    both = returns(env, lambda seen, step: split_up(seen, step, share=False))
    split = returns(env, split_up)
    for worse, better in ((random, both), (both, split)):
        assert better[0] - worse[0] > 4 * math.hypot(better[1], worse[1])
    careless = returns(SimpleAdversary(row_seeds=range(EPISODES), opponent="random"), by_chance(2))
    assert careless[0] - random[0] > 4 * math.hypot(careless[1], random[1])
