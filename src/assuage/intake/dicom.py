"""A folder of DICOM -> NIfTI by dcm2niix (BSD), and the one series that is the T1 or T2 of the whole head.

dcm2niix (Li et al. 2016, doi:10.1016/j.jneumeth.2016.03.001) turns DICOM's LPS into NIfTI's RAS and writes one image
and one JSON sidecar a series. A series counts as T1 or T2 only if its name or its sequence says so, nothing contradicts
it, and its geometry is that of a whole head in 3-D; between two that count nothing is chosen.
"""

import importlib.util
import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import nibabel as nib
import numpy as np

from assuage.errors import DataError
from assuage.intake.person import Identity
from assuage.space.audit import FIELD_OF_VIEW_STOP_MM

Kind = Literal["T1", "T2"]

NAMED: dict[Kind, str] = {"T1": r"t1|mp2?-?_?rage|bravo|spgr|tfl", "T2": r"t2|space|cube|vista"}
"""Of the series' description: contrast, or the makers' names of the usual sequences."""
OTHER = r"loc|scout|survey|flair|di?ff|dwi|dti|bold|fmri|swi|star|tof|angio|mip|asl|perf|fieldmap|post|gad|\+c"
"""Contrasts and purposes that are neither, though a name such as t2_flair says T2; contrast agent brightens skin."""
DERIVED = {"MPR", "MIP", "PROJECTION IMAGE", "LOCALIZER", "PHASE", "P"}
T1_ECHO_LONGEST_S, T2_ECHO_SHORTEST_S = 0.015, 0.05
T1_INVERSION_S = (0.5, 1.5)
"""Inversion time of an MPRAGE and its like, where the name says nothing."""
THICKEST_MM = 2.0
"""Thicker slices are a 2-D stack."""
LISTED = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One converted series.

    Attributes
    ----------
    number
        Series number, with the letters that the converter adds where a series gives several images.
    description
        As the scanner has it.
    image
        The NIfTI.
    sidecar
        The JSON beside it, with the fields that name the person.
    shape, voxel_mm
        Of the image.
    kind
        "T1" or "T2" of the whole head in 3-D, else None.
    """

    number: str
    description: str
    image: Path
    sidecar: Mapping[str, Any]
    shape: tuple[int, ...]
    voxel_mm: tuple[float, ...]
    kind: Kind | None

    def __str__(self) -> str:
        """Return number, name and geometry."""
        size = "x".join(map(str, self.shape))
        return f'{self.number} "{self.description}" ({size}, {"x".join(f"{mm:.3g}" for mm in self.voxel_mm)} mm)'

    @property
    def identity(self) -> Identity:
        """Whose scan it is, hashed."""
        return Identity.of(f'series {self.number} "{self.description}"', self.sidecar)


def converted(folder: Path, scratch: Path) -> tuple[Series, ...]:
    """Convert every series of a folder and its subfolders.

    Parameters
    ----------
    folder
        With DICOM files.
    scratch
        Existing folder for the images.

    Returns
    -------
    The series, by number.

    Raises
    ------
    DataError
        No converter, no DICOM, a conversion that failed, or series of several people.
    """
    options = ["-z", "y", "-b", "y", "-ba", "n", "-d", "9", "-f", "%s", "-o", str(scratch), str(folder)]
    done = subprocess.run([_converter(), *options], capture_output=True, text=True, check=False)
    images = sorted(scratch.glob("*.nii.gz"), key=_by_number)
    if not images:
        said = [line for line in (done.stdout + done.stderr).splitlines() if "rror" in line]
        raise DataError(
            f"{folder} gave no image (dcm2niix: {said[-1].strip() if said else f'exit code {done.returncode}'}); "
            "name the folder with the DICOM files of the T1, or a NIfTI"
        )
    series = tuple(_series(image) for image in images)
    for other in series[1:]:
        apart = series[0].identity.differs_in(other.identity)
        if apart:
            raise DataError(
                f"{folder} holds series of several people: {', '.join(apart)} of series {series[0].number} and "
                f"{other.number} not the same; name the folder of one person"
            )
    return series


def chosen(series: Sequence[Series], kind: Kind, *, number: str | None, option: str, folder: Path) -> Series:
    """Return the series with a number, or the only one of a kind.

    Parameters
    ----------
    series
        Of `converted`.
    kind
        "T1" or "T2".
    number
        What the user named, or None.
    option, folder
        For messages.

    Raises
    ------
    DataError
        None or several fit; the line lists all by number and name.
    """
    fits = [s for s in series if (s.kind == kind if number is None else s.number == number)]
    if len(fits) == 1:
        return fits[0]
    listed = fits if len(fits) > 1 else series
    shown = "; ".join(map(str, listed[:LISTED])) + (
        f"; and {len(listed) - LISTED} more" if len(listed) > LISTED else ""
    )
    what = (
        f"no series {number}"
        if number is not None
        else f"{len(fits) or 'no'} series that {'are' if len(fits) > 1 else 'is'} surely a 3-D {kind} of the whole head"
    )
    raise DataError(f"{folder} holds {what}: {shown}; name one: {option} {listed[0].number}")


def kind_of(sidecar: Mapping[str, Any], shape: Sequence[int], voxel_mm: Sequence[float]) -> Kind | None:
    """Return what a series is: "T1" or "T2" of the whole head in 3-D, or None where it is neither or not sure.

    Parameters
    ----------
    sidecar
        JSON of the converter; times in s.
    shape, voxel_mm
        Of the image.
    """
    extent = np.asarray(shape[:3]) * np.asarray(voxel_mm[:3])
    if len(shape) != 3 or extent.min() < FIELD_OF_VIEW_STOP_MM or max(voxel_mm) > THICKEST_MM:
        return None
    name = " ".join(str(sidecar.get(key, "")) for key in ("SeriesDescription", "ProtocolName")).lower()
    types = {str(part).upper() for part in sidecar.get("ImageType", ())}
    if re.search(OTHER, name) or types & DERIVED:
        return None
    echo, inversion = sidecar.get("EchoTime"), sidecar.get("InversionTime")
    said = [kind for kind, words in NAMED.items() if re.search(words, name)]
    if len(said) > 1:
        return None
    if not said:
        gradient = "GR" in str(sidecar.get("ScanningSequence", "")) and sidecar.get("MRAcquisitionType") == "3D"
        inverted = inversion is not None and T1_INVERSION_S[0] <= inversion <= T1_INVERSION_S[1]
        said = ["T1"] if gradient and inverted and echo is not None else []
    if echo is not None and said == ["T1"] and echo > T1_ECHO_LONGEST_S:
        return None
    if echo is not None and said == ["T2"] and echo < T2_ECHO_SHORTEST_S:
        return None
    return said[0] if said else None


def _converter() -> str:
    """Return the program of the package dcm2niix, or the one on the PATH."""
    if importlib.util.find_spec("dcm2niix") is not None:
        return str(importlib.import_module("dcm2niix").bin)
    found = shutil.which("dcm2niix")
    if found is None:
        raise DataError(
            'DICOM needs dcm2niix, which is not installed; run: pip install "assuage[dicom]", or give the T1 as NIfTI'
        )
    return found


def _series(image: Path) -> Series:
    number = image.name.removesuffix(".nii.gz")
    side = image.with_name(f"{number}.json")
    try:
        sidecar: dict[str, Any] = json.loads(side.read_text(encoding="utf-8", errors="replace"))
        loaded: Any = nib.load(image)
    except (OSError, ValueError, nib.filebasedimages.ImageFileError) as error:
        raise DataError(f"series {number} cannot be read after conversion ({error}); name another folder") from error
    shape = tuple(int(n) for n in loaded.shape)
    voxel_mm = tuple(float(mm) for mm in loaded.header.get_zooms()[:3])
    return Series(
        number=number,
        description=str(sidecar.get("SeriesDescription", "")),
        image=image,
        sidecar=sidecar,
        shape=shape,
        voxel_mm=voxel_mm,
        kind=kind_of(sidecar, shape, voxel_mm),
    )


def _by_number(image: Path) -> tuple[int, str]:
    digits = re.match(r"\d+", image.name)
    return (int(digits[0]) if digits else 0, image.name)
