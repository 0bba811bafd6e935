"""How every figure of a report looks: one type size, colour-blind-safe colours, SVG or PNG inlined as text."""

import base64
import io
from contextlib import AbstractContextManager
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK = "#1d2733"
MUTED = "#5b6773"
RULE = "#c9d1d9"
ACCENT = "#0b5c8a"
TARGET_COLOUR = "#d55e00"
ANODE, CATHODE = "#b2182b", "#2166ac"
FIELD_MAP = "viridis"
"""Sequential and colour-blind-safe; equal steps look equal in print, too."""
SERIES = ("#0b5c8a", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5b6773")
"""Okabe and Ito (2008), the first two darkened for contrast on white."""

_RC: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "svg.fonttype": "path",
    "svg.hashsalt": "assuage",
}


def svg(figure: Figure) -> str:
    """Return a figure as one inline <svg> element, without a date, so that equal plans give equal reports."""
    text = io.StringIO()
    with rc_context(_RC):
        FigureCanvasSVG(figure).print_svg(text, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
    body = text.getvalue()
    return body[body.index("<svg") :]


def png(figure: Figure, *, dpi: int = 150) -> str:
    """Return a figure as a data URI of a PNG."""
    data = io.BytesIO()
    with rc_context(_RC):
        figure.set_dpi(dpi)
        FigureCanvasAgg(figure).print_png(data, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return "data:image/png;base64," + base64.b64encode(data.getvalue()).decode("ascii")


def styled(width_in: float, height_in: float) -> Figure:
    """Return an empty figure in the style of the report (no pyplot, no global state)."""
    with rc_context(_RC):
        return Figure(figsize=(width_in, height_in), layout="constrained")


def drawing() -> AbstractContextManager[None]:
    """Return the context to draw in: the settings of the report, and nothing global changes."""
    return rc_context(_RC)
