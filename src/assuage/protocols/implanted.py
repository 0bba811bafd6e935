"""Deep brain stimulation: contacts, amplitude, pulse width, rate.

Charge per phase ``Q = I PW``, density ``D = Q / A`` of a contact, and Shannon's k with D in uC/cm^2 and Q in uC,

    k = log10 D + log10 Q        (Shannon 1992, IEEE TBME 39:424, as quoted at second hand).

The largest of each over the contacts is reported; they need not belong to the same contact.
"""

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from assuage.protocols.course import STRICT, computed
from assuage.protocols.electrodes import SUM_TOLERANCE_A
from assuage.protocols.exact import Exact, check_stated, positive, require, show
from assuage.units import C_PER_UC, M2_PER_CM2

CASE = "case"
"""Name of the housing as a return electrode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactSetting:
    """One contact in use, or the housing (`case`)."""

    __pydantic_config__ = STRICT

    name: str
    """Label of the lead's maker, for example "2" or "3a"; "case" for the housing."""
    current_A: Exact | None = None
    """Current control: signed, cathode negative."""
    voltage_V: Exact | None = None
    """Voltage control: signed against the housing or the other pole."""
    area_m2: float | None = None
    """Surface of the contact."""

    def __post_init__(self) -> None:
        """Check the contact."""
        require(bool(self.name.strip()), "a contact has no name; give the label of its lead")
        positive(f"contact {self.name}: area_m2", self.area_m2)
        require(
            (self.current_A is None) != (self.voltage_V is None),
            f"contact {self.name} needs either current_A or voltage_V",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DbsPlan:
    """Settings of one lead."""

    __pydantic_config__ = STRICT

    technique: Literal["dbs"]
    """Name."""
    lead: str
    """Maker and model."""
    side: Literal["left", "right"]
    """Hemisphere of the lead; a second lead is a second protocol."""
    control: Literal["current", "voltage"]
    """What the stimulator holds constant."""
    contacts: tuple[ContactSetting, ...]
    """Those in use, with the housing where it is a pole."""
    pulse_width_s: Exact
    """Of the cathodic phase."""
    rate_Hz: Exact
    """Pulses per second."""
    impedance_Ohm: Exact | None = None
    """Measured; needed to turn a voltage into a current."""
    cycling: str | None = None
    """On and off times, if not continuous."""
    stated: dict[str, Exact] = field(default_factory=dict)
    """Totals as a device states them; a contradiction is refused."""

    def __post_init__(self) -> None:
        """Check the contacts, the pulse and the stated charge."""
        for name in ("pulse_width_s", "rate_Hz", "impedance_Ohm"):
            positive(name, getattr(self, name))
        require(
            self.pulse_width_s * self.rate_Hz < 1,
            f"pulses of {show(self.pulse_width_s)} s do not fit at {show(self.rate_Hz)} Hz; check the units (60 us = "
            "0.00006 s)",
        )
        names = [contact.name for contact in self.contacts]
        require(len(names) >= 2, f"dbs has {len(names)} contact(s); name both poles (the housing is {CASE!r})")
        twice = sorted({name for name in names if names.count(name) > 1})
        require(not twice, f"dbs names contact {', '.join(twice)} twice")
        unit = {"current": "current_A", "voltage": "voltage_V"}[self.control]
        wrong = [contact.name for contact in self.contacts if getattr(contact, unit) is None]
        require(not wrong, f"{self.control} control, but contact {', '.join(wrong)} has no {unit}")
        if self.control == "current":
            total = sum((contact.current_A or Fraction(0) for contact in self.contacts), Fraction(0))
            require(
                abs(total) <= SUM_TOLERANCE_A,
                f"dbs: the currents add up to {show(total)} A, not 0; what goes in has to come out (add {CASE!r})",
            )
        check_stated(self.stated, self.totals(), what="dbs")

    def amplitude_A(self, contact: ContactSetting) -> Fraction | None:
        """Return the magnitude of a contact's current; None where only a voltage is known."""
        if contact.current_A is not None:
            return abs(contact.current_A)
        if contact.voltage_V is not None and self.impedance_Ohm is not None:
            return abs(contact.voltage_V) / self.impedance_Ohm
        return None

    @property
    def implanted(self) -> tuple[ContactSetting, ...]:
        """Contacts of the lead, without the housing."""
        return tuple(contact for contact in self.contacts if contact.name != CASE)

    @property
    def largest_amplitude_A(self) -> Fraction | None:
        """Of the contacts of the lead; None where one is not known."""
        amplitudes = [self.amplitude_A(contact) for contact in self.implanted]
        known = [amplitude for amplitude in amplitudes if amplitude is not None]
        return max(known) if known and len(known) == len(amplitudes) else None

    def totals(self) -> dict[str, tuple[Fraction, ...]]:
        """Return what follows from the parts."""
        amplitude = self.largest_amplitude_A
        return {} if amplitude is None else computed({"charge_per_phase_C": amplitude * self.pulse_width_s})


def density_C_per_m2(plan: DbsPlan, contact: ContactSetting) -> float | None:
    """Return the charge density of one phase at a contact; None where current or area is not known."""
    amplitude = plan.amplitude_A(contact)
    if amplitude is None or contact.area_m2 is None:
        return None
    return float(amplitude * plan.pulse_width_s) / contact.area_m2


def shannon_k(plan: DbsPlan, contact: ContactSetting) -> float | None:
    """Return Shannon's k at a contact; None where it is not known or no current flows."""
    density, amplitude = density_C_per_m2(plan, contact), plan.amplitude_A(contact)
    if not density or not amplitude:
        return None
    charge_C = float(amplitude * plan.pulse_width_s)
    return math.log10(density / (C_PER_UC / M2_PER_CM2)) + math.log10(charge_C / C_PER_UC)
