"""The evidence base: studies, findings, trials and peaks as tables with the level of text each row was read from."""

from assuage.evidence.problems import Problem
from assuage.evidence.queries import Filters, query
from assuage.evidence.tables import Evidence, Row, load_evidence
from assuage.evidence.validate import validate

__all__ = ["Evidence", "Filters", "Problem", "Row", "load_evidence", "query", "validate"]
