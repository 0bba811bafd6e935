"""What the stated intervals of a table say against its estimates and standard errors."""

from collections.abc import Sequence

import numpy as np

from assuage.synthesis import conversions
from assuage.synthesis.heterogeneity import Array
from assuage.synthesis.reading import StudyTable

OFF_MIDDLE = 0.2
"""An estimate further than this share of its interval from the middle is a slip; rounding seldom goes so far."""
OFF_WIDTH = 0.1
"""So is a median interval that differs by this share from what the standard errors give (90 % for 95 %: 0.16)."""


def interval_notes(
    table: StudyTable, rows: list[int], y: Array, v: Array, *, is_ratio: bool, way: Sequence[str], level: float
) -> list[str]:
    """Return what to say of effects y (k,) with variances v (k,) of these rows, whose stated intervals do not fit them.

    `is_ratio`: y are logarithms, and the bounds may be those of the ratios; `way`: how each effect was found.
    """
    if {"ci_low", "ci_high"} & table.rivals.keys() or not {"ci_low", "ci_high"} <= table.roles.keys():
        return []
    low, high = table.numbers("ci_low")[rows], table.numbers("ci_high")[rows]
    with np.errstate(all="ignore"):
        logged = np.log(low), np.log(high)
    if is_ratio and ("ratio" in table.roles or _off(y, *logged) < _off(y, low, high)):
        low, high = logged
    reported = np.array([not words.startswith("computed") for words in way])
    whole = reported & np.isfinite(low + high) & (low < y) & (y < high)
    with np.errstate(all="ignore"):
        off = whole & (np.abs((low + high) / 2 - y) > OFF_MIDDLE * (high - low))
    notes = []
    if np.any(off):
        names = ", ".join(table.labels[rows[i]] for i in np.flatnonzero(off))
        notes.append(f"not in the middle of the interval that the table states, check the numbers: {names}")
    stated = whole & np.array([words == "as given" or "standard error" in words for words in way])
    if np.any(stated):
        ratio = float(np.median(conversions.se_from_interval(low, high, level)[stated] / np.sqrt(v[stated])))
        if abs(ratio - 1) > OFF_WIDTH:
            notes.append(
                f"the stated intervals are {ratio:.2f} times as wide as the standard errors or variances make them at "
                f"{100 * level:g} %: another level (--reported-level), or a column that is none of the two"
            )
    return notes


def _off(y: Array, low: Array, high: Array) -> float:
    """Return how far effects lie from the middle of their intervals, as a share of these; median, inf without any."""
    whole = np.isfinite(low + high) & (low < high)
    if not np.any(whole):
        return float("inf")
    return conversions.off_middle(y[whole], low[whole], high[whole])
