"""Voxel morphology with Euclidean balls, components, and anti-aliased surfaces; radii in voxels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]
Volume = NDArray[np.float32]


def gauss(volume: NDArray[Any], sigma: float) -> Volume:
    """Return the volume smoothed by a Gaussian, float32."""
    smooth: Volume = ndimage.gaussian_filter(np.asarray(volume, np.float32), sigma, truncate=3.0)
    return smooth


def distance_to(mask: Mask) -> Volume:
    """Return the distance from every voxel to the nearest True voxel, 0 inside."""
    return np.asarray(ndimage.distance_transform_edt(~mask), dtype=np.float32)


def dilate(mask: Mask, radius: float) -> Mask:
    """Return the dilation by a ball."""
    return np.asarray(distance_to(mask) <= radius)


def erode(mask: Mask, radius: float) -> Mask:
    """Return the erosion by a ball; the border of the array does not erode."""
    wide = np.pad(mask, 1, mode="edge")
    return np.asarray(ndimage.distance_transform_edt(wide)[1:-1, 1:-1, 1:-1] > radius)


def opened(mask: Mask, radius: float) -> Mask:
    """Return the opening by a ball: what is narrower than the ball goes."""
    return dilate(erode(mask, radius), radius)


def closed(mask: Mask, radius: float) -> Mask:
    """Return the closing by a ball; beyond the array is outside."""
    n = int(np.ceil(radius)) + 1
    wide = np.pad(mask, n)
    return ~dilate(~dilate(wide, radius), radius)[n:-n, n:-n, n:-n]


def largest(mask: Mask) -> Mask:
    """Return the largest face-connected component."""
    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == sizes.argmax())


def without_small(mask: Mask, minimum_voxels: int) -> Mask:
    """Return the mask without the face-connected components below a size."""
    labels, _ = ndimage.label(mask)
    keep = np.bincount(labels.ravel()) >= minimum_voxels
    keep[0] = False
    return np.asarray(keep[labels])


def filled(mask: Mask) -> Mask:
    """Return the mask with its holes filled."""
    return np.asarray(ndimage.binary_fill_holes(mask))


def membership(mask: NDArray[Any], sigma: float) -> Volume:
    """Return an anti-aliased membership in 0..1: the half level of the smoothed mask, with a ramp of about 1.5 voxels.

    A Gaussian edge has the slope 1 / (sigma sqrt(2 pi)) at its half level; steepening it to 0.65 per voxel keeps the
    smooth surface and loses the blur.
    """
    gain = max(1.0, 0.65 * sigma * float(np.sqrt(2 * np.pi)))
    return np.asarray(np.clip(0.5 + gain * (gauss(mask, sigma) - 0.5), 0.0, 1.0), dtype=np.float32)
