"""Protocols: from the pulse to the course in exact arithmetic, `protocol.json`, published protocols, checklists."""

from assuage.protocols.checklists import checklist_names, fill, load_checklist
from assuage.protocols.combined import electrodes_under_coil
from assuage.protocols.draft import draft
from assuage.protocols.protocol import Protocol, from_content, json_schema, read_protocol, write_protocol
from assuage.protocols.published import load_published, published_protocols
from assuage.protocols.quantities import quantities

__all__ = [
    "Protocol",
    "checklist_names",
    "draft",
    "electrodes_under_coil",
    "fill",
    "from_content",
    "json_schema",
    "load_checklist",
    "load_published",
    "published_protocols",
    "quantities",
    "read_protocol",
    "write_protocol",
]
