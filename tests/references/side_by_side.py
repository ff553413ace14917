"""Many teams in one exchange: T copies of small graphs side by side, each with luck of its own.

All policies are local, so the teams do not know of each other (but for the weights `max_degree`), and one sparse
`apply` plays all of them at once.
"""

import numpy as np
from enumeration import connected_graphs

from dvdn_sim.consensus import Facts


def side_by_side(links: np.ndarray, n_agents: int, rounds: int, p: float, rng: np.random.Generator) -> Facts:
    """Facts of T teams of undirected `links` [T, L, 2], fixed for K rounds; every message is lost with probability p.

    Acks are perfect: an agent knows what its neighbours heard. Team t has the agents t·N … t·N + N - 1.
    """
    teams, n_links = links.shape[:2]
    ends = (links + n_agents * np.arange(teams)[:, None, None]).reshape(-1, 2)
    both = np.concatenate([ends, ends[:, ::-1]])
    order = np.lexsort((both[:, 1], both[:, 0]))
    there = rng.random((rounds, 2 * teams * n_links)) >= p  # in the order of `both`
    confirmed = np.roll(there, teams * n_links, axis=1)
    rounds_heard = np.where(there, np.arange(rounds)[:, None], -1)
    return Facts(
        n_agents=teams * n_agents,
        edges=both[order].astype(np.int64),
        active=np.ones_like(there),
        latest=np.maximum.accumulate(rounds_heard, axis=0)[:, order],
        confirmed=confirmed[:, order],
    )


def connected_link_sets(n_agents: int, n_links: int) -> np.ndarray:
    """All connected labelled graphs with that many links, [graphs, links, 2]."""
    return np.array(
        [[edge for edge in graph.edges if edge[0] < edge[1]] for graph in connected_graphs(n_agents, n_links)]
    )
