"""Products of small matrices in compiled code.

A product is worked out tile by tile, some rows and one or two vectors of columns, whose sums stay in registers. numba
makes no such code from loops, therefore it is written here in LLVM's instructions. Every number is the sum over k in
its order, by one fused multiply-add after the other where the processor has it, whatever the tile: it does not depend
on how many rows and columns are worked out beside it.
"""

from itertools import product
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from dvdn_sim.compiled import inlined, inner

Array = NDArray[np.floating[Any]]

LANES = 8
"""Numbers of a vector; a processor takes it in one or more of its own."""
HEIGHTS = 6, 4, 2, 1
"""Rows of a tile."""
WIDTHS = {2 * LANES: (2, LANES), LANES: (1, LANES), 1: (1, 1)}
"""Columns of a tile, as so many vectors of so many lanes. The sums of the largest tile, and what they need next, take
all 16 registers of AVX2."""
FUSED = ("contract",)


@intrinsic
def _tile(
    _: Any, number: Any, height: Any, width: Any, a: Any, a_row: Any, a_column: Any, w: Any, w_row: Any,
    c: Any, c_row: Any, depth: Any, added: Any,
) -> Any:  # fmt: skip
    """Work out a tile of c = a w, or of c + a w if that is to be `added`.

    `number` gives the type of all; a, w and c are addresses, followed by the bytes from row to row, and in a from
    column to column. `depth` is the number of a's columns.
    """

    def lowered(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        kind, done = context.get_value_type(signature.args[0]), builder.append_basic_block()
        _, rows, columns, *where = given
        chosen = builder.add(builder.mul(rows, ir.Constant(rows.type, 2 * LANES + 1)), columns)
        cases = builder.switch(chosen, done)
        for m, (n, (vectors, lanes)) in product(HEIGHTS, WIDTHS.items()):
            case = builder.append_basic_block()
            cases.add_case(ir.Constant(rows.type, m * (2 * LANES + 1) + n), case)
            builder.position_at_end(case)
            _sums(builder, ir.VectorType(kind, lanes), context.get_abi_sizeof(kind), m, vectors, where)
            builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return types.void(number, *(types.intp,) * 10, types.boolean), lowered


def _sums(builder: Any, wide: Any, size: int, height: int, vectors: int, where: Any) -> None:
    """Write the instructions of a tile: sums in registers, and a loop over k."""
    a, a_row, a_column, w, w_row, c, c_row, depth, added = where
    whole, begun, tile = depth.type, builder.block, list(product(range(height), range(vectors)))
    head, body, end = (builder.append_basic_block() for _ in range(3))

    def row_of(start: Any, stride: Any, row: int) -> Any:
        return builder.add(start, builder.mul(stride, ir.Constant(whole, row)))

    def vector_at(row: Any, vector: int) -> Any:
        place = builder.add(row, ir.Constant(whole, vector * wide.count * size))
        return builder.inttoptr(place, wide.as_pointer())

    a_rows, c_rows = ([row_of(*each, row) for row in range(height)] for each in ((a, a_row), (c, c_row)))
    before = {each: builder.load(vector_at(c_rows[each[0]], each[1]), align=size) for each in tile}
    before = {each: builder.select(added, old, ir.Constant(wide, None)) for each, old in before.items()}
    builder.branch(head)
    builder.position_at_end(head)
    k, sums = builder.phi(whole), {each: builder.phi(wide) for each in tile}
    builder.cbranch(builder.icmp_signed("<", k, depth), body, end)
    builder.position_at_end(body)
    w_now, a_now, nothing = (
        builder.add(w, builder.mul(w_row, k)),
        builder.mul(a_column, k),
        ir.Constant(wide, ir.Undefined),
    )
    factors = [builder.load(vector_at(w_now, vector), align=size) for vector in range(vectors)]
    lanes = ir.Constant(ir.VectorType(ir.IntType(32), wide.count), None)
    for row in range(height):
        one = builder.load(builder.inttoptr(builder.add(a_rows[row], a_now), wide.element.as_pointer()))
        one = builder.insert_element(nothing, one, ir.Constant(ir.IntType(32), 0))
        one = builder.shuffle_vector(one, nothing, lanes)
        for vector in range(vectors):
            old = sums[row, vector]
            new = builder.fadd(builder.fmul(one, factors[vector], flags=FUSED), old, flags=FUSED)
            old.add_incoming(before[row, vector], begun)
            old.add_incoming(new, body)
    k.add_incoming(ir.Constant(whole, 0), begun)
    k.add_incoming(builder.add(k, ir.Constant(whole, 1)), body)
    builder.branch(head)
    builder.position_at_end(end)
    for row, vector in tile:
        builder.store(sums[row, vector], vector_at(c_rows[row], vector), align=size)


@inner
def _by_tiles(
    number: Any, size: int, a: int, a_row: int, a_column: int, w: int, w_row: int, c: int, c_row: int,
    rows: int, columns: int, depth: int, added: bool,
) -> None:  # fmt: skip
    column = 0
    while column < columns:
        left = columns - column
        width = 2 * LANES if left >= 2 * LANES else LANES if left >= LANES else 1
        row = 0
        while row < rows:
            left = rows - row  # 8 are 4 and 4, which is faster than 6 and 2
            height = 6 if left == 6 or left >= 10 else 4 if left >= 4 else 2 if left >= 2 else 1
            x, y, z = a + row * a_row, w + column * size, c + row * c_row + column * size
            _tile(number, height, width, x, a_row, a_column, y, w_row, z, c_row, depth, added)  # type: ignore[call-arg]
            row += height
        column += width


@inlined
def multiply(a: Array, w: Array, c: Array, added: bool = False) -> None:
    """Write a w, ``[M, K]`` by ``[K, N]``, into the first M rows of c, ``[M or more, N]``, or add it to them.

    Numbers of a row of w, and of c, lie beside each other.
    """
    (rows, depth), columns = a.shape, w.shape[1]
    (a_row, a_column), w_row, c_row = a.strides, w.strides[0], c.strides[0]
    place, factors, into = a.ctypes.data, w.ctypes.data, c.ctypes.data
    _by_tiles(
        a.dtype.type(0), a.itemsize, place, a_row, a_column, factors, w_row, into, c_row, rows, columns, depth, added
    )
