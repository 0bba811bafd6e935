"""Published protocols, as far as they were read, to start one's own from.

`data/published.toml` holds parts of protocol.json with only what each source says. What a source could have said and
does not is named in `not_reported`; nothing is filled in for it. A protocol that starts from one is a draft: the user
supplies what is missing, and `read_protocol` refuses it until then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from assuage.errors import DataError
from assuage.protocols.mandatory import look_up, read_toml

PARTS = ("dose", "target", "blinding")
SINGLE_PULSES = frozenset({"rtms_1hz", "rtms_10hz"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One published protocol.

    Attributes
    ----------
    parts
        Parts of protocol.json: `dose`, `target`, `blinding`, with only what the source says.
    says
        What the source says that fits no field.
    derived
        Values that follow from others by arithmetic.
    evidence_row
        Identifier in the table of trials; "" where it is none of them.
    without_row
        Why there is none; "" where there is one.
    source, source_level
        Where it was read, and how far.
    not_reported
        Fields that the source, as read, does not give.
    """

    name: str
    technique: str
    citation: str
    year: int | None
    identifier: str
    population: str
    evidence_row: str
    without_row: str
    source: str
    source_level: str
    parts: Mapping[str, Any]
    says: tuple[str, ...]
    derived: tuple[str, ...]
    not_reported: tuple[str, ...]


def published_protocols() -> tuple[Published, ...]:
    """Return all published protocols, in the order of the table."""
    return tuple(_table().values())


def rows_not_taken() -> Mapping[str, str]:
    """Return the rows of the table of trials that are no published protocol here, each with the reason."""
    return MappingProxyType(read_toml("published.toml")["not_taken"])


def load_published(name: str) -> Published:
    """Return a published protocol by its name, for example "macmaster2019".

    Raises
    ------
    DataError
        No such name; the message lists the known ones.
    """
    key = name.strip().lower().replace("-", "_")
    if key not in _table():
        raise DataError(f"no published protocol {name!r}; known: {', '.join(_table())}")
    return _table()[key]


@cache
def _table() -> dict[str, Published]:
    raw = read_toml("published.toml")
    reportable = {
        technique: tuple(path for group in groups for path in raw["reportable"][group])
        for technique, groups in raw["reportable_of"].items()
    }
    return {name: _published(name, row, reportable) for name, row in raw["protocol"].items()}


def _published(name: str, row: dict[str, Any], reportable: Mapping[str, tuple[str, ...]]) -> Published:
    for field in ("technique", "citation", "population", "source", "source_level"):
        if not row.get(field):
            raise DataError(f"published.toml: {name} has no {field}")
    if bool(row.get("evidence_row")) == bool(row.get("without_row")):
        raise DataError(f"published.toml: {name} needs its evidence_row, or without_row to say why there is none")
    parts = {part: row.get(part, {}) for part in PARTS}
    technique = row["technique"]
    return Published(
        name=name,
        technique=technique,
        citation=row["citation"],
        year=row.get("year"),
        identifier=row.get("identifier", ""),
        population=row["population"],
        evidence_row=row.get("evidence_row", ""),
        without_row=row.get("without_row", ""),
        source=row["source"],
        source_level=row["source_level"],
        parts=MappingProxyType(parts),
        says=tuple(row.get("says", ())),
        derived=tuple(row.get("derived", ())),
        not_reported=tuple(path for path in reportable[technique] if left_out(parts, path, technique)),
    )


def left_out(parts: Mapping[str, Any], path: str, technique: str) -> bool:
    """Say whether a field is missing that could have been there.

    Parameters
    ----------
    parts, path
        Parts of protocol.json, and the dotted path of the field in them.
    technique
        Of the protocol.
    """
    if look_up(parts, path) is not None:
        return False
    single = path.endswith("burst.frequency_Hz") and technique in SINGLE_PULSES
    one_train = path.endswith("inter_train_interval_s") and look_up(parts, "dose.session.trains") == 1
    day, _, field = path.rpartition(".")
    one_session = field == "session_interval_s" and look_up(parts, f"{day}.sessions") == 1
    personal = path == "dose.frequency_Hz" and look_up(parts, "dose.frequency_rule") is not None
    return not (single or one_train or one_session or personal)
