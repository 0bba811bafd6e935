"""A lead along a way into the head: where its contacts come to lie, and what is refused."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from assuage.errors import PlanError
from assuage.field.implant import ContactFields
from assuage.head.tissues import BRAIN_NAMES, SKULL_NAMES
from assuage.sources.lead import Lead, PlacedLead
from assuage.techniques.dbs_trajectory import Rules, Trajectory

if TYPE_CHECKING:
    from assuage.head import Head

LEAST_IN_BRAIN = 0.5
"""A contact with less of its face in the brain is refused; one with less than all is named."""
LINE_STEP_MM = 0.25


def place_along(
    head: "Head", lead: Lead, ways: Sequence[Trajectory], *, rotation_deg: float = 0.0
) -> tuple[PlacedLead, Trajectory]:
    """Return the lead along the best way on which its contacts lie in the brain, and the way.

    The target comes to lie between the two lowest levels, or in the middle of the lowest where the first would reach
    out of the brain.

    Raises
    ------
    PlanError
        None of the ways; the message says why the last failed.
    """
    aims = [lead.level_center_mm(1)]
    if lead.levels > 1:
        aims.insert(0, (lead.level_center_mm(1) + lead.level_center_mm(2)) / 2)
    refused = PlanError("no trajectory was given")
    for way in ways:
        for aim in aims:
            placed = lead.at(way.target_mm - aim * way.direction, way.direction, rotation_deg)
            try:
                check_placement(head, placed)
            except PlanError as refusal:
                refused = refusal
            else:
                return placed, way
    raise PlanError(f"on none of {len(ways)} trajectories do the contacts of {lead.name!r} lie in the brain: {refused}")


def check_placement(head: "Head", placed: PlacedLead) -> None:
    """Refuse a lead whose contacts or shaft do not lie where they may.

    Raises
    ------
    PlanError
        The tip outside the brain, a contact off the brain, a shaft that ends in the head, or that runs through eyes or
        more bone than a vault has.
    """
    tip = str(head.tissue_at(placed.tip_mm[None])[0])
    if tip not in BRAIN_NAMES:
        raise PlanError(f"the tip of the lead at {np.round(placed.tip_mm, 1)} mm lies in {tip}; move it into the brain")
    for number, contact in enumerate(placed.lead.contacts):
        inside = in_brain(head, placed, number)
        if inside < LEAST_IN_BRAIN:
            raise PlanError(
                f"contact {contact.label} has {100 * inside:.0f} % of its face in the brain, "
                f"{100 * LEAST_IN_BRAIN:.0f} % are needed; move the lead or take one with fewer or closer contacts"
            )
    size = float(np.linalg.norm(head.voxel_mm * head.labels.shape))
    along = np.arange(0.0, size, LINE_STEP_MM)
    tissue = head.tissue_at(placed.tip_mm + along[:, None] * placed.direction)
    bone = float(np.isin(tissue, list(SKULL_NAMES)).sum() * LINE_STEP_MM)
    most = Rules().thickest_bone_mm
    if bone > most:
        raise PlanError(
            f"the shaft runs through {bone:.0f} mm of bone, more than {most:g} mm: a skull base or face; turn the lead"
        )
    if (tissue == "eyes").any():
        raise PlanError("the shaft runs through an eye; turn the lead")


def in_brain(head: "Head", placed: PlacedLead, number: int) -> float:
    """Return the share of the face of a contact that lies in the brain."""
    return float(np.isin(head.tissue_at(placed.face_mm(number)), list(BRAIN_NAMES)).mean())


def placement_warnings(fields: ContactFields) -> tuple[str, ...]:
    """Say what a reader must know about the lead and where it lies."""
    placed = fields.placed
    lines = [placed.lead.note] if placed.lead.note else []
    for number, contact in enumerate(placed.lead.contacts):
        inside = in_brain(fields.whole, placed, number)
        if inside < 1:
            lines.append(f"contact {contact.label} has {100 * inside:.0f} % of its face in the brain")
    return tuple(lines)
