"""Files of peaks: Sleuth text, NiMARE's dataset JSON and the studyset JSON of NeuroStore, read and written.

All three hold experiments: a study, a contrast, the number of people and the peaks. Inside, peaks are MNI mm. Talairach
peaks are converted as they are read, by the inverse of icbm2tal for any normalisation but SPM's and FSL's (pooled fit):

    tal = A mni + b,   A, b: Lancaster et al. 2007, Hum Brain Mapp 28:1194, doi:10.1002/hbm.20345

Its authors report 1 to 2 mm of disparity left. A file that does not say its space is refused.
"""

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from assuage.errors import DataError

ICBM_TO_TALAIRACH = np.array(
    [
        [0.9357, 0.0029, -0.0072, -1.0423],
        [-0.0065, 0.9396, -0.0726, -1.3940],
        [0.0103, 0.0752, 0.8967, 3.6475],
        [0.0, 0.0, 0.0, 1.0],
    ]
)
"""Lancaster et al. 2007, pooled over SPM and FSL."""
MNI, TALAIRACH = "mni", "talairach"
SPACES = {
    **dict.fromkeys(("mni", "mni152", "mni152_2mm", "ale_2mm", "icbm", "icbm152"), MNI),
    **dict.fromkeys(("tal", "talairach", "talairach_2mm"), TALAIRACH),
}
"""Names of the two spaces in files, in lower case."""
FORMATS = ("sleuth", "nimare", "studyset")

Points = npt.NDArray[np.float64]

_REFERENCE = re.compile(r"^\s*//\s*reference\s*=\s*(\S+)", re.IGNORECASE | re.MULTILINE)
_SUBJECTS = re.compile(r"subjects\s*=\s*(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Experiment:
    """One contrast of one study.

    Attributes
    ----------
    people
        Number of people, or None where the file does not say.
    peaks_mm
        (k, 3), MNI, RAS+ mm.
    original_mm
        (k, 3) as the file has them; the same array where they were MNI.
    """

    study: str
    contrast: str
    people: int | None
    peaks_mm: Points
    original_mm: Points

    @property
    def converted(self) -> bool:
        """Whether the peaks were Talairach."""
        return self.peaks_mm is not self.original_mm


def talairach_to_mni(points_mm: Points) -> Points:
    """Return Talairach points (k, 3) in MNI space, mm, by the inverse of Lancaster's icbm2tal."""
    mni: Points = (points_mm - ICBM_TO_TALAIRACH[:3, 3]) @ np.linalg.inv(ICBM_TO_TALAIRACH[:3, :3]).T
    return mni


def mni_to_talairach(points_mm: Points) -> Points:
    """Return MNI points (k, 3) in Talairach space, mm, by Lancaster's icbm2tal."""
    talairach: Points = points_mm @ ICBM_TO_TALAIRACH[:3, :3].T + ICBM_TO_TALAIRACH[:3, 3]
    return talairach


def read_experiments(text: str, *, name: str, space: str = "") -> tuple[Experiment, ...]:
    """Return the experiments of a file: Sleuth text, NiMARE dataset JSON or studyset JSON, told apart by content.

    Parameters
    ----------
    name
        Of the file, for messages.
    space
        "mni" or "talairach" for a file that does not say; it may not contradict one that does.

    Raises
    ------
    DataError
        Another format, no peaks, an unknown or contradicted space, or peaks that are no three numbers.
    """
    if space and space not in {MNI, TALAIRACH}:
        raise DataError(f"space {space!r} is unknown; write mni or talairach")
    if text.lstrip().startswith(("{", "[")):
        found = tuple(_from_json(text, name, space))
    else:
        found = tuple(_from_sleuth(text, name, space))
    if not found:
        raise DataError(f"{name} holds no peaks")
    return found


def write_experiments(experiments: Iterable[Experiment], *, form: str, name: str) -> str:
    """Return experiments as the text of a file, in MNI space.

    Parameters
    ----------
    form
        "sleuth" (needs the number of people of every experiment), "nimare" or "studyset".
    name
        Of the set, for formats that carry one.

    Raises
    ------
    DataError
        An unknown format, or people missing for Sleuth.
    """
    listed = tuple(experiments)
    match form:
        case "sleuth":
            return _sleuth(listed)
        case "nimare":
            return _json(_nimare(listed))
        case "studyset":
            return _json(studyset_document(listed, name=name))
    raise DataError(f"format {form!r} is unknown; formats: {', '.join(FORMATS)}")


def _from_sleuth(text: str, name: str, space: str) -> Iterator[Experiment]:
    stated = {match[1].lower() for match in _REFERENCE.finditer(text)}
    if len(stated) > 1:
        raise DataError(f"{name} names the spaces {' and '.join(sorted(stated))}; split it into one file for each")
    known = _space(stated.pop() if stated else "", space, name)
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    heading: list[str] = []
    for is_heading, block in itertools.groupby(lines, key=lambda item: item[1].startswith("//")):
        if is_heading:
            heading = [line[2:].strip() for _, line in block]
            continue
        title = " ".join(line for line in heading if not (_SUBJECTS.fullmatch(line) or _REFERENCE.match(f"//{line}")))
        subjects = [int(match[1]) for line in heading if (match := _SUBJECTS.fullmatch(line))]
        study, _, contrast = title.partition(":")
        peaks = [_three(line, f"{name} line {number}") for number, line in block]
        if not study.strip():
            raise DataError(f"{name}: peaks without a line // Study: contrast before them")
        yield _experiment(study, contrast, subjects[0] if subjects else None, peaks, known)


def _from_json(text: str, name: str, space: str) -> Iterator[Experiment]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise DataError(f"{name} is no JSON; export it again") from None
    try:
        if isinstance(document, dict) and isinstance(document.get("studies"), list):
            yield from _from_studyset(document, name, space)
        elif isinstance(document, dict) and all("contrasts" in study for study in document.values()):
            yield from _from_nimare(document, name, space)
        else:
            raise DataError(f"{name} is neither a studyset (studies) nor a NiMARE dataset (contrasts)")
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        what = f"{type(error).__name__}: {error}"
        raise DataError(f"{name} has not the structure of its format ({what}); export it again") from None


def _from_studyset(document: Mapping[str, Any], name: str, space: str) -> Iterator[Experiment]:
    for study in document["studies"]:
        for analysis in study.get("analyses") or ():
            points = analysis.get("points") or ()
            spaces = {str(point.get("space") or "") for point in points}
            if len(spaces) > 1:
                raise DataError(f"{name}: {study['id']} has peaks in {' and '.join(sorted(spaces))} in one analysis")
            if points:
                metadata = {**(study.get("metadata") or {}), **(analysis.get("metadata") or {})}
                peaks = [[float(value) for value in point["coordinates"]] for point in points]
                title = str(analysis.get("name") or analysis["id"])
                yield _experiment(study["id"], title, _people(metadata), peaks, _space(spaces.pop(), space, name))


def _from_nimare(document: Mapping[str, Any], name: str, space: str) -> Iterator[Experiment]:
    for study, entry in document.items():
        for contrast, content in entry["contrasts"].items():
            coords = content.get("coords") or {}
            if coords.get("x"):
                peaks = [list(map(float, xyz)) for xyz in zip(coords["x"], coords["y"], coords["z"], strict=True)]
                title = str((content.get("metadata") or {}).get("contrast") or contrast)
                stated = _space(str(coords.get("space") or ""), space, name)
                yield _experiment(study, title, _people(content.get("metadata") or {}), peaks, stated)


def _experiment(study: str, contrast: str, people: int | None, peaks: list[list[float]], space: str) -> Experiment:
    original = np.array(peaks, dtype=np.float64)
    if original.ndim != 2 or original.shape[1] != 3 or not np.isfinite(original).all():
        raise DataError(f"{study}: its peaks are not three finite numbers each")
    mni = talairach_to_mni(original) if space == TALAIRACH else original
    return Experiment(
        study=str(study).strip(), contrast=contrast.strip(), people=people, peaks_mm=mni, original_mm=original
    )


def _space(stated: str, given: str, name: str) -> str:
    known = SPACES.get(stated.lower(), "")
    if stated and not known:
        raise DataError(f"{name} is in space {stated!r}, which is neither MNI nor Talairach; convert it first")
    if not known and not given:
        raise DataError(f"{name} does not say its space; add --space mni or --space talairach if you know it")
    if known and given and known != given:
        raise DataError(f"{name} says {stated}, you say {given}; leave --space out")
    return known or given


def _people(metadata: Mapping[str, Any]) -> int | None:
    sizes = metadata.get("sample_sizes") or ([metadata["sample_size"]] if metadata.get("sample_size") else [])
    return int(sum(sizes)) if sizes else None


def _three(line: str, where: str) -> list[float]:
    parts = re.split(r"[\s,]+", line)
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) != 3:
        raise DataError(f"{where}: {line!r} is no peak; write x y z in mm")
    return numbers


def _sleuth(experiments: tuple[Experiment, ...]) -> str:
    lines = ["//Reference=MNI"]
    for item in experiments:
        if item.people is None:
            raise DataError(f"{item.study} {item.contrast} has no number of people, which Sleuth text needs")
        title = f"{item.study}: {item.contrast}" if item.contrast else item.study
        lines += [f"// {title}", f"// Subjects={item.people}"]
        lines += ["\t".join(f"{value:g}" for value in peak) for peak in item.peaks_mm.round(2).tolist()]
        lines.append("")
    return "\n".join(lines)


def _nimare(experiments: tuple[Experiment, ...]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for item in experiments:
        contrasts = document.setdefault(item.study, {"contrasts": {}})["contrasts"]
        x, y, z = item.peaks_mm.T.tolist()
        metadata: dict[str, Any] = {"contrast": item.contrast}
        if item.people is not None:
            metadata["sample_sizes"] = [item.people]
        contrasts[str(len(contrasts) + 1)] = {
            "coords": {"space": "MNI", "x": x, "y": y, "z": z},
            "metadata": metadata,
        }
    return document


def studyset_document(experiments: Iterable[Experiment], *, name: str) -> dict[str, Any]:
    """Return experiments as the dictionary of a studyset."""
    studies: dict[str, dict[str, Any]] = {}
    for item in experiments:
        study = studies.setdefault(
            item.study,
            {"id": item.study, "name": item.study, "authors": "", "publication": "", "metadata": {}, "analyses": []},
        )
        metadata = {} if item.people is None else {"sample_sizes": [item.people]}
        study["analyses"].append(
            {
                "id": str(len(study["analyses"]) + 1),
                "name": item.contrast,
                "conditions": [],
                "weights": [],
                "images": [],
                "points": [
                    {"space": "MNI", "coordinates": peak, "kind": None, "values": []} for peak in item.peaks_mm.tolist()
                ],
                "metadata": metadata,
            }
        )
    return {"id": name, "name": name, "studies": list(studies.values())}


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
