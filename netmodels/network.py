"""All directed links between agents, and the servers that they share."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, get_args

from netmodels.faults import FaultPlan
from netmodels.links import Link, LinkSpec, Server, Transfer
from netmodels.units import checked_state, count

Share = Literal["link", "node", "medium"]
NOTHING: Mapping[tuple[int, int], LinkSpec] = MappingProxyType({})


class Broadcast(NamedTuple):
    """What became of one message that every neighbour may hear.

    Attributes:
        transfers: by receiver. Each states the bytes and the airtime of the one copy.
        wire_bytes: bytes serialised, once for all.
        airtime_ns: time spent on it, once for all.
    """

    transfers: Mapping[int, Transfer]
    wire_bytes: int
    airtime_ns: int


class Network:
    """The links of one run, made when they are first used.

    Each directed link has its own server, or shares that of its sender (one radio or uplink), or the one medium. A
    shared medium is ideal: first come, first served, without collisions, which is optimistic for a radio.

    Attributes:
        n_agents: number of agents.
        share: who shares a server.

    >>> spec = LinkSpec(rate="12 Mbit/s", delay="5 ms")
    >>> network = Network(3, spec, share="node")
    >>> network.offer(0, 1472, 0, 1).complete_ns, network.offer(0, 1472, 0, 2).complete_ns
    (6000000, 7000000)
    >>> sorted(network.broadcast(2_000_000, 1472, 0, [1, 2]).transfers)
    [1, 2]
    """

    def __init__(
        self,
        n_agents: int,
        spec: LinkSpec,
        seed: int = 0,
        *,
        share: Share = "link",
        overrides: Mapping[tuple[int, int], LinkSpec] = NOTHING,
        faults: FaultPlan | None = None,
    ) -> None:
        """Take the parameters of all links, and those of single directed ones, (sender, receiver).

        Raises:
            ValueError: for another word, an override of a link that there is not, a seed below 0, or faults of another
                number of agents.
        """
        if share not in get_args(Share):
            raise ValueError(f"share: expected link, node or medium, got {share!r}")
        self.n_agents = count(n_agents, "n_agents", minimum=1)
        self.share: Share = share
        for edge in overrides:
            self._check(*edge)
        if faults is not None and faults.n_agents != self.n_agents:
            raise ValueError(f"faults: expected those of {self.n_agents} agents, got those of {faults.n_agents}")
        self._spec = spec
        self._seed = count(seed, "seed")
        self._overrides = overrides
        self._faults = faults
        self._servers: dict[object, Server] = {}
        self._links: dict[tuple[int, int], Link] = {}

    def _check(self, sender: int, receiver: int) -> None:
        agents = range(self.n_agents)
        if sender not in agents or receiver not in agents or sender == receiver:
            raise ValueError(f"link: expected two different agents below {self.n_agents}, got {(sender, receiver)!r}")

    def link(self, sender: int, receiver: int) -> Link:
        """Return a directed link, the same one each time."""
        edge = (sender, receiver)
        if edge not in self._links:
            self._check(sender, receiver)
            self._links[edge] = self._make(sender, receiver)
        return self._links[edge]

    def _make(self, sender: int, receiver: int) -> Link:
        edge = (sender, receiver)
        spec = self._overrides.get(edge, self._spec)
        owner = {"link": edge, "node": sender, "medium": "medium"}[self.share]
        server = self._servers.setdefault(owner, Server())
        if self._faults is None:
            return Link(spec, self._seed, edge, server)
        availability = self._faults.availability(sender, receiver)
        degradations = self._faults.degradations(sender, receiver, spec)
        return Link(spec, self._seed, edge, server, availability, degradations=degradations)

    def offer(self, now_ns: int, size_bytes: int, sender: int, receiver: int) -> Transfer:
        """Send a message to one neighbour; see `Link.offer`."""
        return self.link(sender, receiver).offer(now_ns, size_bytes)

    def broadcast(self, now_ns: int, size_bytes: int, sender: int, receivers: Iterable[int]) -> Broadcast:
        """Send one copy of a message that several neighbours may hear.

        It is put on the wire once, at the lowest rate among the links, with independent losses and delays on each and
        no retransmission.

        Raises:
            ValueError: as `offer`; without receivers; if links have servers of their own; and if the links cut
                messages differently or have different queues.

        >>> radio = Network(3, LinkSpec(rate="12 Mbit/s", delay="5 ms"), share="medium")
        >>> sent = radio.broadcast(0, 1472, 0, [1, 2])
        >>> sent.transfers[1].complete_ns, sent.transfers[2].complete_ns, sent.wire_bytes
        (6000000, 6000000, 1500)
        """
        if self.share == "link":
            raise ValueError("broadcast: expected share node or medium, got share 'link'")
        links = {receiver: self.link(sender, receiver) for receiver in sorted(receivers)}
        interfaces = {
            (link.spec.mtu, link.spec.overhead, link.spec.limit, link.spec.limit_bytes) for link in links.values()
        }
        if len(interfaces) != 1:
            raise ValueError(
                f"receivers: expected at least one, with the same mtu, overhead, limit and limit_bytes on each link, "
                f"got {sorted(links)} with {sorted(map(str, interfaces))}"
            )
        emission = min(links.values(), key=lambda link: link.rate_at(now_ns)).emit(now_ns, size_bytes)
        transfers = {receiver: link.receive(emission) for receiver, link in links.items()}
        return Broadcast(MappingProxyType(transfers), emission.wire_bytes, emission.airtime_ns)

    def state(self) -> dict[str, Any]:
        """Return the state of its links and servers, as JSON can say it."""
        return {
            "servers": [
                [list(owner) if isinstance(owner, tuple) else owner, server.state()]
                for owner, server in sorted(self._servers.items(), key=lambda item: str(item[0]))
            ],
            "links": [[*edge, link.state()] for edge, link in sorted(self._links.items())],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state, on a network that has just been made with the same parameters and seed.

        Raises:
            ValueError: for the state of another network.

        >>> radio, again = (Network(3, LinkSpec(rate="12 Mbit/s", delay="5 ms"), share="node") for _ in range(2))
        >>> _ = radio.offer(0, 1472, 0, 1)
        >>> again.restore(radio.state())
        >>> radio.offer(0, 1472, 0, 2).complete_ns == again.offer(0, 1472, 0, 2).complete_ns
        True
        """
        checked_state(state, ("servers", "links"), "network")
        for sender, receiver, link in state["links"]:
            self.link(sender, receiver).restore(link)
        servers = {tuple(owner) if isinstance(owner, list) else owner: server for owner, server in state["servers"]}
        if servers.keys() != self._servers.keys():
            raise ValueError(f"servers: expected those of {list(self._servers)}, got those of {list(servers)}")
        for owner, server in servers.items():
            self._servers[owner].restore(server)
