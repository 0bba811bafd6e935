"""Shares of a voxel from its brightness between the local means of pure tissue: brain and CSF, skin and air.

Where two tissues meet, a voxel of brightness I holds the share  a = (I - m_2) / (m_1 - m_2)  of the first; m: mean
brightness of pure tissue round about (Santago & Gage 1993, doi:10.1109/42.241880). A posterior says instead which of
the two is likelier, so that the border drifts towards the tissue with the wider spread. Noise n makes a uncertain by
s = n / (m_1 - m_2).  It is measured as the scatter of pure tissue about its local mean: n^2 is the mean of white and
grey matter's between those two; at the border of CSF it is that of the more even of the two, since what scatters in CSF
is tissue that is not CSF.  The prior share b is as uncertain as it has proved to be on this person,
u^2 = mean (a - b)^2 - s^2  over the mixed voxels, and the two are averaged by their precision. A template that fits
well lends its borders to a noisy scan; one that fits badly lends nothing.
"""

import math
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Volume = NDArray[np.float32]

CSF = 2
WINDOW_MM = 5.0
"""Width of the Gaussian over which the mean of pure tissue is taken."""
PURE = 0.75
"""Least smoothed posterior of a voxel whose brightness stands for the pure tissue."""
LEAST_GAP = 0.03
"""Least difference of brightness between two tissues, as a share of white matter's."""
CORE = 0.9
"""Least posterior, smoothed or not, of a voxel that may tell the noise; a little of another tissue exaggerates it."""
PURE_AIR = 0.99
DEPTH_MM, MOST_AIR = 2.0, 0.3
"""The outermost scalp: weighted by the air within a Gaussian of this width, where there is no more air than this."""
NEIGHBOURS_VOXELS = 1.0
MIXED = 0.05
"""Least smoothed mean of posterior and prior of the second tissue at which a voxel is mixed: a posterior alone is too
sure of itself.
"""


def shares(image: Volume, posterior: Volume, prior: Volume, *, voxel_mm: float) -> Volume:
    """Return the shares (3, nx, ny, nz) of white matter, grey matter and CSF; their sum is that of the posteriors.

    Where no scan is the posteriors are returned as they are.

    Parameters
    ----------
    image
        (nx, ny, nz) without bias, NaN where no scan is.
    posterior
        (3, nx, ny, nz) of white matter, grey matter, CSF.
    prior
        (3, nx, ny, nz), the template's shares.
    """
    seen = np.isfinite(image)
    known = np.where(seen, image, np.float32(0))
    near = np.stack([gaussian_filter(p, NEIGHBOURS_VOXELS) for p in posterior])
    means = np.stack([_pure_mean(known, p * seen, n, voxel_mm) for p, n in zip(posterior, near, strict=True)])
    scatter = [
        _scatter((known - m)[seen & (p > CORE) & (n > CORE)])
        for m, p, n in zip(means[:CSF], posterior[:CSF], near[:CSF], strict=True)
    ]
    near = (near + np.stack([gaussian_filter(p, NEIGHBOURS_VOXELS) for p in prior])) / 2
    total = posterior.sum(0)
    result = posterior.copy()
    least = near.argmin(0)
    inside = seen & (near.sum(0) > 0.5)
    for first, second in combinations(range(3), 2):
        third = 3 - first - second
        mixed = inside & (least == third) & (near[first] > MIXED) & (near[second] > MIXED)
        gap = np.maximum(means[first] - means[second], LEAST_GAP)
        noise = np.float32(min(scatter) if second == CSF else np.sqrt(np.mean(np.square(scatter))))
        found = (known - means[second]) / gap
        expected = prior[first] / np.maximum(prior[first] + prior[second], 1e-3)
        a = np.clip(_averaged(found, expected, noise / gap, mixed), 0, 1)
        kept = total - posterior[third]
        result[first] = np.where(mixed, a * kept, result[first])
        result[second] = np.where(mixed, (1 - a) * kept, result[second])
    return result


def skin(image: Volume, scalp: Volume, air: Volume, *, voxel_mm: float) -> tuple[Volume, Volume]:
    """Return the shares (nx, ny, nz) of scalp and air where they meet; their sum is kept.

    The Gaussian of air is narrow and those of scalp are wide: a posterior calls a voxel scalp that holds a tenth of it,
    and the head comes out half a voxel too large all round. Skin is darker than the fat under it: what counts is the
    brightness of the outermost scalp nearby.

    Parameters
    ----------
    image
        (nx, ny, nz) without bias, NaN where no scan is.
    scalp, air
        (nx, ny, nz) posteriors.
    """
    total = scalp + air
    near, near_air = gaussian_filter(scalp, NEIGHBOURS_VOXELS), gaussian_filter(air, NEIGHBOURS_VOXELS)
    seen = np.isfinite(image)
    known = np.where(seen, image, np.float32(0))
    dark = float(np.median(image[seen & (air > PURE_AIR)]))
    outermost = np.where(seen & (near_air < MOST_AIR), scalp * gaussian_filter(air, DEPTH_MM / voxel_mm), 0)
    bright = _pure_mean(known, np.asarray(outermost, dtype=np.float32), np.ones_like(scalp), voxel_mm)
    share = np.clip((known - dark) / np.maximum(bright - dark, LEAST_GAP), 0, 1)
    mixed = seen & (near > MIXED) & (near_air > MIXED) & (total > 0.5)
    found = np.where(mixed, share * total, scalp)
    return found, total - found


def _scatter(residuals: Volume) -> float:
    """Return the root mean square, infinite where there are none: then the prior decides."""
    return float(np.sqrt(np.mean(residuals**2))) if residuals.size else math.inf


def _averaged(seen: Volume, expected: Volume, spread: Volume, mixed: NDArray[np.bool_]) -> Volume:
    """Return the mean of the share seen and the share expected, weighted by their precision."""
    if not mixed.any():
        return seen
    trust = float(np.maximum(np.mean((seen[mixed] - expected[mixed]) ** 2 - spread[mixed] ** 2), 1e-4))
    weight = trust / (trust + spread**2)
    return weight * seen + (1 - weight) * expected


def _pure_mean(image: Volume, posterior: Volume, near: Volume, voxel_mm: float) -> Volume:
    """Return the mean of pure tissue round each voxel, pulled to the mean of the whole where there is none."""
    pure = (near > PURE) * posterior
    whole = float((image * pure).sum() / max(float(pure.sum()), 1.0))
    sigma, step = WINDOW_MM / voxel_mm, 2
    weight = gaussian_filter(pure, 1.0)[::step, ::step, ::step]
    value = gaussian_filter(pure * image, 1.0)[::step, ::step, ::step]
    weight, value = (gaussian_filter(v, sigma / step) for v in (weight, value))
    coarse = (value + 0.01 * whole) / (weight + 0.01)
    fine = coarse.repeat(step, 0).repeat(step, 1).repeat(step, 2)
    return np.asarray(fine[: image.shape[0], : image.shape[1], : image.shape[2]], dtype=np.float32)
