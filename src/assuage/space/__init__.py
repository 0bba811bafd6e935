"""Coordinates: poses, header audit."""

from assuage.space.audit import Finding, HeaderAudit, audit_header, audit_label_values
from assuage.space.pose import validate_pose, validate_poses

__all__ = ["Finding", "HeaderAudit", "audit_header", "audit_label_values", "validate_pose", "validate_poses"]
