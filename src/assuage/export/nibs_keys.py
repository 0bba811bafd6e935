"""Tables of NIBS-BIDS: what this package calls a quantity and what the draft calls its column, by one list of names."""

import csv
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from assuage.errors import DataError

Kind = Literal["nibs", "markers", "events"]
Row = Mapping[str, Any]

TABLE = "data/bids_nibs_keys_v63.toml"
MISSING = "n/a"
AXES = "xyz"
MOST_LAYERS = 6


@cache
def key_table() -> dict[str, Any]:
    """Return the table of names."""
    return tomllib.loads(files("assuage.export").joinpath(TABLE).read_text(encoding="utf-8"))


def draft_version() -> str:
    """Return the version of the draft whose names these are."""
    return str(key_table()["draft"]["version"])


def columns(kind: Kind) -> dict[str, tuple[str, ...]]:
    """Return, for every quantity of a table, its column and the other spellings that are read.

    Quantities of a layer carry its number ("pattern2_count"), vectors their axis ("coil_mm.x").
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, entry in key_table()[kind].items():
        spellings = (entry["key"], *entry.get("also", ()))
        if entry.get("vector"):
            found |= {f"{name}.{axis}": tuple(f"{key}_{axis}" for key in spellings) for axis in AXES}
        elif "{n}" in entry["key"]:
            layers = range(1, MOST_LAYERS + 1)
            found |= {
                name.replace("pattern", f"pattern{n}"): tuple(key.format(n=n) for key in spellings) for n in layers
            }
        else:
            found[name] = spellings
    return found


def write_table(path: Path, kind: Kind, rows: Sequence[Row]) -> list[str]:
    """Write rows, quantity to value, as a TSV with the draft's columns; what no row has is left out.

    Returns
    -------
    The quantities written, in order.
    """
    known = columns(kind)
    used = [name for name in known if any(row.get(name) is not None for row in rows)]
    unknown = {name for row in rows for name in row} - set(known)
    if unknown:  # a defect of the caller, not of any input
        raise AssertionError(f"{sorted(unknown)} are not in the table of {kind}")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, escapechar="\\")
        writer.writerow([known[name][0] for name in used])
        writer.writerows([[_cell(row.get(name)) for name in used] for row in rows])
    return used


def sidecar(kind: Kind, used: Iterable[str], units: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the description of every column that was written.

    Parameters
    ----------
    kind, used
        The table and its quantities.
    units
        Of quantities whose unit is not the same everywhere.
    """
    known, told = columns(kind), key_table()[kind]
    found: dict[str, Any] = {}
    for name in used:
        entry = told[_entry(name)]
        unit = (units or {}).get(name, entry.get("units"))
        found[known[name][0]] = {
            "Description": entry["description"],
            **({} if unit is None else {"Units": unit}),
            **({"Delimiter": entry["delimiter"]} if "delimiter" in entry else {}),
        }
    return found


def read_table(path: Path, kind: Kind) -> list[dict[str, str]]:
    """Read a table of the draft, this version's columns or the other spellings of its examples.

    Parameters
    ----------
    path
        `*_nibs.tsv`, `*_markers.tsv` or `*_events.tsv`.
    kind
        Which one.

    Returns
    -------
    Rows, quantity to text; "n/a" is left out. Columns that are not known keep their own name.

    Raises
    ------
    DataError
        No such file, no columns, or one quantity under two names.
    """
    names = {spelling: name for name, spellings in columns(kind).items() for spelling in spellings}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header, *rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as a table ({error}); give a TSV of NIBS-BIDS") from None
    heads = [names.get(column, column) for column in header]
    twice = sorted({name for name in heads if heads.count(name) > 1})
    if twice:
        raise DataError(f"{path} gives {', '.join(twice)} in two columns; keep one")
    return [
        {name: text for name, text in zip(heads, row, strict=False) if text not in {MISSING, ""}} for row in rows if row
    ]


def _entry(name: str) -> str:
    """Return the entry of a quantity: without its axis and without the number of its layer."""
    return re.sub(r"^pattern\d+", "pattern", name.partition(".")[0])


def _cell(value: Any) -> str:
    if value is None:
        return MISSING
    if isinstance(value, list | tuple):
        return "|".join(_cell(item) for item in value)
    if isinstance(value, float):
        return f"{value:.7g}"
    return " ".join(str(value).split())
