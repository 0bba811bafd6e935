"""Safety: cited limits and what they say about a protocol. It shares no code with any optimiser."""

from assuage.safety.check import OUTCOMES, Verdict, check, worst
from assuage.safety.rules import Outcome, Rule, TrainLimit, load_rules, load_train_limits

__all__ = ["OUTCOMES", "Outcome", "Rule", "TrainLimit", "Verdict", "check", "load_rules", "load_train_limits", "worst"]
