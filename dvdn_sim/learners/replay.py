"""Replay of whole episodes, with ids that every agent of a team draws alike.

Alignment is a correctness condition of DVDN: agents mix temporal differences of the *same* (episode, step) positions.
Episodes therefore have global ids, an episode's slot is id mod capacity at every agent, and a minibatch is a pure
function of (seed, update), so that no message is needed to agree on it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dvdn_sim.learners import transfer
from netmodels.streams import stream


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
        chosen = np.flatnonzero(active)
        each, steps = episodes.actions.shape[1], episodes.actions.shape[-1]
        if each > self._capacity:
            raise ValueError(f"{each} episodes at once found; at most {self._capacity} expected, the capacity")
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
            draw = stream(self._seeds[replica], "replay", int(updates[replica]))
            ids[replica] = draw.choice(int(stored[replica]), batch, replace=False)
        return ids

    @torch.inference_mode()
    def minibatch(self, ids: npt.NDArray[np.int64]) -> Minibatch:
        """Return the episodes in slots `ids` ``[R, B]``."""
        teams = np.arange(len(ids))[:, None]
        lengths, places = self._lengths[teams, ids], teams * self._capacity + ids
        steps, device = int(lengths.max()), self._rings["rewards"].device
        on_host = transfer.compiled_for(self._rings["rewards"])
        if on_host:
            there, device_lengths = places, torch.from_numpy(lengths)
        else:
            there, device_lengths = torch.from_numpy(np.stack([places, lengths])).to(device)

        def gather(name: str) -> Tensor:
            ring = self._rings[name].flatten(0, 1)
            return torch.from_numpy(ring.numpy()[there]) if on_host else ring[there]

        return Minibatch(
            observations=gather("observations")[..., : steps + 1, :].permute(0, 2, 3, 1, 4),
            actions=gather("actions")[..., :steps].permute(0, 2, 3, 1).long(),
            rewards=gather("rewards")[..., :steps].permute(0, 2, 3, 1),
            lengths=device_lengths,
            timed_out=gather("timed_out"),
            longest=device_lengths.amax(1),
            positions=tuple(lengths.sum(1).tolist()),
        )
