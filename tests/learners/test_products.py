"""Products in compiled code against numpy's in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from dvdn_sim.learners.products import multiply

sizes = st.integers(1, 40)


@njit
def product(a, w, c, added):
    multiply(a, w, c, added)


@njit
def product_of_columns(a, w, c, added):
    multiply(a.T, w, c, added)


@settings(max_examples=150, deadline=None)
@given(sizes, sizes, sizes, st.booleans(), st.booleans(), st.sampled_from(["f4", "f8"]), st.integers(0, 10**6))
def test_a_product_is_numpys_and_no_more_is_written(m, depth, n, by_columns, added, kind, seed):  # noqa: PLR0917
    rng = np.random.default_rng(seed)
    a, w, c = (rng.standard_normal(shape).astype(kind) for shape in ((m, depth), (depth, n), (m + 1, n + 3)))
    before, into = c.copy(), c[:, :n]
    multiplied, given_a = (product_of_columns, np.ascontiguousarray(a.T)) if by_columns else (product, a)
    multiplied(given_a, w, into, added)
    expected = a.astype("f8") @ w + (before[:m, :n] if added else 0.0)
    assert np.abs(into[:m] - expected).max() <= (depth + 1) * np.finfo(kind).eps * 30
    assert (c[m:] == before[m:]).all()
    assert (c[:, n:] == before[:, n:]).all()


@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_a_number_does_not_depend_on_what_is_worked_out_beside_it(kind):
    """To the bit: any rows and columns alone, the products of a learner's size."""
    rng = np.random.default_rng(0)
    a, w = rng.standard_normal((33, 33)).astype(kind), rng.standard_normal((33, 99)).astype(kind)
    whole = np.empty((33, 99), kind)
    product(a, w, whole, False)
    for rows, columns in [(rows, columns) for rows in (1, 2, 3, 6, 8, 32) for columns in (1, 7, 8, 15, 24, 96)]:
        part = np.empty((rows, columns), kind)
        product(a[-rows:], np.ascontiguousarray(w[:, -columns:]), part, False)
        assert (part == whole[-rows:, -columns:]).all()
