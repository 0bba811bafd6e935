"""Who a scan is of, without keeping it: fields that name a person are hashed to be compared, and never written.

What is kept of a sidecar is a list of names of what the scanner did (`KEPT`); everything else is left behind, so that a
field that a later converter adds is not kept by accident.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from assuage.errors import DataError

KEPT = (
    "Modality",
    "Manufacturer",
    "ManufacturersModelName",
    "MagneticFieldStrength",
    "MRAcquisitionType",
    "SeriesNumber",
    "SeriesDescription",
    "ScanningSequence",
    "SequenceVariant",
    "PulseSequenceType",
    "ImageType",
    "EchoTime",
    "RepetitionTime",
    "InversionTime",
    "FlipAngle",
    "SliceThickness",
    "SpacingBetweenSlices",
    "PartialFourier",
    "ParallelReductionFactorInPlane",
    "PixelBandwidth",
    "NonlinearGradientCorrection",
    "ImageOrientationPatientDICOM",
    "ConversionSoftware",
    "ConversionSoftwareVersion",
)
"""Of a sidecar; names as BIDS and dcm2niix write them, times in s."""
FREE_TEXT = ("SeriesDescription",)
IDENTITY = {"PatientID": "patient ID", "PatientBirthDate": "date of birth", "PatientSex": "sex"}
DAY = "AcquisitionDateTime"
DAYS_PER_YEAR = 365.25
SHORTEST_NAME = 3
_SALT = secrets.token_bytes(16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Hashes of what names the person of a scan and its day, good for comparing within one run of the program.

    Attributes
    ----------
    name
        The scan, for messages.
    fields
        Field of the sidecar to its salted hash; what is not in the sidecar is left out.
    day
        Salted hash of the day of the scan, or None.
    """

    name: str
    fields: Mapping[str, str]
    day: str | None

    @classmethod
    def of(cls, name: str, sidecar: Mapping[str, Any]) -> "Identity":
        """Hash the fields of a sidecar that name a person."""
        fields = {key: _hash(sidecar[key]) for key in IDENTITY if str(sidecar.get(key, "")).strip()}
        day = str(sidecar.get(DAY, ""))[:10]
        return cls(name=name, fields=fields, day=_hash(day) if day else None)

    def differs_in(self, other: "Identity") -> list[str]:
        """Return the fields that both have and that are not the same, in words."""
        both = self.fields.keys() & other.fields.keys()
        return [words for key, words in IDENTITY.items() if key in both and self.fields[key] != other.fields[key]]


def refuse_two_people(first: Identity, second: Identity) -> str | None:
    """Refuse scans of two people; return a line where they are of one person but of different days.

    Raises
    ------
    DataError
        A field that names the person differs.
    """
    apart = first.differs_in(second)
    if apart:
        raise DataError(
            f"{first.name} and {second.name} are of two people: {', '.join(apart)} not the same; "
            "give scans of one person"
        )
    if first.day and second.day and first.day != second.day:
        return f"{first.name} and {second.name} were taken on different days; check that nothing changed in between"
    return None


def facts(sidecar: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the scanner did, without anything that names the person.

    A free text that holds a word of the person's name or ID is left out.
    """
    named = " ".join(str(sidecar.get(key, "")) for key in ("PatientName", "PatientID"))
    words = {word.lower() for word in re.split(r"[^\w]+|_", named) if len(word) >= SHORTEST_NAME}
    kept = {key: sidecar[key] for key in KEPT if key in sidecar}
    for key in FREE_TEXT:
        if any(word in str(kept.get(key, "")).lower() for word in words):
            del kept[key]
    return kept


def age_years(sidecar: Mapping[str, Any]) -> float | None:
    """Return the age at the scan in whole years, or None where birth or day are not in the sidecar."""
    try:
        born = date.fromisoformat(str(sidecar["PatientBirthDate"])[:10])
        taken = date.fromisoformat(str(sidecar[DAY])[:10])
    except (KeyError, ValueError):
        return None
    years = (taken - born).days / DAYS_PER_YEAR
    return float(int(years)) if 0 < years < 120 else None


def _hash(value: Any) -> str:
    return hashlib.sha256(_SALT + str(value).strip().encode()).hexdigest()
