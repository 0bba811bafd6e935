"""Where a protocol contradicts its name or itself: limits follow from what is done, and no name can change that.

Two ways, both in `data/definitions.toml`: a quantity that the named technique does not have, and a row of kind
"definition" (what a name or a number means). Where nothing is contradicted nothing is said.
"""

from assuage.safety.judge import Case, judge, speaks
from assuage.safety.quantities import QUANTITIES, to_shown
from assuage.safety.records import DEFINITION, RuleSet, Verdict


def contradictions(rules: RuleSet, case: Case) -> list[Verdict]:
    """Return one verdict per quantity that the technique does not have, and per definition that is broken."""
    return [*_foreign(rules, case), *_broken(rules, case)]


def _broken(rules: RuleSet, case: Case) -> list[Verdict]:
    defined = [rule for rule in rules.rules if rule.kind == DEFINITION and rule.techniques & case.names]
    judged = [(rule, judge(rule, case)) for rule in defined if speaks(rule.only, case)]
    return [verdict for rule, verdict in judged if verdict.outcome == rule.beyond]


def _foreign(rules: RuleSet, case: Case) -> list[Verdict]:
    label, package = rules.techniques[case.technique].label, rules.sources["package"]
    return [
        Verdict(
            rule_id=f"contradicts-label:{key}",
            technique=case.technique,
            quantity=key,
            outcome="stop",
            value=to_shown(value, QUANTITIES[key]),
            limit=None,
            unit=QUANTITIES[key],
            population="all",
            source=package.citation,
            source_level=package.level,
            why=f"a protocol of {label} has no {key}; name the technique that this is, or leave {key} out",
            kind=DEFINITION,
        )
        for key, value in case.given.items()
        if value and key in rules.belongs and not rules.belongs[key] & case.names
    ]
