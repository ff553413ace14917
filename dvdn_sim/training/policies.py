"""Trained teams as files: written by a run, loaded again as policies that act in any PettingZoo loop.

One file per seed, ``policies/seed-<seed>.safetensors``: the layers of every agent (or of the one network that they
share), by names such as ``player_0.fc1.weight``, and in its header what the agents see and can do. Nothing in such a
file is code, and nothing is run when it is read.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from dvdn_sim.envs.adapt import BatchedParallelEnv
from dvdn_sim.envs.api import BatchedEnv
from dvdn_sim.envs.spaces import OneHot
from dvdn_sim.errors import RunFolderError
from dvdn_sim.learners.agents import QAgent, layers_of
from dvdn_sim.learners.feed_forward_q import FeedForwardQ
from dvdn_sim.learners.learner import Learner
from dvdn_sim.learners.recurrent_q import RecurrentQ
from dvdn_sim.records import write_durably

HEADER = "dvdn_sim_team"
VERSION = 1
SHARED = "team"
"""Stands for the agents that share a network in the names of its layers."""


@dataclass(frozen=True)
class AgentFace:
    """What one agent sees and can do.

    Attributes:
        name: Its name in the environment.
        obs_dim: Numbers of its observation; networks see zeros behind them, up to the longest in the team.
        obs_start: The smallest observation if it is Discrete, and seen one-hot; None for a Box.
        n_actions: How many actions it has.
        action_start: The value of the first of them.
    """

    name: str
    obs_dim: int
    obs_start: int | None
    n_actions: int
    action_start: int


@dataclass(frozen=True)
class TeamFormat:
    """The header of a file.

    Attributes:
        faces: Of all agents.
        hidden: Units of a network.
        n_actions: Its outputs: the most actions that an agent has.
        obs_dim: Its inputs, agents' numbers left aside: the longest observation.
        recurrent: Whether it has a memory.
        shared: Whether all agents use one network.
        agent_ids: Whether it then sees the agent's number.
        version: Of this format.
    """

    faces: tuple[AgentFace, ...]
    hidden: int
    n_actions: int
    obs_dim: int
    recurrent: bool
    shared: bool
    agent_ids: bool
    version: int = VERSION

    @property
    def ids(self) -> int:
        """How many further inputs tell the agent's number."""
        return len(self.faces) if self.shared and self.agent_ids else 0


class TeamPolicy:
    """The trained agents of one seed, greedy, in any PettingZoo loop.

    >>> observations, _ = env.reset()                                           # doctest: +SKIP
    >>> policy.reset()                                                          # doctest: +SKIP
    >>> while env.agents:                                                       # doctest: +SKIP
    ...     observations, *_ = env.step(policy.act(observations))

    Attributes:
        format: What the agents see and can do.
        modules: Every agent's network, by name; agents that share one have the same object.
    """

    def __init__(self, team: TeamFormat, layers: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Build the agents.

        Args:
            team: The format.
            layers: A state dict by name of agent, or by `SHARED`.

        Raises:
            RuntimeError: Layers that do not fit the format.
        """
        self.format = team
        built: dict[str, QAgent] = {}
        for name, state in layers.items():
            built[name] = QAgent(team.obs_dim + team.ids, team.hidden, team.n_actions, recurrent=team.recurrent)
            built[name].load_state_dict(dict(state))
            built[name].requires_grad_(requires_grad=False)
        self.modules = {face.name: built[SHARED if team.shared else face.name] for face in team.faces}
        self._faces = {face.name: (index, face) for index, face in enumerate(team.faces)}
        self._hidden: dict[str, Tensor] = {}

    @property
    def agents(self) -> tuple[str, ...]:
        """Names of the agents."""
        return tuple(self._faces)

    def reset(self) -> None:
        """Forget: an episode begins."""
        self._hidden.clear()

    def state_dicts(self) -> dict[str, dict[str, Tensor]]:
        """Every agent's network as the state dict of a plain ``torch.nn`` module, `dvdn_sim.learners.agents.QAgent`."""
        return {name: dict(module.state_dict()) for name, module in self.modules.items()}

    @torch.inference_mode()
    def act(self, observations: Mapping[str, Any]) -> dict[str, int]:
        """The greedy action of every agent that observes something.

        Raises:
            ValueError: An agent that was not trained, or an observation of another length.
        """
        return {name: self._act(name, observation) for name, observation in observations.items()}

    def _act(self, name: str, observation: Any) -> int:
        if name not in self._faces:
            raise ValueError(f"agent {name!r} found; one of {', '.join(self.agents)} expected")
        index, face = self._faces[name]
        seen = torch.zeros(1, self.format.obs_dim + self.format.ids)
        seen[0, : face.obs_dim] = _row(face, observation)
        if self.format.ids:
            seen[0, self.format.obs_dim + index] = 1.0
        hidden = self._hidden.get(name, torch.zeros(1, self.format.hidden))
        q, self._hidden[name] = self.modules[name](seen, hidden)
        return int(q[0, : face.n_actions].argmax()) + face.action_start


def _row(face: AgentFace, observation: Any) -> Tensor:
    values = np.asarray(observation)
    if face.obs_start is not None:
        row = np.zeros(face.obs_dim, np.float32)
        row[int(values) - face.obs_start] = 1.0
        return torch.from_numpy(row)
    if values.size != face.obs_dim:
        raise ValueError(f"agent {face.name!r}: observation of {values.size} numbers found; {face.obs_dim} expected")
    return torch.from_numpy(values.astype(np.float32).ravel())


def policy_path(run_dir: Path, seed: int) -> Path:
    """Where a run keeps the team of a seed."""
    return run_dir / "policies" / f"seed-{seed}.safetensors"


def save_policies(run_dir: Path, learner: Learner, env: BatchedEnv[Any], seeds: tuple[int, ...]) -> None:
    """Write the online networks of all seeds into a run folder.

    Raises:
        OSError: The disk refuses.
    """
    network = learner.network
    if not isinstance(network, RecurrentQ | FeedForwardQ):
        raise TypeError(f"{type(network).__name__} found; a RecurrentQ or a FeedForwardQ expected")
    team = TeamFormat(
        faces=faces_of(env),
        hidden=network.hidden,
        n_actions=network.n_actions,
        obs_dim=env.obs_dim,
        recurrent=isinstance(network, RecurrentQ),
        shared=learner.layout.shared,
        agent_ids=learner.options.agent_ids,
    )
    names = [SHARED] if team.shared else [face.name for face in team.faces]
    (run_dir / "policies").mkdir(exist_ok=True)
    for seed, rows in zip(seeds, learner.parameters[0], strict=True):
        layers = {
            f"{name}.{layer}": values
            for name, row in zip(names, rows, strict=True)
            for layer, values in layers_of(network, row).items()
        }
        content = save(layers, metadata={HEADER: json.dumps(asdict(team))})
        write_durably(policy_path(run_dir, seed), partial(_write, content))


def _write(content: bytes, file: BinaryIO) -> None:
    file.write(content)


def faces_of(env: BatchedEnv[Any]) -> tuple[AgentFace, ...]:
    """What the agents of an environment see and can do."""
    counts = env.available.sum(1).tolist()
    if not isinstance(env, BatchedParallelEnv):
        widths = getattr(env, "obs_dims", (env.obs_dim,) * env.n_agents)
        return tuple(
            AgentFace(name, width, None, count, 0)
            for name, width, count in zip(env.agents, widths, counts, strict=True)
        )
    return tuple(
        AgentFace(name, encoder.width, encoder.start if isinstance(encoder, OneHot) else None, count, start)
        for name, encoder, count, start in zip(env.agents, env.encoders, counts, env.action_starts, strict=True)
    )


def load_team(path: Path) -> tuple[TeamFormat, dict[str, dict[str, Tensor]]]:
    """Read a file that `save_policies` wrote: the format, and a state dict by name.

    Raises:
        RunFolderError: There is no such file, or it is damaged or something else.
    """
    if not path.is_file():  # a pipe would never end
        raise RunFolderError(f"{path}: there is no trained team; a run that came to its end has one")
    try:
        with safe_open(path, framework="pt") as file:
            header = (file.metadata() or {})[HEADER]
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
        team = _format(json.loads(header))
        layers: dict[str, dict[str, Tensor]] = {}
        for key, values in tensors.items():
            name, layer = _split(key)
            layers.setdefault(name, {})[layer] = values
        _check_layers(team, layers)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise RunFolderError(f"{path} is damaged, or no trained team: {error}") from error
    return team, layers


def _format(header: Any) -> TeamFormat:
    if header["version"] != VERSION:
        raise ValueError(f"format {header['version']} found; {VERSION} expected")
    faces = tuple(AgentFace(**face) for face in header["faces"])
    team = TeamFormat(**{**header, "faces": faces})
    sizes = (team.hidden, team.n_actions, team.obs_dim)
    switches = (team.recurrent, team.shared, team.agent_ids)
    if not faces or not all(type(size) is int and size > 0 for size in sizes) or not set(switches) <= {False, True}:
        raise ValueError("a team of agents, whole numbers above 0, true and false expected in the header")
    for face in faces:
        starts = (face.action_start, 0 if face.obs_start is None else face.obs_start)
        whole = all(type(number) is int for number in (face.obs_dim, face.n_actions, *starts))
        if not whole or not 0 < face.obs_dim <= team.obs_dim or not 0 < face.n_actions <= team.n_actions:
            raise ValueError(f"{face} found, who does not fit the team")
    return team


def _check_layers(team: TeamFormat, layers: Mapping[str, Mapping[str, Tensor]]) -> None:
    """Refuse layers that are not those of the format: of every agent, or of the network that they share.

    Raises:
        ValueError: Too few, too many, or of other shapes.
        RuntimeError: No such network can exist.
    """
    with torch.device("meta"):  # shapes alone: the header may promise more than any memory holds
        module = QAgent(team.obs_dim + team.ids, team.hidden, team.n_actions, recurrent=team.recurrent)
    shapes = {layer: tuple(values.shape) for layer, values in module.state_dict().items()}
    expected = dict.fromkeys([SHARED] if team.shared else [face.name for face in team.faces], shapes)
    found = {name: {layer: tuple(each.shape) for layer, each in state.items()} for name, state in layers.items()}
    if found != expected:
        name = next(name for name in (*expected, *found) if found.get(name) != expected.get(name))
        raise ValueError(f"{name!r} has the layers {found.get(name)}; {expected.get(name)} expected")


def _split(key: str) -> tuple[str, str]:
    """From ``player_0.fc1.weight`` to the agent and the layer; names of agents may have dots."""
    name, layer, kind = key.rsplit(".", 2)
    return name, f"{layer}.{kind}"


def load_policy(run_dir: Path | str, seed: int) -> TeamPolicy:
    """Load the trained team of one seed of a run.

    Args:
        run_dir: The run folder.
        seed: One of its seeds.

    Raises:
        RunFolderError: The folder has no such team, or its file is damaged.
    """
    path = policy_path(Path(run_dir), seed)
    try:
        return TeamPolicy(*load_team(path))
    except (RuntimeError, KeyError) as error:
        raise RunFolderError(f"{path} is damaged: {error}") from error
