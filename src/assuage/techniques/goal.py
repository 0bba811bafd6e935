"""What a search maximises: the magnitude of the target's mean field, or its component along a direction."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Goal:
    """The quantity that counts in a target.

    Attributes
    ----------
    direction
        Unit vector (3,) whose component is maximised, or None for the magnitude.
    normal
        Mean inward cortical normal (3,), or None; it decides the polarity of electrodes where only the magnitude is
        wanted, so that the field enters the cortex.
    """

    direction: Array | None
    normal: Array | None

    def score(self, mean_e_V_per_m: Array) -> Array:
        """Return (n,) scores of (n, 3) mean fields."""
        if self.direction is None:
            return np.asarray(np.linalg.norm(mean_e_V_per_m, axis=-1))
        return np.asarray(mean_e_V_per_m @ self.direction)

    def polarity(self, mean_e_V_per_m: Array) -> float:
        """Return the sign, 1 or -1, that a reversible source should take for its (3,) mean field."""
        axis = self.direction if self.direction is not None else self.normal
        return -1.0 if axis is not None and float(mean_e_V_per_m @ axis) < 0 else 1.0

    def slope(self, mean_e_V_per_m: Array) -> Array:
        """Return the unit vector (3,) along which a small change of the (3,) mean field changes the score."""
        if self.direction is not None:
            return self.direction
        length = float(np.linalg.norm(mean_e_V_per_m))
        return mean_e_V_per_m / length if length > 0 else np.zeros(3)
