"""Rows of evidence on the screen, as wide as the terminal, and as CSV."""

import csv
import sys
from collections.abc import Iterator, Sequence

from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from assuage.cli.listing import console
from assuage.errors import DataError
from assuage.evidence.queries import Selection, counted, visible_columns
from assuage.evidence.schema import table as table_schema

LONGEST_WORD = 14
"""Longer words may break, so that a table with many columns stays within 100 characters."""
SHORT = {
    "hemisphere": "side",
    "target_region": "target",
    "n_nssi": "n",
    "n_control": "vs n",
    "n_active": "n",
    "n_subjects": "n",
    "nssi_sample": "NSSI",
    "coded_from": "read from",
    "study_id": "study",
    "age_group": "age",
}
"""Headings of the screen that are shorter than the column's name."""


def shown_columns(table: str, asked: str) -> tuple[str, ...]:
    """Return the columns to show: those asked for, "all", or those of the schema that are not wide.

    Raises
    ------
    DataError
        A column that the table and its study do not have.
    """
    schema, known = table_schema(table), visible_columns(table)
    if asked == "all":
        return schema.names
    names = tuple(name.strip() for name in asked.split(",") if name.strip())
    unknown = [name for name in names if name not in known]
    if unknown:
        raise DataError(f"--columns {unknown[0]!r} is no column of {table}; columns: {', '.join(known)}")
    return names or tuple(column.name for column in schema.columns if not column.wide)


def print_rows(selection: Selection, names: Sequence[str]) -> None:
    """Print rows as a table, then how many there are and what has to be said about them."""
    screen = console()
    known = visible_columns(selection.table)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    for name in names:
        kind = known[name].kind
        side: JustifyMethod = "right" if known[name].numeric else "left"
        wraps = kind in {"text", "words"}
        width = min(LONGEST_WORD, max((_longest_word(cell) for cell in _cells(selection, name)), default=1))
        table.add_column(
            SHORT.get(name, name), overflow="fold", justify=side, no_wrap=not wraps, min_width=width if wraps else None
        )
    for index in range(len(selection.rows)):
        table.add_row(*(Text(_spaced(selection.cell(index, name))) for name in names))
    if selection.rows:
        screen.print(table)
    for line in (f"{counted(len(selection.rows))} of {selection.table}", *selection.notes):
        screen.print(Text(line))


def print_csv(selection: Selection, names: Sequence[str]) -> None:
    """Write rows as CSV to stdout, with the file and line each came from."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([*names, "file", "line"])
    for index, row in enumerate(selection.rows):
        writer.writerow([*(selection.cell(index, name) for name in names), row.file, row.line])


def _cells(selection: Selection, name: str) -> Iterator[str]:
    return (_spaced(selection.cell(index, name)) for index in range(len(selection.rows)))


def _longest_word(cell: str) -> int:
    return max((len(word) for word in cell.split()), default=1)


def _spaced(cell: str) -> str:
    """Let a cell of several words break between them."""
    return "; ".join(part.strip() for part in cell.split(";"))
