"""Nasion, inion and preauricular points: given, carried over from MNI space, or estimated from the shape of the head.

An estimate takes the MNI frame of `registration`. Where that does not fit, it puts the brain's box of the head (world
axes taken as right, front, up) over the brain's box in MNI space: x and y by their extents, z from the top of the brain
with the mean of both scales, because scans end at different depths. A head whose brain is a ball (a sphere model) gets
points `BALL_ELEVATION_DEG` below the equator instead. All points are then moved to the nearest point of the scalp.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assuage.errors import HeadError
from assuage.head.surface import Surface

Float = NDArray[np.float64]

NAMES = ("Nz", "Iz", "LPA", "RPA")
ALIASES = {
    "nz": "Nz",
    "nasion": "Nz",
    "iz": "Iz",
    "inion": "Iz",
    "lpa": "LPA",
    "left_preauricular": "LPA",
    "rpa": "RPA",
    "right_preauricular": "RPA",
}
BALL_ELEVATION_DEG = -22.5
"""Fiducials this far below the equator put Fpz, T7, Oz and T8 on the equator (10 % of a 225 degree arc)."""
BALL_TOLERANCE = 0.06
"""Extents of the brain equal to within this are a ball; a real brain is 1.2 times longer than wide."""
SNAP_LIMIT_MM = 20.0
"""A given fiducial farther from the scalp than this belongs to another head or coordinate system."""


@cache
def _reference() -> Mapping[str, Any]:
    text = files("assuage.head").joinpath("data/fiducials.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))


def mni_fiducials_mm() -> dict[str, Float]:
    """Return Nz, Iz, LPA, RPA in MNI space, mm."""
    table = _reference()["mni_mm"]
    return {name: np.array(table[name], dtype=np.float64) for name in NAMES}


def checked_fiducials_mm(fiducials_mm: Mapping[str, ArrayLike]) -> dict[str, Float]:
    """Return the four fiducials under their short names.

    Raises
    ------
    HeadError
        One is missing or unknown, or not three finite numbers.
    """
    result: dict[str, Float] = {}
    for key, value in fiducials_mm.items():
        short = ALIASES.get(key.strip().lower().replace(" ", "_"))
        if short is None:
            raise HeadError(f"unknown fiducial {key!r}; give {', '.join(NAMES)} (nasion, inion, preauricular points)")
        point = np.asarray(value, dtype=np.float64)
        if point.shape != (3,) or not np.isfinite(point).all():
            raise HeadError(f"fiducial {key} is {value!r}; give three numbers in mm")
        result[short] = point
    missing = [name for name in NAMES if name not in result]
    if missing:
        raise HeadError(f"fiducials {', '.join(missing)} are missing; all four are needed: {', '.join(NAMES)}")
    return {name: result[name] for name in NAMES}


def snapped_mm(fiducials_mm: Mapping[str, Float], scalp: Surface, *, limit_mm: float | None) -> dict[str, Float]:
    """Return fiducials moved to the scalp.

    Raises
    ------
    HeadError
        One lies farther than `limit_mm` from the scalp.
    """
    foot, _, distance = scalp.nearest(np.array([fiducials_mm[name] for name in NAMES]))
    if limit_mm is not None and distance.max() > limit_mm:
        worst = NAMES[int(distance.argmax())]
        raise HeadError(
            f"fiducial {worst} lies {distance.max():.0f} mm from the scalp (limit {limit_mm:.0f} mm); "
            "are the points in this head's world coordinates, RAS+ mm?"
        )
    return dict(zip(NAMES, foot, strict=True))


def estimated_fiducials_mm(brain_mm: Float, scalp: Surface) -> dict[str, Float]:
    """Estimate the fiducials from the brain's box and the scalp.

    Parameters
    ----------
    brain_mm
        (n, 3) centres of brain voxels.
    scalp
        The outer skin.
    """
    low, high = np.percentile(brain_mm, [0.1, 99.9], axis=0)
    extent = high - low
    if is_ball(brain_mm):
        return _on_ball((low + high) / 2, scalp)
    box = _reference()["mni_brain_box_mm"]
    mni_low, mni_high = np.array(box["low"]), np.array(box["high"])
    scale = extent / (mni_high - mni_low)
    scale[2] = scale[:2].mean()
    anchor_mni = np.array([*((mni_low + mni_high) / 2)[:2], mni_high[2]])
    anchor = np.array([*((low + high) / 2)[:2], high[2]])
    guess = {name: anchor + scale * (point - anchor_mni) for name, point in mni_fiducials_mm().items()}
    return snapped_mm(guess, scalp, limit_mm=None)


def is_ball(brain_mm: Float) -> bool:
    """Whether points (n, 3) mm reach equally far along three axes, as in a sphere model; no real brain does."""
    extent = np.ptp(np.percentile(brain_mm, [0.1, 99.9], axis=0), axis=0)
    return bool(extent.max() < (1 + BALL_TOLERANCE) * max(float(extent.min()), 1e-9))


def _on_ball(center_mm: Float, scalp: Surface) -> dict[str, Float]:
    reach = float(np.linalg.norm(scalp.vertices_mm - center_mm, axis=1).max())
    angle = np.deg2rad(BALL_ELEVATION_DEG)
    around = {"Nz": (0.0, 1.0), "Iz": (0.0, -1.0), "LPA": (-1.0, 0.0), "RPA": (1.0, 0.0)}
    guess = {
        name: center_mm + reach * np.array([x * np.cos(angle), y * np.cos(angle), np.sin(angle)])
        for name, (x, y) in around.items()
    }
    return snapped_mm(guess, scalp, limit_mm=None)
