"""From the proposals for the mean of a distribution to those with the best objective over all that is not known.

Every technique of `over_choices.SEARCHES` proposes for the distribution; its proposal for the mean competes. One
forward solution for each gives the slopes by conductivity; the objective over target, placement and conductivity
decides. The proposal for the group target competes too, so that the chosen one is never worse than either.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assuage.errors import PlanError
from assuage.field import Field, Landscape
from assuage.field.landscape import sensitivities_of
from assuage.head import conductivities
from assuage.plan.bench import LABELS, Bench
from assuage.plan.choices import Choice
from assuage.plan.describe import normal_of, number, point
from assuage.plan.distribution_records import (
    AimRecord,
    GainRecord,
    GroupTargetRecord,
    MadeFor,
    PlaceRecord,
    SpreadRecord,
    TargetDistributionRecord,
)
from assuage.plan.joint_spread import CONDUCTIVITIES, JointSpread, conductivity_draws, difference, joint_spread
from assuage.plan.over_choices import SEARCHES, WHY_MEAN, choose_for_group, choose_over
from assuage.plan.over_words import says
from assuage.plan.whereabouts import Located, Whereabouts, locate
from assuage.sources import Montage, PlacedCoil
from assuage.targets import Target
from assuage.techniques.goal import Goal
from assuage.techniques.placement import misplaced_poses, montage_sensitivities

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Aimed:
    """What came of the distribution: the proposals that are kept, their forward fields, and the record."""

    choices: dict[str, Choice]
    fields: dict[str, Field]
    record: TargetDistributionRecord


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Finalist:
    """A proposal, what it was made for (mean, distribution or group), its field and its spread."""

    made_for: MadeFor
    choice: Choice
    field: Field
    spread: JointSpread


def aim_over(
    bench: Bench,
    target: Target,
    goal: Goal,
    choices: Mapping[str, Choice],
    whereabouts: Whereabouts,
    *,
    others: tuple[str, ...] = (),
    progress: Callable[[str, float], None] = lambda _step, _part: None,
) -> Aimed:
    """Choose every technique's proposal by the distribution of the target.

    Parameters
    ----------
    bench, target, goal
        Head, target at the mean of the distribution, and what counts in it.
    choices
        Technique to its proposal for the mean.
    whereabouts
        The distribution, the objective and the group target.
    others
        Further techniques of the plan, which aim at the mean.
    progress
        Called with a step in words and the part that is done.

    Raises
    ------
    PlanError, TargetError
        As `whereabouts.locate`.
    """
    progress("adjoints of the distribution", 0.0)
    located = locate(bench, target, goal, whereabouts)
    mean = bench.landscape(target)
    rivals: list[tuple[MadeFor, Choice]] = []
    for k, (name, first) in enumerate(choices.items()):
        progress(f"{LABELS[name]} over the distribution", 0.35 + 0.3 * k / len(choices))
        rivals.append(("mean", first))
        if name in SEARCHES:
            rivals += [("distribution", item) for item in choose_over(bench, first, mean, located.aims)]
            rivals += _for_group(bench, first, mean, located, goal)
    progress("forward solutions over the distribution", 0.65)
    sources, which = _distinct([choice for _, choice in rivals])
    solved = bench.conductor.solve([choice.source for choice in sources])
    slopes = sensitivities_of(located.aims.landscapes, solved)
    deviations = conductivity_draws(
        mean.tissues, bench.head.conductivity_S_per_m, conductivities(), seed=bench.settings.seed
    )
    spreads = []
    for k, choice in enumerate(sources):
        progress(f"{LABELS[choice.technique]}: target, placement and conductivity", 0.8 + 0.2 * k / len(sources))
        spreads.append(joint_spread(located.aims, _misplaced(bench, choice, located), slopes[:, k], deviations))
    finalists = [
        _Finalist(made_for=made_for, choice=choice, field=solved[k], spread=spreads[k])
        for (made_for, choice), k in zip(rivals, which, strict=True)
    ]
    best = {name: _best(name, finalists) for name in choices}
    records = [_aim_record(bench, found, finalists, located) for found in best.values()]
    records += [_at_mean(name) for name in others]
    return Aimed(
        choices={name: found.choice for name, found in best.items()},
        fields={name: found.field for name, found in best.items()},
        record=_record(bench, whereabouts, located, tuple(records)),
    )


def _for_group(
    bench: Bench, first: Choice, mean: Landscape, located: Located, goal: Goal
) -> list[tuple[MadeFor, Choice]]:
    """Return the proposal for the group target, where there is one and the technique has a place for it."""
    if located.group is None or located.group_landscape is None:
        return []
    own = Goal(direction=goal.direction, normal=normal_of(located.group, bench.head))
    try:
        return [("group", choose_for_group(bench, first, mean, located.group_landscape, own))]
    except PlanError:
        return []


def _distinct(choices: list[Choice]) -> tuple[list[Choice], list[int]]:
    """Return the choices with different sources, each solved once, and which of them every choice is."""
    found: list[Choice] = []
    which = []
    for choice in choices:
        same = (k for k, other in enumerate(found) if choice.technique == other.technique and _same(choice, other))
        k = next(same, len(found))
        which.append(k)
        if k == len(found):
            found.append(choice)
    return found, which


def _same(one: Choice, other: Choice) -> bool:
    a, b = one.source, other.source
    if isinstance(a, PlacedCoil) and isinstance(b, PlacedCoil):
        return bool(np.allclose(a.pose, b.pose))
    return isinstance(a, Montage) and isinstance(b, Montage) and _electrodes(a) == _electrodes(b)


def _electrodes(montage: Montage) -> set[tuple[str, str, float]]:
    return {(item.label, repr(item.shape), round(item.current_A, 9)) for item in montage.electrodes}


def _misplaced(bench: Bench, choice: Choice, located: Located) -> Array:
    """Return mean fields (K, draws, 3), V/m, of the misplaced source in every group."""
    s, landscapes = bench.settings, located.aims.landscapes
    source = choice.source
    if isinstance(source, Montage):
        each = montage_sensitivities(landscapes, bench.head, source, count=s.draws, seed=s.seed)
        return np.asarray(np.einsum("e,knea->kna", source.currents_A, each))
    assert choice.pose is not None
    site = choice.site or bench.places.coil_site
    poses = misplaced_poses(site, choice.pose, count=s.draws, seed=s.seed)
    return np.stack([item.coil(site.coil, poses, didt_A_per_s=source.didt_A_per_s) for item in landscapes])


def _best(name: str, finalists: list[_Finalist]) -> _Finalist:
    """Return the finalist with the best objective; the proposal for the mean comes first and wins a tie."""
    own = [item for item in finalists if item.choice.technique == name]
    return max(own, key=lambda item: item.spread.objective)


def _aim_record(bench: Bench, found: _Finalist, finalists: list[_Finalist], located: Located) -> AimRecord:
    name = found.choice.technique
    own = {item.made_for: item for item in reversed(finalists) if item.choice.technique == name}
    mean, group = own["mean"], own.get("group")
    coil, first = found.choice.source, mean.choice.source
    moved = None
    if isinstance(coil, PlacedCoil) and isinstance(first, PlacedCoil):
        moved = number(np.linalg.norm(coil.pose[:3, 3] - first.pose[:3, 3]))
    searched = name in SEARCHES
    there = None if located.group is None else bench.read_out(located.group)
    score = located.aims.goal.score
    return AimRecord(
        technique=name,
        label=LABELS[name],
        aims_at="distribution" if searched else "mean",
        because=_because(found, located) if searched else WHY_MEAN[name],
        moved_mm=moved,
        made_for=found.made_for,
        over=_spread_record(found.spread),
        of_mean=_spread_record(mean.spread),
        of_group=None if group is None else _spread_record(group.spread),
        in_group_V_per_m=None if there is None else number(score(found.field.mean_over(there))),
        group_in_group_V_per_m=None if there is None or group is None else number(score(group.field.mean_over(there))),
        over_group=None if group is None else _gain(found.spread, group.spread),
    )


def _gain(own: JointSpread, group: JointSpread) -> GainRecord:
    more = difference(own, group)
    return GainRecord(
        objective_gain=number(own.objective / group.objective - 1),
        mean_V_per_m=number(more.mean),
        sd_V_per_m=number(more.sd),
        better_share=number(more.better),
        worth=more.mean > more.sd,
    )


def _because(found: _Finalist, located: Located) -> str:
    counted = f"best {located.aims.objective.words} over target, placement and conductivity"
    if found.made_for == "distribution":
        return counted
    where = "mean of the distribution" if found.made_for == "mean" else "group target"
    return f"{counted}: the proposal for the {where}"


def _at_mean(name: str) -> AimRecord:
    return AimRecord(
        technique=name,
        label=LABELS[name],
        aims_at="mean",
        because=WHY_MEAN[name],
        moved_mm=None,
        made_for="mean",
        over=None,
        of_mean=None,
        of_group=None,
        in_group_V_per_m=None,
        group_in_group_V_per_m=None,
        over_group=None,
    )


def _spread_record(spread: JointSpread) -> SpreadRecord:
    return SpreadRecord(
        expected_V_per_m=number(spread.expected),
        sd_V_per_m=number(spread.sd),
        quantiles_V_per_m={f"{q:g}": number(value) for q, value in spread.quantiles.items()},
        objective_V_per_m=number(spread.objective),
        target_share=number(spread.target_share),
        placement_share=number(spread.placement_share),
        conductivity_share=number(spread.conductivity_share),
        joint_share=number(spread.joint_share),
    )


def _record(
    bench: Bench, whereabouts: Whereabouts, located: Located, records: tuple[AimRecord, ...]
) -> TargetDistributionRecord:
    found, group = whereabouts.distribution, None
    if whereabouts.group is not None and located.group is not None:
        group = GroupTargetRecord(
            label=whereabouts.group.label,
            center_mm=point(located.group.center_mm),
            distance_mm=number(whereabouts.group.distance_mm),
            worth_individualising=whereabouts.group.worth,
            says=whereabouts.group.says,
        )
    made = TargetDistributionRecord(
        method=found.method,
        minutes=number(found.minutes),
        objective=whereabouts.objective.words,
        quantile=whereabouts.objective.quantile,
        mean_mm=point(found.mean_mm),
        semi_axes_mm=point(found.ellipsoid.semi_axes_mm),
        places=tuple(
            PlaceRecord(center_mm=point(center), weight=number(weight))
            for center, weight in zip(located.centers_mm, located.aims.weights, strict=True)
        ),
        within_mm=number(located.within_mm),
        placements=bench.settings.draws,
        conductivities=CONDUCTIVITIES,
        seed=bench.settings.seed,
        techniques=records,
        group=group,
        says=(),
    )
    return made.model_copy(update={"says": says(made)})
