"""The head of a plan as images of BIDS: T1, named labels, a fraction for every tissue, target and regions."""

import csv
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from assuage.head import Head
from assuage.readback import OpenedPlan

COMMON = {
    "grey_matter": ("GM", 1),
    "white_matter": ("WM", 2),
    "csf": ("CSF", 3),
    "skull": ("B", 4),
    "scalp": ("ST", 5),
    "lesion": ("L", 7),
    "air": ("air", 0),
}
"""Abbreviation and index of the common image-derived labels of BIDS: bone is B, soft tissue ST; air is background."""
WHOLE = 255

Place = Callable[[str, str], Path]
"""Datatype and rest of the name to a path."""


def write_head_images(plan: OpenedPlan, place: Place) -> str:
    """Write the images of a plan's head.

    Returns
    -------
    Datatype and name of the image that coordinates refer to.
    """
    head = plan.head
    labels = place("anat", "desc-head_dseg.nii.gz")
    _image(labels, head.labels, head.affine)
    _sidecar(place("anat", "desc-head_dseg.json"), "Tissue labels of the head model.", head)
    _names(place("anat", "desc-head_dseg.tsv"), [(number, name) for number, name in head.tissues.items()])
    named = labels
    if head.t1 is not None:
        named = place("anat", "desc-head_T1w.nii.gz")
        _image(named, head.t1, head.affine)
        _sidecar(place("anat", "desc-head_T1w.json"), "T1 on the grid of the head model.", head, SkullStripped=False)
    for tissue, share in (head.fractions or {}).items():
        label = COMMON[tissue][0] if tissue in COMMON else re.sub(r"[^A-Za-z0-9]", "", tissue)
        _image(place("anat", f"label-{label}_desc-head_probseg.nii.gz"), share / np.float32(WHOLE), head.affine)
        words = f"Share of each voxel that is {tissue.replace('_', ' ')}."
        _sidecar(place("anat", f"label-{label}_desc-head_probseg.json"), words, head)
    _target(plan, place)
    return f"anat/{named.name}"


def _target(plan: OpenedPlan, place: Place) -> None:
    aim = plan.record.target
    _copy(plan, "target.nii.gz", place("anat", "desc-target_mask.nii.gz"))
    words = (
        f"Target: {aim.name}, centre {', '.join(f'{x:.1f}' for x in aim.center_mm)} mm, radius {aim.radius_mm:g} mm."
    )
    _sidecar(place("anat", "desc-target_mask.json"), words, plan.head, Type="ROI")
    if plan.record.circuit is None or not (plan.folder / "regions.nii.gz").is_file():
        return
    _copy(plan, "regions.nii.gz", place("anat", "desc-regions_dseg.nii.gz"))
    located = [region.label for region in plan.record.circuit.regions if region.target is not None]
    _sidecar(place("anat", "desc-regions_dseg.json"), "Regions of the circuit.", plan.head)
    _names(place("anat", "desc-regions_dseg.tsv"), list(enumerate(located, start=1)))


def _copy(plan: OpenedPlan, name: str, goal: Path) -> None:
    image: Any = nib.load(plan.folder / name)
    _image(goal, np.asanyarray(image.dataobj), image.affine)


def _image(path: Path, values: NDArray[Any], affine: NDArray[np.float64]) -> None:
    image = nib.Nifti1Image(np.asarray(values), affine)
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    image.header.set_xyzt_units("mm")
    nib.save(image, path)


def _sidecar(path: Path, words: str, head: Head, **more: Any) -> None:
    about = {
        "Description": words,
        "SpatialReference": "the participant's T1: the same world coordinates, resampled to the grid of the head model",
        "Origin": head.metadata.get("origin", head.name),
        **more,
    }
    path.write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _names(path: Path, rows: Sequence[tuple[int, str]]) -> None:
    """Write the names of labels; tissues also with the abbreviation and the common label of BIDS."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(("index", "name", "abbreviation", "mapping"))
        for number, name in rows:
            short, common = COMMON.get(name, (re.sub(r"[^A-Za-z0-9]", "", name), "n/a"))
            writer.writerow((number, name.replace("_", " "), short, common))
