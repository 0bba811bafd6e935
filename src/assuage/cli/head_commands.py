"""`assuage head`: build, import, show."""

from pathlib import Path
from typing import Annotated

import typer

from assuage.cli.options import HEAD_HELP, AsJson, Bids, Session, TissueFile, number
from assuage.cli.signing import sign

head_app = typer.Typer(no_args_is_help=True, help="Build a head model from a T1, look at it, sign it off.")
head_app.command("sign", epilog="Example: assuage head sign sub_head --by AE --reject --note 'skull open'")(sign)


@head_app.command(
    "build",
    epilog="Example: assuage head build T1.nii.gz --out sub_head --age 16. "
    "Example: assuage head build dicom/ --out sub_head. "
    "Example: assuage head build --bids study --participant 01 --out sub_head. "
    "An interrupted build goes on where it stopped.",
)
def head_build(  # noqa: PLR0913, PLR0917 (each option of the command is a parameter)
    out: Annotated[Path, typer.Option("--out", help="New folder of the head.", metavar="DIR")],
    t1: Annotated[
        Path | None,
        typer.Argument(help="T1 of the whole head: NIfTI, not skull-stripped, or a folder of DICOM.", metavar="[T1]"),
    ] = None,
    t2: Annotated[
        Path | None,
        typer.Option("--t2", help="T2 of the same person: tells bone from CSF better.", metavar="FILE|FOLDER"),
    ] = None,
    series: Annotated[
        str | None, typer.Option("--series", help="Of the DICOM folder, where several could be the T1.", metavar="N")
    ] = None,
    t2_series: Annotated[
        str | None, typer.Option("--t2-series", help="Likewise, of the folder of --t2.", metavar="N")
    ] = None,
    bids: Bids = None,
    participant: Annotated[
        str | None,
        typer.Option(
            "--participant",
            help="Label behind sub-; without --bids it is kept with the head, so that others' data are refused.",
            metavar="LABEL",
        ),
    ] = None,
    session: Session = None,
    brain: Annotated[
        Path | None,
        typer.Option(
            "--brain",
            help="Labels of FreeSurfer (aseg.mgz, aparc+aseg.mgz) or SynthSeg of the same T1: their brain is used.",
            metavar="FILE",
        ),
    ] = None,
    lesion: Annotated[
        Path | None,
        typer.Option("--lesion", help="Mask on the T1's grid; becomes a tissue of its own.", metavar="FILE"),
    ] = None,
    lesion_conductivity: Annotated[
        float | None,
        typer.Option(
            "--lesion-conductivity",
            parser=number("0.8"),
            help="Of the lesion, S/m; there is no default.",
            metavar="NUMBER",
        ),
    ] = None,
    age: Annotated[
        float | None, typer.Option("--age", parser=number("16"), help="Age in years.", metavar="YEARS")
    ] = None,
    orientation: Annotated[
        str,
        typer.Option("--orientation", help="Which header field holds where the two disagree.", metavar="sform|qform"),
    ] = "auto",
    as_json: AsJson = False,
) -> None:
    """Build a head from a T1: tissues, skull, neck, fiducials, MNI frame, quality page."""
    from assuage.cli import build, scans

    if orientation not in {"auto", "sform", "qform"}:
        raise typer.BadParameter(f"--orientation {orientation!r} is not known; write sform or qform")
    build.build(
        scans.Request(
            t1=t1, out=out, t2=t2, series=series, t2_series=t2_series,
            bids=bids, participant=participant, session=session, brain=brain, lesion=lesion,
            lesion_S_per_m=lesion_conductivity,            age_years=age, orientation=orientation, as_json=as_json,  # type: ignore[arg-type]
        )
    )  # fmt: skip


@head_app.command("show", epilog="Example: assuage head show colin27 --out qc")
def head_show(
    name: Annotated[str, typer.Argument(help=HEAD_HELP, metavar="NAME|PATH")],
    out: Annotated[
        Path | None, typer.Option("--out", help="New folder for quality.html, overlay.png and qc.json.", metavar="DIR")
    ] = None,
    tissues: TissueFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the quality figures of a head; with --out also its overlay in three planes."""
    from assuage.cli import head as heads

    heads.show(name, out=out, tissues=tissues, as_json=as_json)


@head_app.command(
    "import",
    epilog="Example: assuage head import sub_T1orT2_masks.nii --out sub_head. "
    "Example: assuage head import labels.mgz --tissues tissues.toml --t1 T1.nii.gz --out sub_head",
)
def head_import(
    source: Annotated[str, typer.Argument(help=HEAD_HELP, metavar="PATH")],
    out: Annotated[Path, typer.Option("--out", help="New folder of the head.", metavar="DIR")],
    t1: Annotated[
        Path | None, typer.Option("--t1", help="T1 in the same coordinates, for the pictures.", metavar="FILE")
    ] = None,
    tissues: TissueFile = None,
    as_json: AsJson = False,
) -> None:
    """Write a head that another program segmented as a head folder, with its quality page."""
    from assuage.cli import head as heads

    heads.take(source, out=out, t1=t1, tissues=tissues, as_json=as_json)
