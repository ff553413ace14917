import numpy as np
import pytest

from dvdn_sim.consensus import Facts, lossless_facts
from netmodels.topology import Graph

PATH, PAIR, NONE = Graph.undirected(3, [(0, 1), (1, 2)]), Graph.undirected(3, [(0, 1)]), Graph(3, ())


def test_without_loss_the_newest_message_is_that_of_the_last_round_in_which_the_link_was_there():
    facts = lossless_facts([PATH, PAIR, NONE, PATH])
    assert facts.edges.tolist() == [[0, 1], [1, 0], [1, 2], [2, 1]]
    assert facts.active.tolist() == [[True] * 4, [True, True, False, False], [False] * 4, [True] * 4]
    assert facts.latest.tolist() == [[0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0], [3, 3, 3, 3]]
    assert facts.held.tolist() == facts.active.tolist()
    assert facts.degrees.tolist() == [[1, 2, 1], [1, 1, 0], [0, 0, 0], [1, 2, 1]]
    assert facts.rounds == 4


def test_an_older_message_is_not_held():
    facts = Facts(2, np.array([[0, 1], [1, 0]]), np.ones((2, 2), bool), np.array([[-1, 0], [0, 1]]))
    assert facts.held.tolist() == [[False, True], [False, True]]


def test_one_agent_and_no_links():
    facts = lossless_facts([Graph(1, ())] * 2)
    assert (facts.edges.shape, facts.latest.shape, facts.held.shape) == ((0, 2), (2, 0), (2, 0))
    assert facts.degrees.tolist() == [[0], [0]]


@pytest.mark.parametrize(
    ("edges", "active", "latest"),
    [((2, 3), (1, 2), (1, 2)), ((3, 2), (1, 2), (1, 2)), ((2, 2), (1, 2), (2, 2)), ((2,), (1, 2), (1, 2))],
)
def test_shapes_that_do_not_fit_are_refused(edges, active, latest):
    with pytest.raises(ValueError, match=r"expected \[E, 2\], \[K, E\] and \[K, E\]"):
        Facts(2, np.zeros(edges, int), np.zeros(active, bool), np.zeros(latest, int))


def test_facts_are_read_only():
    facts = lossless_facts([PATH])
    for array in (facts.edges, facts.active, facts.latest):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
