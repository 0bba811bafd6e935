"""FreeSurfer's MGH and MGZ images as NIfTI: the same voxels, and the same world, scanner RAS in mm."""

import gzip
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError

from assuage.errors import HeaderError

MGH = (".mgz", ".mgh")
FLAG_AT = 28
"""Offset of goodRASFlag, behind seven 4-byte integers."""
SUFFIXES = (".nii", ".nii.gz", *MGH)


def load_volume(path: Path) -> Any:
    """Load a NIfTI, or an MGH image as NIfTI.

    The affine of an MGH image is its vox2ras, with c_ras in it: scanner coordinates, not the surfaces' tkrRAS.

    Raises
    ------
    HeaderError
        Neither, damaged, or an MGH image that does not know its orientation.
    """
    try:
        image: Any = nib.load(path)
        if not isinstance(image, nib.freesurfer.MGHImage):
            return image
        if not _knows_orientation(path):
            raise HeaderError(f"{path.name} does not know its orientation (goodRASFlag 0); write it from the T1 again")
        made = nib.Nifti1Image(np.asarray(image.dataobj), image.affine)
    except (ImageFileError, OSError, EOFError, ValueError) as error:
        raise HeaderError(f"{path.name} cannot be read as NIfTI or MGZ ({error}); export it again") from error
    made.set_sform(image.affine, code=1)
    made.set_qform(image.affine, code=1)
    made.header.set_xyzt_units("mm")
    return made


def _knows_orientation(path: Path) -> bool:
    """Read goodRASFlag from the file itself: nibabel puts a default orientation where it is not set."""
    with (gzip.open if path.suffix == ".mgz" else open)(path, "rb") as file:
        head = file.read(FLAG_AT + 2)
    return bool(np.frombuffer(head, ">i2", count=1, offset=FLAG_AT)[0] > 0)


def stem(path: Path) -> str:
    """Return the name of an image without its suffix."""
    name = path.name.removesuffix(".gz")
    return name.rsplit(".", 1)[0] if name.endswith((".nii", *MGH)) else name
