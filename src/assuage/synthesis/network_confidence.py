"""Can the comparisons be set side by side, and how far can each estimate be trusted.

Transitivity: for every direct comparison the studies, the people, and how each further column of the table is
distributed over them. It describes and does not test: that columns look alike does not show that effects are.

Percentage study weights: the share of study i in the information on one comparison c,

    w_i = c' V I_i V c / c' V c,   V = (sum I_i)^-1,  I_i = X_i' W_i X_i,   sum w_i = 1     (Jackson 2017)

Confidence, after the domains of CINeMA. Delta is the smallest effect that matters (--important); it cuts the line into
three areas: matters one way, trivial, matters the other way.

| domain | no concerns | some | major |
|---|---|---|---|
| within-study bias | weighted mean of rob (low 1, some 2, high 3) <= 1.5 | <= 2.5 | above |
| indirectness | the same of the column indirectness | | |
| reporting bias | as the user judged it for the whole network (--reporting-bias low) | some | high |
| imprecision | the confidence interval lies in one area | in two | in three |
| heterogeneity | the prediction interval reaches no area that the confidence interval does not | one more | two more |
| incoherence | direct against indirect p >= 0.10, else design by treatment p >= 0.10 | p >= 0.01 (0.05) | below |

A domain without what it needs is "not judged", never "no concerns". Only with all six judged is there a grade: high,
one step down for every "some", two for every "major". CINeMA itself leaves the last step to the reader; so should a
review.

Sources: Nikolakopoulou et al. 2020, PLoS Med 17:e1003082, 10.1371/journal.pmed.1003082. Jackson et al. 2017, Stat
Methods Med Res 26:2853, 10.1177/0962280215611702. Salanti 2012, Res Synth Methods 3:80, 10.1002/jrsm.1037
(transitivity).
"""

import math
import statistics
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from assuage.errors import DataError
from assuage.synthesis.network_analysis import NetworkMetaAnalysis, interval, prediction
from assuage.synthesis.network_inconsistency import Split
from assuage.synthesis.network_model import Network, consistency_columns, rows_of

NONE, SOME, MAJOR, UNJUDGED = "no concerns", "some concerns", "major concerns", "not judged"
NO_DELTA = "needs the smallest effect that matters (--important)"
STEPS = {NONE: 0, SOME: 1, MAJOR: 2}
GRADES = ("high", "moderate", "low", "very low")
LEVELS = {
    **dict.fromkeys(("low", "l", "1", "no", "no concerns", "none"), 1),
    **dict.fromkeys(("some", "some concerns", "moderate", "unclear", "m", "u", "s", "2"), 2),
    **dict.fromkeys(("high", "h", "3", "major", "major concerns", "serious", "critical"), 3),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """One domain: its judgement and the figures behind it."""

    judgement: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """Confidence in one comparison."""

    first: str
    second: str
    domains: dict[str, Domain]
    grade: str


def transitivity(network: Network) -> list[dict[str, Any]]:
    """Return one row for each direct comparison: studies, people, and how every further column is distributed."""
    names = sorted({name for study in network.studies for name in study.moderators})
    rows = []
    for a, b in sorted({(x, y) for s in network.studies for x in s.treatments for y in s.treatments if x < y}):
        studies = [study for study in network.studies if {a, b} <= set(study.treatments)]
        people = [
            count
            for study in studies
            for name, count in zip(study.treatments, study.participants or (), strict=False)
            if name in {a, b}
        ]
        row: dict[str, Any] = {
            "treatment1": a, "treatment2": b, "studies": len(studies),
            "participants": None if not people or None in people else sum(p for p in people if p is not None),
            "moderators": {},
        }  # fmt: skip
        for name in names:
            row["moderators"][name] = _distribution([study.moderators.get(name) for study in studies])
        rows.append(row)
    return rows


def _distribution(values: list[str | None]) -> dict[str, Any]:
    known = [value for value in values if value is not None]
    try:
        numbers = [float(value) for value in known]
    except ValueError:
        return {"missing": len(values) - len(known), "counts": dict(Counter(known).most_common())}
    if not numbers:
        return {"missing": len(values)}
    return {
        "missing": len(values) - len(known), "mean": statistics.fmean(numbers),
        "sd": statistics.stdev(numbers) if len(numbers) > 1 else None, "median": statistics.median(numbers),
        "min": min(numbers), "max": max(numbers),
    }  # fmt: skip


def study_weights(result: NetworkMetaAnalysis) -> dict[tuple[str, str], dict[str, float]]:
    """Return the share of every study (MH: design) in the information on every pair; shares of a pair add up to 1."""
    network, tau2 = result.fitted, result.model.tau2
    rows = rows_of(network)
    columns = consistency_columns(rows, network.treatments, result.reference)
    weights = 1.0 / (rows.spread + tau2 / 2)
    total = np.linalg.inv((columns * weights[:, None]).T @ columns)
    names = [name for name in network.treatments if name != result.reference]
    shares: dict[tuple[str, str], dict[str, float]] = {}
    for split in result.model.splits:
        contrast = np.array([(name == split.first) - (name == split.second) for name in names], float)
        pull = weights * (columns @ (total @ contrast)) ** 2
        share = np.bincount(rows.study, weights=pull) / float(contrast @ total @ contrast)
        shares[split.first, split.second] = {
            study.name: float(value) for study, value in zip(network.studies, share, strict=True)
        }
    return shares


def confidence(
    result: NetworkMetaAnalysis, *, important: float | None = None, reporting: str | None = None
) -> tuple[Confidence, ...]:
    """Judge every comparison by the six domains.

    Parameters
    ----------
    important
        The smallest effect that matters: a ratio above 1 for ratios (1.25), else a difference above 0.
    reporting
        Risk of reporting bias in the whole network as the user judged it: low, some or high.

    Raises
    ------
    DataError
        `important` or `reporting` is not that.
    """
    delta = smallest_effect(important, ratio=result.is_ratio, measure=result.network.measure)
    published = _reporting(reporting)
    shares = study_weights(result)
    said = {
        column: {study.name: study.moderators.get(column) for study in result.fitted.studies}
        for column in ("rob", "indirectness")
    }
    apart = {column: _designs_apart(result, column) for column in said}
    judged = []
    for split in result.model.splits:
        share, narrow = shares[split.first, split.second], interval(split.network, result.level)
        wide = prediction(split.network, result.random.tau2, result.q.df, result.level) if result.random else None
        domains = {
            "within-study bias": weighted(said["rob"], share, "rob", apart=apart["rob"]),
            "reporting bias": published,
            "indirectness": weighted(said["indirectness"], share, "indirectness", apart=apart["indirectness"]),
            "imprecision": imprecision(narrow, delta),
            "heterogeneity": heterogeneity(narrow, wide, delta, random=result.random is not None),
            "incoherence": _incoherence(result, split),
        }
        judged.append(Confidence(first=split.first, second=split.second, domains=domains, grade=grade(domains)))
    return tuple(judged)


def smallest_effect(important: float | None, *, ratio: bool, measure: str) -> float | None:
    """Return the smallest effect that matters on the scale of analysis; None where none was given.

    Raises
    ------
    DataError
        A ratio that is not above 1, or a difference that is not above 0.
    """
    if important is None:
        return None
    if not important > (1 if ratio else 0) or math.isinf(important):
        wanted = "a ratio above 1, such as 1.25" if ratio else "a difference above 0"
        raise DataError(f"--important {important:g}: {measure} needs {wanted}")
    return math.log(important) if ratio else important


def _reporting(level: str | None) -> Domain:
    if level is None:
        return Domain(judgement=UNJUDGED, why="needs a search for what was not published (--reporting-bias)")
    if level not in {"low", "some", "high"}:
        raise DataError(f"--reporting-bias {level!r} is not known; write low, some or high")
    return Domain(judgement={"low": NONE, "some": SOME, "high": MAJOR}[level], why="judged by the user for all of them")


def grade(domains: Mapping[str, Domain]) -> str:
    """Return the grade, or the best that it can be while domains are not judged."""
    steps = sum(STEPS.get(domain.judgement, 0) for domain in domains.values())
    at_most = GRADES[min(steps, 3)]
    missing = [domain.judgement for domain in domains.values() if domain.judgement not in STEPS]
    return f"at most {at_most}; {len(missing)} of {len(domains)} domains {missing[0]}" if missing else at_most


def _designs_apart(result: NetworkMetaAnalysis, column: str) -> frozenset[str]:
    """Return the designs that Mantel-Haenszel made one study of, whose studies differ in a column."""
    if result.fitted is result.network:
        return frozenset()
    found = {}
    for design in result.fitted.studies:
        own = [study for study in result.network.studies if study.design == design.design]
        found[design.name] = {study.moderators.get(column) for study in own}
    return frozenset(name for name, levels in found.items() if len(levels) > 1)


def weighted(
    said: Mapping[str, str | None], shares: Mapping[str, float], column: str, *, apart: Collection[str] = ()
) -> Domain:
    """Judge by the mean of low 1, some 2, high 3 that is said of every study, weighted by its share.

    `apart`: those that are several studies in one, which differ in it.
    """
    total, lacking = 0.0, []
    for study, share in shares.items():
        level = LEVELS.get(str(said.get(study) or "").strip().lower())
        if level is None:
            if share > 1e-6:
                lacking.append(study)
            continue
        total += share * level
    if lacking:
        differ = [study for study in lacking if study in apart]
        if differ:
            why = f"{column} is not the same in all studies of {', '.join(differ)}, which Mantel-Haenszel makes one of"
            return Domain(judgement=UNJUDGED, why=why)
        return Domain(
            judgement=UNJUDGED, why=f"{column} (low, some, high) is not said of {len(lacking)} contributing studies"
        )
    judgement = NONE if total <= 1.5 else SOME if total <= 2.5 else MAJOR
    return Domain(judgement=judgement, why=f"weighted mean {total:.2f} of 1 low to 3 high")


def _areas(low: float, high: float, delta: float) -> set[int]:
    """Return which of the three areas an interval touches: -1, 0, 1."""
    touched = {-1: low < -delta, 0: low < delta and high > -delta, 1: high > delta}
    return {area for area, yes in touched.items() if yes}


def imprecision(narrow: tuple[float, float], delta: float | None) -> Domain:
    """Judge by how many of the three areas the confidence interval reaches."""
    if delta is None:
        return Domain(judgement=UNJUDGED, why=NO_DELTA)
    count = len(_areas(*narrow, delta))
    return Domain(judgement=(NONE, SOME, MAJOR)[count - 1], why=f"the confidence interval reaches {count} of 3 areas")


def heterogeneity(
    narrow: tuple[float, float], wide: tuple[float, float] | None, delta: float | None, *, random: bool = True
) -> Domain:
    """Judge by how many areas the prediction interval reaches beyond the confidence interval."""
    if delta is None:
        return Domain(judgement=UNJUDGED, why=NO_DELTA)
    if not random:
        return Domain(judgement=UNJUDGED, why="needs the random-effects model")
    if wide is None:
        return Domain(judgement=UNJUDGED, why="too few studies for a prediction interval")
    reached = _areas(*narrow, delta)
    more = len(_areas(*wide, delta) | reached) - len(reached)
    return Domain(judgement=(NONE, SOME, MAJOR)[more], why=f"the prediction interval reaches {more} areas more")


def _incoherence(result: NetworkMetaAnalysis, split: Split) -> Domain:
    if split.p_value is not None:
        judgement = NONE if split.p_value >= 0.10 else SOME if split.p_value >= 0.01 else MAJOR
        return Domain(judgement=judgement, why=f"direct against indirect p = {split.p_value:.3g}")
    p = result.decomposition.interaction.p_value
    if p is None:
        return Domain(judgement=UNJUDGED, why="the network has no loop of independent evidence")
    judgement = NONE if p >= 0.10 else SOME if p >= 0.05 else MAJOR
    only = "direct" if split.studies else "indirect"
    return Domain(judgement=judgement, why=f"{only} evidence only; design-by-treatment p = {p:.3g}")
