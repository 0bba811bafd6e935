"""`assuage evidence`: the sub-commands of evidence and its synthesis, each in a file of its own."""

import typer

evidence_app = typer.Typer(no_args_is_help=True, help="Evidence: tables with sources, and their synthesis.")
