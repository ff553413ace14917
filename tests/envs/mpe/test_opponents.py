"""Opponents: the rules of the scripts worked by hand, how good they are, and what a policy of one's own is told."""

import math

import pytest
import torch

from dvdn_sim.envs.mpe import SimpleAdversary, SimpleTag
from dvdn_sim.envs.mpe.opponents import Fleeing, Guessing, Random, best
from dvdn_sim.envs.mpe.world import directions

NONE, LEFT, RIGHT, DOWN, UP = range(5)


def flee(place, predators, velocity=(0.0, 0.0), order="mpe2"):
    """What the prey does; `predators` are relative to it."""
    policy = Fleeing(directions(order), obstacles=1, predators=len(predators))
    seen = torch.tensor([[*velocity, *place, 9.0, 9.0, *(number for each in predators for number in each)]])
    actions, _ = policy.act(seen, torch.zeros(1, 0), torch.zeros(1, dtype=torch.float64))
    return actions.item()


def guess(landmarks, good, order="mpe2"):
    """What the adversary does; all is relative to it."""
    policy = Guessing(directions(order), landmarks=len(landmarks))
    seen = torch.tensor([[number for each in landmarks + good for number in each]])
    actions, _ = policy.act(seen, torch.zeros(1, 0), torch.zeros(1, dtype=torch.float64))
    return actions.item()


def test_prey_run_away():
    assert flee((0.0, 0.0), [(0.3, 0.0)]) == LEFT
    assert flee((0.0, 0.0), [(-0.3, 0.1)]) == RIGHT
    assert flee((0.0, 0.0), [(0.0, 0.4), (0.3, 0.0), (-0.3, 0.0)]) == DOWN


def test_prey_stay_in_the_arena():
    """At x = 0.85, a predator 0.3 m to the left: for 0.3 m more it would pay exp(0.3) = 1.35. So it goes sideways."""
    assert flee((0.85, 0.0), [(-0.3, 0.01)]) == DOWN
    assert flee((0.0, 0.0), [(-0.3, 0.01)]) == RIGHT
    # Out of bounds already, and nobody near: back in.
    assert flee((0.0, -1.5), [(0.0, 5.0)]) == UP


def test_prey_know_how_far_they_coast():
    """At 1 m/s to the left it will come to rest 0.4 m away, beyond a predator at 0.3 m: so on to the left."""
    assert flee((0.0, 0.0), [(-0.3, 0.0)]) == RIGHT
    assert flee((0.0, 0.0), [(-0.3, 0.0)], velocity=(-1.0, 0.0)) == LEFT


def test_the_adversary_goes_where_good_agents_are():
    assert guess([(1.0, 0.0), (-1.0, 0.0)], [(1.0, 0.1), (0.9, 0.0)]) == RIGHT
    assert guess([(1.0, 0.0), (-1.0, 0.0)], [(-1.0, 0.1), (0.0, 0.7)]) == LEFT


def test_the_adversary_waits_between_landmarks_that_are_covered_alike():
    assert guess([(1.0, 0.0), (-1.0, 0.0)], [(1.0, 0.0), (-1.0, 0.0)]) == NONE


def test_how_sure_the_adversary_is_by_hand():
    """Distances 0 and 0.3 ln 3: beliefs 3/4 and 1/4, so it heads for 3/4 · 0.28 - 1/4 · 0.28 = 0.14 (or 0.16 of 0.32).

    The place to the right, 0.3 m away, is nearer than its own from 0.15 m on.
    """
    apart = 0.3 * math.log(3)
    for reach, action in ((0.28, NONE), (0.32, RIGHT)):
        assert guess([(reach, 0.0), (-reach, 0.0)], [(reach, 0.0), (-reach, apart)]) == action


def test_scripts_know_the_old_actions():
    assert flee((0.0, 0.0), [(0.3, 0.0)], order="legacy") == RIGHT  # 2, which is -x there
    assert guess([(1.0, 0.0)], [(1.0, 0.0)], order="legacy") == LEFT  # 1, which is +x


def test_ties_fall_by_chance():
    chance = torch.linspace(0, 1, 1001, dtype=torch.float64)[:-1]
    values = torch.tensor([[0.0, 1.0, 1.0, 0.0, 1.0]]).expand(1000, -1)
    chosen = torch.bincount(best(values, chance), minlength=5)
    assert chosen.tolist() == [0, 400, 200, 0, 400]  # from 0 or 1 on: 1; from 2 on: 2; from 3 or 4 on: 4
    assert best(torch.zeros(1000, 5), chance).bincount().tolist() == [200] * 5


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
        state, *_ = env.step(state, torch.zeros(500, 3, dtype=torch.int64))
    counts = torch.stack(seen).flatten().bincount(minlength=5)
    sigma = math.sqrt(10_000 * 0.2 * 0.8)
    assert bool(((counts - 2000).abs() < 4 * sigma).all())
    repeats = (torch.stack(seen)[1:] == torch.stack(seen)[:-1]).double().mean().item()
    assert abs(repeats - 0.2) < 4 * math.sqrt(0.16 / 9500)  # no memory from step to step


class Counting:
    """A policy with a memory: it counts its calls, and moves to the right on every second one."""

    memory_size = 2

    def __init__(self):
        self.calls = []

    def act(self, observations, memory, chance):
        self.calls.append((observations.clone(), memory.clone(), chance.clone()))
        memory = memory + torch.tensor([1.0, 10.0])
        return torch.where(memory[:, 0] % 2 == 0, RIGHT, NONE), memory


def test_a_policy_is_told_what_it_saw_before_the_step():
    whole = SimpleTag(opponent="agent", row_seeds=(5, 6))
    policy = Counting()
    env = SimpleTag(opponent=policy, row_seeds=(5, 6), observation="nearest")
    state, _ = env.reset(None)
    state_of_all, seen_of_all = whole.reset(None)
    for step in range(4):
        hunters = torch.full((2, 3), UP)
        state, *_ = env.step(state, hunters)
        assert torch.equal(policy.calls[step][0], seen_of_all[:, 3, :14])
        prey = RIGHT if step % 2 else NONE
        state_of_all, seen_of_all, *_ = whole.step(state_of_all, torch.cat([hunters, torch.full((2, 1), prey)], 1))
        assert torch.equal(state.positions, state_of_all.positions)


def test_memory_begins_anew_with_an_episode_and_rests_when_it_is_over():
    policy = Counting()
    env = SimpleTag(num_good=2, opponent=policy, row_seeds=(1, 2), max_episode_steps=3)  # two prey with a memory each
    state, _ = env.reset(None)
    actions = torch.zeros(2, 3, dtype=torch.int64)
    for _ in range(5):
        state, *_ = env.step(state, actions)
    assert state.memory.tolist() == [[[3.0, 30.0]] * 2] * 2
    state, _ = env.reset(state, torch.tensor([False, True]))
    assert state.memory.tolist() == [[[3.0, 30.0]] * 2, [[0.0, 0.0]] * 2]


def test_chance_depends_on_seed_episode_and_step_alone():
    def chances(seeds, steps):
        policy = Counting()
        env = SimpleTag(num_good=2, opponent=policy, row_seeds=seeds, max_episode_steps=3)
        state, _ = env.reset(None)
        for step in range(steps):
            if step == 3:
                state, _ = env.reset(state)
            state, *_ = env.step(state, torch.zeros(len(seeds), 3, dtype=torch.int64))
        return torch.stack([chance for *_, chance in policy.calls]).view(steps, len(seeds), 2)

    together = chances((7, 8, 7), 6)
    assert torch.equal(together[:, :1], chances((7,), 6))
    assert torch.equal(together[:, 0], together[:, 2])
    assert len(together[:, :2].unique()) == 6 * 2 * 2  # another one in each step, episode, row and for each prey


class Answers:
    def __init__(self, actions, memory=None, memory_size=0):
        self.memory_size, self.answer = memory_size, (actions, memory)

    def act(self, observations, memory, chance):
        return self.answer[0], memory if self.answer[1] is None else self.answer[1]


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (Answers(torch.zeros(1, dtype=torch.int64)), r"opponent's actions int64 \[1\] found; int64 \[2\] expected"),
        (Answers(torch.zeros(2)), r"opponent's actions float32 \[2\] found; int64 \[2\] expected"),
        (Answers(torch.tensor([0, 5])), r"row 1, agent 'adversary_0': action 5 found; 0 to 4 expected"),
        (
            Answers(torch.zeros(2, dtype=torch.int64), torch.zeros(2, 3), memory_size=2),
            r"opponent's memory float32 \[2, 3\] found; float32 \[2, 2\] expected",
        ),
        (
            Answers(torch.zeros(2, dtype=torch.int64), torch.zeros(2, 2, dtype=torch.float64), memory_size=2),
            r"opponent's memory float64 \[2, 2\] found; float32 \[2, 2\] expected",
        ),
    ],
)
def test_bad_answers_are_refused(policy, message):
    env = SimpleAdversary(opponent=policy, row_seeds=(0, 1))
    state, _ = env.reset(None)
    with pytest.raises(ValueError, match=message):
        env.step(state, torch.zeros(2, 2, dtype=torch.int64))


def test_what_cannot_act_is_refused():
    with pytest.raises(ValueError, match="'agent', 'scripted', 'random' or 'still'"):
        SimpleTag(opponent="trained")
    for nobody in (lambda seen: seen, 3):
        with pytest.raises(TypeError, match="found; an Opponent, with memory_size and act, expected"):
            SimpleTag(opponent=nobody)


EPISODES = 400


def returns(env, act):
    """Sum over agents and steps, one per episode: mean and standard error."""
    state, seen = env.reset(None)
    gained = torch.zeros(env.n_copies, dtype=torch.float64)
    for step in range(25):
        state, seen, rewards, _ = env.step(state, act(seen, step))
        gained += rewards.sum(1)
    return gained.mean().item(), gained.std().item() / math.sqrt(env.n_copies)


def by_chance(agents):
    generator = torch.Generator().manual_seed(0)
    return lambda seen, step: torch.randint(5, (len(seen), agents), generator=generator)


def chase(seen, step):
    """Every predator makes for where the prey will be in 0.4 s, knowing how far it coasts itself."""
    velocity, prey, prey_velocity = seen[..., :2], seen[..., 12:14], seen[..., 14:16]
    apart = prey + 0.4 * prey_velocity - 0.4 * velocity
    places = 0.3 * directions("mpe2").float()
    return (apart[..., None, :] - places).norm(dim=-1).argmin(-1)


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
    other = torch.where((goal == first).all(-1, keepdim=True), second, first)
    target = torch.stack([goal[:, 0], other[:, 1] if share else goal[:, 1]], 1)
    places = 0.3 * directions("mpe2").float()
    return (target[..., None, :] - places).norm(dim=-1).argmin(-1)


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
