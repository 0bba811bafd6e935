"""What the cited limits say about a protocol.

A protocol enters as a mapping of quantities in SI (percent of motor threshold and counts as they are). Every limit that
names its technique answers with one verdict:

==================  ==========================================================================================
outcome             meaning
==================  ==========================================================================================
within cited range  the value keeps to a limit whose source was read and that describes use without harm
cannot say          the value is missing, the limit does not cover the case, or its source was not read
warn                beyond what the source covers
stop                beyond a limit
==================  ==========================================================================================

No outcome says that something is safe.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from assuage.errors import DataError
from assuage.safety.rules import HARM_SEEN, Outcome, Rule, TrainLimit, load_rules, load_train_limits
from assuage.units import A_PER_MA, A_PER_S_PER_A_PER_US, M2_PER_CM2

OUTCOMES: tuple[Outcome, ...] = ("within cited range", "cannot say", "warn", "stop")
"""From the mildest to the strictest."""

TECHNIQUES = ("tms", "tdcs", "hd_tdcs_4x1", "hd_tdcs")

ADULT_AGE_YEARS = 18.0

SI_PER_UNIT = {
    "mA": A_PER_MA,
    "min": 60.0,
    "s": 1.0,
    "C": 1.0,
    "mA/cm^2": A_PER_MA / M2_PER_CM2,
    "A/m^2": 1.0,
    "A/us": A_PER_S_PER_A_PER_US,
    "% MT": 1.0,
    "pulses": 1.0,
    "years": 1.0,
    "given": 1.0,
}

ROUNDING = 1e-9
"""Relative slack of a comparison: a sum of currents that is the limit but for rounding keeps to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one limit says; `value` and `limit` are in `unit`, `why` is a sentence for a report."""

    rule_id: str
    technique: str
    quantity: str
    outcome: Outcome
    value: float | None
    limit: float | None
    unit: str
    population: str
    source: str
    source_level: str
    why: str


def check(protocol: Mapping[str, Any]) -> tuple[Verdict, ...]:
    """Hold a protocol against every cited limit of its technique.

    Parameters
    ----------
    protocol
        ``technique`` (one of "tms", "tdcs", "hd_tdcs_4x1", "hd_tdcs") and whatever is known of: ``total_current_A``,
        ``duration_s``, ``charge_C`` (else their product), ``skin_density_A_per_m2``, ``brain_density_A_per_m2``,
        ``didt_A_per_s``, ``coil_max_didt_A_per_s``, ``coil_source``, ``intensity_percent_mt``, ``frequency_Hz``,
        ``train_duration_s``, ``inter_train_interval_s``, ``pulses_per_session``, ``hearing_protection``, ``age_years``.

    Returns
    -------
    One verdict per limit, in the order of the tables. A missing value gives "cannot say".

    Raises
    ------
    DataError
        An unknown technique, or a value that is not a finite number of 0 or more.
    """
    technique = protocol.get("technique")
    if technique not in TECHNIQUES:
        raise DataError(f"technique {technique!r} has no safety rules; known: {', '.join(TECHNIQUES)}")
    values = _numbers(protocol)
    if "charge_C" not in values and {"total_current_A", "duration_s"} <= values.keys():
        values["charge_C"] = values["total_current_A"] * values["duration_s"]
    verdicts = [_apply(rule, str(technique), values, protocol) for rule in load_rules() if technique in rule.techniques]
    if technique == "tms":
        verdicts.append(_train(values))
    return tuple(verdicts)


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the strictest outcome; "cannot say" of nothing."""
    ranks = [OUTCOMES.index(outcome) for outcome in outcomes]
    return OUTCOMES[max(ranks)] if ranks else "cannot say"


def _numbers(protocol: Mapping[str, Any]) -> dict[str, float]:
    values: dict[str, float] = {}
    for key, value in protocol.items():
        if value is None or isinstance(value, str):
            continue
        number = float(value)
        if not 0 <= number < float("inf"):
            raise DataError(f"{key} = {value}; a protocol value is a finite number of 0 or more")
        values[key] = number
    return values


def _apply(rule: Rule, technique: str, values: Mapping[str, float], protocol: Mapping[str, Any]) -> Verdict:
    limit, source = _limit(rule, values, protocol)
    value = values.get(rule.quantity)
    shown = None if value is None else value / SI_PER_UNIT[rule.unit]
    outcome, why = _judge(rule, shown, limit, values)
    return Verdict(
        rule_id=rule.rule_id,
        technique=technique,
        quantity=rule.quantity,
        outcome=outcome,
        value=shown,
        limit=limit,
        unit=rule.unit,
        population=rule.population,
        source=source,
        source_level=rule.source_level,
        why=f"{rule.says}: {why}",
    )


def _limit(rule: Rule, values: Mapping[str, float], protocol: Mapping[str, Any]) -> tuple[float | None, str]:
    if isinstance(rule.limit, float):
        return rule.limit, rule.source
    own = values.get(rule.limit)
    source = str(protocol.get(rule.source) or "the coil states no limit")
    return (None if own is None else own / SI_PER_UNIT[rule.unit]), source


def _judge(rule: Rule, value: float | None, limit: float | None, values: Mapping[str, float]) -> tuple[Outcome, str]:
    gap = _not_covered(rule, value, limit, values)
    if gap or value is None or limit is None:
        return "cannot say", gap
    if not _keeps(rule, value, limit):
        return rule.beyond, f"{value:.4g} against {limit:g} {rule.unit}"
    if not rule.may_pass:
        reason = "it marks harm, not what is tolerated" if rule.kind == HARM_SEEN else "its source was not read"
        return "cannot say", f"{value:.4g} {rule.unit} keeps clear of {limit:g}, but {reason}"
    age = values.get("age_years")
    if age is not None and age < ADULT_AGE_YEARS and "adult" in rule.population:
        return "cannot say", f"{value:.4g} {rule.unit} keeps to {limit:g}, but that was found in adults"
    return "within cited range", f"{value:.4g} against {limit:g} {rule.unit} ({rule.population})"


def _not_covered(rule: Rule, value: float | None, limit: float | None, values: Mapping[str, float]) -> str:
    """Say why a rule cannot be applied; empty if it can."""
    if value is None:
        return f"{rule.quantity} is not given"
    if limit is None:
        return f"{rule.limit} is not given"
    for condition in rule.when:
        if condition.quantity not in values:
            return f"{condition.quantity} is not given"
        if not condition.holds(values[condition.quantity]):
            return f"the source covers {condition.quantity} {condition.relation} {condition.value:g} only"
    return ""


def _keeps(rule: Rule, value: float, limit: float) -> bool:
    slack = ROUNDING * abs(limit)
    return {
        "at_most": value <= limit + slack,
        "at_least": value >= limit - slack,
        "below": value < limit - slack,
        "above": value > limit + slack,
    }[rule.comparison]


def _train(values: Mapping[str, float]) -> Verdict:
    """Compare a train with the table row of the next higher frequency and intensity."""
    table = load_train_limits()
    missing = [key for key in ("frequency_Hz", "intensity_percent_mt", "train_duration_s") if values.get(key) is None]
    if missing:
        return _train_verdict(table[0], "cannot say", None, None, f"{', '.join(missing)} not given")
    frequency, intensity, duration = (
        values[key] for key in ("frequency_Hz", "intensity_percent_mt", "train_duration_s")
    )
    covering = [row for row in table if row.frequency_Hz >= frequency and row.intensity_percent_mt >= intensity]
    if not covering:
        why = f"{frequency:g} Hz at {intensity:g} % MT lies beyond the table"
        return _train_verdict(table[0], "stop", duration, None, why)
    row = min(covering, key=lambda row: (row.frequency_Hz, row.intensity_percent_mt))
    at = f"{row.frequency_Hz:g} Hz, {row.intensity_percent_mt:g} % MT"
    said = f"{duration:g} s against {row.train_duration_s:g} s at {at}"
    if duration > row.train_duration_s * (1 + ROUNDING):
        if row.longer_not_tested:
            return _train_verdict(row, "warn", duration, row.train_duration_s, said + "; longer trains were not tested")
        return _train_verdict(row, "stop", duration, row.train_duration_s, said)
    why = said + ", but the table was not read at its source"
    return _train_verdict(row, "cannot say", duration, row.train_duration_s, why)


def _train_verdict(row: TrainLimit, outcome: Outcome, value: float | None, limit: float | None, why: str) -> Verdict:
    return Verdict(
        rule_id="tms-train-duration",
        technique="tms",
        quantity="train_duration_s",
        outcome=outcome,
        value=value,
        limit=limit,
        unit="s",
        population=row.population,
        source=row.source,
        source_level=row.source_level,
        why=f"longest train: {why}",
    )
