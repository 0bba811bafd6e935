"""Lay an electrode onto the scalp: a quadrature over the skin it covers.

The outline is drawn in the flat coordinates of `skin.ScalpFrame`, which follow the curved scalp, and filled with small
pieces of skin triangles.

Model of the contact: the current density is uniform over the area (weights are area fractions), as for a gel or saline
layer far more conductive along itself than the skin below. The complete electrode model (contact impedance, current
crowding at the rim) is left out: the total current is the same, the field near the rim is smoother than in reality.
"""

from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from assuage.errors import SourceError
from assuage.head import Head
from assuage.sources.montage import Electrode, Montage, Shape
from assuage.sources.skin import ScalpFrame, site_mm

SPACING_MM = 1.0
"""Distance of neighbouring quadrature points on the skin."""
EDGE_MM = 1.4 * SPACING_MM
"""Longest edge of a skin sub-triangle that keeps this distance."""
FACING = 256
"""Points of one contact compared with the other at a time."""
COVERAGE = (0.8, 1.3)
"""Covered over nominal area. Curvature takes 4 % of a 50 x 70 mm pad on an 80 mm sphere; more means a cut or an ear."""
BORDER_VOXELS = 1.5
"""Skin this close to the edge of the image is the cut of the image, not skin."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Contact:
    """An electrode on a head.

    Attributes
    ----------
    label
        Of the electrode.
    points_mm
        (q, 3) quadrature points on the skin.
    weights
        (q,) share of the current at each point, sum 1.
    area_mm2
        Skin area covered.
    center_mm
        (3,) centre on the skin.
    """

    label: str
    points_mm: NDArray[np.float64] = field(repr=False)
    weights: NDArray[np.float64] = field(repr=False)
    area_mm2: float
    center_mm: NDArray[np.float64]


def place(electrode: Electrode, head: Head) -> Contact:
    """Lay an electrode onto the scalp of a head.

    Parameters
    ----------
    electrode
        Named site or world position; a position is moved to the nearest skin.
    head
        Its `scalp` and `ten_ten_mm` are used.

    Returns
    -------
    Contact
        Quadrature with spacing of at most 1 mm, weights proportional to skin area.

    Raises
    ------
    SourceError
        Unknown site, centre more than 15 mm from the scalp, or an outline that falls off the skin.
    """
    asked = np.asarray(electrode.center_mm) if electrode.center_mm is not None else site_mm(electrode.label, head)
    frame = ScalpFrame.at(asked, head, reach_mm=electrode.shape.reach_mm, label=electrode.label)
    points, areas = _cover(electrode.shape, frame)
    _check_on_skin(electrode, head, points, areas)
    total = float(areas.sum())
    return Contact(
        label=electrode.label, points_mm=points, weights=areas / total, area_mm2=total, center_mm=frame.center_mm
    )


def place_montage(montage: Montage, head: Head) -> tuple[Contact, ...]:
    """Lay all electrodes of a montage onto a head, in their order.

    Raises
    ------
    SourceError
        As `place`; also two electrodes on the same site or overlapping, with both names and the distance.
    """
    contacts = tuple(place(electrode, head) for electrode in montage.electrodes)
    for first, second in combinations(contacts, 2):
        if _may_touch(first, second) and edge_distance_mm(first, second) <= 0:
            apart = float(np.linalg.norm(first.center_mm - second.center_mm))
            raise SourceError(
                f"electrodes {first.label} and {second.label} touch or overlap, centres {apart:.1f} mm apart on "
                "the scalp; move them apart or make them smaller"
            )
    return contacts


def _may_touch(first: Contact, second: Contact) -> bool:
    """Rule out contacts whose bounding spheres are apart, cheaply."""
    reach = sum(
        float(np.linalg.norm(contact.points_mm - contact.center_mm, axis=1).max()) for contact in (first, second)
    )
    return float(np.linalg.norm(first.center_mm - second.center_mm)) < reach + 2 * EDGE_MM


def edge_distance_mm(first: Contact, second: Contact) -> float:
    """Return the gap between two contacts in mm, straight and to about the 1 mm spacing; 0 if they touch or overlap."""
    spacing = sum(float(np.sqrt(contact.area_mm2 / len(contact.weights))) for contact in (first, second)) / 2
    tree = cKDTree(first.points_mm)
    toward = second.points_mm[np.argsort(np.linalg.norm(second.points_mm - first.center_mm, axis=1))]
    gap = float(tree.query(toward[0])[0])
    for start in range(0, len(toward), FACING):  # nearest first: the bound soon leaves little to search
        nearest, _ = tree.query(toward[start : start + FACING], distance_upper_bound=gap)
        gap = min(gap, float(np.min(nearest)))
        if gap <= spacing:
            return 0.0
    return gap


def _cover(shape: Shape, frame: ScalpFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return quadrature points (q, 3) and areas (q,) of the skin inside the outline.

    A sub-triangle that the outline cuts counts in part, linearly in the distance of its centroid from the outline.
    """
    corners = frame.corners
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(1)
    u, v = frame.flat(corners.mean(1))
    kept = shape.outside_mm(u, v) < longest
    corners, splits = corners[kept], np.ceil(longest[kept] / EDGE_MM).astype(int)
    pieces = [_split(corners[splits == k], int(k)) for k in np.unique(splits)]
    small = np.concatenate(pieces) if pieces else np.empty((0, 3, 3))
    points = small.mean(1)
    areas = np.linalg.norm(np.cross(small[:, 1] - small[:, 0], small[:, 2] - small[:, 0]), axis=1) / 2
    u, v = frame.flat(points)
    share = np.clip(0.5 - shape.outside_mm(u, v) / np.sqrt(2 * areas + 1e-12), 0, 1)
    return points[share > 0], (areas * share)[share > 0]


def _split(corners: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """Cut each triangle (t, 3, 3) into k^2 congruent ones."""
    if k <= 1:
        return corners
    rows = [(i, j) for i in range(k) for j in range(k - i)]
    upright = [[(i, j), (i + 1, j), (i, j + 1)] for i, j in rows]
    turned = [[(i + 1, j), (i + 1, j + 1), (i, j + 1)] for i, j in rows if i + j < k - 1]
    steps = np.array(upright + turned, dtype=np.float64) / k
    weights = np.stack([1 - steps.sum(-1), steps[..., 0], steps[..., 1]], axis=-1)
    small: NDArray[np.float64] = np.einsum("pcw,twx->tpcx", weights, corners).reshape(-1, 3, 3)
    return small


def _near_cut(head: Head, points: NDArray[np.float64]) -> bool:
    """Say whether points lie by a side of the image that tissue reaches: there the head is cut."""
    to_voxel = np.linalg.inv(head.affine)
    voxel = points @ to_voxel[:3, :3].T + to_voxel[:3, 3]
    for axis, count in enumerate(head.labels.shape):
        for side, distance in ((0, voxel[:, axis]), (-1, count - 1 - voxel[:, axis])):
            if distance.min(initial=np.inf) < BORDER_VOXELS and np.take(head.labels, side, axis).any():
                return True
    return False


def _check_on_skin(electrode: Electrode, head: Head, points: NDArray[np.float64], areas: NDArray[np.float64]) -> None:
    if _near_cut(head, points):
        raise SourceError(
            f"electrode {electrode.label} reaches the edge of the image of {head.name!r}, where the head is cut; "
            "move it or make it smaller"
        )
    ratio = float(areas.sum()) / electrode.shape.area_mm2
    if not COVERAGE[0] <= ratio <= COVERAGE[1]:
        raise SourceError(
            f"electrode {electrode.label} meets {100 * ratio:.0f} % of its area in skin (accepted "
            f"{100 * COVERAGE[0]:.0f}-{100 * COVERAGE[1]:.0f} %): it falls off the scalp or lies on the ear; "
            "move it or make it smaller"
        )
