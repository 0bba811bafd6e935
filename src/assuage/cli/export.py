"""`assuage export bids`: a plan and its head as BIDS derivatives."""

from pathlib import Path
from typing import Annotated

import typer

from assuage.cli.options import AsJson
from assuage.cli.output import print_json

export_app = typer.Typer(no_args_is_help=True, help="Write a plan in the layout of another community.")


@export_app.command(
    "bids",
    epilog="Example: assuage export bids plan --out derivatives/assuage --participant 01. "
    "Example: assuage export bids plan --out derivatives/assuage --participant 01 --nibs-draft",
)
def bids(  # noqa: PLR0913, PLR0917 (each option of the command is a parameter)
    plan: Annotated[Path, typer.Argument(help="Folder of a plan.", metavar="PLAN_DIR")],
    out: Annotated[
        Path,
        typer.Option("--out", help="Folder of the derivatives: new, or with other participants.", metavar="DIR"),
    ],
    participant: Annotated[str, typer.Option("--participant", help="Label behind sub-.", metavar="LABEL")],
    session: Annotated[str | None, typer.Option("--session", help="Label behind ses-.", metavar="LABEL")] = None,
    nibs_draft: Annotated[
        bool, typer.Option("--nibs-draft", help="Also write the files of NIBS-BIDS (BEP037, a draft).")
    ] = False,
    task: Annotated[
        str, typer.Option("--task", help="Label behind task- in the files of the draft.", metavar="LABEL")
    ] = "rest",
    delivered: Annotated[
        Path | None,
        typer.Option("--delivered", help="fidelity.json of a session read back against this plan.", metavar="FILE"),
    ] = None,
    head: Annotated[
        str | None,
        typer.Option("--head", help="Head of the plan; default: as in the plan's command.", metavar="NAME|PATH"),
    ] = None,
    tissues: Annotated[Path | None, typer.Option("--tissues", help="As for assuage plan.", metavar="FILE")] = None,
    as_json: AsJson = False,
) -> None:
    """Write head, plan, report, fields and navigator files of a plan as BIDS derivatives of one participant."""
    from assuage.cli.delivery import open_with
    from assuage.cli.progress import StepProgress
    from assuage.export import export_bids

    with StepProgress() as progress:
        progress("open the plan", 0.05)
        opened = open_with(plan, head, tissues)
        progress("write", 0.3)
        made = export_bids(
            opened,
            out,
            participant=participant,
            session=session,
            task=task if nibs_draft else None,
            delivered=delivered,
        )
    if as_json:
        print_json({"folder": str(made.folder), "files": list(made.files), "left_out": list(made.left_out)})
        return
    typer.echo(f"written: {made.folder} ({len(made.files)} files)")
    if made.left_out:
        typer.echo(f"no place in the NIBS draft: {', '.join(made.left_out)}; the plan has them")
