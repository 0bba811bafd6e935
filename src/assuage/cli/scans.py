"""Where the scans of `assuage head build` come from: NIfTI files, folders of DICOM, or a BIDS dataset."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assuage.errors import DataError, HeaderError
from assuage.intake import Identity, chosen, converted, facts, find_anatomy, participant_in, refuse_two_people
from assuage.intake.dicom import Kind, Series
from assuage.intake.person import age_years
from assuage.space.audit import Orientation

STRIPPED = "desc-brain_"
"""Of the skull-stripped T1 of fMRIPrep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The options of `assuage head build` as typed."""

    t1: Path | None
    out: Path
    t2: Path | None
    series: str | None
    t2_series: str | None
    bids: Path | None
    participant: str | None
    session: str | None
    brain: Path | None
    lesion: Path | None
    lesion_S_per_m: float | None
    age_years: float | None
    orientation: Orientation
    as_json: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Scans:
    """The files of one person, and what is known of them.

    Attributes
    ----------
    t1, t2
        NIfTI files.
    age_years
        As given, or as the dataset or the DICOM says.
    participant
        Label of the BIDS dataset or of the file name, or None.
    acquisition
        "t1" and "t2" to what the scanner did, where it is known.
    converted
        Name in the head's folder to an image that was converted from DICOM.
    notes
        Lines for the head's warnings.
    """

    t1: Path
    t2: Path | None
    age_years: float | None
    participant: str | None
    acquisition: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    converted: Mapping[str, Path] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def noted_in(self, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """Return the metadata of a head with what is known of the scans."""
        return {
            **metadata,
            "warnings": [*metadata["warnings"], *self.notes],
            "participant": self.participant,
            "acquisition": {name: dict(known) for name, known in self.acquisition.items()},
        }

    def keep(self, folder: Path) -> None:
        """Write the converted images into the head's folder, each with the sidecar that names nobody."""
        for name, image in self.converted.items():
            shutil.copyfile(image, folder / f"source_{name}.nii.gz")
            text = json.dumps(self.acquisition[name.lower()], indent=2, ensure_ascii=False)
            (folder / f"source_{name}.json").write_text(text + "\n", encoding="utf-8")


@contextmanager
def scans_of(asked: Request) -> Iterator[Scans]:
    """Yield the scans; converted ones exist until the end.

    Raises
    ------
    AssuageError
        Options that contradict each other, nothing or several things that fit, or scans of two people.
    """
    _check(asked)
    if asked.bids is not None:
        assert asked.participant is not None
        found = find_anatomy(asked.bids, asked.participant, asked.session, with_age=asked.age_years is None)
        age = asked.age_years or found.age_years
        yield Scans(t1=found.t1, t2=asked.t2 or found.t2, age_years=age, participant=found.participant)
        return
    if not any(path is not None and path.is_dir() for path in (asked.t1, asked.t2)):
        yield _of_files(asked, Path())
        return
    beside = asked.out.absolute()
    beside.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=beside.parent, prefix=f".{beside.name}-dicom-") as scratch:
        yield _of_files(asked, Path(scratch))


def require_one_source(t1: Path | None, bids: Path | None) -> None:
    """Refuse a T1 beside a dataset, and neither.

    Raises
    ------
    DataError
        Both or neither.
    """
    if (t1 is None) == (bids is None):
        given = "both" if bids else "neither"
        raise DataError(f"{given} of T1 and --bids given; name one T1, or --bids DIR --participant 01")


def _check(asked: Request) -> None:
    require_one_source(asked.t1, asked.bids)
    if asked.bids is not None and asked.participant is None:
        raise DataError(f"--bids {asked.bids} without --participant; write --bids {asked.bids} --participant 01")
    if asked.bids is None and asked.session is not None:
        raise DataError(f"--session {asked.session} belongs to --bids; leave it out")
    for option, value, path in (("--series", asked.series, asked.t1), ("--t2-series", asked.t2_series, asked.t2)):
        if value is not None and (path is None or not path.is_dir()):
            raise DataError(f"{option} {value} belongs to a folder of DICOM; leave it out")
    for path in (asked.t1, asked.t2):
        if path is not None and STRIPPED in path.name:
            raise HeaderError(f"{path.name} is skull-stripped by its name; give the raw T1 with scalp and skull")


def _of_files(asked: Request, scratch: Path) -> Scans:
    """Take files as they are, convert folders and choose their series, and hold T1 and T2 against each other."""
    assert asked.t1 is not None
    named = {participant_in(path.name): path.name for path in (asked.t1, asked.t2) if path is not None}
    if asked.participant is not None:
        named[asked.participant.removeprefix("sub-")] = f"--participant {asked.participant}"
    labels = {label: name for label, name in named.items() if label is not None}
    if len(labels) > 1:
        raise DataError(f"{' and '.join(labels.values())} are of two participants; give scans of one person")
    images: dict[str, Path] = {}
    known: dict[str, Mapping[str, Any]] = {}
    people: list[Identity] = []
    age = asked.age_years
    made: dict[Path, tuple[Series, ...]] = {}
    t1, t2 = asked.t1, asked.t2
    wanted: tuple[tuple[Kind, Path | None, str | None, str], ...] = (
        ("T1", t1, asked.series, "--series"),
        ("T2", t2, asked.t2_series, "--t2-series"),
    )
    for kind, path, number, option in wanted:
        if path is None or not path.is_dir():
            sidecar = {} if path is None else _beside(path)
            if sidecar:
                people.append(Identity.of(str(path), sidecar))
            continue
        if path not in made:
            (scratch / kind).mkdir()
            made[path] = converted(path, scratch / kind)
        series = chosen(made[path], kind, number=number, option=option, folder=path)
        images[kind] = scratch / f"{kind}_series_{series.number}.nii.gz"
        shutil.copyfile(series.image, images[kind])
        known[kind.lower()] = facts(series.sidecar)
        people.append(series.identity)
        age = age if age is not None else age_years(series.sidecar)
    note = refuse_two_people(*people) if len(people) == 2 else None
    return Scans(
        t1=images.get("T1", t1),
        t2=images.get("T2", t2),
        age_years=age,
        participant=next(iter(labels), None),
        acquisition=known,
        converted=images,
        notes=() if note is None else (note,),
    )


def _beside(path: Path) -> Mapping[str, Any]:
    """Return the JSON sidecar beside a NIfTI, {} if there is none."""
    side = path.with_name(path.name.removesuffix(".gz").removesuffix(".nii") + ".json")
    if not side.is_file():
        return {}
    try:
        return dict(json.loads(side.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise DataError(f"{side} cannot be read ({error}); repair or remove it") from None
