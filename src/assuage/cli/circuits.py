"""`assuage circuits`: the circuits with the weights of their regions, listed or drawn on the brain."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assuage.cli.evidence_tables import Tables, print_replaced
from assuage.cli.options import AsJson
from assuage.cli.output import print_json, refuse_existing

if TYPE_CHECKING:
    from assuage.circuits.weights import CircuitEvidence

circuits_app = typer.Typer(
    invoke_without_command=True,
    epilog="Example: assuage circuits --circuit emotion_regulation. "
    "Example: assuage circuits show --out circuits.html.",
)

Chosen = Annotated[str | None, typer.Option("--circuit", help="This circuit only.", metavar="NAME")]


@circuits_app.callback()
def circuits(context: typer.Context, circuit: Chosen = None, tables: Tables = None, as_json: AsJson = False) -> None:
    """List circuits and regions: weight by the evidence, wanted change, centroid. `show` draws them."""
    if context.invoked_subcommand is not None:
        return
    from assuage.cli import listing

    found = _weighed(circuit, tables)
    if as_json:
        print_json(listing.circuits_json(found))
    else:
        listing.print_circuits(found)


@circuits_app.command(epilog="Example: assuage circuits show --circuit reward --out reward.html")
def show(
    out: Annotated[Path, typer.Option("--out", help="File to write, one offline page.", metavar="FILE.html")],
    circuit: Chosen = None,
    tables: Tables = None,
) -> None:
    """Draw circuits on glass brain and cortex, with the studies behind every region."""
    from assuage.report.circuits_page import write_circuits_page

    refuse_existing(out)
    typer.echo(f"page: {write_circuits_page(_weighed(circuit, tables), out)}")


def _weighed(circuit: str | None, folder: Path | None) -> "list[CircuitEvidence]":
    from assuage.circuits import circuit_names, load_circuit
    from assuage.circuits.weights import weigh
    from assuage.evidence import load_evidence

    evidence = load_evidence(folder)
    print_replaced(evidence)
    return [weigh(load_circuit(name), evidence) for name in ([circuit] if circuit else circuit_names())]
