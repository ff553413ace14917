"""The error after every round for a policy and the graphs it meets, wherever that can be worked out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dvdn_sim.consensus import Policy
from dvdn_sim.consensus.facts import lossless_facts
from dvdn_sim.consensus.theory.acks import Confirmation, Heard
from dvdn_sim.consensus.theory.ensembles import Ensemble, How
from dvdn_sim.consensus.theory.enumeration import every_loss
from dvdn_sim.consensus.theory.moments import DrawnSteps, PullSteps, StepMoments, ZeroFillSteps, ratio_steps
from dvdn_sim.consensus.theory.trajectory import Trajectory, trajectory
from dvdn_sim.consensus.weights import Weights
from netmodels.topology import Graph

Floats = npt.NDArray[np.float64]

MOST_OPERATORS = 10_000
MOST_DEGREE = 10
MOST_RATIO_ENTRIES = 4_000_000


@dataclass(frozen=True, eq=False)
class ExactPath:
    """What is expected after every round.

    Attributes:
        path: Expectations ``[K]``.
        errors: Their standard errors, which come of a sample of graphs alone; 0 for all others.
        how: `closed`: from moments, for one graph. `enumerated`: over graphs, losses, or both. `sampled`: exact for
            each graph of a sample.
        steps: Moments of a round, if all rounds have the same and the graphs are not a sample; for other K.
    """

    path: Trajectory
    errors: Trajectory
    how: How
    steps: StepMoments | None


def exact_path(
    name: str,
    policy: Policy,
    weights: Weights,
    graphs: Ensemble,
    *,
    rounds: int,
    q: float,
    known: Confirmation | None,
    values: Floats | None = None,
) -> ExactPath | None:
    """Work out what a policy makes of independent losses, with nothing late.

    Args:
        name: Of the policy.
        policy: The same, for what is enumerated.
        weights: Base weights.
        graphs: What exchanges meet.
        rounds: K.
        q: Probability that a message is held.
        known: What acks leave known; None without acks.
        values: What agents hold at first, ``[N]``; None for independent values of variance 1.

    Returns:
        None where there is neither a closed form nor an enumeration of reasonable size.
    """
    lists_losses = name in {"renormalize", "running_sum", "push_sum"} and q < 1.0
    same = graphs.anew or all(len(set(sequence)) == 1 for sequence in graphs.sequences)
    moments: list[StepMoments] = []
    for k in range(1 if same else rounds):
        found = _moments(name, weights, [sequence[k] for sequence in graphs.sequences], rounds=rounds, q=q, known=known)
        if found is None:
            return _by_operators(policy, graphs, q, known, values)
        moments.append(found)
    steps: list[StepMoments] = moments * rounds if same else moments
    how: How = "enumerated" if graphs.how == "closed" and lists_losses else graphs.how
    if graphs.anew:
        drawn = DrawnSteps(moments[0], graphs.chance)
        path = trajectory(drawn, rounds, values)
        return ExactPath(path, _no_errors(path), how, drawn)
    alike = moments[0] if same and graphs.how != "sampled" else None
    return _averaged(trajectory(steps, rounds, values), graphs, how, alike)


def weight_matrices(weights: Weights, graphs: Sequence[Graph]) -> Floats:
    """Base weights w_ij of graphs as matrices ``[G, N, N]``, 0 on the diagonal.

    >>> from dvdn_sim.consensus.weights import metropolis
    >>> weight_matrices(metropolis, [Graph.undirected(2, [(0, 1)])]).tolist()
    [[[0.0, 0.5], [0.5, 0.0]]]
    """
    n_agents = graphs[0].n_agents
    matrices = np.zeros((len(graphs), n_agents, n_agents))
    for matrix, graph in zip(matrices, graphs, strict=True):
        facts = lossless_facts([graph])
        matrix[facts.edges[:, 1], facts.edges[:, 0]] = weights(facts)[0]
    return matrices


def _moments(
    name: str, weights: Weights, graphs: Sequence[Graph], *, rounds: int, q: float, known: Confirmation | None
) -> StepMoments | None:
    """The moments of one round over each of some graphs, for a policy that has them."""
    if name in {"running_sum", "push_sum"}:
        shares = np.array([(graph.adjacency().T + np.eye(graph.n_agents)) / _receivers(graph) for graph in graphs])
        return ratio_steps(shares, q) if rounds == 1 and _few_enough(graphs) else None
    if name == "stale" and rounds > 1 and q < 1.0:
        return None
    matrices = weight_matrices(weights, graphs)
    if name == "renormalize":
        whole = matrices + (1.0 - matrices.sum(-1))[..., None] * np.eye(matrices.shape[-1])
        return ratio_steps(whole, q) if _few_enough(graphs) else None
    making: dict[str, Callable[[], StepMoments]] = {
        "self": lambda: PullSteps(matrices, Heard.one_way(q)),
        "stale": lambda: PullSteps(matrices, Heard.one_way(q)),
        "symmetric": lambda: PullSteps(matrices, Heard.confirmed(known or Confirmation(0.0, 0.0, 1.0))),
        "zero_fill": lambda: ZeroFillSteps(matrices, q),
    }
    return making[name]() if name in making else None


def _receivers(graph: Graph) -> Floats:
    return 1.0 + np.array(graph.degrees, float)


def _few_enough(graphs: Sequence[Graph]) -> bool:
    """Whether every subset of neighbours can be gone through."""
    n_agents = graphs[0].n_agents
    degree = max(max(graph.degrees) for graph in graphs)
    return degree <= MOST_DEGREE and len(graphs) * n_agents * max(n_agents**2, 2**degree) <= MOST_RATIO_ENTRIES


def _by_operators(
    policy: Policy, graphs: Ensemble, q: float, known: Confirmation | None, values: Floats | None
) -> ExactPath | None:
    """Go through every pattern of losses of every sequence of graphs, with the policy itself."""
    if graphs.anew or known is not None:
        return None
    messages = max(sum(len(graph.edges) for graph in sequence) for sequence in graphs.sequences)
    patterns = 1 if q == 1.0 else 2**messages
    if patterns * len(graphs.sequences) > MOST_OPERATORS or graphs.sequences[0][0].n_agents > 64:
        return None
    paths = []
    for sequence in graphs.sequences:
        every = [(1.0, lossless_facts(sequence))] if q == 1.0 else every_loss(sequence, q)
        parts = [(chance, expected_of(policy.operator(facts), values)) for chance, facts in every]
        paths.append(stacked([part for _, part in parts]).averaged(np.array([chance for chance, _ in parts])))
    how: How = "enumerated" if graphs.how == "closed" and q < 1.0 else graphs.how
    return _averaged(stacked(paths), graphs, how, None)


def expected_of(operators: Floats, values: Floats | None = None) -> Trajectory:
    """What cumulative operators ``[K, N, N]`` do to values ``[N]``; by default to any of variance 1, in expectation.

    mse = ‖(A - J)X‖²/N, drift = ‖1ᵀ(A - J)X/N‖², disagreement = ‖(I - J)AX‖²/N (Frobenius), a_eff = (tr A - 1)/(N - 1);
    X is the values, or I.

    >>> expected_of(np.eye(2)[None]).mse.tolist(), expected_of(np.eye(2)[None], np.array([3.0, 1.0])).mse.tolist()
    ([0.5], [1.0])
    """
    n_agents = operators.shape[-1]
    start = np.eye(n_agents) if values is None else values[:, None]
    held = operators if values is None else operators @ start
    means = held.mean(1)
    return Trajectory(
        mse=((held - start.mean(0)) ** 2).sum((1, 2)) / n_agents,
        disagreement=((held - means[:, None]) ** 2).sum((1, 2)) / n_agents,
        drift=((means - start.mean(0)) ** 2).sum(1),
        a_eff=(np.trace(operators, axis1=1, axis2=2) - 1.0) / max(n_agents - 1, 1),
    )


def stacked(paths: Sequence[Trajectory]) -> Trajectory:
    """Some trajectories as one, with a leading axis.

    >>> stacked([expected_of(np.eye(2)[None])] * 3).mse.shape
    (3, 1)
    """
    names = ("mse", "disagreement", "drift", "a_eff")
    return Trajectory(*(np.array([getattr(path, name) for path in paths]) for name in names))


def standard_errors(paths: Trajectory) -> Trajectory:
    """Of the means over the first axis: s/√n; not a number for one alone.

    >>> standard_errors(stacked([expected_of(np.eye(2)[None])] * 3)).mse.tolist()
    [0.0]
    """

    def error(values: Floats) -> Floats:
        count = len(values)
        return np.asarray(values.std(0, ddof=1) / np.sqrt(count)) if count > 1 else np.full(values.shape[1:], np.nan)

    return Trajectory(error(paths.mse), error(paths.disagreement), error(paths.drift), error(paths.a_eff))


def _averaged(paths: Trajectory, graphs: Ensemble, how: How, steps: StepMoments | None) -> ExactPath:
    path = paths.averaged(graphs.chance)
    errors = standard_errors(paths) if graphs.how == "sampled" else _no_errors(path)
    return ExactPath(path, errors, how, steps)


def _no_errors(path: Trajectory) -> Trajectory:
    zeros = np.zeros(path.mse.shape)
    return Trajectory(zeros, zeros, zeros, zeros)
