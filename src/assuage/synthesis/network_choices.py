"""What the names of columns leave open in the table of a network: settled by its rows, or asked for."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from assuage.errors import DataError
from assuage.synthesis import conversions
from assuage.synthesis.columns import plain
from assuage.synthesis.network_arms import RATIOS
from assuage.synthesis.network_columns import ARM_ROLES, Layout
from assuage.synthesis.network_rows import is_empty, number_in
from assuage.synthesis.text_table import Row

SURE: dict[str, frozenset[str]] = {
    "treatment": frozenset({"treatment", "treat", "trt", "trtc", "trtn", "treatmentname"}),
    "events": frozenset({"events", "event", "r", "xi", "x", "nevents", "eventcount"}),
}
"""Names beside which another name of the same role is something else: the number of an arm, one of several outcomes."""
AUTHORS = frozenset({"author", "authors", "firstauthor"})
PAIRS = frozenset({"comparison", "contrast", "comp", "comparisons"})
AGAINST = re.compile(r"(.+?)\s+(?:vs\.?|v\.?|versus|against)\s+(.+)|([^:]+?)\s*:\s*([^:]+)", re.IGNORECASE)
"""A vs B, or A:B as R's netmeta writes it."""


def require_one_reading(layout: Layout, header: Sequence[str], rows: Sequence[Row], given: Mapping[str, str]) -> None:
    """Refuse a table of arms in which two columns could be the treatments, or the events; numbers of arms are neither.

    Raises
    ------
    DataError
        With both, and the option that says which.
    """
    for role, sure in SURE.items() if layout.kind == "arms" else ():
        chosen = layout.single.get(role)
        if chosen is None or role in given or plain(chosen) in sure:
            continue
        for other in header:
            if other in layout.used or plain(other) not in ARM_ROLES[role]:
                continue
            if _tell_apart([row[chosen] for row in rows], [row[other] for row in rows], role):
                raise DataError(
                    f"columns {chosen} and {other} could both hold the {role}{'' if role == 'events' else 's'}; say "
                    f"which: --columns {role}={other}"
                )


def _tell_apart(chosen: Sequence[str], other: Sequence[str], role: str) -> bool:
    """Return whether another column says something else: other counts, or other groups of arms under words."""
    if role == "events":
        return any(one != two for one, two in zip(chosen, other, strict=True))
    pairs, one, two = set(zip(chosen, other, strict=True)), set(chosen), set(other)
    is_number = all(cell.isdecimal() for cell in two) and not all(cell.isdecimal() for cell in one)
    return len(two) > 1 and not len(pairs) == len(one) == len(two) and not is_number


def with_years(layout: Layout, header: Sequence[str], rows: list[Row]) -> list[Row]:
    """Return the rows with the year behind an author, who may have published several studies."""
    column, year = layout.single.get("study"), next((name for name in header if plain(name) == "year"), None)
    if column is None or year is None or plain(column) not in AUTHORS:
        return rows
    return [row if is_empty(row[year]) else {**row, column: f"{row[column]}, {row[year]}"} for row in rows]


def with_pairs(header: list[str], rows: list[Row]) -> tuple[list[str], list[Row]]:
    """Return header and rows with treat1 and treat2 from a column of comparisons such as `A vs B`."""
    for column in header:
        cut = [AGAINST.fullmatch(row[column]) for row in rows] if plain(column) in PAIRS else [None]
        found = [tuple(filter(None, match.groups())) for match in cut if match]
        if len(found) == len(rows) and not {"treat1", "treat2"} & {plain(name) for name in header}:
            rows = [{**row, "treat1": one, "treat2": two} for row, (one, two) in zip(rows, found, strict=True)]
            return [*header, "treat1", "treat2"], rows
    return header, rows


def with_ratios(layout: Layout, rows: Sequence[Row], asked: str | None) -> Layout:
    """Return the layout with effects as ratios where a ratio is asked for and the intervals are those of ratios."""
    named = [layout.single.get(role) for role in ("effect", "lower", "upper")]
    if asked not in RATIOS or layout.kind != "contrasts" or layout.measure or None in named:
        return layout
    found = np.array([[number_in(row, name, name or "") for name in named] for row in rows], dtype=np.float64)
    y, low, high = found[np.isfinite(found).all(axis=1)].T
    if y.size == 0 or min(y.min(), low.min()) <= 0:
        return layout
    is_ratio = conversions.are_ratios(conversions.asymmetry(y, low, high))
    return replace(layout, measure=asked, is_ratio=True) if is_ratio else layout
