"""`assuage head build`: T1 -> head folder, with a quality page."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from assuage import __version__
from assuage.cli.listing import console
from assuage.cli.output import fresh_directory, print_json
from assuage.cli.progress import StepProgress
from assuage.errors import DataError, HeaderError, HeadError
from assuage.head.folder import write_head
from assuage.report import head_quality
from assuage.segmentation import Built, Scan, Steps, build_head, read_scan
from assuage.space.audit import Orientation


def build(
    t1: Path,
    *,
    out: Path,
    t2: Path | None,
    lesion: Path | None,
    lesion_S_per_m: float | None,
    age_years: float | None,
    orientation: Orientation,
    as_json: bool,
) -> None:
    """Build a head and write it as a folder; what an interrupted run has made is used again."""
    _check(t1, out, lesion, lesion_S_per_m, age_years)
    scan = read_scan(t1, orientation=orientation)
    second = None if t2 is None else read_scan(t2, orientation=orientation)
    mask = None if lesion is None else _mask(lesion, scan)
    inputs: dict[str, Any] = {
        "t1": scan.sha256,
        "t2": None if second is None else second.sha256,
        "lesion": None if mask is None else hashlib.sha256(mask.tobytes()).hexdigest(),
        "orientation": orientation,
        "version": __version__,
    }
    scratch = out.with_name(f".{out.name}.steps")
    with StepProgress() as progress, fresh_directory(out) as folder:
        built = build_head(
            scan,
            t2=second,
            lesion=mask,
            lesion_S_per_m=lesion_S_per_m,
            age_years=age_years,
            steps=Steps(scratch, inputs, progress),
            name=out.name,
        )
        progress("quality page", 0.96)
        write_head(built.head, folder)
        figures = head_quality.write(built.head, folder)
    shutil.rmtree(scratch, ignore_errors=True)
    if as_json:
        print_json({"head": str(out), "warnings": built.head.metadata["warnings"], "quality": figures})
        return
    _print(built, out)


def _check(t1: Path, out: Path, lesion: Path | None, lesion_S_per_m: float | None, age_years: float | None) -> None:
    """Refuse what can be refused before minutes of work."""
    if t1.is_dir():
        raise HeaderError(f"{t1} is a folder; name the T1 itself (convert DICOM first: dcm2niix -z y {t1})")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"--out {out} exists and is not empty; name a new folder")
    if lesion is not None and lesion_S_per_m is None:
        raise HeadError("a lesion has no standard conductivity; give --lesion-conductivity in S/m, for example 0.8")
    if lesion is None and lesion_S_per_m is not None:
        raise HeadError("--lesion-conductivity without --lesion; give the mask too")
    if age_years is not None and not 0 < age_years < 120:
        raise HeadError(f"--age {age_years:g} is no age in years; write for example 15")


def _mask(path: Path, scan: Scan) -> NDArray[np.bool_]:
    """Read a lesion mask that lies on the grid of the scan."""
    try:
        image: Any = nib.load(path)
        values = np.asarray(image.dataobj)
    except (OSError, EOFError, ValueError, nib.filebasedimages.ImageFileError) as error:
        raise HeaderError(f"{path} cannot be read as NIfTI ({error})") from error
    if values.shape != scan.values.shape or not np.allclose(image.affine, scan.affine, atol=1e-2):
        raise HeaderError(
            f"{path.name} has shape {values.shape} on another grid than {scan.name} {scan.values.shape}; "
            "draw it on the T1"
        )
    mask: NDArray[np.bool_] = values > 0
    if not mask.any():
        raise HeaderError(f"{path.name} is empty; leave --lesion out")
    return mask


def _print(built: Built, out: Path) -> None:
    screen = console()
    for line in built.head.metadata["warnings"]:
        screen.print(f"note: {line}", style="yellow", markup=False, highlight=False)
    screen.print(f"written: {out}; look at {out / head_quality.OVERLAY_FILE} before you plan on it", highlight=False)
