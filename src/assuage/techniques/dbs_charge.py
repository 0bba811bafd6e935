"""Charge that the contacts of a lead pass per phase, and Shannon's k.

    Q = |I| w                      charge per phase, C
    D = Q / area                   charge density per phase, C/m^2
    k = log10(D) + log10(Q)        with D in uC/cm^2 and Q in uC (Shannon 1992, IEEE Trans Biomed Eng 39:424)

A density alone says little: 30 uC/cm^2 is k = 1.73 on a ring of 1.5 mm and k = 2.03 on one of 3 mm, so both are always
computed together. A limit of either bounds the current of a contact of area S:

    I <= D S / w                   I <= sqrt(10^k S) / w      (S in cm^2, I w in uC)
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from assuage.errors import PlanError
from assuage.sources.lead import Lead, LeadContact
from assuage.techniques.tables import read_table
from assuage.units import C_PER_UC, M2_PER_CM2

Array = NDArray[np.float64]


def shannon_k(charge_density_C_per_m2: float, charge_C: float) -> float:
    """Return Shannon's k of a charge density and a charge per phase, both above 0."""
    if not (charge_density_C_per_m2 > 0 and charge_C > 0):
        raise PlanError(f"Shannon's k of {charge_density_C_per_m2} C/m2 and {charge_C} C: both have to be above 0")
    return math.log10(charge_density_C_per_m2 * M2_PER_CM2 / C_PER_UC) + math.log10(charge_C / C_PER_UC)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactCharge:
    """What one active contact passes; names as the safety rules call them.

    Attributes
    ----------
    label
        Of the contact.
    current_A
        Positive into the tissue.
    contact_area_m2, charge_per_phase_C, charge_density_per_phase_C_per_m2, shannon_k
        See the module docstring.
    """

    label: str
    current_A: float
    contact_area_m2: float
    charge_per_phase_C: float
    charge_density_per_phase_C_per_m2: float
    shannon_k: float


def contact_charges(lead: Lead, currents_A: Array, pulse_width_s: float) -> tuple[ContactCharge, ...]:
    """Return charge, density and k of every contact that carries current, from the tip upwards.

    Parameters
    ----------
    lead
        Gives the areas.
    currents_A
        (n,) of the first phase.
    pulse_width_s
        Of one phase; the current is constant in it.
    """
    if not (math.isfinite(pulse_width_s) and pulse_width_s > 0):
        raise PlanError(f"pulse_width_s = {pulse_width_s}; give the width of one phase in seconds, e.g. 60e-6")
    charges = []
    for contact, current in zip(lead.contacts, currents_A.tolist(), strict=True):
        if current == 0:
            continue
        charge = abs(current) * pulse_width_s
        density = charge / contact.area_m2
        charges.append(
            ContactCharge(
                label=contact.label,
                current_A=current,
                contact_area_m2=contact.area_m2,
                charge_per_phase_C=charge,
                charge_density_per_phase_C_per_m2=density,
                shannon_k=shannon_k(density, charge),
            )
        )
    return tuple(charges)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeLimits:
    """Limits within which amplitudes are searched; `load` takes those of the data file.

    Attributes
    ----------
    charge_density_C_per_m2, shannon_k
        Per contact and phase, both hold.
    contact_A, total_A
        Largest current of one contact, and of all cathodes or all anodes together.
    step_A
        Amplitudes are multiples of this.
    sources
        Where each was read and how well.
    """

    charge_density_C_per_m2: float
    shannon_k: float
    contact_A: float
    total_A: float
    step_A: float
    sources: tuple[str, ...] = ("given by the user",)

    def __post_init__(self) -> None:
        """Refuse limits that allow nothing."""
        values = (self.charge_density_C_per_m2, self.contact_A, self.total_A, self.step_A)
        if not (min(values) > 0 and math.isfinite(self.shannon_k)):
            raise PlanError(f"limits allow no current: {self}")

    @classmethod
    def load(cls) -> Self:
        """Return the limits of the data file."""
        row = read_table("dbs")["limits"]
        names = ("charge_density", "shannon", "current", "step")
        return cls(
            charge_density_C_per_m2=row["charge_density_C_per_m2"],
            shannon_k=row["shannon_k"],
            contact_A=row["contact_A"],
            total_A=row["total_A"],
            step_A=row["step_A"],
            sources=tuple(f"{row[f'{name}_source']} ({row[f'{name}_source_level']})" for name in names),
        )

    def largest_A(self, contact: LeadContact, pulse_width_s: float) -> float:
        """Return the largest current that all the limits leave a contact."""
        by_density = self.charge_density_C_per_m2 * contact.area_m2 / pulse_width_s
        charge_C = math.sqrt(10**self.shannon_k * contact.area_m2 / M2_PER_CM2) * C_PER_UC
        return min(by_density, charge_C / pulse_width_s, self.contact_A)


def stimulation_quantities(
    charges: tuple[ContactCharge, ...],
    *,
    pulse_width_s: float,
    frequency_Hz: float,
    impedance_Ohm: float,
    voltage_V: float,
) -> dict[str, float | str]:
    """Return what a safety rule may ask of a stimulation, SI.

    Of charge, density and k each is the largest of any contact, which need not be the same contact; the area is that
    of the contact with the largest k.
    """
    if not charges:
        raise PlanError("no contact carries current; there is nothing to hold against a limit")
    worst = max(charges, key=lambda charge: charge.shannon_k)
    return {
        "technique": "dbs",
        "amplitude_A": max(abs(charge.current_A) for charge in charges),
        "pulse_width_s": pulse_width_s,
        "frequency_Hz": frequency_Hz,
        "charge_per_phase_C": max(charge.charge_per_phase_C for charge in charges),
        "charge_density_per_phase_C_per_m2": max(charge.charge_density_per_phase_C_per_m2 for charge in charges),
        "shannon_k": worst.shannon_k,
        "contact_area_m2": worst.contact_area_m2,
        "impedance_Ohm": impedance_Ohm,
        "voltage_V": voltage_V,
    }
