"""A plan as BIDS: derivatives of head and plan, and a draft of NIBS-BIDS. Copies and rewrites; computes nothing."""

from assuage.export.derivatives import Export, export_bids
from assuage.export.nibs_keys import read_table

__all__ = ["Export", "export_bids", "read_table"]
