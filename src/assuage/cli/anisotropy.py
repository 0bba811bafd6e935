"""White matter's tensors as typed: `--tensors`, `--tensor-order`, `--tensor-mapping`, `--tensor-frame`."""

from pathlib import Path
from typing import TYPE_CHECKING, get_args

from assuage.errors import PlanError
from assuage.head import Head, with_white_matter_tensors
from assuage.head.diffusion import FRAMES, ORDERS
from assuage.head.white_matter import Mapping
from assuage.plan import PlanRecord
from assuage.readback.opened import planned_with

if TYPE_CHECKING:
    from assuage.cli.plan_request import Request

MAPPINGS = get_args(Mapping)


def check_tensors(request: "Request") -> None:
    """Refuse options that do not go together, before the head is read.

    Raises
    ------
    PlanError
        No order, options without a file, a name that is not known, or no such file.
    """
    given = {
        "--tensor-order": (request.tensor_order, tuple(ORDERS)),
        "--tensor-mapping": (request.tensor_mapping, MAPPINGS),
        "--tensor-frame": (request.tensor_frame, FRAMES),
    }
    for option, (value, known) in given.items():
        if value is not None and value not in known:
            raise PlanError(f"{option} {value!r} is not known; write {', '.join(known)}")
        if value is not None and request.tensors is None:
            raise PlanError(f"{option} {value!r} belongs to tensors; add --tensors FILE, or leave it out")
    if request.tensors is None:
        return
    if request.tensor_order is None:
        raise PlanError(
            f"--tensors {request.tensors} needs the program whose order and axes it has: --tensor-order "
            f"{'|'.join(ORDERS)} (files of different programs look alike)"
        )
    if not request.tensors.is_file():
        raise PlanError(f"--tensors {request.tensors} does not exist; give a NIfTI file of diffusion tensors")


def with_tensors(request: "Request", head: Head) -> Head:
    """Return the head with the tensors that were asked for, or as it is."""
    if request.tensors is None:
        return head
    assert request.tensor_order is not None
    return with_white_matter_tensors(
        head,
        request.tensors,
        order=request.tensor_order,
        mapping=request.tensor_mapping or MAPPINGS[0],
        frame=request.tensor_frame,
    )


def tensors_as_planned(record: PlanRecord, head: Head) -> Head:
    """Return the head with the tensors that the command of a plan names, if it was made with any.

    Raises
    ------
    PlanError
        The plan's command does not say where they lie.
    """
    planned = record.head.anisotropy
    if planned is None:
        return head
    path = planned_with(record, "--tensors")
    if path is None:
        raise PlanError(f"the plan does not say where its tensors {planned.file} lie; read it back in Python")
    if not Path(path).is_file():
        raise PlanError(f"the tensors of the plan, {path}, are not there; put them back, or plan again")
    return with_white_matter_tensors(head, path, order=planned.order, mapping=planned.mapping, frame=planned.frame)
