"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, for machines.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say whether the options fit together, and stop before the work.")
]
TissueFile = Annotated[
    Path | None,
    typer.Option(
        "--tissues", help="TOML or JSON that names the labels of a label image: 1 = 'white_matter', ...", metavar="FILE"
    ),
]
Bids = Annotated[
    Path | None, typer.Option("--bids", help="BIDS dataset to find the files in, with --participant.", metavar="DIR")
]
Participant = Annotated[str | None, typer.Option("--participant", help="Label behind sub-.", metavar="LABEL")]
Session = Annotated[
    str | None, typer.Option("--session", help="Label behind ses-, where there are several.", metavar="LABEL")
]


def number(example: str) -> Callable[[str | float], float]:
    """Return what parses a number; Typer's own message would leave out what was typed, and an example."""

    def read(text: str | float) -> float:
        try:
            return float(text)
        except ValueError:
            raise typer.BadParameter(f"{text!r} is not a number; write for example {example}") from None

    return read


FITS = "the options fit together; nothing was computed"
HEAD_HELP = "colin27 (embedded), the folder of a built head, a label NIfTI, masks of ROAST, or a SimNIBS m2m_ folder."
