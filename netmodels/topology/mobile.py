"""The topology of what is in range."""

from dataclasses import dataclass

import numpy as np

from netmodels.topology.graph import Graph, Positions
from netmodels.topology.mobility import Mobility
from netmodels.units import metres


@dataclass(frozen=True)
class Range:
    """Two agents are linked while they are within a radius of each other.

    Attributes:
        radius: in metres or with a unit.
        mobility: what moves the agents; ``None`` if their positions come from the environment.

    >>> Range("2 m").graph(3, seed=0, positions=[(0, 0), (1, 0), (3, 0)]).degrees
    (1, 2, 1)
    """

    radius: float | str
    mobility: Mobility | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "radius", metres(self.radius, "topology.radius"))
        if self.mobility is not None and not callable(getattr(self.mobility, "positions", None)):
            raise ValueError(f"topology.mobility: expected a model of mobility, got {self.mobility!r}")

    def graph(
        self,
        n_agents: int,
        seed: int,
        episode: int = 0,
        update: int = 0,
        round_index: int = 0,
        *,
        now_ns: int = 0,
        positions: Positions | None = None,
    ) -> Graph:
        """Return who is in range at that time; see `Topology.graph`.

        Raises:
            ValueError: without positions if nothing else moves the agents, and for positions of another shape.

        >>> Range(1.0).graph(2, seed=0)
        Traceback (most recent call last):
        ValueError: positions: expected those of 2 agents, since topology.mobility is not given, got None
        """
        del episode, update, round_index
        if self.mobility is not None:
            positions = self.mobility.positions(n_agents, seed, now_ns)
        if positions is None:
            wanted = f"those of {n_agents} agents, since topology.mobility is not given"
            raise ValueError(f"positions: expected {wanted}, got None")
        places = np.asarray(positions, dtype=np.float64)
        if places.ndim != 2 or len(places) != n_agents:
            raise ValueError(f"positions: expected the shape [{n_agents}, dimensions], got {places.shape}")
        distances = np.linalg.norm(places[:, None, :] - places[None, :, :], axis=-1)
        senders, receivers = np.nonzero((distances <= float(self.radius)) & ~np.eye(n_agents, dtype=bool))
        return Graph(n_agents, tuple(zip(senders.tolist(), receivers.tolist(), strict=True)))

    def describe(self) -> str:
        """Say which links exist.

        >>> Range("30 m").describe()
        'links up to 30 m between the positions in the environment'
        """
        between = "the positions in the environment" if self.mobility is None else self.mobility.describe()
        return f"links up to {float(self.radius):.4g} m between {between}"
