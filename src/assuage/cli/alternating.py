"""What alternates, as typed: frequency, phase and second place."""

from typing import TYPE_CHECKING

from assuage.errors import PlanError
from assuage.plan import Rhythm

if TYPE_CHECKING:
    from assuage.cli.plan_request import Request
    from assuage.targets import Target

PHASES = {"in": 0.0, "anti": 180.0}


def parse_phase(text: str) -> float:
    """Return "in", "anti" or a number of degrees as degrees.

    Raises
    ------
    PlanError
        None of them.
    """
    word = text.strip().lower()
    if word in PHASES:
        return PHASES[word]
    try:
        return float(word)
    except ValueError:
        raise PlanError(
            f"--tacs-phase {text!r} is no phase; write in, anti, or degrees by which the second place leads, for "
            "example 90"
        ) from None


def is_point(text: str) -> bool:
    """Say whether a second place was typed as numbers, and not as the name of a region."""
    try:
        return bool([float(part) for part in text.replace(",", " ").split()])
    except ValueError:
        return False


def rhythm_of(request: "Request", partner: "str | Target | None") -> Rhythm | None:
    """Return what was asked of alternating currents; None where nothing was.

    Parameters
    ----------
    request
        The options.
    partner
        The second place: a region's name, or the target of a coordinate.

    Raises
    ------
    PlanError
        What was typed is no frequency or no phase.
    """
    phase = None if request.tacs_phase is None else parse_phase(request.tacs_phase)
    rhythm = Rhythm(frequency_Hz=request.tacs_frequency_Hz, phase_deg=phase, partner=partner)
    return rhythm if rhythm.asks else None
