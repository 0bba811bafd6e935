"""Brainsight text files: read versions 5 to 14 by the names of the columns, write version 12.

Brainsight's coil z axis points **out** of the head. With M a 4x4 pose and the columns of M the axes,

    M = M_brainsight diag(-1, 1, -1, 1)        (its own inverse)

`m{i}n{j}` is component j of axis i, so R[j, i] = m{i}n{j}. In a frame called NIfTI the world is that of the image.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from assuage.errors import HeaderError, NavigatorError
from assuage.space.markers import Marker, NavigatorSession, Point, Pulse, is_unset, readable_name, rounded_pose
from assuage.space.reference import NIFTI_NAMES, ReferenceImage

Float = NDArray[np.float64]

FLIP = np.diag([-1.0, 1.0, -1.0, 1.0])
WRITTEN_VERSION = 12
NEWEST_VERSION = 14
"""The newest that was described when this was written; a newer one is read by column names, with a note."""
DECIMALS = 4
LOCATION = ("Loc. X", "Loc. Y", "Loc. Z")
AXES = tuple(f"m{axis}n{component}" for axis in range(3) for component in range(3))
MISSING = {"", "(null)"}
POINT_KINDS = {"Electrode", "Planned Landmark", "Session Landmark", "Anatomical Landmark"}
_SECTION = re.compile(r"^#\s*(Target|Sample|Electrode|(?:Planned|Session|Anatomical) Landmark|Session) Name(\t|$)")
_FRAME = re.compile(rf"^NIfTI:(?:([QS]):)?({'|'.join(NIFTI_NAMES.values())})$")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    where: str
    kind: str
    cells: dict[str, str]

    @property
    def name(self) -> str:
        return readable_name(self.cells.get(f"{self.kind} Name", ""), self.where)

    def floats(self, columns: Iterable[str]) -> Float | None:
        """Return columns as numbers, None if any is absent or empty."""
        texts = [self.cells.get(column, "") for column in columns]
        if any(text in MISSING for text in texts):
            return None
        try:
            values = np.array([float(text) for text in texts])
        except ValueError:
            raise NavigatorError(f"{self.where}: {texts} are not all numbers; export the file again") from None
        if not np.isfinite(values).all():
            raise NavigatorError(f"{self.where} holds NaN or infinity; export the file again")
        return values


def matches(text: str) -> bool:
    """Whether a text is a Brainsight export."""
    return text.startswith("# Version:") and "# Coordinate system:" in text


def read(text: str, source: str, image: ReferenceImage | None = None) -> NavigatorSession:
    """Read a Brainsight export; with `image`, its frame is held against the image's header.

    Raises
    ------
    NavigatorError, PoseError, HeaderError
        Another unit or frame, a broken row, a pose that is not rigid, or a frame that the image does not have.
    """
    header = _header(text)
    units = header.get("units", "")
    if not units.lower().startswith("millimet"):
        raise NavigatorError(f"{source}: units are {units or 'not given'!r}, not millimetres; export in millimetres")
    frame = header.get("coordinate system", "")
    _check_frame(frame, source, image)
    version = header.get("version", "")
    notes = []
    if not version.isdigit() or int(version) > NEWEST_VERSION:
        notes.append(f"version {version!r} is newer than {NEWEST_VERSION}; read by the names of the columns")
    markers: list[Marker] = []
    points: list[Point] = []
    pulses: list[Pulse] = []
    moments: list[datetime | None] = []
    put_right, unset = 0.0, 0
    for row in _rows(text, source):
        location, axes = row.floats(LOCATION), row.floats(AXES)
        if row.kind in POINT_KINDS or (row.kind == "Target" and axes is None):
            if location is not None:
                points.append(Point(name=row.name, kind=row.kind.lower(), position_mm=location))
            continue
        raw = None if location is None or axes is None else _matrix(location, axes)
        pose = None
        if raw is not None and not is_unset(raw):
            pose, off = rounded_pose(raw @ FLIP, f"{row.where} ({row.name!r})", decimals=_decimals(row))
            put_right = max(put_right, off)
        if row.kind == "Sample":
            moments.append(_moment(row))
            pulses.append(_pulse(row, pose))
        elif pose is None:
            unset += 1
        else:
            markers.append(Marker(name=row.name, pose=pose))
    if put_right:
        notes.append(f"axes rounded in the file were made orthonormal (off by up to {put_right:.1e})")
    started, timed = _timed(pulses, moments)
    return NavigatorSession(
        source=source, format="brainsight", software=header.get("created by", ""), version=version, frame=frame,
        markers=tuple(markers), points=tuple(points), pulses=timed, unset_markers=unset, started=started,
        notes=tuple(notes),
    )  # fmt: skip


def write(markers: Iterable[Marker], image: ReferenceImage, *, created_by: str) -> str:
    """Return the text of a version 12 target file in the image's world.

    Raises
    ------
    HeaderError
        qform and sform of the image differ: Brainsight 2.5.2 and 2.5.3 would read different worlds.
    """
    lines = [
        f"# Version: {WRITTEN_VERSION}",
        f"# Coordinate system: {image.frame_name}",
        f"# Created by: {created_by}",
        "# Units: millimetres, degrees, milliseconds, and microvolts",
        "# Encoding: UTF-8",
        "# Notes: Each column is delimited by a tab. Each value within a column is delimited by a semicolon.",
        "\t".join(["# Target Name", *LOCATION, *AXES]),
    ]
    for marker in markers:
        matrix = marker.pose @ FLIP
        values = [*matrix[:3, 3], *matrix[:3, :3].T.ravel()]
        lines.append("\t".join([marker.name, *(f"{value:.{DECIMALS}f}" for value in values)]))
    return "\n".join(lines) + "\n"


def _header(text: str) -> dict[str, str]:
    """Return the lines "# Key: value" by lower-case key."""
    fields = {}
    for line in text.splitlines():
        if not line.startswith("#") or _SECTION.match(line):
            break
        key, _, value = line.lstrip("# ").partition(":")
        fields[key.strip().lower()] = value.strip()
    return fields


def _check_frame(frame: str, source: str, image: ReferenceImage | None) -> None:
    match = _FRAME.match(frame)
    if match is None:
        raise NavigatorError(
            f"{source}: coordinate system {frame or 'not given'!r} is not the world of an image; in Brainsight, export "
            'again with coordinate system "NIfTI:Aligned" or "NIfTI:Scanner"'
        )
    if image is None:
        return
    image.require_one_world()
    which, name = match.groups()
    codes = {"Q": [image.qform_code], "S": [image.sform_code]}.get(which or "", [image.qform_code, image.sform_code])
    present = [NIFTI_NAMES[code] for code in codes if code]
    if name not in present:
        raise HeaderError(
            f"{source} is in {frame}, but {image.name} has qform_code {image.qform_code} and sform_code "
            f"{image.sform_code}; give the image that was open in Brainsight, or export in {image.frame_name}"
        )


def _rows(text: str, source: str) -> Iterator[_Row]:
    kind, columns = "", [""]
    for number, line in enumerate(text.splitlines(), start=1):
        where = f"{source} line {number}"
        section = _SECTION.match(line)
        if section:
            kind, columns = section[1], [column.strip() for column in line.lstrip("# ").split("\t")]
        elif line.startswith("#"):
            kind = ""
        elif line.strip() and kind not in {"", "Session"}:
            cells = line.split("\t")
            if len(cells) < len(columns):
                raise NavigatorError(
                    f"{where} has {len(cells)} columns instead of {len(columns)}; it is cut off: export the file again"
                )
            yield _Row(where=where, kind=kind, cells=dict(zip(columns, (cell.strip() for cell in cells), strict=False)))


def _matrix(location: Float, axes: Float) -> Float:
    matrix = np.eye(4)
    matrix[:3, :3] = axes.reshape(3, 3).T
    matrix[:3, 3] = location
    return matrix


def _decimals(row: _Row) -> int:
    """Return how many decimals the axes were written with."""
    return max(len(row.cells[column].partition(".")[2]) for column in AXES)


def _pulse(row: _Row, pose: Float | None) -> Pulse:
    power = next((column for column in row.cells if column.startswith("Stim. Power")), "")
    amplitude = row.floats([power]) if power else None
    return Pulse(
        name=row.name,
        pose=pose,
        time_s=None,
        didt_A_per_s=None,
        amplitude_percent=None if amplitude is None else float(amplitude[0]),
    )


def _moment(row: _Row) -> datetime | None:
    try:
        return datetime.fromisoformat(f"{row.cells.get('Date', '')} {row.cells.get('Time', '')}")
    except ValueError:
        return None


def _timed(pulses: list[Pulse], moments: list[datetime | None]) -> tuple[str, tuple[Pulse, ...]]:
    """Return the moment of the first pulse, and the pulses with the time since then."""
    known = [moment for moment in moments if moment is not None]
    if not known:
        return "", tuple(pulses)
    start = min(known)
    timed = (
        Pulse(
            name=pulse.name,
            pose=pulse.pose,
            time_s=None if moment is None else (moment - start).total_seconds(),
            didt_A_per_s=pulse.didt_A_per_s,
            amplitude_percent=pulse.amplitude_percent,
        )
        for pulse, moment in zip(pulses, moments, strict=True)
    )
    return start.isoformat(sep=" "), tuple(timed)
