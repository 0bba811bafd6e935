"""An effect and a variance for every row of a study table, from whatever the row reports.

For every row the first complete way is taken, in the order of `row_ways`: what the measure is made of (`measures`), the
effect as given (yi with vi or sei), a reported estimate with interval, standard error or p, and the conversions of
`conversions`. Rows that give no way are dropped and named. A measure that the columns leave open is the usual one, and
that is said; the sign of an F or a p is asked for.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assuage.errors import DataError
from assuage.synthesis.arm_names import has_groups
from assuage.synthesis.columns import open_groups, plain
from assuage.synthesis.heterogeneity import Array
from assuage.synthesis.magnitude import require_comparable
from assuage.synthesis.measure_choice import Inferred, default_notes, infer_measure, known_measure, with_ratios
from assuage.synthesis.measures import (
    MEASURES,
    Given,
    Measure,
    back_transform,
    unbiased_variance,
)
from assuage.synthesis.reading import StudyTable
from assuage.synthesis.row_ways import BY_P, converted_ways, could_be_converted, people_of, raw_values, ways_of
from assuage.synthesis.stated_intervals import interval_notes
from assuage.synthesis.study_rows import refuse_totals
from assuage.synthesis.values import check_p_values, check_values

SMD_VARIANCES = ("large-sample", "unbiased")


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """A row that gives no effect, and why."""

    line: int
    label: str
    why: str


@dataclass(frozen=True, kw_only=True)
class EffectSet:
    """Effects y (k,) with variances v (k,); `rows` are their rows in the table, `way` how each was found.

    `other_measures` are what the same columns give as well, where none was asked for; `people` (k,) are in the study,
    nan where the table does not say.
    """

    measure: Measure
    y: Array
    v: Array
    rows: np.ndarray
    labels: tuple[str, ...]
    way: tuple[str, ...]
    dropped: tuple[Dropped, ...]
    notes: tuple[str, ...]
    people: Array
    counts: dict[str, Array] | None
    harmonic_n: float | None = None
    other_measures: tuple[str, ...] = ()

    @property
    def k(self) -> int:
        """Number of effects."""
        return int(self.y.size)

    def back(self, value: float) -> float | None:
        """Return a value on the scale people read; None where it is that already."""
        return back_transform(self.measure.name, value, self.harmonic_n)


def effects_of(
    table: StudyTable,
    *,
    measure: str | None = None,
    level: float = 0.95,
    smd_variance: str = "large-sample",
    drop_double_zeros: bool = False,
    convert: bool = False,
) -> EffectSet:
    """Return the effects of a study table; `level` is that of the reported intervals.

    `convert` also takes rows that report another kind of outcome (counts or correlations as SMD, means as odds ratios).

    Raises
    ------
    DataError
        The measure is not known, a value cannot be, or no row gives an effect.
    """
    if smd_variance not in SMD_VARIANCES:
        raise DataError(f"--smd-variance {smd_variance!r} is not known; take {' or '.join(SMD_VARIANCES)}")
    meant = Inferred(name=known_measure(measure)) if measure else _inferred(table)
    name = meant.name
    chosen = MEASURES[name]
    table = with_ratios(table, name)
    given, notes, counts = raw_values(table, chosen, drop_double_zeros=drop_double_zeros)
    check_values(table, name)
    k = len(table.rows)
    y, v, way = np.full(k, np.nan), np.full(k, np.nan), [""] * k
    ways = ways_of(table, chosen, given, level=level, stated=measure is not None)
    others = converted_ways(table, name, level)
    for candidate in [*ways, *others] if convert else ways:
        if np.all(np.isfinite(y)):
            break
        with np.errstate(all="ignore"):
            found_y, found_v = candidate.find()
        new = np.isnan(y) & np.isfinite(found_y) & np.isfinite(found_v)
        y, v = np.where(new, found_y, y), np.where(new, found_v, v)
        way = [candidate.words if is_new else old for is_new, old in zip(new, way, strict=True)]
    if smd_variance == "unbiased" and name == "SMD":
        n1, n2 = table.numbers("n1"), table.numbers("n2")
        in_sizes = np.array([words.startswith("computed") or words.endswith("sizes") for words in way])
        v = np.where(in_sizes, unbiased_variance(y, n1, n2), v)
    check_p_values(table, [i for i in range(k) if way[i] in BY_P])
    _require_variances(table, y, v)
    rows = np.flatnonzero(np.isfinite(y))
    if rows.size == 0:
        _ask_for_groups(table)
        needs = " ".join(chosen.needs) or "yi and vi"
        raise DataError(
            f"{table.source}: no row gives an effect of measure {name}; it needs {needs}"
            f", or yi with vi or sei; the columns are {', '.join(table.header)}"
        )
    refuse_totals(table, rows.tolist())
    places = [f"{table.source} row {table.lines[i]} ({table.labels[i]})" for i in rows]
    require_comparable(y[rows], v[rows], places, is_log=chosen.scale == "log")
    missing = [i for i in range(k) if i not in set(rows.tolist())]
    notes = [*default_notes(table, meant), *notes]
    notes += [] if convert else could_be_converted(others, missing, name)
    found_ways = [way[i] for i in rows]
    notes += interval_notes(
        table, rows.tolist(), y[rows], v[rows], is_ratio=chosen.scale == "log", way=found_ways, level=level
    )
    sizes = table.numbers("n")[rows] if name == "PFT" else np.zeros(1)
    return EffectSet(
        measure=chosen, y=y[rows], v=v[rows], rows=rows, labels=tuple(table.labels[i] for i in rows),
        way=tuple(found_ways),
        dropped=tuple(Dropped(line=table.lines[i], label=table.labels[i], why=_why(table, given, i)) for i in missing),
        notes=(*notes, *_way_notes(found_ways), *_third_arms(table), *_several_pairs(table, rows.tolist())),
        people=people_of(table)[rows],
        counts=None if counts is None else {key: values[rows] for key, values in counts.items()},
        harmonic_n=float(1 / np.mean(1 / sizes)) if np.all(sizes > 0) else None,
        other_measures=meant.others,
    )  # fmt: skip


def _inferred(table: StudyTable) -> Inferred:
    try:
        return infer_measure(table)
    except DataError:
        _ask_for_groups(table)
        raise


def _ask_for_groups(table: StudyTable) -> None:
    if not has_groups(set(table.roles)) and (groups := open_groups(table.header)):
        raise DataError(f"{table.source} gives {groups}")


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
    if gaps:
        return f"no value of {', '.join(sorted(table.roles[role] for role in gaps))}"
    if "p" in table.roles.keys() - table.rivals.keys() and not 0 < (p := table.numbers("p")[i]) <= 1:
        return f"a p of {p:g} gives no effect; it lies above 0 and at most at 1"
    return "left out"


def _way_notes(way: Sequence[str]) -> list[str]:
    kinds = list(dict.fromkeys(way))
    if len(kinds) == 1 and (kinds[0] == "as given" or kinds[0].startswith("computed")):
        return []
    return [f"{way.count(kind)} effect(s) {kind}" for kind in kinds]


def _third_arms(table: StudyTable) -> list[str]:
    """Say which studies have a third arm (r3 beside r1 and r2), which nothing here uses."""
    by_name = {plain(name): name for name in table.header}
    own = [plain(table.roles[role]) for role in ("c", "m2", "x2", "n2") if role in table.roles]
    beside = [re.sub(r"2(i?)$", r"3\1", name) for name in own if re.search(r"2i?$", name)]
    columns = [by_name[key] for key in beside if key in by_name and by_name[key] not in table.roles.values()]
    with_third = [
        label for i, label in enumerate(table.labels) if any(table.text(name)[i] is not None for name in columns)
    ]
    if not with_third:
        return []
    return [
        f"{len(with_third)} study(ies) have a third arm ({', '.join(dict.fromkeys(columns))}), which is left out here: "
        f"{', '.join(with_third)}; assuage evidence nma takes every arm"
    ]


def _several_pairs(table: StudyTable, rows: Sequence[int]) -> list[str]:
    """Say that rows compare several pairs of treatments, or one in both directions, where treat1 and treat2 tell."""
    by_name = {plain(name): name for name in table.header}
    stems = ("treat", "treatment", "trt", "arm", *(() if "x1" in table.roles else ("t",)))
    stem = next((stem for stem in stems if {f"{stem}1", f"{stem}2"} <= by_name.keys()), None)
    if stem is None:
        return []
    one, two = (table.text(by_name[f"{stem}{arm}"]) for arm in "12")
    pairs = {frozenset((one[i], two[i])) for i in rows}
    if len(pairs) > 1:
        return [
            f"the rows compare {len(pairs)} different pairs of treatments ({by_name[f'{stem}1']}, "
            f"{by_name[f'{stem}2']}), and one mean over them is shown; assuage evidence nma keeps them apart"
        ]
    first, second = one[rows[0]], two[rows[0]]
    turned = sum((one[i], two[i]) == (second, first) for i in rows)
    if not turned or first == second:
        return []
    return [
        f"{turned} of {len(rows)} rows compare {second} with {first}, the others {first} with {second}, and one mean "
        "over them is shown; effects of the first against the second have opposite signs, and assuage evidence nma "
        "turns them"
    ]
