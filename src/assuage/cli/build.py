"""`assuage head build`: T1 -> head folder, with a quality page."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from assuage import __version__
from assuage.cli.listing import console
from assuage.cli.output import fresh_directory, print_json, refuse_filled
from assuage.cli.progress import StepProgress
from assuage.cli.scans import Request, Scans, scans_of
from assuage.errors import HeaderError, HeadError
from assuage.head import Head
from assuage.head.folder import write_head
from assuage.report import head_quality
from assuage.report.quality_page import PAGE_FILE, write_quality_page
from assuage.segmentation import Scan, Steps, build_head, read_brain, read_scan


def build(request: Request) -> None:
    """Build a head and write it as a folder; what an interrupted run has made is used again."""
    _check(request)
    with scans_of(request) as scans:
        _build(request, scans)


def _named(out: Path) -> str:
    """Return the name of the head of a folder; one that is just called head has that of the folder above."""
    return (out.resolve().parent.name if out.name == "head" else out.name) or "head"


def _build(request: Request, scans: Scans) -> None:
    out = request.out
    scan = read_scan(scans.t1, orientation=request.orientation)
    second = None if scans.t2 is None else read_scan(scans.t2, orientation=request.orientation)
    brain = None if request.brain is None else read_brain(request.brain)
    mask = None if request.lesion is None else _mask(request.lesion, scan)
    inputs: dict[str, Any] = {
        "t1": scan.sha256,
        "t2": None if second is None else second.sha256,
        "brain": None if brain is None else brain.sha256,
        "lesion": None if mask is None else hashlib.sha256(mask.tobytes()).hexdigest(),
        "orientation": request.orientation,
        "version": __version__,
    }
    scratch = out.with_name(f".{out.name}.steps")
    with StepProgress() as progress, fresh_directory(out) as folder:
        built = build_head(
            scan,
            t2=second,
            brain=brain,
            lesion=mask,
            lesion_S_per_m=request.lesion_S_per_m,
            age_years=scans.age_years,
            steps=Steps(scratch, inputs, progress),
            name=_named(out),
        )
        progress("quality page", 0.96)
        head = replace(built.head, metadata=scans.noted_in(built.head.metadata))
        write_head(head, folder)
        scans.keep(folder)
        figures = head_quality.write(head, folder)
        write_quality_page(head, figures, folder, at=out)
    shutil.rmtree(scratch, ignore_errors=True)
    if request.as_json:
        print_json({"head": str(out), "warnings": head.metadata["warnings"], "quality": figures})
        return
    _print(head, out)


def _check(request: Request) -> None:
    """Refuse what can be refused before minutes of work."""
    out, age_years = request.out, request.age_years
    refuse_filled(out)
    if request.lesion is not None and request.lesion_S_per_m is None:
        raise HeadError("a lesion has no standard conductivity; give --lesion-conductivity in S/m, for example 0.8")
    if request.lesion is None and request.lesion_S_per_m is not None:
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


def _print(head: Head, out: Path) -> None:
    screen = console()
    for line in head.metadata["warnings"]:
        screen.print(f"note: {line}", style="yellow", markup=False, highlight=False)
    screen.print(f"written: {out}; look at {out / PAGE_FILE} and sign it off before you plan on it", highlight=False)
