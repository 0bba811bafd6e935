"""Phasor plots: amplitude and phase of an alternating field in a few regions, as clock hands."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.projections.polar import PolarAxes

from assuage.figures import INK, MUTED, RULE, SERIES, drawing, styled, svg
from assuage.report.words import degrees, number

HEADROOM = 1.12
WIDTHS = (5.0, 2.0)
"""Hands that point the same way stay visible: the first is broad and pale, the others narrow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """One phasor."""

    name: str
    amplitude_V_per_m: float
    phase_deg: float


def phasor_plot(title: str, hands: Sequence[Hand], *, largest_V_per_m: float) -> str:
    """Draw phasors; returns inline SVG. `key` says which hand is which.

    Parameters
    ----------
    title
        Above the plot.
    hands
        Phase 0 points right, leads run counter-clockwise.
    largest_V_per_m
        Of all plots that stand side by side: they share one scale.
    """
    with drawing():
        figure = styled(2.1, 2.3)
        axes = figure.add_subplot(projection="polar")
        assert isinstance(axes, PolarAxes)
        axes.set_title(title, fontsize=9, weight="bold", color=INK)
        axes.set_ylim(0, HEADROOM * largest_V_per_m)
        axes.set_yticks([largest_V_per_m / 2], [""])
        axes.set_xticks(np.deg2rad([0, 90, 180, 270]), ["0°", "90°", "180°", "−90°"], fontsize=8)
        axes.tick_params(colors=MUTED, pad=0)
        axes.grid(color=RULE, linewidth=0.6)
        axes.spines["polar"].set_color(RULE)
        for k, hand in enumerate(hands):
            angle, colour, width = np.deg2rad(hand.phase_deg), colour_of(k), WIDTHS[min(k, 1)]
            axes.plot([angle, angle], [0, hand.amplitude_V_per_m], color=colour, linewidth=width,
                      alpha=0.55 if k == 0 else 1.0, solid_capstyle="butt", zorder=3 + k)  # fmt: skip
            axes.plot(angle, hand.amplitude_V_per_m, "o", color=colour, markersize=3 * width**0.6, zorder=4 + k)
        return svg(figure)


def key(hands: Sequence[Hand]) -> list[tuple[str, str]]:
    """Return colour and words of every hand."""
    return [
        (colour_of(k), f"{hand.name}: {number(hand.amplitude_V_per_m)} V/m, {degrees(hand.phase_deg)}")
        for k, hand in enumerate(hands)
    ]


def colour_of(k: int) -> str:
    """Return the colour of the k-th hand."""
    return SERIES[k % len(SERIES)]
