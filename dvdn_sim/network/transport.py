"""The links between the agents of one team, made when first used, and the transmitters that they share."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import netmodels
from dvdn_sim.scenario import Network
from netmodels import LinkSpec
from netmodels.faults import FaultPlan
from netmodels.links import Link
from netmodels.network import Broadcast
from netmodels.streams import Draws, stream
from netmodels.units import checked_state


class Transport:
    """One directed link per ordered pair of agents, over the servers that ``share`` says.

    Links, and the draws that order simultaneous hand-overs, are named by the agents' keys: relabelling agents together
    with their keys relabels every draw.

    Attributes:
        share: Whose the transmitter is.
        broadcast: Whether one copy of a message is sent that every neighbour may hear.
    """

    def __init__(self, spec: Network, *, seed: int, agent_keys: Sequence[int], faults: FaultPlan | None = None) -> None:
        """Prepare the links of a scenario's network; faults name agents by their keys.

        Raises:
            ValueError: Broadcasting with a transmitter per link, or over links that cut or queue messages differently;
                other links between agents that there are not.
        """
        if spec.broadcast and spec.share == "link":
            raise ValueError("broadcast: expected share node or medium, got share 'link'")
        self.share, self.broadcast = spec.share, spec.broadcast
        self._spec, self._others, self._seed = spec.link, spec.changed_links, seed
        self._keys = keys = tuple(agent_keys)
        self._index = {key: agent for agent, key in enumerate(keys)}
        strangers = {agent for link in self._others for agent in link if agent >= len(keys)}
        if strangers:
            raise ValueError(f"other_links: expected agents below {len(keys)}, got {sorted(strangers)}")
        overrides = {(keys[sender], keys[receiver]): other for (sender, receiver), other in self._others.items()}
        # The network knows agents by their keys alone.
        self._network = netmodels.Network(
            1 + max(keys), spec.link, seed, share=spec.share, overrides=overrides, faults=faults
        )
        self._links: dict[tuple[int, int], Link] = {}
        self._orders: dict[tuple[int, ...], Draws[np.int64]] = {}

    @property
    def common(self) -> LinkSpec:
        """The parameters of all links that are no other ones."""
        return self._spec

    @property
    def others(self) -> Mapping[tuple[int, int], LinkSpec]:
        """Those of other links."""
        return self._others

    def spec(self, sender: int, receiver: int) -> LinkSpec:
        """Return the parameters of the link from one agent to another, where nothing degrades it."""
        return self._others.get((sender, receiver), self._spec)

    def link(self, sender: int, receiver: int) -> Link:
        """Return the link from one agent to another."""
        found = self._links.get((sender, receiver))
        if found is None:
            keys = self._keys
            found = self._links[sender, receiver] = self._network.link(keys[sender], keys[receiver])
        return found

    def send_to_all(self, now_ns: int, size_bytes: int, sender: int, receivers: Sequence[int]) -> Broadcast:
        """Send one copy of a message that several neighbours may hear; see `netmodels.Network.broadcast`."""
        keys = self._keys
        sent = self._network.broadcast(now_ns, size_bytes, keys[sender], [keys[receiver] for receiver in receivers])
        transfers = {self._index[key]: transfer for key, transfer in sent.transfers.items()}
        return Broadcast(transfers, sent.wire_bytes, sent.airtime_ns)

    def hand_over_order(self, sender: int, receivers: Sequence[int]) -> list[int]:
        """Return in which order an agent hands over a round's messages: drawn where they queue for one server."""
        if self.share == "link" or len(receivers) < 2:
            return list(receivers)
        return sorted(receivers, key=lambda receiver: self.draw_order(sender, receiver))

    def draw_order(self, *agents: int) -> int:
        """Draw the place of one agent, or one link (sender, receiver), among all that hand over at one time."""
        draws = self._orders.get(agents)
        if draws is None:
            draws = self._orders[agents] = self._draws_of(agents)
        return draws.take(1)[0]

    def _draws_of(self, agents: tuple[int, ...]) -> Draws[np.int64]:
        keys = [self._keys[agent] for agent in agents]

        def opened() -> Callable[[int], NDArray[np.int64]]:
            generator = stream(self._seed, "hand_over", *keys)
            return lambda n: generator.integers(2**62, size=n)

        return Draws(opened)

    def state(self) -> dict[str, Any]:
        """Return the state of links, servers and draws, as JSON can say it."""
        orders = sorted([list(agents), draws.drawn] for agents, draws in self._orders.items())
        return {"network": self._network.state(), "orders": orders}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state, with links that have just been put in place."""
        checked_state(state, ("network", "orders"), "transport")
        self._network.restore(state["network"])
        for agents, drawn in state["orders"]:
            draws = self._orders[tuple(agents)] = self._draws_of(tuple(agents))
            draws.advance_to(drawn)
