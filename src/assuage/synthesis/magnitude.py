"""How far apart numbers of studies may lie: what lies beyond is a mistake in a cell, and no sum of doubles holds it.

| bound | of |
|---|---|
| |x| <= `LARGEST` | a number in a table, so that squares and products stay finite; also an effect, and s and 1 / s |
| |y| <= `LARGEST_LOG` | a logarithm: exp(100) is no ratio of anything that was measured |
| |y| / s <= `FARTHEST` | an effect in its standard errors, since its square is summed |
| v_i / v_j <= `WIDEST` | two variances of one table, since their weights are summed |
"""

from collections.abc import Sequence

import numpy as np

from assuage.errors import DataError
from assuage.synthesis.heterogeneity import Array

LARGEST = 1e30
LARGEST_LOG = 100.0
FARTHEST = 1e8
WIDEST = 1e10


def require_comparable(y: Array, v: Array, names: Sequence[str], *, is_log: bool) -> None:
    """Refuse effects (k,) and variances (k,) that cannot stand in one sum.

    Raises
    ------
    DataError
        With the name of the effect and what it holds.
    """
    for name, value, error in zip(names, y.tolist(), np.sqrt(v).tolist(), strict=True):
        if not abs(value) <= LARGEST:
            raise DataError(f"{name}: an effect of {value:g} is too large to compute with; correct its numbers")
        if not 1 / LARGEST <= error <= LARGEST:
            raise DataError(f"{name}: a standard error of {error:g} cannot be computed with; correct its numbers")
        if is_log and abs(value) > LARGEST_LOG:
            raise DataError(f"{name}: exp({value:g}) is no effect; a ratio is given as its logarithm")
        if abs(value) > FARTHEST * error:
            raise DataError(
                f"{name}: an effect of {value:g} with a standard error of {error:g} cannot be; correct its numbers"
            )
    least, most = int(np.argmin(v)), int(np.argmax(v))
    if not v[most] <= WIDEST * v[least]:
        raise DataError(
            f"{names[least]} has a variance of {v[least]:g} and {names[most]} one of {v[most]:g}, too far apart to "
            "compute with; correct the one that is wrong"
        )
