"""Quality figures of a head as JSON and as rows of a table."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from assuage.head import Head, HeadQc, qc
from assuage.head.pictures import overlay_figure
from assuage.head.tissues import BRAIN_NAMES
from assuage.report import words

QC_FILE = "qc.json"
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
                **_range(volume.reference),
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
            **_range(skull.reference),
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
        _row(f"{words.plain(v['name']).capitalize()}, volume", f"{words.number(v['volume_ml'])} ml", v, "ml")
        for v in figures["volumes"]
        if v.get("low") is not None
    ]
    skull = figures.get("skull_thickness_mm")
    if skull:
        value = f"{words.number(skull['mean'], digits=2)} mm"
        found.append(_row("Bone over the calvaria, mean thickness", value, skull, "mm"))
        spread = (
            f"{words.number(skull['percentile_5'], digits=2)} to {words.number(skull['percentile_95'], digits=2)} mm"
        )
        found.append(_row("Bone over the calvaria, 5th to 95th percentile", spread))
        found.append(_row("Share of the calvaria with less than 1 mm of bone", words.percent(skull["missing_share"])))
    found.append(
        _row("CSF or brain against soft tissue or air without bone, whole head", f"{figures['leak_faces']} voxel faces")
    )
    found.append(_row("The same above the skull base", f"{figures['leak_faces_calvaria']} voxel faces", expected="0"))
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


def _range(reference: Any) -> dict[str, Any]:
    if reference is None:
        return {"low": None, "high": None, "source": "", "source_level": ""}
    return {
        "low": reference.low,
        "high": reference.high,
        "source": reference.source,
        "source_level": reference.source_level,
    }


def _row(
    name: str, value: str, cited: Mapping[str, Any] | None = None, unit: str = "", expected: str = ""
) -> dict[str, str]:
    source = ""
    if cited is not None and cited.get("low") is not None:
        expected = f"{words.number(cited['low'])} to {words.number(cited['high'])} {unit}"
        source = f"{cited['source']} ({words.level(cited['source_level'])})"
    return {"name": name, "value": value, "expected": expected or "–", "source": source or "–"}
