"""The Hybrid POMDP: any PettingZoo environment, with an unreliable network between its agents while they act.

At each step every agent sends what it observes to whoever is its neighbour at that instant, and acts on its own
observation and on what it has heard: from no communication to full, lossy and late in between. The communication level
is nature's choice, not the policy's (Santos et al., arXiv 2210.06274, abstract read).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from pettingzoo import ParallelEnv  # type: ignore[import-untyped, unused-ignore]
from pettingzoo.utils import BaseParallelWrapper  # type: ignore[import-untyped, unused-ignore]

from dvdn_sim.envs.adapt import Encoder, encoder
from dvdn_sim.network import NEVER, Mailboxes, MessageCounts
from dvdn_sim.scenario import HEADER_BYTES, Network

Row = npt.NDArray[np.float32]
Encode = Callable[[Any, Any], npt.NDArray[np.floating[Any]]]
FLOAT32_BYTES = 4


class HybridParallelEnv(BaseParallelWrapper[Any, Any, Any]):  # type: ignore[misc, unused-ignore]
    """An environment whose agents hear each other over a simulated network.

    An agent's observation is a Box of float32: its own observation (a Discrete one-hot), then for every other possible
    agent, in their order, that agent's newest message that it holds (zeros for none), the message's age in steps, and
    whether there is one (0 or 1). Age 0 is a message of this very step. ``infos[agent]["ages"]`` has the ages by name,
    of the agents heard. Whoever has terminated or left sends no more; what was heard of it grows old. Whoever is
    truncated still sends its last observation, since that is what an estimate of the rest of the game starts from.

    Time: a step lasts the network's ``control_period``. Observations are sent as the step begins; agents decide when
    its ``deadline`` has passed, and take up all that has come (no deadline: at once, so that only a network without any
    delay is heard in the same step). The clock, links and faults go on from episode to episode; `reset` with a seed
    begins everything anew. ``compute``, ``acks`` and ``schedule`` concern learning and have no meaning here.

    Topologies that need positions (`range` without mobility) ask the environment: its method ``positions()`` gives
    ``[N, 2]``, in the order of ``possible_agents``.

    `encode` makes an agent's message, float ``[M]`` within `message_space`, from its name and observation; without it
    the observation is sent. `seed` is the network's until `reset` gives one.

    Raises:
        TypeError: A space that is neither Box nor Discrete; no ParallelEnv, or no Network.
        ValueError: A deadline beyond the control period; `encode` without `message_space` or the reverse; faults of
            agents that there are not; fewer than 2 possible agents.

    >>> from dvdn_sim import load_scenario
    >>> from dvdn_sim.envs import ForagingParallelEnv
    >>> env = ForagingParallelEnv(players=3, field_size=(8, 8), max_num_food=2, sight=2)
    >>> hybrid = HybridParallelEnv(env, load_scenario("scenarios/lossy_lbf.yaml").network)
    >>> observations, infos = hybrid.reset(seed=1)
    >>> observations["player_0"].shape, infos["player_0"]["ages"]
    ((49,), {'player_1': 0})
    """

    def __init__(
        self,
        env: ParallelEnv[Any, Any, Any],
        network: Network,
        *,
        encode: Encode | None = None,
        message_space: spaces.Box | None = None,
        seed: int = 0,
    ) -> None:
        _check(env, network, encode, message_space)
        super().__init__(env)
        self._network, self._encode = network, encode
        self.render_mode = getattr(env, "render_mode", None)
        self.possible_agents = list(env.possible_agents)
        self._place = {agent: index for index, agent in enumerate(self.possible_agents)}
        own = {agent: env.observation_space(agent) for agent in self.possible_agents}
        self._encoders: dict[Any, Encoder] = {agent: encoder(str(agent), space) for agent, space in own.items()}
        messages = {agent: space if message_space is None else message_space for agent, space in own.items()}
        bounds = {agent: _bounds(space) for agent, space in messages.items()}
        self._width = max(len(low) for low, _ in bounds.values())
        self._spaces = {agent: self._space(agent, own[agent], bounds) for agent in self.possible_agents}
        self._period_ns = round(network.control_period * 1e9)
        self._size_bytes = HEADER_BYTES + FLOAT32_BYTES * self._width
        self._mailboxes = Mailboxes(network, n_agents=len(self.possible_agents), seed=seed)
        self._sent: list[Row] = []  # by step of the episode
        self._now_ns = 0
        self._episode, self._step = -1, 0

    @property
    def counts(self) -> MessageCounts:
        """Outcomes of all messages since the last reset with a seed."""
        return self._mailboxes.counts

    def observation_space(self, agent: Any) -> spaces.Box:
        """Return the observation space of `agent`, always the same object."""
        return self._spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[Any, Row], dict[Any, dict[str, Any]]]:
        """Start an episode. With a seed the network begins anew at time 0, with luck that is the seed's."""
        observations, infos = self.env.reset(seed=seed, options=options)
        if seed is not None:
            self._episode, self._now_ns = -1, 0
            self._mailboxes = Mailboxes(self._network, n_agents=len(self.possible_agents), seed=seed)
        elif self._episode >= 0:
            self._now_ns += self._period_ns
        self._mailboxes.begin_episode()
        self._sent.clear()
        self._episode, self._step = self._episode + 1, 0
        return self._communicate(observations, infos, list(observations))

    def step(
        self, actions: dict[Any, Any]
    ) -> tuple[dict[Any, Row], dict[Any, float], dict[Any, bool], dict[Any, bool], dict[Any, dict[str, Any]]]:
        """Act, then send and hear."""
        observations, rewards, terminations, truncations, infos = self.env.step(actions)
        self._now_ns += self._period_ns
        self._step += 1
        senders = [agent for agent in observations if not terminations.get(agent)]
        heard, infos = self._communicate(observations, infos, senders)
        return heard, rewards, terminations, truncations, infos

    def _communicate(
        self, observations: dict[Any, Any], infos: dict[Any, dict[str, Any]], senders: list[Any]
    ) -> tuple[dict[Any, Row], dict[Any, dict[str, Any]]]:
        own = {agent: np.zeros(self._encoders[agent].width, np.float32) for agent in observations}
        for agent, row in own.items():
            self._encoders[agent].write(observations[agent], row)
        self._exchange({agent: self._message(agent, observations[agent], own[agent]) for agent in senders})
        heard, with_ages = {}, {}
        for agent, row in own.items():
            parts, ages = [row], {}
            for other in self.possible_agents:
                if other == agent:
                    continue
                step = int(self._mailboxes.newest[self._place[agent], self._place[other]])
                if step == NEVER:
                    parts.append(np.zeros(self._width + 2, np.float32))
                    continue
                ages[other] = self._step - step
                parts += [self._sent[step][self._place[other]], np.array([ages[other], 1.0], np.float32)]
            heard[agent] = np.concatenate(parts)
            with_ages[agent] = {**infos.get(agent, {}), "ages": ages}
        return heard, {**infos, **with_ages}

    def _exchange(self, messages: dict[Any, Row]) -> None:
        """Send what there is to send, and take up what has come when agents decide."""
        sent = np.zeros((len(self.possible_agents), self._width), np.float32)
        senders = np.zeros(len(self.possible_agents), bool)
        for agent, message in messages.items():
            sent[self._place[agent], : len(message)] = message
            senders[self._place[agent]] = True
        self._sent.append(sent)
        mailboxes, step, now_ns = self._mailboxes, self._step, self._now_ns
        ask = getattr(self.env.unwrapped, "positions", None)
        positions = ask() if callable(ask) else None
        graph = mailboxes.graph(now_ns, episode=self._episode, step=step, positions=positions)
        mailboxes.send(now_ns, step, graph, self._size_bytes, senders)
        mailboxes.take_up(now_ns + mailboxes.wait_ns(graph, self._size_bytes), step)

    def _message(self, agent: Any, observation: Any, own: Row) -> Row:
        if self._encode is None:
            return own
        message = np.asarray(self._encode(agent, observation), np.float32)
        if message.shape != (self._width,):
            raise ValueError(f"agent {str(agent)!r}: message of shape {message.shape} found; ({self._width},) expected")
        return message

    def _space(self, agent: Any, own: spaces.Space[Any], bounds: dict[Any, tuple[Row, Row]]) -> spaces.Box:
        low, high = _bounds(own)
        for other in self.possible_agents:
            if other == agent:
                continue
            padding = np.zeros(self._width - len(bounds[other][0]), np.float32)
            least, most = bounds[other]
            low = np.concatenate([low, np.minimum(least, 0.0), padding, [0.0, 0.0]])
            high = np.concatenate([high, np.maximum(most, 0.0), padding, [np.inf, 1.0]])
        return spaces.Box(low.astype(np.float32), high.astype(np.float32), dtype=np.float32)


def _check(env: object, network: object, encode: Encode | None, message_space: spaces.Box | None) -> None:
    if not isinstance(env, ParallelEnv):
        raise TypeError(f"{type(env).__name__} found; a pettingzoo ParallelEnv expected")
    if not isinstance(network, Network):
        raise TypeError(f"{type(network).__name__} found; a Network expected, of a scenario its `network`")
    if (encode is None) != (message_space is None):
        raise ValueError("encode and message_space belong together: one of them found, both expected")
    if message_space is not None and len(message_space.shape) != 1:
        raise ValueError(f"message_space of shape {message_space.shape} found; one axis expected")
    if len(env.possible_agents) < 2:
        raise ValueError(f"{len(env.possible_agents)} possible agents found; at least 2 expected, to hear each other")
    deadline, period = network.deadline, network.control_period
    if isinstance(deadline, float) and deadline > period:
        raise ValueError(f"network.deadline {deadline} s found; at most the control period, {period} s, expected")


def _bounds(space: spaces.Space[Any]) -> tuple[Row, Row]:
    """The lowest and highest numbers of an observation as a row."""
    if isinstance(space, spaces.Box):
        return space.low.astype(np.float32).ravel(), space.high.astype(np.float32).ravel()
    width = int(space.n) if isinstance(space, spaces.Discrete) else 0
    return np.zeros(width, np.float32), np.ones(width, np.float32)
