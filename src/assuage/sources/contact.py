"""Lay an electrode onto the scalp: a quadrature over the skin it covers.

The outline is drawn in a flat frame (u, v) wrapped onto the skin: a skin point p at chord d from the centre c and at
depth h below the tangent plane of c gets the azimuth of its projection on that plane and the radius

    s = d phi / sin(phi),    sin(phi) = h / d,

the length of the circular arc from c to p that is tangent to the skin at c. On a sphere s is the geodesic distance and
(u, v) the exponential map; on a head it is that of the best-fitting arc, smooth where the skin triangles are rough.

Model of the contact: the current density is uniform over the area (weights are area fractions), as for a gel or saline
layer far more conductive along itself than the skin below. The complete electrode model (contact impedance, current
crowding at the rim) is left out: the total current is the same, the field near the rim is smoother than in reality.
"""

import difflib
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from assuage.errors import SourceError
from assuage.sources.montage import Electrode, Montage

if TYPE_CHECKING:
    from assuage.head import Head

SPACING_MM = 1.0
"""Distance of neighbouring quadrature points on the skin."""
EDGE_MM = 1.4 * SPACING_MM
"""Longest edge of a skin sub-triangle that keeps this distance."""
MAX_CENTER_DISTANCE_MM = 15.0
"""A centre further from the scalp is a coordinate of another head or frame."""
NORMAL_RADIUS_MM = 8.0
"""The tangent plane at the centre averages the skin within this radius (voxel steps are about 1 mm)."""
COVERAGE = (0.8, 1.3)
"""Covered over nominal area. Curvature takes 4 % of a 50 x 70 mm pad on an 80 mm sphere; more means a cut or an ear."""
BORDER_VOXELS = 1.5
"""Skin this close to the edge of the image is the cut of the image, not skin."""
FACING = 0.1
"""Least cosine between skin normal and the normal at the centre: keeps the far side of an ear out."""
TOP_COSINE = 0.866
"""Within 30 degrees of the top of the head the height of a pad points forward instead of up."""
ALIASES = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
"""Old 10-20 names and their 10-10 names (Chatrian 1985, as in the 10-10 system)."""


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


def site_mm(name: str, head: "Head") -> NDArray[np.float64]:
    """Return the (3,) scalp position of a 10-10 site; old names (T3 T4 T5 T6) are understood.

    Raises
    ------
    SourceError
        The head has no such site; the message offers the nearest names.
    """
    sites = head.ten_ten_mm
    reverse = {new: old for old, new in ALIASES.items()}
    for candidate in (name, ALIASES.get(name), reverse.get(name)):
        if candidate is not None and candidate in sites:
            return np.asarray(sites[candidate], dtype=np.float64)
    folded = {site.casefold(): site for site in sites} | {old.casefold(): old for old in ALIASES}
    guesses = [folded[guess] for guess in difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)]
    hint = f"did you mean {' or '.join(guesses)}?" if guesses else f"known: {' '.join(sorted(sites))}"
    raise SourceError(f"no 10-10 site {name!r} on head {head.name!r}; {hint}")


def place(electrode: Electrode, head: "Head") -> Contact:
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
    feet, normals, distance = head.scalp.nearest(asked[None])
    if distance[0] > MAX_CENTER_DISTANCE_MM:
        raise SourceError(
            f"electrode {electrode.label} is {distance[0]:.1f} mm from the scalp of {head.name!r} (limit "
            f"{MAX_CENTER_DISTANCE_MM:g} mm); is the position in the world coordinates of this head?"
        )
    center = np.asarray(feet[0], dtype=np.float64)
    corners = _skin_near(head, center, electrode.shape.reach_mm)
    frame = _tangent_frame(corners, center, np.asarray(normals[0]))
    points, areas = _cover(electrode, corners, center, frame)
    _check_on_skin(electrode, head, points, areas)
    total = float(areas.sum())
    return Contact(label=electrode.label, points_mm=points, weights=areas / total, area_mm2=total, center_mm=center)


def place_montage(montage: Montage, head: "Head") -> tuple[Contact, ...]:
    """Lay all electrodes of a montage onto a head, in their order.

    Raises
    ------
    SourceError
        As `place`; also two electrodes on the same site or overlapping, with both names and the distance.
    """
    contacts = tuple(place(electrode, head) for electrode in montage.electrodes)
    for first, second in combinations(contacts, 2):
        if edge_distance_mm(first, second) <= 0:
            apart = float(np.linalg.norm(first.center_mm - second.center_mm))
            raise SourceError(
                f"electrodes {first.label} and {second.label} overlap on the scalp: centres {apart:.1f} mm apart; "
                "move them apart or make them smaller"
            )
    return contacts


def edge_distance_mm(first: Contact, second: Contact) -> float:
    """Return the gap between two contacts in mm, straight and to about the 1 mm spacing; 0 if they touch or overlap."""
    spacing = sum(float(np.sqrt(contact.area_mm2 / len(contact.weights))) for contact in (first, second)) / 2
    nearest, _ = cKDTree(first.points_mm).query(second.points_mm)
    return max(float(np.min(nearest)) - spacing, 0.0)


def _skin_near(head: "Head", center: NDArray[np.float64], reach_mm: float) -> NDArray[np.float64]:
    """Return the (t, 3, 3) skin triangles that an outline of this reach can touch."""
    vertices, triangles = head.scalp.vertices_mm, head.scalp.triangles
    sample = vertices[triangles[:: max(1, len(triangles) // 1000)]]
    edge_mm = float(np.linalg.norm(sample - np.roll(sample, 1, axis=1), axis=2).max())
    near = ((vertices - center) ** 2).sum(1) < (max(reach_mm, NORMAL_RADIUS_MM) + edge_mm) ** 2
    triangles = triangles[near[triangles].any(1)]
    return np.asarray(vertices[triangles], dtype=np.float64)


def _tangent_frame(
    corners: NDArray[np.float64], center: NDArray[np.float64], outward: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return rows u (right seen from outside), v (up), n (outward) of the smoothed tangent plane."""
    area_normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    distance = np.linalg.norm(corners.mean(1) - center, axis=1)
    normal = (area_normal * np.clip(1 - (distance / NORMAL_RADIUS_MM) ** 2, 0, None)[:, None]).sum(0)
    normal = normal / (np.linalg.norm(normal) * np.sign(normal @ outward))
    up = np.array([0.0, 0.0, 1.0] if abs(normal[2]) < TOP_COSINE else [0.0, 1.0, 0.0])
    v = up - (up @ normal) * normal
    v /= np.linalg.norm(v)
    return np.stack([np.cross(v, normal), v, normal])


def _cover(
    electrode: Electrode, corners: NDArray[np.float64], center: NDArray[np.float64], frame: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return quadrature points (q, 3) and areas (q,) of the skin inside the outline.

    A sub-triangle that the outline cuts counts in part, linearly in the distance of its centroid from the outline.
    """
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    corners = corners[normals @ frame[2] > FACING * np.linalg.norm(normals, axis=1)]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(1)
    u, v = _wrap(corners.mean(1), center, frame)
    kept = electrode.shape.outside_mm(u, v) < longest
    corners, splits = corners[kept], np.ceil(longest[kept] / EDGE_MM).astype(int)
    pieces = [_split(corners[splits == k], int(k)) for k in np.unique(splits)]
    small = np.concatenate(pieces) if pieces else np.empty((0, 3, 3))
    points = small.mean(1)
    areas = np.linalg.norm(np.cross(small[:, 1] - small[:, 0], small[:, 2] - small[:, 0]), axis=1) / 2
    u, v = _wrap(points, center, frame)
    share = np.clip(0.5 - electrode.shape.outside_mm(u, v) / np.sqrt(2 * areas + 1e-12), 0, 1)
    return points[share > 0], (areas * share)[share > 0]


def _wrap(
    points: NDArray[np.float64], center: NDArray[np.float64], frame: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the flat coordinates (u, v) of skin points; see the module text."""
    u, v, w = frame @ (points - center).T
    flat = np.hypot(u, v)
    angle = np.arctan2(np.abs(w), flat)
    chord = np.hypot(flat, w)
    arc = chord / np.sinc(angle / np.pi)
    scale = arc / np.where(flat > 0, flat, 1)
    return u * scale, v * scale


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


def _check_on_skin(electrode: Electrode, head: "Head", points: NDArray[np.float64], areas: NDArray[np.float64]) -> None:
    to_voxel = np.linalg.inv(head.affine)
    voxel = points @ to_voxel[:3, :3].T + to_voxel[:3, 3]
    margin = np.minimum(voxel, np.asarray(head.labels.shape) - 1 - voxel).min(initial=np.inf)
    if margin < BORDER_VOXELS:
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
