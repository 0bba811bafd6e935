"""A head in three planes: the scan (or the labels) with the outline of every tissue, on world axes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates

from assuage.head.model import Head
from assuage.head.tissues import AIR, BRAIN_NAMES

Float = NDArray[np.float64]

COLORS = {
    "white_matter": "#f2efe6",
    "grey_matter": "#e4572e",
    "csf": "#29a3dc",
    "skull": "#f3c13a",
    "scalp": "#3fae6b",
    "eyes": "#b07cc6",
    "air": "#8a8f98",
    "skull_compact": "#f3c13a",
    "skull_spongy": "#c98f1b",
    "blood": "#a3182c",
    "muscle": "#8b4a3b",
    "fat": "#d9d27a",
    "cartilage": "#7fc7c0",
    "lesion": "#ff2d95",
}
"""One colour per tissue, the same in every picture of the package."""
PIXEL_MM = 0.5
LINE_WIDTH = 1.4
BELOW_BRAIN_MM = 45.0
"""Shown below the brain: skull base and the root of the neck."""
PLANES = (("sagittal", 0, "A", "P"), ("coronal", 1, "R", "L"), ("axial", 2, "R", "L"))


def overlay_figure(head: Head, path: str | Path, *, center_mm: ArrayLike | None = None, dpi: int = 130) -> Path:
    """Write a PNG of the head in three world planes with tissue outlines.

    Parameters
    ----------
    head
        The head; without `t1` the labels are shown in pale colours.
    path
        File to write.
    center_mm
        (3,) where the planes cross; None takes the middle of the brain.
    dpi
        Resolution.
    """
    center = _middle(head) if center_mm is None else np.asarray(center_mm, dtype=np.float64)
    low, high = _bounds(head)
    figure = Figure(figsize=(13.5, 5.2), facecolor="black", layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (name, normal_axis, right, left) in zip(np.ravel(figure.subplots(1, 3)), PLANES, strict=True):
        _draw_plane(axes, head, center, (low, high), normal_axis)
        axes.set_title(f"{name}  {'xyz'[normal_axis]} = {center[normal_axis]:.0f} mm", color="white", fontsize=10)
        axes.text(0.98, 0.5, right, color="white", transform=axes.transAxes, ha="right", va="center")
        axes.text(0.02, 0.5, left, color="white", transform=axes.transAxes, ha="left", va="center")
    names = [name for name in dict.fromkeys(head.tissues.values()) if name in COLORS]
    handles = [Line2D([], [], color=COLORS[name], lw=2, label=name.replace("_", " ")) for name in names]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=max(1, len(handles)), frameon=False, labelcolor="white"
    )
    target = Path(path)
    figure.savefig(target, dpi=dpi, facecolor="black")
    return target


def planes_figure(head: Head, normal_axis: int, places: Sequence[tuple[str, float]], *, columns: int = 2) -> Figure:
    """Return several parallel planes of a head with tissue outlines, without the neck.

    Parameters
    ----------
    head
        The head.
    normal_axis
        0 sagittal, 1 coronal, 2 axial, world axes.
    places
        Title and world coordinate in mm along that axis, for each plane.
    columns
        Planes beside each other.
    """
    low, high = _bounds(head)
    low[2] = max(low[2], _brain_floor_mm(head) - BELOW_BRAIN_MM)
    _, _, right, left = PLANES[normal_axis]
    across, up = [axis for axis in range(3) if axis != normal_axis]
    rows = -(-len(places) // columns)
    tall = float((high[up] - low[up]) / (high[across] - low[across]))
    figure = Figure(figsize=(11.0, rows * (11.0 / columns * tall + 0.3) + 0.4), facecolor="black", layout="constrained")
    FigureCanvasAgg(figure)
    every = np.ravel(figure.subplots(rows, columns))
    for axes, (title, at_mm) in zip(every, places, strict=False):
        center = np.zeros(3)
        center[normal_axis] = at_mm
        _draw_plane(axes, head, center, (low, high), normal_axis, line_width=LINE_WIDTH)
        axes.set_title(f"{title}  {'xyz'[normal_axis]} = {at_mm:.0f} mm", color="white", fontsize=10)
        axes.text(0.98, 0.5, right, color="white", transform=axes.transAxes, ha="right", va="center")
        axes.text(0.02, 0.5, left, color="white", transform=axes.transAxes, ha="left", va="center")
    for axes in every[len(places) :]:
        axes.set_axis_off()
    names = [name for name in dict.fromkeys(head.tissues.values()) if name in COLORS]
    handles = [Line2D([], [], color=COLORS[name], lw=2, label=name.replace("_", " ")) for name in names]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, labelcolor="white")
    return figure


def _brain_floor_mm(head: Head) -> float:
    """Return the world z below which 1 % of the brain lies, or the lowest of the head without one."""
    index = np.argwhere(np.isin(head.labels, [key for key, name in head.tissues.items() if name in BRAIN_NAMES]))
    if not len(index):
        return float(_bounds(head)[0][2])
    return float(np.percentile(index @ head.affine[2, :3] + head.affine[2, 3], 1))


def _draw_plane(
    axes: Axes,
    head: Head,
    center: Float,
    bounds: tuple[Float, Float],
    normal_axis: int,
    *,
    line_width: float = 0.8,
) -> None:
    across, up = [axis for axis in range(3) if axis != normal_axis]
    u = np.arange(bounds[0][across], bounds[1][across], PIXEL_MM)
    v = np.arange(bounds[0][up], bounds[1][up], PIXEL_MM)
    points = np.empty((len(v), len(u), 3))
    points[..., across], points[..., up], points[..., normal_axis] = u, v[:, None], center[normal_axis]
    inverse = np.linalg.inv(head.affine)
    index = np.moveaxis(points @ inverse[:3, :3].T + inverse[:3, 3], -1, 0)
    extent = (float(u[0]), float(u[-1]), float(v[0]), float(v[-1]))
    axes.set_axis_off()
    if head.t1 is not None:
        grey = map_coordinates(np.asarray(head.t1, dtype=np.float32), index, order=1, mode="constant", cval=0.0)
        top = max(float(np.percentile(head.t1[head.t1 > 0], 98)) if (head.t1 > 0).any() else 1.0, 1e-6)
        axes.imshow(grey, cmap="gray", vmin=0, vmax=top, origin="lower", extent=extent)
    else:
        axes.imshow(_painted(head, index), origin="lower", extent=extent)
    for name in dict.fromkeys(head.tissues.values()):
        share = _share(head, name, index)
        if name in COLORS and share.max() > 0.5 > share.min():
            axes.contour(u, v, share, levels=[0.5], colors=COLORS[name], linewidths=line_width)
    axes.set_aspect("equal")


def _share(head: Head, name: str, index: Float) -> Float:
    """Return a tissue's share at voxel indices (3, ...)."""
    if head.fractions is not None and name in head.fractions:
        volume = head.fractions[name].astype(np.float32) / np.float32(255)
    else:
        volume = head.mask(name).astype(np.float32)
        if name == AIR:
            volume[head.labels == 0] = 0
    return np.asarray(map_coordinates(volume, index, order=1, mode="constant", cval=0.0), dtype=np.float64)


def _painted(head: Head, index: Float) -> Float:
    """Return an RGB picture of the labels, dimmed so that outlines stand out."""
    labels = map_coordinates(head.labels, index, order=0, mode="constant", cval=0)
    table = np.zeros((int(head.labels.max()) + 1, 3))
    for key, name in head.tissues.items():
        if 0 <= key < len(table) and name in COLORS:
            table[key] = [int(COLORS[name][i : i + 2], 16) / 255 * 0.45 for i in (1, 3, 5)]
    return np.asarray(table[labels])


def _middle(head: Head) -> Float:
    keys = [key for key, name in head.tissues.items() if name in BRAIN_NAMES]
    inside = np.isin(head.labels, keys) if keys else head.labels > 0
    if not inside.any():
        inside = head.labels > 0
    return np.asarray(np.argwhere(inside).mean(0) @ head.affine[:3, :3].T + head.affine[:3, 3])


def _bounds(head: Head) -> tuple[Float, Float]:
    """Return the world box of the head with a margin, mm."""
    vertices = head.scalp.vertices_mm
    return vertices.min(0) - 5.0, vertices.max(0) + 5.0
