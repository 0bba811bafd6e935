"""Command line: each command loads, calls one public function, and writes. Imports are lazy: `--help` is quick."""

import sys

__all__ = ["main"]


def main() -> None:
    """Entry point of the `assuage` command."""
    from assuage.cli.app import run  # noqa: PLC0415

    sys.exit(run(sys.argv[1:]))
