"""The image that a navigator shows: what its header says about space, and whether poses fit it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from numpy.typing import NDArray

from assuage.errors import HeaderError, PoseError
from assuage.space.audit import DISAGREEMENT_WARN_MM, audit_header
from assuage.space.markers import Marker

Float = NDArray[np.float64]

NIFTI_NAMES = {1: "Scanner", 2: "Aligned", 3: "Talairach", 4: "MNI-152", 5: "Other-Template"}
"""NIfTI codes as Brainsight names them."""
OUTSIDE_MM = 40.0
"""A coil centre farther outside the image does not touch a head inside it (scalp distance of at most 40 mm)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReferenceImage:
    """Header facts of a NIfTI image; world RAS+ mm.

    Attributes
    ----------
    affine
        (4, 4), the sform if its code is above 0, else the qform.
    apart_mm
        Largest distance between the places that sform and qform give a corner; 0 if only one is present.
    quatern, qoffset, pixdim
        The qform as the header stores it; `pixdim[0]` is its sign.
    """

    name: str
    shape: tuple[int, int, int]
    affine: Float
    sform_code: int
    qform_code: int
    apart_mm: float
    quatern: tuple[float, ...]
    qoffset: tuple[float, ...]
    pixdim: tuple[float, ...]

    def require_one_world(self) -> None:
        """Refuse an image whose two transforms differ: navigators do not agree on which one to read.

        Raises
        ------
        HeaderError
            qform and sform place a corner more than 0.1 mm apart.
        """
        if self.apart_mm > DISAGREEMENT_WARN_MM:
            raise HeaderError(
                f"{self.name}: qform (code {self.qform_code}) and sform (code {self.sform_code}) place a corner "
                f"{self.apart_mm:.2f} mm apart, and navigators read one or the other; make both equal in the header"
            )

    @property
    def frame_name(self) -> str:
        """Name of the image's world in Brainsight's list; a code of 2 (aligned) counts first.

        Raises
        ------
        HeaderError
            The two transforms differ.
        """
        self.require_one_world()
        codes = (self.sform_code, self.qform_code)
        code = 2 if 2 in codes else next(code for code in codes if code > 0)
        return f"NIfTI:{NIFTI_NAMES[code]}"

    def require_facing(self, markers: Iterable[Marker]) -> None:
        """Refuse coils that look away from the middle of the image, or lie far outside it.

        Raises
        ------
        PoseError
            Turned by 180 degrees, or in the coordinates of another image.
        """
        size = np.asarray(self.shape)
        middle = (self.affine @ [*((size - 1) / 2), 1])[:3]
        inverse = np.linalg.inv(self.affine)
        voxel = np.linalg.norm(self.affine[:3, :3], axis=0)
        for marker in markers:
            centre = marker.pose[:3, 3]
            index = (inverse @ [*centre, 1])[:3]
            outside = float(np.linalg.norm(np.maximum(np.maximum(-0.5 - index, index - size + 0.5), 0) * voxel))
            where = f"marker {marker.name!r} at {' '.join(f'{x:.1f}' for x in centre)} mm"
            if outside > OUTSIDE_MM:
                raise PoseError(
                    f"{where} lies {outside:.0f} mm outside {self.name}; it belongs to another image, or RAS and LPS "
                    "are mixed up"
                )
            if marker.pose[:3, 2] @ (middle - centre) <= 0:
                raise PoseError(
                    f"{where} faces away from the head in {self.name}: the coil is turned by 180 degrees, or RAS and "
                    "LPS are mixed up; check the axes of the export"
                )


def read_reference(path: str | Path) -> ReferenceImage:
    """Read the header facts of a NIfTI image; its voxels are not touched.

    Raises
    ------
    HeaderError
        Not a NIfTI image of a head, or a code that NIfTI does not define.
    """
    path = Path(path)
    try:
        image: Any = nib.load(path)
    except (ImageFileError, OSError, EOFError, ValueError) as error:
        raise HeaderError(
            f"{path} cannot be read as NIfTI ({error}); name the image that the navigator shows"
        ) from None
    audit = audit_header(image, name=path.name, orientation="sform").require()
    header = image.header
    codes = audit.sform_code, audit.qform_code
    unknown = [code for code in codes if code and code not in NIFTI_NAMES]
    if unknown:
        raise HeaderError(f"{path.name}: transform code {unknown[0]} is not defined by NIfTI; write 1 to 5")
    apart = 0.0
    if min(codes) > 0:
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in audit.shape], indexing="ij")).reshape(3, -1)
        gap = (header.get_sform() - header.get_qform())[:3]
        apart = float(np.linalg.norm(gap[:, :3] @ corners + gap[:, 3:], axis=0).max())
    return ReferenceImage(
        name=path.name,
        shape=audit.shape,
        affine=audit.affine,
        sform_code=codes[0],
        qform_code=codes[1],
        apart_mm=apart,
        quatern=tuple(float(header[f"quatern_{axis}"]) for axis in "bcd"),
        qoffset=tuple(float(header[f"qoffset_{axis}"]) for axis in "xyz"),
        pixdim=tuple(float(value) for value in header["pixdim"][:4]),
    )
