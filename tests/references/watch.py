"""A game in which agents leave and rest, and which insists that those alone act who take part."""

import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv


class Watch(ParallelEnv):
    """Three agents see the time; each is paid for action 1. It insists that those act who take part, and no others.

    `away` are steps after which an agent takes no part until the next, `leaves` is the step that ends an agent.
    """

    metadata = {"name": "watch"}  # noqa: RUF012
    made: list["Watch"] = []  # noqa: RUF012

    def __init__(self, ids=("a", "b", "c"), limit=5, away=(), leaves=0):
        self.made.append(self)
        self.possible_agents, self.agents, self.max_cycles = list(ids), [], limit
        self.away, self.leaves, self.taken, self.closed = away, leaves, [], 0

    def observation_space(self, agent):
        return spaces.Box(-1, 1, (2,), np.float32)

    def action_space(self, agent):
        return spaces.Discrete(3)

    def seen(self):
        return {agent: np.array([np.sin(self.time), np.cos(2 * self.time)], np.float32) for agent in self.agents}

    def reset(self, seed=None, options=None):
        self.agents, self.time = list(self.possible_agents), 0
        return self.seen(), {agent: {} for agent in self.agents}

    def step(self, actions):
        assert sorted(actions, key=str) == sorted(self.agents, key=str), f"{actions} of {self.agents}"
        self.taken.append(dict(actions))
        self.time += 1
        now, late = self.agents, self.time >= self.max_cycles
        observed, last = self.seen(), self.possible_agents[-1]
        over = {agent: self.time == self.leaves and agent == last for agent in now}
        rests = self.time in self.away or (self.leaves and self.time >= self.leaves)
        self.agents = [] if late else self.possible_agents[: -1 if rests else None]
        return observed, {agent: float(actions[agent] == 1) for agent in now}, over, dict.fromkeys(now, late), {}

    def close(self):
        self.closed += 1
