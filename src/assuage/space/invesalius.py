"""InVesalius Navigator marker files (`.mkss`), read only.

The columns x_world to gamma_world hold a position in mm and three Euler angles about the fixed axes x, y, z, that is
R = Rz(gamma) Ry(beta) Rx(alpha). The coil's x axis points to its front, y to its left and z **out** of the head
(InVesalius 3 puts markers onto the scalp with z along the outward normal; the coil is registered by left, right and
front). Taking the front as the side opposite to the handle,

    x = y_invesalius,   y = x_invesalius,   z = -z_invesalius

Angles are degrees by the wiki and the source of InVesalius 3, but programs exist that took them for radians. The file
decides: an angle beyond 2 pi cannot be radians. A file without one is refused.
"""

import csv
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from assuage.errors import NavigatorError
from assuage.space.markers import Marker, NavigatorSession, Point, Pulse, checked_pose, readable_name

MAGIC = "##INVESALIUS3_MARKER_FILE_"
AXES = np.array([[0.0, 1, 0, 0], [1, 0, 0, 0], [0, 0, -1, 0], [0, 0, 0, 1]])
ANGLES = ("alpha", "beta", "gamma")
KINDS = {0: "fiducial", 1: "landmark", 2: "brain target", 3: "coil target", 4: "coil pose"}
FIDUCIAL_LABELS = {"LEI", "REI", "NAI"}
MISSING = {"", "None", "N/A"}


def matches(text: str) -> bool:
    """Whether a text is a marker file of InVesalius."""
    return text.startswith(MAGIC)


def read(text: str, source: str) -> NavigatorSession:
    """Read a marker file: coil targets as markers, coil poses as pulses, everything else as points.

    Raises
    ------
    NavigatorError, PoseError
        A broken row, no world coordinates, or angles that could be degrees or radians.
    """
    rows = list(_rows(text, source))
    oriented = [row for row in rows if not any(row[key] in MISSING for key in ANGLES)]
    angles = [_number(row, f"{key}{end}", source) for row in oriented for key in ANGLES for end in ("", "_world")]
    if angles and max(map(abs, angles)) <= 2 * math.pi:
        raise NavigatorError(
            f"{source}: every angle lies within 2 pi, so degrees and radians cannot be told apart; add a marker turned "
            "by more than 7 degrees and export again"
        )
    markers, points, pulses = [], [], []
    for index, row in enumerate(rows):
        kind = _kind(row, source)
        name = readable_name(row.get("label", ""), f"marker {index}")
        place = np.array([_number(row, f"{axis}_world", source) for axis in "xyz"])
        if kind not in {"coil target", "coil pose"}:
            points.append(Point(name=name, kind=kind, position_mm=place))
        elif kind == "coil pose":
            tracked = row in oriented and row.get("is_tracked", "True") != "False"
            pose = _pose(row, place, source, name) if tracked else None
            pulses.append(Pulse(name=name, pose=pose, time_s=None, didt_A_per_s=None, amplitude_percent=None))
        elif row not in oriented:
            raise NavigatorError(f"{source}: coil target {name!r} has no orientation; set it, or leave it out")
        else:
            markers.append(Marker(name=name, pose=_pose(row, place, source, name)))
    return NavigatorSession(
        source=source, format="invesalius", software="InVesalius 3",
        version=text.splitlines()[0].removeprefix(MAGIC).strip(), frame="world", markers=tuple(markers),
        points=tuple(points), pulses=tuple(pulses),
        notes=(
            "angles read as degrees",
            "the handle is taken to be opposite to the front of the coil as registered in InVesalius; check one pose",
        ) if oriented else (),
    )  # fmt: skip


def _rows(text: str, source: str) -> Iterator[dict[str, str]]:
    table = list(csv.reader(text.splitlines()[1:], delimiter="\t"))
    columns = [cell.strip() for cell in table[0]] if table else []
    needed = [*ANGLES, *(f"{key}_world" for key in ("x", "y", "z", *ANGLES))]
    missing = [key for key in needed if key not in columns]
    if missing:
        raise NavigatorError(
            f"{source} has no column {missing[0]!r}; export the markers again with InVesalius 3.1 or later"
        )
    for number, cells in enumerate(table[1:], start=3):
        if not any(cells):
            continue
        if len(cells) != len(columns):
            raise NavigatorError(
                f"{source} line {number} has {len(cells)} columns instead of {len(columns)}; export it again"
            )
        yield dict(zip(columns, (cell.strip() for cell in cells), strict=True))


def _number(row: dict[str, str], key: str, source: str) -> float:
    if row[key] in MISSING:
        raise NavigatorError(
            f"{source}: {key} is missing; InVesalius writes the world only for a project made from a NIfTI image: open "
            "that image and export again"
        )
    try:
        value = float(row[key])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise NavigatorError(f"{source}: {key} is {row[key]!r}, not a number; export the file again")
    return value


def _kind(row: dict[str, str], source: str) -> str:
    """Return the kind of a marker; early versions do not write it, and only their coils have an orientation."""
    text = row.get("marker_type", "")
    if text in MISSING:
        if row.get("label", "") in FIDUCIAL_LABELS:
            return "fiducial"
        return "landmark" if any(row[key] in MISSING for key in ANGLES) else "coil target"
    if not text.isdigit() or int(text) not in KINDS:
        raise NavigatorError(f"{source}: marker_type {text!r} is not known ({KINDS}); it may not be guessed")
    return KINDS[int(text)]


def _pose(row: dict[str, str], place: NDArray[np.float64], source: str, name: str) -> NDArray[np.float64]:
    turns = [_number(row, f"{key}_world", source) for key in ANGLES]
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", turns, degrees=True).as_matrix()
    matrix[:3, 3] = place
    return checked_pose(matrix @ AXES, f"{source}: marker {name!r}")
