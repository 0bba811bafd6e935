"""`assuage target`: from preprocessed BOLD to a folder with a target and its error bar."""

import json
import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from assuage import __version__
from assuage.cli.head import load
from assuage.cli.listing import console
from assuage.cli.output import fresh_directory, refuse_filled
from assuage.cli.progress import StepProgress
from assuage.connectivity import IndividualTarget, individual_target, no_confounds, question, read_bold, read_confounds
from assuage.connectivity.confounds import Confounds
from assuage.connectivity.methods import method_named
from assuage.connectivity.recording import Recording, Space
from assuage.connectivity.seeds import Question
from assuage.connectivity.volume import probability_volume
from assuage.connectivity.words import statement
from assuage.errors import DataError
from assuage.head import Head
from assuage.head.hashing import head_hash
from assuage.intake import find_recording, participant_in
from assuage.report.target_page import write_target_page

TARGET_FILE = "target.json"
MAP_FILE = "probability.nii.gz"
PAGE_FILE = "report.html"
SIGNS = {"+": 1, "positive": 1, "-": -1, "negative": -1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The options of `assuage target` as typed."""

    bold: Path | None
    bids: Path | None
    participant: str | None
    session: str | None
    task: str | None
    run: str | None
    head: str
    out: Path
    circuit: str
    confounds: Path | None
    mask: Path | None
    geometry: tuple[Path, ...]
    space: str | None
    tr_s: float | None
    seed: str | None
    region: str | None
    polarity: str | None
    method: str
    group_map: Path | None
    fd_limit_mm: float
    global_signal: bool
    seed_radius_mm: float
    search_radius_mm: float
    tissues: Path | None
    random_seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A target on disk."""

    folder: Path
    target: IndividualTarget

    def as_json(self) -> dict[str, Any]:
        """Return where the files are and the record of the target."""
        return {"folder": str(self.folder), "target": self.target.as_json()}

    def print(self) -> None:
        """Print the target beside the group's, the verdict and where the files are."""
        screen, found = console(), self.target
        mean, axes = _mm(found.distribution.mean_mm), _mm(found.distribution.ellipsoid.semi_axes_mm)
        screen.print(Text(f"individual target  {mean} mm, 95 % ellipsoid {axes} mm"), style="bold")
        apart = found.facts.group_distance_mm
        screen.print(Text(f"group target       {_mm(found.group_mm)} mm, {apart:.1f} mm from the individual one"))
        screen.print(
            Text(
                f"repeat distance    {found.facts.repeat_mm:.1f} mm expected at {found.cleaning.minutes:.1f} min; "
                f"halves {found.facts.ends_mm:.1f} mm apart"
            )
        )
        for line in (*found.says, statement()):
            screen.print(Text(line))
        screen.print(Text("Research planning aid, not a medical device.", style="bold"))
        screen.print(Text(f"report: {self.folder / PAGE_FILE}"), soft_wrap=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the options of `assuage target` mean, as far as no head is needed to know it."""

    request: Request
    question: Question
    recording: Recording
    confounds: Confounds


def read_request(request: Request) -> Asked:
    """Refuse everything that can be refused before a head is read; the recording is read for that.

    Raises
    ------
    AssuageError
        What was asked for does not fit together, does not exist, or cannot be written.
    """
    asked = question(
        request.circuit,
        seed=_seed(request.seed),
        region=request.region,
        polarity=_sign(request.polarity),
        seed_radius_mm=request.seed_radius_mm,
        search_radius_mm=request.search_radius_mm,
    )
    method_named(request.method, with_map=request.group_map is not None)
    space = _space(request.space)
    request = _found(request)
    assert request.bold is not None
    refuse_filled(request.out)
    recording = read_bold(request.bold, mask=request.mask, geometry=request.geometry, space=space, tr_s=request.tr_s)
    confounds = (
        no_confounds(recording.frames)
        if request.confounds is None
        else read_confounds(request.confounds, frames=recording.frames, global_signal=request.global_signal)
    )
    return Asked(request=request, question=asked, recording=recording, confounds=confounds)


def make_target(request: Request) -> Result:
    """Read, find, write.

    Raises
    ------
    AssuageError
        What was asked for does not fit together, does not exist, or cannot be written.
    """
    with StepProgress() as progress:
        progress("read the recording", 0.02)
        asked = read_request(request)
        request, recording = asked.request, asked.recording
        assert request.bold is not None
        with fresh_directory(request.out) as folder:
            progress("read the head", 0.2)
            head = load(request.head, request.tissues)
            _same_person(head, request.bold)
            progress("denoise, map and resample", 0.3)
            target = individual_target(
                recording,
                asked.confounds,
                head,
                asked.question,
                method=request.method,
                fd_limit_mm=request.fd_limit_mm,
                group_map=None if request.group_map is None else _group_map(request.group_map, recording, request),
                seed=request.random_seed,
                provenance=_provenance(request, head),
            )
            progress("write", 0.9)
            _write(folder, target, head)
    return Result(folder=request.out, target=target)


def _found(request: Request) -> Request:
    """Return the request with the files of a BIDS dataset in it; what was given stays."""
    if (request.bold is None) == (request.bids is None):
        given = "both" if request.bids else "neither"
        raise DataError(f"{given} of --bold and --bids given; name one run, or --bids DIR --participant 01")
    if (request.bids is None) != (request.participant is None):
        raise DataError("--bids and --participant belong together; write --bids DIR --participant 01")
    if request.bids is None or request.participant is None:
        for option in ("session", "task", "run"):
            if getattr(request, option) is not None:
                raise DataError(f"--{option} {getattr(request, option)} belongs to --bids; leave it out")
        return request
    found = find_recording(
        request.bids, request.participant, request.session, space=request.space, task=request.task, run=request.run
    )
    return replace(
        request,
        bold=found.bold,
        confounds=request.confounds or found.confounds,
        mask=request.mask or found.mask,
    )


def _same_person(head: Head, bold: Path) -> None:
    """Refuse a recording whose participant is not that of the head, where both are known."""
    of_head, of_bold = head.metadata.get("participant"), participant_in(bold.name)
    if of_head and of_bold and of_head != of_bold:
        raise DataError(
            f"head {head.name} is of participant {of_head}, {bold.name} of {of_bold}; give both of one person"
        )


def _write(folder: Path, target: IndividualTarget, head: Head) -> None:
    text = json.dumps(target.as_json(), indent=1, ensure_ascii=False)
    (folder / TARGET_FILE).write_text(text + "\n", encoding="utf-8")
    values, affine = probability_volume(target.distribution)
    image = nib.Nifti1Image(values, affine)
    image.header.set_xyzt_units("mm")
    image.set_qform(affine, 1)
    image.set_sform(affine, 1)
    nib.save(image, folder / MAP_FILE)
    write_target_page(target, head, values, affine, folder / PAGE_FILE)


def _provenance(request: Request, head: Head) -> dict[str, Any]:
    assert request.bold is not None
    return {
        "assuage": __version__,
        "command": shlex.join(["assuage", *sys.argv[1:]]),
        "head": head.name,
        "head_sha256": head_hash(head),
        "bold": request.bold.name,
        "confounds": None if request.confounds is None else request.confounds.name,
    }


def _group_map(path: Path, recording: Recording, request: Request) -> NDArray[np.float64]:
    """Return a group map (V,) at the points of a volume, from a 3-D image on the same grid."""
    if recording.kind != "volume":
        raise DataError(f"--group-map {path} is for volumes; {recording.name} is none")
    assert request.bold is not None
    image = nib.load(path)
    bold: Any = nib.load(request.bold)
    if image.shape[:3] != bold.shape[:3] or not np.allclose(image.affine, bold.affine, atol=1e-3):
        raise DataError(f"--group-map {path} is on another grid than {request.bold}; resample it to the BOLD grid")
    index = np.round((recording.points_mm - bold.affine[:3, 3]) @ np.linalg.inv(bold.affine[:3, :3]).T).astype(int)
    values = np.asarray(image.dataobj, dtype=np.float64).reshape(image.shape[:3])[tuple(index.T)]
    if not np.isfinite(values).any() or not np.nan_to_num(values).any():
        raise DataError(f"--group-map {path} is empty within the mask; check its space")
    return np.asarray(values)


def _seed(text: str | None) -> str | tuple[float, float, float] | None:
    parts = [] if text is None else text.split(",")
    if len(parts) != 3:
        return text
    try:
        x, y, z = (float(part) for part in parts)
    except ValueError:
        raise DataError(f"--seed {text!r} is no region and not three numbers; write sgACC or 6,16,-10") from None
    return x, y, z


def _sign(text: str | None) -> int | None:
    if text is None:
        return None
    if text not in SIGNS:
        raise DataError(f"--polarity {text!r} is no sign; write + or -")
    return SIGNS[text]


def _space(text: str | None) -> Space | None:
    if text in {None, "head", "mni"}:
        return text  # type: ignore[return-value]
    raise DataError(f"--space {text!r} is not known; write head or mni")


def _mm(values: NDArray[np.float64]) -> str:
    return " ".join(f"{value:.1f}" for value in values)
