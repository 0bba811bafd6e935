"""Leads for deep brain stimulation: their contacts, and where these lie once the lead is placed.

Frame of a lead: the origin is the outermost point of the tip, z runs up the shaft, x is the direction of the marker,
towards which the first segment of every level faces; angles about z are right-handed. The tip is a hemisphere. The
face of a contact is the part of the lead's surface between two planes across the axis and, for a segment, between two
half-planes through it. With diameter d and length L (a hemisphere has the face of a cylinder of length d/2):

    ring, tip    pi d L                 segment    pi d L arc/360
"""

import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assuage.errors import DataError, SourceError
from assuage.units import M2_PER_CM2, M_PER_MM

Float = NDArray[np.float64]
Kind = Literal["ring", "tip", "segment"]

OUTSIDE, BODY, ENCAPSULATION = 0, 1, 2
"""What `Lead.part_at` calls points."""
AREA_TOLERANCE = 0.01
"""Of the listed areas, which have three figures."""
STATED_AREA_TOLERANCE = 0.03
"""Of an area that a protocol states: makers round to two figures; ring and segment of a lead differ fourfold."""
UNIT_TOLERANCE = 1e-3
"""A direction whose length differs from 1 by more than this is refused."""
SURFACE_STEP_MM = 0.1
"""Spacing of the points that stand for the face of a contact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadContact:
    """One contact.

    Attributes
    ----------
    label
        Level from the tip, 1 onwards, and a letter for segments: "1", "2a", "2b", "2c", ...
    kind
        "ring", "tip" or "segment".
    from_mm, to_mm
        Along the axis from the outermost point of the tip.
    angle_deg, arc_deg
        Middle of the arc from the marker, and its width (360 all around).
    area_m2
        Of the outer face.
    """

    label: str
    kind: Kind
    from_mm: float
    to_mm: float
    angle_deg: float
    arc_deg: float
    area_m2: float

    @property
    def level(self) -> int:
        """Number of the level, from the tip, 1 onwards."""
        return int(self.label.rstrip("abc"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """A model of lead.

    Attributes
    ----------
    name
        As in the library.
    diameter_mm
        Of the shaft and the contacts.
    contacts
        From the tip upwards.
    source, source_level
        Where the dimensions were read and how well; areas follow from them.
    note
        What a reader must know about them, or "".
    """

    name: str
    diameter_mm: float
    contacts: tuple[LeadContact, ...]
    source: str
    source_level: str
    note: str = ""

    @classmethod
    def load(cls, name: str) -> "Lead":
        """Return a lead of the library.

        Raises
        ------
        SourceError
            No such lead; the nearest names are shown.
        """
        known = _library()
        if name in known:
            return known[name]
        folded = {key.casefold(): key for key in known}
        if name.casefold() in folded:
            return known[folded[name.casefold()]]
        close = get_close_matches(name.casefold(), folded, n=3, cutoff=0.4)
        alike = ", ".join(folded[key] for key in close) or ", ".join(known)
        raise SourceError(f"no lead {name!r}; nearest: {alike}")

    @property
    def radius_mm(self) -> float:
        """Half the diameter."""
        return self.diameter_mm / 2

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the contacts, from the tip upwards."""
        return tuple(contact.label for contact in self.contacts)

    @property
    def levels(self) -> int:
        """Number of levels."""
        return self.contacts[-1].level

    @property
    def gap_mm(self) -> float:
        """Shortest distance between two contacts; infinite with a single one."""
        spans = sorted({(contact.from_mm, contact.to_mm) for contact in self.contacts})
        gaps = [after[0] - before[1] for before, after in pairwise(spans)]
        for contact, following in pairwise(self.contacts):
            if contact.kind == "segment" and following.level == contact.level:
                apart = abs(following.angle_deg - contact.angle_deg) - contact.arc_deg
                gaps.append(self.diameter_mm * math.sin(math.radians(apart) / 2))
        return min(gaps, default=math.inf)

    def index(self, label: str) -> int:
        """Return the place of a contact in `contacts`.

        Raises
        ------
        SourceError
            No such contact on this lead.
        """
        if label not in self.labels:
            raise SourceError(f"lead {self.name!r} has no contact {label!r}; it has {', '.join(self.labels)}")
        return self.labels.index(label)

    def require_contacts(self, area_m2: Mapping[str, float | None]) -> None:
        """Refuse contacts that this lead cannot have: the settings are another lead's, or in another unit.

        Labels are held against the lead only by their letters, since makers count from 0 or from 1.

        Parameters
        ----------
        area_m2
            Label to area, None where it is not stated; without the housing.

        Raises
        ------
        SourceError
            More contacts than the lead has, a segment on a lead of rings, or an area of none of its contacts.
        """
        way_out = "name the lead that is implanted"
        if len(area_m2) > len(self.contacts):
            raise SourceError(f"{len(area_m2)} contacts, but lead {self.name!r} has {len(self.contacts)}; {way_out}")
        segmented = any(contact.kind == "segment" for contact in self.contacts)
        for label, area in area_m2.items():
            if label[-1].isalpha() and label[:-1].isdigit() and not segmented:
                raise SourceError(f"contact {label!r} is a segment, but lead {self.name!r} has rings only; {way_out}")
            kinds = sorted({contact.area_m2 for contact in self.contacts})
            if area is not None and not any(abs(area / kind - 1) < STATED_AREA_TOLERANCE for kind in kinds):
                has = " or ".join(f"{kind:.3g}" for kind in kinds)
                raise SourceError(
                    f"contact {label!r} has {area:.3g} m2, but a contact of lead {self.name!r} has {has} m2; "
                    f"{way_out}, and areas in m2"
                )

    def level_center_mm(self, level: int) -> float:
        """Return the middle of a level along the axis, mm from the tip."""
        spans = [(contact.from_mm, contact.to_mm) for contact in self.contacts if contact.level == level]
        if not spans:
            raise SourceError(f"lead {self.name!r} has levels 1 to {self.levels}, not {level}")
        return (spans[0][0] + spans[0][1]) / 2

    def part_at(self, points_mm: Float, *, encapsulation_mm: float = 0.0) -> NDArray[np.uint8]:
        """Say where points lie: OUTSIDE, in the BODY of the lead, or in the ENCAPSULATION around it.

        Parameters
        ----------
        points_mm
            (n, 3) in the frame of the lead.
        encapsulation_mm
            Thickness of the layer around the whole lead.
        """
        x, y, z = points_mm.T
        R = self.radius_mm
        distance = np.hypot(np.hypot(x, y), np.minimum(z - R, 0.0))
        part = np.where(distance < R, BODY, np.where(distance < R + encapsulation_mm, ENCAPSULATION, OUTSIDE))
        return np.asarray(part, dtype=np.uint8)

    def face(self, number: int) -> tuple[Float, Float]:
        """Return points evenly spread over the face of a contact, and where in it they lie.

        Returns
        -------
        points_mm, place
            (n, 3) in the frame of the lead; (n, 2) along the axis and along the arc, -1 to 1.
        """
        contact, R = self.contacts[number], self.radius_mm
        rows = max(2, math.ceil((contact.to_mm - contact.from_mm) / SURFACE_STEP_MM))
        columns = max(3, math.ceil(math.radians(contact.arc_deg) * R / SURFACE_STEP_MM))
        along, around = (2 * (np.arange(count) + 0.5) / count - 1 for count in (rows, columns))
        # equal steps along z are equal areas on the hemisphere as on the cylinder
        z = (contact.from_mm + contact.to_mm) / 2 + along * (contact.to_mm - contact.from_mm) / 2
        angle = np.radians(contact.angle_deg + around * contact.arc_deg / 2)
        across = np.sqrt(np.maximum(R**2 - np.maximum(R - z, 0) ** 2, 0))
        points = [across[:, None] * np.cos(angle), across[:, None] * np.sin(angle), np.repeat(z[:, None], columns, 1)]
        place = np.stack(np.meshgrid(along, around, indexing="ij"), -1).reshape(-1, 2)
        return np.stack(points, -1).reshape(-1, 3), place

    def at(self, tip_mm: ArrayLike, direction: ArrayLike, rotation_deg: float = 0.0) -> "PlacedLead":
        """Place the lead.

        Parameters
        ----------
        tip_mm
            (3,) outermost point of the tip, world mm.
        direction
            (3,) unit vector from the tip up the shaft.
        rotation_deg
            Of the marker about the direction, right-handed, from where it faces most to the front (+y).

        Raises
        ------
        SourceError
            A point that is not finite or a direction that is no unit vector.
        """
        tip, up = np.asarray(tip_mm, dtype=np.float64), np.asarray(direction, dtype=np.float64)
        if tip.shape != (3,) or not np.isfinite(tip).all():
            raise SourceError(f"tip_mm = {tip_mm!r}; give three finite world coordinates in mm")
        if up.shape != (3,) or not abs(np.linalg.norm(up) - 1) <= UNIT_TOLERANCE:
            raise SourceError(f"direction = {direction!r} is no unit vector from the tip up the shaft")
        if not math.isfinite(rotation_deg):
            raise SourceError(f"rotation_deg = {rotation_deg}; give an angle in degrees")
        return PlacedLead(lead=self, tip_mm=tip, direction=up / np.linalg.norm(up), rotation_deg=float(rotation_deg))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlacedLead:
    """A lead in the head; make it with `Lead.at`.

    Attributes
    ----------
    lead
        The model.
    tip_mm, direction, rotation_deg
        See `Lead.at`.
    """

    lead: Lead
    tip_mm: Float
    direction: Float
    rotation_deg: float

    @property
    def frame(self) -> Float:
        """(4, 4) from the frame of the lead to the world, mm."""
        front = np.array([0.0, 1.0, 0.0]) if abs(self.direction[1]) < 0.999 else np.array([0.0, 0.0, -1.0])
        x = front - (front @ self.direction) * self.direction
        x /= np.linalg.norm(x)
        y = np.cross(self.direction, x)
        angle = math.radians(self.rotation_deg)
        frame = np.eye(4)
        frame[:3, 0] = math.cos(angle) * x + math.sin(angle) * y
        frame[:3, 1] = np.cross(self.direction, frame[:3, 0])
        frame[:3, 2] = self.direction
        frame[:3, 3] = self.tip_mm
        return frame

    def world_mm(self, points_mm: ArrayLike) -> Float:
        """Return world points of points (n, 3) in the frame of the lead, mm."""
        return np.asarray(np.atleast_2d(points_mm) @ self.frame[:3, :3].T + self.tip_mm)

    def local_mm(self, points_mm: ArrayLike) -> Float:
        """Return points in the frame of the lead of world points (n, 3), mm."""
        return np.asarray((np.atleast_2d(points_mm) - self.tip_mm) @ self.frame[:3, :3])

    def face_mm(self, number: int) -> Float:
        """Return world points (n, 3) evenly spread over the outer face of a contact, mm."""
        return self.world_mm(self.lead.face(number)[0])

    def contact_centers_mm(self) -> Float:
        """Return the centroids (n, 3) of the faces of all contacts, world mm."""
        return np.array([self.face_mm(number).mean(0) for number in range(len(self.lead.contacts))])


def lead_names() -> tuple[str, ...]:
    """Return the names of the leads in the library."""
    return tuple(_library())


@cache
def _library() -> dict[str, Lead]:
    text = files("assuage.sources").joinpath("data/leads.toml").read_text(encoding="utf-8")
    return {row["name"]: _lead(row) for row in tomllib.loads(text)["lead"]}


def _lead(row: dict[str, Any]) -> Lead:
    contacts = tuple(_contacts(row))
    listed = {"ring": row["ring_area_cm2"], "tip": row["ring_area_cm2"], "segment": row.get("segment_area_cm2", 0.0)}
    for contact in contacts:
        area = contact.area_m2
        if contact.kind == "tip" and contact.to_mm != row["contact_mm"]:
            area *= row["contact_mm"] / contact.to_mm  # the listed area is that of a ring
        expected = listed[contact.kind] * M2_PER_CM2
        if abs(area - expected) > AREA_TOLERANCE * expected:
            raise DataError(
                f"leads.toml: contact {contact.label} of {row['name']} has {area:.4g} m2 by its dimensions, "
                f"{expected:.4g} m2 as listed"
            )
    return Lead(
        name=row["name"],
        diameter_mm=row["diameter_mm"],
        contacts=contacts,
        source=row["source"],
        source_level=row["source_level"],
        note=row["note"],
    )


def _contacts(row: dict[str, Any]) -> Iterator[LeadContact]:
    length, gap, circumference = row["contact_mm"], row["gap_mm"], math.pi * row["diameter_mm"]
    start = 0.0 if row["levels"][0] == "tip" else row["tip_mm"]
    for level, kind in enumerate(row["levels"], 1):
        end = row["tip_mm"] if kind == "tip" else start + length
        whole = circumference * (end - start) * M_PER_MM**2
        if kind == "segments":
            arc, pitch, turn = row["arc_deg"], row["pitch_deg"], row["turn"]
            for number, letter in enumerate("abc"):
                yield LeadContact(
                    label=f"{level}{letter}",
                    kind="segment",
                    from_mm=start,
                    to_mm=end,
                    angle_deg=turn * number * pitch,
                    arc_deg=arc,
                    area_m2=whole * arc / 360.0,
                )
        elif kind in {"ring", "tip"}:
            yield LeadContact(
                label=str(level), kind=kind, from_mm=start, to_mm=end, angle_deg=0.0, arc_deg=360.0, area_m2=whole
            )
        else:
            raise DataError(f"leads.toml: {row['name']} has a level {kind!r}; known are ring, tip and segments")
        start = end + gap
