"""Tables for people: circuits and the doctor's findings, on stdout, as wide as the terminal."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from assuage.circuits import Circuit
from assuage.cli.doctor import Finding

PIPE_WIDTH = 160
"""Width where stdout is not a terminal, so that lines are not cut for a reader that is a file."""


def circuits_json(circuits: Iterable[Circuit]) -> list[dict[str, Any]]:
    """Return circuits for machines."""
    return [
        {
            "circuit": circuit.domain,
            "regions": [
                {
                    "region": region.label,
                    "key": region.key,
                    "mni_mm": region.mni_mm,
                    "centroid_source": region.source or None,
                    "role": region.role,
                    "named_by": region.named_by,
                    "techniques_in_principle": region.techniques_in_principle,
                }
                for region in circuit.regions
            ],
            "without_centroid": [region.label for region in circuit.without_centroid],
        }
        for circuit in circuits
    ]


def print_circuits(circuits: Sequence[Circuit]) -> None:
    """Print one table per circuit, then the regions without a centroid."""
    screen = console()
    for circuit in circuits:
        table = Table(title=circuit.domain, title_justify="left", title_style="bold", box=None, pad_edge=False)
        for heading in ("region", "MNI mm", "reached in principle by", "centroid from"):
            table.add_column(heading, overflow="fold")
        for region in circuit.located:
            mni = " ".join(f"{x:g}" for x in region.mni_mm or ())
            table.add_row(region.label, mni, "; ".join(region.techniques_in_principle), region.source)
        screen.print(table)
        for region in circuit.without_centroid:
            screen.print(f"  no centroid in the literature read: {region.label}", highlight=False)
        screen.print()
    screen.print("Plan one: assuage plan --head colin27 --circuit NAME [--region REGION] --out DIR", highlight=False)


def print_findings(findings: Sequence[Finding]) -> None:
    """Print the doctor's findings by topic and what to do about each."""
    screen = console()
    for topic in dict.fromkeys(finding.topic for finding in findings):
        table = Table(
            title=topic, title_justify="left", title_style="bold", box=None, pad_edge=False, show_header=False
        )
        for finding in (f for f in findings if f.topic == topic):
            mark = (
                Text("ok", style="green")
                if finding.ok
                else Text("needed" if finding.required else "note", style="yellow")
            )
            table.add_row(mark, *(Text(text) for text in (finding.name, finding.value, finding.remedy)))
        screen.print(table)
    missing = [finding for finding in findings if finding.required and not finding.ok]
    verdict = f"{len(missing)} required part(s) missing" if missing else "everything that is required is here"
    screen.print(verdict, style="bold")


def console() -> Console:
    """Return the console of stdout."""
    screen = Console()
    return screen if screen.is_terminal else Console(width=PIPE_WIDTH)
