"""Tables for people: circuits and the doctor's findings, on stdout, as wide as the terminal."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from assuage.circuits.weights import CircuitEvidence, RegionEvidence
from assuage.cli.doctor import Finding

PIPE_WIDTH = 160
"""Width where stdout is not a terminal, so that lines are not cut for a reader that is a file."""


def circuits_json(circuits: Iterable[CircuitEvidence]) -> list[dict[str, Any]]:
    """Return circuits for machines."""
    return [
        {
            "circuit": found.circuit.domain,
            "studies": found.studies,
            "studies_by_age": found.by_age,
            "regions": [_region_json(item) for item in found.regions],
            "without_centroid": [region.label for region in found.circuit.without_centroid],
            "named_elsewhere": found.elsewhere,
        }
        for found in circuits
    ]


def _region_json(item: RegionEvidence) -> dict[str, Any]:
    region = item.region
    return {
        "region": region.label,
        "key": region.key,
        "mni_mm": region.mni_mm,
        "centroid_source": region.source or None,
        "role": region.role,
        "named_by": region.named_by,
        "techniques_in_principle": region.techniques_in_principle,
        "weight": asdict(item.weight),
        "weight_by_age": {age: asdict(share) for age, share in item.by_age.items()},
        "higher_than_comparison": asdict(item.higher),
        "wanted_change": item.wanted,
        "why": item.why(),
        "conflict": item.conflict,
        "reports": [asdict(report) for report in item.reports],
    }


def print_circuits(circuits: Sequence[CircuitEvidence]) -> None:
    """Print one table per circuit, the most named region first, then the regions without a centroid."""
    screen = console()
    for found in circuits:
        title = f"{found.circuit.domain}, {found.studies} studies"
        table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
        for heading in ("region", "MNI mm", "weight, 95 %", "wanted change", "reached in principle by"):
            table.add_column(heading, overflow="fold")
        for item in found.regions:
            if item.region.mni_mm is None:
                continue
            weight = f"{item.weight.mean:.2f} ({item.weight.low:.2f} to {item.weight.high:.2f})"
            table.add_row(
                item.region.label,
                " ".join(f"{x:g}" for x in item.region.mni_mm),
                weight,
                f"{item.wanted}, studies disagree" if item.conflict else item.wanted,
                "; ".join(item.region.techniques_in_principle),
            )
        screen.print(table)
        for region in found.circuit.without_centroid:
            screen.print(f"  no centroid in the literature read: {region.label}", highlight=False)
        screen.print()
    screen.print(
        "The weight is the share of studies of the domain that would name the region. Studies behind each, on the "
        "brain: assuage circuits show --out circuits.html",
        highlight=False,
    )
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
