"""How strongly the evidence names each region of a circuit, in which direction it deviates, and where studies disagree.

Counted are studies, not findings: primary studies of people with non-suicidal self-injury (all or a part of the
sample) whose text was read beyond the title, one vote each. Reviews and meta-analyses pool studies that are counted
already, so they are listed and not counted; so are other samples, correlations with severity, changes within a
group, and groups that differ in something else, which are other questions than a difference by self-injury.

    N      counted studies of the domain that report a difference between groups in any region
    c_s    1 where study s names the region; 1/m where it names a larger area that holds m regions of the circuit
    k      sum of c_s
    w      weight, the posterior of the share of studies that would name the region: Beta(k + 1/2, N - k + 1/2),
           by the prior of Jeffreys (1946, 10.1098/rspa.1946.0056)
    u, d   the same sums over studies that found function (activation, oxygenation, amplitude, homogeneity) higher or
           lower than in the comparison group; a study that found both gives half to each
    p      posterior of the share that would find it higher: Beta(u + 1/2, d + 1/2)

Opposite findings therefore leave the weight as it is and make p wide about one half. The wanted direction of change is
towards the comparison group: down where P(p > 1/2) is at least `LEAN`, up where P(p < 1/2) is, open otherwise. That a
change towards the comparison group helps is a hypothesis and no finding. Connectivity and structure are no direction
of stimulation: they count in the weight, not in p.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Literal

from scipy.stats import beta

from assuage.circuits.circuits import Circuit, Region, circuit_names, load_circuit
from assuage.errors import DataError
from assuage.evidence import Evidence, Row
from assuage.evidence.grades import COUNTED_LEVELS
from assuage.evidence.strata import AGES, age_of
from assuage.evidence.tables import split

FUNCTION = frozenset({"activation", "oxygenation", "ALFF", "fALFF", "ReHo", "ReHo/ALFF", "functional"})
DIFFERENCES = frozenset({"increase", "decrease", "altered"})
LEAN = 0.9
"""Least probability for a direction to be named; a working choice, written into every result."""
COVERED = 0.95
PRIOR = 0.5
POOLS = "pools studies that are counted themselves"
"""Why a review or a meta-analysis is no vote."""
NOT_BETWEEN = {
    "other_groups": "groups that differ in something else than self-injury",
    "dimensional": "relation to severity",
    "within_group": "change within a group",
}
"""Why a finding is no difference between people with self-injury and others."""
ALL = "all"
"""Every age: beside it adolescents and adults are weighed apart, by `evidence.strata.age_of`; children, youth, several
groups and unknown ages count in it only."""

Wanted = Literal["increase", "decrease", "open"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share with its 95 % interval, and the sums behind it."""

    mean: float
    low: float
    high: float
    yes: float
    no: float

    @classmethod
    def of(cls, yes: float, no: float) -> "Share":
        """Return the posterior by Jeffreys' prior after `yes` and `no` votes."""
        a, b = yes + PRIOR, no + PRIOR
        low, high = (float(beta.ppf(share, a, b)) for share in ((1 - COVERED) / 2, (1 + COVERED) / 2))
        return cls(mean=a / (a + b), low=low, high=high, yes=yes, no=no)

    @property
    def above_half(self) -> float:
        """Probability that the share is above one half."""
        return float(beta.sf(0.5, self.yes + PRIOR, self.no + PRIOR))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One finding that names a region.

    Attributes
    ----------
    finding, study, citation
        Rows of the tables, and how the study is cited.
    measure, direction, contrast, statistic
        As coded.
    age_group, nssi_sample, coded_from
        Of the study; level of text of the finding.
    identifier, source
        Of the study: `Row.identifier`, and where its text was found.
    share
        1, or 1/m where a larger area is named.
    why_not
        Why it is not counted; empty where it is.
    """

    finding: str
    study: str
    citation: str
    measure: str
    direction: str
    contrast: str
    statistic: str
    age_group: str
    nssi_sample: str
    coded_from: str
    identifier: str
    source: str
    share: float
    why_not: str

    @property
    def counted(self) -> bool:
        """Whether it is a vote."""
        return not self.why_not

    @property
    def vote(self) -> float:
        """Its share where it is counted, else 0."""
        return self.share if self.counted else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionEvidence:
    """What the evidence says of a region.

    Attributes
    ----------
    region
        Of the circuit.
    weight
        Posterior of the share of studies that would name it.
    higher
        Posterior of the share that would find its function higher than in the comparison group.
    wanted
        Direction of change towards the comparison group, or "open".
    by_age
        Weight among studies of adolescents alone, and of adults with older adults.
    reports
        Every finding that names it, counted or not.
    """

    region: Region
    weight: Share
    higher: Share
    wanted: Wanted
    by_age: dict[str, Share]
    reports: tuple[Report, ...]

    @property
    def conflict(self) -> bool:
        """Whether counted studies found function both higher and lower."""
        return self.higher.yes > 0 and self.higher.no > 0

    @property
    def probability(self) -> float:
        """Probability of the more likely direction of deviation; 0.5: nothing is known."""
        return max(self.higher.above_half, 1 - self.higher.above_half)

    def why(self) -> str:
        """Return the wanted direction and its reason in a sentence."""
        up, down = (_names(self.reports, direction) for direction in ("increase", "decrease"))
        found = "; ".join(f"{word} in {listed}" for word, listed in (("higher", up), ("lower", down)) if listed)
        if not found:
            return "open: no counted study compared its function between groups"
        if self.wanted == "open":
            return f"open: function {found}; probability of the likelier direction {self.probability:.2f}"
        return f"{self.wanted}, towards the comparison group: function {found}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitEvidence:
    """The regions of a circuit, the most named first, and the number of studies that they are shares of."""

    circuit: Circuit
    studies: int
    by_age: dict[str, int]
    regions: tuple[RegionEvidence, ...]
    elsewhere: tuple[str, ...]
    """Areas that counted studies of the domain name and the circuit has no region for."""

    def of(self, region: Region) -> RegionEvidence:
        """Return what is known of one region."""
        return next(found for found in self.regions if found.region == region)


def weigh(circuit: Circuit, evidence: Evidence) -> CircuitEvidence:
    """Weigh the regions of a circuit by the tables of evidence; the formula is that of the module."""
    studies = {row.id: row for row in evidence.rows["studies"]}
    findings = [
        (row["region"], row["hemisphere"], _report(row, studies[row["study_id"]]))
        for row in evidence.rows["findings"]
        if row["domain"] == circuit.domain and row["study_id"] in studies
    ]
    counted = [(place, report) for place, _, report in findings if report.counted]
    groups = {age: len({report.study for _, report in counted if _of_age(report, age)}) for age in (ALL, *AGES)}
    regions = []
    for region in circuit.regions:
        named = [replace(r, share=_share(region, circuit, place, side)) for place, side, r in findings]
        regions.append(_weighed(region, [report for report in named if report.share > 0], groups))
    known = {area for region in circuit.regions for area in _reported_as(region)}
    return CircuitEvidence(
        circuit=circuit,
        studies=groups[ALL],
        by_age={age: count for age, count in groups.items() if age != ALL},
        regions=tuple(sorted(regions, key=lambda item: -item.weight.mean)),
        elsewhere=tuple(sorted({area for place, _ in counted for area in _areas(place)} - known)),
    )


def _report(finding: Row, study: Row) -> Report:
    return Report(
        finding=finding.id,
        study=study.id,
        citation=study["citation"],
        measure=finding["measure"],
        direction=finding["direction"],
        contrast=finding["contrast"],
        statistic=finding["statistic"],
        age_group=study["age_group"],
        nssi_sample=study["nssi_sample"],
        coded_from=finding["coded_from"],
        identifier=study.identifier,
        source=study["source"],
        share=1.0,
        why_not=_why_not(finding, study),
    )


def _why_not(finding: Row, study: Row) -> str:
    if study["design"] != "primary":
        return POOLS
    if study["nssi_sample"] not in {"yes", "part"}:
        return "not a sample with self-injury"
    if finding["coded_from"] not in COUNTED_LEVELS:
        return f"only {finding['coded_from'].replace('_', ' ')} read"
    if finding["comparison"] != "group":
        return NOT_BETWEEN.get(finding["comparison"], "comparison not stated")
    return "" if finding["direction"] in DIFFERENCES else finding["direction"].replace("_", " ")


def _weighed(region: Region, reports: Sequence[Report], groups: Mapping[str, int]) -> RegionEvidence:
    votes = [report for report in reports if report.counted]
    higher = _higher([report for report in votes if report.measure in FUNCTION])
    weights = {}
    for age in (ALL, *AGES):
        k = sum(_largest(report for report in votes if _of_age(report, age)).values())
        weights[age] = Share.of(k, groups[age] - k)
    above = higher.above_half
    return RegionEvidence(
        region=region,
        weight=weights.pop(ALL),
        higher=higher,
        wanted="decrease" if above >= LEAN else "increase" if 1 - above >= LEAN else "open",
        by_age=weights,
        reports=tuple(sorted(reports, key=lambda report: (report.why_not, report.citation))),
    )


def _higher(votes: Sequence[Report]) -> Share:
    sides = [_largest(vote for vote in votes if vote.direction == side) for side in ("increase", "decrease")]
    up, down = (sum(share / sum(study in s for s in sides) for study, share in side.items()) for side in sides)
    return Share.of(up, down)


def _largest(votes: Iterable[Report]) -> dict[str, float]:
    """Return the largest share of each study."""
    found: dict[str, float] = {}
    for vote in votes:
        found[vote.study] = max(vote.share, found.get(vote.study, 0.0))
    return found


def _of_age(report: Report, age: str) -> bool:
    return age in {ALL, age_of(split(report.age_group))}


def _share(region: Region, circuit: Circuit, place: str, side: str) -> float:
    """Return how much of a finding is the region's: 1, 1/m, or 0 for another place or side."""
    ways = _reported_as(region)
    shares = [
        1.0 / _parts(area, circuit) if ways[area] else 1.0
        for area, own in _sided(place)
        if area in ways and (not region.hemisphere or (own or side) in {"", "B", region.hemisphere})
    ]
    return max(shares, default=0.0)


def _parts(area: str, circuit: Circuit) -> int:
    """Return how many regions of a circuit, sides apart, a larger area holds."""
    return len({region.name for region in circuit.regions if _reported_as(region).get(area)})


def _areas(reported: str) -> list[str]:
    """Return the areas of a finding that names several."""
    return [area for area, _ in _sided(reported)]


def _sided(reported: str) -> list[tuple[str, str]]:
    """Return the areas of a finding with the side, L or R, that stands in front of each; blank: none does."""
    found = []
    for part in map(str.strip, reported.split(";")):
        side = part[0] if part.startswith(("L ", "R ")) else ""
        area = part[2:] if side else part
        halves = area.split(" and ")
        areas = halves if area not in _names_known() and _names_known() & set(halves) else [area]
        found += [(area, side) for area in areas]
    return found


def _reported_as(region: Region) -> dict[str, bool]:
    """Return the names under which a region is reported; True: it is a part of what is named."""
    return {region.name: False} | {area: part for (area, name), part in _table().items() if name == region.name}


@cache
def _names_known() -> frozenset[str]:
    regions = {region.name for name in circuit_names() for region in load_circuit(name).regions}
    return frozenset(regions | {area for area, _ in _table()})


@cache
def _table() -> dict[tuple[str, str], bool]:
    text = files("assuage.circuits").joinpath("data/region_names.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    table = {(row["reported_as"], row["region"]): row["part_of_it"] == "yes" for row in rows}
    if {row["part_of_it"] for row in rows} - {"yes", "no"} or len(table) < len(rows):
        raise DataError("region_names.csv: part_of_it is yes or no, and every pair of names stands once")
    return table


def _names(reports: Iterable[Report], direction: str) -> str:
    found = [r.study for r in reports if r.counted and r.measure in FUNCTION and r.direction == direction]
    return ", ".join(dict.fromkeys(found))
