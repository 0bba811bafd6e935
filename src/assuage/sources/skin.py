"""The skin around a point, unrolled: flat coordinates for outlines and distances along the scalp.

A skin point p at chord d from the centre c and at depth h below the tangent plane of c gets the azimuth of its
projection on that plane and the radius

    s = d phi / sin(phi),    sin(phi) = h / d,

the length of the circular arc from c to p that is tangent to the skin at c. On a sphere s is the geodesic distance and
(u, v) the exponential map; on a head it is that of the best-fitting arc, smooth where the skin triangles are rough.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from assuage.errors import HeadError, SourceError
from assuage.head import Head, site

Float = NDArray[np.float64]

MAX_CENTER_DISTANCE_MM = 15.0
"""A centre further from the scalp is a coordinate of another head or frame."""
NORMAL_RADIUS_MM = 8.0
"""The tangent plane at the centre averages the skin within this radius (voxel steps are about 1 mm)."""
FACING = 0.1
"""Least cosine between skin normal and the normal at the centre: keeps the far side of an ear out."""
TOP_COSINE = 0.866
"""Within 30 degrees of the top of the head "up" means nothing; there v points forward."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScalpFrame:
    """Flat coordinates on the skin around a point.

    Attributes
    ----------
    center_mm
        (3,) origin, on the skin.
    axes
        (3, 3) rows: u (to the right seen from outside), v (up; forward near the top of the head), outward normal.
    corners
        (t, 3, 3) skin triangles around the centre that face outwards.
    """

    center_mm: Float
    axes: Float
    corners: Float = field(repr=False)

    @classmethod
    def at(cls, point_mm: Float, head: Head, *, reach_mm: float, label: str) -> "ScalpFrame":
        """Return the frame at the skin point nearest to `point_mm`, with the skin up to `reach_mm`.

        Raises
        ------
        SourceError
            The point is more than 15 mm from the scalp.
        """
        feet, normals, distance = head.scalp.nearest(point_mm[None])
        if distance[0] > MAX_CENTER_DISTANCE_MM:
            raise SourceError(
                f"electrode {label} is {distance[0]:.1f} mm from the scalp of {head.name!r} (limit "
                f"{MAX_CENTER_DISTANCE_MM:g} mm); is the position in the world coordinates of this head?"
            )
        center = np.asarray(feet[0], dtype=np.float64)
        corners = _skin_near(head, center, reach_mm)
        axes = _tangent_axes(corners, center, np.asarray(normals[0]))
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        facing = normal @ axes[2] > FACING * np.linalg.norm(normal, axis=1)
        return cls(center_mm=center, axes=axes, corners=corners[facing])

    def flat(self, points_mm: Float) -> tuple[Float, Float]:
        """Return the coordinates u (n,), v (n,) in mm of skin points (n, 3)."""
        u, v, w = self.axes @ (points_mm - self.center_mm).T
        across = np.hypot(u, v)
        angle = np.arctan2(np.abs(w), across)
        arc = np.hypot(across, w) / np.sinc(angle / np.pi)
        scale = arc / np.where(across > 0, across, 1)
        return u * scale, v * scale

    def on_skin(self, flat_mm: Float) -> Float:
        """Return the skin points (n, 3) with flat coordinates (n, 2).

        Raises
        ------
        SourceError
            The skin does not reach there.
        """
        u, v = self.flat(self.corners.reshape(-1, 3))
        triangles = np.stack([u, v], axis=1).reshape(-1, 3, 2)
        edge_1, edge_2 = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
        twice_area = edge_1[:, 0] * edge_2[:, 1] - edge_1[:, 1] * edge_2[:, 0]
        twice_area = np.where(np.abs(twice_area) > 1e-12, twice_area, np.inf)
        points = []
        for target in flat_mm:
            offset = target - triangles[:, 0]
            b = (offset[:, 0] * edge_2[:, 1] - offset[:, 1] * edge_2[:, 0]) / twice_area
            c = (edge_1[:, 0] * offset[:, 1] - edge_1[:, 1] * offset[:, 0]) / twice_area
            inside = np.where(np.isinf(twice_area), -np.inf, np.minimum(np.minimum(b, c), 1 - b - c))
            best = int(inside.argmax())
            if inside[best] < -1e-6:
                raise SourceError(
                    f"no skin {np.hypot(*target):.0f} mm from ({', '.join(f'{x:.0f}' for x in self.center_mm)}) mm in "
                    "that direction: the head is cut there; choose a smaller radius or turn the ring"
                )
            points.append(np.array([1 - b[best] - c[best], b[best], c[best]]) @ self.corners[best])
        return np.array(points)


def site_mm(name: str, head: Head) -> NDArray[np.float64]:
    """Return the (3,) scalp position of a named site; old names (T3 T4 T5 T6) and fiducials are understood.

    Raises
    ------
    SourceError
        The head has no such site; the message offers the nearest names.
    """
    try:
        return np.asarray(site(head, name), dtype=np.float64)
    except HeadError as error:
        raise SourceError(f"electrode {name}: {error}") from error


def _skin_near(head: Head, center: Float, reach_mm: float) -> Float:
    """Return the (t, 3, 3) skin triangles that an outline of this reach can touch."""
    vertices, triangles = head.scalp.vertices_mm, head.scalp.triangles
    sample = vertices[triangles[:: max(1, len(triangles) // 1000)]]
    edge_mm = float(np.linalg.norm(sample - np.roll(sample, 1, axis=1), axis=2).max())
    near = ((vertices - center) ** 2).sum(1) < (max(reach_mm, NORMAL_RADIUS_MM) + edge_mm) ** 2
    triangles = triangles[near[triangles].any(1)]
    return np.asarray(vertices[triangles], dtype=np.float64)


def _tangent_axes(corners: Float, center: Float, outward: Float) -> Float:
    """Return the rows u, v, normal of the smoothed tangent plane."""
    area_normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    distance = np.linalg.norm(corners.mean(1) - center, axis=1)
    normal = (area_normal * np.clip(1 - (distance / NORMAL_RADIUS_MM) ** 2, 0, None)[:, None]).sum(0)
    normal = normal / (np.linalg.norm(normal) * np.sign(normal @ outward))
    up = np.array([0.0, 0.0, 1.0] if abs(normal[2]) < TOP_COSINE else [0.0, 1.0, 0.0])
    v = up - (up @ normal) * normal
    v /= np.linalg.norm(v)
    return np.stack([np.cross(v, normal), v, normal])
