"""Regions of a circuit on a glass brain, each a link, and their weights on the cortical surface."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from nilearn.datasets import load_fsaverage, load_fsaverage_data
from nilearn.plotting import plot_surf
from nilearn.plotting.displays import LYRZProjector
from numpy.typing import NDArray

from assuage.figures import ACCENT, drawing, png, styled, svg
from assuage.space.fsaverage import fsaverage_to_mni_mm

RADIUS_MM = 10.0
"""A region is a ball about its sourced centroid; beyond it the surface stays bare."""
AXES_OF = {"l": (1, 2), "r": (1, 2), "y": (0, 2), "z": (0, 1)}
VIEWS = (("left", "lateral"), ("left", "medial"), ("right", "medial"), ("right", "lateral"))
HEAT = "YlOrRd"
"""Light to dark: the surface itself is grey."""
SMALLEST, LARGEST = 40.0, 360.0
"""Areas of a dot, points squared, for weights of 0 and 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A region to draw: where, how heavy (0 to 1), and the anchor of its row."""

    label: str
    mni_mm: tuple[float, float, float]
    weight: float
    anchor: str


def glass_brain_svg(spots: Sequence[Spot]) -> str:
    """Draw regions as dots whose area is their weight; each leads to its row. Returns inline SVG."""
    with drawing():
        figure = styled(9.6, 2.7)
        figure.set_layout_engine("none")
        FigureCanvasAgg(figure)
        display = LYRZProjector.init_with_figure(img=None, figure=figure, axes=[0.0, 0.0, 1.0, 1.0])
        for side, view in display.axes.items():
            shown = [spot for spot in spots if _on(side, spot.mni_mm[0])]
            if shown:
                _dots(view.ax, shown, AXES_OF[side])
        display.annotate(size=8)
        return svg(figure)


def _on(side: str, x_mm: float) -> bool:
    """Return whether a region belongs in a view; the midline is in both of the side views."""
    return x_mm <= 0 if side == "l" else x_mm >= 0 if side == "r" else True


def _dots(axes: Any, spots: Sequence[Spot], columns: tuple[int, int]) -> None:
    at = np.array([spot.mni_mm for spot in spots])[:, columns]
    area = [SMALLEST + (LARGEST - SMALLEST) * spot.weight for spot in spots]
    dots = axes.scatter(*at.T, s=area, color=ACCENT, alpha=0.75, edgecolors="white", linewidths=0.8, zorder=9)
    dots.set_urls([f"#{spot.anchor}" for spot in spots])


def surface_png(spots: Sequence[Spot]) -> str:
    """Draw weights on the pial surface, four views, the largest darkest; returns a data URI."""
    mesh, depth = load_fsaverage("fsaverage5")["pial"], load_fsaverage_data(mesh="fsaverage5", data_type="sulcal")
    top = max(spot.weight for spot in spots)
    with drawing():
        figure = styled(9.6, 2.1)
        figure.set_layout_engine("none")
        FigureCanvasAgg(figure)
        for k, (side, view) in enumerate(VIEWS):
            axes: Any = figure.add_axes((0.25 * k, 0.0, 0.25, 1.0), projection="3d")
            values = weight_at(fsaverage_to_mni_mm(mesh.parts[side].coordinates), spots)
            plot_surf(
                mesh.parts[side], values, bg_map=depth.data.parts[side], hemi=side, view=view, cmap=HEAT,
                vmin=0.0, vmax=top, colorbar=False, bg_on_data=False, axes=axes, figure=figure,
            )  # fmt: skip
            axes.set_title("")
            axes.text2D(0.5, 0.06, f"{side}, {view}", transform=axes.transAxes, ha="center", fontsize=8)
        return png(figure, dpi=130)


def weight_at(points_mm: NDArray[np.float64], spots: Sequence[Spot]) -> NDArray[np.float64]:
    """Return the largest weight (n,) of the regions that hold points (n, 3), MNI mm; NaN where none does."""
    found = np.full(len(points_mm), np.nan)
    for spot in spots:
        inside = np.linalg.norm(points_mm - np.array(spot.mni_mm), axis=1) <= RADIUS_MM
        found[inside] = np.fmax(found[inside], spot.weight)
    return found
