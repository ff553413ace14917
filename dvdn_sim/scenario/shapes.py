"""Bytes of everything that a run allocates, from the sizes in its scenario.

Every term is the size of tensors that `dvdn_sim.training` makes, by the shapes that their modules document. R replicas
(seeds) of N agents with G networks of P parameters, H hidden units, B episodes in a minibatch, T steps, D numbers
observed, A actions. What is no tensor was measured, and says how.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self, cast

from dvdn_sim.scenario.algorithm import DvdnGt, NetworkedQ, QLearning, Qmix, Sharing
from dvdn_sim.scenario.env import Env
from dvdn_sim.scenario.foraging import Foraging, Lbf, LbForaging
from dvdn_sim.scenario.marbler import ArcticTransport, MaterialTransport, PredatorCapturePrey, Warehouse
from dvdn_sim.scenario.network import Network
from dvdn_sim.scenario.particles import MpeAdversary, MpeSpread, MpeTag
from dvdn_sim.scenario.scenario import Scenario
from dvdn_sim.scenario.topologies import stays
from dvdn_sim.scenario.wires import parameter_count, wires
from netmodels.faults import Degrade, Flap
from netmodels.links.delay import Constant

FLOAT, DOUBLE, LONG, SHORT, BYTE = 4, 8, 8, 2, 1

LINK, TIMES, CHANCES, FLAPS = 9_000, 26_000, 9_000, 20_000
"""Of one directed link after 600 exchanges, by tracemalloc: its books and its queue; and, for each random stream that
it reads, a block of 512 whole numbers, or of 512 chances, as an array and as a list; and the latest times of a flap."""
GRAPHS, EDGE = 256, 100
"""Graphs that are remembered, and one link in one of them."""
DRAWN = 120
"""Per agent and step of an episode: its exploration, drawn at the beginning in some fifteen whole arrays."""
NEW_EPISODES = 100
"""Of each replica, in a checkpoint: more than a core trains from one to the next."""
WAITING = 20_000_000
"""Rows of ten seconds that wait for their part to be written: 2.2 kB per update, at 900 updates a second."""
HASHED = (700, 950, 8)
SUMMARISED = (70, 220, 24)
"""Of the records at the end, by allocation: per update; per exchange; and per agent and round of one. Of one seed,
while the digest is made of one table after the other; of all, while they are summarised, when nothing else is held any
more."""


@dataclass(frozen=True)
class Sizes:
    """What memory depends on of an environment.

    Attributes:
        n_agents: N.
        obs_dim: D.
        n_actions: A.
        longest_episode: T.
        row_bytes: what one copy of it takes while it steps.
    """

    n_agents: int
    obs_dim: int
    n_actions: int
    longest_episode: int
    row_bytes: int = 0

    @classmethod
    def of(cls, env: Env) -> Self:
        """Return those of a scenario's environment."""
        row_bytes = ROW_BYTES.get(type(env), _observed)(env)
        return cls(env.n_agents, env.obs_dim, env.n_actions, env.longest_episode, row_bytes)


def _field(env: Foraging) -> int:
    """Return bytes of a field: places are dealt out by counting all that are left; then observations in the making."""
    rows, columns = env.field_size
    return 30 * rows * columns + 35 * env.n_agents * env.obs_dim


def _copy(env: Foraging) -> int:
    """Return bytes of a field of lbforaging's own, with its players."""
    rows, columns = env.field_size
    return 15_000 + 8 * rows * columns


def _observed(env: Env) -> int:
    """Return bytes of what is observed in the making: of particles the distances of all from all."""
    return 45 * env.n_agents * env.obs_dim


def _robots(env: Env) -> int:
    """Return bytes of the way in a block of iterations, and of barriers, all pairs against all pairs."""
    pairs = env.n_agents * (env.n_agents - 1) // 2
    return 2000 * env.n_agents + 20 * pairs**2


ROW_BYTES: Mapping[type, Callable[[Any], int]] = {
    Lbf: _field,
    LbForaging: _copy,
    MpeSpread: _observed,
    MpeAdversary: _observed,
    MpeTag: _observed,
    ArcticTransport: _robots,
    MaterialTransport: _robots,
    PredatorCapturePrey: _robots,
    Warehouse: _robots,
}
"""By the dataclass of the scenario: bytes per row at the peak of a reset or step, measured with 1000 to 10 000 rows.
Any other is taken to need as much as its observations ask for."""


@dataclass(frozen=True)
class Shapes:
    """What the parts of a run take, in bytes.

    Attributes:
        scenario: what would run.
        env: its environment.
    """

    scenario: Scenario
    env: Sizes

    @property
    def replay(self) -> int:
        """Return the ring, `EpisodeReplay.size_bytes`."""
        return self._seeds * self.scenario.training.buffer * self._episode

    @property
    def networks(self) -> int:
        """Return parameters online and target, two moments and a denominator, and the gradient; a mixer's, too."""
        return (2 + 3 + 1) * FLOAT * (self._rows * self.parameters + self._seeds * self._mixer)

    @property
    def trackers(self) -> int:
        """Return moments of their own, trackers, gradients, what is in flight; and how far agents are apart.

        What is in flight is copied where not all replicas exchange, as when one of them is done.
        """
        vectors = {DvdnGt: 3 + 2 + 3, NetworkedQ: 3 + 3}.get(type(self._algorithm), 0)
        if isinstance(self._algorithm, DvdnGt) and self._algorithm.tracking.form == "running_sum":
            vectors += self.env.n_agents * (2 if self._seeds > 1 else 1)
        return vectors * FLOAT * self._seeds * self.env.n_agents * self.parameters

    @property
    def update(self) -> int:
        """Return the tape, the minibatch, some 16 numbers for each of its positions, and gates' weights once more."""
        n, t, d = self.env.n_agents, self.env.longest_episode, self.env.obs_dim
        sequences = self._seeds * self.scenario.training.batch * n
        minibatch = sequences * (t * (SHORT + FLOAT + LONG) + (t + 1) * d * FLOAT)
        gates = 9 * self._algorithm.hidden**2 * FLOAT * self._rows if self._algorithm.recurrent else 0
        return self._tape + minibatch + sequences * t * 16 * FLOAT + gates + self._mixing

    def episodes(self, copies: int) -> int:
        """Return whole episodes of all teams, in so many copies of the environment.

        Observations, actions and rewards, as a list and stacked, are held until the last episode is over.
        """
        n, t, d = self.env.n_agents, self.env.longest_episode, self.env.obs_dim
        seen = 2 * FLOAT * (t + 1) * d + (2 * LONG + 3 * DOUBLE) * t
        acting = DRAWN * t + 3 * FLOAT * self._algorithm.hidden + FLOAT * self._inputs
        return self._seeds * copies * (n * (seen + acting) + self.env.row_bytes)

    @property
    def checkpoint(self) -> int:
        """Return new episodes once more; all else is written as it is."""
        return self._seeds * min(NEW_EPISODES, self.scenario.training.buffer) * self._episode

    @property
    def links(self) -> int:
        """Return links and their streams, of each team, and graphs that are remembered."""
        network = self.scenario.network
        if network is None:
            return 0
        n, fixed = self.env.n_agents, stays(network.topology)
        edges = len(network.topology.graph(n, self.scenario.seeds[0]).edges) if fixed else n * (n - 1)
        return self._seeds * (edges * _link(network) + n * TIMES) + (1 if fixed else GRAPHS) * EDGE * edges

    def records(self, held: int) -> int:
        """Return rows that wait; a seed's, while they are hashed; and all at the end, beyond what was held before.

        There are as many as if every episode lasted as long as it may.
        """
        updates = self.scenario.training.steps // self.env.longest_episode
        sent = wires(self.scenario)
        exchanges = sum(wire.exchanges for wire in sent)
        times = sum(wire.exchanges * wire.rounds * self.env.n_agents for wire in sent)
        hashed = max(HASHED[0], HASHED[1] * exchanges + HASHED[2] * times)
        summarised = SUMMARISED[0] + SUMMARISED[1] * exchanges + SUMMARISED[2] * times
        return WAITING + int(updates * hashed) + max(0, int(updates * summarised * self._seeds) - held)

    @property
    def parameters(self) -> int:
        """Return P."""
        seen = Sizes(self.env.n_agents, self._inputs, self.env.n_actions, self.env.longest_episode)
        return parameter_count(self._algorithm, cast("Env", seen))

    @property
    def _algorithm(self) -> QLearning:
        return self.scenario.algorithm

    @property
    def _seeds(self) -> int:
        """R."""
        return len(self.scenario.seeds)

    @property
    def _shared(self) -> bool:
        return isinstance(self._algorithm, Sharing) and self._algorithm.share_parameters

    @property
    def _rows(self) -> int:
        """R·G, networks of all teams."""
        return self._seeds * (1 if self._shared else self.env.n_agents)

    @property
    def _inputs(self) -> int:
        """What a network sees: an observation, and the number of its agent where a network is shared."""
        ids = self._shared and cast("Sharing", self._algorithm).agent_ids
        return self.env.obs_dim + (self.env.n_agents if ids else 0)

    @property
    def _episode(self) -> int:
        """An episode in the ring: observations, actions, rewards, whether a time limit cut it, and its length."""
        n, t, d = self.env.n_agents, self.env.longest_episode, self.env.obs_dim
        return n * ((t + 1) * d * FLOAT + t * (SHORT + FLOAT)) + BYTE + LONG

    @property
    def _tape(self) -> int:
        """What the forward pass leaves for the backward pass.

        Online networks and their targets have x, h and q; the online ones their input, and, for the way back, six
        factors and gradients as wide as h (two without memory) and the gradient of q.
        """
        h, a = self._algorithm.hidden, self.env.n_actions
        sequences = self._seeds * self.env.n_agents * self.scenario.training.batch
        back = (6 if self._algorithm.recurrent else 2) * h + a
        return FLOAT * sequences * (self.env.longest_episode + 1) * (2 * (2 * h + 1 + a) + self._inputs + 1 + back)

    @property
    def _mixer(self) -> int:
        """Parameters of a mixer, (S + 1)(2K + 2E) + (K + 1)(N + 1)E + E + 1 with S = N·D."""
        if not isinstance(self._algorithm, Qmix):
            return 0
        n, e, k = self.env.n_agents, self._algorithm.mixer_embed, self._algorithm.hypernet_hidden
        return (n * self.env.obs_dim + 1) * 2 * (k + e) + (k + 1) * (n + 1) * e + e + 1

    @property
    def _mixing(self) -> int:
        """What a mixer works out for each position: the state, and weights with their gradients."""
        if not isinstance(self._algorithm, Qmix):
            return 0
        n, e, k = self.env.n_agents, self._algorithm.mixer_embed, self._algorithm.hypernet_hidden
        numbers = n * self.env.obs_dim + 7 * n * e + 8 * (k + e)
        return FLOAT * self._seeds * self.scenario.training.batch * (self.env.longest_episode + 1) * numbers


def _link(network: Network) -> int:
    """Return what one directed link takes once it has been used for long."""
    link = network.link
    times = 0 if isinstance(link.delay_model, Constant) else TIMES * (2 if link.duplicate else 1)
    chances = CHANCES * sum(bool(chance) for chance in (link.loss_model.loss_rate, link.corrupt, link.duplicate))
    degraded = sum(isinstance(fault, Degrade) for fault in network.faults)
    flaps = sum(isinstance(fault, Flap) for fault in network.faults)
    turns = 0 if network.share == "link" else TIMES
    return (1 + degraded) * (LINK + times + chances) + turns + FLAPS * flaps
