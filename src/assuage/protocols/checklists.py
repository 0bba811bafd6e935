"""Reporting checklists, filled from a protocol.

The item lists are data (`data/checklists/*.toml`), paraphrased, with what was read of each. A list that could not be
obtained is marked incomplete and says so: its rows are groups or topics, not the items.
"""

import csv
import io
import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from assuage.errors import DataError
from assuage.protocols import words
from assuage.protocols.coil import CoilPlan
from assuage.protocols.combined import TdcsRtmsPlan
from assuage.protocols.exact import show
from assuage.protocols.mandatory import ADULT_AGE_YEARS, look_up, read_toml
from assuage.protocols.protocol import Protocol, coil_intensity, planned_percent_mso

ORDER = ("tidier", "chipchase", "tms_rat", "rates", "contes", "spirit", "spirit_c", "who")
Status = Literal["filled", "missing", "not applicable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item of a checklist.

    Attributes
    ----------
    fields
        Fields of protocol.json, or derived texts ("@dose"), all of which have to be there.
    also
        Fields that are shown where they are there.
    outside
        Where the item is answered if not in protocol.json; "" otherwise.
    never
        Why the item does not apply to a course of stimulation; "" if it does.
    """

    item_id: str
    group: str
    says: str
    fields: tuple[str, ...]
    also: tuple[str, ...]
    outside: str
    never: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checklist:
    """A checklist and how far its source was read."""

    checklist_id: str
    title: str
    version: str
    source: str
    source_level: str
    read_at: tuple[str, ...]
    complete: bool
    items_in_source: int | None
    note: str
    techniques: frozenset[str]
    minors_only: bool
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecklistRow:
    """One item, filled; `value` is the protocol's answer, or the reason where there is none."""

    item: str
    group: str
    says: str
    status: Status
    value: str


def checklist_names() -> tuple[str, ...]:
    """Return the names of the checklists."""
    return tuple(name.replace("_", "-") for name in ORDER)


def load_checklist(name: str) -> Checklist:
    """Return a checklist by its name, for example "tidier".

    Raises
    ------
    DataError
        No such checklist; the message lists the known ones.
    """
    key = name.strip().lower().replace("-", "_")
    if key not in ORDER:
        raise DataError(f"no checklist {name!r}; known: {', '.join(checklist_names())}")
    return _load(key)


def fill(checklist: Checklist | str, protocol: Protocol) -> tuple[ChecklistRow, ...]:
    """Return one row per item, in the order of the list.

    "filled": every field of the item is in the protocol. "missing": one is not, or the item is answered elsewhere (the
    value says where). "not applicable": the list or the item is not for this technique or age.
    """
    chosen = load_checklist(checklist) if isinstance(checklist, str) else checklist
    content = protocol.model_dump(mode="json", exclude_none=True)
    reason = _not_for(chosen, protocol)
    return tuple(_row(item, content, protocol, reason) for item in chosen.items)


def to_csv(checklist: Checklist, rows: tuple[ChecklistRow, ...]) -> str:
    """Return rows as CSV text; the first two columns name the list and say whether its items are all there."""
    list_of = {"list": f"{checklist.title} ({checklist.version})", "complete": "yes" if checklist.complete else "no"}
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=[*list_of, *ChecklistRow.__dataclass_fields__], lineterminator="\n")
    writer.writeheader()
    writer.writerows({**list_of, **asdict(row)} for row in rows)
    return out.getvalue()


def to_json(checklist: Checklist, rows: tuple[ChecklistRow, ...], protocol: Protocol) -> dict[str, Any]:
    """Return a filled checklist for machines."""
    return {
        "checklist": checklist.checklist_id,
        "title": checklist.title,
        "version": checklist.version,
        "source": checklist.source,
        "source_level": checklist.source_level,
        "complete": checklist.complete,
        "note": checklist.note,
        "protocol_sha256": protocol.sha256,
        "rows": [asdict(row) for row in rows],
    }


def to_markdown(checklist: Checklist, rows: tuple[ChecklistRow, ...], protocol: Protocol) -> str:
    """Return a filled checklist as a Markdown table."""
    lines = [
        f"# {checklist.title} ({checklist.version})",
        "",
        f"Protocol: {_cell(protocol.header.title)}, version {_cell(protocol.header.protocol_version)}, "
        f"SHA-256 {protocol.sha256}.",
        "",
        f"Items paraphrased from {checklist.source}; read: {checklist.source_level}.",
    ]
    if checklist.note:
        lines += ["", f"**{checklist.note}**"]
    lines += ["", "| item | topic | status | value |", "|---|---|---|---|"]
    lines += [f"| {row.item} | {_cell(row.says)} | {row.status} | {_cell(row.value)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _row(item: Item, content: dict[str, Any], protocol: Protocol, reason: str) -> ChecklistRow:
    status: Status
    if reason or item.never:
        status, value = "not applicable", reason or item.never
    elif item.outside:
        status, value = "missing", item.outside
    else:
        found = {path: _value(path, content, protocol) for path in (*item.fields, *item.also)}
        absent = [path for path in item.fields if not found[path]]
        status = "missing" if absent else "filled"
        value = "; ".join(text for text in found.values() if text)
        if absent:
            value = f"{value + '; ' if value else ''}not given: {', '.join(path.lstrip('@') for path in absent)}"
    return ChecklistRow(item=item.item_id, group=item.group, says=item.says, status=status, value=value)


def _not_for(checklist: Checklist, protocol: Protocol) -> str:
    if protocol.technique not in checklist.techniques:
        return f"not for {words.TECHNIQUES[protocol.technique]}"
    age = protocol.person.age_years
    return "not for adults" if checklist.minors_only and age is not None and age >= ADULT_AGE_YEARS else ""


def _value(path: str, content: dict[str, Any], protocol: Protocol) -> str:
    """Return the text of a field; "" where it is missing, "none" where the answer is an empty list."""
    if path.startswith("@"):
        return DERIVED[path[1:]](protocol)
    value, name = look_up(content, path), path.rsplit(".", maxsplit=1)[-1]
    if isinstance(value, list):
        return _listed(value, name) or ("none" if path in ASKED else "")
    return "" if value is None else _said(value, name)


def _said(value: Any, name: str) -> str:
    """Return one value with its unit; yes, no and none with the field's name."""
    if isinstance(value, bool):
        value = "yes" if value else "no"
    elif name == "criterion_V":
        return words.microvolt(value)
    elif value != "none":
        return f"{_number(value)} {_unit(name)}".rstrip()
    return f"{name.replace('_', ' ')}: {value}"


def _listed(values: list[Any], name: str) -> str:
    if values and _unit(name):
        return f"{name.removesuffix('_mm')} ({', '.join(map(_number, values))}) {_unit(name)}"
    return "; ".join(_entry(each) for each in values)


ASKED = frozenset(
    f"person.{name}"
    for name in ("prescribed_medication", "cns_active_drugs", "neuro_psychiatric_disorders", "other_medical_conditions")
)
"""Lists where an empty list is an answer."""


UNITS = {
    "_years": "years",
    "_mm": "mm",
    "_deg": "degrees",
    "_m": "m",
    "_kg": "kg",
    "_decibel": "dB",
    "sleep_hours": "h of sleep",
    "percent_mso": "% of the stimulator's output",
    "percent_mvc": "% of the strongest contraction",
}
"""Unit by the end of a field's name."""


def _unit(name: str) -> str:
    return next((unit for ending, unit in UNITS.items() if name.endswith(ending)), "")


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _entry(value: Any) -> str:
    return ", ".join(str(part) for part in value.values()) if isinstance(value, dict) else str(value)


def _lines(protocol: Protocol, label: str) -> str:
    return "; ".join(text for name, text in words.dose_lines(protocol.dose) if label in name.lower() and text)


def _device(protocol: Protocol) -> str:
    stimulator, coil = protocol.device.stimulator, protocol.device.coil
    return f"{stimulator.make} {stimulator.model}" + (f"; coil {coil.make} {coil.model}, {coil.shape}" if coil else "")


def _coil(protocol: Protocol) -> CoilPlan:
    """Return the pulses of a coil technique, or of its part in a combination."""
    dose = protocol.dose.rtms if isinstance(protocol.dose, TdcsRtmsPlan) else protocol.dose
    if not isinstance(dose, CoilPlan):
        raise TypeError(f"{protocol.technique} has no trains of pulses")
    return dose


def _burst_frequency(protocol: Protocol) -> str:
    frequency = _coil(protocol).session.train.burst.frequency_Hz
    return "single pulses" if frequency is None else f"{show(frequency)} Hz"


def _train_interval(protocol: Protocol) -> str:
    pause = _coil(protocol).session.inter_train_interval_s
    return "one train" if pause is None else words.time_words(pause)


def _of_output(protocol: Protocol) -> str:
    setting = planned_percent_mso(protocol)
    return "" if setting is None else f"{show(setting)} % of the stimulator's output"


def _of_threshold(protocol: Protocol) -> str:
    intensity = coil_intensity(protocol)
    if intensity is None or intensity.percent_mt is None:
        return ""
    return f"{show(intensity.percent_mt)} % of the {intensity.threshold} motor threshold"


DERIVED: dict[str, Callable[[Protocol], str]] = {
    "technique": lambda protocol: words.TECHNIQUES[protocol.technique],
    "evidence": lambda protocol: "; ".join(reference.citation for reference in protocol.evidence),
    "device": _device,
    "dose": lambda protocol: "; ".join(
        f"{name[:1].lower()}{name[1:]}: {text}" for name, text in words.dose_lines(protocol.dose) if text
    ),
    "schedule": lambda protocol: words.schedule_words(protocol.dose),
    "intensity": lambda protocol: _lines(protocol, "intensity") or _lines(protocol, "current"),
    "electrodes": lambda protocol: _lines(protocol, "electrodes") or _lines(protocol, "pair"),
    "impedance_limit": lambda protocol: _lines(protocol, "impedance"),
    "pulse_shape": lambda protocol: str(look_up(_dose(protocol), "pulse.shape") or ""),
    "pulse_current": lambda protocol: str(look_up(_dose(protocol), "pulse.induced_current") or ""),
    "percent_mso": _of_output,
    "percent_mt": _of_threshold,
    "session_time": lambda protocol: f"a session takes {words.time_words(_coil(protocol).session.duration_s)}",
    "burst_frequency": _burst_frequency,
    "burst_pulses": lambda protocol: str(_coil(protocol).session.train.burst.pulses),
    "burst_interval": lambda protocol: f"{show(1 / _coil(protocol).session.train.burst_rate_Hz)} s from start to start",
    "bursts": lambda protocol: f"{_coil(protocol).session.train.bursts} in a train",
    "train_interval": _train_interval,
    "trains": lambda protocol: str(_coil(protocol).session.trains),
}
"""Texts that follow from several fields."""


def _dose(protocol: Protocol) -> Any:
    dose = protocol.model_dump(mode="json", exclude_none=True)["dose"]
    return dose.get("rtms", dose)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


@cache
def _load(key: str) -> Checklist:
    text = files("assuage.protocols").joinpath("data", "checklists", f"{key}.toml").read_text(encoding="utf-8")
    raw = tomllib.loads(text)
    if not (raw.get("source") and raw.get("source_level")):
        raise DataError(f"{key}.toml has no source or source_level")
    return Checklist(
        checklist_id=raw["id"],
        title=raw["title"],
        version=raw["version"],
        source=raw["source"],
        source_level=raw["source_level"],
        read_at=tuple(raw["read_at"]),
        complete=raw["complete"],
        items_in_source=raw.get("items_in_source"),
        note=raw.get("note", ""),
        techniques=frozenset(read_toml("mandatory.toml")["groups"][raw["techniques"]]),
        minors_only=raw.get("minors_only", False),
        items=tuple(_item(row) for row in raw["item"]),
    )


def _item(row: dict[str, Any]) -> Item:
    kinds = [kind for kind in ("fields", "outside", "never") if row.get(kind)]
    if len(kinds) != 1:
        raise DataError(f"checklist item {row['id']} needs exactly one of fields, outside and never, has {kinds}")
    return Item(
        item_id=row["id"],
        group=row["group"],
        says=row["says"],
        fields=tuple(row.get("fields", ())),
        also=tuple(row.get("also", ())),
        outside=row.get("outside", ""),
        never=row.get("never", ""),
    )
