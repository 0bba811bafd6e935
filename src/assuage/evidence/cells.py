"""Checks of one cell: type, range, vocabulary, form of an identifier, and what the level of text allows."""

import datetime
import math
import re
from collections.abc import Callable, Iterator

from assuage.evidence.problems import Problem, error, warning
from assuage.evidence.schema import Column, levels, table
from assuage.evidence.tables import Row, split

DOI = re.compile(r"10\.\d{4,9}/\S*[^\s.,;:]")
"""Prefix as Crossref recommends to match it (crossref.org, "DOIs and matching regular expressions", 2015). The rest is
any text without blanks, since old DOIs hold <, > and brackets; a full stop at the end was cut out of a sentence."""
FORMS = {
    "doi": (DOI, "10.1234/rest, without https://doi.org/"),
    "pmid": (re.compile(r"[1-9]\d{0,7}"), "one to eight digits that do not begin with 0"),
    "pmcid": (re.compile(r"PMC[1-9]\d{0,8}"), "PMC and digits"),
    "registration": (
        re.compile(r"NCT\d{8}|ChiCTR[-\w]+|ISRCTN\d{8}|EUCTR[-\d]+|ACTRN\d{14}|DRKS\d{8}|jRCT[-\w]+|CTRI/[\d/]+"),
        "for example NCT01234567",
    ),
    "id": (re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*"), "letters, digits, _ - . without blanks"),
}
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
"""Characters that no text needs, and that CSV readers disagree about; tab and line feed may be."""
SEVERAL = frozenset({"registration"})
"""Kinds of which a cell may hold several."""
NO_TECHNIQUE = "none"
"""In `plan_technique`: the row speaks for no technique of a plan."""
NOT_STATED = frozenset({"", "not_read"})
"""Values of a claim that claim nothing."""

BRAIN_MM = {"x": (-72.0, 72.0), "y": (-106.0, 72.0), "z": (-72.0, 82.0)}
"""Extent of the MNI152 brain mask (2 mm) as nilearn carries it; the schema has the range of the whole template."""


def cell_problems(row: Row) -> Iterator[Problem]:
    """Yield what is wrong with single cells of a row."""
    if row.surplus:
        yield error("surplus", row, "id", f"{row.surplus} more cells than columns; quote cells that hold a comma")
    for column in table(row.table).columns:
        value = row[column.name]
        if CONTROL.search(value):
            yield error("control", row, column.name, "holds a control character; type the cell again")
        elif value:
            yield from CHECKS.get(column.kind, _nothing)(row, column)
        elif column.need:
            yield error("required", row, column.name, f"blank; {column.meaning}")
    yield from _level_problems(row)
    if row.table == "coordinates":
        yield from _brain_problems(row)
    if row.table == "trials":
        yield from _judgement_problems(row)


def _number_problems(row: Row, column: Column) -> Iterator[Problem]:
    value = row[column.name]
    number = row.number(column.name)
    if number is None or not math.isfinite(number):
        yield error("type", row, column.name, f"{value!r} is no number")
        return
    if column.kind == "integer" and not re.fullmatch(r"-?\d+", value):
        yield error("type", row, column.name, f"{value!r} is no whole number")
        return
    low, high = column.low, column.high
    if (low is not None and number < low) or (high is not None and number > high):
        unit = f" {column.unit}" if column.unit else ""
        yield error("range", row, column.name, f"{value} lies outside {low:g} to {high:g}{unit}")


def _word_problems(row: Row, column: Column) -> Iterator[Problem]:
    parts = split(row[column.name]) if column.kind == "words" else (row[column.name],)
    unknown = [part for part in parts if part not in column.words]
    if unknown:
        yield error("word", row, column.name, f"{unknown[0]!r} is unknown; words: {', '.join(column.words)}")
    if len(set(parts)) < len(parts):
        yield error("word", row, column.name, "names the same word twice")


def _form_problems(row: Row, column: Column) -> Iterator[Problem]:
    form, words = FORMS[column.kind]
    value = row[column.name]
    parts = split(value) if column.kind in SEVERAL else (value,)
    yield from (
        error(f"{column.kind}-form", row, column.name, f"{part!r} is no {column.kind}; write {words}")
        for part in parts
        if not form.fullmatch(part)
    )


def _date_problems(row: Row, column: Column) -> Iterator[Problem]:
    try:
        datetime.date.fromisoformat(row[column.name])
    except ValueError:
        yield error("date-form", row, column.name, f"{row[column.name]!r} is no day; write 2026-11-26")


def _nothing(_row: Row, _column: Column) -> Iterator[Problem]:
    return iter(())


CHECKS: dict[str, Callable[[Row, Column], Iterator[Problem]]] = {
    "integer": _number_problems,
    "number": _number_problems,
    "word": _word_problems,
    "words": _word_problems,
    "level": _word_problems,
    "date": _date_problems,
    **dict.fromkeys(FORMS, _form_problems),
}


def _level_problems(row: Row) -> Iterator[Problem]:
    level = levels().get(row["coded_from"])
    if level is None or level.claims:
        return
    for column in table(row.table).columns:
        if column.claim and row[column.name] not in NOT_STATED:
            yield error(
                "claims-more",
                row,
                column.name,
                f"claims more than its source level allows: {level.name} means {level.meaning}",
            )


def _judgement_problems(row: Row) -> Iterator[Problem]:
    techniques = row.words("plan_technique")
    if NO_TECHNIQUE in techniques and len(techniques) > 1:
        yield error("result", row, "plan_technique", f"{NO_TECHNIQUE!r} stands beside others; keep one or the others")
    if row["result"] and not any(row[column] for column in ("effect", "result_words", "adverse_events")):
        yield error("result", row, "result", f"{row['result']!r}, but no result stands in effect or result_words")


def _brain_problems(row: Row) -> Iterator[Problem]:
    for axis, (low, high) in BRAIN_MM.items():
        value, column = row.number(axis), table("coordinates").column(axis)
        inside_field = value is not None and (column.low or 0) <= value <= (column.high or 0)
        if inside_field and value is not None and not low <= value <= high:
            yield warning(
                "brain", row, axis, f"{value:g} mm lies outside the brain of the template, {low:g} to {high:g}"
            )
