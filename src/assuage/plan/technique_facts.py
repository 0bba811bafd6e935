"""What a technique asks of person and site: data for the chooser. How much it was studied: `evidence.grades`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal

from assuage.errors import DataError, PlanError
from assuage.protocols.coil import CoilPlan
from assuage.protocols.courses import coil_course
from assuage.units import MIN_PER_H, S_PER_MIN

Criterion = Literal["target_field", "focality", "evidence", "burden", "invasiveness", "equipment"]
Invasiveness = Literal["none", "anaesthesia", "surgery"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a technique asks.

    Attributes
    ----------
    technique
        Its name.
    visits, minutes, other_minutes
        Visits of a course; stimulation and everything else of one visit, minutes.
    invasiveness
        "none", "anaesthesia" or "surgery".
    equipment
        What the site must have.
    source, source_level
        Of visits and minutes.
    """

    technique: str
    visits: int
    minutes: float
    other_minutes: float
    invasiveness: Invasiveness
    equipment: tuple[str, ...]
    source: str
    source_level: str

    @property
    def hours_on_site(self) -> float:
        """Time on site of a whole course, h."""
        return self.visits * (self.minutes + self.other_minutes) / MIN_PER_H


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeLimit:
    """A least age with its consequence below it."""

    least_years: float
    consequence: Literal["exclude", "caution"]
    says: str
    source: str
    source_level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scales:
    """How a criterion becomes a value from 0 to 1; see `data/techniques.toml`."""

    target_field_half: float
    focality_half: float
    burden_half_hours: float
    invasiveness: Mapping[str, float]
    evidence: Mapping[str, float]
    source: str


def technique_facts(technique: str) -> Facts:
    """Return what a technique asks.

    Raises
    ------
    PlanError
        Unknown technique; the message lists the known ones.
    """
    table = _facts()
    if technique not in table:
        raise PlanError(f"nothing is known about the burden of technique {technique!r}; known: {', '.join(table)}")
    return table[technique]


def course_facts(technique: str, dose: CoilPlan, source: str) -> Facts:
    """Return what a technique asks where its course is not that of the table.

    Preparation is that of the table: what a visit takes beside pulses and the pauses between sessions.

    Parameters
    ----------
    technique, dose
        A coil technique and its course.
    source
        Where the course comes from.

    Raises
    ------
    PlanError
        As `technique_facts`.
    """
    known, usual = technique_facts(technique), coil_course(technique).dose
    preparation = known.other_minutes - _minutes_between_sessions(usual) / usual.course.days
    days = dose.course.days
    return replace(
        known,
        visits=days,
        minutes=float(dose.course.sessions * dose.session.duration_s) / S_PER_MIN / days,
        other_minutes=preparation + _minutes_between_sessions(dose) / days,
        source=f"days, sessions and pauses of {source}; preparation: {known.source}",
    )


def _minutes_between_sessions(dose: CoilPlan) -> float:
    """Return the pauses between the sessions of a day over a whole course, min."""
    pauses_s = sum(
        phase.days * (phase.day.sessions - 1) * (phase.day.session_interval_s or 0) for phase in dose.course.phases
    )
    return float(pauses_s) / S_PER_MIN


def equipment_names() -> Mapping[str, str]:
    """Return what a site may have: key to words."""
    return MappingProxyType(dict(_data()["equipment"]))


def age_limits(technique: str) -> tuple[AgeLimit, ...]:
    """Return the cited least ages of a technique; none does not mean that any age was studied."""
    return tuple(
        AgeLimit(
            least_years=row["least_years"],
            consequence=row["consequence"],
            says=row["says"],
            source=row["source"],
            source_level=row["source_level"],
        )
        for row in _data()["age"]
        if technique in row["names"]
    )


def scales() -> Scales:
    """Return the scales of the criteria."""
    row = _data()["scales"]
    return Scales(
        target_field_half=row["target_field_half"],
        focality_half=row["focality_half"],
        burden_half_hours=row["burden_half_hours"],
        invasiveness=MappingProxyType(row["invasiveness"]),
        evidence=MappingProxyType(row["evidence"]),
        source=row["source"],
    )


@cache
def _facts() -> Mapping[str, Facts]:
    found: dict[str, Facts] = {}
    known = set(_data()["equipment"])
    for row in _data()["technique"]:
        unknown = set(row["equipment"]) - known
        if unknown or not (row["source"] and row["source_level"]):
            raise DataError(f"techniques.toml: {row['names']} has no source, or unknown equipment {sorted(unknown)}")
        for name in row["names"]:
            found[name] = Facts(
                technique=name,
                visits=row["visits"],
                minutes=row["minutes"],
                other_minutes=row["other_minutes"],
                invasiveness=row["invasiveness"],
                equipment=tuple(row["equipment"]),
                source=row["source"],
                source_level=row["source_level"],
            )
    return MappingProxyType(found)


@cache
def _data() -> Mapping[str, Any]:
    text = files("assuage.plan").joinpath("data/techniques.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))
