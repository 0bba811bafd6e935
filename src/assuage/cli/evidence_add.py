"""`assuage evidence add`: rows from prompts, from --set, or from BibTeX and RIS records."""

import datetime
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assuage.cli.options import AsJson
from assuage.cli.output import print_json
from assuage.errors import DataError

if TYPE_CHECKING:
    from assuage.evidence import Evidence
    from assuage.evidence.schema import Column

FILLED_IN = ("coded_by", "coded_from", "added")
"""Columns that come from the options, not from a prompt."""


ADD_EPILOG = (
    "Example: assuage evidence add --to my_tables --coded-by 'A. Coder' --level abstract. "
    "Example: assuage evidence add --to my_tables --coded-by 'A. Coder' --level title --bibtex refs.bib "
    "--set domain=reward --set nssi_sample=yes --set design=primary. "
    "Example: assuage evidence add --to my_tables --table findings --coded-by 'A. Coder' --level abstract "
    "--set study_id=koenig2021 --set region=insula --set measure=activation --set direction=increase "
    "--set comparison=group --set domain=pain"
)


def add_command(
    to: Annotated[Path, typer.Option("--to", help="Folder of your own tables.", metavar="DIR")],
    coded_by: Annotated[str, typer.Option("--coded-by", help="Who coded the row.", metavar="NAME")],
    level: Annotated[
        str, typer.Option("--level", help="Level of text it was read from, such as abstract.", metavar="NAME")
    ],
    table: Annotated[
        str, typer.Option("--table", help="studies, findings, trials or coordinates.", metavar="NAME")
    ] = "studies",
    bibtex: Annotated[
        Path | None, typer.Option("--bibtex", help="Records of studies or trials.", metavar="FILE")
    ] = None,
    ris: Annotated[Path | None, typer.Option("--ris", help="Records of studies or trials.", metavar="FILE")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A cell, for every row that is added.", metavar="COLUMN=VALUE")
    ] = None,
    skip_known: Annotated[
        bool, typer.Option("--skip-known", help="Leave out records whose DOI the table has, and name them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add rows to your own tables: checked first, then written whole. On a terminal, what is missing is asked for."""
    from assuage.evidence.adding import add_rows, load_with
    from assuage.evidence.schema import table as table_schema

    table_schema(table)
    evidence = load_with(to)
    given = {**_given(settings or []), "coded_by": coded_by, "coded_from": level}
    given.setdefault("added", datetime.datetime.now(datetime.UTC).date().isoformat())
    entries = [{**record, **given} for record in _records(bibtex, ris, table, given)]
    entries, skipped = _without_known(evidence, table, entries, skip=skip_known)
    added = add_rows(to, table, _completed(evidence, table, entries, asks=not (settings or bibtex or ris)))
    if as_json:
        print_json(
            {
                "file": str(added.file),
                "added": [row.id for row in added.rows],
                "skipped": skipped,
                "warnings": [problem.text for problem in added.warnings],
            }
        )
        return
    for line in (*skipped, *(f"warning: {problem.text}" for problem in added.warnings)):
        typer.echo(line)
    typer.echo(f"added to {added.file}: {', '.join(row.id for row in added.rows) or 'nothing'}")


def _given(settings: list[str]) -> dict[str, str]:
    cells: dict[str, str] = {}
    for setting in settings:
        column, equals, value = setting.partition("=")
        if not equals:
            raise DataError(f"--set {setting}: write COLUMN=VALUE, for example --set domain=reward")
        if column.strip() in cells:
            raise DataError(f"--set names {column.strip()} twice; keep one")
        cells[column.strip()] = value.strip()
    return cells


def _records(bibtex: Path | None, ris: Path | None, table: str, given: dict[str, str]) -> list[dict[str, str]]:
    from assuage.evidence.bibliography import read_bibtex, read_ris

    if bibtex and ris:
        raise DataError("--bibtex and --ris: one file at a time")
    file, read = (bibtex, read_bibtex) if bibtex else (ris, read_ris)
    if file is None:
        return [{}]
    if table not in {"studies", "trials"}:
        raise DataError(f"a record describes a publication; --table {table} holds none, use studies or trials")
    try:
        found = read(file.read_text(encoding="utf-8-sig"), name=str(file))
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8 (byte {error.start}); export it as UTF-8") from None
    if "id" in given and len(found) > 1:
        raise DataError(f"--set id={given['id']} would name {len(found)} rows alike; leave it out")
    return [dict(record) for record in found]


def _without_known(
    evidence: "Evidence", table: str, entries: list[dict[str, str]], *, skip: bool
) -> tuple[list[dict[str, str]], list[str]]:
    from assuage.evidence.adding import same_publication

    if not skip:
        return entries, []
    kept, skipped = [], []
    for entry in entries:
        known = same_publication(evidence, table, entry)
        if known is None:
            kept.append(entry)
        else:
            skipped.append(f"left out: {entry.get('citation', entry.get('doi', ''))}: {known.id} ({known.place})")
    return kept, skipped


def _completed(evidence: "Evidence", table: str, entries: list[dict[str, str]], *, asks: bool) -> list[dict[str, str]]:
    """Return entries with identifier and whatever had to be asked for."""
    from assuage.evidence.adding import required_columns
    from assuage.evidence.schema import table as table_schema

    taken = {row.id for row in evidence.rows[table]}
    screen = sys.stdin.isatty()
    completed = []
    for entry in entries:
        columns = table_schema(table).columns if asks else required_columns(table, entry)
        open_columns = [c for c in columns if c.name not in entry and c.name not in {*FILLED_IN, "id", "report"}]
        missing = [column.name for column in open_columns if column.need]
        if missing and not (screen or asks):
            raise DataError(
                f"{entry.get('citation', 'the row')} lacks {', '.join(missing)}; give --set {missing[0]}=..."
            )
        answers = {**entry, **_asked(evidence, table, open_columns, entry)}
        answers.setdefault("id", _new_id(table, answers, taken))
        if table == "trials":
            answers.setdefault("report", answers["id"])
        taken.add(answers["id"])
        completed.append(answers)
    return completed


def _new_id(table: str, answers: dict[str, str], taken: set[str]) -> str:
    from assuage.evidence.bibliography import identifier_of

    if table in {"studies", "trials"}:
        return identifier_of(answers, taken)
    stem = answers.get("study_id", "") + ("-p" if table == "coordinates" else "-")
    return next(f"{stem}{n}" for n in range(1, len(taken) + 2) if f"{stem}{n}" not in taken)


def _asked(evidence: "Evidence", table: str, columns: "list[Column]", entry: dict[str, str]) -> dict[str, str]:
    answers: dict[str, str] = {}
    if columns and entry.get("citation"):
        typer.echo(f"{entry['citation']} {entry.get('title', '')}".strip())
    for column in columns:
        answers[column.name] = _ask(evidence, table, column)
    return {name: value for name, value in answers.items() if value}


def _ask(evidence: "Evidence", table: str, column: "Column") -> str:
    """Ask for one cell until it can stand."""
    from assuage.evidence.adding import objection

    typer.echo(f"{column.name}: {column.meaning}" + (f" ({column.unit})" if column.unit else ""))
    if column.words:
        typer.echo("  " + ", ".join(column.words))
    while True:
        value = str(typer.prompt(f"  {column.name}", default=None if column.need else "", show_default=False)).strip()
        wrong = objection(evidence, table, column, value)
        if wrong is None:
            return value
        typer.echo(f"  {wrong}")
