"""What uncertain conductivities make of the dose of an implanted lead at its current.

With J the mean of |E| in the target and sigma_t uniform over its range [a, b], independent of the other tissues,

    J  ~  J_0 + sum_t (-sigma_t^2 dJ/dsigma_t) (1 / sigma_t' - 1 / sigma_t)
    sd_t = sigma_t^2 |dJ/dsigma_t| sd(1/sigma_t'),    var(1/sigma') = 1 / (a b) - (ln(b/a) / (b - a))^2

The derivatives come from the adjoint (`field.implant_sensitivity`). First order is taken in the resistivity: at a given
current the field goes with 1/sigma where one tissue surrounds the lead, so that this is exact there, while first order
in sigma would overstate the wide range of brain tissue twofold.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from assuage.field import Conductor
from assuage.field.implant import ContactFields
from assuage.field.implant_box import CAPSULE
from assuage.field.implant_sensitivity import size_sensitivity
from assuage.head import conductivities
from assuage.techniques.dbs_activation import region_share
from assuage.techniques.tables import read_table

if TYPE_CHECKING:
    from assuage.targets import Target


def conductivity_deviation(
    conductor: Conductor, fields: ContactFields, target: "Target", currents_A: ArrayLike
) -> dict[str, float]:
    """Return the standard deviation of the mean of |E| in a target that each tissue's conductivity causes, V/m.

    Parameters
    ----------
    conductor
        Of the whole head, as given to `implant`.
    fields, target, currents_A
        As for `dbs_dose.assess`.

    Raises
    ------
    SourceError
        The conductor is of another head, or the target lies off the fine grid.
    """
    weight = np.asarray(region_share(fields, target), np.float64)
    slopes = size_sensitivity(conductor, fields, np.asarray(currents_A, dtype=np.float64), weight)
    layer = fields.encapsulation.conductivity_S_per_m
    factor = read_table("dbs")["encapsulation"]["range_factor"]
    nominal = {**fields.whole.conductivity_S_per_m, CAPSULE: layer}
    ranges = {name: (row.low, row.high) for name, row in conductivities().items()}
    ranges[CAPSULE] = (layer / factor, layer * factor)
    return {
        name: abs(slope) * nominal[name] ** 2 * resistivity_deviation(*ranges[name])
        for name, slope in slopes.items()
        if name in ranges
    }


def resistivity_deviation(low_S_per_m: float, high_S_per_m: float) -> float:
    """Return the standard deviation of 1/sigma, Ohm m, for sigma uniform between two values."""
    width = high_S_per_m - low_S_per_m
    if width <= 0:
        return 0.0
    mean = math.log(high_S_per_m / low_S_per_m) / width
    return math.sqrt(max(1 / (low_S_per_m * high_S_per_m) - mean**2, 0.0))
