"""A table of studies: rows of a text (`text_table`) with roles by the names of the columns (`columns`), and labels.

Missing values: empty, NA, NaN, NR, n/a, a dot, a dash, a question mark.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from assuage.errors import DataError
from assuage.synthesis.columns import plain, roles
from assuage.synthesis.heterogeneity import Array
from assuage.synthesis.magnitude import LARGEST
from assuage.synthesis.text_table import TextTable, parse_table, text_of

MISSING = {"", "na", "nan", "nr", "n/a", ".", "-", "--", "?", "none", "null", "#n/a", "not reported"}
_LABELS = ("study", "studlab", "slab", "label", "author", "authors", "name", "reference", "source", "citation", "trial",
           "studyname", "studylabel", "firstauthor", "paper", "id", "studyid", "studyc", "studyn")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class StudyTable:
    """Rows of text by column, the role of every column that has one, a label and the line of the file for every row.

    `rivals` are second columns that claim a role with equal right: asking for that role is refused.
    """

    source: str
    header: tuple[str, ...]
    rows: tuple[dict[str, str], ...]
    lines: tuple[int, ...]
    roles: dict[str, str]
    rivals: dict[str, str]
    labels: tuple[str, ...]

    def text(self, column: str) -> list[str | None]:
        """Return a column as text; None where it is missing.

        Raises
        ------
        DataError
            There is no such column.
        """
        name = self.column(column)
        return [None if row[name].lower() in MISSING else row[name] for row in self.rows]

    def column(self, name: str) -> str:
        """Return the column's own spelling of a name given in any case or with other separators."""
        if name in self.header:
            return name
        close = [column for column in self.header if plain(column) == plain(name)]
        if len(close) != 1:
            raise DataError(f"{self.source}: there is no column {name!r}; there are {', '.join(self.header)}")
        return close[0]

    def numbers(self, role: str) -> Array:
        """Return the numbers of a role (k,), nan where missing; all nan where no column has the role.

        Raises
        ------
        DataError
            A value is not a number, or two columns claim the role.
        """
        if role not in self.roles:
            return np.full(len(self.rows), math.nan)
        if role in self.rivals:
            first, second = self.roles[role], self.rivals[role]
            raise DataError(
                f"{self.source}: columns {first!r} and {second!r} could both be {role}; "
                f"say which: --columns {role}={first}"
            )
        return self.numbers_in(self.roles[role])

    def numbers_in(self, column: str) -> Array:
        """Return a column as numbers (k,), nan where missing."""
        values = np.full(len(self.rows), math.nan)
        for i, text in enumerate(self.text(column)):
            if text is not None:
                values[i] = self._number(text, i, column)
        return values

    def _number(self, text: str, i: int, column: str) -> float:
        value = number_of(text)
        if value is None:
            raise DataError(f"{self.at(i, column)}: {text!r} is not a number; correct it or leave it empty")
        if abs(value) > LARGEST:
            raise DataError(f"{self.at(i, column)}: {text!r} is beyond {LARGEST:g}; correct it or leave it empty")
        return value

    def at(self, i: int, column: str) -> str:
        """Return where a value stands, for messages."""
        return f"{self.source} row {self.lines[i]}, column {column}"

    def only(self, column: str, value: str) -> "StudyTable":
        """Return the rows whose column holds a value.

        Raises
        ------
        DataError
            There is no such column, or no such row.
        """
        name = self.column(column)
        keep = [i for i, row in enumerate(self.rows) if row[name] == value]
        if not keep:
            known = ", ".join(dict.fromkeys(row[name] for row in self.rows))
            raise DataError(f"{self.source}: no row has {name} {value!r}; there are {known}")
        return self.take(keep)

    def take(self, keep: Sequence[int]) -> "StudyTable":
        """Return the rows of these numbers, in this order."""
        return replace(
            self, rows=tuple(self.rows[i] for i in keep), lines=tuple(self.lines[i] for i in keep),
            labels=tuple(self.labels[i] for i in keep),
        )  # fmt: skip

    def where(self, conditions: Sequence[str]) -> "StudyTable":
        """Return the rows that satisfy every condition COLUMN=VALUE; see `only`.

        Raises
        ------
        DataError
            A condition without an equals sign.
        """
        kept = self
        for condition in conditions:
            column, sign, value = condition.partition("=")
            if not sign:
                raise DataError(f"--where {condition!r} is not COLUMN=VALUE; write for example design=cohort")
            kept = kept.only(column.strip(), value.strip())
        return kept

    def is_numeric(self, column: str) -> bool:
        """Return whether every value that is not missing is a number."""
        return all(number_of(text) is not None for text in self.text(column) if text is not None)


def number_of(text: str) -> float | None:
    """Return a number from text with any minus sign, thousands blank or decimal comma; None if it is none."""
    tidy = text.strip().replace("−", "-").replace("–", "-").replace(" ", "").replace(" ", "").rstrip("%")
    if re.fullmatch(r"[+-]?\d+,\d+", tidy):
        tidy = tidy.replace(",", ".")
    try:
        value = float(tidy)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def read_studies(path: Path, *, given: Mapping[str, str] | None = None) -> StudyTable:
    """Read a table of studies; `given` maps roles to columns where the names leave it open.

    Raises
    ------
    DataError
        The file is not a table, has no rows, or two columns claim one role.
    """
    return parse_studies(text_of(path), source=path.name, given=given)


def parse_studies(text: str, *, source: str, given: Mapping[str, str] | None = None) -> StudyTable:
    """Read a table of studies from text; see `read_studies`."""
    named = (given or {}).values()
    table = parse_table(text, source=source, is_missing=lambda cell: cell.lower() in MISSING, named=named)
    found, rivals = roles(table.header, given or {})
    return StudyTable(
        source=source,
        header=tuple(table.header),
        rows=tuple(table.rows),
        lines=tuple(table.lines),
        roles=found,
        rivals=rivals,
        labels=_labels(table, found),
    )


def _labels(table: TextTable, found: Mapping[str, str]) -> tuple[str, ...]:
    """Return a name for every row: a text column of `_LABELS`, the year behind an author, else its line in the file."""
    rows = table.rows
    by_plain = {plain(name): name for name in table.header}
    candidates = [by_plain[key] for key in _LABELS if key in by_plain]
    column = found.get("study") or next(
        (name for name in candidates if any(number_of(row[name]) is None and row[name] for row in rows)),
        candidates[0] if candidates else None,
    )
    if column is None:
        return tuple(f"row {line}" for line in table.lines)
    year = by_plain.get("year")
    labels = []
    for row, line in zip(rows, table.lines, strict=True):
        label = row[column] or f"row {line}"
        if year and plain(column) in {"author", "authors", "firstauthor"} and row[year]:
            label = f"{label}, {row[year]}"
        labels.append(f"study {label}" if number_of(label) is not None else label)
    return tuple(labels)
