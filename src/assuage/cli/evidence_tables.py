"""`assuage evidence validate`, `query`, `add`, `coordinates`, `directions`, `cbma`: the tables on the command line."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assuage.cli.options import AsJson
from assuage.cli.output import print_json

if TYPE_CHECKING:
    from assuage.evidence import Evidence, Problem

Tables = Annotated[
    Path | None,
    typer.Option("--tables", help="Folder of your own tables, laid over the embedded ones.", metavar="DIR"),
]


VALIDATE_EPILOG = "Example: assuage evidence validate. Example: assuage evidence validate my_tables --json"


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


QUERY_EPILOG = (
    "Example: assuage evidence query \"domain == 'reward' and year >= 2020\". "
    "Example: assuage evidence query --table trials --technique tms --nssi-only. "
    "Example: assuage evidence query \"'insula' in region and direction != 'not_read'\" --age adolescents --csv"
)


def query_command(  # noqa: PLR0913, PLR0917 (each option of the command is a parameter)
    expression: Annotated[
        str,
        typer.Argument(
            help="Comparisons of columns with values, joined by and, or, not; default: all rows.", metavar="EXPRESSION"
        ),
    ] = "",
    table: Annotated[
        str, typer.Option("--table", help="studies, findings, trials or coordinates.", metavar="NAME")
    ] = "findings",
    domain: Annotated[str, typer.Option("--domain", help="Such as reward.", metavar="NAME")] = "",
    technique: Annotated[
        str, typer.Option("--technique", help="Such as itbs; tms finds all kinds.", metavar="NAME")
    ] = "",
    population: Annotated[str, typer.Option("--population", help="Text it holds.", metavar="TEXT")] = "",
    age: Annotated[str, typer.Option("--age", help="Such as adolescents, or years 12-17.", metavar="WORD|YEARS")] = "",
    level: Annotated[str, typer.Option("--level", help="Lowest level of text, such as abstract.", metavar="NAME")] = "",
    nssi_only: Annotated[
        bool, typer.Option("--nssi-only", help="Only people chosen because of non-suicidal self-injury.")
    ] = False,
    columns: Annotated[
        str, typer.Option("--columns", help="Columns to show; all: every one.", metavar="A,B,...|all")
    ] = "",
    own: Tables = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV on stdout, all columns unless --columns.")] = False,
    as_json: AsJson = False,
) -> None:
    """Select rows of the evidence tables, and say what must not be pooled."""
    from assuage.cli.evidence_shown import print_csv, print_rows, shown_columns
    from assuage.evidence import load_evidence
    from assuage.evidence.queries import Filters, query

    evidence = load_evidence(own)
    filters = Filters(
        domain=domain, technique=technique, population=population, age=age, level=level, nssi_only=nssi_only
    )
    selection = query(evidence, expression, table=table, filters=filters)
    print_replaced(evidence)
    names = shown_columns(table, columns or ("all" if as_csv or as_json else ""))
    if as_json:
        rows = [
            {**{name: selection.cell(i, name) or None for name in names}, "file": row.file, "line": row.line}
            for i, row in enumerate(selection.rows)
        ]
        print_json({"table": table, "rows": rows, "notes": list(selection.notes)})
    elif as_csv:
        print_csv(selection, names)
    else:
        print_rows(selection, names)
