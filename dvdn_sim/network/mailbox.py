"""Messages that agents send each other while they act: every step, to whoever is a neighbour at that time.

No rounds and no kernel: an agent does not wait for a message, it takes up what has come when it decides. Links, shared
transmitters, topologies and faults are those of an exchange, and keep their state from step to step.
"""

from heapq import heappop, heappush
from itertools import count

import numpy as np
import numpy.typing as npt

from dvdn_sim.network.accounting import NEVER, MessageCounts
from dvdn_sim.network.deadlines import auto_deadlines_ns
from dvdn_sim.network.faults import TeamFaults
from dvdn_sim.network.transport import Transport
from dvdn_sim.scenario import Network
from netmodels import Transfer
from netmodels.topology import Graph, Instant, Positions


class Mailboxes:
    """What each of N agents has heard from the others in this episode.

    Attributes:
        newest: int64 ``[N, N]``, the step of the newest message of the column's agent that the row's agent holds; -1
            for none.
        counts: Outcomes of all messages so far: delivered if it was there when its receiver decided in the step it was
            sent in, late if it came in a later step, expired if after the end of its episode.
    """

    def __init__(self, network: Network, *, n_agents: int, seed: int) -> None:
        """Put empty mailboxes in place; what a network says of learning (compute, acks, schedule) is not used.

        Raises:
            ValueError: A fault that names an agent that there is not, or an `auto` deadline on links that lose all.
        """
        self._network, self._n_agents, self._seed = network, n_agents, seed
        keys = range(n_agents)
        self._faults = TeamFaults(network.faults, seed=seed, agent_keys=keys)
        self._transport = Transport(network, seed=seed, agent_keys=keys, faults=self._faults.plan)
        self.newest = np.full((n_agents, n_agents), NEVER, np.int64)
        self.counts = MessageCounts()
        # When a message comes, its number, sender, receiver, and step.
        self._arrivals: list[tuple[int, int, int, int, int]] = []
        self._number = count()
        self._taken_ns = NEVER

    def graph(self, now_ns: int, *, episode: int, step: int, positions: Positions | None = None) -> Graph:
        """Return the links that there are at a time."""
        at = Instant(episode, step, 0, now_ns, positions)
        return self._network.topology.graph(self._n_agents, self._seed, at)

    def wait_ns(self, graph: Graph, size_bytes: int) -> int:
        """Return how long agents wait, before they decide, for what was sent in the step; never longer than a step."""
        deadline, period_ns = self._network.deadline, round(self._network.control_period * 1e9)
        if deadline is None:
            return 0
        if deadline == "auto":
            return min(period_ns, max(auto_deadlines_ns(self._transport, graph, size_bytes), default=0))
        return round(deadline * 1e9)

    def begin_episode(self) -> None:
        """Forget all that was heard; what is still under way will come too late."""
        self.counts.settle("expired", len(self._arrivals))
        self._arrivals.clear()
        self.newest.fill(NEVER)

    def send(self, now_ns: int, step: int, graph: Graph, size_bytes: int, senders: npt.NDArray[np.bool_]) -> None:
        """Let agents that are up, and have something to send, bool ``[N]``, send to their neighbours."""
        transport = self._transport
        speaking = [
            agent for agent in np.flatnonzero(senders).tolist() if not self._faults.hinders(agent, now_ns, now_ns)
        ]
        if transport.broadcast:
            for agent in sorted(speaking, key=transport.draw_order):
                receivers = graph.neighbours(agent)
                if receivers:
                    sent = transport.send_to_all(now_ns, size_bytes, agent, receivers)
                    for receiver, transfer in sent.transfers.items():
                        self._follow(agent, receiver, step, transfer)
            return
        links = [(agent, receiver) for agent in speaking for receiver in graph.neighbours(agent)]
        if transport.share != "link":
            links.sort(key=lambda link: transport.draw_order(*link))
        for sender, receiver in links:
            self._follow(sender, receiver, step, transport.link(sender, receiver).offer(now_ns, size_bytes))

    def take_up(self, now_ns: int, step: int) -> None:
        """Let agents take up what has come until now, when they decide.

        Who has lost its state since the last time has forgotten all that had come by then.
        """
        arrivals, newest, counts = self._arrivals, self.newest, self.counts
        forgot_ns = [self._forgot_ns(agent, now_ns) for agent in range(self._n_agents)]
        newest[[at_ns > self._taken_ns for at_ns in forgot_ns]] = NEVER
        while arrivals and arrivals[0][0] <= now_ns:
            at_ns, _, sender, receiver, sent_in = heappop(arrivals)
            if at_ns > forgot_ns[receiver]:
                newest[receiver, sender] = max(newest[receiver, sender], sent_in)
            counts.settle("delivered" if sent_in == step else "late")
        self._taken_ns = now_ns

    def _forgot_ns(self, agent: int, now_ns: int) -> int:
        """When an agent last lost its state; -1 for never."""
        lost = (down.start_ns for down in self._faults.downtimes(agent) if down.state_lost and down.start_ns <= now_ns)
        return max(lost, default=NEVER)

    def _follow(self, sender: int, receiver: int, step: int, transfer: Transfer) -> None:
        counts = self.counts
        counts.sent += 1
        counts.duplicates += transfer.duplicates
        if transfer.lost_reason is not None:
            counts.lost[transfer.lost_reason] += 1
        elif self._faults.missed(receiver, transfer):
            counts.lost["node_down"] += 1
        else:
            counts.in_flight += 1
            heappush(self._arrivals, (transfer.complete_ns, next(self._number), sender, receiver, step))
