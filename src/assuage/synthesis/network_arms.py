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

A study with an arm without events or without non-events gets `continuity` (1/2) more events and as many more non-events in
every arm (IRR: events only, where one has none; RD: in the variance only). A study in which no arm has an event, or every
person has one, says nothing about OR or RR (IRR likewise without events) and is left out, which is said.

SMD of two arms: Hedges' g = J d, d = (m1 - m2) / s, s the pooled standard deviation, J = Gamma(f/2) / (sqrt(f/2)
Gamma((f - 1)/2)) with f = n1 + n2 - 2; variance (n1 + n2)/(n1 n2) + g^2 / (2 (n1 + n2)). Of three arms and more, so that the contrasts close: one s pooled over all arms, no
correction, variance 1/n1 + 1/n2 + d^2 / (2 N), N everyone in the study.

Sources: Hedges & Olkin 1985, 10.1016/C2009-0-03396-0. Crippa & Orsini 2016, BMC Med Res Methodol 16:91,
10.1186/s12874-016-0189-0. Gart & Zweifel 1967, 10.1093/biomet/54.1-2.181. Hedges, Gurevitch & Curtis 1999, 10.1890/0012-9658(1999)080[1150:TMAORR]2.0.CO;2.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.special import gammaln

from assuage.errors import DataError
from assuage.synthesis.network_model import Array

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


def contrasts_of(study: str, arms: Sequence[Arm], measure: str, continuity: float) -> tuple[Array, Array, bool] | str:
    """Return effects (m,), variances (m,) and whether zero cells were corrected; or why the study says nothing.

    Raises
    ------
    DataError
        A number that cannot be: more events than people, a standard deviation of zero, ...
    """
    for arm in arms:
        _check(study, arm, measure)
    if measure == "SMD":
        return *_standardised(study, arms), False
    if measure in {"MD", "ROM"}:
        values, variances = _of_means(study, arms, measure)
        return *_differences(values, variances), False
    events = np.array([arm.events for arm in arms], float)
    if measure == "IRR":
        if not events.any():
            return "no event in any arm"
        time = np.array([arm.person_time for arm in arms], float)
        corrected = bool((events == 0).any())
        events += continuity * corrected
        _refuse_zero(study, events)
        return *_differences(np.log(events / time), 1 / events), corrected
    n = np.array([arm.n for arm in arms], float)
    if measure != "RD" and not events.any():
        return "no event in any arm"
    if measure != "RD" and (events == n).all():
        return "an event for everyone in every arm"
    corrected = bool(((events == 0) | (events == n)).any())
    r, total = events + continuity * corrected, n + 2 * continuity * corrected
    if measure == "OR":
        _refuse_zero(study, r, total - r)
        return *_differences(np.log(r / (total - r)), 1 / r + 1 / (total - r)), corrected
    _refuse_zero(study, r, *([total - r] if measure == "RD" else []))
    if measure == "RR":
        return *_differences(np.log(r / total), 1 / r - 1 / total), corrected
    return *_differences(events / n, r * (total - r) / total**3), corrected


def _refuse_zero(study: str, *cells: Array) -> None:
    if any((cell <= 0).any() for cell in cells):
        raise DataError(f"study {study}: an arm with a zero cell has no finite effect; give --continuity 0.5")


def _check(study: str, arm: Arm, measure: str) -> None:
    where = f"study {study}, arm {arm.treatment}"
    needs = {"IRR": ("events", "person_time")}.get(measure, ("events", "n") if measure in COUNT_MEASURES else ("mean",))
    for role in needs:
        if getattr(arm, role) is None:
            raise DataError(f"{where}: {role} is missing, and {measure} needs it")
    if measure in COUNT_MEASURES or measure == "IRR":
        assert arm.events is not None
        if arm.events < 0:
            raise DataError(f"{where}: {arm.events:g} events; a count is 0 or more")
    if measure in COUNT_MEASURES and (arm.n or 0) < max(1.0, arm.events or 0):
        raise DataError(f"{where}: {arm.events:g} events among n = {arm.n:g}; n is the number of people in the arm")
    if measure == "IRR" and (arm.person_time or 0) <= 0:
        raise DataError(f"{where}: person-time {arm.person_time:g}; it is above 0")
    if measure in MEAN_MEASURES:
        for role, value in (("sd", arm.sd), ("se", arm.se)):
            if value is not None and value <= 0:
                raise DataError(f"{where}: {role} {value:g}; it is above 0")
        if arm.se is None and (arm.sd is None or arm.n is None):
            raise DataError(f"{where}: neither sd and n nor se of the mean is there; give one of them")
        if arm.n is not None and arm.n < 2:
            raise DataError(f"{where}: n = {arm.n:g}; a mean with a standard deviation needs two people")


def _of_means(study: str, arms: Sequence[Arm], measure: str) -> tuple[Array, Array]:
    means = np.array([arm.mean for arm in arms], float)
    variances = np.array([arm.se**2 if arm.se is not None else arm.sd**2 / arm.n for arm in arms], float)  # type: ignore[operator]
    if measure == "MD":
        return means, variances
    if (means <= 0).any():
        raise DataError(
            f"study {study}: a mean of {means.min():g}; a ratio of means needs means above 0, or --measure MD"
        )
    return np.log(means), variances / means**2


def _standardised(study: str, arms: Sequence[Arm]) -> tuple[Array, Array]:
    if any(arm.n is None for arm in arms):
        raise DataError(f"study {study}: n is missing; a standardised difference needs it")
    n = np.array([arm.n for arm in arms], float)
    deviations = np.array(
        [arm.sd if arm.sd is not None else arm.se * math.sqrt(arm.n) for arm in arms],  # type: ignore[operator,arg-type]
        float,
    )
    freedom = float((n - 1).sum())
    pooled = math.sqrt(float(((n - 1) * deviations**2).sum()) / freedom)
    many = len(arms) > 2
    factor = 1.0 if many else math.exp(gammaln(freedom / 2) - gammaln((freedom - 1) / 2)) / math.sqrt(freedom / 2)
    effects, variances = [], []
    for i, j in combinations(range(len(arms)), 2):
        g = factor * (arms[i].mean - arms[j].mean) / pooled  # type: ignore[operator]
        effects.append(g)
        variances.append(1 / n[i] + 1 / n[j] + g * g / (2 * n.sum()))
    return np.array(effects), np.array(variances)


def _differences(values: Array, variances: Array) -> tuple[Array, Array]:
    first, second = np.triu_indices(len(values), 1)
    return values[first] - values[second], variances[first] + variances[second]
