"""The part of the brain a plan aims at.

A target is a sphere or a mask in world coordinates (RAS+, mm) and the tissue in which the field counts. Its read-out is
the mean electric field over `inside` and `tissue`; `direction` says which component of that mean the search maximises:

==============  ======================================================================================
direction       quantity
==============  ======================================================================================
``None``        magnitude of the mean field
unit vector     component along it, world axes
``"normal"``    component along the mean cortical normal of the target, pointing from the outer (pial)
                surface into the white matter, so that a positive value is inward field
==============  ======================================================================================
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assuage.errors import TargetError
from assuage.targets.cortex import mean_inward_normal

if TYPE_CHECKING:
    from assuage.head import Head

Direction = NDArray[np.float64] | Literal["normal"] | None

UNIT_TOLERANCE = 1e-3
"""A direction whose length differs from 1 by more than this is refused: it is more likely a point than a direction."""

OUTSIDE_BRAIN = frozenset(
    {"air", "csf", "skull", "skull_compact", "skull_spongy", "scalp", "eyes", "blood", "muscle", "fat", "cartilage"}
)
"""Tissues that "auto" never takes as target tissue."""

NOT_AIMED_AT = frozenset({"lesion"})
"""Brain tissues that "auto" takes only where they are all there is."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Target:
    """A region of the brain and the field component wanted there; make one by `sphere` or `from_mask`.

    Attributes
    ----------
    name
        What reports call it.
    center_mm
        (3,) centre in world coordinates; of a mask, the centroid of its voxels.
    radius_mm
        Radius of the sphere; of a mask, the radius of the sphere of the same volume.
    mask, affine
        Boolean (nx, ny, nz) and its (4, 4) voxel-to-world matrix in mm, or None for a sphere.
    direction
        Unit vector (3,), ``"normal"`` or None.
    tissue
        Tissue names, or ("auto",).
    snapped_mm
        How far the centre was moved to reach grey matter (0: not moved).
    requested_mm
        (3,) the point asked for, in head coordinates; equals the centre where nothing was moved.
    notes
        What the reader must know about how this target was made.
    """

    name: str
    center_mm: NDArray[np.float64]
    radius_mm: float
    mask: NDArray[np.bool_] | None
    affine: NDArray[np.float64] | None
    direction: Direction
    tissue: tuple[str, ...]
    snapped_mm: float
    requested_mm: NDArray[np.float64]
    notes: tuple[str, ...]

    @classmethod
    def sphere(
        cls,
        center_mm: ArrayLike,
        radius_mm: float,
        direction: ArrayLike | None = None,
        *,
        tissue: str | Iterable[str] = "auto",
        name: str = "",
        snapped_mm: float = 0.0,
        requested_mm: ArrayLike | None = None,
        notes: Iterable[str] = (),
    ) -> Self:
        """Take the tissue within a radius of a point.

        Parameters
        ----------
        center_mm
            (3,) world coordinates, mm.
        radius_mm
            Radius, mm, above 0.
        direction
            Unit vector (3,), ``"normal"`` or None; see the module docstring.
        tissue
            A tissue name, several, or "auto"; see `tissue_in`.
        name
            What reports call it; the coordinates if empty.
        snapped_mm, requested_mm, notes
            Provenance, as in the attributes.

        Raises
        ------
        TargetError
            A centre, radius or direction that is not finite or not meaningful.
        """
        center = _point(center_mm, "center_mm")
        radius = float(radius_mm)
        if not (np.isfinite(radius) and radius > 0):
            raise TargetError(f"radius_mm = {radius_mm}; a target needs a finite radius above 0 mm")
        return cls(
            name=name or f"sphere at {center[0]:.0f} {center[1]:.0f} {center[2]:.0f} mm",
            center_mm=center,
            radius_mm=radius,
            mask=None,
            affine=None,
            direction=_direction(direction),
            tissue=_tissue(tissue),
            snapped_mm=float(snapped_mm),
            requested_mm=center if requested_mm is None else _point(requested_mm, "requested_mm"),
            notes=tuple(notes),
        )

    @classmethod
    def from_mask(
        cls,
        mask: ArrayLike,
        affine: ArrayLike,
        direction: ArrayLike | None = None,
        *,
        tissue: str | Iterable[str] = "auto",
        name: str = "",
        notes: Iterable[str] = (),
    ) -> Self:
        """Take the voxels of a mask, on any grid, oblique ones too.

        Parameters
        ----------
        mask
            (nx, ny, nz); voxels other than 0 belong to the target.
        affine
            (4, 4) voxel-to-world matrix of the mask, mm.
        direction, tissue, name, notes
            As in `sphere`.

        Raises
        ------
        TargetError
            An empty or non-finite mask, one that is not 3-D, or an affine that is not invertible.
        """
        voxels = np.asarray(mask)
        if voxels.ndim != 3:
            raise TargetError(f"the target mask has shape {voxels.shape}; give one 3-D volume")
        if voxels.dtype.kind == "f" and not np.isfinite(voxels).all():
            raise TargetError("the target mask holds NaN or infinity; threshold it first")
        inside = voxels != 0
        if not inside.any():
            raise TargetError("the target mask is empty; no voxel is above 0")
        matrix = _affine(affine)
        index = np.argwhere(inside)
        center = (index @ matrix[:3, :3].T + matrix[:3, 3]).mean(0)
        volume_mm3 = len(index) * abs(np.linalg.det(matrix[:3, :3]))
        return cls(
            name=name or f"mask of {len(index)} voxels",
            center_mm=center,
            radius_mm=float((3 * volume_mm3 / (4 * np.pi)) ** (1 / 3)),
            mask=inside,
            affine=matrix,
            direction=_direction(direction),
            tissue=_tissue(tissue),
            snapped_mm=0.0,
            requested_mm=center,
            notes=tuple(notes),
        )

    def inside(self, points_mm: ArrayLike) -> NDArray[np.bool_]:
        """Say which points lie in the sphere (its surface included) or in a voxel of the mask.

        Parameters
        ----------
        points_mm
            (n, 3) world coordinates, mm.

        Returns
        -------
        (n,) bool.
        """
        points = np.asarray(points_mm)
        if points.ndim != 2 or points.shape[1] != 3:
            raise TargetError(f"points_mm has shape {points.shape}; give (n, 3)")
        if self.mask is None or self.affine is None:
            offset = points - self.center_mm.astype(points.dtype if points.dtype.kind == "f" else np.float64)
            return np.asarray(np.einsum("ni,ni->n", offset, offset) <= self.radius_mm**2, dtype=np.bool_)
        world_to_voxel = np.linalg.inv(self.affine)
        index = np.floor(points @ world_to_voxel[:3, :3].T + world_to_voxel[:3, 3] + 0.5).astype(np.int64)
        within = ((index >= 0) & (index < self.mask.shape)).all(1)
        result = np.zeros(len(points), dtype=np.bool_)
        result[within] = self.mask[tuple(index[within].T)]
        return result

    def tissue_in(self, head: "Head") -> frozenset[str]:
        """Name the tissues in which the field of this target counts on a head.

        "auto" takes grey matter where the target holds some; else the other brain tissues of the head that the target
        holds (everything but `OUTSIDE_BRAIN`; a lesion only where there is nothing else).

        Raises
        ------
        TargetError
            A tissue that the head does not have, or a target that holds none of the wanted tissues.
        """
        found = self._tissues_inside(head)
        if self.tissue != ("auto",):
            wanted = frozenset(self.tissue)
            unknown = wanted - set(head.tissues.values())
            if unknown:
                known = ", ".join(sorted(head.tissues.values()))
                raise TargetError(f"tissue {', '.join(sorted(unknown))} is not in head {head.name!r}; it has {known}")
            if not wanted & found:
                raise TargetError(self._holds(found) + f", none of it {', '.join(sorted(wanted))}")
            return wanted
        if "grey_matter" in found:
            return frozenset({"grey_matter"})
        brain = found - OUTSIDE_BRAIN
        if not brain:
            raise TargetError(self._holds(found) + "; move it into the brain or name its tissue=")
        return frozenset(brain - NOT_AIMED_AT or brain)

    def mask_in(self, head: "Head") -> NDArray[np.bool_]:
        """Mark the voxels of the head's labels that belong to the target: inside it and of its tissue.

        Returns
        -------
        (nx, ny, nz) bool on the grid of ``head.labels``.
        """
        wanted = self.tissue_in(head)
        tags = [tag for tag, tissue in head.tissues.items() if tissue in wanted]
        result = np.zeros(head.labels.shape, dtype=np.bool_)
        index = self._voxels_inside(head)
        keep = np.isin(head.labels[tuple(index.T)], tags)
        result[tuple(index[keep].T)] = True
        return result

    def direction_in(self, head: "Head") -> NDArray[np.float64] | None:
        """Resolve the wanted direction on a head.

        Returns
        -------
        Unit vector (3,) in world axes, or None where the magnitude is wanted.

        Raises
        ------
        TargetError
            The mean cortical normal was asked for and the surfaces in the target cancel.
        """
        if isinstance(self.direction, str):
            return mean_inward_normal(head, self.mask_in(head), name=self.name)
        return self.direction

    def _holds(self, found: frozenset[str]) -> str:
        where = " ".join(f"{x:.1f}" for x in self.center_mm)
        return f"target {self.name!r} at {where} mm holds {', '.join(sorted(found)) or 'no tissue of the head'}"

    def _tissues_inside(self, head: "Head") -> frozenset[str]:
        index = self._voxels_inside(head)
        tags = np.unique(head.labels[tuple(index.T)]) if len(index) else np.empty(0, dtype=np.uint8)
        return frozenset(head.tissues[int(tag)] for tag in tags if int(tag) in head.tissues) - {"air"}

    def _voxels_inside(self, head: "Head") -> NDArray[np.int64]:
        """Indices (k, 3) of the head voxels whose centre is inside; the nearest voxel if the target is smaller."""
        if self.mask is None or self.affine is None:
            corners = self.center_mm + self.radius_mm * np.array(np.meshgrid(*[[-1, 1]] * 3)).reshape(3, -1).T
        else:
            index = np.argwhere(self.mask)
            low, high = index.min(0) - 0.5, index.max(0) + 0.5
            box = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
            corners = box @ self.affine[:3, :3].T + self.affine[:3, 3]
        world_to_voxel = np.linalg.inv(head.affine)
        voxel = corners @ world_to_voxel[:3, :3].T + world_to_voxel[:3, 3]
        low = np.clip(np.floor(voxel.min(0)), 0, np.array(head.labels.shape)).astype(int)
        high = np.clip(np.ceil(voxel.max(0)) + 1, 0, np.array(head.labels.shape)).astype(int)
        box = np.stack(np.meshgrid(*map(np.arange, low, high), indexing="ij"), -1).reshape(-1, 3)
        keep = self.inside(box @ head.affine[:3, :3].T + head.affine[:3, 3])
        if not keep.any():
            center = np.round(world_to_voxel[:3, :3] @ self.center_mm + world_to_voxel[:3, 3]).astype(int)
            if (center >= 0).all() and (center < head.labels.shape).all():
                return center[None].astype(np.int64)
        return box[keep].astype(np.int64)


def _point(value: ArrayLike, name: str) -> NDArray[np.float64]:
    point = np.asarray(value, dtype=np.float64)
    if point.shape != (3,) or not np.isfinite(point).all():
        raise TargetError(f"{name} = {value!r}; give three finite world coordinates in mm")
    return point


def _direction(value: ArrayLike | None) -> Direction:
    if value is None:
        return None
    if isinstance(value, str):
        if value != "normal":
            raise TargetError(f"direction = {value!r}; give a unit vector, 'normal' or None")
        return "normal"
    vector = _point(value, "direction")
    length = float(np.linalg.norm(vector))
    if abs(length - 1) > UNIT_TOLERANCE:
        raise TargetError(f"direction {vector} has length {length:.4g}; give a unit vector (divide it by its length)")
    return vector / length


def _tissue(value: str | Iterable[str]) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else tuple(sorted(value))
    if not names or (len(names) > 1 and "auto" in names):
        raise TargetError(f"tissue = {value!r}; give one or several tissue names, or 'auto' alone")
    return names


def _affine(value: ArrayLike) -> NDArray[np.float64]:
    matrix = np.asarray(value, dtype=np.float64)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or not np.allclose(matrix[3], [0, 0, 0, 1]):
        raise TargetError("the affine of the target mask is not a finite 4x4 matrix with last row 0 0 0 1")
    if abs(np.linalg.det(matrix[:3, :3])) < 1e-9:
        raise TargetError("the affine of the target mask is singular; its voxels have no volume")
    return matrix
