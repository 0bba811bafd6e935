"""From what studies report to pooled effects: pairwise, multilevel and network meta-analysis. Knows no topic."""
