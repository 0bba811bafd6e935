"""A table from a text file: what stands between the cells, the header, rows by column, and the line of every row.

Commas, semicolons, tabs or blanks. Lines that begin with # are comments; columns without a name (row numbers of a
spreadsheet) are left out. Titles, headers of two lines and commas in numbers: `text_lines`; cells with several numbers:
`combined_cells`. The t[,1] of WinBUGS is t[1] here.
"""

import codecs
import csv
import io
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from assuage.errors import DataError
from assuage.synthesis.combined_cells import apart
from assuage.synthesis.text_lines import MARKS, has_row_numbers, is_content, without_thousands, without_title

Row = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class TextTable:
    """Names of the columns, and rows of text by column with their lines in the file."""

    header: list[str]
    rows: list[Row]
    lines: list[int]


def text_of(path: Path) -> str:
    """Return a file as text: UTF-8, UTF-16 with its mark, or Windows-1252.

    Raises
    ------
    DataError
        A folder, or not text.
    """
    if path.is_dir():
        raise DataError(f"{path} is a folder; name a CSV or TSV file")
    raw = path.read_bytes()
    utf_16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = raw.decode("utf-16" if utf_16 else "utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    if "\0" in text:
        raise DataError(f"{path.name} is not a text table; save it as CSV")
    return text


def parse_table(text: str, *, source: str, is_missing: Callable[[str], bool], named: Collection[str] = ()) -> TextTable:
    """Return the table of a text; columns that are `named` by the user keep their names and their cells.

    Raises
    ------
    DataError
        No rows, a name twice, a row of another length than the header, a quotation mark that is not closed, or commas
        of which nothing tells whether they are decimal marks.
    """
    try:
        text = without_title(text).replace("[,", "[")
        mark = _mark(text)
        tidy = "\n".join(line.strip() for line in text.splitlines()) if mark == " " else text
        header, rows, lines = _cells(tidy, mark)
    except csv.Error as error:
        raise DataError(f"{source} is no table of studies ({error}); look for a quotation mark left open") from None
    if rows and text.count('"') % 2 and any("\n" in cell for cell in rows[-1]):
        raise DataError(f"{source}: a quotation mark is left open and hides the rows up to line {lines[-1]}; close it")
    if not rows:
        raise DataError(f"{source} has no rows of studies; it needs a line of column names and one line per study")
    if has_row_numbers(header, rows):
        header = ["", *header]
    by_name = [_row(header, row, f"{source} row {line}", mark) for row, line in zip(rows, lines, strict=True)]
    columns = [name for name in header if name]
    if twice := sorted({name for name in columns if columns.count(name) > 1}):
        raise DataError(f"{source}: column {twice[0]!r} is there twice; give each column its own name")
    columns, by_name = apart(columns, by_name, is_missing, named=named)
    without_thousands(by_name, mark, source)
    return TextTable(header=columns, rows=by_name, lines=lines)


def _mark(text: str) -> str:
    """Return what stands between the cells, by the header."""
    first = next((line for line in text.splitlines() if is_content(line)), "")
    counts = {mark: first.count(mark) for mark in MARKS if mark != " "}
    best = max(counts, key=lambda mark: counts[mark])
    return best if counts[best] else " " if first.split()[1:] else ","


def _cells(text: str, mark: str) -> tuple[list[str], list[list[str]], list[int]]:
    """Return header, rows and their lines, without comments, blank lines and the END of WinBUGS."""
    header: list[str] | None = None
    rows, lines = [], []
    reader = csv.reader(io.StringIO(text), delimiter=mark, skipinitialspace=True)
    for fields in reader:
        cells = [cell.strip() for cell in fields]
        if not any(cells) or cells[0].startswith("#") or (cells[0] == "END" and not any(cells[1:])):
            continue
        if header is None:
            header = cells
            continue
        rows.append(cells)
        lines.append(reader.line_num)
    return header or [], rows, lines


def _row(header: Sequence[str], cells: Sequence[str], where: str, mark: str) -> Row:
    """Return a row by column; a file of blanks needs every cell, others may leave out empty ones at the end."""
    if any(cells[len(header) :]) or (mark == " " and len(cells) < len(header)):
        raise DataError(f"{where}: {len(cells)} fields under {len(header)} columns; quote text with {MARKS[mark]}")
    return {name: cell for name, cell in zip(header, [*cells, *[""] * len(header)], strict=False) if name}
