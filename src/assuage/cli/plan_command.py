"""`assuage plan`: its options."""

from pathlib import Path
from typing import Annotated

import typer

from assuage.cli.options import FITS, HEAD_HELP, AsJson, DryRun, TissueFile, number
from assuage.cli.output import show

EPILOG = (
    "Example: assuage plan --head colin27 --circuit emotion_regulation --out plan. "
    "Example: assuage plan --head sub.nii.gz --target -44,40,29 --techniques tms,hd-tdcs --out plan. "
    "Example: assuage plan --head colin27 --circuit reward --techniques rtms_10hz,itbs,snt --motor-threshold 65A/us "
    "--hotspot pose.txt --out plan. "
    "Example: assuage plan --head colin27 --circuit reward --techniques rtms_10hz --course macmaster2019 --out plan. "
    "Example: assuage plan --head colin27 --circuit impulse_control --techniques hd-tacs --tacs-frequency 6 "
    "--tacs-phase anti --out plan. "
    "Example: assuage plan --head m2m_sub --circuit pain --tensors dti_tensor.nii.gz --tensor-order fsl --out plan"
)


def plan(  # noqa: PLR0913, PLR0917 (each option of the command is a parameter)
    head: Annotated[str, typer.Option("--head", help=HEAD_HELP, metavar="NAME|PATH")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write; appears whole or not at all.", metavar="DIR")],
    circuit: Annotated[str | None, typer.Option("--circuit", help="See assuage circuits.", metavar="NAME")] = None,
    region: Annotated[
        str | None, typer.Option("--region", help="Region of the circuit to plan for.", metavar="NAME")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            help="Coordinate, mm; target.json of assuage target; or an atlas of labels, with --label.",
            metavar="X,Y,Z|FILE",
        ),
    ] = None,
    label: Annotated[
        str | None, typer.Option("--label", help="Of the atlas: number, or name of --label-table.", metavar="NAME")
    ] = None,
    label_table: Annotated[
        Path | None,
        typer.Option(
            "--label-table",
            help="Names of the labels: index, name (BIDS), or a FreeSurfer lookup table.",
            metavar="FILE",
        ),
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(
            "--space",
            help="Space of --target; default: mni where the head has a registration, else head.",
            metavar="mni|head",
        ),
    ] = None,
    target_quantile: Annotated[
        float | None,
        typer.Option(
            "--target-quantile",
            parser=number("0.1"),
            metavar="NUMBER",
            help="With a target.json: maximise this quantile of the field over its distribution, not the expected "
            "field.",
        ),
    ] = None,
    radius_mm: Annotated[
        float, typer.Option("--radius-mm", parser=number("10"), metavar="NUMBER", help="Radius of the target.")
    ] = 10.0,
    techniques: Annotated[
        str | None,
        typer.Option(
            "--techniques",
            help="Such as rtms_10hz,itbs,snt,hd-tdcs; tms: all courses of the coil; default: all.",
            metavar="A,B,...",
        ),
    ] = None,
    coil: Annotated[
        str | None,
        typer.Option(
            "--coil",
            help="Coil file (.ccd or .tcd), or the name of the coil of --stimulator; default: a 70 mm figure of eight.",
            metavar="FILE|NAME",
        ),
    ] = None,
    stimulator: Annotated[
        str | None,
        typer.Option("--stimulator", help="Needed for % of output; known with its largest dI/dt.", metavar="NAME"),
    ] = None,
    motor_threshold: Annotated[
        str | None,
        typer.Option("--motor-threshold", help="As dI/dt, or as % of output with --stimulator.", metavar="65A/us|48%"),
    ] = None,
    active_threshold: Annotated[
        bool, typer.Option("--active-threshold", help="The motor threshold was measured with the muscle contracted.")
    ] = False,
    hotspot: Annotated[
        str | None,
        typer.Option(
            "--hotspot",
            help="Where the threshold was taken: file with the coil's 4x4 pose, or its place in head coordinates; "
            "default: over the hand knob.",
            metavar="FILE|X,Y,Z",
        ),
    ] = None,
    hotspot_side: Annotated[
        str,
        typer.Option(
            "--hotspot-side",
            help="Hemisphere of the hand area where --motor-threshold was measured; without one the reference is "
            "always left.",
            metavar="left|right",
        ),
    ] = "left",
    coil_dose: Annotated[
        str | None,
        typer.Option(
            "--coil-dose",
            help="mt (default: each course's % of motor threshold), mt=110, matched (the threshold field in the "
            "target), matched=1.1, didt=80 (A/us), output=60 (%).",
            metavar="WAY[=NUMBER]",
        ),
    ] = None,
    courses: Annotated[
        str | None,
        typer.Option(
            "--course",
            help="Published protocol (assuage protocol list) or protocol.json whose session, calendar and intensity a "
            "coil technique takes; default: an example for each.",
            metavar="NAME|FILE,...",
        ),
    ] = None,
    tacs_frequency_hertz: Annotated[
        float | None,
        typer.Option(
            "--tacs-frequency",
            parser=number("10"),
            metavar="HZ",
            help="Of tacs and hd-tacs; default: an example out of the literature.",
        ),
    ] = None,
    tacs_phase: Annotated[
        str | None,
        typer.Option(
            "--tacs-phase",
            metavar="in|anti|DEG",
            help="By how much a second place leads the target, hd-tacs; default: in.",
        ),
    ] = None,
    tacs_partner: Annotated[
        str | None,
        typer.Option(
            "--tacs-partner",
            metavar="REGION|X,Y,Z",
            help="The second place: a region of the circuit or a coordinate; default: the other region that electrodes "
            "reach best.",
        ),
    ] = None,
    session_minutes: Annotated[
        float | None,
        typer.Option(
            "--session-min",
            parser=number("20"),
            metavar="MINUTES",
            help="Of tDCS, HD-tDCS, tACS, HD-tACS and temporal interference; default: the published example of each.",
        ),
    ] = None,
    ect_stimulus: Annotated[
        str | None,
        typer.Option(
            "--ect-stimulus",
            metavar="mA,ms,Hz,s",
            help="Current, pulse width, pairs of pulses a second and duration, each with its unit, such as "
            "800mA,0.3ms,20Hz,4s; what is not named stays at that.",
        ),
    ] = None,
    mst_train: Annotated[
        str | None,
        typer.Option(
            "--mst-train",
            metavar="Hz,ms,s,A/us",
            help="Pulses a second, period of a pulse, duration and dI/dt, each with its unit, such as "
            "100Hz,0.37ms,4s,120A/us; without dI/dt: the known maximum of the coil.",
        ),
    ] = None,
    voxel_mm: Annotated[
        float,
        typer.Option(
            "--voxel-mm",
            parser=number("2"),
            metavar="NUMBER",
            help="Edge of a voxel of the field: 2 is quick, 1 is fine.",
        ),
    ] = 2.0,
    current_milliampere: Annotated[
        float,
        typer.Option("--current-ma", parser=number("2"), metavar="NUMBER", help="Total current of the electrodes."),
    ] = 2.0,
    hair_mm: Annotated[
        float, typer.Option("--hair-mm", parser=number("4"), metavar="NUMBER", help="Hair under the coil.")
    ] = 4.0,
    age_years: Annotated[
        float | None,
        typer.Option(
            "--age",
            parser=number("16"),
            metavar="YEARS",
            help="Age of the person: most limits were found in adults only.",
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            metavar="NAME=NUMBER,...",
            help="What counts for the shortlist: target_field, focality, evidence, burden, invasiveness, equipment. "
            "What is not named counts 0; equipment needs something to acquire; default: all alike.",
        ),
    ] = None,
    equipment: Annotated[
        str | None,
        typer.Option(
            "--equipment",
            metavar="A,B,...",
            help="What the site has and, behind a +, would acquire: tes_device,+pads; default: everything.",
        ),
    ] = None,
    dbs_lead: Annotated[
        str | None, typer.Option("--dbs-lead", help="Lead of DBS; default: Medtronic 3389.", metavar="NAME")
    ] = None,
    dbs_pulse_us: Annotated[
        float | None,
        typer.Option(
            "--dbs-pulse-us", parser=number("60"), metavar="NUMBER", help="Pulse width of DBS, us; default: 60."
        ),
    ] = None,
    dbs_avoid: Annotated[
        list[str] | None,
        typer.Option(
            "--dbs-avoid",
            metavar="X,Y,Z,RADIUS",
            help="Sphere that DBS spares and its way keeps from, in the space of --target; may be repeated.",
        ),
    ] = None,
    tensors: Annotated[
        Path | None,
        typer.Option(
            "--tensors",
            help="Diffusion tensors (NIfTI) in the space of the T1: anisotropic white matter.",
            metavar="FILE",
        ),
    ] = None,
    tensor_order: Annotated[
        str | None,
        typer.Option(
            "--tensor-order", help="Program that wrote --tensors: its order and axes.", metavar="fsl|mrtrix|dipy|ants"
        ),
    ] = None,
    tensor_mapping: Annotated[
        str | None,
        typer.Option(
            "--tensor-mapping",
            help="From diffusion to conductivity; default: volume-normalised.",
            metavar="volume-normalised|direct",
        ),
    ] = None,
    tensor_frame: Annotated[
        str | None,
        typer.Option(
            "--tensor-frame",
            help="Axes of the tensors where they are not the program's own: image axes with x flipped as FSL does, "
            "image axes, or scanner axes.",
            metavar="fsl|voxel|world",
        ),
    ] = None,
    tissues: TissueFile = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the placement errors.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier plan in --out.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Plan every technique for a circuit or a coordinate; write plan.json, volumes and report.html."""
    from assuage.cli import plan_request, planning

    request = plan_request.Request(
        head=head, out=out, circuit=circuit, region=region, target=target, space=space, radius_mm=radius_mm,
        target_quantile=target_quantile, label=label, label_table=label_table,
        techniques=techniques, coil=coil, voxel_mm=voxel_mm, current_milliampere=current_milliampere, hair_mm=hair_mm,
        motor_threshold=motor_threshold, active_threshold=active_threshold, stimulator=stimulator,
        coil_dose=coil_dose, hotspot=hotspot, hotspot_side=hotspot_side, age_years=age_years,
        courses=courses, tacs_frequency_Hz=tacs_frequency_hertz, tacs_phase=tacs_phase, tacs_partner=tacs_partner,
        dbs_lead=dbs_lead, dbs_pulse_us=dbs_pulse_us, dbs_avoid=tuple(dbs_avoid or ()),
        session_minutes=session_minutes, ect_stimulus=ect_stimulus, mst_train=mst_train,
        weights=weights, equipment=equipment, tissues=tissues, seed=seed, force=force,
        tensors=tensors, tensor_order=tensor_order, tensor_mapping=tensor_mapping, tensor_frame=tensor_frame,
    )  # fmt: skip
    if dry_run:
        plan_request.read_request(request)
        typer.echo(FITS)
        return
    result = planning.make_plan(request)
    show(result, as_json=as_json)
