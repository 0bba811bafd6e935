"""The options of `assuage person`."""

from pathlib import Path
from typing import Annotated

import typer

from assuage.cli.options import AsJson, Bids, Participant, Session, number
from assuage.cli.output import print_json

EPILOG = (
    "Example: assuage person T1.nii.gz --age 16 --circuit emotion_regulation --out sub-01. "
    "Example: assuage person T1.nii.gz --bold bold.nii.gz --confounds confounds.tsv --circuit reward --out sub-01 "
    "-- --techniques tms,hd-tdcs --motor-threshold 65A/us. "
    "An interrupted run goes on where it stopped."
)
SETTINGS = {"allow_extra_args": True}


def person(  # noqa: PLR0913, PLR0917 (each option of the command is a parameter)
    context: typer.Context,
    circuit: Annotated[str, typer.Option("--circuit", help="See assuage circuits.", metavar="NAME")],
    out: Annotated[Path, typer.Option("--out", help="Folder for head, target and plan.", metavar="DIR")],
    t1: Annotated[
        Path | None, typer.Argument(help="T1 of the whole head, NIfTI or a folder of DICOM.", metavar="[T1]")
    ] = None,
    bids: Bids = None,
    participant: Participant = None,
    session: Session = None,
    t2: Annotated[Path | None, typer.Option("--t2", help="T2 of the same person.", metavar="FILE")] = None,
    age: Annotated[
        float | None, typer.Option("--age", parser=number("16"), help="Age in years.", metavar="YEARS")
    ] = None,
    bold: Annotated[
        Path | None,
        typer.Option("--bold", help="Preprocessed BOLD: aims at the person's own target.", metavar="FILE"),
    ] = None,
    confounds: Annotated[
        Path | None, typer.Option("--confounds", help="Confounds table of fMRIPrep.", metavar="FILE")
    ] = None,
    task: Annotated[
        str | None, typer.Option("--task", help="Take the BOLD of this task from --bids.", metavar="LABEL")
    ] = None,
    method: Annotated[
        str | None, typer.Option("--method", help="Of assuage target; default: cluster.", metavar="NAME")
    ] = None,
    region: Annotated[
        str | None, typer.Option("--region", help="Region of the circuit to plan for.", metavar="NAME")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """From a raw T1, and BOLD if there is one, to head, target, plan, report and navigator files.

    Options behind -- go to assuage plan.
    """
    from assuage.cli import person as people

    def command(words: list[str]) -> None:
        root = context.find_root().command
        root.main(args=words, prog_name="assuage", standalone_mode=False)

    request = people.Request(
        t1=t1, bids=bids, participant=participant, session=session, t2=t2, age_years=age, bold=bold,
        confounds=confounds, task=task, method=method, circuit=circuit, region=region, out=out,
        for_plan=tuple(context.args),
    )  # fmt: skip
    found = people.make(request, command, quiet=as_json)
    if as_json:
        print_json(found)
    else:
        page = Path(found["head"]) / "quality.html"
        typer.echo(f"everything is in {out}; nobody relies on it before {page} is looked at: assuage head sign")
