"""A course that a user names for a plan: a published protocol, or a protocol.json whose dose a person has completed.

Session, calendar and intensity come from there and nowhere else. Few published protocols, as read, report all of them:
what is missing is named and nothing is filled in. The way out is a draft (`assuage protocol new NAME`) in which a
person supplies the rest; the origin of each part then names what the source says and what it does not.
"""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter, ValidationError

from assuage.errors import DataError, ProtocolError
from assuage.protocols.coil import CoilPlan
from assuage.protocols.courses import COIL_COURSES, CoilCourse, Origin, coil_course
from assuage.protocols.protocol import read_content
from assuage.protocols.published import Published, left_out, load_published, published_protocols

FILE_ENDING = ".json"
USER = "given by the user"
SECTIONS = {"session": "session", "calendar": "course", "intensity": "intensity"}
"""Part of a `CoilCourse` to its section of a dose."""

NEEDED = (
    "intensity.percent_mt", "intensity.threshold", "session.trains", "session.inter_train_interval_s",
    "session.train.bursts", "session.train.burst_rate_Hz", "session.train.burst.pulses",
    "session.train.burst.frequency_Hz",
)  # fmt: skip
NEEDED_OF_A_PHASE = ("days", "day.sessions", "day.session_interval_s")


def load_course(start: str) -> CoilCourse:
    """Return the course of a published protocol ("macmaster2019") or of a protocol.json ("course.json").

    Raises
    ------
    DataError
        No such protocol or file, or one of a technique without courses.
    ProtocolError
        A number that a course needs is missing, or contradicts another one.
    """
    if Path(start).suffix.lower() == FILE_ENDING:
        return _from_file(Path(start))
    return published_course(load_published(start))


def published_course(published: Published) -> CoilCourse:
    """Return the course of a published protocol.

    Raises
    ------
    DataError, ProtocolError
        As `load_course`.
    """
    whole = [each.name for each in published_protocols() if is_course(each)]
    way_out = (
        f"protocols that report a whole course: {', '.join(whole)}; or fill it in: assuage protocol new "
        f"{published.name} --out course.json, then name course.json as the course"
    )
    course = _course(published.name, dict(published.parts["dose"]), published.technique, published, way_out)
    about = f"{published.citation}; {published.population}"
    row = published.evidence_row or "none"
    return replace(course, given=f"published protocol {published.name}: {about}; row of the table of trials: {row}")


def is_course(published: Published) -> bool:
    """Say whether a published protocol reports all that a course of a coil needs."""
    return published.technique in COIL_COURSES and not _missing(published.parts["dose"], published.technique)


def _from_file(path: Path) -> CoilCourse:
    try:
        content = read_content(path)
    except OSError as error:
        raise DataError(f"cannot read the course {path}: {error.strerror}; name a protocol.json") from None
    dose = _without_nulls(content.get("dose") or {})
    technique = dose.get("technique")
    names = [entry.get("name") for entry in content.get("evidence") or () if isinstance(entry, Mapping)]
    known = {each.name: each for each in published_protocols() if each.technique == technique}
    published = next((known[name] for name in names if name in known), None)
    course = _course(str(path), dose, str(technique), published, "fill it in and plan again")
    digest = sha256(path.read_bytes()).hexdigest()
    said = f", started from published protocol {published.name}" if published else ""
    return replace(course, given=f"file {path.name}, sha256 {digest[:12]}{said}")


def _course(
    name: str, dose: Mapping[str, Any], technique: str, published: Published | None, way_out: str
) -> CoilCourse:
    if technique not in COIL_COURSES:
        raise DataError(
            f"course {name!r} is of technique {technique}, which has none in a plan; name one of "
            f"{', '.join(COIL_COURSES)}"
        )
    missing = _missing(dose, technique)
    if missing:
        raise ProtocolError(f"course {name!r} does not give {', '.join(missing)}; {way_out}")
    kept = {key: dose[key] for key in (*SECTIONS.values(), "stated") if key in dose}
    try:
        plan = TypeAdapter(CoilPlan).validate_python({"technique": technique, "pulse": {}, **kept})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ProtocolError(f"course {name!r}: {where}{': ' if where else ''}{first['msg']}") from None
    read = {} if published is None else published.parts["dose"]
    return CoilCourse(
        technique=technique,
        label=coil_course(technique).label,
        dose=plan,
        parts=MappingProxyType(
            {part: _origin(kept[section], read.get(section, {}), published) for part, section in SECTIONS.items()}
        ),
        published="" if published is None else published.name,
        notes=() if published is None else (*published.says, *published.derived),
    )


def _missing(dose: Mapping[str, Any], technique: str) -> tuple[str, ...]:
    """Return what a course needs and a dose does not give, as paths within the dose."""
    phases = (dose.get("course") or {}).get("phases") or [{}]
    calendar = [f"course.phases.{k}.{field}" for k in range(len(phases)) for field in NEEDED_OF_A_PHASE]
    return tuple(path for path in (*NEEDED, *calendar) if left_out({"dose": dose}, f"dose.{path}", technique))


def _origin(given: Any, read: Any, published: Published | None) -> Origin:
    """Say where a part comes from: the source, the user, or which numbers of it are whose."""
    if published is None:
        return Origin(source=USER, source_level="user")
    source = f"{published.citation} ({published.source})"
    theirs, ours = _leaves(read), _leaves(given)
    own = [path for path, value in ours.items() if theirs.get(path) != value]
    if not own:
        return Origin(source=source, source_level=published.source_level)
    if len(own) == len(ours):
        return Origin(source=f"{USER}: {', '.join(own)}", source_level="user")
    return Origin(source=f"{source}; {USER}: {', '.join(own)}", source_level=f"{published.source_level}, user")


def _leaves(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, Mapping):
        pairs = list(value.items())
    elif isinstance(value, list | tuple):
        pairs = [(str(k), each) for k, each in enumerate(value)]
    else:
        return {path: value}
    return {name: leaf for key, each in pairs for name, leaf in _leaves(each, f"{path}.{key}".lstrip(".")).items()}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value
