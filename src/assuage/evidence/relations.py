"""Checks of rows against each other: identifiers, orphans, publications entered twice, levels of text, directions."""

import difflib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator

from assuage.evidence.problems import Problem, error, warning
from assuage.evidence.schema import levels, table, tables
from assuage.evidence.tables import Evidence, Row

ALIKE = 0.92
"""Ratio of difflib above which two titles (or citations) of the same year are taken for one publication to look up."""
DIMENSIONAL = ("correlation", "predictor")
SAME_RESULT = ("study_id", "region", "hemisphere", "measure", "target_region", "contrast", "comparison")
SAME_PEAK = ("study_id", "table", "contrast", "x", "y", "z")


def relation_problems(evidence: Evidence) -> Iterator[Problem]:
    """Yield what is wrong between rows."""
    for name in tables():
        rows = evidence.rows[name]
        yield from _repeated_ids(rows)
        yield from _orphans(evidence, name)
    for name in ("studies", "trials"):
        yield from _repeated_publications(evidence.rows[name])
        yield from _alike(evidence.rows[name])
    yield from _levels(evidence)
    for row in (*evidence.rows["findings"], *evidence.rows["coordinates"]):
        yield from _direction_problems(row)
    yield from _repeated(evidence.rows["findings"], SAME_RESULT, "the same result")
    yield from _repeated(evidence.rows["coordinates"], SAME_PEAK, "the same peak")


def heading_problems(evidence: Evidence) -> Iterator[Problem]:
    """Yield columns that the schema does not know, or needs and does not find."""
    for file, (name, heading) in evidence.headings.items():
        known = table(name)
        top = Row(table=name, cells={}, file=file, line=1)
        yield from (
            error("column", top, column or "(blank)", f"no column of {name}; columns: {', '.join(known.names)}")
            for column in heading
            if column not in known.names
        )
        yield from (
            error("column", top, column.name, f"column is missing; {column.meaning}")
            for column in known.columns
            if column.need and column.name not in heading
        )


def publication(row: Row) -> str:
    """Return what stands for the publication of a row: its report, or the row itself."""
    return row["report"] or row.id


def doi_key(doi: str) -> str:
    """Return a DOI as it is compared: DOIs do not tell upper from lower case."""
    return doi.strip().casefold().removeprefix("https://doi.org/").removeprefix("doi:")


def _repeated_ids(rows: tuple[Row, ...]) -> Iterator[Problem]:
    first: dict[str, Row] = {}
    for row in rows:
        if row.id and row.id in first:
            yield error("id", row, "id", f"{row.id!r} stands in {first[row.id].place} already")
        first.setdefault(row.id, row)


def _repeated_publications(rows: tuple[Row, ...]) -> Iterator[Problem]:
    for column in ("doi", "pmid", "pmcid"):
        first: dict[str, Row] = {}
        for row in rows:
            key = doi_key(row[column])
            other = first.setdefault(key, row) if key else row
            if publication(other) != publication(row):
                message = f"{row[column]} belongs to {other.id} ({other.place}) already"
                yield error(f"{column}-twice", row, column, message)


def _alike(rows: tuple[Row, ...]) -> Iterator[Problem]:
    by_year = defaultdict(list)
    for row in rows:
        if row["year"]:
            by_year[row["year"]].append(row)
    for group in by_year.values():
        for index, row in enumerate(group):
            for other in group[:index]:
                column = _alike_in(row, other)
                if column:
                    yield warning("alike", row, column, f"hardly differs from that of {other.id} ({other.place})")


def _alike_in(row: Row, other: Row) -> str:
    """Return the column in which two rows look like one publication, or nothing."""
    two_dois = row["doi"] and other["doi"] and doi_key(row["doi"]) != doi_key(other["doi"])
    if two_dois or publication(row) == publication(other):
        return ""
    column = next((c for c in ("title", "citation") if row[c] and other[c]), "")
    return column if column and _likeness(row[column], other[column]) >= ALIKE else ""


def _likeness(one: str, other: str) -> float:
    plain, second = _plain(one), _plain(other)
    matcher = difflib.SequenceMatcher(None, plain, second, autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() >= ALIKE and matcher.quick_ratio() >= ALIKE else 0.0


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return re.sub(r"[^a-z0-9]+", " ", "".join(c for c in decomposed if not unicodedata.combining(c))).strip()


def _orphans(evidence: Evidence, name: str) -> Iterator[Problem]:
    for column in table(name).columns:
        if column.to:
            goal, _, key = column.to.partition(".")
            known = {row[key] for row in evidence.rows[goal]}
            yield from (
                error("orphan", row, column.name, f"{row[column.name]!r} is in no row of {goal}; add it there first")
                for row in evidence.rows[name]
                if row[column.name] and row[column.name] not in known
            )


def _levels(evidence: Evidence) -> Iterator[Problem]:
    studies = {row.id: row for row in evidence.rows["studies"]}
    for row in evidence.rows["findings"]:
        study = studies.get(row["study_id"])
        own, whole = levels().get(row["coded_from"]), levels().get(study["coded_from"] if study else "")
        if own and whole and own.rank > whole.rank:
            yield error(
                "level", row, "coded_from", f"claims to be read from {own.name}, its study from {whole.name} only"
            )


def _direction_problems(row: Row) -> Iterator[Problem]:
    dimensional = row["direction"].endswith(DIMENSIONAL)
    if dimensional and row["comparison"] not in {"", "dimensional"}:
        yield error("comparison", row, "comparison", f"{row['direction']} is dimensional, not {row['comparison']}")
    if not dimensional and row["comparison"] == "dimensional" and row["direction"] in {"increase", "decrease"}:
        yield error("comparison", row, "direction", f"{row['direction']} is a difference of groups, not dimensional")


def _repeated(rows: tuple[Row, ...], columns: tuple[str, ...], what: str) -> Iterator[Problem]:
    first: dict[tuple[str, ...], Row] = {}
    for row in rows:
        other = first.setdefault(tuple(row[column] for column in columns), row)
        if other is not row:
            yield warning("repeated", row, "id", f"{what} as {other.id} ({other.place})")
