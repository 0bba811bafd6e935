"""Coordinates: poses, header audit."""

from assuage.space.pose import validate_pose, validate_poses

__all__ = ["validate_pose", "validate_poses"]
