"""What a user asks of alternating currents: a frequency, and a phase between the target and a second place."""

from dataclasses import dataclass

import numpy as np

from assuage.circuits import Circuit
from assuage.errors import PlanError
from assuage.plan.regions import RegionTarget
from assuage.targets import Target
from assuage.techniques.phasors import wrapped_deg

ALTERNATING = frozenset({"tacs", "hd_tacs"})
TWO_REGIONS = "hd_tacs"
"""The technique that can hold a phase between two places."""
NAMED = "named by the user"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rhythm:
    """What alternates, and how two places swing together.

    Attributes
    ----------
    frequency_Hz
        Of all electrodes; None: an example out of the literature.
    phase_deg
        By how much the second place shall lead the target: 0 in phase, 180 in anti-phase; None: in phase.
    partner
        The second place: the name of a region of the circuit, or a target; None: the other region that electrodes
        reach best.
    """

    frequency_Hz: float | None = None
    phase_deg: float | None = None
    partner: str | Target | None = None

    def __post_init__(self) -> None:
        """Refuse what is no frequency or no angle.

        Raises
        ------
        PlanError
            With the value.
        """
        if self.frequency_Hz is not None and not (np.isfinite(self.frequency_Hz) and self.frequency_Hz > 0):
            raise PlanError(f"a frequency of {self.frequency_Hz:g} Hz alternates nothing; give a number above 0")
        if self.phase_deg is not None and not np.isfinite(self.phase_deg):
            raise PlanError(f"a phase of {self.phase_deg:g} degrees is no angle; give for example 90")

    @property
    def wished_deg(self) -> float:
        """The wanted phase, above -180 up to 180 degrees."""
        turned = float(wrapped_deg(self.phase_deg or 0.0))
        return 180.0 if turned == -180.0 else turned

    @property
    def asks(self) -> bool:
        """Whether anything was asked for."""
        return any(asked is not None for asked in (self.frequency_Hz, self.phase_deg, self.partner))

    @property
    def asks_for_two(self) -> bool:
        """Whether something was asked for that needs two places."""
        return self.phase_deg is not None or self.partner is not None

    @property
    def as_settings(self) -> dict[str, float | str | None]:
        """What was asked for, as the provenance of a plan keeps it."""
        partner = self.partner.name if isinstance(self.partner, Target) else self.partner
        return {"frequency_Hz": self.frequency_Hz, "phase_deg": self.phase_deg, "partner": partner}


def partner_target(
    rhythm: Rhythm,
    names: tuple[str, ...],
    circuit: Circuit | None,
    found: tuple[RegionTarget, ...],
    target: Target,
) -> Target | None:
    """Return the second place that was asked for; None where the plan may choose it.

    Parameters
    ----------
    rhythm, names
        What was asked for, and the techniques of the plan.
    circuit, found, target
        What is planned for.

    Raises
    ------
    PlanError, DataError
        A rhythm for a plan that cannot have it, or a second place that is none.
    """
    if rhythm.asks and not ALTERNATING & set(names):
        raise PlanError("a frequency or phase was given, but no current of this plan alternates; add hd-tacs or tacs")
    if rhythm.asks_for_two and TWO_REGIONS not in names:
        raise PlanError("a phase between two places needs many electrodes: tacs has two pads; add hd-tacs")
    partner = rhythm.partner
    if partner is None:
        if rhythm.phase_deg is not None and circuit is None:
            raise PlanError(
                f"a phase of {rhythm.phase_deg:g} degrees needs a second place, and the plan has a single target; name "
                "a circuit, or a second coordinate"
            )
        return None
    if isinstance(partner, str):
        partner = _region_target(partner, circuit, found)
    if partner is target:
        raise PlanError(f"the second place is {partner.name!r}, the target itself; name another one")
    overlap_mm = -gap_mm(target, partner)
    if overlap_mm > 0:
        raise PlanError(
            f"{target.name!r} and the second place {partner.name!r} overlap by {overlap_mm:.1f} mm, so no phase can "
            "lie between them; name a place further away, or a smaller radius"
        )
    return partner


def gap_mm(first: Target, second: Target) -> float:
    """Return the gap between two places, mm; below 0 where they overlap, so that no phase can lie between them."""
    return float(np.linalg.norm(first.center_mm - second.center_mm)) - first.radius_mm - second.radius_mm


def _region_target(name: str, circuit: Circuit | None, found: tuple[RegionTarget, ...]) -> Target:
    if circuit is None:
        raise PlanError(
            f"the second place {name!r} is a region of a circuit, and the plan is for a single target; name a "
            "circuit, or give the second place as a coordinate"
        )
    region = circuit.find(name)
    chosen = next(item for item in found if item.region is region)
    if chosen.target is None:
        raise PlanError(f"region {region.label!r} cannot swing with the target: {chosen.problem}; name another one")
    return chosen.target
