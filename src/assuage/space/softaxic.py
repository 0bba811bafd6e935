"""SofTaxic `.stmpx` files, read only: programs that read and write them disagree by 180 degrees.

Column 0 of the matrix m is our y. Column 2 points into the head in the files of one program and out of it in those of
another. Each marker also names a point of the brain, and that decides: z is the sign of column 2 that looks from the
coil to the brain, and x = y cross z.
"""

import numpy as np
from numpy.typing import NDArray

from assuage.errors import NavigatorError, PoseError
from assuage.space.markers import Marker, NavigatorSession, readable_name, rounded_pose
from assuage.space.xml_tree import numbers, parse_xml

AXES = [f"m{row}{column}" for row in range(3) for column in range(3)]
PLACE = ["x", "y", "z"]
CLEAR_COSINE = 0.5
"""A coil looks at its point of the brain within 60 degrees, or the axes mean something else."""


def matches(text: str) -> bool:
    """Whether a text is a SofTaxic file."""
    return "<stmp>" in text or "<!DOCTYPE stmp>" in text


def read(text: str, source: str) -> NavigatorSession:
    """Read the markers.

    Raises
    ------
    NavigatorError, PoseError
        Not rigid, no point of the brain to tell the direction, or one that contradicts the axes.
    """
    root = parse_xml(text, source)
    markers, unset = [], 0
    for group in root.iter("fmp"):
        for index, entry in enumerate(group.iter("fp")):
            name = readable_name(group.get("id", ""), "marker") + (f" {index + 1}" if index else "")
            if entry.get("m00") is None:
                unset += 1
                continue
            what = f"{source}: marker {name!r}"
            axes = numbers(entry, AXES, what).reshape(3, 3)
            place = numbers(entry, PLACE, what)
            if np.abs(axes).max() == 0 or np.array_equal(axes, np.eye(3)):
                raise PoseError(f"{what} is the identity matrix: it was never set in the navigator; leave it out")
            brain = entry.find("b")
            if brain is None:
                raise NavigatorError(
                    f"{what} names no point of the brain, so it is not known whether the coil looks in or out; export "
                    "it with its brain point"
                )
            pose = _pose(axes, place, numbers(brain, PLACE, f"{what}, brain point"), what)
            decimals = max(len(entry.get(key, "").partition(".")[2]) for key in AXES)
            markers.append(Marker(name=name, pose=rounded_pose(pose, what, decimals=decimals)[0]))
    dataset = next((item.get("dataset", "") for item in root.iter("fmpm")), "")
    return NavigatorSession(
        source=source, format="softaxic", software="SofTaxic", frame=f"dataset {dataset}" if dataset else "",
        markers=tuple(markers), unset_markers=unset,
        notes=("the direction into the head was taken from each marker's brain point",) if markers else (),
    )  # fmt: skip


def _pose(
    axes: NDArray[np.float64], place: NDArray[np.float64], brain: NDArray[np.float64], what: str
) -> NDArray[np.float64]:
    inward = brain - place
    length = float(np.linalg.norm(inward))
    cosine = float(axes[:, 2] @ inward) / length if length > 0 else 0.0
    if abs(cosine) < CLEAR_COSINE:
        raise NavigatorError(
            f"{what}: cosine between its axis and its brain point is {cosine:.2f}, so the file uses axes that are not "
            "known; check one pose in SofTaxic"
        )
    pose = np.eye(4)
    pose[:3, 1], pose[:3, 2] = axes[:, 0], np.sign(cosine) * axes[:, 2]
    pose[:3, 0] = np.sign(cosine) * -axes[:, 1]
    pose[:3, 3] = place
    return pose
