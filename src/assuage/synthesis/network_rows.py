"""Cells of a row of a network's table: names, and numbers.

Cells that are empty or read NA, NaN or `.` hold nothing; among numbers also what `reading.MISSING` lists.
"""

from collections.abc import Sequence

from assuage.errors import DataError
from assuage.synthesis.magnitude import LARGEST
from assuage.synthesis.network_columns import Layout
from assuage.synthesis.reading import MISSING, number_of
from assuage.synthesis.text_table import Row

NOTHING = {"", "na", "nan", "."}
"""A treatment may well be called none."""
Numbered = Sequence[tuple[int, Row]]
"""Rows with their lines in the file."""


def is_empty(value: str) -> bool:
    """Whether a cell holds nothing."""
    return value.lower() in NOTHING


def is_no_number(value: str) -> bool:
    """Whether a cell of a column of numbers holds nothing."""
    return value.lower() in MISSING


def label_in(row: Row, column: str) -> str:
    """Return the name in a cell; a number that was written as 4.0 because others are missing is 4."""
    whole, point, zeros = row[column].partition(".")
    return whole if point and whole.isdecimal() and not zeros.strip("0") else row[column]


def number_in(row: Row, column: str | None, where: str) -> float | None:
    """Return the number in a cell, None where it holds nothing."""
    if column is None or is_no_number(row[column]):
        return None
    value = number_of(row[column])
    if value is None or row[column].endswith("%"):
        raise DataError(f"{where}: {row[column]!r} in column {column} is not a number; write NA where there is none")
    if abs(value) > LARGEST:
        raise DataError(f"{where}: {row[column]!r} in column {column} is beyond {LARGEST:g}; correct it")
    return value


def count_in(row: Row, column: str | None, where: str) -> float | None:
    """Return the number of events or people in a cell; see `number_in`. A percentage is none."""
    if column is not None and row[column].endswith("%"):
        raise DataError(f"{where}: {row[column]!r} in column {column} is a percentage; write the number of people")
    return number_in(row, column, where)


def study_of(layout: Layout, row: Row, number: int) -> str:
    """Return the study a row belongs to; without such a column every row is one."""
    if "study" not in layout.single:
        return f"study {number - 1}"
    name = label_in(row, layout.single["study"])
    if is_empty(name):
        raise DataError(f"row {number}: no study in column {layout.single['study']}; name it in every row")
    return name
