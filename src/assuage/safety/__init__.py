"""Safety: cited limits and what they say about a protocol. It shares no code with any optimiser."""

from assuage.safety.check import check, missing_quantities, worst
from assuage.safety.load import load_rule_set
from assuage.safety.records import OUTCOMES, OWN_LEVEL, Outcome, Rule, RuleSet, Technique, Topic, Verdict

__all__ = [
    "OUTCOMES",
    "OWN_LEVEL",
    "Outcome",
    "Rule",
    "RuleSet",
    "Technique",
    "Topic",
    "Verdict",
    "check",
    "load_rule_set",
    "missing_quantities",
    "worst",
]
