"""Flat head maps: the scalp seen from above, nose up, left on the left.

The plane through Fpz, T7, Oz and T8 is the equator; a point of the scalp is drawn at the distance

    r = (angle from the vertex) / 90 degrees

from the middle, in its own direction (azimuthal equidistant projection, as electroencephalography draws it), so that
the equator is the circle r = 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch, Polygon
from matplotlib.ticker import MaxNLocator
from matplotlib.tri import Triangulation
from numpy.typing import ArrayLike, NDArray

from assuage.figures import (
    ACCENT,
    ANODE,
    CATHODE,
    FIELD_MAP,
    INK,
    MUTED,
    RULE,
    TARGET_COLOUR,
    drawing,
    styled,
    svg,
)

EQUATOR = ("Fpz", "T7", "Oz", "T8")
SHOWN_RADIUS = 1.38
"""Points further down (face, neck) are left out: an azimuthal map stretches them without bound."""
DRAWN_RADIUS = 1.12
GAP_OVER_SPACING = 4.0
SMALLEST_GAP = 0.12
"""Triangles longer than this bridge a hole: the projection stretches the spacing by at most about 2 inside the map."""
IN_LINE = 0.5
"""Cosine of the phase from which on an electrode counts as near 0 or 180 degrees."""
LANDMARKS = frozenset(
    {
        "Fp1",
        "Fp2",
        "F7",
        "F3",
        "Fz",
        "F4",
        "F8",
        "T7",
        "C3",
        "Cz",
        "C4",
        "T8",
        "P7",
        "P3",
        "Pz",
        "P4",
        "P8",
        "O1",
        "Oz",
        "O2",
    }
)
"""Sites whose names orient the reader on maps that carry other marks."""

Float = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Projection:
    """World mm to the flat map; made from a person's own 10-10 sites."""

    center_mm: Float
    axes: Float

    @classmethod
    def of(cls, sites_mm: Mapping[str, ArrayLike]) -> "Projection":
        """Return the projection whose equator runs through Fpz, T7, Oz and T8."""
        front, left, back, right = (np.asarray(sites_mm[name], dtype=np.float64) for name in EQUATOR)
        center = (front + left + back + right) / 4
        ahead = front - back
        up = np.cross(right - left, ahead)
        up /= np.linalg.norm(up)
        ahead = ahead - up * (ahead @ up)
        ahead /= np.linalg.norm(ahead)
        return cls(center_mm=center, axes=np.stack([np.cross(ahead, up), ahead, up]))

    def flat(self, points_mm: ArrayLike) -> Float:
        """Return (n, 2): x to the person's right, y to the nose; 1 is the equator."""
        local = (np.asarray(points_mm, dtype=np.float64).reshape(-1, 3) - self.center_mm) @ self.axes.T
        around = np.hypot(local[:, 0], local[:, 1])
        radius = np.arctan2(around, local[:, 2]) / (np.pi / 2)
        return local[:, :2] * (radius / np.maximum(around, 1e-9))[:, None]

    def heading(self, point_mm: ArrayLike, direction: ArrayLike) -> Float:
        """Return the unit (2,) direction on the map of a tangent direction at a point."""
        point = np.asarray(point_mm, dtype=np.float64)
        step = 2.0 * np.asarray(direction, dtype=np.float64)
        start, end = self.flat(np.stack([point, point + step]))
        length = float(np.linalg.norm(end - start))
        return np.asarray((end - start) / max(length, 1e-9))


@dataclass(frozen=True, kw_only=True)
class CoilMark:
    """Where a coil sits and where its handle points, in world mm."""

    center_mm: ArrayLike
    handle: ArrayLike


def coil_map(
    centers_mm: ArrayLike,
    values: ArrayLike,
    *,
    sites_mm: Mapping[str, ArrayLike],
    label: str,
    best: CoilMark | None = None,
    target_mm: ArrayLike | None = None,
) -> str:
    """Draw a value over coil centres on the scalp as filled contours.

    Parameters
    ----------
    centers_mm, values
        (n, 3) coil centres and (n,) values, for instance the largest target field over all handle angles.
    sites_mm
        10-10 sites of this head.
    label
        Colour bar label with its unit.
    best, target_mm
        Proposed coil and the target, marked if given.

    Returns
    -------
    Inline SVG.
    """
    projection = Projection.of(sites_mm)
    with drawing():
        figure = styled(4.6, 4.2)
        axes = figure.add_subplot()
        _outline(axes)
        _contours(
            axes,
            projection.flat(centers_mm),
            np.asarray(values, dtype=np.float64),
            levels=14,
            cmap=FIELD_MAP,
            label=label,
        )
        _sites(axes, projection, sites_mm, names=LANDMARKS, halo=True)
        if target_mm is not None:
            _target(axes, projection, target_mm)
        if best is not None:
            _coil(axes, projection, best)
        return svg(figure)


def electrode_map(
    points_mm: ArrayLike,
    values: ArrayLike,
    *,
    sites_mm: Mapping[str, ArrayLike],
    label: str,
    target_mm: ArrayLike | None = None,
) -> str:
    """Draw a signed value over scalp points as filled contours, symmetric about 0, with every 10-10 site.

    Parameters
    ----------
    points_mm, values
        (n, 3) scalp points and (n,) values; the difference between two points is the dose of that pair.
    sites_mm, label, target_mm
        As in `coil_map`.

    Returns
    -------
    Inline SVG.
    """
    projection = Projection.of(sites_mm)
    level = np.asarray(values, dtype=np.float64)
    span = float(np.abs(level[np.isfinite(level)]).max(initial=0.0)) or 1.0
    with drawing():
        figure = styled(4.6, 4.2)
        axes = figure.add_subplot()
        _outline(axes)
        _contours(
            axes, projection.flat(points_mm), level, levels=np.linspace(-span, span, 17), cmap="PuOr_r", label=label
        )
        _sites(axes, projection, sites_mm, names=frozenset(sites_mm), halo=True)
        if target_mm is not None:
            _target(axes, projection, target_mm)
        return svg(figure)


def montage_map(sites_mm: Mapping[str, ArrayLike], electrodes: Sequence[tuple[str, ArrayLike, float]], *,
                target_mm: ArrayLike | None = None, phases_deg: Mapping[str, float] | None = None) -> str:  # fmt: skip
    """Draw a montage: anodes, cathodes and their currents in mA; returns inline SVG.

    Parameters
    ----------
    sites_mm
        10-10 sites of this head, drawn small for orientation.
    electrodes
        (name, (3,) position in mm, current in mA) of every electrode in use.
    target_mm
        Marked if given.
    phases_deg
        Of the electrodes that alternate, by name: they are coloured by it and carry amplitudes.
    """
    projection = Projection.of(sites_mm)
    with drawing():
        figure = styled(2.9, 2.9)
        axes = figure.add_subplot()
        _outline(axes)
        used = {name for name, _, _ in electrodes}
        _sites(axes, projection, sites_mm, names=LANDMARKS - used, halo=False)
        for name, position, current in electrodes:
            x, y = projection.flat(position)[0]
            phase = (phases_deg or {}).get(name)
            colour = _current_colour(current) if phase is None else _phase_colour(phase)
            said = f"{current:+.2g}" if phase is None else f"{current:.2g}"
            axes.add_patch(Circle((x, y), 0.09, facecolor=colour, edgecolor="white", linewidth=0.8, zorder=6))
            axes.text(
                x,
                y,
                said.replace("-", "−"),
                ha="center",
                va="center",
                fontsize=5.6,
                color="white",
                zorder=10,
            )
            below = name if phase is None else f"{name} {phase:.0f}°".replace("-", "−")
            axes.text(x, y - 0.1, below, ha="center", va="top", fontsize=6.5, weight="bold", zorder=7)
        if target_mm is not None:
            _target(axes, projection, target_mm)
        return svg(figure)


def _current_colour(current: float) -> str:
    return ANODE if current > 0 else CATHODE


def _phase_colour(phase_deg: float) -> str:
    """Red near 0 degrees, blue near 180, grey between."""
    along = np.cos(np.deg2rad(phase_deg))
    return MUTED if abs(along) < IN_LINE else _current_colour(along)


def pose_map(
    sites_mm: Mapping[str, ArrayLike],
    mark: CoilMark,
    *,
    near: frozenset[str] = frozenset(),
    target_mm: ArrayLike | None = None,
) -> str:
    """Draw where the coil centre sits and where the handle points, with landmarks and the sites `near` it; SVG."""
    projection = Projection.of(sites_mm)
    with drawing():
        figure = styled(2.9, 2.9)
        axes = figure.add_subplot()
        _outline(axes)
        _sites(axes, projection, sites_mm, names=LANDMARKS | near, halo=False)
        if target_mm is not None:
            _target(axes, projection, target_mm)
        _coil(axes, projection, mark)
        return svg(figure)


def lead_map(sites_mm: Mapping[str, ArrayLike], entry_mm: ArrayLike, *, target_mm: ArrayLike) -> str:
    """Draw where a lead enters and towards which place it runs, with landmarks; SVG."""
    projection = Projection.of(sites_mm)
    with drawing():
        figure = styled(2.9, 2.9)
        axes = figure.add_subplot()
        _outline(axes)
        _sites(axes, projection, sites_mm, names=LANDMARKS, halo=False)
        start, end = projection.flat(entry_mm)[0], projection.flat(target_mm)[0]
        axes.plot((start[0], end[0]), (start[1], end[1]), color=ACCENT, linewidth=1.4, zorder=6)
        axes.plot(*start, marker="o", markersize=9, color=ACCENT, markeredgecolor="white", zorder=7)
        _target(axes, projection, target_mm)
        return svg(figure)


def _contours(axes: Axes, flat: Float, level: Float, *, levels: int | Float, cmap: str, label: str) -> None:
    shown = (np.hypot(*flat.T) < SHOWN_RADIUS) & np.isfinite(level)
    if shown.sum() < 3 or np.ptp(level[shown]) == 0:
        return
    mesh = axes.tricontourf(_triangulation(flat[shown]), level[shown], levels=levels, cmap=cmap, zorder=1)
    mesh.set_clip_path(Circle((0, 0), DRAWN_RADIUS, transform=axes.transData))
    bar = axes.figure.colorbar(mesh, ax=axes, shrink=0.72, pad=0.01, aspect=24, label=label)
    bar.outline.set_visible(False)
    low, high = (float(level) for level in np.asarray(mesh.levels)[[0, -1]])
    bar.set_ticks([tick for tick in MaxNLocator(7).tick_values(low, high) if low <= tick <= high])


def _triangulation(flat: Float) -> Triangulation:
    """Triangulate without bridging places that hold no point (eyes, ears)."""
    mesh = Triangulation(flat[:, 0], flat[:, 1])
    corners = flat[mesh.triangles]
    edges = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(1)
    gap = GAP_OVER_SPACING * float(np.median(edges))
    mesh.set_mask(edges > max(gap, SMALLEST_GAP))
    return mesh


def _outline(axes: Axes) -> None:
    axes.set(xlim=(-1.2, 1.2), ylim=(-1.15, 1.22), aspect="equal")
    axes.axis("off")
    axes.add_patch(
        Polygon([(-0.13, 0.99), (0.0, 1.16), (0.13, 0.99)], closed=False, fill=False, edgecolor=MUTED, zorder=3)
    )
    for side in (-1, 1):
        ear = [(side * x, y) for x, y in ((0.985, 0.17), (1.06, 0.15), (1.08, 0.0), (1.05, -0.16), (0.985, -0.17))]
        axes.add_patch(Polygon(ear, closed=False, fill=False, edgecolor=MUTED, zorder=3))
    axes.add_patch(Circle((0, 0), 1.0, fill=False, edgecolor=MUTED, linewidth=1.0, zorder=3))
    axes.text(-1.12, 1.08, "L", fontsize=8, color=MUTED, ha="left")
    axes.text(1.12, 1.08, "R", fontsize=8, color=MUTED, ha="right")


def _sites(axes: Axes, projection: Projection, sites_mm: Mapping[str, ArrayLike], *, names: frozenset[str],
           halo: bool) -> None:  # fmt: skip
    chosen = [name for name in sites_mm if name in names]
    if not chosen:
        return
    flat = projection.flat([np.asarray(sites_mm[name]) for name in chosen])
    near = np.hypot(*flat.T) < DRAWN_RADIUS
    flat, chosen = flat[near], [name for name, keep in zip(chosen, near, strict=True) if keep]
    axes.scatter(
        flat[:, 0],
        flat[:, 1],
        s=7,
        color="white" if halo else RULE,
        edgecolors=INK if halo else MUTED,
        linewidths=0.4,
        zorder=4,
    )
    box = {"facecolor": "white", "alpha": 0.65, "edgecolor": "none", "pad": 0.4} if halo else None
    for (x, y), name in zip(flat, chosen, strict=True):
        axes.text(
            x, y - 0.045, name, ha="center", va="top", fontsize=5.6, color=INK if halo else MUTED, zorder=4, bbox=box
        )


def _target(axes: Axes, projection: Projection, target_mm: ArrayLike) -> None:
    x, y = projection.flat(target_mm)[0]
    axes.plot(x, y, marker="+", markersize=13, markeredgewidth=3.4, color="white", zorder=8)
    axes.plot(x, y, marker="+", markersize=12, markeredgewidth=1.8, color=TARGET_COLOUR, zorder=9)


def _coil(axes: Axes, projection: Projection, mark: CoilMark) -> None:
    start = projection.flat(mark.center_mm)[0]
    heading = projection.heading(mark.center_mm, mark.handle)
    end = start + 0.42 * heading
    across = np.array([-heading[1], heading[0]]) * 0.17
    for side in (-1, 1):
        wing = tuple(start + side * across)
        axes.add_patch(Circle((wing[0], wing[1]), 0.165, fill=False, edgecolor="white", linewidth=2.6, zorder=9))
        axes.add_patch(Circle((wing[0], wing[1]), 0.165, fill=False, edgecolor=ACCENT, linewidth=1.4, zorder=10))
    for colour, width in (("white", 4.0), (ACCENT, 1.8)):
        axes.add_patch(
            FancyArrowPatch(
                (start[0], start[1]),
                (end[0], end[1]),
                arrowstyle="-|>",
                mutation_scale=10,
                color=colour,
                linewidth=width,
                shrinkA=0,
                shrinkB=0,
                zorder=11,
            )
        )
    axes.plot(*start, marker="o", markersize=4.5, color=ACCENT, markeredgecolor="white", zorder=12)
