"""The shortlist that the user's weights make of the techniques of a plan."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from assuage.errors import PlanError
from assuage.evidence.grades import evidence_for
from assuage.plan import chooser
from assuage.plan.chooser import Site
from assuage.plan.course_records import CombinationRecord, CourseRecord
from assuage.plan.describe import number
from assuage.plan.order_records import ChosenRecord, CriterionRecord, LeftOutRecord, ShiftRecord, ShortlistRecord
from assuage.plan.records import TechniqueRecord
from assuage.plan.sessions import GIVEN
from assuage.plan.technique_facts import Criterion, Facts, equipment_names, technique_facts
from assuage.safety import Verdict
from assuage.units import MIN_PER_H, S_PER_MIN

ALL_EQUIPMENT = "a site that has everything: name what is there to leave out what cannot be done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choosing:
    """What the user weights and has.

    Attributes
    ----------
    weights
        Criterion to weight; None: all alike.
    equipment
        Keys of `technique_facts.equipment_names`; None: everything.
    may_acquire
        Keys of what the site lacks and would get: it lowers the score where `equipment` has weight.
    """

    weights: Mapping[Criterion, float] | None = None
    equipment: tuple[str, ...] | None = None
    may_acquire: tuple[str, ...] = ()

    @property
    def site(self) -> Site:
        """The site for the chooser."""
        has = equipment_names() if self.equipment is None else self.equipment
        return Site(equipment=frozenset(has), may_acquire=frozenset(self.may_acquire))

    @property
    def words(self) -> str:
        """What the site has and would get."""
        if self.equipment is None:
            return ALL_EQUIPMENT
        has, would = (", ".join(equipment_names()[key] for key in keys) for keys in (self.equipment, self.may_acquire))
        return (has or "nothing") + (f"; would acquire {would}" if would else "")


def shortlist(
    records: tuple[TechniqueRecord, ...],
    choosing: Choosing,
    *,
    combinations: tuple[CombinationRecord, ...] = (),
    target: str,
    age_years: float | None,
) -> ShortlistRecord:
    """Order the techniques of a plan by what the user weights.

    Parameters
    ----------
    records, combinations
        Of the plan.
    choosing
        Weights and site.
    target
        Name of the region that the plan is for.
    age_years
        Of the person; None if unknown.

    Raises
    ------
    PlanError
        Unknown criteria, weights or equipment.
    """
    candidates = [item for record in records for item in _candidates(record, target)]
    candidates += [_combined(item, {record.technique: record for record in records}) for item in combinations]
    weights = chooser.EVEN if choosing.weights is None else choosing.weights
    made = chooser.shortlist(candidates, site=choosing.site, weights=weights, age_years=age_years)
    return ShortlistRecord(
        rule=made.rule,
        site=choosing.words,
        chosen=tuple(
            ChosenRecord(
                place=item.place,
                technique=item.technique,
                label=item.label,
                elsewhere=item.elsewhere,
                score=number(item.score),
                criteria=tuple(
                    CriterionRecord(
                        criterion=part.criterion,
                        weight=number(part.weight),
                        value=number(part.value),
                        adds=number(part.adds),
                        words=part.words,
                    )
                    for part in item.contributions
                ),
                cautions=item.cautions,
            )
            for item in made.ranked
        ),
        left_out=tuple(
            LeftOutRecord(technique=item.technique, label=item.label, reasons=item.reasons) for item in made.excluded
        ),
        shifts=tuple(
            ShiftRecord(
                criterion=shift.criterion,
                weight=shift.weight,
                lower=shift.lower,
                lower_first=shift.lower_first,
                upper=shift.upper,
                upper_first=shift.upper_first,
            )
            for shift in made.shifts
        ),
    )


def _candidates(record: TechniqueRecord, target: str) -> list[chooser.Candidate]:
    """Return a technique as the chooser sees it; a coil with courses is one for each of them."""
    stated, reach = record.currency, record.reach
    field = chooser.Candidate(
        technique=record.technique,
        label=record.label,
        target_field_ratio=None if stated is None else stated.ratio,
        target_over_peak=record.dose.target_over_e99,
        verdict=record.worst_verdict,
        stops=_stops(record.verdicts),
        reached=None if reach is None else reach.reached,
        reach_words="" if reach is None else reach.words,
        elsewhere="" if stated is None or stated.target == target else stated.target,
        evidence=evidence_for(record.technique),
        basis="" if stated is None else stated.reference,
        own_facts=_given_facts(record),
    )
    return [
        replace(
            field,
            technique=course.technique,
            label=course.label,
            target_field_ratio=course.intensity.target_over_threshold,
            verdict=course.worst_verdict,
            stops=_stops(course.verdicts),
            evidence=evidence_for(course.technique),
            basis=course.intensity.words,
            own_facts=_facts(course),
        )
        for course in record.courses
    ] or [field]


def _given_facts(record: TechniqueRecord) -> Facts | None:
    """Return what a technique asks where the user gave the length of its session; None: what the table says."""
    stated = record.currency
    if stated is None or stated.duration_s is None or stated.duration_words != GIVEN:
        return None
    known = technique_facts(record.technique)
    return replace(known, minutes=stated.duration_s / S_PER_MIN, source=f"session as given; the rest: {known.source}")


def _facts(course: CourseRecord) -> Facts:
    """Return what a course asks of person and site: its own visits and hours, the equipment of its technique."""
    known = technique_facts(course.technique)
    if not course.given:
        return known
    minutes = MIN_PER_H * course.hours_on_site / course.visits - known.other_minutes
    return replace(
        known, visits=course.visits, minutes=minutes, source=course.burden_source, source_level="of the course named"
    )


def _combined(item: CombinationRecord, records: Mapping[str, TechniqueRecord]) -> chooser.Candidate:
    """Return a combination as the chooser sees it: its fields are not added, so the lower of its parts counts."""
    parts = [records[name] for name in item.parts]
    course = next(course for part in parts for course in part.courses if course.technique == item.course)
    ratios = [None if part.currency is None else part.currency.ratio for part in parts if not part.courses]
    ratios.append(course.intensity.target_over_threshold)
    asked = [(part.label, part.reach) for part in parts if part.reach is not None]
    short = [(label, reach) for label, reach in asked if not reach.reached]
    return chooser.Candidate(
        technique=item.technique,
        label=item.label,
        target_field_ratio=None if None in ratios else min(ratio for ratio in ratios if ratio is not None),
        target_over_peak=min(part.dose.target_over_e99 for part in parts),
        verdict=item.worst_verdict,
        stops=_stops(item.verdicts),
        reached=not short if asked else None,
        reach_words="; ".join(f"{label}: {reach.words}" for label, reach in short or asked),
        evidence=evidence_for(item.technique),
        basis="the lower of its two parts; nothing is added",
    )


def _stops(verdicts: tuple[Verdict, ...]) -> tuple[str, ...]:
    return tuple(verdict.why for verdict in verdicts if verdict.outcome == "stop")


def check_choosing(choosing: Choosing) -> None:
    """Refuse unknown equipment and criteria before any work starts.

    Raises
    ------
    PlanError
        With the known names.
    """
    if choosing.may_acquire and choosing.equipment is None:
        raise PlanError("the site has everything, so nothing is left to acquire; say what it has too")
    site = choosing.site
    weights = choosing.weights or {}
    unknown = sorted(set(weights) - set(chooser.CRITERIA))
    if unknown:
        raise PlanError(f"criterion {', '.join(unknown)} is unknown; criteria: {', '.join(chooser.CRITERIA)}")
    if weights.get("equipment") and not site.may_acquire:
        raise PlanError(
            "the weight of equipment moves nothing: what a site lacks rules a technique out unless it may be acquired; "
            "name what may be acquired (+NAME), or leave the weight out"
        )
