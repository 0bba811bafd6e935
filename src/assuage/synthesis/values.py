"""What the values of a study table can be: the first that cannot is named with its row, its column and the way out."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from assuage.errors import DataError
from assuage.synthesis.heterogeneity import Array
from assuage.synthesis.reading import StudyTable

_LIMITS: tuple[tuple[tuple[str, ...], Callable[[Array], NDArray[np.bool_]], str], ...] = (
    (("a", "b", "c", "d", "x1", "x2", "x"), lambda x: x < 0, "a count cannot be negative"),
    (("n1", "n2", "n"), lambda x: x < 1, "a sample has at least 1 member"),
    (("sd1", "sd2", "sd", "se1", "se2"), lambda x: x < 0, "a standard deviation cannot be negative"),
    (("var1", "var2"), lambda x: x < 0, "a variance cannot be negative"),
    (("t1", "t2"), lambda x: x <= 0, "time at risk has to be above 0"),
    (("sei", "vi"), lambda x: x <= 0, "it has to be above 0"),
    (("ratio",), lambda x: x <= 0, "a ratio has to be above 0"),
    (("f_value",), lambda x: x < 0, "an F cannot be negative"),
)
_FOR_MEASURE: dict[str, tuple[tuple[tuple[str, ...], Callable[[Array], NDArray[np.bool_]], str], ...]] = {
    "ZCOR": (
        (("r",), lambda x: np.abs(x) >= 1, "a correlation that is transformed lies between -1 and 1"),
        (("n",), lambda x: x <= 3, "Fisher's z needs more than 3"),
    ),
    "COR": ((("r",), lambda x: np.abs(x) > 1, "a correlation lies between -1 and 1"),),
    "SMCC": ((("r",), lambda x: np.abs(x) > 1, "a correlation lies between -1 and 1"),),
    "SMCR": ((("r",), lambda x: np.abs(x) > 1, "a correlation lies between -1 and 1"),),
    "MC": ((("r",), lambda x: np.abs(x) > 1, "a correlation lies between -1 and 1"),),
    "SMD": ((("n1", "n2"), lambda x: x < 2, "a standard deviation needs at least 2 members"),),
}
_COUNTS = frozenset({"a", "b", "c", "d", "n1", "n2", "x", "n", "x1", "x2"})
_USED_BY = {
    "ratio": {"OR", "RR", "HR", "IRR"}, "f_value": {"SMD"},
}  # fmt: skip


def check_values(table: StudyTable, measure: str) -> None:
    """Refuse the first value that cannot be.

    Raises
    ------
    DataError
        With file, row, column, value and what is wrong.
    """
    for names, wrong, words in (*_LIMITS, *_FOR_MEASURE.get(measure, ())):
        for role in names:
            if role not in table.roles or role in table.rivals or measure not in _USED_BY.get(role, {measure}):
                continue
            values = table.numbers(role)
            for i in np.flatnonzero(np.isfinite(values) & wrong(values)):
                raise _refusal(table, int(i), table.roles[role], values[i], words)
    _check_counts(table)
    _check_totals(table)
    _check_intervals(table)


def check_p_values(table: StudyTable, rows: Sequence[int]) -> None:
    """Refuse a p-value that is used (in these rows) and cannot be."""
    for i in rows:
        value = table.numbers("p")[i]
        if not 0 < value <= 1:
            raise _refusal(table, i, table.roles["p"], value, "a p-value lies above 0 and at most at 1")


def _check_counts(table: StudyTable) -> None:
    for role in sorted(_COUNTS & table.roles.keys() - table.rivals.keys()):
        column = table.roles[role]
        for i, text in enumerate(table.text(column)):
            if text is not None and text.endswith("%"):
                raise DataError(f"{table.at(i, column)}: {text!r} is a percentage; write the number of people")


def _check_totals(table: StudyTable) -> None:
    for events, total in (("a", "n1"), ("c", "n2"), ("x", "n")):
        if {events, total} <= set(table.roles) - set(table.rivals):
            x, n = table.numbers(events), table.numbers(total)
            for i in np.flatnonzero(x > n):
                raise _refusal(table, int(i), table.roles[events], x[i], f"more events than the {n[i]:g} of its group")


def _check_intervals(table: StudyTable) -> None:
    if set(table.rivals) & {"ci_low", "ci_high", "ratio", "estimate"}:
        return
    low, high = table.numbers("ci_low"), table.numbers("ci_high")
    for i in np.flatnonzero(low >= high):
        raise _refusal(table, int(i), table.roles["ci_low"], low[i], f"not below the upper bound {high[i]:g}")
    centre = table.numbers("ratio" if "ratio" in table.roles else "estimate")
    for i in np.flatnonzero((centre < low) | (centre > high)):
        column = table.roles["ratio" if "ratio" in table.roles else "estimate"]
        raise _refusal(table, int(i), column, centre[i], f"outside its interval {low[i]:g} to {high[i]:g}")


def _refusal(table: StudyTable, i: int, column: str, value: float, words: str) -> DataError:
    return DataError(f"{table.at(i, column)}: {value:g}: {words}; correct it or leave it empty")
