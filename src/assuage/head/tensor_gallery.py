"""Diffusion tensors of known anatomy, written as the programs write them: for tests, benchmarks and docs.

The fibres are no real ones. They cross the midline and fan out upwards, forwards and backwards, in shells of 6 mm that
each run their own way, so that they continue along themselves and not across.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from assuage.head.diffusion import COMPONENTS, INTENT_SYMMATRIX, ORDERS, Frame, Order, frame_axes, packed, turned
from assuage.head.model import Head

Array = NDArray[np.float64]

ACROSS, ALONG = 3.5e-4, 1.6e-3
"""Diffusivities of a coherent bundle of white matter, mm2/s (Pierpaoli et al. 1996, Radiology 201:637-648)."""
GREY, CSF = 8e-4, 3e-3
AXIS_Z_MM, SHELL_MM = 62.0, 6.0
"""The shells lie about a line from back to front at this height, MNI."""


def bundle(directions: ArrayLike, along: float = ALONG, across: float = ACROSS) -> Array:
    """Return tensors (n, 3, 3) of fibres along directions (n, 3)."""
    given = np.asarray(directions, dtype=np.float64)
    unit = given / np.linalg.norm(given, axis=1, keepdims=True)
    return np.asarray(across * np.eye(3) + (along - across) * unit[:, :, None] * unit[:, None, :])


def commissural(mni_mm: ArrayLike) -> Array:
    """Return unit directions (n, 3) of the fibres at MNI points (n, 3), mm."""
    x, y, z = np.asarray(mni_mm, dtype=np.float64).T
    radius = np.maximum(np.hypot(x, AXIS_Z_MM - z), 1e-6)
    around = np.stack([AXIS_Z_MM - z, np.zeros_like(x), x], 1) / radius[:, None]
    way = np.where(np.floor(radius / SHELL_MM) % 2 == 0, 1, -1)
    angle = np.deg2rad(50.0 * np.tanh(x / 15.0) * y / 60.0 + 25.0 * way)
    return np.asarray(np.cos(angle)[:, None] * around + np.sin(angle)[:, None] * np.array([0.0, 1.0, 0.0]))


def scan_grid(
    head: Head, voxel_mm: ArrayLike = 2.0, *, turn_deg: Sequence[float] = (0, 0, 0), margin_mm: float = 6.0
) -> tuple[Array, tuple[int, int, int]]:
    """Return affine (4, 4) and shape of a scan that covers a head, its axes turned by Euler angles about x, y, z."""
    size = np.broadcast_to(np.asarray(voxel_mm, dtype=np.float64), 3)
    turn = Rotation.from_euler("xyz", turn_deg, degrees=True).as_matrix()
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in head.labels.shape])).reshape(3, -1).T
    local = (corners @ head.affine[:3, :3].T + head.affine[:3, 3]) @ turn
    low, high = local.min(0) - margin_mm, local.max(0) + margin_mm
    nx, ny, nz = (int(n) for n in np.ceil((high - low) / size).astype(int) + 1)
    affine = np.eye(4)
    affine[:3, :3] = turn * size
    affine[:3, 3] = turn @ low
    return affine, (nx, ny, nz)


def places(affine: Array, shape: Sequence[int]) -> Array:
    """Return the world points (n, 3) of the voxels of a grid, mm."""
    index = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1).reshape(-1, 3)
    return np.asarray(index @ affine[:3, :3].T + affine[:3, 3])


def anatomy(
    head: Head,
    affine: Array,
    shape: Sequence[int],
    *,
    directions: Callable[[ArrayLike], Array] = commissural,
    noise: float = 0.02,
    seed: int = 0,
) -> Array:
    """Return world tensors (nx, ny, nz, 3, 3): bundles in white matter, isotropic beside it, 0 outside the brain.

    Parameters
    ----------
    directions
        Fibres at MNI points; a head without MNI frame is taken to lie in it.
    noise
        Of every component, as a share of the diffusivity of grey matter.
    """
    points = places(affine, shape)
    tissue = head.tissue_at(points)
    tensors = np.zeros((len(points), 3, 3))
    for name, value in (("grey_matter", GREY), ("csf", CSF)):
        tensors[tissue == name] = value * np.eye(3)
    white = tissue == "white_matter"
    tensors[white] = bundle(_fibres(head, points[white], directions))
    brain = np.isin(tissue, ("white_matter", "grey_matter", "csf"))
    spread = np.random.default_rng(seed).normal(size=(int(brain.sum()), 3, 3)) * noise * GREY
    tensors[brain] += spread + spread.transpose(0, 2, 1)
    return tensors.reshape(*shape, 3, 3)


def write_tensors(
    path: Path,
    tensors: Array,
    affine: Array,
    *,
    order: Order = "fsl",
    frame: Frame | None = None,
    symmetric_matrix: bool = False,
) -> Path:
    """Write world tensors (nx, ny, nz, 3, 3) as a program would, and return the path.

    Parameters
    ----------
    order, frame
        As in `assuage.head.diffusion.read_tensors`.
    symmetric_matrix
        With five dimensions and the NIfTI intent of a symmetric matrix.
    """
    axes = frame_axes(affine, ORDERS[order].frame if frame is None else frame)
    own = packed(turned(tensors.reshape(-1, 3, 3), axes.T))
    values = own[:, [COMPONENTS.index(name) for name in ORDERS[order].components]].reshape(*tensors.shape[:3], 6)
    image = nib.Nifti1Image((values[..., None, :] if symmetric_matrix else values).astype(np.float32), affine)
    image.set_sform(affine, 1)
    image.set_qform(affine, 1)
    image.header.set_xyzt_units("mm")
    if symmetric_matrix:
        image.header["intent_code"] = INTENT_SYMMATRIX
    nib.save(image, path)
    return path


def _fibres(head: Head, points_mm: Array, directions: Callable[[ArrayLike], Array]) -> Array:
    if head.mni is None:
        return directions(points_mm)
    mni = head.mni.head_to_mni(points_mm)
    step = directions(mni)
    return head.mni.mni_to_head(mni + step) - head.mni.mni_to_head(mni - step)
