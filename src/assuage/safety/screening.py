"""Screening answers: a "yes" is a review or a stop, an answer that is not known settles nothing.

A topic that no source asks for a technique still counts when it is answered with "yes": a clinician has to look at it.
"""

from dataclasses import replace

from assuage.safety.judge import Case
from assuage.safety.quantities import QUANTITIES, SCREEN
from assuage.safety.records import OUTCOME_OF, Answered, Interaction, Outcome, RuleSet, Source, Topic, Verdict

REVIEW = "a clinician decides before the session"
STOP = "the session does not go ahead"


def judge_screening(rules: RuleSet, case: Case) -> list[Verdict]:
    """Return one verdict per answered topic, one for what was not asked, and one per interaction that applies."""
    asked = {topic.key: topic for topic in rules.topics}
    found = [
        _answer(asked.get(key), key, answer, case, rules.sources["package"]) for key, answer in case.answers.items()
    ]
    wanted = [topic for topic in rules.topics if topic.for_technique(case.names)]
    return [*found, *_unanswered(wanted, case, rules.sources["package"]), *_interactions(rules, case)]


def _answer(topic: Topic | None, key: str, answer: str, case: Case, package: Source) -> Verdict:
    entry = topic.for_technique(case.names) if topic else None
    asks = topic.asks if topic else key.replace("_", " ")
    source = entry.source if entry else package
    base = Verdict(
        rule_id=f"screen-{key.replace('_', '-')}",
        technique=case.technique,
        quantity=f"{SCREEN}{key}",
        outcome="cannot say",
        value={"yes": 1.0, "no": 0.0}.get(answer),
        limit=None,
        unit="yes",
        population=entry.population if entry else "no cited list for this technique",
        source=source.citation,
        source_level=source.level,
        why="",
        kind="screening",
    )
    outcome, why = _weigh(answer, entry)
    return replace(base, outcome=outcome, why=f"{asks}: {why}")


def _weigh(answer: str, entry: Answered | None) -> tuple[Outcome, str]:
    if answer == "unknown":
        return "cannot say", f"the answer is not known; {REVIEW}"
    if answer == "yes":
        if entry is None:
            return "warn", f"yes, and no cited list asks this here; {REVIEW}"
        return OUTCOME_OF[entry.consequence], f"yes; {STOP if entry.consequence == 'stop' else REVIEW}"
    return "cannot say", "no; a list of topics is never complete, so this is no pass"


def _unanswered(wanted: list[Topic], case: Case, package: Source) -> list[Verdict]:
    missing = [topic for topic in wanted if topic.key not in case.answers]
    if wanted and not missing:
        return []
    why = (
        f"{len(missing)} of {len(wanted)} screening topics have no answer: {', '.join(t.key for t in missing)}"
        if wanted
        else "no cited list of screening topics was found for this technique"
    )
    return [
        Verdict(
            rule_id="screening-complete",
            technique=case.technique,
            quantity="screening",
            outcome="cannot say",
            value=float(len(wanted) - len(missing)) if wanted else None,
            limit=float(len(wanted)) if wanted else None,
            unit="topics",
            population="all",
            source=package.citation,
            source_level=package.level,
            why=why,
            kind="missing",
        )
    ]


def _interactions(rules: RuleSet, case: Case) -> list[Verdict]:
    return [verdict for rule in rules.interactions if rule.techniques & case.names for verdict in _together(rule, case)]


def _together(rule: Interaction, case: Case) -> list[Verdict]:
    """Return a verdict where the answers meet; none where no topic of the first list is answered with yes."""
    first = _yes(rule.any_of, case)
    if not first:
        return []
    second = _yes(rule.and_any_of, case)
    if rule.and_any_of and not second:
        return []
    missing = [condition.quantity for condition in rule.when if condition.quantity not in case.values]
    met = all(
        condition.quantity in case.values and condition.holds(case.values[condition.quantity])
        for condition in rule.when
    )
    if not met and not missing:
        return []
    topics = ", ".join(key.replace("_", " ") for key in (*first, *second))
    with_words = "".join(f", with {condition}" for condition in rule.when)
    gap = f"; {', '.join(missing)} not given" if missing else ""
    return [
        Verdict(
            rule_id=rule.rule_id,
            technique=case.technique,
            quantity=rule.when[0].quantity if rule.when else f"{SCREEN}{first[0]}",
            outcome=OUTCOME_OF[rule.consequence] if met else "cannot say",
            value=case.values.get(rule.when[0].quantity) if rule.when else None,
            limit=rule.when[0].value if rule.when else None,
            unit=QUANTITIES[rule.when[0].quantity] if rule.when else "",
            population=rule.population,
            source=rule.source.citation,
            source_level=rule.source.level,
            why=f"{rule.says}: {topics}{with_words}{gap}; {REVIEW}",
            kind="interaction",
        )
    ]


def _yes(keys: tuple[str, ...], case: Case) -> tuple[str, ...]:
    return tuple(key for key in keys if case.answers.get(key) == "yes")
