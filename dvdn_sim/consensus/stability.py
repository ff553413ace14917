"""Whether DVDN learns: the eigenvalues of E[A], the expected mix of all rounds.

An agent moves against N Σ_j A_ij δ_j, so what the agents' errors have along an eigenvector of E[A] shrinks where its
eigenvalue is above 0, and grows where it is below (docs/method.md, truncation). What an exchange does to the error of
the mean says nothing of that sign: a policy that comes nearer to the mean may be the one that learning diverges with.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from dvdn_sim.consensus.facts import Facts
from dvdn_sim.consensus.policies import POLICIES, Policy
from dvdn_sim.consensus.theory import Heard, closed_steps
from dvdn_sim.consensus.weights import WEIGHTS, Values
from netmodels.topology import Graph

UNSTABLE = -0.005
"""An eigenvalue below it is warned of; what is nearer to 0 grows too slowly to be seen in a run."""
MAX_DRAWN = 64
"""Agents beyond which losses are not drawn: what has no closed form is told without loss."""
BATCHES = 10
ENOUGH = 300_000
"""Messages that are drawn where there is no closed form."""


class Least(NamedTuple):
    """The smallest eigenvalue of E[A], by its real part; standard error 0 where it is closed."""

    value: float
    error: float

    @property
    def unstable(self) -> bool:
        """Whether learning is to be expected to diverge, and not by the luck of a sample."""
        return self.value + 2.0 * self.error < UNSTABLE


def least_eigenvalue(
    policy: str,
    weights: str,
    graphs: Sequence[Graph],
    *,
    rounds: int,
    q: float,
    known: Heard | None = None,
    up: Sequence[bool] | None = None,
    messages: int = ENOUGH,
    generator: np.random.Generator,
) -> Least:
    """Return λ_min(E[A]) of an exchange whose messages are lost independently of each other, and never late.

    Args:
        policy: Its name.
        weights: Name of the base weights.
        graphs: One that stays for ever; or several, each as likely and one for all rounds of an exchange, drawn so that
            no agent is unlike the others.
        rounds: K.
        q: Probability that a message is held.
        known: What acknowledgements let both ends count; None without any.
        up: Which links of the only graph are up, in their order; all by default. Over the others nothing comes, and
            agents weigh each other as if they were there.
        messages: How many are drawn where there is no closed form.
        generator: Draws losses where there is no closed form.
    """
    n_agents = graphs[0].n_agents
    links_up = np.ones(len(graphs[0].links), bool) if up is None else np.array(up, bool)
    over = None if up is None else Graph(n_agents, graphs[0].links[links_up]).adjacency().T > 0.0
    steps = closed_steps(policy, WEIGHTS[weights], graphs, q=q, one_round=rounds == 1, known=known, up=over)
    if steps is not None:
        operators = np.linalg.matrix_power(steps.mean, rounds).mean(0, keepdims=True)
    else:
        q = q if n_agents <= MAX_DRAWN else 1.0
        sent = rounds * max(1, sum(len(graph.links) for graph in graphs))
        copies = int(np.clip(messages // sent, BATCHES, 20_000)) if q < 1.0 else 1
        drawn = partial(_drawn, POLICIES[policy](WEIGHTS[weights]), rounds=rounds, copies=copies, generator=generator)
        each = [drawn(graph, q=q if up is None else q * links_up) for graph in graphs]
        operators = each[0] if len(each) == 1 else np.array([batches.mean(0) for batches in each])
    alike = len(graphs) > 1 or len(graphs[0].links) == n_agents * (n_agents - 1)
    return least_of(operators, alike=alike and bool(links_up.all()))


def _drawn(
    policy: Policy, graph: Graph, *, rounds: int, q: float | Values, copies: int, generator: np.random.Generator
) -> Values:
    """Draw exchanges, as one over so many copies of a graph side by side; return the means of batches of operators.

    Messages are held with probability q, or each link's with its own, ``[E]``.
    """
    n, links = graph.n_agents, graph.links
    edges = (links + n * np.arange(copies)[:, None, None]).reshape(-1, 2)
    held = generator.random((rounds, len(edges))) < np.tile(np.broadcast_to(q, len(links)), copies)
    latest = np.maximum.accumulate(np.where(held, np.arange(rounds)[:, None], -1), axis=0)
    facts = Facts(n * copies, edges, np.ones(held.shape, bool), latest)
    after = policy.apply(facts, np.tile(np.eye(n), (copies, 1)))[-1]
    return np.array([batch.mean(0) for batch in np.array_split(after.reshape(copies, n, n), min(BATCHES, copies))])


def least_of(operators: Values, *, alike: bool) -> Least:
    """Return λ_min of the mean of operators ``[n, N, N]``; of samples, without the bias that their noise brings.

    Where agents are all `alike`, E[A] = a I + (1 - a) 11ᵀ/N, and a is what is estimated. The rest is the jackknife
    (Efron and Stein 1981).

    >>> least_of(np.array([[[0.4, 0.6], [0.6, 0.4]]]), alike=True)
    Least(value=-0.2, error=0.0)
    """

    def least(mean: Values) -> float:
        n_agents = len(mean)
        if alike and n_agents > 1:
            off = (mean.sum() - mean.trace()) / (n_agents * (n_agents - 1))
            return float(mean.trace() / n_agents - off)
        symmetric = np.allclose(mean, mean.T, rtol=0.0, atol=1e-12)
        return float(np.linalg.eigvalsh(mean)[0] if symmetric else np.linalg.eigvals(mean).real.min())

    count, whole = len(operators), least(operators.mean(0))
    if count == 1:
        return Least(round(whole, 15), 0.0)
    without = np.array([least((operators.sum(0) - each) / (count - 1)) for each in operators])
    error = np.sqrt((count - 1) / count * ((without - without.mean()) ** 2).sum())
    return Least(float(count * whole - (count - 1) * without.mean()), float(error))
