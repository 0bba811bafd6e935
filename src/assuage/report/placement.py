"""The placement sheet: one A4 page for whoever places coil or electrodes without a navigator. Computes nothing."""

from pathlib import Path

from assuage.protocols.protocol import write_whole
from assuage.readback import Placement
from assuage.report.templating import environment, template_text


def write_placement(placement: Placement, path: Path | str) -> Path:
    """Write the sheet as offline HTML; it appears whole or not at all."""
    return write_whole(path, render_placement(placement))


def render_placement(placement: Placement) -> str:
    """Return the sheet as HTML text."""
    page = environment().get_template("placement.html.j2")
    return page.render(placement=placement, css=template_text("report.css"))
