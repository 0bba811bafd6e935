"""ECT and MST in a plan: every placement solved, the one with the most field in the target proposed.

A seizure spreads; which placement is used is a clinical decision about the whole course and about memory, not about one
region. The plan says what each placement does in the target, the hippocampi and the whole brain, and proposes the one
that favours the target over the hippocampi, if the head has both.
"""

import time
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from assuage.errors import PlanError
from assuage.plan import describe
from assuage.plan.bench import LABELS
from assuage.plan.choices import Choice
from assuage.plan.further import Aim, Made, cells_of, field_volume
from assuage.plan.records import Table
from assuage.plan.sessions import STIMULUS, TRAIN
from assuage.sources import Coil, PlacedCoil
from assuage.techniques import ect, mst
from assuage.techniques.excitation import excitation_law
from assuage.techniques.poses import face_points_mm, handle_deg
from assuage.techniques.references import make_reference
from assuage.techniques.seizure import EMOTION, MEMORY, SeizureDose, rank
from assuage.techniques.stimulators import find_pair
from assuage.techniques.tms import CoilSite, PoseChoice, is_antisymmetric
from assuage.units import A_PER_MA, A_PER_S_PER_A_PER_US, MM3_PER_ML

EXAMPLE = "the stimulus is an example: titration and the clinical course decide"
ASKED = "the stimulus is the one that was asked for; the cited limits say what is known of it"
REAL_TWIN = ("MagPro XP", "MagVenture_MST_Twin")
REFERENCE = "field at which a neuron fires for this pulse"
COLUMNS = ("field in the target, V/m", "99th percentile of the brain, V/m", "volume above half of it, ml",
           "hippocampi, V/m", "amygdalae, V/m", "99th percentile over threshold", "brain above threshold",
           "left hemisphere", "right hemisphere")  # fmt: skip
MST_COLUMNS = ("dI/dt, A/us", *COLUMNS, "dI/dt at which the 99th percentile meets the threshold, A/us")
UNKNOWN_MAXIMUM = (
    "coils at 1 A/us: no maximum is known for the winding used, so their fields hold for each A/us, they have no share "
    "above threshold, and they are not proposed unless a dI/dt is asked for"
)

Proposals = Sequence[ect.EctProposal | mst.MstProposal]
P = TypeVar("P", ect.EctProposal, mst.MstProposal)


def make_ect(aim: Aim) -> Made:
    """Plan ECT."""
    started, bench = time.monotonic(), aim.bench
    stimulus = aim.sessions.ect or STIMULUS
    found = ect.propose(bench.conductor, stimulus, scalp=bench.places.scalp, target=aim.target)
    best = _best(aim, found)
    choice = Choice(
        technique="ect",
        source=best.source,
        mean_e_V_per_m=aim.landscape.montage(best.source),
        candidates=len(found),
        evaluated=len(found),
        seconds=time.monotonic() - started,
        words=f"{', '.join(p.placement.name.replace('_', ' ') for p in found)}; {_rule(found)}",
        intensity=f"{stimulus.current_A / A_PER_MA:g} mA, {1e3 * stimulus.pulse_width_s:g} ms pulses",
        quantities=best.stimulus.quantities(),
        notes=(EXAMPLE if aim.sessions.ect is None else ASKED, best.words, *best.notes),
        tables=(_ect_table(aim, found),),
        placement=best.placement.name,
    )
    return _made(aim, choice, best, found)


def make_mst(aim: Aim) -> Made:
    """Plan MST: every coil is shown, one whose dI/dt is known or asked for is proposed.

    Raises
    ------
    PlanError
        No coil can have the dI/dt that was asked for, or none is known to have any.
    """
    started, bench = time.monotonic(), aim.bench
    train = aim.sessions.mst or TRAIN
    coils, too_weak = _able(mst.mst_coils(), train.didt_A_per_s)
    found = mst.propose(bench.conductor, train, coils=coils, scalp=bench.places.scalp, target=aim.target)
    driven = [p for p in found if p.amplitude != mst.PER_UNIT]
    if not driven:
        raise PlanError("no MST coil has a known maximum; give the dI/dt of the train")
    best = _best(aim, driven)
    choice = Choice(
        technique="mst",
        source=best.source,
        mean_e_V_per_m=best.field.mean_over(bench.read_out(aim.target)),
        candidates=len(found),
        evaluated=len(found),
        seconds=time.monotonic() - started,
        words=f"{', '.join(_name(p) for p in found)}; {_rule(driven)}",
        pose=_pose(aim, best.source),
        site=_site(aim, best.source),
        quantities=best.quantities(),
        notes=(
            EXAMPLE if aim.sessions.mst is None else ASKED,
            *too_weak,
            *((UNKNOWN_MAXIMUM, _real_twin()) if len(driven) < len(found) else ()),
            best.words,
            *best.notes,
        ),
        tables=(_mst_table(aim, found),),
    )
    return _made(aim, choice, best, driven)


def _able(coils: Mapping[str, Coil], didt_A_per_s: float | None) -> tuple[dict[str, Coil], tuple[str, ...]]:
    """Return the coils that may have a dI/dt, and in words those that are known not to reach it."""
    limits = {name: coil.max_didt_A_per_s for name, coil in coils.items()}
    weak = {name: limit for name, limit in limits.items() if limit is not None and (didt_A_per_s or 0.0) > limit}
    if len(weak) == len(coils):
        raise PlanError(f"no MST coil reaches {_per_us(didt_A_per_s or 0.0):g} A/us; ask for less")
    said = tuple(
        f"{coils[name].name} is left out: it is known to reach {_per_us(limit):g} A/us, less than was asked for"
        for name, limit in weak.items()
    )
    return {name: coil for name, coil in coils.items() if name not in weak}, said


def _real_twin() -> str:
    """Say what is known of the real twin coil, and why it is not used."""
    pair = find_pair(*REAL_TWIN)
    return (
        f"{pair.label} reaches {_per_us(pair.max_didt_A_per_s):g} A/us ({pair.source}); it is not taken for the twin "
        "coil here, whose number of turns is assumed"
    )


def _per_us(didt_A_per_s: float) -> float:
    return didt_A_per_s / A_PER_S_PER_A_PER_US


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


def _ect_table(aim: Aim, found: Sequence[ect.EctProposal]) -> Table:
    return Table(
        title="Every placement at this stimulus",
        columns=("placement", *COLUMNS),
        rows=tuple((p.placement.name.replace("_", " "), *_fields(aim, p), *_shares(p.dose)) for p in found),
    )


def _mst_table(aim: Aim, found: Sequence[mst.MstProposal]) -> Table:
    """Return every coil at every site; what needs a dI/dt is empty where none is known."""
    number = describe.number
    return Table(
        title="Every coil and place",
        columns=("coil and place", *MST_COLUMNS),
        rows=tuple(
            (
                _name(p),
                "1, per A/us" if p.amplitude == mst.PER_UNIT else number(_per_us(p.source.didt_A_per_s)),
                *_fields(aim, p),
                *((None,) * 4 if p.amplitude == mst.PER_UNIT else _shares(p.dose)),
                number(_per_us(p.threshold_didt_A_per_s)),
            )
            for p in found
        ),
    )


def _fields(aim: Aim, proposal: ect.EctProposal | mst.MstProposal) -> tuple[float | None, ...]:
    """Return what is proportional to the amplitude, and the volume, which does not depend on it."""
    number, dose = describe.number, proposal.dose
    deep = (dose.mean_of(MEMORY), dose.mean_of(EMOTION))
    return (
        number(np.linalg.norm(proposal.field.mean_over(aim.bench.read_out(aim.target)))),
        number(dose.e99_V_per_m),
        number(dose.half_max_volume_mm3 / MM3_PER_ML),
        *(None if mean is None else number(mean) for mean in deep),
    )


def _shares(dose: SeizureDose) -> tuple[float, ...]:
    """Return what stands against the threshold."""
    shares = (dose.suprathreshold_share, dose.suprathreshold_left, dose.suprathreshold_right)
    return tuple(describe.number(value) for value in (dose.e99_over_threshold, *shares))


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
