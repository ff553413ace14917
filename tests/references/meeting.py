"""A user's environment, with spaces that none of ours has."""

import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv


class Meeting(ParallelEnv):
    """Two unlike agents see where to meet, and each is paid a quarter of a point for going there; two rounds.

    The guide's numbers do not begin at 0: it sees 2 or 3, and does 3 or 4. A name may have a dot.
    """

    metadata = {"name": "meeting"}  # noqa: RUF012

    def __init__(self):
        self.max_cycles = 2
        self.possible_agents = ["guide", "the.guest"]
        self.observation_spaces = {"guide": spaces.Discrete(2, start=2), "the.guest": spaces.Box(-1, 1, (3,))}
        self.action_spaces = {"guide": spaces.Discrete(2, start=3), "the.guest": spaces.Discrete(3)}
        self.agents = []

    def observation_space(self, agent):
        return self.observation_spaces[agent]

    def action_space(self, agent):
        return self.action_spaces[agent]

    def _observed(self):
        where = np.zeros(3, np.float32)
        where[self.place] = 1
        return {"guide": 2 + self.place, "the.guest": where}

    def reset(self, seed=None, options=None):
        self.rng = np.random.default_rng(seed)
        self.place, self.time, self.agents = int(self.rng.integers(2)), 0, list(self.possible_agents)
        return self._observed(), {agent: {} for agent in self.agents}

    def step(self, actions):
        self.time += 1
        went = {"guide": actions["guide"] - 3, "the.guest": actions["the.guest"]}
        rewards = {agent: 0.25 * (place == self.place) for agent, place in went.items()}
        self.place = int(self.rng.integers(2))
        over = dict.fromkeys(self.agents, self.time == 2)
        agents, self.agents = self.agents, [] if self.time == 2 else self.agents
        return self._observed(), rewards, over, dict.fromkeys(agents, False), {agent: {} for agent in agents}
