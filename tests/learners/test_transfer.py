"""What is brought to the device together is what each array would be there by itself."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dvdn_sim.learners import LINE, remembered, rows, together

CPU = torch.device("cpu")
SHAPES = st.lists(st.lists(st.lists(st.integers(0, 5), max_size=3).map(tuple), max_size=3), max_size=4)


@given(shapes=SHAPES, dtype=st.sampled_from([torch.float32, torch.float64]))
def test_one_copy_for_all(shapes, dtype):
    """Whatever their shapes; in one memory, and each where a line of the cache begins."""
    rng = np.random.default_rng(0)
    groups = [[rng.standard_normal(shape) for shape in group] for group in shapes]
    like = torch.empty(0, dtype=dtype)
    there = together(groups, like)
    if not any(groups):
        assert there == []
        return
    assert [len(group) for group in there] == [len(group) for group in groups]
    pairs = [pair for group in zip(there, groups, strict=True) for pair in zip(*group, strict=True)]
    for found, array in pairs:
        torch.testing.assert_close(found, torch.from_numpy(array).to(like), rtol=0, atol=0)
        assert found.storage_offset() % LINE == 0
        assert found.untyped_storage().data_ptr() == pairs[0][0].untyped_storage().data_ptr()


def test_nothing_is_copied_where_there_is_nothing():
    assert together([], torch.empty(0)) == []


@pytest.mark.parametrize("values", [np.array([[True, False]]), np.array([4, 0, 7])])
def test_what_was_told_before_is_remembered(values):
    first = remembered(values, CPU)
    assert first.tolist() == values.tolist()
    assert remembered(values.copy(), CPU) is first
    assert remembered(values[..., ::-1], CPU).tolist() == values[..., ::-1].tolist()
    assert remembered(values.reshape(-1, 1), CPU).shape == (values.size, 1)


def test_it_is_what_the_array_was_then():
    values = np.array([True, False])
    first = remembered(values, CPU)
    values[1] = True
    assert first.tolist() == [True, False]
    assert remembered(values, CPU).tolist() == [True, True]


def test_the_same_bytes_of_another_type_are_another_array():
    assert remembered(np.array([1]), CPU).dtype == torch.int64
    assert remembered(np.array([1]).view(bool), CPU).tolist() == [True] + [False] * 7


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=4))
def test_rows_are_those_of_the_mask(mask):
    values = np.arange(len(mask) * 3).reshape(len(mask), 3)
    assert values.ravel()[rows(np.array(mask), CPU).numpy()].tolist() == values[np.array(mask)].tolist()
