"""The exchange alone, without learning: many trials through the real network and the real policies, in figures.

In a measurement every trial has a network of its own, so that trials are independent and standard errors are what they
say, however bursty the losses are. Trials are spread over the time that a run takes, so that faults and moving agents
count for as long as they last; the graphs are those that the scenario's first seed meets.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from dvdn_sim.consensus import (
    POLICIES,
    WEIGHTS,
    Facts,
    Policy,
    Trajectory,
    apply_float16,
    side_by_side,
    trajectory_of,
)  # fmt: skip
from dvdn_sim.errors import AuditError, Mistake, ScenarioError
from dvdn_sim.network.accounting import MessageCounts
from dvdn_sim.network.exchange import ExchangeReport
from dvdn_sim.network.simulation import SimulatedNetwork
from dvdn_sim.scenario import MessageSpec, Network, Scenario, cores, memory_limit, message_specs, misfits
from dvdn_sim.wording import plural, size_text
from netmodels.recordings import Played
from netmodels.streams import stream
from netmodels.topology import Graph, Instant, RandomConnected

Floats = npt.NDArray[np.float64]
Given = Sequence[float] | None

MOST = 1e50
"""Of a given value: fourth powers of what an agent holds are still numbers."""
MAX_FOR_OPERATORS = 64
"""Agents up to which the trace of the operator is worked out; beyond it, it is estimated from the values."""
ENOUGH_PACKETS = 4_000_000
"""Exchanged in a second or two; a message takes as long as two packets, a link that is put in place as `PLACED`."""
PLACED = 100
LARGE = 5000
"""Messages of an exchange from which on threads pay."""
LINK_BYTES, MESSAGE_BYTES = 400, 30
"""Of memory, about, for each link of an exchange, and for each of its rounds."""
TOGETHER, MOST_TOGETHER = 2**17, 100
"""Numbers that are mixed at a time, and exchanges that are followed at once."""


@dataclass(frozen=True)
class Setting:
    """What of a scenario the exchanges of one kind of message depend on.

    Attributes:
        name: Of the scenario.
        seed: Its first seed.
        n_agents: N.
        network: Its network.
        sent: The kind of message: what it carries, how long it is, and how it is exchanged.
        episode_steps: Environment steps of the longest episode.
        steps: Environment steps of a run of one seed; exchanges happen while it lasts.
        values: What agents hold at first; None for random values, independent and of variance 1.
    """

    name: str
    seed: int
    n_agents: int
    network: Network
    sent: MessageSpec
    episode_steps: int
    steps: int
    values: tuple[float, ...] | None = None

    @classmethod
    def from_scenario(
        cls, scenario: Scenario, *, agents: int | None = None, links: int | None = None, values: Given = None
    ) -> "tuple[Setting, ...]":
        """Take each kind of message that a scenario sends, in the order in which an update exchanges them.

        Args:
            scenario: Of any algorithm; most send nothing.
            agents: So many in place of the scenario's, which need not fit its environment.
            links: So many of a random connected topology, in place of the scenario's.
            values: What agents hold at first, one finite number each; random ones by default.

        Raises:
            ScenarioError: There is no such graph, or values that do not fit.
        """
        if scenario.network is None:
            return ()
        network = _recordings_anywhere(scenario.network)
        if links is not None:
            if not isinstance(network.topology, RandomConnected):
                path, message = "network.topology", "has no number of links"
                raise ScenarioError.of(scenario.name, path, message, "leave out `--links`")
            network = replace(network, topology=replace(network.topology, edges=links))
        n_agents = scenario.env.n_agents if agents is None else agents
        if values is not None:
            _refuse_unfit(values, n_agents, scenario.name)
        found = tuple(
            cls(
                name=scenario.name,
                seed=scenario.seeds[0],
                n_agents=n_agents,
                network=network,
                sent=sent,
                episode_steps=scenario.env.longest_episode,
                steps=scenario.training.steps,
                values=None if values is None else tuple(map(float, values)),
            )
            for sent in message_specs(scenario)
        )
        wrong = [Mistake(path, None, *said) for path, *said in misfits(network, n_agents, scenario.seeds[:1])]
        if found and wrong:
            raise ScenarioError.from_mistakes(scenario.name, tuple(wrong))
        for setting in found:
            setting.refuse_oversized(memory_limit())
        return found

    def refuse_oversized(self, limit_bytes: int | None) -> None:
        """Raise `ScenarioError` for an exchange that the memory cannot hold; None is any."""
        size = LINK_BYTES * self.links + MESSAGE_BYTES * self.messages * (2 if self.network.acks else 1)
        if limit_bytes is not None and size > limit_bytes:
            message = f"{plural(self.rounds, 'round')} over {self.links:_.0f} links take {size_text(size)}"
            remedy = f"fewer agents, links or rounds for this machine's {size_text(limit_bytes)}"
            raise ScenarioError.of(self.name, "network.topology", message, remedy)

    @property
    def rounds(self) -> int:
        """K."""
        return self.sent.rounds

    @property
    def policy(self) -> Policy:
        """What agents make of what they heard."""
        return POLICIES[self.sent.policy](WEIGHTS[self.sent.weights])

    @property
    def given(self) -> Floats | None:
        """The values as an array ``[N]``."""
        return None if self.values is None else np.array(self.values)

    @property
    def computing(self) -> bool:
        """Whether agents compute before they send; else they all begin at once, as what they send is ready."""
        return self.sent.kind == "td"

    @property
    def packets(self) -> int:
        """Of the longest message."""
        return self.network.link.packets(self.sent.size_bytes)

    @cached_property
    def messages(self) -> float:
        """In an exchange, acknowledgements left aside: in the first, at least one."""
        return float(max(1, sum(len(graph.links) for graph in self.graphs(0))))

    @property
    def links(self) -> float:
        """In the graph of a round, on average."""
        return self.messages / self.rounds

    @property
    def episode_s(self) -> float:
        """Simulated seconds of the longest episode."""
        return self.episode_steps * float(self.network.control_period)

    def graphs(self, index: int, step: int = 0) -> list[Graph]:
        """Return the graph of every round of an exchange, by the index of its episode, after so many steps."""
        topology, now_ns = self.network.topology, round(step * float(self.network.control_period) * 1e9)
        return [topology.graph(self.n_agents, self.seed, Instant(index, index, k, now_ns)) for k in range(self.rounds)]

    def simulated(self, seed: int) -> SimulatedNetwork:
        """Return a network as the scenario says, with luck of its own and the graphs of the scenario's seed."""
        return SimulatedNetwork(self.network, n_agents=self.n_agents, seed=seed, topology_seed=self.seed)

    def steps_of(self, trials: int, purpose: str) -> list[int]:
        """Return when trials happen: each at a random step of its part of the run, in environment steps."""
        shares = stream(self.seed, purpose, "steps").random(trials)
        return [int((trial + share) / trials * self.steps) for trial, share in enumerate(shares.tolist())]

    def policies(self) -> dict[str, Policy]:
        """Return the scenario's policy, then all others that its network allows."""
        one_way = any(not graph.symmetric for graph in self.graphs(0))
        names = [self.sent.policy, *(name for name in POLICIES if name != self.sent.policy)]
        return {
            name: POLICIES[name](WEIGHTS[self.sent.weights])
            for name in names
            if (self.network.acks or name != "symmetric")
            and (POLICIES[name].memoryless or self.sent.dtype != "float16")
            and (POLICIES[name].shares or not one_way)
        }


def _recordings_anywhere(network: Network) -> Network:
    """Return a network whose recordings are anywhere as a trial begins: a run's exchanges are spread over all of them.

    Where all links begin at given values, they stay as far apart.
    """

    def anywhere(change: Mapping[str, object]) -> dict[str, Any]:
        return {
            key: replace(part, lockstep=True) if isinstance(part, Played) and part.offset is not None else part
            for key, part in change.items()
        }

    link = replace(network.link, **anywhere({"loss": network.link.loss, "delay": network.link.delay}))
    others = tuple(replace(other, link=anywhere(other.link)) for other in network.other_links)
    return replace(network, link=link, other_links=others)


# One exchange after the other.


class Plan(NamedTuple):
    """Exchanges over fresh networks.

    Attributes:
        networks: How many.
        purpose: Names the random streams.
        each: Exchanges over each network, spread over the run, an episode of acting or more apart.
        first: Index of the first episode, for topologies that are drawn again with every one.
    """

    networks: int
    purpose: str
    each: int = 1
    first: int = 0


def exchanges(setting: Setting, plan: Plan, numbers: Iterable[int] | None = None) -> Iterator[list[ExchangeReport]]:
    """Exchange over fresh networks; yield what the exchanges in turn over the same one left behind.

    Args:
        setting: What to exchange, over what.
        plan: Of all networks.
        numbers: Which of them; all by default.

    Raises:
        AuditError: The counts of one of the networks do not add up.
    """
    trials = plan.networks * plan.each
    steps = setting.steps_of(trials, plan.purpose)
    for number in range(plan.networks) if numbers is None else numbers:
        network = setting.simulated(int(stream(setting.seed, plan.purpose, number).integers(2**62)))
        reports, acted = list[ExchangeReport](), 0
        for trial in range(number, trials, plan.networks):
            network.act(max(steps[trial] - acted, setting.episode_steps if reports else 0))
            acted = steps[trial]
            reports += [
                network.exchange(
                    setting.sent.kind,
                    rounds=setting.rounds,
                    size_bytes=setting.sent.size_bytes,
                    episode=plan.first + trial,
                    update=plan.first + trial,
                    computing=setting.computing,
                )
            ]
        audit = network.counters.audit()
        if audit != "ok":
            raise AuditError(f"trial {number}: {audit}")
        yield reports


# What exchanges come to.


@dataclass(frozen=True)
class Number:
    """One figure, or one for every round.

    Attributes:
        value: The figure.
        error: Its standard error; 0 where nothing was sampled, not a number where only one sample was taken.
        how: `closed`, `sampled` or `measured`.
    """

    value: float | tuple[float, ...]
    error: float | tuple[float, ...]
    how: str

    @classmethod
    def of(cls, value: float | Floats, error: float | Floats, how: str) -> "Number":
        """Estimate from numbers or arrays ``[K]``."""
        plain: list[Any] = [np.asarray(each, float).tolist() for each in (value, error)]
        of_value, of_error = (tuple(each) if isinstance(each, list) else each for each in plain)
        return cls(of_value, of_error, how)

    def at(self, k: int) -> tuple[float, float]:
        """Return value and error of a round, or for all."""
        value, error = (each[k] if isinstance(each, tuple) else each for each in (self.value, self.error))
        return value, error

    def times(self, factor: float) -> "Number":
        """Return a multiple of one figure."""
        value, error = self.at(0)
        return Number(factor * value, factor * error, self.how)


def mean_figure(samples: Floats, how: str) -> Number:
    """Return the mean of samples ``[n]`` or ``[n, K]``, and s/√n."""
    count = len(samples)
    error = samples.std(0, ddof=1) / np.sqrt(count) if count > 1 else np.full(samples.shape[1:], np.nan)
    return Number.of(samples.mean(0), error, how)


def quantile_figure(samples: Floats, probability: float) -> Number:
    """Return a quantile of independent samples; its error is what a standard error of its rank is to either side."""
    if not len(samples):
        return Number.of(np.nan, np.nan, "sampled")
    error = np.sqrt(probability * (1.0 - probability) / len(samples))
    ranks = np.clip([probability, probability - error, probability + error], 0.0, 1.0)
    value, below, above = np.quantile(samples, ranks, method="inverted_cdf").tolist()
    return Number.of(value, (above - below) / 2.0, "sampled")


def ratio_figure(parts: Floats, wholes: Floats, how: str, *, of_none: float) -> Number:
    """Return Σ parts / Σ wholes, and its standard error by linearisation (Cochran, Sampling Techniques, §2.11)."""
    if not wholes.any():
        return Number.of(of_none, 0.0, how)
    ratio = parts.sum() / wholes.sum()
    _, error = mean_figure(parts - ratio * wholes, how).at(0)
    return Number.of(ratio, error / wholes.mean(), how)


def path_figures(paths: Trajectory, how: str) -> dict[str, Number]:
    """Return figures of trajectories ``[n, K]``, by their names in JSON."""
    return {
        "a_eff": mean_figure(paths.a_eff[:, -1], how),
        "mse_after_rounds": mean_figure(paths.mse, how),
        "disagreement_after_rounds": mean_figure(paths.disagreement, how),
        "mean_drift_var": mean_figure(paths.drift[:, -1], how),
    }


def joined(paths: Sequence[Trajectory]) -> Trajectory:
    """Return trajectories ``[n, K]`` one behind the other."""
    return Trajectory(*map(np.concatenate, zip(*paths, strict=True)))


class Tally:
    """Counts of exchanges, one row for each network.

    Attributes:
        undisturbed: Nothing, acknowledgements included, was late, and what was lost was lost on the air.
        rows: By network, means of its exchanges: messages sent, held, late and dropped, bytes, and seconds of a round.
        durations_ns: By exchange, of all rounds of all agents.
        lasts_s: By exchange, from when agents begin to compute until all that are up are through.
    """

    def __init__(self) -> None:
        self.undisturbed = True
        self.rows: list[Floats] = []
        self.durations_ns: list[npt.NDArray[np.int64]] = []
        self.lasts_s: list[float] = []

    def add(self, reports: Sequence[ExchangeReport]) -> None:
        """Count the exchanges of a network."""
        rows = []
        for report in reports:
            counts, durations = report.messages, report.round_times_ns
            durations = durations[durations >= 0]  # those that were closed
            every = [counts] if report.acks is None else [counts, report.acks]
            self.undisturbed &= all(not _late(of) and set(+of.lost) <= {"loss", "corrupted"} for of in every)
            round_s = float(durations.mean()) * 1e-9 if len(durations) else 0.0
            dropped = counts.lost["queue_full"]
            rows.append((counts.sent, counts.delivered, _late(counts), dropped, report.wire_bytes, round_s))
            self.durations_ns.append(durations)
            self.lasts_s.append((report.ended_ns - report.began_ns) * 1e-9)
        self.rows.append(np.mean(rows, axis=0))

    def extend(self, other: "Tally") -> None:
        """Count what another has counted."""
        self.undisturbed &= other.undisturbed
        self.rows += other.rows
        self.durations_ns += other.durations_ns
        self.lasts_s += other.lasts_s

    @property
    def sent(self) -> float:
        """Messages per exchange."""
        return float(np.mean(self.rows, axis=0)[0])

    @property
    def dropped(self) -> float:
        """Share of the messages that were lost because a queue was full."""
        sent, _, _, dropped, _, _ = np.sum(self.rows, axis=0)
        return float(dropped / max(sent, 1e-300))

    def figures(self, how: str) -> dict[str, Number]:
        """Return figures with standard errors."""
        sent, held, late, _, wire_bytes, round_s = np.array(self.rows).T
        p50, p99 = np.quantile(np.concatenate(self.durations_ns), [0.5, 0.99], method="inverted_cdf") * 1e-9
        return {
            "delivered_fraction": ratio_figure(held, sent, how, of_none=1.0),
            "late_fraction": ratio_figure(late, sent, how, of_none=0.0),
            "bytes_per_update": mean_figure(wire_bytes, how),
            "round_time_s": mean_figure(round_s, how),
            "round_time_p50_s": Number.of(p50, 0.0, how),
            "round_time_p99_s": Number.of(p99, 0.0, how),
        }


def _late(counts: MessageCounts) -> int:
    """Messages that came whole but too late, or are still in flight."""
    return counts.sent - counts.delivered - counts.lost.total()


def realised(
    policy: Policy, facts: Facts, values: Floats, probes: Floats, *, trace: bool = True, wire: str = "float32"
) -> Trajectory:
    """Return what became of values in each of T exchanges side by side, ``[T, K]``.

    Args:
        policy: What agents make of what they heard.
        facts: Who heard whom, in T teams.
        values: What agents hold at first, ``[T, N, columns]``.
        probes: Random values of variance 1, ``[T, N, any]``, maybe the same, from which a_eff of large N is estimated.
        trace: Whether to work a_eff out for small N.
        wire: How messages carry a value.
    """
    held = _held(policy, facts, values, wire)
    if trace and values.shape[1] <= MAX_FOR_OPERATORS:
        traces = np.trace(operators(policy, facts), axis1=-2, axis2=-1)
    else:
        of_probes = held if probes is values else _held(policy, facts, probes, wire)
        traces = np.einsum("tknc,tnc->tk", of_probes, probes) / probes.shape[2]  # E xᵀAx = tr A
    return trajectory_of(held, values, traces, samples=values.shape[2])


def operators(policy: Policy, facts: Facts) -> Floats:
    """Return the operators of exchanges side by side, ``[T, K, N, N]``: what becomes of 1 for one agent, else 0."""
    n_agents = facts.n_agents // facts.teams
    return _held(policy, facts, np.broadcast_to(np.eye(n_agents), (facts.teams, n_agents, n_agents)), "float32")


def _held(policy: Policy, facts: Facts, values: Floats, wire: str) -> Floats:
    """Return what agents hold after every round, ``[T, K, N, columns]``."""
    each = values.reshape(facts.n_agents, -1)
    rounds = policy.apply(facts, each) if wire == "float32" else apply_float16(policy, facts, each)
    return rounds.reshape(facts.rounds, *values.shape).swapaxes(0, 1)


# Many exchanges.

Followed = TypeVar("Followed")


class Sample(NamedTuple, Generic[Followed]):
    """What exchanges over some networks came to: counts of messages, and what was made of who heard whom."""

    tally: Tally
    found: Followed


def samples(
    setting: Setting,
    plan: Plan,
    follow: Callable[[range, Facts], Followed],
    *,
    columns: int,
    threads: int = 1,
) -> Iterator[Sample[Followed]]:
    """Exchange over many networks in threads; yield what some came to, in their order, whatever threads there are.

    Args:
        setting: What to exchange, over what.
        plan: Over how many networks.
        follow: Makes something of the numbers of networks, and of their exchanges, all of them side by side.
        columns: Numbers that each agent holds meanwhile: the more there are, the fewer exchanges are followed at once.
        threads: How many.
    """

    def some(numbers: range) -> Sample[Followed]:
        tally, facts = Tally(), []
        for reports in exchanges(setting, plan, numbers):
            tally.add(reports)
            facts += [report.facts for report in reports]
        return Sample(tally, follow(numbers, side_by_side(facts)))

    numbers = setting.links * plan.each * columns
    at_once = int(np.clip(TOGETHER / max(numbers, 1.0), 1, MOST_TOGETHER))
    every = range(plan.networks)
    parts = [every[begin : begin + at_once] for begin in range(0, plan.networks, at_once)]
    if threads == 1 or len(parts) == 1:
        yield from map(some, parts)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(some, parts)


class Measurement(NamedTuple):
    """What trials came to.

    Attributes:
        trials: T.
        figures: By the names that `predict` gives its own.
        policies: What agents hold after every round, under each policy that the scenario allows, its own first.
    """

    trials: int
    figures: dict[str, Number]
    policies: dict[str, dict[str, Number]]


def _refuse_unfit(values: Sequence[float], n_agents: int, name: str) -> None:
    """Refuse values that are not one number for each agent, or too large for the figures that are made of them."""
    if len(values) != n_agents:
        message = f"expected a finite number for each of {n_agents} agents, got {list(values)}"
        raise ScenarioError.of(name, "--values", message, "as many numbers as agents, or change `--agents`")
    if not (np.abs(values) <= MOST).all():
        raise ScenarioError.of(name, "--values", f"expected finite numbers, got {list(values)}", "from -1e50 to 1e50")


def enough_exchanges(setting: Setting) -> float:
    """Return how many exchanges take a second or two, over a network that is there."""
    return ENOUGH_PACKETS / (setting.messages * (2 + setting.packets))


def enough_networks(setting: Setting) -> float:
    """Return how many networks are put in place in a second or two."""
    return ENOUGH_PACKETS / (setting.links * PLACED)


def enough_trials(setting: Setting, most: int = 400) -> int:
    """Return how many exchanges take a few seconds, over a network each: so many, or fewer of many messages."""
    return int(np.clip(1.0 / (1.0 / enough_exchanges(setting) + 1.0 / enough_networks(setting)), 1, most))


def enough_threads(settings: Sequence[Setting]) -> int:
    """Return how many threads serve these exchanges best: one for each core if they are large, else one for them all.

    Of small exchanges most is Python, of which one thread runs at a time.
    """
    return cores() if any(setting.messages >= LARGE for setting in settings) else 1


def measure(
    setting: Setting,
    trials: int | None = None,
    progress: Callable[[int, int], None] = lambda _, __: None,
    threads: int = 1,
) -> Measurement:
    """Exchange the setting's values, or random ones, independent and of variance 1.

    Args:
        setting: What to exchange, over what.
        trials: How often; by default as often as takes some seconds.
        progress: Told after some trials how many are done, of how many.
        threads: How many; nothing but the time depends on it.
    """
    count = enough_trials(setting) if trials is None else trials
    small, own, policies = setting.n_agents <= MAX_FOR_OPERATORS, setting.sent.policy, setting.policies()
    columns = 8 if small else 2

    def follow(numbers: range, facts: Facts) -> dict[str, Trajectory]:
        shape = setting.n_agents, columns
        probes = np.array([stream(setting.seed, "values", trial).standard_normal(shape) for trial in numbers])
        given, wire = setting.given, setting.sent.dtype
        values = probes if given is None else np.tile(given[:, None], (len(numbers), 1, 1))
        return {
            name: realised(policy, facts, values, probes, trace=name == own, wire=wire)
            for name, policy in policies.items()
        }

    tally, paths, done = Tally(), [], 0
    at_once = columns + setting.n_agents if small else columns
    for part in samples(setting, Plan(count, "consensus"), follow, columns=at_once, threads=threads):
        tally.extend(part.tally)
        paths.append(part.found)
        done += len(part.found[own].mse)
        progress(done, count)
    found = {name: path_figures(joined([each[name] for each in paths]), "measured") for name in policies}
    figures = tally.figures("measured") | found[own]
    figures["bytes_per_update"] = figures["bytes_per_update"].times(setting.sent.exchanges)
    return Measurement(count, figures, found)
