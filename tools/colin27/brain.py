"""White matter, grey matter and CSF inside the brain mask: mixture model with warped priors and locally adapted means.

Expectation maximisation of a Gaussian mixture (Dempster, Laird & Rubin 1977) of CSF, cortex, white matter and deep
nuclei, whose class means vary in space (weighted averages over a Gaussian window), with ICBM152 tissue probabilities
as priors and a mean-field Markov field over the six neighbours (Zhang, Brady & Smith 2001, doi:10.1109/42.906424).
"""

import numpy as np
from scipy import ndimage as ndi

from .volume import dilate, gauss

START_MEANS = (32.0, 82.0, 112.0, 100.0)  # CSF, cortex, white matter, deep nuclei on this scan
START_SD = (12.0, 7.0, 7.0, 7.0)
WINDOW_MM = (14.0, 14.0, 14.0, 5.0)
MARKOV_WEIGHT = 0.5

# Centre (mm, MNI, right side), semi-axes (mm) and grey prior of nuclei whose T1 signal lies close to white matter.
# Positions: Montreal space, read off the ICBM152 template itself; used as soft priors only, the scan decides the edge.
NUCLEI = {
    "thalamus": ((11.5, -18.0, 7.0), (9.5, 14.0, 9.5), 0.95),
    "pulvinar": ((15.5, -28.0, 5.5), (8.5, 8.0, 8.0), 0.95),
    "putamen": ((27.0, 1.0, 1.0), (6.5, 17.5, 12.5), 0.95),
    "pallidum": ((19.5, -4.0, -0.5), (6.0, 10.0, 7.0), 0.92),
    "caudate": ((13.0, 12.0, 9.0), (6.0, 13.0, 13.0), 0.92),
    "accumbens": ((9.5, 11.0, -7.0), (6.0, 6.0, 5.5), 0.92),
    "amygdala": ((23.5, -3.5, -19.0), (8.0, 8.0, 8.0), 0.92),
    "hippocampus": ((27.0, -22.0, -14.0), (6.5, 16.0, 7.0), 0.7),
    "subthalamic and red nuclei": ((9.0, -15.0, -8.0), (5.0, 6.0, 5.0), 0.5),
}


def nuclei_prior(mni_mm):
    """Soft grey-matter prior of the deep nuclei at MNI points; shape of the points without the last axis."""
    prior = np.zeros(mni_mm.shape[:-1], np.float32)
    for centre, axes, value in NUCLEI.values():
        offset = mni_mm.copy()
        offset[..., 0] = np.abs(offset[..., 0])
        q = np.sqrt((((offset - np.array(centre)) / np.array(axes)) ** 2).sum(-1))
        prior = np.maximum(prior, value * np.clip((1.35 - q) / 0.5, 0, 1))
    return prior


BRAINSTEM = ((0.0, -29.0, -32.0), (17.0, 15.0, 26.0))  # centre and semi-axes (mm, MNI): mostly white matter


def brainstem_prior(mni_mm):
    """Soft membership of the brainstem at MNI points."""
    q = np.sqrt((((mni_mm - np.array(BRAINSTEM[0])) / np.array(BRAINSTEM[1])) ** 2).sum(-1))
    return np.clip((1.2 - q) / 0.4, 0, 1).astype(np.float32)


def _priors(grey, white, deep, stem, brain):
    csf = np.clip(1.0 - grey - white, 0.0, 1.0)
    moved = 0.9 * stem * grey
    grey, white = grey - moved, white + moved
    stack = np.stack([csf, grey, white, np.zeros_like(grey)]).astype(np.float32)
    stack[:3] += 0.03
    stack = np.stack([ndi.gaussian_filter(c, 1.0) for c in stack])
    stack[:3] *= 1.0 - deep
    stack[3] = deep
    return (stack / stack.sum(0)) * brain


def _local_means(image, posterior, previous):
    """Class means in a Gaussian window, pulled to the global mean where a class is rare."""
    step = 3
    means = np.empty_like(posterior)
    for k in range(4):
        weight = posterior[k]
        total = float((image * weight).sum() / weight.sum())
        coarse_w = gauss(weight, 1.5)[::step, ::step, ::step]
        coarse_s = gauss(weight * image, 1.5)[::step, ::step, ::step]
        pull = 0.05 if k else 1.0
        w = ndi.gaussian_filter(coarse_w, WINDOW_MM[k] / step) + 1e-6
        s = ndi.gaussian_filter(coarse_s, WINDOW_MM[k] / step)
        local = (s + pull * total) / (w + pull)
        zoom = [n / m for n, m in zip(image.shape, local.shape, strict=True)]
        means[k] = ndi.zoom(local, zoom, order=1, grid_mode=True, mode="nearest")[: image.shape[0], : image.shape[1]]
    return 0.5 * (means + previous)


def brain_tissues(t1, brain, *, grey, white, deep, stem, iterations=12):
    """Posteriors of CSF, grey and white matter.

    Parameters
    ----------
    t1 : array of float
        Bias-corrected scan.
    brain : bool array
        Brain mask (tissue and sulcal CSF).
    grey, white : array of float
        Warped ICBM152 probabilities (0..1).
    deep : array of float
        Prior of the deep nuclei (:func:`nuclei_prior`).
    stem : array of float
        Membership of the brainstem (:func:`brainstem_prior`).

    Returns
    -------
    dict of float32 array
        ``csf``, ``grey_matter``, ``white_matter``: sum to one inside the mask.
    """
    box = tuple(
        slice(max(s.start - 4, 0), s.stop + 4) for s in ndi.find_objects(dilate(brain, 1.0).astype(np.uint8))[0]
    )
    image, mask = np.asarray(t1[box], np.float32), brain[box]
    prior = _priors(grey[box], white[box], deep[box], stem[box], mask)
    means = np.stack([np.full(image.shape, m, np.float32) for m in START_MEANS])
    sd = np.array(START_SD, np.float32)
    posterior = prior.copy()
    cross = ndi.generate_binary_structure(3, 1).astype(np.float32)
    cross[1, 1, 1] = 0
    for step in range(iterations):
        grey_all = posterior[1] + posterior[3]
        company = [ndi.convolve(p, cross, mode="constant") for p in (posterior[0], grey_all, posterior[2])]
        company.append(company[1])
        energy = [
            -0.5 * ((image - means[k]) / sd[k]) ** 2
            - np.log(sd[k])
            + np.log(prior[k] + 1e-4)
            + MARKOV_WEIGHT * company[k]
            for k in range(4)
        ]
        energy[0] = np.where(image < means[0], -np.log(sd[0]) + np.log(prior[0] + 0.05), energy[0])
        energy = np.stack(energy)
        energy -= energy.max(0)
        posterior = np.exp(energy)
        posterior *= mask / posterior.sum(0)
        if step >= 1:
            means = _local_means(image, posterior, means)
        spread = [float((posterior[k] * (image - means[k]) ** 2).sum() / posterior[k].sum()) ** 0.5 for k in range(4)]
        shared = 0.5 * (spread[1] + spread[2])  # equal widths keep the grey-white edge half-way between the means
        sd = np.clip([spread[0], shared, shared, spread[3]], 5.0, 12.0).astype(np.float32)
    result = {}
    merged = (posterior[0], posterior[1] + posterior[3], posterior[2])
    for name, p in zip(("csf", "grey_matter", "white_matter"), merged, strict=True):
        full = np.zeros(t1.shape, np.float32)
        full[box] = p
        result[name] = full
    return result
