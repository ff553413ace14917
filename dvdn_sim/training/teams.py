"""Save trained teams as files, and load them again as policies that act in any PettingZoo loop.

One file per seed, ``policies/seed-<seed>.safetensors``: the layers of every agent (or of the one network that they
share), by names such as ``player_0.fc1.weight``, and in its header what the agents see and can do. Nothing in such a
file is code, and nothing is run when it is read.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, TypeAdapter
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from dvdn_sim.envs.adapt import BatchedParallelEnv, Encoder
from dvdn_sim.envs.api import BatchedEnv
from dvdn_sim.errors import RunFolderError, ScenarioError
from dvdn_sim.learners import FeedForwardQ, Learner, QAgent, RecurrentQ, layers_of
from dvdn_sim.records import FILES, Checksums, listed, read_manifest, refuse_changed, write_durably

HEADER = "dvdn_sim_team"
SHARED = "team"
"""Stands for the agents that share a network in the names of its layers."""

Count = Annotated[int, Field(gt=0)]


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

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    name: str
    obs_dim: Count
    obs_start: int | None
    n_actions: Count
    action_start: int


@dataclass(frozen=True)
class TeamFormat:
    """The header of a file: what the agents see and can do, and sizes of their networks.

    A network has as many outputs as the agent with most actions, and as many inputs (`obs_dim`) as the longest
    observation, and then, where agents that share one see their number, as many as there are agents.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    faces: Annotated[tuple[AgentFace, ...], Field(min_length=1)]
    hidden: Count
    n_actions: Count
    obs_dim: Count
    recurrent: bool
    shared: bool
    agent_ids: bool
    version: Literal[1] = 1

    @property
    def ids(self) -> int:
        """How many further inputs tell the agent's number."""
        return len(self.faces) if self.shared and self.agent_ids else 0

    @property
    def networks(self) -> list[str]:
        """Names of the networks in a file: of every agent's, or of the one that they share."""
        return [SHARED] if self.shared else [face.name for face in self.faces]

    def inputs(self, agent: int, observations: Tensor) -> Tensor:
        """Return what an agent's network is given, ``[B, D]``: its observations, zeros behind them, and its number."""
        seen = observations.new_zeros(len(observations), self.obs_dim + self.ids)
        seen[:, : observations.shape[1]] = observations
        if self.ids:
            seen[:, self.obs_dim + agent] = 1.0
        return seen

    def module(self) -> QAgent:
        """Return a network of this format, not trained."""
        return QAgent(self.obs_dim + self.ids, self.hidden, self.n_actions, recurrent=self.recurrent)


_HEADER = TypeAdapter(TeamFormat)


class TeamPolicy:
    """The trained agents of one seed, greedy, in any PettingZoo loop.

    >>> observations, _ = env.reset()                                           # doctest: +SKIP
    >>> policy.reset()                                                          # doctest: +SKIP
    >>> while env.agents:                                                       # doctest: +SKIP
    ...     observations, *_ = env.step(policy.act(observations, env.agents))

    Args:
        team: What the agents see and can do.
        layers: A state dict by name of network.

    Attributes:
        format: What the agents see and can do.
        modules: Every agent's network, by name; agents that share one have the same object.

    Raises:
        RuntimeError: Layers that do not fit the format.
    """

    def __init__(self, team: TeamFormat, layers: Mapping[str, Mapping[str, Tensor]]) -> None:
        self.format = team
        built: dict[str, QAgent] = {}
        for name, state in layers.items():
            built[name] = team.module()
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
        """Return every agent's network as the state dict of a plain ``torch.nn`` module, `learners.agents.QAgent`."""
        return {name: dict(module.state_dict()) for name, module in self.modules.items()}

    @torch.inference_mode()
    def act(self, observations: Mapping[Any, Any], agents: Iterable[Any] | None = None) -> dict[Any, int]:
        """Return the greedy action of every agent that observes something, by the names in `observations`.

        Args:
            observations: Of agents, by name. An agent that has just left may still observe something.
            agents: Who acts: in a loop ``env.agents``, all who take part now. The others too then see what they
                observe, or zeros, as in training. By default all act that observe, and the others see nothing.

        Raises:
            ValueError: An agent that was not trained, or an observation that is not one of its kind.
        """
        seen = {str(agent): observation for agent, observation in observations.items()}
        acting = {str(agent): agent for agent in (observations if agents is None else agents)}
        others = () if agents is None else tuple(name for name in self._faces if name not in acting)
        chosen = {name: self._act(name, seen.get(name)) for name in (*acting, *others)}
        return {agent: chosen[name] for name, agent in acting.items()}

    def _act(self, name: str, observation: Any) -> int:
        if name not in self._faces:
            raise ValueError(f"agent {name!r} found; one of {', '.join(self.agents)} expected")
        index, face = self._faces[name]
        row = np.zeros(face.obs_dim, np.float32)
        if observation is not None:
            flat = observation if face.obs_start is not None else np.ravel(observation)
            Encoder(name, (face.obs_dim,), face.obs_start).write(flat, row)
        seen = self.format.inputs(index, torch.from_numpy(row)[None])
        hidden = self._hidden.get(name, torch.zeros(1, self.format.hidden))
        q, self._hidden[name] = self.modules[name](seen, hidden)
        return int(q[0, : face.n_actions].argmax()) + face.action_start


class TrainedOpponent:
    """One agent of a policy file, greedy, under the contract of `dvdn_sim.envs.mpe.opponents.Opponent`.

    Args:
        path: A file ``policies/seed-….safetensors`` of a run.
        agent: Whose network; its name in the environment that it was trained in.
        sees: How many numbers it sees where it plays.

    Raises:
        RunFolderError: There is no such file, or it is damaged.
        ScenarioError: It has no such agent, or one that was trained on other observations.
    """

    def __init__(self, path: Path | str, agent: str, sees: int) -> None:
        team = TeamPolicy(*load_team(Path(path)))
        if agent not in team.modules:
            raise ScenarioError(f"{path}: no agent {agent!r} found; it has {', '.join(team.agents)}")
        self._module = team.modules[agent]
        self._index, self._format = team.agents.index(agent), team.format
        face = team.format.faces[self._index]
        if face.obs_dim != sees:
            raise ScenarioError(f"env.opponent_policy: trained on {face.obs_dim} numbers, and sees {sees} here")
        self._actions, self.memory_size = face.n_actions, team.format.hidden

    @torch.inference_mode()
    def act(
        self, observations: NDArray[np.float32], memory: NDArray[np.float32], chance: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Choose the best action (see `Opponent.act`)."""
        q, after = self._module(
            self._format.inputs(self._index, torch.from_numpy(observations)), torch.from_numpy(memory)
        )
        return q[:, : self._actions].argmax(1).numpy(), after.numpy()


def policy_path(run_dir: Path, seed: int) -> Path:
    """Return where a run keeps the team of a seed."""
    return run_dir / "policies" / f"seed-{seed}.safetensors"


def save_policies(run_dir: Path, learner: Learner, env: BatchedEnv[Any], rows: Mapping[int, int]) -> Checksums:
    """Write the online networks of seeds, each in its row of the learner's, into a run folder; return checksums.

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
        agent_ids=learner.layout.observes_ids,
    )
    (run_dir / "policies").mkdir(exist_ok=True)
    files = {}
    for seed, row in rows.items():
        layers = {
            f"{name}.{layer}": values
            for name, own in zip(team.networks, learner.parameters[0, row], strict=True)
            for layer, values in layers_of(network, own).items()
        }
        path, content = policy_path(run_dir, seed), save(layers, metadata={HEADER: json.dumps(asdict(team))})
        files[path.relative_to(run_dir).as_posix()] = write_durably(path, content)
    return files


def faces_of(env: BatchedEnv[Any]) -> tuple[AgentFace, ...]:
    """Return what the agents of an environment see and can do."""
    counts = env.available.sum(1).tolist()
    if not isinstance(env, BatchedParallelEnv):
        widths = getattr(env, "obs_dims", (env.obs_dim,) * env.n_agents)
        return tuple(
            AgentFace(name, width, None, count, 0)
            for name, width, count in zip(env.agents, widths, counts, strict=True)
        )
    return tuple(
        AgentFace(name, encoder.width, encoder.start, count, start)
        for name, encoder, count, start in zip(env.agents, env.encoders, counts, env.action_starts, strict=True)
    )


def load_team(path: Path) -> tuple[TeamFormat, dict[str, dict[str, Tensor]]]:
    """Read a file that `save_policies` wrote: the format, and a state dict by name of network.

    Raises:
        RunFolderError: There is no such file, or it is damaged or something else; by its run's manifest, if it has one.
    """
    if not path.is_file():  # a pipe would never end
        raise RunFolderError(f"{path}: there is no trained team; a run that came to its end has one")
    run_dir, name = path.parent.parent, f"{path.parent.name}/{path.name}"
    refuse_changed(run_dir, listed(read_manifest(run_dir).get(FILES, {}), name))
    layers: dict[str, dict[str, Tensor]] = {}
    try:
        with safe_open(path, framework="pt") as file:
            team = _HEADER.validate_json((file.metadata() or {})[HEADER])
            for key in file.keys():  # noqa: SIM118  (no mapping)
                name, layer, kind = key.rsplit(".", 2)  # names of agents may have dots
                layers.setdefault(name, {})[f"{layer}.{kind}"] = file.get_tensor(key)
        _check_fit(team, layers)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise RunFolderError(f"{path} is damaged, or is not a trained team: {error}") from error
    return team, layers


def _check_fit(team: TeamFormat, layers: Mapping[str, Mapping[str, Tensor]]) -> None:
    """Refuse agents or layers that are not those of the format.

    Raises:
        ValueError: Agents that see or do too much; layers too few, too many, or of other shapes.
        RuntimeError: No such network can exist.
    """
    for face in team.faces:
        if face.obs_dim > team.obs_dim or face.n_actions > team.n_actions:
            raise ValueError(f"{face} found, which does not fit the team")
    with torch.device("meta"):  # shapes alone: the header may promise more than any memory holds
        module = team.module()
    shapes = {layer: tuple(values.shape) for layer, values in module.state_dict().items()}
    expected = dict.fromkeys(team.networks, shapes)
    found = {name: {layer: tuple(each.shape) for layer, each in state.items()} for name, state in layers.items()}
    if found != expected:
        name = next(name for name in (*expected, *found) if found.get(name) != expected.get(name))
        raise ValueError(f"{name!r} has the layers {found.get(name)}; {expected.get(name)} expected")


def load_policy(run_dir: Path | str, seed: int) -> TeamPolicy:
    """Load the trained team of one seed of a run.

    Raises:
        RunFolderError: The folder has no such team, or its file is damaged.
    """
    return TeamPolicy(*load_team(policy_path(Path(run_dir), seed)))
