"""A scenario: everything that decides what a run does, and what its agents therefore send each other.

Links, topologies and faults are the specs of `netmodels`.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal, cast

from pydantic import Field, ValidationError
from pydantic.dataclasses import dataclass

from dvdn_sim.algorithms import (
    AnyAlgorithm,
    AnyPolicy,
    AnyWeights,
    Consensus,
    ParameterExchange,
    QLearning,
    Tracking,
)
from dvdn_sim.consensus import POLICIES
from dvdn_sim.scenario.envs import AnyEnv, Env
from netmodels import LinkSpec
from netmodels.faults import AnyFault, Degrade
from netmodels.links import (
    Bernoulli,
    Constant,
    DelayTrace,
    Empirical,
    Exponential,
    GilbertElliott,
    LinkChange,
    Lognormal,
    LossTrace,
    Normal,
    Pareto,
    Uniform,
)  # fmt: skip
from netmodels.presets import AnyLink
from netmodels.topology import AnyTopology, Pair
from netmodels.units import CLOSED, TIME, Bare, Count, Flag, Fraction, Natural, Number, Spec, Time, shown

AUTO = "auto"
"""Stands for a wait that is worked out."""
COMPILED = (
    Bernoulli, GilbertElliott, LossTrace,
    Constant, Uniform, Normal, Lognormal, Pareto, Exponential, Empirical, DelayTrace,
)  # fmt: skip
"""Models of losses and delays that the compiled engine has; who adds one need not write it twice."""
MAX_DEGRADED = 20_000
"""Kinds of links, each as it is under each fault: seconds' worth."""
# Its one word is read as itself, not as a number.
_DEADLINE = replace(TIME, examples=("50 ms", AUTO), words={AUTO: cast("float", AUTO)})
Deadline = Annotated[float | Literal["auto"], _DEADLINE]


class ConstantTime(Spec, kind="constant"):
    """Always the same time.

    Attributes:
        mean: the time, in seconds.
    """

    mean: Time


class NormalTime(Spec, kind="normal"):
    """A normal time, cut at zero: max(0, x).

    Attributes:
        mean: mean of x, in seconds.
        jitter: standard deviation of x, in seconds.
    """

    mean: Time
    jitter: Time


class LognormalTime(Spec, kind="lognormal"):
    """A lognormal time: never below zero, now and then much longer than the mean.

    Attributes:
        mean: mean of the time, in seconds.
        jitter: standard deviation of the time, in seconds.
    """

    mean: Time
    jitter: Time


AnyCompute = Annotated[
    ConstantTime | NormalTime | LognormalTime, Field(discriminator="kind"), Bare("constant", "mean", TIME)
]
"""How long an agent works on an update, drawn afresh for every agent and update."""


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class OtherLink(Spec):
    """A link that differs from the others.

    Attributes:
        edge: the two agents.
        one_way: whether only the direction from the first to the second differs.
        link: the parameters that differ.
    """

    edge: Pair
    one_way: Flag = False
    link: LinkChange


class _Links(Spec):
    """What follows from a network's settings.

    `changed_links`, by (sender, receiver), are the directed links that differ, where later entries add to earlier ones;
    `links` is every kind of link by where it is written.
    """

    if TYPE_CHECKING:
        changed_links: dict[tuple[int, int], LinkSpec]
        links: dict[str, LinkSpec]


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class Network(_Links):
    """What carries the agents' messages.

    Attributes:
        topology: which links exist.
        link: what each direction of a link does to a message.
        other_links: links that differ from it.
        share: whose the transmitter is: each ``link`` has its own, one per ``node`` serves all its links, or all agents
            share one ``medium``, an ideal one without collisions.
        broadcast: send one copy of a message, which every neighbour may hear and nothing sends again; needs a shared
            transmitter.
        deadline: seconds that an agent waits for a round's messages; ``auto`` for the time within which 99.9 % of those
            come that come at all; None waits for all, which needs lossless links.
        acks: every agent tells its neighbours after each round whom it heard.
        ack_repeat: how often it does.
        ack_deadline: seconds that an agent waits for its neighbours' acknowledgements, or ``auto``; None for
            ``deadline``.
        control_period: simulated seconds of one environment step.
        compute: how long an agent works on an update before it can send.
        schedule: ``blocking`` begins an episode when all have updated; ``overlap`` acts it while the agents compute and
            exchange, with the parameters they had.
        faults: what fails when.
        engine: ``compiled`` runs exchanges in compiled loops, ``simpy`` as events of SimPy, the reference: equal to the
            last bit. ``auto`` is the first if it has all models of losses and delays. Who is to be told the life of
            every message, as a trace is, gets SimPy.
        acting: what an agent does in the environment while it is down: ``frozen`` acts with the parameters it had,
            ``noop`` does nothing.
    """

    topology: AnyTopology
    link: AnyLink
    other_links: Annotated[tuple[OtherLink, ...], Field(max_length=10_000)] = ()
    share: Literal["link", "node", "medium"] = "link"
    broadcast: Flag = False
    deadline: Deadline | None = None
    acks: Flag = False
    ack_repeat: Annotated[Count, Field(le=100)] = 1
    ack_deadline: Deadline | None = None
    control_period: Time
    compute: AnyCompute
    schedule: Literal["blocking", "overlap"] = "blocking"
    faults: Annotated[tuple[AnyFault, ...], Field(max_length=1000)] = ()
    engine: Literal["auto", "simpy", "compiled"] = "auto"
    acting: Literal["frozen", "noop"] = "frozen"

    def __post_init__(self) -> None:
        """Refuse parameters of links that do not fit each other."""
        changed: dict[tuple[int, int], LinkSpec] = {}
        for other in self.other_links:
            for edge in (other.edge,) if other.one_way else (other.edge, other.edge[::-1]):
                changed[edge] = _fitting("other_links", changed.get(edge, self.link), other.link)
        others = {f"network.other_links.{i}.link": changed[other.edge] for i, other in enumerate(self.other_links)}
        self._settle(changed_links=changed, links={"network.link": self.link, **others})
        kinds = dict.fromkeys(self.links.values())
        if self.engine == "compiled" and not self.compiled:
            raise ValueError("engine: compiled does not have all models of these losses and delays; write `auto`")
        faults = {index: fault for index, fault in enumerate(self.faults) if isinstance(fault, Degrade)}
        if len(faults) * len(kinds) > MAX_DEGRADED:
            raise ValueError(
                f"faults: {len(faults)} degradations of {len(kinds)} kinds of links are too many: at most "
                f"{max(MAX_DEGRADED // len(kinds), 1)}, or fewer `other_links`"
            )
        for index, fault in faults.items():
            for link in kinds:
                _fitting(f"faults.{index}.link", link, fault.link)

    @property
    def compiled(self) -> bool:
        """Whether exchanges are to be compiled."""
        return self.engine != "simpy" and self._has_all_models()

    def _has_all_models(self) -> bool:
        """Say whether the compiled engine has all models of links, as they are under faults, too."""
        degraded = [fault.changed(self.link) for fault in self.faults if isinstance(fault, Degrade)]
        models = [model for spec in (*self.links.values(), *degraded) for model in (spec.loss, spec.delay)]
        return all(type(model) in COMPILED for model in models)

    @property
    def idles(self) -> bool:
        """Whether agents may be kept from acting because they are down."""
        return self.acting == "noop" and bool(self.faults)


def _fitting(key: str, link: LinkSpec, change: Mapping[str, object]) -> LinkSpec:
    """Return a link with some parameters changed, or refuse what stands at a key."""
    try:
        return link.changed(change)
    except ValueError as error:
        said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise ValueError(f"{key}: the parameters of a link do not fit: {said.removeprefix('Value error, ')}") from error


Steps = Annotated[Count, Field(le=10**12)]
Episodes = Annotated[Count, Field(le=10**6)]
Seeds = Annotated[tuple[Annotated[Natural, Field(le=2**63 - 1)], ...], Field(min_length=1, max_length=1000)]

MAX_RANGE = 1000


def parse_seeds(text: str) -> tuple[int, ...]:
    """Return the seeds that a list of numbers and ranges stands for.

    Raises:
        ValueError: It is none.

    >>> parse_seeds("0-2,7")
    (0, 1, 2, 7)
    """
    seeds: list[int] = []
    for part in text.split(","):
        ends = [end.strip() for end in part.split("-")]
        if len(ends) > 2 or not all(end.isascii() and end.isdigit() and len(end) < 19 for end in ends):
            raise ValueError(f"{shown(part)} is no seed and no range of seeds")
        first, last = int(ends[0]), int(ends[-1])
        if not 0 <= last - first < MAX_RANGE:
            raise ValueError(f"{shown(part)} is no range of up to {MAX_RANGE} seeds")
        seeds += range(first, last + 1)
    return tuple(seeds)


@dataclass(frozen=True, init=False, config=CLOSED)
class Epsilon(Spec):
    """Exploration: the chance of a random action, falling in a straight line and then level.

    Attributes:
        steps: environment steps that the fall takes.
        start: chance at the first step.
        end: chance after the fall.
    """

    steps: Steps
    start: Fraction = 1.0
    end: Fraction = 0.05


@dataclass(frozen=True, init=False, config=CLOSED)
class Training(Spec):
    """How each seed is trained.

    Attributes:
        steps: environment steps per seed; the episode under way at the end is finished.
        epsilon: exploration.
        batch: episodes in a minibatch.
        buffer: episodes kept for replay.
        target_update: updates between two copies of the network into the target network.
        target_tau: share of the network that the target takes over at every update, in place of copies.
        episodes_per_iteration: episodes acted side by side, then as many updates. 1 is the paper's loop; 8 is far
            faster, and learns from episodes that are up to 7 updates behind.
        updates_per_iteration: updates after these episodes, in place of as many.
    """

    steps: Steps
    epsilon: Epsilon
    batch: Episodes = 32
    buffer: Episodes = 5000
    target_update: Steps = 200
    target_tau: Annotated[Number, Field(gt=0.0, le=1.0)] | None = None
    episodes_per_iteration: Annotated[Count, Field(le=4096)] = 1
    updates_per_iteration: Annotated[Count, Field(le=4096)] | None = None

    def updates_after(self, episode: int) -> int:
        """Return how many updates follow an episode of an iteration, 0, 1, …: they are spread over its episodes.

        >>> [Training(steps=1, epsilon=Epsilon(steps=1), episodes_per_iteration=8, updates_per_iteration=updates)
        ...  .updates_after(7) for updates in (None, 1, 20)]
        [1, 1, 3]
        """
        episodes, updates = self.episodes_per_iteration, self.updates_per_iteration
        return 1 if updates is None else (episode + 1) * updates // episodes - episode * updates // episodes


@dataclass(frozen=True, init=False, config=CLOSED)
class Evaluation(Spec):
    """How each seed is measured while it trains.

    Attributes:
        every: environment steps between evaluations.
        episodes: episodes of one evaluation.
        epsilon: chance of a random action while evaluating.
    """

    every: Steps
    episodes: Episodes
    epsilon: Fraction = 0.05


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class Scenario(Spec):
    """Everything that decides what a run does.

    Times are in seconds, rates in bits per second, sizes in bytes.

    Attributes:
        name: what the run folder is called.
        seeds: one team is trained for each.
        env: what the agents act in.
        algorithm: how they learn.
        network: what carries their messages; None where the algorithm sends none.
        training: how long, from which experience.
        evaluation: how they are measured.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
    seeds: Seeds
    env: AnyEnv
    algorithm: AnyAlgorithm
    network: Network | None = None
    training: Training
    evaluation: Evaluation


HEADER_BYTES = 24
"""Header of a message: run, sender, kind, update, round, hash of ids and lengths, number of values, degree."""
VALUE_BYTES = {"float32": 4, "float16": 2}
VECTORS: dict[str, tuple[int, ...]] = {"paper": (2,), "adapt_then_combine": (1, 1), "running_sum": (2,)}
"""By the form of tracking, for each exchange of an update: how many vectors as long as the parameters it carries."""
CARRIES = {"consensus": "TD errors", "tracking": "parameters and trackers", "averaging": "parameters"}
"""By the key of `algorithm` that says how it is exchanged."""


@dataclasses.dataclass(frozen=True)
class MessageSpec:
    """One kind of message, which every agent sends to all its neighbours.

    Attributes:
        kind: as records name it: ``td``, TD errors; ``gt``, parameters and trackers.
        block: the key of `algorithm` that says how it is exchanged.
        rounds: rounds of an exchange.
        size_bytes: payload of the longest message.
        policy: what an agent makes of the messages that did not come.
        weights: weight of each neighbour.
        dtype: how a message carries a number.
        exchanges: how many there are in an update, on average.
    """

    kind: Literal["td", "gt"]
    block: str
    rounds: int
    size_bytes: int
    policy: AnyPolicy
    weights: AnyWeights
    dtype: Literal["float32", "float16"]
    exchanges: float

    @property
    def carries(self) -> str:
        """What is in a message, in words."""
        return CARRIES[self.block]


def exchanged(algorithm: QLearning) -> dict[str, Consensus | ParameterExchange]:
    """Return the blocks of an algorithm that say how something is exchanged, by key, in the order of the exchanges.

    >>> from dvdn_sim.algorithms import Dvdn, DvdnGt
    >>> list(exchanged(DvdnGt())), list(exchanged(Dvdn(consensus=Consensus(rounds=0))))
    (['consensus', 'tracking'], [])
    """
    blocks: dict[str, Consensus | ParameterExchange]
    blocks = {key: getattr(algorithm, key) for key in CARRIES if hasattr(algorithm, key)}
    return {key: block for key, block in blocks.items() if not isinstance(block, Consensus) or block.rounds > 0}


def message_specs(
    scenario: Scenario, *, positions: int | None = None, parameters: int | None = None
) -> tuple[MessageSpec, ...]:
    """Return what the agents send, in the order in which an update exchanges it; nothing for most algorithms.

    `positions` are the steps of all episodes of the longest minibatch, and `parameters` those of an agent's network, if
    they are not those of the scenario's environment.
    """
    found = []
    for key, block in exchanged(scenario.algorithm).items():
        if isinstance(block, Consensus):
            steps = scenario.training.batch * scenario.env.longest_episode if positions is None else positions
            size, how = td_bytes(steps, block), (block.policy, weights_of(block, scenario.network), block.wire)
            found.append(MessageSpec("td", key, block.rounds, size, *how, exchanges=1.0))
        else:
            count = parameter_count(scenario.algorithm, scenario.env) if parameters is None else parameters
            size, exchanges = block_bytes(block, count, block.blocks), len(vectors_of(block)) / block.every
            found.append(MessageSpec("gt", key, 1, size, block.policy, block.weights, "float32", exchanges))
    return tuple(found)


def weights_of(block: Consensus | ParameterExchange, network: Network | None) -> AnyWeights:
    """Return the weights that ``auto`` stands for, or those that are named.

    Lazy weights have no negative eigenvalue, be the graph what it may; Metropolis weights have none of those of E[A]
    where no agent is unlike another, for the weight of oneself is at least 1/N.

    >>> weights_of(Consensus(), None)
    'metropolis'
    """
    if block.weights != "auto":
        return block.weights
    return "metropolis" if network is None or network.topology.exchangeable else "lazy"


def td_bytes(positions: int, consensus: Consensus) -> int:
    """Return the payload of TD errors: a header, and a value for each valid (episode, step) of the minibatch.

    A policy that shares adds one number: the mass ζ that the values are a share of.

    >>> td_bytes(32 * 50, Consensus()), td_bytes(32 * 50, Consensus(policy="running_sum"))
    (6424, 6428)
    >>> td_bytes(32 * 50, Consensus(wire="float16"))
    3224
    """
    share = VALUE_BYTES["float32"] if POLICIES[consensus.policy].shares else 0
    return HEADER_BYTES + share + VALUE_BYTES[consensus.wire] * positions


def parameter_bytes(floats: int) -> int:
    """Return the payload of parameters or trackers."""
    return HEADER_BYTES + VALUE_BYTES["float32"] * floats


def ack_bytes(n_agents: int) -> int:
    """Return the payload of an acknowledgement: a header, and a bit for each agent that may have been heard.

    >>> ack_bytes(9)
    26
    """
    return HEADER_BYTES + -(-n_agents // 8)


def vectors_of(block: ParameterExchange) -> tuple[int, ...]:
    """Return how many vectors as long as the parameters each exchange of an update carries."""
    return VECTORS[block.form] if isinstance(block, Tracking) else (1,)


def block_bytes(block: ParameterExchange, parameters: int, blocks: int) -> int:
    """Return the payload of the longest message, were the parameters cut into so many blocks.

    >>> block_bytes(Tracking(), 26566, 1), block_bytes(Tracking(), 26566, 4)
    (212552, 53160)
    """
    return parameter_bytes(max(vectors_of(block)) * -(-parameters // blocks))


def parameter_count(algorithm: QLearning, env: Env) -> int:
    """Return P, the parameters of an agent's network.

    P = H(D + 1) + 6H² + 6H + A(H + 1) with a memory (a GRU), P = H(D + 1) + H(H + 1) + A(H + 1) without.

    >>> from dvdn_sim.algorithms import DvdnGt
    >>> from dvdn_sim.scenario.envs import Lbf
    >>> parameter_count(DvdnGt(hidden=64), Lbf(field_size=(10, 10), players=3, max_num_food=3, sight=2))
    26566
    """
    hidden = algorithm.hidden
    second = 6 * hidden * (hidden + 1) if algorithm.recurrent else hidden * (hidden + 1)
    return hidden * (env.obs_dim + 1) + second + env.n_actions * (hidden + 1)
