"""Studies that report contrasts: all of them, or those against one baseline.

A multi-arm study gives all k (k - 1) / 2 contrasts, or those against one baseline and the variance v_b of the baseline
arm; then the other arms have s_j^2 = se_j^2 - v_b and a contrast between two of them the variance s_i^2 + s_j^2
(Franchini et al. 2012, Res Synth Methods 3:142, 10.1002/jrsm.1049). Given intervals are taken to be 95 %.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from scipy import stats

from assuage.errors import DataError
from assuage.synthesis.columns import plain
from assuage.synthesis.network_columns import ON_SCALE, Layout
from assuage.synthesis.network_model import NetworkStudy, incidence
from assuage.synthesis.network_rows import Numbered, is_empty, label_in, number_in, study_of
from assuage.synthesis.text_table import Row

CLOSE = 0.2
"""Contrasts of one study may miss each other by this share of their smallest standard error; more is a slip."""
CLOSE_SE = 0.1
"""So may a standard error and the one that the arms recovered from all contrasts give, as a share of it."""
Made = tuple[list[NetworkStudy], list[tuple[str, str]], list[str]]
Contrast = tuple[str, str, float, float]
"""First and second treatment, effect, variance."""
Groups = dict[str, tuple[list[Contrast], dict[str, float | None], float | None]]
"""For every study its contrasts, the people in its arms where known, and the variance of the baseline where given."""


def contrasts_in(layout: Layout, rows: Numbered) -> Groups:
    """Return for every study its contrasts, the people in its arms, and the variance of the baseline where given."""
    single = layout.single
    groups: Groups = {}
    for number, row in rows:
        study = study_of(layout, row, number)
        first, second = label_in(row, single["treat1"]), label_in(row, single["treat2"])
        where = f"row {number}, study {study}"
        if is_empty(first) or is_empty(second) or first == second:
            raise DataError(f"{where}: treatments {first!r} and {second!r}; a contrast needs two different ones")
        found = _effect(row, layout, where)
        contrasts, people, baseline = groups.setdefault(study, ([], {}, None))
        people |= {name: people.get(name) for name in (first, second)}
        if found is None:
            continue
        contrasts.append((first, second, *found))
        for place, treatment in ((1, first), (2, second)):
            if (count := number_in(row, layout.numbered.get("n", {}).get(place), where)) is not None:
                people[treatment] = count
        own = number_in(row, single.get("baseline_variance"), where)
        if (error := number_in(row, single.get("baseline_se"), where)) is not None:
            own = error**2
        groups[study] = (contrasts, people, own if own is not None else baseline)
    return groups


def _effect(row: Row, layout: Layout, where: str) -> tuple[float, float] | None:
    """Return effect and variance of a row on the scale of analysis; None where it holds no effect."""
    single = layout.single
    effect = number_in(row, single["effect"], where)
    low, high = (number_in(row, single.get(role), where) for role in ("lower", "upper"))
    error, variance = (number_in(row, single.get(role), where) for role in ("se", "variance"))
    if effect is None:
        return None
    if layout.is_ratio and (error, variance) != (None, None) and not _is_of_log(layout):
        if low is None or high is None:
            raise _open_spread(layout, where, ", or give lower and upper")
        error = variance = None
    if layout.is_ratio:
        if min(v for v in (effect, low, high) if v is not None) <= 0:
            raise DataError(f"{where}: a ratio of {effect:g} in column {single['effect']}; ratios are above 0")
        effect, low, high = (None if v is None else math.log(v) for v in (effect, low, high))
        assert effect is not None
    if error is not None:
        variance = error**2
    if variance is None:
        variance = _of_interval(effect, low, high, where, single["effect"])
    elif layout.measure is None and plain(single["effect"]) not in ON_SCALE:
        _require_no_ratio(effect, low, high, where, single["effect"])
    if variance <= 0 or (error is not None and error <= 0):
        raise DataError(f"{where}: a standard error of {error if error is not None else 0:g}; it is above 0")
    return effect, variance


def _is_of_log(layout: Layout) -> bool:
    """Return whether the spread beside a ratio says by its name that it is that of the logarithm."""
    spread = plain(layout.single.get("se") or layout.single.get("variance", ""))
    return spread.startswith(tuple(word + log for word in ("se", "v", "vi", "var") for log in ("log", "ln")))


def _open_spread(layout: Layout, where: str, otherwise: str = "") -> DataError:
    effect, error = layout.single["effect"], layout.single.get("se")
    said = f"{error} the standard error" if error else f"{layout.single['variance']} the variance"
    way_out = f"Name it selog{effect}" if error else f"Write the logarithms in a column log{effect}"
    return DataError(f"{where}: is {said} of the ratio {effect} or of its logarithm? {way_out}{otherwise}")


def _of_interval(effect: float, low: float | None, high: float | None, where: str, column: str) -> float:
    """Return the variance that a 95 % interval tells."""
    if low is None or high is None:
        raise DataError(f"{where}: an effect without standard error, variance or interval; give one of them")
    _require_middle(effect, low, high, where, column)
    return float(((high - low) / (2 * stats.norm.ppf(0.975))) ** 2)


def _require_no_ratio(effect: float, low: float | None, high: float | None, where: str, column: str) -> None:
    """Refuse an effect off the middle of an interval that is only there beside its standard error."""
    if low is not None and high is not None and low < effect < high:
        _require_middle(effect, low, high, where, column)


def _require_middle(effect: float, low: float, high: float, where: str, column: str) -> None:
    if not low < effect < high:
        raise DataError(f"{where}: {effect:g} does not lie in its interval {low:g} to {high:g}; check the three")
    if abs((high + low) / 2 - effect) > 0.15 * (high - low):
        raise DataError(
            f"{where}: {effect:.4g} is not the middle of its interval {low:.4g} to {high:.4g}; is column {column} a "
            "ratio? Then write --measure OR, RR, HR or IRR; else give se"
        )


def baseline_in(layout: Layout, rows: Numbered) -> Groups:
    """Read differences to the first arm of every study; the baseline may give its own standard error or variance."""
    groups: Groups = {}
    base: dict[str, tuple[str, float | None]] = {}
    waiting: list[tuple[str, str, float, float]] = []
    for number, row in rows:
        study = study_of(layout, row, number)
        for treatment, effect, error, variance in _baseline_arms(layout, row, f"row {number}, study {study}"):
            if effect is None:
                if study in base:
                    raise DataError(
                        f"study {study}: {treatment} and {base[study][0]} both lack a difference; one is the baseline"
                    )
                base[study] = (treatment, variance if error is None else error**2)
            elif error is None or error <= 0:
                raise DataError(
                    f"study {study}, arm {treatment}: a difference without a standard error above 0; give it"
                )
            else:
                waiting.append((study, treatment, effect, error**2))
    for study, treatment, effect, variance in waiting:
        if study not in base:
            raise DataError(f"study {study}: every arm has a difference; leave that of the baseline empty")
        groups.setdefault(study, ([], {}, base[study][1]))[0].append((treatment, base[study][0], effect, variance))
    return groups


def _baseline_arms(layout: Layout, row: Row, where: str) -> list[tuple[str, float | None, float | None, float | None]]:
    if layout.kind == "baseline":
        effect = number_in(row, layout.single["effect"], where)
        error, variance = (number_in(row, layout.single.get(role), where) for role in ("se", "variance"))
        if effect is not None and layout.is_ratio:
            if not _is_of_log(layout):
                raise _open_spread(layout, where)
            if effect <= 0:
                raise DataError(
                    f"{where}: a ratio of {effect:g} in column {layout.single['effect']}; ratios are above 0"
                )
            effect = math.log(effect)
        return [(label_in(row, layout.single["treatment"]), effect, error, variance)]
    arms = []
    for place, column in sorted(layout.numbered["treatment"].items()):
        if is_empty(row[column]):
            continue
        effect, error = (number_in(row, layout.numbered[role].get(place), where) for role in ("mean", "se"))
        arms.append((label_in(row, column), effect, error, number_in(row, layout.single.get("variance"), where)))
    return arms


def studies_from(groups: Groups) -> Made:
    """Return the studies, after seeing that their contrasts and standard errors fit together."""
    made, notes, excluded = [], [], []
    loose, partial = [], []
    for study, (contrasts, people, baseline) in groups.items():
        if not contrasts:
            excluded.append((study, "no contrast with an effect"))
            continue
        names = list(dict.fromkeys(name for c in contrasts for name in (c[0], c[1])))
        partial += [study] * bool(people.keys() - set(names))
        given = {frozenset(c[:2]): c for c in contrasts}
        if len(given) < len(contrasts):
            raise DataError(f"study {study}: a contrast between the same two treatments stands twice; keep one")
        needed = len(names) * (len(names) - 1) // 2
        if len(given) < needed:
            given = _completed(study, names, given, baseline)
        effects, variances = [], []
        for a, b in combinations(names, 2):
            first, _, effect, variance = given[frozenset((a, b))]
            effects.append(effect if first == a else -effect)
            variances.append(variance)
        y, v = np.array(effects), np.array(variances)
        arms = incidence(len(names))
        gap = float(np.max(np.abs(y - arms @ np.linalg.pinv(arms) @ y)))
        if gap > CLOSE * math.sqrt(float(v.min())):
            raise DataError(
                f"study {study}: its contrasts do not add up (off by {gap:.3g} with standard errors from "
                f"{math.sqrt(v.min()):.3g}); check signs and numbers"
            )
        loose += [study] * (gap > 1e-3)
        _require_arms(study, names, v)
        made.append(
            NetworkStudy(
                name=study, treatments=tuple(names), effects=y, variances=v,
                participants=tuple(people.get(name) for name in names),
            )
        )  # fmt: skip
    if loose:
        notes.append(
            f"contrasts that do not close exactly are reconciled by weighted least squares: {', '.join(loose)}"
        )
    if partial:
        notes.append(f"arms without a contrast that has an effect left out of: {', '.join(partial)}")
    return made, excluded, notes


def _require_arms(study: str, names: Sequence[str], v: Any) -> None:
    """Refuse variances of a study of four arms and more that no arms can have (k variances make k (k - 1) / 2)."""
    if len(names) < 3:
        return
    sums = np.abs(incidence(len(names)))
    recovered = sums @ np.linalg.lstsq(sums, v, rcond=None)[0]
    off = np.abs(np.sqrt(np.maximum(recovered, 0.0) / v) - 1)
    if off.max() > CLOSE_SE:
        at = int(off.argmax())
        first, second = list(combinations(names, 2))[at]
        raise DataError(
            f"study {study}: the standard error {math.sqrt(v[at]):.4g} of {first} against {second} does not fit the "
            f"others (its arms would give {math.sqrt(max(recovered[at], 0)):.4g}); check it or give arm data"
        )


def _completed(
    study: str, names: Sequence[str], given: Mapping[frozenset[str], Contrast], baseline: float | None
) -> dict[frozenset[str], Contrast]:
    """Return all contrasts of a study that gives those against one baseline, and the variance of the baseline arm."""
    hubs = [name for name in names if all(frozenset((name, other)) in given for other in names if other != name)]
    if baseline is None or len(given) != len(names) - 1 or not hubs:
        raise DataError(
            f"study {study}: {len(given)} of the {len(names) * (len(names) - 1) // 2} contrasts between its "
            f"{len(names)} treatments; give all, or those against one baseline and baseline_se, the standard error of "
            "the baseline arm"
        )
    hub = hubs[0]
    against = {}
    for name in names:
        if name != hub:
            first, _, effect, variance = given[frozenset((hub, name))]
            if variance <= baseline:
                raise DataError(
                    f"study {study}: the variance {variance:.4g} of {name} against {hub} is below that of {hub} "
                    f"alone, {baseline:.4g}; check the standard error of the baseline, that of its own arm"
                )
            against[name] = (effect if first == name else -effect, variance - baseline)
    full = dict(given)
    for a, b in combinations(against, 2):
        full[frozenset((a, b))] = (a, b, against[a][0] - against[b][0], against[a][1] + against[b][1])
    return full
