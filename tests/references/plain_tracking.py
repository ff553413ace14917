"""Gradient tracking agent by agent, as papers print it; and what its tests share."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from enumeration import facts_of

from dvdn_sim.consensus import Facts, lossless_facts
from dvdn_sim.learners import Adam, Exchanged, ExchangeSchedule, Tracker
from dvdn_sim.scenario import GtAdam, ParameterExchange
from netmodels.topology import Graph

SINGLE = np.array([0])


@dataclass(frozen=True)
class Sgd:
    """ω ← ω - lr z: no memory, no normalisation; the direction for which theory is exact."""

    lr: float
    state = {}  # noqa: RUF012  (of nothing)

    def step(self, parameters: torch.Tensor, tracker: torch.Tensor) -> None:
        parameters.sub_(tracker, alpha=self.lr)

    def forget(self, agents: torch.Tensor) -> None:
        """Nothing to forget."""


def schedule_of(parameters: int, **exchange: int) -> ExchangeSchedule:
    return ExchangeSchedule(parameters, ParameterExchange(**exchange))


def gtadam_of(parameters: torch.Tensor, lr: float, **options: object) -> Adam:
    return Adam(parameters, lr, GtAdam(**options))


class Quadratics:
    """f_i(x) = ½ (x - c_i)ᵀ H_i (x - c_i) with diagonal H_i: the sum's minimum is known."""

    def __init__(self, n_agents: int, size: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.curvature = torch.from_numpy(rng.uniform(0.5, 2.0, (1, n_agents, size)))
        self.centre = torch.from_numpy(rng.normal(size=(1, n_agents, size)))
        self.minimum = (self.curvature * self.centre).sum(1) / self.curvature.sum(1)

    def gradient(self, parameters: torch.Tensor) -> torch.Tensor:
        return self.curvature * (parameters - self.centre)

    def off(self, parameters: torch.Tensor) -> float:
        """How far the farthest agent is from the minimum."""
        return float((parameters - self.minimum[:, None]).abs().max())


def ring(n_agents: int) -> Graph:
    return Graph.undirected(n_agents, [(i, (i + 1) % n_agents) for i in range(n_agents)])


def lossy(graph: Graph, p: float, rng: np.random.Generator) -> Facts:
    """One round in which each message is lost with probability p; acknowledgements never are."""
    whole = lossless_facts([graph])
    return facts_of(whole, rng.random((1, len(whole.edges))) >= p)


def descend(
    tracker: Tracker,
    problem: Quadratics,
    parameters: torch.Tensor,
    exchange: Callable[[], Exchanged],
    updates: int,
) -> list[float]:
    """Learn from exact gradients, one team; how far off the minimum after each update."""
    off = []
    for update in range(updates):
        tracker.step(
            parameters,
            problem.gradient(parameters),
            updates=np.array([update]),
            exchanges=[{0: exchange()} for _ in tracker.messages(update)],
            learning=np.ones(parameters.shape[:2], bool),
        )
        off.append(problem.off(parameters))
    return off


class PlainRunningSums:
    """Gradient tracking by totals σ_ij, sent, and ρ_ij, taken in, in plain SGD: one agent and one link at a time.

    Attributes:
        last_heard: Whether of a lost v_j the last that was heard is taken, as ASY-SONATA does.
    """

    def __init__(self, parameters: np.ndarray, lr: float, *, last_heard: bool) -> None:
        n_agents, size = parameters.shape
        self.omega, self.lr, self.last_heard = parameters.copy(), lr, last_heard
        self.z, self.g = np.zeros_like(parameters), np.zeros_like(parameters)
        self.sigma, self.rho = np.zeros((2, n_agents, n_agents, size))
        self._newest: dict[tuple[int, int], np.ndarray] = {}

    def step(self, gradient: np.ndarray, facts: Facts, weights: np.ndarray) -> None:
        links = [tuple(edge) for edge, active in zip(facts.edges.tolist(), facts.active[0], strict=True) if active]
        heard = {tuple(edge) for edge, held in zip(facts.edges.tolist(), facts.held[0], strict=True) if held}
        weight = {tuple(edge): w for edge, w in zip(facts.edges.tolist(), weights, strict=True)}
        self.z += gradient - self.g
        self.g = gradient.copy()
        v = self.omega - self.lr * self.z
        kept = [1 / (1 + sum(sender == i for sender, _ in links)) for i in range(len(v))]
        for i, j in links:
            self.sigma[i, j] += kept[i] * self.z[i]
        self.z *= np.array(kept)[:, None]
        for i, j in heard:
            self.z[j] += self.sigma[i, j] - self.rho[i, j]
            self.rho[i, j] = self.sigma[i, j]
            self._newest[i, j] = v[i]
        self.omega = v.copy()
        for i, j in links:
            if (i, j) in heard or (self.last_heard and (i, j) in self._newest):
                self.omega[j] += weight[i, j] * (self._newest[i, j] - v[j])
