"""Container of the embedded head: tissue fractions, T1, MNI transform and fiducials in one ``.npz`` without pickle.

Tissue fractions are quantised to fifteenths and every voxel keeps its two largest parts. The class list is
``tissue_names`` plus ``outside`` (the air round the head, the last class), so the parts of a voxel sum to one and

    fraction[first] = (15 - amount) / 15,   fraction[second] = amount / 15,   amount in 0..7.

``first``, ``second`` and ``amount`` are three uint8 volumes, each LZMA-compressed (raw bytes in C order);
``second`` equals 0 where ``amount`` is 0. Decoded fractions are uint8 with 255 = the whole voxel (steps of 17, exact).
"""

import json
import lzma
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from assuage.errors import DataError

FORMAT = "assuage-head-1"
LEVELS = 15
_STEP = 255 // LEVELS


class Warp(TypedDict):
    """One direction of a nonlinear map: ``q = linear(p) + displacement(p)``, points in mm.

    ``displacement`` (nx, ny, nz, 3) in mm is sampled on the grid ``grid_affine`` of ``p``; interpolate linearly and
    clamp to the grid's edge.
    """

    linear: npt.NDArray[np.float64]
    grid_affine: npt.NDArray[np.float64]
    displacement: npt.NDArray[np.float32]


class HeadData(TypedDict):
    """Decoded content of a container."""

    affine: npt.NDArray[np.float64]
    t1: npt.NDArray[np.uint8]
    fractions: dict[str, npt.NDArray[np.uint8]]
    mni: dict[str, Warp]
    fiducials_mm: dict[str, npt.NDArray[np.float64]]
    metadata: dict[str, Any]


def _pack(volume: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": 1 << 24}]
    raw = lzma.compress(np.ascontiguousarray(volume).tobytes(), format=lzma.FORMAT_XZ, filters=filters)
    return np.frombuffer(raw, np.uint8)


def _unpack(blob: npt.NDArray[np.uint8], shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    return np.frombuffer(lzma.decompress(blob.tobytes()), np.uint8).reshape(shape)


def split_fractions(
    fractions: dict[str, npt.NDArray[np.float32]],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Reduce fractions to the two largest parts of each voxel.

    Parameters
    ----------
    fractions : dict of float array (nx, ny, nz)
        Parts of each voxel per tissue, 0..1, sum <= 1; the remainder is outside.

    Returns
    -------
    first, second, amount : uint8 arrays (nx, ny, nz)
        Class indices (order of the dict, then outside) and the second class's part in fifteenths.
    """
    shape = next(iter(fractions.values())).shape
    first, second = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    largest, runner = np.full(shape, -1.0, np.float32), np.full(shape, -1.0, np.float32)
    outside = 1.0 - np.sum(list(fractions.values()), axis=0)
    for index, part in enumerate([*fractions.values(), outside]):
        wins = part > largest
        follows = ~wins & (part > runner)
        second = np.where(wins, first, np.where(follows, np.uint8(index), second))
        runner = np.where(wins, largest, np.where(follows, part, runner))
        first = np.where(wins, np.uint8(index), first)
        largest = np.where(wins, part, largest)
    runner = np.maximum(runner, 0.0)
    amount = np.rint(LEVELS * runner / np.maximum(runner + largest, 1e-6)).clip(0, LEVELS // 2).astype(np.uint8)
    return first.astype(np.uint8), np.where(amount > 0, second, 0).astype(np.uint8), amount


def encode(
    path: str | Path,
    *,
    affine: npt.NDArray[np.float64],
    t1: npt.NDArray[np.uint8],
    fractions: dict[str, npt.NDArray[np.float32]],
    mni: dict[str, Warp],
    fiducials_mm: dict[str, npt.NDArray[np.float64]],
    metadata: dict[str, Any],
) -> None:
    """Write a container; see the module docstring for the encoding.

    Parameters
    ----------
    path : path
        File to write (``.npz``).
    affine : array (4, 4)
        Voxel to RAS mm.
    t1 : uint8 array (nx, ny, nz)
        Scan for display.
    fractions : dict of float array (nx, ny, nz)
        Parts of each voxel per tissue, 0..1, sum <= 1.
    mni : dict of Warp
        ``head_to_mni`` and ``mni_to_head``.
    fiducials_mm : dict of array (3,)
        Fiducials in RAS mm.
    metadata : dict
        JSON-serialisable description.
    """
    first, second, amount = split_fractions(fractions)
    header = {"format": FORMAT, "shape": t1.shape, "tissue_names": list(fractions), "metadata": metadata}
    arrays: dict[str, npt.NDArray[Any]] = {
        "header": np.frombuffer(json.dumps(header, sort_keys=True).encode(), np.uint8),
        "affine": np.asarray(affine, np.float64),
        "first": _pack(first),
        "second": _pack(second),
        "amount": _pack(amount),
        "t1": _pack(t1),
        "fiducial_names": np.frombuffer("\n".join(fiducials_mm).encode(), np.uint8),
        "fiducials_mm": np.array(list(fiducials_mm.values()), np.float64),
    }
    for name, warp in mni.items():
        counts = np.rint(np.asarray(warp["displacement"]) * 100.0).astype("<i2")
        arrays[f"{name}_linear"] = np.asarray(warp["linear"], np.float64)
        arrays[f"{name}_grid_affine"] = np.asarray(warp["grid_affine"], np.float64)
        arrays[f"{name}_shape"] = np.array(counts.shape, np.int64)
        steps = np.diff(counts, axis=2, prepend=np.int16(0)).astype("<i2")
        arrays[f"{name}_displacement"] = _pack(np.moveaxis(steps, 3, 0).copy().view(np.uint8))
    with Path(path).open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)


def _warp(archive: dict[str, npt.NDArray[Any]], name: str) -> Warp:
    nx, ny, nz, three = (int(n) for n in archive[f"{name}_shape"])
    raw = _unpack(archive[f"{name}_displacement"], (-1,))
    steps = np.moveaxis(raw.view("<i2").reshape(three, nx, ny, nz), 0, 3)
    return Warp(
        linear=archive[f"{name}_linear"],
        grid_affine=archive[f"{name}_grid_affine"],
        displacement=(np.cumsum(steps, axis=2, dtype=np.int16) / np.float32(100.0)).astype(np.float32),
    )


def decode(path: str | Path) -> HeadData:
    """Read a container written by :func:`encode`.

    Parameters
    ----------
    path : path
        ``.npz`` file.

    Returns
    -------
    dict
        ``affine`` (4, 4); ``t1`` uint8 (nx, ny, nz); ``fractions`` name -> uint8 (nx, ny, nz), 255 = whole voxel, the
        remainder to 255 is outside air; ``mni`` with ``head_to_mni`` and ``mni_to_head``; ``fiducials_mm``;
        ``metadata``.

    Raises
    ------
    DataError
        If the file is not a container of this format.
    """
    with np.load(path, allow_pickle=False) as stored:
        archive = {name: stored[name] for name in stored.files}
    if "header" not in archive or (header := json.loads(archive["header"].tobytes())).get("format") != FORMAT:
        raise DataError(f"{path} is not a head container of format {FORMAT!r}; rebuild it with tools/build_colin27.py")
    nx, ny, nz = header["shape"]
    shape = (int(nx), int(ny), int(nz))
    first, second, amount = (_unpack(archive[name], shape) for name in ("first", "second", "amount"))
    names: list[str] = header["tissue_names"]
    main = np.uint8(255) - amount * np.uint8(_STEP)
    mixed = np.flatnonzero(amount)
    runner, rest = second.ravel()[mixed], amount.ravel()[mixed] * np.uint8(_STEP)
    fractions = {n: (first == k) * main for k, n in enumerate(names)}
    for k, part in enumerate(fractions.values()):
        here = runner == k
        part.ravel()[mixed[here]] = rest[here]
    labels = archive["fiducial_names"].tobytes().decode().split("\n")
    return HeadData(
        affine=archive["affine"],
        t1=_unpack(archive["t1"], shape),
        fractions=fractions,
        mni={name: _warp(archive, name) for name in ("head_to_mni", "mni_to_head")},
        fiducials_mm=dict(zip(labels, archive["fiducials_mm"], strict=True)),
        metadata=header["metadata"],
    )
