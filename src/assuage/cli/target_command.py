"""`assuage target`: its options."""

from pathlib import Path
from typing import Annotated

import typer

from assuage.cli.options import FITS, HEAD_HELP, AsJson, Bids, DryRun, Participant, Session, TissueFile, number
from assuage.cli.output import show

EPILOG = (
    "Example: assuage target --bold sub_space-T1w_desc-preproc_bold.nii.gz --confounds "
    "sub_desc-confounds_timeseries.tsv --head m2m_sub --circuit emotion_regulation --method cluster --out target. "
    "Example: assuage target --bids fmriprep --participant 01 --head sub_head --circuit reward --out target"
)


def target(  # noqa: PLR0913, PLR0917 (each option of the command is a parameter)
    head: Annotated[str, typer.Option("--head", help=HEAD_HELP, metavar="NAME|PATH")],
    circuit: Annotated[str, typer.Option("--circuit", help="See assuage circuits.", metavar="NAME")],
    out: Annotated[Path, typer.Option("--out", help="New folder; appears whole or not at all.", metavar="DIR")],
    bold: Annotated[
        Path | None,
        typer.Option("--bold", help="Preprocessed BOLD: NIfTI, .func.gii, .dtseries.nii, or a table.", metavar="FILE"),
    ] = None,
    bids: Bids = None,
    participant: Participant = None,
    session: Session = None,
    task: Annotated[
        str | None, typer.Option("--task", help="Of the BIDS dataset, where there are several.", metavar="LABEL")
    ] = None,
    run_label: Annotated[
        str | None, typer.Option("--run", help="Of the BIDS dataset, where there are several.", metavar="LABEL")
    ] = None,
    confounds: Annotated[
        Path | None, typer.Option("--confounds", help="Confounds table of fMRIPrep.", metavar="FILE")
    ] = None,
    mask: Annotated[
        Path | None, typer.Option("--mask", help="Brain mask on the BOLD grid; fMRIPrep's is found.", metavar="FILE")
    ] = None,
    geometry: Annotated[
        list[Path] | None,
        typer.Option("--geometry", help="Surface of the data, or table of parcel places.", metavar="FILE"),
    ] = None,
    space: Annotated[
        str | None, typer.Option("--space", help="Where the file does not say it.", metavar="head|mni")
    ] = None,
    tr_s: Annotated[
        float | None,
        typer.Option("--tr", parser=number("2"), metavar="SECONDS", help="Where the file does not say it."),
    ] = None,
    seed: Annotated[
        str | None,
        typer.Option("--seed", help="Region of the circuit or MNI mm; default: the circuit's.", metavar="NAME|X,Y,Z"),
    ] = None,
    region: Annotated[
        str | None, typer.Option("--region", help="Where to search; default: the circuit's.", metavar="NAME")
    ] = None,
    polarity: Annotated[
        str | None, typer.Option("--polarity", help="Wanted sign of the correlation.", metavar="+|-")
    ] = None,
    method: Annotated[
        str, typer.Option("--method", help="peak, cluster, seed_map or network.", metavar="NAME")
    ] = "cluster",
    group_map: Annotated[
        Path | None, typer.Option("--group-map", help="Group map of the seed, for seed_map.", metavar="FILE")
    ] = None,
    fd_limit_mm: Annotated[
        float,
        typer.Option("--fd-mm", parser=number("0.5"), metavar="NUMBER", help="Frames that move more are left out."),
    ] = 0.5,
    global_signal: Annotated[
        bool, typer.Option("--global-signal/--no-global-signal", help="Regress the global signal out.")
    ] = True,
    seed_radius_mm: Annotated[
        float, typer.Option("--seed-radius-mm", parser=number("5"), metavar="NUMBER", help="Radius of the seed.")
    ] = 10.0,
    search_radius_mm: Annotated[
        float,
        typer.Option("--search-radius-mm", parser=number("20"), metavar="NUMBER", help="Radius of the search region."),
    ] = 20.0,
    tissues: TissueFile = None,
    random_seed: Annotated[int, typer.Option("--random-seed", help="Of the resampling.")] = 0,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Find a person's target in resting fMRI, with an error bar; write target.json, a map and report.html."""
    from assuage.cli import target as targeting

    request = targeting.Request(
        bold=bold, bids=bids, participant=participant, session=session, task=task, run=run_label,
        head=head, out=out, circuit=circuit, confounds=confounds, mask=mask,
        geometry=tuple(geometry or ()), space=space, tr_s=tr_s, seed=seed, region=region, polarity=polarity,
        method=method, group_map=group_map, fd_limit_mm=fd_limit_mm, global_signal=global_signal,
        seed_radius_mm=seed_radius_mm, search_radius_mm=search_radius_mm, tissues=tissues, random_seed=random_seed,
    )  # fmt: skip
    if dry_run:
        targeting.read_request(request)
        typer.echo(FITS)
        return
    result = targeting.make_target(request)
    show(result, as_json=as_json)
