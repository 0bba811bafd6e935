"""Which measure a table means, and whether its estimates are ratios or their logarithms: read off, or asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from assuage.errors import DataError
from assuage.synthesis import conversions
from assuage.synthesis.columns import measure_named, plain
from assuage.synthesis.heterogeneity import Array
from assuage.synthesis.measures import MEASURES
from assuage.synthesis.reading import StudyTable

SCALES_APART = 3.0
"""Standard deviations on one scale seldom differ more than this many times between studies (our judgement)."""

ROUNDING = 0.00501
"""Error of a ratio, and of a logarithm, that is given to two decimals."""

_ARMS_NAMED = ("treatment", "treat", "trt", "trtc", "trtn", "arm", "intervention", "drug")
_MAY_BE_ARMS = ("group", "grp", "condition")
_ALSO_CALLED = {"OR2DL": "OR2D", "HEDGES": "SMD", "G": "SMD", "LOR": "OR", "LRR": "RR", "LNOR": "OR", "LNRR": "RR"}


def known_measure(measure: str) -> str:
    """Return the name of a measure as `MEASURES` spells it.

    Raises
    ------
    DataError
        There is no such measure.
    """
    name = _ALSO_CALLED.get(measure.upper(), measure.upper())
    if name not in MEASURES:
        raise DataError(f"--measure {measure!r} is not known; take one of {', '.join(MEASURES)}")
    return name


@dataclass(frozen=True, kw_only=True)
class Inferred:
    """The measure that the columns say, or the usual one of `others`, which the same columns give as well."""

    name: str
    others: tuple[str, ...] = ()


_COUNTS = Inferred(name="OR", others=("RR", "RD"))
_CHANGE = Inferred(name="MC", others=("SMCC", "SMCR"))
_MEANS = Inferred(name="MD", others=("SMD", "ROM"))
_EVENTS = Inferred(name="PLO", others=("PR",))


def infer_measure(table: StudyTable) -> Inferred:
    """Return the measure that the columns say; where they leave it open, the usual one and the others.

    The usual ones are those of `assuage evidence nma`: the odds ratio of counts and the difference of means.

    Raises
    ------
    DataError
        The columns give no effect, or the rows are arms of studies.
    """
    has = set(table.roles)
    named = {role: measure_named(column) for role, column in table.roles.items()}
    spread = bool(has & {"vi", "sei"})
    reported = bool(has & {"yi", "estimate"}) and bool(has & {"vi", "sei", "ci_low", "p"})
    said: tuple[tuple[bool, Inferred | str], ...] = (
        ("yi" in has and spread, named.get("yi") or _ratio_beside(table) or "GEN"),
        ("ratio" in has, named.get("ratio") or "OR"),
        (bool(has & {"g_value", "d_value"}) and (spread or {"n1", "n2"} <= has), "SMD"),
        (reported, named.get("yi") or "GEN"),
        ({"x1", "t1", "x2", "t2"} <= has, "IRR"),
        ({"a", "c"} <= has, _COUNTS),
        ({"m1", "m2", "r"} <= has and "n1" not in has, _CHANGE),
        ({"m1", "m2"} <= has, _MEANS),
        ({"x", "n"} <= has, _EVENTS),
        ({"r", "n"} <= has, "ZCOR"),
        ({"t_value", "n1", "n2"} <= has, "SMD"),
        ({"m", "sd", "n"} <= has, "MN"),
    )
    answer = next((answer for there, answer in said if there), "")
    meant = answer if isinstance(answer, Inferred) else Inferred(name=answer)
    name = meant.name
    arms = _treatments_in(table)
    of_counts = name == "ZCOR" and bool(np.any(np.abs(table.numbers("r")) > 1))
    if arms and (name in {"", "MN", "PLO"} or of_counts):
        raise DataError(
            f"{table.source}: its rows are arms of studies, as column {arms} says; compare them with assuage evidence "
            "nma, write one row for each study, or pool the arms as they are with --measure MN or PLO"
        )
    if not name:
        raise DataError(
            f"{table.source}: the columns {', '.join(table.header)} give no effect; name them as in "
            "docs/meta_analysis.md, for example yi and vi, or say which is which: --columns estimate=NAME,sei=NAME"
        )
    if name == "GEN":
        _refuse_ratios(table)
    return meant


def _ratio_beside(table: StudyTable) -> str | None:
    """Return the measure of a column of ratios whose logarithms are `yi`."""
    if "ratio" not in table.roles:
        return None
    y, ratio = table.numbers("yi"), table.numbers("ratio")
    both = np.isfinite(y) & (ratio > 0)
    y, ratio = y[both], ratio[both]
    same = y.size > 0 and np.all(np.abs(y - np.log(ratio)) <= ROUNDING * (1 + 1 / ratio))
    return measure_named(table.roles["ratio"]) if same else None


def default_notes(table: StudyTable, meant: Inferred) -> list[str]:
    """Return what has to be said of a measure taken because none was asked for."""
    if not meant.others:
        return []
    sd = [table.numbers(role) for role in ("sd1", "sd2") if role in table.roles]
    return [default_said(meant.name, meant.others, np.concatenate(sd) if sd else None)]


def default_said(name: str, others: Sequence[str], sd: Array | None = None) -> str:
    """Return a note that a measure was taken by default; `sd` are the standard deviations of the outcome, any shape."""
    said = (
        f"{name} ({MEASURES[name].words}) is pooled because no measure was asked for; "
        f"others: --measure {', '.join(others)}"
    )
    if name != "MD":
        return said
    some = np.zeros(0) if sd is None else sd[np.isfinite(sd) & (sd > 0)]
    apart = some.size > 0 and some.max() > SCALES_APART * some.min()
    measured = f", yet standard deviations run from {some.min():g} to {some.max():g}" if apart else ""
    return f"{said}; a difference of means needs one scale in all studies{measured}"


def _treatments_in(table: StudyTable) -> str | None:
    """Return the column of treatments of a table in which studies stand in several rows, one for each arm."""
    if len(set(table.labels)) == len(table.labels):
        return None
    named = next((name for name in table.header if plain(name) in _ARMS_NAMED), None)
    return named or next((name for name in table.header if plain(name) in _MAY_BE_ARMS and _parts(table, name)), None)


def _parts(table: StudyTable, column: str) -> bool:
    """Return whether every study has several rows, and a value of its own in each."""
    pairs = list(zip(table.labels, table.text(column), strict=True))
    return len(set(pairs)) == len(pairs) and all(table.labels.count(label) > 1 for label in table.labels)


def _asymmetry(table: StudyTable) -> tuple[float, float] | None:
    """Return how far reported estimates lie from the middle of their intervals, plainly and on the log scale.

    Median over studies of distance/width; None without two intervals, or where a bound is not above 0.
    """
    y = table.numbers("estimate" if "estimate" in table.roles else "yi")
    low, high = table.numbers("ci_low"), table.numbers("ci_high")
    whole = np.isfinite(y + low + high)
    if np.sum(whole) < 2 or np.any(low[whole] <= 0) or np.any(y[whole] <= 0):
        return None
    return conversions.asymmetry(y[whole], low[whole], high[whole])


def _are_ratios(table: StudyTable) -> bool:
    found = _asymmetry(table)
    return found is not None and conversions.are_ratios(found)


def with_ratios(table: StudyTable, name: str) -> StudyTable:
    """Return the table with `yi` as ratios where a ratio is asked for and the intervals are those of ratios."""
    is_log = MEASURES[name].scale == "log"
    if not is_log or "yi" not in table.roles or {"ratio", "estimate"} & table.roles.keys() or not _are_ratios(table):
        return table
    roles = {("ratio" if role == "yi" else role): column for role, column in table.roles.items()}
    return replace(table, roles=roles)


def _refuse_ratios(table: StudyTable) -> None:
    """Refuse reported intervals that are symmetric about the estimate only on the log scale."""
    if _are_ratios(table):
        raise DataError(
            f"{table.source}: the intervals are symmetric on the log scale, as those of ratios; write --measure OR, RR "
            "or HR to pool their logarithms, or --measure GEN to pool the values as they are"
        )


def estimates_are_ratios(table: StudyTable, name: str) -> bool:
    """Return whether the column `estimate` of a ratio measure holds ratios (True) or their logarithms (False).

    Raises
    ------
    DataError
        The values leave it open.
    """
    y, low = table.numbers("estimate"), table.numbers("ci_low")
    if not np.any(np.isfinite(y)):
        return False
    if np.any(y <= 0) or np.any(low <= 0):
        return False
    found = _asymmetry(table)
    if found and conversions.tells_scale(found):
        return found[1] < found[0]
    column = table.roles["estimate"]
    raise DataError(
        f"{table.source}: column {column} could hold {name} or log {name}; say which: --columns ratio={column} or "
        f"--columns yi={column} (logarithms)"
    )
