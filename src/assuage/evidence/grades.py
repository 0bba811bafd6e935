"""How much a technique was studied: a grade by counting controlled trials whose result was read, and the trials.

It says how much was studied, not that it works. Results against a technique count like results for it and are listed
beside it.

    A     two or more controlled trials in people with non-suicidal self-injury
    B     one
    C     controlled trials in another population only
    D     no controlled trial with a result read: uncontrolled, registered, known by title, or in animals
    none  nothing in the table

The trials are rows of `trials.csv`; `plan_trials.csv` says which techniques of a plan a row speaks for.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from assuage.errors import DataError
from assuage.evidence.tables import Evidence, Row, load_evidence, split

Grade = Literal["A", "B", "C", "D", "none"]
Nssi = Literal["yes", "part", "no"]

COUNTED_LEVELS = frozenset({"abstract", "full_text"})
"""A trial known by its title, a registry entry or a second-hand report is listed, not counted."""
ANSWERS = {
    "controlled": {"yes", "no", "not_stated"},
    "result_read": {"yes", "no"},
    "result": {"better", "no_difference", "worse", "mixed", "unclear", ""},
}
AGAINST = frozenset({"no_difference", "worse", "mixed"})
"""Results that do not speak for a technique."""
FILE = "plan_trials.csv"


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
    controlled, result_read
        Whether it had a comparison group, and whether its result was read.
    result, says
        The result against its comparison, "better", "no_difference", "worse", "mixed" or "unclear", and in words; blank
        where it was not read.
    level, source
        Level of text it was coded from, and where that was found.
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
    controlled: str
    result_read: str
    result: str
    says: str
    level: str
    source: str

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
        return {"yes": "", "no": "not controlled"}.get(self.controlled, "control not stated")


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
    listed
        Rows of the table in all.
    trials
        The rows, those that count first.
    """

    grade: Grade
    nssi_controlled: int
    other_controlled: int
    adolescent_controlled: int
    listed: int
    trials: tuple[Trial, ...]

    @property
    def words(self) -> str:
        """The same in a sentence."""
        counted = sum(trial.counted for trial in self.trials)
        against = len({trial.report for trial in self.trials if trial.counted and trial.result in AGAINST})
        without = f", {against} without a clear advantage" if against else ""
        young = f", {self.adolescent_controlled} of them of adolescents" if self.adolescent_controlled else ""
        return (
            f"grade {self.grade}: {self.nssi_controlled} controlled in NSSI and {self.other_controlled} in other "
            f"populations{young}{without}; {self.listed - counted} more listed"
        )


def evidence_for(technique: str, evidence: Evidence | None = None) -> Graded:
    """Return how much was studied of a technique; None: by the embedded tables."""
    trials = load_trials() if evidence is None else trials_of(evidence)
    return graded(trial for trial in trials if technique in trial.techniques)


def graded(trials: Iterable[Trial]) -> Graded:
    """Grade trials by the rule of the module."""
    rows = tuple(sorted(trials, key=lambda trial: (not trial.counted, trial.nssi != "yes", trial.citation)))
    counted = [trial for trial in rows if trial.counted]
    nssi = {trial.report for trial in counted if trial.nssi == "yes"}
    other = {trial.report for trial in counted} - nssi
    young = {trial.report for trial in counted if trial.age_groups == {"adolescents"}}
    grade: Grade = "none"
    if nssi:
        grade = "A" if len(nssi) > 1 else "B"
    elif other:
        grade = "C"
    elif rows:
        grade = "D"
    return Graded(
        grade=grade,
        nssi_controlled=len(nssi),
        other_controlled=len(other),
        adolescent_controlled=len(young),
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
        A row for a trial that is not in the table, or an answer that the rule does not know.
    """
    return tuple(_trial(row, evidence.row("trials", row["id"])) for row in _rows())


@cache
def _rows() -> tuple[Mapping[str, str], ...]:
    text = files("assuage.evidence").joinpath("data", FILE).read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


def trial_of(row: Row) -> Trial:
    """Return what any row of the trials counts for: as `plan_trials.csv` says, else as its own columns do.

    A row of the user, or one that speaks for no technique of a plan, is controlled where its design is randomised, and
    its result was read where `effect` holds something; what came out is left open.
    """
    planned = next((answers for answers in _rows() if answers["id"] == row.id), None)
    if planned is not None and load_evidence().row("trials", row.id) == row:
        return _trial(planned, row)
    read = "yes" if row["effect"] else "no"
    controlled = {"rct": "yes", "": "not_stated"}.get(row["design"], "no")
    own = {"techniques": "", "controlled": controlled, "result_read": read, "says": ""}
    return _trial({**own, "result": "unclear" if row["effect"] else ""}, row)


def _trial(row: Mapping[str, str], facts: Row | None) -> Trial:
    wrong = [name for name, allowed in ANSWERS.items() if row[name] not in allowed]
    if (row["result"] != "") != (row["result_read"] == "yes"):
        wrong.append("result")
    if facts is None or wrong:
        problem = "is no trial of the table" if facts is None else f"has an unknown answer in {', '.join(wrong)}"
        raise DataError(f"{FILE}: row {row['id']!r} {problem}")
    return Trial(
        id=facts.id,
        report=facts["report"] or facts.id,
        citation=facts["citation"],
        identifier=facts.identifier,
        techniques=frozenset(split(row["techniques"])),
        target=facts["target"],
        population=facts["population"],
        age_groups=frozenset(facts.words("age_group")),
        nssi=facts["nssi_sample"],  # type: ignore[arg-type]  # the schema holds it to the three words
        controlled=row["controlled"],
        result_read=row["result_read"],
        result=row["result"],
        says=row["says"],
        level=facts["coded_from"],
        source=facts["source"],
    )
