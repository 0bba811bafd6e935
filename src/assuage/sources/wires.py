"""Line currents as magnetic dipoles (Ampere's equivalence).

A closed wire with current I equals a sheet of dipoles of density I n on any surface that it bounds; the field agrees
everywhere but on the sheet, so the sheet must stay out of the head.

- A wire that lies behind the coil face (z <= 0) gets the cone from its centroid: it stays inside the convex hull.
- A wire that embraces the head gets a dome. Directions from the middle c of a typical head, 85 mm below the face, go
  along great circles from the wire to the top (-z); the radius changes from that of the wire to 105 mm within the first
  quarter of the way. A sphere around c that holds no wire and is smaller than 105 mm holds no sheet either.

The sheet is cut into triangles (dipole = I x vector area at the centroid), and those within one small cube are put
together at the centre of their moments.
"""

import math

import numpy as np
from numpy.typing import NDArray

from assuage.errors import SourceError
from assuage.units import M_PER_MM

Float = NDArray[np.float64]

STEP_MM = 1.5
"""Edge of a sheet patch on the way from the wire."""
CORNER_MM = 1.5
"""Corners kept along the wire: the chords of a 40 mm circle lose 0.03 % of its area."""
JOINT_MM = 0.5
"""A segment that starts this close to the end of another continues it."""
MAX_GAP_SHARE = 0.1
"""Longest straight closure (the missing leads), as a share of the wire."""
HEAD_CENTER_MM = np.array([0.0, 0.0, 85.0])
"""Middle of a typical head below the coil face."""
RISE = 0.25
"""Share of the way to the top over which the dome reaches its full height."""
DOME_RADIUS_MM = 105.0
"""Radius of the dome about `HEAD_CENTER_MM`, 20 mm above a typical scalp."""
CUBE_MM = 3.0
"""Edge of the cube in which patches are put together."""


def dipoles_of_segments(starts_mm: Float, vectors_mm: Float) -> tuple[Float, Float, tuple[str, ...]]:
    """Return dipoles equivalent to 1 A through a chain of straight segments.

    Parameters
    ----------
    starts_mm, vectors_mm
        (n, 3) start of each segment and vector to its end, in the order of the current.

    Returns
    -------
    positions_mm, moments_m2, notes
        (k, 3), (k, 3) and what was assumed.

    Raises
    ------
    SourceError
        The segments form no wires, or a wire is open by more than a tenth of its length.
    """
    loops, notes = closed_wires(starts_mm, vectors_mm)
    embraces = max(float(loop[:, 2].max()) for loop in loops) > 0
    patches = [_patches(_dome(loop) if embraces else _cone(loop)) for loop in loops]
    positions, areas = (np.concatenate([patch[k] for patch in patches]) for k in (0, 1))
    positions, areas = _put_together(positions, areas)
    return positions, areas * M_PER_MM**2, notes


def closed_wires(starts_mm: Float, vectors_mm: Float) -> tuple[list[Float], tuple[str, ...]]:
    """Return closed polylines (n, 3), first point not repeated, with corners about `CORNER_MM` apart."""
    ends = starts_mm + vectors_mm
    breaks = np.flatnonzero(np.linalg.norm(ends[:-1] - starts_mm[1:], axis=1) > JOINT_MM) + 1
    if len(breaks) > len(starts_mm) / 4:
        raise SourceError(
            f"{len(breaks) + 1} pieces of wire in {len(starts_mm)} line segments: the segments do not follow one "
            "another, so the current has no path; export the coil as dipoles"
        )
    wires = [np.vstack([starts_mm[part], ends[part[-1:]]]) for part in np.split(np.arange(len(starts_mm)), breaks)]
    loops: list[Float] = []
    notes: list[str] = []
    while wires:
        wire = wires.pop(0)
        while (follower := _follower(wire, wires)) is not None:
            wire = np.vstack([wire, wires.pop(follower)[1:]])
        loops.append(_closed(wire, notes))
    return loops, tuple(notes)


def _follower(wire: Float, others: list[Float]) -> int | None:
    """Return which of the others starts where the wire ends, unless the wire closes on itself."""
    if np.linalg.norm(wire[-1] - wire[0]) <= JOINT_MM:
        return None
    gaps = [float(np.linalg.norm(other[0] - wire[-1])) for other in others]
    return int(np.argmin(gaps)) if gaps and min(gaps) <= JOINT_MM else None


def _closed(wire: Float, notes: list[str]) -> Float:
    gap = float(np.linalg.norm(wire[-1] - wire[0]))
    length = float(np.linalg.norm(np.diff(wire, axis=0), axis=1).sum())
    if gap > MAX_GAP_SHARE * length:
        raise SourceError(
            f"a wire of {length:.0f} mm is open by {gap:.0f} mm (limit {100 * MAX_GAP_SHARE:.0f} %): its current has "
            "no way back; add the missing segments or export the coil as dipoles"
        )
    if gap > JOINT_MM:
        notes.append(f"wire of {length:.0f} mm closed by a straight lead of {gap:.1f} mm")
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(wire, axis=0), axis=1))])
    count = max(8, math.ceil(length / CORNER_MM))
    corners = np.unique(np.searchsorted(along, np.linspace(0, length, count + 1)[:-1]))
    kept = wire[corners]
    lead = math.ceil(gap / CORNER_MM) if gap > JOINT_MM else 1
    bridge = wire[-1] + (wire[0] - wire[-1]) * (np.arange(lead) / lead)[:, None]
    return np.vstack([kept, bridge]) if gap > JOINT_MM else kept


def _cone(loop: Float) -> Float:
    """Return sheet nodes (steps + 1, n, 3) from the loop to its centroid."""
    apex = loop.mean(0)
    steps = max(2, math.ceil(float(np.linalg.norm(loop - apex, axis=1).max()) / STEP_MM))
    t = np.linspace(0, 1, steps + 1)[:, None, None]
    return np.asarray((1 - t) * loop + t * apex)


def _dome(loop: Float) -> Float:
    """Return sheet nodes (steps + 1, n, 3) from the loop over the dome to its top."""
    offset = loop - HEAD_CENTER_MM
    radius = np.linalg.norm(offset, axis=1)
    direction = offset / radius[:, None]
    angle = np.arccos(np.clip(-direction[:, 2], -1, 1))
    steps = max(4, math.ceil(DOME_RADIUS_MM * float(angle.max()) / STEP_MM))
    t = np.linspace(0, 1, steps + 1)[:, None]
    sine = np.maximum(np.sin(angle), 1e-9)
    keep, turn = np.sin((1 - t) * angle) / sine, np.sin(t * angle) / sine
    path = keep[..., None] * direction + turn[..., None] * np.array([0.0, 0.0, -1.0])
    height = radius + (DOME_RADIUS_MM - radius) * np.minimum(t / RISE, 1)
    return np.asarray(HEAD_CENTER_MM + path * height[..., None])


def _patches(nodes: Float) -> tuple[Float, Float]:
    """Return centroids and vector areas of the triangles of a sheet, right-handed about the current."""
    following = np.roll(nodes, -1, axis=1)
    a, b, c, d = nodes[:-1], following[:-1], following[1:], nodes[1:]
    centers = [(a + b + c) / 3, (a + c + d) / 3]
    areas = [np.cross(b - a, c - a) / 2, np.cross(c - a, d - a) / 2]
    return np.stack(centers).reshape(-1, 3), np.stack(areas).reshape(-1, 3)


def _put_together(positions: Float, areas: Float) -> tuple[Float, Float]:
    """Sum the patches of each cube at the centre of their moments."""
    cube = np.floor(positions / CUBE_MM).astype(np.int64)
    _, owner = np.unique(cube, axis=0, return_inverse=True)
    owner = owner.ravel()
    count = int(owner.max()) + 1
    size = np.linalg.norm(areas, axis=1) + 1e-12
    share = np.bincount(owner, size, count)
    centers = np.stack([np.bincount(owner, size * positions[:, k], count) / share for k in range(3)], axis=1)
    total = np.stack([np.bincount(owner, areas[:, k], count) for k in range(3)], axis=1)
    used = np.linalg.norm(total, axis=1) > 1e-9 * share.max()
    return centers[used], total[used]
