"""Lead fields kept on disk, each under a digest of everything that it depends on.

The digest covers what the conductor solves (tissues of voxels and sub-voxels, conductivities, tensors, grid), the
contacts, the tissues asked for, the tolerance, and the sources of the field stage itself. A file appears under its name
only when it is whole; one that cannot be read, or is not what its name says, is solved anew. No trouble with the folder
ever stops a plan.

The folder is `lead_fields` in the user's cache, or in ASSUAGE_CACHE_DIR where that is set; delete it at will.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from assuage.compile import PACKAGE, user_cache
from assuage.field.lead_field import TISSUES, TOLERANCE, LeadField, as_lead_field, solve_lead_field, tissue_voxels
from assuage.sources import Contact

if TYPE_CHECKING:
    from assuage.field.conductor import Conductor

Array32 = NDArray[np.float32]

FOLDER_VARIABLE = "ASSUAGE_CACHE_DIR"
LARGEST_BYTES = 2**30
"""All lead fields together; those used longest ago go first. 70 contacts at 2 mm take 160 MB."""
UNREADABLE = (OSError, ValueError, KeyError, EOFError, BadZipFile)
"""What numpy raises for a file that is not whole, or not one of ours."""


def lead_field(
    conductor: "Conductor",
    contacts: Sequence[Contact],
    *,
    tissues: frozenset[str] = TISSUES,
    tolerance: float = TOLERANCE,
    progress: Callable[[float], None] | None = None,
) -> LeadField:
    """Return a lead field from disk, or solve it and keep it; parameters and errors as `solve_lead_field`."""
    path = _path(digest(conductor, contacts, tissues=tissues, tolerance=tolerance))
    if path is not None:
        index = tissue_voxels(conductor, tissues)
        field = _read(path, (len(contacts), len(index), 3))
        if field is not None:
            return as_lead_field(conductor, contacts, index, field)
    solved = solve_lead_field(conductor, contacts, tissues=tissues, tolerance=tolerance, progress=progress)
    if path is not None:
        _write(path, solved.field_V_per_m_per_A)
    return solved


def digest(conductor: "Conductor", contacts: Sequence[Contact], *, tissues: frozenset[str], tolerance: float) -> str:
    """Return the digest (64 hexadecimal digits) of everything that a lead field depends on."""
    tissue, grid, tensors = conductor.tissue, conductor.grid, conductor.tensors
    words = (_sources(), tissue.tissues, sorted(tissues), float(tolerance), grid.shape, grid.voxel_mm)
    found = hashlib.sha256(repr(words).encode())
    for array in (grid.affine, tissue.label, tissue.block, tissue.blocks, conductor.sigma_S_per_m, tensors.slot,
                  tensors.values):  # fmt: skip
        _add(found, array)
    for contact in contacts:
        found.update(repr(contact.label).encode())
        _add(found, contact.points_mm)
        _add(found, contact.weights)
    return found.hexdigest()


def _add(found: "hashlib._Hash", array: NDArray[np.generic]) -> None:
    found.update(repr((array.dtype.str, array.shape)).encode())
    found.update(np.ascontiguousarray(array).data)


@cache
def _sources() -> str:
    """Return a digest of the field stage and of what it is built on."""
    found = hashlib.sha256(np.__version__.encode())
    for path in sorted([*PACKAGE.glob("*.py"), *(PACKAGE / "field").glob("*.py")]):
        found.update(path.read_bytes())
    return found.hexdigest()


def _path(key: str) -> Path | None:
    """Return where a lead field is kept; None where no folder can be had."""
    given = os.environ.get(FOLDER_VARIABLE)
    try:
        folder = (Path(given).expanduser() if given else user_cache() / "assuage") / "lead_fields"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError, ValueError):
        return None
    return folder / f"{key}.npz"


def _read(path: Path, shape: tuple[int, ...]) -> Array32 | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            if str(stored["key"]) != path.stem:
                return None
            field: Array32 = stored["field"]
    except UNREADABLE:
        return None
    if field.shape != shape or field.dtype != np.float32 or not np.isfinite(field).all():
        return None
    with suppress(OSError):
        os.utime(path)
    return field


def _write(path: Path, field: Array32) -> None:
    if field.nbytes > LARGEST_BYTES:
        return
    try:
        _make_room(path.parent, LARGEST_BYTES - field.nbytes)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem[:16]}-", suffix=".partial", dir=path.parent)
    except OSError:
        return
    scratch = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, key=np.array(path.stem), field=field)
        scratch.replace(path)
    except OSError:
        pass
    finally:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)


def _make_room(folder: Path, left_bytes: int) -> None:
    """Remove the lead fields used longest ago until the rest take no more than left_bytes."""
    kept = sorted(folder.glob("*.npz"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in kept:
        left_bytes -= path.stat().st_size
        if left_bytes < 0:
            path.unlink(missing_ok=True)
