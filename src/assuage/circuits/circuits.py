"""The circuit table as records.

`data/circuits.csv` holds one region a line: its domain, side, what was reported about it and by whom, its centroid in
MNI space with the source of the centroid, and which techniques reach it in principle (reasoned from depth, not trial
evidence). A region without a centroid in the literature read stays without one: it is listed, never invented.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from assuage.errors import DataError

ALIASES = {
    "reward_feedback": "reward",
    "pain_processing": "pain",
    "impulse": "impulse_control",
    "emotion": "emotion_regulation",
}

COLUMNS = (
    "domain", "region", "hemisphere", "role", "region_named_by", "x", "y", "z", "centroid_source",
    "techniques_in_principle", "notes",
)  # fmt: skip

SURFACE = frozenset({"TMS", "TBS", "tDCS", "HD-tDCS", "tACS"})
"""Techniques that work from the scalp; the table names them bare where depth lets them reach the region directly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One region of a circuit.

    Attributes
    ----------
    name
        As in the table, for example "dorsolateral prefrontal cortex".
    hemisphere
        "L", "R" or "" where the source does not say or the region has none.
    role
        What was reported about it.
    named_by
        Identifiers of the studies that name it.
    mni_mm
        Centroid in MNI space, or None where no source gives one.
    source
        Where the centroid comes from.
    techniques_in_principle
        Techniques that reach it by depth alone, with their reservations.
    notes
        Reservations of the table.
    """

    name: str
    hemisphere: str
    role: str
    named_by: tuple[str, ...]
    mni_mm: tuple[float, float, float] | None
    source: str
    techniques_in_principle: tuple[str, ...]
    notes: str

    @property
    def label(self) -> str:
        """Name with its side, for example "amygdala L"."""
        return f"{self.name} {self.hemisphere}".strip()

    @property
    def key(self) -> str:
        """Identifier made of name and side, for example "amygdala_L"."""
        return "".join(c if c.isalnum() else "_" for c in self.label)

    @property
    def surface_in_principle(self) -> bool:
        """Whether the table names a surface technique for it without "indirect" or "weak"."""
        return any(entry in SURFACE for entry in self.techniques_in_principle)


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """A domain and its regions, in the order of the table."""

    domain: str
    regions: tuple[Region, ...]

    @property
    def located(self) -> tuple[Region, ...]:
        """Regions with a centroid."""
        return tuple(region for region in self.regions if region.mni_mm is not None)

    @property
    def without_centroid(self) -> tuple[Region, ...]:
        """Regions that no source read gives a centroid for."""
        return tuple(region for region in self.regions if region.mni_mm is None)

    @property
    def primary(self) -> Region:
        """First located region, in the order of the table, that a surface technique reaches in principle.

        The order is that of the table; it is not a ranking of evidence. A plan says which region it took and the user
        may name another.
        """
        for region in self.located:
            if region.surface_in_principle:
                return region
        raise DataError(
            f"circuit {self.domain!r} has no located region that a surface technique reaches; name a region"
        )

    def find(self, wanted: str) -> Region:
        """Return the region of that key, label or unambiguous name, upper or lower case.

        Raises
        ------
        DataError
            No such region, or a name that both sides share.
        """
        key = "".join(c if c.isalnum() else "_" for c in wanted).casefold()
        exact = [region for region in self.regions if region.key.casefold() == key]
        by_name = [region for region in self.regions if region.key.casefold().removesuffix(f"_{_side(region)}") == key]
        found = exact or by_name
        if len(found) == 1:
            return found[0]
        problem = "lies on both sides, name one" if found else "is unknown"
        raise DataError(
            f"region {wanted!r} of circuit {self.domain!r} {problem}; regions: "
            + ", ".join(region.label for region in self.regions)
        )


def circuit_names() -> tuple[str, ...]:
    """Return the domains of the table, in its order."""
    return tuple(_table())


def load_circuit(name: str) -> Circuit:
    """Return a circuit by its domain or an alias ("reward_feedback", "pain_processing").

    Raises
    ------
    DataError
        An unknown name; the message lists the known ones.
    """
    key = name.strip().lower().replace("-", "_").replace(" ", "_")
    key = ALIASES.get(key, key)
    if key not in _table():
        raise DataError(f"circuit {name!r} is unknown; circuits: {', '.join(_table())}")
    return _table()[key]


@cache
def _table() -> dict[str, Circuit]:
    text = files("assuage.circuits").joinpath("data/circuits.csv").read_text(encoding="utf-8")
    reader = csv.DictReader(text.splitlines())
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise DataError(f"circuits.csv has columns {reader.fieldnames}, expected {list(COLUMNS)}")
    regions: dict[str, list[Region]] = {}
    for row in reader:
        regions.setdefault(row["domain"], []).append(_region(row))
    return {domain: Circuit(domain=domain, regions=tuple(members)) for domain, members in regions.items()}


def _region(row: dict[str, str]) -> Region:
    xyz = [row[axis].strip() for axis in "xyz"]
    if any(xyz) and not (all(xyz) and row["centroid_source"]):
        raise DataError(f"circuits.csv: {row['region']} has the centroid {xyz} without all parts or without a source")
    return Region(
        name=row["region"],
        hemisphere=row["hemisphere"],
        role=row["role"],
        named_by=_split(row["region_named_by"]),
        mni_mm=(float(xyz[0]), float(xyz[1]), float(xyz[2])) if all(xyz) else None,
        source=row["centroid_source"],
        techniques_in_principle=_split(row["techniques_in_principle"]),
        notes=row["notes"],
    )


def _split(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(";") if part.strip())


def _side(region: Region) -> str:
    return region.hemisphere.casefold() or "-"
