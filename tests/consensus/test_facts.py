from dataclasses import replace

import numpy as np
import pytest

from dvdn_sim.consensus import POLICIES, WEIGHTS, Facts, lossless_facts, round_numbers
from netmodels.topology import Complete, Graph, Ring

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


@pytest.mark.parametrize("confirmed", [(2,), (1, 2), (2, 1), (2, 3)])
def test_confirmations_that_do_not_fit_are_refused(confirmed):
    with pytest.raises(ValueError, match=r"expected \[K, E\] = \(2, 2\)"):
        Facts(2, np.zeros((2, 2), int), np.zeros((2, 2), bool), np.zeros((2, 2), int), np.zeros(confirmed, bool))


def test_without_loss_all_know_that_they_are_heard_where_links_go_both_ways():
    facts = lossless_facts([PATH, PAIR, Graph(3, ((0, 1), (1, 2)))])
    assert facts.edges.tolist() == [[0, 1], [1, 0], [1, 2], [2, 1]]
    # In the last round 1 and 2 hear 0 and 1, and have nothing to be heard of; 0 and 1 are heard and hear nothing.
    assert facts.confirmed.tolist() == [[True] * 4, [True, True, False, False], [False, True, False, True]]
    assert facts.ack_mismatch.tolist() == [0, 0, 0]


def test_without_acknowledgements_nobody_knows():
    facts = Facts(2, np.array([[0, 1], [1, 0]]), np.ones((2, 2), bool), np.zeros((2, 2), int))
    assert facts.confirmed.tolist() == [[False] * 2] * 2


@pytest.mark.parametrize(("rounds", "bytes_each"), [(0, 1), (1, 1), (128, 1), (129, 2)])
def test_rounds_are_numbered_in_few_bytes(rounds, bytes_each):
    numbers = round_numbers(rounds)
    assert (numbers.tolist(), numbers.itemsize) == (list(range(rounds)), bytes_each)
    assert np.where(numbers == 0, numbers, -1).dtype == numbers.dtype


@pytest.mark.parametrize("name", POLICIES)
def test_policies_take_numbers_of_rounds_of_any_size(name):
    rng = np.random.default_rng(0)
    whole = lossless_facts([Complete().graph(5, 0), Ring().graph(5, 0)] * 2)
    latest = np.maximum.accumulate(np.where(rng.random(whole.latest.shape) < 0.6, whole.latest, -1), axis=0)
    policy, values = POLICIES[name](WEIGHTS["metropolis"]), rng.normal(size=5)
    small, large = (
        policy.apply(replace(whole, latest=latest.astype(kind)), values).tobytes() for kind in (np.int8, np.int64)
    )
    assert whole.latest.dtype == np.int8
    assert small == large


def test_the_other_direction_of_every_edge():
    assert lossless_facts([PATH]).reverse.tolist() == [1, 0, 3, 2]
    assert lossless_facts([Graph(3, ((0, 1), (1, 0), (1, 2), (2, 0)))]).reverse.tolist() == [1, 0, -1, -1]
    assert lossless_facts([NONE]).reverse.tolist() == []


@pytest.mark.parametrize(
    ("latest", "confirmed", "mismatch"),
    [
        ([0, 0], [True, True], 0),
        ([0, 0], [True, False], 1),
        ([0, 0], [False, False], 0),
        ([0, -1], [False, True], 0),  # 1 was heard by 0 and knows it, but did not hear it: no end counts the link
        ([0, -1], [True, True], 1),
    ],
)
def test_a_mismatch_is_a_link_that_one_end_counts(latest, confirmed, mismatch):
    facts = Facts(2, np.array([[0, 1], [1, 0]]), np.ones((1, 2), bool), np.array([latest]), np.array([confirmed]))
    assert facts.ack_mismatch.tolist() == [mismatch]


def test_a_link_without_its_reverse_that_is_counted_all_the_same_is_a_mismatch():
    facts = Facts(2, np.array([[0, 1]]), np.ones((1, 1), bool), np.zeros((1, 1), int), np.ones((1, 1), bool))
    assert facts.ack_mismatch.tolist() == [1]


def test_senders_that_are_cut_out_are_not_heard_and_hear():
    facts = lossless_facts([PATH, PATH]).without_senders(np.array([False, False, True]))
    assert facts.edges.tolist() == [[0, 1], [1, 0], [1, 2], [2, 1]]
    assert facts.latest.tolist() == [[0, 0, 0, -1], [1, 1, 1, -1]]
    assert facts.confirmed.tolist() == [[True, True, False, True]] * 2
    assert facts.ack_mismatch.tolist() == [0, 0]
    assert facts.degrees.tolist() == [[1, 2, 1]] * 2


def test_facts_over_the_same_links_share_what_follows_from_these():
    facts = lossless_facts([PATH, PAIR])
    assert facts.without_senders(np.array([True, False, False])).degrees is facts.degrees
    other = replace(facts, active=np.ones((2, 4), bool))
    assert other.degrees.tolist() == [[1, 2, 1]] * 2
    assert facts.of_round(1).degrees.tolist() == [[1, 1, 0]]
    assert replace(facts, n_agents=3, edges=facts.edges[::-1].copy()).links is not facts.links


def test_facts_are_read_only():
    facts = lossless_facts([PATH])
    for array in (facts.edges, facts.active, facts.latest, facts.confirmed, facts.held, facts.degrees, facts.reverse):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
