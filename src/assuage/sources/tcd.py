"""Read `.tcd` coil files: JSON, positions in mm, moments in A m^2 per A, dI/dt in A/s.

| key | read as |
|---|---|
| coilElementList[].type 1 | dipoles: points (mm), values (A m^2 per A) |
| coilElementList[].type 2 | line segments: points = start (mm), values = vector to the end (mm); see `wires` |
| coilElementList[].type 3 | vector potential on a grid: refused, it cannot be turned into dipoles |
| coilElementList[].stimulator | one channel per coil; several are refused unless one is asked for |
| stimulatorList[].maxdIdt | A/s |
| deformList, deformRangeList | movable parts stay in their initial position, which must be 0 |

Arrays are nested lists or base64 text of zlib-compressed little-endian float64.
"""

import base64
import binascii
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assuage.errors import CoilFileError, SourceError
from assuage.sources.coil import Coil
from assuage.sources.files import check_extent, read_text
from assuage.sources.wires import dipoles_of_segments

Float = NDArray[np.float64]

DIPOLES, SEGMENTS, SAMPLED = 1, 2, 3


def read_tcd(path: Path, *, stimulator: int | None = None) -> Coil:
    """Read a `.tcd` file; see the module text.

    Raises
    ------
    CoilFileError
        Not JSON, missing keys, broken arrays, sampled elements, several stimulators, non-zero initial deformations.
    """
    content = _json_object(path)
    elements = _channel(path, content, stimulator)
    notes = _deformation_notes(path, content, [element for _, element in elements])
    positions: list[Float] = []
    moments: list[Float] = []
    starts: list[Float] = []
    vectors: list[Float] = []
    for number, element in elements:
        where = f"{path.name}: coilElementList[{number}]"
        kind = element.get("type")
        if kind == SAMPLED:
            raise CoilFileError(
                f"{where} is a sampled vector potential, which holds no geometry to place against a head; "
                "use the dipole or line version of this coil (.ccd, or .tcd of type 1 or 2)"
            )
        if kind not in {DIPOLES, SEGMENTS}:
            raise CoilFileError(f"{where}.type is {kind!r}; known: 1 dipoles, 2 line segments, 3 sampled field")
        points, values = (_table(where, element, key) for key in ("points", "values"))
        if len(points) != len(values):
            raise CoilFileError(f"{where}: {len(points)} points but {len(values)} values; fetch the file again")
        check_extent(path, points, "millimetres")
        (positions if kind == DIPOLES else starts).append(points)
        (moments if kind == DIPOLES else vectors).append(values)
    if starts:
        try:
            sheet, areas, assumed = dipoles_of_segments(np.concatenate(starts), np.concatenate(vectors))
        except SourceError as error:
            raise CoilFileError(f"{path.name}: {error}") from error
        positions, moments, notes = [*positions, sheet], [*moments, areas], notes + assumed
    name, limit = _stimulator_of(path, content, elements)
    return Coil(
        name=" ".join(str(content[key]) for key in ("brand", "name") if content.get(key)) or path.stem,
        positions_mm=np.concatenate(positions),
        moments_m2=np.concatenate(moments),
        max_didt_A_per_s=limit,
        origin=path.name + (f" (stimulator {name})" if name else ""),
        notes=notes,
    )


def _json_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise CoilFileError(f"{path.name} line {error.lineno}: not JSON ({error.msg}); is it a .tcd file?") from error
    if not isinstance(content, dict) or not isinstance(content.get("coilElementList"), list):
        raise CoilFileError(f"{path.name}: no list 'coilElementList'; is it a .tcd coil file?")
    if not all(isinstance(element, dict) for element in content["coilElementList"]) or not content["coilElementList"]:
        raise CoilFileError(f"{path.name}: 'coilElementList' holds no coil elements; fetch the file again")
    return content


def _channel(path: Path, content: dict[str, Any], stimulator: int | None) -> list[tuple[int, dict[str, Any]]]:
    """Return the numbered elements driven by one stimulator."""
    elements = list(enumerate(content["coilElementList"]))
    channels = sorted({int(element.get("stimulator", 0)) for _, element in elements})
    if stimulator is None and len(channels) > 1:
        raise CoilFileError(
            f"{path.name}: driven by {len(channels)} stimulators ({', '.join(map(str, channels))}), whose currents are "
            "independent; read one with Coil.read(path, stimulator=0) and place the channels together"
        )
    wanted = channels[0] if stimulator is None else stimulator
    if wanted not in channels:
        raise CoilFileError(f"{path.name}: no element of stimulator {wanted}; it has {', '.join(map(str, channels))}")
    return [(number, element) for number, element in elements if int(element.get("stimulator", 0)) == wanted]


def _stimulator_of(
    path: Path, content: dict[str, Any], elements: list[tuple[int, dict[str, Any]]]
) -> tuple[str, float | None]:
    stimulators = content.get("stimulatorList") or []
    index = int(elements[0][1].get("stimulator", 0))
    if index >= len(stimulators):
        return "", None
    entry = stimulators[index]
    limit = entry.get("maxdIdt")
    if limit is not None and not (isinstance(limit, int | float) and np.isfinite(limit) and limit > 0):
        raise CoilFileError(f"{path.name}: stimulatorList[{index}].maxdIdt is {limit!r}; correct it (A/s) or remove it")
    name = " ".join(str(entry[key]) for key in ("brand", "name") if entry.get(key))
    return name, None if limit is None else float(limit)


def _deformation_notes(path: Path, content: dict[str, Any], elements: list[dict[str, Any]]) -> tuple[str, ...]:
    used = sorted({int(index) for element in elements for index in element.get("deformations") or []})
    if not used:
        return ()
    try:
        ranges = [int(content["deformList"][index]["deformRange"]) for index in used]
        initial = [float(content["deformRangeList"][index]["initial"]) for index in ranges]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise CoilFileError(
            f"{path.name}: deformations {used} are not defined ({error}); fetch the file again"
        ) from error
    moved = [(index, value) for index, value in zip(used, initial, strict=True) if value != 0]
    if moved:
        raise CoilFileError(
            f"{path.name}: deformation {moved[0][0]} starts at {moved[0][1]:g}, not 0; movable parts are read only in "
            "their neutral position: save the coil in its initial shape without deformations"
        )
    return (f"{len(used)} movable parts kept in their initial position",)


def _table(where: str, element: dict[str, Any], key: str) -> Float:
    """Return an (n, 3) array given as nested lists or as compressed text."""
    value = element.get(key)
    if value is None:
        raise CoilFileError(f"{where}: no {key!r}; the file is incomplete")
    try:
        if isinstance(value, str):
            table = np.frombuffer(zlib.decompress(base64.b64decode(value, validate=True)), dtype="<f8").reshape(-1, 3)
        else:
            table = np.asarray(value, dtype=np.float64)
    except (binascii.Error, zlib.error, ValueError, TypeError) as error:
        raise CoilFileError(f"{where}.{key}: not a table of numbers ({error}); fetch the file again") from error
    if table.ndim != 2 or table.shape[1] != 3 or not len(table):
        raise CoilFileError(f"{where}.{key}: shape {table.shape} instead of (n, 3)")
    bad = np.flatnonzero(~np.isfinite(table).all(1))
    if bad.size:
        raise CoilFileError(f"{where}.{key}[{bad[0]}]: holds NaN or infinity; fetch the file again")
    return table.astype(np.float64)
