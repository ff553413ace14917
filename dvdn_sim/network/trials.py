"""The exchange alone, without learning: many trials through the real network and the real policies, in figures.

Every trial has a network of its own, so that trials are independent and standard errors are what they say, however
bursty the losses are. Trials are spread over the time that a run takes, so that faults and moving agents count for as
long as they last; the graphs are those that the scenario's first seed meets.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from dvdn_sim.consensus import POLICIES, WEIGHTS, Facts, Policy, apply_float16
from dvdn_sim.consensus.theory.exact import stacked, standard_errors
from dvdn_sim.consensus.theory.trajectory import Trajectory
from dvdn_sim.errors import AuditError, Mistake, ScenarioError
from dvdn_sim.network import ExchangeReport, MessageCounts, SimulatedNetwork
from dvdn_sim.network.figures import Figure, mean_figure, mean_path, path_figures, quantile_figures, ratio_figure
from dvdn_sim.scenario import MessageSpec, Network, Scenario, message_specs
from netmodels.streams import stream
from netmodels.topology import START, Graph, Instant, RandomConnected, Topology

Floats = npt.NDArray[np.float64]

MOST_FOR_OPERATORS = 64
"""Agents up to which the trace of the operator is worked out; beyond it, it is estimated from the values."""

ENOUGH_MESSAGES = 600_000
ENOUGH_PACKETS = 12_000_000


@dataclass(frozen=True)
class Setting:
    """What of a scenario the exchanges of one kind of message depend on.

    Attributes:
        name: Of the scenario.
        seed: Its first seed.
        n_agents: N.
        network: Its network.
        kind: What messages carry, as records name it: `td` or `gt`.
        carries: The same in words.
        exchanges: Per update, on average.
        rounds: K.
        policy: Name of the policy.
        weights: Name of the base weights.
        wire: How messages carry a value.
        size_bytes: Payload of the longest message.
        episode_steps: Environment steps of the longest episode.
        steps: Environment steps of a run of one seed; exchanges happen while it lasts.
        values: What agents hold at first; None for random values, independent and of variance 1.
    """

    name: str
    seed: int
    n_agents: int
    network: Network
    kind: str
    carries: str
    exchanges: float
    rounds: int
    policy: str
    weights: str
    wire: str
    size_bytes: int
    episode_steps: int
    steps: int
    values: tuple[float, ...] | None = None

    @classmethod
    def of(
        cls,
        scenario: Scenario,
        *,
        agents: int | None = None,
        links: int | None = None,
        values: Sequence[float] | None = None,
    ) -> "Setting":
        """Take the first kind of message from a scenario; as `every`, but refuses one that sends none."""
        found = cls.every(scenario, agents=agents, links=links, values=values)
        if not found:
            remedy = "write `algorithm: {kind: dvdn}`, with one round or more"
            raise _refused(scenario, "algorithm.kind", "sends no messages", remedy)
        return found[0]

    @classmethod
    def every(
        cls,
        scenario: Scenario,
        *,
        agents: int | None = None,
        links: int | None = None,
        values: Sequence[float] | None = None,
    ) -> "tuple[Setting, ...]":
        """Take from a scenario each kind of message that is sent, in the order in which an update exchanges them.

        Args:
            scenario: Of any algorithm; most send nothing.
            agents: So many in place of the scenario's, which need not fit its environment.
            links: So many of a random connected topology, in place of the scenario's.
            values: What agents hold at first, one finite number each; random ones by default.

        Raises:
            ScenarioError: There is no such graph, or values that do not fit.
        """
        network = scenario.network
        if network is None:
            return ()
        if links is not None:
            if not isinstance(network.topology, RandomConnected):
                raise _refused(scenario, "network.topology", "has no number of links", "leave out `--links`")
            network = replace(network, topology=replace(network.topology, edges=links))
        n_agents = scenario.env.n_agents if agents is None else agents
        if values is not None and (len(values) != n_agents or not np.isfinite(values).all()):
            message = f"expected a finite number for each of {n_agents} agents, got {list(values)}"
            raise _refused(scenario, "--values", message, "as many numbers as agents, or change `--agents`")
        given = None if values is None else tuple(map(float, values))
        found = tuple(cls._of(scenario, wire, n_agents, network, given) for wire in message_specs(scenario))
        try:
            for setting in found:
                setting.graphs(0)
        except ValueError as error:
            raise _refused(scenario, "network.topology", str(error), "") from error
        return found

    @classmethod
    def _of(
        cls, scenario: Scenario, wire: MessageSpec, n_agents: int, network: Network, values: tuple[float, ...] | None
    ) -> "Setting":
        return cls(
            name=scenario.name,
            seed=scenario.seeds[0],
            n_agents=n_agents,
            network=network,
            kind=wire.kind,
            carries=wire.carries,
            exchanges=wire.exchanges,
            rounds=wire.rounds,
            policy=wire.policy,
            weights=wire.weights,
            wire=wire.dtype,
            size_bytes=wire.size_bytes,
            episode_steps=scenario.env.longest_episode,
            steps=scenario.training.steps,
            values=values,
        )

    @property
    def computing(self) -> bool:
        """Whether agents compute before they send; else they all begin at once, as what they send is ready."""
        return self.kind == "td"

    @property
    def packets(self) -> int:
        """Of the longest message."""
        return self.network.link.packets(self.size_bytes)

    @property
    def episode_s(self) -> float:
        """Simulated seconds of the longest episode."""
        return self.episode_steps * float(self.network.control_period)

    def graphs(self, index: int, step: int = 0) -> list[Graph]:
        """The graph of every round of an exchange, by the index of its episode, after a number of environment steps."""
        topology, now_ns = self.network.topology, round(step * float(self.network.control_period) * 1e9)
        return [topology.graph(self.n_agents, self.seed, Instant(index, index, k, now_ns)) for k in range(self.rounds)]

    def steps_of(self, trials: int, purpose: str) -> list[int]:
        """When trials happen: each at a random step of its part of the run, in environment steps."""
        shares = stream(self.seed, purpose, "steps").random(trials)
        return [int((trial + share) / trials * self.steps) for trial, share in enumerate(shares.tolist())]

    def policies(self, facts: Facts) -> dict[str, Policy]:
        """The scenario's policy, then all others that its network allows."""
        weights = WEIGHTS[self.weights]
        names = [self.policy, *(name for name in POLICIES if name != self.policy)]
        made = {name: POLICIES[name](weights) for name in names}
        if not self.network.acks:
            made.pop("symmetric")
        if self.wire == "float16":
            made = {name: policy for name, policy in made.items() if hasattr(policy, "step")}
        one_way = any(not graph.symmetric for graph in self.graphs(0))
        return {name: made[name] for name in made if not one_way or name in {"running_sum", "push_sum"}}


@dataclass(frozen=True)
class Pinned:
    """A topology as one seed meets it, whatever the seed of the network."""

    topology: Topology
    seed: int

    def graph(self, n_agents: int, seed: int, at: Instant = START) -> Graph:
        """See `Topology.graph`."""
        del seed
        return self.topology.graph(n_agents, self.seed, at)

    def describe(self) -> str:
        """Say which links exist."""
        return self.topology.describe()


@dataclass(frozen=True, eq=False)
class Measurement:
    """What trials came to.

    Attributes:
        trials: T.
        figures: By the names that `predict` gives its own.
        curves: What agents hold after every round, for each policy that the scenario allows, its own first.
        errors: Their standard errors.
    """

    trials: int
    figures: dict[str, Figure]
    curves: dict[str, Trajectory]
    errors: dict[str, Trajectory]


def network_of(setting: Setting, seed: int) -> SimulatedNetwork:
    """A network as the scenario says, with luck of its own and the graphs of the scenario's seed."""
    topology = Pinned(setting.network.topology, setting.seed)
    return SimulatedNetwork(setting.network, n_agents=setting.n_agents, seed=seed, topology=topology)


def exchanges(setting: Setting, trials: int, purpose: str, first: int = 0) -> Iterator[ExchangeReport]:
    """Exchange so many times, each time over a fresh network.

    Args:
        setting: What to exchange, over what.
        trials: How often.
        purpose: Names the random streams.
        first: Index of the first episode, for topologies that are drawn again with every one.

    Raises:
        AuditError: The books of one of the networks do not balance.
    """
    for trial, step in enumerate(setting.steps_of(trials, purpose)):
        network = network_of(setting, int(stream(setting.seed, purpose, trial).integers(2**62)))
        network.act(step)
        index = first + trial
        report = network.exchange(
            setting.kind,
            rounds=setting.rounds,
            size_bytes=setting.size_bytes,
            episode=index,
            update=index,
            computing=setting.computing,
        )
        books = network.counters.audit()
        if books != "ok":
            raise AuditError(f"trial {trial}: {books}")
        yield report


def enough_trials(setting: Setting) -> int:
    """Trials that take some seconds: 400, or fewer of many messages, down to one."""
    messages = max(1, sum(len(graph.edges) for graph in setting.graphs(0)))
    return int(np.clip(min(ENOUGH_MESSAGES // messages, ENOUGH_PACKETS // (messages * setting.packets)), 1, 400))


def measure(
    setting: Setting, trials: int | None = None, progress: Callable[[int, int], None] = lambda _, __: None
) -> Measurement:
    """Exchange the setting's values, or random ones, independent and of variance 1.

    Args:
        setting: What to exchange, over what.
        trials: How often; by default as often as takes some seconds.
        progress: Told after every trial how many are done, of how many.
    """
    count = enough_trials(setting) if trials is None else trials
    columns = 8 if setting.n_agents <= MOST_FOR_OPERATORS else 2
    tally, policies = Tally(), dict[str, Policy]()
    paths: dict[str, list[Trajectory]] = {}
    for trial, report in enumerate(exchanges(setting, count, "consensus")):
        policies = policies or setting.policies(report.facts)
        probes = stream(setting.seed, "values", trial).standard_normal((setting.n_agents, columns))
        values = probes if setting.values is None else np.array(setting.values)[:, None]
        for name, policy in policies.items():
            trace = name == setting.policy
            path = realised(policy, report.facts, values, probes, trace=trace, wire=setting.wire)
            paths.setdefault(name, []).append(path)
        tally.add(report)
        progress(trial + 1, count)
    every = {name: stacked(each) for name, each in paths.items()}
    return Measurement(
        trials=count,
        figures=per_update(setting, tally.figures("measured")) | path_figures(every[setting.policy], "measured"),
        curves={name: mean_path(each) for name, each in every.items()},
        errors={name: standard_errors(each) for name, each in every.items()},
    )


def per_update(setting: Setting, figures: dict[str, Figure]) -> dict[str, Figure]:
    """The same figures, with the bytes of an exchange made those of an update."""
    of_one = figures["bytes_per_update"]
    bytes_ = Figure.of(
        setting.exchanges * np.array(of_one.value), setting.exchanges * np.array(of_one.error), of_one.how
    )
    return figures | {"bytes_per_update": bytes_}


class Tally:
    """Counts of exchanges, one row for each.

    Attributes:
        undisturbed: Nothing, acknowledgements included, was late, and what was lost was lost on the air.
    """

    def __init__(self) -> None:
        self.undisturbed = True
        self._dropped = 0
        self._rows: list[tuple[int, int, int, int, float]] = []
        self._durations_ns: list[npt.NDArray[np.int64]] = []

    def add(self, report: ExchangeReport) -> None:
        """Count an exchange."""
        counts, durations = report.messages, report.round_times_ns
        durations = durations[durations >= 0]  # those that were closed
        round_s = float(durations.mean()) * 1e-9 if len(durations) else 0.0
        late = _late(counts)
        every = [counts] if report.acks is None else [counts, report.acks]
        self._dropped += counts.lost["queue_full"]
        self.undisturbed &= all(not _late(each) and set(+each.lost) <= {"loss", "corrupted"} for each in every)
        self._rows.append((counts.sent, counts.delivered, late, report.wire_bytes, round_s))
        self._durations_ns.append(durations)

    @property
    def dropped(self) -> float:
        """Share of the messages that were lost because a queue was full."""
        return self._dropped / max(sum(sent for sent, *_ in self._rows), 1)

    def figures(self, how: str) -> dict[str, Figure]:
        """Figures with standard errors."""
        sent, held, late, wire_bytes, round_s = np.array(self._rows, float).T
        return {
            "delivered_fraction": ratio_figure(held, sent, how),
            "late_fraction": ratio_figure(late, sent, how),
            "bytes_per_update": mean_figure(wire_bytes, how),
            "round_time_s": mean_figure(round_s, how),
        } | quantile_figures(np.concatenate(self._durations_ns), how)


def _late(counts: MessageCounts) -> int:
    """Messages that came whole but too late, or are still in flight."""
    return counts.sent - counts.delivered - counts.lost.total()


def realised(
    policy: Policy, facts: Facts, values: Floats, probes: Floats, *, trace: bool = True, wire: str = "float32"
) -> Trajectory:
    """What became of values in one exchange.

    Args:
        policy: What agents make of what they heard.
        facts: Who heard whom.
        values: What agents hold at first, ``[N, columns]``.
        probes: Random values of variance 1, ``[N, any]``, maybe the same, from which a_eff of large N is estimated.
        trace: Whether to work a_eff out for small N.
        wire: How messages carry a value.
    """
    held = _held(policy, facts, values, wire)
    mean, start = held.mean(1), values.mean(0)
    if trace and facts.n_agents <= MOST_FOR_OPERATORS:
        traces = np.trace(policy.operator(facts), axis1=1, axis2=2)
    else:
        of_probes = held if probes is values else _held(policy, facts, probes, wire)
        traces = (of_probes * probes).sum(1).mean(1)  # E xᵀAx = tr A
    return Trajectory(
        mse=((held - start) ** 2).mean((1, 2)),
        disagreement=((held - mean[:, None]) ** 2).mean((1, 2)),
        drift=((mean - start) ** 2).mean(1),
        a_eff=(traces - 1.0) / max(facts.n_agents - 1, 1),
    )


def _held(policy: Policy, facts: Facts, values: Floats, wire: str) -> Floats:
    return policy.apply(facts, values) if wire == "float32" else apply_float16(policy, facts, values)


def _refused(scenario: Scenario, path: str, message: str, remedy: str) -> ScenarioError:
    return ScenarioError.of(scenario.name, (Mistake(path, None, message, remedy),))
