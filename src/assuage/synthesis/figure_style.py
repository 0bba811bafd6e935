"""How forest and funnel plots look: quiet, print-ready, readable without colour; SVG and PNG without a date."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK, MUTED, RULE, ACCENT = "#1d2733", "#5b6773", "#c9d1d9", "#0b5c8a"
SHADES = ("#ffffff", "#e6eaee", "#d3dae0", "#bfc9d1")
"""Of a contour-enhanced funnel, from not significant to p < 0.01."""

_RC: Any = {
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "font.size": 8.5, "axes.edgecolor": MUTED,
    "axes.labelcolor": INK, "text.color": INK, "xtick.color": MUTED, "ytick.color": MUTED, "xtick.labelcolor": INK,
    "ytick.labelcolor": INK, "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.7,
    "xtick.major.width": 0.7, "ytick.major.width": 0.7, "svg.fonttype": "path", "svg.hashsalt": "assuage",
}  # fmt: skip


def drawing() -> AbstractContextManager[None]:
    """Return the context to draw in; nothing global changes."""
    return rc_context(_RC)


def write(figure: Figure, folder: Path, name: str) -> None:
    """Write a figure as NAME.svg and NAME.png (300 dots per inch)."""
    with drawing():
        FigureCanvasSVG(figure).print_svg(folder / f"{name}.svg", metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
        figure.set_dpi(300)
        FigureCanvasAgg(figure).print_png(folder / f"{name}.png", metadata={"Software": None})  # type: ignore[no-untyped-call]
