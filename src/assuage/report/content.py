"""What the template shows, taken from the records: order, wording, pictures. No number is made here."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from assuage.head.signoff import SignOff, said
from assuage.plan.aim_records import RegionRecord
from assuage.plan.course_records import CombinationRecord, CourseRecord
from assuage.plan.evidence_record import RegionStudiedRecord
from assuage.plan.records import CoilProposal, ErrorBar, LeadProposal, MontageProposal, PlanRecord, TechniqueRecord
from assuage.report import (
    charts,
    head_quality,
    headmap,
    leading,
    noted,
    pareto,
    phasors,
    slices,
    unchecked,
    volumes,
    words,
)
from assuage.report.reading import PlanFiles
from assuage.safety import Verdict
from assuage.units import A_PER_MA

Proposal = CoilProposal | MontageProposal | LeadProposal
CONTENTS = (
    ("asked", "What was asked"),
    ("proposed", "What is proposed"),
    ("field", "The field in the head"),
    ("scalp", "The scalp maps"),
    ("courses", "Courses of the coil"),
    ("combination", "tDCS and rTMS"),
    ("doses", "Doses with error bars"),
    ("distribution", "Individual and group target"),
    ("scale", "One dose scale"),
    ("shortlist", "Shortlist"),
    ("evidence", "What was studied"),
    ("circuit", "The circuit"),
    ("verdicts", "Cited limits"),
    ("head", "The head model"),
    ("limits", "What this plan does not know"),
    ("provenance", "How to repeat it"),
)
LEAD_CAPTION = "The blue disc is the entry, the line the way of the lead, the orange cross the scalp over its target."
SEVERITY = ("stop", "warn", "within cited range", "cannot say")
CREDITS = (
    "The report is complete in this one file and loads nothing from elsewhere. Viewer: NiiVue (BSD 2-Clause; notice "
    "in the source of this page). Coordinates are RAS+ millimetres."
)


def overview(files: PlanFiles) -> dict[str, Any]:
    """Return what the first two sections show."""
    record = files.record
    ranked = _ranked(record)
    primary = next((r for r in record.circuit.regions if r.primary), None) if record.circuit else None
    return {
        "ranked": ranked,
        "primary": primary,
        "studied_region": _studied(record, primary),
        "cautions": _cautions(files),
        "signed": sign_off_words(record),
        "near": near,
        "leads": leading.leaders(record),
        "headline": noted.headline,
        "navigator": [item for item in record.files if item.path.startswith("navigator/")],
        "phasor_plots": phasor_plots,
        "credits": CREDITS,
    }


def tables(record: PlanRecord) -> dict[str, Any]:
    """Return what the tables show."""
    order = [entry["item"] for entry in _ranked(record)]
    judged = _judged(order, record.combinations)
    error_tissues = list(dict.fromkeys(s.tissue for item in order for s in item.dose.error.conductivity_by_tissue))
    return {
        "comparison": charts.comparison([_bar(item) for item in order]) if order else "",
        "scaled": [(item.label, scaled) for item in order for scaled in item.scaled],
        "error_tissues": error_tissues,
        "share": _share,
        "error_words": _error_words(order),
        "verdicts": _verdicts(judged),
        "verdict_words": _verdict_words(judged),
        "coils": [item for item in order if item.courses],
        "stricter": _stricter,
        "combined": [(both, _parts(record, both)) for both in record.combinations],
        "head_notes": _head_notes(record),
        "folded": leading.folded(() if record.shortlist is None else record.shortlist.chosen),
        "left_out": leading.left_out(record.shortlist),
        "times": list(record.provenance.seconds.items()),
        "hand_side": next((item.driving.hotspot for item in order if item.driving is not None), ""),
        "unsplit": [item for item in order if not item.dose.error.conductivity_by_tissue],
        **unchecked.summary(judged),
        "shifts": _shift_words(record),
        **_common_doses(order),
        **_matrix(record),
    }


def field_words(files: PlanFiles) -> str:
    """Say where the viewer shows the field."""
    shown = "The field is shown in grey and white matter only. " if files.brain is not None else ""
    return f"{shown}The orange line is the border of the target. Left is the person's left."


def _studied(record: PlanRecord, primary: RegionRecord | None) -> RegionStudiedRecord | None:
    """Return what was studied of the region planned for."""
    if record.evidence is None or primary is None:
        return None
    return next((region for region in record.evidence.regions if region.key == primary.key), None)


def contents(**shown: bool) -> list[tuple[str, str]]:
    """Return anchor and title of every section, without those that are not shown."""
    return [(anchor, text) for anchor, text in CONTENTS if shown.get(anchor, True)]


def near(proposal: CoilProposal) -> str:
    """Say where a coil centre sits relative to 10-10 sites."""
    sites = [f"{s.distance_mm:.0f} mm from {s.site}" for s in proposal.nearest_sites[:3]]
    return words.listing(sites)


def fields(files: PlanFiles) -> tuple[list[dict[str, str]], dict[str, Any]]:
    """Return still pictures of each technique's field, and the data of the viewer."""
    record = files.record
    stills, entries = [], []
    for entry in _ranked(record):
        item: TechniqueRecord = entry["item"]
        if item.technique not in files.fields:
            continue
        volume = slices.within(files.fields[item.technique], files.brain)
        high = volumes.display_range(volume.data)[1]
        stills.append(_still(files, item, volume, high))
        small = volumes.thinned(volume, limit=volumes.FIELD_VOXELS)
        entries.append(
            {
                "base64": volumes.as_base64(small, high=high),
                "high": high,
                "high_text": f"{words.number(high)} and above",
                "unit": "V/m",
            }
        )
    if not stills:
        return [], {}
    data: dict[str, Any] = {"fields": entries, "target_mm": list(record.target.center_mm), "clip": _clip(record)}
    if files.anatomy is not None:
        small = volumes.thinned(files.anatomy, limit=volumes.T1_VOXELS)
        data["anatomy"] = {"base64": volumes.as_base64(small, high=volumes.display_range(small.data)[1])}
    if files.target is not None:
        data["target"] = {"base64": volumes.as_base64(volumes.outlined(files.target), high=1.0)}
    return stills, data


def scalp_maps(files: PlanFiles) -> list[dict[str, str]]:
    """Return the maps over all coil positions and over all electrode sites."""
    record, found = files.record, []
    coil = next((t for t in record.techniques if isinstance(t.proposal, CoilProposal)), None)
    if coil is not None and {"coil_place_mm", "coil_best_V_per_m"} <= files.maps.keys():
        figure = headmap.coil_map(
            files.maps["coil_place_mm"], files.maps["coil_best_V_per_m"], sites_mm=record.head.ten_ten_mm,
            label="V/m in the target", best=_coil_mark(coil.proposal), target_mm=record.target.center_mm,
        )  # fmt: skip
        caption = (
            f"{coil.label} at {words.typeset(coil.dose.intensity)}: the field in the target when the coil is centred "
            "there, at its best turn. The arrow is the handle of the proposed pose."
        )
        found.append({"figure": figure, "caption": caption})
    if {"electrode_point_mm", "electrode_score_V_per_m_per_A"} <= files.maps.keys():
        figure = headmap.electrode_map(
            files.maps["electrode_point_mm"], files.maps["electrode_score_V_per_m_per_A"] * A_PER_MA,
            sites_mm=record.head.ten_ten_mm, label="V/m in the target per mA", target_mm=record.target.center_mm,
        )  # fmt: skip
        axis = (
            " along the direction that was asked for"
            if record.target.direction
            else " along the field of the strongest montage"
        )
        caption = (
            f"Electrodes: the field in the target{axis}. The dose of any pair is the difference between its two "
            "places, per mA from the first to the second."
        )
        found.append({"figure": figure, "caption": caption})
    return found


def qc_rows(files: PlanFiles) -> list[dict[str, str]]:
    """Return the quality figures of the head as table rows."""
    return head_quality.rows(files.qc) if files.qc else []


def _ranked(record: PlanRecord) -> list[dict[str, Any]]:
    by_name = {item.technique: item for item in record.techniques}
    return [
        {
            "rank": rank,
            "item": by_name[rank.technique],
            "notes": noted.notes(by_name[rank.technique].notes, by_name[rank.technique].proposal.words),
            **_figure(record, by_name[rank.technique]),
            **pareto.interference(by_name[rank.technique]),
        }
        for rank in sorted(record.ranking.ranks, key=lambda rank: rank.place)
    ]


def _figure(record: PlanRecord, item: TechniqueRecord) -> dict[str, str]:
    sites, target = record.head.ten_ten_mm, record.target.center_mm
    if isinstance(item.proposal, CoilProposal):
        near = frozenset(s.site for s in item.proposal.nearest_sites)
        figure = headmap.pose_map(sites, _coil_mark(item.proposal), near=near, target_mm=target)
        return {
            "figure": figure,
            "caption": "The arrow is the handle, the circles are the windings, the orange cross is the target.",
        }
    if isinstance(item.proposal, LeadProposal):
        figure = headmap.lead_map(sites, item.proposal.entry_mm, target_mm=item.aimed_mm or target)
        return {"figure": figure, "caption": LEAD_CAPTION}
    electrodes = [(e.name, e.center_mm, e.current_A / A_PER_MA) for e in item.proposal.electrodes]
    phases = {e.name: e.phase_deg for e in item.proposal.electrodes if e.phase_deg is not None}
    figure = headmap.montage_map(sites, electrodes, target_mm=target, phases_deg=phases)
    key = "Red: anode; blue: cathode; numbers in mA"
    if phases:
        key = "Numbers: amplitude in mA, zero to peak, and phase. Red near 0°, blue near 180°, grey between"
    return {"figure": figure, "caption": f"{key}; the orange cross is the target."}


def phasor_plots(item: TechniqueRecord) -> list[dict[str, Any]]:
    """Return one plot with its key for every panel of phasors, all on one scale."""
    panels: dict[str, list[phasors.Hand]] = {}
    for entry in item.phasors:
        hand = phasors.Hand(name=entry.region, amplitude_V_per_m=entry.amplitude_V_per_m, phase_deg=entry.phase_deg)
        panels.setdefault(entry.panel, []).append(hand)
    largest = max((entry.amplitude_V_per_m for entry in item.phasors), default=0.0)
    return [
        {
            "figure": phasors.phasor_plot(words.sentence(title).rstrip("."), hands, largest_V_per_m=largest),
            "key": phasors.key(hands),
        }
        for title, hands in panels.items()
    ]


def _coil_mark(proposal: Proposal) -> headmap.CoilMark:
    if not isinstance(proposal, CoilProposal):
        raise TypeError(f"a {proposal.kind} has no coil pose")
    pose = np.asarray(proposal.pose, dtype=np.float64)
    return headmap.CoilMark(center_mm=pose[:3, 3], handle=-pose[:3, 1])


def _still(files: PlanFiles, item: TechniqueRecord, volume: volumes.Volume, high: float) -> dict[str, str]:
    target = files.record.target
    what, said = ("depth", "modulation depth") if item.technique == "ti" else ("|E|", "magnitude of the field")
    image = slices.orthogonal_png(
        files.anatomy,
        volume,
        center_mm=item.aimed_mm or target.center_mm,
        radius_mm=target.radius_mm,
        high=high,
        label=f"{what}, V/m",
    )
    where = " in grey and white matter" if files.brain is not None else ""
    caption = (
        f"{item.label} at {words.typeset(item.dose.intensity)}: {said}{where}, in three planes through "
        "the target (orange circle). Left is the person's left. Weak field is left unpainted so that the anatomy shows."
    )
    return {"label": item.label, "image": image, "alt": caption, "caption": caption}


def _clip(record: PlanRecord) -> list[float]:
    """Clip plane of the 3-D view: from the side of the target (depth, azimuth, elevation)."""
    x, y, z = record.target.center_mm
    azimuth = float(np.degrees(np.arctan2(x, -y)) % 360.0)
    elevation = float(np.degrees(np.arctan2(z, np.hypot(x, y))))
    return [0.12, azimuth, elevation]


def _cautions(files: PlanFiles) -> list[str]:
    record, lines = files.record, []
    for label, found in _judged(record.techniques, record.combinations):
        lines += [f"{label}: {words.sentence(v.why)}" for v in found if v.outcome == "stop"]
    for both in record.combinations:
        lines += [f"{both.label}: {words.sentence(line)}" for line in both.words if both.under_coil and "cover" in line]
    if record.target.snapped_mm > 5:
        lines.append(
            f"The coordinate lies {words.number(record.target.snapped_mm, digits=2)} mm outside grey matter; "
            "the target was moved."
        )
    warnings = record.head.metadata.get("warnings", ())
    told = [warnings] if isinstance(warnings, str) else [*warnings]
    told += [f"the head model: {line}" for line in files.qc.get("warnings", ()) if line not in told]
    return [*_unsigned(record), *lines] + [words.sentence(str(line)) for line in told]


def _unsigned(record: PlanRecord) -> list[str]:
    """Return the caution about a head that nobody has signed off."""
    signed = record.head.sign_off
    return (
        []
        if signed is not None and signed.state in {"signed", "embedded"}
        else [words.sentence(sign_off_words(record))]
    )


def sign_off_words(record: PlanRecord) -> str:
    """Return who signed off the head of a plan, in one sentence."""
    signed = record.head.sign_off
    return said(None if signed is None else SignOff(**signed.model_dump()))


def _bar(item: TechniqueRecord) -> charts.Bar:
    dose = item.dose
    return charts.Bar(
        label=item.label,
        intensity=words.typeset(dose.intensity),
        dose_V_per_m=dose.magnitude_V_per_m,
        sd_V_per_m=dose.error.combined_sd_V_per_m,
        spread_V_per_m=dose.error.placement_5_95_V_per_m,
        scaled=tuple((words.typeset(s.intensity.split(" (")[0]), s.magnitude_V_per_m) for s in item.scaled),
        relative=dose.relative_to_reference,
        relative_sd=dose.error.combined_sd_V_per_m / dose.reference_V_per_m,
        is_unit=dose.is_unit,
    )


def _stricter(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the verdicts that warn or stop, the strictest first."""
    return sorted((v for v in verdicts if v.outcome in SEVERITY[:2]), key=lambda v: SEVERITY.index(v.outcome))


def _parts(record: PlanRecord, both: CombinationRecord) -> list[tuple[TechniqueRecord, CourseRecord | None]]:
    """Return the parts of a combination, the coil's with its course."""
    by_name = {item.technique: item for item in record.techniques}
    return [
        (by_name[name], next((c for c in by_name[name].courses if c.technique == both.course), None))
        for name in both.parts
    ]


def _share(error: ErrorBar, tissue: str) -> float | None:
    return next((s.sd_V_per_m for s in error.conductivity_by_tissue if s.tissue == tissue), None)


def _error_words(order: Sequence[TechniqueRecord]) -> list[str]:
    errors = [item.dose.error for item in order]
    lines = [e.conductivity_assumption for e in errors] + [e.placement_assumption for e in errors]
    lines += [f"Not covered: {e.left_out}" for e in errors]
    return list(dict.fromkeys(line for line in lines if line))


def _judged(
    items: Sequence[TechniqueRecord], combinations: Sequence[CombinationRecord]
) -> list[tuple[str, tuple[Verdict, ...]]]:
    """Return what was held against limits: the courses of a coil in place of the coil itself."""
    found: list[tuple[str, tuple[Verdict, ...]]] = []
    for item in items:
        found += [(course.label, course.verdicts) for course in item.courses] or [(item.label, item.verdicts)]
    return [*found, *((both.label, both.verdicts) for both in combinations)]


def _verdicts(judged: Sequence[tuple[str, tuple[Verdict, ...]]]) -> list[tuple[list[str], Verdict]]:
    """Return every verdict once, with the techniques it holds for; the strictest first."""
    found: dict[Verdict, tuple[list[str], Verdict]] = {}
    for label, verdicts in judged:
        for verdict in verdicts:
            found.setdefault(replace(verdict, technique=""), ([], verdict))[0].append(label)
    return sorted(found.values(), key=lambda row: SEVERITY.index(row[1].outcome))


def _verdict_words(judged: Sequence[tuple[str, tuple[Verdict, ...]]]) -> str:
    outcomes = [verdict.outcome for _, verdicts in judged for verdict in verdicts]
    counts = [
        f"{outcomes.count(outcome)} {words.OUTCOME_WORDS[outcome]}" for outcome in SEVERITY if outcome in outcomes
    ]
    text = f"{len(outcomes)} comparisons: {words.listing(counts)}." if outcomes else "No limit applies."
    return (
        f"{text} A limit whose source was not read may stop or warn; it never passes anything. "
        "No outcome says that something is safe."
    )


def _common_doses(order: Sequence[TechniqueRecord]) -> dict[str, Any]:
    """Return the techniques with a common dose, and the field off target over that in the target as a heat map."""
    stated = [item for item in order if item.currency is not None]
    rows, columns = [], dict[str, None]()
    for item in stated:
        assert item.currency is not None
        cells = {circuit.domain: circuit.over_target for circuit in item.currency.circuits}
        cells |= {region.name: region.over_target for region in item.currency.sensitive}
        columns |= dict.fromkeys(cells)
        rows.append((item.label, cells))
    return {
        "currencies": stated,
        "heat_absent": _absent(stated[0]) if stated else [],
        "heat_columns": list(columns),
        "heat_rows": [{"label": label, "cells": [cells.get(name) for name in columns]} for label, cells in rows],
    }


def _absent(item: TechniqueRecord) -> list[str]:
    """Return the watched regions without a number, with the reason: the same ones for every technique."""
    assert item.currency is not None
    found = [f"{name}: {why}" for name, why in item.currency.sensitive_absent.items()]
    for circuit in item.currency.circuits:
        domain = words.plain(circuit.domain)
        found += [f"{words.plain(name)} ({domain}): {why}" for name, why in circuit.absent.items()]
    return found


def _shift_words(record: PlanRecord) -> list[str]:
    if record.shortlist is None:
        return []
    labels = {item.technique: item.label for item in record.shortlist.chosen}
    lines = []
    for shift in record.shortlist.shifts:
        for weight, first, way in (
            (shift.lower, shift.lower_first, "falls"),
            (shift.upper, shift.upper_first, "rises"),
        ):
            if weight is not None and first is not None:
                name = labels.get(first, first)
                lines.append(
                    f"the weight of {words.plain(shift.criterion)} {way} from {words.short(shift.weight)} to "
                    f"{words.number(weight, digits=2)}: then {name} comes first"
                )
    return lines


def _head_notes(record: PlanRecord) -> list[str]:
    keys = ("origin", "extension", "neck")
    return [str(record.head.metadata[key]) for key in keys if record.head.metadata.get(key)]


def _matrix(record: PlanRecord) -> dict[str, Any]:
    empty: dict[str, Any] = {"matrix_techniques": [], "matrix_rows": [], "not_reached": [], "no_centroid": []}
    if record.matrix is None or record.circuit is None:
        return empty
    cells: Mapping[tuple[str, str], Any] = {(c.region, c.technique): c for c in record.matrix.cells}
    techniques = [t for t in record.techniques if any(c.technique == t.technique for c in record.matrix.cells)]
    labels = {r.key: r.label for r in record.circuit.regions}
    rows = [
        {"region": region, "cells": [cells.get((region.key, t.technique)) for t in techniques]}
        for region in record.circuit.regions
        if any((region.key, t.technique) in cells for t in techniques)
    ]
    return {
        "matrix_techniques": techniques,
        "yardsticks": {t.technique: t.dose.reference_name for t in techniques},
        "matrix_rows": rows,
        "not_reached": [labels.get(key, key) for key in record.matrix.reached_by_none],
        "no_centroid": [labels.get(key, key) for key in record.matrix.without_centroid],
    }
