"""A head as a folder: `head.json`, `labels.nii.gz`, `fractions.nii.gz`, `T1.nii.gz`, `mni.npz`.

Labels, fractions and T1 share one grid and one affine and open in every viewer; `head.json` names the labels, the order
of the fractions, conductivities, fiducials and where the head comes from. `signoff.json`, if there is one, says who
looked at the head and what they decided (`assuage.head.signoff`).
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from assuage.errors import HeadError
from assuage.head.hashing import file_hash
from assuage.head.mni import MniTransform, Warp
from assuage.head.model import Head

FORMAT = "assuage-head-folder-1"
DECISIONS = ("signed", "rejected")
SIGNED = ("decision", "by", "signed_utc", "note", "head_sha256", "quality_sha256")
RECORD_FILE = "head.json"
LABEL_FILE = "labels.nii.gz"
FRACTION_FILE = "fractions.nii.gz"
T1_FILE = "T1.nii.gz"
MNI_FILE = "mni.npz"
SIGN_FILE = "signoff.json"
FIGURES_FILE = "qc.json"
SIGN_FORMAT = "assuage-sign-off-1"
EMBEDDED: Mapping[str, Any] = MappingProxyType({"decision": "embedded"})
"""The sign-off of the head that is part of the package."""


def is_head_folder(folder: Path) -> bool:
    """Say whether a folder holds a head of this format."""
    return (folder / RECORD_FILE).is_file()


def write_head(head: Head, folder: Path) -> None:
    """Write a head into an existing folder; fiducials that were estimated are left to be estimated again.

    Raises
    ------
    HeadError
        A label above 255, which the format does not hold.
    """
    if head.labels.max() > 255:
        raise HeadError(
            f"label {head.labels.max()} is above 255; give the tissues of {head.name} numbers from 1 to 255"
        )
    record = {
        "format": FORMAT,
        "name": head.name,
        "tissues": {str(number): name for number, name in head.tissues.items()},
        "conductivity_S_per_m": head.conductivity_S_per_m,
        "fractions": None if head.fractions is None else list(head.fractions),
        "fiducials_mm": None
        if head.given_fiducials_mm is None
        else {name: point.tolist() for name, point in head.fiducials_mm.items()},
        "mni_space": None if head.mni is None else head.mni.space,
        "metadata": head.metadata,
    }
    _save(head.labels.astype(np.uint8), head, folder / LABEL_FILE)
    if head.fractions is not None:
        _save(np.stack(list(head.fractions.values()), -1), head, folder / FRACTION_FILE)
    if head.t1 is not None:
        _save(head.t1.astype(np.float32), head, folder / T1_FILE)
    if head.mni is not None:
        warps = _warp("forward", head.mni.forward) | _warp("backward", head.mni.backward)
        np.savez_compressed(folder / MNI_FILE, **warps)  # type: ignore[arg-type]
    (folder / RECORD_FILE).write_text(json.dumps(record, indent=2, default=_plain) + "\n", encoding="utf-8")


def read_head(folder: Path) -> Head:
    """Read a head from its folder.

    Raises
    ------
    HeadError
        A file is missing or damaged, or files lie on different grids.
    """
    try:
        record: dict[str, Any] = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HeadError(f"{folder / RECORD_FILE} cannot be read ({error}); build the head again") from error
    if record.get("format") != FORMAT:
        raise HeadError(
            f"{folder / RECORD_FILE} has format {record.get('format')!r}, not {FORMAT!r}; build the head again"
        )
    labels, affine = _load(folder / LABEL_FILE)
    fractions, t1 = None, None
    if record["fractions"] is not None:
        stack, other = _load(folder / FRACTION_FILE)
        _same_grid(labels, affine, stack[..., 0], other, FRACTION_FILE)
        fractions = {name: np.ascontiguousarray(stack[..., k]) for k, name in enumerate(record["fractions"])}
    if (folder / T1_FILE).exists():
        t1, other = _load(folder / T1_FILE)
        _same_grid(labels, affine, t1, other, T1_FILE)
    head = Head.from_labels(
        labels,
        affine,
        tissues={int(number): name for number, name in record["tissues"].items()},
        conductivity_S_per_m=record["conductivity_S_per_m"],
        name=record["name"],
        fractions=fractions,
        t1=t1,
    )
    mni = _read_mni(folder, record) if record["mni_space"] else None
    head = replace(head, mni=mni, metadata=record["metadata"], sign_off=_read_sign_off(folder))
    return head if record["fiducials_mm"] is None else head.with_fiducials(record["fiducials_mm"])


def _read_sign_off(folder: Path) -> Mapping[str, Any] | None:
    """Return what stands in signoff.json, with the hash of the quality figures as they are now."""
    path, figures = folder / SIGN_FILE, folder / FIGURES_FILE
    if not path.is_file():
        return None
    try:
        raw: Any = json.loads(path.read_text(encoding="utf-8"))
        kept = {name: str(raw[name]) for name in SIGNED}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HeadError(f"{path} cannot be read ({error}); remove it and sign again") from None
    if raw.get("format") != SIGN_FORMAT or kept["decision"] not in DECISIONS:
        raise HeadError(
            f"{path} has format {raw.get('format')!r} and decision {kept['decision']!r}; remove it and sign again"
        )
    return {**kept, "quality_now_sha256": file_hash(figures) if figures.is_file() else ""}


def _save(values: NDArray[Any], head: Head, path: Path) -> None:
    image = nib.Nifti1Image(values, head.affine)
    image.set_sform(head.affine, code=1)
    image.set_qform(head.affine, code=1)
    nib.save(image, path)


def _load(path: Path) -> tuple[NDArray[Any], NDArray[np.float64]]:
    try:
        image: Any = nib.load(path)
        return np.asanyarray(image.dataobj), np.asarray(image.affine, dtype=np.float64)
    except (OSError, EOFError, ValueError, nib.filebasedimages.ImageFileError) as error:
        raise HeadError(f"{path} cannot be read ({error}); build the head again") from error


def _same_grid(
    labels: NDArray[Any], affine: NDArray[np.float64], values: NDArray[Any], other: NDArray[np.float64], name: str
) -> None:
    if labels.shape != values.shape or not np.allclose(affine, other, atol=1e-3):
        raise HeadError(f"{name} lies on another grid than {LABEL_FILE}; build the head again")


def _warp(key: str, warp: Warp) -> dict[str, NDArray[Any]]:
    found = {f"{key}_linear": warp.linear}
    if warp.displacement_mm is not None and warp.grid_affine is not None:
        found[f"{key}_displacement_mm"] = np.asarray(warp.displacement_mm, dtype=np.float32)
        found[f"{key}_grid_affine"] = warp.grid_affine
    return found


def _read_mni(folder: Path, record: dict[str, Any]) -> MniTransform:
    try:
        with np.load(folder / MNI_FILE, allow_pickle=False) as stored:
            arrays = dict(stored)
    except (OSError, ValueError) as error:
        raise HeadError(f"{folder / MNI_FILE} cannot be read ({error}); build the head again") from error
    warps = [
        Warp(
            linear=arrays[f"{key}_linear"],
            displacement_mm=arrays.get(f"{key}_displacement_mm"),
            grid_affine=arrays.get(f"{key}_grid_affine"),
        )
        for key in ("forward", "backward")
    ]
    return MniTransform(forward=warps[0], backward=warps[1], space=record["mni_space"])


def _plain(value: Any) -> Any:
    """Return NumPy scalars and arrays as plain Python."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)
