"""Checks of the numbers that a row reports, against each other and against the people the row counts."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from assuage.evidence import printed, recompute
from assuage.evidence.printed import MeanSd, TestResult
from assuage.evidence.problems import Problem, error, warning
from assuage.evidence.tables import Row

TEXTS = ("statistic", "effect", "adverse_events", "notes")
CHI2_DF = range(1, 11)
"""Degrees of freedom tried where a chi-squared is printed without: tables of the size that abstracts report."""
CHANGE = re.compile(r"\b(change|reduction|improvement|decrease|difference|drop)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A rating scale: ends and step of its total; step 0 where totals may be anything."""

    names: tuple[str, ...]
    low: float
    high: float
    step: float
    source: str
    source_level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """The people a row counts; None where it does not say."""

    first: float | None
    second: float | None
    total: float | None

    @property
    def both(self) -> float | None:
        """The two groups together."""
        return self.first + self.second if self.first is not None and self.second is not None else None

    @property
    def counts(self) -> tuple[float, ...]:
        """Every number of people that a statistic may be about."""
        known = (self.first, self.second, self.both, self.total)
        return tuple(dict.fromkeys(n for n in known if n))


@cache
def scales() -> tuple[Scale, ...]:
    """Return the rating scales with a known range."""
    document = tomllib.loads(files("assuage.evidence").joinpath("data/scales.toml").read_text(encoding="utf-8"))
    return tuple(Scale(**{**entry, "names": tuple(entry["names"])}) for entry in document.values())


def people(row: Row, study: Row | None) -> People:
    """Return the people of a row: its own for a trial or a study, those of its study for a finding."""
    counted = row if row.table in {"trials", "studies"} else study
    if counted is None:
        return People(first=None, second=None, total=row.number("n_subjects"))
    names = ("n_active", "n_control") if row.table == "trials" else ("n_nssi", "n_control")
    return People(first=counted.number(names[0]), second=counted.number(names[1]), total=counted.number("n_total"))


def number_problems(row: Row, who: People) -> Iterator[Problem]:
    """Yield what cannot be about the numbers of a row."""
    for column in TEXTS:
        text = row[column]
        if text:
            yield from _p_problems(row, column, text)
            yield from _test_problems(row, column, text, who)
            yield from _estimate_problems(row, column, text)
            yield from _mean_problems(row, column, text, who)
            yield from _percent_problems(row, column, text, who)
    yield from _people_problems(row, who)


def _p_problems(row: Row, column: str, text: str) -> Iterator[Problem]:
    for p in printed.p_values(text):
        if message := recompute.impossible_p(p):
            yield error("p-range", row, column, message)


def _test_problems(row: Row, column: str, text: str, who: People) -> Iterator[Problem]:
    for test in printed.test_results(text):
        if message := recompute.impossible_statistic(test):
            yield error("statistic-range", row, column, message)
        elif test.df:
            needed = 2 if test.kind == "F" else 1
            if len(test.df) != needed:
                yield error("df", row, column, f"{test.text}: {test.kind} has {needed} degrees of freedom")
                continue
            if message := recompute.p_misfit(test, test.df):
                yield error("p-statistic", row, column, message)
            most = max(who.counts, default=None)
            if test.kind in {"t", "r"} and most is not None and test.df[0] >= most:
                yield error("df", row, column, f"{test.text}: more degrees of freedom than the {most:g} people allow")
        elif message := _none_fits(test, who):
            yield (
                error("p-statistic", row, column, message) if test.kind == "z" else warning("p-n", row, column, message)
            )


def _none_fits(test: TestResult, who: People) -> str | None:
    """Say what the first guess gives if no degrees of freedom that the people allow explain the p value."""
    tried = _guesses(test, who)
    misfits = [recompute.p_misfit(test, df) for df in tried]
    return misfits[0] if misfits and all(misfits) else None


def _guesses(test: TestResult, who: People) -> list[tuple[float, ...]]:
    match test.kind:
        case "z":
            return [()]
        case "chi2":
            return [(float(df),) for df in CHI2_DF]
        case "r":
            return [(n - 2,) for n in who.counts if n > 2]
        case "t":
            return [(n - less,) for n in reversed(who.counts) for less in (2, 1) if n > less]
        case _:
            return []


def _estimate_problems(row: Row, column: str, text: str) -> Iterator[Problem]:
    for estimate in printed.estimates(text):
        if message := recompute.interval_misfit(estimate):
            yield error("interval", row, column, message)
            continue
        if message := recompute.se_misfit(estimate):
            yield error("se", row, column, message)
        if message := recompute.p_against_interval(estimate):
            yield error("p-interval", row, column, message)
        if message := recompute.asymmetry(estimate):
            yield warning("interval-middle", row, column, message)


def _mean_problems(row: Row, column: str, text: str, who: People) -> Iterator[Problem]:
    for clause in printed.clauses(text):
        found = tuple(printed.means(clause))
        scale = scale_in(clause) or scale_in(row["outcome"]) if found else None
        change = bool(CHANGE.search(row["outcome"]) or CHANGE.search(clause))
        groups = (who.first, who.second)[: len(found)] if len(found) <= 2 else (None,) * len(found)
        for item, n in zip(found, groups, strict=False):
            if scale:
                if message := recompute.off_scale(item, scale.low, scale.high, n, change=change):
                    yield error("scale", row, column, f"{scale.names[0]}: {message}")
                if n and (message := recompute.grim_misfit(item.mean, n, step=scale.step)):
                    yield warning("grim", row, column, f"{scale.names[0]}: {message}")
        yield from _t_problems(row, column, clause, found, who)


def _t_problems(row: Row, column: str, clause: str, found: tuple[MeanSd, ...], who: People) -> Iterator[Problem]:
    tests = tuple(printed.test_results(clause))
    if len(found) == 2 and len(tests) == 1 and who.first and who.second:
        message = recompute.t_misfit(tests[0], found[0], found[1], who.first, who.second)
        if message:
            yield warning("t-means", row, column, message)


def _percent_problems(row: Row, column: str, text: str, who: People) -> Iterator[Problem]:
    if column != "effect":
        return
    for clause in printed.clauses(text):
        yield from _count_problems(row, column, clause, who)
        for percent, n in zip(printed.percentages(clause), (who.first, who.second), strict=False):
            if not 0 <= percent.value <= 100:
                yield error("percent", row, column, f"{percent.value:g} % lies outside 0 to 100")
            elif n and (message := recompute.percent_misfit(percent, n)):
                yield warning("percent-n", row, column, message)


def _count_problems(row: Row, column: str, clause: str, who: People) -> Iterator[Problem]:
    for count, people in printed.fractions(clause):
        if count > people:
            yield error("count", row, column, f"{count} is more than the {people} people beside it")
    for (count, beside, percent), group in zip(printed.counts(clause), (who.first, who.second), strict=False):
        n = group if beside is None else beside
        if not n or (beside is not None and count > beside):
            continue
        if message := recompute.count_misfit(count, percent, n):
            yield (error if count > n else warning)("count", row, column, message)


def _people_problems(row: Row, who: People) -> Iterator[Problem]:
    if row.table not in {"studies", "trials"}:
        return
    if who.both is not None and who.total is not None and who.both > who.total:
        yield error("total", row, "n_total", f"{who.both:g} people in the two groups, but {who.total:g} in all")
    youngest, oldest = row.number("age_min"), row.number("age_max")
    if youngest is not None and oldest is not None and youngest > oldest:
        yield error("ages", row, "age_min", f"the lowest age {youngest:g} is above the highest, {oldest:g}")


def scale_in(text: str) -> Scale | None:
    """Return the one scale that a text names; None where it names none or several."""
    named = [s for s in scales() if any(re.search(rf"(?<!\w){re.escape(name)}(?![\w-])", text) for name in s.names)]
    return named[0] if len(named) == 1 else None
