"""Agents' networks: made as an algorithm says, and, when trained, as a plain ``torch.nn`` module.

Its layers have the names that EPyMARL gives them.
"""

import torch
from torch import Tensor, nn

from dvdn_sim.learners.feed_forward_q import FeedForwardQ
from dvdn_sim.learners.q_network import Layout
from dvdn_sim.learners.recurrent_q import RecurrentQ
from dvdn_sim.scenario import QLearning


def q_network_of(spec: QLearning, *, n_agents: int, obs_dim: int, n_actions: int) -> RecurrentQ | FeedForwardQ:
    """Return the network of every agent, with room for the numbers of agents that share it."""
    kind = RecurrentQ if spec.recurrent else FeedForwardQ
    ids = Layout.from_spec(spec, 1, n_agents).ids
    return kind(obs_dim=obs_dim + ids, hidden=spec.hidden, n_actions=n_actions)


class QAgent(nn.Module):
    """fc1, then `rnn` (a GRU cell, or a linear layer for agents without a memory), then fc2."""

    def __init__(self, obs_dim: int, hidden: int, n_actions: int, *, recurrent: bool) -> None:
        super().__init__()
        self.fc1 = nn.Linear(obs_dim, hidden)
        self.rnn = nn.GRUCell(hidden, hidden) if recurrent else nn.Linear(hidden, hidden)
        self.fc2 = nn.Linear(hidden, n_actions)
        self.hidden, self.recurrent = hidden, recurrent

    def forward(self, observations: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Return Q-values and the next hidden state from observations ``[B, D]`` and hidden states ``[B, H]``."""
        x = torch.relu(self.fc1(observations))
        after = self.rnn(x, hidden) if self.recurrent else torch.relu(self.rnn(x))
        return self.fc2(after), after if self.recurrent else hidden


def _layers(network: RecurrentQ | FeedForwardQ, row: Tensor) -> dict[str, Tensor]:
    """View one row of a parameter matrix ``[P]`` as the parameters of a `QAgent`, by name."""
    if isinstance(network, FeedForwardQ):
        named = zip(("fc1", "rnn", "fc2"), (weight[0] for weight in network.weights(row[None])), strict=True)
        parts = ((name, {"weight": weight[:-1].T, "bias": weight[-1]}) for name, weight in named)
        return {f"{name}.{kind}": part for name, both in parts for kind, part in both.items()}
    w1, wi, wh, w3 = (weight[0] for weight in network.weights(row[None]))
    return {
        "fc1.weight": w1[:-1].T,
        "fc1.bias": w1[-1],
        "rnn.weight_ih": wi[:-1].T,
        "rnn.weight_hh": wh[:-1].T,
        "rnn.bias_ih": wi[-1],
        "rnn.bias_hh": wh[-1],
        "fc2.weight": w3[:-1].T,
        "fc2.bias": w3[-1],
    }


def layers_of(network: RecurrentQ | FeedForwardQ, row: Tensor) -> dict[str, Tensor]:
    """Return one row of a parameter matrix ``[P]`` as the state dict of a `QAgent`."""
    return {name: part.detach().cpu().contiguous().clone() for name, part in _layers(network, row).items()}


def row_of(network: RecurrentQ | FeedForwardQ, layers: dict[str, Tensor]) -> Tensor:
    """Return the row of a parameter matrix ``[P]`` that `layers_of` made this state dict from."""
    row = torch.empty(network.parameter_count, dtype=layers["fc1.weight"].dtype)
    for name, part in _layers(network, row).items():
        part.copy_(layers[name])
    return row
