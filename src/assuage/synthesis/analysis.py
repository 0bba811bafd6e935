"""One call from a study table to everything that is reported of a pairwise meta-analysis."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from assuage.errors import DataError
from assuage.synthesis.design import Design, design_of
from assuage.synthesis.effects import EffectSet, effects_of
from assuage.synthesis.heterogeneity import METHODS, Array
from assuage.synthesis.influence import Deletion, leave_one_out
from assuage.synthesis.multilevel import MultilevelFit, fit_multilevel
from assuage.synthesis.p_curve import PCurve, p_curve
from assuage.synthesis.pooling import TESTS, Coefficients, Fit, pool
from assuage.synthesis.reading import StudyTable
from assuage.synthesis.robust import robust_coefficients
from assuage.synthesis.small_study import FEWEST, SmallStudy, small_study
from assuage.synthesis.study_rows import one_analysis
from assuage.synthesis.subgroups import Subgroups, subgroups
from assuage.synthesis.trim_fill import ESTIMATORS, TrimFill, trim_and_fill
from assuage.synthesis.two_by_two import MANTEL_HAENSZEL, CountFit, mantel_haenszel, pool_peto

COUNT_METHODS = {"MH", "PETO"}


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What the user asks for; every default is that of docs/meta_analysis.md."""

    measure: str | None = None
    method: str = "REML"
    test: str = "z"
    level: float = 0.95
    reported_level: float = 0.95
    moderators: tuple[str, ...] = ()
    intercept: bool = True
    subgroup: str | None = None
    cluster: tuple[str, ...] = ()
    row_level: bool = True
    rho: float = 0.0
    robust: str | None = None
    prediction_df: str = "test"
    smd_variance: str = "large-sample"
    drop_double_zeros: bool = False
    convert: bool = False
    where: tuple[str, ...] = ()
    trim_side: str | None = None


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """A pairwise meta-analysis: the model asked for, what stands beside it, and what has to be said of it.

    `fit` is the model of independent effects, `multilevel` that of `cluster`, `counted` that of method MH or Peto; the
    one asked for is the result, the others stand for comparison (None: does not apply).
    """

    choices: Choices
    effects: EffectSet
    fit: Fit
    multilevel: MultilevelFit | None
    robust: Coefficients | None
    counted: tuple[CountFit, ...]
    by_method: dict[str, Fit]
    by_test: dict[str, Fit]
    influence: tuple[Deletion, ...]
    subgroups: Subgroups | None
    small_study: SmallStudy | None
    trim_fill: dict[str, TrimFill]
    p_curve: PCurve | None
    notes: tuple[str, ...]

    @property
    def counted_result(self) -> CountFit | None:
        """The Mantel-Haenszel or Peto result where that was asked for."""
        wanted = self.choices.method.upper()
        return next((fit for fit in self.counted if fit.method.upper() == wanted), None)


def analyse(table: StudyTable, choices: Choices) -> Analysis:
    """Run a pairwise meta-analysis of a study table.

    Raises
    ------
    DataError
        The table, a choice, or the number of studies does not allow it.
    """
    choices = _known(choices)
    table, named, said = one_analysis(table.where(choices.where))
    measure = choices.measure or ("PETO" if choices.method == "PETO" else named)
    effects = effects_of(
        table, measure=measure, level=choices.reported_level,
        smd_variance=choices.smd_variance, drop_double_zeros=choices.drop_double_zeros,
        convert=choices.convert,
    )  # fmt: skip
    design = design_of(table, effects.rows, choices.moderators, intercept=choices.intercept)
    notes = [*said, *effects.notes]
    effects, design = _complete(effects, design, notes)
    y, v = effects.y, effects.v
    method = "EE" if choices.method in COUNT_METHODS else choices.method
    fit = pool(
        y, v, design.x, names=design.names, method=method, test=choices.test, level=choices.level,
        prediction_df=choices.prediction_df,
    )  # fmt: skip
    if effects.k == 1:
        notes.append("one study: its own effect with its normal interval is shown, nothing is pooled")
    counted = _counted(effects, choices)
    multilevel, robust = _dependent(table, effects, design, choices, notes)
    _say_dependence(effects, choices, notes)
    plain = not choices.moderators
    some = plain and effects.k >= FEWEST
    shared: dict[str, Any] = {"names": design.names, "test": choices.test, "level": choices.level}
    return Analysis(
        choices=choices,
        effects=effects,
        fit=fit,
        multilevel=multilevel,
        robust=robust,
        counted=counted,
        by_method={m: pool(y, v, design.x, method=m, **shared) for m in METHODS}
        if effects.k > design.x.shape[1]
        else {},
        by_test={
            t: pool(y, v, design.x, method=method, **{**shared, "test": t}, prediction_df=choices.prediction_df)
            for t in TESTS
        },
        influence=leave_one_out(fit) if effects.k > 1 else (),
        subgroups=_subgroups(table, effects, choices, notes),
        small_study=_small_study(effects, choices, method, notes) if some else None,
        trim_fill=_trim_fill(effects, choices, method, notes) if some else {},
        p_curve=_p_curve(effects) if plain else None,
        notes=tuple(notes),
    )


def _known(choices: Choices) -> Choices:
    aliases = {"FE": "EE", "CE": "EE", "FIXED": "EE", "COMMON": "EE", "RANDOM": "REML"}
    method = aliases.get(choices.method.upper(), choices.method.upper())
    if method not in {*METHODS, *COUNT_METHODS}:
        raise DataError(f"--method {choices.method!r} is not known; take one of {', '.join(METHODS)}, MH, Peto")
    test = {"knha": "hk", "hartung-knapp": "hk", "hksj": "hk", "adhoc": "hk-adhoc"}.get(
        choices.test.lower(), choices.test.lower()
    )
    if test not in TESTS:
        raise DataError(f"--test {choices.test!r} is not known; take one of {', '.join(TESTS)}")
    if method in COUNT_METHODS and (choices.moderators or choices.cluster):
        raise DataError(f"--method {choices.method} takes no --moderators and no --cluster; take --method REML")
    if choices.robust and not choices.cluster:
        raise DataError("--robust needs the column of what belongs together; name it with --cluster")
    if choices.rho and not choices.cluster:
        raise DataError("--rho needs the column within which errors are correlated; name it with --cluster")
    if choices.trim_side not in {None, "left", "right"}:
        raise DataError(f"--trim-side {choices.trim_side!r} is not known; take left or right")
    level = choices.level / 100 if 1 < choices.level < 100 else choices.level
    reported = choices.reported_level / 100 if 1 < choices.reported_level < 100 else choices.reported_level
    if not 0 < reported < 1:
        raise DataError(f"--reported-level {choices.reported_level:g} is not between 0 and 1; write for example 0.95")
    return replace(choices, method=method, test=test, level=level, reported_level=reported)


def _complete(effects: EffectSet, design: Design, notes: list[str]) -> tuple[EffectSet, Design]:
    """Leave out effects without a moderator, and say so."""
    keep = design.complete
    if np.all(keep):
        return effects, design
    names = ", ".join(label for label, whole in zip(effects.labels, keep, strict=True) if not whole)
    if not np.any(keep):
        raise DataError("no study has all moderators; take fewer of them")
    notes.append(f"{int(np.sum(~keep))} effect(s) left out for want of a moderator: {names}")
    return (
        replace(
            effects, y=effects.y[keep], v=effects.v[keep], rows=effects.rows[keep], people=effects.people[keep],
            labels=tuple(np.array(effects.labels, object)[keep]), way=tuple(np.array(effects.way, object)[keep]),
            counts=None if effects.counts is None else {key: values[keep] for key, values in effects.counts.items()},
        ),
        replace(design, x=design.x[keep], complete=keep[keep]),
    )  # fmt: skip


def _counted(effects: EffectSet, choices: Choices) -> tuple[CountFit, ...]:
    """Return Mantel-Haenszel and Peto where the table gives the counts of every study."""
    wanted = choices.method if choices.method in COUNT_METHODS else None
    counts = effects.counts
    whole = counts is not None and all(np.all(np.isfinite(values)) for values in counts.values())
    if counts is None or not whole or choices.moderators:
        if wanted:
            raise DataError(f"--method {choices.method} needs the counts of every study; take --method EE")
        return ()
    name = "OR" if effects.measure.name == "PETO" else effects.measure.name
    found = []
    ways: tuple[tuple[str, bool, Callable[[], CountFit]], ...] = (
        ("MH", name in MANTEL_HAENSZEL, lambda: mantel_haenszel(name, counts, level=choices.level)),
        ("PETO", "a" in counts and name == "OR", lambda: pool_peto(counts, level=choices.level)),
    )
    for label, fits, run in ways:
        if not fits and wanted == label:
            raise DataError(f"--method {choices.method} does not pool {name}; take --method EE")
        try:
            found += [run()] if fits else []
        except DataError:
            if wanted == label:
                raise
    return tuple(found)


def _dependent(
    table: StudyTable, effects: EffectSet, design: Design, choices: Choices, notes: list[str]
) -> tuple[MultilevelFit | None, Coefficients | None]:
    """Return the multilevel model of --cluster, and its robust standard errors where asked for."""
    if not choices.cluster:
        return None, None
    levels = []
    for name in choices.cluster:
        column = table.column(name)
        labels = table.text(column)
        missing = [i for i in effects.rows if labels[i] is None]
        if missing:
            raise DataError(f"{table.at(int(missing[0]), column)}: no value; every effect needs its --cluster")
        levels.append((column, [str(labels[i]) for i in effects.rows]))
    innermost = list(zip(*(labels for _, labels in levels), strict=True))
    if choices.row_level and len(set(innermost)) < effects.k:
        levels.append(("effect", [str(i) for i in range(effects.k)]))
        notes.append(
            f"several effects in one {choices.cluster[-1]}: a random effect for each effect was added below it"
        )
    test = "t" if choices.test.startswith("hk") else choices.test
    if test != choices.test:
        notes.append("Hartung-Knapp has no multilevel form: the multilevel model uses t")
    fit = fit_multilevel(
        effects.y, effects.v, levels, design.x, names=design.names,
        method="ML" if choices.method == "ML" else "REML", test=test, level=choices.level, rho=choices.rho,
    )  # fmt: skip
    robust = None
    if choices.robust:
        if design.x.shape[1] > 1:
            notes.append("the test of all moderators together is that of the model, not a robust one")
        robust = robust_coefficients(
            fit.y, fit.x, fit.coefficients.estimate, fit.M, fit.blocks, fit.sigma,
            names=design.names, kind=choices.robust.upper().replace("CR1P", "CR1p"), level=choices.level,
        )  # fmt: skip
    return fit, robust


def _say_dependence(effects: EffectSet, choices: Choices, notes: list[str]) -> None:
    twice = [label for label in dict.fromkeys(effects.labels) if effects.labels.count(label) > 1]
    if twice and not choices.cluster:
        shown = ", ".join(twice[:3]) + (" ..." if len(twice) > 3 else "")
        notes.append(
            f"{len(twice)} label(s) stand in several rows ({shown}): rows are taken as independent; "
            "--cluster COLUMN if they are not"
        )


def _subgroups(table: StudyTable, effects: EffectSet, choices: Choices, notes: list[str]) -> Subgroups | None:
    if choices.subgroup is None:
        return None
    column = table.column(choices.subgroup)
    text = table.text(column)
    labels = [text[i] for i in effects.rows]
    keep = np.array([label is not None for label in labels])
    if not np.all(keep):
        notes.append(f"{int(np.sum(~keep))} effect(s) without {column} are in no subgroup")
    method = "EE" if choices.method in COUNT_METHODS else choices.method
    return subgroups(
        effects.y[keep], effects.v[keep], [label for label in labels if label is not None],
        column=column, method=method, test=choices.test, level=choices.level,
    )  # fmt: skip


def _small_study(effects: EffectSet, choices: Choices, method: str, notes: list[str]) -> SmallStudy | None:
    try:
        return small_study(effects.y, effects.v, method=method, test=choices.test, level=choices.level)
    except DataError as error:
        notes.append(str(error))
        return None


def _trim_fill(effects: EffectSet, choices: Choices, method: str, notes: list[str]) -> dict[str, TrimFill]:
    """Return trim and fill by every estimator that has an answer; what has none is said."""
    found: dict[str, TrimFill] = {}
    for estimator in ESTIMATORS:
        try:
            found[estimator] = trim_and_fill(
                effects.y, effects.v, estimator=estimator, side=choices.trim_side,
                method=method, test=choices.test, level=choices.level,
            )  # fmt: skip
        except DataError as error:
            notes.append(f"trim and fill by {estimator}: {error}")
    return found


def _p_curve(effects: EffectSet) -> PCurve | None:
    z: Array = effects.y / np.sqrt(effects.v)
    return p_curve(z) if np.any(np.abs(z) > 1.959964) else None


def split(text: str | None) -> tuple[str, ...]:
    """Return the parts of a comma-separated option."""
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def columns_given(pairs: Sequence[str]) -> dict[str, str]:
    """Return role -> column of options such as `estimate=logor`.

    Raises
    ------
    DataError
        A part has no equals sign.
    """
    result = {}
    for pair in pairs:
        role, sign, column = pair.partition("=")
        if not sign or not role.strip() or not column.strip():
            raise DataError(f"--columns {pair!r} is not ROLE=COLUMN; write for example estimate=logor,sei=selogor")
        result[role.strip()] = column.strip()
    return result
