"""An effect and a variance for every row of a study table, from whatever the row reports.

For every row the first complete way is taken, in the order of `_ways`: what the measure is made of (`measures`), the
effect as given (yi with vi or sei), a reported estimate with interval, standard error or p, and the conversions of
`conversions`. Rows that give no way are dropped and named. Nothing is guessed: a measure that the columns leave open
is asked for, and so is the sign of an F or a p.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from assuage.errors import DataError
from assuage.synthesis import conversions
from assuage.synthesis.columns import measure_named
from assuage.synthesis.heterogeneity import Array
from assuage.synthesis.measures import (
    MEASURES,
    Given,
    Measure,
    back_transform,
    hedges_g,
    odds_ratio,
    unbiased_variance,
    with_half,
)
from assuage.synthesis.reading import StudyTable
from assuage.synthesis.values import check_p_values, check_values

SMD_VARIANCES = ("large-sample", "unbiased")
ASYMMETRIC = 0.04
"""An estimate further than this share of its interval from the middle is not in the middle."""
_LOG_SCALE = {name for name, measure in MEASURES.items() if measure.scale == "log"}


_BY_P = {"from estimate and p", "from p, direction and sizes"}


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """A row that gives no effect, and why."""

    line: int
    label: str
    why: str


@dataclass(frozen=True, kw_only=True)
class EffectSet:
    """Effects y (k,) with variances v (k,); `rows` are their rows in the table, `way` how each was found."""

    measure: Measure
    y: Array
    v: Array
    rows: np.ndarray
    labels: tuple[str, ...]
    way: tuple[str, ...]
    dropped: tuple[Dropped, ...]
    notes: tuple[str, ...]
    counts: dict[str, Array] | None
    harmonic_n: float | None = None

    @property
    def k(self) -> int:
        """Number of effects."""
        return int(self.y.size)

    def back(self, value: float) -> float | None:
        """Return a value on the scale people read; None where it is that already."""
        return back_transform(self.measure.name, value, self.harmonic_n)


@dataclass(frozen=True, kw_only=True)
class _Way:
    words: str
    find: Callable[[], tuple[Array, Array]]


def effects_of(
    table: StudyTable,
    *,
    measure: str | None = None,
    level: float = 0.95,
    smd_variance: str = "large-sample",
    drop_double_zeros: bool = False,
) -> EffectSet:
    """Return the effects of a study table; `level` is that of the reported intervals.

    Raises
    ------
    DataError
        The measure is not known or left open by the columns, a value cannot be, or no row gives an effect.
    """
    if smd_variance not in SMD_VARIANCES:
        raise DataError(f"--smd-variance {smd_variance!r} is not known; take {' or '.join(SMD_VARIANCES)}")
    name = _known(measure) if measure else infer_measure(table)
    chosen = MEASURES[name]
    given, notes, counts = _raw(table, chosen, drop_double_zeros=drop_double_zeros)
    check_values(table, name)
    k = len(table.rows)
    y, v, way = np.full(k, np.nan), np.full(k, np.nan), [""] * k
    for candidate in _ways(table, chosen, given, level=level, stated=measure is not None):
        if np.all(np.isfinite(y)):
            break
        with np.errstate(all="ignore"):
            found_y, found_v = candidate.find()
        new = np.isnan(y) & np.isfinite(found_y) & np.isfinite(found_v)
        y, v = np.where(new, found_y, y), np.where(new, found_v, v)
        way = [candidate.words if is_new else old for is_new, old in zip(new, way, strict=True)]
    if smd_variance == "unbiased" and name == "SMD":
        n1, n2 = table.numbers("n1"), table.numbers("n2")
        v = np.where(np.isfinite(n1 + n2) & (np.array(way) != "as given"), unbiased_variance(y, n1, n2), v)
    check_p_values(table, [i for i in range(k) if way[i] in _BY_P])
    _require_variances(table, y, v)
    rows = np.flatnonzero(np.isfinite(y))
    if rows.size == 0:
        needs = " ".join(chosen.needs) or "yi and vi"
        raise DataError(
            f"{table.source}: no row gives an effect of measure {name}; it needs {needs}"
            f", or yi with vi or sei; the columns are {', '.join(table.header)}"
        )
    missing = [i for i in range(k) if i not in set(rows.tolist())]
    sizes = table.numbers("n")[rows] if name == "PFT" else np.zeros(1)
    return EffectSet(
        measure=chosen, y=y[rows], v=v[rows], rows=rows, labels=tuple(table.labels[i] for i in rows),
        way=tuple(way[i] for i in rows),
        dropped=tuple(Dropped(line=table.lines[i], label=table.labels[i], why=_why(table, given, i)) for i in missing),
        notes=(*notes, *_way_notes([way[i] for i in rows])),
        counts=None if counts is None else {key: values[rows] for key, values in counts.items()},
        harmonic_n=float(1 / np.mean(1 / sizes)) if np.all(sizes > 0) else None,
    )  # fmt: skip


def _known(measure: str) -> str:
    name = measure.upper()
    if name not in MEASURES:
        raise DataError(f"--measure {measure!r} is not known; take one of {', '.join(MEASURES)}")
    return name


def infer_measure(table: StudyTable) -> str:
    """Return the measure that the columns say.

    Raises
    ------
    DataError
        They leave it open.
    """
    has = set(table.roles)
    named = {role: measure_named(column) for role, column in table.roles.items()}
    spread = bool(has & {"vi", "sei"})
    reported = bool(has & {"yi", "estimate"}) and bool(has & {"vi", "sei", "ci_low", "p"})
    said: tuple[tuple[bool, str], ...] = (
        ("yi" in has and spread, named.get("yi") or "GEN"),
        ("ratio" in has, named.get("ratio") or "OR"),
        (bool(has & {"g_value", "d_value"}) and (spread or {"n1", "n2"} <= has), "SMD"),
        (reported, named.get("yi") or "GEN"),
        ({"x1", "t1", "x2", "t2"} <= has, "IRR"),
        ({"a", "c"} <= has, "counts of two groups: OR, RR or RD"),
        ({"m1", "m2", "r"} <= has and "n1" not in has, "two means of one group: SMCC, SMCR or MC"),
        ({"m1", "m2"} <= has, "two means: SMD, MD or ROM"),
        ({"x", "n"} <= has, "events of one group: PLO or PR"),
        ({"r", "n"} <= has, "ZCOR"),
        ({"t_value", "n1", "n2"} <= has, "SMD"),
        ({"m", "sd", "n"} <= has, "MN"),
    )
    answer = next((words for there, words in said if there), None)
    if answer is None:
        raise DataError(
            f"{table.source}: the columns {', '.join(table.header)} give no effect; name them as in "
            "docs/meta_analysis.md, for example yi and vi, or say which is which: --columns estimate=NAME,sei=NAME"
        )
    what, colon, choices = answer.partition(": ")
    if colon:
        raise DataError(f"{table.source} gives {what}: which effect is meant is open; write --measure {choices}")
    if answer == "GEN" and "estimate" in has:
        _refuse_ratios(table)
    return answer


def _asymmetry(table: StudyTable) -> tuple[float, float] | None:
    """Return how far reported estimates lie from the middle of their intervals, plainly and on the log scale.

    Median over studies of distance/width; None without two intervals, or where a bound is not above 0.
    """
    y = table.numbers("estimate")
    low, high = table.numbers("ci_low"), table.numbers("ci_high")
    whole = np.isfinite(y + low + high)
    if np.sum(whole) < 2 or np.any(low[whole] <= 0):
        return None
    y, low, high = y[whole], low[whole], high[whole]
    plain = np.median(np.abs((low + high) / 2 - y) / (high - low))
    logged = np.median(np.abs((np.log(low) + np.log(high)) / 2 - np.log(y)) / np.log(high / low))
    return float(plain), float(logged)


def _refuse_ratios(table: StudyTable) -> None:
    """Refuse reported intervals that are symmetric about the estimate only on the log scale."""
    found = _asymmetry(table)
    if found and found[0] > ASYMMETRIC and found[1] < found[0] / 3:
        raise DataError(
            f"{table.source}: the intervals are symmetric on the log scale, as those of ratios; write --measure OR, RR "
            "or HR to pool their logarithms, or --measure GEN to pool the values as they are"
        )


def _estimates_are_ratios(table: StudyTable, name: str) -> bool:
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
    if found and max(found) > ASYMMETRIC and min(found) < max(found) / 3:
        return found[1] < found[0]
    column = table.roles["estimate"]
    raise DataError(
        f"{table.source}: column {column} could hold {name} or log {name}; say which: --columns ratio={column} or "
        f"--columns yi={column} (logarithms)"
    )


def _raw(
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
        for arm in ("1", "2"):
            from_se = get(f"se{arm}") * np.sqrt(given[f"n{arm}"])
            given[f"sd{arm}"] = np.where(np.isnan(given[f"sd{arm}"]), from_se, given[f"sd{arm}"])
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


def _ways(table: StudyTable, measure: Measure, given: Given | None, *, level: float, stated: bool) -> list[_Way]:
    """Return the ways to an effect, best first: raw data first where the measure was stated, else yi and vi."""
    raw: list[_Way] = []
    compute = measure.compute
    if given is not None and compute is not None:
        raw.append(_Way(words="computed from " + " ".join(measure.needs), find=lambda: compute(given)))
    as_given = [_Way(words="as given", find=lambda: _as_given(table, measure))]
    reported = [
        _Way(words="from estimate and interval", find=lambda: _reported(table, measure, level, "ci")),
        _Way(words="from estimate and standard error", find=lambda: _reported(table, measure, level, "se")),
        _Way(words="from estimate and p", find=lambda: _reported(table, measure, level, "p")),
    ]
    converted = [_Way(words=words, find=partial(find, table)) for words, find in _CONVERTED.get(measure.name, ())]
    return [*raw, *as_given, *reported, *converted] if stated else [*as_given, *raw, *reported, *converted]


def _as_given(table: StudyTable, measure: Measure) -> tuple[Array, Array]:
    y = table.numbers("yi")
    if measure.name == "SMD":
        y = np.where(np.isnan(y), table.numbers("g_value"), y)
        y = np.where(np.isnan(y) & np.isfinite(table.numbers("vi") + table.numbers("sei")), table.numbers("d_value"), y)
    return y, np.where(np.isnan(table.numbers("vi")), table.numbers("sei") ** 2, table.numbers("vi"))


def _reported(table: StudyTable, measure: Measure, level: float, by: str) -> tuple[Array, Array]:
    """Return effects from a reported estimate: logs of a ratio with logs of its bounds, or as they are."""
    y = table.numbers("estimate")
    low, high = table.numbers("ci_low"), table.numbers("ci_high")
    ratio = table.numbers("ratio") if measure.name in _LOG_SCALE else np.full_like(y, np.nan)
    if measure.name in _LOG_SCALE and not np.any(np.isfinite(ratio)) and _estimates_are_ratios(table, measure.name):
        ratio = y
    if np.any(np.isfinite(ratio)):
        y, low, high = np.log(ratio), np.log(low), np.log(high)
    y = np.where(np.isnan(y), table.numbers("yi"), y)
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
    given, _, _ = _raw(table, MEASURES["OR"], drop_double_zeros=False)
    if given is None:
        return np.full(len(table.rows), np.nan), np.full(len(table.rows), np.nan)
    return conversions.d_from_log_odds(*odds_ratio(given))


def _smd_from_ratio(table: StudyTable) -> tuple[Array, Array]:
    nothing = np.full(len(table.rows), np.nan)
    if "ratio" not in table.roles or measure_named(table.roles["ratio"]) != "OR":
        return nothing, nothing
    y = np.log(table.numbers("ratio"))
    v = conversions.se_from_interval(np.log(table.numbers("ci_low")), np.log(table.numbers("ci_high")), 0.95) ** 2
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
    given, _, _ = _raw(table, MEASURES["SMD"], drop_double_zeros=False)
    compute = MEASURES["SMD"].compute
    if given is None or compute is None:
        return np.full(len(table.rows), np.nan), np.full(len(table.rows), np.nan)
    return conversions.log_odds_from_d(*compute(given))


_CONVERTED: dict[str, Sequence[tuple[str, Callable[[StudyTable], tuple[Array, Array]]]]] = {
    "SMD": (
        ("from d and sizes", _smd_from_d),
        ("from g and sizes", _smd_from_g),
        ("from t and sizes", _smd_from_t),
        ("from F, direction and sizes", _smd_from_f),
        ("from p, direction and sizes", _smd_from_p),
        ("from counts (Hasselblad and Hedges 1995)", _smd_from_table),
        ("from odds ratio and interval (Hasselblad and Hedges 1995)", _smd_from_ratio),
        ("from r and n (Borenstein et al. 2009)", _smd_from_r),
    ),
    "ZCOR": (("from t and n", _zcor_from_t),),
    "COR": (("from t and n", _cor_from_t),),
    "OR": (("from means (Hasselblad and Hedges 1995)", _log_odds_from_means),),
}


def _require_variances(table: StudyTable, y: Array, v: Array) -> None:
    for i in np.flatnonzero(np.isfinite(y) & ~(v > 0)):
        raise DataError(
            f"{table.source} row {table.lines[i]} ({table.labels[i]}): the variance of the effect is {v[i]:g}; "
            "it has to be above 0, correct the row or leave its values empty"
        )


def _why(table: StudyTable, given: Given | None, i: int) -> str:
    gaps = [role for role, column in table.roles.items() if table.text(column)[i] is None]
    if given is not None and not any(np.isnan(values[i]) for values in given.values()):
        return "its values give no effect"
    return f"no value of {', '.join(sorted(table.roles[role] for role in gaps))}" if gaps else "left out"


def _way_notes(way: Sequence[str]) -> list[str]:
    kinds = list(dict.fromkeys(way))
    if len(kinds) == 1 and (kinds[0] == "as given" or kinds[0].startswith("computed")):
        return []
    return [f"{way.count(kind)} effect(s) {kind}" for kind in kinds]
