"""A large exchange in array arithmetic: all messages of a round at once, without a clock, for `predict`.

What happens in a round depends on when agents opened it, so K rounds are K steps of arithmetic over all links, some
thirty times as fast as the simulator. Tests hold the two equal.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dvdn_sim.consensus import Facts, lossless_facts, round_numbers
from dvdn_sim.network.accounting import MessageCounts
from dvdn_sim.network.exchange import ExchangeReport
from dvdn_sim.network.simulation import sampler
from dvdn_sim.scenario import Network
from netmodels import LinkSpec
from netmodels.links import Bernoulli, GilbertElliott, LossTrace
from netmodels.recordings import Played
from netmodels.topology import Graph

Ints = npt.NDArray[np.int64]
LOST_NS = np.iinfo(np.int64).max  # the arrival of a message that is lost


def same_chances(network: Network) -> bool:
    """Say whether all messages come through with the same probability, if they do not queue for too long."""
    link = network.link
    if network.faults or network.other_links or (network.broadcast and link.retries):
        return False
    bursty = isinstance(link.loss, GilbertElliott | LossTrace)
    return isinstance(link.loss, Bernoulli) or (bursty and not link.retries)


def plays(link: LinkSpec) -> bool:
    """Say whether a link plays a recording, so that what becomes of a packet tells what will become of the next."""
    return isinstance(link.loss, Played) or isinstance(link.delay, Played)


def plain(network: Network) -> bool:
    """Say whether messages are sent once each, to one receiver, and wait for nobody but their own transmitter."""
    link = network.link
    others = network.acks or network.broadcast or network.share == "medium" or network.deadline == "auto"
    return same_chances(network) and not (others or link.retries or link.duplicate or plays(link))


def covers(network: Network, graphs: Sequence[Graph], size_bytes: int) -> bool:
    """Say whether messages are plain, queues have room for all of an exchange, and nobody waits for ever."""
    link = network.link
    at_once = max(max(graph.degrees) for graph in graphs) if network.share == "node" else 1
    room = link.limit_bytes is None and link.packets(size_bytes) * len(graphs) * at_once <= link.limit
    for_ever = network.deadline is None and link.delivery_probability(size_bytes) < 1.0
    return plain(network) and room and not for_ever


def exchange_of_arrays(
    network: Network, graphs: Sequence[Graph], size_bytes: int, *, computing: bool, generator: np.random.Generator
) -> ExchangeReport:
    """Draw an exchange over idle links, from time 0 on, of a network that `covers` allows."""
    whole = lossless_facts(graphs)
    receivers, shape = whole.edges[:, 1], (whole.rounds, whole.n_agents)
    starts_s = sampler(network.compute)(generator, whole.n_agents) if computing else np.zeros(whole.n_agents)
    started_ns = opened_ns = np.rint(starts_s * 1e9).astype(np.int64)
    arrives_ns, closed_ns = np.full(whole.active.shape, LOST_NS), np.empty(shape, np.int64)
    links = _IdleLinks(network.link, whole.edges[:, 0], shared=network.share == "node", generator=generator)
    for k, active in enumerate(whole.active):
        sent = np.flatnonzero(active)
        arrives_ns[k, sent] = links.send(opened_ns, sent, size_bytes)
        closed_ns[k] = opened_ns
        np.maximum.at(closed_ns[k], receivers[sent], arrives_ns[k, sent])
        if network.deadline is not None:
            np.minimum(closed_ns[k], opened_ns + round(float(network.deadline) * 1e9), out=closed_ns[k])
        opened_ns = closed_ns[k]
    facts, counts = _what_became(whole, arrives_ns, closed_ns[:, receivers])
    wire_bytes = counts.sent * network.link.wire_bytes(size_bytes)
    return ExchangeReport(facts, started_ns, closed_ns, counts, wire_bytes, ended_ns=int(opened_ns.max()))


class _IdleLinks:
    """All links, from one transmitter each or one for all links of a sender."""

    def __init__(self, link: LinkSpec, senders: Ints, *, shared: bool, generator: np.random.Generator) -> None:
        self._link, self._senders, self._generator = link, senders, generator
        self._server = senders if shared else np.arange(len(senders))
        self._free_ns, self._newest_ns = np.zeros((2, len(senders) + int(senders.max(initial=0)) + 1), np.int64)
        self._delay_s = link.delay.sampler(generator)
        # The loss process of each link, as messages find it in the long run; from each state, the chances of what comes
        # next: (received or lost) × state.
        stationary = link.loss.stationary()
        self._states = self._pick(np.cumsum(stationary), len(senders))
        self._chain = [np.cumsum(np.concatenate(link.loss.transmit(mass))) for mass in np.eye(len(stationary))]

    def send(self, opened_ns: Ints, sent: Ints, size_bytes: int) -> Ints:
        """Return when messages handed over on some links as a round is opened are complete; `LOST_NS` if lost."""
        link, packets = self._link, self._link.packets(size_bytes)
        sizes = [*(link.full_bytes * packet for packet in range(1, packets)), link.wire_bytes(size_bytes)]
        ends_ns = [link.serialisation_ns(wire_bytes) for wire_bytes in sizes]
        begins_ns = self._serve(opened_ns, sent, ends_ns[-1])
        complete_ns = begins_ns
        for end_ns in ends_ns:
            comes_ns = begins_ns + end_ns + np.rint(self._delay_s(len(sent)) * 1e9).astype(np.int64)
            gone = self._lose(sent)
            if link.fifo:
                comes_ns = np.maximum(comes_ns, self._newest_ns[sent])
                self._newest_ns[sent] = np.where(gone, self._newest_ns[sent], comes_ns)
            complete_ns = np.where(gone, LOST_NS, np.maximum(complete_ns, comes_ns))
        return complete_ns

    def _lose(self, sent: Ints) -> npt.NDArray[np.bool_]:
        """Whether a packet on some links is lost."""
        states, drawn = self._states[sent], np.empty(len(sent), np.int64)
        for state, cumulated in enumerate(self._chain):
            here = states == state
            drawn[here] = self._pick(cumulated, int(here.sum()))
        lost, self._states[sent] = np.divmod(drawn, len(self._chain))
        corrupted = self._generator.random(len(sent)) < self._link.corrupt
        return np.asarray((lost == 1) | corrupted)

    def _pick(self, cumulated: npt.NDArray[np.float64], count: int) -> Ints:
        return np.searchsorted(cumulated[:-1], self._generator.random(count), side="right").astype(np.int64)

    def _serve(self, opened_ns: Ints, sent: Ints, airtime_ns: int) -> Ints:
        """When the first bit of each message leaves; messages of one transmitter in an order that is drawn."""
        order = np.lexsort((self._generator.random(len(sent)), self._server[sent]))
        server = self._server[sent][order]
        place = np.empty(len(sent), np.int64)
        place[order] = np.arange(len(sent)) - np.searchsorted(server, server)
        ready_ns = np.maximum(opened_ns[self._senders[sent]], self._free_ns[self._server[sent]])
        begins_ns: Ints = ready_ns + place * airtime_ns
        np.maximum.at(self._free_ns, self._server[sent], begins_ns + airtime_ns)
        return begins_ns


def _what_became(whole: Facts, arrives_ns: Ints, closed_ns: Ints) -> tuple[Facts, MessageCounts]:
    """Facts and counts of messages, from when they arrived and when their receivers closed each round, ``[K, E]``."""
    held = whole.active & (arrives_ns <= closed_ns)
    newest = np.where(held, round_numbers(whole.rounds)[:, None], -1)
    came_late = (arrives_ns > closed_ns) & (arrives_ns <= closed_ns[-1])
    for k, edge in np.argwhere(came_late).tolist():
        there = np.searchsorted(closed_ns[:, edge], arrives_ns[k, edge])
        newest[there, edge] = max(newest[there, edge], k)
    facts = Facts(whole.n_agents, whole.edges, whole.active, np.maximum.accumulate(newest, axis=0))
    sent, lost = int(whole.active.sum()), int((whole.active & (arrives_ns == LOST_NS)).sum())
    delivered, late = int(held.sum()), int(came_late.sum())
    expired = sent - lost - delivered - late
    lives = MessageCounts(sent, delivered=delivered, late=late, expired=expired)
    lives.lost["loss"] = lost
    return facts, lives
