"""`Sorting` and `Relay`: episodes worked by hand, luck, what random and perfect play get, a plain twin of the rules."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dvdn_sim.envs.random_play import play
from dvdn_sim.envs.ring import Relay, Sorting
from dvdn_sim.scenario.envs import Relay as RelaySpec
from dvdn_sim.scenario.envs import Sorting as SortingSpec


def seen_signs(env, signs):
    """A first state of one row with the signs that robots see, and saw before."""
    state, _ = env.reset(None)
    return replace(state, signs=np.array(signs)[None])


def with_codes(codes, **options):
    env = Sorting(players=len(codes), labels=len(codes[0]), **options)
    env.codes[:] = codes
    return env


STRAIGHT, TURNED = [0, 1, 2], [2, 0, 1]


def test_two_robots_sort_by_hand():
    """Robot 0 answers a label as it is, robot 1 with one less, round. One of four answers is a quarter."""
    env = with_codes([STRAIGHT, TURNED], chutes=3, max_episode_steps=2)
    state = seen_signs(env, [[1, 1]])
    assert env.observe(state).tolist() == [[[0, 1, 0], [0, 1, 0]]]
    state, _, rewards, done = env.step(state, np.array([[1, 1]]))
    assert rewards.tolist() == [[1 / 8, 1 / 8]]
    assert (state.right.tolist(), state.chosen.tolist(), done.tolist()) == ([[True, False]], [[1, 1]], [False])
    state, _, rewards, done = env.step(replace(state, signs=np.array([[[0, 0]]])), np.array([[0, 2]]))
    assert (rewards.tolist(), done.tolist(), env.timed_out(state).tolist()) == ([[1 / 4, 1 / 4]], [True], [True])


def test_memory_scores_the_answer_to_an_older_label():
    """With a memory of two steps the first two steps of five are not scored; the third answers the first label."""
    env = with_codes([STRAIGHT], chutes=3, max_episode_steps=5, memory=2)
    state, seen = env.reset(None)
    labels = [int(seen[0, 0].argmax())]
    gained = []
    for step in range(5):
        answer = labels[step - 2] if step >= 2 else labels[step]
        answer = (answer + 1) % 3 if step == 3 else answer
        state, seen, rewards, _ = env.step(state, np.array([[answer]]))
        labels.append(int(seen[0, 0].argmax()))
        gained.append(rewards.item())
        assert state.signs[0, :, 0].tolist() == [*labels[::-1], 0, 0][:3]
    assert gained == [0, 0, 1 / 3, 0, 1 / 3]


def test_labels_of_the_next_robots_count_on_the_ring():
    """Labels 1, 2, 2 with that of the next one: 0, 1, 0 modulo 3; the last one's next is the first."""
    env = with_codes([STRAIGHT] * 3, chutes=3, max_episode_steps=1, neighbours=1)
    state = seen_signs(env, [[1, 2, 2]])
    assert env.observe(state)[0].argmax(1).tolist() == [1, 2, 2]
    state, _, rewards, _ = env.step(state, np.array([[0, 1, 0]]))
    assert state.right.tolist() == [[True, True, True]]
    assert rewards.sum() == pytest.approx(1.0)


def test_only_whole_groups_count():
    """Robots 0 and 1 are a group, 2 and 3 another; three right answers are one group of two."""
    env = with_codes([STRAIGHT] * 4, chutes=3, max_episode_steps=1, groups=2)
    state, _, rewards, _ = env.step(seen_signs(env, [[0, 1, 2, 0]]), np.array([[0, 1, 2, 2]]))
    assert state.right.tolist() == [[True, True, True, False]]
    assert rewards.tolist() == [[1 / 8] * 4]


def test_three_robots_relay_by_hand():
    """Robot 0 works, 1 hands on the right tool to 2, 2 the wrong one to 0: 0.3 and 1 of 3 robots in 2 steps."""
    env = Relay(players=3, tools=2, max_episode_steps=2)
    state = seen_signs(env, [[0, 1, 1]])
    assert env.observe(state).tolist() == [[[1, 0], [0, 1], [0, 1]]]
    state, _, rewards, done = env.step(state, np.array([[0, 2, 1]]))
    assert rewards[0] == pytest.approx([0.3 / 6, 0, 1 / 6])
    assert (state.right.tolist(), done.tolist()) == ([[False, True, False]], [False])
    _, _, rewards, done = env.step(replace(state, signs=np.array([[[0, 0, 0]]])), np.array([[1, 1, 0]]))
    assert rewards[0] == pytest.approx([0, 1 / 6, 1 / 6 + 0.3 / 6])
    assert done.tolist() == [True]


SPECS = [
    {}, {"memory": 3}, {"neighbours": 2}, {"groups": 12}, {"labels": 11, "chutes": 4}, {"labels": 3, "chutes": 5},
]  # fmt: skip


@pytest.mark.parametrize("options", SPECS)
def test_who_knows_the_codes_gets_all(options):
    """Every robot's code, and what the rules add up: 1, but for the rounding of a sum of 240."""
    env = Sorting(**options, row_seeds=range(20))
    state, seen = env.reset(None)
    labels, total = [seen.argmax(2)], np.zeros(20)
    for step in range(env.episode_limit):
        old = labels[max(step - env.spec.memory, 0)]
        meant = sum(np.roll(old, -ahead, axis=1) for ahead in range(env.spec.neighbours + 1)) % env.spec.labels
        state, seen, rewards, _ = env.step(state, env.codes[np.arange(env.n_agents), meant])
        labels.append(seen.argmax(2))
        total += rewards.sum(1)
    assert abs(total - 1.0).max() < 1e-12


def test_who_serves_gets_all():
    env = Relay(row_seeds=range(20))
    state, seen = env.reset(None)
    total = np.zeros(20)
    for _ in range(env.episode_limit):
        state, seen, rewards, _ = env.step(state, 1 + seen.argmax(2))
        total += rewards.sum(1)
    assert abs(total - 1.0).max() < 1e-12


@pytest.mark.parametrize(
    ("make", "options", "exact"),
    [
        (Sorting, {}, 1 / 8),
        (Sorting, {"chutes": 3}, 1 / 3),
        (Sorting, {"memory": 4, "neighbours": 1}, 1 / 8),
        (Sorting, {"players": 6, "chutes": 2, "groups": 3}, 1 / 4),
        (Relay, {}, 0.325),
        (Relay, {"tools": 2, "own_reward": 0.5}, 0.5),
    ],
)
def test_random_play_returns_what_is_said(make, options, exact):
    """The closed form, within 4.5 standard errors of 3000 episodes."""
    env = make(**options, row_seeds=range(3000))
    assert env.spec.random_return == pytest.approx(exact)
    found = play(env, seed=3).returns
    assert abs(found.mean() - exact) < 4.5 * found.std(ddof=1) / 3000**0.5
    low, high = env.spec.returns_within
    assert low <= found.min() < found.max() <= high


def test_signs_are_uniform_and_know_nothing_of_each_other():
    """Chi square over all labels, and of all pairs: the same robot's now and next, two robots' in one step, two rows'.

    A chi square with d degrees of freedom has mean d and deviation √(2 d): 4.5 of these.
    """
    env, labels = Sorting(players=3, labels=5, chutes=2, max_episode_steps=40, row_seeds=range(200)), []
    state, seen = env.reset(None)
    for _ in range(40):
        labels.append(seen.argmax(2))
        state, seen, _, _ = env.step(state, np.zeros((200, 3), np.int64))
    found = np.stack(labels)  # steps, rows, robots

    def surprise(values, count):
        expected = values.size / count
        return ((np.bincount(values.ravel(), minlength=count) - expected) ** 2 / expected).sum()

    pairs = [(found[:-1], found[1:]), (found[..., 0], found[..., 1]), (found[..., 0], found[..., 2]),
             (found[:, :-1], found[:, 1:])]  # fmt: skip
    assert abs(surprise(found, 5) - 4) < 4.5 * 8**0.5
    for one, other in pairs:
        assert abs(surprise(5 * one + other, 25) - 24) < 4.5 * 48**0.5


def test_codes_are_the_same_for_all_seeds_and_others_for_another_number():
    one, other = Sorting(row_seeds=(0,)).codes, Sorting(row_seeds=(5, 6)).codes
    assert np.array_equal(one, other)
    assert not np.array_equal(one, Sorting(codes=1).codes)
    assert np.array_equal(Sorting(players=5).codes, one[:5]), "more robots change nobody's code"


@settings(max_examples=40)
@given(st.integers(2, 12), st.integers(2, 12), st.integers(0, 99))
def test_codes_use_chutes_as_evenly_as_they_can(labels, chutes, codes):
    for code in Sorting(players=3, labels=labels, chutes=chutes, codes=codes).codes:
        counts = np.bincount(code, minlength=chutes)
        assert counts.max() - counts.min() <= 1
        assert len(counts) == chutes


def test_which_chutes_are_used_and_for_which_label_is_uniform():
    """Of 2000 robots with 3 labels and 4 chutes, every chute serves every label for a quarter, in 4.5 deviations."""
    codes = np.concatenate([Sorting(players=1000, labels=3, chutes=4, codes=number).codes for number in (0, 1)])
    for label in range(3):
        counts = np.bincount(codes[:, label], minlength=4)
        assert abs(counts - 500).max() < 4.5 * (2000 * 0.25 * 0.75) ** 0.5


def plain_sorting(spec, codes, signs, step, actions):
    """A step of one row, as docs/tasks.md has it: which robots are right, and what each gains."""
    if step < spec.memory:
        return [False] * spec.players, [0.0] * spec.players
    old, right = signs[spec.memory], []
    for robot in range(spec.players):
        meant = sum(old[(robot + ahead) % spec.players] for ahead in range(spec.neighbours + 1)) % spec.labels
        right.append(actions[robot] == codes[robot][meant])
    groups = spec.groups or spec.players
    size = spec.players // groups
    whole = sum(all(right[size * group : size * (group + 1)]) for group in range(groups))
    return right, [whole / groups / (spec.max_episode_steps - spec.memory) / spec.players] * spec.players


def plain_relay(spec, signs, actions):
    gained = [0.0] * spec.players
    for robot, action in enumerate(actions):
        if action == 0:
            gained[robot] += spec.own_reward
        elif action == 1 + signs[0][robot]:
            gained[(robot + 1) % spec.players] += 1.0
    return [gain / spec.players / spec.max_episode_steps for gain in gained]


@st.composite
def sortings(draw):
    players, steps = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    divisors = [each for each in range(1, players + 1) if players % each == 0]
    return {
        "players": players, "max_episode_steps": steps, "labels": draw(st.integers(2, 4)),
        "chutes": draw(st.integers(2, 4)), "memory": draw(st.integers(0, steps - 1)),
        "neighbours": draw(st.integers(0, players - 1)), "groups": draw(st.sampled_from([None, *divisors])),
        "codes": draw(st.integers(0, 9)),
    }  # fmt: skip


relays = st.fixed_dictionaries(
    {
        "players": st.integers(2, 5),
        "max_episode_steps": st.integers(1, 5),
        "tools": st.integers(2, 3),
        "own_reward": st.floats(0, 1),
    }
)


@settings(max_examples=60)
@given(sortings() | relays, st.integers(0, 2**32))
def test_steps_are_those_of_the_plain_rules(options, seed):
    """Through whole episodes, three rows of them, begun anew in between."""
    env = (Relay if "tools" in options else Sorting)(**options, row_seeds=range(3))
    state, seen = env.reset(None)
    rng = np.random.default_rng(seed)
    for _ in range(2 * env.episode_limit):
        actions = rng.integers(0, env.n_actions, (3, env.n_agents))
        steps, signs = state.step.copy(), state.signs.copy()
        assert np.array_equal(seen.argmax(2), signs[:, 0])
        state, seen, rewards, done = env.step(state, actions)
        for row in range(3):
            if isinstance(env, Relay):
                gained = plain_relay(env.spec, signs[row].tolist(), actions[row].tolist())
            else:
                codes, shown = env.codes.tolist(), signs[row].tolist()
                right, gained = plain_sorting(env.spec, codes, shown, steps[row], actions[row].tolist())
                assert state.right[row].tolist() == right
            assert rewards[row] == pytest.approx(gained, abs=1e-15)
            assert state.signs[row, 1:].tolist() == signs[row, :-1].tolist()
        state, seen = env.reset(state, done)


def test_a_ring_goes_round_clockwise_from_the_top():
    env = Relay(row_seeds=(0, 1))
    places = env.positions(env.reset(None)[0])
    assert places == pytest.approx(np.array([[[0, 1], [1, 0], [0, -1], [-1, 0]]] * 2), abs=1e-12)


def test_signs_out_of_range_are_refused():
    env = Relay()
    state, _ = env.reset(None)
    for wrong in (3, -1):
        with pytest.raises(ValueError, match=f"sign {wrong} found; 0 to 2 expected"):
            env.step(replace(state, signs=np.full((1, 1, 4), wrong)), np.zeros((1, 4), np.int64))


def test_pictures_show_signs_and_what_was_right():
    env = with_codes([STRAIGHT, TURNED], chutes=3)
    state = seen_signs(env, [[1, 2]])
    first = [stroke.words for stroke in env.picture(state).strokes if stroke.kind == "text"]
    assert first == ["1", "", "#0", "2", "", "#1"]
    state, *_ = env.step(state, np.array([[1, 0]]))
    discs = [stroke.colour for stroke in env.picture(state).strokes if stroke.kind == "disc"]
    assert [colour[1] > colour[0] for colour in discs] == [True, False]
    assert {"chute 1", "chute 0"} <= {stroke.words for stroke in env.picture(state).strokes}
    assert env.picture(state).places == pytest.approx(np.array([[0, 1], [0, -1]]), abs=1e-12)
    assert env.frame(state).shape == (400, 400, 3)


def test_who_is_down_does_what_is_said():
    """The first action: nothing does nothing."""
    assert Sorting().idle_actions.tolist() == [0] * 24
    assert (SortingSpec().idle, SortingSpec().action_names[0]) == ("sends all parcels to chute 0", "chute 0")
    assert Relay().idle_actions.tolist() == [0] * 4
    assert (RelaySpec().idle, RelaySpec().action_names[0]) == ("works for itself", "own work")


def test_actions_have_names():
    assert SortingSpec(chutes=2).action_names == ("chute 0", "chute 1")
    assert RelaySpec(tools=2).action_names == ("own work", "tool 0", "tool 1")


def test_they_are_said_in_words():
    harder = SortingSpec(memory=1, neighbours=2, groups=12)
    assert SortingSpec().describe() == "24 robots sort 8 labels into 8 chutes, by own codes; random play 0.125"
    assert harder.describe().endswith(
        "codes, of 1 step ago, with the labels of the next 2, in 12 groups; random play 0.0156"
    )
    assert RelaySpec().describe() == (
        "4 robots hand the next one of 3 tools, or work for themselves for 0.3; random play 0.325"
    )


def test_every_sorting_robot_is_one_of_a_kind():
    assert not SortingSpec().homogeneous
    assert len({tuple(code) for code in Sorting().codes.tolist()}) == 24
