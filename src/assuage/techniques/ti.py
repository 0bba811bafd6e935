"""Temporal interference: two pairs of electrodes, each with its own carrier, chosen over the whole lead field.

A pair carries at most half of the total current, on two electrodes of its own. What counts in the target is the mean
over its voxels of the modulation depth (`modulation`: peak to peak), along the best direction at each voxel or along
the wanted one. What is to be avoided is the root mean square depth in grey matter off target (farther than `FAR`
radii).

Out of all montages the one proposed has the largest ratio of the two among those with at least `LEAST_SHARE` of the
largest depth that any reaches; the Pareto front shows the others.

The bound: for every direction n, M(n) <= |n.E1| + |n.E2|, and the right-hand side is the component of one field that
the same electrodes could make with one modulated current of both pairs. So at every voxel

    M <= max over n of the strongest montage of HD electrodes along n

with the same total and the same limit for each electrode (Huang, Datta and Parra 2020, 10.1088/1741-2552/ab92b3: with
currents that are not limited to pairs, interference reaches this and no more). The bound is its mean over the target.

More electrodes in each carrier cannot beat that bound, but can spare the cortex: `ti_gain` asks how much more depth
they give the target at no more depth in the cortex, with the same current in each carrier.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assuage.errors import PlanError, TargetError
from assuage.field.lead_field import LeadField
from assuage.sources import Montage
from assuage.sources.montage import Shape
from assuage.targets import Target
from assuage.techniques import modulation, ti_search
from assuage.techniques.dose import PEAK_PERCENTILE
from assuage.techniques.off_target import FAR
from assuage.techniques.optimise import covering_angle, half_sphere
from assuage.techniques.patches import Patch

Array = NDArray[np.float64]

PAIR_SHARE = 0.5
"""Share of the total current that one pair carries at most."""
LEAST_SHARE = 0.5
"""The proposed montage reaches at least this share of the largest modulation of the target (a working choice)."""
SAMPLE = 6000
"""Voxels off target, evenly taken, on which montages are compared; what is proposed is measured on all of them."""
SHOWN = 16
"""Montages of the front that are measured on all voxels and shown, evenly along it."""
DIRECTIONS = 600
"""Half-sphere of the bound: it lies less than 1 % above the exact one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TiMontage:
    """Two pairs and what they do, all by the lead field.

    Attributes
    ----------
    pairs
        Sites of the first and of the second pair; current flows from the first to the second site at one instant.
    currents_A
        Of the two pairs, zero to peak.
    target_V_per_m
        Mean modulation depth over the target, peak to peak.
    cortex_V_per_m, cortex_peak_V_per_m
        Root mean square and 99th percentile of the depth in grey matter off target.
    """

    pairs: tuple[tuple[str, str], tuple[str, str]]
    currents_A: tuple[float, float]
    target_V_per_m: float
    cortex_V_per_m: float
    cortex_peak_V_per_m: float

    @property
    def focality(self) -> float:
        """Depth in the target over the root mean square off target."""
        return self.target_V_per_m / self.cortex_V_per_m

    def montages(self, shape: Shape) -> tuple[Montage, Montage]:
        """Return one montage for each carrier."""
        first, second = (
            Montage({anode: amps, cathode: -amps}, shape=shape)
            for (anode, cathode), amps in zip(self.pairs, self.currents_A, strict=True)
        )
        return first, second


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TiProposal:
    """What temporal interference can do for a target.

    Attributes
    ----------
    proposed, strongest
        The most focal montage with enough depth, and the one with the largest depth.
    front
        Montages that no other beats in target and cortex, the largest depth first: `SHOWN` of them and the proposed
        one.
    bound_V_per_m
        What no electrodes within the same limits exceed in the target, however many are used.
    pairs, combinations
        How many there are of each.
    """

    proposed: TiMontage
    strongest: TiMontage
    front: tuple[TiMontage, ...]
    bound_V_per_m: float
    pairs: int
    combinations: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TiField:
    """A lead field with the limits of the pairs: what every target is searched on.

    Attributes
    ----------
    lead
        Over grey matter and whatever else targets consist of.
    total_current_A
        Both pairs together.
    """

    lead: LeadField
    total_current_A: float

    def __post_init__(self) -> None:
        """Refuse a current that is none.

        Raises
        ------
        PlanError
            With the value.
        """
        if not (np.isfinite(self.total_current_A) and self.total_current_A > 0):
            raise PlanError(f"total current of {self.total_current_A} A; give a number above 0")

    @property
    def pair_current_A(self) -> float:
        """Limit of one pair."""
        return PAIR_SHARE * self.total_current_A

    def propose(
        self, patch: Patch, target: Target, *, direction: Array | None = None, least_share: float = LEAST_SHARE
    ) -> TiProposal:
        """Search all pairs and currents for a target.

        Parameters
        ----------
        patch, target
            The target, and its voxels and weights on the grid of the lead field.
        direction
            Unit vector (3,) along which the modulation counts; None: the best direction at each voxel.
        least_share
            Share of the largest depth that the proposed montage keeps.

        Raises
        ------
        PlanError
            Fewer than four electrodes, or no grey matter off target.
        TargetError
            The target has voxels that the lead field lacks.
        """
        near = self.near(patch, direction)
        far = self.off_target(target)
        away = self.sample(far, SAMPLE, direction)
        found = ti_search.pareto(near, away, pair_current_A=self.pair_current_A, least_share=least_share)
        chosen = int(np.argmax(found.target_V_per_m / found.elsewhere_V_per_m))
        last = len(found.electrodes) - 1
        shown = sorted({chosen, *np.linspace(0, last, SHOWN).round().astype(int).tolist()})
        front = tuple(self._measured(found, k, patch, far, direction) for k in shown)
        n = len(self.lead.names)
        pairs = n * (n - 1) // 2
        return TiProposal(
            proposed=front[shown.index(chosen)],
            strongest=front[0],
            front=front,
            bound_V_per_m=bound(near, pair_current_A=self.pair_current_A, direction=direction),
            pairs=pairs,
            combinations=pairs * ((n - 2) * (n - 3) // 2) // 2,
        )

    def strongest(self, patch: Patch, target: Target, *, direction: Array | None = None) -> TiMontage:
        """Return the montage with the largest depth in a target; parameters and errors as `propose`."""
        near = self.near(patch, direction)
        found = ti_search.largest(near, pair_current_A=self.pair_current_A)
        return self._measured(found, 0, patch, self.off_target(target), direction)

    def depth_V_per_m(self, montage: TiMontage, direction: Array | None = None) -> Array:
        """Return the modulation depth of a montage at all voxels of the lead field, (v,) V/m."""
        return self._depth(self.currents_A(montage), slice(None), direction)

    def currents_A(self, montage: TiMontage) -> Array:
        """Return the currents (2, n) of both carriers of a montage."""
        return self._currents(montage.pairs, montage.currents_A)

    def _currents(self, pairs: tuple[tuple[str, str], tuple[str, str]], currents_A: tuple[float, float]) -> Array:
        currents = np.zeros((2, len(self.lead.names)))
        for row, (anode, cathode), amps in zip(currents, pairs, currents_A, strict=True):
            row[self.lead.names.index(anode)], row[self.lead.names.index(cathode)] = amps, -amps
        return currents

    def _depth(self, currents_A: Array, rows: "slice | NDArray[np.int64]", direction: Array | None) -> Array:
        each = self.lead.field_V_per_m_per_A
        one, two = (
            np.sum([row[k] * each[k][rows].astype(np.float64) for k in np.flatnonzero(row)], axis=0)
            for row in currents_A
        )
        if direction is not None:
            return modulation.along(one, two, direction)
        return modulation.largest(one, two).depth_V_per_m

    def _measured(
        self,
        found: ti_search.Candidates,
        k: int,
        patch: Patch,
        far: NDArray[np.int64],
        direction: Array | None,
    ) -> TiMontage:
        a, b, c, d = (self.lead.names[number] for number in found.electrodes[k])
        one, two = (float(amps) for amps in found.currents_A[k])
        pairs, amps = ((a, b), (c, d)), (one, two)
        depths = self.depths_V_per_m(self._currents(pairs, amps), patch, far, direction)
        return TiMontage(
            pairs=pairs,
            currents_A=amps,
            target_V_per_m=depths[0],
            cortex_V_per_m=depths[1],
            cortex_peak_V_per_m=depths[2],
        )

    def depths_V_per_m(
        self, currents_A: Array, patch: Patch, far: NDArray[np.int64], direction: Array | None
    ) -> tuple[float, float, float]:
        """Return the three depths of `TiMontage`, of currents (2, n), A, at a target and at voxels (f,) off it."""
        inside = self._depth(currents_A, self._rows(patch), direction)
        off = self._depth(currents_A, far, direction)
        mean_square = float((off**2).mean())
        return float(patch.weights @ inside), mean_square**0.5, float(np.percentile(off, PEAK_PERCENTILE))

    def near(self, patch: Patch, direction: Array | None = None) -> ti_search.Region:
        """Return the lead field at a target's voxels.

        Raises
        ------
        TargetError
            The target has voxels that the lead field lacks.
        """
        return self._region(self._rows(patch), patch.weights, direction)

    def _rows(self, patch: Patch) -> NDArray[np.int64]:
        rows = self.lead.rows(patch.index)
        if (rows < 0).any():
            raise TargetError(
                f"{int((rows < 0).sum())} of {len(rows)} voxels of target {patch.name!r} are not in the lead field; "
                f"solve it for {' and '.join(sorted(patch.tissues))} too"
            )
        return rows

    def off_target(self, target: Target) -> NDArray[np.int64]:
        """Return the voxels (f,) of the lead field in grey matter off target.

        Raises
        ------
        PlanError
            There is none.
        """
        lead = self.lead
        grey = lead.tissues.index("grey_matter") if "grey_matter" in lead.tissues else -1
        cortex = lead.tissue == grey if (lead.tissue == grey).any() else np.ones(len(lead.tissue), bool)
        far = np.linalg.norm(lead.points_mm - target.center_mm, axis=1) > FAR * target.radius_mm
        rows = np.flatnonzero(cortex & far)
        if not len(rows):
            raise PlanError(
                f"no grey matter lies farther than {FAR:g} radii from target {target.name!r}; use a smaller radius"
            )
        return rows

    def sample(self, rows: NDArray[np.int64], count: int, direction: Array | None) -> ti_search.Region:
        """Return the lead field at so many of some voxels, evenly taken."""
        some = rows[:: -(-len(rows) // count)]
        return self._region(some, np.full(len(some), 1 / len(some)), direction)

    def _region(self, rows: NDArray[np.int64], weights: Array, direction: Array | None) -> ti_search.Region:
        """Return the lead field at some voxels; along a direction, vectors keep only their part along it."""
        field = self.lead.field_V_per_m_per_A[:, rows]
        if direction is not None:
            n = np.asarray(direction, dtype=np.float32)
            field = (field @ n)[..., None] * n
        return ti_search.Region(field_V_per_m_per_A=field, weights=weights)


def bound(region: ti_search.Region, *, pair_current_A: float, direction: Array | None = None) -> float:
    """Return what no interference of these electrodes exceeds: the mean of the strongest HD montage at each voxel, V/m.

    Parameters
    ----------
    region
        Fields of n electrodes at the target's voxels.
    pair_current_A
        Limit of each electrode; all of them together carry twice as much.
    direction
        (3,) unit vector; None: the best direction at each voxel, by a cover of the half-sphere.
    """
    axes = half_sphere(DIRECTIONS) if direction is None else np.asarray(direction, dtype=np.float64)[None]
    slack = 1 / np.cos(covering_angle(axes)) if direction is None else 1.0
    total = 0.0
    for v, weight in enumerate(region.weights):
        along = np.sort(region.field_V_per_m_per_A[:, v].astype(np.float64) @ axes.T, axis=0)
        total += weight * float((along[-2:].sum(0) - along[:2].sum(0)).max())
    return pair_current_A * slack * total
