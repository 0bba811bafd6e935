"""`assuage evidence`: the sub-commands of evidence and its synthesis, each in a file of its own."""

import typer

from assuage.cli.evidence_add import add_command
from assuage.cli.evidence_maps import cbma_command, coordinates_app, directions_command
from assuage.cli.evidence_tables import query_command, validate_command

evidence_app = typer.Typer(no_args_is_help=True, help="Evidence: tables with sources, and their synthesis.")
evidence_app.command(
    "validate", epilog="Example: assuage evidence validate. Example: assuage evidence validate my_tables --json"
)(validate_command)
evidence_app.command(
    "query",
    epilog="Example: assuage evidence query \"domain == 'reward' and year >= 2020\". "
    "Example: assuage evidence query --table trials --technique tms --nssi-only. "
    "Example: assuage evidence query \"'insula' in region and direction != 'not_read'\" --age adolescents --csv",
)(query_command)
evidence_app.command(
    "add",
    epilog="Example: assuage evidence add --to my_tables --coded-by 'A. Coder' --level abstract. "
    "Example: assuage evidence add --to my_tables --coded-by 'A. Coder' --level title --bibtex refs.bib "
    "--set domain=reward --set nssi_sample=yes --set design=primary. "
    "Example: assuage evidence add --to my_tables --table findings --coded-by 'A. Coder' --level abstract "
    "--set study_id=koenig2021 --set region=insula --set measure=activation --set direction=increase "
    "--set comparison=group --set domain=pain",
)(add_command)
evidence_app.add_typer(coordinates_app, name="coordinates")
evidence_app.command("directions", epilog="Example: assuage evidence directions --domain reward")(directions_command)
evidence_app.command(
    "cbma",
    epilog="Example: assuage evidence cbma --domain reward --method ale. "
    "Example: assuage evidence cbma --method mkda --tables my_tables --out maps",
)(cbma_command)
