"""Preprocessed BOLD from NIfTI: the header audited, the space known, the repetition time known, or refused.

A file of fMRIPrep says its space in its name (`space-T1w`, `space-MNI152...`) and has a mask and a sidecar beside it;
for other files the space and the mask are given.
"""

import json
import re
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from assuage.connectivity.recording import Recording, Space
from assuage.errors import DataError, HeaderError
from assuage.space import audit_header

SECONDS_PER = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6}
MNI_CODE = 4
"""NIfTI sform or qform code of MNI152."""
PARTIAL_VIEW = "field of view too small for a head"
"""A slab of BOLD is no refusal: seed and region are looked for in what there is."""
DIAGONAL = 1.75
"""A voxel and those at its corners are neighbours: sqrt(3) edges."""


def read_volume(
    path: Path, *, mask: Path | None = None, space: Space | None = None, tr_s: float | None = None
) -> Recording:
    """Read a 4-D NIfTI within a mask.

    Parameters
    ----------
    path
        Preprocessed BOLD.
    mask
        3-D NIfTI on the same grid; None: the brain mask that fMRIPrep writes beside the data.
    space
        "head" for the person's T1, "mni"; None: as the file name or the header says.
    tr_s
        Repetition time; None: as the sidecar or the header says.

    Raises
    ------
    HeaderError, DataError
        Not 4-D, no orientation, no mask on the same grid, a space or time that is missing or contradicts itself.
    """
    image = _load(path)
    if len(image.shape) != 4 or image.shape[3] < 2:
        raise DataError(f"{path} has shape {image.shape}; BOLD data have four dimensions and many frames")
    audit = audit_header(image.slicer[..., 0], name=str(path))
    for finding in audit.refusals:
        if finding.what != PARTIAL_VIEW:
            raise HeaderError(f"{path}: {finding}")
    inside = _mask(_mask_beside(path) if mask is None else mask, image, path)
    index = np.argwhere(inside)
    edges = np.linalg.norm(audit.affine[:3, :3], axis=0)
    return Recording(
        name=path.name,
        kind="volume",
        series=np.ascontiguousarray(np.asarray(image.dataobj, dtype=np.float32)[inside].T),
        points_mm=index @ audit.affine[:3, :3].T + audit.affine[:3, 3],
        space=space_of(path, space, codes=(audit.sform_code, audit.qform_code)),
        tr_s=_repetition_s(path, image, tr_s),
        spacing_mm=float(edges.mean()),
        reach_mm=DIAGONAL * float(edges.max()),
    )


def space_of(path: Path, given: Space | None, *, codes: tuple[int, int] = (0, 0)) -> Space:
    """Return the space of a file: as given, as its name says, or as the NIfTI codes say.

    Raises
    ------
    DataError
        Nothing says it, the name says another than the one given, or a space that is neither.
    """
    entity = re.search(r"space-([A-Za-z0-9]+)", path.name)
    named: Space | None = None
    if entity:
        label = entity.group(1)
        named = "head" if label in {"T1w", "anat", "individual"} else "mni" if label.startswith("MNI152") else None
        if named is None and given is None:
            raise DataError(f"{path} is in space {label}; give data in the person's T1 or in MNI152, or say --space")
    if given is not None and named is not None and given != named:
        raise DataError(f"{path} says space {named} in its name, --space says {given}; give the right one")
    if given or named:
        return given or named  # type: ignore[return-value]
    if MNI_CODE in codes:
        return "mni"
    raise DataError(f"{path} does not say its space; add --space head (the person's T1) or --space mni")


def sidecar_s(path: Path) -> float | None:
    """Return the repetition time, s, out of the JSON file beside the data, or None."""
    side = path.with_name(re.sub(r"\.(nii|func|dtseries|tsv|csv)(\..+)?$", "", path.name) + ".json")
    if not side.is_file():
        return None
    try:
        value = json.loads(side.read_text(encoding="utf-8")).get("RepetitionTime")
    except (ValueError, AttributeError):
        raise DataError(f"{side} is no JSON sidecar; repair or remove it") from None
    return None if value is None else float(value)


def _load(path: Path) -> Any:
    if not path.is_file():
        raise DataError(f"no such file: {path}; check the path")
    try:
        return nib.load(path)
    except (nib.filebasedimages.ImageFileError, OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}); give NIfTI, GIFTI, CIFTI or a table") from None


def _mask_beside(path: Path) -> Path:
    beside = path.with_name(re.sub(r"desc-[A-Za-z0-9]+_bold", "desc-brain_mask", path.name))
    if beside == path or not beside.is_file():
        raise DataError(f"{path} has no brain mask beside it; give one on the same grid with --mask FILE")
    return beside


def _mask(path: Path, image: Any, bold: Path) -> NDArray[np.bool_]:
    mask = _load(path)
    if mask.shape[:3] != image.shape[:3] or not np.allclose(mask.affine, image.affine, atol=1e-3):
        raise DataError(f"mask {path} is on another grid than {bold}; resample it to the BOLD grid")
    inside = np.asarray(mask.dataobj).reshape(mask.shape[:3]) > 0
    if not inside.any():
        raise DataError(f"mask {path} is empty; give the brain mask of this run")
    return inside


def _repetition_s(path: Path, image: Any, given: float | None) -> float:
    zoom, unit = float(image.header.get_zooms()[3]), image.header.get_xyzt_units()[1]
    header = zoom * SECONDS_PER[unit] if unit in SECONDS_PER and zoom > 0 else None
    side = sidecar_s(path)
    if given is not None:
        return given
    if side is not None and header is not None and abs(side - header) > 1e-3:
        raise DataError(
            f"{path}: repetition time {header:g} s in the header, {side:g} s in the sidecar; add --tr SECONDS"
        )
    found = side or header
    if found is None:
        raise DataError(f"{path} does not say its repetition time; add --tr SECONDS")
    return found
