"""The network of one team: what happens between the agents while they act, compute and exchange."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from dvdn_sim.network.clock import Clock
from dvdn_sim.network.compute import ComputeTime, ComputeTimes
from dvdn_sim.network.deadlines import auto_deadlines_ns
from dvdn_sim.network.exchange import Exchange
from dvdn_sim.network.faults import Crashes, TeamFaults
from dvdn_sim.network.flights import flights_of, put_in_flight
from dvdn_sim.network.ledger import Ledger
from dvdn_sim.network.phases import Acks
from dvdn_sim.network.probe import Probe
from dvdn_sim.network.report import ExchangeReport
from dvdn_sim.network.transport import NO_OTHERS, Transport
from dvdn_sim.scenario.faults import loses
from dvdn_sim.scenario.messages import ack_bytes
from dvdn_sim.scenario.network import Network, overrides_of
from netmodels import LinkSpec
from netmodels.faults import fault_of
from netmodels.network import Share
from netmodels.states import checked_state
from netmodels.topology import Graph, Topology

Deadline = float | Literal["auto"]
Schedule = Literal["blocking", "overlap"]


@dataclass(frozen=True)
class Acknowledgements:
    """How messages are acknowledged.

    Attributes:
        repeat: How often each acknowledgement is sent.
        deadline_s: Seconds that an agent waits for its neighbours', or `auto`; None for the deadline of the round.
    """

    repeat: int = 1
    deadline_s: Deadline | None = None


class SimulatedNetwork:
    """A team's agents, the links between them, and their common clock.

    The clock advances through acting, computing and exchanging. In the schedule `blocking`, in this order: the next
    episode starts when all agents have updated. In `overlap`, the next episode is acted, with the old parameters, while
    agents compute and exchange; the one after it starts when both are done, so updates are never more than one behind.

    Attributes:
        ledger: Counts of everything sent so far.
        faults: What goes wrong and when; None if nothing ever does.
    """

    def __init__(
        self,
        *,
        n_agents: int,
        seed: int,
        topology: Topology,
        link: LinkSpec,
        share: Share,
        deadline_s: Deadline | None,
        control_period_s: float,
        compute: ComputeTime,
        agent_keys: Sequence[int] | None = None,
        other_links: Mapping[tuple[int, int], LinkSpec] = NO_OTHERS,
        broadcast: bool = False,
        faults: Sequence[object] = (),
        acks: Acknowledgements | None = None,
        schedule: Schedule = "blocking",
        probe: Probe | None = None,
    ) -> None:
        """Put a network in place, idle, at time 0.

        Args:
            n_agents: N.
            seed: Of the run.
            topology: Which links exist when.
            link: What every link does to a message.
            share: Whose the transmitter is, `link`, `node` or `medium`.
            deadline_s: Seconds that an agent waits in a round; `auto` for as long as nearly all messages need; None
                for as long as it takes.
            control_period_s: Seconds of one environment step.
            compute: How long agents work before they send.
            agent_keys: Names of the agents in random streams; their indices by default.
            other_links: Parameters of the directed links (sender, receiver) that differ.
            broadcast: Whether one copy of a message serves all neighbours.
            faults: What goes wrong: faults of `netmodels`, or mappings with ``kind``.
            acks: How messages are acknowledged; None if they are not.
            schedule: Whether the next episode waits for the update.
            probe: Is told every message's life.

        Raises:
            ValueError: Faults that lose messages, or acknowledgements, without a deadline: an agent would wait for
                ever.
        """
        keys = tuple(range(n_agents)) if agent_keys is None else tuple(agent_keys)
        losing = any(loses(fault_of(fault), link) for fault in faults)
        if deadline_s is None and (losing or acks is not None):
            what = "faults" if losing else "acks"
            raise ValueError(f"deadline_s: expected a time, since there are {what}, got None")
        self._n_agents, self._seed, self._topology = n_agents, seed, topology
        self._deadline_s, self._acks, self._schedule = deadline_s, acks, schedule
        self._control_period_ns = round(control_period_s * 1e9)
        self._clock = Clock()
        self.faults = TeamFaults(faults, seed=seed, agent_keys=keys) if faults else None
        self._crashes = None if self.faults is None else Crashes(self._clock, self.faults, n_agents)
        self._transport = Transport(
            link,
            seed=seed,
            share=share,
            agent_keys=keys,
            other_links=other_links,
            broadcast=broadcast,
            faults=None if self.faults is None else self.faults.plan,
        )
        self._auto_ns = lru_cache(maxsize=256)(self._auto)
        self._compute = ComputeTimes(compute, seed=seed, agent_keys=keys)
        self._probe = probe
        self._acting_from_ns = 0
        self.ledger = Ledger()

    @classmethod
    def of(
        cls,
        network: Network,
        *,
        n_agents: int,
        seed: int,
        topology: Topology | None = None,
        agent_keys: Sequence[int] | None = None,
        probe: Probe | None = None,
    ) -> Self:
        """A network as a scenario says.

        Args:
            network: The scenario's.
            n_agents: N.
            seed: Of the run.
            topology: In place of the scenario's.
            agent_keys: Names of the agents in random streams; their indices by default.
            probe: Is told every message's life.
        """
        return cls(
            n_agents=n_agents,
            seed=seed,
            topology=network.topology if topology is None else topology,
            link=network.link,
            share=network.share,
            deadline_s=network.deadline,
            control_period_s=network.control_period,
            compute=network.compute,
            agent_keys=agent_keys,
            other_links=overrides_of(network),
            broadcast=network.broadcast,
            faults=network.faults,
            acks=Acknowledgements(network.ack_repeat, network.ack_deadline) if network.acks else None,
            schedule=network.schedule,
            probe=probe,
        )

    def state(self) -> dict[str, Any]:
        """All that the network is between two exchanges, as JSON can say it.

        Faults, topologies and down-times are functions of seed and time, and streams are named: of them a state has no
        more than how far they have been read.
        """
        return {
            "now_ns": self._clock.now_ns,
            "acting_from_ns": self._acting_from_ns,
            "transport": self._transport.state(),
            "compute": self._compute.state(),
            "ledger": self.ledger.state(),
            "flights": flights_of(self._clock),
        } | ({} if self._crashes is None else {"crashes": self._crashes.state()})

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state, on a network that has just been put in place with the same parameters and seed.

        The probe that watches by then is told of the messages on their way, too.

        Args:
            state: Of `state`, or what JSON made of it.

        Raises:
            ValueError: The state of another network; this one is then good for nothing.
        """
        checked_state(state, self.state().keys(), "simulated network")
        self._clock.restart_at(state["now_ns"])
        self._acting_from_ns = state["acting_from_ns"]
        self._compute.restore(state["compute"])
        self._transport.restore(state["transport"])
        if self._crashes is not None:
            self._crashes.restore(state["crashes"])
        self.ledger = Ledger.of(state["ledger"])
        put_in_flight(self._clock, state["flights"], self.ledger, self._probe)

    def watch(self, probe: Probe) -> None:
        """Let a probe be told every message's life from the next exchange on."""
        self._probe = probe

    @property
    def now_ns(self) -> int:
        """Simulated nanoseconds since the start of the run."""
        return self._clock.now_ns

    @property
    def now_s(self) -> float:
        """Simulated seconds since the start of the run."""
        return self._clock.now_ns * 1e-9

    @property
    def cut_for_ever(self) -> list[str]:
        """What goes down at some time and never comes back, in words."""
        return [] if self.faults is None else self.faults.cut_for_ever

    def take_restarted(self) -> npt.NDArray[np.bool_]:
        """Which agents came back without what they held since the last call, bool ``[N]``."""
        restarted = np.zeros(self._n_agents, bool)
        if self._crashes is not None:
            restarted[list(self._crashes.restarted)] = True
            self._crashes.restarted.clear()
        return restarted

    def down_while_acting(self, steps: int) -> npt.NDArray[np.bool_]:
        """Which agents will be down at the beginning of each of the coming environment steps, bool ``[steps, N]``."""
        down = np.zeros((steps, self._n_agents), bool)
        if self.faults is not None:
            begins_ns = self._acting_from_ns + self._control_period_ns * np.arange(steps)
            for agent in range(self._n_agents):
                for time in self.faults.downtimes(agent):
                    down[:, agent] |= (begins_ns >= time.start_ns) & (begins_ns < time.end_ns)
        return down

    def act(self, steps: int) -> None:
        """Let the team act for so many environment steps."""
        done_ns = self._acting_from_ns + steps * self._control_period_ns
        self._clock.advance_to(max(self._clock.now_ns, done_ns))
        self._acting_from_ns = self._clock.now_ns

    def graphs(self, *, rounds: int, episode: int, update: int) -> list[Graph]:
        """The graph of every round of an exchange, frozen at its start."""
        now_ns = self._clock.now_ns
        return [
            self._topology.graph(self._n_agents, self._seed, episode, update, k, now_ns=now_ns) for k in range(rounds)
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
        starts_ns = self._starts_ns() if computing else self._up_at_ns()
        graphs = self.graphs(rounds=rounds, episode=episode, update=update)
        deadlines = self._deadlines_ns(graphs, size_bytes, starts_ns)
        exchange = Exchange(
            self._clock,
            self._transport,
            self.ledger,
            kind=kind,
            graphs=graphs,
            size_bytes=size_bytes,
            deadline_ns=deadlines,
            acks=self._acks_of(graphs, deadlines),
            crashes=self._crashes,
            probe=self._probe,
            update=update,
        )
        report = exchange.run(starts_ns)
        if computing or self._schedule == "blocking":
            self._compute_is_over(report.began_ns)
        return report

    def compute(self) -> npt.NDArray[np.bool_]:
        """Compute without an exchange; the clock stands afterwards where the slowest agent that is up is done.

        Returns:
            Which agents are done by then, and so may update, bool ``[N]``.
        """
        began_ns, done_ns = self._clock.now_ns, self._starts_ns()
        faults = self.faults
        unhindered = [
            at_ns
            for agent, at_ns in enumerate(done_ns)
            if at_ns is not None and (faults is None or not faults.hinders(agent, began_ns, at_ns))
        ]
        ended_ns = max(unhindered, default=began_ns)
        self._clock.advance_to(ended_ns)
        self._compute_is_over(began_ns)
        return np.array([at_ns is not None and at_ns <= ended_ns for at_ns in done_ns])

    def _compute_is_over(self, began_ns: int) -> None:
        self._acting_from_ns = began_ns if self._schedule == "overlap" else self._clock.now_ns

    def _starts_ns(self) -> list[int | None]:
        """When each agent is done computing; None if it is down for ever before that."""
        now_ns, times_ns = self._clock.now_ns, self._compute.next_ns()
        if self.faults is None:
            return [now_ns + time_ns for time_ns in times_ns]
        return [self.faults.done_ns(agent, now_ns, time_ns) for agent, time_ns in enumerate(times_ns)]

    def _up_at_ns(self) -> list[int | None]:
        """When each agent is up: now, as a rule; None if it is down for ever."""
        now_ns = self._clock.now_ns
        if self.faults is None:
            return [now_ns] * self._n_agents
        return [self.faults.done_ns(agent, now_ns, 0) for agent in range(self._n_agents)]

    def _deadlines_ns(
        self, graphs: Sequence[Graph], size_bytes: int, starts_ns: Sequence[int | None]
    ) -> int | list[list[int]] | None:
        """By round and agent, or for all: the wait of each round; `auto` adds the spread of starts to the first."""
        if self._deadline_s is None:
            return None
        if self._deadline_s != "auto":
            return round(self._deadline_s * 1e9)
        # Who goes down while it computes starts late by as much: nobody knows, and nobody waits for that.
        now_ns, faults = self._clock.now_ns, self.faults
        started = [
            at_ns
            for agent, at_ns in enumerate(starts_ns)
            if at_ns is not None and (faults is None or not faults.hinders(agent, now_ns, at_ns))
        ]
        spread_ns = max(started) - min(started) if started else 0
        waits = [self._auto_ns(graph, size_bytes, 1) for graph in graphs]
        return [[wait_ns + spread_ns for wait_ns in waits[0]], *map(list, waits[1:])]

    def _acks_of(self, graphs: Sequence[Graph], deadlines: int | list[list[int]] | None) -> Acks | None:
        if self._acks is None or deadlines is None:
            return None
        size_bytes, repeat, deadline_s = ack_bytes(self._n_agents), self._acks.repeat, self._acks.deadline_s
        if deadline_s is None:
            return Acks(size_bytes, repeat, deadlines)
        if deadline_s != "auto":
            return Acks(size_bytes, repeat, round(deadline_s * 1e9))
        # A neighbour may have waited for its messages until its own deadline.
        waited_ns = [deadlines] * len(graphs) if isinstance(deadlines, int) else [max(waits) for waits in deadlines]
        waits = [
            [wait_ns + waited for wait_ns in self._auto_ns(graph, size_bytes, repeat)]
            for graph, waited in zip(graphs, waited_ns, strict=True)
        ]
        return Acks(size_bytes, repeat, waits)

    def _auto(self, graph: Graph, size_bytes: int, copies: int) -> tuple[int, ...]:
        return tuple(auto_deadlines_ns(self._transport, graph, size_bytes, copies))
