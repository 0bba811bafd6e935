"""Which technique fits a study best, by what the user weights: an additive score whose every part is shown.

A technique that the site cannot do, that a limit stops, that does not reach the region, or whose cited least age is not
reached is out, in words, and never ranks. The others score

    S = sum_c w_c v_c,    w_c = W_c / sum W,    0 <= v_c <= 1

with the user's weights W_c and, `half` being the scale of the criterion (`data/techniques.toml`):

    target_field   v = x / (x + half)       x: field in the target over the technique's own reference field
    focality       v = x / (x + half)       x: field in the target over the 99th percentile of its tissue
    evidence       v by grade (`evidence.grades`)
    burden         v = half / (half + h)    h: hours on site of a course
    invasiveness   v by kind
    equipment      v = share of what it needs that the site has; only where the site may acquire the rest

No v depends on the other techniques, so adding one changes no score. What is unknown counts 0 and is said. When the
first place changes: `shifts`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from assuage.errors import PlanError
from assuage.evidence.grades import Graded
from assuage.plan.shifts import Shift, shift_of
from assuage.plan.technique_facts import (
    Criterion,
    Facts,
    Scales,
    age_limits,
    equipment_names,
    scales,
    technique_facts,
)
from assuage.safety import Outcome

CRITERIA: tuple[Criterion, ...] = ("target_field", "focality", "evidence", "burden", "invasiveness", "equipment")

ACQUIRING: Criterion = "equipment"
"""Counts only where the site may acquire what it lacks: else every technique that is in has all it needs."""

EVEN: Mapping[Criterion, float] = MappingProxyType({name: 1.0 for name in CRITERIA})
"""All criteria alike: where the user has not said what counts, not an opinion of this package."""

TIE_DIGITS = 12
"""Scores that agree to this many decimals are equal: rounding of a sum must not decide a place."""

RULE = (
    "Techniques that the site cannot do, that a limit stops, that do not reach the region, or that a cited least age "
    "rules out are left out. The others are ordered by a weighted mean of their criteria, each from 0 to 1; the "
    "weights are the user's. Whether a technique reaches its region is asked by one rule for all, of what is "
    "proposed and where its own numbers stand. The score orders what was asked for. It does not say which "
    "technique works: ratios to reference fields are not equal doses across techniques, and the grade of evidence says "
    "how much was studied, not what was found."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A technique as the chooser sees it.

    Attributes
    ----------
    technique, label
        Its name, and what reports call it.
    target_field_ratio
        Field in the target over the technique's own reference field; None if unknown.
    target_over_peak
        Field in the target over the 99th percentile of its tissue in the head; None if unknown.
    verdict
        Worst verdict of the safety rules.
    stops
        What they say, where they stop it.
    reached, reach_words
        Whether its proposal reaches the region, None where that was not asked; and the numbers that say so.
    elsewhere
        Region where its numbers stand, if that is not the region of the others.
    evidence
        How much was studied; None if unknown.
    basis
        At which intensity the field stands, or of which part; empty where that is plain.
    own_facts
        What it asks of person and site, where its course is not that of the table.
    """

    technique: str
    label: str
    target_field_ratio: float | None
    target_over_peak: float | None
    verdict: Outcome
    stops: tuple[str, ...] = ()
    reached: bool | None = None
    reach_words: str = ""
    elsewhere: str = ""
    evidence: Graded | None = None
    basis: str = ""
    own_facts: Facts | None = None

    @property
    def facts(self) -> Facts:
        """What it asks: as given, else by the table."""
        return self.own_facts or technique_facts(self.technique)

    def __post_init__(self) -> None:
        """Refuse doses that are none.

        Raises
        ------
        PlanError
            A number that is not finite, or below 0.
        """
        for name in ("target_field_ratio", "target_over_peak"):
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and value >= 0):
                raise PlanError(
                    f"{name} of {self.technique!r} is {value}; give a number of 0 or more, or None if unknown"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What a site has, and what it would acquire: keys of `technique_facts.equipment_names`.

    What is missing rules a technique out; what the site would acquire lowers its score instead.
    """

    equipment: frozenset[str]
    may_acquire: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse unknown equipment.

        Raises
        ------
        PlanError
            Names that no technique needs, with the known ones; or what the site both has and would acquire.
        """
        unknown = (self.equipment | self.may_acquire) - set(equipment_names())
        twice = self.equipment & self.may_acquire
        if twice:
            raise PlanError(f"equipment {', '.join(sorted(twice))} is there and to be acquired; name it once")
        if unknown:
            raise PlanError(f"equipment {', '.join(sorted(unknown))} is unknown; known: {', '.join(equipment_names())}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """One criterion of one technique: share of the weights, value, what it adds to the score, and why."""

    criterion: Criterion
    weight: float
    value: float
    adds: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A place, its score, and how it comes about."""

    place: int
    technique: str
    label: str
    elsewhere: str
    score: float
    contributions: tuple[Contribution, ...]
    cautions: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """Why it is in, the largest contribution first."""
        order = sorted(self.contributions, key=lambda part: (-part.adds, part.criterion))
        return (*(f"{part.words} (adds {part.adds:.2f})" for part in order if part.weight > 0), *self.cautions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """A technique that is out, with every reason."""

    technique: str
    label: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortlist:
    """Techniques in order, those left out, and how firm the first place is."""

    rule: str
    ranked: tuple[Ranked, ...]
    excluded: tuple[Excluded, ...]
    shifts: tuple[Shift, ...]


def shortlist(
    candidates: Iterable[Candidate],
    *,
    site: Site,
    weights: Mapping[Criterion, float] = EVEN,
    age_years: float | None = None,
) -> Shortlist:
    """Order techniques by what the user weights.

    Parameters
    ----------
    candidates
        Techniques with their doses and verdicts.
    site
        What the site has.
    weights
        Criterion to a weight of 0 or more; what is left out counts 0, and so does `equipment` where nothing may be
        acquired: it would be 1 for all.
    age_years
        Of the person or of the youngest person of a study.

    Raises
    ------
    PlanError
        Unknown, negative or no weights, a technique twice or without facts, an age that is none.
    """
    items = sorted(candidates, key=lambda item: item.technique)
    names = [item.technique for item in items]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PlanError(f"technique {', '.join(twice)} is given more than once; give each once")
    if age_years is not None and not (np.isfinite(age_years) and age_years > 0):
        raise PlanError(f"age_years = {age_years}; give an age above 0, or None if unknown")
    raw = _checked_weights(weights if site.may_acquire else {**weights, ACQUIRING: 0.0})
    excluded, kept = [], []
    for item in items:
        reasons = _reasons_out(item, item.facts, site, age_years)
        if reasons:
            excluded.append(Excluded(technique=item.technique, label=item.label, reasons=reasons))
        else:
            kept.append(item)
    parts = [_contributions(item, site, raw) for item in kept]
    scores = [sum(part.adds for part in row) for row in parts]
    order = sorted(range(len(kept)), key=lambda k: (-round(scores[k], TIE_DIGITS), kept[k].technique))
    ranked = tuple(
        Ranked(
            place=place + 1,
            technique=kept[k].technique,
            label=kept[k].label,
            elsewhere=kept[k].elsewhere,
            score=scores[k],
            contributions=parts[k],
            cautions=_cautions(kept[k], age_years),
        )
        for place, k in enumerate(order)
    )
    return Shortlist(rule=RULE, ranked=ranked, excluded=tuple(excluded), shifts=_shifts(ranked, raw))


def _checked_weights(weights: Mapping[Criterion, float]) -> dict[Criterion, float]:
    unknown = sorted(set(weights) - set(CRITERIA))
    if unknown:
        raise PlanError(f"criterion {', '.join(unknown)} is unknown; criteria: {', '.join(CRITERIA)}")
    raw = {name: float(weights.get(name, 0.0)) for name in CRITERIA}
    wrong = {name: value for name, value in raw.items() if not (np.isfinite(value) and value >= 0)}
    if wrong or not any(raw.values()):
        raise PlanError(f"weights {wrong or raw}; give numbers of 0 or more, at least one above 0")
    return raw


def _reasons_out(item: Candidate, facts: Facts, site: Site, age_years: float | None) -> tuple[str, ...]:
    reasons = []
    missing = [equipment_names()[key] for key in facts.equipment if key not in site.equipment | site.may_acquire]
    if missing:
        reasons.append(f"the site lacks: {', '.join(missing)}")
    if item.verdict == "stop":
        reasons.append(f"a limit stops it: {'; '.join(item.stops) or 'see its verdicts'}")
    if item.reached is False:
        reasons.append(f"its proposal does not reach the region by the working definition: {item.reach_words}")
    reasons += [
        f"age {age_years:g}: {limit.says} ({limit.source} [{limit.source_level}])"
        for limit in age_limits(item.technique)
        if limit.consequence == "exclude" and age_years is not None and age_years < limit.least_years
    ]
    return tuple(reasons)


def _cautions(item: Candidate, age_years: float | None) -> tuple[str, ...]:
    said = []
    if item.elsewhere:
        said.append(f"aims at {item.elsewhere}, so its place compares numbers of two regions")
    for limit in age_limits(item.technique):
        cited = f"{limit.says} ({limit.source} [{limit.source_level}])"
        if age_years is None:
            said.append(f"age not stated: {cited}")
        elif age_years < limit.least_years:
            said.append(f"caution, age {age_years:g}: {cited}")
    if item.verdict != "within cited range":
        said.append(f"verdict of the limits: {item.verdict}")
    if item.reached is None:
        said.append("whether it reaches the region was not asked")
    return tuple(said)


def _contributions(item: Candidate, site: Site, raw: Mapping[Criterion, float]) -> tuple[Contribution, ...]:
    facts, scale, total = item.facts, scales(), sum(raw.values())
    found = []
    for name, (value, words) in _values(item, facts, site, scale).items():
        if name == ACQUIRING and not site.may_acquire:
            continue
        share = raw[name] / total
        found.append(Contribution(criterion=name, weight=share, value=value, adds=share * value, words=words))
    return tuple(found)


def _values(item: Candidate, facts: Facts, site: Site, scale: Scales) -> dict[Criterion, tuple[float, str]]:
    """Return the value of every criterion, 0 to 1, with its words."""
    ratio, focality, hours = item.target_field_ratio, item.target_over_peak, facts.hours_on_site
    have = [key for key in facts.equipment if key in site.equipment]
    missing = [equipment_names()[key] for key in facts.equipment if key not in site.equipment]
    where = f"{item.elsewhere}, not the plan's region," if item.elsewhere else "target"
    invasive = {"none": "no surgery and no anaesthesia"}.get(facts.invasiveness, f"needs {facts.invasiveness}")
    return {
        "target_field": (0.0, "field over its own reference unknown, counts 0")
        if ratio is None
        else (
            _rising(ratio, scale.target_field_half),
            f"{where} gets {ratio:.2f} times its own reference field{_of(item.basis)}",
        ),
        "focality": (0.0, "focality unknown, counts 0")
        if focality is None
        else (_rising(focality, scale.focality_half), f"{where} gets {focality:.2f} of the peak of its tissue"),
        "evidence": (0.0, "evidence unknown, counts 0")
        if item.evidence is None
        else (scale.evidence[item.evidence.grade], item.evidence.words),
        "burden": (
            scale.burden_half_hours / (scale.burden_half_hours + hours),
            f"{hours:.0f} h on site: {facts.visits} visits of {facts.minutes + facts.other_minutes:.0f} min "
            f"[{facts.source_level}]",
        ),
        "invasiveness": (scale.invasiveness[facts.invasiveness], invasive),
        "equipment": (
            len(have) / len(facts.equipment),
            f"to be acquired: {', '.join(missing)}" if missing else "the site has all it needs",
        ),
    }


def _of(basis: str) -> str:
    return f" ({basis})" if basis else ""


def _rising(x: float, half: float) -> float:
    return x / (x + half)


def _shifts(ranked: tuple[Ranked, ...], raw: Mapping[Criterion, float]) -> tuple[Shift, ...]:
    """Return how far each weight must move before the first place changes."""
    if len(ranked) < 2:
        return ()
    first = {part.criterion: part.value for part in ranked[0].contributions}
    rivals = [(item.technique, {part.criterion: part.value for part in item.contributions}) for item in ranked[1:]]
    return tuple(shift_of(name, first, rivals, raw) for name in first)
