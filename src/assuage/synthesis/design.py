"""From moderator names to a design: numbers as they are, text as indicator columns against its first level.

`ablat` a number, `alloc` text, `factor(year)` a number taken as text, `a:b` the product of two of them. The first
level by alphabet is the reference; without an intercept the first text moderator keeps all its levels.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assuage.errors import DataError
from assuage.synthesis.heterogeneity import Array
from assuage.synthesis.reading import StudyTable


@dataclass(frozen=True, kw_only=True)
class Design:
    """Design x (k, p), the name and term of each of its columns, and which rows are complete (k,)."""

    x: Array
    names: tuple[str, ...]
    complete: np.ndarray
    terms: tuple[str, ...]


def design_of(table: StudyTable, rows: np.ndarray, moderators: Sequence[str], *, intercept: bool = True) -> Design:
    """Return the design of the given rows of a table.

    Raises
    ------
    DataError
        A moderator is no column, or has one value only.
    """
    k = rows.size
    columns: list[Array] = [np.ones(k)] if intercept else []
    names, terms = (["intercept"], ["intercept"]) if intercept else ([], [])
    full = not intercept
    for term in moderators:
        parts = [_part(table, rows, piece.strip(), all_levels=full and ":" not in term) for piece in term.split(":")]
        full = full and len(parts[0]) < 2
        block = parts[0]
        for part in parts[1:]:
            block = [(f"{a}:{b}", x * z) for a, x in block for b, z in part]
        for name, values in block:
            names.append(name)
            columns.append(values)
            terms.append(term)
    x = np.column_stack(columns) if columns else np.ones((k, 1))
    return Design(x=x, names=tuple(names), complete=np.all(np.isfinite(x), axis=1), terms=tuple(terms))


def _part(table: StudyTable, rows: np.ndarray, piece: str, *, all_levels: bool) -> list[tuple[str, Array]]:
    asked = re.fullmatch(r"factor\((.+)\)", piece)
    column = table.column(asked[1].strip() if asked else piece)
    if not asked and table.is_numeric(column):
        values = table.numbers_in(column)[rows]
        if np.unique(values[np.isfinite(values)]).size < 2:
            raise DataError(f"{table.source}: moderator {column!r} has one value only; leave it out")
        return [(column, values)]
    labels = table.text(column)
    mine = [labels[i] for i in rows]
    levels = sorted({label for label in mine if label is not None}, key=lambda text: (text.casefold(), text))
    if len(levels) < 2:
        raise DataError(f"{table.source}: moderator {column!r} has one value only; leave it out")
    missing = np.array([label is None for label in mine])
    return [
        (f"{column}={level}", np.where(missing, np.nan, np.array([float(label == level) for label in mine])))
        for level in (levels if all_levels else levels[1:])
    ]
