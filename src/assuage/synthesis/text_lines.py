"""Lines of a text table that are no rows, and commas in its numbers.

A line with one cell above the header is a title; row numbers, as R writes them, have no name in the header. Where
commas do not separate the cells, a comma is a decimal mark; it parts thousands in a column that also holds whole
numbers without it (980; 1,140), if no number of the file has a comma that could only be decimal (0,35). Where commas
separate the cells, it parts thousands in quoted numbers, if none of their column has such a comma.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
"""A number whose commas part thousands."""
MARKS = {"\t": "tabs", ";": "semicolons", ",": "commas", " ": "blanks"}
"""What may stand between cells."""
_COMMA = re.compile(r"[+-]?\d+,\d+")
_WHOLE = re.compile(r"\d+")


def without_title(text: str) -> str:
    """Return a text with the lines above its header that hold one cell made blank, so that line numbers stay."""
    lines = text.splitlines()
    at = [i for i, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")]
    for i, following in pairwise(at):
        marks = [mark for mark in MARKS if mark != " "]
        if any(_cells(lines[i], mark) > 1 for mark in marks) or all(_cells(lines[following], m) < 3 for m in marks):
            break
        lines[i] = ""
    return "\n".join(lines)


def _cells(line: str, mark: str) -> int:
    return sum(bool(cell.strip()) for cell in next(csv.reader([line], delimiter=mark)))


def has_row_numbers(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Return whether every row has one cell more than the header, the first of them whole numbers, none twice."""
    first = [cells[0] for cells in rows]
    return (
        len(rows) > 1
        and all(len(cells) == len(header) + 1 for cells in rows)
        and all(_WHOLE.fullmatch(cell) for cell in first)
        and len(set(first)) == len(rows)
    )


def without_thousands(rows: Sequence[dict[str, str]], separator: str) -> None:
    """Take the commas that part thousands out of the cells, in place."""
    is_among_commas = separator == ","
    if not is_among_commas and any(_has_decimals(row.values()) for row in rows):
        return
    for name in rows[0] if rows else ():
        column = [row[name] for row in rows]
        if _has_decimals(column) or not (is_among_commas or any(_WHOLE.fullmatch(cell) for cell in column)):
            continue
        for row in rows:
            row[name] = row[name].replace(",", "") if THOUSANDS.fullmatch(row[name]) else row[name]


def _has_decimals(cells: Iterable[str]) -> bool:
    """Return whether a number has a comma that can only be decimal."""
    return any(_COMMA.fullmatch(cell) and not THOUSANDS.fullmatch(cell) for cell in cells)
