"""Heads from files: the embedded head, a built head, labels, ROAST's masks, a SimNIBS folder. Nothing is guessed.

A label NIfTI needs names for its labels: the argument `tissues`, or a file beside it, `<stem>.tissues.toml` or `.json`:

    head_to_mni = [[...], [...], [...], [0, 0, 0, 1]]             # optional, must come first
    [tissues]                      [conductivity_S_per_m]       [fiducials_mm]
    1 = "white_matter"             lesion = 0.8                 Nz = [0.0, 82.9, -43.0]

A head that brings no MNI frame gets an affine estimate from the outline of its brain; `Head.warnings` says so.
"""

import json
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from numpy.typing import NDArray

from assuage.errors import HeaderError, HeadError
from assuage.head import roast, simnibs
from assuage.head.colin27_codec import decode
from assuage.head.fiducials import checked_fiducials_mm
from assuage.head.folder import EMBEDDED, is_head_folder, read_head
from assuage.head.hashing import file_hash
from assuage.head.mni import MniTransform, Warp
from assuage.head.model import Head
from assuage.space.audit import HeaderAudit, Orientation, audit_header, audit_label_values
from assuage.space.mgh import SUFFIXES, load_volume, stem

ALIASES = {
    "wm": "white_matter",
    "gm": "grey_matter",
    "gray_matter": "grey_matter",
    "cortex": "grey_matter",
    "cerebrospinal_fluid": "csf",
    "bone": "skull",
    "compact_bone": "skull_compact",
    "cortical_bone": "skull_compact",
    "spongy_bone": "skull_spongy",
    "cancellous_bone": "skull_spongy",
    "skin": "scalp",
    "eye": "eyes",
    "eye_balls": "eyes",
    "eyeballs": "eyes",
    "background": "air",
    "internal_air": "air",
    "cavities": "air",
    "tumor": "lesion",
    "stroke": "lesion",
}
FREESURFER_BRAIN = {2, 3, 41, 42}
"""White matter and cortex, left and right."""


def load_head(
    name_or_path: str | Path,
    *,
    tissues: Mapping[int, str] | None = None,
    conductivity_S_per_m: Mapping[str, float] | None = None,
    orientation: Orientation = "auto",
) -> Head:
    """Load a head.

    Parameters
    ----------
    name_or_path
        "colin27" (embedded), the folder of a built head, a label NIfTI or MGZ, the masks of ROAST, or a SimNIBS `m2m_*`
        folder.
    tissues
        Label to tissue name, for a label NIfTI without a file of names beside it.
    conductivity_S_per_m
        Tissue name to S/m; overrides the defaults and the file beside the labels.
    orientation
        "sform" or "qform" where the two disagree; "auto" refuses.

    Raises
    ------
    HeaderError
        No such file, a header that fails the audit, or an intensity image.
    HeadError
        Labels without a name, or a tissue without a conductivity.
    """
    if str(name_or_path) == "colin27" and not Path(name_or_path).exists():
        head = _colin27()
        return head if conductivity_S_per_m is None else head.with_conductivities(conductivity_S_per_m)
    path = Path(name_or_path).expanduser()
    if not path.exists():
        raise HeaderError(f"{path} does not exist; give a label NIfTI, a SimNIBS m2m_ folder, or 'colin27'")
    if not path.is_dir() and not path.name.endswith(SUFFIXES):
        raise HeaderError(f"{path.name} is not NIfTI (.nii or .nii.gz) and not MGZ; convert it first")
    if path.is_dir() and is_head_folder(path):
        head = read_head(path)
        return head if conductivity_S_per_m is None else head.with_conductivities(conductivity_S_per_m)
    load = _from_folder if path.is_dir() else _from_label_file
    head = load(path, tissues, conductivity_S_per_m, orientation)
    if head.t1 is None and (image := roast.image_of(path)) is not None:
        head = replace(head, t1=_matching_image(image, head))
    if head.mni is None:
        with suppress(HeadError):
            head = head.with_estimated_mni()
    return head


def canonical_name(name: str) -> str:
    """Return the standard tissue name of a name as found in files, e.g. "GM" -> "grey_matter"."""
    plain = name.strip().lower().replace(" ", "_").replace("-", "_")
    return ALIASES.get(plain, plain)


@cache
def _colin27() -> Head:
    """Return the embedded head; decoded once per process."""
    resource = files("assuage.head").joinpath("data/colin27.npz")
    if not resource.is_file():
        raise HeadError("data/colin27.npz is missing from this installation; install the package again")
    with as_file(resource) as path:
        data = decode(path)
    names = list(data["fractions"])
    mni = {
        name: Warp(linear=w["linear"], displacement_mm=w["displacement"], grid_affine=w["grid_affine"])
        for name, w in data["mni"].items()
    }
    head = Head.from_labels(
        _largest_share(data["fractions"]),
        data["affine"],
        tissues={k + 1: name for k, name in enumerate(names)},
        name="colin27",
        fractions=data["fractions"],
        t1=data["t1"],
    )
    return replace(
        head,
        mni=MniTransform(forward=mni["head_to_mni"], backward=mni["mni_to_head"]),
        given_fiducials_mm=checked_fiducials_mm(data["fiducials_mm"]),
        metadata=data["metadata"],
        sign_off=EMBEDDED,
    )


def _largest_share(fractions: Mapping[str, NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Label each voxel by its largest share, 0 where the air outside has it."""
    total = np.zeros(next(iter(fractions.values())).shape, dtype=np.uint8)
    labels, largest = np.zeros_like(total), np.zeros_like(total)
    for number, share in enumerate(fractions.values(), start=1):
        total += share
        wins = share > largest
        labels[wins] = number
        np.maximum(largest, share, out=largest)
    labels[(255 - total) > largest] = 0
    return labels


def _from_folder(
    folder: Path,
    tissues: Mapping[int, str] | None,
    conductivity_S_per_m: Mapping[str, float] | None,
    orientation: Orientation,
) -> Head:
    labels = folder / simnibs.LABEL_FILE
    if not labels.exists():
        raise HeaderError(f"{folder} holds no {simnibs.LABEL_FILE}; give a SimNIBS m2m_ folder or a label NIfTI")
    head = _from_label_file(labels, tissues, conductivity_S_per_m, orientation)
    t1 = _matching_image(folder / "T1.nii.gz", head)
    head = replace(
        head,
        name=folder.name.removeprefix("m2m_"),
        t1=t1,
        mni=simnibs.read_mni_transform(folder),
        metadata={**head.metadata, "origin": f"SimNIBS folder {folder.name}"},
    )
    fiducials = simnibs.read_fiducials_mm(folder)
    return head if fiducials is None else head.with_fiducials(fiducials)


def _matching_image(path: Path, head: Head) -> NDArray[np.float32] | None:
    """Return an image if it exists and lies on the head's grid."""
    if not path.exists():
        return None
    image = nib.load(path)
    if image.shape[:3] != head.labels.shape or not np.allclose(image.affine, head.affine, atol=1e-3):
        return None
    return np.asarray(image.dataobj, dtype=np.float32).reshape(head.labels.shape)


def _from_label_file(
    path: Path,
    tissues: Mapping[int, str] | None,
    conductivity_S_per_m: Mapping[str, float] | None,
    orientation: Orientation,
) -> Head:
    labels, audit = _read_labels(path, orientation)
    beside = _beside(path)
    names = _names(path, labels, tissues, beside)
    given = {canonical_name(k): float(v) for k, v in dict(beside.get("conductivity_S_per_m", {})).items()}
    given |= dict(conductivity_S_per_m or {})
    head = Head.from_labels(labels, audit.affine, tissues=names, conductivity_S_per_m=given, name=stem(path))
    metadata = {
        "origin": f"labels {path.name}",
        "input_sha256": file_hash(path),
        "warnings": audit.warnings,
        "header": [{"severity": f.severity, "what": f.what, "value": f.value} for f in audit.findings],
    }
    head = replace(head, metadata=metadata)
    if "head_to_mni" in beside:
        head = replace(head, mni=MniTransform.affine(beside["head_to_mni"]))
    fiducials = beside.get("fiducials_mm")
    return head if fiducials is None else head.with_fiducials(fiducials)


def _read_labels(path: Path, orientation: Orientation) -> tuple[NDArray[np.int64], HeaderAudit]:
    try:
        image = load_volume(path)
        audit = audit_header(image, name=path.name, orientation=orientation).require()
        data = np.asarray(image.dataobj).reshape(audit.shape)
    except (ImageFileError, OSError, EOFError, ValueError) as error:
        raise HeaderError(f"{path.name} cannot be read as NIfTI ({error}); export it again") from error
    findings = (*audit.findings, *audit_label_values(data))
    audit = replace(audit, findings=findings).require()
    return np.round(data).astype(np.int64), audit


def _beside(path: Path) -> dict[str, Any]:
    """Return the contents of the file of names beside a label image, {} if there is none."""
    for suffix, read in ((".tissues.toml", tomllib.loads), (".tissues.json", json.loads)):
        side = path.with_name(stem(path) + suffix)
        if side.exists():
            try:
                content = read(side.read_text(encoding="utf-8"))
            except ValueError as error:
                raise HeadError(f"{side.name} cannot be read ({error}); write a table [tissues]") from error
            if not isinstance(content.get("tissues"), dict):
                raise HeadError(f'{side.name} holds no table "tissues" (label = "name"); add it')
            return dict(content)
    return {}


def _names(
    path: Path, labels: NDArray[np.int64], tissues: Mapping[int, str] | None, beside: dict[str, Any]
) -> dict[int, str]:
    if tissues is not None:
        return {int(key): canonical_name(name) for key, name in tissues.items()}
    if beside:
        try:
            return {int(key): canonical_name(str(name)) for key, name in beside["tissues"].items()}
        except ValueError as error:
            raise HeadError(f"labels beside {path.name} must be whole numbers ({error})") from error
    present = [int(value) for value in np.unique(labels) if value != 0]
    if path.name == simnibs.LABEL_FILE or path.parent.name.startswith("m2m_"):
        unknown = [value for value in present if value not in simnibs.TISSUES]
        if unknown:
            raise HeadError(
                f"{path.name} holds labels {unknown} that SimNIBS does not define; pass tissues={{label: name}}"
            )
        return {value: simnibs.TISSUES[value] for value in present}
    if roast.is_masks(path, present):
        return {value: roast.TISSUES[value] for value in present}
    if set(present) >= FREESURFER_BRAIN:
        raise HeadError(
            f"{path.name} holds FreeSurfer's or SynthSeg's brain, without skull and scalp; build them from the T1: "
            f"assuage head build T1 --brain {path.name} --out DIR"
        )
    raise HeadError(
        f"{path.name} holds labels {present[:20]} and nothing says what they mean; write {stem(path)}.tissues.toml "
        f'with [tissues] {present[0]} = "white_matter" and so on beside it, or pass tissues={{label: name}}'
    )
