"""Conductivity tensors of the white matter out of diffusion tensors: one mapping of two, checked and recorded.

With the eigenvalues d of the diffusion tensor (ratios above 10 reduced) and sigma the isotropic conductivity:

    volume-normalised    sigma_i = sigma d_i / (d_1 d_2 d_3)^(1/3)
    direct               sigma_i = s d_i,    s = sigma / <d_1 d_2 d_3>^(1/3)

The eigenvectors are those of the diffusion (Basser et al. 1994, Biophys J 66:259-267; Tuch et al. 2001, PNAS
98:11697-11701). Volume-normalised: every voxel keeps the isotropic conductivity as its geometric mean (Guellmar et al.
2010, NeuroImage 51:145-163; Opitz et al. 2011, NeuroImage 58:849-859). Direct: conductivity is proportional to
diffusion, with one factor that fits the mean volume <> of the tensors to the isotropic conductivity (Rullmann et al.
2009, NeuroImage 44:399-410, here over white matter alone). No eigenvalue exceeds 2 S/m (Opitz et al. 2011).

Both are linear in sigma. What a head keeps is therefore the tensor over sigma, and its conductivity scales it: a change
of the white matter's conductivity, and the error bar over its range, scale the whole tensor.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from assuage.errors import HeadError
from assuage.head.diffusion import Sampled, TensorMap, packed, read_tensors, sample
from assuage.head.diffusion_checks import verify
from assuage.head.model import Head
from assuage.head.tissue_tensors import TissueTensors
from assuage.space.audit import Orientation

Array = NDArray[np.float64]
Mapping = Literal["volume-normalised", "direct"]

WHITE_MATTER = "white_matter"
LARGEST_S_PER_M = 2.0
"""Of an eigenvalue: about the conductivity of CSF (Opitz et al. 2011; aniso_maxcond of SimNIBS)."""


def with_white_matter_tensors(
    head: Head,
    path: str | Path,
    *,
    order: str,
    mapping: str = "volume-normalised",
    frame: str | None = None,
    orientation: Orientation = "auto",
) -> Head:
    """Return the head with anisotropic white matter.

    Parameters
    ----------
    head
        Its T1 and the tensor map share the world; the map may have other voxels, and may be oblique.
    path
        NIfTI of diffusion tensors.
    order
        Whose order and axes: "fsl", "mrtrix", "dipy" or "ants"; see `assuage.head.diffusion.ORDERS`.
    mapping
        "volume-normalised" or "direct".
    frame
        "fsl", "voxel" or "world" where the axes are not the program's own.
    orientation
        "sform" or "qform" where the two disagree; "auto" refuses.

    Raises
    ------
    HeaderError, HeadError
        The map cannot be read, or cannot be this head's in the stated order and axes.
    """
    if mapping not in get_args(Mapping):
        raise HeadError(f"tensor mapping {mapping!r} is not known; choose {' or '.join(get_args(Mapping))}")
    if not (WHITE_MATTER in head.tissues.values() and head.mask(WHITE_MATTER).any()):
        raise HeadError(f"head {head.name!r} has no white matter that the tensors could belong to; plan without them")
    tensors = read_tensors(path, order=order, frame=frame, orientation=orientation)
    points = np.argwhere(head.mask(WHITE_MATTER)) @ head.affine[:3, :3].T + head.affine[:3, 3]
    sampled = sample(tensors, points)
    verified = verify(tensors, head, points, sampled)
    sigma = head.conductivity_S_per_m[WHITE_MATTER]
    relative, capped = relative_eigenvalues(sampled, mapping, sigma)
    vectors = sampled.eigen.vectors
    matrix = np.einsum("nij,nj,nkj->nik", vectors, relative, vectors, optimize=True)
    return head.with_tensors(
        TissueTensors(
            tissue=WHITE_MATTER,
            relative=packed(matrix).astype(np.float32),
            origin=_origin(tensors, sampled, mapping, capped) | {"checks": asdict(verified)},
        )
    )


def relative_eigenvalues(sampled: Sampled, mapping: str, sigma_S_per_m: float) -> tuple[Array, NDArray[np.bool_]]:
    """Return the eigenvalues (n, 3) over the isotropic conductivity, 1 without a tensor, and which were capped (n,)."""
    values = sampled.eigen.values
    volume = values.prod(1)
    if mapping == "direct":
        relative = values / np.cbrt(volume[sampled.usable].mean())
    else:
        relative = values / np.cbrt(volume)[:, None]
    relative = np.where(sampled.usable[:, None], relative, 1.0)
    cap = LARGEST_S_PER_M / sigma_S_per_m
    capped = relative[:, 2] > cap
    return np.minimum(relative, cap), np.asarray(capped)


def _origin(tensors: TensorMap, sampled: Sampled, mapping: str, capped: NDArray[np.bool_]) -> dict[str, Any]:
    """Return where the tensors come from and what was changed in them."""
    usable = sampled.usable
    ratio = sampled.eigen.values[usable, 2] / sampled.eigen.values[usable, 0]
    return {
        "file": tensors.path.name,
        "sha256": tensors.sha256,
        "order": tensors.order,
        "frame": tensors.frame,
        "mapping": mapping,
        "voxel_mm": tuple(float(f"{edge:.5g}") for edge in tensors.voxel_mm),
        "diffusion": float(np.cbrt(sampled.eigen.values[usable].prod(1).mean())),
        "median_ratio": float(np.median(ratio)),
        "isotropic_share": float(1 - usable.mean()),
        "outside_share": float(sampled.outside.mean()),
        "empty_share": float(sampled.empty.mean()),
        "not_positive_share": float(sampled.not_positive.mean()),
        "clipped_share": float(sampled.clipped.mean()),
        "capped_share": float(capped.mean()),
    }
