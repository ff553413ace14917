"""Replay of whole episodes, with ids that every agent of a team draws alike.

Alignment is a correctness condition of DVDN: agents mix temporal differences of the *same* (episode, step) positions.
Episodes therefore have global ids, an episode's slot is id mod capacity at every agent, and a minibatch is a pure
function of (seed, update), so that no message is needed to agree on it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dvdn_sim.compiled import compiled
from dvdn_sim.learners import transfer
from netmodels.streams import stream

TOGETHER = 64
"""Updates whose numbers are drawn at a time: the first stream after other work takes as long as ten after it."""
SPARE = 16
"""More numbers than are used: one in a million is too high to be told from a lower one, and is passed over."""

Parts = tuple[npt.NDArray[Any], ...]
"""Observations, actions, rewards, what timed out, and lengths: ``[R, episodes, ...]`` each."""


@dataclass(frozen=True)
class Episodes:
    """Whole episodes, one or more per replica, padded to the longest.

    Attributes:
        observations: ``[R, B, N, T + 1, D]`` float32.
        actions: int64 ``[R, B, N, T]``.
        rewards: Of each agent, ``[R, B, N, T]``, zero where there was no step.
        lengths: int64 ``[R, B]``, on the host.
        timed_out: Bool ``[R, B]``, episodes that a time limit cut.
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    lengths: npt.NDArray[np.int64]
    timed_out: Tensor

    @property
    def returns(self) -> Tensor:
        """Undiscounted team returns Σ_t Σ_i r_i, ``[R, B]``."""
        return self.rewards.sum((2, 3))

    def one_by_one(self) -> Iterator["Episodes"]:
        """Yield the b-th episode of every replica, for each b."""
        for b in range(self.lengths.shape[1]):
            yield Episodes(*(part[:, b : b + 1] for part in vars(self).values()))


@dataclass(frozen=True)
class Minibatch:
    """B episodes per replica, time-major and cut to the longest of the batch.

    Attributes:
        observations: ``[R, N, T + 1, B, D]``.
        actions: int64 ``[R, N, T, B]``.
        rewards: Of each agent, ``[R, N, T, B]``, zero where there was no step.
        lengths: int64 ``[R, B]``, on the device.
        timed_out: Bool ``[R, B]``, episodes that a time limit cut.
        longest: int64 ``[R]`` on the device, each replica's own longest episode.
        positions: Valid (episode, step) positions per replica, on the host: what a TD message carries.
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    lengths: Tensor
    timed_out: Tensor
    longest: Tensor
    positions: tuple[int, ...]


class EpisodeReplay:
    """A ring of `capacity` episodes for each of R replicas."""

    def __init__(
        self,
        seeds: list[int],
        *,
        capacity: int,
        n_agents: int,
        obs_dim: int,
        steps: int,
        reward_dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        """Allocate the ring, for episodes of at most `steps` steps; rewards have the learner's type."""
        self._seeds = seeds
        self._capacity = capacity
        shape = (len(seeds), capacity)
        self._lengths = np.zeros(shape, np.int64)
        self._inserted = np.zeros(len(seeds), np.int64)
        self._rings = {
            "observations": torch.zeros(*shape, n_agents, steps + 1, obs_dim, device=device),
            "actions": torch.zeros(*shape, n_agents, steps, dtype=torch.int16, device=device),
            "rewards": torch.zeros(*shape, n_agents, steps, dtype=reward_dtype, device=device),
            "timed_out": torch.zeros(*shape, dtype=torch.bool, device=device),
            "lengths": torch.from_numpy(self._lengths),
        }
        """All that is kept of an episode, ``[R, C, ...]`` each; lengths on the host."""

    @property
    def size_bytes(self) -> int:
        """Bytes of the ring, full or not."""
        return sum(ring.nbytes for ring in self._rings.values())

    @property
    def stored(self) -> npt.NDArray[np.int64]:
        """Episodes held per replica, ``[R]``."""
        return np.minimum(self._inserted, self._capacity)

    def insert(self, episodes: Episodes, active: npt.NDArray[np.bool_]) -> None:
        """Add all episodes of each active replica, bool ``[R]``; ValueError if the ring cannot hold them."""
        each, steps = episodes.actions.shape[1], episodes.actions.shape[-1]
        if each > self._capacity:
            raise ValueError(f"{each} episodes at once found; at most {self._capacity} expected, the capacity")
        if transfer.compiled_for(self._rings["rewards"]):
            given = [np.ascontiguousarray(getattr(episodes, name).numpy()) for name in list(self._rings)[:-1]]
            rings = tuple(ring.numpy() for ring in self._rings.values())
            _insert(active, (*given, episodes.lengths), rings, self._inserted)
            return
        chosen = np.flatnonzero(active)
        slots = (self._inserted[chosen, None] + np.arange(each)) % self._capacity
        self._lengths[chosen[:, None], slots] = episodes.lengths[chosen]
        self._inserted[chosen] += each
        # On the device both are numbers of rows, brought there in one copy.
        places, rows = chosen[:, None] * self._capacity + slots, chosen[:, None] * each + np.arange(each)
        ring = {name: each.flatten(0, 1) for name, each in self._rings.items()}
        into, of = torch.from_numpy(np.stack([places.ravel(), rows.ravel()])).to(ring["rewards"].device)
        ring["observations"][into, :, : steps + 1] = episodes.observations.flatten(0, 1)[of]
        ring["actions"][into, :, :steps] = episodes.actions.flatten(0, 1)[of].to(torch.int16)
        ring["rewards"][into] = 0
        ring["rewards"][into, :, :steps] = episodes.rewards.flatten(0, 1)[of].to(ring["rewards"].dtype)
        ring["timed_out"][into] = episodes.timed_out.flatten()[of]

    @property
    def inserted(self) -> npt.NDArray[np.int64]:
        """Episodes inserted so far per replica, those that have been overwritten included, ``[R]``."""
        return self._inserted.copy()

    def since(self, inserted: npt.NDArray[np.int64]) -> dict[str, Tensor]:
        """Return what was inserted after the ring had taken in so many episodes ``[R]``, as far as it still holds them.

        On the host, for `put_back`: `replica` and `episode`, int64 ``[n]``, number of each; and its row of each ring.
        """
        first = np.maximum(inserted, self._inserted - self._capacity)
        ranges = [np.arange(start, stop) for start, stop in zip(first, self._inserted, strict=True)]
        replica = np.repeat(np.arange(len(ranges)), [len(episodes) for episodes in ranges])
        episode = np.concatenate(ranges)
        slots = torch.from_numpy(replica * self._capacity + episode % self._capacity)
        kept = {name: ring.flatten(0, 1)[slots.to(ring.device)].cpu() for name, ring in self._rings.items()}
        return {"replica": torch.from_numpy(replica), "episode": torch.from_numpy(episode), **kept}

    def put_back(self, episodes: Mapping[str, Tensor]) -> None:
        """Insert what `since` gave, in the order in which it was given; the ring then is as it was.

        Raises:
            KeyError, RuntimeError, IndexError: It is from another kind of ring.
        """
        replica, episode = episodes["replica"], episodes["episode"]
        slots = replica * self._capacity + episode % self._capacity
        for name, ring in self._rings.items():
            ring.view(-1, *ring.shape[2:])[slots.to(ring.device)] = episodes[name].to(ring.device)
        np.maximum.at(self._inserted, replica.numpy(), episode.numpy() + 1)

    def sample_ids(
        self, updates: npt.NDArray[np.int64], batch: int, active: npt.NDArray[np.bool_] | None = None
    ) -> npt.NDArray[np.int64]:
        """Draw the slots of each replica's next minibatch, uniform without replacement, ``[R, batch]``.

        The draw depends on the seed and the updates done so far alone; replicas that are not active get slot 0.

        Raises:
            ValueError: An active replica holds fewer than `batch` episodes.
        """
        stored = self.stored
        active = np.ones(len(stored), bool) if active is None else active
        if (stored[active] < batch).any():
            raise ValueError(f"a minibatch of {batch} episodes needs as many, a replica holds {stored[active].min()}")
        ids = np.zeros((len(stored), batch), np.int64)
        for replica in np.flatnonzero(active).tolist():
            block, update = divmod(int(updates[replica]), TOGETHER)
            _choose(_numbers(self._seeds[replica], block, batch)[update], int(stored[replica]), ids[replica])
        return ids

    @torch.inference_mode()
    def minibatch(self, ids: npt.NDArray[np.int64]) -> Minibatch:
        """Return the episodes in slots `ids` ``[R, B]``."""
        teams = np.arange(len(ids))[:, None]
        lengths, places = self._lengths[teams, ids], teams * self._capacity + ids
        steps, device, positions = int(lengths.max()), self._rings["rewards"].device, tuple(lengths.sum(1).tolist())
        rings = [self._rings[name].flatten(0, 1) for name in ("observations", "actions", "rewards", "timed_out")]
        if transfer.compiled_for(rings[0]):
            observations, actions, rewards, timed_out = (ring.numpy()[places] for ring in rings)
            parts = (
                observations[..., : steps + 1, :].transpose(0, 2, 3, 1, 4),
                actions[..., :steps].transpose(0, 2, 3, 1).astype(np.int64),
                rewards[..., :steps].transpose(0, 2, 3, 1),
                lengths, timed_out, lengths.max(1),
            )  # fmt: skip
            given: list[Any] = [*map(torch.from_numpy, parts), positions]
            return Minibatch(*given)
        places_there, there = torch.from_numpy(np.stack([places, lengths])).to(device)
        found = [ring[places_there] for ring in rings]
        return Minibatch(
            observations=found[0][..., : steps + 1, :].permute(0, 2, 3, 1, 4),
            actions=found[1][..., :steps].permute(0, 2, 3, 1).long(),
            rewards=found[2][..., :steps].permute(0, 2, 3, 1),
            lengths=there,
            timed_out=found[3],
            longest=there.amax(1),
            positions=positions,
        )


@compiled
def _insert(active: npt.NDArray[np.bool_], given: Parts, rings: Parts, inserted: npt.NDArray[np.int64]) -> None:
    """Copy episodes of the active replicas to where they belong; no reward follows the last step."""
    observations, actions, rewards, timed_out, lengths = given
    ring_observations, ring_actions, ring_rewards, ring_timed_out, ring_lengths = rings
    _, episodes, agents, steps = actions.shape
    for r in range(len(active)):
        for e in range(episodes if active[r] else 0):
            slot = inserted[r] % ring_lengths.shape[1]
            for i in range(agents):
                for t in range(steps + 1):
                    for d in range(observations.shape[4]):
                        ring_observations[r, slot, i, t, d] = observations[r, e, i, t, d]
                for t in range(steps):
                    ring_actions[r, slot, i, t] = actions[r, e, i, t]
                for t in range(ring_rewards.shape[3]):
                    ring_rewards[r, slot, i, t] = rewards[r, e, i, t] if t < steps else 0.0
            ring_timed_out[r, slot], ring_lengths[r, slot] = timed_out[r, e], lengths[r, e]
            inserted[r] += 1


@lru_cache(maxsize=256)
def _numbers(seed: int, block: int, batch: int) -> npt.NDArray[np.uint32]:
    """Return the first 32-bit numbers of the streams of `TOGETHER` updates, ``[TOGETHER, 2·batch + SPARE]``."""
    updates = range(block * TOGETHER, (block + 1) * TOGETHER)
    drawn = [stream(seed, "replay", update).bit_generator.random_raw(batch + SPARE // 2) for update in updates]
    return np.array(drawn, "<u8").view("<u4")


@compiled
def _below(n: int, numbers: npt.NDArray[np.uint32], at: int) -> tuple[int, int]:
    """Return a number below n, made of the next ones (Lemire 2019), and how many have been used."""
    if n == 1:
        return 0, at
    product = np.int64(numbers[at]) * n
    while product & 0xFFFFFFFF < 2**32 % n:
        at += 1
        product = np.int64(numbers[at]) * n
    return product >> 32, at + 1  # type: ignore[return-value]


@compiled
def _choose(numbers: npt.NDArray[np.uint32], stored: int, ids: npt.NDArray[np.int64]) -> None:
    """Write what ``Generator.choice(stored, len(ids), replace=False)`` of numpy draws; it takes ten times as long."""
    batch, at, last = len(ids), 0, 1
    if stored > 10_000 and batch > stored // 50:
        slots, last = np.arange(stored), max(stored - batch, 1)
    else:  # Floyd's algorithm
        slots, taken = np.empty(batch, np.int64), np.zeros(stored, np.bool_)
        for k in range(batch):
            highest = stored - batch + k
            drawn, at = _below(highest + 1, numbers, at)
            slots[k] = highest if taken[drawn] else drawn
            taken[slots[k]] = True
    for i in range(len(slots) - 1, last - 1, -1):
        j, at = _below(i + 1, numbers, at)
        slots[i], slots[j] = slots[j], slots[i]
    for k in range(batch):
        ids[k] = slots[len(slots) - batch + k]
