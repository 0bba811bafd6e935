"""MNI frame and fiducials of a built head: those of the embedded head, carried through the registration."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from assuage.head.mni import MniTransform, Warp
from assuage.segmentation.template import Registered, template

Float = NDArray[np.float64]

SPACING_MM = 4.0
ITERATIONS = 40
MNI_LOW_MM, MNI_HIGH_MM = (-100.0, -136.0, -90.0), (100.0, 100.0, 116.0)


def to_template(registered: Registered, points_mm: Float) -> Float:
    """Return where points (n, 3) mm of the person lie in the embedded head."""
    moved = points_mm + _displacement(registered, points_mm)
    return np.asarray(moved @ registered.affine[:3, :3].T + registered.affine[:3, 3], dtype=np.float64)


def from_template(registered: Registered, points_mm: Float) -> Float:
    """Return where points (n, 3) mm of the embedded head lie in the person: p = A^-1 q - v(p), iterated."""
    back = np.linalg.inv(registered.affine)
    straight = np.asarray(points_mm, dtype=np.float64).reshape(-1, 3) @ back[:3, :3].T + back[:3, 3]
    found = straight
    for _ in range(ITERATIONS):
        found = 0.5 * (found + straight - _displacement(registered, found))
    return np.asarray(found, dtype=np.float64)


def _displacement(registered: Registered, points_mm: Float) -> Float:
    if registered.displacement_mm is None:
        return np.zeros_like(points_mm)
    back = np.linalg.inv(registered.grid.affine)
    at = (points_mm @ back[:3, :3].T + back[:3, 3]).T
    fields = np.moveaxis(registered.displacement_mm, -1, 0)
    return np.stack([map_coordinates(f, at, order=1, mode="nearest", prefilter=False) for f in fields], -1)


def fiducials_from_template(registered: Registered) -> dict[str, Float]:
    """Return nasion, inion and preauricular points, each (3,) mm, near the person's scalp."""
    known = template().head.fiducials_mm
    points = from_template(registered, np.array(list(known.values())))
    return dict(zip(known, points, strict=True))


def mni_of(registered: Registered) -> MniTransform:
    """Return the person's map to MNI and back: through the embedded head, sampled every `SPACING_MM`."""
    known = template().head.mni
    if known is None:  # the embedded head always has one
        raise AssertionError
    low = registered.grid.affine[:3, 3]
    axes = registered.grid.affine[:3, :3] / registered.grid.voxel_mm
    extent = (np.array(registered.grid.shape) - 1) * registered.grid.voxel_mm
    forward_linear = known.forward.linear @ registered.affine
    forward = _sampled(lambda p: known.head_to_mni(to_template(registered, p)), forward_linear, axes, low, extent)
    mni_low = np.array(MNI_LOW_MM)
    backward = _sampled(
        lambda m: from_template(registered, known.mni_to_head(m)),
        np.linalg.inv(registered.affine) @ known.backward.linear,
        np.eye(3),
        mni_low,
        np.array(MNI_HIGH_MM) - mni_low,
    )
    return MniTransform(forward=forward, backward=backward)


def _sampled(carry, linear: Float, axes: Float, low: Float, extent: Float) -> Warp:  # type: ignore[no-untyped-def]
    """Return a map as its linear part and displacements on a grid."""
    shape = tuple(int(n) + 1 for n in np.ceil(extent / SPACING_MM))
    grid_affine = np.eye(4)
    grid_affine[:3, :3] = axes * SPACING_MM
    grid_affine[:3, 3] = low
    index = np.indices(shape).reshape(3, -1).T
    points = index @ grid_affine[:3, :3].T + grid_affine[:3, 3]
    straight = points @ linear[:3, :3].T + linear[:3, 3]
    moved = (carry(points) - straight).reshape(*shape, 3)
    return Warp(linear=linear, displacement_mm=moved.astype(np.float32), grid_affine=grid_affine)
