"""The group target that a target.json sets beside the individual one, and whether individualising is worth it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assuage.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupTarget:
    """Where the group's target lies in a person's head.

    Attributes
    ----------
    label
        Of the region.
    mean_mm
        (3,) RAS+ mm of the head.
    distance_mm
        From the individual target.
    worth, says
        Whether the person's data carry an individual target, and why, in words.
    """

    label: str
    mean_mm: NDArray[np.float64]
    distance_mm: float
    worth: bool
    says: tuple[str, ...]


def read_group(path: str | Path) -> GroupTarget | None:
    """Read the group target out of a target.json that `read_target` accepts; None where the file names none.

    Raises
    ------
    DataError
        A group target that is incomplete.
    """
    value: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    if "group" not in value:
        return None
    try:
        group, found = value["group"], value["individual"]
        return GroupTarget(
            label=str(group["label"]),
            mean_mm=np.array(group["mean_mm"], dtype=np.float64).reshape(3),
            distance_mm=float(group["distance_mm"]),
            worth=bool(found["worth_individualising"]),
            says=tuple(str(line) for line in found["says"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"the group target of {path} is incomplete ({type(error).__name__}: {error}); run assuage target"
        ) from None
