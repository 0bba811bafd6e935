"""The page of the circuits: each on the brain, its regions with their weights, and the studies behind every region."""

from collections.abc import Sequence
from pathlib import Path

from assuage import __version__
from assuage.circuits.weights import LEAN, CircuitEvidence
from assuage.protocols.protocol import write_whole
from assuage.report.brains import RADIUS_MM, Spot, glass_brain_svg, surface_png
from assuage.report.templating import environment, template_text


def write_circuits_page(circuits: Sequence[CircuitEvidence], path: Path) -> Path:
    """Write the page as one offline file; return its path."""
    text = (
        environment()
        .get_template("circuits.html.j2")
        .render(
            circuits=[{"found": found, **_pictures(found)} for found in circuits],
            radius_mm=RADIUS_MM,
            lean=LEAN,
            css=template_text("report.css"),
            version=__version__,
        )
    )
    return write_whole(path, text)


def _pictures(found: CircuitEvidence) -> dict[str, str]:
    domain = found.circuit.domain
    spots = [
        Spot(
            label=item.region.label,
            mni_mm=item.region.mni_mm,
            weight=item.weight.mean,
            anchor=f"{domain}-{item.region.key}",
        )
        for item in found.regions
        if item.region.mni_mm is not None
    ]
    return {"glass": glass_brain_svg(spots), "surface": surface_png(spots)}
