"""Denoising with nilearn: confounds regressed out, band-pass, scrubbed frames removed; what is left is counted.

Filter and regression act together (Lindquist et al. 2019, 10.1002/hbm.24528), as `nilearn.signal.clean` does; scrubbed
frames are bridged before the filter and removed after it.
"""

from dataclasses import dataclass, replace

import numpy as np
from nilearn.signal import clean
from numpy.typing import NDArray

from assuage.connectivity.confounds import FD_LIMIT_MM, Confounds
from assuage.connectivity.recording import Recording
from assuage.errors import DataError
from assuage.units import S_PER_MIN

MINUTES_MIN = 5.0
"""Refused below: correlations stabilise with about 5 min (Van Dijk et al. 2010, 10.1152/jn.00783.2009, abstract)."""
MINUTES_GOOD = 13.0
"""Reliability rises greatly from 5 to 13 min (Birn et al. 2013, 10.1016/j.neuroimage.2013.05.099, abstract)."""
HIGH_PASS_HZ = 0.01
LOW_PASS_HZ = 0.1
"""The band in which resting correlations are usually taken (Cordes et al. 2001); a working choice."""
FREE_MIN = 30
"""Degrees of freedom that must be left after regression and filter, or correlations are mostly noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaning:
    """What denoising did: the numbers a reader needs to judge the data.

    Attributes
    ----------
    frames, kept
        Number of frames before and after scrubbing.
    minutes_recorded, minutes
        Length before and after scrubbing, min.
    fd_limit_mm, fd_mean_mm
        Limit of the framewise displacement, and its mean; None: the motion is not known.
    regressors
        Names of what was regressed out.
    band_hz
        Pass band.
    degrees_of_freedom
        Left per series: the share of the spectrum in the band, less the regressors.
    """

    frames: int
    kept: int
    minutes_recorded: float
    minutes: float
    fd_limit_mm: float
    fd_mean_mm: float | None
    regressors: tuple[str, ...]
    band_hz: tuple[float, float]
    degrees_of_freedom: int

    @property
    def free_share(self) -> float:
        """Share of the degrees of freedom in the band that the regression left."""
        return self.degrees_of_freedom / (self.degrees_of_freedom + len(self.regressors))


def denoise(
    recording: Recording,
    confounds: Confounds,
    *,
    fd_limit_mm: float = FD_LIMIT_MM,
    band_hz: tuple[float, float] = (HIGH_PASS_HZ, LOW_PASS_HZ),
) -> tuple[Recording, Cleaning]:
    """Return the denoised recording, each series with mean 0 and variance 1, and what was done.

    Raises
    ------
    DataError
        Too little is left: minutes below `MINUTES_MIN`, or degrees of freedom below `FREE_MIN`.
    """
    kept = confounds.kept(fd_limit_mm)
    minutes = float(kept.sum() * recording.tr_s / S_PER_MIN)
    if minutes < MINUTES_MIN:
        raise DataError(
            f"{recording.name}: {minutes:.1f} of {recording.minutes:.1f} min are left after scrubbing at FD "
            f"{fd_limit_mm:g} mm, below the {MINUTES_MIN:g} min at which correlations stabilise (Van Dijk 2010); "
            "record more, or use the group target"
        )
    low, high = band_hz[0], min(band_hz[1], 0.45 / recording.tr_s)
    share = min(1.0, 2 * recording.tr_s * (high - low))
    free = int(kept.sum() * share) - confounds.regressors.shape[1]
    if free < FREE_MIN:
        raise DataError(
            f"{recording.name}: {free} degrees of freedom are left of {int(kept.sum())} frames after filter and "
            f"{confounds.regressors.shape[1]} regressors (at least {FREE_MIN}); record more, or use the group target"
        )
    cleaned = clean(
        recording.series.astype(np.float64),
        detrend=True,
        standardize="zscore_sample",
        sample_mask=np.flatnonzero(kept) if not kept.all() else None,
        confounds=confounds.regressors if confounds.regressors.shape[1] else None,
        filter="butterworth",
        low_pass=high,
        high_pass=low,
        t_r=recording.tr_s,
        extrapolate=False,
    )
    cleaned = cleaned[~np.isnan(cleaned).any(1)]
    known = np.isfinite(confounds.fd_mm).any()
    done = Cleaning(
        frames=recording.frames,
        kept=len(cleaned),
        minutes_recorded=recording.minutes,
        minutes=len(cleaned) * recording.tr_s / S_PER_MIN,
        fd_limit_mm=fd_limit_mm,
        fd_mean_mm=float(np.nanmean(confounds.fd_mm)) if known else None,
        regressors=confounds.names,
        band_hz=(low, high),
        degrees_of_freedom=free,
    )
    return replace(recording, series=cleaned.astype(np.float32)), done


def signal_to_noise(recording: Recording) -> NDArray[np.float64]:
    """Return the temporal signal-to-noise ratio (V,) of a recording before denoising; 0 where a series is constant."""
    mean, spread = np.abs(recording.series.mean(0, dtype=np.float64)), recording.series.std(0, dtype=np.float64)
    return np.asarray(np.divide(mean, spread, out=np.zeros_like(mean), where=spread > 0))
