"""An exchange without an event kernel: round after round, all agents at once.

Nothing an agent does in round k depends on later rounds, so when everybody opens round k is known from round k - 1
alone. What is left are two lines of the specification: an agent closes when all its neighbours' messages of the round
are there or its deadline is over, whichever is first; and a message is there if it arrives no later than that.
"""

from dataclasses import dataclass

import numpy as np
from small_networks import transport_of
from strategies import Play

from dvdn_sim.consensus import union_of
from dvdn_sim.network import Transport
from netmodels import Transfer
from netmodels.topology import Graph


@dataclass(frozen=True)
class Message:
    sender: int
    receiver: int
    round: int
    transfer: Transfer


@dataclass(frozen=True)
class Outcome:
    """Of one exchange.

    Attributes:
        closed_ns: Of each round, by agent.
        latest: Of each round, by edge.
        final: What became of each message: delivered, late, expired, or a reason.
        messages: In the order of `final`.
    """

    edges: list[tuple[int, int]]
    closed_ns: list[list[int]]
    latest: list[list[int]]
    final: list[str]
    messages: list[Message]

    @property
    def ended_ns(self) -> int:
        return max(self.closed_ns[-1])


def exchange(
    transport: Transport, graphs: list[Graph], starts_ns: list[int], deadline_ns: int | None, size_bytes: int
) -> Outcome | None:
    """What becomes of it; None if an agent waits for ever."""
    agents = range(graphs[0].n_agents)
    opened, closed, messages = starts_ns, [], []
    for k, graph in enumerate(graphs):
        sent = [
            Message(i, j, k, transport.link(i, j).offer(opened[i], size_bytes))
            for i in agents
            for j in transport.hand_over_order(i, graph.neighbours(i))
        ]
        messages += sent
        opened = [_closes(i, opened[i], deadline_ns, sent) for i in agents]
        if None in opened:
            return None
        closed.append(opened)
    edges = list(union_of(graphs).edges)
    latest = [[_newest(edge, k, closed, messages) for edge in edges] for k in range(len(graphs))]
    return Outcome(edges, closed, latest, [_final(message, closed) for message in messages], messages)


def _closes(agent: int, opened_ns: int, deadline_ns: int | None, sent: list[Message]) -> int | None:
    due = [message.transfer.complete_ns for message in sent if message.receiver == agent]
    if -1 in due:
        return None if deadline_ns is None else opened_ns + deadline_ns
    all_there = max([opened_ns, *due])
    return all_there if deadline_ns is None else min(all_there, opened_ns + deadline_ns)


def _newest(edge: tuple[int, int], k: int, closed: list[list[int]], messages: list[Message]) -> int:
    there = [
        message.round
        for message in messages
        if (message.sender, message.receiver) == edge
        and message.round <= k
        and 0 <= message.transfer.complete_ns <= closed[k][message.receiver]
    ]
    return max(there, default=-1)


def _final(message: Message, closed: list[list[int]]) -> str:
    if message.transfer.lost_reason is not None:
        return message.transfer.lost_reason
    at_ns, receiver = message.transfer.complete_ns, message.receiver
    if at_ns <= closed[message.round][receiver]:
        return "delivered"
    return "late" if at_ns <= closed[-1][receiver] else "expired"


def play(play: Play) -> list[Outcome]:
    """All exchanges of a play, until one does not end."""
    transport = transport_of(play.n_agents, seed=play.seed, link=play.spec, share=play.share)
    now_ns, outcomes = 0, []
    for graphs, starts in play.exchanges:
        outcome = exchange(transport, graphs, [now_ns + ns for ns in starts], play.deadline_ns, play.size_bytes)
        if outcome is None:
            break
        outcomes.append(outcome)
        now_ns = outcome.ended_ns
    return outcomes


def as_arrays(outcome: Outcome) -> tuple[np.ndarray, np.ndarray]:
    """`closed_at_ns` and `latest`, as an exchange reports them."""
    return np.array(outcome.closed_ns), np.array(outcome.latest).reshape(len(outcome.closed_ns), len(outcome.edges))
