"""Rows of a delimited text file: commas, semicolons, tabs or blanks between the cells.

Cells that are empty or read NA, NaN or `.` hold nothing; among numbers also `-`, n/a, null, none. Commas in numbers and
titles above the header: `text_lines`; cells with several numbers: `combined_cells`.
"""

import csv
import io
import math
from collections.abc import Collection
from pathlib import Path

from assuage.errors import DataError
from assuage.synthesis.combined_cells import apart
from assuage.synthesis.magnitude import LARGEST
from assuage.synthesis.network_columns import Layout
from assuage.synthesis.text_lines import has_row_numbers, without_thousands, without_title

NOTHING = {"", "na", "nan", "."}
NO_NUMBER = NOTHING | {"-", "n/a", "null", "none"}
"""In a column of numbers; a treatment may well be called none."""
Row = dict[str, str]


def is_empty(value: str) -> bool:
    """Whether a cell holds nothing."""
    return value.lower() in NOTHING


def is_no_number(value: str) -> bool:
    """Whether a cell of a column of numbers holds nothing."""
    return value.lower() in NO_NUMBER


def read_rows(path: Path, *, given: Collection[str] = ()) -> tuple[list[str], list[Row]]:
    """Return the header and the rows of a delimited text file; columns that the user has `given` keep their names.

    Raises
    ------
    DataError
        Not text, no rows, a name twice, or a row of another length.
    """
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    if "\x00" in text:
        raise DataError(f"{path} is not a text file; save the table as CSV")
    lines = [line.strip(" \r") for line in without_title(text).splitlines()]
    lines = [line for line in lines if line.strip("\t,; ") and not line.lstrip().startswith("#")]
    if len(lines) < 2:
        raise DataError(f"{path} has {len(lines)} lines; it needs a header and at least one row")
    lines[0] = lines[0].replace("[,", "[")
    separator = max(",;\t", key=lines[0].count) if any(c in lines[0] for c in ",;\t") else " "
    cells = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=separator, skipinitialspace=True))
    header = [name.strip() for name in cells[0]]
    is_longer = all(len(row) == len(header) + 1 for row in cells[1:])
    if has_row_numbers(header, cells[1:]) or (is_longer and separator != " "):
        header = ["row", *header]
    named = [name for name in header if name]
    if twice := sorted({name for name in named if named.count(name) > 1}):
        raise DataError(f"{path}: column {twice[0]!r} stands twice in the header; rename one")
    rows: list[Row] = []
    for number, row in enumerate(cells[1:], start=2):
        if row[0].strip().upper() == "END":
            continue
        if len(row) < len(header) or any(cell.strip() for cell in row[len(header) :]):
            raise DataError(f"{path}, row {number}: {len(row)} cells where the header has {len(header)}")
        rows.append({name: value.strip() for name, value in zip(header, row, strict=False) if name})
    without_thousands(rows, separator)
    named, rows = apart(named, rows, is_no_number, named=given)
    return named, [{name: _decimal(value, separator) for name, value in row.items()} for row in rows]


def _decimal(value: str, separator: str) -> str:
    whole, comma, part = value.partition(",")
    if separator != "," and comma and part.isdigit() and whole.lstrip("-").isdigit():
        return f"{whole}.{part}"
    return value


def label_in(row: Row, column: str) -> str:
    """Return the name in a cell; a number that was written as 4.0 because others are missing is 4."""
    whole, point, zeros = row[column].partition(".")
    return whole if point and whole.isdigit() and not zeros.strip("0") else row[column]


def number_in(row: Row, column: str | None, where: str) -> float | None:
    """Return the number in a cell, None where it holds nothing."""
    if column is None or is_no_number(row[column]):
        return None
    try:
        value = float(row[column].replace("−", "-"))
    except ValueError:
        raise DataError(
            f"{where}: {row[column]!r} in column {column} is not a number; write NA where there is none"
        ) from None
    if not math.isfinite(value):
        raise DataError(f"{where}: {row[column]!r} in column {column} is not finite; write NA where there is none")
    if abs(value) > LARGEST:
        raise DataError(f"{where}: {row[column]!r} in column {column} is beyond {LARGEST:g}; correct it")
    return value


def study_of(layout: Layout, row: Row, number: int) -> str:
    """Return the study a row belongs to; without such a column every row is one."""
    if "study" not in layout.single:
        return f"study {number - 1}"
    name = label_in(row, layout.single["study"])
    if is_empty(name):
        raise DataError(f"row {number}: no study in column {layout.single['study']}; name it in every row")
    return name
