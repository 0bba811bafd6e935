"""`assuage readback`: what was delivered, against a plan."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assuage.cli.options import AsJson
from assuage.cli.output import print_json

if TYPE_CHECKING:
    from assuage.plan import PlanRecord
    from assuage.readback import ElectrodeFidelity, OpenedPlan, PulseFidelity
    from assuage.sources import Coil

FIDELITY_FILE = "fidelity.json"
PAGE_FILE = "fidelity.html"

PlanOption = Annotated[Path, typer.Option("--plan", help="Folder of a plan, or its plan.json.", metavar="DIR|FILE")]
HeadOption = Annotated[
    str | None, typer.Option("--head", help="Head of the plan; default: as in the plan's command.", metavar="NAME|PATH")
]
TissueOption = Annotated[
    Path | None,
    typer.Option("--tissues", help="As for assuage plan; default: as in the plan's command.", metavar="FILE"),
]
CoilOption = Annotated[
    Path | None,
    typer.Option("--coil", help="Coil file of the plan; default: as in the plan's command.", metavar="FILE"),
]
OutOption = Annotated[Path | None, typer.Option("--out", help="New folder for the JSON and the page.", metavar="DIR")]
TechniqueOption = Annotated[
    str | None, typer.Option("--technique", help="Montage of the plan, where it holds several.", metavar="NAME")
]


def readback(  # noqa: PLR0913, PLR0917 (each option of the command is a parameter)
    plan: PlanOption,
    session: Annotated[
        Path | None, typer.Argument(help="Navigator file of the session, with its pulses.", metavar="[SESSION_FILE]")
    ] = None,
    electrodes: Annotated[
        Path | None,
        typer.Option("--electrodes", help="Cap table (CSV) or navigator file of digitised electrodes.", metavar="FILE"),
    ] = None,
    head: HeadOption = None,
    tissues: TissueOption = None,
    coil: CoilOption = None,
    technique: TechniqueOption = None,
    tolerance: Annotated[
        float, typer.Option("--tolerance", help="Percent of the planned field that counts as delivered.")
    ] = 10.0,
    frame_mm: Annotated[
        float, typer.Option("--frame-mm", help="Mean distance from the plan above which another frame is suspected.")
    ] = 30.0,
    as_delivered: Annotated[
        bool, typer.Option("--as-delivered", help="A reversed handle or exchanged electrodes were real: go on.")
    ] = False,
    target_only: Annotated[
        bool, typer.Option("--target-only", help="Leave out the other regions of the circuit, three solves each.")
    ] = False,
    out: OutOption = None,
    as_json: AsJson = False,
) -> None:
    """Hold a session against its plan: delivered pose or electrodes, delivered field, deviation and drift."""
    from contextlib import nullcontext

    from assuage.cli.output import fresh_directory
    from assuage.cli.progress import StepProgress
    from assuage.errors import PlanError
    from assuage.readback import read_back, read_back_electrodes
    from assuage.report.fidelity import write_fidelity

    if (session is None) == (electrodes is None):
        given = "both" if session else "neither"
        raise PlanError(f"{given} of SESSION_FILE and --electrodes given; give one file, of pulses or of electrodes")
    if session is not None and technique is not None:
        raise PlanError(f"--technique {technique!r} names a montage; it belongs to --electrodes")
    with nullcontext() if out is None else fresh_directory(out) as folder, StepProgress() as progress:
        progress("open the plan", 0.02)
        opened = open_with(plan, head, tissues)
        options: dict[str, Any] = {
            "tolerance_percent": tolerance,
            "frame_mm": frame_mm,
            "as_delivered": as_delivered,
            "off_target": not target_only,
            "progress": progress,
        }
        found: PulseFidelity | ElectrodeFidelity
        if session is not None:
            found = read_back(opened, coil_of(opened.record, coil), session, **options)
        else:
            assert electrodes is not None
            found = read_back_electrodes(opened, electrodes, technique=technique, **options)
        if folder is not None:
            (folder / FIDELITY_FILE).write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
            write_fidelity(found, folder / PAGE_FILE)
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    for line in words_of(found):
        typer.echo(line)
    if out is not None:
        typer.echo(f"written: {out / FIDELITY_FILE}, {out / PAGE_FILE}")


def open_with(plan: Path, head: str | None, tissues: Path | None) -> "OpenedPlan":
    """Open a plan on the head named, or on the one that its command names.

    Raises
    ------
    AssuageError
        No plan, a head that is not named anywhere, or another head.
    """
    from assuage.cli.anisotropy import tensors_as_planned
    from assuage.cli.head import load
    from assuage.errors import PlanError
    from assuage.plan import load_record
    from assuage.readback import open_plan
    from assuage.readback.opened import folder_of, planned_with

    record = load_record(folder_of(plan))
    if head is None:
        head = planned_with(record, "--head")
        recorded = planned_with(record, "--tissues")
        tissues = Path(recorded) if tissues is None and recorded else tissues
    if head is None:
        raise PlanError(f"the plan does not say where its head {record.head.name!r} lies; name it: --head NAME|PATH")
    return open_plan(plan, tensors_as_planned(record, load(head, tissues)))


def coil_of(record: "PlanRecord", path: Path | None) -> "Coil":
    """Return the coil of a file, or the one that the plan's command names."""
    from assuage.cli.driving import COIL_FILES
    from assuage.readback.opened import planned_with
    from assuage.sources import Coil

    recorded = planned_with(record, "--coil")
    if path is None and recorded is not None and Path(recorded).suffix.lower() in COIL_FILES:
        path = Path(recorded)
    return Coil.figure_of_eight() if path is None else Coil.read(path)


def words_of(found: "PulseFidelity | ElectrodeFidelity") -> tuple[str, ...]:
    """Say the result in a few lines."""
    from assuage.readback import PulseFidelity
    from assuage.report.words import number, percent

    if isinstance(found, PulseFidelity):
        count = found.counts
        lines = [
            f"{number(found.within_tolerance_percent)} % of {count.used} pulses within {found.tolerance_percent:g} % "
            f"of the planned field in {found.plan.target}",
            f"share of the planned field: mean {percent(found.of_planned.mean)}, 5 to 95 %: "
            f"{percent(found.of_planned.percentile_5)} to {percent(found.of_planned.percentile_95)} (at equal dI/dt)",
            f"from the plan: {number(found.distance_mm.mean, digits=2)} mm, tilt "
            f"{number(found.tilt_deg.mean, digits=2)} degrees, twist {number(found.twist_deg.mean, digits=2)} degrees "
            "(means)",
            f"{count.recorded} pulses recorded: {count.used} used, {count.untracked} untracked, {count.away} off the "
            f"head, {count.inside} inside it",
        ]
    else:
        lines = [
            f"delivered {percent(found.of_planned)} of the planned field in {found.plan.target}, "
            f"{'within' if found.within_tolerance else 'outside'} {found.tolerance_percent:g} %",
            *(f"{item.name}: {number(item.displacement_mm, digits=2)} mm from the plan" for item in found.electrodes),
        ]
    return (*lines, *found.notes)
