"""Still pictures for print and for browsers without WebGL: three planes through the target, along the world's axes."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates

from assuage.figures import FIELD_MAP, TARGET_COLOUR, drawing, png, styled
from assuage.report.volumes import Volume, display_range

STEP_MM = 1.0
HALF = 0.5
THRESHOLD = 0.15
"""Field below this share of the display range is not painted, so that the anatomy stays visible."""
PLANES = (
    ("axial", 2, 0, 1, ("L", "R", "P", "A")),
    ("coronal", 1, 0, 2, ("L", "R", "I", "S")),
    ("sagittal", 0, 1, 2, ("P", "A", "I", "S")),
)
"""Name, axis that is cut, horizontal and vertical axis, letters at the left, right, bottom and top border."""

Float = NDArray[np.float64]


def orthogonal_png(
    anatomy: Volume | None, field: Volume, *, center_mm: ArrayLike, radius_mm: float, high: float, label: str
) -> str:
    """Draw axial, coronal and sagittal planes through a point; returns a PNG data URI.

    Parameters
    ----------
    anatomy, field
        Volumes in world mm; their grids may differ.
    center_mm, radius_mm
        Target, drawn as a circle.
    high
        Upper end of the colour scale, in the unit of the field.
    label
        Colour bar label with its unit.
    """
    center = np.asarray(center_mm, dtype=np.float64)
    low_mm, high_mm = _bounds(anatomy or field)
    with drawing():
        figure = styled(8.6, 3.3)
        widths = [high_mm[h] - low_mm[h] for _, _, h, _, _ in PLANES]
        axes_row = figure.subplots(1, 3, width_ratios=widths)
        shown = None
        for axes, (name, cut, across, up, letters) in zip(axes_row, PLANES, strict=True):
            points, extent = _plane(center, cut=cut, across=across, up=up, low=low_mm, high=high_mm)
            shown = _paint(axes, anatomy, field, points=points, extent=extent, high=high) or shown
            _decorate(axes, f"{name}, {'xyz'[cut]} = {center[cut]:.0f} mm", letters, extent)
            axes.add_patch(
                Circle((center[across], center[up]), radius_mm, fill=False, edgecolor=TARGET_COLOUR, linewidth=1.2)
            )
        if shown is not None:
            bar = figure.colorbar(shown, ax=list(axes_row), shrink=0.7, pad=0.01, label=label)
            bar.outline.set_visible(False)
        return png(figure, dpi=140)


def sample(volume: Volume, points_mm: Float) -> Float:
    """Return a volume at (..., 3) world points, trilinear; 0 outside it."""
    inverse = np.linalg.inv(volume.affine)
    index = np.moveaxis(points_mm @ inverse[:3, :3].T + inverse[:3, 3], -1, 0)
    data = np.asarray(volume.data, dtype=np.float32)
    return np.asarray(map_coordinates(data, index, order=1, mode="constant"), dtype=np.float64)


def within(volume: Volume, mask: Volume | None) -> Volume:
    """Return a volume that is 0 where a mask, on its own grid, holds less than half of the voxel centre."""
    if mask is None:
        return volume
    index = np.stack(np.meshgrid(*[np.arange(n) for n in volume.data.shape], indexing="ij"), -1)
    inside = sample(mask, index @ volume.affine[:3, :3].T + volume.affine[:3, 3]) >= HALF
    return Volume(data=volume.data * inside, affine=volume.affine)


def _bounds(volume: Volume) -> tuple[Float, Float]:
    """World box around what is not background, (3,) and (3,) mm."""
    low, high = display_range(volume.data)
    index = np.argwhere(volume.data > low + 0.05 * (high - low))
    corners = np.stack(np.meshgrid(*zip(index.min(0), index.max(0), strict=True), indexing="ij"), -1).reshape(-1, 3)
    world = corners @ volume.affine[:3, :3].T + volume.affine[:3, 3]
    return world.min(0) - 2.0, world.max(0) + 2.0


def _plane(center: Float, *, cut: int, across: int, up: int, low: Float, high: Float) -> tuple[Float, list[float]]:
    horizontal = np.arange(low[across], high[across], STEP_MM)
    vertical = np.arange(low[up], high[up], STEP_MM)
    points = np.empty((len(vertical), len(horizontal), 3))
    points[..., cut] = center[cut]
    points[..., across], points[..., up] = horizontal[None, :], vertical[:, None]
    return points, [float(low[across]), float(high[across]), float(low[up]), float(high[up])]


def _paint(
    axes: Axes, anatomy: Volume | None, field: Volume, *, points: Float, extent: list[float], high: float
) -> Any:
    box = (extent[0], extent[1], extent[2], extent[3])
    if anatomy is not None:
        gray_high = display_range(anatomy.data)[1]
        axes.imshow(sample(anatomy, points), cmap="gray", origin="lower", extent=box, vmin=0, vmax=gray_high)
    level = sample(field, points)
    painted = np.ma.masked_less(level, THRESHOLD * high)
    return axes.imshow(painted, cmap=FIELD_MAP, origin="lower", extent=box, vmin=0, vmax=high, alpha=0.75)


def _decorate(axes: Axes, title: str, letters: tuple[str, ...], extent: list[float]) -> None:
    axes.set_title(title, fontsize=8.5)
    axes.set(xlim=extent[:2], ylim=extent[2:], xticks=[], yticks=[])
    axes.set_facecolor("black")
    for spine in axes.spines.values():
        spine.set_visible(False)
    places = ((0.02, 0.5), (0.98, 0.5), (0.5, 0.02), (0.5, 0.98))
    for letter, (x, y), ha, va in zip(letters, places, ("left", "right", "center", "center"),
                                      ("center", "center", "bottom", "top"), strict=True):  # fmt: skip
        axes.text(x, y, letter, transform=axes.transAxes, color="white", fontsize=7, ha=ha, va=va)
