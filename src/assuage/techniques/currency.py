"""One dose currency: the same quantities for every technique, beside the technique's own reference field.

    ratio           mean field in the target / the technique's own reference field
    off target      mean over the located regions of a circuit that the target does not cover
    over_target     mean field of a region / mean field in the target
    stronger        share of the target's tissue in the whole head where |E| exceeds the mean in the target

The quantities are those of `dose`; `docs/dose.md` says which of them may be compared across techniques.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assuage.errors import PlanError
from assuage.techniques.charge import Charge
from assuage.techniques.dose import TargetDose, half_max, stronger_share, target_dose
from assuage.techniques.patches import FieldMap, Located, Patch
from assuage.techniques.references import Reference

if TYPE_CHECKING:
    from assuage.field import Field

Array = NDArray[np.float64]

ON_TARGET_SHARE = 0.5
"""A region of which at least this share lies in the target is not off target (a working choice)."""

SOLVED = "electric field of one source at the stated intensity"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionDose:
    """Mean field of a region (as `TargetDose.mean_V_per_m`), and over that of the target.

    `on_target` says that the region lies in the target by at least `ON_TARGET_SHARE`.
    """

    name: str
    mean_V_per_m: float
    over_target: float
    on_target: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitDose:
    """Field in a circuit.

    Attributes
    ----------
    domain
        Its name.
    mean_V_per_m
        Mean over its located regions, each counting alike; None if none is located.
    off_target_V_per_m
        The same without the regions that the target covers; None if none is left.
    regions, absent
        Located regions, and the reason why others are not.
    """

    domain: str
    mean_V_per_m: float | None
    off_target_V_per_m: float | None
    regions: tuple[RegionDose, ...]
    absent: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoseCurrency:
    """What a technique delivers, in quantities that every technique has.

    Attributes
    ----------
    technique, quantity
        Which, and what its field values are.
    target
        Field in the target.
    reference, ratio
        The technique's own reference field, and the target's mean over it; None where it is unknown.
    peak_V_per_m, target_over_peak
        99th percentile of |E| in the target's tissue of the whole head, and the target's mean over it.
    half_max_volume_mm3
        Volume of that tissue with at least half the peak.
    stronger_elsewhere
        Share of that tissue that gets more than the target's mean.
    circuits
        Off-target field in each of the four circuits.
    sensitive, sensitive_absent
        Field in the sensitive regions, and the reason why others are not shown.
    charge, duration_s
        Of one session; None where unknown.
    """

    technique: str
    quantity: str
    target: TargetDose
    reference: Reference | None
    ratio: float | None
    peak_V_per_m: float
    target_over_peak: float
    half_max_volume_mm3: float
    stronger_elsewhere: float
    circuits: tuple[CircuitDose, ...]
    sensitive: tuple[RegionDose, ...]
    sensitive_absent: Mapping[str, str]
    charge: Charge
    duration_s: float | None


def circuit_dose(
    values: "FieldMap | Field", domain: str, located: Located, *, target: Patch, target_mean_V_per_m: float
) -> CircuitDose:
    """Measure a map in the regions of a circuit."""
    regions = _regions(values, located, target, target_mean_V_per_m)
    return CircuitDose(
        domain=domain,
        mean_V_per_m=_mean([region.mean_V_per_m for region in regions]),
        off_target_V_per_m=_mean([region.mean_V_per_m for region in regions if not region.on_target]),
        regions=regions,
        absent=dict(located.absent),
    )


def dose_currency(  # noqa: PLR0913 (one call, everything named)
    values: "FieldMap | Field",
    patch: Patch,
    *,
    technique: str,
    charge: Charge,
    circuits: Mapping[str, Located],
    sensitive: Located,
    reference: Reference | None = None,
    normal: Array | None = None,
    duration_s: float | None = None,
    read: TargetDose | None = None,
) -> DoseCurrency:
    """State a technique's dose in the common currency.

    Parameters
    ----------
    values
        A solved field, or a map of amplitudes or envelopes, at the intensity that is planned.
    patch
        The target on the map's grid.
    technique
        Its name.
    charge, duration_s
        Of one session (`charge.delivered_charge`, `charge.session_duration_s`).
    circuits, sensitive
        Regions on the map's grid (`watched.circuit_patches`, `watched.sensitive_patches`).
    reference
        The technique's own reference field; None if unknown.
    normal
        (3,) mean inward cortical normal of the target.
    read
        The field inside the target, where a finer grid than the map's has read it.

    Raises
    ------
    PlanError
        The reference belongs to another technique.
    DataError
        A patch belongs to another grid.
    """
    if reference is not None and reference.technique != technique:
        raise PlanError(
            f"the dose of {technique!r} was to be compared with the {reference.kind.name} of {reference.technique!r}; "
            "each technique has its own reference"
        )
    target = read or target_dose(values, patch, normal=normal)
    peak, volume_mm3 = half_max(values, patch.tissues)
    mean = target.mean_V_per_m
    return DoseCurrency(
        technique=technique,
        quantity=values.says if isinstance(values, FieldMap) else SOLVED,
        target=target,
        reference=reference,
        ratio=None if reference is None else reference.ratio(mean),
        peak_V_per_m=peak,
        target_over_peak=mean / peak if peak > 0 else 0.0,
        half_max_volume_mm3=volume_mm3,
        stronger_elsewhere=stronger_share(values, patch.tissues, mean),
        circuits=tuple(
            circuit_dose(values, domain, located, target=patch, target_mean_V_per_m=mean)
            for domain, located in circuits.items()
        ),
        sensitive=_regions(values, sensitive, patch, mean),
        sensitive_absent=dict(sensitive.absent),
        charge=charge,
        duration_s=duration_s,
    )


def _regions(
    values: "FieldMap | Field", located: Located, target: Patch, target_mean_V_per_m: float
) -> tuple[RegionDose, ...]:
    covered = _flat(target)
    found = []
    for name, patch in located.patches.items():
        mean = target_dose(values, patch).mean_V_per_m
        share = float(patch.weights[np.isin(_flat(patch), covered)].sum())
        found.append(
            RegionDose(
                name=name,
                mean_V_per_m=mean,
                over_target=mean / target_mean_V_per_m if target_mean_V_per_m > 0 else float("inf"),
                on_target=share >= ON_TARGET_SHARE,
            )
        )
    return tuple(found)


def _flat(patch: Patch) -> NDArray[np.int64]:
    return np.asarray(np.ravel_multi_index(tuple(patch.index.T), patch.shape), dtype=np.int64)


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
