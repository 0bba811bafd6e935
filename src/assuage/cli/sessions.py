"""What one session is, as typed: length of currents, stimulus of ECT, train of MST."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from assuage.errors import PlanError
from assuage.plan.sessions import STIMULUS, TRAIN, Sessions
from assuage.units import A_PER_MA, A_PER_S_PER_A_PER_US, S_PER_MIN, S_PER_MS, S_PER_US

if TYPE_CHECKING:
    from assuage.cli.plan_request import Request
    from assuage.techniques.ect import Stimulus
    from assuage.techniques.mst import Train

_PART = re.compile(r"^(\d+(?:\.\d+)?)\s*([A-Za-zµ/]+)$")
Units = Mapping[str, tuple[str, float]]
WIDTHS: Mapping[str, float] = {"ms": S_PER_MS, "us": S_PER_US, "µs": S_PER_US}
ECT_UNITS: Units = {
    "mA": ("current_A", A_PER_MA),
    **{unit: ("pulse_width_s", factor) for unit, factor in WIDTHS.items()},
    "Hz": ("pair_frequency_Hz", 1.0),
    "s": ("duration_s", 1.0),
}
MST_UNITS: Units = {
    "A/us": ("didt_A_per_s", A_PER_S_PER_A_PER_US),
    "A/µs": ("didt_A_per_s", A_PER_S_PER_A_PER_US),
    **{unit: ("period_s", factor) for unit, factor in WIDTHS.items()},
    "Hz": ("frequency_Hz", 1.0),
    "s": ("duration_s", 1.0),
}
ECT_EXAMPLE, MST_EXAMPLE = "800mA,0.3ms,20Hz,4s", "100Hz,0.37ms,4s,120A/us"


def sessions_of(request: "Request") -> Sessions:
    """Return what was said of a session.

    Raises
    ------
    PlanError
        What was typed cannot be read, or is no session.
    """
    minutes = request.session_minutes
    return Sessions(
        current_s=None if minutes is None else minutes * S_PER_MIN,
        ect=None if request.ect_stimulus is None else _stimulus(request.ect_stimulus),
        mst=None if request.mst_train is None else _train(request.mst_train),
    )


def _stimulus(text: str) -> "Stimulus":
    return replace(STIMULUS, **_parts(text, "--ect-stimulus", ECT_UNITS, ECT_EXAMPLE))


def _train(text: str) -> "Train":
    return replace(TRAIN, **_parts(text, "--mst-train", MST_UNITS, MST_EXAMPLE))


def _parts(text: str, option: str, units: Units, example: str) -> dict[str, float]:
    """Return numbers with their units as quantities; the unit says which one each is."""
    found: dict[str, float] = {}
    for part in text.split(","):
        match = _PART.match(part.strip())
        if match is None or match[2] not in units:
            raise PlanError(
                f"{option} {part.strip()!r} is no number with a unit of it; write for example {option} {example}"
            )
        name, factor = units[match[2]]
        if name in found:
            raise PlanError(f"{option} {text!r} gives {name} twice; give it once")
        found[name] = float(match[1]) * factor
    return found
