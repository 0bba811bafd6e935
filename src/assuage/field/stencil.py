"""The symmetric 27-point stencil of a voxel grid and its product with several vectors at once.

Thirteen couplings per node are stored, w[o, i] = -K[i, i + shift_o], and K is applied as

    (K x)_i = sum_o w[o, i] (x_i - x[i + shift_o]) + w[o, i - shift_o] (x_i - x[i - shift_o]),

so constants are in the null space to the last bit. The nodes that take part are covered by chunks of CHUNK neighbours
along the flat node array: equal work for every thread, and loops of known length. Arrays over nodes are longer than
the grid by one chunk (`stored`), since the last chunk may reach beyond it.

The product itself is written in vector instructions of the compiler's intermediate language: the loop over the
thirteen couplings keeps its sums in registers and reads each coupling once for all vectors, which no loop in plain
Numba does (2.5 times slower for one vector, 3 times for three).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from assuage.compile import njit, prange

CHUNK = 32
"""Nodes in a chunk: long enough for full vectors, short enough to follow the outline of a head (17 % idle nodes)."""
BLOCK = 64
"""Chunks that a thread takes at a time."""
BAND = 24
"""Rows of nodes in a band."""
LANES = 8
"""Nodes whose sums are kept in registers at a time."""

OFFSETS = np.array(
    [(i, j, k) for i in (0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1) if (i, j, k) > (0, 0, 0)], dtype=np.int64
)
"""(13, 3) offsets to the lexicographically later half of the 26 neighbours."""


def flat_shifts(node_shape: tuple[int, int, int]) -> NDArray[np.int64]:
    """Return OFFSETS in the flat node array, (13,)."""
    _, ny, nz = node_shape
    return np.asarray((OFFSETS[:, 0] * ny + OFFSETS[:, 1]) * nz + OFFSETS[:, 2])


def chunks_over(active: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the first nodes of disjoint chunks that cover the active nodes of a node array (x, y, z).

    Their order, bands of rows one after the other, keeps the couplings shared by neighbours in the cache.
    """
    _, ny, nz = active.shape
    nodes = np.flatnonzero(active)
    starts: list[int] = []
    place = 0
    while place < len(nodes):
        starts.append(int(nodes[place]))
        place = int(np.searchsorted(nodes, nodes[place] + CHUNK))
    first = np.array(starts, dtype=np.int64)
    return first[np.argsort(first // nz % ny // BAND, kind="stable")]


@intrinsic  # type: ignore[untyped-decorator]
def _lanes_times(
    _typing: Any, w: Any, shifts: Any, xs: Any, node: Any, y: Any, at: Any
) -> tuple[Any, Callable[..., Any]]:
    """y[q, at : at + LANES] = (K xs[q])[node : node + LANES] for every vector q of the tuple xs, in y's precision."""
    signature = types.void(w, shifts, xs, node, y, at)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        w_type, shifts_type, xs_type, _, y_type, _ = signature.args
        integer = ir.IntType(64)
        vector = ir.VectorType(context.get_value_type(y_type.dtype), LANES)
        loose = ("contract", "reassoc")

        def array(kind: Any, value: Any) -> Any:
            return context.make_array(kind)(context, builder, value)

        def pointer(base: Any, index: Any, kind: Any) -> Any:
            return builder.bitcast(builder.gep(base, [index]), kind.as_pointer())

        def load(base: Any, index: Any) -> Any:
            value = builder.load(pointer(base, index, ir.VectorType(base.type.pointee, LANES)))
            value.align = 4
            return value if value.type == vector else builder.fpext(value, vector)

        w_array, node = array(w_type, arguments[0]), arguments[3]
        plane = cgutils.unpack_tuple(builder, w_array.shape)[1]
        shift_data, y_data = array(shifts_type, arguments[1]).data, array(y_type, arguments[4]).data
        vectors = [array(xs_type.dtype, builder.extract_value(arguments[2], q)).data for q in range(xs_type.count)]
        here = [load(x, node) for x in vectors]
        total = [ir.Constant(vector, [0.0] * LANES)] * len(vectors)
        for o in range(len(OFFSETS)):
            number = ir.Constant(integer, o)
            shift = builder.load(builder.gep(shift_data, [number]))
            place = builder.add(builder.mul(plane, number), node)
            ahead, behind = load(w_array.data, place), load(w_array.data, builder.sub(place, shift))
            after, before = builder.add(node, shift), builder.sub(node, shift)
            for q, x in enumerate(vectors):
                for coupling, other in ((ahead, after), (behind, before)):
                    drop = builder.fsub(here[q], load(x, other))
                    total[q] = builder.fadd(total[q], builder.fmul(coupling, drop, flags=loose), flags=loose)
        for q, value in enumerate(total):
            index = builder.add(arguments[5], ir.Constant(integer, q * CHUNK))
            builder.store(value, pointer(y_data, index, vector)).align = 4
        return context.get_dummy_value()

    return signature, generate


@njit(cache=True)
def chunk_times(w, shifts, xs, start, y):  # type: ignore[no-untyped-def]
    """y[q] = (K xs[q])[start : start + CHUNK]; xs a tuple of vectors (stored,), y (len(xs), CHUNK)."""
    for at in range(0, CHUNK, LANES):
        _lanes_times(w, shifts, xs, start + at, y, at)


@njit(cache=True)
def block_count(chunks):  # type: ignore[no-untyped-def]
    """Return the number of blocks of chunks: what one thread takes at a time."""
    return (len(chunks) + BLOCK - 1) // BLOCK


@njit(cache=True)
def block_of(chunks, block):  # type: ignore[no-untyped-def]
    """Return the chunks of a block."""
    return chunks[block * BLOCK : (block + 1) * BLOCK]


@njit(cache=True, parallel=True)
def apply(w, shifts, chunks, xs, ys):  # type: ignore[no-untyped-def]
    """Compute ys[q] = K xs[q] over the chunks; xs and ys are tuples of vectors (stored,)."""
    for block in prange(block_count(chunks)):
        y = np.empty((len(xs), CHUNK), ys[0].dtype)
        for start in block_of(chunks, block):
            chunk_times(w, shifts, xs, start, y)
            for q in range(len(xs)):
                ys[q][start : start + CHUNK] = y[q]
