"""A BOLD recording as the rest of this stage sees it: series at points, whatever file it came from.

Volumes, surfaces and parcel tables become the same record: one time series per point and where the point lies. Two
points closer than `reach_mm` count as neighbours; that is all the later steps know of a grid or a mesh.
"""

from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree

from assuage.errors import DataError

Float = NDArray[np.float64]
Space = Literal["head", "mni"]
Kind = Literal["volume", "surface", "parcels"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recording:
    """Time series at points.

    Attributes
    ----------
    name
        The file, for messages.
    kind
        What the points are: voxels, vertices or parcel centroids.
    series
        (T, V) float32, arbitrary units.
    points_mm
        (V, 3) RAS+ mm, in `space`.
    space
        "head" (world coordinates of the person's own image) or "mni" (MNI152).
    tr_s
        Time between frames, s.
    spacing_mm
        Typical distance between neighbouring points; 0 for parcels.
    reach_mm
        Points closer than this are neighbours; 0: none are.
    notes
        What the reader must know about how the file was read.
    """

    name: str
    kind: Kind
    series: NDArray[np.float32]
    points_mm: Float
    space: Space
    tr_s: float
    spacing_mm: float
    reach_mm: float
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no later step could use."""
        if self.series.ndim != 2 or self.points_mm.shape != (self.series.shape[1], 3):
            raise DataError(
                f"{self.name}: {self.series.shape} values at {self.points_mm.shape} points; "
                "give (frames, points) and (points, 3)"
            )
        bad = int((~np.isfinite(self.series)).any(0).sum())
        if bad:
            raise DataError(
                f"{self.name}: NaN or infinite values at {bad} of {self.series.shape[1]} points; "
                "mask them out or preprocess again"
            )
        if not 0 < self.tr_s < 60:
            raise DataError(f"{self.name}: repetition time {self.tr_s:g} s is none; give it in seconds")

    @property
    def frames(self) -> int:
        """Number of frames."""
        return int(self.series.shape[0])

    @property
    def minutes(self) -> float:
        """Length of the recording, min."""
        return self.frames * self.tr_s / 60.0

    def at(self, points_mm: Float, space: Space) -> Self:
        """Return the same series at other coordinates (V, 3)."""
        return replace(self, points_mm=np.asarray(points_mm, dtype=np.float64), space=space)

    def within(self, center_mm: Float, radius_mm: float) -> NDArray[np.int64]:
        """Return the indices (k,) of the points within a radius of a centre."""
        distance = np.linalg.norm(self.points_mm - np.asarray(center_mm), axis=1)
        return np.flatnonzero(distance <= radius_mm).astype(np.int64)


def neighbours(points_mm: Float, reach_mm: float) -> NDArray[np.intp]:
    """Return the pairs (E, 2) of points closer than `reach_mm`; none for 0."""
    if reach_mm <= 0:
        return np.empty((0, 2), dtype=np.intp)
    return np.asarray(cKDTree(points_mm).query_pairs(reach_mm, output_type="ndarray"), dtype=np.intp)


def smoother(points_mm: Float, fwhm_mm: float) -> sparse.csr_array:
    """Return the Gaussian average over points, (n, n) with rows that sum to 1; the identity for `fwhm_mm` 0."""
    count = len(points_mm)
    if fwhm_mm <= 0:
        return sparse.csr_array(sparse.identity(count, format="csr"))
    sigma = fwhm_mm / np.sqrt(8 * np.log(2))
    pairs = cKDTree(points_mm).query_pairs(3 * sigma, output_type="ndarray")
    apart = np.linalg.norm(points_mm[pairs[:, 0]] - points_mm[pairs[:, 1]], axis=1)
    weight = np.exp(-0.5 * (apart / sigma) ** 2)
    upper = sparse.coo_array((weight, (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    near = sparse.csr_array(upper + upper.T + sparse.identity(count))
    return sparse.csr_array(sparse.diags_array(1.0 / near.sum(1)) @ near)
