"""Charts of a delivered session: field, position and angles of the coil, pulse by pulse."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from assuage.figures import ACCENT, MUTED, RULE, SERIES, TARGET_COLOUR, drawing, styled, svg
from assuage.readback import PulseFidelity
from assuage.units import S_PER_MIN

Array = NDArray[np.float64]

FEW = 400
"""So many pulses are drawn as dots; more as a line."""


def drift(fidelity: PulseFidelity) -> str:
    """Draw share of the planned field, distance, tilt and twist over the session; returns inline SVG.

    The x axis is time where every used pulse has one, else the number of the pulse; pulses not used leave a gap.
    """
    used = [pulse for pulse in fidelity.pulses if pulse.state == "used"]
    times = [pulse.time_s for pulse in used if pulse.time_s is not None]
    timed = len(times) == len(used)
    x = np.array(times) / S_PER_MIN if timed else np.array([float(pulse.index + 1) for pulse in used])
    with drawing():
        figure = styled(8.6, 5.6)
        field, place, angle = figure.subplots(3, 1, sharex=True)
        band = fidelity.tolerance_percent / 100
        field.axhspan(1 - band, 1 + band, color=RULE, alpha=0.5, linewidth=0)
        field.axhline(1.0, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
        _draw(field, x, [pulse.of_planned for pulse in used], ACCENT)
        field.set_ylabel("share of the\nplanned field")
        _draw(place, x, [pulse.distance_mm for pulse in used], TARGET_COLOUR)
        place.set_ylabel("distance from\nthe plan, mm")
        place.set_ylim(bottom=0)
        _draw(angle, x, [pulse.tilt_deg for pulse in used], SERIES[2], "tilt")
        _draw(angle, x, [pulse.twist_deg for pulse in used], SERIES[3], "twist")
        angle.axhline(0.0, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
        angle.set_ylabel("angle from\nthe plan, degrees")
        angle.legend(frameon=False, ncols=2, loc="upper right")
        angle.set_xlabel("time, minutes" if timed else "number of the pulse")
        for axes in (field, place, angle):
            axes.grid(axis="y", color=RULE, linewidth=0.6, zorder=0)
            axes.set_axisbelow(True)
        return svg(figure)


def _draw(axes: Axes, x: Array, values: Sequence[float | None], colour: str, label: str = "") -> None:
    y = np.array([np.nan if value is None else value for value in values])
    style: dict[str, Any] = (
        {"marker": "o", "markersize": 2.5, "linestyle": "none"} if len(x) <= FEW else {"linewidth": 0.7}
    )
    axes.plot(x, y, color=colour, label=label or None, **style)
