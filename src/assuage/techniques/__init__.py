"""Techniques: candidates, scores and doses of TMS, tDCS, 4x1 and optimised HD-tDCS."""

from assuage.techniques.goal import Goal
from assuage.techniques.scalp import Scalp

__all__ = ["Goal", "Scalp"]
