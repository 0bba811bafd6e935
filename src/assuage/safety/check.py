"""What the cited limits say about a protocol.

A protocol enters as a mapping of quantities in SI (percent of motor threshold and counts as they are). Every limit that
names its technique answers with one verdict:

==================  ==========================================================================================
outcome             meaning
==================  ==========================================================================================
within cited range  the value keeps to a limit whose source was read and that describes use without harm
cannot say          the value is missing, the limit does not cover the case, its source was not read, or none exists
warn                beyond what one source covers, or a clinician has to decide first
stop                beyond a limit
==================  ==========================================================================================

No outcome says that something is safe. A protocol is never changed, and nothing here is shared with what optimises.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from assuage.errors import DataError
from assuage.safety.consistency import contradictions
from assuage.safety.judge import Case, judge, judge_jointly, rank, speaks
from assuage.safety.load import load_rule_set
from assuage.safety.quantities import (
    QUANTITIES,
    THRESHOLDS,
    by_threshold,
    derivations,
    read_answers,
    read_values,
    to_shown,
    with_derived,
)
from assuage.safety.records import DEFINITION, Outcome, Rule, RuleSet, Technique, Verdict
from assuage.safety.screening import judge_screening
from assuage.safety.tables import INTENSITY, judge_interval, judge_output, judge_train


def check(protocol: Mapping[str, Any], *, rules: RuleSet | None = None) -> tuple[Verdict, ...]:
    """Hold a protocol against every cited limit of its technique.

    Parameters
    ----------
    protocol
        ``technique`` (a key of ``load_rule_set().techniques``) and whatever is known of the quantities of
        `assuage.safety.quantities.QUANTITIES`, in SI; ``motor_threshold`` ("resting" or "active"), ``stimulator`` and
        ``coil_source`` as text; screening answers as ``screen_<topic>``: "yes", "no" or "unknown".
    rules
        Another rule set than the package's own.

    Returns
    -------
    One verdict per limit and per contradiction of the protocol with its name or itself, then what is missing, and one
    for each given quantity that no limit is known for. A missing value gives "cannot say".

    Raises
    ------
    DataError
        An unknown technique, a value that is not a finite number of 0 or more, or an answer that is none.
    """
    rules = rules or load_rule_set()
    case, technique = _case(protocol, rules)
    verdicts = [
        *_limits(rules, case),
        *contradictions(rules, case),
        *(judge_train(table, case) for table in rules.train_tables if table.techniques & case.names),
        *(
            judge_interval(table, case)
            for table in rules.interval_tables
            if table.techniques & case.names and speaks(table.only, case)
        ),
        *_device(rules, case),
        *judge_screening(rules, case),
        *_notices(rules, case),
    ]
    return (*verdicts, *_missing(technique, case, rules), *_uncited(case, rules, verdicts))


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the strictest outcome; "cannot say" of nothing."""
    return max(outcomes, key=rank, default="cannot say")


def missing_quantities(protocol: Mapping[str, Any], *, rules: RuleSet | None = None) -> tuple[str, ...]:
    """Return the quantities that the technique of a protocol needs and that are not there and follow from nothing."""
    case, technique = _case(protocol, rules or load_rule_set())
    return _absent(technique, case)


def _case(protocol: Mapping[str, Any], rules: RuleSet) -> tuple[Case, Technique]:
    name = protocol.get("technique")
    if not isinstance(name, str) or name not in rules.techniques:
        raise DataError(f"technique {name!r} has no safety rules; known: {', '.join(rules.techniques)}")
    technique = rules.techniques[name]
    given = read_values(protocol)
    intensities, unsure = by_threshold(given, protocol.get("motor_threshold"))
    case = Case(
        technique=name,
        names=technique.names,
        protocol=protocol,
        given=given,
        values=with_derived({**given, **intensities}, name),
        unsure=unsure,
        answers=read_answers(protocol),
    )
    return case, technique


def _limits(rules: RuleSet, case: Case) -> list[Verdict]:
    found: list[Verdict] = []
    joints: dict[str, list[Rule]] = {}
    for rule in rules.rules:
        if rule.device or rule.kind == DEFINITION or not (rule.techniques & case.names and speaks(rule.only, case)):
            continue
        if rule.joint:
            joints.setdefault(rule.joint, []).append(rule)
        else:
            found.append(judge(rule, case))
    return found + [judge_jointly(name, tuple(parts), case) for name, parts in joints.items()]


def _device(rules: RuleSet, case: Case) -> list[Verdict]:
    """Return the limits of the stimulator that is named, and say if there are none on record."""
    named = _plain(str(case.protocol.get("stimulator") or ""))
    own = [rule for rule in rules.rules if rule.device and rule.techniques & case.names]
    devices = tuple(dict.fromkeys(rule.device for rule in own))
    found = []
    for rule in own:
        if named.startswith(_plain(rule.device)):
            found.append(judge(rule, case))
        elif rule.elsewhere:
            found.append(_of_another(rule, case))
    for table in rules.output_tables:
        model = _plain(table.device)
        if named.startswith(model) and table.device.startswith(devices):
            found.append(judge_output(table, case))
        elif named and model.startswith(named) and table.device.startswith(devices):
            why = f"{table.says}: stimulator does not say whether it is {table.device!r}"
            found.append(_of_the_package(table.rule_id, "stimulator", why, case, rules, kind="device"))
    if devices and not any(named.startswith(_plain(device)) for device in devices):
        what = f"no limits of {case.protocol['stimulator']!r} are on record" if named else "stimulator is not given"
        why = f"limits of the stimulator itself: {what} (on record: {', '.join(devices)})"
        found.append(_of_the_package("device-limits", "stimulator", why, case, rules, kind="device"))
    return found


def _of_another(rule: Rule, case: Case) -> Verdict:
    """Return what a limit of one device says about another: beyond it a caution, within it nothing."""
    verdict = judge(rule, case)
    if verdict.outcome == rule.beyond and rule.elsewhere:
        return replace(verdict, outcome=rule.elsewhere)
    note = ", but that is another device" if verdict.outcome == "within cited range" else ""
    return replace(verdict, outcome="cannot say", why=verdict.why + note)


def _plain(name: str) -> str:
    return "".join(name.casefold().replace("²", "2").split())


def _notices(rules: RuleSet, case: Case) -> list[Verdict]:
    return [
        Verdict(
            rule_id=notice.rule_id,
            technique=case.technique,
            quantity="technique",
            outcome=notice.outcome,
            value=None,
            limit=None,
            unit="",
            population=notice.population,
            source=notice.source.citation,
            source_level=notice.source.level,
            why=notice.says,
            kind="notice",
        )
        for notice in rules.notices
        if notice.techniques & case.names
    ]


def _absent(technique: Technique, case: Case) -> tuple[str, ...]:
    later = []
    for quantity, condition in technique.required_when:
        value = case.values.get(condition.quantity)
        if value is None or condition.holds(value):
            later.append(quantity)
    return tuple(name for name in (*technique.mandatory, *later) if name not in case.values)


def _missing(technique: Technique, case: Case, rules: RuleSet) -> list[Verdict]:
    absent = _absent(technique, case)
    if not absent:
        return []
    why = f"a protocol of {technique.label} states {', '.join(absent)} too; without, nothing can be said of the whole"
    return [_of_the_package("missing-mandatory", absent[0], why, case, rules, kind="missing")]


def _uncited(case: Case, rules: RuleSet, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return one verdict for each given quantity that no limit that spoke uses, itself or through what follows."""
    used = _used(case, rules, {verdict.rule_id for verdict in verdicts})
    found = []
    for key, value in case.given.items():
        if key in used or (key in rules.belongs and not rules.belongs[key] & case.names):
            continue
        unit = QUANTITIES.get(key, "")
        why = f"no cited limit of {key} applies to {rules.techniques[case.technique].label}"
        verdict = _of_the_package(f"no-cited-limit:{key}", key, why, case, rules, kind="uncited")
        found.append(replace(verdict, value=to_shown(value, unit) if unit else value, unit=unit))
    return found


def _used(case: Case, rules: RuleSet, spoken: set[str]) -> set[str]:
    used = {"age_years"}
    for rule in rules.rules:
        if rule.rule_id in spoken or rule.joint in spoken:
            used |= {rule.quantity, str(rule.limit), *(condition.quantity for condition in (*rule.only, *rule.when))}
    for table in rules.train_tables:
        if table.rule_id in spoken:
            used |= {table.quantity, "frequency_Hz", INTENSITY}
    if any(table.rule_id in spoken for table in rules.interval_tables):
        used |= {"inter_train_interval_s", INTENSITY}
    if any(table.rule_id in spoken for table in rules.output_tables):
        used.add("output_percent_mso")
    for derivation in reversed(derivations(case.technique)):
        if derivation.quantity in used:
            used |= set(derivation.inputs)
    if used & set(THRESHOLDS.values()):
        used.add("intensity_percent_mt")
    return used


def _of_the_package(rule_id: str, quantity: str, why: str, case: Case, rules: RuleSet, *, kind: str) -> Verdict:
    package = rules.sources["package"]
    return Verdict(
        rule_id=rule_id, technique=case.technique, quantity=quantity, outcome="cannot say", value=None, limit=None,
        unit="", population="all", source=package.citation, source_level=package.level, why=why, kind=kind,
    )  # fmt: skip
