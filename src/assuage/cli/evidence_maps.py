"""`assuage evidence coordinates`, `directions`, `cbma`: peaks in and out, effect directions, pooling of peaks."""

import datetime
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assuage.cli.evidence_tables import Tables, print_replaced
from assuage.cli.options import AsJson
from assuage.cli.output import fresh_directory, print_json
from assuage.errors import DataError

if TYPE_CHECKING:
    from assuage.evidence.directions import Directions, Tally

coordinates_app = typer.Typer(no_args_is_help=True, help="Peaks from and to Sleuth text, NiMARE and NeuroStore JSON.")
Domain = Annotated[str, typer.Option("--domain", help="Such as reward; default: all.", metavar="NAME")]


@coordinates_app.command(
    "import",
    epilog="Example: assuage evidence coordinates import foci.txt --to my_tables --coded-by 'A. Coder' "
    "--level full_text --study 'Neu, 2025=neu2025' --direction decrease --comparison group",
)
def import_command(  # noqa: PLR0913, PLR0917 (each option of the command is a parameter)
    file: Annotated[Path, typer.Argument(help="Sleuth .txt, NiMARE or NeuroStore .json.")],
    to: Annotated[Path, typer.Option("--to", help="Folder of your own tables.", metavar="DIR")],
    coded_by: Annotated[str, typer.Option("--coded-by", help="Who read the peaks.", metavar="NAME")],
    level: Annotated[str, typer.Option("--level", help="Level of text they were read from.", metavar="NAME")],
    direction: Annotated[
        str, typer.Option("--direction", help="Of all peaks of the file.", metavar="NAME")
    ] = "not_read",
    comparison: Annotated[
        str, typer.Option("--comparison", help="Of all contrasts of the file.", metavar="NAME")
    ] = "unknown",
    space: Annotated[str, typer.Option("--space", help="Where the file does not say.", metavar="mni|talairach")] = "",
    study: Annotated[
        list[str] | None, typer.Option("--study", help="Whose peaks a name in the file are.", metavar="NAME=ID")
    ] = None,
    database: Annotated[str, typer.Option("--database", help="Where the file is from.", metavar="NAME")] = "",
    licence: Annotated[str, typer.Option("--licence", help="Licence of the file.", metavar="NAME")] = "",
    as_json: AsJson = False,
) -> None:
    """Add the peaks of a file to your own tables; Talairach becomes MNI, and each row keeps what it was."""
    from assuage.evidence.adding import add_rows, load_with
    from assuage.evidence.coordinates import read_experiments
    from assuage.evidence.peaks import cells_of

    experiments = read_experiments(_text(file), name=str(file), space=space)
    fixed = {
        "direction": direction,
        "comparison": comparison,
        "coded_by": coded_by,
        "coded_from": level,
        "database": database or file.name,
        "licence": licence,
        "added": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    cells = cells_of(experiments, load_with(to), fixed=fixed, studies=_named(study or []))
    added = add_rows(to, "coordinates", cells)
    converted = sum(len(item.peaks_mm) for item in experiments if item.converted)
    if as_json:
        rows = [row.id for row in added.rows]
        warnings = [problem.text for problem in added.warnings]
        print_json({"file": str(added.file), "added": rows, "converted": converted, "warnings": warnings})
        return
    for problem in added.warnings:
        typer.echo(f"warning: {problem.text}")
    typer.echo(f"added to {added.file}: {len(added.rows)} peaks of {len(experiments)} experiments")
    if converted:
        typer.echo(f"{converted} peaks were Talairach: converted by the inverse of icbm2tal, Lancaster et al. 2007")


@coordinates_app.command(
    "export",
    epilog="Example: assuage evidence coordinates export foci.txt --format sleuth. "
    "Example: assuage evidence coordinates export peaks.json --format nimare --where \"nssi_sample == 'yes'\"",
)
def export_command(
    out: Annotated[Path, typer.Argument(help="File to write; it must not exist.", metavar="OUT")],
    form: Annotated[
        str,
        typer.Option("--format", help="sleuth, nimare (dataset JSON) or studyset (NeuroStore JSON).", metavar="NAME"),
    ],
    where: Annotated[str, typer.Option("--where", help="As in assuage evidence query.", metavar="EXPRESSION")] = "",
    own: Tables = None,
    as_json: AsJson = False,
) -> None:
    """Write peaks, MNI mm, for GingerALE, NiMARE or NeuroStore."""
    from assuage.evidence import load_evidence, query
    from assuage.evidence.coordinates import write_experiments
    from assuage.evidence.peaks import experiments_of
    from assuage.protocols.protocol import write_whole

    if out.exists():
        raise DataError(f"{out} exists; name a new file")
    evidence = load_evidence(own)
    print_replaced(evidence)
    grouped = experiments_of(query(evidence, where, table="coordinates").rows, evidence)
    kept = tuple(e for e in grouped.experiments if form != "sleuth" or e.people is not None)
    left_out = grouped.without_people if form == "sleuth" else ()
    if not kept:
        raise DataError(f"no peaks to write{_without(left_out)}; widen --where or add n_subjects to the peaks")
    write_whole(out, write_experiments(kept, form=form, name=out.stem))
    peaks = sum(len(item.peaks_mm) for item in kept)
    if as_json:
        print_json({"file": str(out), "experiments": len(kept), "peaks": peaks, "without_people": list(left_out)})
    else:
        typer.echo(f"written: {out} ({len(kept)} experiments, {peaks} peaks, MNI mm){_without(left_out)}")


DIRECTIONS_EPILOG = "Example: assuage evidence directions --domain reward"


def directions_command(
    domain: Domain = "",
    nssi_only: Annotated[
        bool, typer.Option("--nssi-only", help="Only people chosen because of non-suicidal self-injury.")
    ] = False,
    level: Annotated[str, typer.Option("--level", help="Lowest level of text.", metavar="NAME")] = "",
    own: Tables = None,
    as_json: AsJson = False,
) -> None:
    """Show which studies found more, less or no difference, region by region, conflicts side by side."""
    from assuage.evidence import load_evidence
    from assuage.evidence.directions import effect_directions

    evidence = load_evidence(own)
    print_replaced(evidence)
    found = effect_directions(evidence, domain=domain, nssi_only=nssi_only, level=level)
    if as_json:
        print_json(
            {
                "overall": [_tally_json(t) for t in found.overall],
                "regions": [_tally_json(t) for t in found.regions],
                "left_out": found.left_out,
            }
        )
    else:
        _print_directions(found)


CBMA_EPILOG = (
    "Example: assuage evidence cbma --domain reward --method ale. "
    "Example: assuage evidence cbma --method mkda --tables my_tables --out maps"
)


def cbma_command(
    method: Annotated[str, typer.Option("--method", help="ale or mkda.", metavar="NAME")],
    domain: Domain = "",
    direction: Annotated[
        str, typer.Option("--direction", help="increase or decrease; default: both together.", metavar="NAME")
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the maps; appears whole or not at all.", metavar="DIR")
    ] = None,
    iterations: Annotated[int, typer.Option("--iterations", min=100, help="Of the permutation.")] = 5000,
    own: Tables = None,
    as_json: AsJson = False,
) -> None:
    """Pool peaks by NiMARE where there are enough experiments; else say why not, with the counts."""
    from assuage.evidence import load_evidence
    from assuage.evidence.cbma import eligible, pool

    evidence = load_evidence(own)
    print_replaced(evidence)
    found = eligible(evidence, method=method, domain=domain, direction=direction)
    if not found.enough:
        raise DataError(f"cannot: {found.sentence}")
    if out is None:
        raise DataError("there are enough experiments; name a folder for the maps with --out")
    with fresh_directory(out) as folder:
        files = pool(found, folder, iterations=iterations)
    if as_json:
        print_json({"out": str(out), "files": list(files), "experiments": len(found.experiments)})
    else:
        typer.echo(f"written: {out} ({len(files)} files). {found.sentence}")


def _print_directions(found: "Directions") -> None:
    from rich.table import Table
    from rich.text import Text

    from assuage.cli.listing import console
    from assuage.evidence.queries import counted

    screen = console()
    for title, tallies in (("All regions, by measure", found.overall), ("By region", found.regions)):
        table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for heading in ("region", "measure", "studies"):
            table.add_column(heading, overflow="fold")
        for tally in tallies:
            table.add_row(Text(tally.region), Text(tally.measure), Text("\n".join(_sides(tally))))
        screen.print(table)
        screen.print()
    lines = [_conflict(tally) for tally in (*found.overall, *found.regions) if tally.conflict]
    lines += [f"left out: {counted(rows)}: {reason}" for reason, rows in found.left_out.items()]
    if any(tally.other_samples for tally in found.regions):
        lines.append("*: people not chosen because of non-suicidal self-injury; shown, not in the sign test")
    lines.append("A study counts once for a region and measure; a direction is no effect size (docs/evidence.md)")
    for line in lines:
        screen.print(Text(line))


def _tally_json(tally: "Tally") -> dict[str, Any]:
    return {**asdict(tally), "other_samples": sorted(tally.other_samples), "conflict": tally.conflict}


def _conflict(tally: "Tally") -> str:
    return f"conflict: {tally.region}, {tally.measure}: {'; '.join(_sides(tally)[:2])}"


def _sides(tally: "Tally") -> tuple[str, ...]:
    """Return the studies by direction, one line each."""
    sides = {
        "higher": tally.up,
        "lower": tally.down,
        "both": tally.mixed,
        "no difference": tally.no_difference,
        "no sign": tally.altered,
    }
    lines = [f"{side}: {', '.join(_marked(ids, tally))}" for side, ids in sides.items() if ids]
    return (*lines, *(() if tally.p is None else (f"sign test p = {tally.p:.3g}",)))


def _marked(ids: tuple[str, ...], tally: "Tally") -> list[str]:
    return [f"{study}*" if study in tally.other_samples else study for study in ids]


def _named(pairs: list[str]) -> dict[str, str]:
    named = {}
    for pair in pairs:
        name, equals, identifier = pair.rpartition("=")
        if not equals or not name.strip():
            raise DataError(f"--study {pair}: write 'NAME=ID', the name in the file and the id of the study")
        named[name.strip()] = identifier.strip()
    return named


def _without(studies: tuple[str, ...]) -> str:
    return f"; left out without a number of people: {', '.join(studies)}" if studies else ""


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8 (byte {error.start}); export it as text") from None
