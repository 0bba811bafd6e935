"""The best coil poses of a plan as navigator files, and which file is loaded where."""

from pathlib import Path

import numpy as np

from assuage import __version__
from assuage.errors import AssuageError
from assuage.plan.records import CoilProposal, PlanRecord
from assuage.space import Marker, read_reference, write_markers
from assuage.space.navigator import WriteFormat

FOLDER = "navigator"
README = f"{FOLDER}/README.txt"
FILES: dict[WriteFormat, str] = {
    "brainsight": f"{FOLDER}/brainsight.txt",
    "localite-ras": f"{FOLDER}/localite_ras.xml",
    "localite-lps": f"{FOLDER}/localite_lps.xml",
    "visor": f"{FOLDER}/visor2.mrk",
}
IMAGES = ("t1.nii.gz", "tissues.nii.gz")
"""Of the plan's folder; the first that is there is what the poses are given for."""


def write_navigator_files(work: Path, record: PlanRecord) -> dict[str, str]:
    """Write the coil poses of a plan into its folder, next to its images.

    A file that cannot be written never costs the plan: README.txt says why.

    Parameters
    ----------
    work
        The folder, already with the images.
    record
        The plan.

    Returns
    -------
    Path in the folder to what the file holds; empty if the plan has no coil.
    """
    markers = [
        Marker(name=item.technique, pose=np.array(item.proposal.pose))
        for item in record.techniques
        if isinstance(item.proposal, CoilProposal)
    ]
    if not markers:
        return {}
    image = next(name for name in IMAGES if (work / name).is_file())
    (work / FOLDER).mkdir()
    says = {}
    lines = [
        f"Coil poses of this plan ({', '.join(marker.name for marker in markers)}), in the world of {image} in the "
        "folder above.",
        f"The navigator has to show {image}, or an image in exactly the same coordinates. If its header has other "
        "transform codes, write the file again:",
        f"  assuage navigator convert {FILES['localite-ras']} OUT --format brainsight --image YOUR_T1.nii.gz",
        "Before the first pulse, check that the coil on the screen touches the head and where its handle points.",
        "",
    ]
    for form, path in FILES.items():
        try:
            said = write_markers(
                work / path,
                markers,
                format=form,
                image=read_reference(work / image),
                created_by=f"assuage {__version__}",
            )
        except AssuageError as error:
            lines.append(f"{Path(path).name} was not written: {error}")
            continue
        says[path] = "; ".join(said)
        lines += said
    (work / README).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return says | {README: "which navigator file is loaded where, and the setting it needs"}
