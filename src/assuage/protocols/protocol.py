"""`protocol.json`: one technique, one person or study, everything that has to be known before a session.

`docs/protocol_json.md` explains the fields, `docs/protocol.schema.json` is the JSON Schema. A protocol that contradicts
itself or leaves out a mandatory item cannot be built: reading it names everything that is wrong in one error.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError, field_validator, model_validator

from assuage.errors import ProtocolError
from assuage.protocols.coil import CoilPlan, Intensity
from assuage.protocols.combined import TdcsRtmsPlan
from assuage.protocols.electrodes import TesPlan, TiPlan
from assuage.protocols.exact import Exact, require, show
from assuage.protocols.implanted import DbsPlan
from assuage.protocols.mandatory import missing_items
from assuage.protocols.records import (
    Blinding,
    Conditions,
    Consent,
    Device,
    EvidenceRef,
    Fidelity,
    Header,
    Person,
    Record,
    Safety,
    TargetPlan,
    Text,
    Threshold,
)
from assuage.protocols.seizure import EctPlan, MstPlan

SCHEMA_VERSION = "1.0"
"""The first part rises when a reader of the old form would misread the new one, the second when fields are added."""

DISCLAIMER = "Research planning aid, not a medical device."

KNOB_STEP_PERCENT = 1
"""Stimulators are set in whole percent of their output."""

DosePlan = Annotated[
    CoilPlan | TesPlan | TiPlan | EctPlan | MstPlan | DbsPlan | TdcsRtmsPlan, Field(discriminator="technique")
]


class Protocol(Record):
    """The whole of protocol.json."""

    schema_version: str = SCHEMA_VERSION
    """Of this file format."""
    header: Header
    """What this is."""
    person: Person
    """For whom."""
    consent: Consent = Consent()
    """Consent, assent, support."""
    device: Device
    """With what."""
    target: TargetPlan
    """Where."""
    threshold: Threshold | None = None
    """Coil techniques: how the motor threshold is found."""
    dose: DosePlan
    """How much; one form per technique."""
    conditions: Conditions = Conditions()
    """Under which conditions."""
    safety: Safety = Safety()
    """Screening and protection."""
    blinding: Blinding
    """Who knows what."""
    fidelity: Fidelity = Fidelity()
    """How exactly."""
    evidence: tuple[EvidenceRef, ...] = ()
    """Published studies that it starts from."""
    notes: tuple[Text, ...] = ()
    """Anything else."""

    @field_validator("schema_version")
    @classmethod
    def _known_version(cls, version: str) -> str:
        known = SCHEMA_VERSION.split(".", maxsplit=1)[0]
        require(
            version.split(".", maxsplit=1)[0] == known,
            f"the file has schema_version {version!r}; this version of assuage reads {known}.x",
        )
        return version

    @model_validator(mode="after")
    def _complete_and_consistent(self) -> "Protocol":
        missing = missing_items(self.model_dump())
        require(not missing, _missing_sentence(list(missing)))
        _check_threshold(self)
        if isinstance(self.dose, TdcsRtmsPlan):
            _check_under_coil(self.dose, self.target)
        return self

    @property
    def technique(self) -> str:
        """Name of the technique."""
        return self.dose.technique

    @property
    def sha256(self) -> str:
        """Hash of the content: the same for any order of keys, layout of the file, or spelling of a number."""
        return hashlib.sha256(canonical_json(self).encode("utf-8")).hexdigest()


def canonical_json(protocol: Protocol) -> str:
    """Return the content as JSON with sorted keys, no blanks, and one spelling for every number."""
    content = _one_spelling(protocol.model_dump(mode="json", exclude_none=True))
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def read_content(path: Path) -> dict[str, Any]:
    """Read the JSON object of a protocol.json, complete or not.

    Raises
    ------
    ProtocolError
        Not JSON, or no JSON object.
    FileNotFoundError
        No such file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except ProtocolError as error:
        raise ProtocolError(f"{path}: {error}") from None
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"{path} is not JSON ({error}); start one with: assuage protocol new") from None
    if not isinstance(content, dict):
        raise ProtocolError(f"{path}: a protocol is a JSON object, got {type(content).__name__}")
    return content


def read_protocol(path: Path | str) -> Protocol:
    """Read a protocol.json.

    Raises
    ------
    ProtocolError
        Not JSON, or a protocol that is incomplete or contradicts itself; the message names every problem.
    FileNotFoundError
        No such file.
    """
    content = read_content(Path(path))
    try:
        return from_content(content)
    except ProtocolError as error:
        raise ProtocolError(f"{path}: {error}") from None


def from_content(content: Any) -> Protocol:
    """Return the protocol that a parsed JSON document describes; a `$schema` entry is ignored.

    Raises
    ------
    ProtocolError
        It names every problem at once: what is missing, and what is wrong with its value.
    """
    if not isinstance(content, Mapping):
        raise ProtocolError(f"a protocol is a JSON object, got {type(content).__name__}")
    cleaned = {key: value for key, value in content.items() if key != "$schema"}
    try:
        return Protocol.model_validate(cleaned)
    except ValidationError as error:
        raise ProtocolError(_problems(error, cleaned)) from None


def write_protocol(protocol: Protocol, path: Path | str) -> Path:
    """Write a protocol as JSON; the file appears whole or not at all.

    Returns
    -------
    The path.
    """
    return write_whole(path, protocol.model_dump_json(indent=2, exclude_none=True) + "\n")


def write_whole(path: Path | str, text: str) -> Path:
    """Write a text file that appears whole or not at all."""
    out = Path(path)
    scratch = out.with_name(f".{out.name}.partial")
    try:
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(out)
    finally:
        scratch.unlink(missing_ok=True)
    return out


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of protocol.json."""
    schema = TypeAdapter(Protocol).json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def coil_intensity(protocol: Protocol) -> Intensity | None:
    """Return the intensity of the coil part; None where there is no coil."""
    dose = protocol.dose.rtms if isinstance(protocol.dose, TdcsRtmsPlan) else protocol.dose
    return dose.intensity if isinstance(dose, CoilPlan | MstPlan) else None


def planned_percent_mso(protocol: Protocol) -> Exact | None:
    """Return the stimulator setting: as given, or threshold times percent of threshold; None until it is measured."""
    intensity, threshold = coil_intensity(protocol), protocol.threshold
    if intensity is None:
        return None
    if intensity.percent_mso is not None or intensity.percent_mt is None:
        return intensity.percent_mso
    if threshold is None or threshold.percent_mso is None:
        return None
    return intensity.percent_mt * threshold.percent_mso / 100


def _check_threshold(protocol: Protocol) -> None:
    """Hold the intensity against the motor threshold it refers to."""
    intensity, threshold = coil_intensity(protocol), protocol.threshold
    if intensity is None or threshold is None:
        return
    state = {"resting": "rest", "active": "isometric contraction"}.get(intensity.threshold or "", threshold.state)
    require(
        threshold.state == state,
        f"the intensity refers to the {intensity.threshold} motor threshold, but threshold.state is "
        f"{threshold.state!r}; "
        "correct one of them",
    )
    if intensity.percent_mt is not None and threshold.percent_mso is not None:
        setting = intensity.percent_mt * threshold.percent_mso / 100
        said = f"{show(intensity.percent_mt)} % of a threshold of {show(threshold.percent_mso)} % output"
        require(setting <= 100, f"{said} is {show(setting)} %, more than the stimulator gives; it cannot be delivered")
        stated = intensity.percent_mso
        require(
            stated is None or abs(stated - setting) <= KNOB_STEP_PERCENT / 2,
            f"{said} is {show(setting)} %, but percent_mso is {show(stated or 0)}; correct one of them",
        )
    by_threshold_only = intensity.percent_mt is not None and intensity.didt_A_per_s is None
    require(
        intensity.expected_V_per_m is None or not by_threshold_only or threshold.pose is not None,
        "expected_V_per_m follows from a percentage of the motor threshold only with the pose at which the threshold "
        "was "
        "measured; give threshold.pose, or didt_A_per_s with its source",
    )


def _check_under_coil(dose: TdcsRtmsPlan, target: TargetPlan) -> None:
    """Refuse electrodes under the coil, or a plan that cannot tell, unless it says why."""
    if not dose.electrodes_stay_on or dose.under_coil_reason:
        return
    unplaced = [electrode.name for electrode in dose.tdcs.electrodes if electrode.center_mm is None]
    known = target.coil_pose is not None and dose.footprint is not None and not unplaced
    require(
        known,
        "the electrodes stay on during rTMS, but whether one lies under the coil cannot be told: give "
        "target.coil_pose, "
        "dose.footprint and center_mm of every electrode, take the electrodes off, or say in dose.under_coil_reason "
        "why not",
    )
    covered = dose.under_coil(target.coil_pose)
    listing = ", ".join(f"{found.electrode} ({found.overlap_mm:.0f} mm)" for found in covered)
    require(
        not covered,
        f"the coil covers {listing}; take the electrodes off during rTMS, move one of the two, or say in "
        "dose.under_coil_reason why it is intended",
    )


QUOTE = "'"
"""Around names in the messages of pydantic."""


def _problems(error: ValidationError, content: Mapping[str, Any]) -> str:
    """Return everything that is wrong, in one sentence per kind."""
    missing: dict[str, str] = {}
    wrong = []
    for item in error.errors(include_url=False):
        tags = [str(part) for part in item["loc"]]
        if tags[:1] == ["dose"] and len(tags) > 1:
            del tags[1]
        path = ".".join(tags)
        if item["type"] == "value_error" and not path:
            wrong.append(str(item["ctx"]["error"]))
        elif item["type"] in {"missing", "missing_keyword_only_argument"} or item["input"] is None:
            missing[path] = ""
        elif item["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
            wrong.append(f"{path} is not a field; see docs/protocol_json.md")
        elif item["type"] == "value_error":
            wrong.append(f"{path}: {item['ctx']['error']}")
        elif item["type"] == "union_tag_not_found":
            missing[f"{path}.{item['ctx']['discriminator'].strip(QUOTE)}"] = ""
        elif item["type"] == "union_tag_invalid":
            name = item["ctx"]["discriminator"].strip(QUOTE)
            known = item["ctx"]["expected_tags"].replace(QUOTE, "")
            wrong.append(f"{path}.{name} {item['ctx']['tag']!r} is not known; known: {known}")
        else:
            wrong.append(f"{path}: {item['msg'][:1].lower()}{item['msg'][1:]}, got {_short(item['input'])}")
    if any(item["loc"] for item in error.errors()):
        missing |= {
            path: why for path, why in missing_items(content) if not any(path.startswith(f"{m}.") for m in missing)
        }
    return "; ".join([_missing_sentence(list(missing.items()))] * bool(missing) + wrong)


def _missing_sentence(missing: list[tuple[str, str]]) -> str:
    named = ", ".join(f"{path} ({why})" if why else path for path, why in missing)
    return f"{len(missing)} item(s) that have to be known are missing: {named}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _one_spelling(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _one_spelling(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_one_spelling(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands twice: the file would say two things, and one would be lost."""
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = sorted({key for key, _ in pairs if sum(key == other for other, _ in pairs) > 1})
        raise ProtocolError(f"the file gives {', '.join(twice)} twice in one object; keep one of them")
    return found


def _no_constant(name: str) -> Any:
    raise ProtocolError(f"the file holds {name}, which is no number; leave the field out")
