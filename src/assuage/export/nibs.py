"""Rows of NIBS-BIDS out of a plan and out of a session read back against it.

One set of files for every technique (`acq-<technique>`), because a column has one unit: a row for each course of a
coil, one for a montage, one for each carrier of temporal interference. What the plan does not know (pulse shape and
width, ramps, devices) is n/a. Convulsive and implanted techniques have no place in the draft and are left out.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assuage.plan.course_records import CourseRecord, DrivingRecord
from assuage.plan.records import CoilProposal, ElectrodeRecord, MontageProposal, PlanRecord, TechniqueRecord
from assuage.readback.records import ElectrodeFidelity, PulseFidelity
from assuage.units import A_PER_MA, A_PER_S_PER_A_PER_US

OUTSIDE_THE_DRAFT = ("ect", "mst", "dbs")
OUTPUT_UNIT, RATE_UNIT = "% Maximum Stimulator Output", "A/us"
CURRENT_UNIT = "mA"
REFERENCES = {"resting": "rMT", "active": "aMT"}
TYPES = {"rMT": "resting_motor", "aMT": "active_motor"}
OPPOSITE_DEG = 180.0
COIL = "coil"
PLANNED, DELIVERED = "planned", "delivered"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class NibsSet:
    """What goes into the files of one `acq-` label.

    Attributes
    ----------
    acquisition
        Label of the file names.
    about
        Top-level fields of `*_nibs.json`.
    nibs, markers, events
        Rows, quantity to value, as in `bids_nibs_keys_v63.toml`.
    units
        Of quantities whose unit differs between techniques.
    """

    acquisition: str
    about: Mapping[str, Any]
    nibs: list[Row]
    markers: list[Row]
    events: list[Row] = field(default_factory=list)
    units: Mapping[str, str] = field(default_factory=dict)


def planned_sets(record: PlanRecord) -> tuple[list[NibsSet], list[str]]:
    """Return the sets of a plan, and the techniques that the draft has no place for."""
    made, left_out = [], []
    for item in record.techniques:
        if item.technique in OUTSIDE_THE_DRAFT:
            left_out.append(item.technique)
        elif isinstance(item.proposal, CoilProposal):
            made.append(_coil_set(record, item, item.proposal))
        elif isinstance(item.proposal, MontageProposal):
            made.append(_montage_set(item, item.proposal))
    return made, left_out


def delivered_set(found: PulseFidelity | ElectrodeFidelity) -> NibsSet:
    """Return the set of a session that was read back: each pulse with its time and place, or the electrodes."""
    technique = found.plan.technique
    label = f"{acquisition(technique)}delivered"
    said = f"Delivered, as read back from {found.source.file} against the plan {found.plan.title!r}."
    if isinstance(found, PulseFidelity):
        name = f"{technique}_pulse"
        return NibsSet(
            acquisition=label,
            about={"NIBSDescription": said, "ElementSet": [_coil_element(found.coil)],
                   "NavigationSystem": {"Navigation": True, "NavigationModelName": found.source.format}},
            nibs=[{"event_id": name, "type": "TMS", "element_id": COIL}],
            markers=[
                {"position_id": _pulse_id(pulse.index), "element_id": COIL, "group": DELIVERED} | _placed(pulse.pose)
                for pulse in found.pulses
                if pulse.pose is not None
            ],
            events=[
                {
                    "onset_s": pulse.time_s,
                    "event_id": name,
                    "position_id": None if pulse.pose is None else _pulse_id(pulse.index),
                    "state": pulse.state,
                    "didt_A_per_us": None if pulse.didt_A_per_s is None else pulse.didt_A_per_s / A_PER_S_PER_A_PER_US,
                    "percent_output": pulse.amplitude_percent,
                }
                for pulse in found.pulses
            ],
        )  # fmt: skip
    currents = [electrode.current_A / A_PER_MA for electrode in found.electrodes]
    names = [electrode.name for electrode in found.electrodes]
    return NibsSet(
        acquisition=label,
        about={
            "NIBSDescription": f"{said} Currents as planned: the file has the places only, and no time.",
            "ElementSet": [_element(name, current) for name, current in zip(names, currents, strict=True)],
        },
        nibs=[{"event_id": technique, "type": "tES", "element_id": names, "intensity": currents}],
        markers=[
            {"position_id": f"{electrode.name}_delivered", "element_id": electrode.name, "group": DELIVERED}
            | _vector("target_mm", electrode.delivered_mm)
            for electrode in found.electrodes
        ],
        units={"intensity": CURRENT_UNIT},
    )


def acquisition(technique: str) -> str:
    """Return a technique as a BIDS label: letters and digits only."""
    return re.sub(r"[^A-Za-z0-9]", "", technique)


def _coil_set(record: PlanRecord, item: TechniqueRecord, coil: CoilProposal) -> NibsSet:
    marker = {
        "position_id": f"{item.technique}_planned",
        "element_id": COIL,
        "group": PLANNED,
        "label": coil.nearest_sites[0].site if coil.nearest_sites else None,
        **_placed(coil.pose),
        **_vector("target_mm", item.aimed_mm or record.target.center_mm),
    }
    unit = OUTPUT_UNIT if any(c.intensity.percent_output is not None for c in item.courses) else RATE_UNIT
    rows = [_course_row(course, unit) for course in item.courses]
    about: dict[str, Any] = {
        "NIBSDescription": f"Planned, not delivered. {coil.words}",
        "ElementSet": [_coil_element(coil.coil)],
    }
    references = sorted({row["intensity_reference"] for row in rows if row.get("intensity_reference")} - {"absolute"})
    if references:
        about["IntensitySet"] = [_reference(name, item.driving, unit) for name in references]
    return NibsSet(
        acquisition=acquisition(item.technique),
        about=about,
        nibs=rows or [{"event_id": item.technique, "type": "TMS", "element_id": COIL}],
        markers=[marker],
        units={"intensity": unit},
    )


def _placed(pose: Iterable[Iterable[float]]) -> Row:
    """Return a pose as the draft has it: the matrix, the centre, the axis into the head, and y."""
    matrix = np.array(pose)
    return {
        "transform": [float(value) for value in matrix.ravel()],
        **_vector("coil_mm", matrix[:3, 3]),
        **_vector("normal", matrix[:3, 2]),
        **_vector("direction", matrix[:3, 1]),
    }


def _course_row(course: CourseRecord, unit: str) -> Row:
    """Return a course: pulses of a burst, bursts of a train, trains of a session; a layer where there are several."""
    train = course.session["train"]
    burst = train["burst"]
    row: Row = {"event_id": course.technique, "type": "TMS", "element_id": COIL, "description": course.pattern}
    layers: list[Row] = []
    if burst["pulses"] > 1:
        layers.append({"count": burst["pulses"], "frequency_Hz": burst["frequency_Hz"]})
    if train["bursts"] > 1:
        layers.append({"count": train["bursts"], "frequency_Hz": train["burst_rate_Hz"]})
    if course.trains_per_session > 1:
        interval = course.train_s + (course.pause_s or 0.0)
        layers.append({"count": course.trains_per_session, "interval_s": interval})
    for number, layer in enumerate(layers, start=1):
        row |= {f"pattern{number}_{name}": value for name, value in layer.items()}
    strength = course.intensity
    if strength.percent_mt is not None and strength.threshold is not None:
        row |= {
            "intensity_reference": REFERENCES[strength.threshold],
            "intensity_scaling": strength.percent_mt / 100,
        }
    elif strength.percent_output is not None or strength.didt_A_per_s is not None:
        row |= {"intensity_reference": "absolute", "intensity_scaling": "absolute"}
    if unit == OUTPUT_UNIT:
        row["intensity"] = strength.percent_output
    elif strength.didt_A_per_s is not None:
        row["intensity"] = strength.didt_A_per_s / A_PER_S_PER_A_PER_US
    return row


def _reference(name: str, driving: DrivingRecord | None, unit: str) -> dict[str, Any]:
    """Return the motor threshold that intensities refer to, with its value where it is known."""
    entry: dict[str, Any] = {"IntensityID": name, "Type": TYPES[name], "Units": unit}
    if driving is None or driving.threshold_state is None or REFERENCES[driving.threshold_state] != name:
        return entry
    if unit == OUTPUT_UNIT and driving.threshold_percent_output is not None:
        entry["Value"] = driving.threshold_percent_output
    elif unit == RATE_UNIT and driving.threshold_didt_A_per_s is not None:
        entry["Value"] = driving.threshold_didt_A_per_s / A_PER_S_PER_A_PER_US
    return entry


def _montage_set(item: TechniqueRecord, montage: MontageProposal) -> NibsSet:
    carriers = sorted({e.carrier_Hz for e in montage.electrodes if e.carrier_Hz is not None})
    duration = item.quantities.get("duration_s")
    rows = []
    each: list[float | None] = [*carriers] or [None]
    for carrier in each:
        active = [e for e in montage.electrodes if e.carrier_Hz == carrier]
        name = item.technique if len(carriers) < 2 else f"{item.technique}_{carrier:g}Hz"
        rows.append(
            {"event_id": name, "type": "tES", "duration_s": duration if isinstance(duration, float) else None}
            | _currents(active, carrier)
        )
    return NibsSet(
        acquisition=acquisition(item.technique),
        about={
            "NIBSDescription": f"Planned, not delivered. {montage.words}",
            "ElementSet": [
                _element(e.name, e.current_A, e, alternating=e.carrier_Hz is not None) for e in montage.electrodes
            ],
        },
        nibs=rows,
        markers=[
            {"position_id": f"{e.name}_planned", "element_id": e.name, "group": PLANNED, "label": e.name}
            | _vector("target_mm", e.center_mm)
            for e in montage.electrodes
        ],
        units={"intensity": CURRENT_UNIT},
    )


def _currents(active: list[ElectrodeRecord], carrier_Hz: float | None) -> Row:
    """Return elements, shape and currents; a phase of 180 degrees becomes a negative current, so that the sum is 0."""
    row: Row = {"element_id": [e.name for e in active]}
    if carrier_Hz is None:
        return row | {"shape": "Rectangle", "intensity": [e.current_A / A_PER_MA for e in active]}
    phases = [(e.phase_deg or 0.0) % 360 for e in active]
    if set(phases) <= {0.0, OPPOSITE_DEG}:
        signed = [e.current_A * (-1 if p else 1) for e, p in zip(active, phases, strict=True)]
        phases = [0.0] * len(active)
    else:
        signed = [e.current_A for e in active]
        row["description"] = (
            "amplitudes with their phases: the currents sum to 0 at every instant, the amplitudes do not"
        )
    return row | {
        "shape": "Sinusoid",
        "intensity": [current / A_PER_MA for current in signed],
        "frequency_Hz": carrier_Hz,
        "phase_deg": phases,
    }


def _element(
    name: str, current_A: float, record: ElectrodeRecord | None = None, *, alternating: bool = False
) -> dict[str, Any]:
    role = "other" if alternating else "anode" if current_A > 0 else "cathode"
    entry: dict[str, Any] = {"ElementID": name, "ElementType": "electrode", "ElectrodeRole": role}
    if record is not None:
        entry["Shape"] = record.shape
        entry["ElectrodeArea"] = {"Value": record.area_mm2, "Units": "mm^2", "Description": "on the head model's scalp"}
    return entry


def _coil_element(model: str) -> dict[str, Any]:
    return {"ElementID": COIL, "ElementType": "coil", "ModelName": model}


def _vector(name: str, values: Iterable[float] | None) -> Row:
    return {} if values is None else {f"{name}.{axis}": float(v) for axis, v in zip("xyz", values, strict=True)}


def _pulse_id(index: int) -> str:
    return f"pulse-{index:05d}"
