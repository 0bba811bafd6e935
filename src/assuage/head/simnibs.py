"""What a SimNIBS 4 `m2m_*` folder holds besides the labels: tissue tags, MNI deformations, fiducials, the T1.

The deformations `toMNI/Conform2MNI_nonl.nii.gz` (on the scan's grid) and `toMNI/MNI2Conform_nonl.nii.gz` (on the MNI
grid) hold, for each voxel, the coordinates in the other space, mm. Files that are absent are left out.
"""

from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from assuage.errors import HeaderError
from assuage.head.cap import read_cap
from assuage.head.fiducials import NAMES
from assuage.head.mni import MniTransform, Warp

Float = NDArray[np.float64]

TISSUES = {
    1: "white_matter",
    2: "grey_matter",
    3: "csf",
    4: "skull",
    5: "scalp",
    6: "eyes",
    7: "skull_compact",
    8: "skull_spongy",
    9: "blood",
    10: "muscle",
    11: "cartilage",
    12: "fat",
}
"""Volume tags of `final_tissues.nii.gz`."""
LABEL_FILE = "final_tissues.nii.gz"
FIELD_SPACING_MM = 3.0
"""Deformations are smooth; they are kept at this spacing."""
FIT_POINTS = 20_000


def read_mni_transform(folder: Path) -> MniTransform | None:
    """Return the MNI transform of a folder, None if it holds no deformations.

    Raises
    ------
    HeaderError
        A deformation that is not a 4-D NIfTI with three components.
    """
    forward, backward = folder / "toMNI" / "Conform2MNI_nonl.nii.gz", folder / "toMNI" / "MNI2Conform_nonl.nii.gz"
    if not (forward.exists() and backward.exists()):
        return None
    return MniTransform(forward=_read_warp(forward), backward=_read_warp(backward), space="MNI152 (SimNIBS)")


def read_fiducials_mm(folder: Path) -> dict[str, Float] | None:
    """Return Nz, Iz, LPA, RPA of `eeg_positions/Fiducials.csv`, None if it is absent or incomplete."""
    path = folder / "eeg_positions" / "Fiducials.csv"
    if not path.exists():
        return None
    places = read_cap(path).places_mm
    return {name: places[name] for name in NAMES} if set(NAMES) <= set(places) else None


def _read_warp(path: Path) -> Warp:
    """Turn a field of coordinates into an affine fit and a displacement on a coarser grid."""
    image = nib.load(path)
    if len(image.shape) != 4 or image.shape[3] != 3:
        raise HeaderError(f"{path.name} has shape {image.shape}, not (nx, ny, nz, 3); run the segmentation again")
    affine = np.asarray(image.affine, dtype=np.float64)
    step = np.maximum(1, np.round(FIELD_SPACING_MM / np.linalg.norm(affine[:3, :3], axis=0)).astype(int))
    there = np.asarray(image.dataobj, dtype=np.float32)[:: step[0], :: step[1], :: step[2]].astype(np.float64)
    grid = affine.copy()
    grid[:3, :3] *= step
    index = np.moveaxis(np.indices(there.shape[:3]), 0, -1)
    here = index @ grid[:3, :3].T + grid[:3, 3]
    points, images = here.reshape(-1, 3), there.reshape(-1, 3)
    some = slice(None, None, max(1, len(points) // FIT_POINTS))
    design = np.c_[points[some], np.ones(len(points[some]))]
    solution, *_ = np.linalg.lstsq(design, images[some], rcond=None)
    linear = np.eye(4)
    linear[:3] = solution.T
    displacement = (there - (here @ linear[:3, :3].T + linear[:3, 3])).astype(np.float32)
    return Warp(linear=linear, displacement_mm=displacement, grid_affine=grid)
