"""From a person's T1 to their head: registration of the embedded head, tissues by mixture, closed layers.

`assuage.segmentation.simulated` makes people of known anatomy to test it on.
"""

from assuage.segmentation.brain import Brain, read_brain
from assuage.segmentation.build import Built, build_head
from assuage.segmentation.scan import Scan, read_scan
from assuage.segmentation.steps import Steps

__all__ = ["Brain", "Built", "Scan", "Steps", "build_head", "read_brain", "read_scan"]
