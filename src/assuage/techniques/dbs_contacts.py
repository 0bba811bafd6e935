"""Which contacts, at what current: cover a target, spare the rest, within limits of charge.

The field at a point is linear in the currents, so for a pattern p (shares of the contacts, cathodes together -1) and
an amplitude a, |E| = a |sum_k p_k E_k|, and a voxel is activated from a* = T / |sum_k p_k E_k| on. Sorting a* gives
the score of every amplitude at once:

    score(a) = Dice(activated, target) - avoid_weight x largest activated part of any region to avoid

Searched are, exhaustively, PATTERNS: every contact, every level, every pair of contacts and of levels that are
neighbours, as cathodes against the case, and every contact or level against a neighbouring one; each at every step of
the generator up to the limits. From the best pattern against the case a local search then moves shares between
contacts. The result is the best of the patterns and no worse; shares between them may hide a better one.

What no currents within the limits exceed is known: |E| <= sum_k |c_k| |E_k|, and the largest right-hand side under the
limits of each contact (the largest stands for unequal ones) and of the total is found by sorting. The part of the
target where even that reaches T bounds the coverage from above (`bound_fraction`), whatever the pattern.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assuage.errors import PlanError
from assuage.sources.lead import Lead
from assuage.techniques.dbs_activation import Threshold, brain_share, outside_box_mm3, region_share
from assuage.techniques.dbs_charge import ChargeLimits

if TYPE_CHECKING:
    from assuage.field.implant import ContactFields
    from assuage.targets import Target

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

SHARE_STEP = 0.1
"""By which the local search moves current from one contact to another."""
ROUNDS = 40
"""Largest number of accepted moves of the local search."""
RESOLUTION_A = 1e-6
"""Currents of single contacts are rounded to this."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Voxels:
    """Brain voxels that some currents within the limits could activate.

    Attributes
    ----------
    e_per_A
        (n contacts, m, 3), V/m per A.
    weight_mm3
        (m,) brain tissue of each.
    target_mm3
        (m,) of it in the target.
    avoid_mm3
        (regions, m) of it in each region to avoid.
    target_total_mm3, avoid_total_mm3
        Brain tissue of the whole target, and of each region.
    """

    e_per_A: Array32
    weight_mm3: Array
    target_mm3: Array
    avoid_mm3: Array
    target_total_mm3: float
    avoid_total_mm3: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ContactChoice:
    """The chosen currents.

    Attributes
    ----------
    currents_A
        (n,) from the contacts into the tissue, first phase; negative: cathode.
    amplitude_A
        Of all cathodes together.
    score, dice
        See the module docstring.
    covered_fraction
        Of the target, at voxel centres.
    bound_fraction
        What no currents within the limits exceed.
    patterns
        How many were searched; the moves of the local search included.
    bipolar
        The current returns through a contact, not through the case.
    """

    currents_A: Array
    amplitude_A: float
    score: float
    dice: float
    covered_fraction: float
    bound_fraction: float
    patterns: int
    bipolar: bool


def patterns(lead: Lead, *, bipolar: bool = True) -> Array:
    """Return the shares of the contacts (patterns, n): cathodes sum to -1, anodes to 1 or 0 (return by the case)."""
    n = len(lead.contacts)
    levels = [[k for k, c in enumerate(lead.contacts) if c.level == level] for level in range(1, lead.levels + 1)]
    groups = [[k] for k in range(n)] + [level for level in levels if len(level) > 1]
    joined = [[a, b] for a, b in combinations(range(n), 2) if _near(lead, a, b)]
    joined += [low + high for low, high in pairwise(levels) if len(low) + len(high) > 2]
    rows = [_spread(lead, group) for group in groups + joined]
    if bipolar:
        pairs = [(a, b) for a in groups for b in groups if not set(a) & set(b) and _near(lead, a[0], b[0])]
        rows += [_spread(lead, cathode) - _spread(lead, anode) for cathode, anode in pairs]
    return np.unique(np.round(rows, 12), axis=0)


def _near(lead: Lead, a: int, b: int) -> bool:
    return abs(lead.contacts[a].level - lead.contacts[b].level) <= 1


def _spread(lead: Lead, group: Sequence[int]) -> Array:
    """Return one ampere leaving by a group of contacts, shared by area."""
    areas = np.zeros(len(lead.contacts))
    areas[list(group)] = [lead.contacts[k].area_m2 for k in group]
    return np.asarray(-areas / areas.sum())


def reachable(
    fields: "ContactFields",
    target: "Target",
    *,
    limit: Threshold,
    limits: ChargeLimits,
    avoid: Sequence["Target"] = (),
) -> Voxels:
    """Collect the brain voxels that currents within the limits could activate, and what they belong to.

    Parameters
    ----------
    fields
        Of the lead.
    target, avoid
        Regions; they may reach beyond the fine grid.
    limit
        The field threshold.
    limits
        Of charge and current.

    Raises
    ------
    PlanError
        A threshold of another criterion.
    TargetError
        A region without brain tissue.
    """
    if limit.criterion != "field":
        raise PlanError("contacts are chosen by the field criterion: it is linear in the amplitude")
    inside = brain_share(fields)
    voxel_mm3 = fields.conductor.grid.voxel_mm**3
    largest = largest_currents_A(fields.placed.lead, limits, limit.pulse_width_s)
    where = np.flatnonzero((strongest(fields.e_per_A, largest, limits.total_A) >= limit.value) & (inside > 0))
    parts = [region_share(fields, region) for region in (target, *avoid)]
    whole = [
        float(part.sum(dtype=np.float64)) * voxel_mm3 + outside_box_mm3(fields, region)
        for part, region in zip(parts, (target, *avoid), strict=True)
    ]
    shares = np.array([part.ravel()[where] for part in parts], np.float64) * voxel_mm3
    return Voxels(
        e_per_A=fields.e_per_A.reshape(len(fields.e_per_A), -1, 3)[:, where],
        weight_mm3=inside.ravel()[where].astype(np.float64) * voxel_mm3,
        target_mm3=shares[0],
        avoid_mm3=shares[1:],
        target_total_mm3=whole[0],
        avoid_total_mm3=np.array(whole[1:]),
    )


def largest_currents_A(lead: Lead, limits: ChargeLimits, pulse_width_s: float) -> Array:
    """Return the largest current (n,) that the limits leave each contact."""
    return np.array([limits.largest_A(contact, pulse_width_s) for contact in lead.contacts])


def strongest(e_per_A: Array32, largest_A: Array, total_A: float) -> Array32:
    """Return the bound of |E| (...), V/m, over all currents within the limits; see the module docstring."""
    strength = np.sort(np.linalg.norm(e_per_A, axis=-1), axis=0)[::-1]
    if (
        np.ptp(largest_A) > 0
    ):  # a knapsack of unequal limits would need its order per voxel: the largest limit bounds it
        largest_A = np.full(len(largest_A), largest_A.max())
    left, bound = 2 * total_A, np.zeros(strength.shape[1:], np.float32)
    for row, limit in zip(strength, largest_A, strict=True):
        current = min(limit, left)
        bound += np.float32(current) * row
        left -= current
    return np.asarray(bound)


def choose_contacts(
    voxels: Voxels,
    lead: Lead,
    *,
    limit: Threshold,
    limits: ChargeLimits,
    avoid_weight: float = 1.0,
    bipolar: bool = True,
) -> ContactChoice:
    """Search patterns and amplitudes.

    Parameters
    ----------
    voxels
        From `reachable`.
    lead
        Whose contacts.
    limit
        Field threshold and pulse width.
    limits
        Of charge and current.
    avoid_weight
        Weight of the regions to avoid in the score.
    bipolar
        Search patterns that return through a contact too.

    Raises
    ------
    PlanError
        No pattern activates any of the target within the limits.
    """
    largest = largest_currents_A(lead, limits, limit.pulse_width_s)

    def scored(pattern: Array) -> tuple[float, float]:
        return _best_amplitude(voxels, pattern, largest, limit.value, limits, avoid_weight)

    offered = patterns(lead, bipolar=bipolar)
    found = [scored(pattern) for pattern in offered]
    k = int(np.argmax([score for score, _ in found]))
    best, (score, amplitude), tried = offered[k], found[k], len(offered)
    if amplitude == 0:
        raise PlanError(
            f"no contact of lead {lead.name!r} activates any of the target within the limits; move the lead nearer"
        )
    if np.isclose(best.sum(), -1):
        best, score, amplitude, moves = _refined(scored, best, score, amplitude)
        tried += moves
    currents = np.round(amplitude * best / RESOLUTION_A) * RESOLUTION_A
    if abs(best.sum()) < 1e-9:
        currents[int(np.argmax(currents))] -= currents.sum()
    active = np.linalg.norm(np.tensordot(currents.astype(np.float32), voxels.e_per_A, 1), axis=1) >= limit.value
    covered = float(voxels.target_mm3[active].sum())
    return ContactChoice(
        currents_A=currents,
        amplitude_A=float(-currents[currents < 0].sum()),
        score=score,
        dice=2 * covered / (voxels.target_total_mm3 + float(voxels.weight_mm3[active].sum())),
        covered_fraction=covered / voxels.target_total_mm3,
        bound_fraction=float(voxels.target_mm3.sum()) / voxels.target_total_mm3,
        patterns=tried,
        bipolar=bool(abs(best.sum()) < 1e-9),
    )


def _best_amplitude(
    voxels: Voxels, pattern: Array, largest_A: Array, threshold: float, limits: ChargeLimits, avoid_weight: float
) -> tuple[float, float]:
    """Return the best score of a pattern over the steps of the generator, and its amplitude (0: none scores)."""
    used = pattern != 0
    ceiling = min(float((largest_A[used] / np.abs(pattern[used])).min()), limits.total_A)
    steps = np.arange(1, int(ceiling / limits.step_A * (1 + 1e-9)) + 1) * limits.step_A
    if not len(steps):
        return -np.inf, 0.0
    E = np.tensordot(pattern[used].astype(np.float32), voxels.e_per_A[used], 1)
    strength = np.sqrt(np.einsum("mc,mc->m", E, E))
    needed = threshold / limits.step_A / np.maximum(strength, 1e-12)
    bins = np.clip(np.ceil(needed * (1 - 1e-6)), 1, len(steps) + 1).astype(np.int64) - 1  # first step that activates

    def upto(values: Array) -> Array:
        return np.cumsum(np.bincount(bins, values, len(steps) + 1)[:-1])

    covered = upto(voxels.target_mm3)
    score = 2 * covered / (upto(voxels.weight_mm3) + voxels.target_total_mm3)
    if len(voxels.avoid_mm3):
        parts = [upto(mm3) / total for mm3, total in zip(voxels.avoid_mm3, voxels.avoid_total_mm3, strict=True)]
        score = score - avoid_weight * np.max(parts, axis=0)
    if not covered[-1] > 0:
        return -np.inf, 0.0
    k = int(np.argmax(np.where(covered > 0, score, -np.inf)))
    return float(score[k]), float(steps[k])


def _refined(
    scored: Callable[[Array], tuple[float, float]], pattern: Array, score: float, amplitude: float
) -> tuple[Array, float, float, int]:
    """Move shares between contacts while the score rises; return pattern, score, amplitude, and the moves tried."""
    tried = 0
    for _ in range(ROUNDS):
        better = None
        for give, take in ((g, t) for g in np.flatnonzero(pattern < -1e-9) for t in range(len(pattern)) if g != t):
            moved = pattern.copy()
            part = min(SHARE_STEP, -moved[give])
            moved[give] += part
            moved[take] -= part
            moved[np.abs(moved) < 1e-9] = 0.0
            tried += 1
            found = scored(moved)
            if found[0] > score + 1e-9:
                better, (score, amplitude) = moved, found
        if better is None:
            break
        pattern = better
    return pattern, score, amplitude, tried
