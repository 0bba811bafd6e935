"""A written plan, opened again: its head, coil, target and conductor, or a refusal naming what is not the plan's."""

import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from assuage.errors import PlanError, TargetError
from assuage.field import Conductor, Landscape
from assuage.head import Head
from assuage.head.hashing import file_hash, head_hash
from assuage.plan import load_record
from assuage.plan.aim_records import TargetRecord
from assuage.plan.provenance import coil_hash
from assuage.plan.records import CoilProposal, MontageProposal, PlanRecord, TechniqueRecord
from assuage.plan.result import PLAN_FILE
from assuage.sources import Coil
from assuage.targets import Target
from assuage.techniques.goal import Goal
from assuage.techniques.scalp import Scalp

Array = NDArray[np.float64]

REOPENED_TOLERANCE = 1e-3
"""Relative difference between the planned field as recorded and as found again; rounding of the records is 1e-7."""
REOPENED_MASK_TOLERANCE = 2e-2
"""The same for a target that is no sphere: target.nii.gz has it on the head's voxels, without shares of voxels."""
SAME_CONDUCTIVITY = 1e-6
TARGET_FILE = "target.nii.gz"


@dataclass(frozen=True, eq=False)
class OpenedPlan:
    """A plan with what its fields are computed from; made by `open_plan`.

    Attributes
    ----------
    folder, record, sha256
        Where it lies, what it says, and the hash of its plan.json.
    head, target
        The head, proven to be the plan's by its hash, and the region aimed at.
    """

    folder: Path
    record: PlanRecord
    sha256: str
    head: Head
    target: Target

    @cached_property
    def conductor(self) -> Conductor:
        """The head on the plan's grid."""
        return Conductor(self.head, float(self.record.provenance.conductor["voxel_mm"]))

    @cached_property
    def landscape(self) -> Landscape:
        """The adjoint of the target."""
        return Landscape.of(self.conductor, self.target)

    @cached_property
    def scalp(self) -> Scalp:
        """The skin with what placing needs."""
        return Scalp(self.head)

    @property
    def goal(self) -> Goal:
        """What counts in the target: the component along the plan's direction, else the magnitude."""
        aim = self.record.target
        return Goal(
            direction=None if aim.direction is None else np.array(aim.direction),
            normal=None if aim.normal is None else np.array(aim.normal),
        )

    @property
    def regions(self) -> dict[str, Target]:
        """The other regions of the plan's circuit, by label."""
        circuit = self.record.circuit
        found = () if circuit is None else circuit.regions
        return {
            region.label: _sphere(region.target) for region in found if region.target is not None and not region.primary
        }

    def require_coil(self, coil: Coil) -> None:
        """Refuse a coil that is not the plan's.

        Raises
        ------
        PlanError
            Its dipoles have another hash.
        """
        wanted = self.record.provenance.settings.get("coil_sha256")
        if coil_hash(coil) != wanted:
            raise PlanError(
                f"coil {coil.name!r} ({coil_hash(coil)[:12]}) is not the plan's ({str(wanted)[:12]}); give the file "
                "that was planned with: --coil FILE"
            )

    def require_again(self, technique: TechniqueRecord, mean_e_V_per_m: Array) -> None:
        """Refuse to go on if the planned field, computed again, is not the recorded one.

        Raises
        ------
        PlanError
            They differ by more than `REOPENED_TOLERANCE`, or `REOPENED_MASK_TOLERANCE`.
        """
        found, recorded = float(np.linalg.norm(mean_e_V_per_m)), technique.dose.adjoint_V_per_m
        limit = REOPENED_TOLERANCE if self.target.mask is None else REOPENED_MASK_TOLERANCE
        if abs(found / recorded - 1) > limit:
            raise PlanError(
                f"the planned field of {technique.technique} is {found:.4g} V/m when computed again, but plan.json "
                f"says {recorded:.4g}; the plan was made by another version: plan again"
            )


def open_plan(path: Path | str, head: Head) -> OpenedPlan:
    """Open a written plan.

    Parameters
    ----------
    path
        Folder of the plan, or its plan.json.
    head
        The head that it was made on.

    Raises
    ------
    PlanError
        No plan there, or another head, or the plan's head with other conductivities.
    """
    folder = folder_of(path)
    record = load_record(folder)
    found = head_hash(head)
    if found != record.head.sha256:
        raise PlanError(
            f"head {head.name!r} ({found[:12]}) is not the head of the plan ({record.head.name!r}, "
            f"{record.head.sha256[:12]}); give the head that was planned on: --head NAME|PATH"
        )
    for tissue in record.head.tissues:
        used = head.conductivity_S_per_m.get(tissue.name, 0.0)
        if abs(used - tissue.conductivity_S_per_m) > SAME_CONDUCTIVITY * tissue.conductivity_S_per_m:
            raise PlanError(
                f"{tissue.name} has {used:g} S/m in head {head.name!r} but {tissue.conductivity_S_per_m:g} in the "
                "plan; give the conductivities that were planned with: --tissues FILE"
            )
    _require_same_tensors(record, head)
    sha256 = file_hash(folder / PLAN_FILE)
    return OpenedPlan(
        folder=folder, record=record, sha256=sha256, head=head, target=_target(record.target, folder, head)
    )


def _require_same_tensors(record: PlanRecord, head: Head) -> None:
    """Refuse a head whose anisotropy is not the plan's."""
    planned = record.head.anisotropy
    used = None if head.tensors is None else head.tensors.origin
    same = ("sha256", "order", "frame", "mapping")
    if (planned is None) != (used is None) or (
        planned is not None and used is not None and any(getattr(planned, key) != used.get(key) for key in same)
    ):
        said = "isotropic white matter" if planned is None else f"the tensors of {planned.file} ({planned.mapping})"
        has = "isotropic white matter" if used is None else f"those of {used.get('file')} ({used.get('mapping')})"
        raise PlanError(
            f"the plan was made with {said} but head {head.name!r} has {has}; give the same: "
            "assuage.head.with_white_matter_tensors, or the path in the plan's command"
        )


def folder_of(path: Path | str) -> Path:
    """Return the folder of a plan, named by itself or by its plan.json."""
    path = Path(path)
    return path.parent if path.name == PLAN_FILE else path


def planned_with(record: PlanRecord, option: str) -> str | None:
    """Return an option of the command that made a plan ("--head"), None if it was not given there."""
    words = shlex.split(record.provenance.command) if record.provenance.command.startswith("assuage ") else []
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == option:
            return following
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
    return None


def coil_technique(record: PlanRecord) -> tuple[TechniqueRecord, CoilProposal]:
    """Return the coil placement of a plan.

    Raises
    ------
    PlanError
        The plan has none.
    """
    for item in record.techniques:
        if item.technique == "tms" and isinstance(item.proposal, CoilProposal):
            return item, item.proposal
    raise PlanError(f"the plan holds no coil placement of technique tms (it has {_names(record)}); plan with tms")


def montage_technique(record: PlanRecord, name: str | None) -> tuple[TechniqueRecord, MontageProposal]:
    """Return a montage of direct current of a plan: the one named, or the only one.

    Raises
    ------
    PlanError
        No such technique, several and none named, or one whose currents alternate.
    """
    montages = {
        item.technique: (item, item.proposal)
        for item in record.techniques
        if isinstance(item.proposal, MontageProposal)
        and all(electrode.phase_deg is None and electrode.carrier_Hz is None for electrode in item.proposal.electrodes)
    }
    if name is not None and name.replace("-", "_") not in montages:
        raise PlanError(
            f"technique {name!r} is no montage of this plan that is read back; choose from "
            f"{', '.join(montages) or 'none: plan tdcs or hd-tdcs'}"
        )
    if name is None and len(montages) != 1:
        raise PlanError(f"the plan holds {len(montages)} montages ({', '.join(montages)}); name one: --technique NAME")
    return montages[next(iter(montages)) if name is None else name.replace("-", "_")]


def _names(record: PlanRecord) -> str:
    return ", ".join(item.technique for item in record.techniques)


def _sphere(record: TargetRecord) -> Target:
    return Target.sphere(record.center_mm, record.radius_mm, tissue=record.tissues, name=record.name)


def _target(record: TargetRecord, folder: Path, head: Head) -> Target:
    """Return the target as planned: a sphere if that marks the voxels of target.nii.gz, else those voxels."""
    try:
        image = nib.load(folder / TARGET_FILE)
    except (OSError, ValueError) as error:
        raise PlanError(f"cannot read {folder / TARGET_FILE} ({error}); give the whole folder of the plan") from None
    marked = np.asarray(image.dataobj) != 0
    sphere = _sphere(record)
    try:
        same = marked.shape == head.labels.shape and bool((sphere.mask_in(head) == marked).all())
    except TargetError:
        same = False
    if same:
        return sphere
    return Target.from_mask(marked, np.asarray(image.affine), tissue=record.tissues, name=record.name)
