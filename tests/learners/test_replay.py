"""The replay against a plain list of episodes."""

from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_team import made_up_episodes, relabelled
from scipy import stats
from teams import CPU, one_each

from dvdn_sim.learners import EpisodeReplay, Episodes, transfer
from dvdn_sim.learners.replay import TOGETHER, _below, _choose, _numbers
from netmodels.streams import stream

AVAILABLE = np.ones((2, 3), bool)


def make_replay(seeds, capacity, steps=6, n_agents=2):
    return EpisodeReplay(
        seeds, capacity=capacity, n_agents=n_agents, obs_dim=4, steps=steps, reward_dtype=torch.float64, device=CPU
    )


def assert_holds(minibatch, replica, b, episode):
    """Position b of a replica's minibatch is this episode: its numbers, then nothing earned."""
    steps = episode.rewards.shape[1]
    assert int(minibatch.lengths[replica, b]) == steps
    observations = minibatch.observations[replica, :, : steps + 1, b].numpy()
    np.testing.assert_array_equal(observations, episode.observations)
    np.testing.assert_array_equal(minibatch.actions[replica, :, :steps, b].numpy(), episode.actions)
    np.testing.assert_array_equal(minibatch.rewards[replica, :, :steps, b].numpy(), episode.rewards)
    assert not minibatch.rewards[replica, :, steps:, b].any()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 14), st.integers(0, 10**6))
def test_a_ring_of_the_last_episodes(replicas, capacity, inserts, seed):
    """Against a list: episode k goes to slot k mod C and pushes out episode k - C; each replica has its own ring.

    Episodes of any length follow one another in a slot, padded with nonsense up to a batch mate's length.
    """
    rng = np.random.default_rng(seed)
    replay = make_replay(list(range(replicas)), capacity)
    slots = [{} for _ in range(replicas)]
    counts = [0] * replicas
    for _ in range(inserts):
        lengths = rng.integers(1, 7, replicas).tolist()
        episodes = made_up_episodes(rng, lengths, n_agents=2, obs_dim=4, available=AVAILABLE)
        active = rng.random(replicas) < 0.8
        if not active.any():
            continue
        replay.insert(one_each([e if on else None for e, on in zip(episodes, active, strict=True)]), active)
        for replica in np.flatnonzero(active):
            slots[replica][counts[replica] % capacity] = episodes[replica]
            counts[replica] += 1
    np.testing.assert_array_equal(replay.stored, np.minimum(counts, capacity))
    if not all(counts):
        return
    batch = int(replay.stored.min())
    ids = replay.sample_ids(np.zeros(replicas, np.int64), batch)
    minibatch = replay.minibatch(ids)
    lengths = [[slots[r][slot].rewards.shape[1] for slot in ids[r]] for r in range(replicas)]
    assert minibatch.actions.shape == (replicas, 2, max(map(max, lengths)), batch)
    assert minibatch.positions == tuple(map(sum, lengths))
    assert minibatch.longest.tolist() == list(map(max, lengths))
    for replica in range(replicas):
        for b, slot in enumerate(ids[replica]):
            assert_holds(minibatch, replica, b, slots[replica][slot])


def filled(seeds, episodes, capacity=50):
    replay = make_replay(seeds, capacity)
    rng = np.random.default_rng(0)
    for episode in made_up_episodes(rng, [3] * episodes, n_agents=2, obs_dim=4, available=AVAILABLE):
        replay.insert(one_each([episode] * len(seeds)), np.ones(len(seeds), bool))
    return replay


def test_ids_are_a_pure_function_of_seed_and_update():
    """No message is needed to agree on a minibatch: not the order of calls, nor batch mates, nor the object matter."""
    together, alone, again = filled([5, 6, 7], 40), filled([6], 40), filled([6], 40)
    for update in (3, 1, 3, 0):
        expected = alone.sample_ids(np.array([update]), 8)[0]
        assert together.sample_ids(np.array([9, update, 2]), 8)[1].tolist() == expected.tolist()
        assert again.sample_ids(np.array([update]), 8)[0].tolist() == expected.tolist()
    first, second = (alone.sample_ids(np.array([update]), 8)[0].tolist() for update in (0, 1))
    assert first != second
    assert together.sample_ids(np.array([0, 0, 0]), 8)[0].tolist() != first


@pytest.mark.parametrize(
    ("stored", "batch"), [(1, 1), (2, 2), (33, 32), (5000, 32), (10_000, 999), (10_001, 200), (10_001, 201), (300, 300)]
)
def test_ids_are_those_that_numpy_draws(stored, batch):
    """Of the stream of each update, the generator's `choice`, by either of its two algorithms."""
    for update in (0, 1, TOGETHER - 1, TOGETHER, 10**6):
        ids, (block, number) = np.empty(batch, np.int64), divmod(update, TOGETHER)
        _choose(_numbers(7, block, batch)[number], stored, ids)
        assert ids.tolist() == stream(7, "replay", update).choice(stored, batch, replace=False).tolist()


def test_numbers_that_would_favour_some_slots_are_passed_over():
    """As numpy's `integers`; of so many, a third is."""
    n, at, found = 2**31 - 2**29, 0, []
    numbers = stream(0, "x").bit_generator.random_raw(500).astype("<u8").view("<u4")
    for _ in range(500):
        drawn, at = _below(n, numbers, at)
        found.append(drawn)
    assert at > 600
    assert found == stream(0, "x").integers(n, size=500).tolist()


def test_sampled_without_replacement_and_uniformly():
    """4000 minibatches of 8 out of 40: no repeats within one; all 40 equally often (χ², p > 1e-4)."""
    replay = filled([1], 40)
    counts = np.zeros(40)
    for update in range(4000):
        ids = replay.sample_ids(np.array([update]), 8)[0]
        assert len(set(ids.tolist())) == 8
        counts[ids] += 1
    # Draws without replacement vary less than χ² supposes, by (1 - 8/40).
    assert stats.chi2.sf(((counts - 800) ** 2 / 800).sum() / (1 - 8 / 40), 39) > 1e-4


def test_a_buffer_that_holds_just_one_minibatch_gives_all_of_it():
    ids = filled([3, 4], 12).sample_ids(np.array([0, 7]), 12)
    assert np.sort(ids, axis=1).tolist() == [list(range(12))] * 2


def several(episodes):
    """Some episodes of one replica, as if they had been acted side by side."""
    parts = [vars(one_each([episode])) for episode in episodes]
    steps = max(part["actions"].shape[-1] for part in parts)

    def padded(part, name, extra=0):
        missing = steps + extra - part[name].shape[3]
        filler = part[name].new_zeros(*part[name].shape[:3], missing, *part[name].shape[4:])
        return torch.cat([part[name], filler], dim=3)

    return Episodes(
        torch.cat([padded(part, "observations", 1) for part in parts], 1),
        torch.cat([padded(part, "actions") for part in parts], 1),
        torch.cat([padded(part, "rewards") for part in parts], 1),
        np.concatenate([part["lengths"] for part in parts], axis=1),
        torch.cat([part["timed_out"] for part in parts], 1),
    )


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.integers(0, 10**6))
def test_several_at_once_are_as_one_after_the_other(sizes, seed):
    """The first goes in first, whatever is left of the ring; time limits, too, and `one_by_one` takes them apart."""
    rng = np.random.default_rng(seed)
    together, apart, plain = (make_replay([0], 7) for _ in range(3))
    for size in sizes:
        lengths = rng.integers(1, 7, size).tolist()
        episodes = made_up_episodes(rng, lengths, n_agents=2, obs_dim=4, available=AVAILABLE, timed_out=0.5)
        batch = several(episodes)
        together.insert(batch, np.ones(1, bool))
        with patch.object(transfer, "compiled_for", lambda like: False):  # as in a device's memory
            plain.insert(batch, np.ones(1, bool))
        for episode, taken in zip(episodes, batch.one_by_one(), strict=True):
            assert taken.lengths.tolist() == [[episode.rewards.shape[1]]]
            apart.insert(taken, np.ones(1, bool))
    assert together.stored.tolist() == apart.stored.tolist() == [min(sum(sizes), 7)]
    assert all(torch.equal(plain._rings[name], ring) for name, ring in together._rings.items())
    ids = np.arange(int(together.stored[0]))[None]
    for mine, theirs in zip(vars(together.minibatch(ids)).values(), vars(apart.minibatch(ids)).values(), strict=True):
        assert torch.equal(mine, theirs) if isinstance(mine, torch.Tensor) else mine == theirs
    kept = [(episode, slot) for slot, episode in enumerate(episodes, sum(sizes) - size)]
    for episode, slot in kept:
        assert_holds(together.minibatch(np.array([[slot % 7]])), 0, 0, episode)
        assert together.minibatch(np.array([[slot % 7]])).timed_out.tolist() == [[episode.timed_out]]


def test_more_at_once_than_the_ring_holds_are_refused():
    rng = np.random.default_rng(0)
    episodes = made_up_episodes(rng, [1, 2, 3, 1], n_agents=2, obs_dim=4, available=AVAILABLE)
    with pytest.raises(ValueError, match="4 episodes at once found; at most 3 expected"):
        make_replay([0], 3).insert(several(episodes), np.ones(1, bool))


def test_too_few_episodes_are_refused():
    with pytest.raises(ValueError, match="12 episodes needs as many, a replica holds 5"):
        filled([3], 5).sample_ids(np.array([0]), 12)


def test_all_agents_have_the_same_episodes():
    """Alignment: at each position all agents hold the same episode id, which the observations here spell out."""
    replay = make_replay([0, 1], 10)
    for number in range(10):
        rng = np.random.default_rng(number)
        episodes = made_up_episodes(rng, [4, 4], n_agents=2, obs_dim=4, available=AVAILABLE)
        for episode in episodes:
            episode.observations[...] = number
            episode.actions[...] = number % 3
        replay.insert(one_each(episodes), np.ones(2, bool))
    ids = replay.sample_ids(np.zeros(2, np.int64), 6)
    minibatch = replay.minibatch(ids)
    assert (minibatch.observations == torch.from_numpy(ids)[:, None, None, :, None]).all()
    assert (minibatch.actions == torch.from_numpy(ids % 3)[:, None, None, :]).all()


def test_relabelling_agents_relabels_the_minibatch():
    rng = np.random.default_rng(0)
    plain, turned = make_replay([0], 6), make_replay([0], 6)
    for episode in made_up_episodes(rng, [3, 6, 2, 5], n_agents=2, obs_dim=4, available=AVAILABLE):
        plain.insert(one_each([episode]), np.ones(1, bool))
        turned.insert(one_each([relabelled(episode, [1, 0])]), np.ones(1, bool))
    ids = plain.sample_ids(np.array([4]), 3)
    one, other = plain.minibatch(ids), turned.minibatch(ids)
    assert torch.equal(one.observations.flip(1), other.observations)
    assert torch.equal(one.actions.flip(1), other.actions)
    assert torch.equal(one.rewards.flip(1), other.rewards)


def test_ten_teams_of_lbf_easy_fit_800_mb():
    """5000 episodes of 50 steps, 3 agents of 18 numbers: 551 MB of observations, 15 of actions, 30 of rewards."""
    replay = EpisodeReplay(
        list(range(10)),
        capacity=5000,
        n_agents=3,
        obs_dim=18,
        steps=50,
        reward_dtype=torch.float32,
        device=torch.device("meta"),
    )
    observations, actions, rewards = 51 * 3 * 18 * 4, 50 * 3 * 2, 50 * 3 * 4
    size_bytes = sum(ring.nbytes for ring in replay._rings.values())
    assert size_bytes == 10 * 5000 * (observations + actions + rewards + 1 + 8)
    assert size_bytes <= 0.8e9
