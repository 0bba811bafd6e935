"""What labels, names, fractions and an affine must be before they make a head."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assuage.errors import HeadError
from assuage.head.tissues import AIR

SHEAR_TOLERANCE = 1e-3
"""Largest |cosine| between two voxel axes: rounding of float32 headers stays far below."""
VOXEL_MM_RANGE = (0.2, 5.0)
"""Finer than 0.2 mm is a unit error (metres, microscopy), coarser than 5 mm has lost the skull."""


def checked_labels(labels: ArrayLike) -> NDArray[np.unsignedinteger[Any]]:
    """Return a frozen copy of labels (nx, ny, nz) in the smallest unsigned type."""
    array = np.asarray(labels)
    if array.ndim != 3:
        raise HeadError(f"labels have {array.ndim} dimensions, shape {array.shape}; pass one 3-D volume")
    if not (np.issubdtype(array.dtype, np.integer) or array.dtype == np.bool_):
        raise HeadError(f"labels are {array.dtype}, not integers; round them first, e.g. labels.astype('uint8')")
    if min(array.shape) < 2:
        raise HeadError(f"labels have shape {array.shape}; a head needs at least 2 voxels along each axis")
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > np.iinfo(np.uint16).max:
        raise HeadError(f"labels run from {low} to {high}; use 0 for air and 1 to 65535 for tissues")
    if high == 0:
        raise HeadError("every label is 0 (air); a head needs at least one tissue")
    copy: NDArray[np.unsignedinteger[Any]] = array.astype(np.uint8 if high <= 255 else np.uint16)
    copy.flags.writeable = False
    return copy


def used_names(labels: NDArray[np.unsignedinteger[Any]], tissues: Mapping[int, str]) -> set[str]:
    """Return the names of the tissues that have voxels."""
    for key, name in tissues.items():
        if not isinstance(name, str) or not name.strip():
            raise HeadError(f"label {key} has the tissue name {name!r}; give a word such as 'grey_matter'")
        if key == 0 and name != AIR:
            raise HeadError(f"label 0 is named {name!r}, but label 0 never conducts; give that tissue another label")
    counts = np.bincount(labels.reshape(-1))
    present = [int(key) for key in np.flatnonzero(counts) if key != 0]
    unnamed = [key for key in present if key not in tissues]
    if unnamed:
        shown = ", ".join(f"{key} ({counts[key]} voxels)" for key in unnamed[:8])
        raise HeadError(f"{len(unnamed)} labels have no tissue name: {shown}; add them to tissues={{label: name}}")
    return {tissues[key] for key in present}


def checked_fractions(
    fractions: Mapping[str, NDArray[np.uint8]] | None, shape: tuple[int, ...], names: list[str]
) -> dict[str, NDArray[np.uint8]] | None:
    """Return tissue fractions, each uint8 of the shape of the labels."""
    if fractions is None:
        return None
    for key, values in fractions.items():
        if key not in names and key != AIR:
            raise HeadError(f"fractions hold {key!r}, which no label names; add it to tissues={{label: name}}")
        if values.shape != shape or values.dtype != np.uint8:
            raise HeadError(
                f"fraction of {key} is {values.dtype} {values.shape}, need uint8 {shape}; store volume fraction * 255"
            )
    return dict(fractions)


def checked_affine(affine: ArrayLike) -> NDArray[np.float64]:
    """Return a frozen affine (4, 4) without shear and with a voxel size in mm."""
    matrix = np.array(affine, dtype=np.float64)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        raise HeadError(f"affine must be a finite 4x4 matrix, got shape {matrix.shape}; take it from the image header")
    if np.abs(matrix[3] - [0, 0, 0, 1]).max() > 1e-6:
        raise HeadError(f"affine has last row {matrix[3]}, not 0 0 0 1; is the matrix transposed?")
    size = np.linalg.norm(matrix[:3, :3], axis=0)
    if size.min() < VOXEL_MM_RANGE[0] or size.max() > VOXEL_MM_RANGE[1]:
        raise HeadError(
            f"voxel size {np.round(size, 4).tolist()} mm is outside {VOXEL_MM_RANGE[0]}-{VOXEL_MM_RANGE[1]} mm; "
            "is the header in mm?"
        )
    axes = matrix[:3, :3] / size
    shear = float(np.abs(axes.T @ axes - np.eye(3)).max())
    if shear > SHEAR_TOLERANCE:
        raise HeadError(
            f"affine is sheared: |cosine| of two axes is {shear:.3g}; resample the image to orthogonal axes"
        )
    matrix.flags.writeable = False
    return matrix
