"""Between NumPy arrays in RAS+ mm and SimpleITK images in LPS mm; SimpleITK is an optional extra."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assuage.errors import HeadError

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def itk() -> Any:
    """Return the module SimpleITK.

    Raises
    ------
    HeadError
        It is not installed.
    """
    try:
        import SimpleITK  # noqa: PLC0415
    except ImportError as error:
        raise HeadError(
            'building a head needs SimpleITK, which is not installed; run: pip install "assuage[build-head]"'
        ) from error
    return SimpleITK


def to_itk(volume: NDArray[Any], affine: NDArray[np.float64], *, vector: bool = False) -> Any:
    """Return an array (nx, ny, nz) or (nx, ny, nz, 3) as an image; vectors keep their components."""
    axes = (2, 1, 0, 3) if vector else (2, 1, 0)
    image = itk().GetImageFromArray(np.ascontiguousarray(volume.transpose(axes)), isVector=vector)
    world = LPS @ affine
    spacing = np.linalg.norm(world[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((world[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(world[:3, 3].tolist())
    return image


def from_itk(image: Any) -> NDArray[Any]:
    """Return the values of an image as (nx, ny, nz) or (nx, ny, nz, 3)."""
    values = itk().GetArrayFromImage(image)
    return np.ascontiguousarray(values.transpose((2, 1, 0, 3) if values.ndim == 4 else (2, 1, 0)))
