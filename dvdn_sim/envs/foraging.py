"""The real Level-Based Foraging: ``lbforaging`` 2.0.0 (Christianos et al., 2020) as a PettingZoo environment."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gymnasium import spaces

from dvdn_sim.envs.batch import settings_of
from dvdn_sim.envs.parallel import Infos, Observations, Outcome, SameSpaces
from dvdn_sim.scenario import LbForaging

if TYPE_CHECKING:
    from lbforaging.foraging.environment import ForagingEnv


class ForagingParallelEnv(SameSpaces):
    """Players load food on a grid; food of level l needs adjacent loaders whose levels sum to l or more.

    Everything that happens is decided by ``lbforaging``'s own class, constructed directly (its registered ids stop at 4
    foods). Actions: 0 none, 1 north, 2 south, 3 west, 4 east, 5 load. Observation of a player, float32 [3·foods +
    3·players]: triplets (row, column, level) of the foods it sees, of itself, of the other players it sees; −1, −1, 0
    fills up. An episode's rewards sum to 1 over the team if all food was loaded. Three things differ from the original:

    * `reset` starts from a fresh state: the original lets the last episode's player positions influence where the next
      one starts, so that a seed does not name an episode.
    * At the time limit with food left, truncation is reported and termination is not, as PettingZoo has it (the
      original reports termination for both). Learners here treat both as the episode's end.
    * The observation space of a field that is not square is right (the original swaps the bounds of rows and columns
      and then refuses its own observations).

    It takes the settings of a scenario's `env`, or the same as keywords (`dvdn-sim list envs`).

    Raises:
        ValueError: Settings out of range, or such as do not go together.
    """

    metadata: ClassVar[dict[str, object]] = {"name": "lbforaging_v3", "render_modes": []}

    def __init__(self, spec: LbForaging | None = None, **options: Any) -> None:
        spec = settings_of(LbForaging, spec, options)
        keywords = {name: value for name, value in asdict(spec).items() if name not in {"kind", "heterogeneity"}}
        self._game, players = _build(**keywords), spec.players
        self.max_episode_steps = spec.max_episode_steps
        self.possible_agents = [f"player_{i}" for i in range(players)]
        self.agents: list[str] = []
        self.observation_spaces = dict(zip(self.possible_agents, self._game.observation_space, strict=True))
        self.action_spaces = {agent: spaces.Discrete(6) for agent in self.possible_agents}

    def reset(self, seed: int | None = None, options: dict[str, object] | None = None) -> tuple[Observations, Infos]:
        """Start an episode. With a seed it depends on the seed alone; without, the generator goes on."""
        for player in self._game.players:
            player.position = None  # else the last episode's cells count as taken
        rows, _ = self._game.reset(seed=seed, options=options)
        self.agents = list(self.possible_agents)
        return dict(zip(self.agents, rows, strict=True)), {agent: {} for agent in self.agents}

    def step(self, actions: dict[str, int]) -> Outcome:
        """Move and load, all players at once.

        Raises:
            RuntimeError: The episode is over; `reset` first.
        """
        agents = self._acting()
        rows, rewards, over, _, _ = self._game.step([actions[agent] for agent in agents])
        seen, left = dict(zip(agents, rows, strict=True)), bool(self._game.field.any())
        return self._told(seen, rewards, over=bool(over), truncated=left)


def _build(field_size: tuple[int, int], **settings: object) -> "ForagingEnv":
    from lbforaging.foraging.environment import ForagingEnv  # noqa: PLC0415 (registers 1,920 ids, 0.1 s)

    game = ForagingEnv(field_size=field_size, **settings)
    original = game.observation_space[0]
    high = original.high.copy().reshape(-1, 3)
    high[:, 0], high[:, 1] = field_size[0] - 1, field_size[1] - 1
    game.observation_space = spaces.Tuple(
        [spaces.Box(original.low, high.ravel(), dtype=np.float32) for _ in range(game.n_agents)]
    )
    return game
