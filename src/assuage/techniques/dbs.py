"""Deep brain stimulation: a way in, a lead, its contacts and current, and what they activate.

`propose` takes the best admitted trajectory along which the contacts lie in the brain, solves for the field of every
contact, searches contacts and amplitude (`dbs_contacts`), and reads activated volumes by both criteria, overlaps,
charge and impedance. Everything but the trajectory is linear in the currents, so that other settings of the same lead
cost no further solve: `assess`.

The dose that can be compared with other techniques is the field in the target; its reference is the threshold of the
field criterion. That ratio is not one of a scalp technique: there the field does not fire axons.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assuage.field import Conductor
from assuage.field.implant import ContactFields, implant
from assuage.field.implant_box import MARGIN_MM, Encapsulation
from assuage.sources.lead import Lead, PlacedLead
from assuage.techniques.dbs_activation import UNVERIFIED, fibre_directions, threshold
from assuage.techniques.dbs_charge import ChargeLimits
from assuage.techniques.dbs_contacts import ContactChoice, choose_contacts, reachable
from assuage.techniques.dbs_dose import DbsDose, Pulse, assess
from assuage.techniques.dbs_placement import check_placement, place_along, placement_warnings
from assuage.techniques.dbs_trajectory import Rules, Trajectory, trajectories
from assuage.techniques.tables import read_table

if TYPE_CHECKING:
    from assuage.head import Head
    from assuage.targets import Target

Array = NDArray[np.float64]

LEAD = "Medtronic 3389"
COARSE_MM = 2.0
"""Grid of the whole head, which only gives the potential on the faces of the box."""
VOXEL_MM = 0.25
"""Default fine grid. Activated volumes (ring lead, 3 mA, with and without encapsulation) are within 1.6 % of those on
0.125 mm; 0.5 mm takes two thirds of the time, and is 2 to 3 % small for one contact, 7 to 9 % between two."""
GRID_WARNING = (
    "on a 0.5 mm grid activated volumes are about 3 % small for one contact and 9 % between two; 0.25 mm: 2 %"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Implant:
    """What a plan is to implant, and what that must spare.

    Attributes
    ----------
    lead
        Name out of the library, or a model.
    pulse
        Width and frequency.
    avoid
        Regions to spare and for trajectories to keep from.
    """

    lead: str | Lead = LEAD
    pulse: Pulse = field(default_factory=Pulse)
    avoid: tuple["Target", ...] = ()

    def as_asked(self) -> dict[str, Any]:
        """Return it as plain values for the record of a plan."""
        return {
            "lead": self.lead if isinstance(self.lead, str) else self.lead.name,
            "pulse_width_s": self.pulse.width_s,
            "frequency_Hz": self.pulse.frequency_Hz,
            "avoid": [
                {"name": region.name, "center_mm": list(map(float, region.center_mm)), "radius_mm": region.radius_mm}
                for region in self.avoid
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a proposal is made.

    Attributes
    ----------
    encapsulation, limits, rules
        None: the data file's, the data file's, the working choices.
    voxel_mm
        Of the fine grid, 0.2 to 0.5 mm; leads with segments need 0.25 mm.
    margin_mm
        From the contacts to the border of the fine grid.
    rotation_deg
        Of the marker, where the lead is placed along a trajectory.
    bipolar
        Search settings that return through a contact too.
    avoid_weight
        Of the regions to avoid in the search for contacts.
    """

    encapsulation: Encapsulation | None = None
    limits: ChargeLimits | None = None
    rules: Rules | None = None
    voxel_mm: float = VOXEL_MM
    margin_mm: float = MARGIN_MM
    rotation_deg: float = 0.0
    bipolar: bool = True
    avoid_weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DbsProposal:
    """A proposal for deep brain stimulation of one target.

    Attributes
    ----------
    placed
        The lead in the head.
    trajectory, table
        The chosen way in (None where the lead was placed by the user), and the best ways found.
    pulse, encapsulation, limits
        As used.
    fields
        Of every contact; `assess` reads any other setting from them.
    choice
        Contacts and currents, and what bounds them.
    dose
        Of the chosen setting.
    """

    placed: PlacedLead
    trajectory: Trajectory | None
    table: tuple[Trajectory, ...]
    pulse: Pulse
    encapsulation: Encapsulation
    limits: ChargeLimits
    fields: ContactFields = field(repr=False)
    choice: ContactChoice
    dose: DbsDose

    @property
    def warnings(self) -> tuple[str, ...]:
        """What must be said wherever this is shown."""
        lines = [*self.dose.warnings, *placement_warnings(self.fields)]
        if self.fields.conductor.grid.voxel_mm > VOXEL_MM:
            lines.append(GRID_WARNING)
        if self.trajectory is not None and not self.trajectory.admitted:
            lines.append("no straight way in keeps all the rules; the one shown breaks them least")
        lines += [f"limit of the search: {source}" for source in self.limits.sources if UNVERIFIED in source]
        if self.encapsulation == default_encapsulation():
            row = read_table("dbs")["encapsulation"]
            lines.append(f"encapsulation {row['thickness_mm']:g} mm: {row['source']} ({row['source_level']})")
        return tuple(dict.fromkeys(lines))


def default_encapsulation() -> Encapsulation:
    """Return the layer of the data file; its values are from memory and can be given instead."""
    row = read_table("dbs")["encapsulation"]
    return Encapsulation(thickness_mm=row["thickness_mm"], conductivity_S_per_m=row["conductivity_S_per_m"])


def propose(
    head: "Head",
    target: "Target",
    *,
    lead: str | Lead | PlacedLead = LEAD,
    pulse: Pulse | None = None,
    conductor: Conductor | None = None,
    avoid: Sequence["Target"] = (),
    settings: Settings | None = None,
) -> DbsProposal:
    """Propose way, contacts and current for a target.

    Parameters
    ----------
    head, target
        Where, and what to cover: all brain tissue within the target counts.
    lead
        Name or model, placed along the best trajectory; or a lead placed by the user.
    pulse
        Width and frequency.
    conductor
        Of the whole head if there is one already; a 2 mm one is made otherwise. Its tensors, if any, are the fibres of
        the activating function.
    avoid
        Regions to spare and for trajectories to keep from.
    settings
        How; None: as by default.

    Raises
    ------
    PlanError
        No way in along which the contacts lie in the brain, nothing of the target in reach, a pulse width without
        threshold.
    SourceError
        An unknown lead, or one that does not fit.
    """
    pulse, settings = pulse or Pulse(), settings or Settings()
    limit = threshold("field", pulse.width_s)
    limits = settings.limits or ChargeLimits.load()
    layer = settings.encapsulation or default_encapsulation()
    way: Trajectory | None = None
    ways: tuple[Trajectory, ...] = ()
    if isinstance(lead, PlacedLead):
        check_placement(head, lead)
        placed = lead
    else:
        model = lead if isinstance(lead, Lead) else Lead.load(lead)
        ways = trajectories(head, target.center_mm, avoid=avoid, rules=settings.rules)
        placed, way = place_along(head, model, ways, rotation_deg=settings.rotation_deg)
    whole = conductor or Conductor(head, COARSE_MM)
    fields = implant(whole, placed, layer, voxel_mm=settings.voxel_mm, margin_mm=settings.margin_mm)
    voxels = reachable(fields, target, limit=limit, limits=limits, avoid=avoid)
    choice = choose_contacts(
        voxels, placed.lead, limit=limit, limits=limits, avoid_weight=settings.avoid_weight, bipolar=settings.bipolar
    )
    fibres = fibre_directions(fields) if fields.conductor.given_tensors else None
    return DbsProposal(
        placed=placed,
        trajectory=way,
        table=ways,
        pulse=pulse,
        encapsulation=layer,
        limits=limits,
        fields=fields,
        choice=choice,
        dose=assess(fields, target, choice.currents_A, pulse=pulse, avoid=avoid, fibres=fibres),
    )
