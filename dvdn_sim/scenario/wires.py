"""What the agents of an algorithm send each other, how often, and how long its messages are at most."""

from dataclasses import dataclass
from typing import Literal

from dvdn_sim.scenario.algorithm import (
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
from dvdn_sim.scenario.env import Env
from dvdn_sim.scenario.messages import parameter_bytes, td_bytes
from dvdn_sim.scenario.scenario import Scenario

VECTORS: dict[str, tuple[int, ...]] = {"paper": (2,), "adapt_then_combine": (1, 1), "running_sum": (2,)}
"""By the form of tracking, for each exchange of an update: how many vectors as long as the parameters it carries."""


@dataclass(frozen=True)
class Wire:
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


CARRIES = {"consensus": "TD errors", "tracking": "parameters and trackers", "averaging": "parameters"}
"""By the key of `algorithm` that says how it is exchanged."""


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


def wires(scenario: Scenario, *, positions: int | None = None, parameters: int | None = None) -> tuple[Wire, ...]:
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
            found.append(_of_errors(key, block, steps))
        else:
            count = parameter_count(scenario.algorithm, scenario.env) if parameters is None else parameters
            found.append(_of_parameters(key, block, count))
    return tuple(found)


def _of_errors(key: str, block: Consensus, positions: int) -> Wire:
    return Wire(
        "td", key, block.rounds, td_bytes(positions, block), block.policy, block.weights, block.wire, exchanges=1.0
    )


def _of_parameters(key: str, block: ParameterExchange, parameters: int) -> Wire:
    vectors = vectors_of(block)
    return Wire(
        "gt",
        key,
        rounds=1,
        size_bytes=block_bytes(block, parameters, block.blocks),
        policy=block.policy,
        weights=block.weights,
        dtype="float32",
        exchanges=len(vectors) / block.every,
    )


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

    >>> from dvdn_sim.scenario.foraging import Lbf
    >>> parameter_count(DvdnGt(hidden=64), Lbf(field_size=(10, 10), players=3, max_num_food=3, sight=2))
    26566
    """
    hidden = algorithm.hidden
    second = 6 * hidden * (hidden + 1) if algorithm.recurrent else hidden * (hidden + 1)
    return hidden * (env.obs_dim + 1) + second + env.n_actions * (hidden + 1)
