"""What a living review shows: who was studied, which technique in which domain, effects as printed, what is missing.

A trial belongs to the domains that have its target among their regions (`trial_targets.csv` says what a target as
printed is called there). A trial whose target was not stated, or is no region of a circuit, stands in a column of its
own.

Effects are listed as printed; `pooled` says which of them may be pooled and why the others may not.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from assuage.circuits.circuits import circuit_names, load_circuit
from assuage.circuits.pooled import SynthesisGroup, synthesis_groups
from assuage.circuits.weights import CircuitEvidence, weigh
from assuage.evidence import Evidence, Row
from assuage.evidence.cbma import eligible
from assuage.evidence.grades import AGAINST, Graded, Trial, graded, own_trials, trials_of
from assuage.evidence.printed import RATIOS, Estimate, clauses, estimates
from assuage.evidence.schema import levels, table
from assuage.evidence.strata import region_of

ELSEWHERE, NOT_STATED = "elsewhere", "target not stated"
DRAWN = frozenset({*RATIOS, "d", "g", "SMD", "SMCC"})
"""Effects that can be drawn side by side: ratios about 1 and standardised differences about 0."""
LISTED = DRAWN | {"MD"}
"""Effects that are listed: differences of means are in the units of their instruments."""
FEW = 6
"""Fewer studies than this are called few; a working choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """An effect as a trial prints it; `says` is the text in front of it, `printed` its technique, both often blank."""

    trial: str
    citation: str
    techniques: tuple[str, ...]
    printed: str
    population: str
    comparator: str
    outcome: str
    measure: str
    value: float
    low: float
    high: float
    nssi: str
    level: str
    says: str

    @property
    def is_drawn(self) -> bool:
        """Whether it stands on a scale that others share."""
        return self.measure in DRAWN

    @property
    def is_ratio(self) -> bool:
        """Whether no effect is 1."""
        return self.measure in RATIOS


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """Everything that the page shows.

    Attributes
    ----------
    counts
        Table -> rows; table -> level of text -> rows.
    people
        Age group -> studies, and the same of those with self-injury.
    techniques, trials
        Names, and technique -> its trials and their grade.
    columns, cells
        Domains of the gap map with the two columns without a domain, and its cells by (technique, column).
    circuits
        Every circuit with its weights.
    effects
        As printed, ratios first.
    groups
        Technique by outcome by age group: what was pooled, and why the rest was not.
    against
        Technique and trial, once for each trial whose result does not speak for it.
    registered
        Trials known by a registration alone.
    missing
        Sentences.
    outside, unjudged
        Trials of the user: those of no technique of a plan; those of the map whose result nobody judged.
    rows
        Every row of the trials.
    """

    counts: Mapping[str, int]
    levels: Mapping[str, Mapping[str, int]]
    people: Mapping[str, tuple[int, int]]
    techniques: tuple[str, ...]
    trials: Mapping[str, Graded]
    columns: tuple[str, ...]
    cells: Mapping[tuple[str, str], Graded]
    circuits: tuple[CircuitEvidence, ...]
    effects: tuple[Effect, ...]
    groups: tuple[SynthesisGroup, ...]
    against: tuple[tuple[str, Trial], ...]
    registered: tuple[Row, ...]
    missing: tuple[str, ...]
    outside: tuple[Trial, ...]
    unjudged: tuple[Trial, ...]
    rows: tuple[Row, ...]


def review(evidence: Evidence, *, important: Mapping[str, float] | None = None) -> Review:
    """Gather what the tables hold; `important` is the smallest effect that matters by scale (`pooled`)."""
    trials = trials_of(evidence)
    own = own_trials(evidence)
    known = {name for trial in trials for name in trial.techniques}
    techniques = tuple(name for name in table("trials").column("plan_technique").words if name in known)
    columns = (*circuit_names(), ELSEWHERE, NOT_STATED)
    places: dict[tuple[str, str], list[Trial]] = {}
    for trial in trials:
        for place in product(trial.techniques, domains_of(trial)):
            places.setdefault(place, []).append(trial)
    cells = {place: graded(here) for place, here in places.items()}
    circuits = tuple(weigh(load_circuit(name), evidence) for name in circuit_names())
    return Review(
        counts={name: len(rows) for name, rows in evidence.rows.items()},
        levels={name: Counter(row["coded_from"] for row in rows) for name, rows in evidence.rows.items()},
        people=_people(evidence.rows["studies"]),
        techniques=techniques,
        trials={name: graded(trial for trial in trials if name in trial.techniques) for name in techniques},
        columns=columns,
        cells=cells,
        circuits=circuits,
        effects=tuple(sorted(_effects(evidence.rows["trials"]), key=_order)),
        groups=synthesis_groups(evidence, important=important),
        against=_against(techniques, trials),
        registered=tuple(row for row in evidence.rows["trials"] if row["coded_from"] == "registry"),
        missing=(*_missing(techniques, cells, circuits), *_peaks(evidence)),
        outside=tuple(trial for trial in own if not trial.techniques),
        unjudged=tuple(trial for trial in own if trial.techniques and "result" in trial.not_judged),
        rows=evidence.rows["trials"],
    )


def domains_of(trial: Trial) -> frozenset[str]:
    """Return the columns of the gap map that a trial belongs to."""
    if not trial.target:
        return frozenset({NOT_STATED})
    name, side = region_of(trial)
    return frozenset(
        domain
        for domain in circuit_names()
        for region in load_circuit(domain).regions
        if region.name == name and (not side or region.hemisphere in {"", side})
    ) or frozenset({ELSEWHERE})


def _people(studies: tuple[Row, ...]) -> dict[str, tuple[int, int]]:
    groups = [(row["age_group"].replace(";", ", ") or "not stated", row["nssi_sample"] != "no") for row in studies]
    every, ours = Counter(age for age, _ in groups), Counter(age for age, nssi in groups if nssi)
    return {age: (count, ours[age]) for age, count in every.most_common()}


def _order(effect: Effect) -> tuple[bool, bool, str, float]:
    technique = effect.printed or ", ".join(effect.techniques)
    return not effect.is_ratio, not effect.is_drawn, technique, -effect.value


def _effects(trials: tuple[Row, ...]) -> list[Effect]:
    return [
        Effect(
            trial=row.id,
            citation=row["citation"],
            techniques=row.words("technique"),
            printed=row["technique_printed"],
            population=row["population"],
            comparator=row["comparator"],
            outcome=row["outcome"],
            measure=found.measure,
            value=found.value.value,
            low=found.low.value,
            high=found.high.value,
            nssi=row["nssi_sample"],
            level=row["coded_from"],
            says=_before(row["effect"], found),
        )
        for row in trials
        if levels()[row["coded_from"]].claims
        for found in estimates(row["effect"])
        if found.measure in LISTED
    ]


def _before(text: str, found: Estimate) -> str:
    """Return the words in front of an estimate, behind the one before it."""
    clause = next(clause for clause in clauses(text) if found.text in clause)
    return clause.partition(found.text)[0].rpartition(")")[2].strip(" ,:=")


def _against(techniques: tuple[str, ...], trials: tuple[Trial, ...]) -> tuple[tuple[str, Trial], ...]:
    return tuple(
        (next(name for name in techniques if name in trial.techniques), trial)
        for trial in trials
        if trial.result in AGAINST
    )


def _missing(
    techniques: tuple[str, ...], cells: Mapping[tuple[str, str], Graded], circuits: tuple[CircuitEvidence, ...]
) -> tuple[str, ...]:
    said = []
    for circuit in circuits:
        domain, regions = circuit.circuit.domain, circuit.regions
        if not any((t, domain) in cells and cells[t, domain].nssi_controlled for t in techniques):
            said.append(f"{domain}: no controlled trial in self-injury with a target and a result that were read.")
        few = [f"{count} of {age}" for age, count in circuit.by_age.items() if count < FEW]
        if few:
            said.append(f"{domain}: of the studies counted, {' and '.join(few)}.")
        unsure = sum(item.wanted == "open" for item in regions)
        said.append(f"{domain}: the wanted direction of change is open for {unsure} of {len(regions)} regions.")
    return tuple(said)


def _peaks(evidence: Evidence) -> tuple[str, ...]:
    found = eligible(evidence, method="ale")
    return () if found.enough else (f"peaks of activation cannot be pooled: {found.sentence}",)
