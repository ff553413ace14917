"""What property tests search: graphs, drop patterns, links and schedules.

Times are drawn from a few whole milliseconds on purpose: most defects of an event order show only where things happen
at the same instant.
"""

from dataclasses import dataclass, replace
from itertools import combinations, permutations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dvdn_sim.consensus import POLICIES, WEIGHTS, Facts, Policy, lossless_facts
from netmodels import LinkSpec
from netmodels.network import Share
from netmodels.topology import Graph

MS = 1_000_000


@st.composite
def connected_graphs(draw, n_agents: int) -> Graph:
    """A random tree and any further links."""
    tree = [(draw(st.integers(0, agent - 1)), agent) for agent in range(1, n_agents)]
    pairs = list(combinations(range(n_agents), 2))
    return Graph.undirected(
        n_agents, tree + draw(st.lists(st.sampled_from(pairs), max_size=n_agents) if pairs else st.just([]))
    )


@st.composite
def any_graphs(draw, n_agents: int, *, one_way: bool = False) -> Graph:
    """Any graph, isolated agents included; with `one_way` any directed one, too."""
    directed = one_way and draw(st.booleans())
    pairs = list(permutations(range(n_agents), 2) if directed else combinations(range(n_agents), 2))
    chosen = draw(st.sets(st.sampled_from(pairs))) if pairs else set()
    return Graph(n_agents, tuple(sorted(chosen))) if directed else Graph.undirected(n_agents, chosen)


@st.composite
def rounds_of_graphs(draw, *, fewest=2, most=12, max_rounds=5, connected=True, one_way=False) -> list[Graph]:
    """The graph of each round: one for all of them, or a fresh one each."""
    n_agents, rounds = draw(st.integers(fewest, most)), draw(st.integers(1, max_rounds))
    kind = connected_graphs(n_agents)
    if not connected:
        kind = st.one_of(kind, any_graphs(n_agents, one_way=one_way))
    if draw(st.booleans()):
        return [draw(kind)] * rounds
    return [draw(kind) for _ in range(rounds)]


@st.composite
def any_facts(draw, *, graphs=None) -> Facts:
    """Any drop pattern: each message is in time, late by some rounds, or never there. Any may be confirmed."""
    lossless = lossless_facts(draw(rounds_of_graphs(connected=False) if graphs is None else graphs))
    rounds, shape = lossless.rounds, lossless.active.shape
    rounds_late = draw(hnp.arrays(np.int64, shape, elements=st.integers(0, rounds)))
    latest = np.full(shape, -1)
    for sent, held_by in np.ndindex(rounds, rounds):
        there = lossless.active[sent] & (sent + rounds_late[sent] <= held_by)
        latest[held_by, there] = np.maximum(latest[held_by, there], sent)
    acked = draw(st.one_of(st.booleans(), hnp.arrays(bool, shape)))
    facts = Facts(lossless.n_agents, lossless.edges.copy(), lossless.active.copy(), latest)
    return replace(facts, confirmed=heard_at_the_other_end(facts) & acked)


def heard_at_the_other_end(facts: Facts) -> np.ndarray:
    """Bool [K, E]: whether the sender of the edge heard its receiver in the round; what perfect acks tell."""
    held = {tuple(edge): facts.held[:, index] for index, edge in enumerate(facts.edges.tolist())}
    never = np.zeros(facts.rounds, bool)
    back = [held.get((receiver, sender), never) for sender, receiver in facts.edges.tolist()]
    return np.array(back, bool).T.reshape(facts.active.shape)


@st.composite
def policies_and_facts(draw, name: str) -> tuple[Policy, Facts]:
    """The policy with any weights, and any facts that it is made for: one-way links too, if it needs no weights."""
    weights = draw(st.sampled_from(list(WEIGHTS.values())))
    one_way = name in ("push_sum", "running_sum")
    graphs = rounds_of_graphs(connected=False, one_way=one_way)
    return POLICIES[name](weights), draw(any_facts(graphs=graphs))


values = st.floats(-1e6, 1e6)


def values_of(n_agents: int, *shape: int):
    """Any values that agents may hold, [n_agents, *shape]."""
    return hnp.arrays(np.float64, (n_agents, *shape), elements=values)


whole_ms = st.integers(0, 5).map(lambda ms: ms * MS)
# 12 Mbit/s: a full packet takes 1 ms.
link_specs = st.builds(
    LinkSpec,
    rate=st.sampled_from(["unlimited", "12 Mbit/s", "10 kbit/s"]),
    delay=st.sampled_from([0.0, 1e-3, 2e-3, 3e-3, {"kind": "normal", "mean": 2e-3, "jitter": 2e-3}]),
    loss=st.sampled_from([0.0, 0.2, 0.5, 1.0, {"kind": "gemodel", "p": 0.2, "r": 0.4}]),
    corrupt=st.sampled_from([0.0, 0.2]),
    duplicate=st.sampled_from([0.0, 0.3]),
    retries=st.sampled_from([0, 0, 1]),
    retry_delay=st.just(1e-3),
    limit=st.sampled_from([0, 2, 1000]),
    fifo=st.booleans(),
)


# Nothing is ever lost on them, whatever else happens.
lossless_specs = link_specs.map(lambda spec: replace(spec, loss=0.0, corrupt=0.0, limit=10**6))


@dataclass(frozen=True)
class Play:
    """Some exchanges in a row over the same links.

    Attributes:
        exchanges: Of each, the graphs of its rounds, and when each agent starts, in ns after the previous one ended.
    """

    n_agents: int
    seed: int
    spec: LinkSpec
    share: Share
    deadline_ns: int | None
    size_bytes: int
    exchanges: list[tuple[list[Graph], list[int]]]


def relabelled(graph: Graph, number: list[int]) -> Graph:
    """The graph in which agent i is called number[i]."""
    return Graph(graph.n_agents, tuple(sorted((number[a], number[b]) for a, b in graph.edges)))


def permuted(by_agent, number: list[int]) -> list:
    """What belonged to agent i belongs to number[i]."""
    moved = list(by_agent)
    for agent, value in enumerate(by_agent):
        moved[number[agent]] = value
    return moved


@st.composite
def plays(draw, specs=link_specs, deadlines=whole_ms) -> Play:
    """Any exchanges: any topology, number of rounds, link, deadline and share."""
    n_agents = draw(st.one_of(st.integers(1, 6), st.integers(7, 12)))
    exchanges = []
    for _ in range(draw(st.integers(1, 3))):
        graphs = draw(rounds_of_graphs(fewest=n_agents, most=n_agents, max_rounds=4, connected=False))
        exchanges.append((graphs, draw(st.lists(whole_ms, min_size=n_agents, max_size=n_agents))))
    return Play(
        n_agents=n_agents,
        seed=draw(st.integers(0, 1000)),
        spec=draw(specs),
        share=draw(st.sampled_from(["link", "node"])),
        deadline_ns=draw(deadlines),
        size_bytes=draw(st.sampled_from([1472, 100, 4000, 50_000])),
        exchanges=exchanges,
    )
