"""What ROAST writes: one image of six tissues, known by the end of its name; the scan has the same name without it.

Numbers and names as in ROAST 3 and 4 (Huang et al. 2019, doi:10.1088/1741-2552/ab208d): `<scan>_T1orT2_masks.nii`,
`<scan>_T1andT2_masks.nii` with a T2, `<scan>_multiaxial_masks.nii` by its network.
"""

from collections.abc import Iterable
from pathlib import Path

from assuage.space.mgh import stem

TISSUES = {1: "white_matter", 2: "grey_matter", 3: "csf", 4: "skull", 5: "scalp", 6: "air"}
"""Air is that inside the head; outside is 0."""
ENDINGS = ("_T1orT2_masks", "_T1andT2_masks", "_multiaxial_masks")


def is_masks(path: Path, labels: Iterable[int]) -> bool:
    """Say whether a file is ROAST's masks: by its name, and its labels are all known."""
    return stem(path).endswith(ENDINGS) and set(labels) <= set(TISSUES)


def image_of(path: Path) -> Path | None:
    """Return the scan beside ROAST's masks, or None."""
    name = stem(path)
    for ending in ENDINGS:
        for suffix in (".nii", ".nii.gz"):
            beside = path.with_name(name.removesuffix(ending) + suffix)
            if name.endswith(ending) and beside.is_file():
                return beside
    return None
