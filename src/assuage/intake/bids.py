"""Files of one participant in a BIDS dataset: T1w, T2w, age; BOLD of fMRIPrep with its confounds and mask.

A short reader of entities (`sub-01_ses-1_task-rest_space-T1w_desc-preproc_bold.nii.gz`), no index of the dataset.
Where several files answer, none is chosen: the line lists them. Derivatives never serve as T1: fMRIPrep's may be
skull-stripped or resampled.
"""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assuage.errors import DataError

NIFTI = (".nii.gz", ".nii")
DERIVED_ENTITIES = ("desc", "space")
YEARS = ("year", "yr")
"""Beginnings of the unit of `age` in participants.json; BIDS takes years where none is given."""
LISTED = 20
HEAD_SPACE = "T1w"


@dataclass(frozen=True, slots=True, kw_only=True)
class BidsFile:
    """A file and its name in parts."""

    path: Path
    entities: dict[str, str]
    suffix: str
    extension: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Anatomy:
    """T1w, T2w where there is one, and age where participants.tsv has it."""

    participant: str
    t1: Path
    t2: Path | None
    age_years: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A BOLD run of fMRIPrep with what belongs to it."""

    participant: str
    bold: Path
    confounds: Path
    mask: Path


def parsed(path: Path) -> BidsFile | None:
    """Return a file name in parts, or None where it is no BIDS name."""
    stem, dot, extension = path.name.partition(".")
    *pairs, suffix = stem.split("_")
    entities = dict(pair.split("-", 1) for pair in pairs if "-" in pair)
    if not pairs or len(entities) != len(pairs) or "-" in suffix:
        return None
    return BidsFile(path=path, entities=entities, suffix=suffix, extension=dot + extension)


def participant_in(name: str) -> str | None:
    """Return the label behind `sub-` in a file name, or None."""
    found = parsed(Path(name))
    return None if found is None else found.entities.get("sub")


def find_anatomy(root: Path, participant: str, session: str | None = None, *, with_age: bool = True) -> Anatomy:
    """Find the T1w, the T2w and the age of a participant in raw data.

    Parameters
    ----------
    root
        A BIDS dataset.
    participant, session
        Labels, with or without `sub-` and `ses-`.
    with_age
        False leaves participants.tsv alone.

    Raises
    ------
    DataError
        No dataset, derivatives, no participant, several sessions or several images: one line that lists them.
    """
    if _description(root).get("DatasetType") == "derivative":
        raise DataError(
            f"{root} holds derivatives, whose T1 may be skull-stripped or resampled; name the raw dataset with --bids"
        )
    folder = _folder(root, participant, session)
    label = folder.relative_to(root).parts[0].removeprefix("sub-")
    images = [
        file
        for file in _files(folder / "anat")
        if file.extension in NIFTI and not any(key in file.entities for key in DERIVED_ENTITIES)
    ]
    t1 = _only([f for f in images if f.suffix == "T1w"], "T1w", folder, "name the file itself instead of --bids")
    if t1 is None:
        raise DataError(f"{folder / 'anat'} holds no T1w image; name the T1 itself, or another --session")
    t2 = _only([f for f in images if f.suffix == "T2w"], "T2w", folder, "name one with --t2 FILE")
    return Anatomy(participant=label, t1=t1, t2=t2, age_years=_age_years(root, label) if with_age else None)


def find_recording(
    root: Path, participant: str, session: str | None = None, *, space: str | None = None, task: str | None = None,
    run: str | None = None
) -> Recorded:  # fmt: skip
    """Find a preprocessed BOLD run of fMRIPrep with its confounds and its brain mask.

    Parameters
    ----------
    root
        The derivatives of fMRIPrep, or a raw dataset that holds them in `derivatives/fmriprep`.
    participant, session, task, run
        Labels, with or without the name of the entity.
    space
        "head" for `space-T1w`, "mni" for `space-MNI152...`; None: `space-T1w` where there is one.

    Raises
    ------
    DataError
        Nothing that fits, several runs, or files that are missing beside the run: one line that lists them.
    """
    inside = root / "derivatives" / "fmriprep"
    if _description(root).get("DatasetType") != "derivative" and inside.is_dir():
        root = inside
    folder = _folder(root, participant, session)
    label = folder.relative_to(root).parts[0].removeprefix("sub-")
    every = _files(folder / "func")
    wanted = {"task": _label(task, "task"), "run": _label(run, "run")}
    runs = [
        file
        for file in every
        if (file.suffix, file.entities.get("desc")) == ("bold", "preproc")
        and file.extension in NIFTI
        and all(value is None or file.entities.get(key) == value for key, value in wanted.items())
    ]
    if not runs:
        asked = "".join(f" {key}-{value}" for key, value in wanted.items() if value is not None)
        raise DataError(f"{folder / 'func'} holds no desc-preproc_bold{asked}; run fMRIPrep, or give --bold FILE")
    spaces = sorted({file.entities.get("space", "none") for file in runs})
    fitting = [file for file in runs if _fits(file, space, spaces)]
    if not fitting:
        want = {"head": HEAD_SPACE, "mni": "MNI152..."}.get(space or "", f"{HEAD_SPACE} or MNI152...")
        raise DataError(
            f"{folder / 'func'} holds no BOLD in space-{want}, only in {', '.join(spaces)}; "
            f"run fMRIPrep with --output-spaces T1w, or choose with --space"
        )
    bold = _only(fitting, "BOLD run", folder, "choose with --task, --run or --session, or give --bold FILE")
    assert bold is not None
    return Recorded(participant=label, bold=bold, **_beside(bold, every))


def _fits(file: BidsFile, space: str | None, spaces: Sequence[str]) -> bool:
    found = file.entities.get("space", "")
    if space == "head" or (space is None and HEAD_SPACE in spaces):
        return found == HEAD_SPACE
    return found.startswith("MNI152")


def _beside(bold: Path, every: Sequence[BidsFile]) -> dict[str, Path]:
    """Return confounds and mask of a run; both or a line with those that are missing."""
    run = parsed(bold)
    assert run is not None
    plain = {key: value for key, value in run.entities.items() if key not in {"space", "res", "desc"}}
    confounds = [
        file.path
        for file in every
        if file.extension == ".tsv"
        and file.suffix in {"timeseries", "regressors"}
        and file.entities == plain | {"desc": "confounds"}
    ]
    masks = [
        file.path
        for file in every
        if file.extension in NIFTI and file.suffix == "mask" and file.entities == run.entities | {"desc": "brain"}
    ]
    found = {"confounds": confounds, "mask": masks}
    missing = {"confounds": "desc-confounds_timeseries.tsv", "mask": "desc-brain_mask.nii.gz in the same space"}
    lacking = [missing[key] for key, files in found.items() if not files]
    if lacking:
        raise DataError(f"{bold.name} lacks {' and '.join(lacking)} beside it; copy them, or run fMRIPrep again")
    return {key: files[0] for key, files in found.items()}


def _folder(root: Path, participant: str, session: str | None) -> Path:
    """Return the folder of a participant, and of the session where there are any."""
    if not root.is_dir():
        raise DataError(f"--bids {root} is no folder; name a BIDS dataset")
    label = _label(participant, "sub")
    folder = root / f"sub-{label}"
    if not folder.is_dir():
        there = [p.name.removeprefix("sub-") for p in sorted(root.glob("sub-*")) if p.is_dir()]
        raise DataError(f"{root} holds no participant {label!r}; there {_listing(there)}")
    sessions = [p.name.removeprefix("ses-") for p in sorted(folder.glob("ses-*")) if p.is_dir()]
    wanted = _label(session, "ses")
    if wanted is None and len(sessions) > 1:
        raise DataError(f"{folder} holds {len(sessions)} sessions; choose with --session: {', '.join(sessions)}")
    if wanted is not None and wanted not in sessions:
        raise DataError(f"{folder} holds no session {wanted!r}; there {_listing(sessions)}")
    chosen = wanted or (sessions[0] if sessions else None)
    return folder if chosen is None else folder / f"ses-{chosen}"


def _label(text: str | None, entity: str) -> str | None:
    return None if text is None else text.removeprefix(f"{entity}-")


def _listing(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - LISTED} more" if len(labels) > LISTED else ""
    return f"are: {', '.join(labels[:LISTED])}{more}" if labels else "is none"


def _files(folder: Path) -> list[BidsFile]:
    names = sorted(folder.iterdir()) if folder.is_dir() else []
    return [file for file in (parsed(path) for path in names) if file is not None]


def _only(files: Sequence[BidsFile], what: str, folder: Path, way_out: str) -> Path | None:
    if len(files) > 1:
        names = ", ".join(file.path.name for file in files[:LISTED])
        raise DataError(f"{folder} holds {len(files)} files that could be the {what}: {names}; {way_out}")
    return files[0].path if files else None


def _description(root: Path) -> dict[str, object]:
    path = root / "dataset_description.json"
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise DataError(f"{path} cannot be read ({error}); repair it") from None


def _age_years(root: Path, label: str) -> float | None:
    """Return the age in participants.tsv, or None: no file, no column, n/a."""
    path = root / "participants.tsv"
    if not path.is_file():
        return None
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row.get("participant_id") == f"sub-{label}"]
    text = (rows[0].get("age") or "n/a").strip() if rows else "n/a"
    if text.lower() in {"n/a", ""}:
        return None
    unit = _age_unit(root)
    try:
        years = float(text)
    except ValueError:
        raise DataError(f"{path} gives age {text!r} for sub-{label}, which is no number; give --age YEARS") from None
    if unit and not unit.startswith(YEARS):
        raise DataError(f"participants.json gives age in {unit!r}, not in years; give --age YEARS")
    return years


def _age_unit(root: Path) -> str:
    path = root / "participants.json"
    if not path.is_file():
        return ""
    try:
        age = json.loads(path.read_text(encoding="utf-8")).get("age") or {}
        return str(age.get("Units") or age.get("units") or "").strip().lower()
    except (ValueError, AttributeError) as error:
        raise DataError(f"{path} cannot be read ({error}); repair it") from None
