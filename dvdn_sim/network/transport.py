"""The links between the agents of one team, made when first used."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from netmodels import Link, LinkSpec, Server
from netmodels.streams import Draws, stream

Share = Literal["link", "node"]


class Transport:
    """One directed link per ordered pair of agents, each with its own state and streams.

    Links, and the draws that order simultaneous hand-overs, are named by the agents' keys: relabelling agents together
    with their keys relabels every draw.
    """

    def __init__(self, spec: LinkSpec, *, seed: int, share: Share, agent_keys: Sequence[int]) -> None:
        """Prepare.

        Args:
            spec: Every link's parameters.
            seed: Of the run.
            share: Whose the transmitter is: each `link` has its own, or one per sending `node` serves all its links.
            agent_keys: Names of the agents in random streams.
        """
        self._spec, self._seed = spec, seed
        self._keys = tuple(agent_keys)
        self._servers = [Server() for _ in agent_keys] if share == "node" else None
        self._links: dict[tuple[int, int], Link] = {}
        self._turns: dict[tuple[int, int], Draws[np.int64]] = {}

    def link(self, sender: int, receiver: int) -> Link:
        """The link from one agent to another."""
        found = self._links.get((sender, receiver))
        if found is None:
            server = None if self._servers is None else self._servers[sender]
            name = (self._keys[sender], self._keys[receiver])
            found = self._links[sender, receiver] = Link(self._spec, self._seed, name, server)
        return found

    def hand_over_order(self, sender: int, receivers: Sequence[int]) -> list[int]:
        """In which order an agent hands one round's messages over: a fresh draw where they queue for one server."""
        if self._servers is None or len(receivers) < 2:
            return list(receivers)
        return sorted(receivers, key=lambda receiver: self._turn(sender, receiver))

    def _turn(self, sender: int, receiver: int) -> int:
        draws = self._turns.get((sender, receiver))
        if draws is None:
            name = ("hand_over", self._keys[sender], self._keys[receiver])
            draws = self._turns[sender, receiver] = Draws(
                lambda: lambda n: stream(self._seed, *name).integers(2**62, size=n)
            )
        return draws.take(1)[0]
