"""Localite TMS Navigator files: instrument markers (read, write), trigger markers, entry and target, residuals.

Localite's coil x axis points into the head and its z axis is our x. With F swapping the axes and W the world,

    M = W M_localite F,   F = [[0,0,1,0],[0,-1,0,0],[1,0,0,0],[0,0,0,1]],   W = 1 for RAS, diag(-1,-1,1,1) for LPS

both their own inverses. A NIfTI base volume makes RAS files, a DICOM base volume LPS files; one taken for the other
turns left and right **and** front and back.
"""

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from assuage.errors import NavigatorError
from assuage.space.markers import Marker, NavigatorSession, Point, Pulse, checked_pose, is_unset, readable_name
from assuage.space.xml_tree import numbers, parse_xml
from assuage.units import A_PER_S_PER_A_PER_US, S_PER_MS

Float = NDArray[np.float64]
Space = Literal["RAS", "LPS"]

SWAP = np.array([[0.0, 0, 1, 0], [0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
WORLD = {"RAS": np.eye(4), "LPS": np.diag([-1.0, -1.0, 1.0, 1.0])}
ROOTS = ("InstrumentMarkerList", "TriggerMarkerList", "EntryTargetList")
ENTRIES = [f"data{row}{column}" for row in range(4) for column in range(4)]
AMPERE_PER_MICROSECOND = {"A/us", "A/µs", "A/μs"}
_MILLIMETRES = re.compile(r"(\d+(?:[.,]\d+)?)\s*mm\b")


def matches(text: str) -> bool:
    """Whether a text is one of the marker files, or the residuals of a registration."""
    return any(f"<{root}" in text for root in ROOTS) or _is_residuals(text)


def read(text: str, source: str) -> NavigatorSession:
    """Read a marker file or the residuals of a registration.

    Raises
    ------
    NavigatorError, PoseError
        No or more than one coordinate space, another unit of dI/dt, a pose that is not rigid or was never set.
    """
    if _is_residuals(text):
        return NavigatorSession(
            source=source, format="localite", software="Localite TMS Navigator", frame="",
            residuals_mm=residuals_mm(text), notes=("residuals of a registration; no markers in this file",),
        )  # fmt: skip
    root = parse_xml(text, source)
    if root.tag not in ROOTS:
        raise NavigatorError(f"{source} is a {root.tag}, which is not read; give one of {', '.join(ROOTS)}")
    space = _space(root, source)
    session = {
        "InstrumentMarkerList": _instruments, "TriggerMarkerList": _triggers, "EntryTargetList": _entries,
    }[root.tag](root, source, WORLD[space])  # fmt: skip
    return session


def write(markers: Iterable[Marker], space: Space) -> str:
    """Return the text of an InstrumentMarker file."""
    root = ET.Element("InstrumentMarkerList", coordinateSpace=space)
    for index, marker in enumerate(markers):
        entry = ET.SubElement(root, "InstrumentMarker", alwaysVisible="false", index=str(index), selected="false")
        inner = ET.SubElement(
            entry, "Marker", additionalInformation="", color="#ff0000", description=marker.name, set="true"
        )
        matrix = WORLD[space] @ marker.pose @ SWAP
        ET.SubElement(inner, "Matrix4D", {key: repr(float(v)) for key, v in zip(ENTRIES, matrix.ravel(), strict=True)})
    ET.indent(root, "    ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def residuals_mm(text: str) -> tuple[float, ...]:
    """Return every number of a TransformationRMS file that is followed by "mm"."""
    return tuple(float(number.replace(",", ".")) for number in _MILLIMETRES.findall(text))


def residuals_beside(path: Path) -> tuple[float, ...]:
    """Return the residuals of the last registration before a marker file of a session folder, () if there are none."""
    stamp = re.search(r"(\d{17})\.xml$", path.name)
    folder = path.parent.parent / "Registrations" / "LocatorRegistrations"
    if stamp is None or not folder.is_dir():
        return ()
    earlier = [found for found in sorted(folder.glob("TransformationRMS*.txt")) if found.stem[-17:] <= stamp[1]]
    return residuals_mm(earlier[-1].read_text(encoding="utf-8", errors="replace")) if earlier else ()


def _is_residuals(text: str) -> bool:
    return not text.lstrip().startswith("<") and "RMS" in text and bool(_MILLIMETRES.search(text))


def _space(root: ET.Element, source: str) -> Space:
    found = {element.get("coordinateSpace") for element in root.iter()} - {None}
    if len(found) > 1:
        raise NavigatorError(
            f"{source} mixes coordinate spaces {' and '.join(sorted(map(str, found)))}; one would turn left and right "
            "and front and back: export each base volume on its own"
        )
    if root.get("coordinateSpace") == "RAS":
        return "RAS"
    if root.get("coordinateSpace") == "LPS":
        return "LPS"
    raise NavigatorError(
        f"{source}: coordinateSpace is {root.get('coordinateSpace')!r}, neither RAS (NIfTI base volume) nor LPS "
        "(DICOM); export again with a version of the navigator that states it"
    )


def _matrix(element: ET.Element, what: str) -> Float:
    found = element.find("Matrix4D")
    if found is None:
        raise NavigatorError(f"{what} has no Matrix4D; export the file again")
    return numbers(found, ENTRIES, what).reshape(4, 4)


def _instruments(root: ET.Element, source: str, world: Float) -> NavigatorSession:
    markers, unset = [], 0
    for index, entry in enumerate(root.iter("Marker")):
        name = readable_name(entry.get("description", ""), f"marker {index}")
        what = f"{source}: marker {name!r}"
        if entry.get("set") == "false":
            unset += 1
            continue
        matrix = _matrix(entry, what)
        if is_unset(matrix):
            checked_pose(np.eye(4), what)
        markers.append(Marker(name=name, pose=checked_pose(world @ matrix @ SWAP, what)))
    return _session(source, root, markers=tuple(markers), unset_markers=unset)


def _triggers(root: ET.Element, source: str, world: Float) -> NavigatorSession:
    units = {item.get("id"): item.get("unit") for item in root.iter("responseDescription")}
    notes = []
    if units.get("valueA") is None:
        notes.append("the unit of dI/dt is not stated, so dI/dt is missing")
    elif units["valueA"] not in AMPERE_PER_MICROSECOND:
        raise NavigatorError(f"{source}: dI/dt is in {units['valueA']!r}, not A/us; set the stimulator's unit to A/us")
    pulses = []
    for index, entry in enumerate(root.iter("TriggerMarker")):
        what = f"{source}: pulse {index}"
        matrix = _matrix(entry, what)
        lost = entry.get("set") == "false" or is_unset(matrix)
        values = {item.get("key"): item.get("response") for item in entry.iter("Value")}
        didt = _known(values.get("valueA")) if units.get("valueA") else None
        time_ms = _known(entry.get("recordingTime"), zero=True)
        pulses.append(
            Pulse(
                name=readable_name(entry.get("description", ""), f"pulse {index}"),
                pose=None if lost else checked_pose(world @ matrix @ SWAP, what),
                time_s=None if time_ms is None else time_ms * S_PER_MS,
                didt_A_per_s=None if not didt else didt * A_PER_S_PER_A_PER_US,
                amplitude_percent=_known(values.get("amplitudeA")) if units.get("amplitudeA") == "%" else None,
            )
        )
    return _session(source, root, pulses=tuple(pulses), started=root.get("startTime", ""), notes=tuple(notes))


def _entries(root: ET.Element, source: str, world: Float) -> NavigatorSession:
    points = []
    for kind in ("Entry", "Target"):
        for index, entry in enumerate(root.iter(kind)):
            inner = entry.find("Marker")
            where = None if inner is None else inner.find("ColVec3D")
            if inner is None or where is None:
                raise NavigatorError(f"{source}: {kind} {index} has no position; export the file again")
            if inner.get("set") == "false":
                continue
            name = readable_name(inner.get("description", ""), f"{kind.lower()} {index}")
            place = numbers(where, ["data0", "data1", "data2"], f"{source}: {kind} {name!r}")
            points.append(Point(name=name, kind=kind.lower(), position_mm=world[:3, :3] @ place))
    notes = ("entry (scalp) and target (cortex) give an axis; how the coil is turned about it is not in the file",)
    return _session(source, root, points=tuple(points), notes=notes)


def _session(
    source: str,
    root: ET.Element,
    *,
    markers: tuple[Marker, ...] = (),
    points: tuple[Point, ...] = (),
    pulses: tuple[Pulse, ...] = (),
    unset_markers: int = 0,
    started: str = "",
    notes: tuple[str, ...] = (),
) -> NavigatorSession:
    return NavigatorSession(
        source=source, format="localite", software="Localite TMS Navigator", frame=root.get("coordinateSpace", ""),
        markers=markers, points=points, pulses=pulses, unset_markers=unset_markers, started=started, notes=notes,
    )  # fmt: skip


def _known(text: str | None, *, zero: bool = False) -> float | None:
    """Return a number, None where it is absent or NaN, or 0 for a quantity that is never 0."""
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    return value if math.isfinite(value) and (zero or value != 0) else None
