"""Agents that observe and act in orders of their own: what the setting `heterogeneity` asks for."""

import numpy as np
from numpy.typing import NDArray

from dvdn_sim.draws import key, uniform
from dvdn_sim.envs.api import Observations
from dvdn_sim.scenario import Env


class Permutations:
    """Fixed orders in which the first agents of a team observe numbers and count actions; the others keep the game's.

    An order follows from the agent's number and the number of things to order alone: whatever the share of permuted
    agents, and in all rows, seeds and episodes, an agent's is the same. So a trained team can be told what it plays,
    and whoever learns alone, from weights that are drawn alike for all inputs and outputs, learns what it would have
    learnt, equal in distribution for each single order and not only on average over them.

    Args:
        spec: Of a homogeneous team: all observe as many numbers, and have as many actions.
    """

    def __init__(self, spec: Env) -> None:
        self._agents = np.arange(spec.n_agents)
        self._meant = _orders(spec, "actions", spec.n_actions)
        self._told = self._meant.argsort(1)
        entries = _orders(spec, "observations", spec.obs_dim)
        self._entries = entries + spec.obs_dim * self._agents[:, None]  # of the numbers of all agents in one row

    def observed(self, numbers: Observations) -> Observations:
        """From numbers in the game's order, ``[..., N, D]``, to what agents observe."""
        return numbers.reshape(*numbers.shape[:-2], -1).take(self._entries, -1)

    def meant(self, actions: NDArray[np.int64]) -> NDArray[np.int64]:
        """From agents' actions, ``[..., N]``, to the game's."""
        return self._meant[self._agents, actions]

    def told(self, actions: NDArray[np.int64]) -> NDArray[np.int64]:
        """From the game's actions, ``[..., N]``, to what agents call them."""
        return self._told[self._agents, actions]


def _orders(spec: Env, of: str, size: int) -> NDArray[np.int64]:
    """Return every agent's order of so many things, ``[N, size]``."""
    orders = np.tile(np.arange(size), (spec.n_agents, 1))
    orders[: spec.permuted] = uniform(key(0, f"permuted {of}"), np.arange(spec.permuted)[:, None], orders[0]).argsort(1)
    return orders
