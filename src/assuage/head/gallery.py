"""Simple heads with known answers: concentric spheres and slabs, for tests, benchmarks, docs and the demo."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assuage.errors import HeadError
from assuage.head.fiducials import BALL_ELEVATION_DEG
from assuage.head.model import Head

SPHERE_TISSUES = ("grey_matter", "csf", "skull", "scalp")
SUBSAMPLES = 8
"""Lines per voxel edge in the two directions that are sampled; the third is integrated exactly."""
Float = NDArray[np.float64]


def sphere_head(
    *,
    radii_mm: Sequence[float] = (78.0, 80.0, 86.0, 92.0),
    tissues: Sequence[str] = SPHERE_TISSUES,
    conductivity_S_per_m: Mapping[str, float] | Sequence[float] | None = None,
    voxel_mm: float | tuple[float, float, float] = 2.0,
    center_mm: ArrayLike = (0.0, 0.0, 0.0),
    rotation: ArrayLike | None = None,
    margin_mm: float = 6.0,
    hard_labels: bool = False,
    offset_voxels: ArrayLike = (0.0, 0.0, 0.0),
) -> Head:
    """Return concentric spheres with exact tissue fractions.

    Parameters
    ----------
    radii_mm
        Outer radius of each shell, from the inside out.
    tissues
        Tissue of each shell; label k + 1 belongs to shell k.
    conductivity_S_per_m
        By tissue name, or one value per shell; None takes the defaults.
    voxel_mm
        One edge length, or three.
    center_mm
        (3,) centre in world mm.
    rotation
        (3, 3) rotation of the voxel axes in the world (an oblique scan), None for aligned axes.
    margin_mm
        Air around the outer sphere.
    hard_labels
        Leave the fractions out.
    offset_voxels
        (3,) shift of the grid against the centre, in voxels.
    """
    radii = np.asarray(radii_mm, dtype=np.float64)
    if len(radii) != len(tissues) or (np.diff(radii) <= 0).any() or radii[0] <= 0:
        raise HeadError(f"radii_mm {list(radii_mm)} must rise and match the {len(tissues)} tissues")
    size = np.broadcast_to(np.asarray(voxel_mm, dtype=np.float64), 3).copy()
    axes = _checked_rotation(rotation)
    half = np.ceil((radii[-1] + margin_mm) / size).astype(int)
    center_index = half + np.asarray(offset_voxels, dtype=np.float64)
    affine = np.eye(4)
    affine[:3, :3] = axes * size
    affine[:3, 3] = np.asarray(center_mm, dtype=np.float64) - affine[:3, :3] @ center_index
    ticks = [(np.arange(2 * n + 1) - c) * s for n, c, s in zip(half, center_index, size, strict=True)]
    labels = _shell_labels(ticks, radii)
    names = {k + 1: name for k, name in enumerate(tissues)}
    head = Head.from_labels(
        labels,
        affine,
        tissues=names,
        conductivity_S_per_m=_by_name(conductivity_S_per_m, tissues),
        name="sphere",
        fractions=None if hard_labels else _shell_fractions(ticks, size, radii, tissues),
    )
    return replace(
        head,
        given_fiducials_mm=sphere_fiducials_mm(radii[-1], center_mm),
        metadata={"origin": "gallery sphere", "radii_mm": radii.tolist()},
    )


def sphere_fiducials_mm(radius_mm: float, center_mm: ArrayLike = (0.0, 0.0, 0.0)) -> dict[str, Float]:
    """Return Nz, Iz, LPA and RPA on a sphere, `BALL_ELEVATION_DEG` from the equator."""
    angle = np.deg2rad(BALL_ELEVATION_DEG)
    center = np.asarray(center_mm, dtype=np.float64)
    around = {"Nz": (0.0, 1.0), "Iz": (0.0, -1.0), "LPA": (-1.0, 0.0), "RPA": (1.0, 0.0)}
    return {
        name: center + radius_mm * np.array([x * np.cos(angle), y * np.cos(angle), np.sin(angle)])
        for name, (x, y) in around.items()
    }


def slab_head(
    *,
    thicknesses_mm: Sequence[float] = (6.0, 6.0, 3.0, 40.0),
    tissues: Sequence[str] = ("scalp", "skull", "csf", "grey_matter"),
    conductivity_S_per_m: Mapping[str, float] | Sequence[float] | None = None,
    width_mm: float = 80.0,
    voxel_mm: float = 2.0,
    margin_mm: float = 4.0,
    rotation: ArrayLike | None = None,
) -> Head:
    """Return a box of flat layers in air: layer 0 is on top (+z); the box's top face is centred on the origin.

    Parameters
    ----------
    thicknesses_mm, tissues
        Layers from the top down; equal names may repeat.
    conductivity_S_per_m
        By tissue name, or one value per layer.
    width_mm
        Edge of the box along x and y.
    voxel_mm
        Edge length; widths and thicknesses are rounded to whole voxels for the labels, fractions stay exact along z.
    margin_mm
        Air on every side.
    rotation
        (3, 3) rotation of the whole box with its grid.
    """
    if len(thicknesses_mm) != len(tissues) or min(thicknesses_mm) <= 0:
        raise HeadError(f"thicknesses_mm {list(thicknesses_mm)} must be positive and match the {len(tissues)} tissues")
    margin = max(1, round(margin_mm / voxel_mm))
    across = round(width_mm / voxel_mm)
    depth = int(np.ceil(sum(thicknesses_mm) / voxel_mm))
    shape = (across + 2 * margin, across + 2 * margin, depth + 2 * margin)
    top_index = margin + depth - 0.5
    below_mm = (top_index - np.arange(shape[2])) * voxel_mm
    bounds = np.concatenate([[0.0], np.cumsum(thicknesses_mm)])
    inside = slice(margin, margin + across)
    names = list(dict.fromkeys(tissues))
    labels = np.zeros(shape, dtype=np.uint8)
    fractions = {name: np.zeros(shape, dtype=np.uint8) for name in names}
    shares = np.clip((bounds[1:, None] - below_mm) / voxel_mm + 0.5, 0, 1)
    shares -= np.clip((bounds[:-1, None] - below_mm) / voxel_mm + 0.5, 0, 1)
    for k, name in enumerate(tissues):
        column = (below_mm > bounds[k]) & (below_mm <= bounds[k + 1])
        labels[inside, inside, column] = names.index(name) + 1
        fractions[name][inside, inside] += np.round(shares[k] * 255).astype(np.uint8)
    axes = _checked_rotation(rotation)
    affine = np.eye(4)
    affine[:3, :3] = axes * voxel_mm
    affine[:3, 3] = -affine[:3, :3] @ [margin + across / 2 - 0.5, margin + across / 2 - 0.5, top_index]
    return Head.from_labels(
        labels,
        affine,
        tissues={k + 1: name for k, name in enumerate(names)},
        conductivity_S_per_m=_by_name(conductivity_S_per_m, tissues),
        name="slab",
        fractions=fractions,
    )


def _by_name(values: Mapping[str, float] | Sequence[float] | None, tissues: Sequence[str]) -> dict[str, float] | None:
    if values is None:
        return None
    return dict(values) if isinstance(values, Mapping) else dict(zip(tissues, values, strict=True))


def _checked_rotation(rotation: ArrayLike | None) -> Float:
    axes = np.eye(3) if rotation is None else np.asarray(rotation, dtype=np.float64)
    if axes.shape != (3, 3) or np.abs(axes.T @ axes - np.eye(3)).max() > 1e-6:
        raise HeadError("rotation must be an orthonormal 3x3 matrix")
    return axes


def _shell_labels(ticks: list[Float], radii: Float) -> NDArray[np.uint8]:
    """Label each voxel by the shell that holds its centre; 0 outside."""
    x, y, z = ticks
    distance = np.sqrt(x[:, None, None] ** 2 + y[:, None] ** 2 + z**2)
    shell = np.searchsorted(radii, distance, side="right")
    return np.where(shell < len(radii), shell + 1, 0).astype(np.uint8)


def _shell_fractions(
    ticks: list[Float], size: Float, radii: Float, tissues: Sequence[str]
) -> dict[str, NDArray[np.uint8]]:
    """Return shell volume fractions * 255; shares add up exactly because their running sum is what is rounded."""
    running = [np.round(255 * _ball_fraction(ticks, size, radius)).astype(np.int16) for radius in radii]
    fractions: dict[str, NDArray[np.uint8]] = {}
    inner: NDArray[np.int16] = np.zeros_like(running[0])
    for name, outer in zip(tissues, running, strict=True):
        share = (outer - inner).astype(np.uint8)
        fractions[name] = fractions[name] + share if name in fractions else share
        inner = outer
    return fractions


def _ball_fraction(ticks: list[Float], size: Float, radius: float) -> Float:
    """Return the share of each voxel inside a ball about the origin: exact along z, midpoint lines across x and y."""
    x, y, z = ticks
    distance = np.sqrt(x[:, None, None] ** 2 + y[:, None] ** 2 + z**2)
    reach = np.linalg.norm(size) / 2
    fraction = (distance < radius).astype(np.float64)
    i, j, k = np.nonzero(np.abs(distance - radius) < reach)
    step = (np.arange(SUBSAMPLES) + 0.5) / SUBSAMPLES - 0.5
    total = np.zeros(len(i))
    for dx in step * size[0]:
        for dy in step * size[1]:
            half_chord = np.sqrt(np.maximum(radius**2 - (x[i] + dx) ** 2 - (y[j] + dy) ** 2, 0))
            low, high = z[k] - size[2] / 2, z[k] + size[2] / 2
            total += np.clip(np.minimum(high, half_chord) - np.maximum(low, -half_chord), 0, None)
    fraction[i, j, k] = total / (size[2] * SUBSAMPLES**2)
    return fraction
