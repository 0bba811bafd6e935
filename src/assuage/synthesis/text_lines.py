"""Lines of a text table that are no rows, and commas in its numbers.

A line with one cell above the header is a title. A header of two lines, groups above quantities that repeat (Vaccine
over events and total, Control over events and total), becomes one. Row numbers, as R writes them, have no name in the
header. Where commas do not separate the cells, a comma is a decimal mark; it parts thousands in a column that also
holds numbers without it (980; 1,140) or with two marks (1,140.5). Where nothing tells (a column of 1,140 and 2,300
alone), it is asked for. In a file of commas it parts thousands in quoted numbers. In a file that has a comma that can
only be decimal (0,35), it does so only in a column with a number of two marks (12,345,678; 1,140.5).
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from assuage.errors import DataError

THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
"""A number whose commas part thousands."""
MARKS = {"\t": "tabs", ";": "semicolons", ",": "commas", " ": "blanks"}
"""What may stand between cells."""
_COMMA = re.compile(r"[+-]?\d+,\d+")
_WHOLE = re.compile(r"\d+")
_PLAIN = re.compile(r"[+-]?\d+(\.\d+)?")
_TWO_MARKS = re.compile(r"[+-]?[1-9]\d{0,2}((,\d{3})+\.\d+|(,\d{3}){2,})")
"""Numbers beside which a comma parts thousands."""


def is_content(line: str) -> bool:
    """Return whether a line is neither blank nor a comment."""
    return bool(line.strip()) and not line.lstrip().startswith("#")


def without_title(text: str) -> str:
    """Return a text with one line of header and none above it that holds one cell; blank lines keep the numbers."""
    lines = re.split(r"\r\n?|\n", text)
    at = [i for i, line in enumerate(lines) if is_content(line)]
    for i, following in pairwise(at):
        marks = [mark for mark in MARKS if mark != " "]
        if any(_cells(lines[i], mark) > 1 for mark in marks) or all(_cells(lines[following], m) < 3 for m in marks):
            break
        if _is_of_blanks(lines[i], lines[following]):
            break
        lines[i] = ""
    left = [i for i, line in enumerate(lines) if is_content(line)]
    if len(left) > 2:
        _join_headers(lines, *left[:2])
    return "\n".join(lines)


def _join_headers(lines: list[str], above: int, below: int) -> None:
    """Write the groups of the line above before the quantities that repeat in the line below, in place."""
    mark = max(",;\t", key=lines[below].count)
    groups, names = (next(csv.reader([lines[i]], delimiter=mark)) for i in (above, below))
    groups = [cell.strip() for cell in groups] + [""] * (len(names) - len(groups))
    names = [cell.strip() for cell in names]
    named = [name for name in names if name]
    is_row = any(re.fullmatch(r"[-+\d.,/%\s]+|na|nan|nr", name, re.IGNORECASE) for name in named)
    if is_row or len(set(named)) == len(named) or "" not in groups or sum(map(bool, groups)) < 2:
        return
    filled = [next((group for group in groups[i::-1] if group), "") for i in range(len(names))]
    text = io.StringIO()
    joined = (f"{group} {name}".strip() for group, name in zip(filled, names, strict=True))
    csv.writer(text, delimiter=mark, lineterminator="").writerow(joined)
    lines[above], lines[below] = "", text.getvalue()


def _is_of_blanks(header: str, row: str) -> bool:
    """Return whether two lines are of blanks, and the commas of the second are all decimal."""
    cells = row.split()
    return len(header.split()) == len(cells) > 1 and all(_COMMA.fullmatch(cell) for cell in cells if "," in cell)


def _cells(line: str, mark: str) -> int:
    return sum(bool(cell.strip()) for cell in next(csv.reader([line], delimiter=mark)))


def has_row_numbers(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Return whether every row has one cell more than the header, the first of them whole numbers, none twice."""
    first = [cells[0] for cells in rows]
    return (
        len(rows) > 1
        and any(cells[-1] for cells in rows)
        and all(len(cells) == len(header) + 1 for cells in rows)
        and all(_WHOLE.fullmatch(cell) for cell in first)
        and len(set(first)) == len(rows)
    )


def without_thousands(rows: Sequence[dict[str, str]], separator: str, source: str) -> None:
    """Take the commas that part thousands out of the cells, in place.

    Raises
    ------
    DataError
        Nothing tells whether the commas of a column part thousands or are decimal marks.
    """
    has_decimals = any(_has_decimals(row.values()) for row in rows)
    for name in rows[0] if rows else ():
        column = [row[name] for row in rows]
        open_cell = next((cell for cell in column if THOUSANDS.fullmatch(cell)), "")
        if not open_cell or _has_decimals(column):
            continue
        if has_decimals and not any(_TWO_MARKS.fullmatch(cell) for cell in column):
            continue
        if separator != "," and not any(_PLAIN.fullmatch(cell) or _TWO_MARKS.fullmatch(cell) for cell in column):
            raise DataError(
                f"{source}, column {name}: {open_cell!r} could be {open_cell.replace(',', '')} or "
                f"{open_cell.replace(',', '.')}; write the numbers of that column without commas"
            )
        for row in rows:
            row[name] = row[name].replace(",", "") if THOUSANDS.fullmatch(row[name]) else row[name]


def _has_decimals(cells: Iterable[str]) -> bool:
    """Return whether a number has a comma that can only be decimal."""
    return any(_COMMA.fullmatch(cell) and not THOUSANDS.fullmatch(cell) for cell in cells)
