"""Tissue names and their conductivities, read from `data/conductivity.toml`.

Standard names: `white_matter grey_matter csf skull scalp eyes air`; also known: `skull_compact skull_spongy blood
muscle fat cartilage lesion`. Label 0 and the tissue `air` do not conduct. `lesion` has no default value on purpose.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import isfinite
from types import MappingProxyType

from assuage.errors import DataError, HeadError

AIR = "air"
STANDARD_NAMES = (
    "white_matter",
    "grey_matter",
    "csf",
    "skull",
    "scalp",
    "eyes",
    "air",
    "skull_compact",
    "skull_spongy",
    "blood",
    "muscle",
    "fat",
    "cartilage",
    "lesion",
)
BRAIN_NAMES = frozenset({"white_matter", "grey_matter", "lesion"})
SKULL_NAMES = frozenset({"skull", "skull_compact", "skull_spongy"})
SOFT_NAMES = frozenset({"scalp", "muscle", "fat", "cartilage", "eyes"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Conductivity:
    """One tissue's isotropic conductivity with its published range, S/m.

    `source_level` and `range_source_level` say how well the source of the value and of the range was checked.
    """

    value: float
    low: float
    high: float
    source: str
    source_level: str
    range_source: str
    range_source_level: str


@cache
def _table() -> Mapping[str, Conductivity]:
    text = files("assuage.head").joinpath("data/conductivity.toml").read_text(encoding="utf-8")
    table: dict[str, Conductivity] = {}
    for name, row in tomllib.loads(text).items():
        low, value, high = row["low_S_per_m"], row["value_S_per_m"], row["high_S_per_m"]
        if name not in STANDARD_NAMES or not 0 < low <= value <= high:
            raise DataError(
                f"conductivity.toml: {name} has low {low}, value {value}, high {high}; need 0 < low <= value <= high"
            )
        table[name] = Conductivity(
            value=value,
            low=low,
            high=high,
            source=row["source"],
            source_level=row["source_level"],
            range_source=row["range_source"],
            range_source_level=row["range_source_level"],
        )
    return MappingProxyType(table)


def conductivities() -> dict[str, Conductivity]:
    """Return the default conductivity, range and source of every tissue that has one."""
    return dict(_table())


def resolve_conductivities(
    names: Iterable[str], given_S_per_m: Mapping[str, float] | None, *, in_use: Iterable[str]
) -> dict[str, float]:
    """Return the conductivity of each tissue, given values before defaults.

    Parameters
    ----------
    names
        Tissue names of the head; `air` is left out of the result.
    given_S_per_m
        Values by tissue name, S/m; they override the defaults.
    in_use
        The names that have at least one voxel: these must have a value.

    Raises
    ------
    HeadError
        An unknown tissue in `given_S_per_m`, a value that is not positive and finite, or a tissue without a value.
    """
    wanted = dict.fromkeys(name for name in names if name != AIR)
    given = dict(given_S_per_m or {})
    unknown = [name for name in given if name not in wanted and name not in STANDARD_NAMES]
    if unknown:
        raise HeadError(
            f"conductivity given for {', '.join(map(repr, unknown))}, which is no tissue of this head; "
            f"its tissues are {', '.join(wanted)}"
        )
    for name, value in given.items():
        if name == AIR and value == 0:
            continue
        if name == AIR:
            raise HeadError(f"conductivity of air is {value} S/m; air does not conduct: name the tissue differently")
        if not (isfinite(value) and value > 0):
            raise HeadError(f"conductivity of {name} is {value} S/m; give a positive number, or name the tissue 'air'")
    defaults = _table()
    missing = sorted(name for name in set(in_use) & set(wanted) if name not in given and name not in defaults)
    if missing:
        raise HeadError(
            f"no known conductivity for {', '.join(map(repr, missing))}; pass "
            f"conductivity_S_per_m={{{missing[0]!r}: value}} or use a standard name: {', '.join(STANDARD_NAMES)}"
        )
    return {
        name: float(given[name]) if name in given else defaults[name].value
        for name in wanted
        if name in given or name in defaults
    }
