"""What the techniques of `SEARCHES` propose for the distribution of a target instead of its mean."""

import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assuage.errors import PlanError
from assuage.field import Landscape
from assuage.plan.bench import Bench
from assuage.plan.choices import MAX_ELECTRODES, Choice, choose
from assuage.sources import Disc, Montage, PlacedCoil
from assuage.techniques.aims import Aims
from assuage.techniques.goal import Goal
from assuage.techniques.hd_tdcs import DISC
from assuage.techniques.montages_over import best_currents_over, best_pairs_over, best_rings_over
from assuage.techniques.tms_over import best_pose_over

Array = NDArray[np.float64]

SEARCHES = ("tms", "tdcs", "hd_tdcs_4x1", "hd_tdcs")
"""Techniques that search over the distribution."""
PAIRS_AND_RINGS = 2
"""So many compete beside the proposals for the mean and for the group target; each costs a forward solution."""

WHY_MEAN = {
    "hd_tdcs_focal": "its limit on the field elsewhere is set around one place, and over several its optimum could not "
    "be certified",
    "tacs": "its two pads are searched for one place; the pair of tDCS is the one searched over the distribution",
    "hd_tacs": "the phase it sets is one between two points",
    "ti": "the depth of an envelope is not linear in the currents, and every place would need a search of its own",
    "ect": "its standard placements are not moved towards a target",
    "mst": "its standard placements are not moved towards a target",
    "dbs": "a lead goes to a structure seen on the scan, not to a target by connectivity",
}
"""Techniques that aim at the mean of the distribution, and why."""


def choose_over(bench: Bench, first: Choice, mean: Landscape, aims: Aims) -> list[Choice]:
    """Return proposals for the distribution, best first; `first` is the one for its mean, `mean` the adjoint there.

    Raises
    ------
    PlanError
        A technique that does not search over the distribution.
    """
    started = time.monotonic()
    name = first.technique
    if name == "tms":
        found = [_pose(bench, first, mean, aims)]
    elif name == "tdcs":
        each = [bench.pad_sensitivities(item) for item in aims.landscapes]
        tables = {pad: np.stack([table[pad] for table in each]) for pad in each[0]}
        montages = best_pairs_over(
            aims, tables, bench.places.pads, current_A=bench.settings.current_A, count=PAIRS_AND_RINGS
        )
        found = [_montage(first, montage, mean) for montage in montages]
    elif name == "hd_tdcs_4x1":
        montages = best_rings_over(
            aims, _discs(bench, aims), bench.places.discs, bench.places.rings,
            current_A=bench.settings.current_A, count=PAIRS_AND_RINGS,
        )  # fmt: skip
        found = [_montage(first, montage, mean) for montage in montages]
    elif name == "hd_tdcs":
        found = [_currents(bench, first, mean, aims)]
    else:
        raise PlanError(f"{name} does not search over a distribution; {', '.join(SEARCHES)} do")
    seconds = first.seconds + time.monotonic() - started
    said = f"{aims.objective.words} over {len(aims.weights)} groups of the target's distribution"
    return [replace(choice, seconds=seconds, words=f"{choice.words}; then by {said}") for choice in found]


def choose_for_group(bench: Bench, first: Choice, mean: Landscape, there: Landscape, goal: Goal) -> Choice:
    """Return the proposal for the group target, its field stated at the mean of the distribution.

    Parameters
    ----------
    first, mean
        The proposal for the mean of the distribution, whose maps are kept, and the adjoint there.
    there, goal
        The adjoint of the group target, and what counts in it.

    Raises
    ------
    PlanError
        The technique has no place on this head.
    """
    choice = choose(bench, first.technique, there, goal)
    source, pose = choice.source, choice.pose
    if isinstance(source, Montage):
        return replace(choice, mean_e_V_per_m=mean.montage(source), optimum=None, problem="")
    assert pose is not None
    assert first.pose is not None
    site = choice.site or bench.places.coil_site
    field = mean.coil(site.coil, pose.pose[None], didt_A_per_s=source.didt_A_per_s)[0]
    kept = replace(
        pose, mean_e_V_per_m=field, place_score_V_per_m=first.pose.place_score_V_per_m,
        place_angle_deg=first.pose.place_angle_deg,
    )  # fmt: skip
    return replace(choice, mean_e_V_per_m=field, pose=kept)


def _pose(bench: Bench, first: Choice, mean: Landscape, aims: Aims) -> Choice:
    assert first.pose is not None
    assert isinstance(first.source, PlacedCoil)
    site = first.site or bench.places.coil_site
    pose = best_pose_over(aims, mean, first.pose, site, seed=bench.settings.seed)
    return replace(
        first,
        source=replace(first.source, pose=pose.pose),
        mean_e_V_per_m=pose.mean_e_V_per_m,
        evaluated=pose.evaluated,
        pose=pose,
    )


def _discs(bench: Bench, aims: Aims) -> Array:
    return np.stack([bench.disc_sensitivities(item) for item in aims.landscapes])


def _montage(first: Choice, montage: Montage, mean: Landscape) -> Choice:
    return replace(
        first, source=montage, mean_e_V_per_m=mean.montage(montage), evaluated=first.evaluated + first.candidates
    )


def _currents(bench: Bench, first: Choice, mean: Landscape, aims: Aims) -> Choice:
    found = best_currents_over(aims, _discs(bench, aims), bench.limits, count=MAX_ELECTRODES)
    names = [bench.places.discs.names[k] for k in found.keep]
    montage = Montage(
        {name: float(amps) for name, amps in zip(names, found.currents_A, strict=True) if amps != 0},
        shape=Disc(DISC.radius_mm),
    )
    limits = bench.limits
    return replace(
        first,
        source=montage,
        mean_e_V_per_m=mean.montage(montage),
        evaluated=first.evaluated + found.full.directions,
        optimum=found.full,
        realised_V_per_m=found.reached_V_per_m,
        problem=(
            f"maximise the {aims.objective.words} over {len(aims.weights)} groups of the target's distribution, "
            f"{first.candidates} electrodes; {1e3 * limits.total_A:g} mA in all, {1e3 * limits.electrode_A:g} mA each; "
            "the bound is that of every group with currents of its own"
        ),
        words=(
            f"all currents of {first.candidates} electrodes ({found.full.primal_V_per_m:.4g} V/m, bound "
            f"{found.full.dual_V_per_m:.4g}), then on the {len(montage.electrodes)} that carry most, in steps of 1 uA"
        ),
    )
