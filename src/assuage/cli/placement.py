"""`assuage placement`: coil or electrodes by tape, without a navigator."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assuage.cli.delivery import CoilOption, HeadOption, OutOption, TissueOption
from assuage.cli.options import AsJson
from assuage.cli.output import print_json

if TYPE_CHECKING:
    from assuage.readback import Placement
    from assuage.readback.tape import Measures

PLACEMENT_FILE = "placement.json"
SHEET_FILE = "placement.html"


def placement(  # noqa: PLR0913, PLR0917 (each option of the command is a parameter)
    nasion_inion: Annotated[
        str, typer.Option("--nasion-inion", help="Taped over the vertex, with its unit.", metavar="36cm")
    ],
    tragus_tragus: Annotated[
        str, typer.Option("--tragus-tragus", help="Taped over the vertex, with its unit.", metavar="37cm")
    ],
    circumference: Annotated[
        str, typer.Option("--circumference", help="Taped through Fpz and Oz, with its unit.", metavar="56cm")
    ],
    plan: Annotated[
        Path | None, typer.Option("--plan", help="Folder of a plan, or its plan.json.", metavar="DIR|FILE")
    ] = None,
    site: Annotated[str | None, typer.Option("--site", help="A 10-10 site, instead of a plan.", metavar="NAME")] = None,
    technique: Annotated[
        str | None, typer.Option("--technique", help="Of the plan: tms (default) or a montage.", metavar="NAME")
    ] = None,
    head: HeadOption = None,
    tissues: TissueOption = None,
    coil: CoilOption = None,
    error: Annotated[
        str, typer.Option("--error", help="Published: cap_marks, beam_f3 or scalp_repeat.", metavar="NAME")
    ] = "cap_marks",
    tape_repeat: Annotated[
        str | None, typer.Option("--tape-repeat", help="Repeat error of your tape; default: published.", metavar="4mm")
    ] = None,
    out: OutOption = None,
    as_json: AsJson = False,
) -> None:
    """Say where coil or electrodes go by tape, how far off that will be, and what it does to the dose."""
    from contextlib import nullcontext

    from assuage.cli.delivery import coil_of, open_with
    from assuage.cli.head import load
    from assuage.cli.output import fresh_directory
    from assuage.cli.progress import StepProgress
    from assuage.errors import PlanError
    from assuage.readback import place_plan, place_site
    from assuage.readback.tape import repeat_length_mm
    from assuage.report.placement import write_placement

    if (plan is None) == (site is None):
        given = "both" if plan else "neither"
        raise PlanError(f"{given} of --plan and --site given; name one plan or one site, for example --site F3")
    taped = _taped(nasion_inion, tragus_tragus, circumference)
    repeat_mm = None if tape_repeat is None else repeat_length_mm(tape_repeat)
    with nullcontext() if out is None else fresh_directory(out) as folder, StepProgress() as progress:
        progress("open the head", 0.05)
        if plan is not None:
            opened = open_with(plan, head, tissues)
            progress("place and displace", 0.3)
            found = place_plan(
                opened, coil_of(opened.record, coil), taped, technique=technique, error=error, repeat_mm=repeat_mm
            )
        else:
            found = place_site(load(head or "colin27", tissues), str(site), taped, error=error, repeat_mm=repeat_mm)
        if folder is not None:
            (folder / PLACEMENT_FILE).write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
            write_placement(found, folder / SHEET_FILE)
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    for line in words_of(found):
        typer.echo(line)
    if out is not None:
        typer.echo(f"written: {out / PLACEMENT_FILE}, {out / SHEET_FILE}")


def words_of(found: "Placement") -> tuple[str, ...]:
    """Say the sheet in lines."""
    from assuage.report.words import number, percent

    steps = [*found.first_steps, *(step for place in found.places for step in place.steps)]
    error = found.error
    lines = [f"{k}. {step}" for k, step in enumerate(steps, start=1)]
    lines += [place.words for place in found.places if place.words]
    lines += [f"warning: {line}" for line in found.warnings]
    lines.append(
        f"expected to be {number(error.mean_mm, digits=2)} mm off on average, up to "
        f"{number(error.percentile_95_mm, digits=2)} mm in 95 of 100 ({error.source})"
    )
    if found.dose is not None:
        lines.append(
            f"dose in the target: mean {percent(found.dose.mean_of_planned)} of the planned field, 5 to 95 %: "
            f"{percent(found.dose.percentile_5_of_planned)} to {percent(found.dose.percentile_95_of_planned)}"
        )
    return tuple(lines)


def _taped(nasion_inion: str, tragus_tragus: str, circumference: str) -> "Measures":
    from assuage.readback.tape import Measures, length_mm

    return Measures(
        nasion_inion_mm=length_mm(nasion_inion, "nasion-inion"),
        tragus_tragus_mm=length_mm(tragus_tragus, "tragus-tragus"),
        circumference_mm=length_mm(circumference, "circumference"),
    )
