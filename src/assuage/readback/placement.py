"""No navigator: where to put coil or electrodes by tape, how far off that will be, and what it does to the dose."""

import numpy as np
from numpy.typing import NDArray

from assuage import __version__
from assuage.errors import HeadError, PlanError
from assuage.head import Head
from assuage.head.hashing import head_hash
from assuage.head.minors import lines_of
from assuage.plan.describe import number, point
from assuage.plan.records import CoilProposal, PlanRecord, TechniqueRecord
from assuage.readback.electrodes import planned_montage
from assuage.readback.opened import OpenedPlan, coil_technique, montage_technique
from assuage.readback.placement_records import PlaceByTape, PlacedDose, Placement, TapedLength, TapeRepeat
from assuage.readback.pulses import now_utc, plan_ref
from assuage.readback.scatter import DEFAULT, DRAWS, coil_scatter, montage_scatter, placement_error, tape_repeat
from assuage.readback.tape import MM_PER_CM, Measures, mark_mm, mark_of, model_measures
from assuage.sources import Coil
from assuage.techniques.tms import UNIT_DIDT_A_PER_S
from assuage.units import A_PER_MA

Array = NDArray[np.float64]

ROUND_TRIP_MM = 2.0
"""Steps that do not lead back to within this of the place are not given out (a tape is read to half a centimetre)."""


def place_site(
    head: Head, site: str, taped: Measures, *, error: str = DEFAULT, repeat_mm: float | None = None
) -> Placement:
    """Return the sheet of a 10-20 site, without a plan.

    Parameters
    ----------
    head
        Head model whose shape gives the proportions.
    site
        Name such as "F3".
    taped
        The person's lengths.
    error
        A published placement error (`scatter.placement_error`).
    repeat_mm
        Repeat error of the tape; None: published.

    Raises
    ------
    AssuageError
        No such site or error, or a place that these steps do not reach.
    """
    known = {name.lower(): name for name in head.ten_ten_mm}
    if site.lower() not in known:
        raise HeadError(f"site {site!r} is not in the 10-10 system; write for example F3, C4 or AF3")
    name = known[site.lower()]
    places = {name: (np.asarray(head.ten_ten_mm[name]), "")}
    return _sheet(head, places, taped, title=f"Site {name}", error=error, repeat=tape_repeat(repeat_mm), opened=None)


def place_plan(
    plan: OpenedPlan,
    coil: Coil | None,
    taped: Measures,
    *,
    technique: str | None = None,
    error: str = DEFAULT,
    repeat_mm: float | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Placement:
    """Return the sheet of a plan's coil or montage, with the dose under the placement error.

    Parameters
    ----------
    plan
        The plan.
    coil
        Its coil; not needed for a montage.
    technique
        "tms", or a montage of the plan; None: the coil, else the only montage.
    taped, error, repeat_mm
        As in `place_site`.
    draws, seed
        Of the placement error.

    Raises
    ------
    AssuageError
        No such technique or error, another coil, or a place that these steps do not reach.
    """
    _, scatter = placement_error(error)
    if technique in {None, "tms"} and (technique == "tms" or _has_coil(plan.record)):
        item, proposal = coil_technique(plan.record)
        if coil is None:
            raise PlanError("the plan's coil is needed to state the dose; name it: --coil FILE")
        plan.require_coil(coil)
        places = {"coil centre": (np.array(proposal.scalp_point_mm), proposal.words)}
        home = plan.landscape.coil(coil.condensed(), np.array(proposal.pose)[None], didt_A_per_s=UNIT_DIDT_A_PER_S)[0]
        plan.require_again(item, home)
        fields = coil_scatter(plan, coil, proposal, scatter, count=draws, seed=seed)
        what = _coil_name(proposal)
    else:
        item, montage = montage_technique(plan.record, technique)
        places = {
            each.name: (np.array(each.center_mm), f"{each.current_A / A_PER_MA:+.3g} mA, {each.shape}")
            for each in montage.electrodes
        }
        planned = planned_montage(montage)
        home = plan.landscape.montage(planned)
        plan.require_again(item, home)
        fields = montage_scatter(plan, planned, scatter, count=draws, seed=seed)
        what = f"electrodes of {item.label}"
    return _sheet(
        plan.head,
        places,
        taped,
        title=f"{what}: {plan.record.title}",
        error=error,
        repeat=tape_repeat(repeat_mm),
        opened=(plan, item, _dose(plan, item, home, fields, seed)),
    )


def _sheet(
    head: Head,
    places: dict[str, tuple[Array, str]],
    taped: Measures,
    *,
    title: str,
    error: str,
    repeat: TapeRepeat,
    opened: tuple[OpenedPlan, TechniqueRecord, PlacedDose] | None,
) -> Placement:
    expected, _ = placement_error(error)
    model = model_measures(head)
    lengths = _lengths(taped, model, repeat)
    return Placement(
        assuage=__version__,
        created_utc=now_utc(),
        title=title,
        head=head.name,
        head_sha256=head_hash(head),
        plan=None if opened is None else plan_ref(opened[0], opened[1].technique),
        tape=repeat,
        lengths=lengths,
        warnings=(
            *lines_of(head.warnings if opened is None else opened[0].record.head.metadata.get("warnings")),
            *_warnings(lengths, head, repeat),
        ),
        first_steps=_first_steps(taped),
        places=tuple(_place(head, name, at, taped, model, words) for name, (at, words) in places.items()),
        error=expected,
        dose=None if opened is None else opened[2],
        notes=(
            "tragus to tragus is taped between the preauricular points, the notch just in front of the tragus",
            "the steps are proportions of the arcs as in the 10-20 system; they are not the Beam F3 formula",
            *(
                ("the dose is that of the head model; where its lengths differ from the taped ones it is another head",)
                if opened is not None
                else ()
            ),
        ),
    )


def _has_coil(record: PlanRecord) -> bool:
    return any(item.technique == "tms" for item in record.techniques)


def _coil_name(proposal: CoilProposal) -> str:
    return f"Coil {proposal.coil}"


def _cm(mm: float) -> str:
    return f"{mm / MM_PER_CM:.1f} cm"


def _lengths(taped: Measures, model: Measures, repeat: TapeRepeat) -> tuple[TapedLength, ...]:
    pairs = (
        ("nasion to inion", taped.nasion_inion_mm, model.nasion_inion_mm),
        ("tragus to tragus", taped.tragus_tragus_mm, model.tragus_tragus_mm),
        ("circumference", taped.circumference_mm, model.circumference_mm),
    )
    return tuple(
        TapedLength(
            what=what,
            taped_mm=number(person),
            model_mm=number(ours),
            difference_mm=number(person - ours),
            differs=bool(abs(person - ours) > repeat.repeat_mm),
        )
        for what, person, ours in pairs
    )


def _warnings(lengths: tuple[TapedLength, ...], head: Head, repeat: TapeRepeat) -> tuple[str, ...]:
    return tuple(
        f"{each.what}: {_cm(each.taped_mm)} on the person, {_cm(each.model_mm)} on head model {head.name!r}; they "
        f"differ by {_cm(abs(each.difference_mm))}, more than a tape's repeat error of {_cm(repeat.repeat_mm)}: tape "
        "again, and check that the head model is this person's"
        for each in lengths
        if each.differs
    )


def _first_steps(taped: Measures) -> tuple[str, ...]:
    ni, tt = taped.nasion_inion_mm, taped.tragus_tragus_mm
    return (
        f"Tape from the nasion (the dip above the nose, between the eyes) over the top of the head to the inion (the "
        f"bump at the back of the head): {_cm(ni)}. Mark the middle, {_cm(ni / 2)}.",
        f"Tape from the notch in front of one ear over that mark to the other ear: {_cm(tt)}. Mark the middle, "
        f"{_cm(tt / 2)}. Where both middles meet is the vertex.",
        f"On the midline, mark Fpz {_cm(ni / 10)} above the nasion and Oz {_cm(ni / 10)} above the inion. On both "
        f"sides, mark {_cm(tt / 10)} above the ear, on the line to the vertex.",
        f"Lay the tape around the head through these four marks: {_cm(taped.circumference_mm)}.",
    )


def _place(head: Head, name: str, at: Array, taped: Measures, model: Measures, words: str) -> PlaceByTape:
    mark = mark_of(head, at)
    back_mm = float(np.linalg.norm(mark_mm(head, mark) - at))
    if back_mm > ROUND_TRIP_MM:
        raise PlanError(
            f"the steps for {name} lead {back_mm:.1f} mm past it on the head model (limit {ROUND_TRIP_MM:g}); it lies "
            "where this way of taping does not reach: use a navigator"
        )
    sagittal = float(np.cos(2 * np.pi * mark.around) ** 2)
    scale = sagittal * taped.nasion_inion_mm / model.nasion_inion_mm
    scale += (1 - sagittal) * taped.tragus_tragus_mm / model.tragus_tragus_mm
    around, radial = mark.around * taped.circumference_mm, mark.radial_mm * scale
    side = "left" if mark.left else "right"
    steps = (
        f"From Fpz go {_cm(around)} along this tape to the person's {side} ({100 * mark.around:.1f} % of the "
        "circumference). Mark.",
        f"Pull the tape straight from the vertex to this mark (about {_cm(radial)}). Go {100 * mark.down:.0f} % of "
        f"that distance from the vertex, about {_cm(mark.down * radial)}. Mark: {name}.",
    )
    return PlaceByTape(
        name=name,
        point_mm=point(at),
        side=side,
        around_percent=number(100 * mark.around),
        around_mm=number(around),
        down_percent=number(100 * mark.down),
        radial_mm=number(radial),
        down_mm=number(mark.down * radial),
        followed_back_mm=number(back_mm),
        steps=steps,
        words=words,
    )


def _dose(plan: OpenedPlan, item: TechniqueRecord, home: Array, fields: Array, seed: int) -> PlacedDose:
    planned = float(plan.goal.score(home[None])[0])
    scores = plan.goal.score(fields)
    low, high = np.percentile(scores, [5, 95])
    return PlacedDose(
        intensity=item.dose.intensity,
        planned_V_per_m=number(planned),
        mean_V_per_m=number(scores.mean()),
        percentile_5_V_per_m=number(low),
        percentile_95_V_per_m=number(high),
        mean_of_planned=number(scores.mean() / planned),
        percentile_5_of_planned=number(low / planned),
        percentile_95_of_planned=number(high / planned),
        draws=len(scores),
        seed=seed,
    )
