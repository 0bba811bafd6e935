"""Electrode caps: CSV tables of named places, one line each.

    Electrode | ReferenceElectrode, x, y, z [, yx, yy, yz], name [, more]
    Fiducial | Generic, x, y, z, name

Coordinates are mm in the world that the table was made for. A first row whose second cell is no number is a heading.
"""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assuage.errors import NavigatorError
from assuage.head.ten_ten import ALIASES

Float = NDArray[np.float64]

ELECTRODES = {"electrode", "referenceelectrode"}
PLACES = {"fiducial", "generic"}
SIZE_MM = (50.0, 1000.0)
"""A cap spans a head: less is another unit, as is more."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cap:
    """The places of a cap, mm.

    Attributes
    ----------
    electrodes_mm
        Name as written to (3,); reference electrodes are among them.
    references
        Names of the reference electrodes.
    places_mm
        Fiducials and other named places.
    notes
        Lines of a kind that is not known, and how many.
    """

    electrodes_mm: Mapping[str, Float]
    references: tuple[str, ...]
    places_mm: Mapping[str, Float]
    notes: tuple[str, ...]

    def site(self, name: str) -> Float:
        """Return an electrode, (3,) mm, by its name or by the old or new name of the same site (T3 and T7).

        Raises
        ------
        NavigatorError
            The cap has no such electrode. Capitals count: a cap may hold both "Fz" and "FZ".
        """
        for known in (name, OTHER_NAME.get(name, name)):
            if known in self.electrodes_mm:
                return self.electrodes_mm[known]
        raise NavigatorError(
            f"the cap has no electrode {name!r}; it has {', '.join(list(self.electrodes_mm)[:8])} and so on"
        )


OTHER_NAME = {old.upper(): new for old, new in ALIASES.items()} | {new: old.upper() for old, new in ALIASES.items()}


def read_cap(path: str | Path) -> Cap:
    """Read a cap.

    Raises
    ------
    NavigatorError
        Not readable, a broken row, an electrode twice, none at all, or a size that no head has.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = [(number, [cell.strip() for cell in row]) for number, row in enumerate(csv.reader(stream), 1) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise NavigatorError(f"{path} cannot be read as a table ({error}); give a CSV file of electrodes") from None
    if rows and (len(rows[0][1]) < 2 or _number(rows[0][1][1]) is None):
        rows = rows[1:]
    electrodes: dict[str, Float] = {}
    places: dict[str, Float] = {}
    references: list[str] = []
    unknown: dict[str, int] = {}
    for number, row in rows:
        kind = row[0].lower()
        if kind not in ELECTRODES | PLACES:
            unknown[row[0]] = unknown.get(row[0], 0) + 1
            continue
        name, place = _named(row, f"{path.name} line {number}")
        found = electrodes if kind in ELECTRODES else places
        if name in found:
            raise NavigatorError(f"{path.name} line {number}: {name!r} is there twice; remove one")
        found[name] = place
        if kind == "referenceelectrode":
            references.append(name)
    _require_head_size(path, [*electrodes.values(), *places.values()])
    return Cap(
        electrodes_mm=electrodes,
        references=tuple(references),
        places_mm=places,
        notes=tuple(f"{count} lines of kind {kind!r} were left out" for kind, count in unknown.items()),
    )


def _named(row: list[str], where: str) -> tuple[str, Float]:
    """Return name and position of a row; three more numbers before the name are a direction and not needed."""
    numbers = [_number(cell) for cell in row[1:7]]
    column = 7 if len(numbers) == 6 and None not in numbers else 4
    if len(row) <= column or None in numbers[:3] or not row[column]:
        raise NavigatorError(f"{where} is not KIND,x,y,z,NAME with numbers in mm: {','.join(row)!r}; correct it")
    return row[column], np.array(numbers[:3], dtype=np.float64)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _require_head_size(path: Path, positions: list[Float]) -> None:
    if not positions:
        raise NavigatorError(f"{path.name} holds no electrode; give lines such as Electrode,-49.1,52.5,39.3,F3")
    extent = float(np.linalg.norm(np.ptp(np.array(positions), axis=0)))
    if len(positions) > 3 and not SIZE_MM[0] <= extent <= SIZE_MM[1]:
        raise NavigatorError(f"{path.name}: the places span {extent:.3g} mm, and no head does; write millimetres")
