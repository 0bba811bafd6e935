"""Techniques that bring their own placements or their own dose: they join a plan after its target is known."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assuage.field import Field, Landscape
from assuage.plan.bench import Bench
from assuage.plan.matrix import matrix_cell
from assuage.plan.records import MatrixCell, TechniqueRecord
from assuage.plan.result import Volume
from assuage.plan.rhythm import Rhythm
from assuage.plan.sessions import Sessions
from assuage.plan.surface_reach import SurfaceReach
from assuage.targets import Target
from assuage.techniques.dbs import Implant
from assuage.techniques.dose import TargetDose, stronger_share
from assuage.techniques.goal import Goal
from assuage.techniques.patches import FieldMap
from assuage.techniques.references import Reference

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Aim:
    """What a technique of a plan aims at.

    Attributes
    ----------
    bench, target, goal, landscape
        The head, the target, what counts in it, and its adjoint.
    key
        Of the target's region; empty without a circuit.
    others
        The other regions of the circuit.
    in_principle
        Region's key to what the literature names for it.
    surface
        What the searches of the surface techniques could do for each region.
    rhythm, partner
        What is asked of alternating currents, and the second place if one is named.
    protocol
        What is known of the technique's session, for the cited limits.
    progress
        Called as ``progress(step, fraction)`` with the fraction of the technique's own work done.
    implant
        Lead, pulse and regions to spare of deep brain stimulation.
    sessions
        Stimulus of ECT and train of MST.
    """

    bench: Bench
    target: Target
    goal: Goal
    landscape: Landscape
    key: str
    others: Mapping[str, Target]
    in_principle: Mapping[str, tuple[str, ...]]
    surface: SurfaceReach
    rhythm: Rhythm
    partner: Target | None
    protocol: Mapping[str, Any]
    progress: Callable[[str, float], None] = lambda _step, _fraction: None
    implant: Implant = dataclass_field(default_factory=Implant)
    sessions: Sessions = dataclass_field(default_factory=Sessions)

    @property
    def regions(self) -> dict[str, Target]:
        """The target's region and the others, by key; empty without a circuit."""
        return {self.key: self.target, **self.others} if self.key else {}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Made:
    """What a technique adds to a plan.

    Attributes
    ----------
    record, volume, cells
        Its record, its image, its column of the matrix.
    values
        Its field, or its map of amplitudes or envelopes, on the plan's grid; None: it states its own currency.
    reference
        What its dose is compared with; None: the 2 mA reference montage.
    quantities
        What is known of a session.
    target
        What it aims at, where that is not the plan's target.
    read
        The field in it, where a finer grid than the plan's has read it.
    """

    record: TechniqueRecord
    volume: Volume
    values: Field | FieldMap | None = None
    reference: Reference | None = None
    quantities: Mapping[str, Any] = dataclass_field(default_factory=dict)
    cells: tuple[MatrixCell, ...] = ()
    target: Target | None = None
    read: TargetDose | None = None


def field_volume(field: Field, label: str) -> Volume:
    """Return the image of a field's magnitude."""
    return Volume(
        array=field.magnitude_V_per_m.astype(np.float32),
        affine=field.affine,
        says=f"|E| in V/m of {label} at the reference intensity",
    )


def cells_of(
    aim: Aim, technique: str, proposed: Field, offered: list[Field], reference_V_per_m: float
) -> list[MatrixCell]:
    """Return the column of a technique that offers a few placements: the best of them for every region."""
    here = aim.bench.magnitudes(proposed, aim.regions)
    each = [aim.bench.magnitudes(field, aim.regions) for field in offered]
    cells = []
    for key, value in here.items():
        k = int(np.argmax([values[key] for values in each]))
        best = each[k][key]
        tissues = aim.regions[key].tissue_in(aim.bench.head)
        cells.append(
            matrix_cell(
                technique,
                key,
                best_V_per_m=best,
                reference_V_per_m=reference_V_per_m,
                stronger_elsewhere=stronger_share(offered[k], tissues, best),
                proposed_V_per_m=value,
            )
        )
    return cells
