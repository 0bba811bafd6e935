"""`assuage evidence report`: the living review."""

import hashlib
import shlex
from pathlib import Path
from typing import Annotated

import typer

from assuage.cli.evidence_tables import Tables, print_replaced
from assuage.cli.output import refuse_existing

REPORT_EPILOG = "Example: assuage evidence report --out review.html"


def report_command(
    out: Annotated[Path, typer.Option("--out", help="File to write, one offline page.", metavar="FILE.html")],
    tables: Tables = None,
) -> None:
    """Write the living review: gap map, effects, regions, conflicts, what is missing, every row with its source."""
    from assuage.circuits.review import review
    from assuage.evidence import load_evidence
    from assuage.report.review_page import write_review_page

    refuse_existing(out)
    evidence = load_evidence(tables)
    print_replaced(evidence)
    rows = "\n".join(f"{row.table} {sorted(row.cells.items())}" for row in evidence)
    command = f"assuage evidence report --out {shlex.quote(out.name)}"
    if tables is not None:
        command += f" --tables {shlex.quote(str(tables))}"
    page = write_review_page(
        review(evidence), out, command=command, rows_sha256=hashlib.sha256(rows.encode()).hexdigest()
    )
    typer.echo(f"page: {page}")
