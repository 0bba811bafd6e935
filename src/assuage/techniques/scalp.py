"""Where on the head a coil or an electrode may go.

Places are scalp vertices thinned to an even spacing. A coil rests on more skin than one point, so its axis follows the
normal averaged over `REST_MM`. Zones where no coil goes: below the plane of the four fiducials (face and neck), around
the eyes, and around the ears. The clearance of a point is its signed distance to the scalp (outside: positive).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, map_coordinates
from scipy.spatial import cKDTree

from assuage.errors import PlanError

if TYPE_CHECKING:
    from assuage.head import Head

Array = NDArray[np.float64]

REST_MM = 20.0
"""Normals are averaged over this radius: the flat middle of a figure-of-eight coil, about two fingers wide."""

EAR_MM = 25.0
"""No coil centre within this radius of a point one centimetre behind a preauricular point (an ear is about 6 cm)."""

EAR_BEHIND_MM = 10.0

EYE_MM = 40.0
"""No coil centre within this radius of the middle of an eye: the eyeball's own 12 mm and a casing's half width."""

NOSE_MM = 25.0
"""No coil centre within this radius of the nasion: the bridge of the nose keeps every coil away."""

EYE_ASIDE_MM = 32.0
EYE_BELOW_MM = 5.0
EYE_DEEP_MM = 15.0
"""Where the head has no eyes labelled: aside, below and behind the nasion (half the distance between adult pupils)."""

GRID_MM = 4.0
MARGIN_MM = 60.0
NEAR_MM = 12.0
"""Grid of the clearance, its margin around the scalp, and the distance below which it is measured along the normal."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Axes:
    """Anatomical axes of a head from its fiducials, unit vectors (3,), and the plane below which nothing is placed."""

    right: Array
    front: Array
    up: Array
    origin_mm: Array
    plane_mm: float

    @classmethod
    def of(cls, head: "Head") -> "Axes":
        """Build the axes from nasion, inion and the preauricular points."""
        nasion, inion, left, right = (fiducial(head, name) for name in ("Nz", "Iz", "LPA", "RPA"))
        lateral = right - left
        lateral = lateral / np.linalg.norm(lateral)
        front = nasion - inion
        front = front - (front @ lateral) * lateral
        front = front / np.linalg.norm(front)
        up = np.cross(lateral, front)
        origin = (left + right) / 2
        plane = float(np.mean([(point - origin) @ up for point in (nasion, inion, left, right)]))
        return cls(right=lateral, front=front, up=up, origin_mm=origin, plane_mm=plane)

    def height_mm(self, points_mm: Array) -> Array:
        """Return the height (n,) of points above the mean plane of the four fiducials."""
        return np.asarray((points_mm - self.origin_mm) @ self.up - self.plane_mm)


@dataclass(frozen=True, eq=False)
class Scalp:
    """The skin of a head with what placing needs: trees, axes, zones, clearance. Built once for a head."""

    head: "Head"

    @cached_property
    def axes(self) -> Axes:
        """Anatomical axes."""
        return Axes.of(self.head)

    @cached_property
    def _vertices(self) -> tuple[Array, Array, cKDTree]:
        """Vertices from a little below the fiducials upwards, their normals, and a tree."""
        surface = self.head.scalp
        points = np.asarray(surface.vertices_mm, dtype=np.float64)
        keep = self.axes.height_mm(points) > -MARGIN_MM
        return points[keep], np.asarray(surface.normals, dtype=np.float64)[keep], cKDTree(points[keep])

    def rest_normals(self, points_mm: Array) -> Array:
        """Return outward normals (n, 3) averaged over the skin within `REST_MM` of points."""
        points, normals, tree = self._vertices
        distance, index = tree.query(points_mm, k=min(600, len(points)), distance_upper_bound=REST_MM)
        weight = np.where(np.isfinite(distance), 1 - (np.minimum(distance, REST_MM) / REST_MM) ** 2, 0.0)
        found = normals[np.minimum(index, len(points) - 1)]
        mean = np.einsum("nk,nka->na", weight, found)
        return np.asarray(mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12))

    def project(self, points_mm: Array) -> Array:
        """Return the feet (n, 3) of points on the scalp."""
        return np.asarray(self.head.scalp.nearest(points_mm)[0])

    def places(self, spacing_mm: float, *, below_mm: float = 0.0) -> Array:
        """Return scalp points (n, 3) of about even spacing, from `below_mm` under the fiducial plane upwards."""
        points, _, tree = self._vertices
        height = self.axes.height_mm(points)
        free = height > -below_mm
        chosen = []
        for k in np.lexsort((points[:, 1], points[:, 0], -np.round(height, 3))):
            if free[k]:
                chosen.append(k)
                free[tree.query_ball_point(points[k], spacing_mm)] = False
        if not chosen:
            raise PlanError(f"head {self.head.name!r} has no scalp above its fiducials; check nasion, inion and ears")
        return np.asarray(points[chosen])

    @cached_property
    def zones(self) -> tuple[tuple[str, Array, float], ...]:
        """Spheres (name, centre, radius in mm) that no coil centre may enter."""
        axes = self.axes
        found = []
        for name, key in (("left ear", "LPA"), ("right ear", "RPA")):
            found.append((name, fiducial(self.head, key) - EAR_BEHIND_MM * axes.front, EAR_MM))
        for name, center in zip(("left eye", "right eye"), self.eyes_mm, strict=True):
            found.append((name, center, EYE_MM))
        found.append(("nose", fiducial(self.head, "Nz"), NOSE_MM))
        return tuple(found)

    @cached_property
    def eyes_mm(self) -> tuple[Array, Array]:
        """Middles (3,) of the left and the right eye: as labelled, or estimated from the nasion."""
        head, axes = self.head, self.axes
        if "eyes" in head.tissues.values():
            index = np.argwhere(head.mask("eyes"))
            points = index @ head.affine[:3, :3].T + head.affine[:3, 3]
            aside = (points - axes.origin_mm) @ axes.right
            if (aside < 0).any() and (aside > 0).any():
                return points[aside < 0].mean(0), points[aside > 0].mean(0)
        middle = fiducial(head, "Nz") - EYE_BELOW_MM * axes.up - EYE_DEEP_MM * axes.front
        return middle - EYE_ASIDE_MM * axes.right, middle + EYE_ASIDE_MM * axes.right

    def blocked(self, points_mm: Array) -> NDArray[np.bool_]:
        """Say which scalp points (n, 3) lie where no coil goes."""
        result = self.axes.height_mm(points_mm) < 0
        for _, center, radius_mm in self.zones:
            result |= np.linalg.norm(points_mm - center, axis=1) < radius_mm
        return np.asarray(result)

    @cached_property
    def _clearance(self) -> tuple[Array, Array]:
        """Signed distance on a grid and the world position of its first node."""
        points, normals, tree = self._vertices
        low, high = points.min(0) - MARGIN_MM, points.max(0) + MARGIN_MM
        count = np.ceil((high - low) / GRID_MM).astype(int) + 1
        nodes = np.stack(np.meshgrid(*(np.arange(n) for n in count), indexing="ij"), -1).reshape(-1, 3) * GRID_MM + low
        found: Any = tree.query(nodes, distance_upper_bound=NEAR_MM)
        distance, index = found
        near = np.isfinite(distance)
        signed = np.zeros(len(nodes))
        signed[near] = np.einsum("na,na->n", nodes[near] - points[index[near]], normals[index[near]])
        # farther nodes continue from the nearest of these: only the shell around the skin has to be exact
        transform: Any = distance_transform_edt(~near.reshape(count), return_indices=True)
        farther, source = transform
        value = signed.reshape(count)[tuple(source)]
        return value + np.sign(value) * farther * GRID_MM, low

    def clearance_mm(self, points_mm: Array) -> Array:
        """Return the signed distance (...,) of points (..., 3) to the scalp, positive outside; to about 0.5 mm."""
        signed, low = self._clearance
        index = (points_mm.reshape(-1, 3) - low) / GRID_MM
        value = map_coordinates(signed, index.T, order=1, mode="nearest")
        return np.asarray(value.reshape(points_mm.shape[:-1]))


def fiducial(head: "Head", name: str) -> Array:
    """Return a fiducial of a head by its 10-10 name ("Nz", "Iz", "LPA", "RPA")."""
    points = head.fiducials_mm
    long = {"Nz": "nasion", "Iz": "inion", "LPA": "left_preauricular", "RPA": "right_preauricular"}
    for key in (name, long[name]):
        if key in points:
            return np.asarray(points[key], dtype=np.float64)
    raise PlanError(f"head {head.name!r} has no fiducial {name}; it has {', '.join(points)}")
