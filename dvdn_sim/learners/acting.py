"""What networks say and agents do at one step, for all rows and agents in one compiled call each.

A network is a row of the parameter matrix, in which the weights of a layer lie input by input, and then its bias. So
``y += x_i W_i`` is one run through memory for each input i. Sequences that share a network go through it a few at a
time, so that such a row is in the cache for all of them. Everything is float32.
"""

import numpy as np
from numpy.typing import NDArray

from dvdn_sim.compiled import compiled
from dvdn_sim.draws import mixed, unit

Floats = NDArray[np.float32]

Networks = tuple[bool, Floats, int, int, Floats]
"""Whether they are recurrent; parameters of the G networks of each of R teams, ``[R·G, P]``; how many numbers tell an
agent its own, 0 or N; C, copies of the game in which a team acts; hidden states, ``[R·C, N, H]``."""
Luck = tuple[NDArray[np.bool_], NDArray[np.uint64], NDArray[np.float64]]
"""The actions that each agent has, ``[N, A]``; what names the draws of the episode, ``[R·C, N]``; ε, ``[T, R]``."""

TOGETHER = 8
"""Sequences that go through a network side by side."""

_CLAMP, _HALF = np.float32(7.90531110763549805), np.float32(0.5)
_A1, _A3, _A5, _A7, _A9, _A11, _A13 = (
    np.float32(number)
    for number in (
        4.89352455891786e-03,
        6.37261928875436e-04,
        1.48572235717979e-05,
        5.12229709037114e-08,
        -8.60467152213735e-11,
        2.00018790482477e-13,
        -2.76076847742355e-16,
    )
)
_B0, _B2, _B4, _B6 = (
    np.float32(number)
    for number in (4.89352518554385e-03, 2.26843463243900e-03, 1.18534705686654e-04, 1.19825839466702e-06)
)


@compiled
def tanh(x: np.float32) -> np.float32:
    """Return tanh x to 4e-7: Eigen's quotient of polynomials, which takes operations that any processor does alike.

    In float64, exactly.
    """
    if isinstance(x, np.float64):
        return np.tanh(x)  # type: ignore[no-any-return]
    x = min(max(x, -_CLAMP), _CLAMP)
    x2 = x * x
    above = x * (_A1 + x2 * (_A3 + x2 * (_A5 + x2 * (_A7 + x2 * (_A9 + x2 * (_A11 + x2 * _A13))))))
    return above / (_B0 + x2 * (_B2 + x2 * (_B4 + x2 * _B6)))


@compiled
def sigmoid(x: np.float32) -> np.float32:
    """Return 1 / (1 + exp(-x)), by `tanh`."""
    return _HALF + _HALF * tanh(_HALF * x)


@compiled
def _layer(parameters: Floats, start: int, inputs: Floats, outputs: Floats, count: int) -> int:
    """Write W x + b of each of the first `count` inputs x; return where the next layer's weights start.

    Four inputs at a time: each of the sums is then read and written a quarter as often.
    """
    n_inputs, width = inputs.shape[1], outputs.shape[1]
    bias = start + n_inputs * width
    for k in range(count):
        for j in range(width):
            outputs[k, j] = parameters[bias + j]
    for i in range(0, n_inputs - 3, 4):
        row = start + i * width
        w0, w1 = parameters[row : row + width], parameters[row + width : row + 2 * width]
        w2, w3 = parameters[row + 2 * width : row + 3 * width], parameters[row + 3 * width : row + 4 * width]
        for k in range(count):
            x0, x1, x2, x3 = inputs[k, i], inputs[k, i + 1], inputs[k, i + 2], inputs[k, i + 3]
            sums = outputs[k]
            for j in range(width):
                sums[j] += x0 * w0[j] + x1 * w1[j] + x2 * w2[j] + x3 * w3[j]
    for i in range(n_inputs - n_inputs % 4, n_inputs):
        weights = parameters[start + i * width : start + (i + 1) * width]
        for k in range(count):
            x, sums = inputs[k, i], outputs[k]
            for j in range(width):
                sums[j] += x * weights[j]
    return int(bias + width)


@compiled
def _relu(values: Floats, count: int) -> None:
    for k in range(count):
        for j in range(values.shape[1]):
            values[k, j] = max(values[k, j], np.float32(0.0))


@compiled
def _gates(from_input: Floats, from_memory: Floats, state: Floats) -> None:
    """Step a GRU's state, given what its reset, update and new gates get from input and memory."""
    h = len(state)
    reset, update, new = from_input[:h], from_input[h : 2 * h], from_input[2 * h :]
    for j in range(2 * h):
        from_input[j] = sigmoid(from_input[j] + from_memory[j])
    for j in range(h):
        new[j] = tanh(new[j] + reset[j] * from_memory[2 * h + j])
    for j in range(h):
        state[j] = new[j] + update[j] * (state[j] - new[j])


@compiled
def _place(sequence: int, network: int, networks: int, copies: int, users: int) -> tuple[int, int]:
    """Return row and agent of one of the sequences that go through a network; a team has G = `networks`."""
    return network // networks * copies + sequence // users, network % networks * users + sequence % users


@compiled
def _gather(observations: Floats, ids: int, row: int, agent: int, into: Floats) -> None:
    """Write what an agent sees: its observation and, where agents see it, its number, one-hot."""
    dims = observations.shape[2]
    for i in range(dims):
        into[i] = observations[row, agent, i]
    for i in range(ids):
        into[dims + i] = i == agent


@compiled
def q_values(networks: Networks, observations: Floats, q: Floats) -> None:
    """Take one step of `RecurrentQ`, or of `FeedForwardQ`, everywhere.

    Args:
        networks: Their hidden states are changed if they are recurrent.
        observations: ``[R·C, N, D]``.
        q: ``[R·C, N, A]``; written.
    """
    recurrent, parameters, ids, copies, hidden = networks
    rows, agents, dims = observations.shape
    h, sees = hidden.shape[2], dims + ids
    each = len(parameters) * copies // rows
    users = agents // each
    seen, x = np.empty((TOGETHER, sees), np.float32), np.empty((TOGETHER, h), np.float32)
    gates, memory = np.empty((TOGETHER, 3 * h), np.float32), np.empty((TOGETHER, 3 * h), np.float32)
    state, out = np.empty((TOGETHER, h), np.float32), np.empty((TOGETHER, q.shape[2]), np.float32)
    for network in range(len(parameters)):
        weights = parameters[network]
        for first in range(0, copies * users, TOGETHER):
            count = min(TOGETHER, copies * users - first)
            for k in range(count):
                row, agent = _place(first + k, network, each, copies, users)
                _gather(observations, ids, row, agent, seen[k])
                for j in range(h):
                    state[k, j] = hidden[row, agent, j]
            at = _layer(weights, 0, seen, x, count)
            _relu(x, count)
            if recurrent:
                at = _layer(weights, at, x, gates, count)
                at = _layer(weights, at, state, memory, count)
                for k in range(count):
                    _gates(gates[k], memory[k], state[k])
            else:
                at = _layer(weights, at, x, state, count)
                _relu(state, count)
            _layer(weights, at, state, out, count)
            for k in range(count):
                row, agent = _place(first + k, network, each, copies, users)
                for j in range(q.shape[2]):
                    q[row, agent, j] = out[k, j]
                for j in range(h if recurrent else 0):
                    hidden[row, agent, j] = state[k, j]


@compiled
def streams_of(
    keys: NDArray[np.uint64], begun: NDArray[np.int64], copies: int, agent_keys: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """Return what names the draws of each agent in an episode, uint64 ``[R·C, N]``; see `act`."""
    streams = np.empty((len(keys) * copies, len(agent_keys)), np.uint64)
    for row in range(len(streams)):
        team = row // copies
        episode = mixed(mixed(keys[team], begun[team]), row % copies)
        for agent in range(len(agent_keys)):
            streams[row, agent] = mixed(episode, agent_keys[agent])
    return streams


@compiled
def act(networks: Networks, luck: Luck, observations: Floats, q: Floats, step: int, actions: NDArray[np.int64]) -> None:
    """Choose every agent's action: its best one, or with probability ε any of those that it has.

    Args:
        networks: See `q_values`; so are `observations` and `q`.
        luck: Whose draws are those of `step`.
        observations: See there.
        q: See there.
        step: t.
        actions: int64 ``[R·C, N]``; written.
    """
    q_values(networks, observations, q)
    available, streams, epsilon = luck
    rows, agents, count = q.shape
    copies = rows // epsilon.shape[1]
    for row in range(rows):
        for agent in range(agents):
            draws = mixed(streams[row, agent], step)
            if unit(mixed(draws, 0)) < epsilon[step, row // copies]:
                left = int(unit(mixed(draws, 1)) * available[agent].sum())
                for action in range(count):
                    if available[agent, action]:
                        if left == 0:
                            actions[row, agent] = action
                            break
                        left -= 1
            else:
                best = -1
                for action in range(count):
                    if available[agent, action] and (best < 0 or q[row, agent, action] > q[row, agent, best]):
                        best = action
                actions[row, agent] = best
