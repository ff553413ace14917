"""Many exchanges at once, drawn in numpy without a clock: what `predict` falls back on where nothing closed applies.

Whether a message comes in time depends on when its sender and its receiver opened the round, and that on what both had
lost before: no closed form holds for K > 1 rounds over links that lose messages and vary in delay. But all that
happens in round k depends on the times at which it was opened, so T exchanges are K steps of array arithmetic. Times
are whole nanoseconds, as in the simulator, since ties matter: with constant delays an agent that has timed out hands
its message over just in time. It shares no code with the simulator beyond the models of loss and delay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from dvdn_sim.consensus.facts import Facts, lossless_facts
from netmodels import LinkSpec
from netmodels.links import LossModel
from netmodels.topology import Graph

Times = npt.NDArray[np.int64]
NEVER: Final = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class SampledRounds:
    """What T exchanges of K rounds left behind.

    Attributes:
        whole: Facts of the same exchange without loss: N, edges, and which of them are active.
        latest: int64 ``[T, K, E]``, as in `Facts`.
        late: bool ``[T, K, E]``: whole, but not there when the receiver closed the round.
        durations_ns: int64 ``[T, K, N]``: from opening a round to closing it.
    """

    whole: Facts
    latest: Times
    late: npt.NDArray[np.bool_]
    durations_ns: Times

    @property
    def held(self) -> npt.NDArray[np.bool_]:
        """Bool ``[T, K, E]``."""
        same: npt.NDArray[np.bool_] = self.latest == np.arange(self.whole.rounds)[:, None]
        return same & self.whole.active

    def facts(self, trial: int) -> Facts:
        """The facts of one of them; nobody's message is confirmed."""
        whole = self.whole
        return Facts(whole.n_agents, whole.edges, whole.active, self.latest[trial])


def sample_rounds(
    link: LinkSpec,
    graphs: Sequence[Graph],
    *,
    share: Literal["link", "node"],
    size_bytes: int,
    starts_ns: Times,
    deadline_ns: int | None,
    generator: np.random.Generator,
) -> SampledRounds:
    """Draw T exchanges over idle links, their loss processes as messages find them in the long run.

    Args:
        link: Every link's parameters; see `can_sample`.
        graphs: Of each round.
        share: Whose the transmitter is.
        size_bytes: Payload of a message.
        starts_ns: When each agent opens round 0, ``[T, N]``.
        deadline_ns: How long an agent waits in a round; None for as long as it takes.
        generator: Source of all draws.

    Returns:
        What they left.

    Raises:
        ValueError: A link that is not simple enough, starts that do not fit, or a lost message without a deadline.

    >>> pair = Graph.undirected(2, [(0, 1)])
    >>> slow = LinkSpec(rate="12 Mbit/s", delay="5 ms")
    >>> starts = np.array([[0, 20_000_000]])
    >>> drawn = sample_rounds(slow, [pair], share="link", size_bytes=1472, starts_ns=starts, deadline_ns=10_000_000,
    ...                       generator=np.random.default_rng(0))
    >>> drawn.held.tolist(), drawn.durations_ns.tolist()      # agent 1 is heard too late
    ([[[True, False]]], [[[10000000, 0]]])
    """
    whole = lossless_facts(graphs)
    if starts_ns.ndim != 2 or starts_ns.shape[1] != whole.n_agents:
        raise ValueError(f"starts_ns: expected [T, {whole.n_agents}], got {starts_ns.shape}")
    if not can_sample(link, share, size_bytes, graphs):
        raise ValueError("link: expected no retries, no duplicates and room for all messages in its queue")
    air = _Air(link, whole, share=share, size_bytes=size_bytes, trials=len(starts_ns), generator=generator)
    opened, shape = starts_ns.astype(np.int64), (len(starts_ns), *whole.active.shape)
    arrivals, closes = np.full(shape, NEVER), np.empty((shape[0], shape[1], whole.n_agents), np.int64)
    durations = np.empty_like(closes)
    for k in range(whole.rounds):
        edges = np.flatnonzero(whole.active[k])
        arrivals[:, k, edges] = air.send(opened, edges)
        closes[:, k] = _close(opened, whole.edges[edges, 1], arrivals[:, k, edges], deadline_ns)
        durations[:, k] = closes[:, k] - opened
        opened = closes[:, k]
    deadlines = closes[:, :, whole.edges[:, 1]]
    latest = _latest(whole, arrivals, deadlines)
    late = (arrivals > deadlines) & (arrivals < NEVER)
    return SampledRounds(whole, latest, late, durations)


def can_sample(link: LinkSpec, share: str, size_bytes: int, graphs: Sequence[Graph]) -> bool:
    """Say whether `sample_rounds` covers a link: no retries, no duplicates, and a queue that never overflows.

    >>> can_sample(LinkSpec(rate="1 Mbit/s", delay="1 ms"), "link", 1000, [Graph.undirected(2, [(0, 1)])])
    True
    """
    fan = max(max(graph.degrees) for graph in graphs) if share == "node" else 1
    queued = link.packets(size_bytes) * len(graphs) * fan
    room = np.isinf(float(link.rate)) or (queued <= link.limit + 1 and link.limit_bytes is None)
    return share in {"link", "node"} and link.retries == 0 and link.duplicate == 0.0 and bool(room)


class _Air:
    """All links of T exchanges: servers, loss processes, and the latest arrival on each."""

    def __init__(
        self, link: LinkSpec, whole: Facts, *, share: str, size_bytes: int, trials: int, generator: np.random.Generator
    ) -> None:
        self._link, self._share, self._generator = link, share, generator
        self._senders = whole.edges[:, 0]
        n_edges, packets = len(whole.edges), link.packets(size_bytes)
        full, overhead = link.full_bytes, link.overhead
        wire = [full * (k + 1) for k in range(packets - 1)] + [size_bytes + packets * overhead]
        self._ends_ns = [link.serialisation_ns(wire_bytes) for wire_bytes in wire]
        self._free = np.zeros((trials, whole.n_agents if share == "node" else n_edges), np.int64)
        self._latest = np.zeros((trials, n_edges), np.int64)
        self._states = _pick(generator, np.cumsum(link.loss.stationary()), (trials, n_edges))
        self._chain = _chain(link.loss)
        self._delay = link.delay.sampler(generator)

    def send(self, opened: Times, edges: npt.NDArray[np.int64]) -> Times:
        """When messages handed over on some edges are complete, ``[T, edges]``; `NEVER` if they are not."""
        begins = self._serve(opened, edges)
        complete, lost = np.zeros(begins.shape, np.int64), np.zeros(begins.shape, bool)
        for end_ns in self._ends_ns:
            gone = self._lose(edges)
            delay = np.rint(self._delay(begins.size) * 1e9).astype(np.int64).reshape(begins.shape)
            arrival = begins + end_ns + delay
            if self._link.fifo:
                arrival = np.maximum(arrival, self._latest[:, edges])
                self._latest[:, edges] = np.where(gone, self._latest[:, edges], arrival)
            complete = np.maximum(complete, arrival)
            lost |= gone
        return np.where(lost, NEVER, complete)

    def _serve(self, opened: Times, edges: npt.NDArray[np.int64]) -> Times:
        """When the first bit of each message leaves; at a node in an order drawn for each round."""
        senders, airtime = self._senders[edges], self._ends_ns[-1]
        if self._share == "link":
            begins = np.maximum(opened[:, senders], self._free[:, edges])
            self._free[:, edges] = begins + airtime
            return begins
        turn = self._generator.random((len(opened), len(edges)))
        order = np.argsort(senders + turn, axis=1)  # senders are sorted, and remain so
        degrees = np.bincount(senders, minlength=self._free.shape[1])
        first = np.cumsum(degrees) - degrees
        place = np.empty_like(order)
        np.put_along_axis(place, order, np.arange(len(edges)) - first[senders], axis=1)
        ready = np.maximum(opened, self._free)
        self._free = np.where(degrees > 0, ready + degrees * airtime, self._free)
        return np.asarray(ready[:, senders] + place * airtime)

    def _lose(self, edges: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        states = self._states[:, edges]
        drawn = np.empty(states.shape, np.int64)
        for state, cumulated in enumerate(self._chain):
            here = states == state
            drawn[here] = _pick(self._generator, cumulated, (int(here.sum()),))
        lost, self._states[:, edges] = np.divmod(drawn, len(self._chain))
        corrupt = float(self._link.corrupt)
        gone: npt.NDArray[np.bool_] = lost == 1
        return gone | (self._generator.random(gone.shape) < corrupt) if corrupt else gone


def _chain(loss: LossModel) -> list[npt.NDArray[np.float64]]:
    """For every state the cumulated probabilities of (received or lost, next state)."""
    return [np.cumsum(np.concatenate(loss.transmit(mass))) for mass in np.eye(len(loss.stationary()))]


def _pick(generator: np.random.Generator, cumulated: npt.NDArray[np.float64], shape: tuple[int, ...]) -> Times:
    return np.searchsorted(cumulated[:-1], generator.random(shape), side="right").astype(np.int64)


def _close(opened: Times, receivers: npt.NDArray[np.int64], arrivals: Times, deadline_ns: int | None) -> Times:
    """When each agent has all it waits for, or stops waiting."""
    last = opened.copy()
    order = np.argsort(receivers, kind="stable")
    waiting, begins = np.unique(receivers[order], return_index=True)
    if len(waiting):
        last[:, waiting] = np.maximum(opened[:, waiting], np.maximum.reduceat(arrivals[:, order], begins, axis=1))
    if deadline_ns is None:
        if (last == NEVER).any():
            raise ValueError("deadline_ns: expected a time, since messages are lost")
        return last
    return np.minimum(last, opened + deadline_ns)


def _latest(whole: Facts, arrivals: Times, closes: Times) -> Times:
    """The newest round ≤ k whose message was there when round k was closed."""
    latest = np.full(arrivals.shape, -1, np.int64)
    for k in range(whole.rounds):
        for sent in range(k + 1):
            there = whole.active[sent] & (arrivals[:, sent] <= closes[:, k])
            latest[:, k][there] = sent
    return latest
