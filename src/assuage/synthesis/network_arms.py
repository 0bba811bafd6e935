"""From arms to contrasts: one number and its variance per arm, by measure.

Arms of a trial are independent, so a contrast is the difference of two arm values and its variance the sum of two arm
variances (delta method), on the log scale for ratios:

| measure | value of an arm | variance |
|---|---|---|
| OR | log(r / (n - r)) | 1/r + 1/(n - r) |
| RR | log(r / n) | 1/r - 1/n |
| RD | r / n | r (n - r) / n^3 |
| IRR | log(r / T) | 1/r |
| MD | m | s^2 / n (or the given standard error squared) |
| ROM | log m | s^2 / (n m^2) |
| SMD | see below | see below |

A study with an arm without events or without non-events gets `continuity` (1/2) more events and as many more non-events
in every arm (IRR: events only, where one has none; RD: in the variance only). A study in which no arm has an event, or
every person has one, says nothing about OR or RR (IRR likewise without events) and is left out, which is said.

SMD of two arms: Hedges' g = J d, d = (m1 - m2) / s, s the pooled standard deviation, J = Gamma(f/2) / (sqrt(f/2)
Gamma((f - 1)/2)) with f = n1 + n2 - 2; unbiased variance 1/n1 + 1/n2 + (1 - (f - 2) / (f J^2)) g^2, as the R package
meta takes for networks. Of three arms and more, so that the contrasts close: one s pooled over all arms, no correction,
variance 1/n1 + 1/n2 + d^2 / (2 N), N everyone in the study.

Two arms of one treatment in one row are merged: events, people and person-time add up, the mean is that of everyone and
the standard deviation that of everyone about it, s² = [Σ (n_i - 1) s_i² + Σ n_i (m_i - m)²] / (Σ n_i - 1) (Cochrane
Handbook for Systematic Reviews of Interventions, version 6, section 6.5.2.10 and 23.3.4).

Sources: Hedges & Olkin 1985, 10.1016/C2009-0-03396-0. White & Thomas 2005, Clin Trials 2:141,
10.1191/1740774505cn081oa. Crippa & Orsini 2016, BMC Med Res Methodol 16:91, 10.1186/s12874-016-0189-0. Gart & Zweifel
1967, 10.1093/biomet/54.1-2.181. Hedges, Gurevitch & Curtis 1999, 10.1890/0012-9658(1999)080[1150:TMAORR]2.0.CO;2.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from assuage.errors import DataError
from assuage.synthesis.network_model import Array

OFF_MIDDLE = 0.15
"""A mean further than this share of its interval from the middle has no interval of a mean."""
Z95 = 1.959963984540054
COUNT_MEASURES = ("OR", "RR", "RD")
MEAN_MEASURES = ("MD", "SMD", "ROM")
RATIOS = ("OR", "RR", "HR", "IRR", "ROM")
MEASURES = ("OR", "RR", "RD", "IRR", "MD", "SMD", "ROM", "HR", "generic")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """What one arm reports; None is not reported."""

    treatment: str
    events: float | None = None
    n: float | None = None
    mean: float | None = None
    sd: float | None = None
    se: float | None = None
    person_time: float | None = None


def arm_of(treatment: str, values: Mapping[str, float | None], where: str) -> Arm:
    """Return an arm; people from events and non-events, the spread of a mean from its variance or 95 % interval.

    A variance beside mean and n is that of the people.

    Raises
    ------
    DataError
        The mean is not in the middle of its interval.
    """
    held = dict(values)
    events, non, variance = held["events"], held.pop("nonevents"), held.pop("variance")
    mean, low, high = held["mean"], held.pop("lower"), held.pop("upper")
    if held["n"] is None and events is not None and non is not None:
        held["n"] = events + non
    if held["sd"] is None and held["se"] is None and mean is not None:
        if variance is not None and variance > 0 and held["n"] is not None:
            held["sd"] = math.sqrt(variance)
        elif low is not None and high is not None:
            if not low < mean < high or abs((low + high) / 2 - mean) > OFF_MIDDLE * (high - low):
                raise DataError(
                    f"{where}: {mean:g} is not the middle of its interval {low:g} to {high:g}; give sd or se"
                )
            held["se"] = (high - low) / (2 * Z95)
    return Arm(treatment=treatment, **held)


def merged(arms: Sequence[Arm]) -> Arm | None:
    """Return one arm of everyone in these arms of one treatment; None where what they report does not add up."""
    if len(arms) == 1:
        return arms[0]
    if any(len({getattr(arm, role) is None for arm in arms}) == 2 for role in ("events", "n", "mean", "person_time")):
        return None
    whole = {
        role: None if getattr(arms[0], role) is None else float(_column(arms, role).sum())
        for role in ("events", "n", "person_time")
    }
    if arms[0].mean is None:
        return Arm(treatment=arms[0].treatment, **whole)
    total = whole["n"]
    if total is None or total < 2 or any(arm.n is None or (arm.sd is None and arm.se is None) for arm in arms):
        return None
    n, means = _column(arms, "n"), _column(arms, "mean")
    mean = float(n @ means) / total
    squares = n * [_squared_error(arm) for arm in arms]
    spread = float((n - 1) @ squares + n @ (means - mean) ** 2) / (total - 1)
    return Arm(treatment=arms[0].treatment, mean=mean, sd=math.sqrt(spread), **whole)


def contrasts_of(study: str, arms: Sequence[Arm], measure: str, continuity: float) -> tuple[Array, Array, bool] | str:
    """Return effects (m,), variances (m,) and whether zero cells were corrected; or why the study says nothing.

    Raises
    ------
    DataError
        A number that cannot be: more events than people, a standard deviation of zero, ...
    """
    for arm in arms:
        check_arm(f"study {study}, arm {arm.treatment}", arm, measure)
    if measure == "SMD":
        return *_standardised(study, arms), False
    if measure in MEAN_MEASURES:
        return *_differences(*_of_means(study, arms, measure)), False
    return _of_counts(study, arms, measure, continuity)


def needed_of(measure: str) -> tuple[str, ...]:
    """Return what an arm has to report to count at all."""
    if measure in MEAN_MEASURES:
        return ("mean",)
    return ("events", "person_time") if measure == "IRR" else ("events", "n")


def check_arm(where: str, arm: Arm, measure: str) -> None:
    """Refuse numbers of an arm that cannot be, or that do not suffice."""
    (_check_means if measure in MEAN_MEASURES else _check_counts)(where, arm, measure)


def _of_counts(study: str, arms: Sequence[Arm], measure: str, continuity: float) -> tuple[Array, Array, bool] | str:
    events = _column(arms, "events")
    size = _column(arms, "person_time" if measure == "IRR" else "n")
    if measure != "RD" and not events.any():
        return "no event in any arm"
    if measure in {"OR", "RR"} and (events == size).all():
        return "an event for everyone in every arm"
    corrected = bool((events == 0).any() or (measure != "IRR" and (events == size).any()))
    r, total = events + continuity * corrected, size + 2 * continuity * corrected
    for cell in (r, total - r) if measure in {"OR", "RD"} else (r,):
        if (cell <= 0).any():
            raise DataError(f"study {study}: an arm with a zero cell has no finite effect; give --continuity 0.5")
    if measure == "OR":
        values, variances = np.log(r / (total - r)), 1 / r + 1 / (total - r)
    elif measure == "RR":
        values, variances = np.log(r / total), 1 / r - 1 / total
    elif measure == "RD":
        values, variances = events / size, r * (total - r) / total**3
    else:
        values, variances = np.log(r / size), 1 / r
    return *_differences(values, variances), corrected


def _column(arms: Sequence[Arm], role: str) -> Array:
    return np.array([getattr(arm, role) for arm in arms], dtype=np.float64)


def _needed(where: str, arm: Arm, measure: str, role: str) -> float:
    value = getattr(arm, role)
    if value is None:
        raise DataError(f"{where}: {role} is missing, and {measure} needs it")
    return float(value)


def _check_counts(where: str, arm: Arm, measure: str) -> None:
    events = _needed(where, arm, measure, "events")
    if events < 0:
        raise DataError(f"{where}: {events:g} events; a count is 0 or more")
    if measure == "IRR":
        if (time := _needed(where, arm, measure, "person_time")) <= 0:
            raise DataError(f"{where}: person-time {time:g}; it is above 0")
    elif (n := _needed(where, arm, measure, "n")) < max(1.0, events):
        raise DataError(f"{where}: {events:g} events among n = {n:g}; n is the number of people in the arm")


def _check_means(where: str, arm: Arm, measure: str) -> None:
    _needed(where, arm, measure, "mean")
    for role, value in (("sd", arm.sd), ("se", arm.se)):
        if value is not None and value <= 0:
            raise DataError(f"{where}: {role} {value:g}; it is above 0")
    if arm.se is None and (arm.sd is None or arm.n is None):
        raise DataError(f"{where}: neither sd and n nor se of the mean is there; give one of them")
    if arm.n is not None and arm.n < 2:
        raise DataError(f"{where}: n = {arm.n:g}; a mean with a standard deviation needs two people")


def _of_means(study: str, arms: Sequence[Arm], measure: str) -> tuple[Array, Array]:
    means = _column(arms, "mean")
    variances = np.array([_squared_error(arm) for arm in arms], dtype=np.float64)
    if measure == "MD":
        return means, variances
    if (means <= 0).any():
        raise DataError(
            f"study {study}: a mean of {means.min():g}; a ratio of means needs means above 0, or --measure MD"
        )
    return np.log(means), variances / means**2


def _squared_error(arm: Arm) -> float:
    if arm.se is not None:
        return arm.se**2
    assert arm.sd is not None
    assert arm.n is not None
    return arm.sd**2 / arm.n


def _standardised(study: str, arms: Sequence[Arm]) -> tuple[Array, Array]:
    if any(arm.n is None for arm in arms):
        raise DataError(f"study {study}: n is missing; a standardised difference needs it")
    n, means = _column(arms, "n"), _column(arms, "mean")
    spread = np.array([arm.sd if arm.sd is not None else math.nan for arm in arms], dtype=np.float64)
    spread = np.where(np.isnan(spread), np.sqrt([_squared_error(arm) for arm in arms] * n), spread)
    freedom = float((n - 1).sum())
    pooled = math.sqrt(float(((n - 1) * spread**2).sum()) / freedom)
    exact = math.exp(gammaln(freedom / 2) - gammaln((freedom - 1) / 2)) / math.sqrt(freedom / 2)
    if len(arms) > 2:
        effects, variances = _differences(means / pooled, 1 / n)
        return effects, variances + effects**2 / (2 * n.sum())
    effects, variances = _differences(means / pooled * exact, 1 / n)
    return effects, variances + (1 - (freedom - 2) / (freedom * exact**2)) * effects**2


def _differences(values: Array, variances: Array) -> tuple[Array, Array]:
    first, second = np.triu_indices(len(values), 1)
    return values[first] - values[second], variances[first] + variances[second]
