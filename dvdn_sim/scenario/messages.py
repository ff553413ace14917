"""What the agents of an algorithm send each other: how often, and how many bytes a message carries at most."""

from dataclasses import dataclass
from typing import Literal

from dvdn_sim.algorithms import (
    AnyPolicy,
    AnyWeights,
    Consensus,
    Dvdn,
    DvdnGt,
    NetworkedQ,
    ParameterExchange,
    QLearning,
    Tracking,
)
from dvdn_sim.consensus import POLICIES
from dvdn_sim.scenario.envs import Env
from dvdn_sim.scenario.scenario import Scenario

HEADER_BYTES = 24
"""Header of a message: run, sender, kind, update, round, hash of ids and lengths, number of values, degree."""
VALUE_BYTES = {"float32": 4, "float16": 2}
VECTORS: dict[str, tuple[int, ...]] = {"paper": (2,), "adapt_then_combine": (1, 1), "running_sum": (2,)}
"""By the form of tracking, for each exchange of an update: how many vectors as long as the parameters it carries."""
CARRIES = {"consensus": "TD errors", "tracking": "parameters and trackers", "averaging": "parameters"}
"""By the key of `algorithm` that says how it is exchanged."""


@dataclass(frozen=True)
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

    >>> list(exchanged(DvdnGt())), list(exchanged(Dvdn(consensus=Consensus(rounds=0))))
    (['consensus', 'tracking'], [])
    """
    blocks: dict[str, Consensus | ParameterExchange] = {}
    if isinstance(algorithm, Dvdn) and algorithm.consensus.rounds > 0:
        blocks["consensus"] = algorithm.consensus
    if isinstance(algorithm, DvdnGt):
        blocks["tracking"] = algorithm.tracking
    if isinstance(algorithm, NetworkedQ):
        blocks["averaging"] = algorithm.averaging
    return blocks


def message_specs(
    scenario: Scenario, *, positions: int | None = None, parameters: int | None = None
) -> tuple[MessageSpec, ...]:
    """Return what the agents send, in the order in which an update exchanges it; nothing for most algorithms.

    Args:
        scenario: what would run.
        positions: steps of all episodes of the longest minibatch, if they are not those of the scenario's environment.
        parameters: of an agent's network, likewise.
    """
    found = []
    for key, block in exchanged(scenario.algorithm).items():
        if isinstance(block, Consensus):
            steps = scenario.training.batch * scenario.env.longest_episode if positions is None else positions
            size, how = td_bytes(steps, block), (block.policy, block.weights, block.wire)
            found.append(MessageSpec("td", key, block.rounds, size, *how, exchanges=1.0))
        else:
            count = parameter_count(scenario.algorithm, scenario.env) if parameters is None else parameters
            size, exchanges = block_bytes(block, count, block.blocks), len(vectors_of(block)) / block.every
            found.append(MessageSpec("gt", key, 1, size, block.policy, block.weights, "float32", exchanges))
    return tuple(found)


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
    """Return the payload of parameters or trackers.

    >>> parameter_bytes(2 * 26566)
    212552
    """
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

    >>> from dvdn_sim.scenario.envs import Lbf
    >>> parameter_count(DvdnGt(hidden=64), Lbf(field_size=(10, 10), players=3, max_num_food=3, sight=2))
    26566
    """
    hidden = algorithm.hidden
    second = 6 * hidden * (hidden + 1) if algorithm.recurrent else hidden * (hidden + 1)
    return hidden * (env.obs_dim + 1) + second + env.n_actions * (hidden + 1)
