"""The field that each technique's dose is compared with: its own, never another technique's.

`data/references.toml` says for every technique which field that is. The value belongs to a person: a motor threshold, a
head model, a pulse width; so it is given or computed, never looked up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import numpy as np

from assuage.errors import DataError, PlanError
from assuage.sources import Montage, Pad
from assuage.techniques.tables import read_table
from assuage.units import A_PER_MA

if TYPE_CHECKING:
    from assuage.field import Landscape
    from assuage.techniques.calibration import Calibration


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a technique is compared with.

    Attributes
    ----------
    key, name
        Identifier and name, for example "motor-threshold field".
    definition, quantity
        In words, and which property of the waveform it is (both sides of a ratio are the same one).
    needs
        What has to be known to state it.
    source, source_level
        Of the definition.
    """

    key: str
    name: str
    definition: str
    quantity: str
    needs: str
    source: str
    source_level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A technique's own reference field on one person.

    Attributes
    ----------
    technique, kind
        What, and what it means.
    value_V_per_m
        The field.
    origin
        Where this value comes from, in words.
    """

    technique: str
    kind: Kind
    value_V_per_m: float
    origin: str

    def ratio(self, field_V_per_m: float) -> float:
        """Return a field as a multiple of the reference."""
        return field_V_per_m / self.value_V_per_m


def reference_kind(technique: str) -> Kind:
    """Return what a technique is compared with.

    Raises
    ------
    PlanError
        A technique without one; the message lists those that have one.
    """
    table = _by_technique()
    if technique not in table:
        known = ", ".join(table)
        raise PlanError(
            f"technique {technique!r} has no reference field of its own; techniques with one: {known} (a combination "
            "has one for each of its parts)"
        )
    return table[technique]


def make_reference(technique: str, value_V_per_m: float, *, origin: str) -> Reference:
    """Return a technique's reference from its value.

    Parameters
    ----------
    technique
        For example "ect".
    value_V_per_m
        The reference field.
    origin
        Where the value comes from, for example "strength-duration curve at 0.3 ms: ...".

    Raises
    ------
    PlanError
        Unknown technique, a value that is not above 0, or no origin.
    """
    kind = reference_kind(technique)
    if not (np.isfinite(value_V_per_m) and value_V_per_m > 0):
        raise PlanError(f"the {kind.name} of {technique} is {value_V_per_m} V/m; it needs {kind.needs}")
    if not origin.strip():
        raise PlanError(f"the {kind.name} of {technique} comes without its origin; say where the value is from")
    return Reference(technique=technique, kind=kind, value_V_per_m=float(value_V_per_m), origin=origin)


def motor_threshold_reference(technique: str, calibration: "Calibration") -> Reference:
    """Return the motor-threshold field of a calibrated coil as the reference of a TMS technique.

    Raises
    ------
    PlanError
        The technique is compared with something else.
    """
    _check_kind(technique, {"motor_threshold"})
    origin = f"motor threshold of coil {calibration.coil!r}, {calibration.hotspot.way}"
    return make_reference(technique, calibration.threshold_e_V_per_m, origin=origin)


def reference_montage(technique: str, landscape: "Landscape", *, side: Literal["left", "right"] = "left") -> Reference:
    """Return the field of the 2 mA reference montage in the hand area as the reference of a current technique.

    Parameters
    ----------
    technique
        tDCS, tACS or temporal interference, in any of their forms.
    landscape
        Of the cortex of the motor hotspot (`Hotspot.target`): the adjoint that the motor threshold uses too.
    side
        Hemisphere of that cortex.

    Raises
    ------
    PlanError
        The technique is compared with something else.
    SourceError
        The pads do not fit on this head.
    """
    _check_kind(technique, {"two_milliampere", "two_milliampere_amplitude", "two_milliampere_modulation"})
    facts = read_table("references")["montage"]
    anode, cathode = facts[side]
    width, height = facts["pad_mm"]
    montage = Montage.pads(anode, cathode, current_A=facts["current_A"], pad=Pad(width, height))
    field = float(np.linalg.norm(landscape.montage(montage)))
    origin = f"{facts['current_A'] / A_PER_MA:g} mA, pads at {anode} and {cathode}, in {landscape.target.name}"
    return make_reference(technique, field, origin=origin)


def _check_kind(technique: str, wanted: set[str]) -> None:
    kind = reference_kind(technique)
    if kind.key not in wanted:
        raise PlanError(f"technique {technique!r} is compared with its {kind.name}; it needs {kind.needs}")


@cache
def _by_technique() -> Mapping[str, Kind]:
    found: dict[str, Kind] = {}
    for row in read_table("references")["reference"]:
        kind = Kind(
            key=row["id"],
            name=row["name"],
            definition=row["definition"],
            quantity=row["quantity"],
            needs=row["needs"],
            source=row["source"],
            source_level=row["source_level"],
        )
        for technique in row["techniques"]:
            if technique in found:
                raise DataError(f"references.toml gives technique {technique!r} two references")
            found[technique] = kind
    return MappingProxyType(found)
