"""Quality figures of a head as JSON and as rows of a table."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from assuage.head import Head, HeadQc, qc
from assuage.head.folder import FIGURES_FILE
from assuage.head.norms import Norm
from assuage.head.pictures import overlay_figure
from assuage.head.tissues import BRAIN_NAMES
from assuage.report import words

QC_FILE = FIGURES_FILE
OVERLAY_FILE = "overlay.png"
BRAIN_FILE = "brain.nii.gz"


def as_json(found: HeadQc) -> dict[str, Any]:
    """Return the figures as plain values, without the points they were measured at."""
    skull = found.skull
    return {
        "head": found.head_name,
        "volumes": [
            {
                "name": volume.name,
                "volume_ml": round(volume.volume_ml, 1),
                "within_cited_range": volume.within_cited_range,
                **_range(volume.norm),
            }
            for volume in found.volumes
        ],
        "skull_thickness_mm": None
        if skull is None
        else {
            "mean": round(skull.mean_mm, 2),
            "median": round(skull.median_mm, 2),
            "percentile_5": round(skull.low_mm, 2),
            "percentile_95": round(skull.high_mm, 2),
            "missing_share": round(skull.missing_share, 4),
            **_range(skull.norm),
        },
        "leak_faces": found.leak_count,
        "leak_faces_calvaria": found.leak_calvaria_count,
        "brain_skull_share": None if found.brain_skull_share is None else round(found.brain_skull_share, 4),
        "asymmetry": {name: round(value, 4) for name, value in found.asymmetry.items()},
        "extension": found.extension,
        "warnings": list(found.warnings),
    }


def rows(figures: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the figures as table rows: name, value, expected, source."""
    found = [
        _row(
            f"{'CSF' if v['name'] == 'csf' else words.heading(v['name'])}, volume",
            f"{words.number(v['volume_ml'])} ml",
            v,
            "ml",
            measured=v["volume_ml"],
        )
        for v in figures["volumes"]
        if v.get("low") is not None or v.get("norm")
    ]
    skull = figures.get("skull_thickness_mm")
    if skull:
        value = f"{words.number(skull['mean'], digits=2)} mm"
        found.append(_row("Bone over the calvaria, mean thickness", value, skull, "mm", measured=skull["mean"]))
        spread = (
            f"{words.number(skull['percentile_5'], digits=2)} to {words.number(skull['percentile_95'], digits=2)} mm"
        )
        found.append(_row("Bone over the calvaria, 5th to 95th percentile", spread))
        found.append(_row("Share of the calvaria with less than 1 mm of bone", words.percent(skull["missing_share"])))
    found.append(
        _row("CSF or brain against soft tissue or air without bone, whole head", f"{figures['leak_faces']} voxel faces")
    )
    leaks = figures["leak_faces_calvaria"]
    row = _row("The same above the skull base", f"{leaks} voxel faces", expected="0")
    found.append(row | {"stands": "outside" if leaks else "inside"})
    if figures.get("brain_skull_share") is not None:
        found.append(
            _row(
                "Share of the brain's surface that touches bone without CSF",
                words.percent(figures["brain_skull_share"]),
            )
        )
    worst = sorted(figures["asymmetry"].items(), key=lambda item: -abs(item[1]))[:3]
    if worst:
        text = ", ".join(f"{words.plain(name)} {words.signed(100 * value)} %" for name, value in worst)
        found.append(_row("Left against right, largest differences", text))
    return found


def write(head: Head, folder: Path) -> dict[str, Any]:
    """Measure a head; write qc.json, overlay.png and (if it has a brain) brain.nii.gz; return the figures."""
    figures = as_json(qc(head))
    (folder / QC_FILE).write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    overlay_figure(head, folder / OVERLAY_FILE)
    brain = brain_mask(head)
    if brain is not None:
        nib.save(nib.Nifti1Image(brain.astype(np.uint8), head.affine), folder / BRAIN_FILE)
    return figures


def brain_mask(head: Head) -> NDArray[np.bool_] | None:
    """Return where the head has grey or white matter, None where it names neither."""
    names = [name for name in dict.fromkeys(head.tissues.values()) if name in BRAIN_NAMES]
    return np.any([head.mask(name) for name in names], axis=0) if names else None


def _range(norm: Norm | None) -> dict[str, Any]:
    cited = None if norm is None else norm.reference
    found: dict[str, Any] = {"low": None, "high": None, "source": "", "source_level": "", "norm": ""}
    if norm is not None:
        found |= {"source": norm.source, "source_level": norm.source_level, "norm": norm.says}
    if cited is not None:
        found |= {"low": cited.low, "high": cited.high, "source": cited.source, "source_level": cited.source_level}
    return found


def _row(
    name: str,
    value: str,
    cited: Mapping[str, Any] | None = None,
    unit: str = "",
    expected: str = "",
    measured: float | None = None,
) -> dict[str, str]:
    """Return a row; `stands` says how the value stands to what is expected: inside, outside, or "" where none is."""
    source, stands = "", ""
    if cited is not None:
        low, high = cited.get("low"), cited.get("high")
        if low is not None and high is not None:
            expected = f"{words.number(low)} to {words.number(high)} {unit}"
            if measured is not None:
                stands = "inside" if low <= measured <= high else "outside"
        said = words.sentence(cited["norm"]) if cited.get("norm") else ""
        expected = f"{expected} ({cited['norm']})" if expected and said else expected or said
        if cited.get("source"):
            source = f"{cited['source']} ({words.level(cited['source_level'])})"
    return {"name": name, "value": value, "expected": expected or "–", "source": source or "–", "stands": stands}
