"""Which effects of trials may be pooled, the pooled effects, and for everything else why not.

A synthesis group is one technique (all words of the cell together, and the same techniques of a plan), one outcome as
the table writes it, and one age group; adolescents and adults are never one group. Within it only rows of one
comparison go together: the same kind of sample, comparator, design, scale and follow-up. In samples that were not
chosen because of self-injury the population has to be the same too. Differences of means MD are in the units of their
instrument, which has to be the same: the column `instrument` of a row of one outcome, else the scale of `scales.toml`
that the outcome names. Words are compared without case and blanks; nothing is guessed to be the same.

A row is taken where it counts by `evidence.grades` (controlled, a result that was read, from an abstract or a full
text), pools no other studies (`circuits.weights`), is of one age group (`evidence.strata`), and prints one effect on
the outcome with its interval of 95 %: OR, Peto OR, RR, HR, a mean difference MD, or a standardised difference (SMD, d,
g). An effect belongs to the outcome that stands before it in its part of the cell, or to the only one where both cells
have one part.
Rows of one report, DOI, PubMed identifier or registration may hold the same people: none of them is taken, since
nothing says which. Two rows and more that are left are pooled: random effects, tau² by REML, interval by Hartung and
Knapp, prediction interval (`synthesis`).

Confidence: `synthesis.pairwise_confidence`. Indirectness is read from `nssi_sample` (yes: low, part: some, no: high),
risk of bias from the column `rob`; what is in neither is not coded.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from assuage.circuits.weights import POOLS
from assuage.errors import DataError
from assuage.evidence import Evidence, Row
from assuage.evidence.grades import Trial, trial_of
from assuage.evidence.printed import RATIOS, Estimate, clauses, estimates
from assuage.evidence.relations import doi_key
from assuage.evidence.reported import scale_in
from assuage.evidence.strata import AGES, age_of
from assuage.synthesis import Analysis, Choices, StudyTable, analyse
from assuage.synthesis.network_confidence import Confidence, smallest_effect
from assuage.synthesis.pairwise_confidence import pairwise_confidence

SCALES = {"OR": "OR", "Peto OR": "Peto OR", "RR": "RR", "HR": "HR", "MD": "MD", "SMD": "SMD", "d": "SMD", "g": "SMD"}
"""Measure as printed -> scale; only effects on one scale are pooled."""
MEASURES = {"Peto OR": "PETO"}
"""Scale -> measure of `synthesis`, where its name is another."""
INDIRECT = {"yes": "low", "part": "some", "no": "high"}
NO_OUTCOME = "outcome not stated"
WITH_UNITS = frozenset({"MD"})
"""Scales whose effects are in the units of an instrument."""
NO_INSTRUMENT = "instrument not stated, in whose units a difference of means is"
LEAST = 2

Key = tuple[tuple[str, ...], tuple[str, ...], str, str]
"""Words of technique, techniques of a plan, outcome, age."""
Cell = tuple[str, str, str, str, str, str]
"""Sample, comparator, design, instrument, follow-up, scale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A row, the effect of it that may be pooled, and the instrument where the effect is in its units."""

    row: Row
    effect: Estimate
    instrument: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Taken rows of one sample, comparator, design, scale, instrument and follow-up, and what came of them.

    Attributes
    ----------
    sample
        "self-injury", or the population as the table writes it.
    instrument
        Of differences of means; blank: the scale has no units.
    follow_up
        As the table writes it; blank: not stated.
    analysis, confidence
        None where it is one row.
    """

    sample: str
    comparator: str
    design: str
    scale: str
    instrument: str
    follow_up: str
    taken: tuple[Taken, ...]
    analysis: Analysis | None
    confidence: Confidence | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesisGroup:
    """One technique, outcome and age group: what a synthesis is asked of (Cochrane Handbook 6.4, chapter 3).

    Attributes
    ----------
    technique, plan_techniques
        Words of the table, and the techniques of a plan that its rows speak for.
    rows
        All rows of it.
    left_out
        Why rows were not taken, and which.
    comparisons
        Of what was taken.
    """

    technique: tuple[str, ...]
    plan_techniques: tuple[str, ...]
    outcome: str
    age: str
    rows: tuple[Row, ...]
    left_out: Mapping[str, tuple[Row, ...]]
    comparisons: tuple[Comparison, ...]

    @property
    def pooled(self) -> tuple[Comparison, ...]:
        """Comparisons that were pooled."""
        return tuple(found for found in self.comparisons if found.analysis is not None)

    @property
    def reasons(self) -> tuple[tuple[str, tuple[Row, ...]], ...]:
        """Why every row that is in no pooled effect is not, the most frequent first."""
        alone = [(_alone(c), tuple(t.row for t in c.taken)) for c in self.comparisons if c.analysis is None]
        return tuple(sorted([*self.left_out.items(), *alone], key=lambda reason: -len(reason[1])))


def synthesis_groups(evidence: Evidence, *, important: Mapping[str, float] | None = None) -> tuple[SynthesisGroup, ...]:
    """Return every group of the trials, pooled ones first.

    Parameters
    ----------
    important
        Scale (of `SCALES`) -> the smallest effect that matters.

    Raises
    ------
    DataError
        A scale that is not known, a smallest effect that cannot be, or an effect outside its interval.
    """
    important = important or {}
    for scale in important:
        if scale not in SCALES.values():
            known = ", ".join(dict.fromkeys(SCALES.values()))
            raise DataError(f"--important {scale}: no scale of that name; write one of {known}")
        smallest_effect(important[scale], ratio=scale in RATIOS, measure=scale)
    groups: dict[Key, list[tuple[Row, str]]] = {}
    trials = {row.id: trial_of(row) for row in evidence.rows["trials"]}
    for row in evidence.rows["trials"]:
        for outcome in row.words("outcome") or (NO_OUTCOME,):
            trial = trials[row.id]
            words, techniques = (tuple(sorted(names)) for names in (row.words("technique"), trial.techniques))
            key = (words, techniques, _plain(outcome), age_of(trial.age_groups))
            groups.setdefault(key, []).append((row, outcome))
    made = [_group(key, found, trials, important) for key, found in groups.items()]
    order = sorted(made, key=lambda g: (g.technique, g.plan_techniques, g.outcome == NO_OUTCOME, g.outcome, g.age))
    return tuple(sorted(order, key=lambda g: not g.pooled))


def _group(
    key: Key,
    found: Sequence[tuple[Row, str]],
    trials: Mapping[str, Trial],
    important: Mapping[str, float],
) -> SynthesisGroup:
    technique, plan_techniques, _, age = key
    left: dict[str, list[Row]] = {}
    taken: list[Taken] = []
    for row, outcome in found:
        effect = _effect(row, outcome)
        why = _why_not(row, trials[row.id], age) or (effect if isinstance(effect, str) else "")
        instrument = _instrument(row, outcome)
        if isinstance(effect, Estimate) and not why and SCALES[effect.measure] in WITH_UNITS and not instrument:
            why = NO_INSTRUMENT
        if why or isinstance(effect, str):
            left.setdefault(why, []).append(row)
        else:
            own = instrument if SCALES[effect.measure] in WITH_UNITS else ""
            taken.append(Taken(row=row, effect=effect, instrument=own))
    doubled = _overlapping([item.row for item in taken])
    if doubled:
        left["may hold the same people as another row here (report, DOI, PubMed or registration)"] = doubled
    cells: dict[Cell, list[Taken]] = {}
    for item in taken:
        if item.row not in doubled:
            cells.setdefault(_cell(item), []).append(item)
    return SynthesisGroup(
        technique=technique,
        plan_techniques=plan_techniques,
        outcome=found[0][1],
        age=age,
        rows=tuple(row for row, _ in found),
        left_out={why: tuple(rows) for why, rows in left.items()},
        comparisons=tuple(_compared(technique, cell, items, important) for cell, items in cells.items()),
    )


def _why_not(row: Row, trial: Trial, age: str) -> str:
    if trial.pools:
        return POOLS
    if trial.why_not:
        return trial.why_not
    if not row["design"]:
        return "design not stated"
    if age not in AGES:
        return age
    return "" if row["comparator"] else "comparison not stated"


def _effect(row: Row, outcome: str) -> Estimate | str:
    """Return the effect of a row on an outcome, or why there is none to take."""
    if outcome == NO_OUTCOME:
        return NO_OUTCOME
    parts = clauses(row["effect"])
    printed = [(_before(part, one), one) for part in parts for one in estimates(part) if one.measure in SCALES]
    if not printed:
        return f"no effect printed with its interval ({', '.join(SCALES)})"
    only = len(parts) == 1 and len(row.words("outcome")) == 1
    own = [one for before, one in printed if only or _plain(before) == _plain(outcome)]
    if len(own) != 1:
        return "no effect, or more than one, under the name of the outcome"
    return own[0]


def _before(part: str, effect: Estimate) -> str:
    """Return the words in front of an effect: the outcome that it is of."""
    return part.partition(effect.text)[0].strip(" ,:=")


def _overlapping(rows: Sequence[Row]) -> list[Row]:
    """Return rows that share a report, a DOI, a PubMed identifier or a registration with another."""
    owners: dict[str, list[Row]] = {}
    for row in rows:
        for mark in {row["report"] or row.id, doi_key(row["doi"]), row["pmid"], *row.words("registration")} - {""}:
            owners.setdefault(mark, []).append(row)
    return [row for row in rows if any(len(group) > 1 and row in group for group in owners.values())]


def _instrument(row: Row, outcome: str) -> str:
    """Return what an outcome was measured with: as the column says where the row has one outcome, else as its name."""
    stated = row["instrument"] if len(row.words("outcome")) == 1 else ""
    scale = scale_in(stated or outcome)
    return scale.names[0] if scale else stated


def _cell(item: Taken) -> Cell:
    row = item.row
    ours = row["nssi_sample"] == "yes"
    sample = "self-injury" if ours else row["population"] or "population not stated"
    instrument, follow_up = _plain(item.instrument), _plain(row["follow_up"])
    return _plain(sample), _plain(row["comparator"]), row["design"], instrument, follow_up, SCALES[item.effect.measure]


def _compared(
    technique: Sequence[str], cell: Cell, items: Sequence[Taken], important: Mapping[str, float]
) -> Comparison:
    sample, comparator, design, _, _, scale = cell
    analysis = confidence = None
    if len(items) >= LEAST:
        analysis = analyse(_table(items, scale), Choices(measure=MEASURES.get(scale, scale), method="REML", test="hk"))
        confidence = pairwise_confidence(
            analysis,
            arms=(" + ".join(technique), comparator),
            rob={label(item.row): item.row["rob"] for item in items},
            indirectness={label(item.row): INDIRECT[item.row["nssi_sample"]] for item in items},
            important=important.get(scale),
        )
    return Comparison(
        sample=sample, comparator=comparator, design=design, scale=scale, instrument=items[0].instrument,
        follow_up=items[0].row["follow_up"], taken=tuple(items), analysis=analysis, confidence=confidence,
    )  # fmt: skip


def label(row: Row) -> str:
    """Return how a row is named in a forest plot: its id leads to the row."""
    return f"{row['citation'].split(' et al.')[0]} [{row.id}]"


def _table(items: Sequence[Taken], scale: str) -> StudyTable:
    centre = "ratio" if scale in RATIOS else "estimate"
    header = ("study", centre, "ci_low", "ci_high")
    return StudyTable(
        source=items[0].row.file,
        header=header,
        rows=tuple(dict(zip(header, (label(i.row), *_numbers(i.effect)), strict=True)) for i in items),
        lines=tuple(item.row.line for item in items),
        roles={name: name for name in header},
        rivals={},
        labels=tuple(label(item.row) for item in items),
    )


def _numbers(effect: Estimate) -> Iterable[str]:
    return (repr(number.value) for number in (effect.value, effect.low, effect.high))


def _alone(comparison: Comparison) -> str:
    c = comparison
    parts = (c.sample, f"against {c.comparator}", c.design, c.scale, c.instrument, c.follow_up)
    return f"alone with its comparison ({', '.join(filter(None, parts))})"


def _plain(text: str) -> str:
    return " ".join(text.lower().split())
