import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmodels.links import GilbertElliott, loss_draws
from netmodels.streams import LARGEST_SKIP, Draws, stream


def normals(seed=3):
    return Draws(lambda: stream(seed, "x").standard_normal)


@settings(deadline=None)
@given(st.lists(st.integers(0, 700), max_size=12))
def test_blocks_equal_one_at_a_time(asks):
    reference, draws = normals(), normals()
    expected = [reference.take(1)[0] for _ in range(sum(asks))]
    assert [value for n in asks for value in draws.take(n)] == expected
    assert draws.drawn == len(expected)


def test_draws_are_those_of_the_generator():
    assert normals().take(2000) == stream(3, "x").standard_normal(2000).tolist()


def test_names_never_collide():
    names = [("a/b",), ("a", "b"), ("a", "/b"), ("1",), (1,), ("a'", "b"), ("a', 'b",), ("loss", 0, 1), ("loss", 1, 0)]
    first = [float(stream(0, *name).random()) for name in names]
    assert len(set(first)) == len(names)
    assert float(stream(1, "a").random()) != float(stream(0, "a").random())


def test_known_value_never_changes():
    # Records of old runs are reproducible only as long as this holds.
    assert stream(7, "loss", 0, 1).integers(2**32, size=3).tolist() == [1261441855, 758561518, 3718892538]


@given(st.integers(0, 2**200), st.tuples(st.text(), st.integers()))
def test_seeds_and_names_are_those_of_a_seed_sequence(seed, name):
    """The short way to numpy's algorithm: names are its spawn keys."""
    digest = np.frombuffer(hashlib.blake2b(repr(name).encode(), digest_size=16).digest(), "<u4")
    expected = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple(digest.tolist())))
    assert stream(seed, *name).bit_generator.state == expected.bit_generator.state


@pytest.mark.parametrize("name", [(), (1.0,), (True,), (None,), (("a",),)])
def test_refuses_names(name):
    with pytest.raises(ValueError, match="name"):
        stream(0, *name)


@pytest.mark.parametrize("seed", [-1, 1.5, True, None, "7"])
def test_refuses_seeds(seed):
    with pytest.raises(ValueError, match="seed"):
        stream(seed, "a")


@settings(deadline=None)
@given(st.integers(0, 700), st.integers(0, 40_000), st.lists(st.integers(0, 700), max_size=3))
def test_reading_on_comes_to_where_another_one_stopped(already, further, asks):
    one, other = normals(), normals()
    one.take(already)
    for n in (already, further):
        other.take(n)
    one.advance_to(already + further)
    assert one.drawn == other.drawn
    assert [one.take(n) for n in asks] == [other.take(n) for n in asks]


def test_reading_on_remembers_what_the_model_does_and_keeps_little():
    """A bursty chain comes to the same state; of what is read over, no more is kept than is read at a time."""
    chain = GilbertElliott(0.01, 0.02)
    one, other = (loss_draws(chain, 0, "loss") for _ in range(2))
    one.advance_to(300_000)
    for _ in range(300):
        other.take(1000)
    assert one.take(5000) == other.take(5000)
    assert len(one._list) < 2 * LARGEST_SKIP


@pytest.mark.parametrize("drawn", [-1, 39, 41.0, True, "41", None])
def test_draws_do_not_go_back_and_are_whole(drawn):
    draws = normals()
    draws.take(40)
    with pytest.raises(ValueError, match="drawn: expected a whole number of at least 40, got "):
        draws.advance_to(drawn)
