"""`assuage navigator`: show what a navigator file holds, and convert its markers for another navigator."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assuage.cli.options import AsJson
from assuage.cli.output import print_json

if TYPE_CHECKING:
    from assuage.space import Marker, NavigatorSession, Pulse

navigator_app = typer.Typer(
    no_args_is_help=True,
    help="Read navigator files of five makers, and write coil poses for Brainsight, Localite and visor2.",
    epilog="Example: assuage navigator show InstrumentMarker20210409170817799.xml",
)

SHOWN_PULSES = 10
"""On the screen; --json has all."""
NavigatorFile = Annotated[
    Path, typer.Argument(help="Brainsight .txt, Localite .xml, visor2 .mrk, InVesalius .mkss, SofTaxic .stmpx.")
]
Image = Annotated[
    Path | None,
    typer.Option("--image", help="The T1 that the navigator shows: frame and direction are checked.", metavar="NIFTI"),
]


class Form(StrEnum):
    """The formats that can be written."""

    BRAINSIGHT = "brainsight"
    LOCALITE_RAS = "localite-ras"
    LOCALITE_LPS = "localite-lps"
    VISOR = "visor"


@navigator_app.command("show", epilog="Example: assuage navigator show export.txt --image T1.nii.gz")
def show(file: NavigatorFile, image: Image = None, as_json: AsJson = False) -> None:
    """Show markers, pulses, untracked pulses, missing dI/dt, residuals and the coordinate system of a file."""
    from assuage.space import read_reference, read_session

    session = read_session(file, image=None if image is None else read_reference(image))
    if as_json:
        print_json(session_json(session))
    else:
        _print(session, checked=image is not None)


@navigator_app.command(
    "convert",
    epilog="Example: assuage navigator convert markers.xml targets.txt --format brainsight --image T1.nii.gz",
)
def convert(
    file: NavigatorFile,
    out: Annotated[Path, typer.Argument(help="File to write; it must not exist.", metavar="OUT")],
    form: Annotated[Form, typer.Option("--format", help="localite-ras: NIfTI base volume; localite-lps: DICOM.")],
    image: Image = None,
    as_json: AsJson = False,
) -> None:
    """Write the coil markers of a file for another navigator, and say which setting it needs there."""
    from assuage import __version__
    from assuage.space import read_markers, read_reference, write_markers

    reference = None if image is None else read_reference(image)
    markers = read_markers(file, image=reference)
    said = write_markers(out, markers, format=form.value, image=reference, created_by=f"assuage {__version__}")
    if as_json:
        print_json({"file": str(out), "format": form.value, "markers": _markers_json(markers), "loading": list(said)})
        return
    typer.echo(f"written: {out} ({len(markers)} markers)")
    for line in (*said, *_unchecked(image is not None)):
        typer.echo(line)


def session_json(session: "NavigatorSession") -> dict[str, Any]:
    """Return a session for machines; null is what the file does not say."""
    return {
        "file": session.source,
        "format": session.format,
        "software": session.software or None,
        "version": session.version or None,
        "coordinate_system": session.frame or None,
        "markers": _markers_json(session.markers),
        "unset_markers": session.unset_markers,
        "points": [{"name": p.name, "kind": p.kind, "position_mm": p.position_mm.tolist()} for p in session.points],
        "pulses": [_pulse_json(pulse) for pulse in session.pulses],
        "pulses_started": session.started or None,
        "pulses_tracked": len(session.tracked),
        "pulses_untracked": session.untracked_count,
        "pulses_without_didt": session.missing_didt_count,
        "registration_residuals_mm": list(session.residuals_mm),
        "notes": list(session.notes),
    }


def _markers_json(markers: "Iterable[Marker]") -> list[dict[str, Any]]:
    from assuage.space.pose import handle_words

    return [
        {"name": item.name, "pose": item.pose.tolist(), "handle_points": handle_words(item.pose)} for item in markers
    ]


def _pulse_json(pulse: "Pulse") -> dict[str, Any]:
    return {
        "name": pulse.name,
        "tracked": pulse.tracked,
        "pose": None if pulse.pose is None else pulse.pose.tolist(),
        "time_s": pulse.time_s,
        "didt_A_per_s": pulse.didt_A_per_s,
        "amplitude_percent": pulse.amplitude_percent,
    }


def _print(session: "NavigatorSession", *, checked: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    from assuage.cli.listing import console
    from assuage.space.navigator import open_words
    from assuage.space.pose import handle_words
    from assuage.units import A_PER_S_PER_A_PER_US

    screen = console()
    made_by = " ".join(part for part in (session.software, session.version) if part)
    screen.print(Text(f"{session.source}: {made_by or session.format}; coordinates {session.frame or 'not stated'}"))
    table = Table(title="All places in RAS+ mm", title_justify="left", box=None, pad_edge=False)
    for heading in ("name", "kind", "centre", "handle points", "time, s", "dI/dt, A/us", "% of output"):
        table.add_column(heading)
    for marker in session.markers:
        table.add_row(Text(marker.name), "marker", _place(marker.pose[:3, 3]), handle_words(marker.pose))
    for point in session.points:
        table.add_row(Text(point.name), Text(point.kind), _place(point.position_mm))
    for pulse in session.pulses[:SHOWN_PULSES]:
        place, handle = "not tracked", ""
        if pulse.pose is not None:
            place, handle = _place(pulse.pose[:3, 3]), handle_words(pulse.pose)
        didt = None if pulse.didt_A_per_s is None else pulse.didt_A_per_s / A_PER_S_PER_A_PER_US
        table.add_row(
            Text(pulse.name),
            "pulse",
            place,
            handle,
            _value(pulse.time_s),
            _value(didt),
            _value(pulse.amplitude_percent),
        )
    if table.row_count:
        screen.print(table)
    lines = [f"{len(session.markers)} markers, {len(session.points)} points, {len(session.pulses)} pulses"]
    if len(session.pulses) > SHOWN_PULSES:
        lines.append(f"{len(session.pulses) - SHOWN_PULSES} further pulses: --json")
    if session.residuals_mm:
        lines.append(f"registration residuals: {', '.join(f'{mm:g}' for mm in session.residuals_mm)} mm")
    for line in (*lines, *open_words(session), *session.notes, *_unchecked(checked)):
        screen.print(Text(line))


def _unchecked(checked: bool) -> tuple[str, ...]:
    return () if checked else ("not held against an image: --image T1.nii.gz checks that every coil faces the head",)


def _place(position_mm: Any) -> str:
    return " ".join(f"{value:.1f}" for value in position_mm)


def _value(number: float | None) -> str:
    return "missing" if number is None else f"{number:g}"
