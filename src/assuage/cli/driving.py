"""How strong the coil is driven, as typed: threshold, devices, hotspot and dose."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from assuage.errors import PlanError, PoseError
from assuage.plan import Driving
from assuage.sources import Coil
from assuage.techniques.intensity import Way
from assuage.units import A_PER_S_PER_A_PER_US

if TYPE_CHECKING:
    from assuage.cli.plan_request import Request

DEFAULT_SIDE = "left"
"""Hemisphere of the hand area where no threshold says otherwise."""
COIL_FILES = (".ccd", ".tcd")
_NUMBER = r"(\d+(?:\.\d+)?)"
_THRESHOLD = re.compile(rf"^{_NUMBER}\s*(A/us|A/µs|%)$", re.IGNORECASE)
_DOSE = re.compile(rf"^(mt|matched|didt|output)(?:={_NUMBER})?$", re.IGNORECASE)
WAYS: Mapping[str, Way] = {"mt": "percent_mt", "matched": "matched_field", "didt": "didt", "output": "percent_output"}


def coil_and_driving(request: "Request") -> tuple[Coil | None, Driving | None]:
    """Return the coil's geometry (None: the default) and how it is driven (None: nothing was said).

    Raises
    ------
    AssuageError
        What was typed cannot be read, or does not fit together.
    """
    geometry = None
    device = request.coil or ""
    if request.coil is not None and Path(request.coil).suffix.lower() in COIL_FILES:
        geometry = Coil.read(Path(request.coil))
        device = geometry.name
    elif request.coil is not None and request.stimulator is None:
        raise PlanError(
            f"--coil {request.coil!r} is neither a .ccd nor a .tcd file; name a file, or add --stimulator NAME if it "
            "is the name of its coil"
        )
    options = (request.motor_threshold, request.stimulator, request.coil_dose, request.hotspot)
    if all(option is None for option in options):
        if request.active_threshold:
            raise PlanError("--active-threshold says how --motor-threshold was measured; add it, for example 65A/us")
        if _side(request.hotspot_side) != DEFAULT_SIDE:
            raise PlanError(
                "--hotspot-side says where --motor-threshold was measured; add it, for example 65A/us: without one the "
                "reference stays the hand area of the left hemisphere"
            )
        return geometry, None
    way, amount = _dose(request.coil_dose)
    return geometry, Driving(
        **_threshold(request),
        **_hotspot(request.hotspot),
        side=_side(request.hotspot_side),
        stimulator=request.stimulator or "",
        stimulator_coil=device if request.stimulator is not None else "",
        way=way,
        amount=amount,
    )


def _threshold(request: "Request") -> dict[str, Any]:
    """Return "65A/us" or "48%" as the options of `Driving`."""
    state = "active" if request.active_threshold else "resting"
    if request.motor_threshold is None:
        return {"threshold_state": state}
    match = _THRESHOLD.match(request.motor_threshold.strip())
    if match is None:
        raise PlanError(
            f"--motor-threshold {request.motor_threshold!r} has no unit that is known; write 65A/us, or 48% with "
            "--stimulator NAME --coil NAME"
        )
    number = float(match[1])
    if match[2] == "%":
        return {"threshold_state": state, "threshold_percent_output": number}
    return {"threshold_state": state, "threshold_didt_A_per_s": number * A_PER_S_PER_A_PER_US}


def _dose(text: str | None) -> tuple[Way, float | None]:
    """Return "mt=110", "matched", "didt=80" or "output=60" as way and number."""
    if text is None:
        return "percent_mt", None
    match = _DOSE.match(text.strip())
    if match is None:
        raise PlanError(
            f"--coil-dose {text!r} is not known; write mt (each course's own %), mt=110, matched, matched=1.1, didt=80 "
            "(A/us) or output=60 (%)"
        )
    way = WAYS[match[1].lower()]
    amount = None if match[2] is None else float(match[2])
    return way, amount * A_PER_S_PER_A_PER_US if way == "didt" and amount is not None else amount


def _hotspot(text: str | None) -> dict[str, Any]:
    """Return a pose file or "x,y,z" as the options of `Driving`."""
    if text is None:
        return {}
    numbers = text.replace(",", " ").split()
    try:
        point = [float(number) for number in numbers]
    except ValueError:
        return {"hotspot_pose": read_pose(Path(text))}
    if len(point) != 3:
        raise PlanError(f"--hotspot {text!r} is neither three numbers (mm, head coordinates) nor a file with a pose")
    return {"hotspot_mm": point}


def _side(text: str) -> Literal["left", "right"]:
    if text not in {"left", "right"}:
        raise PlanError(f"--hotspot-side {text!r} is no side; write left or right (hemisphere of the hand area)")
    return "right" if text == "right" else "left"


def read_pose(path: Path) -> NDArray[np.float64]:
    """Return a 4x4 pose from a text file of four rows, or a JSON file of four lists.

    Raises
    ------
    PoseError
        No such file, or not 16 numbers.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PoseError(
            f"cannot read the hotspot pose {str(path)!r} ({error}); name a text file with four rows of four numbers"
        ) from None
    try:
        pose = np.array(json.loads(text) if text.lstrip().startswith("[") else _rows(text), dtype=np.float64)
    except ValueError:
        pose = np.empty(0)
    if pose.shape != (4, 4):
        raise PoseError(f"{path} does not hold a pose; write four rows of four numbers (x, y, z, centre; mm)")
    return pose


def _rows(text: str) -> list[list[float]]:
    lines = [line.replace(",", " ").split() for line in text.splitlines() if line.strip() and line[0] != "#"]
    return [[float(number) for number in line] for line in lines]
