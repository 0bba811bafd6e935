"""ECT and MST in a plan: every placement solved, the one with the most field in the target proposed.

A seizure spreads; which placement is used is a clinical decision about the whole course and about memory, not about one
region. The plan says what each placement does in the target, the hippocampi and the whole brain, and proposes the one
that favours the target over the hippocampi, if the head has both.
"""

import time
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from assuage.plan import describe
from assuage.plan.bench import LABELS
from assuage.plan.choices import Choice
from assuage.plan.further import Aim, Made, cells_of, field_volume
from assuage.plan.records import Table
from assuage.sources import PlacedCoil
from assuage.techniques import ect, mst
from assuage.techniques.excitation import excitation_law
from assuage.techniques.poses import face_points_mm, handle_deg
from assuage.techniques.references import make_reference
from assuage.techniques.seizure import MEMORY, SeizureDose, rank
from assuage.techniques.tms import CoilSite, PoseChoice, is_antisymmetric
from assuage.units import A_PER_MA

STIMULUS = ect.Stimulus(current_A=0.8, pulse_width_s=0.3e-3, pair_frequency_Hz=20.0, duration_s=4.0)
"""An example within the ranges of current devices; titration decides."""
TRAIN_S = 4.0
"""Length of the example train of MST, as of ECT."""
EXAMPLE = "the stimulus is an example: titration and the clinical course decide"
REFERENCE = "field at which a neuron fires for this pulse"
COLUMNS = ("field in the target, V/m", "99th percentile of the brain, V/m", "its ratio to threshold",
           "brain above threshold", "hippocampi, V/m")  # fmt: skip

Proposals = Sequence[ect.EctProposal | mst.MstProposal]
P = TypeVar("P", ect.EctProposal, mst.MstProposal)


def make_ect(aim: Aim) -> Made:
    """Plan ECT."""
    started, bench = time.monotonic(), aim.bench
    found = ect.propose(bench.conductor, STIMULUS, scalp=bench.places.scalp, target=aim.target)
    best = _best(aim, found)
    choice = Choice(
        technique="ect",
        source=best.source,
        mean_e_V_per_m=aim.landscape.montage(best.source),
        candidates=len(found),
        evaluated=len(found),
        seconds=time.monotonic() - started,
        words=f"{', '.join(p.placement.name.replace('_', ' ') for p in found)}; {_rule(found)}",
        intensity=f"{STIMULUS.current_A / A_PER_MA:g} mA, {1e3 * STIMULUS.pulse_width_s:g} ms pulses",
        quantities=best.stimulus.quantities(),
        notes=(EXAMPLE, best.words, *best.notes),
        tables=(_table(aim, found, [p.placement.name.replace("_", " ") for p in found]),),
        placement=best.placement.name,
    )
    return _made(aim, choice, best, found)


def make_mst(aim: Aim) -> Made:
    """Plan MST."""
    started, bench = time.monotonic(), aim.bench
    train = mst.Train.of(TRAIN_S)
    known = {name: coil for name, coil in mst.mst_coils().items() if coil.max_didt_A_per_s}
    found = mst.propose(bench.conductor, train, coils=known, scalp=bench.places.scalp, target=aim.target)
    best = _best(aim, found)
    choice = Choice(
        technique="mst",
        source=best.source,
        mean_e_V_per_m=best.field.mean_over(bench.read_out(aim.target)),
        candidates=len(found),
        evaluated=len(found),
        seconds=time.monotonic() - started,
        words=f"{', '.join(_name(p) for p in found)}; coils with a known maximum only; {_rule(found)}",
        pose=_pose(aim, best.source),
        site=_site(aim, best.source),
        quantities=best.quantities(),
        notes=(EXAMPLE, best.words, *best.notes),
        tables=(_table(aim, found, [_name(p) for p in found]),),
    )
    return _made(aim, choice, best, found)


def _name(proposal: mst.MstProposal) -> str:
    return f"{proposal.coil.name} at {proposal.site.name}"


def _best(aim: Aim, found: Sequence[P]) -> P:
    """Return the placement that favours the target over the hippocampi, or the strongest in the target."""
    if all(p.target_over_hippocampus is not None for p in found):
        return rank(found)[0]
    read_out = aim.bench.read_out(aim.target)
    means = [float(np.linalg.norm(p.field.mean_over(read_out))) for p in found]
    return found[int(np.argmax(means))]


def _rule(found: Proposals) -> str:
    if all(p.target_over_hippocampus is not None for p in found):
        return "proposed: the largest field in the target over that in the hippocampi"
    return "proposed: the largest field in the target"


def _made(aim: Aim, choice: Choice, best: ect.EctProposal | mst.MstProposal, found: Proposals) -> Made:
    reference = best.dose.threshold_V_per_m
    field = best.field
    record = describe.technique_record(
        aim.bench,
        choice,
        field,
        aim.landscape,
        aim.landscape.sensitivity([field])[0],
        target=aim.target,
        goal=aim.goal,
        reference_V_per_m=reference,
        reference=REFERENCE,
        off_target_V_per_m=aim.bench.magnitudes(field, aim.others),
        protocol=aim.protocol,
        didt_A_per_s=None,
    )
    return Made(
        record=record,
        volume=field_volume(field, LABELS[choice.technique]),
        values=field,
        reference=make_reference(choice.technique, reference, origin=f"{REFERENCE}: {excitation_law().source}"),
        quantities=choice.quantities,
        cells=tuple(cells_of(aim, choice.technique, field, [p.field for p in found], reference)),
    )


def _table(aim: Aim, found: Proposals, names: list[str]) -> Table:
    read_out = aim.bench.read_out(aim.target)
    return Table(
        title="Every placement at this stimulus",
        columns=("placement", *COLUMNS),
        rows=tuple(
            (name, describe.number(np.linalg.norm(p.field.mean_over(read_out))), *_row(p.dose))
            for name, p in zip(names, found, strict=True)
        ),
    )


def _row(dose: SeizureDose) -> tuple[float | None, ...]:
    memory = dose.mean_of(MEMORY)
    return (
        describe.number(dose.e99_V_per_m),
        describe.number(dose.e99_over_threshold),
        describe.number(dose.suprathreshold_share),
        None if memory is None else describe.number(memory),
    )


def _pose(aim: Aim, source: PlacedCoil) -> PoseChoice:
    scalp = aim.bench.places.scalp
    centre = source.pose[None, :3, 3]
    point, _, distance = aim.bench.head.scalp.nearest(centre)
    mean = aim.landscape.coil(source.coil, source.pose[None], didt_A_per_s=source.didt_A_per_s)[0]
    return PoseChoice(
        pose=source.pose,
        scalp_point_mm=point[0],
        angle_deg=handle_deg(source.pose, scalp.axes),
        lift_mm=max(float(distance[0]) - aim.bench.settings.hair_mm, 0.0),
        mean_e_V_per_m=mean,
        score_V_per_m=float(aim.goal.score(mean[None])[0]),
        place_score_V_per_m=np.empty(0),
        place_angle_deg=np.empty(0),
        candidates=1,
        evaluated=1,
    )


def _site(aim: Aim, source: PlacedCoil) -> CoilSite:
    """Return what misplacements of a coil other than the plan's need."""
    own = aim.bench.places.coil_site
    return CoilSite(
        coil=source.coil.condensed(),
        scalp=own.scalp,
        places_mm=own.places_mm,
        poses=own.poses,
        face_mm=face_points_mm(source.coil),
        hair_mm=own.hair_mm,
        antisymmetric=is_antisymmetric(source.coil),
    )
