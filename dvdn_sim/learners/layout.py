"""Which agent uses which network: one each, or one for the whole team (parameter sharing)."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from dvdn_sim.scenario import QLearning, Sharing


@dataclass(frozen=True)
class Layout:
    """How R teams of N agents map onto networks, each of which is one row of a parameter matrix.

    With one network per agent its batch is the minibatch, B; one network for the team sees the N agents' sequences side
    by side, as a batch of N·B. Everything here is a view; nothing is copied.

    Attributes:
        replicas: R.
        agents: N.
        shared: Whether the agents of a team share one network.
        observes_ids: Whether agents that share a network observe their own number.
    """

    replicas: int
    agents: int
    shared: bool = False
    observes_ids: bool = True

    @classmethod
    def from_spec(cls, spec: QLearning, replicas: int, agents: int) -> Self:
        """Lay out the networks of R teams of N agents as an algorithm has them."""
        sharing = spec if isinstance(spec, Sharing) and spec.share_parameters else None
        return cls(replicas, agents, shared=sharing is not None, observes_ids=sharing is not None and sharing.agent_ids)

    @property
    def ids(self) -> int:
        """How many numbers an agent's own number adds to its observation: N, one-hot, or 0."""
        return self.agents if self.shared and self.observes_ids else 0

    @property
    def networks(self) -> int:
        """G, networks of a team."""
        return 1 if self.shared else self.agents

    @property
    def users(self) -> int:
        """S, agents that use one network: G·S = N."""
        return self.agents if self.shared else 1

    @property
    def rows(self) -> int:
        """R·G, networks of all teams."""
        return self.replicas * self.networks

    def by_network(self, values: Tensor) -> Tensor:
        """View ``[R, N, T, B, ...]`` by agent as ``[R, G, T, S, B, ...]`` by network."""
        split = values.view(len(values), self.networks, self.users, *values.shape[2:])
        return split.transpose(2, 3)

    def by_agent(self, values: Tensor) -> Tensor:
        """View ``[C·R·G, T, S·B, ...]`` by network as ``[C, R, N, T, B, ...]`` by agent."""
        steps, sequences, *rest = values.shape[1:]
        batch = sequences // self.users
        split = values.view(-1, self.replicas, self.networks, steps, self.users, batch, *rest)
        return split.transpose(3, 4).flatten(2, 3)

    def agent_ids(self, batch: int, like: Tensor) -> Tensor | None:
        """Return one-hot numbers of the agents, ``[S·B, S]`` for batches of B; None where nobody observes them."""
        if not self.ids:
            return None
        return torch.eye(self.agents, dtype=like.dtype, device=like.device).repeat_interleave(batch, 0)
