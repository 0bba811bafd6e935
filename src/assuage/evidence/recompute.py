"""What printed numbers have to obey, whatever the study: p from a statistic, intervals, means on scales, percentages.

Each function returns a sentence that says what does not fit, or None. A number stands for the interval that its
rounding leaves open, and a sentence is returned only if no numbers inside the intervals fit.

- p from t, F, r, chi2 or z with degrees of freedom: Nuijten et al. 2016, Behav Res Methods 48:1205,
  doi:10.3758/s13428-015-0664-2. r becomes t = r sqrt(df / (1 - r^2)).
- an interval holds its estimate; that of a ratio is symmetric on the log scale; its width is 2 x 1.96 standard errors.
- a mean of integers from n people is a multiple of 1/n (GRIM): Brown, Heathers 2017, Soc Psychol Personal Sci 8:363,
  doi:10.1177/1948550616673876. The same holds for a percentage of n people.
- t of two groups is the gap of their means over its standard error, pooled or not.
- values between a and b with mean m have at most the standard deviation sqrt((m - a)(b - m) n / (n - 1)), all of them
  lying at a or b (Bhatia, Davis 2000, Am Math Mon 107:353, doi:10.1080/00029890.2000.12005203).
"""

import math
from collections.abc import Sequence

from scipy import special

from assuage.evidence.printed import Estimate, MeanSd, Printed, PValue, TestResult

Z95 = float(special.ndtri(0.975))
SLACK = 1e-9
"""Relative; only against the rounding of binary numbers."""


def p_interval(test: TestResult, df: Sequence[float]) -> tuple[float, float]:
    """Return the smallest and largest two-sided p value that a printed statistic leaves open.

    Parameters
    ----------
    df
        Degrees of freedom: one for t, r and chi2, two for F, none for z.
    """
    value, half = abs(test.statistic.value), test.statistic.half
    near, far = max(0.0, value - half), value + half
    small, large = _p_of(test.kind, far, df), _p_of(test.kind, near, df)
    return (small / 2, large) if test.one_sided else (small, large)


def p_misfit(test: TestResult, df: Sequence[float]) -> str | None:
    """Say whether a printed p value cannot come from the statistic."""
    if test.p is None:
        return None
    low, high = p_interval(test, df)
    if _p_can_be(test.p, low, high):
        return None
    shown = ", ".join(f"{value:g}" for value in df)
    told = f"p {test.p.relation} {test.p.number.value:g}"
    gives = f"{low:.2g}" if math.isclose(low, high, rel_tol=0.02) else f"{low:.2g} to {high:.2g}"
    return f"{test.text}{f' with df {shown}' if shown else ''} gives p = {gives}, not {told}"


def impossible_statistic(test: TestResult) -> str | None:
    """Say whether a statistic lies where none can lie."""
    if test.kind == "r" and abs(test.statistic.value) > 1:
        return f"{test.text}: a correlation lies between -1 and 1"
    if test.kind in {"F", "chi2"} and test.statistic.value < 0:
        return f"{test.text}: {test.kind} is never negative"
    return None


def impossible_p(p: PValue) -> str | None:
    """Say whether a p value lies outside 0 to 1."""
    if not 0 <= p.number.value <= 1:
        return f"p = {p.number.value:g} lies outside 0 to 1"
    if p.number.value == 0 and p.relation != ">":
        return "p is never 0; write for example p<.001"
    return None


def interval_misfit(estimate: Estimate) -> str | None:
    """Say whether an interval cannot be the interval of its estimate."""
    low, high, value = estimate.low, estimate.high, estimate.value
    if low.low > high.high:
        return f"{estimate.text}: the interval ends below where it begins"
    if value.high < low.low or value.low > high.high:
        return f"{estimate.text}: the estimate lies outside its interval"
    if estimate.ratio and min(low.high, value.high) <= 0:
        return f"{estimate.text}: a ratio is above 0"
    return None


def asymmetry(estimate: Estimate) -> str | None:
    """Say whether an interval is not symmetric about its estimate, on the log scale for a ratio."""
    if not estimate.measure:
        return None
    low, high, value = estimate.low, estimate.high, estimate.value
    if estimate.ratio:
        if low.low <= 0:
            return None
        smallest, largest, where = math.sqrt(low.low * high.low), math.sqrt(low.high * high.high), " on the log scale"
    else:
        smallest, largest, where = (low.low + high.low) / 2, (low.high + high.high) / 2, ""
    if _meet(smallest, largest, value.low, value.high):
        return None
    return f"{estimate.text}: the middle of the interval{where} is {(smallest + largest) / 2:.3g}, not {value.value:g}"


def se_misfit(estimate: Estimate) -> str | None:
    """Say whether a standard error cannot belong to a 95 % interval."""
    se, low, high = estimate.se, estimate.low, estimate.high
    if se is None or not estimate.measure or (estimate.ratio and low.low <= 0):
        return None
    if estimate.ratio:
        narrow, broad = math.log(high.low / low.high), math.log(high.high / low.low)
    else:
        narrow, broad = high.low - low.high, high.high - low.low
    if _meet(narrow / (2 * Z95), broad / (2 * Z95), se.low, se.high):
        return None
    implied = (narrow + broad) / 4 / Z95
    return f"{estimate.text}: the interval is that of a standard error of {implied:.3g}, not {se.value:g}"


def p_against_interval(estimate: Estimate) -> str | None:
    """Say whether p and a 95 % interval decide differently about no effect."""
    if estimate.p is None or not estimate.measure:
        return None
    null = 1.0 if estimate.ratio else 0.0
    excludes = estimate.low.low > null or estimate.high.high < null
    includes = estimate.low.high < null < estimate.high.low
    p = estimate.p
    above = p.number.low > 0.05 if p.relation == "=" else p.relation == ">" and p.number.value >= 0.05
    below = p.number.high < 0.05 if p.relation == "=" else p.relation == "<" and p.number.value <= 0.05
    if excludes and above:
        return f"{estimate.text}: the interval excludes {null:g}, but p is above .05"
    if includes and below:
        return f"{estimate.text}: the interval includes {null:g}, but p is below .05"
    return None


def off_scale(item: MeanSd, low: float, high: float, n: float | None, *, change: bool) -> str | None:
    """Say whether a mean lies off its scale, or its standard deviation is larger than the scale allows.

    Parameters
    ----------
    low, high
        Ends of the scale.
    n
        People, or None where unknown (the bound is then that of two people, the loosest).
    change
        Whether the numbers are changes of the score, which reach from -(high - low) to high - low.
    """
    if change:
        low, high = low - high, high - low
    mean, sd = item.mean, item.sd
    if mean.high < low or mean.low > high:
        return f"the mean {mean.value:g} lies off the scale, {low:g} to {high:g}"
    if sd.value < 0:
        return f"the standard deviation {sd.value:g} is negative"
    people = n if n and n > 1 else 2.0
    middle = min(max((low + high) / 2, mean.low), mean.high)
    largest = math.sqrt(max(0.0, (middle - low) * (high - middle)) * people / (people - 1))
    if sd.low > largest * (1 + SLACK):
        return f"the mean {mean.value:g} allows a standard deviation of {largest:.3g} at most, not {sd.value:g}"
    return None


def grim_misfit(mean: Printed, n: float, *, step: float = 1.0) -> str | None:
    """Say whether no sum of n whole steps has this mean."""
    if step <= 0 or n < 1:
        return None
    first = math.ceil(mean.low * n / step - SLACK * max(1.0, abs(mean.low * n)))
    if first * step / n <= mean.high * (1 + SLACK) + SLACK:
        return None
    return f"no {n:g} whole numbers have the mean {mean.value:g}"


def percent_misfit(percent: Printed, n: float) -> str | None:
    """Say whether no count of n people is this percentage."""
    if not 0 <= percent.value <= 100:
        return f"{percent.value:g} % lies outside 0 to 100"
    if grim_misfit(percent, n, step=100.0) is None:
        return None
    return f"no whole number of {n:g} people is {percent.value:g} %"


def count_misfit(count: int, percent: Printed, n: float) -> str | None:
    """Say whether a count and its percentage do not fit the people counted."""
    if count > n:
        return f"{count} is more than the {n:g} people of the group"
    share = 100 * count / n
    return (
        None
        if percent.low - SLACK <= share <= percent.high + SLACK
        else f"{count} of {n:g} is {share:.3g} %, not {percent.value:g} %"
    )


def t_misfit(test: TestResult, first: MeanSd, second: MeanSd, n_first: float, n_second: float) -> str | None:
    """Say whether t cannot be that of two means with their standard deviations (pooled or not)."""
    if test.kind != "t" or min(n_first, n_second) < 2:
        return None
    gaps = [abs(a - b) for a in _ends(first.mean) for b in _ends(second.mean)]
    crossing = first.mean.low <= second.mean.high and second.mean.low <= first.mean.high
    errors = [
        spread
        for a in _ends(first.sd)
        for b in _ends(second.sd)
        for spread in (_welch(a, b, n_first, n_second), _pooled(a, b, n_first, n_second))
    ]
    low, high = (0.0 if crossing else min(gaps)) / max(errors), max(gaps) / max(min(errors), 1e-12)
    value, half = abs(test.statistic.value), test.statistic.half
    if _meet(low, high, value - half, value + half):
        return None
    return f"the means and standard deviations give t = {low:.3g} to {high:.3g}, not {value:g}"


def _ends(number: Printed) -> tuple[float, float]:
    return number.low, number.high


def _welch(a: float, b: float, n: float, m: float) -> float:
    return math.sqrt(a * a / n + b * b / m)


def _pooled(a: float, b: float, n: float, m: float) -> float:
    return math.sqrt(((n - 1) * a * a + (m - 1) * b * b) / (n + m - 2) * (1 / n + 1 / m))


def _p_of(kind: str, value: float, df: Sequence[float]) -> float:
    match kind:
        case "t":
            return float(2 * special.stdtr(df[0], -value))
        case "r":
            if value >= 1:
                return 0.0
            return float(2 * special.stdtr(df[0], -value * math.sqrt(df[0] / (1 - value * value))))
        case "F":
            return float(special.fdtrc(df[0], df[1], value))
        case "chi2":
            return float(special.chdtrc(df[0], value))
        case _:
            return float(2 * special.ndtr(-value))


def _p_can_be(p: PValue, low: float, high: float) -> bool:
    match p.relation:
        case "<":
            return low <= p.number.value
        case ">":
            return high >= p.number.value
        case _:
            return _meet(low, high, p.number.low, p.number.high)


def _meet(low: float, high: float, other_low: float, other_high: float) -> bool:
    slack = SLACK * max(abs(low), abs(high), abs(other_low), abs(other_high), 1.0)
    return low <= other_high + slack and other_low <= high + slack
