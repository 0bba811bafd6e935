"""How much a technique was studied: a grade by counting controlled trials whose result was read, and the trials.

It says how much was studied, not that it works. Results against a technique count like results for it and are listed
beside it.

    A     two or more controlled trials in people with non-suicidal self-injury
    B     one, or a pooled analysis of such trials
    C     controlled trials, or pooled analyses of them, in another population only
    D     no controlled trial with a result read: uncontrolled, registered, known by title, or in animals
    none  nothing in the table

A pooled analysis holds trials that may stand in the table themselves: it says that there are some, and is none more.

The trials are rows of the table `trials`, embedded or a user's: `trial_of` reads both alike. Four columns hold what a
coder judged: techniques of a plan (`plan_technique`), `controlled`, `result`, `result_words`. Where one is blank:

    plan_technique   what the one stimulation in `technique` speaks for; several stimulations: none
    controlled       rct: yes; open label, cohort: no; no design: not stated; any other: not judged
    result           not judged, where `effect` or `result_words` holds something; else not read
    result_words     the text of `effect`
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from assuage.errors import DataError
from assuage.evidence.cells import NO_TECHNIQUE, cell_problems
from assuage.evidence.schema import plan_techniques
from assuage.evidence.tables import EMBEDDED, Evidence, Row, load_evidence

Grade = Literal["A", "B", "C", "D", "none"]
Nssi = Literal["yes", "part", "no"]

COUNTED_LEVELS = frozenset({"abstract", "full_text"})
"""A trial known by its title, a registry entry or a second-hand report is listed, not counted."""
NOT_JUDGED = "not_judged"
BY_DESIGN = {"rct": "yes", "open_label": "no", "cohort": "no", "": "not_stated"}
"""Whether a trial was controlled, where nobody judged it."""
READ = frozenset({
    "id", "citation", "nssi_sample", "technique", "age_group", "design", "coded_from", "plan_technique", "controlled",
    "result", "result_words", "effect",
})  # fmt: skip
"""Columns that decide what a trial counts for."""
POOLED = frozenset({"meta_analysis", "network_meta_analysis", "review"})
"""Designs that hold the trials of others."""
AGAINST = frozenset({"no_difference", "worse", "mixed"})
"""Results that do not speak for a technique."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A row of the trials and what it counts for.

    Attributes
    ----------
    id, report
        Of the row, and of the publication it is from: several arms or outcomes are one trial.
    citation, identifier
        How it is cited; DOI, registration or PubMed number, blank where none was read.
    techniques
        Techniques of a plan that it speaks for.
    target, population, age_groups
        As coded; blank where not stated.
    nssi
        "yes", "part" or "no": whether its sample was chosen because of non-suicidal self-injury.
    pools
        Whether it is a pooled analysis of trials.
    controlled, result_read
        Whether it had a comparison group, and whether its result was read.
    result, says
        The result against its comparison, "better", "no_difference", "worse", "mixed", "unclear" or "not_judged", and
        in words; blank where it was not read.
    level, source
        Level of text it was coded from, and where that was found.
    not_judged
        Columns of a coder's judgement that are blank and decide something: the rule of the module stands in for them.
    """

    id: str
    report: str
    citation: str
    identifier: str
    techniques: frozenset[str]
    target: str
    population: str
    age_groups: frozenset[str]
    nssi: Nssi
    pools: bool
    controlled: str
    result_read: str
    result: str
    says: str
    level: str
    source: str
    not_judged: tuple[str, ...]

    @property
    def counted(self) -> bool:
        """Whether it is a controlled trial whose result was read."""
        return self.controlled == "yes" and self.result_read == "yes" and self.level in COUNTED_LEVELS

    @property
    def why_not(self) -> str:
        """Why it does not count; blank where it does."""
        if self.level not in COUNTED_LEVELS:
            return f"read from {self.level.replace('_', ' ')} only"
        if self.result_read != "yes":
            return "no result read"
        words = {"yes": "", "no": "not controlled", NOT_JUDGED: "whether controlled is not judged"}
        return words.get(self.controlled, "control not stated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """How much was studied.

    Attributes
    ----------
    grade
        By the rule of the module.
    nssi_controlled, other_controlled, adolescent_controlled
        Controlled trials with a result read: in people with non-suicidal self-injury, in others, and of either those
        whose sample was of adolescents.
    pooled_analyses
        Pooled analyses of controlled trials with a result read, of either population.
    listed
        Rows of the table in all.
    trials
        The rows, those that count first.
    """

    grade: Grade
    nssi_controlled: int
    other_controlled: int
    adolescent_controlled: int
    pooled_analyses: int
    listed: int
    trials: tuple[Trial, ...]

    @property
    def words(self) -> str:
        """The same in a sentence."""
        counted = sum(trial.counted for trial in self.trials)
        against = len({trial.report for trial in self.trials if trial.counted and trial.result in AGAINST})
        without = f", {against} without a clear advantage" if against else ""
        unjudged = len({trial.report for trial in self.trials if trial.counted and trial.result == NOT_JUDGED})
        without += f", {unjudged} whose result is not judged" if unjudged else ""
        young = f", {self.adolescent_controlled} of them of adolescents" if self.adolescent_controlled else ""
        pooled = {0: "", 1: ", and 1 pooled analysis"}.get(
            self.pooled_analyses, f", and {self.pooled_analyses} pooled analyses"
        )
        return (
            f"grade {self.grade}: {self.nssi_controlled} controlled in NSSI and {self.other_controlled} in other "
            f"populations{young}{pooled}{without}; {self.listed - counted} more listed"
        )


def evidence_for(technique: str) -> Graded:
    """Return how much was studied of a technique, by the embedded tables."""
    return graded(trial for trial in load_trials() if technique in trial.techniques)


def graded(trials: Iterable[Trial]) -> Graded:
    """Grade trials by the rule of the module."""
    rows = tuple(sorted(trials, key=lambda trial: (not trial.counted, trial.nssi != "yes", trial.citation)))
    counted = [trial for trial in rows if trial.counted and not trial.pools]
    pooled = [trial for trial in rows if trial.counted and trial.pools]
    nssi = {trial.report for trial in counted if trial.nssi == "yes"}
    other = {trial.report for trial in counted} - nssi
    young = {trial.report for trial in counted if trial.age_groups == {"adolescents"}}
    grade: Grade = "none"
    if len(nssi) > 1:
        grade = "A"
    elif nssi or any(trial.nssi == "yes" for trial in pooled):
        grade = "B"
    elif other or pooled:
        grade = "C"
    elif rows:
        grade = "D"
    return Graded(
        grade=grade,
        nssi_controlled=len(nssi),
        other_controlled=len(other),
        adolescent_controlled=len(young),
        pooled_analyses=len({trial.report for trial in pooled}),
        listed=len(rows),
        trials=rows,
    )


@cache
def load_trials() -> tuple[Trial, ...]:
    """Return the trials of the embedded tables that speak for techniques of a plan."""
    return trials_of(load_evidence())


def trials_of(evidence: Evidence) -> tuple[Trial, ...]:
    """Return the trials of tables that speak for techniques of a plan.

    Raises
    ------
    DataError
        A row holds what its column does not allow, where that decides what it counts for.
    """
    return tuple(trial for trial in map(trial_of, evidence.rows["trials"]) if trial.techniques)


def trial_of(row: Row) -> Trial:
    """Return what a row of the trials counts for, by the rule of the module.

    Raises
    ------
    DataError
        A cell of `READ` that its column does not allow.
    """
    wrong = next((p for p in cell_problems(row) if p.severity == "error" and p.column in READ), None)
    if wrong is not None:
        raise DataError(f"{row.place}, {row.id or 'no id'}, {wrong.column}: {wrong.message}")
    read = bool(row["effect"] or row["result"] or row["result_words"])
    controlled = row["controlled"] or BY_DESIGN.get(row["design"], NOT_JUDGED)
    blank = {
        "plan_technique": not row["plan_technique"],
        "controlled": controlled == NOT_JUDGED,
        "result": read and not row["result"],
    }
    return Trial(
        id=row.id,
        report=row["report"] or row.id,
        citation=row["citation"],
        identifier=row.identifier,
        techniques=_techniques(row),
        target=row["target"],
        population=row["population"],
        age_groups=frozenset(row.words("age_group")),
        pools=row["design"] in POOLED,
        nssi=row["nssi_sample"],  # type: ignore[arg-type]  # the schema holds it to the three words
        controlled=controlled,
        result_read="yes" if read else "no",
        result=row["result"] or (NOT_JUDGED if read else ""),
        says=row["result_words"] or row["effect"],
        level=row["coded_from"],
        source=row["source"],
        not_judged=tuple(column for column, is_blank in blank.items() if is_blank),
    )


def own_trials(evidence: Evidence) -> tuple[Trial, ...]:
    """Return what the rows of the user count for, those that speak for no technique of a plan too."""
    return tuple(trial_of(row) for row in evidence.rows["trials"] if not row.file.startswith(f"{EMBEDDED}/"))


def _techniques(row: Row) -> frozenset[str]:
    judged = frozenset(row.words("plan_technique"))
    if judged:
        return judged - {NO_TECHNIQUE}
    found = [names for word in row.words("technique") if (names := plan_techniques(word))]
    return frozenset(found[0]) if len(found) == 1 else frozenset()
