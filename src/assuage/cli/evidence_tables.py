"""`assuage evidence validate`, `query`, `add`, `coordinates`, `directions`, `cbma`: the tables on the command line."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assuage.cli.evidence_commands import evidence_app
from assuage.cli.options import AsJson
from assuage.cli.output import print_json

__all__ = ["evidence_app"]

if TYPE_CHECKING:
    from assuage.evidence import Evidence, Problem

Tables = Annotated[
    Path | None,
    typer.Option("--tables", help="Folder of your own tables, laid over the embedded ones.", metavar="DIR"),
]


@evidence_app.command(
    "validate", epilog="Example: assuage evidence validate. Example: assuage evidence validate my_tables --json"
)
def validate_command(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of your own tables; default: the embedded ones alone.", metavar="DIR")
    ] = None,
    with_known: Annotated[
        bool, typer.Option("--with-known", help="Also what is known to be odd in the sources.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check types, ranges, identifiers, levels of text and statistics; name each problem by row and column."""
    from assuage.evidence import load_evidence, validate
    from assuage.evidence.validate import errors

    evidence = load_evidence(folder)
    problems = validate(evidence, with_known=with_known)
    if as_json:
        counts = {name: len(rows) for name, rows in evidence.rows.items()}
        print_json({"rows": counts, "replaced": list(evidence.overlaid), "problems": [asdict(p) for p in problems]})
    else:
        print_replaced(evidence)
        _print_problems(problems)
        typer.echo(_verdict(evidence, problems))
    if errors(problems):
        raise typer.Exit(2)


def print_replaced(evidence: "Evidence") -> None:
    """Say which embedded rows a row of the user stands in place of."""
    for line in evidence.overlaid:
        typer.echo(line, err=True)


def _print_problems(problems: "tuple[Problem, ...]") -> None:
    for problem in problems:
        typer.echo(f"{problem.severity}: {problem.text}")


def _verdict(evidence: "Evidence", problems: "tuple[Problem, ...]") -> str:
    rows = ", ".join(f"{len(rows)} {name}" for name, rows in evidence.rows.items())
    kinds = Counter(problem.severity for problem in problems)
    return f"{rows}: {kinds['error']} errors, {kinds['warning']} warnings"
