"""ANT visor2 `.mrk` files (JSON), read and written.

The coil axes are ours ("simnibs"), the world is that of the associated image's **qform**, whose numbers the file
repeats. Where they differ from the image at hand, the coordinates belong to another image and reading stops.
"""

import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from assuage.errors import HeaderError, NavigatorError
from assuage.space.markers import Marker, NavigatorSession, checked_pose, is_unset, readable_name
from assuage.space.reference import ReferenceImage

EXPECTED = {"CoordinateSystem": "ASSOCIATED_IMAGE", "PositionalUnit": "mm", "CoilAxesConvention": "simnibs"}
SAME_TOLERANCE = 1e-4
"""mm for offsets and voxel sizes; float32 rounding of a header stays below it."""


def matches(text: str) -> bool:
    """Whether a text is a marker file of visor2."""
    return text.lstrip().startswith("{") and '"TargetMarkers"' in text


def read(text: str, source: str, image: ReferenceImage | None = None) -> NavigatorSession:
    """Read a `.mrk` file; with `image`, its qform must be the one that the file was made with.

    Raises
    ------
    NavigatorError, PoseError, HeaderError
        Broken JSON, another unit or convention, a pose that is not rigid, or another image.
    """
    try:
        content = json.loads(text)
        targets = [entry["CoilTarget"] for entry in content["TargetMarkers"] if "CoilTarget" in entry]
        others = len(content["TargetMarkers"]) - len(targets)
        configuration = content.get("Configuration", {})
        made_by = configuration.get("SourceInfo", {})
        associated = configuration.get("AssociatedImageInfo", {})
        markers = tuple(_marker(target, source, index) for index, target in enumerate(targets))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NavigatorError(f"{source} is not a complete .mrk file ({error}); export it again") from None
    notes = [f"{others} markers that are no coil targets were left out"] if others else []
    if image is None:
        notes.append("not held against an image; the world is that of the image loaded in visor2")
    else:
        _require_same(associated, source, image)
    return NavigatorSession(
        source=source, format="visor", software=str(made_by.get("AppName", "")),
        version=str(made_by.get("AppVersion", "")), frame="qform of the associated image", markers=markers,
        notes=tuple(notes),
    )  # fmt: skip


def write(markers: Iterable[Marker], image: ReferenceImage, *, created_by: str) -> str:
    """Return the text of a `.mrk` file for an image.

    Raises
    ------
    HeaderError
        The image has no qform, or its sform differs from it.
    """
    image.require_one_world()
    if image.qform_code == 0:
        raise HeaderError(
            f"{image.name} has no qform (code 0), and visor2 reads no other; set the qform from the sform"
        )
    app, _, version = created_by.partition(" ")
    content = {
        "Configuration": {
            "SourceInfo": {"AppName": app, "AppVersion": version},
            "AssociatedImageInfo": _image_info(image),
        },
        "TargetMarkers": [
            {
                "CoilTarget": {
                    "Name": marker.name,
                    **EXPECTED,
                    "CoilInfo": {"Type": "", "Id": ""},
                    "CoilPose": {"RigidTransformMatrix4x4": marker.pose.tolist()},
                }
            }
            for marker in markers
        ],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _image_info(image: ReferenceImage) -> dict[str, list[float]]:
    return {
        "NIfTI_quatern": list(image.quatern),
        "NIfTI_qoffset": list(image.qoffset),
        "NIfTI_pixdim": list(image.pixdim),
    }


def _require_same(associated: dict[str, Any], source: str, image: ReferenceImage) -> None:
    image.require_one_world()
    for key, here in _image_info(image).items():
        there = associated.get(key)
        if there is None or len(there) != len(here) or not np.allclose(there, here, rtol=0, atol=SAME_TOLERANCE):
            raise HeaderError(
                f"{source}: {key} is {there}, but {here} in {image.name}; the markers belong to another image: give "
                "the one that is loaded in visor2"
            )


def _marker(target: dict[str, Any], source: str, index: int) -> Marker:
    name = readable_name(str(target.get("Name", "")), f"marker {index}")
    what = f"{source}: marker {name!r}"
    for key, expected in EXPECTED.items():
        if target.get(key) != expected:
            raise NavigatorError(
                f"{what}: {key} is {target.get(key)!r}, not {expected!r}; export it in that convention"
            )
    matrix = np.asarray(target["CoilPose"]["RigidTransformMatrix4x4"], dtype=np.float64)
    if matrix.shape == (4, 4) and is_unset(matrix):
        matrix = np.eye(4)
    return Marker(name=name, pose=checked_pose(matrix, what))
