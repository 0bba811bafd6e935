"""A delivered session as one short offline page. Formats what fidelity.json holds; computes nothing."""

from pathlib import Path

from assuage.protocols.protocol import write_whole
from assuage.readback import ElectrodeFidelity, PulseFidelity
from assuage.report import words
from assuage.report.drift import drift
from assuage.report.templating import environment, template_text

ROWS = (
    ("of_planned", "share of the planned field", 3),
    ("target_V_per_m_per_A_per_us", "field in the target, V/m per A/µs", 3),
    ("target_V_per_m", "field in the target, V/m", 3),
    ("distance_mm", "distance from the plan, mm", 2),
    ("along_scalp_mm", "along the scalp, mm", 2),
    ("outward_mm", "outwards, mm", 2),
    ("tilt_deg", "tilt, degrees", 2),
    ("twist_deg", "twist, degrees", 2),
)
"""Lines of the table: field of the record, words, digits."""


def write_fidelity(fidelity: PulseFidelity | ElectrodeFidelity, path: Path | str) -> Path:
    """Write the page; it appears whole or not at all."""
    return write_whole(path, render_fidelity(fidelity))


def render_fidelity(fidelity: PulseFidelity | ElectrodeFidelity) -> str:
    """Return the page as HTML text."""
    pulses = isinstance(fidelity, PulseFidelity)
    return (
        environment()
        .get_template("fidelity.html.j2")
        .render(
            fidelity=fidelity,
            rows=_rows(fidelity) if isinstance(fidelity, PulseFidelity) else (),
            drift=drift(fidelity) if isinstance(fidelity, PulseFidelity) else "",
            technique=words.TECHNIQUES.get(fidelity.plan.technique, fidelity.plan.technique),
            pulses=pulses,
            css=template_text("report.css"),
        )
    )


def _rows(fidelity: PulseFidelity) -> tuple[tuple[str, ...], ...]:
    found = []
    for name, says, digits in ROWS:
        spread = getattr(fidelity, name)
        if spread is not None:
            values = (spread.mean, spread.sd, spread.percentile_5, spread.percentile_95, spread.least, spread.largest)
            found.append((says, *(words.number(value, digits=digits) for value in values)))
    return tuple(found)
