"""A target from a user's atlas: the voxels of one label, in MNI space or in that of the head.

The atlas is a NIfTI of whole numbers; its table gives each a name: BIDS (`index`, `name`, tab or comma), or the lookup
table of FreeSurfer (number, name, colours). Every voxel of the head's grey matter takes the label that the atlas has
there, so that nothing is resampled twice and a region never leaves the cortex of the person.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from assuage.errors import TargetError
from assuage.space import audit_header
from assuage.targets.coordinate import cortex_tags
from assuage.targets.target import Target

if TYPE_CHECKING:
    from assuage.head import Head

LEAST_VOXELS = 20
"""Fewer voxels of grey matter are no region that a field could be averaged over; a working choice."""
LISTED = 8
WHOLE = 1e-3
"""Distance from a whole number that scaling of a header may leave."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AtlasRegion:
    """One label of an atlas, on no head yet.

    Attributes
    ----------
    name
        From the table, else the number.
    said
        Label and file, for messages.
    mask, affine
        (nx, ny, nz) where the label is, and its (4, 4) matrix to mm of the atlas' space.
    """

    name: str
    said: str
    mask: NDArray[np.bool_]
    affine: NDArray[np.float64]

    def on(self, head: "Head", *, space: Literal["mni", "head"]) -> Target:
        """Return the target of the head's grey matter that lies in the region.

        Raises
        ------
        TargetError
            No MNI registration for an atlas in MNI, or too little grey matter.
        """
        index = np.argwhere(np.isin(head.labels, cortex_tags(head)))
        points = index @ head.affine[:3, :3].T + head.affine[:3, 3]
        if space == "mni":
            if head.mni is None:
                raise TargetError(
                    f"{self.said}: head {head.name!r} has no MNI registration; give the atlas in the head's space "
                    "with --space head"
                )
            points = np.asarray(head.mni.head_to_mni(points), dtype=np.float64)
        inside = Target.from_mask(self.mask, self.affine).inside(points)
        count = int(inside.sum())
        if count < LEAST_VOXELS:
            raise TargetError(
                f"{self.said}: {count} voxels of grey matter of head {head.name!r} lie in it, below {LEAST_VOXELS}; "
                "check --space and the label"
            )
        mask = np.zeros(head.labels.shape, dtype=bool)
        mask[tuple(index[inside].T)] = True
        note = f"{self.said} in {space} space: {count} voxels of grey matter"
        return Target.from_mask(mask, head.affine, name=self.name, notes=(note,))


def read_region(path: Path, label: str, table: Path | None = None) -> AtlasRegion:
    """Read one label of an atlas.

    Parameters
    ----------
    path
        NIfTI of labels.
    label
        A number, or a name of the table.
    table
        Names of the numbers; None: numbers only.

    Raises
    ------
    TargetError
        No such file or label, or no whole numbers.
    """
    names = {} if table is None else read_label_table(table)
    number = _number(label, names, table)
    values, affine = _labels(path)
    mask = values == number
    if not mask.any():
        known = [str(n) for n in np.unique(values) if n > 0]
        raise TargetError(
            f"{path} has no voxel with label {label}; its labels are {', '.join(known[:LISTED])}"
            + (f" and {len(known) - LISTED} more" if len(known) > LISTED else "")
        )
    return AtlasRegion(
        name=names.get(number, f"label {number}"), said=f"label {label} of {path.name}", mask=mask, affine=affine
    )


def read_label_table(path: Path) -> dict[int, str]:
    """Return number -> name of a table of labels.

    Raises
    ------
    TargetError
        Not a file, or a row without a number and a name.
    """
    try:
        lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise TargetError(f"{path} cannot be read ({error}); give a table of numbers and names") from None
    heading = lines[0].replace(",", "\t").casefold().split("\t") if lines else []
    if {"index", "name"} <= {cell.strip() for cell in heading}:
        rows = csv.DictReader(io.StringIO("\n".join(lines)), delimiter="\t" if "\t" in lines[0] else ",")
        pairs = [({k.strip().casefold(): v for k, v in row.items() if k}) for row in rows]
        found = [(row.get("index"), row.get("name")) for row in pairs]
    else:
        parts = [line.split() for line in lines if not line.lstrip().startswith("#")]
        found = [(cells[0], cells[1]) if len(cells) > 1 else (cells[0], None) for cells in parts]
    table: dict[int, str] = {}
    for row, (number, name) in enumerate(found, start=1):
        if number is None or not number.strip().isdigit() or not (name or "").strip():
            raise TargetError(f"{path}: row {row} has no number and name; give index and name, or number and name")
        table[int(number)] = str(name).strip()
    return table


def _number(label: str, names: dict[int, str], table: Path | None) -> int:
    if label.strip().isdigit():
        return int(label)
    wanted = label.strip().casefold()
    found = [number for number, name in names.items() if name.casefold() == wanted]
    if len(found) == 1:
        return found[0]
    if table is None:
        raise TargetError(f"label {label!r} is a name; add the table that gives it a number (--label-table FILE)")
    near = [name for name in names.values() if wanted in name.casefold()][:LISTED] or list(names.values())[:LISTED]
    problem = f"stands {len(found)} times" if found else "is not"
    raise TargetError(f"label {label!r} {problem} in {table}; it has for example {', '.join(near)}")


def _labels(path: Path) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    try:
        image = nib.load(path)
        values = np.asarray(image.dataobj)
    except (OSError, ValueError, nib.filebasedimages.ImageFileError) as error:
        raise TargetError(f"{path} cannot be read ({error}); give a NIfTI of labels") from None
    if values.ndim != 3:
        raise TargetError(f"{path} has shape {values.shape}; give one 3-D volume of labels")
    if not np.isfinite(values).all() or np.abs(values - np.round(values)).max() > WHOLE:
        raise TargetError(f"{path} holds values that are no whole numbers; give a volume of labels, not of intensities")
    audit = audit_header(image, name=str(path))
    if audit.refusals:
        raise TargetError(f"{path}: {audit.refusals[0]}")
    return np.round(values).astype(np.int64), audit.affine
