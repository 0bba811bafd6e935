"""From what studies report to pooled effects: pairwise, multilevel and network meta-analysis. Knows no topic."""

from assuage.synthesis.network_analysis import NetworkMetaAnalysis, network_meta_analysis
from assuage.synthesis.network_model import Network
from assuage.synthesis.network_tables import read_network

__all__ = ["Network", "NetworkMetaAnalysis", "network_meta_analysis", "read_network"]
