"""`assuage evidence report`: the living review."""

import hashlib
import shlex
from pathlib import Path
from typing import Annotated

import typer

from assuage.cli.evidence_tables import Tables, print_replaced
from assuage.cli.output import refuse_existing
from assuage.errors import DataError

REPORT_EPILOG = "Example: assuage evidence report --out review.html"


def report_command(
    out: Annotated[Path, typer.Option("--out", help="File to write, one offline page.", metavar="FILE.html")],
    tables: Tables = None,
    important: Annotated[
        str | None,
        typer.Option(
            "--important",
            help="Smallest effect that matters, by scale, for the confidence in pooled effects.",
            metavar="OR=1.25,SMD=0.5",
        ),
    ] = None,
) -> None:
    """Write the living review: gap map, effects and pooled effects, regions, conflicts, what is missing, every row."""
    from assuage.circuits.review import review
    from assuage.evidence import load_evidence
    from assuage.report.review_page import write_review_page

    refuse_existing(out)
    sizes = _sizes(important)
    evidence = load_evidence(tables)
    print_replaced(evidence)
    rows = "\n".join(f"{row.table} {sorted(row.cells.items())}" for row in evidence)
    command = f"assuage evidence report --out {shlex.quote(out.name)}"
    if tables is not None:
        command += f" --tables {shlex.quote(str(tables))}"
    if important is not None:
        command += f" --important {shlex.quote(important)}"
    page = write_review_page(
        review(evidence, important=sizes), out, command=command, rows_sha256=hashlib.sha256(rows.encode()).hexdigest()
    )
    typer.echo(f"page: {page}")


def _sizes(text: str | None) -> dict[str, float]:
    """Read `SCALE=NUMBER,SCALE=NUMBER`."""
    if text is None:
        return {}
    sizes: dict[str, float] = {}
    for part in text.split(","):
        scale, _, number = part.partition("=")
        if scale.strip() in sizes:
            raise DataError(f"--important names {scale.strip()} twice; keep one")
        try:
            sizes[scale.strip()] = float(number)
        except ValueError:
            raise DataError(f"--important {part!r} is not SCALE=NUMBER; write for example OR=1.25,SMD=0.5") from None
    return sizes
