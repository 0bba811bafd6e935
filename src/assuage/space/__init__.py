"""Coordinates: poses, header audit, navigator files."""

from assuage.space.audit import Finding, HeaderAudit, audit_header, audit_label_values
from assuage.space.markers import Marker, NavigatorSession, Pulse
from assuage.space.navigator import read_markers, read_session, write_markers
from assuage.space.pose import validate_pose, validate_poses
from assuage.space.reference import read_reference

__all__ = [
    "Finding",
    "HeaderAudit",
    "Marker",
    "NavigatorSession",
    "Pulse",
    "audit_header",
    "audit_label_values",
    "read_markers",
    "read_reference",
    "read_session",
    "validate_pose",
    "validate_poses",
    "write_markers",
]
