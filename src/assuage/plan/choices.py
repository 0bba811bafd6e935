"""What the techniques of `bench.CORE` propose for one target: pose, pair, ring or optimised montage, by its adjoint."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assuage.field import Landscape
from assuage.plan.bench import Bench
from assuage.plan.records import Table
from assuage.sources import Disc, Montage, PlacedCoil
from assuage.targets import Target
from assuage.techniques import off_target, optimise
from assuage.techniques.goal import Goal
from assuage.techniques.hd_tdcs import DISC, best_ring
from assuage.techniques.tdcs import best_pair
from assuage.techniques.tms import UNIT_DIDT_A_PER_S, CoilSite, PoseChoice, best_pose

Array = NDArray[np.float64]

MAX_ELECTRODES = 8
"""Channels of common HD stimulators; the optimum is solved again on this many (a working choice)."""

FOCAL_SHARE = 0.5
"""The focused montage makes at most this share of the off-target field of the strongest one (a working choice)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """What one technique proposes for one target.

    Attributes
    ----------
    technique
        Its name.
    source
        Coil or montage at the reference intensity (1 A/us, or the plan's current).
    mean_e_V_per_m
        (3,) at the reference intensity, by the adjoint.
    candidates, evaluated, seconds, words
        How it was found.
    pose
        Of a coil.
    optimum
        Of an optimised montage: the certified optimum over all electrodes.
    problem
        Its objective and limits in words.
    site
        Of a coil other than the plan's.
    intensity, quantities
        In words, and what the cited limits look at, where the technique brings its own.
    notes, tables
        For the technique's page.
    placement
        Name of a standard placement of electrodes.
    realised_V_per_m
        Of an optimised montage: what its problem's objective became on few electrodes; None: the size of the field.
    """

    technique: str
    source: PlacedCoil | Montage
    mean_e_V_per_m: Array
    candidates: int
    evaluated: int
    seconds: float
    words: str
    pose: PoseChoice | None = None
    optimum: optimise.Optimum | None = None
    problem: str = ""
    site: CoilSite | None = None
    intensity: str = ""
    quantities: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    placement: str = ""
    realised_V_per_m: float | None = None


def choose(bench: Bench, technique: str, landscape: Landscape, goal: Goal, *, thorough: bool = True) -> Choice:
    """Let one technique propose for one target; `hd_tdcs_focal` is `choose_focal`.

    Parameters
    ----------
    bench, technique, landscape, goal
        Head, technique, target and what counts in it.
    thorough
        The full coil search; else the coarse one and its refinement.

    Raises
    ------
    PlanError
        The technique has no place on this head.
    """
    started = time.monotonic()
    if technique == "tms":
        choice = _choose_tms(bench, landscape, goal, thorough=thorough)
    elif technique == "tdcs":
        pair = best_pair(
            bench.pad_sensitivities(landscape), goal, bench.places.pads, current_A=bench.settings.current_A
        )
        choice = Choice(
            technique=technique, source=pair.montage, mean_e_V_per_m=pair.mean_e_V_per_m, candidates=pair.pairs,
            evaluated=pair.pairs, seconds=0.0, words="every pair of 10-10 sites, pads of 50 x 70 and 50 x 50 mm",
        )  # fmt: skip
    elif technique == "hd_tdcs_4x1":
        ring = best_ring(
            bench.disc_sensitivities(landscape), goal, bench.places.discs, bench.places.rings,
            current_A=bench.settings.current_A,
        )  # fmt: skip
        choice = Choice(
            technique=technique, source=ring.montage, mean_e_V_per_m=ring.mean_e_V_per_m, candidates=ring.rings,
            evaluated=ring.rings, seconds=0.0, words="every 10-10 site that four others surround",
        )  # fmt: skip
    else:
        choice = _choose_strongest(bench, landscape, goal)
    return replace(choice, seconds=time.monotonic() - started)


def choose_focal(
    bench: Bench, landscape: Landscape, goal: Goal, target: Target, lead: tuple[Array, NDArray[np.float32]]
) -> Choice:
    """Let the optimised montage propose with a limit on the field elsewhere.

    Parameters
    ----------
    bench, landscape, goal, target
        Head, target and what counts in it.
    lead
        Points and field of `Bench.lead_field` in the target's tissue.
    """
    started = time.monotonic()
    A = bench.disc_sensitivities(landscape)
    strongest = _oriented(optimise.maximise(A, goal.direction, bench.limits), goal)
    R = off_target.root_mean_square_matrix(*lead, target)
    before = float(np.linalg.norm(R @ strongest.currents_A))
    limit = optimise.OffTarget(R=R, limit_V_per_m=FOCAL_SHARE * before)
    choice = _optimised(bench, A, goal, limit, technique="hd_tdcs_focal")
    share = float(np.linalg.norm(strongest.mean_e_V_per_m))
    words = (
        f"root mean square field off target limited to {limit.limit_V_per_m:.3g} V/m, {FOCAL_SHARE:g} of that of the "
        f"strongest montage, which makes {share:.3g} V/m in the target"
    )
    return replace(choice, seconds=time.monotonic() - started, words=f"{choice.words}; {words}")


def _choose_tms(bench: Bench, landscape: Landscape, goal: Goal, *, thorough: bool) -> Choice:
    site = bench.places.coil_site if thorough else bench.places.coarse_site
    pose = best_pose(landscape, goal, site)
    return Choice(
        technique="tms",
        source=bench.coil.at(pose.pose, didt_A_per_s=UNIT_DIDT_A_PER_S),
        mean_e_V_per_m=pose.mean_e_V_per_m,
        candidates=pose.candidates,
        evaluated=pose.evaluated,
        seconds=0.0,
        words=f"{len(site.places_mm)} places on the scalp, all turns, then the neighbourhood of the best",
        pose=pose,
    )


def _choose_strongest(bench: Bench, landscape: Landscape, goal: Goal) -> Choice:
    A = bench.disc_sensitivities(landscape)
    return _optimised(bench, A, goal, None, technique="hd_tdcs")


def _optimised(bench: Bench, A: Array, goal: Goal, limit: optimise.OffTarget | None, *, technique: str) -> Choice:
    limits = bench.limits
    full = optimise.maximise(A, goal.direction, limits, limit)
    few, keep = optimise.restrict(A, full, goal.direction, limits, limit, MAX_ELECTRODES)
    few = _oriented(few, goal)
    names = [bench.places.discs.names[k] for k in keep]
    carrying = np.abs(few.currents_A) >= optimise.CURRENT_RESOLUTION_A
    montage = Montage(
        {name: float(amps) for name, amps, on in zip(names, few.currents_A, carrying, strict=True) if on},
        shape=Disc(DISC.radius_mm),
    )
    problem = (
        f"maximise the {'component' if goal.direction is not None else 'magnitude'} of the mean target field over "
        f"{len(A)} electrodes; {1e3 * limits.total_A:g} mA in all, {1e3 * limits.electrode_A:g} mA each"
        + (f"; off-target field at most {limit.limit_V_per_m:.4g} V/m" if limit is not None else "")
    )
    return Choice(
        technique=technique,
        source=montage,
        mean_e_V_per_m=few.mean_e_V_per_m,
        candidates=len(A),
        evaluated=full.directions,
        seconds=0.0,
        words=(
            f"all currents of {len(A)} electrodes ({full.primal_V_per_m:.4g} V/m, bound {full.dual_V_per_m:.4g}), then "
            f"on the {int(carrying.sum())} that carry most, in steps of 1 uA"
        ),
        optimum=full,
        problem=problem,
    )


def _oriented(optimum: optimise.Optimum, goal: Goal) -> optimise.Optimum:
    if goal.direction is not None or goal.polarity(optimum.mean_e_V_per_m) > 0:
        return optimum
    return replace(optimum, currents_A=-optimum.currents_A, mean_e_V_per_m=-optimum.mean_e_V_per_m)
