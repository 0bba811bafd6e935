"""What a protocol of a technique cannot do without: the items that papers leave out most, as a table."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from assuage.errors import DataError

ADULT_AGE_YEARS = 18
COMBINED = "tdcs_rtms"


@dataclass(frozen=True, slots=True, kw_only=True)
class MandatoryItem:
    """One field that has to be answered."""

    path: str
    combined_path: str
    """Where the field stands in the combination of tDCS and rTMS."""
    techniques: frozenset[str]
    minors_only: bool
    why: str
    reported_percent: int | None
    """Share of published studies that reported it; None: not counted there."""

    def path_for(self, technique: str) -> str:
        """Return where the field stands for a technique."""
        return self.combined_path if technique == COMBINED else self.path


@cache
def mandatory_items() -> tuple[MandatoryItem, ...]:
    """Return the table.

    Raises
    ------
    DataError
        An item of an unknown group, or the table without a source.
    """
    table = read_toml("mandatory.toml")
    if not (table.get("source") and table.get("source_level")):
        raise DataError("mandatory.toml has no source or source_level")
    groups = table["groups"]
    unknown = {item["group"] for item in table["item"]} - set(groups)
    if unknown:
        raise DataError(f"mandatory.toml uses unknown groups: {', '.join(sorted(unknown))}")
    return tuple(
        MandatoryItem(
            path=item["path"],
            combined_path=item.get("in_combination", item["path"]),
            techniques=frozenset(groups[item["group"]]),
            minors_only=item.get("when") == "minor",
            why=item["why"],
            reported_percent=item.get("reported_percent"),
        )
        for item in table["item"]
    )


def missing_items(content: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return path and reason of every mandatory item that a protocol's content leaves out.

    Parameters
    ----------
    content
        A protocol as read from JSON, valid or not.
    """
    technique, age = look_up(content, "dose.technique"), look_up(content, "person.age_years")
    minor = isinstance(age, int | float) and age < ADULT_AGE_YEARS
    found = []
    for item in mandatory_items():
        path = item.path_for(str(technique))
        if (
            technique in item.techniques
            and (minor or not item.minors_only)
            and look_up(content, path) in (None, "", {})
        ):
            found.append((path, item.why))
    if look_up(content, "target.personalised") and not look_up(content, "target.rule"):
        found.append(("target.rule", "how a personalised target follows from the person's data"))
    places = ("target.subject_mm", "target.mni_mm", "target.coil_pose", "target.placement")
    if all(look_up(content, path) is None for path in places):
        found.append(("target.placement", "where: a coordinate, a coil pose, or words"))
    return tuple(dict(found).items())


def look_up(content: Any, path: str) -> Any:
    """Return the value at a dotted path with list indices; None where a part of it is missing."""
    for part in path.split("."):
        if isinstance(content, list | tuple):
            content = content[int(part)] if part.isdecimal() and int(part) < len(content) else None
        else:
            content = content.get(part) if isinstance(content, Mapping) else None
    return content


def read_toml(name: str) -> dict[str, Any]:
    """Return a data file of this stage."""
    return tomllib.loads(files("assuage.protocols").joinpath("data", name).read_text(encoding="utf-8"))
