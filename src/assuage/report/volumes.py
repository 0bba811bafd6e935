"""Volumes for the viewer: cropped, thinned, quantised to 8 bits, gzipped, as base64 text inside the page."""

import base64
import gzip
from dataclasses import dataclass
from typing import Any

import numpy as np
from nibabel.nifti1 import Nifti1Header
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

T1_VOXELS = 9_000_000
"""A 1 mm head fits; its 8-bit gzip is about 4 MB, so that a report stays far below 25 MB."""
FIELD_VOXELS = 1_500_000
"""Fields are smooth: a 2 mm head fits, and several techniques fit one report."""
BACKGROUND = 0.02
"""Voxels below this share of the display range are cropped away at the borders."""

DATA_OFFSET = 352
"""Header and an empty extension, as the single-file NIfTI-1 format lays them out."""

Float = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Volume:
    """A scalar image: data (nx, ny, nz) and its (4, 4) affine to RAS+ mm."""

    data: NDArray[Any]
    affine: Float

    @property
    def voxel_mm(self) -> Float:
        """Edge lengths of a voxel, (3,) mm."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0), dtype=np.float64)


def display_range(data: NDArray[Any]) -> tuple[float, float]:
    """Return 0 and the 99.9th percentile of what is not 0: one bright voxel does not darken the rest."""
    positive = data[data > 0]
    return (0.0, float(np.percentile(positive, 99.9))) if positive.size else (0.0, 1.0)


def thinned(volume: Volume, *, limit: int) -> Volume:
    """Crop to what is not background and keep every n-th voxel so that at most `limit` remain."""
    data = volume.data
    low, high = display_range(data)
    filled = data > low + BACKGROUND * (high - low)
    if not filled.any():
        return volume
    box = []
    for axis in range(3):
        hit = np.flatnonzero(filled.any(axis=tuple(a for a in range(3) if a != axis)))
        box.append(slice(max(int(hit[0]) - 2, 0), int(hit[-1]) + 3))
    start = np.array([part.start for part in box], dtype=np.float64)
    cropped = data[tuple(box)]
    step = 1
    while np.prod([-(-n // step) for n in cropped.shape]) > limit:
        step += 1
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ start
    affine[:3, :3] *= step
    return Volume(data=cropped[::step, ::step, ::step], affine=affine)


def outlined(mask: Volume) -> Volume:
    """Return the border of a mask, one voxel wide, so that what lies inside stays visible; cropped to it."""
    inside = np.asarray(mask.data) > 0
    border = binary_dilation(inside) & ~inside
    return thinned(Volume(data=border.astype(np.uint8), affine=mask.affine), limit=T1_VOXELS)


def as_base64(volume: Volume, *, high: float) -> str:
    """Return a volume as the base64 text of a gzipped 8-bit NIfTI whose scale restores its unit.

    Parameters
    ----------
    volume
        Not negative.
    high
        What 255 stands for; larger values are clipped.
    """
    scale = high / 255.0
    codes = np.clip(np.round(np.nan_to_num(np.asarray(volume.data, dtype=np.float32)) / scale), 0, 255).astype(np.uint8)
    header = Nifti1Header()
    header.set_data_dtype(np.uint8)
    header.set_data_shape(codes.shape)
    header.set_xyzt_units("mm")
    header.set_sform(volume.affine, code=1)
    header.set_qform(volume.affine, code=1)
    header.set_slope_inter(scale, 0.0)
    header["vox_offset"] = DATA_OFFSET
    header["cal_max"] = high
    data = header.binaryblock.ljust(DATA_OFFSET, b"\0") + codes.tobytes(order="F")
    return base64.b64encode(gzip.compress(data, 6, mtime=0)).decode("ascii")
