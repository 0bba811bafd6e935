"""What one setting of an implanted lead does: field, activation, overlaps, charge, impedance.

Everything is read from the fields of the contacts, which are linear in the currents: no further solve.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assuage.errors import PlanError
from assuage.field.implant import ContactFields
from assuage.techniques.dbs_activation import (
    Activation,
    Overlap,
    Threshold,
    activate,
    overlaps,
    region_share,
    threshold,
)
from assuage.techniques.dbs_charge import ContactCharge, contact_charges, stimulation_quantities
from assuage.techniques.tables import read_table

if TYPE_CHECKING:
    from assuage.targets import Target

Array = NDArray[np.float64]

PULSE_WIDTH_S = 60e-6
"""The width at which the field threshold was read; other widths rest on a law from memory."""
FREQUENCY_HZ = 130.0
"""As in Butson et al. 2006 (PMC3692979); it enters no field, only what is held against limits."""


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
