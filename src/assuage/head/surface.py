"""The outer skin as a triangle surface, from the share of each voxel that is not air.

Steps: block-average to about 2 mm; close openings narrower than `OPENING_MM` (ear canals, nostrils); fill everything
that the outside air does not reach; keep the largest piece; marching cubes at one half. Where the scan cuts the head
the surface stays open: a cut is no skin, so no electrode or coil is ever placed there.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from skimage.measure import marching_cubes

from assuage.errors import HeadError
from assuage.head.triangles import nearest_on_candidates

Float = NDArray[np.float64]
Int = NDArray[np.int64]

GRID_MM = 1.9
"""Voxels finer than this are averaged in blocks first: skin is smooth at 2 mm and the surface four times smaller."""
OPENING_MM = 12.0
"""Air passages narrower than this are closed: an ear canal is 7-8 mm wide, and a ball dips into what it bridges."""
SMOOTH_SIGMA_MM = 1.3
"""Smoothing before marching cubes: takes the voxel steps out, shifts a 90 mm sphere inwards by 0.02 mm."""
NORMAL_SIGMA_MM = 2.5
"""Normals come from the field smoothed by this much, so that a voxel's staircase does not tilt an electrode."""
CANDIDATES = 10
"""Triangles tried per point, by nearest centre. A tenth one changes no distance by more than 0.01 mm on real scalps."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Surface:
    """A triangle surface with outward normals.

    Attributes
    ----------
    vertices_mm
        (n, 3) RAS+ mm.
    triangles
        (m, 3) vertex numbers, counter-clockwise seen from outside.
    normals
        (n, 3) outward unit vectors.
    """

    vertices_mm: Float
    triangles: Int
    normals: Float

    @cached_property
    def areas_mm2(self) -> Float:
        """Area of each triangle, (m,)."""
        a, b, c = (self.vertices_mm[self.triangles[:, k]] for k in range(3))
        return np.asarray(0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1))

    @cached_property
    def centers_mm(self) -> Float:
        """Centre of each triangle, (m, 3)."""
        return np.asarray(self.vertices_mm[self.triangles].mean(1))

    @cached_property
    def rim_mm(self) -> Float:
        """Vertices (k, 3) on the open rim where the scan cuts the head; empty for a closed surface."""
        edges = np.sort(self.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
        found, counts = np.unique(edges, axis=0, return_counts=True)
        return np.asarray(self.vertices_mm[np.unique(found[counts == 1])])

    @property
    def is_closed(self) -> bool:
        """Whether no triangle has a free edge."""
        return len(self.rim_mm) == 0

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self.centers_mm)

    def nearest(self, points_mm: ArrayLike) -> tuple[Float, Float, Float]:
        """Return the foot of each point on the surface, the outward normal there, and the unsigned distance.

        Parameters
        ----------
        points_mm
            (k, 3) or (3,) world points.

        Returns
        -------
        foot_mm (k, 3), normal (k, 3), distance_mm (k,)
        """
        points = np.ascontiguousarray(np.asarray(points_mm, dtype=np.float64).reshape(-1, 3))
        if not np.isfinite(points).all():
            raise HeadError("a point holds NaN or infinity; check the coordinates")
        _, candidates = self._tree.query(points, k=[*range(1, min(CANDIDATES, len(self.triangles)) + 1)])
        number, weights, distance = nearest_on_candidates(
            points, self.vertices_mm, self.triangles, np.asarray(candidates, dtype=np.int64)
        )
        corners = self.triangles[number]
        foot = np.einsum("nk,nka->na", weights, self.vertices_mm[corners])
        normal = np.einsum("nk,nka->na", weights, self.normals[corners])
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
        return foot, normal, distance


def scalp_surface(inside_fraction: NDArray[np.floating], affine: Float) -> Surface:
    """Return the outer skin of a head.

    Parameters
    ----------
    inside_fraction
        (nx, ny, nz) in [0, 1], the share of each voxel that is not air.
    affine
        (4, 4) voxel index to RAS+ mm.

    Raises
    ------
    HeadError
        No skin: the volume holds no air around the head, or no head.
    """
    fraction, grid_affine = block_average(inside_fraction, affine)
    spacing = np.linalg.norm(grid_affine[:3, :3], axis=0)
    solid = _solid(fraction, spacing)
    if not solid.any() or solid.all():
        raise HeadError(
            "the labels have no outer skin (all air, or no air at all around the head); include a margin of label 0"
        )
    shape = _one_piece(fraction, solid)
    shape = ndimage.gaussian_filter(shape, np.maximum(SMOOTH_SIGMA_MM / spacing, 0.6), mode="nearest")
    vertices, triangles, _, _ = marching_cubes(shape, level=0.5, allow_degenerate=False)
    index, faces = _largest_piece(vertices.astype(np.float64), triangles.astype(np.int64))
    normals = _outward_normals(shape, spacing, grid_affine, index)
    vertices_mm = index @ grid_affine[:3, :3].T + grid_affine[:3, 3]
    a, b, c = (vertices_mm[faces[:, k]] for k in range(3))
    if np.einsum("na,na->", np.cross(b - a, c - a), normals[faces].mean(1)) < 0:
        faces = faces[:, ::-1]
    return Surface(
        vertices_mm=np.ascontiguousarray(vertices_mm), triangles=np.ascontiguousarray(faces), normals=normals
    )


def block_average(fraction: NDArray[np.floating], affine: Float) -> tuple[NDArray[np.float32], Float]:
    """Average blocks of fine voxels to about `GRID_MM`; the affine follows."""
    size = np.linalg.norm(affine[:3, :3], axis=0)
    factor = np.maximum(1, np.floor(GRID_MM / size + 0.1).astype(int))
    padding = [(0, int(-n % f)) for n, f in zip(fraction.shape, factor, strict=True)]
    padded = np.pad(fraction.astype(np.float32, copy=False), padding, mode="edge")
    blocks = [v for n, f in zip(padded.shape, factor, strict=True) for v in (n // f, int(f))]
    averaged: NDArray[np.float32] = padded.reshape(blocks).mean(axis=(1, 3, 5), dtype=np.float32)
    coarse = affine.copy()
    coarse[:3, 3] += affine[:3, :3] @ ((factor - 1) / 2)
    coarse[:3, :3] = affine[:3, :3] * factor
    return averaged, coarse


def _solid(fraction: NDArray[np.float32], spacing: Float) -> NDArray[np.bool_]:
    """Return what the outside air cannot reach through passages wider than `OPENING_MM`; largest piece only."""
    inside = fraction > 0.5
    if not inside.any():
        return inside
    _fill_cut_faces(inside)
    radius = OPENING_MM / 2
    margin = [int(np.ceil(radius / s)) + 2 for s in spacing]
    padded = np.pad(inside, [(m, m) for m in margin])
    near = ndimage.distance_transform_edt(~padded, sampling=spacing) <= radius
    wide_air = _touching_border(~near)
    reached = ndimage.distance_transform_edt(~wide_air, sampling=spacing) <= radius
    solid = ~reached | padded
    solid = ~_touching_border(~solid)
    crop = tuple(slice(m, -m) for m in margin)
    number, count = ndimage.label(solid[crop])
    if count > 1:
        return np.asarray(number == 1 + int(np.argmax(np.bincount(number.reshape(-1))[1:])))
    return np.asarray(solid[crop])


def _fill_cut_faces(inside: NDArray[np.bool_]) -> None:
    """Fill, in place, holes of the head's outline on each face of the volume (a windpipe is no outside air)."""
    for axis in range(3):
        for end in (0, -1):
            face = np.moveaxis(inside, axis, 0)[end]
            if face.any():
                face |= ndimage.binary_fill_holes(face)


def _touching_border(air: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pieces of `air` that reach the first voxel of the volume (its corner is outside the head)."""
    number, _ = ndimage.label(air)
    return np.asarray((number == number[0, 0, 0]) & air)


def _one_piece(fraction: NDArray[np.float32], solid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the fraction with inner air filled and loose pieces removed, so that one level set is the skin."""
    shell = ndimage.binary_dilation(solid) & ~solid
    shape = np.where(solid, np.maximum(fraction, np.float32(0.5001)), np.where(shell, fraction, 0))
    shape[ndimage.binary_erosion(solid, border_value=1)] = 1
    return np.minimum(shape, np.where(solid, 1, np.float32(0.4999))).astype(np.float32)


def _largest_piece(vertices: Float, triangles: Int) -> tuple[Float, Int]:
    """Keep the connected piece with the most triangles; drop vertices that no triangle uses."""
    n = len(vertices)
    pairs = triangles[:, [0, 1, 1, 2]].reshape(-1, 2)
    graph = coo_array((np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    _, piece = connected_components(graph, directed=False)
    largest = np.argmax(np.bincount(piece[triangles[:, 0]]))
    kept = triangles[piece[triangles[:, 0]] == largest]
    used, renumbered = np.unique(kept, return_inverse=True)
    return vertices[used], renumbered.reshape(-1, 3).astype(np.int64)


def _outward_normals(shape: NDArray[np.float32], spacing: Float, affine: Float, index: Float) -> Float:
    """Return -grad of the smoothed field at vertices given by voxel index, as world unit vectors."""
    smooth = ndimage.gaussian_filter(shape, np.maximum(NORMAL_SIGMA_MM / spacing, 1.0), mode="nearest")
    components: list[Float] = [np.asarray(part, dtype=np.float64) for part in np.gradient(smooth)]
    gradient = np.stack(
        [ndimage.map_coordinates(part, index.T, order=1, mode="nearest") for part in components], axis=1
    )
    normal = -gradient @ np.linalg.inv(affine[:3, :3])
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    return np.ascontiguousarray(normal / np.maximum(length, 1e-12))
