"""Where ECT electrodes go on one person's scalp: recipes of `data/ect_placements.toml`, walked along the skin.

A recipe starts at a landmark and walks a length along the scalp, as a tape is laid: in small steps along the tangent
plane, each brought back to the skin, the direction carried along. The landmarks:

| start | where |
|---|---|
| outer_canthus | beside and in front of the middle of the eye, on the skin |
| temple | the skin over the midpoint of outer canthus and preauricular point (at the tragus) |
| pupil | the skin straight in front of the middle of the eye |
| vertex | Cz |

`up` at the temple is at right angles to the line canthus-tragus, elsewhere towards the top of the head; `lateral` is
towards the side. The left side is the same recipe with left landmarks.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assuage.errors import PlanError
from assuage.sources import Disc, Electrode, Montage, Pad
from assuage.sources.skin import ScalpFrame
from assuage.techniques.excitation import read_table
from assuage.techniques.poses import nearest_sites
from assuage.techniques.scalp import Scalp, fiducial

Array = NDArray[np.float64]

STEP_MM = 1.0
"""Steps of a walk: on a head of 90 mm radius a chord of 1 mm is an arc of 1.000005 mm."""

UNVERIFIED = "from memory, unverified"
LANDMARKS = {
    "vertex": (),
    "pupil": ("pupil",),
    "outer_canthus": ("outer_canthus",),
    "temple": ("outer_canthus", "tragus"),
}
"""Landmarks of the table that each start of a recipe rests on."""

SIDES = {"left": ("LPA", -1.0), "right": ("RPA", 1.0)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Site:
    """One electrode of a placement.

    Attributes
    ----------
    label
        Point and side, for example "frontotemporal right".
    center_mm
        (3,) on the scalp.
    shape
        Its outline.
    words
        Where it goes, in the clinic's language.
    source, source_level
        Of the point.
    """

    label: str
    center_mm: Array
    shape: Disc | Pad
    words: str
    source: str
    source_level: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placement:
    """A placement of two electrodes on a scalp; the current enters at the first.

    Attributes
    ----------
    name, title
        Identifier, and what reports call it.
    sites
        The electrodes.
    unidirectional
        Whether all pulses have one sign.
    notes
        What rests on memory or an assumption.
    """

    name: str
    title: str
    sites: tuple[Site, Site]
    unidirectional: bool
    notes: tuple[str, ...]

    def montage(self, current_A: float) -> Montage:
        """Return the electrodes with a current that enters at the first and leaves at the second."""
        return Montage.of(
            Electrode(name=site.label, center_mm=_triple(site.center_mm), current_A=sign * current_A, shape=site.shape)
            for site, sign in zip(self.sites, (1.0, -1.0), strict=True)
        )

    @property
    def words(self) -> str:
        """Where both electrodes go."""
        return f"{self.title}: " + "; ".join(site.words for site in self.sites) + "."


def placement_names() -> tuple[str, ...]:
    """Return the placements of the table."""
    return tuple(row["name"] for row in _table()["placement"])


def ect_placement(scalp: Scalp, name: str) -> Placement:
    """Find the electrodes of a placement on a scalp.

    Raises
    ------
    PlanError
        An unknown placement.
    """
    rows = {row["name"]: row for row in _table()["placement"]}
    if name not in rows:
        raise PlanError(f"ECT placement {name!r} is unknown; placements: {', '.join(rows)}")
    row = rows[name]
    first, second = (_site(scalp, **entry) for entry in row["electrodes"])
    return Placement(
        name=name,
        title=row["title"],
        sites=(first, second),
        unidirectional=bool(row["unidirectional"]),
        notes=_notes(row),
    )


def walk(scalp: Scalp, start_mm: Array, direction: Array, length_mm: float) -> Array:
    """Return the scalp point (3,) at a length along the skin from a scalp point.

    Parameters
    ----------
    scalp
        The scalp.
    start_mm
        (3,) start.
    direction
        (3,) where to go; its part along the skin counts, and is carried along.
    length_mm
        Along the skin.
    """
    point, ahead = np.asarray(start_mm, dtype=np.float64), np.asarray(direction, dtype=np.float64)
    left_mm = length_mm
    while left_mm > 1e-9:
        normal = scalp.head.scalp.nearest(point[None])[1][0]
        ahead = ahead - (ahead @ normal) * normal
        length = float(np.linalg.norm(ahead))
        if length < 1e-6:
            raise PlanError(
                f"no way along the scalp from {np.round(point, 1)} mm in that direction; check the fiducials"
            )
        ahead = ahead / length
        following = scalp.project((point + min(STEP_MM, left_mm) * ahead)[None])[0]
        moved = float(np.linalg.norm(following - point))
        if moved < 0.1 * min(STEP_MM, left_mm):
            raise PlanError(f"the scalp ends at {np.round(point, 1)} mm, {left_mm:.0f} mm before the electrode's place")
        point, left_mm = following, left_mm - moved
    return point


def outer_canthus_mm(scalp: Scalp, side: str) -> Array:
    """Return the outer corner of the eye on the scalp, (3,) mm, estimated from the middle of the eye."""
    offsets = _table()["landmark"]["outer_canthus"]
    axes, sign = scalp.axes, SIDES[side][1]
    beside = _eye_mm(scalp, side) + sign * offsets["aside_mm"] * axes.right + offsets["forward_mm"] * axes.front
    return np.asarray(scalp.project(beside[None])[0])


def _eye_mm(scalp: Scalp, side: str) -> Array:
    left, right = scalp.eyes_mm
    return left if side == "left" else right


def _start(scalp: Scalp, start: str, side: str) -> tuple[Array, Array]:
    """Return where a recipe starts, (3,), and which way is up there, (3,)."""
    axes = scalp.axes
    if start == "vertex":
        return np.asarray(scalp.head.ten_ten_mm["Cz"]), axes.up
    if start == "pupil":
        before = _eye_mm(scalp, side) + _table()["landmark"]["pupil"]["forward_mm"] * axes.front
        return scalp.project(before[None])[0], axes.up
    canthus = outer_canthus_mm(scalp, side)
    if start == "outer_canthus":
        return canthus, axes.up
    if start != "temple":
        raise PlanError(f"ect_placements.toml: unknown start {start!r}")
    tragus = fiducial(scalp.head, SIDES[side][0])
    line = (tragus - canthus) / np.linalg.norm(tragus - canthus)
    middle = scalp.project(((canthus + tragus) / 2)[None])[0]
    return middle, axes.up - (axes.up @ line) * line


def _site(scalp: Scalp, *, point: str, side: str, electrode: str) -> Site:
    recipe, kind = _table()["point"][point], _table()["electrode"][electrode]
    start, up = _start(scalp, recipe["start"], side)
    lateral = SIDES[side][1] * scalp.axes.right
    center = walk(scalp, start, up if recipe["walk"] == "up" else lateral, float(recipe["distance_mm"]))
    label = f"{point} {side}"
    near = ", ".join(f"{name} at {mm:.0f} mm" for name, mm in nearest_sites(scalp.head, center, 2))
    where = recipe["says"].format(side=side, cm=f"{recipe['distance_mm'] / 10:g}")
    levels = {recipe["source_level"], kind["source_level"]}
    doubt = f" ({UNVERIFIED}: " + " and ".join(_doubts(recipe, kind)) + ")" if UNVERIFIED in levels else ""
    return Site(
        label=label,
        center_mm=center,
        shape=_shape(scalp, center, kind, label),
        words=f"{kind['says']} {where}, nearest 10-10 sites {near}{doubt}",
        source=recipe["source"],
        source_level=recipe["source_level"],
    )


def _doubts(recipe: dict[str, Any], kind: dict[str, Any]) -> list[str]:
    rows = (("the place", recipe), ("the size", kind))
    return [what for what, row in rows if row["source_level"] == UNVERIFIED]


def _shape(scalp: Scalp, center_mm: Array, kind: dict[str, Any], label: str) -> Disc | Pad:
    if "radius_mm" in kind:
        return Disc(float(kind["radius_mm"]))
    width, height = float(kind["lateral_mm"]), float(kind["frontal_mm"])
    frame = ScalpFrame.at(center_mm, scalp.head, reach_mm=float(np.hypot(width, height)) / 2, label=label)
    across, along = frame.axes[:2] @ scalp.axes.right
    return Pad(width, height, float(np.rad2deg(np.arctan2(along, across))))


def _notes(row: dict[str, Any]) -> tuple[str, ...]:
    """Return the source of every landmark, point and electrode that a placement uses."""
    table, found = _table(), {}
    for entry in row["electrodes"]:
        point, kind = table["point"][entry["point"]], table["electrode"][entry["electrode"]]
        for landmark in LANDMARKS[point["start"]]:
            found[landmark] = table["landmark"][landmark]
        found |= {entry["point"]: point, entry["electrode"]: kind}
    return tuple(f"{name.replace('_', ' ')}: {item['source']} ({item['source_level']})" for name, item in found.items())


def _triple(point: Array) -> tuple[float, float, float]:
    x, y, z = point.tolist()
    return x, y, z


@cache
def _table() -> dict[str, Any]:
    return read_table("ect_placements.toml")
