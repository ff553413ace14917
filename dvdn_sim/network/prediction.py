"""What a scenario's exchanges will be like, before anything is trained; every figure says how it was found.

The closed forms of `dvdn_sim.consensus.theory` need losses that are independent and messages that are in time. Whether
they are in time is seen from a sample of exchanges, drawn in numpy (`theory.rounds`): it gives the round times in any
case, and if one message in it is late, all that depends on it. What that sampler does not cover (faults, acks, a shared
medium, retries, links that differ) is sampled with the simulator itself, over networks of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from dvdn_sim.consensus import POLICIES, WEIGHTS, Facts, Policy
from dvdn_sim.consensus.theory import (
    SampledRounds,
    Trajectory,
    can_sample,
    confirmation,
    rounds_to_reach,
    sample_rounds,
)
from dvdn_sim.consensus.theory.ensembles import Ensemble, ensemble_of, is_static
from dvdn_sim.consensus.theory.exact import ExactPath, exact_path, expected_of, stacked, weight_matrices
from dvdn_sim.network.figures import Figure, figures_of, mean_figure, path_figures, quantile_figures, ratio_figure
from dvdn_sim.network.simulation import sampler
from dvdn_sim.network.traffic import exchange_bytes, mean_round_time, of_a_message, seconds, sending_s
from dvdn_sim.network.trials import MOST_FOR_OPERATORS, Setting, Tally, exchanges, network_of, per_update, realised
from dvdn_sim.scenario import ack_bytes
from netmodels.links import Bernoulli, DelayTrace, GilbertElliott
from netmodels.streams import stream
from netmodels.topology import Graph

Floats = npt.NDArray[np.float64]

PURPOSE: Final = "predict"
OTHER_INDICES: Final = 10**6
"""Of episodes whose graphs no trial of `consensus` meets."""
MOST_FOR_MOMENTS = 400
MOST_FOR_EIGENVALUES = 2000
ENOUGH_PACKETS = 2_000_000
SIMULATED_MESSAGES = 300_000
SIMULATED_PACKETS = 1_000_000
MOST_SEQUENCES = 250
TARGET: Final = 0.1
"""Root-mean-square error for which the number of rounds is told."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """What to expect.

    Attributes:
        figures: By name; those that `consensus` measures have the same names there.
        graphs: What exchanges meet.
        sampled: Exchanges drawn for what is sampled.
        sampler: What drew them: `numpy` or `simulator`.
        rounds_to_target: K for a root-mean-square error of 10%; None where it is not known or never reached.
        lambda_min: Smallest eigenvalue of the weights' matrix of a topology that never changes; else None.
        sending_s: How long the busiest transmitter sends per update.
        waiting_s: How long exchanges of this kind last per update.
        warnings: What to mind.
    """

    figures: dict[str, Figure]
    graphs: Ensemble
    sampled: int
    sampler: str
    rounds_to_target: int | None
    lambda_min: float | None
    sending_s: float
    waiting_s: float
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Sample:
    """Figures of sampled exchanges, what they would make of values, and the share of messages that a queue dropped."""

    figures: dict[str, Figure]
    undisturbed: bool
    path: dict[str, Figure] | None
    exchanges: int
    dropped: float = 0.0


def predict_every(settings: Sequence[Setting]) -> tuple[Prediction, ...]:
    """Work out what the exchanges of a scenario will be like, which take turns in every update.

    Args:
        settings: What is exchanged, over what, in this order.
    """
    found = tuple(map(predict, settings))
    waiting_s = sum(prediction.waiting_s for prediction in found)
    return tuple(
        replace(prediction, figures=prediction.figures | _utilisation(setting, prediction, waiting_s))
        for setting, prediction in zip(settings, found, strict=True)
    )


def predict(setting: Setting) -> Prediction:
    """Work out what exchanges of one kind will be like, if an update has no others.

    Args:
        setting: What is exchanged, over what.
    """
    graphs = _graphs(setting)
    in_numpy = _simple(setting, graphs)
    sample = _sampled_in_numpy(setting, graphs, with_path=False) if in_numpy else _simulated(setting, graphs)
    undisturbed = sample.undisturbed and _links_alike(setting)
    exact = _exact(setting, graphs) if undisturbed else None
    if exact is None and in_numpy:
        sample = _sampled_in_numpy(setting, graphs, with_path=True)
    figures = of_a_message(setting) | sample.figures | (sample.path or {})
    if exact is not None:
        figures |= figures_of(exact.path, exact.errors, exact.how)
    if undisturbed:
        q = setting.network.link.delivery_probability(setting.size_bytes)
        figures["delivered_fraction"] = Figure.of(q, 0.0, "closed")
    if undisturbed or in_numpy:
        figures |= exchange_bytes(setting, graphs)
    if in_numpy:
        figures |= mean_round_time(setting, graphs)
    if setting.values is None and setting.kind == "td":
        figures["jtd_relative_error"] = _jtd(setting, figures["mse_after_rounds"])
    round_s, wire_bytes = (float(np.max(figures[name].value)) for name in ("round_time_s", "bytes_per_update"))
    found = Prediction(
        figures=per_update(setting, figures),
        graphs=graphs,
        sampled=sample.exchanges,
        sampler="numpy" if in_numpy else "simulator",
        rounds_to_target=_rounds_to_target(setting, graphs, exact),
        lambda_min=_lambda_min(setting),
        sending_s=setting.exchanges * sending_s(setting, graphs, wire_bytes),
        waiting_s=setting.exchanges * setting.rounds * round_s,
        warnings=tuple(_warnings(setting, figures, sample.dropped)),
    )
    return replace(found, figures=found.figures | _utilisation(setting, found, found.waiting_s))


def _graphs(setting: Setting) -> Ensemble:
    operations = setting.rounds * setting.n_agents**3
    draws = int(np.clip(4e8 // operations, 10, 400))
    steps = setting.steps_of(draws, PURPOSE)
    return ensemble_of(
        setting.network.topology,
        setting.n_agents,
        setting.rounds,
        lambda index: setting.graphs(OTHER_INDICES + index, steps[index]),
        draws,
    )


def _simple(setting: Setting, graphs: Ensemble) -> bool:
    """Whether exchanges can be drawn in numpy."""
    network, link = setting.network, setting.network.link
    if network.acks or network.broadcast or network.deadline == "auto" or not _links_alike(setting):
        return False
    known = isinstance(link.loss, Bernoulli | GilbertElliott) and not isinstance(link.delay, DelayTrace)
    every = {graph for sequence in graphs.sequences for graph in sequence}
    return known and all(
        can_sample(link, network.share, setting.size_bytes, [graph] * setting.rounds) for graph in every
    )


def _links_alike(setting: Setting) -> bool:
    """Whether all messages come through with the same probability, if they do not queue for too long."""
    network, link = setting.network, setting.network.link
    if network.faults or network.other_links or (network.broadcast and link.retries):
        return False
    return isinstance(link.loss, Bernoulli) or (isinstance(link.loss, GilbertElliott) and not link.retries)


def _exact(setting: Setting, graphs: Ensemble) -> ExactPath | None:
    """What is known without a sample of losses, where nothing is late."""
    network, link = setting.network, setting.network.link
    bursty = not isinstance(link.loss, Bernoulli) and link.loss.loss_rate > 0.0
    # With bursts a link's messages depend on each other, be they of two rounds, or a message and an acknowledgement.
    if setting.n_agents > MOST_FOR_MOMENTS or (bursty and (setting.rounds > 1 or network.acks)):
        return None
    weights = WEIGHTS[setting.weights]
    q = link.delivery_probability(setting.size_bytes)
    known = None
    if setting.policy == "symmetric":
        known = confirmation(q, link.delivery_probability(ack_bytes(setting.n_agents)), network.ack_repeat)
    return exact_path(
        setting.policy,
        POLICIES[setting.policy](weights),
        weights,
        graphs,
        rounds=setting.rounds,
        q=q,
        known=known,
        values=_given(setting),
    )


def _sampled_in_numpy(setting: Setting, graphs: Ensemble, *, with_path: bool) -> Sample:
    """Draw exchanges: one batch for each of some sequences of graphs, or all over the one there is."""
    generator = stream(setting.seed, PURPOSE)
    sequences = graphs.draw(generator, setting.rounds, MOST_SEQUENCES)
    work = _messages(sequences) * setting.network.link.packets(setting.size_bytes)
    total = int(np.clip(ENOUGH_PACKETS // work, 16, 2000 if with_path else 4000))
    each = max(1, total // len(sequences))
    batches, paths, durations = [], [], []
    for sequence in sequences:
        drawn = _draw(setting, sequence, each, generator)
        batches.append(_rows(drawn))
        durations.append(drawn.durations_ns.ravel())
        if with_path:
            made = stacked([_path(setting, drawn.facts(trial), generator) for trial in range(each)])
            paths.append(made if len(sequences) == 1 else made.averaged(np.full(each, 1.0 / each)))
    rows = batches[0] if len(batches) == 1 else np.array([batch.mean(0) for batch in batches])
    sent, held, late, round_s = rows.T
    figures = {
        "delivered_fraction": ratio_figure(held, sent, "sampled"),
        "late_fraction": ratio_figure(late, sent, "sampled"),
        "bytes_per_update": mean_figure(sent * setting.network.link.wire_bytes(setting.size_bytes), "sampled"),
        "round_time_s": mean_figure(round_s, "sampled"),
    } | quantile_figures(np.concatenate(durations), "sampled")
    path = None
    if with_path:
        path = path_figures(paths[0] if len(paths) == 1 else stacked(paths), "sampled")
    return Sample(figures, undisturbed=not late.any(), path=path, exchanges=each * len(sequences))


def _messages(sequences: Sequence[Sequence[Graph]]) -> float:
    """Messages of an exchange, on average; at least 1."""
    return max(1.0, float(np.mean([sum(len(graph.edges) for graph in sequence) for sequence in sequences])))


def _draw(setting: Setting, sequence: tuple[Graph, ...], trials: int, generator: np.random.Generator) -> SampledRounds:
    network, starts = setting.network, trials * setting.n_agents
    starts_s = sampler(network.compute)(generator, starts) if setting.computing else np.zeros(starts)
    starts_ns = np.rint(starts_s * 1e9).astype(np.int64)
    return sample_rounds(
        network.link,
        sequence,
        share="node" if network.share == "node" else "link",
        size_bytes=setting.size_bytes,
        starts_ns=starts_ns.reshape(trials, setting.n_agents),
        deadline_ns=None if network.deadline is None else round(seconds(network.deadline) * 1e9),
        generator=generator,
    )


def _rows(drawn: SampledRounds) -> Floats:
    """Sent, held, late and mean round time of every exchange, ``[T, 4]``."""
    trials = len(drawn.latest)
    sent = np.full(trials, float(drawn.whole.active.sum()))
    held, late = drawn.held.sum((1, 2)), drawn.late.sum((1, 2))
    return np.stack([sent, held, late, drawn.durations_ns.mean((1, 2)) * 1e-9], 1)


def _path(setting: Setting, facts: Facts, generator: np.random.Generator) -> Trajectory:
    """What facts would make of values: in expectation over random ones, or of some if N is large."""
    policy: Policy = POLICIES[setting.policy](WEIGHTS[setting.weights])
    given = _given(setting)
    if setting.n_agents <= MOST_FOR_OPERATORS:
        return expected_of(policy.operator(facts), given)
    probes = generator.standard_normal((setting.n_agents, 4))
    return realised(policy, facts, probes if given is None else given[:, None], probes)


def _given(setting: Setting) -> Floats | None:
    return None if setting.values is None else np.array(setting.values)


def _simulated(setting: Setting, graphs: Ensemble) -> Sample:
    """Exchange over simulated networks that `consensus` will not see."""
    messages = _messages(graphs.sequences) * (setting.rounds if graphs.anew else 1)
    enough = min(SIMULATED_MESSAGES // messages, SIMULATED_PACKETS // (messages * setting.packets))
    count = int(np.clip(enough, 4, 400))
    tally, generator = Tally(), stream(setting.seed, PURPOSE)
    paths = []
    for report in exchanges(setting, count, PURPOSE, OTHER_INDICES):
        tally.add(report)
        paths += [_path(setting, report.facts, generator)]
    figures = tally.figures("sampled")
    path = path_figures(stacked(paths), "sampled")
    return Sample(figures, undisturbed=tally.undisturbed, path=path, exchanges=count, dropped=tally.dropped)


def _jtd(setting: Setting, mse: Figure) -> Figure:
    """√(N·mse): root-mean-square error of e_i = N x_i about the joint TD error, relative to that, in the end."""
    last, error = np.atleast_1d(mse.value)[-1], np.atleast_1d(mse.error)[-1]
    relative = np.sqrt(setting.n_agents * last)
    return Figure.of(relative, setting.n_agents * error / (2.0 * relative) if relative else 0.0, mse.how)


def _utilisation(setting: Setting, found: Prediction, waiting_s: float) -> dict[str, Figure]:
    """Share of the time from one update to the next that the busiest transmitter sends, if episodes are long."""
    updating_s = float(setting.network.compute.mean) + waiting_s
    overlap = setting.network.schedule == "overlap"
    period_s = max(setting.episode_s, updating_s) if overlap else setting.episode_s + updating_s
    share = found.sending_s / max(period_s, 1e-300)
    return {"utilisation": Figure.of(share, 0.0, found.figures["round_time_s"].how)}


def _rounds_to_target(setting: Setting, graphs: Ensemble, exact: ExactPath | None) -> int | None:
    if setting.kind != "td" or exact is None or exact.steps is None or setting.n_agents > 100 or setting.values:
        return None
    chance = None if graphs.anew else graphs.chance
    return rounds_to_reach(exact.steps, TARGET**2, chance, limit=200)


def _lambda_min(setting: Setting) -> float | None:
    """Smallest eigenvalue of W, for policies that use it, on a graph that never changes."""
    unweighted = setting.policy in {"running_sum", "push_sum"}
    if unweighted or not is_static(setting.network.topology) or setting.n_agents > MOST_FOR_EIGENVALUES:
        return None
    weights = weight_matrices(WEIGHTS[setting.weights], setting.graphs(0)[:1])[0]
    return float(np.linalg.eigvalsh(weights + np.diag(1.0 - weights.sum(1)))[0])


def _warnings(setting: Setting, figures: dict[str, Figure], dropped: float) -> Iterator[str]:
    for cut in network_of(setting, setting.seed).cut_for_ever:
        yield f"{cut}, for ever; nobody is told, and every round that misses it lasts until the deadline"
    if dropped > 0.0:
        yield f"{dropped:.2%} of the messages of {setting.carries} find a queue full: a round's messages exceed `limit`"
    late = float(np.max(figures["late_fraction"].value))
    if late > 0.0:
        yield (
            f"{late:.2%} of the messages of {setting.carries} come after their round was closed: the deadline is "
            "short, or agents that waited in vain for a lost message lag behind the others; what depends on it is "
            "sampled"
        )
    if setting.wire == "float16":
        yield "messages in float16 round values by up to 1 in 2048; the errors predicted leave that out"
    if setting.kind == "td" and np.atleast_1d(figures["a_eff"].value)[0] > 0.9:
        yield "a_eff is above 0.9: this is nearly independent learning"
