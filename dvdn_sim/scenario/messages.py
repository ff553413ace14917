"""How many bytes a message carries."""

HEADER_BYTES = 24
"""Header of a message: run, sender, kind, update, round, hash of ids and lengths, number of values, degree."""
FLOAT32_BYTES = 4


def td_bytes(positions: int) -> int:
    """Payload of a message of TD errors: a header, and a float32 for each valid (episode, step) of the minibatch.

    >>> td_bytes(32 * 50)
    6424
    """
    return HEADER_BYTES + FLOAT32_BYTES * positions


def ack_bytes(n_agents: int) -> int:
    """Payload of an acknowledgement: a header, and a bit for each agent that may have been heard.

    >>> ack_bytes(9)
    26
    """
    return HEADER_BYTES + -(-n_agents // 8)
