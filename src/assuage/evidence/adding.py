"""Adding rows to a folder of tables: checked as a whole before anything is written, and written whole or not at all."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assuage.errors import DataError
from assuage.evidence.cells import cell_problems
from assuage.evidence.problems import Problem
from assuage.evidence.relations import doi_key
from assuage.evidence.reported import number_problems, people
from assuage.evidence.schema import Column, table
from assuage.evidence.tables import Evidence, Row, load_evidence, read_folder_table, write_table
from assuage.evidence.validate import errors, validate
from assuage.protocols.protocol import write_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What was added: the file, the rows, and what should be looked up about them."""

    file: Path
    rows: tuple[Row, ...]
    warnings: tuple[Problem, ...]


def load_with(folder: Path | str) -> Evidence:
    """Return the embedded tables with those of a folder that may not exist yet, or hold no table yet."""
    path = Path(folder)
    if path.exists() and not path.is_dir():
        raise DataError(f"{path} is a file; name a folder for your tables")
    holds = path.is_dir() and any((path / f"{name}.csv").is_file() for name in load_evidence().rows)
    return load_evidence(path if holds else None)


def add_rows(folder: Path | str, name: str, cells: Sequence[Mapping[str, str]]) -> Added:
    """Add rows to a table in a folder and return them.

    The folder and its file are made where they do not exist. A file that is there keeps its rows; it is written with
    all columns of the schema.

    Parameters
    ----------
    name
        "studies", "findings", "trials" or "coordinates".
    cells
        One mapping of column to text a row.

    Raises
    ------
    DataError
        A row that breaks a rule, repeats an identifier or a publication, or a file whose own rows would lose something.
        Nothing is written then.
    """
    schema, file = table(name), Path(folder) / f"{name}.csv"
    evidence = load_with(folder)
    heading, own = read_folder_table(file, name) if file.is_file() else (schema.names, ())
    lost = [column for column in heading if column not in schema.names] or [row.place for row in own if row.surplus]
    if lost:
        raise DataError(f"{file} has {lost[0]!r}, which the schema does not know; assuage evidence validate {folder}")
    first_line = own[-1].line + 1 if own else 2
    new = tuple(_row(name, entry, str(file), first_line + index) for index, entry in enumerate(cells))
    known = {row.id: row for row in evidence.rows[name]}
    for row in new:
        if row.id in known:
            raise DataError(f"{row.id!r} stands in {known[row.id].place} already; choose another id, or edit that row")
    mine = [p for p in validate(evidence.with_rows(new)) if (p.file, p.line) in {(r.file, r.line) for r in new}]
    refused = errors(mine)
    if refused:
        more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
        where = f"{refused[0].row or 'new row'}, {refused[0].column}"
        raise DataError(f"{where}: {refused[0].message}{more}; nothing was added")
    Path(folder).mkdir(parents=True, exist_ok=True)
    write_whole(file, write_table(schema, (*own, *new)))
    return Added(file=file, rows=new, warnings=tuple(p for p in mine if p.severity == "warning"))


def objection(evidence: Evidence, name: str, column: Column, value: str) -> str | None:
    """Say what is wrong with one cell of a new row, or return None: for a prompt that asks again."""
    row = Row(table=name, cells={column.name: value}, file="", line=0)
    found = [*cell_problems(row), *number_problems(row, people(row, None))]
    wrong = [problem.message for problem in errors(found) if problem.column == column.name]
    known = same_publication(evidence, name, {column.name: value})
    if known is not None:
        wrong.append(f"{value} belongs to {known.id} ({known.place}) already")
    if column.to and value:
        goal, _, key = column.to.partition(".")
        if value not in {other[key] for other in evidence.rows[goal]}:
            wrong.append(f"{value!r} is in no row of {goal}; add it there first")
    return wrong[0] if wrong else None


def same_publication(evidence: Evidence, name: str, cells: Mapping[str, str]) -> Row | None:
    """Return the row of a table that has the DOI or PubMed identifier of a new one, or None."""
    for column in ("doi", "pmid", "pmcid"):
        key = doi_key(cells.get(column, ""))
        for row in evidence.rows[name] if key else ():
            if doi_key(row[column]) == key:
                return row
    return None


def required_columns(name: str, given: Iterable[str]) -> tuple[Column, ...]:
    """Return the columns of a table that must be filled and are not given."""
    have = set(given)
    return tuple(column for column in table(name).columns if column.need and column.name not in have)


def _row(name: str, entry: Mapping[str, str], file: str, line: int) -> Row:
    for column in entry:
        table(name).column(column)
    return Row(table=name, cells={key: value.strip() for key, value in entry.items()}, file=file, line=line)
