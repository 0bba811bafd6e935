"""The quality page of a head: overlays, figures against norms of the age, what the scan lacks, who signed; one file."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from assuage import __version__
from assuage.figures import png
from assuage.head import Head
from assuage.head.hashing import head_hash
from assuage.head.pictures import planes_figure
from assuage.head.signoff import said, sign_off
from assuage.head.tissues import BRAIN_NAMES
from assuage.protocols.protocol import write_whole
from assuage.report import head_quality
from assuage.report.templating import environment, template_text

PAGE_FILE = "quality.html"
DPI = 100
PLANES: tuple[tuple[str, int, tuple[tuple[str, float, float], ...]], ...] = (
    (
        "Axial",
        2,
        (
            ("skull base and temporal poles", -34.0, 0.25),
            ("orbitofrontal cortex and orbits", -18.0, 0.37),
            ("basal ganglia", 4.0, 0.52),
            ("frontal and parietal convexity", 34.0, 0.74),
            ("upper convexity", 56.0, 0.89),
            ("vertex", 72.0, 0.98),
        ),
    ),
    (
        "Coronal",
        1,
        (
            ("orbitofrontal cortex and orbits", 42.0, 0.83),
            ("temporal poles", 10.0, 0.65),
            ("motor cortex and brainstem", -20.0, 0.48),
            ("cerebellum", -62.0, 0.24),
        ),
    ),
    (
        "Sagittal",
        0,
        (
            ("midline", 0.0, 0.5),
            ("left orbit", -28.0, 0.3),
            ("right orbit", 28.0, 0.7),
            ("left temporal lobe", -52.0, 0.12),
        ),
    ),
)
"""Title, MNI coordinate in mm, and the share of the brain's extent that stands for it on a head without MNI frame."""
LOOK = (
    "Left and right: the side marks of the pictures agree with what is known of the person.",
    "The outer scalp line follows the skin everywhere, also at the vertex and behind the ears; hair, pads and coils of "
    "the scanner are outside it.",
    "The skull is closed over the brain and of plausible thickness; no bright marrow or fat is taken for CSF or brain.",
    "Orbitofrontal region: orbits, frontal sinus and the thin bone between them and the brain are where the scan has "
    "them.",
    "Skull base and temporal poles: sinuses and ear cells are air or bone, not CSF.",
    "Grey matter follows the cortical ribbon; dura and sinus walls are not part of it.",
    "CSF separates brain and skull where the scan shows it; ventricles are filled.",
    "Every line of the warnings above was read, and what the model lacks is acceptable for the plan at hand.",
)
SCAN = {
    "brain": "Share of the brain inside the scan",
    "top": "Share of the vault inside the scan",
    "face_empty": "Share of the face that is empty",
    "scalp_over_white": "Brightness of scalp over white matter",
}


def write_quality_page(head: Head, figures: Mapping[str, Any], folder: Path, *, at: Path | None) -> Path:
    """Write `quality.html`.

    Parameters
    ----------
    head
        The head; its sign-off came with it.
    figures
        As `head_quality.as_json` returns them.
    folder
        Where the page goes.
    at
        Folder of the head as the reader will know it, for the command that signs; None: the head is no folder.
    """
    page = environment().get_template("quality.html.j2")
    signed = sign_off(head)
    text = page.render(
        head=head,
        figures=figures,
        rows=head_quality.rows(figures),
        bare=[v for v in figures["volumes"] if v["low"] is None and not v["norm"]],
        pictures=_pictures(head),
        voxel_mm=head.voxel_mm.tolist(),
        scan=_scan(head),
        header=[f for f in head.metadata.get("header", ()) if f["severity"] != "ok"],
        audited="header" in head.metadata,
        prior_mm=head.metadata.get("prior_mm"),
        signed=signed,
        signed_words=said(signed),
        command=None if at is None else f"assuage head sign {shlex.quote(str(at))} --by 'NAME OR INITIALS'",
        look=LOOK,
        sha256=head_hash(head),
        css=template_text("report.css"),
        version=__version__,
    )
    return write_whole(folder / PAGE_FILE, text)


def _pictures(head: Head) -> list[dict[str, str]]:
    return [
        {
            "title": title,
            "names": "; ".join(name for name, _, _ in rows),
            "image": png(planes_figure(head, axis, _places(head, axis, rows)), dpi=DPI),
            "alt": f"{title} planes with the outline of every tissue: {', '.join(name for name, _, _ in rows)}",
        }
        for title, axis, rows in PLANES
    ]


def _places(head: Head, axis: int, rows: tuple[tuple[str, float, float], ...]) -> list[tuple[str, float]]:
    """Return title and world coordinate of each plane: by MNI where the head has it, else by its brain."""
    if head.mni is not None:
        points = np.zeros((len(rows), 3))
        points[:, axis] = [at for _, at, _ in rows]
        found = head.mni.mni_to_head(points)[:, axis]
    else:
        index = np.argwhere(np.isin(head.labels, [k for k, name in head.tissues.items() if name in BRAIN_NAMES]))
        index = index if len(index) else np.argwhere(head.labels > 0)
        along = (index @ head.affine[:3, :3].T + head.affine[:3, 3])[:, axis]
        low, high = np.percentile(along, [0.5, 99.5])
        found = low + np.array([share for _, _, share in rows]) * (high - low)
    return [(name, float(mm)) for (name, _, _), mm in zip(rows, found, strict=True)]


def _scan(head: Head) -> list[tuple[str, float]]:
    numbers = head.metadata.get("scan", {})
    return [(text, float(numbers[name])) for name, text in SCAN.items() if name in numbers]
