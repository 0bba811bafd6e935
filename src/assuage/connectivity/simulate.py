"""Recordings with a known target: a planted network in noise with the structure of real BOLD.

    x_v(t) = a q(v) u(t) + e_v(t) + g(v) G(t) + m(v) M(t)

u is the seed's own signal and q(v) a Gaussian around the planted target; e is smooth in space and long-correlated in
time (an AR(1) part and a slow 1/f part), G a global signal, M what head motion leaves. All series are built at the
points asked for, so that thousands of recordings are cheap. The population map has its extreme at the planted point.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assuage.connectivity.confounds import HEAD_RADIUS_MM, MOTION, Confounds, displacement_mm
from assuage.connectivity.recording import Recording, smoother

Float = NDArray[np.float64]

AUTOCORRELATION_S = 4.0
"""Decay time of the fast part; with the haemodynamic response resting BOLD decorrelates over a few seconds."""
SLOW_SHARE = 0.3
"""Share of the variance in the 1/f part."""
NOISE_FWHM_MM = 6.0
NETWORK_SIGMA_MM = 9.0
SEED_RADIUS_MM, SEED_LOADING = 6.0, 0.9
"""Points this near to a seed correlate with its signal this much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """What is planted and how noisy the recording is.

    Attributes
    ----------
    target_mm, seed_mm
        (3,) planted centre and centre of the seed, mm.
    polarity
        Sign of the planted correlation.
    strength
        Population correlation of the seed's signal with the series at the target, 0 to 1.
    sigma_mm
        Width of the planted network.
    global_share
        Standard deviation of the global signal against that of the noise.
    motion_rate
        Share of frames with a movement.
    rival_mm, rival_strength
        A second, weaker extreme; None: none.
    """

    target_mm: tuple[float, float, float]
    seed_mm: tuple[float, float, float]
    polarity: int = -1
    strength: float = 0.4
    sigma_mm: float = NETWORK_SIGMA_MM
    global_share: float = 0.4
    motion_rate: float = 0.03
    rival_mm: tuple[float, float, float] | None = None
    rival_strength: float = 0.0


def coloured(rng: np.random.Generator, frames: int, columns: int, tr_s: float) -> Float:
    """Return noise (T, columns) with variance about 1: an AR(1) part and a 1/f part, shaped in frequency."""
    frequency = np.fft.rfftfreq(frames, tr_s)
    decay = np.exp(-tr_s / AUTOCORRELATION_S)
    fast = 1 / np.abs(1 - decay * np.exp(-2j * np.pi * frequency * tr_s)) ** 2
    slow = 1 / np.maximum(frequency, frequency[1] / 2)
    power = (1 - SLOW_SHARE) * fast / fast.mean() + SLOW_SHARE * slow / slow.mean()
    white = np.fft.rfft(rng.standard_normal((frames, columns)), axis=0)
    return np.asarray(np.fft.irfft(white * np.sqrt(power)[:, None], frames, axis=0))


def simulate(
    points_mm: Float,
    planted: Planted,
    *,
    minutes: float,
    tr_s: float,
    seed: int,
    spacing_mm: float,
    others: Sequence[Planted] = (),
) -> tuple[Recording, Confounds]:
    """Return a recording in head space at points (V, 3) with its confounds (not yet denoised).

    The points within 6 mm of a seed carry that seed's signal; `others` are further networks, each with a signal of its
    own, of which target, seed, polarity and strength count.
    """
    rng = np.random.default_rng(seed)
    frames, count = round(minutes * 60 / tr_s), len(points_mm)
    noise = (smoother(points_mm, NOISE_FWHM_MM) @ coloured(rng, frames, count, tr_s).T).T
    noise /= noise.std(0)
    networks = (planted, *others)
    signals = coloured(rng, frames, len(networks), tr_s)
    signals /= signals.std(0)
    loading = np.stack([loadings(points_mm, item) for item in networks])
    series = signals @ loading + np.sqrt(1 - (loading**2).sum(0)) * noise
    motion = _motion(rng, frames, planted.motion_rate)
    moved = displacement_mm(motion)
    whole = coloured(rng, frames, 1, tr_s)
    whole /= whole.std()
    series += planted.global_share * rng.uniform(0.8, 1.2, count) * whole
    series += np.minimum(moved, 3.0)[:, None] * rng.normal(1.0, 0.3, count)
    recording = Recording(
        name="simulated",
        kind="volume",
        series=(1000.0 + 10.0 * series).astype(np.float32),
        points_mm=points_mm,
        space="head",
        tr_s=tr_s,
        spacing_mm=spacing_mm,
        reach_mm=1.75 * spacing_mm,
    )
    change = np.diff(motion, axis=0, prepend=motion[:1])
    confounds = Confounds(
        regressors=np.hstack([motion, change, whole + 0.1 * rng.standard_normal((frames, 1))]),
        names=(*MOTION, *(f"{name}_change" for name in MOTION), "global_signal"),
        fd_mm=moved,
        steady=np.ones(frames, dtype=bool),
    )
    return recording, confounds


def loadings(points_mm: Float, planted: Planted) -> Float:
    """Return the population correlation (V,) of a network's signal with points (V, 3)."""
    profile = planted.strength * _bump(points_mm, planted.target_mm, planted.sigma_mm)
    if planted.rival_mm is not None:
        profile = np.maximum(profile, planted.rival_strength * _bump(points_mm, planted.rival_mm, planted.sigma_mm))
    near_seed = np.linalg.norm(points_mm - np.array(planted.seed_mm), axis=1) <= SEED_RADIUS_MM
    return np.where(near_seed, SEED_LOADING, planted.polarity * profile)


def grid_points(center_mm: Float, radius_mm: float, spacing_mm: float) -> Float:
    """Return the points (V, 3) of a cubic grid within a ball."""
    ticks = np.arange(-radius_mm, radius_mm + spacing_mm / 2, spacing_mm)
    offsets = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), -1).reshape(-1, 3)
    return np.asarray(np.asarray(center_mm) + offsets[np.linalg.norm(offsets, axis=1) <= radius_mm])


def _bump(points_mm: Float, center_mm: tuple[float, float, float], sigma_mm: float) -> Float:
    offset = points_mm - np.array(center_mm)
    return np.asarray(np.exp(-0.5 * (offset**2).sum(1) / sigma_mm**2))


def _motion(rng: np.random.Generator, frames: int, rate: float) -> Float:
    """Return motion (T, 6) in mm and radians: a slow drift and sudden steps."""
    scale = np.array([1, 1, 1, 1 / HEAD_RADIUS_MM, 1 / HEAD_RADIUS_MM, 1 / HEAD_RADIUS_MM])
    drift = 0.02 * rng.standard_normal((frames, 6))
    steps = 0.6 * rng.standard_normal((frames, 6)) * (rng.random((frames, 1)) < rate)
    return np.asarray(np.cumsum(drift * 0.5 + steps * 0.5, axis=0) * scale)
