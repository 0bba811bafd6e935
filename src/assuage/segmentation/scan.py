"""A scan from a file: header audit, values, hash; nothing is guessed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from numpy.typing import NDArray

from assuage.errors import HeaderError
from assuage.head.hashing import file_hash
from assuage.space.audit import HeaderAudit, Orientation, audit_header

Float = NDArray[np.float64]
Volume = NDArray[np.float32]

LEVELS_LEAST = 30
"""A grey-value image has more distinct values than this; fewer are labels or a mask."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scan:
    """An image of a head.

    Attributes
    ----------
    name
        File name.
    values
        (nx, ny, nz), finite and not negative.
    affine
        (4, 4), voxel index to RAS+ mm.
    sha256
        Hash of the file.
    header
        The audit of its header.
    """

    name: str
    values: Volume
    affine: Float
    sha256: str
    header: HeaderAudit


def read_scan(path: Path, *, orientation: Orientation = "auto") -> Scan:
    """Read a scan.

    Raises
    ------
    HeaderError
        No such file, not NIfTI, a header that fails the audit, or values that are no scan: several volumes, NaN, a
        mask.
    """
    if not path.is_file():
        raise HeaderError(f"{path} is no file; give a T1 as NIfTI (.nii or .nii.gz)")
    try:
        image: Any = nib.load(path)
        audit = audit_header(image, name=path.name, orientation=orientation).require()
        values = np.asarray(image.dataobj, dtype=np.float32).reshape(audit.shape)
    except (ImageFileError, OSError, EOFError, ValueError) as error:
        raise HeaderError(f"{path.name} cannot be read as one NIfTI volume ({error}); export it again") from error
    return Scan(
        name=path.name,
        values=_checked(values, path.name),
        affine=audit.affine,
        sha256=file_hash(path),
        header=audit,
    )


def _checked(values: Volume, name: str) -> Volume:
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise HeaderError(f"{name} holds {bad} voxels that are NaN or infinite; export it again, with 0 for no signal")
    if len(np.unique(values[::3, ::3, ::3])) < LEVELS_LEAST:
        raise HeaderError(
            f"{name} holds fewer than {LEVELS_LEAST} grey values, so it is a mask or labels; give the T1 itself"
        )
    return np.maximum(values, 0)
