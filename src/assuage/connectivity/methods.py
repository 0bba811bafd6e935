"""From a connectivity map to one point: the methods in use, each with who described it.

peak        strongest point of the smoothed map (Fox et al. 2012, 10.1016/j.biopsych.2012.04.028)
cluster     centre of the strongest connected cluster above a share of the region (Cash et al. 2021, 10.1002/hbm.25330)
seed_map    strongest point, with the seed's signal taken from the whole brain by a group map (Fox et al. 2013,
            10.1016/j.neuroimage.2012.10.082)
network     centre of the strongest cluster, by the same share, of the patch that the seed's network wins against the
            other regions of the circuit (after Lynch et al. 2022, 10.1016/j.neuron.2022.08.012)

Read were the abstracts; thresholds and smoothing here are working choices and are written into every result.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from assuage.connectivity.recording import neighbours, smoother
from assuage.errors import DataError

Float = NDArray[np.float64]

SMOOTHING_FWHM_MM = 6.0
CLUSTER_SHARE = 0.1
"""Share of the region's points above the threshold of `cluster` and `network`."""
TINY = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Geometry:
    """The points of a search region and how they hang together.

    points_mm (V, 3), smoothing (V, V), edges (E, 2) pairs of neighbours, spacing_mm between them.
    """

    points_mm: Float
    smoothing: sparse.csr_array
    edges: NDArray[np.intp]
    spacing_mm: float


def geometry(points_mm: Float, *, spacing_mm: float, reach_mm: float, fwhm_mm: float) -> Geometry:
    """Describe a search region; parcels (`reach_mm` 0) are neither smoothed nor joined."""
    return Geometry(
        points_mm=points_mm,
        smoothing=smoother(points_mm, fwhm_mm if reach_mm > 0 else 0.0),
        edges=neighbours(points_mm, reach_mm),
        spacing_mm=spacing_mm,
    )


def scores(maps: Float, where: Geometry, polarity: int) -> Float:
    """Return smoothed Fisher z of maps (..., V), with the wanted sign made positive."""
    fisher = np.arctanh(np.clip(polarity * maps, -0.999, 0.999))
    return np.asarray((where.smoothing @ fisher.reshape(-1, fisher.shape[-1]).T).T.reshape(fisher.shape))


def peak(score: Float, where: Geometry) -> Float:
    """Return the strongest point (R, 3) of scores (R, 1, V)."""
    return np.asarray(where.points_mm[score[:, 0].argmax(1)])


def cluster(score: Float, where: Geometry) -> Float:
    """Return the score-weighted centre (R, 3) of the strongest cluster above the threshold of scores (R, 1, V)."""
    return np.asarray(_of_cluster(score, where) @ where.points_mm)


def network(score: Float, where: Geometry) -> Float:
    """Return the centre (R, 3) of the strongest part of where reference 0 wins against the others of scores (R, K, V).

    Where it wins nowhere, the point where it comes closest.
    """
    return np.asarray(_of_network(score, where) @ where.points_mm)


def resolution_mm2(method: str, score: Float, where: Geometry) -> float:
    """Return the variance along an axis, mm2, that the spacing of the points leaves in a target from scores (K, V).

    A point of a grid stands for its voxel, which is uniform over the spacing h: h^2 / 12. A centre of points with
    weights s, sum 1, is that much sharper: h^2 / 12 sum s^2.
    """
    share = SHARES[method](score[None], where)[0] if method in SHARES else np.ones(1)
    return float(where.spacing_mm**2 / 12 * (share**2).sum())


def _of_cluster(score: Float, where: Geometry) -> Float:
    return _core(score[:, 0], np.ones(score[:, 0].shape, dtype=bool), where)


def _of_network(score: Float, where: Geometry) -> Float:
    lead = score[:, 0] - score[:, 1:].max(1)
    won = (lead > 0) & (score[:, 0] > 0)
    won[np.arange(len(lead)), lead.argmax(1)] |= ~won.any(1)
    return _core(score[:, 0], won, where)


def _core(score: Float, allowed: NDArray[np.bool_], where: Geometry) -> Float:
    """Return the weights (R, V), sum 1, of the strongest cluster among the region's top share of scores (R, V).

    Only allowed points count. Weights are what exceeds the threshold, so that the far tails of a network, where noise
    decides, do not pull its centre towards the middle of the region.
    """
    count = score.shape[1]
    above = max(1, round(CLUSTER_SHARE * count))
    ranked = np.where(allowed, score, -np.inf)
    floors = np.partition(ranked, count - above, axis=1)[:, count - above, None]
    over = score - np.where(np.isfinite(floors), floors, 0.0)
    return _shares(np.maximum(over, 0), allowed & (ranked >= floors), where)


SHARES: dict[str, Callable[[Float, Geometry], Float]] = {"cluster": _of_cluster, "network": _of_network}
"""Methods whose target is a centre: from scores (R, K, V) to the weights (R, V) of the points."""
METHODS: dict[str, Callable[[Float, Geometry], Float]] = {
    "peak": peak,
    "cluster": cluster,
    "seed_map": peak,
    "network": network,
}
SAYS = {
    "peak": "strongest point of the smoothed seed map (Fox et al. 2012)",
    "cluster": f"centre of the strongest cluster in the top {CLUSTER_SHARE:.0%} of the region (after Cash et al. 2021)",
    "seed_map": "strongest point of the smoothed map of a group-weighted whole-brain seed signal (Fox et al. 2013)",
    "network": "strongest cluster of the patch won against the circuit's other regions (after Lynch et al. 2022)",
}


def method_named(name: str, *, with_map: bool) -> Callable[[Float, Geometry], Float]:
    """Return a method; `with_map` says whether a group map of the seed is given.

    Raises
    ------
    DataError
        An unknown name; the message lists the known ones. A map that the method has no use for, or needs and lacks.
    """
    if name not in METHODS:
        raise DataError(f"method {name!r} is unknown; methods: {', '.join(METHODS)}")
    if (name == "seed_map") != with_map:
        verb = "takes no" if with_map else "needs"
        raise DataError(f"method {name!r} {verb} group map of the seed (--group-map); see docs/fmri.md")
    return METHODS[name]


def _shares(weight: Float, chosen: NDArray[np.bool_], where: Geometry) -> Float:
    """Return the weights (R, V), sum 1, of the connected part of the chosen points (R, V) with the largest weight.

    All replicates are one graph of R V nodes without edges between replicates.
    """
    replicates, count = weight.shape
    replicate, edge = np.nonzero(chosen[:, where.edges[:, 0]] & chosen[:, where.edges[:, 1]])
    ends = where.edges[edge] + replicate[:, None] * count
    size = replicates * count
    graph = sparse.coo_array((np.ones(len(ends), dtype=np.int8), (ends[:, 0], ends[:, 1])), shape=(size, size))
    _, label = connected_components(graph.tocsr(), directed=False)
    share = np.where(chosen, weight + TINY, 0.0).reshape(-1)
    total = np.bincount(label, weights=share)[label].reshape(replicates, count)
    best = label.reshape(replicates, count)[np.arange(replicates), np.where(chosen, total, -1.0).argmax(1)]
    share = share.reshape(replicates, count) * (label.reshape(replicates, count) == best[:, None])
    return np.asarray(share / share.sum(1, keepdims=True))
