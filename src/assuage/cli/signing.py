"""`assuage head sign`: its options."""

from pathlib import Path
from typing import Annotated

import typer


def sign(
    folder: Annotated[Path, typer.Argument(help="Folder of a head.", metavar="FOLDER")],
    by: Annotated[str, typer.Option("--by", help="Name or initials of who looked.", metavar="NAME")],
    reject: Annotated[bool, typer.Option("--reject", help="The head is not fit: no plan is made on it.")] = False,
    note: Annotated[str, typer.Option("--note", help="What was seen.", metavar="TEXT")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout, for machines.")] = False,
) -> None:
    """Record who looked at the quality page of a head and what they decided; plans on the head carry it."""
    from assuage.cli import head as heads  # noqa: PLC0415 (the command line starts without what a head needs)

    heads.sign(folder, by=by, reject=reject, note=note, as_json=as_json)
