"""The network of one team: what happens between the agents while they act, compute and exchange."""

from collections.abc import Sequence

from dvdn_sim.network.clock import Clock
from dvdn_sim.network.compute import ComputeTime, ComputeTimes
from dvdn_sim.network.exchange import Exchange, ExchangeReport
from dvdn_sim.network.ledger import Ledger
from dvdn_sim.network.transport import Share, Transport
from netmodels import LinkSpec
from netmodels.topology import Graph, Topology


class SimulatedNetwork:
    """A team's agents, the links between them, and their common clock.

    The clock advances through acting, computing and exchanging, in this order (schedule `blocking`): the next episode
    starts when all agents have updated.

    Attributes:
        ledger: Counts of everything sent so far.
    """

    def __init__(
        self,
        *,
        n_agents: int,
        seed: int,
        topology: Topology,
        link: LinkSpec,
        share: Share,
        deadline_s: float | None,
        control_period_s: float,
        compute: ComputeTime,
        agent_keys: Sequence[int] | None = None,
    ) -> None:
        """Put a network in place, idle, at time 0.

        Args:
            n_agents: N.
            seed: Of the run.
            topology: Which links exist when.
            link: What every link does to a message.
            share: Whose the transmitter is, `link` or `node`.
            deadline_s: Seconds that an agent waits in a round; None for as long as it takes.
            control_period_s: Seconds of one environment step.
            compute: How long agents work before they send.
            agent_keys: Names of the agents in random streams; their indices by default.
        """
        keys = tuple(range(n_agents)) if agent_keys is None else tuple(agent_keys)
        self._n_agents, self._seed, self._topology = n_agents, seed, topology
        self._deadline_ns = None if deadline_s is None else round(deadline_s * 1e9)
        self._control_period_ns = round(control_period_s * 1e9)
        self._clock = Clock()
        self._transport = Transport(link, seed=seed, share=share, agent_keys=keys)
        self._compute = ComputeTimes(compute, seed=seed, agent_keys=keys)
        self.ledger = Ledger()

    @property
    def now_ns(self) -> int:
        """Simulated nanoseconds since the start of the run."""
        return self._clock.now_ns

    @property
    def now_s(self) -> float:
        """Simulated seconds since the start of the run."""
        return self._clock.now_ns * 1e-9

    def act(self, steps: int) -> None:
        """Let the team act for so many environment steps."""
        self._clock.advance_to(self._clock.now_ns + steps * self._control_period_ns)

    def graphs(self, *, rounds: int, episode: int, update: int) -> list[Graph]:
        """The graph of every round of an exchange, frozen at its start."""
        now_ns = self._clock.now_ns
        return [
            self._topology.graph(self._n_agents, self._seed, episode, update, k, now_ns=now_ns) for k in range(rounds)
        ]

    def exchange(self, kind: str, *, rounds: int, size_bytes: int, episode: int, update: int) -> ExchangeReport:
        """Compute, then exchange; the clock stands afterwards where the last agent closed its last round.

        Args:
            kind: What the messages carry, such as `td`.
            rounds: K ≥ 1.
            size_bytes: Payload of every message.
            episode: Index of the episode just acted, for topologies that change with it.
            update: Index of the update.
        """
        starts_ns = [self._clock.now_ns + time_ns for time_ns in self._compute.next_ns()]
        exchange = Exchange(
            self._clock,
            self._transport,
            self.ledger,
            kind=kind,
            graphs=self.graphs(rounds=rounds, episode=episode, update=update),
            size_bytes=size_bytes,
            deadline_ns=self._deadline_ns,
        )
        return exchange.run(starts_ns)

    def compute(self) -> None:
        """Compute without an exchange: the clock stands afterwards where the slowest agent is done."""
        self._clock.advance_to(self._clock.now_ns + max(self._compute.next_ns()))
