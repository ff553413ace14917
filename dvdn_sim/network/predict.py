"""What a scenario's exchanges will be like, before anything is trained; every figure says how it was found.

The closed forms of `dvdn_sim.consensus.theory` need losses that are independent and messages that are in time. Whether
they are in time is seen from a sample of exchanges over simulated networks, which `consensus` does not see: it gives
the round times in any case, and if one message in it is late, all that depends on it. On graphs that change, closed
forms are averaged over a sample of graphs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from dvdn_sim.consensus import (
    MAX_DRAWN,
    WEIGHTS,
    DrawnSteps,
    Facts,
    Heard,
    StepMoments,
    Trajectory,
    closed_steps,
    expected_of,
    expected_round_time,
    has_moments,
    lossless_facts,
    rounds_to_reach,
    side_by_side,
    trajectory,
)
from dvdn_sim.network.simulation import sampler
from dvdn_sim.network.trials import (
    MAX_FOR_OPERATORS,
    Floats,
    Number,
    Plan,
    Setting,
    Tally,
    enough_exchanges,
    enough_networks,
    enough_trials,
    joined,
    mean_figure,
    operators,
    path_figures,
    quantile_figure,
    realised,
    samples,
)
from dvdn_sim.scenario import ConstantTime, Network, ack_bytes, stability
from netmodels import Link, LinkSpec
from netmodels.links import Bernoulli, GilbertElliott, LossTrace
from netmodels.recordings import Played
from netmodels.streams import stream
from netmodels.topology import Graph, RandomConnected

PURPOSE: Final = "predict"
OTHER_INDICES: Final = 10**6
"""Of episodes whose graphs no trial of `consensus` meets."""
MAX_FOR_MOMENTS = 400
MAX_SAMPLED = 800
NETWORKS = 200
"""Of a sample; as each serves some exchanges in turn, they are what is independent, and standard errors are theirs."""
LEAST_SAMPLED = 3
"""Exchanges of a sample, unless messages are too many, however long they take."""
MAX_MESSAGES = 300_000
"""Of them together."""
ENOUGH_COMPLETED = 50_000
"""Packets of messages that are sent to see when they are complete, where no formula says it."""
PROBES = 4
"""Random values of each of many agents, of which an operator is estimated."""
TARGET: Final = 0.1
"""Root-mean-square error for which the number of rounds is told."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """What to expect.

    Attributes:
        figures: By name; those that `consensus` measures have the same names there.
        graphs: How many sequences of graphs were met; one where the topology never changes.
        sampled: Exchanges drawn for what is sampled.
        rounds_to_target: K for a root-mean-square error of 10%; None where it is not known or never reached.
        lambda_min: Smallest eigenvalue of E[A], as if no message were late; None for parameters, and where graphs
            change in another way than by being drawn again.
        sending_s: How long the busiest transmitter sends per update.
        lasts_s: How long an exchange lasts, with the computing before it, ``[networks, exchanges over each]``.
        warnings: What to mind.
    """

    figures: dict[str, Number]
    graphs: int
    sampled: int
    rounds_to_target: int | None
    lambda_min: Number | None
    sending_s: Number
    lasts_s: Floats
    warnings: tuple[str, ...]


def predict_every(settings: Sequence[Setting], threads: int = 1) -> tuple[Prediction, ...]:
    """Work out what the exchanges of a scenario will be like, which take turns in every update, in this order.

    Args:
        settings: Of each kind of message.
        threads: How many; nothing but the time depends on it.
    """
    found = tuple(_predict(setting, threads) for setting in settings)
    for prediction in found:
        prediction.figures["utilisation"] = _utilisation(settings, prediction, found)
    return found


def predict(setting: Setting, threads: int = 1) -> Prediction:
    """Work out what exchanges of one kind will be like, if an update has no others."""
    return predict_every([setting], threads)[0]


def _predict(setting: Setting, threads: int) -> Prediction:
    """All but the utilisation, which depends on the other kinds of exchanges."""
    fixed, graphs = setting.network.topology.fixed, _graphs(setting)
    sample = _sample(setting, threads)
    figures = _of_a_message(setting) | sample.tally.figures("sampled")
    undisturbed = sample.tally.undisturbed and same_chances(setting.network)
    steps, path = _closed_path(setting, graphs) if undisturbed else (None, None)
    figures |= path_figures(sample.paths, "sampled") if path is None else _exact_figures(path, fixed=fixed)
    if undisturbed and sample.tally.sent:
        q = setting.network.link.delivery_probability(setting.sent.size_bytes)
        figures["delivered_fraction"] = Number(q, 0.0, "closed")
    sent_once = not sample.tally.dropped and plain(setting.network)
    if undisturbed or sent_once:
        figures |= _exchange_bytes(setting, graphs)
    if sent_once and fixed:
        figures |= _mean_round_time(setting, graphs[0][0])
    if setting.values is None and setting.sent.kind == "td":
        certain = undisturbed and fixed and figures["whole_probability"].value == 1.0
        figures["jtd_relative_error"] = _jtd(sample.errors[:1], "closed") if certain else _jtd(sample.errors, "sampled")
    figures["bytes_per_update"] = figures["bytes_per_update"].times(setting.sent.exchanges)
    return Prediction(
        figures=figures,
        graphs=len(graphs),
        sampled=sample.exchanges,
        rounds_to_target=None if steps is None else _rounds_to_target(setting, steps),
        lambda_min=_lambda_min(setting),
        sending_s=_sending_s(setting, graphs, figures["bytes_per_update"]),
        lasts_s=np.array(sample.tally.lasts_s).reshape(len(sample.errors), -1),
        warnings=tuple(_warnings(setting, figures, sample.tally.dropped)),
    )


# Graphs, and a sample of exchanges.


def _graphs(setting: Setting) -> list[tuple[Graph, ...]]:
    """The graph of each round, for the exchanges of a sample; of one, if all have the same."""
    if setting.network.topology.fixed:
        return [tuple(setting.graphs(0))]
    draws = int(np.clip(4e8 // (setting.rounds * setting.n_agents**3), 10, 200))
    steps = setting.steps_of(draws, PURPOSE)
    return [tuple(setting.graphs(OTHER_INDICES + index, step)) for index, step in enumerate(steps)]


class Sampled(NamedTuple):
    """Exchanges drawn: what became of messages, and of values by network; how many there were.

    `errors` are means over each network's exchanges of √(N·mse), which is ‖A - J‖ (Frobenius) for random values.
    """

    tally: Tally
    paths: Trajectory
    errors: Floats
    exchanges: int


def _sample(setting: Setting, threads: int) -> Sampled:
    least = int(np.clip(MAX_MESSAGES // setting.messages, 1, LEAST_SAMPLED))
    if plays(setting.network.link):
        count = networks = max(enough_trials(setting, MAX_SAMPLED), least)
    else:
        count = int(np.clip(enough_exchanges(setting), least, MAX_SAMPLED))
        networks = int(np.clip(enough_networks(setting), min(count, LEAST_SAMPLED), min(count, NETWORKS)))
    plan, small = Plan(networks, PURPOSE, count // networks, OTHER_INDICES), setting.n_agents <= MAX_FOR_OPERATORS

    def follow(numbers: range, facts: Facts) -> tuple[Trajectory, Floats]:
        path = _path_of_any(setting, facts) if small else _path_of_some(setting, facts, numbers)
        each = Trajectory(*(part.reshape(len(numbers), plan.each, -1) for part in path))
        return Trajectory(*(part.mean(1) for part in each)), np.sqrt(setting.n_agents * each.mse[:, :, -1]).mean(1)

    tally, paths, errors = Tally(), [], []
    columns = setting.n_agents if small else PROBES
    for part in samples(setting, plan, follow, columns=columns, threads=threads):
        tally.extend(part.tally)
        path, of_part = part.found
        paths.append(path)
        errors.append(of_part)
    return Sampled(tally, joined(paths), np.concatenate(errors), networks * plan.each)


def _path_of_any(setting: Setting, facts: Facts) -> Trajectory:
    """What facts would make of values: in expectation over random ones."""
    return expected_of(operators(setting.policy, facts), setting.given)


def _path_of_some(setting: Setting, facts: Facts, numbers: range) -> Trajectory:
    """The same of some random values, if N is large."""
    each, shape = facts.teams // len(numbers), (setting.n_agents, PROBES)
    drawn = [stream(setting.seed, PURPOSE, "values", number).standard_normal((each, *shape)) for number in numbers]
    probes = np.concatenate(drawn)
    values = probes if setting.given is None else np.tile(setting.given[:, None], (facts.teams, 1, 1))
    return realised(setting.policy, facts, values, probes)


def same_chances(network: Network) -> bool:
    """Say whether all messages come through with the same probability, if they do not queue for too long."""
    link = network.link
    if network.faults or network.other_links or (network.broadcast and link.retries):
        return False
    bursty = isinstance(link.loss, GilbertElliott | LossTrace)
    return isinstance(link.loss, Bernoulli) or (bursty and not link.retries)


def plays(link: LinkSpec) -> bool:
    """Say whether a link plays a recording, so that what becomes of a packet tells what will become of the next."""
    return isinstance(link.loss, Played) or isinstance(link.delay, Played)


def plain(network: Network) -> bool:
    """Say whether messages are sent once each, to one receiver, and wait for nobody but their own transmitter."""
    link = network.link
    others = network.acks or network.broadcast or network.share == "medium" or network.deadline == "auto"
    return same_chances(network) and not (others or link.retries or link.duplicate or plays(link))


# Closed forms, where nothing is late.


def _closed_path(setting: Setting, graphs: Sequence[Sequence[Graph]]) -> tuple[StepMoments | None, Trajectory | None]:
    """Moments of a round, where all have the same, and what is expected on each of the graphs ``[G, K]``."""
    network, link, sent, topology = setting.network, setting.network.link, setting.sent, setting.network.topology
    bursty = not isinstance(link.loss, Bernoulli) and link.loss.loss_rate > 0.0
    in_lockstep = isinstance(link.loss, LossTrace) and link.loss.lockstep
    # With bursts a link's messages depend on each other, be they of two rounds, or a message and an acknowledgement.
    if setting.n_agents > MAX_FOR_MOMENTS or (bursty and (setting.rounds > 1 or network.acks or in_lockstep)):
        return None, None
    q, known = link.delivery_probability(sent.size_bytes), None
    if network.acks:
        known = Heard.confirmed(q, link.delivery_probability(ack_bytes(setting.n_agents)), network.ack_repeat)

    @cache
    def steps_over(each: Sequence[Graph]) -> StepMoments | None:
        one_round = setting.rounds == 1
        return closed_steps(sent.policy, WEIGHTS[sent.weights], each, q=q, one_round=one_round, known=known)

    by_round = list(zip(*graphs, strict=True))
    steps = [step for step in map(steps_over, by_round) if step is not None]
    if not steps:
        if q < 1.0 or setting.n_agents > MAX_FOR_OPERATORS:
            return None, None
        whole = side_by_side([lossless_facts(sequence) for sequence in graphs])
        return None, expected_of(operators(setting.policy, whole), setting.given)
    path = trajectory(steps, setting.rounds, setting.given)
    if isinstance(topology, RandomConnected) and topology.resample == "round" and setting.rounds > 1:
        every = steps_over(tuple(graph for sequence in graphs for graph in sequence))
        return None if every is None else DrawnSteps(every), path
    return steps[0] if len(set(by_round)) == 1 else None, path


def _exact_figures(path: Trajectory, *, fixed: bool) -> dict[str, Number]:
    """Figures of closed forms on each of a sample of graphs, or on the one there is."""
    found = path_figures(path, "closed" if fixed else "sampled")
    # One graph has no sampling error (not a number); nor have values that differ by rounding alone.
    errors = {name: np.array(figure.error) for name, figure in found.items()}
    return {
        name: Number.of(np.array(figure.value), np.where(errors[name] > 1e-12, errors[name], 0.0), figure.how)
        for name, figure in found.items()
    }


def _rounds_to_target(setting: Setting, steps: StepMoments) -> int | None:
    if setting.sent.kind != "td" or setting.n_agents > 100 or setting.values:
        return None
    return rounds_to_reach(steps, TARGET**2, limit=200)


def _lambda_min(setting: Setting) -> Number | None:
    """Smallest eigenvalue of E[A], of what agents learn from; None for many where no formula has losses in it."""
    sent, q = setting.sent, setting.network.link.delivery_probability(setting.sent.size_bytes)
    if sent.kind != "td":
        return None
    if setting.n_agents > MAX_DRAWN and q < 1.0 and not has_moments(sent.policy, one_round=sent.rounds == 1):
        return None
    found = stability(setting.network, setting.sent, setting.n_agents, setting.seed)
    exact = setting.network.topology.fixed and not (found and found.error)
    return None if found is None else Number.of(*found, "closed" if exact else "sampled")


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
    found = {name: Number.of(value, 0.0, "closed") for name, value in figures.items()}
    exact = link.completion_is_exact(size_bytes)
    complete_s = np.empty(0) if exact else _completed_s(setting, link)
    for name, probability in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999)):
        closed = Number.of(link.completion_quantile(size_bytes, probability), 0.0, "closed")
        found[f"completion_{name}_s"] = closed if exact else quantile_figure(complete_s, probability)
    return found


def _completed_s(setting: Setting, link: LinkSpec) -> Floats:
    """How long messages took that came whole, each over a link of its own."""
    size_bytes = setting.sent.size_bytes
    count = int(np.clip(ENOUGH_COMPLETED / link.packets(size_bytes), 100, 2000))
    transfers = [Link(link, setting.seed, (PURPOSE, "completed", n)).offer(0, size_bytes) for n in range(count)]
    return np.array([each.complete_ns * 1e-9 for each in transfers if each.lost_reason is None])


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
    return int((_degrees(graph) > 0).sum()) if setting.network.broadcast else len(graph.links)


def _busiest(setting: Setting, graph: Graph) -> int:
    """How many messages of a round the busiest transmitter sends."""
    network = setting.network
    if network.share == "medium":
        return _messages(setting, graph)
    of_a_node = int(_degrees(graph).max()) if network.share == "node" and not network.broadcast else 1
    return min(len(graph.links), of_a_node)


def _degrees(graph: Graph) -> npt.NDArray[np.int64]:
    """How many agents each agent sends to, int64 ``[N]``."""
    return np.diff(graph.starts)


def _mean_round_time(setting: Setting, graph: Graph) -> dict[str, Number]:
    """The mean round time, where it is known without a sample: of one round that all open together."""
    network, link, size_bytes = setting.network, setting.network.link, setting.sent.size_bytes
    together = not setting.computing or isinstance(network.compute, ConstantTime)
    if not together or network.share != "link" or setting.rounds > 1 or network.deadline == "auto":
        return {}
    q, wait_s = link.delivery_probability(size_bytes), np.inf if network.deadline is None else float(network.deadline)
    degrees, agents = np.unique(_degrees(graph), return_counts=True)
    times_s = [
        expected_round_time(lambda u: link.completion_quantile(size_bytes, u), q, degree, wait_s)
        for degree in degrees.tolist()
    ]
    mean_s = float(np.average(times_s, weights=agents))
    return {"round_time_s": Number.of(mean_s, 0.0, "closed")}


# What follows from the figures.


def _sending_s(setting: Setting, graphs: Sequence[Sequence[Graph]], wire_bytes: Number) -> Number:
    """How long the busiest transmitter sends per update: its share of the team's bytes."""
    counts = np.array(
        [[[_busiest(setting, graph), _messages(setting, graph)] for graph in sequence] for sequence in graphs], float
    ).mean(1)
    busy, every = counts.mean(0)
    value, error = wire_bytes.at(0)
    sending_s = 8.0 * value / setting.network.link.rate * busy / max(every, 1.0)
    doubt = np.hypot(counts[:, 0].std() / np.sqrt(len(counts)) / max(busy, 1.0), error / max(value, 1.0))
    return Number.of(sending_s, sending_s * doubt, wire_bytes.how)


def _jtd(errors: Floats, how: str) -> Number:
    """E‖A - J‖: the mean over updates of ‖N A δ - 1 Σδ‖ / ‖1 Σδ‖, which training records, for independent δ."""
    found = mean_figure(errors, how)
    return found if len(errors) > 1 else Number.of(errors[0], 0.0 if how == "closed" else np.nan, how)


def _utilisation(settings: Sequence[Setting], found: Prediction, every: Sequence[Prediction]) -> Number:
    """Share of the time from one update to the next that the busiest transmitter sends, if episodes are long."""
    setting, network = settings[0], settings[0].network
    shape = every[0].lasts_s.shape
    updating_s = np.zeros(shape)
    for of_kind, each in zip(settings, every, strict=True):
        updating_s += of_kind.sent.exchanges * np.resize(each.lasts_s, shape)
    if not any(of_kind.computing for of_kind in settings):
        drawn_s = sampler(network.compute)(
            stream(setting.seed, PURPOSE, "compute"), every[0].lasts_s.size * setting.n_agents
        )
        updating_s += drawn_s.reshape(*shape, -1).max(2)
    episode_s = setting.episode_s
    periods_s = np.maximum(updating_s, episode_s) if network.schedule == "overlap" else updating_s + episode_s
    period_s, period_error_s = mean_figure(periods_s.mean(1), "sampled").at(0)
    period_s, (sending_s, sending_error_s) = max(period_s, 1e-300), found.sending_s.at(0)
    share = sending_s / period_s
    error = np.hypot(sending_error_s, share * period_error_s) / period_s
    return Number.of(share, error, "sampled" if np.ptp(periods_s) > 0.0 else found.sending_s.how)


def _warnings(setting: Setting, figures: dict[str, Number], dropped: float) -> Iterator[str]:
    carries = setting.sent.carries
    for cut in setting.simulated(setting.seed).cut_for_ever:
        yield f"{cut}, for ever; nobody is told, and every round that misses it lasts until the deadline"
    if dropped > 0.0:
        yield f"{dropped:.2%} of the messages of {carries} find a queue full: a round's messages exceed `limit`"
    late, _ = figures["late_fraction"].at(0)
    if late > 0.0:
        yield (
            f"{late:.2%} of the messages of {carries} come after their round was closed: the deadline is "
            "short, or agents that waited in vain for a lost message lag behind the others; what depends on it is "
            "sampled"
        )
    if setting.sent.dtype == "float16":
        yield "messages in float16 round values by up to 1 in 2048; the errors predicted leave that out"
    if setting.sent.kind == "td" and figures["a_eff"].at(0)[0] > 0.9:
        yield "a_eff is above 0.9: this is nearly independent learning"
