"""One course for every coil technique, with the source of each part: what a plan shows, and a protocol starts from.

The data (`data/courses.toml`) are examples out of the literature that was read, not advice. Counts and times follow in
exact arithmetic (`course`); `CoilPlan` refuses a course that contradicts what its source states.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter

from assuage.errors import DataError
from assuage.protocols.coil import CoilPlan
from assuage.protocols.course import Course
from assuage.protocols.exact import Exact, exact
from assuage.protocols.mandatory import read_toml

PARTS = ("session", "calendar", "intensity")
COMBINATION = "combination"
COIL_COURSES = ("rtms_1hz", "rtms_10hz", "itbs", "ctbs", "snt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a part of a course was read, and how far."""

    source: str
    source_level: str

    def __str__(self) -> str:
        """Return both."""
        return f"{self.source} [{self.source_level}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class CoilCourse:
    """A course of a coil technique.

    Attributes
    ----------
    technique, label
        "itbs", "iTBS".
    dose
        Session, calendar and intensity; the pulse is left open.
    parts
        Origin of `session`, `calendar` and `intensity`.
    published
        Name of the published protocol that is nearest to it, or that it is; empty where there is none.
    given
        What a user named it by (`given_course`); empty for the example of this package.
    notes
        What a reader has to know.
    """

    technique: str
    label: str
    dose: CoilPlan
    parts: Mapping[str, Origin]
    published: str
    notes: tuple[str, ...]
    given: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CombinedCourse:
    """How tDCS and rTMS are combined.

    Attributes
    ----------
    tdcs_duration_s
        At full current.
    order, gap_s, gap_at_most_s
        Which comes first; from the end of the first to the start of the second.
    calendar
        Of both.
    origin, published, label, notes
        As of a `CoilCourse`.
    """

    tdcs_duration_s: Exact
    order: str
    gap_s: Exact
    gap_at_most_s: Exact
    calendar: Course
    origin: Origin
    published: str
    label: str
    notes: tuple[str, ...]


def coil_course(technique: str) -> CoilCourse:
    """Return the course of a coil technique, for example "itbs".

    Raises
    ------
    DataError
        A technique without one; the message lists those that have one.
    """
    table = _table()
    if technique not in table:
        raise DataError(f"no course for technique {technique!r}; there is one for {', '.join(table)}")
    return table[technique]


@cache
def combined_course() -> CombinedCourse:
    """Return how tDCS and rTMS are combined."""
    row = read_toml("courses.toml")[COMBINATION]
    return CombinedCourse(
        tdcs_duration_s=exact(row["tdcs_duration_s"]),
        order=row["order"],
        gap_s=exact(row["gap_s"]),
        gap_at_most_s=exact(row["gap_at_most_s"]),
        calendar=TypeAdapter(Course).validate_python(row["calendar"]),
        origin=_origin(COMBINATION, row),
        published=row["published"],
        label=row["label"],
        notes=tuple(row["notes"]),
    )


@cache
def _table() -> Mapping[str, CoilCourse]:
    rows = {name: row for name, row in read_toml("courses.toml").items() if name != COMBINATION}
    if tuple(rows) != COIL_COURSES:
        raise DataError(f"courses.toml holds {', '.join(rows)}; it has to hold {', '.join(COIL_COURSES)}")
    return MappingProxyType({name: _course(name, row) for name, row in rows.items()})


def _course(name: str, row: Mapping[str, Any]) -> CoilCourse:
    parts = {part: _origin(name, row["parts"].get(part, {})) for part in PARTS}
    return CoilCourse(
        technique=name,
        label=row["label"],
        dose=TypeAdapter(CoilPlan).validate_python(row["dose"]),
        parts=MappingProxyType(parts),
        published=row["published"],
        notes=tuple(row["notes"]),
    )


def _origin(name: str, row: Mapping[str, Any]) -> Origin:
    if not (row.get("source") and row.get("source_level")):
        raise DataError(f"courses.toml: a part of {name} has no source or source_level")
    return Origin(source=row["source"], source_level=row["source_level"])
