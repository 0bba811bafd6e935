"""Tissues by expectation maximisation: Gaussians per tissue, warped priors, a smooth bias, a Markov field.

Every class t has K_t Gaussians of intensity; with the warped prior b_t(p) the responsibility of component k of class
t is

    r_tk(p)  ~  b_t(p) w_tk prod_c N(I_c(p) / bias(p); m_tkc, s_tkc)

over the channels c (T1, and T2 where there is one; the bias is that of the T1, the other channels come without). A
voxel that no scan covers is NaN and says nothing: its posterior is its prior, under the Markov field (Ashburner &
Friston 2005, doi:10.1016/j.neuroimage.2005.02.018). The classes are the tissues, with grey matter in two by place: the
pallidum and the thalamus are nearly as bright as white matter, and Gaussians shared with the cortex would call them
white. The bias is the smoothed residual of log intensity in
brain tissue (Wells et al. 1996, doi:10.1109/42.511747). The Markov field couples the six neighbours in the mean-field
way (Zhang, Brady & Smith 2001, doi:10.1109/42.906424) and keeps tissues apart that never touch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

from assuage.compile import njit, prange

Float = NDArray[np.float64]
Volume = NDArray[np.float32]

TISSUES = ("white_matter", "grey_matter", "csf", "skull", "scalp", "eyes", "air")
"""Order of every array of tissues."""
COMPONENTS = {**dict.fromkeys(TISSUES, 2), "white_matter": 1, "scalp": 3, "eyes": 1, "deep_grey": 2}
"""Gaussians per class: the tissues in their order, then the part of grey matter that has Gaussians of its own."""
CLASSES = tuple(COMPONENTS)
OWNER = np.repeat(np.arange(len(COMPONENTS)), list(COMPONENTS.values()))
GREY = TISSUES.index("grey_matter")
SUBSAMPLE = 2
"""The Gaussians are fitted to every second voxel along each axis."""
BIAS_MM = 25.0
BIAS_CLASSES = ("white_matter", "grey_matter")
NARROWEST = 0.015
"""Least standard deviation of a component, as a share of the intensity of white matter."""
BIAS_GRID_MM = 8.0
LEAST_WEIGHT = 0.02
LEAST_PRIOR = 1e-5
MARKOV = 0.35
STRANGERS = (
    ("csf", "scalp"),
    ("white_matter", "scalp"),
    ("grey_matter", "scalp"),
    ("white_matter", "skull"),
    ("csf", "air"),
)
"""Tissues that do not touch: a neighbour of the one speaks against the other."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Mixture:
    """Gaussians of all tissues, and the log bias of the first channel on a coarse grid.

    `mean` and `deviation` are (channels, components), `weight` (components,), components in the order of `OWNER`.
    """

    mean: Float
    deviation: Float
    weight: Float
    log_bias: Volume | None = None


def in_classes(prior: Volume, deep: Volume) -> Volume:
    """Return a prior of the tissues as one of the classes.

    Parameters
    ----------
    prior
        (tissues, nx, ny, nz).
    deep
        (nx, ny, nz) 0..1: share of the grey matter that is deep.
    """
    result = np.concatenate([prior, (prior[GREY] * deep)[None]])
    result[GREY] -= result[-1]
    return result


def first_mixture(images: Volume, prior: Volume) -> Mixture:
    """Start from the prior alone: quantiles of the intensity under each tissue's prior.

    Parameters
    ----------
    images
        (channels, nx, ny, nz), positive, NaN where there is no scan.
    prior
        (classes, nx, ny, nz), from `in_classes`.
    """
    values, shares = _every_second(images, prior)
    seen = np.isfinite(values).all(0)
    values, shares = values[:, seen], shares[:, seen]
    mean, deviation = np.empty((len(values), len(OWNER))), np.empty((len(values), len(OWNER)))
    for channel, row in enumerate(values):
        order = np.argsort(row)
        ranked = row[order]
        for tissue, count in enumerate(COMPONENTS.values()):
            share = np.cumsum(shares[tissue][order].astype(np.float64) ** 2)
            share /= max(float(share[-1]), 1e-12)
            cuts = np.append((np.arange(count) + 0.5) / count, [0.16, 0.84])
            at = ranked[np.minimum(np.searchsorted(share, cuts), len(ranked) - 1)]
            mean[channel, tissue == OWNER] = at[:count]
            deviation[channel, tissue == OWNER] = max((at[-1] - at[-2]) / (2 * count), 1e-3)
    weight = 1.0 / np.array(list(COMPONENTS.values()))[OWNER]
    return Mixture(mean=mean, deviation=deviation, weight=weight)


def fitted(images: Volume, prior: Volume, mixture: Mixture, *, iterations: int, voxel_mm: float) -> Mixture:
    """Return the mixture after some rounds of expectation maximisation; `prior` is one of the classes."""
    raw, shares = _every_second(images, prior)
    shape = images[0, ::SUBSAMPLE, ::SUBSAMPLE, ::SUBSAMPLE].shape
    for _ in range(iterations):
        values = raw.copy()
        values[0] /= bias_of(mixture, shape).ravel()
        resp = _responsibilities(values, shares, OWNER, mixture.mean, mixture.deviation, mixture.weight)
        mixture = _updated(mixture, values, resp)
        log_bias = _residual_bias(raw[0].reshape(shape), resp, mixture, voxel_mm * SUBSAMPLE)
        mixture = replace(mixture, log_bias=log_bias)
    return mixture


def _every_second(images: Volume, prior: Volume) -> tuple[Volume, Volume]:
    part = (slice(None), *(slice(None, None, SUBSAMPLE),) * 3)
    return (
        np.ascontiguousarray(images[part]).reshape(len(images), -1),
        np.ascontiguousarray(prior[part]).reshape(len(prior), -1),
    )


def _updated(mixture: Mixture, values: Volume, resp: Volume) -> Mixture:
    total = resp.sum(1, dtype=np.float64) + 1e-9
    known = np.nan_to_num(values)
    mean = (known @ resp.T).astype(np.float64) / total
    square = ((known * known) @ resp.T).astype(np.float64) / total
    floor = NARROWEST * mean.max(1, keepdims=True)
    deviation = np.sqrt(np.maximum(square - mean**2, floor**2))
    by_tissue = np.bincount(OWNER, total)[OWNER]
    return replace(mixture, mean=mean, deviation=deviation, weight=np.maximum(total / by_tissue, LEAST_WEIGHT))


def _residual_bias(raw: Volume, resp: Volume, mixture: Mixture, step_mm: float) -> Volume:
    """Return the log bias on a grid of about 8 mm: smoothed residual of log intensity in brain tissue."""
    brain = np.isin(OWNER, [CLASSES.index(name) for name in BIAS_CLASSES])
    mean, deviation = mixture.mean[0, brain, None], mixture.deviation[0, brain, None]
    weight = resp[brain] * (mean / deviation).astype(np.float32) ** 2
    total = weight.sum(0).reshape(raw.shape)
    expected = (weight * np.log(mean).astype(np.float32)).sum(0).reshape(raw.shape)
    residual = np.log(np.maximum(np.nan_to_num(raw), 1e-3)) * total - expected
    sigma = BIAS_MM / step_mm
    step = max(1, round(BIAS_GRID_MM / step_mm))
    smooth_w = gaussian_filter(total, sigma, truncate=3.0)[::step, ::step, ::step]
    smooth_r = gaussian_filter(residual, sigma, truncate=3.0)[::step, ::step, ::step]
    log_bias = smooth_r / (smooth_w + np.float32(1e-3) * smooth_w.max())
    mean_bias = float((log_bias * smooth_w).sum() / smooth_w.sum())
    return np.asarray(log_bias - mean_bias, dtype=np.float32)


def bias_of(mixture: Mixture, shape: tuple[int, ...]) -> Volume:
    """Return the multiplicative bias of the first channel on a grid of the given shape over the same field of view."""
    if mixture.log_bias is None:
        return np.ones(shape, np.float32)
    factors = [n / m for n, m in zip(shape, mixture.log_bias.shape, strict=True)]
    return np.exp(np.asarray(zoom(mixture.log_bias, factors, order=1, mode="nearest"), dtype=np.float32))


def log_likelihood(images: Volume, mixture: Mixture, deep: Volume) -> Volume:
    """Return log p(I | tissue) (tissues, nx, ny, nz), 0 where no scan is; `deep` as in `in_classes`."""
    values = images.reshape(len(images), -1).copy()
    values[0] /= bias_of(mixture, images.shape[1:]).ravel()
    result = np.empty((len(CLASSES), values.shape[1]), dtype=np.float32)
    _log_likelihood(values, OWNER, mixture.mean, mixture.deviation, mixture.weight, result)
    share = deep.ravel()
    result[GREY] = np.log((1 - share) * np.exp(result[GREY]) + share * np.exp(result[-1]))
    return result[:-1].reshape(len(TISSUES), *images.shape[1:])


def evidence(likelihood: Volume, prior: Volume) -> float:
    """Return the mean over the brain's surroundings of log sum_t b_t p(I | t): how well a prior foretells the scan."""
    near = prior[:3].sum(0) > 0.05
    near &= np.abs(likelihood).sum(0) > 0
    shares, logs = prior[:, near], likelihood[:, near]
    top = logs.max(0)
    return float((top + np.log((shares * np.exp(logs - top)).sum(0) + 1e-12)).mean())


def posteriors(likelihood: Volume, prior: Volume, *, rounds: int) -> Volume:
    """Return the share of each tissue (tissues, nx, ny, nz), sum 1, after some rounds of the Markov field."""
    energy = likelihood + np.log(prior + np.float32(LEAST_PRIOR))
    result: Volume = _softmax(energy)
    coupling = markov_coupling()
    for _ in range(rounds):
        result = _markov_round(energy, result, coupling)
    return result


def markov_coupling() -> NDArray[np.float32]:
    """Return what a neighbour of tissue b adds to the log share of tissue a, (tissues, tissues)."""
    coupling = np.zeros((len(TISSUES), len(TISSUES)), dtype=np.float32)
    np.fill_diagonal(coupling, MARKOV)
    for a, b in STRANGERS:
        i, j = TISSUES.index(a), TISSUES.index(b)
        coupling[i, j] = coupling[j, i] = -MARKOV
    return coupling


def stacked(parts: Mapping[str, NDArray[Any]]) -> Volume:
    """Return tissue shares 0..1 as one array in the order of `TISSUES`; what is missing to 1 goes to air."""
    stack = np.stack([parts[name].astype(np.float32) for name in TISSUES])
    stack[TISSUES.index("air")] += np.maximum(1 - stack.sum(0), 0)
    return stack


@njit(parallel=True, cache=True)
def _responsibilities(values, prior, owner, mean, deviation, weight):  # type: ignore[no-untyped-def]
    parts, count = len(owner), values.shape[1]
    resp = np.zeros((parts, count), np.float32)
    for v in prange(count):
        total = 1e-20
        for k in range(parts):
            r = prior[owner[k], v] * _density(values, v, k, mean, deviation, weight)
            resp[k, v] = r
            total += r
        for k in range(parts):
            resp[k, v] /= total
    return resp


@njit(parallel=True, cache=True)
def _log_likelihood(values, owner, mean, deviation, weight, out):  # type: ignore[no-untyped-def]
    parts, count = len(owner), values.shape[1]
    for v in prange(count):
        known = False
        for c in range(values.shape[0]):
            known |= not np.isnan(values[c, v])
        if not known:
            out[:, v] = 0.0
            continue
        for t in range(out.shape[0]):
            out[t, v] = 1e-12
        for k in range(parts):
            out[owner[k], v] += _density(values, v, k, mean, deviation, weight)
        for t in range(out.shape[0]):
            out[t, v] = np.log(out[t, v])


@njit(cache=True)
def _density(values, v, k, mean, deviation, weight):  # type: ignore[no-untyped-def]
    """Weight times the product over the channels of Gaussian densities; 0 where no channel is known."""
    result, known = weight[k], False
    for c in range(values.shape[0]):
        if np.isnan(values[c, v]):
            continue
        known = True
        z = (values[c, v] - mean[c, k]) / deviation[c, k]
        result *= np.exp(-0.5 * z * z) / deviation[c, k]
    return result if known else 0.0


@njit(parallel=True, fastmath=True, cache=True)
def _softmax(energy):  # type: ignore[no-untyped-def]
    tissues, nx, ny, nz = energy.shape
    share = np.empty_like(energy)
    for i in prange(nx):
        for j in range(ny):
            for k in range(nz):
                top = energy[0, i, j, k]
                for t in range(1, tissues):
                    top = max(top, energy[t, i, j, k])
                total = np.float32(0)
                for t in range(tissues):
                    e = np.exp(energy[t, i, j, k] - top)
                    share[t, i, j, k] = e
                    total += e
                for t in range(tissues):
                    share[t, i, j, k] /= total
    return share


@njit(parallel=True, fastmath=True, cache=True)
def _markov_round(energy, share, coupling):  # type: ignore[no-untyped-def]
    tissues, nx, ny, nz = energy.shape
    result = np.empty_like(share)
    for i in prange(nx):
        near = np.empty(tissues, np.float32)
        field = np.empty(tissues, np.float32)
        for j in range(ny):
            for k in range(nz):
                for t in range(tissues):
                    near[t] = (
                        share[t, max(i - 1, 0), j, k]
                        + share[t, min(i + 1, nx - 1), j, k]
                        + share[t, i, max(j - 1, 0), k]
                        + share[t, i, min(j + 1, ny - 1), k]
                        + share[t, i, j, max(k - 1, 0)]
                        + share[t, i, j, min(k + 1, nz - 1)]
                    )
                top = np.float32(-1e30)
                for t in range(tissues):
                    e = energy[t, i, j, k]
                    for s in range(tissues):
                        e += coupling[t, s] * near[s]
                    field[t] = e
                    top = max(top, e)
                total = np.float32(0)
                for t in range(tissues):
                    field[t] = np.exp(field[t] - top)
                    total += field[t]
                for t in range(tissues):
                    result[t, i, j, k] = field[t] / total
    return result
