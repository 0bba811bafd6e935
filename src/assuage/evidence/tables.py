"""Reading the tables: embedded, or with a folder of the user's laid over them. Every row knows the file it came from.

A folder holds any of `studies.csv`, `findings.csv`, `trials.csv`, `coordinates.csv` with the columns of the schema, in
any order; optional columns may be left out. A row whose id the embedded table has too stands in its place, and
`Evidence.replaced` says so. Cells are kept as the text they are; `Row.number` and `Row.words` give them their type.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from assuage.errors import DataError
from assuage.evidence.schema import SEPARATOR, TableSchema, tables

if TYPE_CHECKING:
    import pandas as pd

EMBEDDED = "embedded"
"""What stands in place of a folder in the name of an embedded file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: its cells as text, and where it came from.

    Attributes
    ----------
    line
        Line of the file it starts on; the heading is line 1.
    surplus
        Cells beyond the heading.
    """

    table: str
    cells: Mapping[str, str]
    file: str
    line: int
    surplus: int = 0

    def __getitem__(self, column: str) -> str:
        """Return a cell, stripped; blank where the row has no such column."""
        return self.cells.get(column, "").strip()

    @property
    def id(self) -> str:
        """Identifier of the row."""
        return self["id"]

    @property
    def identifier(self) -> str:
        """DOI, else registration, PubMed number ("PMID ...") or PubMed Central number; blank where none was read."""
        return self["doi"] or self["registration"] or (f"PMID {self['pmid']}" if self["pmid"] else self["pmcid"])

    @property
    def place(self) -> str:
        """File and line, for example "embedded/studies.csv line 3"."""
        return f"{self.file} line {self.line}"

    def number(self, column: str) -> float | None:
        """Return a cell as a number, or None where it is blank or none."""
        try:
            return float(self[column])
        except ValueError:
            return None

    def words(self, column: str) -> tuple[str, ...]:
        """Return the words of a cell."""
        return split(self[column])


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All tables, and what was laid over what.

    Attributes
    ----------
    rows
        Rows by table, in the order of the files.
    headings
        Heading of every file that was read, by file name, with the table it belongs to.
    replaced
        Embedded rows that a row of the user stands in place of: (new row, old row).
    """

    rows: Mapping[str, tuple[Row, ...]]
    headings: Mapping[str, tuple[str, tuple[str, ...]]]
    replaced: tuple[tuple[Row, Row], ...] = ()

    def __iter__(self) -> Iterator[Row]:
        """Yield every row, table by table."""
        for rows in self.rows.values():
            yield from rows

    def row(self, table: str, identifier: str) -> Row | None:
        """Return the row of that id, or None."""
        return next((row for row in self.rows[table] if row.id == identifier), None)

    def with_rows(self, added: Iterable[Row]) -> "Evidence":
        """Return the evidence with rows behind those it has."""
        extended = dict(self.rows)
        for row in added:
            extended[row.table] = (*extended[row.table], row)
        return replace(self, rows=extended)

    @property
    def overlaid(self) -> tuple[str, ...]:
        """One sentence for every embedded row that a row of the user stands in place of."""
        return tuple(
            f"{new.table} {new.id}: the row of {new.place} stands in place of {old.place}" for new, old in self.replaced
        )

    def frame(self, table: str) -> "pd.DataFrame":
        """Return a table as a pandas frame, numbers as numbers, with the columns `file` and `line` behind."""
        import pandas as pd  # noqa: PLC0415  (slow to import; only who asks for a frame pays)

        schema = tables()[table]
        columns: dict[str, list[object]] = {
            column.name: [row.number(column.name) if column.numeric else row[column.name] for row in self.rows[table]]
            for column in schema.columns
        }
        where = {"file": [row.file for row in self.rows[table]], "line": [row.line for row in self.rows[table]]}
        return pd.DataFrame({**columns, **where})


def load_evidence(path: Path | str | None = None) -> Evidence:
    """Return the embedded tables, with the tables of a folder laid over them.

    Parameters
    ----------
    path
        Folder with any of the four CSV files, or None for the embedded tables alone.

    Raises
    ------
    DataError
        No such folder, none of the files in it, or a file that is no CSV in UTF-8. What is wrong inside a table is for
        `validate` to say.
    """
    base = _embedded()
    if path is None:
        return base
    folder = Path(path)
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder; name one that holds any of {', '.join(_file_names())}")
    found = [(name, folder / f"{name}.csv") for name in tables() if (folder / f"{name}.csv").is_file()]
    if not found:
        raise DataError(f"{folder} holds no table; it may hold any of {', '.join(_file_names())}")
    rows, headings, replaced = dict(base.rows), dict(base.headings), []
    for name, file in found:
        heading, own = read_folder_table(file, name)
        headings[str(file)] = (name, heading)
        ids = {row.id: row for row in own if row.id}
        replaced += [(ids[old.id], old) for old in base.rows[name] if old.id in ids]
        rows[name] = (*(old for old in base.rows[name] if old.id not in ids), *own)
    return Evidence(rows=rows, headings=headings, replaced=tuple(replaced))


def read_folder_table(file: Path, table: str) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    """Return heading and rows of a CSV file; see `read_table`."""
    return read_table(_text(file), table=table, file=str(file))


def read_table(text: str, *, table: str, file: str) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    """Return heading and rows of a CSV text.

    Raises
    ------
    DataError
        No heading, a column named twice, or broken quotes.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    try:
        heading = tuple(cell.strip() for cell in next(reader, []))
        _check_heading(heading, file)
        start = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                values = dict(zip(heading, cells, strict=False))
                surplus = max(0, len(cells) - len(heading))
                rows.append(Row(table=table, cells=values, file=file, line=start, surplus=surplus))
            start = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{file} line {reader.line_num}: {error}; save it as CSV with commas and double quotes"
        ) from None
    return heading, tuple(rows)


def write_table(schema: TableSchema, rows: Iterable[Row]) -> str:
    """Return rows as CSV text with all columns of the schema."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(schema.names)
    writer.writerows([row[name] for name in schema.names] for row in rows)
    return out.getvalue()


def split(cell: str) -> tuple[str, ...]:
    """Return the parts of a cell that holds several, stripped."""
    return tuple(part.strip() for part in cell.split(SEPARATOR) if part.strip())


@cache
def _embedded() -> Evidence:
    rows, headings = {}, {}
    for name in tables():
        file = f"{EMBEDDED}/{name}.csv"
        text = files("assuage.evidence").joinpath(f"data/{name}.csv").read_text(encoding="utf-8")
        heading, rows[name] = read_table(text, table=name, file=file)
        headings[file] = (name, heading)
    return Evidence(rows=rows, headings=headings)


def _check_heading(heading: tuple[str, ...], file: str) -> None:
    if not any(heading):
        raise DataError(f"{file} has no heading; the first line names the columns")
    twice = sorted({name for name in heading if heading.count(name) > 1})
    if twice:
        raise DataError(f"{file} names the column {twice[0]!r} twice; keep one")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8 (byte {error.start}); save it as CSV UTF-8") from None


def _file_names() -> tuple[str, ...]:
    return tuple(f"{name}.csv" for name in tables())
