"""Published ranges by age: a range holds for the ages that were measured, and for no other."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

SKULL = "skull_thickness"
OLDEST_YEARS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A published range with its source and the ages that were measured, from the first up to below the second."""

    low: float
    high: float
    ages_years: tuple[float, float]
    source: str
    source_level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Norm:
    """What is known of a figure at an age.

    Attributes
    ----------
    reference
        The range that holds, None where none with a source covers the age.
    says
        In words: that the range is an adult's where the age is unknown, or what is known in place of a range.
    source, source_level
        Of what the words say beyond the absence of a range; else empty.
    """

    reference: Reference | None
    says: str = ""
    source: str = ""
    source_level: str = ""


def parts_of() -> Mapping[str, tuple[str, ...]]:
    """Return the compartments with a cited range, each with the tissues that it is made of."""
    return {name: tuple(row["parts"]) for name, row in _table()["volume_ml"].items()}


def norm(name: str, age_years: float | None) -> Norm:
    """Return what is known of a figure at an age.

    Parameters
    ----------
    name
        A compartment of `parts_of`, or `SKULL`.
    age_years
        None if unknown: then the adults' range is shown, and said to be theirs.
    """
    row = _table()["skull_thickness_mm"] if name == SKULL else _table()["volume_ml"][name]
    low, high = (float(age) for age in row["ages_years"])
    found = Reference(
        low=float(row["low"]),
        high=float(row["high"]),
        ages_years=(low, high),
        source=row["source"],
        source_level=row["source_level"],
    )
    if age_years is None:
        return Norm(reference=found, says="age not known: the range is that of adults")
    if low <= age_years < high:
        return Norm(reference=found)
    none = (
        f"no range with a source for age {age_years:g} (that of adults of {_ages(low, high)}, {found.low:g} to "
        f"{found.high:g} {'mm' if name == SKULL else 'ml'}, was measured on others)"
    )
    known = [
        entry
        for entry in _table()["other_ages"].get(name, ())
        if entry["ages_years"][0] <= age_years < entry["ages_years"][1]
    ]
    return Norm(
        reference=None,
        says=". ".join([none, *(entry["says"].rstrip(".") for entry in known)]),
        source="; ".join(f"{entry['source']}" for entry in known),
        source_level="; ".join(dict.fromkeys(entry["source_level"] for entry in known)),
    )


def _ages(low: float, high: float) -> str:
    return f"{low:g} and older" if high >= OLDEST_YEARS else f"{low:g} to {high - 1:g} years"


@cache
def _table() -> Mapping[str, Any]:
    text = files("assuage.head").joinpath("data/age_reference.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))
