"""Mixing of many values at once, compiled; see `dvdn_sim.consensus.weights.pull`."""

import numpy as np
import numpy.typing as npt

from dvdn_sim.compiled import compiled

Values = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@compiled
def pull_each(after: Values, own: Values, messages: tuple[Ints, Values, Ints, Values]) -> None:
    """Add pulls as numpy does, one after the other: to the last bit, and without arrays of all that was heard."""
    receivers, pulls, rows, given = messages
    for message in range(len(receivers)):
        i, j, p = receivers[message], rows[message], pulls[message]
        for column in range(own.shape[1]):
            after[i, column] += p * (given[j, column] - own[i, column])
