"""The albatross plot: size of each study against its p value, effects below no effect to the left, above to the right.

Harrison et al. 2017, doi:10.1002/jrsm.1239. A contour joins the p values that one effect would give at every size. The
variance of an effect is taken as c/N, with c the median of v N over the studies, so that N = c (z/effect)²: Harrison et
al. draw simple designs, the studies' own c holds for any measure. p is spaced by normal quantiles, so that neither the
middle nor a small p crowds out the other.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator
from scipy.stats import norm

from assuage.figures import ACCENT, INK, MUTED, PALE, drawing, styled
from assuage.synthesis.heterogeneity import Array
from assuage.synthesis.measures import MEASURES, back_transform

FEWEST = 3
"""Studies of known size below which nothing is drawn."""
P_TICKS = (0.05, 0.001, 1e-5, 1e-8, 1e-12, 1e-20, 1e-40, 1e-80, 1e-160)
CONTOURS = {"log": np.log([1.25, 2.0, 4.0]), "atanh": np.arctanh([0.1, 0.3, 0.5])}
COHEN = np.array([0.2, 0.5, 0.8])
"""Contours of standardised differences; those of other scales without an entry above are thirds of the largest."""
APART = 0.2
"""Least distance of two ticks, as a share of the half axis."""


def albatross_figure(y: Array, v: Array, people: Array, measure: str) -> Figure:
    """Draw effects y (k,) with variances v (k,) of studies of `people` (k,); rows without a size are left out."""
    known = np.isfinite(people) & (people > 0)
    y, v, people = y[known], v[known], people[known]
    z = y / np.sqrt(v)
    with drawing():
        figure = styled(5.6, 4.6)
        axes = figure.add_subplot()
        axes.set_yscale("log")
        axes.set_ylim(0.8 * people.min(), 1.3 * people.max())
        half = max(1.12 * float(np.max(np.abs(z))), 2.6)
        axes.set_xlim(-half, half)
        for effect in _contour_effects(y, measure):
            _contour(axes, effect, float(np.median(v * people)), measure)
        axes.axvline(0, color=MUTED, linewidth=0.7)
        for bound in norm.isf(0.025) * np.array([-1, 1]):
            axes.axvline(bound, color=MUTED, linewidth=0.7, linestyle=(0, (4, 3)))
        axes.scatter(z, people, s=24, color=ACCENT, edgecolor="white", linewidth=0.5, zorder=4)
        _ticks(axes, half)
        axes.set_ylabel("People (logarithmic axis)")
        words = MEASURES[measure].words.removeprefix("log ").partition(" (")[0].partition(", ")[0]
        null = "1" if MEASURES[measure].scale == "log" else "0"
        axes.set_xlabel(f"Two-sided p; left: {words} below {null}, right: above")
    return figure


def _contour_effects(y: Array, measure: str) -> Array:
    if measure.startswith(("SM", "OR2D")):
        return COHEN
    thirds: Array = np.max(np.abs(y)) * np.array([1, 2, 3]) / 3
    return CONTOURS.get(MEASURES[measure].scale, thirds)


def _contour(axes: Axes, effect: float, c: float, measure: str) -> None:
    """Draw where an effect and its opposite lie; the numbers stand where the line leaves the picture."""
    people = np.geomspace(*axes.get_ylim(), 200)
    z = effect * np.sqrt(people / c)
    inside = np.flatnonzero(z <= 0.95 * axes.get_xlim()[1])
    for sign in (-1, 1):
        axes.plot(sign * z, people, color=PALE, linewidth=1.0, zorder=1)
        if inside.size == 0:
            continue
        shown = back_transform(measure, sign * effect)
        number = f"{sign * effect if shown is None else shown:.3g}".replace("-", "−")
        axes.text(
            sign * z[inside[-1]], people[inside[-1]], number,
            color=INK, fontsize=7.5, ha="center", va="center", zorder=3,
            bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.85},
        )  # fmt: skip


def _ticks(axes: Axes, half: float) -> None:
    label, last = {0.0: "1"}, 0.0
    for p in P_TICKS:
        z = float(norm.isf(p / 2))
        if last + APART * half < z < half:
            last = z
            label |= {sign * z: f"{p:g}" for sign in (-1, 1)}
    axes.xaxis.set_major_locator(FixedLocator(sorted(label)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: label.get(x, "")))
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda n, _: f"{n:,.10g}"))
    axes.yaxis.set_minor_locator(NullLocator())
