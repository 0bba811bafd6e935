"""What a report is made from: the records of plan.json and the volumes and arrays beside it."""

import base64
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from assuage.plan import PlanRecord, load_record
from assuage.report.head_quality import BRAIN_FILE, OVERLAY_FILE, QC_FILE, brain_mask
from assuage.report.head_quality import write as write_head_quality
from assuage.report.volumes import Volume

if TYPE_CHECKING:
    from assuage.plan import Plan


MAPS_FILE = "maps.npz"
QC_FOLDER = "head_qc"
"""Where the command line puts the quality figures of the head inside a plan's folder."""


@dataclass(frozen=True, kw_only=True)
class PlanFiles:
    """A plan read back from its folder.

    Attributes
    ----------
    record
        plan.json.
    maps
        Arrays of maps.npz by name.
    anatomy, target, brain
        Image of the head, masks of the target and of grey and white matter; None where the folder has none.
    fields
        |E| in V/m by technique.
    qc, overlay
        Quality figures of the head and its overlay as a data URI; empty and None where the folder has none.
    """

    record: PlanRecord
    maps: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    anatomy: Volume | None = None
    target: Volume | None = None
    fields: Mapping[str, Volume] = field(default_factory=dict)
    qc: Mapping[str, Any] = field(default_factory=dict)
    overlay: str | None = None
    brain: Volume | None = None


def read_plan(plan: "Plan | Path | str") -> PlanFiles:
    """Return everything a report shows, from a plan's folder or from a plan in memory.

    Raises
    ------
    PlanError
        The folder holds no plan that this version reads.
    """
    return _from_folder(Path(plan)) if isinstance(plan, (str, Path)) else _from_memory(plan)


def _from_folder(folder: Path) -> PlanFiles:
    record = load_record(folder)
    maps: dict[str, NDArray[Any]] = {}
    if (folder / MAPS_FILE).is_file():
        with np.load(folder / MAPS_FILE, allow_pickle=False) as arrays:
            maps = {name: arrays[name] for name in arrays.files}
    qc_file, overlay = folder / QC_FOLDER / QC_FILE, folder / QC_FOLDER / OVERLAY_FILE
    return PlanFiles(
        record=record,
        maps=maps,
        anatomy=_volume(folder / "t1.nii.gz") or _volume(folder / "tissues.nii.gz"),
        target=_volume(folder / "target.nii.gz"),
        fields={t.technique: volume for t in record.techniques if (volume := _volume(folder / t.field_file))},
        qc=json.loads(qc_file.read_text(encoding="utf-8")) if qc_file.is_file() else {},
        overlay=_data_uri(overlay.read_bytes()) if overlay.is_file() else None,
        brain=_volume(folder / QC_FOLDER / BRAIN_FILE),
    )


def _from_memory(plan: "Plan") -> PlanFiles:
    volumes = {name: Volume(data=v.array, affine=np.asarray(v.affine)) for name, v in plan.volumes.items()}
    with tempfile.TemporaryDirectory() as scratch:
        qc = write_head_quality(plan.head, Path(scratch))
        overlay = _data_uri((Path(scratch) / OVERLAY_FILE).read_bytes())
    brain = brain_mask(plan.head)
    return PlanFiles(
        record=plan.record,
        maps=plan.maps,
        anatomy=volumes.get("t1.nii.gz") or volumes.get("tissues.nii.gz"),
        target=volumes.get("target.nii.gz"),
        fields={t.technique: volumes[t.field_file] for t in plan.record.techniques if t.field_file in volumes},
        qc=qc,
        overlay=overlay,
        brain=None if brain is None else Volume(data=brain, affine=np.asarray(plan.head.affine)),
    )


def _volume(path: Path) -> Volume | None:
    if not path.is_file():
        return None
    image = nib.load(path)
    return Volume(data=np.asarray(image.dataobj), affine=np.asarray(image.affine, dtype=np.float64))


def _data_uri(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")
