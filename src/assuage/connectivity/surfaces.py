"""BOLD on surfaces (GIFTI, CIFTI) and in parcels (a table): the same record, with points from a geometry file."""

import re
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from assuage.connectivity.bold import read_volume, sidecar_s, space_of
from assuage.connectivity.recording import Recording, Space
from assuage.errors import DataError
from assuage.units import S_PER_MS

MESH_REACH = 1.5
"""Vertices closer than this many median edges are neighbours; across a narrow sulcus that may join two banks."""
SIDES = {"L": "CIFTI_STRUCTURE_CORTEX_LEFT", "R": "CIFTI_STRUCTURE_CORTEX_RIGHT"}


def read_bold(
    path: str | Path,
    *,
    mask: Path | None = None,
    geometry: tuple[Path, ...] = (),
    space: Space | None = None,
    tr_s: float | None = None,
) -> Recording:
    """Read BOLD data of any known kind; the file name says which.

    Parameters
    ----------
    path
        .nii or .nii.gz; .func.gii; .dtseries.nii; or a .tsv or .csv table with one column for each parcel.
    mask
        Of a volume.
    geometry
        Of a surface: .surf.gii in the space of the data (CIFTI: one for each hemisphere, left first). Of a table: a
        table of parcels with columns name, x, y, z in mm.
    space, tr_s
        As in `bold.read_volume`; a table has neither, so both are given.

    Raises
    ------
    HeaderError, DataError
        A file that cannot be read or does not say what must be known.
    """
    file = Path(path)
    if not file.is_file():
        raise DataError(f"no such file: {file}; check the path")
    if file.name.endswith(".dtseries.nii"):
        return _cifti(file, geometry, space, tr_s)
    if file.name.endswith(".gii"):
        return _gifti(file, geometry, space, tr_s)
    if file.suffix.lower() in {".tsv", ".csv"}:
        return _table(file, geometry, space, tr_s)
    return read_volume(file, mask=mask, space=space, tr_s=tr_s)


def _gifti(path: Path, geometry: tuple[Path, ...], space: Space | None, tr_s: float | None) -> Recording:
    if len(geometry) != 1:
        raise DataError(f"{path} holds no coordinates; add --geometry with its .surf.gii in the same space")
    image = _read(path)
    values = np.stack([array.data for array in image.darrays]).astype(np.float32)
    points = _vertices(geometry[0])
    if values.shape[1] != len(points):
        raise DataError(f"{path} has {values.shape[1]} vertices, {geometry[0]} has {len(points)}; give its own surface")
    step = dict(image.darrays[0].meta).get("TimeStep")
    found = tr_s or sidecar_s(path) or (None if step is None else float(step) * S_PER_MS)
    return _surface(path, values, points, space_of(path, space), found)


def _cifti(path: Path, geometry: tuple[Path, ...], space: Space | None, tr_s: float | None) -> Recording:
    image = _read(path)
    series, brain = image.header.get_axis(0), image.header.get_axis(1)
    points = np.full((len(brain), 3), np.nan)
    voxels = brain.volume_mask
    if voxels.any():
        points[voxels] = brain.voxel[voxels] @ brain.affine[:3, :3].T + brain.affine[:3, 3]
    on_surface = [name for name in SIDES.values() if (brain.name == name).any()]
    if len(geometry) != len(on_surface):
        raise DataError(f"{path} has {len(on_surface)} surfaces; add --geometry with a .surf.gii for each, left first")
    for name, file in zip(on_surface, geometry, strict=True):
        vertices, chosen = _vertices(file), brain.name == name
        if brain.vertex[chosen].max() >= len(vertices):
            raise DataError(f"{file} has {len(vertices)} vertices, too few for {path}; give the matching surface")
        points[chosen] = vertices[brain.vertex[chosen]]
    known = np.isfinite(points).all(1)
    values = np.asarray(image.dataobj, dtype=np.float32)[:, known]
    found = tr_s or (float(series.step) if series.unit.lower() == "second" else None)
    return _surface(path, values, points[known], space_of(path, space), found)


def _table(path: Path, geometry: tuple[Path, ...], space: Space | None, tr_s: float | None) -> Recording:
    if len(geometry) != 1:
        raise DataError(f"{path} holds no coordinates; add --geometry with a table of columns name, x, y, z")
    values, places = _frame(path), _frame(geometry[0])
    if not {"name", "x", "y", "z"} <= set(places):
        raise DataError(f"{geometry[0]} has columns {', '.join(map(str, places))}; it needs name, x, y, z")
    places = places.set_index(places["name"].astype(str))
    unknown = [str(name) for name in values if str(name) not in places.index]
    if unknown:
        raise DataError(f"{geometry[0]} has no place for {len(unknown)} parcels of {path}, such as {unknown[0]}")
    found = tr_s or sidecar_s(path)
    if found is None:
        raise DataError(f"{path} does not say its repetition time; add --tr SECONDS")
    try:
        series = values.to_numpy(dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{path} holds what is no number ({error}); give one column of numbers for each parcel"
        ) from None
    points = places.loc[[str(name) for name in values], ["x", "y", "z"]].to_numpy(dtype=np.float64)
    return Recording(
        name=path.name, kind="parcels", series=series, points_mm=points, space=space_of(path, space), tr_s=found,
        spacing_mm=0.0, reach_mm=0.0,
        notes=("parcels: the target can only be the centre of one, so its error bar is as coarse as they are",),
    )  # fmt: skip


def _surface(
    path: Path, values: NDArray[np.float32], points: NDArray[np.float64], space: Space, tr_s: float | None
) -> Recording:
    if tr_s is None:
        raise DataError(f"{path} does not say its repetition time; add --tr SECONDS")
    used = np.isfinite(points).all(1) & (values.std(0) > 0)
    spacing = float(np.median(np.asarray(cKDTree(points[used]).query(points[used], k=2)[0])[:, 1]))
    return Recording(
        name=path.name, kind="surface", series=np.ascontiguousarray(values[:, used]), points_mm=points[used],
        space=space, tr_s=tr_s, spacing_mm=spacing, reach_mm=MESH_REACH * spacing,
    )  # fmt: skip


def _vertices(path: Path) -> NDArray[np.float64]:
    image = _read(path)
    arrays = image.get_arrays_from_intent("NIFTI_INTENT_POINTSET") if hasattr(image, "darrays") else []
    if not arrays:
        raise DataError(f"{path} holds no vertices; give a .surf.gii")
    return np.asarray(arrays[0].data, dtype=np.float64)


def _read(path: Path) -> Any:
    if not path.is_file():
        raise DataError(f"no such file: {path}; check the path")
    try:
        return nib.load(path)
    except Exception as error:  # nibabel's readers raise whatever their parsers do
        raise DataError(f"{path} cannot be read ({type(error).__name__}: {error}); export it again") from None


def _frame(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise DataError(f"no such file: {path}; check the path")
    try:
        return pd.read_csv(path, sep="," if re.search(r"\.csv$", path.name, re.IGNORECASE) else "\t")
    except (ValueError, pd.errors.ParserError) as error:
        raise DataError(f"{path} is no table ({error}); give one column for each parcel") from None
