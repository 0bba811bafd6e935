"""The tensors that a head keeps for a tissue, relative to its isotropic conductivity."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TissueTensors:
    """Conductivity tensors of one tissue over its isotropic conductivity.

    Attributes
    ----------
    tissue
        Name.
    relative
        (n, 6) float32, xx xy xz yy yz zz along the world axes, for the n voxels with the tissue's label in C order.
    origin
        File, order, mapping, and what was measured and changed on the way; goes into plan.json.
    """

    tissue: str
    relative: NDArray[np.float32]
    origin: dict[str, Any] = field(default_factory=dict)

    def expanded(self, inside: NDArray[np.bool_], conductivity_S_per_m: float) -> NDArray[np.float32]:
        """Return the tensors (nx, ny, nz, 3, 3), S/m, in the voxels `inside` (n of them); 0 elsewhere."""
        values = np.zeros((*inside.shape, 3, 3), np.float32)
        square = self.relative[:, [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(-1, 3, 3)
        values[inside] = np.float32(conductivity_S_per_m) * square
        return values
