"""What networks say and agents do at one step, for all rows and agents in one compiled call each.

Sequences that share a network go through it a few at a time, so that its weights are in the cache for all of them.
Everything is float32.
"""

import numpy as np
from numpy.typing import NDArray

from dvdn_sim.compiled import compiled, inlined, inner
from dvdn_sim.draws import mixed, unit
from dvdn_sim.learners.products import multiply

Floats = NDArray[np.float32]

Networks = tuple[bool, tuple[Floats, ...], int, int, Floats]
"""Whether they are recurrent; weights of the G networks of each of R teams, ``[R·G, inputs + 1, outputs]`` each, whose
last rows are the biases: W1, W_i, W_h and W3; without a memory W1, W2 twice, and W3; how many numbers tell an agent
its own, 0 or N; C, copies of the game in which a team acts; hidden states, ``[R·C, N, H]``."""
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


@inner
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


@inner
def sigmoid(x: np.float32) -> np.float32:
    """Return 1 / (1 + exp(-x)), by `tanh`."""
    return _HALF + _HALF * tanh(_HALF * x)


@inner
def _relu(values: Floats, count: int) -> None:
    for k in range(count):
        for j in range(values.shape[1]):
            values[k, j] = max(values[k, j], np.float32(0.0))


@inner
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


@inner
def _place(sequence: int, network: int, networks: int, copies: int, users: int) -> tuple[int, int]:
    """Return row and agent of one of the sequences that go through a network; a team has G = `networks`."""
    return network // networks * copies + sequence // users, network % networks * users + sequence % users


@inner
def _gather(observations: Floats, ids: int, row: int, agent: int, into: Floats) -> None:
    """Write what an agent sees: its observation and, where agents see it, its number, one-hot."""
    dims = observations.shape[2]
    for i in range(dims):
        into[i] = observations[row, agent, i]
    for i in range(ids):
        into[dims + i] = i == agent


@inlined
def q_values(networks: Networks, observations: Floats, q: Floats) -> None:
    """Take one step of `RecurrentQ`, or of `FeedForwardQ`, everywhere.

    Args:
        networks: Their hidden states are changed if they are recurrent.
        observations: ``[R·C, N, D]``.
        q: ``[R·C, N, A]``; written.
    """
    recurrent, (w1, wi, wh, w3), ids, copies, hidden = networks
    rows, agents, dims = observations.shape
    h, sees = hidden.shape[2], dims + ids
    each = len(w1) * copies // rows
    users = agents // each
    seen, x = np.empty((TOGETHER, sees + 1), np.float32), np.empty((TOGETHER, h + 1), np.float32)
    gates, memory = np.empty((TOGETHER, 3 * h), np.float32), np.empty((TOGETHER, 3 * h), np.float32)
    state, out = np.empty((TOGETHER, h + 1), np.float32), np.empty((TOGETHER, q.shape[2]), np.float32)
    for k in range(TOGETHER):  # the bias is the weight of a number that is 1
        seen[k, sees] = x[k, h] = state[k, h] = 1.0
    x_alone, state_alone = x[:, :h], state[:, :h]
    for network in range(len(w1)):
        for first in range(0, copies * users, TOGETHER):
            count = min(TOGETHER, copies * users - first)
            for k in range(count):
                row, agent = _place(first + k, network, each, copies, users)
                _gather(observations, ids, row, agent, seen[k])
                for j in range(h):
                    state[k, j] = hidden[row, agent, j]
            multiply(seen[:count], w1[network], x_alone)
            _relu(x_alone, count)
            if recurrent:
                multiply(x[:count], wi[network], gates)
                multiply(state[:count], wh[network], memory)
                for k in range(count):
                    _gates(gates[k], memory[k], state[k, :h])
            else:
                multiply(x[:count], wi[network], state_alone)
                _relu(state_alone, count)
            multiply(state[:count], w3[network], out)
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
                owned = 0
                for action in range(count):
                    owned += available[agent, action]
                left = int(unit(mixed(draws, 1)) * owned)
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
