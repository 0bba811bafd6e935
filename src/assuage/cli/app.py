"""The commands and their options. Each body loads, calls one public function, and writes."""

from pathlib import Path
from typing import Annotated

import typer

from assuage import __version__
from assuage.cli.circuits import circuits_app
from assuage.cli.delivery import readback
from assuage.cli.evidence_commands import evidence_app
from assuage.cli.export import export_app
from assuage.cli.head_commands import head_app
from assuage.cli.navigator import navigator_app
from assuage.cli.options import AsJson
from assuage.cli.output import print_json, show
from assuage.cli.person_command import EPILOG as PERSON_EPILOG
from assuage.cli.person_command import SETTINGS as PERSON_SETTINGS
from assuage.cli.person_command import person
from assuage.cli.placement import placement
from assuage.cli.plan_command import EPILOG as PLAN_EPILOG
from assuage.cli.plan_command import plan
from assuage.cli.protocol import protocol_app
from assuage.cli.refusal import guarded
from assuage.cli.target_command import EPILOG as TARGET_EPILOG
from assuage.cli.target_command import target

app = typer.Typer(
    name="assuage",
    help="Plan brain stimulation for clinical research: every technique on one dose scale, with error bars.",
    epilog="A research planning aid, not a medical device. Example: assuage plan --head colin27 --circuit "
    "emotion_regulation --out plan",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
app.add_typer(head_app, name="head")
app.add_typer(protocol_app, name="protocol")
app.add_typer(navigator_app, name="navigator")
app.add_typer(export_app, name="export")
app.add_typer(circuits_app, name="circuits")
app.add_typer(evidence_app, name="evidence")
app.command("plan", epilog=PLAN_EPILOG)(plan)
app.command("target", epilog=TARGET_EPILOG)(target)
app.command("person", epilog=PERSON_EPILOG, context_settings=PERSON_SETTINGS)(person)
app.command(
    "readback",
    epilog="Example: assuage readback TriggerMarkers_Coil0.xml --plan plan --out delivered. "
    "Example: assuage readback --electrodes cap.csv --plan plan --technique hd_tdcs",
)(readback)
app.command(
    "placement",
    epilog="Example: assuage placement --nasion-inion 36cm --tragus-tragus 37cm --circumference 56cm --plan plan "
    "--out sheet. Example: assuage placement --nasion-inion 36cm --tragus-tragus 37cm --circumference 56cm --site F3",
)(placement)


def run(arguments: list[str]) -> int:
    """Run one command line and return the exit code (see `assuage.cli.refusal`)."""
    return guarded(lambda: app(args=arguments, prog_name="assuage", standalone_mode=False))


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"assuage {__version__}")
        raise typer.Exit


@app.callback()
def assuage(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Hold the options that belong to no single command."""


@app.command(epilog="Example: assuage check protocol.json")
def check(
    protocol: Annotated[Path, typer.Argument(help="JSON file of a protocol.", metavar="PROTOCOL.json")],
    as_json: AsJson = False,
) -> None:
    """Hold a protocol against the cited limits of its technique; exit code 1 if a limit stops it."""
    from assuage.cli.check import check_file

    checked = check_file(protocol)
    show(checked, as_json=as_json)
    raise typer.Exit(checked.exit_code)


@app.command(epilog="Example: assuage doctor --json")
def doctor(as_json: AsJson = False) -> None:
    """Show versions, threads, memory and optional extras; say what is missing and how to get it."""
    from assuage.cli import doctor as surgery
    from assuage.cli import listing

    findings = surgery.examine()
    if as_json:
        print_json(surgery.as_json(findings))
    else:
        listing.print_findings(findings)
    if not surgery.healthy(findings):
        raise typer.Exit(1)
