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
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assuage.errors import PlanError
from assuage.field import Conductor
from assuage.field.implant import MARGIN_MM, ContactFields, Encapsulation, implant
from assuage.head.tissues import BRAIN_NAMES, SKULL_NAMES
from assuage.sources.lead import Lead, PlacedLead
from assuage.techniques.dbs_activation import (
    UNVERIFIED,
    Activation,
    Overlap,
    Threshold,
    activate,
    overlaps,
    region_share,
    threshold,
)
from assuage.techniques.dbs_charge import ChargeLimits, ContactCharge, contact_charges, stimulation_quantities
from assuage.techniques.dbs_contacts import ContactChoice, choose_contacts, reachable
from assuage.techniques.dbs_trajectory import Rules, Trajectory, trajectories
from assuage.techniques.tables import read_table

if TYPE_CHECKING:
    from assuage.head import Head
    from assuage.targets import Target

Array = NDArray[np.float64]

LEAD = "Medtronic 3389"
PULSE_WIDTH_S = 60e-6
"""The width at which the field threshold was read; other widths rest on a law from memory."""
FREQUENCY_HZ = 130.0
"""As in Butson et al. 2006 (PMC3692979); it enters no field, only what is held against limits."""
COARSE_MM = 2.0
"""Grid of the whole head, which only gives the potential on the faces of the box."""
VOXEL_MM = 0.25
"""Default fine grid. Activated volumes (ring lead, 3 mA, with and without encapsulation) are within 1.6 % of those on
0.125 mm; 0.5 mm takes two thirds of the time, and is 2 to 3 % small for one contact, 7 to 9 % between two."""
GRID_WARNING = (
    "on a 0.5 mm grid activated volumes are about 3 % small for one contact and 9 % between two; 0.25 mm: 2 %"
)
LEAST_IN_BRAIN = 0.5
"""A contact with less of its face in the brain is refused; one with less than all is named."""
LINE_STEP_MM = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """Rectangular phases of constant current.

    Attributes
    ----------
    width_s
        Of the first phase.
    frequency_Hz
        Pulses a second.
    """

    width_s: float = PULSE_WIDTH_S
    frequency_Hz: float = FREQUENCY_HZ

    def __post_init__(self) -> None:
        """Refuse pulses that overlap."""
        if not (self.width_s > 0 and self.frequency_Hz > 0 and 2 * self.width_s * self.frequency_Hz <= 1):
            raise PlanError(
                f"pulses of {self.width_s} s at {self.frequency_Hz} Hz; two phases have to fit into one period"
            )


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
class DbsDose:
    """What one setting of a lead does.

    Attributes
    ----------
    currents_A
        Contact label to current into the tissue in the first phase, active contacts only.
    mean_e_V_per_m, mean_magnitude_V_per_m
        Mean field vector (3,) over the brain tissue of the target, and mean of its magnitude.
    threshold_ratio
        Mean magnitude over the field threshold.
    activations
        By the field, and by the activating function.
    target_overlaps
        The target with each activation, in the same order.
    avoid_overlaps
        Every region to avoid, likewise.
    charges
        Of every active contact.
    impedance_Ohm, voltage_V
        Of the tissue (no electrode interface), and what the generator has to supply.
    quantities
        For the safety rules.
    warnings
        What must be said wherever this is shown.
    """

    currents_A: dict[str, float]
    mean_e_V_per_m: Array
    mean_magnitude_V_per_m: float
    threshold_ratio: float
    activations: tuple[Activation, Activation]
    target_overlaps: tuple[Overlap, Overlap]
    avoid_overlaps: tuple[tuple[Overlap, ...], tuple[Overlap, ...]]
    charges: tuple[ContactCharge, ...]
    impedance_Ohm: float
    voltage_V: float
    quantities: dict[str, float | str]
    warnings: tuple[str, ...]


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
        Of the whole head if there is one already; a 2 mm one is made otherwise.
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
    return DbsProposal(
        placed=placed,
        trajectory=way,
        table=ways,
        pulse=pulse,
        encapsulation=layer,
        limits=limits,
        fields=fields,
        choice=choice,
        dose=assess(fields, target, choice.currents_A, pulse=pulse, avoid=avoid),
    )


def assess(
    fields: ContactFields,
    target: "Target",
    currents_A: ArrayLike,
    *,
    pulse: Pulse | None = None,
    avoid: Sequence["Target"] = (),
    thresholds: tuple[Threshold, Threshold] | None = None,
    fibres: ArrayLike | None = None,
) -> DbsDose:
    """Read what a setting does from the fields of the contacts.

    Parameters
    ----------
    fields, target, avoid
        Of `propose`.
    currents_A
        (n,) from the contacts into the tissue in the first phase; what is left over returns through the case.
    pulse
        Width and frequency.
    thresholds
        Of the field and of the activating function; None: those of the data file.
    fibres
        See `dbs_activation.activate`; for the activating function.
    """
    pulse = pulse or Pulse()
    currents = np.asarray(currents_A, dtype=np.float64)
    lead = fields.placed.lead
    if currents.shape != (len(lead.contacts),) or not np.isfinite(currents).all() or not currents.any():
        raise PlanError(
            f"currents of shape {currents.shape} for the {len(lead.contacts)} contacts of {lead.name!r}; "
            "give one finite value each, not all 0"
        )
    limits = thresholds or (threshold("field", pulse.width_s), threshold("activating_function", pulse.width_s))
    by_field = activate(fields, currents, limits[0])
    by_function = activate(fields, currents, limits[1], fibres=fibres)
    activations = (by_field, by_function)
    found = [overlaps(activation, fields, (target, *avoid)) for activation in activations]
    weight = region_share(fields, target)
    E = fields.e_V_per_m(currents)
    mean = np.tensordot(weight, E, 3) / weight.sum()
    magnitude = float((weight * np.linalg.norm(E, axis=-1)).sum() / weight.sum())
    impedance, voltage = fields.impedance_Ohm(currents), _supply_V(fields, currents)
    charges = contact_charges(lead, currents, pulse.width_s)
    return DbsDose(
        currents_A={charge.label: charge.current_A for charge in charges},
        mean_e_V_per_m=np.asarray(mean, np.float64),
        mean_magnitude_V_per_m=magnitude,
        threshold_ratio=magnitude / limits[0].value,
        activations=activations,
        target_overlaps=(found[0][0], found[1][0]),
        avoid_overlaps=(found[0][1:], found[1][1:]),
        charges=charges,
        impedance_Ohm=impedance,
        voltage_V=voltage,
        quantities=stimulation_quantities(
            charges,
            pulse_width_s=pulse.width_s,
            frequency_Hz=pulse.frequency_Hz,
            impedance_Ohm=impedance,
            voltage_V=voltage,
        ),
        warnings=_dose_warnings(activations, np.diag(fields.resistance_Ohm)[currents != 0]),
    )


def _supply_V(fields: ContactFields, currents: Array) -> float:
    """Return the largest difference between driven poles; the case is one where the currents leave some over."""
    V = fields.voltages_V(currents)[currents != 0].tolist()
    if abs(currents.sum()) > 1e-6 * np.abs(currents).max():
        V.append(0.0)
    return float(max(V) - min(V))


def _dose_warnings(activations: Sequence[Activation], single_Ohm: Array) -> tuple[str, ...]:
    """Say what must be said; `single_Ohm` is the resistance of every active contact alone against the case."""
    lines = [line for activation in activations for line in activation.threshold.warnings]
    row = read_table("dbs")["impedance"]
    if single_Ohm.min() < row["low_Ohm"] or single_Ohm.max() > row["high_Ohm"]:
        lines.append(
            f"active contacts have {single_Ohm.min():.0f} to {single_Ohm.max():.0f} Ohm each; clinical values are "
            f"{row['low_Ohm']:g} to {row['high_Ohm']:g} Ohm ({row['source']}): another encapsulation may fit better"
        )
    if any(activation.reaches_border for activation in activations):
        lines.append("the activated volume reaches the border of the fine grid: it is larger than stated")
    return tuple(dict.fromkeys(lines))


def place_along(
    head: "Head", lead: Lead, ways: Sequence[Trajectory], *, rotation_deg: float = 0.0
) -> tuple[PlacedLead, Trajectory]:
    """Return the lead along the best way on which its contacts lie in the brain, and the way.

    The target comes to lie between the two lowest levels, or in the middle of the lowest where the first would reach
    out of the brain.

    Raises
    ------
    PlanError
        None of the ways; the message says why the last failed.
    """
    aims = [lead.level_center_mm(1)]
    if lead.levels > 1:
        aims.insert(0, (lead.level_center_mm(1) + lead.level_center_mm(2)) / 2)
    refused = PlanError("no trajectory was given")
    for way in ways:
        for aim in aims:
            placed = lead.at(way.target_mm - aim * way.direction, way.direction, rotation_deg)
            try:
                check_placement(head, placed)
            except PlanError as refusal:
                refused = refusal
            else:
                return placed, way
    raise PlanError(f"on none of {len(ways)} trajectories do the contacts of {lead.name!r} lie in the brain: {refused}")


def check_placement(head: "Head", placed: PlacedLead) -> None:
    """Refuse a lead whose contacts or shaft do not lie where they may.

    Raises
    ------
    PlanError
        The tip outside the brain, a contact off the brain, a shaft that ends in the head, or that runs through eyes or
        more bone than a vault has.
    """
    tip = str(head.tissue_at(placed.tip_mm[None])[0])
    if tip not in BRAIN_NAMES:
        raise PlanError(f"the tip of the lead at {np.round(placed.tip_mm, 1)} mm lies in {tip}; move it into the brain")
    for number, contact in enumerate(placed.lead.contacts):
        inside = in_brain(head, placed, number)
        if inside < LEAST_IN_BRAIN:
            raise PlanError(
                f"contact {contact.label} has {100 * inside:.0f} % of its face in the brain, "
                f"{100 * LEAST_IN_BRAIN:.0f} % are needed; move the lead or take one with fewer or closer contacts"
            )
    size = float(np.linalg.norm(head.voxel_mm * head.labels.shape))
    along = np.arange(0.0, size, LINE_STEP_MM)
    tissue = head.tissue_at(placed.tip_mm + along[:, None] * placed.direction)
    bone = float(np.isin(tissue, list(SKULL_NAMES)).sum() * LINE_STEP_MM)
    most = Rules().thickest_bone_mm
    if bone > most:
        raise PlanError(
            f"the shaft runs through {bone:.0f} mm of bone, more than {most:g} mm: a skull base or face; turn the lead"
        )
    if (tissue == "eyes").any():
        raise PlanError("the shaft runs through an eye; turn the lead")


def in_brain(head: "Head", placed: PlacedLead, number: int) -> float:
    """Return the share of the face of a contact that lies in the brain."""
    return float(np.isin(head.tissue_at(placed.face_mm(number)), list(BRAIN_NAMES)).mean())


def placement_warnings(fields: ContactFields) -> tuple[str, ...]:
    """Say what a reader must know about the lead and where it lies."""
    placed = fields.placed
    lines = [placed.lead.note] if placed.lead.note else []
    for number, contact in enumerate(placed.lead.contacts):
        inside = in_brain(fields.whole, placed, number)
        if inside < 1:
            lines.append(f"contact {contact.label} has {100 * inside:.0f} % of its face in the brain")
    return tuple(lines)
