"""Scalp places as a tape finds them: proportions of three measured arcs, on the model and on the person.

    midline         nasion - vertex - inion
    over the top    preauricular point - vertex - preauricular point
    circumference   Fpz - T7 - Oz - T8, each 10 % above its fiducial

A place P is told by two shares: where the half plane through vertex, head axis and P meets the circumference (share of
its length from Fpz, left or right), and how far P is on the tape from the vertex to that mark. Proportions carry over
to a head of another size, as in the 10-20 system. `mark_mm` follows them back on a head.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assuage.errors import DataError
from assuage.head import Head
from assuage.head.ten_ten import along_arc, arc

Array = NDArray[np.float64]

MM_PER_CM = 10.0
UNITS_MM = {"mm": 1.0, "cm": MM_PER_CM}
LIKELY_MM = {"nasion-inion": (250.0, 450.0), "tragus-tragus": (250.0, 450.0), "circumference": (400.0, 700.0)}
"""No head from the age of two years on measures less or more; what lies outside was read in inches or mistyped."""
WORST_TAPE_MM = 50.0
_LENGTH = re.compile(r"^\s*(\d+(?:[.,]\d+)?)\s*([a-zA-Z]*)\s*$")


@dataclass(frozen=True, kw_only=True)
class Measures:
    """The three lengths of a head, mm."""

    nasion_inion_mm: float
    tragus_tragus_mm: float
    circumference_mm: float


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A place by the tape.

    Attributes
    ----------
    left
        Side of the circumference that is walked from Fpz.
    around
        Share of the whole circumference from Fpz to the mark.
    down
        Share of the tape from the vertex to the mark.
    around_mm, radial_mm
        On the head model: from Fpz to the mark, and from the vertex to the mark.
    """

    left: bool
    around: float
    down: float
    around_mm: float
    radial_mm: float


def length_mm(text: str, what: str) -> float:
    """Return a taped length such as "36cm".

    Raises
    ------
    DataError
        No number, no unit, another unit, or no length of a head.
    """
    value = _parsed_mm(text, what, "56cm" if what == "circumference" else "36cm")
    low, high = LIKELY_MM[what]
    if not low <= value <= high:
        raise DataError(
            f"--{what} {text!r} is no head ({low / MM_PER_CM:g} to {high / MM_PER_CM:g} cm); check unit and reading"
        )
    return value


def repeat_length_mm(text: str) -> float:
    """Return the repeat error of a tape such as "4mm".

    Raises
    ------
    DataError
        As `length_mm`, or more than 5 cm.
    """
    value = _parsed_mm(text, "tape-repeat", "4mm")
    if not 0 < value <= WORST_TAPE_MM:
        raise DataError(f"--tape-repeat {text!r} is no repeat error; write for example --tape-repeat 4mm")
    return value


def _parsed_mm(text: str, what: str, example: str) -> float:
    match = _LENGTH.match(text)
    if match is None:
        raise DataError(f"--{what} {text!r} is no length; write for example --{what} {example}")
    if match[2].lower() not in UNITS_MM:
        unit = repr(match[2]) if match[2] else "no unit"
        raise DataError(f"--{what} {text!r} has {unit} where cm or mm is needed; write for example --{what} {example}")
    return float(match[1].replace(",", ".")) * UNITS_MM[match[2].lower()]


def model_measures(head: Head) -> Measures:
    """Return the lengths of a head model, taped as `head.ten_ten` does (hollows are bridged)."""
    sites, scalp = head.ten_ten_mm, head.scalp
    left, right = (arc(scalp, sites["Fpz"], sites[side], sites["Oz"]) for side in ("T7", "T8"))
    return Measures(
        nasion_inion_mm=_length(arc(scalp, sites["Nz"], sites["Cz"], sites["Iz"])),
        tragus_tragus_mm=_length(arc(scalp, sites["T9"], sites["Cz"], sites["T10"])),
        circumference_mm=_length(left) + _length(right),
    )


def mark_of(head: Head, point_mm: Array) -> Mark:
    """Return the shares of a scalp point (3,).

    Raises
    ------
    DataError
        The point is below the circumference, where this way of measuring does not reach.
    """
    sites, scalp = head.ten_ten_mm, head.scalp
    axis_mm, up = _axis(head)
    outward = point_mm - axis_mm - ((point_mm - axis_mm) @ up) * up
    left = bool(outward @ (sites["T7"] - sites["T8"]) > 0)
    course = arc(scalp, sites["Fpz"], sites["T7" if left else "T8"], sites["Oz"])
    whole = model_measures(head).circumference_mm
    angle = _angle(head, course, left=left)
    wanted = float(np.clip(_angle(head, point_mm[None], left=left)[0], angle[0], angle[-1]))
    walked = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(course, axis=0), axis=1))])
    order = np.argsort(angle, kind="stable")
    around_mm = float(np.interp(wanted, angle[order], walked[order]))
    on_ring = np.array([np.interp(around_mm, walked, course[:, k]) for k in range(3)])
    radial = _radial(head, on_ring)
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(radial, axis=0), axis=1))])
    marks = np.linspace(0, along[-1], 4001)
    places = np.stack([np.interp(marks, along, radial[:, k]) for k in range(3)], 1)
    nearest = int(np.linalg.norm(places - point_mm, axis=1).argmin())
    if nearest == len(marks) - 1 and float((point_mm - on_ring) @ up) < -1.0:
        raise DataError(
            f"the place {np.round(point_mm, 1)} mm lies below the circumference, where no tape runs; use a navigator"
        )
    return Mark(
        left=left,
        around=around_mm / whole,
        down=float(marks[nearest] / along[-1]),
        around_mm=around_mm,
        radial_mm=float(along[-1]),
    )


def mark_mm(head: Head, mark: Mark) -> Array:
    """Return the scalp point (3,) that a mark leads to on a head."""
    sites = head.ten_ten_mm
    side = sites["T7" if mark.left else "T8"]
    half = _length(arc(head.scalp, sites["Fpz"], side, sites["Oz"]))
    share = mark.around * model_measures(head).circumference_mm / half
    on_ring = along_arc(head.scalp, sites["Fpz"], side, sites["Oz"], np.array([min(share, 1.0)]))[0]
    radial = _radial(head, on_ring)
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(radial, axis=0), axis=1))])
    place = np.array([np.interp(mark.down * along[-1], along, radial[:, k]) for k in range(3)])
    return np.asarray(head.scalp.nearest(place[None])[0][0])


def _axis(head: Head) -> tuple[Array, Array]:
    """Return the middle of the circumference (3,) and the direction from there to the vertex."""
    sites = head.ten_ten_mm
    middle = np.mean([sites[name] for name in ("Fpz", "Oz", "T7", "T8")], axis=0)
    up = sites["Cz"] - middle
    return middle, up / np.linalg.norm(up)


def _angle(head: Head, points_mm: Array, *, left: bool) -> Array:
    """Return the angle (n,) of points about the axis from Fpz, towards the side walked."""
    middle, up = _axis(head)
    front = head.ten_ten_mm["Fpz"] - middle
    front = front - (front @ up) * up
    front = front / np.linalg.norm(front)
    side = np.cross(up, front) * (1 if left else -1)
    offset = points_mm - middle
    angle = np.arctan2(offset @ side, offset @ front)
    return np.where(angle < -0.5 * np.pi, angle + 2 * np.pi, angle)


def _radial(head: Head, on_ring: Array) -> Array:
    """Return the course (k, 3) of the tape from the vertex straight to a mark on the circumference."""
    middle, _ = _axis(head)
    start = head.ten_ten_mm["Cz"]
    chord = on_ring - start
    half = (start + on_ring) / 2 - middle
    away = half - (half @ chord) / (chord @ chord) * chord
    via = (start + on_ring) / 2 + 0.05 * np.linalg.norm(chord) * away / np.linalg.norm(away)
    return arc(head.scalp, start, via, on_ring)


def _length(course: Array) -> float:
    return float(np.linalg.norm(np.diff(course, axis=0), axis=1).sum())
