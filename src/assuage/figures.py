"""How every figure looks: one type size, colour-blind-safe colours, print-ready; SVG and PNG, as text or as files.

Figures carry no date, so that equal results give equal files.
"""

import base64
import io
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK = "#1d2733"
MUTED = "#5b6773"
RULE = "#c9d1d9"
ACCENT = "#0b5c8a"
PALE = "#9fb3bf"
TARGET_COLOUR = "#d55e00"
ANODE, CATHODE = "#b2182b", "#2166ac"
FIELD_MAP = "viridis"
"""Sequential and colour-blind-safe; equal steps look equal in print, too."""
SERIES = ("#0b5c8a", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5b6773")
"""Okabe and Ito (2008), the first two darkened for contrast on white."""
SHADES = ("#ffffff", "#e6eaee", "#d3dae0", "#bfc9d1")
"""Greys in order, told apart in print."""

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


def styled(width_in: float, height_in: float) -> Figure:
    """Return an empty figure in this style (no pyplot, no global state)."""
    with drawing():
        return Figure(figsize=(width_in, height_in), layout="constrained")


def drawing() -> AbstractContextManager[None]:
    """Return the context to draw in; nothing global changes."""
    return rc_context(_RC)


def svg(figure: Figure) -> str:
    """Return a figure as one inline <svg> element."""
    text = _svg_text(figure)
    return text[text.index("<svg") :]


def png(figure: Figure, *, dpi: int = 150) -> str:
    """Return a figure as a data URI of a PNG."""
    return "data:image/png;base64," + base64.b64encode(_png_bytes(figure, dpi)).decode("ascii")


def write(figure: Figure, folder: Path, name: str) -> None:
    """Write a figure as NAME.svg and NAME.png (300 dots per inch)."""
    (folder / f"{name}.svg").write_text(_svg_text(figure), encoding="utf-8")
    (folder / f"{name}.png").write_bytes(_png_bytes(figure, 300))


def _svg_text(figure: Figure) -> str:
    text = io.StringIO()
    with drawing():
        FigureCanvasSVG(figure).print_svg(text, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
    return text.getvalue()


def _png_bytes(figure: Figure, dpi: int) -> bytes:
    data = io.BytesIO()
    with drawing():
        figure.set_dpi(dpi)
        FigureCanvasAgg(figure).print_png(data, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return data.getvalue()
