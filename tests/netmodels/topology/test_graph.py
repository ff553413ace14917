import pytest

from netmodels.topology import Graph


def test_directed_graph():
    graph = Graph(3, ((0, 1), (0, 2), (2, 1)))
    assert graph.degrees == (2, 0, 1)
    assert [graph.neighbours(i) for i in range(3)] == [(1, 2), (), (1,)]
    assert [graph.senders(i) for i in range(3)] == [(), (0, 2), (0,)]
    assert not graph.symmetric
    assert graph.adjacency().tolist() == [[0, 1, 1], [0, 0, 0], [0, 1, 0]]
    assert hash(graph) == hash(Graph(3, ((0, 1), (0, 2), (2, 1))))


@pytest.mark.parametrize(
    ("n_agents", "edges", "message"),
    [
        (0, (), "n_agents.*0"),
        (2, ((0, 0),), r"edges.*\(0, 0\)"),
        (2, ((0, 2),), r"edges.*\(0, 2\)"),
        (2, ((1, 0), (0, 1)), r"edges.*sorted"),
        (2, ((0, 1), (0, 1)), r"edges.*sorted"),
    ],
)
def test_refuses(n_agents, edges, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        Graph(n_agents, edges)
