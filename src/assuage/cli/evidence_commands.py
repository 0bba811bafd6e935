"""`assuage evidence`: the sub-commands of evidence and its synthesis, each in a file of its own."""

import typer

from assuage.cli.meta_command import EPILOG as META_EPILOG
from assuage.cli.meta_command import meta

evidence_app = typer.Typer(no_args_is_help=True, help="Evidence: tables with sources, and their synthesis.")
evidence_app.command("meta", epilog=META_EPILOG)(meta)
