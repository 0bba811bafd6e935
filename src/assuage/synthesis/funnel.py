"""The contour-enhanced funnel plot: effects against standard errors, with the regions of p around no effect.

Contours: Peters et al. 2008, doi:10.1016/j.jclinepi.2007.11.010. The dashed funnel is the range of 95 % of studies
without heterogeneity around the pooled effect. Open circles: effects that trim and fill adds.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.stats import norm

from assuage.figures import ACCENT, INK, MUTED, SHADES, drawing
from assuage.synthesis.analysis import Analysis
from assuage.synthesis.forest import axis_words, null_value, scale_ticks

LEVELS = (0.1, 0.05, 0.01)


def funnel_figure(analysis: Analysis) -> Figure:
    """Draw the funnel plot of an analysis around its pooled effect."""
    effects = analysis.effects
    se = np.sqrt(effects.v)
    filled = analysis.trim_fill.get("L0")
    added_y = filled.added_y if filled else np.empty(0)
    added_se = np.sqrt(filled.added_v) if filled else np.empty(0)
    counted = analysis.counted_result
    c = (analysis.multilevel or analysis.fit).coefficients
    centre = counted.estimate if counted else float(c.estimate[0]) if c.estimate.size == 1 else None
    with drawing():
        figure = Figure(figsize=(5.6, 4.6), layout="constrained")
        axes = figure.add_subplot()
        deepest = 1.06 * float(se.max())
        null = null_value(effects.measure.name)
        _limits(axes, np.concatenate([effects.y, added_y]), deepest, centre, contours=null is not None)
        if null is not None:
            _contours(axes, deepest)
        if centre is not None:
            _triangle(axes, centre, deepest)
        axes.scatter(effects.y, se, s=24, color=ACCENT, edgecolor="white", linewidth=0.5, zorder=4)
        if added_y.size:
            axes.scatter(added_y, added_se, s=24, facecolor="white", edgecolor=INK, linewidth=0.9, zorder=4)
        axes.set_ylim(deepest, 0)
        scale_ticks(axes, effects.measure.name)
        axes.set_xlabel(axis_words(analysis))
        axes.set_ylabel("Standard error")
        _legend(figure, bool(added_y.size), centre is not None, null is not None)
    return figure


def _limits(axes: Axes, y: np.ndarray, deepest: float, centre: float | None, *, contours: bool) -> None:
    half = float(norm.isf(0.005)) * deepest
    middle = 0.0 if centre is None else centre
    low = min(float(y.min()), middle - 1.96 * deepest)
    high = max(float(y.max()), middle + 1.96 * deepest)
    if contours:
        low, high = min(low, -0.55 * half), max(high, 0.55 * half)
    margin = 0.04 * (high - low)
    axes.set_xlim(low - margin, high + margin)


def _contours(axes: Axes, deepest: float) -> None:
    """Shade the regions of two-sided p: white above 0.1, darker the smaller p."""
    low, high = axes.get_xlim()
    depth = np.array([0.0, deepest])
    axes.axvspan(low, high, color=SHADES[0], zorder=0)
    edges = [float(norm.isf(p / 2)) * depth for p in LEVELS]
    outer = [*edges[1:], np.full(2, 10 * max(abs(low), abs(high)))]
    for shade, inner, end in zip(SHADES[1:], edges, outer, strict=True):
        for sign in (-1, 1):
            axes.fill_betweenx(depth, sign * inner, sign * end, color=shade, linewidth=0, zorder=0)
    axes.axvline(0, color=MUTED, linewidth=0.7, zorder=1)
    axes.set_xlim(low, high)


def _triangle(axes: Axes, centre: float, deepest: float) -> None:
    half = 1.959964 * deepest
    axes.plot(
        [centre - half, centre, centre + half], [deepest, 0, deepest], color=INK, linewidth=0.9, linestyle=(0, (4, 3))
    )
    axes.plot([centre, centre], [0, deepest], color=INK, linewidth=0.9)


def _legend(figure: Figure, with_added: bool, with_funnel: bool, with_contours: bool) -> None:
    words = ("p > 0.10", "0.05 < p ≤ 0.10", "0.01 < p ≤ 0.05", "p ≤ 0.01")
    handles: list[Patch | Line2D] = [
        Patch(facecolor=shade, edgecolor=MUTED, linewidth=0.5, label=text)
        for shade, text in zip(SHADES, words, strict=True)
        if with_contours
    ]
    dot: Any = {"linestyle": "none", "marker": "o", "markersize": 5}
    handles.append(Line2D([], [], color=ACCENT, label="study", **dot))
    if with_added:
        handles.append(
            Line2D([], [], markerfacecolor="white", markeredgecolor=INK, label="added by trim and fill", **dot)
        )
    if with_funnel:
        handles.append(
            Line2D([], [], color=INK, linewidth=0.9, linestyle=(0, (4, 3)), label="pooled effect, 95 % funnel")
        )
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=7.5)
