"""The question: whose connectivity, searched where, with which sign. Seeds and regions come from the circuit table."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from assuage.circuits import Circuit, Region, load_circuit
from assuage.errors import DataError

SEED_RADIUS_MM = 10.0
SEARCH_RADIUS_MM = 20.0
"""Working choices, written into every result; seeds and search regions of about this size are usual."""

Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A ball in MNI space with where its centre comes from."""

    label: str
    mni_mm: Point
    radius_mm: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of a recording.

    Attributes
    ----------
    circuit
        Domain of the circuit table.
    seed, region
        Where the signal is taken, and where the target is searched; the centre of `region` is the group target.
    polarity
        +1: most correlated with the seed; -1: most anticorrelated.
    rivals
        Other located regions of the circuit, which the method `network` sets against the seed.
    why, source, source_level
        Reason for the pair, and what was read of its source.
    """

    circuit: str
    seed: Place
    region: Place
    polarity: int
    rivals: tuple[Place, ...]
    why: str
    source: str
    source_level: str


def question(
    circuit: str,
    *,
    seed: str | Point | None = None,
    region: str | None = None,
    polarity: int | None = None,
    seed_radius_mm: float = SEED_RADIUS_MM,
    search_radius_mm: float = SEARCH_RADIUS_MM,
) -> Question:
    """Make the question for a circuit; what is not named is the circuit's own pair.

    Parameters
    ----------
    circuit
        Domain or alias, see `assuage circuits`.
    seed
        A region of the circuit, a short name such as "sgACC", or MNI mm.
    region
        A region of the circuit, or a short name such as "dlPFC_L".
    polarity
        +1 or -1. Needed with another seed than the circuit's, for its sign is not known.

    Raises
    ------
    DataError
        Unknown names, a region without a centroid, or a sign that is not known.
    """
    table, pairs = load_circuit(circuit), _pairs()
    pair = pairs[table.domain]
    own = seed is None or (isinstance(seed, str) and _find(table, seed) is _find(table, pair["seed"]))
    if polarity is None and not own:
        raise DataError(f"the wanted sign for seed {seed!r} is not known; add --polarity + or --polarity -")
    if polarity not in {None, 1, -1}:
        raise DataError(f"polarity {polarity!r} is no sign; give 1 or -1")
    for name, radius in (("seed", seed_radius_mm), ("search region", search_radius_mm)):
        if not 2 <= radius <= 60:
            raise DataError(f"radius {radius:g} mm of the {name}; give 2 to 60 mm")
    wanted = _find(table, region or pair["region"])
    searched = _place(wanted, search_radius_mm)
    if isinstance(seed, tuple):
        source = Place(label="given seed", mni_mm=seed, radius_mm=seed_radius_mm, source="given by the user")
    else:
        source = _place(_find(table, seed or pair["seed"]), seed_radius_mm)
    if source.mni_mm == searched.mni_mm:
        raise DataError(f"seed and search region are both {searched.label}; name two different ones")
    taken = {source.mni_mm, searched.mni_mm}
    usual = own and wanted is _find(table, pair["region"]) and polarity in {None, pair["polarity"]}
    return Question(
        circuit=table.domain,
        seed=source,
        region=searched,
        polarity=polarity or int(pair["polarity"]),
        rivals=tuple(_place(r, seed_radius_mm) for r in table.located if r.mni_mm not in taken),
        why=pair["why"] if usual else "chosen by the user",
        source=pair["source"] if usual else "",
        source_level=pair["source_level"] if usual else "none",
    )


def _find(circuit: Circuit, name: str) -> Region:
    aliases: dict[str, str] = _pairs()["aliases"]
    bare, _, side = name.replace(" ", "_").rpartition("_")
    if name.casefold() in aliases:
        name = aliases[name.casefold()]
    elif bare.casefold() in aliases:
        name = f"{aliases[bare.casefold()]} {side}"
    return circuit.find(name)


def _place(region: Region, radius_mm: float) -> Place:
    if region.mni_mm is None:
        raise DataError(f"region {region.label!r} has no centroid in the literature read; name another, or give MNI mm")
    return Place(label=region.label, mni_mm=region.mni_mm, radius_mm=radius_mm, source=region.source)


@cache
def _pairs() -> dict[str, Any]:
    return tomllib.loads(files("assuage.connectivity").joinpath("data/pairs.toml").read_text(encoding="utf-8"))
