"""The technician's sheet: a protocol on one A4 page, planned beside actual, offline; PDF through a browser, if any.

It formats what the protocol holds and computes nothing. Verdicts of cited limits come as plain records with at least
`rule_id`, `outcome`, `why`, `source` and `source_level`.
"""

import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2

from assuage import __version__
from assuage.errors import DataError
from assuage.protocols import Protocol
from assuage.protocols.combined import TdcsRtmsPlan
from assuage.protocols.electrodes import TesPlan, TiPlan
from assuage.protocols.implanted import DbsPlan
from assuage.protocols.protocol import DISCLAIMER, coil_intensity, write_whole
from assuage.protocols.words import TECHNIQUES, counted, dose_lines, schedule_words, setting_words

HANDS = {"right": "right-handed", "left": "left-handed", "both": "uses both hands"}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER_PATIENCE_S = 60
"""A page of some kilobytes prints within seconds; a browser that takes longer hangs."""
MOST_FINDINGS = 6
"""Verdicts shown one by one, if no more than these are stops; the check itself lists all."""
OUTCOMES = ("stop", "warn", "cannot say", "within cited range")
"""What a verdict may say, strictest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line: what, as planned, and what the technician writes down."""

    label: str
    planned: str
    actual: str = ""
    tall: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Lines under one heading."""

    title: str
    rows: tuple[Row, ...]


def write_sheet(protocol: Protocol, path: Path | str, *, verdicts: Iterable[Mapping[str, Any]] = ()) -> Path:
    """Write the sheet as HTML or, where the name ends in .pdf, as PDF; the file appears whole or not at all.

    Returns
    -------
    The path.

    Raises
    ------
    DataError
        PDF was asked for and no browser is there to print it.
    """
    out = Path(path)
    page = render_sheet(protocol, verdicts=verdicts)
    return _print_pdf(page, out) if out.suffix.lower() == ".pdf" else write_whole(out, page)


def render_sheet(protocol: Protocol, *, verdicts: Iterable[Mapping[str, Any]] = ()) -> str:
    """Return the sheet as HTML text."""
    found = sorted(verdicts, key=_strictness)
    return (
        _environment()
        .get_template("sheet.html.j2")
        .render(
            protocol=protocol,
            header=protocol.header,
            session=_session(protocol),
            technique=TECHNIQUES[protocol.technique],
            schedule=schedule_words(protocol.dose),
            sections=sections(protocol),
            findings=_shown(found),
            findings_words=_findings_words(found),
            disclaimer=DISCLAIMER,
            version=__version__,
        )
    )


def sections(protocol: Protocol) -> tuple[Section, ...]:
    """Return the lines of the sheet; what the protocol leaves open is blank, for the technician to fill."""
    all_sections = (
        Section(title="Person today", rows=_person(protocol)),
        Section(title="Device", rows=_device(protocol)),
        Section(title="Motor threshold", rows=_threshold(protocol)),
        Section(title="Place", rows=_place(protocol)),
        Section(title="Dose", rows=_dose(protocol)),
        Section(title="Conditions and fidelity", rows=_conditions(protocol)),
        Section(title="Afterwards", rows=_afterwards(protocol)),
    )
    return tuple(section for section in all_sections if section.rows)


def _person(protocol: Protocol) -> tuple[Row, ...]:
    person, consent, safety = protocol.person, protocol.consent, protocol.safety
    basics = [f"{person.age_years:g} years", person.sex, HANDS.get(person.handedness or "")]
    medicines = [" ".join(filter(None, (m.name, m.dose))) for m in person.prescribed_medication or ()]
    drugs = ", ".join(person.cns_active_drugs or ()) or "none"
    number = Counter(safety.screening.values())["no"]
    flagged = [topic.replace("_", " ") for topic, answer in safety.screening.items() if answer != "no"]
    screening = f"{counted(number, 'topic')} answered no" if safety.screening else "no topic answered"
    agreed = [
        consent.consent_version and f"form {consent.consent_version}",
        consent.assent is not None and f"assent {_yes(consent.assent)}",
        consent.guardian_consent is not None and f"guardian {_yes(consent.guardian_consent)}",
        consent.support_contact and f"support: {consent.support_contact}",
    ]
    return (
        Row(label="Person", planned=_join(basics)),
        Row(label="Medication", planned=", ".join(medicines) or "none", actual="changed since last visit: ☐ no ☐ yes:"),
        Row(label="CNS-active drugs", planned=drugs, actual="alcohol, nicotine, caffeine, sleep (h):"),
        Row(
            label="Screening",
            planned=_join([screening, flagged and "ask about: " + ", ".join(flagged)]),
            actual="done today: ☐ yes   anything new: ☐ no ☐ yes:",
        ),
        Row(label="Consent and support", planned=_join(agreed), actual="wellbeing reviewed today by:"),
    )


def _device(protocol: Protocol) -> tuple[Row, ...]:
    stimulator, coil = protocol.device.stimulator, protocol.device.coil
    rows = [
        Row(
            label="Stimulator",
            planned=_join([f"{stimulator.make} {stimulator.model}", stimulator.firmware]),
            actual=f"serial {stimulator.serial}: ☐" if stimulator.serial else "serial:",
        )
    ]
    if coil is not None and coil_intensity(protocol) is not None:
        planned = _join([f"{coil.make} {coil.model}", coil.shape, coil.size, coil.cooling])
        rows.append(Row(label="Coil", planned=planned, actual=f"serial {coil.serial}: ☐" if coil.serial else "serial:"))
    if protocol.device.recording:
        rows.append(Row(label="Recording", planned=protocol.device.recording))
    return tuple(rows)


def _threshold(protocol: Protocol) -> tuple[Row, ...]:
    threshold = protocol.threshold
    if threshold is None or coil_intensity(protocol) is None:
        return ()
    muscle = _join([threshold.muscle, threshold.side, threshold.state and f"at {threshold.state}"])
    level = "" if threshold.percent_mso is None else f"{float(threshold.percent_mso):g} % of output"
    how = _join([threshold.method, threshold.hits, threshold.hotspot and f"hotspot: {threshold.hotspot}"])
    return (
        Row(label="Muscle", planned=muscle),
        Row(label="Method", planned=_join([how, threshold.inter_pulse_interval_s]), actual="hits / pulses:"),
        Row(label="Threshold", planned=level, actual="% of output:"),
    )


def _place(protocol: Protocol) -> tuple[Row, ...]:
    target, fidelity = protocol.target, protocol.fidelity
    coil = coil_intensity(protocol) is not None
    points = [
        target.mni_mm and f"MNI {_point(target.mni_mm)}",
        target.subject_mm and f"head {_point(target.subject_mm)}",
    ]
    tolerance = [
        fidelity.tolerance_mm and f"{fidelity.tolerance_mm:g} mm",
        fidelity.tolerance_deg and f"{fidelity.tolerance_deg:g}°",
    ]
    place = _join([target.placement, coil and target.orientation])
    navigation = _join([target.navigation, _join(tolerance) and f"tolerance {_join(tolerance)}"])
    rows = [
        Row(label="Target", planned=_join([target.region, *points])),
        Row(label="Placement", planned=place, actual="as planned: ☐ yes ☐ no:"),
        Row(label="Navigation", planned=navigation, actual="residual (mm):"),
    ]
    if coil and target.coil_pose is not None:
        pose = " | ".join(" ".join(f"{value:.6g}" for value in row) for row in target.coil_pose[:3])
        rows.append(Row(label="Coil pose (mm)", planned=f"rows {pose}"))
    return tuple(rows)


def _dose(protocol: Protocol) -> tuple[Row, ...]:
    prompts = {
        "session": "pulses given:        paused / stopped:",
        "duration": "minutes given:        stopped early: ☐",
        "current": "mA reached:",
        "pair 1": "mA reached:",
        "pair 2": "mA reached:",
        "impedance": "before / after (kOhm):",
        "charge": "display:",
        "stimulus": "as set: ☐ yes ☐ no:",
    }
    lines = [(label, text) for label, text in dose_lines(protocol.dose) if text]
    if isinstance(protocol.dose, TesPlan | TiPlan) and protocol.dose.impedance_limit_Ohm is None:
        lines.append(("Impedance", "limit not given"))
    setting = setting_words(protocol)
    rows = [Row(label=label, planned=text, actual=_prompt(prompts, label)) for label, text in lines]
    if setting:
        after = next(k for k, row in enumerate(rows, start=1) if row.label.lower().endswith("intensity"))
        rows.insert(after, Row(label="Stimulator set to", planned=setting, actual="% of output:"))
    return tuple(rows)


def _prompt(prompts: Mapping[str, str], label: str) -> str:
    return next((text for key, text in prompts.items() if label.lower().endswith(key)), "")


def _conditions(protocol: Protocol) -> tuple[Row, ...]:
    conditions, safety, blinding = protocol.conditions, protocol.safety, protocol.blinding
    blinded = _join([blinding.design, blinding.sham and f"sham: {blinding.sham}"])
    rows = [
        Row(label="Attention, activity", planned=_join([conditions.attention, conditions.activity])),
        Row(label="Blinding", planned=blinded, actual="group not revealed: ☐"),
    ]
    if safety.hearing_protection is not None and coil_intensity(protocol) is not None:
        level = safety.hearing_attenuation_decibel
        planned = _join([_yes(safety.hearing_protection), level and f"{level:g} dB"])
        rows.insert(0, Row(label="Hearing protection", planned=planned, actual="person ☐   nearby ☐"))
    call = safety.emergency_contact and f"call: {safety.emergency_contact}"
    stop = _join(["; ".join(safety.stop_criteria or ()), call])
    rows.append(Row(label="Stop if", planned=stop, actual="met: ☐ no ☐ yes:"))
    return tuple(rows)


def _afterwards(protocol: Protocol) -> tuple[Row, ...]:
    method, notes = protocol.safety.adverse_events_method or "", "; ".join(protocol.notes)
    return (
        Row(label="Adverse events", planned=method, actual="what, severity, related:", tall=True),
        Row(label="Deviations, notes", planned=notes, actual="next appointment:", tall=True),
    )


def _session(protocol: Protocol) -> str:
    """Return the number of this session, with a blank where it is not planned, and how many there are."""
    number = protocol.header.session_number
    if isinstance(protocol.dose, DbsPlan):
        return str(number or "")
    dose = protocol.dose.rtms if isinstance(protocol.dose, TdcsRtmsPlan) else protocol.dose
    return f"{number or '____'} of {dose.course.sessions}"


def _strictness(verdict: Mapping[str, Any]) -> int:
    if verdict.get("outcome") not in OUTCOMES:
        raise DataError(f"a verdict says {verdict.get('outcome')!r}; it says one of {', '.join(OUTCOMES)}")
    return OUTCOMES.index(verdict["outcome"])


def _shown(verdicts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return every stop, and warnings as far as there is room."""
    stops = [verdict for verdict in verdicts if verdict["outcome"] == "stop"]
    warnings = [verdict for verdict in verdicts if verdict["outcome"] == "warn"]
    return [*stops, *warnings[: max(0, MOST_FINDINGS - len(stops))]]


def _findings_words(verdicts: Sequence[Mapping[str, Any]]) -> str:
    if not verdicts:
        return "The protocol has not been held against cited limits here."
    count = Counter(str(verdict["outcome"]) for verdict in verdicts)
    said = ", ".join(f"{outcome}: {count[outcome]}" for outcome in OUTCOMES if count[outcome])
    left = count["stop"] + count["warn"] - len(_shown(verdicts))
    more = f" {counted(left, 'warning')} more: see the check." if left else ""
    caution = "'Within cited range' is not a statement of safety."
    return f"{counted(len(verdicts), 'limit')} held against: {said}.{more} {caution}"


def _join(parts: Iterable[Any]) -> str:
    return ", ".join(str(part) for part in parts if part)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _point(point: Sequence[float]) -> str:
    return f"({', '.join(f'{value:g}' for value in point)}) mm"


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _template(name: str) -> str:
    return resources.files("assuage.report").joinpath("templates", name).read_text(encoding="utf-8")


def _print_pdf(page: str, out: Path) -> Path:
    """Print a page with a headless browser, a process of its own."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise DataError(
            f"{out} needs Chromium or Chrome to be written, and none was found ({', '.join(BROWSERS)}); write "
            f"{out.with_suffix('.html').name} instead and print it from any browser, or install chromium"
        )
    with tempfile.TemporaryDirectory(prefix="assuage-sheet-") as folder:
        source, printed = Path(folder, "sheet.html"), Path(folder, "sheet.pdf")
        source.write_text(page, encoding="utf-8")
        command = [
            browser,
            "--headless",
            "--disable-gpu",
            "--no-pdf-header-footer",
            f"--user-data-dir={folder}/profile",
        ]
        command += ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        command += [f"--print-to-pdf={printed}", source.as_uri()]
        try:
            done = subprocess.run(command, capture_output=True, timeout=BROWSER_PATIENCE_S, check=False)
        except subprocess.TimeoutExpired:
            raise DataError(f"{browser} did not print within {BROWSER_PATIENCE_S} s; write HTML and print it") from None
        if not printed.is_file():
            said = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
            raise DataError(f"{browser} did not print the sheet ({said[0]}); write HTML and print it from a browser")
        scratch = out.with_name(f".{out.name}.partial")
        try:
            shutil.copyfile(printed, scratch)
            scratch.replace(out)
        finally:
            scratch.unlink(missing_ok=True)
    return out
