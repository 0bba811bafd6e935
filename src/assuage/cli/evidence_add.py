"""`assuage evidence add`: rows from prompts, from --set, from BibTeX and RIS records, or from tables of effects."""

import datetime
import hashlib
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
    "--set comparison=group --set domain=pain. "
    "Example: assuage evidence add --to my_tables --table trials --csv CD001-data-rows.csv --coded-by 'A. Coder' "
    "--level full_text --set technique=rtms --set nssi_sample=no"
)


def add_command(  # noqa: PLR0913, PLR0917 (each option of the command is a parameter)
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
    effects: Annotated[
        Path | None,
        typer.Option("--csv", help="Trials with arms or effects: RevMan's export, metafor's columns.", metavar="FILE"),
    ] = None,
    measure: Annotated[
        str | None, typer.Option("--measure", help="Effect of --csv where the file leaves it open.", metavar="NAME")
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option("--columns", help="What a column of --csv is: n1=treated,...", metavar="ROLE=COLUMN,..."),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", help="Only rows of --csv with this value; may be repeated.", metavar="COLUMN=VALUE"),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A cell, for every row that is added.", metavar="COLUMN=VALUE")
    ] = None,
    skip_known: Annotated[
        bool, typer.Option("--skip-known", help="Leave out what the table has already, and name it.")
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
    _check_csv(effects, table, others=(bibtex, ris), only_with_it=(measure, columns, where))
    said: list[str] = []
    not_taken: tuple[str, ...] = ()
    if effects is not None:
        from assuage.evidence.effect_rows import filled, placed, read_effect_rows
        from assuage.synthesis.analysis import columns_given, split

        read = read_effect_rows(effects, measure=measure, columns=columns_given(split(columns)), where=where or ())
        said, not_taken = list(read.notes), read.not_taken
        entries, skipped = placed(evidence, filled(read.entries, given), skip_known=skip_known)
    else:
        entries = [{**record, **given} for record in _records(bibtex, ris, table, given)]
        entries, skipped = _without_known(evidence, table, entries, skip=skip_known)
    asks = not (settings or bibtex or ris or effects)
    added = add_rows(to, table, _completed(evidence, table, entries, asks=asks))
    if as_json:
        print_json(
            {
                "file": str(added.file),
                "added": [row.id for row in added.rows],
                "skipped": skipped,
                "columns_not_understood": list(not_taken),
                "notes": said,
                "warnings": [problem.text for problem in added.warnings],
            }
        )
        return
    if not_taken:
        typer.echo(f"columns not understood and left out: {', '.join(not_taken)}")
    for line in (*skipped, *said, *(f"warning: {problem.text}" for problem in added.warnings)):
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


def _check_csv(
    effects: Path | None, table: str, *, others: tuple[Path | None, ...], only_with_it: tuple[object, ...]
) -> None:
    if effects is None:
        if any(only_with_it):
            raise DataError("--measure, --columns and --where say how --csv is read; name the file with --csv")
        return
    if any(others):
        raise DataError("--csv, --bibtex and --ris: one file at a time")
    if table != "trials":
        raise DataError(f"--csv holds trials; --table {table} holds none, write --table trials")


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
    source = f"record of {file.name}, SHA-256 {hashlib.sha256(file.read_bytes()).hexdigest()}"
    return [{"source": source, **record} for record in found]


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
