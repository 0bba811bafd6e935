"""From what studies report to pooled effects: pairwise, multilevel and network meta-analysis. Knows no topic."""

from assuage.synthesis.analysis import Analysis, Choices, analyse
from assuage.synthesis.pooling import Fit, pool
from assuage.synthesis.reading import StudyTable, read_studies

__all__ = ["Analysis", "Choices", "Fit", "StudyTable", "analyse", "pool", "read_studies"]
