"""A plan and its head as BIDS derivatives: what it takes from the head in `anat/`, what it proposes in `nibs/`.

BIDS has names for the head's images; fields, plan, report and navigator files have none yet and stand in `nibs/`, which
`.bidsignore` tells validators to leave alone. Every image and table has a sidecar; the other files are listed with
their hashes in `*_files.tsv`. A participant appears whole or not at all.
"""

import csv
import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from assuage import __version__
from assuage.errors import DataError, PlanError
from assuage.export.head_images import write_head_images
from assuage.export.nibs import NibsSet, delivered_set, planned_sets
from assuage.export.nibs_keys import draft_version, sidecar, write_table
from assuage.head import Head
from assuage.head.hashing import file_hash
from assuage.plan.records import PlanRecord
from assuage.readback import OpenedPlan
from assuage.readback.records import ElectrodeFidelity, Fidelity, PulseFidelity

BIDS_VERSION = "1.10.1"
DESCRIPTION_FILE = "dataset_description.json"
IGNORED = "**/nibs\n"
README = """Derivatives of assuage

For every participant: the head model (anat/: tissue labels, fractions, target) and what was planned on it (nibs/: plan,
report, fields, navigator files). Coordinates of all images are those of the participant's T1. Fields are estimates of a
model. The T1 of a head shows the face: deface a copy before it is shared.

nibs/ is no part of BIDS yet and is listed in .bidsignore. Files *_nibs.tsv, *_markers.tsv, *_events.tsv and
*_coordsystem.json, where there are any, follow draft {draft} of BIDS extension proposal 37 and will be renamed by it.

A research planning aid, not a medical device.
"""
LANDMARKS = {"Nz": "NAS", "Iz": "INI", "LPA": "LPA", "RPA": "RPA"}
LABEL = r"[A-Za-z0-9]+"
HEAD_IMAGES = ("t1.nii.gz", "tissues.nii.gz", "target.nii.gz", "regions.nii.gz")
"""Of the plan's folder: written to anat/ under names of BIDS."""
FIELDS = "fields/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What was written.

    Attributes
    ----------
    folder
        Of the participant, or of the session.
    files
        Paths in it.
    left_out
        Techniques that the NIBS draft has no place for.
    """

    folder: Path
    files: tuple[str, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where the files of one participant and session go, and how their names begin."""

    folder: Path
    participant: str
    session: str | None
    files: list[str] = field(default_factory=list)

    @property
    def inner(self) -> str:
        return f"sub-{self.participant}" + (f"/ses-{self.session}" if self.session else "")

    def path(self, datatype: str, rest: str) -> Path:
        """Return a path in a datatype's folder, which is made."""
        (self.folder / datatype).mkdir(exist_ok=True)
        name = f"{datatype}/{self.inner.replace('/', '_')}_{rest}"
        self.files.append(name)
        return self.folder / name


def export_bids(
    plan: OpenedPlan,
    out: Path,
    *,
    participant: str,
    session: str | None = None,
    task: str | None = None,
    delivered: Path | None = None,
) -> Export:
    """Write a plan as derivatives.

    Parameters
    ----------
    plan
        The plan, opened on its head.
    out
        A new dataset, or one that this function has made, without this participant and session.
    participant, session
        Labels, with or without `sub-` and `ses-`.
    task
        Label for the files of the NIBS draft; None leaves them out.
    delivered
        fidelity.json of a session read back against this plan.

    Raises
    ------
    DataError, PlanError
        A label with other signs than letters and digits, another's dataset, a participant that is there already, a head
        of another participant, a fidelity.json of another plan, or a plan whose files are not whole.
    """
    participant = _label(participant, "sub", "--participant")
    session = None if session is None else _label(session, "ses", "--session")
    task = None if task is None else _label(task, "task", "--task")
    _check_person(plan.head, participant)
    found = None if delivered is None else _fidelity(delivered, plan)
    _check_whole(plan)
    new = not _is_ours(out)
    place = _Place(folder=_scratch(out, participant), participant=participant, session=session)
    goal = out / place.inner
    try:
        if goal.exists():
            raise DataError(f"{goal} exists; remove it or name another --session")
        left_out = _fill(place, plan, task, found)
        out.mkdir(parents=True, exist_ok=True)
        if new:
            _describe(out)
        goal.parent.mkdir(parents=True, exist_ok=True)
        place.folder.chmod(0o755)
        place.folder.replace(goal)
    except BaseException:
        shutil.rmtree(place.folder, ignore_errors=True)
        raise
    return Export(folder=goal, files=tuple(place.files), left_out=tuple(left_out))


def _fill(
    place: _Place, plan: OpenedPlan, task: str | None, found: PulseFidelity | ElectrodeFidelity | None
) -> list[str]:
    head_name = write_head_images(plan, place.path)
    _copy_fields(place, plan)
    _copy_others(place, plan)
    if found is not None:
        path = place.path("nibs", "fidelity.json")
        path.write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
    if task is None:
        return []
    sets, left_out = planned_sets(plan.record)
    for made in [*sets, *([] if found is None else [delivered_set(found)])]:
        _write_set(place, task, made)
    _write_coordinates(place, task, plan.record, f"bids::{place.inner}/{head_name}")
    return left_out


def _copy_fields(place: _Place, plan: OpenedPlan) -> None:
    by_file = {item.field_file: item for item in plan.record.techniques}
    for entry in plan.record.files:
        if not entry.path.startswith(FIELDS):
            continue
        label = re.sub(r"[^A-Za-z0-9]", "", Path(entry.path).name.removesuffix(".nii.gz"))
        item = by_file.get(entry.path)
        shutil.copyfile(plan.folder / entry.path, place.path("nibs", f"desc-{label}_efield.nii.gz"))
        dose = None if item is None else item.dose
        about = {
            "Description": entry.says,
            "Units": "V/m",
            "Estimate": "model, not a measurement",
            "Quantity": None if dose is None else dose.quantity,
            "ReferenceIntensity": None if dose is None else dose.intensity,
            "Sources": [f"bids::{place.inner}/nibs/{place.inner.replace('/', '_')}_plan.json"],
        }
        _json(place.path("nibs", f"desc-{label}_efield.json"), about)


def _copy_others(place: _Place, plan: OpenedPlan) -> None:
    """Copy plan, report, navigator files and the rest, and list them with what they hold."""
    says = {entry.path: entry.says for entry in plan.record.files}
    rows = []
    for path in sorted(p for p in plan.folder.rglob("*") if p.is_file()):
        name = path.relative_to(plan.folder).as_posix()
        if name in HEAD_IMAGES or name.startswith(FIELDS):
            continue
        goal = place.path("nibs", name.replace("/", "-"))
        shutil.copyfile(path, goal)
        rows.append((goal.name, file_hash(path), says.get(name, "")))
    listing = place.path("nibs", "files.tsv")
    with listing.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(("filename", "sha256", "description"))
        writer.writerows(rows)
    columns = {"filename": "in this folder", "sha256": "as copied", "description": "what it holds"}
    _json(place.path("nibs", "files.json"), {key: {"Description": text} for key, text in columns.items()})


def _write_set(place: _Place, task: str, made: NibsSet) -> None:
    stem = f"task-{task}_acq-{made.acquisition}"
    draft = {"NIBSBIDSDraft": draft_version()}
    for kind, rows in (("nibs", made.nibs), ("markers", made.markers), ("events", made.events)):
        if kind == "events" and not rows:
            continue
        used = write_table(place.path("nibs", f"{stem}_{kind}.tsv"), kind, rows)  # type: ignore[arg-type]
        about = made.about if kind == "nibs" else {}
        told = sidecar(kind, used, made.units if kind == "nibs" else None)  # type: ignore[arg-type]
        _json(place.path("nibs", f"{stem}_{kind}.json"), {**draft, **about, **told})


def _write_coordinates(place: _Place, task: str, record: PlanRecord, image: str) -> None:
    system = "IndividualMRI"
    about = {
        "NIBSBIDSDraft": draft_version(),
        "IntendedFor": image,
        "NIBSCoordinateSystem": system,
        "NIBSCoordinateUnits": "mm",
        "NIBSCoordinateSystemDescription": "world coordinates of the image named in IntendedFor: RAS+, mm",
        "AnatomicalLandmarkCoordinates": {LANDMARKS[name]: list(at) for name, at in record.head.fiducials_mm.items()},
        "AnatomicalLandmarkCoordinateSystem": system,
        "AnatomicalLandmarkCoordinateUnits": "mm",
        "AnatomicalLandmarkCoordinatesDescription": "NAS nasion, INI inion, LPA and RPA preauricular points, on the "
        "scalp of the head model",
    }
    _json(place.path("nibs", f"task-{task}_coordsystem.json"), about)


def _label(text: str, entity: str, option: str) -> str:
    label = text.removeprefix(f"{entity}-")
    if not re.fullmatch(LABEL, label):
        raise DataError(f"{option} {text!r} is no label of BIDS; use letters and digits only, for example 01")
    return label


def _check_person(head: Head, participant: str) -> None:
    known = head.metadata.get("participant")
    if known and known != participant:
        raise DataError(f"head {head.name} is of participant {known}, not {participant}; name the right one")


def _check_whole(plan: OpenedPlan) -> None:
    for entry in plan.record.files:
        path = plan.folder / entry.path
        if not path.is_file():
            raise PlanError(f"{path} is missing; give the whole folder of the plan")
        if file_hash(path) != entry.sha256:
            raise PlanError(f"{path} is not the file that was planned; plan again, or restore the folder")


def _fidelity(path: Path, plan: OpenedPlan) -> PulseFidelity | ElectrodeFidelity:
    try:
        found: PulseFidelity | ElectrodeFidelity = TypeAdapter(Fidelity).validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        said = str(error).splitlines()[0]
        raise DataError(f"{path} is no fidelity.json ({said}); write it with assuage readback --out DIR") from None
    if found.plan.sha256 != plan.sha256:
        raise DataError(f"{path} was read back against another plan ({found.plan.title}); read back against this one")
    if isinstance(found, PulseFidelity) and any(pulse.time_s is None for pulse in found.pulses):
        raise DataError(f"{path} holds pulses without a time, which events of BIDS need; leave --delivered out")
    return found


def _is_ours(out: Path) -> bool:
    """Say whether a dataset of this package is there; refuse any other content."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    try:
        content = json.loads((out / DESCRIPTION_FILE).read_text(encoding="utf-8"))
        if content["GeneratedBy"][0]["Name"] == "assuage":
            return True
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        pass
    raise DataError(f"--out {out} holds something else than derivatives of assuage; name a new folder")


def _scratch(out: Path, participant: str) -> Path:
    parent = out.expanduser().absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f".{out.name}-{participant}-", dir=parent))


def _describe(out: Path) -> None:
    about = {
        "Name": "assuage: heads and stimulation plans",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "assuage", "Version": __version__, "Description": "assuage export bids"}],
        "NIBSBIDSDraft": draft_version(),
    }
    _json(out / DESCRIPTION_FILE, about)
    (out / "README").write_text(README.format(draft=draft_version()), encoding="utf-8")
    (out / ".bidsignore").write_text(IGNORED, encoding="utf-8")


def _json(path: Path, content: Mapping[str, Any]) -> None:
    kept = {key: value for key, value in content.items() if value is not None}
    path.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
