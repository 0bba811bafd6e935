"""The best two pairs of electrodes for temporal interference, out of all of them.

A pair p carries a current between two electrodes; F_p is its field per ampere. Two pairs with no electrode in common
carry r1 I and r2 I (the stronger of them I: the limit of a pair) and make, with M of `modulation`,

    target      sum_v w_v M(r1 I F_p, r2 I F_q)             over the target's voxels
    elsewhere   sqrt(mean_v M(r1 I F_p, r2 I F_q)^2)        over voxels of the cortex off target

`largest` maximises the first; `pareto` finds all montages for which neither can be improved without loss in the other.
Nothing is left to chance: every combination is evaluated, except those that cannot matter because

    M <= 2 min(|E1|, |E2|)                        so a pair with sum w |F| below what is needed drops out whole
    M(r E1, E2) <= M(E1, E2)  for r <= 1          so what is too weak at equal currents is too weak at every ratio
    M(r E1, E2) >= r M(E1, E2)                    bounds `elsewhere` at a ratio by that at equal currents

In terms of a = |E1|^2, b = |E2|^2, c = |E1.E2| the depth is  M^2 / 4 = k^2 a + 2 k (1 - k) c + (1 - k)^2 b  with
k = (b - c) / (a + b - 2 c) limited to 0 ... 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assuage.compile import njit, prange
from assuage.errors import PlanError

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

RATIOS = (0.8, 0.6, 0.4, 0.2)
"""Current of the weaker pair over that of the stronger, beside 1."""
FIRST = 60
"""Pairs whose combinations give the first lower bound."""
ROUNDING = 1e-5
"""Slack of every comparison that drops something: sums are in float32."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Region:
    """Fields of n electrodes at v places, and how much each place counts.

    Attributes
    ----------
    field_V_per_m_per_A
        (n, v, 3) against a common return.
    weights
        (v,) summing to 1.
    """

    field_V_per_m_per_A: Array32
    weights: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidates:
    """Montages of two pairs, each (m,): electrodes by number, currents, and what they do.

    Attributes
    ----------
    electrodes
        (m, 4): first pair from, to; second pair from, to.
    currents_A
        (m, 2) of the two pairs.
    target_V_per_m, elsewhere_V_per_m
        (m,) modulation depth in the target and elsewhere; the latter empty where it was not asked for.
    """

    electrodes: NDArray[np.int64]
    currents_A: Array
    target_V_per_m: Array
    elsewhere_V_per_m: Array


def largest(target: Region, *, pair_current_A: float) -> Candidates:
    """Return the one montage with the largest modulation of the target: that of equal currents, out of all pairs.

    Raises
    ------
    PlanError
        Fewer than four electrodes.
    """
    ends, fields = _pairs(target)
    i, j, depth = _above(fields, target, ends, 1.0)
    best = np.argsort(-depth, kind="stable")[:1]
    return _candidates(ends, i[best], j[best], np.ones((1, 2)), depth[best], np.empty(0), pair_current_A)


def pareto(target: Region, elsewhere: Region, *, pair_current_A: float, least_share: float) -> Candidates:
    """Return the montages that no other beats in both respects, the largest modulation of the target first.

    Parameters
    ----------
    target, elsewhere
        The same electrodes at the target's voxels and at those that count off target.
    pair_current_A
        Limit of one pair.
    least_share
        Only montages with at least this share of the largest modulation of the target.

    Raises
    ------
    PlanError
        Fewer than four electrodes.
    """
    ends, near = _pairs(target)
    i, j, depth = _above(near, target, ends, least_share)
    floor = least_share * float(depth.max())
    far = _split(elsewhere.field_V_per_m_per_A, ends)
    equal = np.ones((len(i), 2))
    away = _depths(far, elsewhere, i, j, equal, squared=True)
    found = _Front.of(np.arange(len(i)), equal, depth, away)
    for ratio in (pair for r in RATIOS for pair in ((r, 1.0), (1.0, r))):
        # at this ratio a montage reaches at most `depth`, and makes at least `least` elsewhere
        least = min(ratio) * away * (1 - ROUNDING)
        some = np.flatnonzero(found.may_join(depth, least))
        some = some[depth[some] >= floor * (1 - ROUNDING)]
        ratios = np.tile(ratio, (len(some), 1))
        reached = _depths(near, target, i[some], j[some], ratios, squared=False)
        still = found.may_join(reached, least[some]) & (reached >= floor)
        some, ratios, reached = some[still], ratios[still], reached[still]
        found = found.joined(some, ratios, reached, _depths(far, elsewhere, i[some], j[some], ratios, squared=True))
    kept = found.rows
    return _candidates(ends, i[kept], j[kept], found.ratios, found.target, found.elsewhere, pair_current_A)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Front:
    """Montages that none beats in both respects, by falling `target` (and so falling `elsewhere`)."""

    rows: NDArray[np.int64]
    ratios: Array
    target: Array
    elsewhere: Array

    @classmethod
    def of(cls, rows: NDArray[np.int64], ratios: Array, target: Array, elsewhere: Array) -> "_Front":
        order = np.lexsort((elsewhere, -target))
        lowest = np.minimum.accumulate(np.concatenate([[np.inf], elsewhere[order]]))[:-1]
        kept = order[elsewhere[order] < lowest]
        return cls(rows=rows[kept], ratios=ratios[kept], target=target[kept], elsewhere=elsewhere[kept])

    def joined(self, rows: NDArray[np.int64], ratios: Array, target: Array, elsewhere: Array) -> "_Front":
        return _Front.of(
            np.concatenate([self.rows, rows]),
            np.concatenate([self.ratios, ratios]),
            np.concatenate([self.target, target]),
            np.concatenate([self.elsewhere, elsewhere]),
        )

    def may_join(self, target: Array, elsewhere: Array) -> NDArray[np.bool_]:
        """Say which montages, at most this good, the front does not beat already."""
        stronger = np.searchsorted(-self.target, -target, side="right")
        least = np.concatenate([[np.inf], self.elsewhere])
        return np.asarray(elsewhere < least[stronger])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Split:
    """Fields of pairs, (p, 3, v), with the squares of their sizes, (p, v)."""

    x: Array32
    squares: Array32


def _pairs(region: Region) -> tuple[NDArray[np.int64], _Split]:
    n = len(region.field_V_per_m_per_A)
    if n < 4:
        raise PlanError(f"{n} electrodes make no two separate pairs; temporal interference needs four")
    ends = np.stack(np.triu_indices(n, 1), 1).astype(np.int64)
    return ends, _split(region.field_V_per_m_per_A, ends)


def _split(field: Array32, ends: NDArray[np.int64]) -> _Split:
    across = np.ascontiguousarray(np.moveaxis(field, 2, 1))
    x = across[ends[:, 0]] - across[ends[:, 1]]
    return _Split(x=x, squares=(x**2).sum(1))


def _above(
    fields: _Split, target: Region, ends: NDArray[np.int64], share: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    """Return all combinations (i, j) of pairs, at equal currents, with at least a share of the largest depth."""
    ceiling = 2 * np.sqrt(fields.squares) @ target.weights
    order = np.argsort(-ceiling, kind="stable")
    i, j = _combinations(order[:FIRST], ends)
    best = float(_depths(fields, target, i, j, np.ones((len(i), 2)), squared=False).max(initial=0.0))
    i, j = _combinations(order[ceiling[order] >= share * best * (1 - ROUNDING)], ends)
    depth = _depths(fields, target, i, j, np.ones((len(i), 2)), squared=False)
    kept = depth >= share * depth.max() * (1 - ROUNDING)
    return i[kept], j[kept], depth[kept]


def _combinations(pairs: NDArray[np.int64], ends: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all combinations of two of the pairs that share no electrode, the lower number first."""
    pairs = np.sort(pairs)
    i, j = (pairs[row] for row in np.triu_indices(len(pairs), 1))
    apart = (ends[i][:, :, None] != ends[j][:, None, :]).all((1, 2))
    return i[apart], j[apart]


def _depths(
    fields: _Split, region: Region, i: NDArray[np.int64], j: NDArray[np.int64], ratios: Array, *, squared: bool
) -> Array:
    """Return the weighted mean (or root mean square) depth of combinations of pairs, V/m per A of `pair_current_A`."""
    out = np.empty(len(i))
    weights = region.weights.astype(np.float32)
    _mean_depths(fields.x, fields.squares, weights, i, j, ratios.astype(np.float32), squared, out)
    return np.asarray(2 * np.sqrt(out) if squared else 2 * out)


def _candidates(
    ends: NDArray[np.int64],
    i: NDArray[np.int64],
    j: NDArray[np.int64],
    ratios: Array,
    target: Array,
    elsewhere: Array,
    current_A: float,
) -> Candidates:
    return Candidates(
        electrodes=np.concatenate([ends[i], ends[j]], 1),
        currents_A=current_A * ratios,
        target_V_per_m=current_A * target,
        elsewhere_V_per_m=current_A * elsewhere,
    )


@njit(cache=True, parallel=True, fastmath={"contract", "reassoc", "nnan", "nsz", "arcp"})
def _mean_depths(x, squares, weights, first, second, ratios, squared, out):  # type: ignore[no-untyped-def]
    """Fill out (m,) with sum w M / 2 or sum w M^2 / 4 of the combinations; x (p, 3, v), ratios (m, 2)."""
    tiny = np.float32(1e-30)
    zero, one, two = np.float32(0), np.float32(1), np.float32(2)
    for m in prange(len(first)):
        i, j = first[m], second[m]
        r, s = ratios[m, 0], ratios[m, 1]
        rr, ss, rs = r * r, s * s, r * s
        xi, xj, ai, bj = x[i], x[j], squares[i], squares[j]
        total = zero
        for v in range(len(weights)):
            a, b = rr * ai[v], ss * bj[v]
            c = rs * abs(xi[0, v] * xj[0, v] + xi[1, v] * xj[1, v] + xi[2, v] * xj[2, v])
            k = min(max((b - c) / max(a + b - two * c, tiny), zero), one)
            q = one - k
            half = k * k * a + two * k * q * c + q * q * b
            total += weights[v] * (half if squared else np.sqrt(half))
        out[m] = total
