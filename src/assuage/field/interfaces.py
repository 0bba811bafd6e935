"""Where the interfaces between tissues run.

A label image says on which side of an interface each voxel's centre lies, no more; tissue fractions say how much of a
voxel lies on each side, with the noise of the image. The interface is taken to be smooth where they allow it. Tissues
are ordered from the inside out, and each interface is the boundary of the union of the tissues up to one of them: a set
without thin layers, however thin the layers between two such boundaries are. With c its indicator and G_s a Gaussian of
width s (in voxels), the distance to a plane, positive inside, is

    d_s = sqrt(2 pi) s (G_s c - 1/2),

and a sphere of radius R comes out s^2 / R too small, which the distance used here, 2 d_s - d_(s sqrt 2), does not.

Of labels, a wide Gaussian sees through the terraces of a staircase; it is used wherever it contradicts no label near
by, and the narrow one everywhere else. On a sphere of 40 voxels radius the interface is misplaced by 0.01 voxel (mean
over a neighbourhood; 0.025 by the labels themselves), and a layer half a voxel thick keeps its volume to 0.3 %.

Fractions have no terraces; the narrow Gaussian averages their noise. (What was tried and lost: giving each tissue as
many sub-voxels of a voxel as its fraction asks for. With exact fractions that is as good; with those of a real image
interfaces are rough by a quarter of a voxel, and current leaks through a skull that every spike makes thinner: 4 % more
field in the brain, 8 % under the electrodes.)
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

INSIDE_OUT = (
    "white_matter",
    "lesion",
    "grey_matter",
    "blood",
    "csf",
    "skull_spongy",
    "skull_compact",
    "skull",
    "eyes",
    "cartilage",
    "muscle",
    "fat",
    "scalp",
)
"""Order of the standard tissues; a tissue with another name counts as the outermost of the skin."""
NARROW_VOXELS, WIDE_VOXELS = 0.8, 3.2
"""Widths of the two Gaussians. The narrow one moves one label in 200 of a real head's interfaces to the other side; the
wide one spans the terraces of a surface that runs along the grid."""
VOXEL_VARIANCE = 1 / 12
"""Of a box of one voxel: a fraction is an indicator that a voxel has averaged already."""
TRUNCATE = 3.0
"""Gaussians end at this many widths."""
CONTRADICTION_VOXELS = 0.3
"""A voxel this far on the wrong side contradicts the wide Gaussian; smooth surfaces stray by 0.1."""
SURROUNDINGS = 2.0
"""Labels within this many widths of the wide Gaussian must agree with it."""
FURTHEST_VOXELS = 2.0
"""Distances are cut off here: sub-voxels look at the next voxels only."""
ZERO, PER_VOXEL = 127.5, 63.5
"""Code of the distance d in a byte: ZERO + PER_VOXEL d."""

Mask = NDArray[np.bool_]
Array32 = NDArray[np.float32]
UInt8Array = NDArray[np.uint8]


def from_inside_out(names: Iterable[str]) -> tuple[str, ...]:
    """Return tissue names in the order of `INSIDE_OUT`, others last."""
    place = {name: k for k, name in enumerate(INSIDE_OUT)}
    return tuple(sorted(names, key=lambda name: place.get(name, len(place))))


def distances_to_unions(label: UInt8Array, count: int) -> UInt8Array:
    """Return the distances to the boundaries of the unions of the first tissues.

    Parameters
    ----------
    label
        (nx, ny, nz) tissue of each voxel, numbered from the inside out from 1; 0 does not conduct.
    count
        Number of tissues.

    Returns
    -------
    (count + 1, nx, ny, nz) distance to the boundary of tissues 1..t in voxels, positive inside, coded; row 0 is 0. A
    point belongs to the first tissue whose distance is positive there.
    """
    return _coded(count, label.shape, lambda t: _distance((label > 0) & (label <= t)))


def distances_by_volume(fractions: Sequence[UInt8Array]) -> UInt8Array:
    """Return the same distances from fractions * 255, one (nx, ny, nz) per tissue from the inside out."""
    running = np.cumsum(fractions, 0, dtype=np.uint16) if len(fractions) else np.zeros((0, 1, 1, 1), np.uint16)

    def share(t: int) -> Array32:
        return np.asarray(np.minimum(running[t - 1], 255) / np.float32(255), np.float32)

    return _coded(len(fractions), running.shape[1:], lambda t: _straight(share(t), NARROW_VOXELS, VOXEL_VARIANCE))


def _coded(count: int, shape: tuple[int, ...], distance: Callable[[int], Array32]) -> UInt8Array:
    coded = np.zeros((count + 1, *shape), np.uint8)

    def fill(t: int) -> None:
        np.rint(ZERO + PER_VOXEL * distance(t), out=coded[t], casting="unsafe")

    with ThreadPoolExecutor(max_workers=cpu_count()) as pool:
        list(pool.map(fill, range(1, count + 1)))
    return coded


def first_inside(coded: UInt8Array) -> UInt8Array:
    """Return the tissue (nx, ny, nz) of each voxel's centre by the coded distances."""
    inside = coded > ZERO
    return np.where(inside.any(0), inside.argmax(0), 0).astype(np.uint8)


def _distance(inside: Mask) -> Array32:
    """Return the distance (nx, ny, nz) to the boundary of a set, voxels, positive inside, cut off."""
    indicator = inside.astype(np.float32)
    narrow, wide = _straight(indicator, NARROW_VOXELS), _straight(indicator, WIDE_VOXELS)
    wrong = np.where(inside, wide < -CONTRADICTION_VOXELS, wide > CONTRADICTION_VOXELS)
    reach = round(SURROUNDINGS * WIDE_VOXELS)
    agrees = 1 - ndimage.maximum_filter(wrong.astype(np.uint8), 2 * reach + 1).astype(np.float32)
    weight = agrees * ndimage.uniform_filter(agrees, 2 * round(WIDE_VOXELS) + 1)
    return np.asarray(narrow + weight * (wide - narrow), np.float32)


def _straight(indicator: Array32, width: float, variance: float = 0.0) -> Array32:
    """Return 2 d_s - d_(s sqrt 2), cut off; the outermost layer of the image repeats outwards.

    `variance` is what the indicator was smoothed with before, `width` the width of the Gaussian that is added.
    """
    distance = np.zeros_like(indicator)
    whole = np.sqrt(width**2 + variance)
    for factor, s in ((2.0, whole), (-1.0, whole * np.sqrt(2))):
        smooth = ndimage.gaussian_filter(indicator, np.sqrt(s**2 - variance), mode="nearest", truncate=TRUNCATE)
        distance += np.float32(factor * np.sqrt(2 * np.pi) * s) * (smooth - np.float32(0.5))
    return np.clip(distance, -FURTHEST_VOXELS, FURTHEST_VOXELS)
