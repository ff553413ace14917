"""How many bytes a message carries."""

from dvdn_sim.scenario.algorithm import Consensus

HEADER_BYTES = 24
"""Header of a message: run, sender, kind, update, round, hash of ids and lengths, number of values, degree."""
VALUE_BYTES = {"float32": 4, "float16": 2}
SCALAR_BYTES = 4
SENDS_ITS_SHARE = ("running_sum", "push_sum")
"""Policies whose messages carry one number more: the mass ζ that the values are a share of."""


def td_bytes(positions: int, consensus: Consensus) -> int:
    """Payload of a message of TD errors: a header, and a value for each valid (episode, step) of the minibatch.

    >>> td_bytes(32 * 50, Consensus()), td_bytes(32 * 50, Consensus(policy="running_sum"))
    (6424, 6428)
    >>> td_bytes(32 * 50, Consensus(wire="float16"))
    3224
    """
    share = SCALAR_BYTES if consensus.policy in SENDS_ITS_SHARE else 0
    return HEADER_BYTES + share + VALUE_BYTES[consensus.wire] * positions


def parameter_bytes(floats: int) -> int:
    """Payload of a message of parameters or trackers.

    >>> parameter_bytes(2 * 26566)
    212552
    """
    return HEADER_BYTES + VALUE_BYTES["float32"] * floats


def ack_bytes(n_agents: int) -> int:
    """Payload of an acknowledgement: a header, and a bit for each agent that may have been heard.

    >>> ack_bytes(9)
    26
    """
    return HEADER_BYTES + -(-n_agents // 8)
