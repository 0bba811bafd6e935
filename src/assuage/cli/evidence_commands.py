"""`assuage evidence`: the sub-commands of evidence and its synthesis, each in a file of its own."""

import typer

from assuage.cli.nma_command import EPILOG as NMA_EPILOG
from assuage.cli.nma_command import nma

evidence_app = typer.Typer(no_args_is_help=True, help="Evidence: tables with sources, and their synthesis.")
evidence_app.command("nma", epilog=NMA_EPILOG)(nma)
