"""From a target or circuit to a ranked plan: what was asked for is checked before any work starts (`work`)."""

from collections.abc import Iterable, Mapping
from typing import Any

from assuage.circuits import Circuit, load_circuit
from assuage.errors import PlanError
from assuage.head import Head
from assuage.head.minors import with_age
from assuage.head.signoff import refuse_rejected
from assuage.plan.asking import check_coil_options, check_number, check_weights
from assuage.plan.bench import Bench, Places, Settings, resolve_techniques
from assuage.plan.clock import Clock, Progress
from assuage.plan.comparison import Choosing, check_choosing
from assuage.plan.courses import chosen_courses
from assuage.plan.driving import Driving
from assuage.plan.result import Plan
from assuage.plan.rhythm import Rhythm
from assuage.plan.sessions import Sessions
from assuage.plan.whereabouts import Whereabouts
from assuage.plan.work import DEFAULT_RADIUS_MM, Work
from assuage.protocols.courses import CoilCourse
from assuage.sources import Coil
from assuage.targets import Target
from assuage.techniques.calibration import checked_didt
from assuage.techniques.dbs import Implant


def plan(  # noqa: PLR0913 (every option of a plan is named here)
    head: Head,
    target_or_circuit: Target | Circuit | str,
    techniques: Iterable[str] | None = None,
    *,
    voxel_mm: float = 2.0,
    region: str | None = None,
    radius_mm: float = DEFAULT_RADIUS_MM,
    coil: Coil | None = None,
    didt_A_per_s: float | None = None,
    current_A: float = 2e-3,
    hair_mm: float = 4.0,
    protocol: Mapping[str, Any] | None = None,
    choosing: Choosing | None = None,
    driving: Driving | None = None,
    rhythm: Rhythm | None = None,
    courses: Iterable[CoilCourse] = (),
    implant: Implant | None = None,
    sessions: Sessions | None = None,
    whereabouts: Whereabouts | None = None,
    command: str = "",
    progress: Progress | None = None,
    **settings: float,
) -> Plan:
    """Plan every technique for a target or a circuit on one head.

    Parameters
    ----------
    head
        The head.
    target_or_circuit
        A target, a circuit, or the name of a circuit.
    techniques
        Names out of `bench.TECHNIQUES` and its aliases ("hd-tdcs": 4x1 and both optimised montages); None: all.
    voxel_mm
        Grid of the plan.
    region
        Of a circuit: the region to optimise, instead of the first that the surface reaches in principle.
    radius_mm
        Radius of the regions of a circuit.
    coil
        None: the parametric 70 mm figure-of-eight.
    didt_A_per_s
        Where the coil's dose is stated; None: half of the coil's maximum.
    current_A
        Total current of the montages.
    hair_mm
        Gap between scalp and coil.
    protocol
        What is known of the session, for the safety rules; see `assuage.safety.check`.
    choosing
        What the user weights, and what the site has; None: all alike, and everything.
    driving
        Motor threshold, devices and how the dose is set; None: 1 A/us, and courses by the ratio to the threshold field.
    rhythm
        Frequency of alternating currents, and phase and second place of HD-tACS; None: an example, in phase.
    courses
        Of coil techniques, instead of the package's examples; see `protocols.given_course.load_course`.
    implant
        Lead, pulse and regions to spare of deep brain stimulation; None: `Implant()`.
    sessions
        Length of a session of current, stimulus of ECT, train of MST; None: examples, with their sources.
    whereabouts
        Where a single target may lie: the plan then maximises the field over that distribution; None: as given.
    command
        The command line to record; a call of this function is recorded if it is empty.
    progress
        Called as ``progress(stage, fraction)`` with the fraction of the whole work done.
    **settings
        `spacing_mm`, `angle_step_deg` (coil search), `coarse_voxel_mm` (grid of the off-target field and of the other
        regions), `draws` and `seed` (placement error).

    Raises
    ------
    PlanError, TargetError, DataError
        What was asked for does not exist or has no place on this head.
    """
    names = resolve_techniques(None if techniques is None else tuple(techniques))
    chosen, held = choosing or Choosing(), sessions or Sessions()
    _check(names, chosen, coil, driving, didt_A_per_s, radius_mm, protocol or {})
    held.check(names)
    try:
        made = Settings(voxel_mm=voxel_mm, current_A=current_A, hair_mm=hair_mm, **settings)  # type: ignore[arg-type]
    except TypeError as error:
        raise PlanError(f"{error}; settings are spacing_mm, angle_step_deg, coarse_voxel_mm, draws, seed") from error
    refuse_rejected(head)
    head = with_age(head, (protocol or {}).get("age_years"))
    bench = Bench(Places(head, coil or Coil.figure_of_eight(), made), voxel_mm)
    work = Work(
        bench=bench,
        names=names,
        clock=Clock(progress),
        protocol=dict(protocol or {}),
        didt_A_per_s=didt_A_per_s,
        choosing=chosen,
        driving=driving,
        rhythm=rhythm or Rhythm(),
        courses=chosen_courses(names, courses),
        sessions=held,
        implant=implant or Implant(),
        whereabouts=whereabouts,
    )
    if isinstance(target_or_circuit, str):
        target_or_circuit = load_circuit(target_or_circuit)
    if isinstance(target_or_circuit, Circuit):
        if whereabouts is not None:
            raise PlanError("a distribution belongs to a single target; name the target instead of the circuit")
        return work.for_circuit(target_or_circuit, region, radius_mm, command)
    if region is not None:
        raise PlanError(f"region {region!r} was named, but the plan is for a single target; name a circuit")
    return work.for_target(target_or_circuit, command)


def _check(
    names: tuple[str, ...],
    choosing: Choosing,
    coil: Coil | None,
    driving: Driving | None,
    didt_A_per_s: float | None,
    radius_mm: float,
    protocol: Mapping[str, Any],
) -> None:
    """Refuse what cannot be planned before any work starts; `Settings`, `Driving` and `Rhythm` refuse the rest."""
    check_choosing(choosing)
    check_weights(choosing.weights)
    check_coil_options(names, [name for name, given in (("coil", coil), ("driving", driving)) if given is not None])
    check_number("radius_mm", radius_mm)
    if didt_A_per_s is not None:
        checked_didt(didt_A_per_s, "didt_A_per_s")
    if protocol.get("age_years") is not None:
        check_number("age_years", protocol["age_years"])
