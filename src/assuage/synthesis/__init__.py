"""From what studies report to pooled effects: pairwise, multilevel and network meta-analysis. Knows no topic."""

from assuage.synthesis.analysis import Analysis, Choices, analyse
from assuage.synthesis.network_analysis import NetworkMetaAnalysis, network_meta_analysis
from assuage.synthesis.network_model import Network
from assuage.synthesis.network_tables import read_network
from assuage.synthesis.pooling import Fit, pool
from assuage.synthesis.reading import StudyTable, read_studies

__all__ = [
    "Analysis",
    "Choices",
    "Fit",
    "Network",
    "NetworkMetaAnalysis",
    "StudyTable",
    "analyse",
    "network_meta_analysis",
    "pool",
    "read_network",
    "read_studies",
]
