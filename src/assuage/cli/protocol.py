"""`assuage protocol`: published protocols, drafts, the technician's sheet, reporting checklists, the JSON Schema."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from assuage.cli.options import AsJson
from assuage.cli.output import print_json, refuse_existing
from assuage.errors import DataError

protocol_app = typer.Typer(
    no_args_is_help=True,
    help="Write down what is done in a session: protocol.json, published protocols, technician's sheet, checklists.",
    epilog="Example: assuage protocol new macmaster2019 --out protocol.json",
)

ProtocolFile = Annotated[Path, typer.Argument(help="A protocol.json.", metavar="FILE")]
Out = Annotated[Path | None, typer.Option("--out", help="File to write; it must not exist.", metavar="FILE")]


class Form(StrEnum):
    """How a filled checklist is written."""

    md = "md"
    csv = "csv"
    json = "json"


@protocol_app.command("list", epilog="Example: assuage protocol list --json")
def list_published(as_json: AsJson = False) -> None:
    """List the published protocols that a new one can start from."""
    from assuage.protocols import published_protocols

    known = published_protocols()
    if as_json:
        print_json([{**_summary(each), "not_reported": list(each.not_reported)} for each in known])
        return
    _table([_summary(each) for each in known], ("name", "technique", "citation", "population", "source_level"))
    typer.echo("Start one: assuage protocol new NAME --out protocol.json")


@protocol_app.command("show", epilog="Example: assuage protocol show macmaster2019")
def show(
    name: Annotated[str, typer.Argument(help="See assuage protocol list.", metavar="NAME")], as_json: AsJson = False
) -> None:
    """Show what a published protocol says, where it was read, and what it does not report."""
    from assuage.protocols import load_published

    published = load_published(name)
    document = {
        **_summary(published),
        "identifier": published.identifier,
        "evidence_row": published.evidence_row or published.without_row,
        "source": published.source,
        **published.parts,
        "says": list(published.says),
        "derived": list(published.derived),
        "not_reported": list(published.not_reported),
    }
    if as_json:
        print_json(document)
        return
    for key, value in _flat(document):
        typer.echo(f"{key}: {value}")


@protocol_app.command(
    "new",
    epilog="Example: assuage protocol new itbs --out protocol.json. "
    "Example: assuage protocol new --plan plan --technique snt --out protocol.json",
)
def new(
    out: Annotated[Path, typer.Option("--out", help="File to write; it must not exist.", metavar="FILE")],
    name: Annotated[
        str | None, typer.Argument(help="A published protocol or a technique such as itbs.", metavar="[NAME]")
    ] = None,
    plan: Annotated[
        Path | None, typer.Option("--plan", help="Folder of a plan to start from, instead of NAME.", metavar="DIR")
    ] = None,
    technique: Annotated[
        str | None, typer.Option("--technique", help="Of the plan, such as snt or tdcs.", metavar="NAME")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a draft of protocol.json: what a published protocol or a plan gives, and null for what a person decides."""
    from assuage.protocols.draft import open_fields

    content = _start(name, plan, technique)
    _write(out, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    empty = open_fields(content)
    if as_json:
        print_json({"file": str(out), "technique": content["dose"]["technique"], "open_fields": list(empty)})
    else:
        typer.echo(
            f"written: {out} ({len(empty)} fields are open; assuage protocol sheet names those that must be filled)"
        )


def _start(name: str | None, plan: Path | None, technique: str | None) -> dict[str, Any]:
    """Return the draft of a published protocol or a technique, or of a technique of a plan."""
    if (name is None) == (plan is None):
        given = "both" if name is not None else "neither"
        raise DataError(f"{given} of NAME and --plan given; name a published protocol or technique, or a plan's folder")
    if plan is None:
        if technique is not None:
            raise DataError(f"--technique {technique!r} belongs to a plan; add --plan DIR, or give it as NAME")
        from assuage.protocols import draft

        return draft(str(name))
    import hashlib

    from assuage.plan import load_record
    from assuage.plan.drafting import draft_protocol, planned_techniques
    from assuage.plan.result import PLAN_FILE

    record = load_record(plan)
    if technique is None:
        raise DataError(f"--technique is missing; the plan holds {', '.join(planned_techniques(record))}")
    sha256 = hashlib.sha256((plan / PLAN_FILE).read_bytes()).hexdigest()
    return draft_protocol(record, technique, plan_sha256=sha256)


@protocol_app.command("sheet", epilog="Example: assuage protocol sheet protocol.json --out sheet.html")
def sheet(
    file: ProtocolFile,
    out: Annotated[
        Path, typer.Option("--out", help="NAME.html, or NAME.pdf where Chromium is installed.", metavar="FILE")
    ],
    as_json: AsJson = False,
) -> None:
    """Write the technician's sheet of a protocol: one A4 page, planned beside actual."""
    from dataclasses import asdict

    from assuage.protocols import quantities, read_protocol
    from assuage.report.sheet import write_sheet
    from assuage.safety import check, load_rule_set

    if out.suffix.lower() not in {".html", ".htm", ".pdf"}:
        raise DataError(f"--out {out} ends in neither .html nor .pdf; name the file accordingly")
    protocol = read_protocol(file)
    _refuse_place(out)
    rules = load_rule_set()
    verdicts = [asdict(verdict) for verdict in check(quantities(protocol), rules=rules)]
    write_sheet(protocol, out, verdicts=verdicts, rules=str(rules))
    if as_json:
        print_json({"file": str(out), "protocol_sha256": protocol.sha256})
    else:
        typer.echo(f"written: {out} (protocol {protocol.sha256[:12]})")


@protocol_app.command(
    "checklist", epilog="Example: assuage protocol checklist protocol.json --list tidier --out tidier.md"
)
def checklist(
    file: ProtocolFile,
    name: Annotated[
        str,
        typer.Option(
            "--list", help="tidier, chipchase, tms-rat, rates, contes, spirit, spirit-c or who.", metavar="NAME"
        ),
    ],
    out: Out = None,
    form: Annotated[Form | None, typer.Option("--form", help="Default: by the ending of --out, else md.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fill a reporting checklist from a protocol: filled, missing, or not applicable."""
    from assuage.protocols import checklists, read_protocol

    chosen = checklists.load_checklist(name)
    protocol = read_protocol(file)
    rows = checklists.fill(chosen, protocol)
    document = checklists.to_json(chosen, rows, protocol)
    if out is not None:
        form = form or _form_of(out)
    text = {
        Form.md: lambda: checklists.to_markdown(chosen, rows, protocol),
        Form.csv: lambda: checklists.to_csv(chosen, rows),
        Form.json: lambda: json.dumps(document, indent=2, ensure_ascii=False) + "\n",
    }[form or Form.md]()
    if out is not None:
        _write(out, text)
    if as_json:
        print_json(document)
    elif out is None:
        typer.echo(text, nl=False)
    else:
        missing = sum(row.status == "missing" for row in rows)
        incomplete = "" if chosen.complete else "; the list is incomplete: its items could not be read"
        typer.echo(f"written: {out} ({len(rows)} items, {missing} missing{incomplete})")


@protocol_app.command("schema", epilog="Example: assuage protocol schema --out protocol.schema.json")
def schema(out: Out = None) -> None:
    """Print the JSON Schema of protocol.json, or write it."""
    from assuage.protocols import json_schema

    if out is None:
        print_json(json_schema())
    else:
        _write(out, json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n")


def _form_of(out: Path) -> Form:
    endings = {f".{form.value}": form for form in Form}
    if out.suffix.lower() not in endings:
        raise DataError(f"--out {out} ends in none of {', '.join(endings)}; name it accordingly or give --form")
    return endings[out.suffix.lower()]


def _write(out: Path, text: str) -> None:
    from assuage.protocols.protocol import write_whole

    _refuse_place(out)
    write_whole(out, text)


def _refuse_place(out: Path) -> None:
    """Refuse a file that is there, and a folder that is not."""
    refuse_existing(out)
    if not out.parent.is_dir():
        raise DataError(f"--out {out}: there is no folder {out.parent}; make it first, or choose another")


def _summary(published: Any) -> dict[str, Any]:
    fields = ("name", "technique", "citation", "year", "population", "source_level")
    return {field: getattr(published, field) for field in fields}


def _flat(value: Any, path: str = "") -> list[tuple[str, str]]:
    """Return the leaves of a document with their paths; lists of texts are one leaf each."""
    if isinstance(value, dict):
        return [leaf for key, each in value.items() for leaf in _flat(each, f"{path}.{key}".lstrip("."))]
    if isinstance(value, list | tuple) and any(isinstance(each, dict) for each in value):
        return [leaf for k, each in enumerate(value) for leaf in _flat(each, f"{path}.{k}")]
    if isinstance(value, list | tuple):
        return (
            [(path, str(each)) for each in value]
            if path in {"says", "derived"}
            else [(path, ", ".join(map(str, value)))]
        )
    return [] if value is None else [(path, str(value))]


def _table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    from rich.table import Table
    from rich.text import Text

    from assuage.cli.listing import console

    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(row[column])) for column in columns))
    console().print(table)
