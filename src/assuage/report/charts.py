"""Charts of a plan: doses of the techniques with error bars."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator

from assuage.figures import INK, MUTED, RULE, SERIES, drawing, styled, svg

FEW_DECADES = 1.6
LOWEST_SHARE = 0.05
"""An error bar that would reach 0 or less ends here on the logarithmic axis."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One technique in the comparison."""

    label: str
    intensity: str
    dose_V_per_m: float
    sd_V_per_m: float
    spread_V_per_m: tuple[float, float]
    scaled: tuple[tuple[str, float], ...]
    relative: float
    relative_sd: float
    is_unit: bool = False


def comparison(bars: Sequence[Bar]) -> str:
    """Draw dose and its share of the own best under C3 (or of the threshold), with error bars; returns inline SVG.

    The thick bar is one standard deviation (tissue conductivity and placement together), the thin line the 5th to 95th
    percentile of the placement errors alone, the ring the same placement at another intensity. What is stated for a
    unit of its source has no dose to draw.
    """
    with drawing():
        figure = styled(8.6, 0.62 * len(bars) + 1.15)
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.25, 1))
        row = np.arange(len(bars))[::-1]
        for y, bar, colour in zip(row, bars, _colours(len(bars)), strict=True):
            _draw(left, right, float(y), bar, colour)
        left.set_xscale("log")
        _log_ticks(left)
        left.set_yticks(row, [f"{bar.label}\n{bar.intensity}" for bar in bars])
        left.tick_params(axis="y", length=0, labelcolor=INK)
        left.set_xlabel("mean field in the target, V/m (logarithmic)")
        right.set_xlabel("share of own best under C3 or threshold")
        right.axvline(1.0, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
        right.set_xlim(left=0.0)
        right.tick_params(axis="y", length=0)
        for axes in (left, right):
            axes.grid(axis="x", color=RULE, linewidth=0.6, zorder=0)
            axes.set_axisbelow(True)
            axes.spines["left"].set_visible(False)
            axes.margins(y=0.18)
        return svg(figure)


def _draw(left: Axes, right: Axes, y: float, bar: Bar, colour: str) -> None:
    thick: dict[str, Any] = {"color": colour, "linewidth": 4.5, "alpha": 0.45, "zorder": 2, "solid_capstyle": "butt"}
    low = max(bar.dose_V_per_m - bar.sd_V_per_m, bar.dose_V_per_m * LOWEST_SHARE)
    if not bar.is_unit:
        left.plot(bar.spread_V_per_m, (y, y), color=colour, linewidth=1.0, zorder=2)
        left.plot((low, bar.dose_V_per_m + bar.sd_V_per_m), (y, y), **thick)
        left.plot(bar.dose_V_per_m, y, "o", color=colour, markersize=6.5, zorder=3)
    elif not bar.scaled:
        left.annotate("no dose without a motor threshold", (0.02, y), xycoords=("axes fraction", "data"), va="center",
                      fontsize=6.5, color=MUTED)  # fmt: skip
    for text, value in bar.scaled:
        left.plot(value, y, "o", markerfacecolor="white", markeredgecolor=colour, markersize=6.5, zorder=3)
        left.annotate(text, (value, y), (0, -8), textcoords="offset points", ha="center", va="top", fontsize=6.5,
                      color=MUTED)  # fmt: skip
    right.plot((bar.relative - bar.relative_sd, bar.relative + bar.relative_sd), (y, y), **thick)
    right.plot(bar.relative, y, "o", color=colour, markersize=6.5, zorder=3)


def _colours(count: int) -> list[str]:
    return [SERIES[k % len(SERIES)] for k in range(count)]


def _log_ticks(axes: Axes) -> None:
    low, high = axes.get_xlim()
    steps = (1.0,) if high / low > 10**FEW_DECADES else (1.0, 2.0, 5.0)
    axes.xaxis.set_major_locator(LogLocator(base=10, subs=steps, numticks=12))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter("")
