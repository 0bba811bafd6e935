"""Targets: a sphere, a mask or a coordinate, intersected with tissue, with a direction or without."""

from assuage.targets.atlas import AtlasRegion, read_region
from assuage.targets.coordinate import MAX_SNAP_MM, from_coordinate, nearest_cortex_mm
from assuage.targets.target import Target

__all__ = ["MAX_SNAP_MM", "AtlasRegion", "Target", "from_coordinate", "nearest_cortex_mm", "read_region"]
