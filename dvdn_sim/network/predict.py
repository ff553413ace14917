"""What a scenario's exchanges will be like, before anything is trained; every figure says how it was found.

The closed forms of `dvdn_sim.consensus.theory` need losses that are independent and messages that are in time. Whether
they are in time is seen from a sample of exchanges over simulated networks, which `consensus` does not see: it gives
the round times in any case, and if one message in it is late, all that depends on it. On graphs that change, closed
forms are averaged over a sample of graphs.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from dvdn_sim.consensus import (
    POLICIES,
    WEIGHTS,
    DrawnSteps,
    Facts,
    StepMoments,
    Trajectory,
    closed_steps,
    confirmation,
    expected_of,
    expected_round_time,
    lambda_min_of_round,
    lossless_facts,
    rounds_to_reach,
    trajectory,
)
from dvdn_sim.network.trials import (
    MAX_FOR_OPERATORS,
    Number,
    Setting,
    Tally,
    exchanges,
    network_of,
    path_figures,
    per_update,
    realised,
)
from dvdn_sim.scenario import ConstantTime, ack_bytes
from netmodels.links import Bernoulli, DelayTrace, GilbertElliott
from netmodels.streams import stream
from netmodels.topology import Graph, RandomConnected

PURPOSE: Final = "predict"
OTHER_INDICES: Final = 10**6
"""Of episodes whose graphs no trial of `consensus` meets."""
MAX_FOR_MOMENTS = 400
MAX_FOR_EIGENVALUES = 2000
MAX_SAMPLED = 240
ENOUGH_MESSAGES = 36_000
ENOUGH_PACKETS = 600_000
MAX_MESSAGES = 300_000
NETWORKS = 60
"""Of a sample; as each serves some exchanges in turn, they are what is independent, and standard errors are theirs."""
TARGET: Final = 0.1
"""Root-mean-square error for which the number of rounds is told."""
BUSIEST: Final[dict[tuple[str, bool], Callable[[Graph], int]]] = {
    ("link", False): lambda graph: min(len(graph.edges), 1),
    ("node", False): lambda graph: max(graph.degrees),
    ("medium", False): lambda graph: len(graph.edges),
    ("node", True): lambda graph: min(len(graph.edges), 1),
    ("medium", True): lambda graph: sum(degree > 0 for degree in graph.degrees),
}
"""Messages of a round that the busiest transmitter sends, by whose it is and whether it broadcasts."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """What to expect.

    Attributes:
        figures: By name; those that `consensus` measures have the same names there.
        graphs: How many sequences of graphs were met; one where the topology never changes.
        sampled: Exchanges drawn for what is sampled.
        rounds_to_target: K for a root-mean-square error of 10%; None where it is not known or never reached.
        lambda_min: Smallest eigenvalue of the weights' matrix of a topology that never changes; else None.
        sending_s: How long the busiest transmitter sends per update.
        sending_error_s: The standard error of that.
        waiting_s: How long exchanges of this kind last per update.
        waiting_error_s: The standard error of that.
        warnings: What to mind.
    """

    figures: dict[str, Number]
    graphs: int
    sampled: int
    rounds_to_target: int | None
    lambda_min: float | None
    sending_s: float
    sending_error_s: float
    waiting_s: float
    waiting_error_s: float
    warnings: tuple[str, ...]


def predict_every(settings: Sequence[Setting]) -> tuple[Prediction, ...]:
    """Work out what the exchanges of a scenario will be like, which take turns in every update, in this order."""
    found = tuple(map(predict, settings))
    return tuple(
        replace(prediction, figures=prediction.figures | _utilisation(setting, prediction, found))
        for setting, prediction in zip(settings, found, strict=True)
    )


def predict(setting: Setting) -> Prediction:
    """Work out what exchanges of one kind will be like, if an update has no others."""
    fixed, graphs = setting.network.topology.fixed, _graphs(setting)
    tally, paths, count = _sample(setting, graphs)
    figures = _of_a_message(setting) | tally.figures("sampled")
    undisturbed = tally.undisturbed and _same_chances(setting)
    steps, path = _closed_path(setting, graphs) if undisturbed else (None, None)
    figures |= path_figures(paths, "sampled") if path is None else _exact_figures(path, fixed=fixed)
    if undisturbed:
        q = setting.network.link.delivery_probability(setting.sent.size_bytes)
        figures["delivered_fraction"] = Number.of(q, 0.0, "closed")
    plain = not tally.dropped and _plain(setting)
    if undisturbed or plain:
        figures |= _exchange_bytes(setting, graphs)
    if plain and fixed:
        figures |= _mean_round_time(setting, graphs[0][0])
    if setting.values is None and setting.sent.kind == "td":
        figures["jtd_relative_error"] = _jtd(setting, figures["mse_after_rounds"])
    round_s = float(np.max(figures["round_time_s"].value))
    sending_s, sending_error_s = _sending_s(setting, graphs, figures["bytes_per_update"])
    rounds = setting.sent.exchanges * setting.rounds
    found = Prediction(
        figures=per_update(setting, figures),
        graphs=len(graphs),
        sampled=count,
        rounds_to_target=None if steps is None else _rounds_to_target(setting, steps),
        lambda_min=_lambda_min(setting) if fixed else None,
        sending_s=setting.sent.exchanges * sending_s,
        sending_error_s=setting.sent.exchanges * sending_error_s,
        waiting_s=rounds * round_s,
        waiting_error_s=rounds * float(np.max(figures["round_time_s"].error)),
        warnings=tuple(_warnings(setting, figures, tally.dropped)),
    )
    return replace(found, figures=found.figures | _utilisation(setting, found, [found]))


def _same_chances(setting: Setting) -> bool:
    """Whether all messages come through with the same probability, if they do not queue for too long."""
    network, link = setting.network, setting.network.link
    if network.faults or network.other_links or (network.broadcast and link.retries):
        return False
    return isinstance(link.loss, Bernoulli) or (isinstance(link.loss, GilbertElliott) and not link.retries)


def _plain(setting: Setting) -> bool:
    """Whether messages are sent once each, to one receiver, and wait for nobody but their own transmitter."""
    network, link = setting.network, setting.network.link
    others = network.acks or network.broadcast or network.share == "medium" or network.deadline == "auto"
    again = link.retries or link.duplicate or isinstance(link.delay, DelayTrace)
    return _same_chances(setting) and not others and not again


# Graphs, and a sample of exchanges.


def _graphs(setting: Setting) -> list[tuple[Graph, ...]]:
    """The graph of each round, for the exchanges of a sample; of one, if all have the same."""
    if setting.network.topology.fixed:
        return [tuple(setting.graphs(0))]
    draws = int(np.clip(4e8 // (setting.rounds * setting.n_agents**3), 10, 200))
    steps = setting.steps_of(draws, PURPOSE)
    return [tuple(setting.graphs(OTHER_INDICES + index, step)) for index, step in enumerate(steps)]


def _sample(setting: Setting, graphs: Sequence[Sequence[Graph]]) -> tuple[Tally, Trajectory, int]:
    """Exchange over simulated networks: what became of messages, of values by network, and how often."""
    messages = max(1.0, float(np.mean([sum(len(graph.edges) for graph in sequence) for sequence in graphs])))
    enough = min(ENOUGH_MESSAGES // messages, ENOUGH_PACKETS // (messages * setting.packets))
    count = int(np.clip(enough, np.clip(MAX_MESSAGES // messages, 1, 4), MAX_SAMPLED))
    networks = min(count, NETWORKS)
    tally, generator, paths = Tally(), stream(setting.seed, PURPOSE), []
    for reports in exchanges(setting, networks, PURPOSE, each=count // networks, first=OTHER_INDICES):
        tally.add(reports)
        paths.append(Trajectory.stacked([_path(setting, report.facts, generator) for report in reports]).averaged())
    return tally, Trajectory.stacked(paths), networks * (count // networks)


def _path(setting: Setting, facts: Facts, generator: np.random.Generator) -> Trajectory:
    """What facts would make of values: in expectation over random ones, or of some if N is large."""
    if setting.n_agents <= MAX_FOR_OPERATORS:
        return expected_of(setting.policy.operator(facts), setting.given)
    probes = generator.standard_normal((setting.n_agents, 4))
    return realised(setting.policy, facts, probes if setting.given is None else setting.given[:, None], probes)


# Closed forms, where nothing is late.


def _closed_path(setting: Setting, graphs: Sequence[Sequence[Graph]]) -> tuple[StepMoments | None, Trajectory | None]:
    """Moments of a round, where all have the same, and what is expected on each of the graphs ``[G, K]``."""
    network, link, sent = setting.network, setting.network.link, setting.sent
    bursty = not isinstance(link.loss, Bernoulli) and link.loss.loss_rate > 0.0
    # With bursts a link's messages depend on each other, be they of two rounds, or a message and an acknowledgement.
    if setting.n_agents > MAX_FOR_MOMENTS or (bursty and (setting.rounds > 1 or network.acks)):
        return None, None
    q, known = link.delivery_probability(sent.size_bytes), None
    if network.acks:
        known = confirmation(q, link.delivery_probability(ack_bytes(setting.n_agents)), network.ack_repeat)

    def steps_over(each: Sequence[Graph]) -> StepMoments | None:
        one_round = setting.rounds == 1
        return closed_steps(sent.policy, WEIGHTS[sent.weights], each, q=q, one_round=one_round, known=known)

    same = all(len(set(sequence)) == 1 for sequence in graphs)
    steps = [steps_over(each) for each in (list(zip(*graphs, strict=True))[:1] if same else zip(*graphs, strict=True))]
    moments = [step for step in steps if step is not None]
    if not moments:
        lossless = q == 1.0 and setting.n_agents <= MAX_FOR_OPERATORS
        return None, _lossless(setting, graphs) if lossless else None
    path = trajectory(moments * setting.rounds if same else moments, setting.rounds, setting.given)
    topology = network.topology
    if isinstance(topology, RandomConnected) and topology.resample == "round" and setting.rounds > 1:
        every = steps_over([graph for sequence in graphs for graph in sequence])
        return None if every is None else DrawnSteps(every), path
    return moments[0] if same else None, path


def _lossless(setting: Setting, graphs: Sequence[Sequence[Graph]]) -> Trajectory:
    return Trajectory.stacked(
        [expected_of(setting.policy.operator(lossless_facts(sequence)), setting.given) for sequence in graphs]
    )


def _exact_figures(path: Trajectory, *, fixed: bool) -> dict[str, Number]:
    """Figures of closed forms on each of a sample of graphs, or on the one there is."""
    found = path_figures(path, "closed" if fixed else "sampled")
    # One graph has no sampling error; nor have values that differ by rounding alone.
    errors = {name: np.nan_to_num(np.array(figure.error)) for name, figure in found.items()}
    return {
        name: Number.of(np.array(figure.value), np.where(errors[name] > 1e-12, errors[name], 0.0), figure.how)
        for name, figure in found.items()
    }


def _rounds_to_target(setting: Setting, steps: StepMoments) -> int | None:
    if setting.sent.kind != "td" or setting.n_agents > 100 or setting.values:
        return None
    return rounds_to_reach(steps, TARGET**2, limit=200)


def _lambda_min(setting: Setting) -> float | None:
    """Smallest eigenvalue of W, for policies that use it."""
    if POLICIES[setting.sent.policy].shares or setting.n_agents > MAX_FOR_EIGENVALUES:
        return None
    return lambda_min_of_round(setting.graphs(0)[0], WEIGHTS[setting.sent.weights])


def _of_a_message(setting: Setting) -> dict[str, Number]:
    """The longest message on an idle link: its size, its time, its chances."""
    size_bytes, link = setting.sent.size_bytes, setting.network.link
    link = replace(link, retries=0) if setting.network.broadcast else link
    wire_bytes = link.wire_bytes(size_bytes)
    figures = {
        "payload_bytes": float(size_bytes),
        "packets": float(link.packets(size_bytes)),
        "wire_bytes": float(wire_bytes),
        "airtime_s": link.serialisation_ns(wire_bytes) * 1e-9,
        "whole_probability": link.delivery_probability(size_bytes),
    }
    for name, probability in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999)):
        figures[f"completion_{name}_s"] = link.completion_quantile(size_bytes, probability)
    return {name: Number.of(value, 0.0, "closed") for name, value in figures.items()}


def _exchange_bytes(setting: Setting, graphs: Sequence[Sequence[Graph]]) -> dict[str, Number]:
    """Bytes of an exchange, where the graphs say how many messages there are, and nothing is sent again."""
    network, link = setting.network, setting.network.link
    sent = {_messages(setting, graph) for sequence in graphs for graph in sequence}
    if len(sent) != 1 or link.retries:
        return {}
    acks = network.ack_repeat * link.wire_bytes(ack_bytes(setting.n_agents)) if network.acks else 0
    every = sent.pop() * setting.rounds * (link.wire_bytes(setting.sent.size_bytes) + acks)
    return {"bytes_per_update": Number.of(float(every), 0.0, "closed")}


def _messages(setting: Setting, graph: Graph) -> int:
    """How many messages are sent in a round."""
    return sum(degree > 0 for degree in graph.degrees) if setting.network.broadcast else len(graph.edges)


def _mean_round_time(setting: Setting, graph: Graph) -> dict[str, Number]:
    """The mean round time, where it is known without a sample: of one round that all open together."""
    network, link, size_bytes = setting.network, setting.network.link, setting.sent.size_bytes
    together = not setting.computing or isinstance(network.compute, ConstantTime)
    if not together or network.share != "link" or setting.rounds > 1 or network.deadline == "auto":
        return {}
    q, wait_s = link.delivery_probability(size_bytes), np.inf if network.deadline is None else float(network.deadline)
    times = {
        degree: expected_round_time(lambda u: link.completion_quantile(size_bytes, u), q, degree, wait_s)
        for degree in set(graph.degrees)
    }
    mean_s = float(np.mean([times[degree] for degree in graph.degrees]))
    return {"round_time_s": Number.of(mean_s, 0.0, "closed")}


# What follows from the figures.


def _sending_s(setting: Setting, graphs: Sequence[Sequence[Graph]], wire_bytes: Number) -> tuple[float, float]:
    """How long the busiest transmitter sends in an exchange, its share of the team's bytes; and the standard error."""
    busiest = BUSIEST[setting.network.share, setting.network.broadcast]
    counts = np.array(
        [[[busiest(graph), _messages(setting, graph)] for graph in sequence] for sequence in graphs], float
    ).mean(1)
    busy, every = counts.mean(0)
    bytes_ = float(np.max(wire_bytes.value))
    sending_s = float(8.0 * bytes_ / float(setting.network.link.rate) * busy / max(every, 1.0))
    doubts = (counts[:, 0].std() / np.sqrt(len(counts)) / max(busy, 1.0), np.max(wire_bytes.error) / max(bytes_, 1.0))
    return sending_s, sending_s * float(np.hypot(*doubts))


def _jtd(setting: Setting, mse: Number) -> Number:
    """√(N·mse): root-mean-square error of e_i = N x_i about the joint TD error, relative to that, in the end."""
    last, error = np.atleast_1d(mse.value)[-1], np.atleast_1d(mse.error)[-1]
    relative = np.sqrt(setting.n_agents * last)
    return Number.of(relative, setting.n_agents * error / (2.0 * relative) if relative else 0.0, mse.how)


def _utilisation(setting: Setting, found: Prediction, every: Sequence[Prediction]) -> dict[str, Number]:
    """Share of the time from one update to the next that the busiest transmitter sends, if episodes are long."""
    updating_s = float(setting.network.compute.mean) + sum(each.waiting_s for each in every)
    overlap = setting.network.schedule == "overlap"
    period_s = max(setting.episode_s, updating_s) if overlap else setting.episode_s + updating_s
    share, error_s = found.sending_s / max(period_s, 1e-300), 0.0
    if not overlap or updating_s > setting.episode_s:
        error_s = float(np.linalg.norm([each.waiting_error_s for each in every]))
    error = np.hypot(found.sending_error_s, share * error_s) / max(period_s, 1e-300)
    return {"utilisation": Number.of(share, float(error), found.figures["round_time_s"].how)}


def _warnings(setting: Setting, figures: dict[str, Number], dropped: float) -> Iterator[str]:
    carries = setting.sent.carries
    for cut in network_of(setting, setting.seed).cut_for_ever:
        yield f"{cut}, for ever; nobody is told, and every round that misses it lasts until the deadline"
    if dropped > 0.0:
        yield f"{dropped:.2%} of the messages of {carries} find a queue full: a round's messages exceed `limit`"
    late = float(np.max(figures["late_fraction"].value))
    if late > 0.0:
        yield (
            f"{late:.2%} of the messages of {carries} come after their round was closed: the deadline is "
            "short, or agents that waited in vain for a lost message lag behind the others; what depends on it is "
            "sampled"
        )
    if setting.sent.dtype == "float16":
        yield "messages in float16 round values by up to 1 in 2048; the errors predicted leave that out"
    if setting.sent.kind == "td" and np.atleast_1d(figures["a_eff"].value)[0] > 0.9:
        yield "a_eff is above 0.9: this is nearly independent learning"
