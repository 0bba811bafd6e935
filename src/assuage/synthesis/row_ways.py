"""The ways from a row of a study table to an effect and its variance, best first; nan where a row does not give one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from assuage.errors import DataError
from assuage.synthesis import conversions
from assuage.synthesis.columns import measure_named
from assuage.synthesis.heterogeneity import Array
from assuage.synthesis.measure_choice import estimates_are_ratios
from assuage.synthesis.measures import MEASURES, Given, Measure, exact_j, hedges_g, odds_ratio, standardised, with_half
from assuage.synthesis.reading import StudyTable

_LOG_SCALE = {name for name, measure in MEASURES.items() if measure.scale == "log"}
BY_P = {"from estimate and p", "from p, direction and sizes"}
"""Ways that use a p-value."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way, in words, and what finds y and v of every row by it."""

    words: str
    find: Callable[[], tuple[Array, Array]]


def raw_values(
    table: StudyTable, measure: Measure, *, drop_double_zeros: bool
) -> tuple[dict[str, Array] | None, list[str], dict[str, Array] | None]:
    """Return what the measure is made of with ½ added where due, what to say about it, and the counts as they were."""
    get = table.numbers
    given: dict[str, Array]
    if "a" in measure.needs:
        a, c = get("a"), get("c")
        b = np.where(np.isnan(get("b")), get("n1") - a, get("b"))
        d = np.where(np.isnan(get("d")), get("n2") - c, get("d"))
        given = {"a": a, "b": b, "c": c, "d": d}
    elif measure.needs == ("m1", "sd1", "n1", "m2", "sd2", "n2"):
        given = {role: get(role) for role in measure.needs}
        for arm in "12":
            given[f"sd{arm}"] = _deviation(table, arm)
    elif measure.needs:
        given = {role: get(role) for role in measure.needs}
    else:
        return None, [], None
    if not np.any(np.isfinite(sum(given.values()))):
        return None, [], None
    counts = dict(given) if {"a", "x1"} & set(given) else None
    notes = []
    if "a" in given:
        silent = ((given["a"] == 0) & (given["c"] == 0)) | ((given["b"] == 0) & (given["d"] == 0))
        if np.any(silent) and measure.name != "RD":
            names = ", ".join(table.labels[i] for i in np.flatnonzero(silent))
            notes.append(f"{int(silent.sum())} study(ies) without events, or with events only, in both arms "
                         f"{'are left out' if drop_double_zeros else 'are kept with ½ added'}: {names}")  # fmt: skip
            if drop_double_zeros:
                given = {key: np.where(silent, np.nan, values) for key, values in given.items()}
    given, changed = with_half(measure.name, given)
    if np.any(changed):
        names = ", ".join(table.labels[i] for i in np.flatnonzero(changed))
        notes.append(f"½ added to the cells of {int(changed.sum())} study(ies) with a zero: {names}")
    return given, notes, counts


def people_of(table: StudyTable) -> Array:
    """Return how many people are in every row (k,), nan where the table does not say."""

    def sum_of(*roles: str) -> Array:
        known = set(roles) <= table.roles.keys() - table.rivals.keys()
        return np.sum([table.numbers(role) for role in roles], axis=0) if known else np.full(len(table.rows), np.nan)

    found = sum_of("n1", "n2")
    for roles in (("a", "b", "c", "d"), ("n",)):
        found = np.where(np.isnan(found), sum_of(*roles), found)
    return found


def _deviation(table: StudyTable, arm: str) -> Array:
    """Return the standard deviations of an arm: as given, of the standard error of its mean, or of the variance."""
    given, error = table.numbers(f"sd{arm}"), table.numbers(f"se{arm}") * np.sqrt(table.numbers(f"n{arm}"))
    given = np.where(np.isnan(given), error, given)
    return np.where(np.isnan(given), np.sqrt(table.numbers(f"var{arm}")), given)


def ways_of(table: StudyTable, measure: Measure, given: Given | None, *, level: float, stated: bool) -> list[Way]:
    """Return the ways to an effect, best first: raw data first where the measure was stated, else yi and vi."""
    raw: list[Way] = []
    compute = measure.compute
    if given is not None and compute is not None:
        raw.append(Way(words="computed from " + " ".join(measure.needs), find=lambda: compute(given)))
    as_given = [Way(words="as given", find=lambda: _as_given(table, measure))]
    reported = [
        Way(words="from estimate and interval", find=lambda: _reported(table, measure, level, "ci")),
        Way(words=_by_error(table, measure), find=lambda: _reported(table, measure, level, "se")),
        Way(words="from estimate and p", find=lambda: _reported(table, measure, level, "p")),
    ]
    tests = [Way(words=words, find=partial(find, table)) for words, find in _FROM_TESTS.get(measure.name, ())]
    return [*raw, *as_given, *reported, *tests] if stated else [*as_given, *raw, *reported, *tests]


def _by_error(table: StudyTable, measure: Measure) -> str:
    of_ratio = "ratio" in table.roles and measure.name in _LOG_SCALE
    return f"from {'ratio' if of_ratio else 'estimate'} and standard error{' of its logarithm' if of_ratio else ''}"


def converted_ways(table: StudyTable, name: str, level: float) -> list[Way]:
    """Return the ways to an effect from another kind of outcome."""
    if name == "SMD":
        return [
            Way(words="from counts (Hasselblad and Hedges 1995)", find=lambda: _smd_from_table(table)),
            Way(words="from odds ratio (Hasselblad and Hedges 1995)", find=lambda: _smd_from_ratio(table, level)),
            Way(words="from r and n (Borenstein et al. 2009)", find=lambda: _smd_from_r(table)),
        ]
    if name == "OR":
        return [Way(words="from means (Hasselblad and Hedges 1995)", find=lambda: _log_odds_from_means(table))]
    return []


def could_be_converted(others: Sequence[Way], missing: Sequence[int], name: str) -> list[str]:
    """Say which dropped rows `--convert` would take."""
    count = 0
    for i in missing:
        with np.errstate(all="ignore"):
            count += any(bool(np.isfinite(way.find()[1][i])) for way in others)
    return [f"{count} dropped row(s) report another kind of outcome: --convert turns it into {name}"] if count else []


def _as_given(table: StudyTable, measure: Measure) -> tuple[Array, Array]:
    y = table.numbers("yi")
    v = np.where(np.isnan(table.numbers("vi")), table.numbers("sei") ** 2, table.numbers("vi"))
    if measure.name == "SMD":
        for role in ("g_value", "d_value"):
            y = np.where(np.isnan(y), table.numbers(role), y)
    return y, v


def reported_interval(table: StudyTable, measure: Measure) -> tuple[Array, Array, Array]:
    """Return reported estimates and bounds (k,): logs of a ratio with logs of its bounds, or as they are."""
    y = table.numbers("estimate")
    low, high = table.numbers("ci_low"), table.numbers("ci_high")
    ratio = table.numbers("ratio") if measure.name in _LOG_SCALE else np.full_like(y, np.nan)
    if measure.name in _LOG_SCALE and not np.any(np.isfinite(ratio)) and estimates_are_ratios(table, measure.name):
        ratio = y
    if np.any(np.isfinite(ratio)):
        y, low, high = np.log(ratio), np.log(low), np.log(high)
    return np.where(np.isnan(y), table.numbers("yi"), y), low, high


def _reported(table: StudyTable, measure: Measure, level: float, by: str) -> tuple[Array, Array]:
    """Return effects from a reported estimate, with its interval, its standard error or its p."""
    y, low, high = reported_interval(table, measure)
    if by == "ci":
        return y, conversions.se_from_interval(low, high, level) ** 2
    if by == "se":
        return y, np.where(np.isnan(table.numbers("sei")), np.sqrt(table.numbers("vi")), table.numbers("sei")) ** 2
    return y, conversions.se_from_p(y, table.numbers("p")) ** 2


def _arms(table: StudyTable) -> tuple[Array, Array]:
    return table.numbers("n1"), table.numbers("n2")


def _sign(table: StudyTable) -> Array:
    """Return +1 or −1 of `direction`, which may be a number, + or −, or a word; nan where it is not said."""
    if "direction" not in table.roles:
        return np.full(len(table.rows), np.nan)
    words = {
        "+": 1.0,
        "-": -1.0,
        "positive": 1.0,
        "negative": -1.0,
        "pos": 1.0,
        "neg": -1.0,
        "1": 1.0,
        "-1": -1.0,
        "+1": 1.0,
    }
    column = table.roles["direction"]
    result = np.full(len(table.rows), np.nan)
    for i, row in enumerate(table.rows):
        text = row[column].strip().lower().replace("−", "-")
        if text and text not in words:
            raise DataError(f"{table.at(i, column)}: {row[column]!r} is no direction; write + or -")
        result[i] = words.get(text, np.nan)
    return result


def _smd_from_d(table: StudyTable) -> tuple[Array, Array]:
    return hedges_g(table.numbers("d_value"), *_arms(table))


def _smd_from_g(table: StudyTable) -> tuple[Array, Array]:
    n1, n2 = _arms(table)
    g = np.where(np.isnan(table.numbers("g_value")), table.numbers("yi"), table.numbers("g_value"))
    return g, 1 / n1 + 1 / n2 + g**2 / (2 * (n1 + n2))


def _smd_from_t(table: StudyTable) -> tuple[Array, Array]:
    n1, n2 = _arms(table)
    return hedges_g(conversions.d_from_t(table.numbers("t_value"), n1, n2), n1, n2)


def _smd_from_f(table: StudyTable) -> tuple[Array, Array]:
    n1, n2 = _arms(table)
    return hedges_g(conversions.d_from_t(conversions.t_from_f(table.numbers("f_value"), _sign(table)), n1, n2), n1, n2)


def _smd_from_p(table: StudyTable) -> tuple[Array, Array]:
    n1, n2 = _arms(table)
    t = conversions.t_from_p(table.numbers("p"), n1 + n2 - 2, _sign(table))
    return hedges_g(conversions.d_from_t(t, n1, n2), n1, n2)


def _smd_from_table(table: StudyTable) -> tuple[Array, Array]:
    given, _, _ = raw_values(table, MEASURES["OR"], drop_double_zeros=False)
    if given is None:
        return np.full(len(table.rows), np.nan), np.full(len(table.rows), np.nan)
    return conversions.d_from_log_odds(*odds_ratio(given))


def _smd_from_ratio(table: StudyTable, level: float) -> tuple[Array, Array]:
    nothing = np.full(len(table.rows), np.nan)
    if "ratio" not in table.roles or measure_named(table.roles["ratio"]) != "OR":
        return nothing, nothing
    y = np.log(table.numbers("ratio"))
    v = conversions.se_from_interval(np.log(table.numbers("ci_low")), np.log(table.numbers("ci_high")), level) ** 2
    return conversions.d_from_log_odds(y, v)


def _smd_from_r(table: StudyTable) -> tuple[Array, Array]:
    r, n = table.numbers("r"), table.numbers("n")
    return conversions.d_from_r(r, (1 - r**2) ** 2 / (n - 1))


def _r_of_t(table: StudyTable) -> Array:
    return conversions.r_from_t(table.numbers("t_value"), table.numbers("n") - 2)


def _zcor_from_t(table: StudyTable) -> tuple[Array, Array]:
    return np.arctanh(_r_of_t(table)), 1 / (table.numbers("n") - 3)


def _cor_from_t(table: StudyTable) -> tuple[Array, Array]:
    r = _r_of_t(table)
    return r, (1 - r**2) ** 2 / (table.numbers("n") - 1)


def _log_odds_from_means(table: StudyTable) -> tuple[Array, Array]:
    """Return log odds ratios of Cohen's d (not corrected for small samples, as the source has it)."""
    given, _, _ = raw_values(table, MEASURES["SMD"], drop_double_zeros=False)
    if given is None:
        return np.full(len(table.rows), np.nan), np.full(len(table.rows), np.nan)
    n1, n2 = given["n1"], given["n2"]
    d = standardised(given)[0] / exact_j(n1 + n2 - 2)
    return conversions.log_odds_from_d(d, 1 / n1 + 1 / n2 + d**2 / (2 * (n1 + n2)))


_FROM_TESTS: dict[str, Sequence[tuple[str, Callable[[StudyTable], tuple[Array, Array]]]]] = {
    "SMD": (
        ("from d and sizes", _smd_from_d),
        ("from g and sizes", _smd_from_g),
        ("from t and sizes", _smd_from_t),
        ("from F, direction and sizes", _smd_from_f),
        ("from p, direction and sizes", _smd_from_p),
    ),
    "ZCOR": (("from t and n", _zcor_from_t),),
    "COR": (("from t and n", _cor_from_t),),
}
