"""One limit, one answer.

A limit speaks where the lower bounds among its conditions hold; it can be kept to only inside the upper ones (what the
source covered). A value beyond the limit stays beyond it outside of that range: more is never judged milder.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from assuage.safety.quantities import to_shown
from assuage.safety.records import (
    ANY_AGE,
    DEFINITION,
    HARM_SEEN,
    NO_AGES,
    OUTCOMES,
    ROUNDING,
    Condition,
    Outcome,
    Rule,
    Verdict,
)

WHICH_THRESHOLD = "which motor threshold the intensity refers to is not said (motor_threshold)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A protocol as the judges see it; `values` hold what is given and what follows from it, SI.

    `unsure` are the values that are one of two readings of what is given.
    """

    technique: str
    names: frozenset[str]
    protocol: Mapping[str, Any]
    given: Mapping[str, float]
    values: Mapping[str, float]
    unsure: frozenset[str]
    answers: Mapping[str, str]


def rank(outcome: Outcome) -> int:
    """Return the place of an outcome from the mildest to the strictest."""
    return OUTCOMES.index(outcome)


def speaks(only: Iterable[Condition], case: Case) -> bool:
    """Say whether what is done is what a limit speaks of; what is not known counts as if it were."""
    return all(c.quantity not in case.values or c.holds(case.values[c.quantity]) for c in only)


def judge(rule: Rule, case: Case) -> Verdict:
    """Hold a protocol against one limit."""
    value = case.values.get(rule.quantity)
    limit, source = _limit(rule, case)
    shown = None if value is None else to_shown(value, rule.unit)
    outcome, why = _outcome(rule, case, shown, limit)
    grown = value is not None and rule.quantity in case.given and value > case.given[rule.quantity] * (1 + ROUNDING)
    return Verdict(
        rule_id=rule.rule_id,
        technique=case.technique,
        quantity=rule.quantity,
        outcome=outcome,
        value=shown,
        limit=limit,
        unit=rule.unit,
        population=rule.population,
        source=source,
        source_level=rule.source.level,
        why=f"{rule.says}: {why}"
        + ("; the value follows from others and is larger than the one given" if grown else ""),
        kind="device" if rule.device else rule.kind if rule.kind == DEFINITION else "limit",
    )


def judge_jointly(name: str, parts: tuple[Rule, ...], case: Case) -> Verdict:
    """Hold a protocol against limits that are only worth something together; the strictest part decides."""
    found = [judge(part, case) for part in parts]
    decides = max(found, key=lambda verdict: rank(verdict.outcome))
    return Verdict(
        rule_id=name,
        technique=case.technique,
        quantity=decides.quantity,
        outcome=decides.outcome,
        value=decides.value,
        limit=decides.limit,
        unit=decides.unit,
        population=decides.population,
        source=decides.source,
        source_level=decides.source_level,
        why="; ".join(verdict.why for verdict in found),
        kind="joint",
    )


def age_gap(ages_years: tuple[float, float], values: Mapping[str, float]) -> str:
    """Say why a finding at some ages does not carry over to this person; empty if it does."""
    if ages_years == ANY_AGE:
        return ""
    if ages_years == NO_AGES:
        return "the source does not give the ages"
    low, high = ages_years
    band = f"from {low:g} years on" if high == float("inf") else f"at {low:g} to {high:g} years"
    age = values.get("age_years")
    if age is None:
        return f"age_years is not given and the limit holds {band}"
    return "" if low <= age <= high else f"the limit holds {band}, not at {age:g}"


def keeps(rule: Rule, value: float, limit: float) -> bool:
    """Say whether a value keeps to a limit."""
    slack = ROUNDING * abs(limit)
    return {
        "at_most": value <= limit + slack,
        "at_least": value >= limit - slack,
        "below": value < limit - slack,
        "above": value > limit + slack,
    }[rule.comparison]


def _limit(rule: Rule, case: Case) -> tuple[float | None, str]:
    if isinstance(rule.limit, float):
        return rule.limit, rule.source.citation
    own = case.values.get(rule.limit)
    source = str(case.protocol.get(rule.source_from) or rule.source.citation)
    return (None if own is None else to_shown(own, rule.unit)), source


def _outcome(rule: Rule, case: Case, value: float | None, limit: float | None) -> tuple[Outcome, str]:
    if value is None:
        return "cannot say", f"{rule.quantity} is not given"
    if limit is None:
        return "cannot say", f"{rule.limit} is not given"
    silent = _first_gap((condition for condition in rule.when if not condition.is_upper), case.values)
    if silent:
        return "cannot say", silent
    said = f"{value:.4g} against {limit:.4g} {rule.unit}"
    if not keeps(rule, value, limit):
        return rule.beyond, said
    reason = _why_not_passed(rule, case)
    if reason:
        return "cannot say", f"{said}, but {reason}"
    return "within cited range", f"{said} ({rule.population})"


def _why_not_passed(rule: Rule, case: Case) -> str:
    """Say why a value that keeps to a limit shows nothing; empty if it does."""
    uncovered = _first_gap((*rule.only, *rule.when), case.values)
    if uncovered:
        return uncovered
    if case.unsure & {rule.quantity, *(condition.quantity for condition in rule.when)}:
        return WHICH_THRESHOLD
    if rule.kind == HARM_SEEN:
        return "the limit marks harm, not what is tolerated"
    if not rule.may_pass:
        return "the source was not read"
    return age_gap(rule.ages_years, case.values)


def _first_gap(conditions: Iterable[Condition], values: Mapping[str, float]) -> str:
    return next((gap for condition in conditions if (gap := _gap(condition, values))), "")


def _gap(condition: Condition, values: Mapping[str, float]) -> str:
    """Say why a condition does not hold; empty if it does."""
    if condition.quantity not in values:
        return f"{condition.quantity} is not given"
    return "" if condition.holds(values[condition.quantity]) else f"the source covers {condition} only"
