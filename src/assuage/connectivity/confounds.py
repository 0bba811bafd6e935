"""Confounds: the table that fMRIPrep writes, head motion, and which frames are left.

Framewise displacement (Power et al. 2012, 10.1016/j.neuroimage.2011.10.018), rotations as arcs on a sphere of 50 mm:

    FD_t = sum |delta translation_t| + 50 mm * sum |delta rotation_t|
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assuage.errors import DataError

Float = NDArray[np.float64]

HEAD_RADIUS_MM = 50.0
FD_LIMIT_MM = 0.5
"""Power et al. 2012; also the default of nilearn. Stricter limits trade frames for cleanliness."""
TRANSLATIONS = ("trans_x", "trans_y", "trans_z")
ROTATIONS = ("rot_x", "rot_y", "rot_z")
MOTION = TRANSLATIONS + ROTATIONS
TISSUES = ("csf", "white_matter")
GLOBAL = "global_signal"
FD = "framewise_displacement"
NON_STEADY = "non_steady_state_outlier"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Confounds:
    """What is regressed out, and the motion of every frame.

    Attributes
    ----------
    regressors
        (T, k); k may be 0.
    names
        k names.
    fd_mm
        (T,) framewise displacement, mm; NaN throughout where the motion is not known.
    steady
        (T,) False for frames before the steady state.
    """

    regressors: Float
    names: tuple[str, ...]
    fd_mm: Float
    steady: NDArray[np.bool_]

    def kept(self, limit_mm: float) -> NDArray[np.bool_]:
        """Return the frames (T,) that scrubbing keeps; without known motion it removes none."""
        return self.steady & ~(np.nan_to_num(self.fd_mm, nan=0.0) > limit_mm)


def no_confounds(frames: int) -> Confounds:
    """Return confounds for data that come without a table: nothing to regress, motion unknown."""
    return Confounds(
        regressors=np.empty((frames, 0)), names=(), fd_mm=np.full(frames, np.nan), steady=np.ones(frames, dtype=bool)
    )


def read_confounds(path: Path, *, frames: int, global_signal: bool = True) -> Confounds:
    """Read a table in the columns of fMRIPrep.

    The 6 motion parameters enter with their differences and the squares of both (24 regressors, Satterthwaite et al.
    2013, 10.1016/j.neuroimage.2012.08.052), the signals of white matter and CSF as they are, and the global signal if
    asked for.

    Raises
    ------
    DataError
        Not a table, another number of frames, or motion parameters that are missing or not finite.
    """
    separator = "," if path.suffix.lower() == ".csv" else "\t"
    try:
        table = pd.read_csv(path, sep=separator, na_values=["n/a"])
    except (ValueError, pd.errors.ParserError) as error:
        raise DataError(f"{path} is no table ({error}); give the confounds TSV of fMRIPrep") from None
    if len(table) != frames:
        raise DataError(f"{path} has {len(table)} rows, the BOLD data {frames} frames; give the table of the same run")
    missing = [name for name in MOTION if name not in table]
    if missing:
        raise DataError(f"{path} has no column {', '.join(missing)}; give the confounds TSV of fMRIPrep")
    wanted = [*MOTION, *(name for name in TISSUES if name in table)]
    if global_signal and GLOBAL not in table:
        raise DataError(f"{path} has no column {GLOBAL}; leave it out with --no-global-signal")
    wanted += [GLOBAL] if global_signal else []
    try:
        values = table[wanted].to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{path} holds what is no number ({error}); give the confounds TSV of fMRIPrep") from None
    if not np.isfinite(values).all():
        raise DataError(f"{path}: {int((~np.isfinite(values)).sum())} values are not finite; make the table again")
    motion, signals = values[:, :6], values[:, 6:]
    change = np.diff(motion, axis=0, prepend=motion[:1])
    names = [*MOTION, *(f"{name}_change" for name in MOTION)]
    expanded = np.hstack([motion, change])
    return Confounds(
        regressors=np.hstack([expanded, expanded**2, signals]),
        names=(*names, *(f"{name}_squared" for name in names), *wanted[6:]),
        fd_mm=table[FD].to_numpy(dtype=np.float64) if FD in table else displacement_mm(motion),
        steady=np.asarray(~table[[c for c in table if str(c).startswith(NON_STEADY)]].to_numpy(dtype=bool).any(1)),
    )


def displacement_mm(motion: Float) -> Float:
    """Return framewise displacement (T,) mm of motion (T, 6): translations in mm, rotations in radians."""
    change = np.abs(np.diff(motion, axis=0, prepend=motion[:1]))
    return np.asarray(change[:, :3].sum(1) + HEAD_RADIUS_MM * change[:, 3:].sum(1))
