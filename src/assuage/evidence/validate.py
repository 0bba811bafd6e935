"""The validator: every rule over every row, less the known oddities of the sources.

| rules | module |
|---|---|
| columns, types, ranges, words, forms of identifiers, what a level of text may claim | `cells`, `relations` |
| identifiers and publications twice, orphans, level of a finding against its study, directions | `relations` |
| p, statistics, intervals, means on scales, percentages, people | `reported` by `recompute` |

`data/known.toml` lists problems of the embedded tables that lie in the sources, each with its reason.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from assuage.evidence.cells import cell_problems
from assuage.evidence.problems import Problem
from assuage.evidence.relations import heading_problems, relation_problems
from assuage.evidence.reported import number_problems, people
from assuage.evidence.tables import EMBEDDED, Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A problem of an embedded row that lies in its source, with the reason."""

    table: str
    row: str
    column: str
    rule: str
    reason: str

    def covers(self, problem: Problem) -> bool:
        """Whether it is this problem."""
        key = (problem.table, problem.row, problem.column, problem.rule)
        return problem.file.startswith(f"{EMBEDDED}/") and key == (self.table, self.row, self.column, self.rule)


@cache
def known_problems() -> tuple[Known, ...]:
    """Return the oddities of the sources that the embedded tables carry on purpose."""
    text = files("assuage.evidence").joinpath("data/known.toml").read_text(encoding="utf-8")
    return tuple(Known(**entry) for entry in tomllib.loads(text)["known"])


def validate(evidence: Evidence, *, with_known: bool = False) -> tuple[Problem, ...]:
    """Return every problem of the tables, in the order of files and lines.

    Parameters
    ----------
    with_known
        Whether to report also what `data/known.toml` explains.
    """
    studies = {row.id: row for row in evidence.rows["studies"]}
    found = [*heading_problems(evidence), *relation_problems(evidence)]
    for row in evidence:
        found += cell_problems(row)
        found += number_problems(row, people(row, studies.get(row["study_id"])))
    kept = found if with_known else [p for p in found if not any(known.covers(p) for known in known_problems())]
    order = {file: index for index, file in enumerate(evidence.headings)}
    return tuple(sorted(kept, key=lambda p: (order.get(p.file, len(order)), p.line, p.column)))


def errors(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems that cannot stand."""
    return tuple(problem for problem in problems if problem.severity == "error")
