"""Complete example protocols of every technique, for tests, docs and demonstrations.

The numbers are made up to be consistent, and recommend nothing.
"""

from copy import deepcopy
from typing import Any

from assuage.protocols.protocol import Protocol, from_content

_DISC = {"kind": "disc", "radius_mm": 6}
_COURSE = {"phases": [{"days": 15, "days_per_week": 5, "day": {"sessions": 1}}]}
_TWICE = {"phases": [{"days": 5, "day": {"sessions": 2, "session_interval_s": 14400}}]}
_TEN_HZ = {
    "trains": 75,
    "inter_train_interval_s": 26,
    "train": {"bursts": 40, "burst_rate_Hz": 10, "burst": {"pulses": 1}},
}
_BURST = {"pulses": 3, "frequency_Hz": 50}
_ITBS = {"trains": 20, "inter_train_interval_s": 8, "train": {"bursts": 10, "burst_rate_Hz": 5, "burst": _BURST}}
_CTBS = {"trains": 1, "train": {"bursts": 200, "burst_rate_Hz": 5, "burst": _BURST}}
_ONE_HZ = {"trains": 1, "train": {"bursts": 1200, "burst_rate_Hz": 1, "burst": {"pulses": 1}}}
_PULSE = {
    "shape": "biphasic",
    "width_s": 0.00028,
    "induced_current": "anterior to posterior, then posterior to anterior",
}
_INTENSITY = {"percent_mt": 120, "threshold": "resting"}
_TIMING = {"duration_s": 1200, "ramp_up_s": 30, "ramp_down_s": 30}
Content = dict[str, Any]

POSE = [[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 90], [0, 0, 0, 1]]
"""Of a coil that lies flat on top of a head."""


def _coil(technique: str, session: Content, course: Content = _COURSE, **more: Any) -> Content:
    return {
        "technique": technique, "pulse": _PULSE, "intensity": _INTENSITY, "session": session, "course": course, **more
    }  # fmt: skip


def _electrode(name: str, current_A: float, **more: Any) -> Content:
    return {"name": name, "current_A": current_A, "shape": _DISC, "medium": "gel", **more}


def _tes(technique: str, electrodes: list[Content], **more: Any) -> Content:
    return {"technique": technique, "electrodes": electrodes, "timing": _TIMING, "course": _TWICE, **more}


_PAD = {"shape": {"kind": "pad", "width_mm": 50, "height_mm": 70}, "medium": "saline sponge"}
_PADS = [{"name": "F3", "current_A": 0.002, **_PAD}, {"name": "F4", "current_A": -0.002, **_PAD}]
_RING = [_electrode("F3", 0.002), *(_electrode(name, -0.0005) for name in ("Fp1", "Fz", "F7", "C3"))]
_MANY = [_electrode("F3", 0.0015), _electrode("FC5", 0.0005), _electrode("Cz", -0.00125), _electrode("Oz", -0.00075)]

_DOSES: dict[str, Content] = {
    "tms": _coil("tms", {"trains": 40, "inter_train_interval_s": 28, "train": {"bursts": 40, "burst_rate_Hz": 20}}),
    "rtms_1hz": _coil("rtms_1hz", _ONE_HZ),
    "rtms_10hz": _coil("rtms_10hz", _TEN_HZ, stated={"pulses_per_session": 3000, "duration_s": 2250}),
    "itbs": _coil("itbs", _ITBS, stated={"pulses_per_session": 600, "duration_s": 192}),
    "ctbs": _coil("ctbs", _CTBS, stated={"duration_s": 40}),
    "snt": _coil(
        "snt",
        {**_ITBS, "trains": 60},
        {"phases": [{"days": 5, "day": {"sessions": 10, "session_interval_s": 3000}}]},
        stated={"pulses_per_session": 1800, "pulses_per_day": 18000, "pulses_in_course": 90000},
    ),
    "tdcs": _tes("tdcs", _PADS),
    "hd_tdcs_4x1": _tes("hd_tdcs_4x1", _RING),
    "hd_tdcs": _tes("hd_tdcs", _MANY),
    "hd_tdcs_focal": _tes("hd_tdcs_focal", _MANY),
    "tacs": _tes("tacs", [_electrode("F3", 0.001), _electrode("P3", -0.001)], frequency_Hz=20),
    "hd_tacs": _tes("hd_tacs", _RING, frequency_rule="individual alpha peak"),
    "ti": {
        "technique": "ti",
        "pairs": [
            {"frequency_Hz": 2000, "electrodes": [_electrode("F7", 0.001), _electrode("T7", -0.001)]},
            {"frequency_Hz": 2020, "electrodes": [_electrode("F8", 0.0005), _electrode("T8", -0.0005)]},
        ],
        "timing": _TIMING,
        "course": _TWICE,
        "stated": {"difference_frequency_Hz": 20},
    },
    "ect": {
        "technique": "ect",
        "placement": "right unilateral",
        "electrode": {"kind": "disc", "radius_mm": 25},
        "current_A": 0.9,
        "pulse_width_s": 0.0005,
        "pair_frequency_Hz": 140,
        "stimulus_duration_s": 1.2,
        "course": {"phases": [{"days": 8, "days_per_week": 2, "day": {"sessions": 1}}]},
        "threshold_method": "titration",
        "anaesthesia": "as the department's standard",
        "stated": {"charge_C": 0.1512},
    },
    "mst": {
        "technique": "mst",
        "placement": "twin coil over the vertex",
        "pulse": _PULSE,
        "intensity": {"percent_mso": 100},
        "frequency_Hz": 100,
        "stimulus_duration_s": 10,
        "threshold_method": "titration",
        "course": {"phases": [{"days": 12, "days_per_week": 2, "day": {"sessions": 1}}]},
        "anaesthesia": "as the department's standard",
        "stated": {"pulses_per_train": 1000},
    },
    "dbs": {
        "technique": "dbs",
        "lead": "ring lead, 1.5 mm contacts",
        "side": "left",
        "control": "current",
        "contacts": [{"name": "1", "current_A": -0.003, "area_m2": 5.98e-6}, {"name": "case", "current_A": 0.003}],
        "pulse_width_s": 0.00006,
        "rate_Hz": 130,
    },
    "tdcs_rtms": {
        "technique": "tdcs_rtms",
        "order": "tdcs first",
        "gap_s": 1800,
        "gap_at_most_s": 3600,
        "electrodes_stay_on": False,
        "tdcs": {**_tes("tdcs", _PADS), "course": _COURSE},
        "rtms": _coil("rtms_10hz", _TEN_HZ),
    },
}

_REST = {
    "schema_version": "1.0",
    "header": {
        "study_id": "ASG-01",
        "title": "Stimulation for emotion regulation",
        "protocol_version": "1.2",
        "visit": "V1",
        "rationale": "Lower control over emotion is reported with NSSI.",
        "subject_code": "ASG-01-007",
        "date": "2026-03-02",
        "site": "Day clinic, room 2",
        "operators": ["T. One, certified 2025"],
        "approver": "P. Two",
        "registry_ids": ["NCT00000000"],
    },
    "person": {
        "age_years": 16,
        "sex": "female",
        "handedness": "right",
        "prescribed_medication": [{"name": "sertraline", "dose": "50 mg"}],
        "cns_active_drugs": [],
        "neuro_psychiatric_disorders": ["major depression"],
        "other_medical_conditions": [],
        "repetitive_motor_history": "plays the violin",
        "head_circumference_mm": 552,
    },
    "consent": {
        "consent_version": "3",
        "guardian_consent": True,
        "assent": True,
        "support_contact": "duty doctor, ext. 100",
    },
    "device": {
        "stimulator": {"make": "Maker", "model": "S1", "serial": "123"},
        "coil": {
            "make": "Maker",
            "model": "C70",
            "shape": "figure of eight",
            "size": "70 mm",
            "max_didt_A_per_s": 1.5e8,
            "max_didt_source": "header of the coil file",
        },
    },
    "target": {
        "circuit": "emotion_regulation",
        "region": "left dorsolateral prefrontal cortex",
        "mni_mm": [-44, 40, 29],
        "placement": "F3 of the 10-10 system",
        "orientation": "handle 45 degrees back and to the left",
        "navigation": "none",
    },
    "threshold": {
        "muscle": "first dorsal interosseous",
        "side": "right",
        "state": "rest",
        "method": "adaptive",
        "hotspot": "search around C3",
        "inter_pulse_interval_s": "5 to 7 s",
        "other_muscles_relaxed": "watched on EMG",
        "prior_motor_activity": "none for 10 min",
        "percent_mso": 50,
        "pulses": 20,
        "emg_electrodes": "belly and tendon",
        "response_size_method": "peak to peak",
    },
    "conditions": {"attention": "awake, eyes open, watched", "activity": "rest"},
    "safety": {
        "hearing_protection": True,
        "hearing_attenuation_decibel": 30,
        "screening": {"seizure_history": "no"},
        "stop_criteria": ["seizure"],
        "adverse_events_method": "asked after every session",
    },
    "blinding": {"design": "double blind", "blinded": ["person", "raters"], "sham": "sham coil, same sound"},
    "fidelity": {"tolerance_mm": 3, "tolerance_deg": 5, "planned": "every session against this sheet"},
}

_SHAM_CURRENT = {"design": "double blind", "blinded": ["person", "raters"], "sham": "both ramps, then no current"}
_ASLEEP: Content = {
    "blinding": {"design": "open"},
    "conditions": {"attention": "under general anaesthesia", "activity": "at rest, monitored"},
    "safety": {
        "hearing_protection": True,
        "hearing_attenuation_decibel": 30,
        "screening": {"seizure_history": "no"},
        "stop_criteria": ["the anaesthetist says so"],
        "adverse_events_method": "asked after every session",
    },
}
_ONLY: dict[str, Content] = {
    **{
        key: {"blinding": _SHAM_CURRENT}
        for key in ("tdcs", "hd_tdcs_4x1", "hd_tdcs", "hd_tdcs_focal", "tacs", "hd_tacs", "ti")
    },
    "ect": {**_ASLEEP, "target": {"region": "right hemisphere", "placement": "right temple and right of the vertex"}},
    "mst": {**_ASLEEP, "target": {"region": "frontal and parietal cortex", "placement": "twin coil centred on Cz"}},
    "dbs": {
        "blinding": {"design": "open"},
        "target": {
            "circuit": "reward",
            "region": "left nucleus accumbens",
            "mni_mm": [-9, 9, -8],
            "placement": "lead as implanted, contact 1 in the target",
            "navigation": "post-operative CT",
        },
    },
}
"""Sections that differ from the rest for some techniques."""

TECHNIQUES = tuple(sorted(_DOSES))
"""Every technique that a protocol can be written for."""


def example_content(technique: str, **changes: Any) -> dict[str, Any]:
    """Return the JSON content of an example; a change is named section__field (dose__session__trains=10)."""
    found = deepcopy({**_REST, **_ONLY.get(technique, {}), "dose": _DOSES[technique]})
    for path, value in changes.items():
        *sections, last = path.split("__")
        part: Any = found
        for section in sections:
            part = part[int(section) if isinstance(part, list) else section]
        part[last] = value
    return found


def example(technique: str, **changes: Any) -> Protocol:
    """Return an example protocol; see `example_content`."""
    return from_content(example_content(technique, **changes))
