"""After a session: what was delivered against what was planned. Without a navigator: where to put the coil by tape."""

from assuage.readback.electrodes import read_back_electrodes
from assuage.readback.opened import OpenedPlan, open_plan
from assuage.readback.placement import place_plan, place_site
from assuage.readback.placement_records import Placement
from assuage.readback.pulses import read_back
from assuage.readback.records import ElectrodeFidelity, PulseFidelity, json_schema

__all__ = [
    "ElectrodeFidelity",
    "OpenedPlan",
    "Placement",
    "PulseFidelity",
    "json_schema",
    "open_plan",
    "place_plan",
    "place_site",
    "read_back",
    "read_back_electrodes",
]
