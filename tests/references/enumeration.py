"""What closed forms are held against: all that can happen, one by one, and textbook forms of the same figures."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import networkx as nx
import numpy as np

from dvdn_sim.consensus import Facts, lossless_facts
from netmodels.topology import Graph


@lru_cache(maxsize=64)
def connected_graphs(n_agents: int, links: int | None = None) -> tuple[Graph, ...]:
    """List all connected labelled graphs."""
    pairs = list(combinations(range(n_agents), 2))
    sizes = range(n_agents - 1, len(pairs) + 1) if links is None else [links]
    found = []
    for size in sizes:
        for chosen in combinations(pairs, size):
            graph: nx.Graph[int] = nx.Graph(chosen)
            graph.add_nodes_from(range(n_agents))
            if nx.is_connected(graph):
                found.append(Graph.undirected(n_agents, chosen))
    return tuple(found)


@lru_cache(maxsize=32)
def loss_patterns(messages: int) -> np.ndarray:
    """All ways in which messages can be held or not."""
    numbers = np.arange(2**messages)
    patterns = (numbers[:, None] >> np.arange(messages) & 1).astype(bool)
    patterns.flags.writeable = False
    return patterns


def pattern_probabilities(patterns: np.ndarray, q: float) -> np.ndarray:
    """Probability of each pattern of independent messages: q^held (1-q)^lost."""
    held = patterns.sum(1)
    chance: np.ndarray = q**held * (1.0 - q) ** (patterns.shape[1] - held)
    return chance


def every_loss(graphs: list[Graph], q: float):
    """Go through all that an exchange without late messages can leave behind."""
    whole = lossless_facts(graphs)
    patterns = loss_patterns(int(whole.active.sum()))
    for chance, pattern in zip(pattern_probabilities(patterns, q).tolist(), patterns, strict=True):
        if chance > 0.0:
            held = np.zeros(whole.active.shape, bool)
            held[whole.active] = pattern
            yield chance, facts_of(whole, held)


def facts_of(whole: Facts, held: np.ndarray) -> Facts:
    """Facts of an exchange in which every message is held or lost, and none late."""
    numbers = np.where(held, np.arange(whole.rounds)[:, None], -1)
    back = whole.reverse
    return Facts(
        n_agents=whole.n_agents,
        edges=whole.edges,
        active=whole.active,
        latest=np.maximum.accumulate(numbers, axis=0),
        confirmed=held[:, back] & (back >= 0),
    )


@dataclass(frozen=True, eq=False)
class RatioSteps:
    """Row i is (s_ii e_i + Σ_j b_ij s_ij e_j) / (s_ii + Σ_j b_ij s_ij): a weighted mean of what was heard.

    Made by `ratio_steps`, which goes through every subset of neighbours. Rows are independent:
    E[W Σ Wᵀ]_ij = (E[W] Σ E[W]ᵀ)_ij + 1_{i=j} tr(Cov(row i) Σ).

    Attributes:
        mean: E[W], ``[..., N, N]``.
        covariance: Of every row, ``[..., N, N, N]``.
    """

    mean: np.ndarray
    covariance: np.ndarray

    @property
    def keeps_agreement(self) -> bool:
        """Always: every row is a weighted mean."""
        return True

    def advance(self, second: np.ndarray) -> np.ndarray:
        """E[W Σ Wᵀ]."""
        noise = np.einsum("...iab,...ab->...i", self.covariance, second)
        return self.mean @ second @ np.swapaxes(self.mean, -1, -2) + np.einsum(
            "...i,ij->...ij", noise, np.eye(noise.shape[-1])
        )


def ratio_steps(shares: np.ndarray, q: float) -> RatioSteps:
    """Enumerate what agents may hear of independent messages: `renormalize`, and round 1 of the ratio policies."""
    n_agents = shares.shape[-1]
    flat = shares.reshape(-1, n_agents, n_agents)
    mean, covariance = np.zeros_like(flat), np.zeros((*flat.shape, n_agents))
    for graph, agent in np.ndindex(flat.shape[:2]):
        share = flat[graph, agent]
        others = np.flatnonzero(share * (np.arange(n_agents) != agent))
        patterns = loss_patterns(len(others))
        near = np.array([agent, *others])
        rows = np.hstack([np.ones((len(patterns), 1)), patterns]) * share[near]
        rows /= rows.sum(1, keepdims=True)
        chance = pattern_probabilities(patterns, q)
        first = chance @ rows
        mean[graph, agent, near] = first
        covariance[graph, agent][np.ix_(near, near)] = (rows * chance[:, None]).T @ rows - np.outer(first, first)
    return RatioSteps(mean.reshape(shares.shape), covariance.reshape(*shares.shape, n_agents))


def kronecker_step(weights: np.ndarray, q: float) -> np.ndarray:
    """E[W⊗W] = (I - qL_w)⊗(I - qL_w) + q(1-q) Σ_e w_e² L_e⊗L_e: the exact map of second moments."""
    mean = np.eye(len(weights)) - q * (np.diag(weights.sum(1)) - weights)
    total = np.kron(mean, mean).astype(np.float64)
    for i, j in zip(*np.nonzero(np.triu(weights)), strict=True):
        link = np.zeros(len(weights))
        link[i], link[j] = 1.0, -1.0
        pull = weights[i, j] * np.outer(link, link)
        total += q * (1.0 - q) * np.kron(pull, pull)
    return total
