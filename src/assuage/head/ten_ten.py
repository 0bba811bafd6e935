"""The 10-10 electrode system, measured on the scalp as with a tape: proportions of arcs, not a table of coordinates.

An arc is the scalp's cut with the plane through its two ends and one point between them. Like a tape it bridges
hollows: its course is the convex hull of the cut. Steps (after Oostenveld & Praamstra 2001, 10.1016/S1388-2457(00)
00527-7, and Jurcak et al. 2007, 10.1016/j.neuroimage.2006.09.024):

1. Cz halves both the nasion-inion arc and the arc between the preauricular points (iterated until it rests).
2. Midline: every 10 % from Nz to Iz. Coronal arc: every 10 % from LPA to RPA.
3. Circumference: Fpz-T7, T7-Oz, Oz-T8, T8-Fpz in fifths each, on the plane Fpz-T7-Oz (left) and Fpz-T8-Oz (right).
4. Cross arcs AF, F, FC, CP, P, PO: quarters between the circumference and the midline, on each side.
5. Lower circumference through Nz, LPA, Iz (and RPA) in the same fifths: F9, FT9, T9 = LPA, TP9, P9, PO9, I1.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from assuage.errors import HeadError
from assuage.head.surface import Surface

Float = NDArray[np.float64]

ALIASES = {"t3": "T7", "t4": "T8", "t5": "P7", "t6": "P8"}
"""Old 10-20 names."""
CZ_TOLERANCE_MM = 0.05
CZ_ITERATIONS = 30
MARK_MM = 0.2
"""Reading of the tape."""
MIDLINE = ("Fpz", "AFz", "Fz", "FCz", "Cz", "CPz", "Pz", "POz", "Oz")
CORONAL = ("T7", "C5", "C3", "C1", "Cz", "C2", "C4", "C6", "T8")
Ring = tuple[tuple[str | None, ...], tuple[str | None, ...]]
LEFT_RING: Ring = (("Fp1", "AF7", "F7", "FT7"), ("TP7", "P7", "PO7", "O1"))
RIGHT_RING: Ring = (("Fp2", "AF8", "F8", "FT8"), ("TP8", "P8", "PO8", "O2"))
LOWER_LEFT: Ring = ((None, None, "F9", "FT9"), ("TP9", "P9", "PO9", "I1"))
LOWER_RIGHT: Ring = ((None, None, "F10", "FT10"), ("TP10", "P10", "PO10", "I2"))
CROSS = (
    ("AF7", ("AF5", "AF3", "AF1"), "AFz", ("AF2", "AF4", "AF6"), "AF8"),
    ("F7", ("F5", "F3", "F1"), "Fz", ("F2", "F4", "F6"), "F8"),
    ("FT7", ("FC5", "FC3", "FC1"), "FCz", ("FC2", "FC4", "FC6"), "FT8"),
    ("TP7", ("CP5", "CP3", "CP1"), "CPz", ("CP2", "CP4", "CP6"), "TP8"),
    ("P7", ("P5", "P3", "P1"), "Pz", ("P2", "P4", "P6"), "P8"),
    ("PO7", ("PO5", "PO3", "PO1"), "POz", ("PO2", "PO4", "PO6"), "PO8"),
)


def ten_ten_sites(scalp: Surface, fiducials_mm: dict[str, Float]) -> dict[str, Float]:
    """Return the 10-10 sites on a scalp, name to (3,) mm; Nz and Iz included.

    Parameters
    ----------
    scalp
        The outer skin.
    fiducials_mm
        Nz, Iz, LPA, RPA on it.

    Raises
    ------
    HeadError
        The fiducials do not span a head, or the scalp ends where an arc should run.
    """
    nz, iz, lpa, rpa = (fiducials_mm[name] for name in ("Nz", "Iz", "LPA", "RPA"))
    cz = _vertex(scalp, nz, iz, lpa, rpa)
    sites: dict[str, Float] = {"Nz": nz, "Iz": iz, "T9": lpa, "T10": rpa}
    sites |= dict(zip(MIDLINE, along_arc(scalp, nz, cz, iz, np.arange(1, 10) / 10), strict=True))
    coronal = along_arc(scalp, lpa, cz, rpa, np.arange(1, 10) / 10)
    sites |= {name: point for name, point in zip(CORONAL, coronal, strict=True) if name != "Cz"}
    rings = (
        (LEFT_RING, ("Fpz", "T7", "Oz")),
        (RIGHT_RING, ("Fpz", "T8", "Oz")),
        (LOWER_LEFT, ("Nz", "T9", "Iz")),
        (LOWER_RIGHT, ("Nz", "T10", "Iz")),
    )
    for ring, ends in rings:
        _ring(sites, scalp, ring, ends)
    quarters = np.array([0.25, 0.5, 0.75])
    for left, left_names, middle, right_names, right in CROSS:
        first, second = arc_halves(scalp, (sites[left], sites[middle], sites[right]), quarters, quarters)
        sites |= dict(zip(left_names, first, strict=True)) | dict(zip(right_names, second, strict=True))
    names = list(sites)
    foot, _, _ = scalp.nearest(np.array([sites[name] for name in names]))
    return dict(zip(names, foot, strict=True))


def along_arc(scalp: Surface, start: Float, via: Float, end: Float, shares: Float) -> Float:
    """Return points (k, 3) at shares of the arc length from `start` over `via` to `end`."""
    course = arc(scalp, start, via, end)
    return _at_length(course, _lengths(course)[-1] * shares)


def arc_halves(scalp: Surface, ends: tuple[Float, Float, Float], first: Float, second: Float) -> tuple[Float, Float]:
    """Return points at shares of the part from start to via, and of the part from via to end."""
    start, via, end = ends
    course = arc(scalp, start, via, end)
    total = _lengths(course)[-1]
    marks = np.arange(0.0, total, MARK_MM)
    middle = marks[int(np.linalg.norm(_at_length(course, marks) - via, axis=1).argmin())]
    return _at_length(course, middle * first), _at_length(course, middle + (total - middle) * second)


def arc(scalp: Surface, start: Float, via: Float, end: Float) -> Float:
    """Return the tape's course (k, 3) from `start` over `via` to `end`: the convex hull of the plane cut.

    Raises
    ------
    HeadError
        The three points lie on one line, or the plane misses the scalp.
    """
    normal = np.cross(via - start, end - start)
    chord = float(np.linalg.norm(end - start))
    if chord < 1 or np.linalg.norm(normal) < 1e-3 * chord**2:
        raise HeadError(
            f"points {np.round(start, 1)}, {np.round(via, 1)}, {np.round(end, 1)} span no arc; check the fiducials"
        )
    normal /= np.linalg.norm(normal)
    along = (end - start) / chord
    away = np.cross(normal, along)
    away *= np.sign((via - start) @ away)
    cut = _plane_cut(scalp, start, normal) - start
    flat = np.stack([cut @ along, cut @ away], axis=1)
    tip = np.array([(via - start) @ along, (via - start) @ away])
    flat = np.concatenate([[[0.0, 0.0], [chord, 0.0], tip], flat[flat[:, 1] > 0.02 * chord]])
    if len(flat) < 10:
        raise HeadError(f"the scalp is cut off between {np.round(start, 1)} and {np.round(end, 1)} mm; no 10-10 sites")
    ring = ConvexHull(flat).vertices
    first = int(np.flatnonzero(ring == 0)[0])
    ring = np.roll(ring, -first)
    last = int(np.flatnonzero(ring == 1)[0])
    course = ring[: last + 1] if last > 1 else np.r_[ring[:1], ring[:0:-1]]
    points: Float = start + flat[course, :1] * along + flat[course, 1:] * away
    return points


def _plane_cut(scalp: Surface, origin: Float, normal: Float) -> Float:
    """Return the points (n, 3) where triangle edges cross a plane."""
    height = (scalp.vertices_mm - origin) @ normal
    edges = scalp.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    edges = edges[(height[edges[:, 0]] < 0) != (height[edges[:, 1]] < 0)]
    a, b = height[edges[:, 0]], height[edges[:, 1]]
    share = (a / (a - b))[:, None]
    return np.asarray(scalp.vertices_mm[edges[:, 0]] * (1 - share) + scalp.vertices_mm[edges[:, 1]] * share)


def _vertex(scalp: Surface, nz: Float, iz: Float, lpa: Float, rpa: Float) -> Float:
    """Return Cz, which halves the sagittal and the coronal arc."""
    up = np.cross(rpa - lpa, nz - iz)
    if np.linalg.norm(up) < 1e3:
        raise HeadError("the fiducials do not span a head; check Nz, Iz, LPA and RPA")
    cz = (nz + iz + lpa + rpa) / 4 + 100 * up / np.linalg.norm(up)
    half = np.array([0.5])
    for _ in range(CZ_ITERATIONS):
        before = cz
        cz = along_arc(scalp, nz, cz, iz, half)[0]
        cz = along_arc(scalp, lpa, cz, rpa, half)[0]
        if np.linalg.norm(cz - before) < CZ_TOLERANCE_MM:
            break
    return cz


def _ring(
    sites: dict[str, Float],
    scalp: Surface,
    names: Ring,
    ends: tuple[str, str, str],
) -> None:
    """Add the sites of one side of a circumference, in fifths before and after the middle site."""
    fifths = np.array([0.2, 0.4, 0.6, 0.8])
    start, via, end = (sites[name] for name in ends)
    for group, points in zip(names, arc_halves(scalp, (start, via, end), fifths, fifths), strict=True):
        sites |= {name: point for name, point in zip(group, points, strict=True) if name is not None}


def _lengths(course: Float) -> Float:
    return np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(course, axis=0), axis=1))])


def _at_length(course: Float, wanted: Float) -> Float:
    length = _lengths(course)
    return np.stack([np.interp(wanted, length, course[:, axis]) for axis in range(3)], axis=1)
