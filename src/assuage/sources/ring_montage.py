"""Montages measured on a head: a centre and returns on a circle around it."""

import numpy as np
from numpy.typing import NDArray

from assuage.errors import SourceError
from assuage.head import Head
from assuage.sources.montage import Disc, Electrode, Montage, Shape
from assuage.sources.skin import ScalpFrame, site_mm

HD_DISC = Disc(6.0)
"""The usual HD electrode: 12 mm across (ROAST default)."""


def ring_montage(
    center: str | NDArray[np.float64],
    head: Head,
    *,
    radius_mm: float,
    current_A: float,
    count: int = 4,
    rotation_deg: float = 0.0,
    shape: Shape = HD_DISC,
) -> Montage:
    """Return a centre electrode with returns on a circle around it (4x1 HD-tDCS: four returns).

    Parameters
    ----------
    center
        10-10 site or (3,) world position near the scalp.
    head
        The head on which the circle is drawn.
    radius_mm
        Centre to returns, along the scalp.
    current_A
        Into the head at the centre; leaves in equal parts.
    count
        Number of returns.
    rotation_deg
        The first return lies in the direction of the height axis of a `Pad` with this rotation.
    shape
        Of every electrode.

    Raises
    ------
    SourceError
        A radius at which the electrodes overlap, or a circle that leaves the scalp.
    """
    if count < 2:
        raise SourceError(f"a ring needs at least 2 returns, got {count}")
    if not radius_mm > 2 * shape.reach_mm:
        raise SourceError(
            f"ring radius {radius_mm:g} mm leaves no gap between electrodes that reach {shape.reach_mm:g} mm each; "
            "widen it"
        )
    point = site_mm(center, head) if isinstance(center, str) else np.asarray(center, dtype=np.float64)
    frame = ScalpFrame.at(point, head, reach_mm=radius_mm + shape.reach_mm, label=str(center))
    angle = np.radians(rotation_deg) + 2 * np.pi * np.arange(count) / count
    ring = frame.on_skin(radius_mm * np.stack([-np.sin(angle), np.cos(angle)], axis=1))
    name = center if isinstance(center, str) else None
    middle = Electrode(name=name, center_mm=_as_tuple(frame.center_mm), current_A=current_A, shape=shape)
    returns = [Electrode(center_mm=_as_tuple(foot), current_A=-current_A / count, shape=shape) for foot in ring]
    return Montage.of([middle, *returns])


def _as_tuple(point: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = point.tolist()
    return (x, y, z)
