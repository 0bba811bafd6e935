"""Diffusion tensors of known anatomy, written as the programs write them."""

import nibabel as nib
import numpy as np
from scipy.spatial.transform import Rotation

from assuage.head.diffusion import COMPONENTS, ORDERS, frame_axes, packed, turned

ACROSS, ALONG = 3.5e-4, 1.6e-3
"""Diffusivities of a coherent bundle of white matter, mm2/s."""
GREY = 8e-4


def bundle(directions, along=ALONG, across=ACROSS):
    """Tensors (n, 3, 3) of fibres along directions (n, 3)."""
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return across * np.eye(3) + (along - across) * unit[:, :, None] * unit[:, None, :]


def commissural(mni_mm):
    """Directions (n, 3) of fibres that cross the midline and fan out: in shells about an axis, each turned its own way.

    The fibres stay in their shell of 6 mm, so that they continue along themselves and not across.
    """
    x, y, z = np.asarray(mni_mm, float).T
    radius = np.hypot(x, 62.0 - z)
    around = np.stack([62.0 - z, np.zeros_like(x), x], 1) / radius[:, None]
    angle = np.deg2rad(50.0 * np.tanh(x / 15.0) * y / 60.0 + 25.0 * np.where(np.floor(radius / 6.0) % 2 == 0, 1, -1))
    return np.cos(angle)[:, None] * around + np.sin(angle)[:, None] * np.array([0.0, 1.0, 0.0])


def write(path, tensors, affine, *, order="fsl", frame=None, five=False, intent=None):
    """Write world tensors (nx, ny, nz, 3, 3) as a program would: its order, its axes."""
    axes = frame_axes(affine, ORDERS[order].frame if frame is None else frame)
    shape = tensors.shape[:3]
    own = packed(turned(tensors.reshape(-1, 3, 3), axes.T))
    values = own[:, [COMPONENTS.index(name) for name in ORDERS[order].components]].reshape(*shape, 6)
    image = nib.Nifti1Image((values[..., None, :] if five else values).astype(np.float32), affine)
    image.set_sform(affine, 1)
    image.set_qform(affine, 1)
    image.header.set_xyzt_units("mm")
    if intent is not None:
        image.header["intent_code"] = intent
    nib.save(image, path)
    return path


def grid_over(head, voxel_mm=2.0, *, turn_deg=(0, 0, 0), flip_x=False, margin_mm=6.0):
    """Affine and shape of a scan that covers a head, turned and stored from right to left if wanted."""
    size = np.broadcast_to(np.asarray(voxel_mm, float), 3)
    turn = Rotation.from_euler("xyz", turn_deg, degrees=True).as_matrix()
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in head.labels.shape])).reshape(3, -1).T
    world = corners @ head.affine[:3, :3].T + head.affine[:3, 3]
    local = world @ turn
    low, high = local.min(0) - margin_mm, local.max(0) + margin_mm
    shape = np.ceil((high - low) / size).astype(int) + 1
    affine = np.eye(4)
    affine[:3, :3] = turn * size
    affine[:3, 3] = turn @ low
    if flip_x:
        mirror = np.diag([-1.0, 1, 1, 1])
        mirror[0, 3] = shape[0] - 1
        affine = affine @ mirror
    return affine, tuple(int(n) for n in shape)


def places(affine, shape):
    """World points (n, 3) of the voxels of a grid."""
    index = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1).reshape(-1, 3)
    return index @ affine[:3, :3].T + affine[:3, 3]


def anatomy(head, affine, shape, *, directions=commissural, seed=0, noise=0.02):
    """World tensors on a grid: bundles in white matter, isotropic elsewhere in the brain, 0 outside the head."""
    points = places(affine, shape)
    tissue = head.tissue_at(points)
    tensors = np.zeros((len(points), 3, 3))
    for name, value in (("grey_matter", GREY), ("csf", 3e-3)):
        tensors[tissue == name] = value * np.eye(3)
    white = tissue == "white_matter"
    mni = points[white] if head.mni is None else head.mni.head_to_mni(points[white])
    tensors[white] = bundle(in_head(head, directions(mni), mni))
    spread = np.random.default_rng(seed).normal(size=tensors.shape) * noise * GREY
    tensors[tissue != "air"] += (spread + spread.transpose(0, 2, 1))[tissue != "air"]
    tensors[(tissue == "air") | (tissue == "scalp") | (tissue == "skull")] = 0.0
    return tensors.reshape(*shape, 3, 3)


def in_head(head, directions, mni_mm):
    """Directions of MNI space in the head's world."""
    if head.mni is None:
        return directions
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return head.mni.mni_to_head(mni_mm + unit) - head.mni.mni_to_head(mni_mm - unit)
