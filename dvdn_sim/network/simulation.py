"""The network of one team: what happens between the agents while they act, compute and exchange."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from dvdn_sim.network.accounting import NetworkCounters, Phase, Probe, Waits
from dvdn_sim.network.clock import Clock
from dvdn_sim.network.deadlines import auto_deadlines_ns
from dvdn_sim.network.exchange import Exchange, ExchangeReport
from dvdn_sim.network.faults import TeamFaults
from dvdn_sim.network.transport import Transport
from dvdn_sim.scenario import AnyCompute, ConstantTime, LognormalTime, Network, NormalTime, ack_bytes
from netmodels import portable
from netmodels.streams import stream
from netmodels.topology import Graph, Instant
from netmodels.units import checked_state, count

if TYPE_CHECKING:
    from dvdn_sim.network.compiled_transport import CompiledTransport


class Chances(Protocol):
    """What draws numbers from 0 to 1: a generator, or several."""

    def random(self, size: int, /) -> npt.NDArray[np.float64]:
        """Draw so many."""


Sampler = Callable[[Chances, int], npt.NDArray[np.float64]]


def sampler(time: AnyCompute) -> Sampler:
    """Return the function that draws n times in seconds from a generator."""
    mean = time.mean
    match time:
        case NormalTime(jitter=jitter):
            return lambda generator, n: np.maximum(0.0, mean + jitter * portable.normal(generator.random(n)))
        case LognormalTime(jitter=jitter) if mean > 0.0:
            mu, sigma = portable.lognormal(mean, jitter)
            return lambda generator, n: portable.exp(mu + sigma * portable.normal(generator.random(n)))
        case _:
            return lambda _, n: np.full(n, mean)


AHEAD = 256
"""Compute times that are drawn at once, at most, of all agents together; one of each at least."""


class _Streams:
    """The streams of all agents' compute times, opened at the first draw."""

    def __init__(self, seed: int, agent_keys: Sequence[int]) -> None:
        self._seed, self._keys = seed, agent_keys
        self._each: list[np.random.Generator] = []

    def random(self, size: int, /) -> npt.NDArray[np.float64]:
        """Draw as many from each, one after the other."""
        self._each = self._each or [stream(self._seed, "compute", key) for key in self._keys]
        return np.concatenate([generator.random(size // len(self._each)) for generator in self._each])


class ComputeTimes:
    """How long all agents take over one update after the other; all have drawn as often.

    Attributes:
        drawn: How often.
    """

    def __init__(self, time: AnyCompute, seed: int, agent_keys: Sequence[int]) -> None:
        """Open a stream for each agent, unless all always take as long."""
        self.drawn, self._agents = 0, len(agent_keys)
        self._same_ns = round(time.mean * 1e9) if isinstance(time, ConstantTime) else None
        self._draw, self._streams = sampler(time), _Streams(seed, agent_keys)
        self._ahead: list[list[int]] = []

    def take(self) -> list[int]:
        """Draw the nanoseconds of each agent."""
        self.drawn += 1
        if self._same_ns is not None:
            return [self._same_ns] * self._agents
        if not self._ahead:
            updates = max(1, min(self.drawn, AHEAD // self._agents))  # few at first: many networks exchange only once
            drawn_s = self._draw(self._streams, updates * self._agents).reshape(self._agents, updates)
            self._ahead = np.rint(drawn_s.T[::-1] * 1e9).astype(np.int64).tolist()
        return self._ahead.pop()

    def advance_to(self, drawn: Sequence[int]) -> None:
        """Read on until each agent has drawn so often."""
        if len(drawn) != self._agents:
            raise ValueError(f"compute: expected the times of {self._agents} agents, got {len(drawn)}")
        if len(counts := {count(each, "drawn", minimum=self.drawn) for each in drawn}) != 1:
            raise ValueError(f"compute: expected the same number for all agents, got {sorted(counts)}")
        (until,) = counts
        while self.drawn < until:
            self.take()


class SimulatedNetwork:
    """A team's agents, the links between them, and their common clock.

    The clock advances through acting, computing and exchanging. In the schedule `blocking`, in this order: the next
    episode starts when all agents have updated. In `overlap`, the next episode is acted, with the old parameters, while
    agents compute and exchange; the one after it starts when both are done, so updates are never more than one behind.

    Attributes:
        now_ns: Simulated nanoseconds since the start of the run.
        counters: Counts of everything sent so far.
        faults: What goes wrong and when.
    """

    _compiled: "CompiledTransport | None"

    def __init__(
        self,
        spec: Network,
        *,
        n_agents: int,
        seed: int,
        topology_seed: int | None = None,
        agent_keys: Sequence[int] | None = None,
        probe: Probe | None = None,
    ) -> None:
        """Put the network of a scenario in place, idle, at time 0; its topology may be drawn with a seed of its own.

        Agents' keys are their names in random streams, by default their indices; a probe is told every message's life.
        """
        keys = tuple(range(n_agents)) if agent_keys is None else tuple(agent_keys)
        self._spec, self._n_agents = spec, n_agents
        self._topology, self._topology_seed = spec.topology, seed if topology_seed is None else topology_seed
        self._control_period_ns = round(spec.control_period * 1e9)
        self.now_ns = 0
        self._past_ns = 0  # all before it has happened: `now_ns`, or 1 more where that instant is over
        self._restarts_ns = 0
        self.faults = TeamFaults(spec.faults, seed=seed, agent_keys=keys)
        self._transport = Transport(spec, seed=seed, agent_keys=keys, faults=self.faults.plan)
        self._compiled = None
        # Graphs come again and again, and a wait takes longer to work out than an exchange.
        self._auto_ns = lru_cache(maxsize=256)(partial(_auto_ns, self._transport))
        self._compute = ComputeTimes(spec.compute, seed, keys)
        self._probe = probe
        self._acting_from_ns = 0
        self.counters = NetworkCounters()
        if spec.compiled and probe is None:
            from dvdn_sim.network.compiled_transport import CompiledTransport  # noqa: PLC0415  (numba is heavy)

            self._compiled = CompiledTransport(spec, self._transport, seed=seed, keys=keys, faults=self.faults)
            self.counters.fold = self._compiled.fold

    def _to_simpy(self) -> None:
        """Let links be objects from now on, with the state of the arrays."""
        if self._compiled is not None:
            self.counters.packets  # noqa: B018  (it folds in what the arrays have counted)
            self.counters.fold = None
            self._transport.restore(self._compiled.state())
            self._compiled = None

    def state(self) -> dict[str, Any]:
        """All that the network is between two exchanges, as JSON can say it.

        Faults, topologies and down-times are functions of seed and time, and streams are named: of them a state has no
        more than how far they have been read.
        """
        return {
            "now_ns": self.now_ns,
            "past_ns": self._past_ns,
            "restarts_ns": self._restarts_ns,
            "acting_from_ns": self._acting_from_ns,
            "transport": (self._compiled or self._transport).state(),
            "compute": [self._compute.drawn] * self._n_agents,
            "counters": self.counters.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state, on a network that has just been put in place with the same parameters and seed.

        The probe that watches by then is told of the messages on their way, too.

        Raises:
            ValueError: The state of another network; this one is then good for nothing.
        """
        checked_state(state, self.state().keys(), "simulated network")
        times = ("now_ns", "past_ns", "restarts_ns", "acting_from_ns")
        self.now_ns, self._past_ns, self._restarts_ns, self._acting_from_ns = (count(state[x], x) for x in times)
        self._compute.advance_to(state["compute"])
        (self._compiled or self._transport).restore(state["transport"])
        self.counters = NetworkCounters.from_state(state["counters"])
        self.counters.fold = None if self._compiled is None else self._compiled.fold

    def watch(self, probe: Probe) -> None:
        """Let a probe be told every message's life from the next exchange on."""
        self._probe = probe
        self._to_simpy()

    @property
    def now_s(self) -> float:
        """Simulated seconds since the start of the run."""
        return self.now_ns * 1e-9

    @property
    def cut_for_ever(self) -> list[str]:
        """What goes down at some time and never comes back, in words."""
        return self.faults.cut_for_ever

    def take_restarted(self) -> npt.NDArray[np.bool_]:
        """Return which agents came back without what they held since the last call, bool ``[N]``."""
        since_ns, self._restarts_ns = self._restarts_ns, self._past_ns
        return self.faults.restarted(since_ns, self._past_ns)

    def down_while_acting(self, steps: int) -> npt.NDArray[np.bool_]:
        """Return which agents will be down as each of the coming environment steps begins, bool ``[steps, N]``."""
        down = np.zeros((steps, self._n_agents), bool)
        begins_ns = self._acting_from_ns + self._control_period_ns * np.arange(steps)
        for agent in range(self._n_agents):
            for time in self.faults.downtimes(agent):
                down[:, agent] |= (begins_ns >= time.start_ns) & (begins_ns < time.end_ns)
        return down

    def act(self, steps: int) -> None:
        """Let the team act for so many environment steps."""
        done_ns = self._acting_from_ns + steps * self._control_period_ns
        self._go_to(max(self.now_ns, done_ns))
        self._acting_from_ns = self.now_ns

    def _go_to(self, now_ns: int) -> None:
        """Let everything before a time happen, and make it now."""
        self.now_ns, self._past_ns = now_ns, max(self._past_ns, now_ns)
        self.counters.land(self._past_ns, self._probe)

    def graphs(self, *, rounds: int, episode: int, update: int) -> list[Graph]:
        """Return the graph of every round of an exchange, frozen at its start."""
        now_ns = self.now_ns
        return [
            self._topology.graph(self._n_agents, self._topology_seed, Instant(episode, update, k, now_ns))
            for k in range(rounds)
        ]

    def exchange(
        self, kind: str, *, rounds: int, size_bytes: int, episode: int, update: int, computing: bool = True
    ) -> ExchangeReport:
        """Compute, then exchange; the clock stands afterwards where the last agent was through with its last round.

        Args:
            kind: What the messages carry, such as `td`.
            rounds: K ≥ 1.
            size_bytes: Payload of every message.
            episode: Index of the episode just acted, for topologies that change with it.
            update: Index of the update.
            computing: False for a further exchange of the same update: what it carries is ready.
        """
        starts_ns = self._starts_ns(computing=computing)
        graphs = self.graphs(rounds=rounds, episode=episode, update=update)
        phases = self._phases(kind, graphs, size_bytes, starts_ns)
        report = self._run_compiled(phases, starts_ns, update)
        if report is None:
            self._to_simpy()
            exchange = Exchange(
                Clock(self.now_ns), self._transport, self.counters, phases, faults=self.faults, probe=self._probe,
                update=update,
            )  # fmt: skip
            report = exchange.run(starts_ns, self._past_ns)
        self.now_ns, self._past_ns = report.ended_ns, report.ended_ns + 1
        if computing or self._spec.schedule == "blocking":
            self._compute_is_over(report.began_ns)
        return report

    def _run_compiled(
        self, phases: Sequence[Phase], starts_ns: Sequence[int | None], update: int
    ) -> ExchangeReport | None:
        """Exchange in arrays; None where that is not wanted, or cannot say what went wrong."""
        if self._compiled is None:
            return None
        return self._compiled.exchange(
            self.counters, phases, starts_ns, now_ns=self.now_ns, past_ns=self._past_ns, update=update
        )

    def compute(self) -> npt.NDArray[np.bool_]:
        """Compute without an exchange; the clock stands afterwards where the slowest agent that is up is done.

        Returns:
            Which agents are done by then, and so may update, bool ``[N]``.
        """
        began_ns, done_ns = self.now_ns, self._starts_ns()
        ended_ns = max(self._unhindered(began_ns, done_ns), default=began_ns)
        self._go_to(ended_ns)
        self._compute_is_over(began_ns)
        return np.array([at_ns is not None and at_ns <= ended_ns for at_ns in done_ns])

    def _compute_is_over(self, began_ns: int) -> None:
        self._acting_from_ns = began_ns if self._spec.schedule == "overlap" else self.now_ns

    def _starts_ns(self, *, computing: bool = True) -> list[int | None]:
        """When each agent is up and done computing; None if it is down for ever before that."""
        times_ns = self._compute.take() if computing else [0] * self._n_agents
        if not self.faults.plan.events:
            return [self.now_ns + time_ns for time_ns in times_ns]
        return [self.faults.done_ns(agent, self.now_ns, time_ns) for agent, time_ns in enumerate(times_ns)]

    def _phases(
        self, kind: str, graphs: Sequence[Graph], size_bytes: int, starts_ns: Sequence[int | None]
    ) -> list[Phase]:
        """Lay out an exchange: its rounds, each with its acknowledgements, and how long agents wait in them."""
        spec = self._spec
        if spec.deadline is None:
            return Phase.of_rounds(kind, graphs, size_bytes, None)
        # Who goes down while it computes starts late by as much: nobody knows, and nobody waits for that.
        started = self._unhindered(self.now_ns, starts_ns) if spec.deadline == "auto" else []
        spread_ns = max(started) - min(started) if started else 0
        waits = self._waits_ns(spec.deadline, graphs, size_bytes, [spread_ns] + [0] * (len(graphs) - 1))
        messages = Phase.of_rounds(kind, graphs, size_bytes, waits)
        if not spec.acks:
            return messages
        if spec.ack_deadline is not None:
            # A neighbour may have waited for its messages until its own deadline.
            waited_ns = waits.max(1).tolist()
            waits = self._waits_ns(spec.ack_deadline, graphs, ack_bytes(self._n_agents), waited_ns, spec.ack_repeat)
        acks = Phase.of_rounds("ack", graphs, ack_bytes(self._n_agents), waits, spec.ack_repeat)
        return [phase for of_round in zip(messages, acks, strict=True) for phase in of_round]

    def _waits_ns(
        self,
        wait: float | Literal["auto"],
        graphs: Sequence[Graph],
        size_bytes: int,
        longer_ns: Sequence[int],
        copies: int = 1,
    ) -> Waits:
        """By round and agent; `auto` is worked out from the links, and `longer_ns` in each round."""
        if wait != "auto":
            return _same_waits_ns(round(wait * 1e9), len(graphs), self._n_agents)
        waits = np.array([self._auto_ns(graph, size_bytes, copies) for graph in graphs], np.int64)
        return np.asarray(waits + np.array(longer_ns)[:, None])

    def _unhindered(self, now_ns: int, done_ns: Sequence[int | None]) -> list[int]:
        """When those agents are done that are up from now until then."""
        return [
            at_ns
            for agent, at_ns in enumerate(done_ns)
            if at_ns is not None and not self.faults.hinders(agent, now_ns, at_ns)
        ]


@lru_cache(maxsize=16)
def _same_waits_ns(wait_ns: int, rounds: int, n_agents: int) -> Waits:
    """The same for all, in the same array each time."""
    waits = np.full((rounds, n_agents), wait_ns)
    waits.flags.writeable = False
    return waits


def _auto_ns(transport: Transport, graph: Graph, size_bytes: int, copies: int) -> tuple[int, ...]:
    return tuple(auto_deadlines_ns(transport, graph, size_bytes, copies))
