import numpy as np
import pytest
from graph_facts import connected
from pydantic import TypeAdapter

from netmodels.topology import (
    AnyTopology,
    Complete,
    EdgeMarkov,
    Edges,
    ErdosRenyi,
    Instant,
    RandomConnected,
    RandomWaypoint,
    Range,
    Ring,
)

S = 10**9

topology_of = TypeAdapter(AnyTopology).validate_python


def test_links_are_up_their_share_of_the_time(in_sigmas):
    topology = EdgeMarkov(up="3 s", down="1 s")
    graphs = [topology.graph(4, 1, Instant(now_ns=k * S)) for k in range(0, 40_000, 2)]
    assert all(graph.symmetric for graph in graphs)
    up = np.array([[edge in graph.edges for edge in ((0, 1), (0, 2), (2, 3))] for graph in graphs])
    for column in up.T:
        in_sigmas.batch_means(column, 0.75)
    # Independent of each other, and correlated in time by exp(−t (1/up + 1/down)).
    assert abs(np.corrcoef(up[:, 0], up[:, 1])[0, 1]) < 5 / np.sqrt(len(up) / 2)
    correlation = np.corrcoef(up[:-1, 0], up[1:, 0])[0, 1]
    assert correlation == pytest.approx(np.exp(-2 * 4 / 3), abs=0.035)


def test_jointly_connected_though_never_connected_for_long():
    topology = EdgeMarkov(up="1 s", down="9 s", base=Ring())
    window = [topology.graph(6, 0, Instant(now_ns=k * S)) for k in range(100)]
    assert not connected(window[0])
    assert connected(*window)


def test_the_order_of_questions_does_not_matter():
    times = [7, 3, 500, 0, 499, 3]
    first = [EdgeMarkov(up="2 s", down="1 s").graph(5, 9, Instant(now_ns=t * S)) for t in times]
    again = [EdgeMarkov(up="2 s", down="1 s").graph(5, 9, Instant(now_ns=t * S)) for t in sorted(times)]
    assert [graph for _, graph in sorted(zip(times, first, strict=True), key=lambda pair: pair[0])] == again


def test_adding_an_agent_changes_no_other_link():
    few, more = (EdgeMarkov(up="2 s", down="1 s").graph(n, 9, Instant(now_ns=50 * S)).edges for n in (4, 5))
    assert few == tuple(edge for edge in more if 4 not in edge)


def test_schedule():
    plan = topology_of(
        {
            "kind": "schedule",
            "entries": [
                {"at": "0 s", "topology": {"kind": "complete"}},
                {"at": "1 min", "topology": {"kind": "edges", "edges": []}},
                {"at": "2 min", "topology": {"kind": "ring"}},
            ],
        }
    )
    degrees = [plan.graph(4, 0, Instant(now_ns=int(now * S))).degrees[0] for now in (0, 59.9, 60, 119.9, 120, 9999)]
    assert degrees == [3, 3, 0, 0, 2, 2]


def test_nested_kinds():
    built = topology_of({"kind": "edge_markov", "up": 1, "down": 1, "base": {"kind": "edges", "edges": [[0, 1]]}})
    assert built == EdgeMarkov(up=1, down=1, base=Edges([[0, 1]]))


def test_more_links_than_can_fail_on_their_own_are_refused_beforehand():
    """363 agents have 65 703 pairs; who moves may meet everybody, whatever the places at the start."""
    walk = RandomWaypoint(area=("1 km", "1 km"), speed=("1 m/s", "1 m/s"), pause="0 s")
    moving = EdgeMarkov(up="9 s", down="1 s", base=Range("1 m", walk))
    for base in (Complete(), RandomConnected(edges=65_537), ErdosRenyi(p=1.0)):
        with pytest.raises(ValueError, match="at most 65536 links"):
            EdgeMarkov(up="9 s", down="1 s", base=base).refuse_impossible(363, [0])
    with pytest.raises(ValueError, match="got up to 65703"):
        moving.refuse_impossible(363, [0])
    moving.refuse_impossible(362, [0])
    EdgeMarkov(up="9 s", down="1 s", base=Ring()).refuse_impossible(1000, [0])
