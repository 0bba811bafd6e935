"""Effect directions side by side: which studies found more, less or no difference, region by region.

For results without a common effect size this is what can be said without pretending to more: Hilton Boon, Thomson 2021,
Res Synth Methods 12:29, doi:10.1002/jrsm.1458. Each study counts once for a region and a measure, whatever the
significance; one that found both directions there is mixed and counts for neither. Only differences between groups are
counted; correlations, predictors, changes within a group, meta-analyses and directions that were not read are left out,
and how many is said. A connectivity result counts at both of its ends.

Studies of people who were not chosen because of non-suicidal self-injury are shown, named in `other_samples` and left
out of the sign test.

The sign test is exact and two-sided, p = 2 P(X >= max(up, down)), X ~ Binomial(up + down, 1/2), and is given for at
least six studies: with five that agree, p is 0.0625 at best. It assumes that under no effect either direction is as
likely, which selective reporting breaks, and equal studies (Nikolakopoulos 2020, Res Synth Methods 11:714,
doi:10.1002/jrsm.1427, argues against the test for that): a small p is no proof.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from assuage.evidence.queries import Filters, query
from assuage.evidence.tables import Evidence, Row, split

FEWEST_FOR_SIGN_TEST = 6
CONNECTIVITY = "FC"
DIRECTIONS = ("increase", "decrease", "no_difference", "altered")
EVERY_REGION = "all regions"
_NOT_BETWEEN = {
    "dimensional": "correlations and predictors",
    "other_groups": "groups that differ in something else than self-injury",
}
_SIDE = re.compile(r"^(?:L|R|B)\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Studies by direction for one region (or all of them) and one measure.

    Attributes
    ----------
    up, down, no_difference, altered, mixed
        Identifiers of studies, in the order of the table.
    other_samples
        Those among them whose people were not chosen because of non-suicidal self-injury.
    p
        Two-sided p of the sign test, or None where there are too few studies or regions differ.
    """

    region: str
    measure: str
    up: tuple[str, ...]
    down: tuple[str, ...]
    no_difference: tuple[str, ...]
    altered: tuple[str, ...]
    mixed: tuple[str, ...]
    other_samples: frozenset[str]
    p: float | None

    @property
    def conflict(self) -> bool:
        """Whether studies disagree; a mixed study alone may hold two tasks, sides or connections."""
        return bool(self.up and self.down)

    @property
    def studies(self) -> int:
        """Number of studies in it."""
        return sum(map(len, (self.up, self.down, self.no_difference, self.altered, self.mixed)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Directions:
    """Tallies over all regions by measure, tallies by region, and what was left out with the reason."""

    overall: tuple[Tally, ...]
    regions: tuple[Tally, ...]
    left_out: dict[str, int]


def effect_directions(evidence: Evidence, *, domain: str = "", nssi_only: bool = False, level: str = "") -> Directions:
    """Return effect directions region by region, those with most studies first.

    Parameters
    ----------
    domain
        One domain, or "" for all.
    nssi_only
        Leave out people who were not chosen because of non-suicidal self-injury.
    level
        Lowest level of text, or "".

    Raises
    ------
    DataError
        An unknown domain or level.
    """
    selection = query(evidence, filters=Filters(domain=domain, level=level))
    left_out: dict[str, int] = {}
    counted: list[Row] = []
    for row, study in zip(selection.rows, selection.studies, strict=True):
        reason = _reason(row, study, nssi_only=nssi_only)
        if reason:
            left_out[reason] = left_out.get(reason, 0) + 1
        else:
            counted.append(row)
    others = frozenset(study.id for study in evidence.rows["studies"] if study["nssi_sample"] != "yes")
    regions: dict[tuple[str, str], list[Row]] = {}
    measures: dict[str, list[Row]] = {}
    for row in counted:
        measures.setdefault(row["measure"], []).append(row)
        for region in _regions(row):
            regions.setdefault((region, row["measure"]), []).append(row)
    tallies = [_tally(region, measure, rows, others) for (region, measure), rows in regions.items()]
    return Directions(
        overall=tuple(_tally(EVERY_REGION, measure, rows, others) for measure, rows in measures.items()),
        regions=tuple(sorted(tallies, key=lambda t: (-t.studies, not t.conflict, t.region, t.measure))),
        left_out=left_out,
    )


def sign_test(up: int, down: int) -> float:
    """Return the exact two-sided p of a sign test."""
    n, most = up + down, max(up, down)
    tail: float = sum(math.comb(n, k) for k in range(most, n + 1)) / 2.0**n
    return min(1.0, 2 * tail)


def _reason(row: Row, study: Row | None, *, nssi_only: bool) -> str:
    if row["comparison"] != "group":
        return _NOT_BETWEEN.get(row["comparison"], "not between groups")
    if study is not None and study["design"] != "primary":
        return "meta-analyses and reviews"
    if row["direction"] not in DIRECTIONS:
        return "direction not read"
    if nssi_only and study is not None and study["nssi_sample"] != "yes":
        return "people not chosen because of non-suicidal self-injury"
    return ""


def _regions(row: Row) -> tuple[str, ...]:
    ends = split(row["region"])
    if row["measure"] == CONNECTIVITY:
        ends = (*ends, *split(row["seed_region"]), *split(row["target_region"]))
    return tuple(dict.fromkeys(_SIDE.sub("", end) for end in ends))


def _tally(region: str, measure: str, rows: Iterable[Row], others: frozenset[str]) -> Tally:
    by_study: dict[str, set[str]] = {}
    for row in rows:
        by_study.setdefault(row["study_id"], set()).add(row["direction"])
    kinds = {study: _kind(found) for study, found in by_study.items()}

    def of(kind: str) -> tuple[str, ...]:
        return tuple(study for study, own in kinds.items() if own == kind)

    up, down = of("increase"), of("decrease")
    counts = (len(set(up) - others), len(set(down) - others))
    enough = sum(counts) >= FEWEST_FOR_SIGN_TEST and region != EVERY_REGION
    return Tally(
        region=region,
        measure=measure,
        up=up,
        down=down,
        no_difference=of("no_difference"),
        altered=of("altered"),
        mixed=of("mixed"),
        other_samples=others & kinds.keys(),
        p=sign_test(*counts) if enough else None,
    )


def _kind(found: set[str]) -> str:
    """Return the direction a study counts for: signed before unsigned, both signs as mixed."""
    signed = found & {"increase", "decrease"}
    if len(signed) == 2:
        return "mixed"
    return next(iter(signed), "altered" if "altered" in found else "no_difference")
