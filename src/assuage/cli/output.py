"""Where results go: a folder that appears whole or not at all, and JSON on stdout."""

import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from assuage.errors import DataError


@contextlib.contextmanager
def fresh_directory(out: Path) -> Iterator[Path]:
    """Yield a scratch folder beside `out`; on success it becomes `out`, on any failure it is removed.

    Raises
    ------
    DataError
        `out` exists and is not an empty folder.
    """
    goal = refuse_filled(out)
    goal.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{goal.name}-", dir=goal.parent))
    try:
        yield scratch
        scratch.chmod(0o755)
        scratch.replace(goal)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


def refuse_filled(out: Path) -> Path:
    """Return the absolute path of a folder that is new or empty.

    Raises
    ------
    DataError
        It exists and is not an empty folder.
    """
    goal = out.expanduser().absolute()
    if goal.exists() and (not goal.is_dir() or any(goal.iterdir())):
        raise DataError(f"--out {out} exists and is not empty; name a new folder")
    return goal


def refuse_existing(out: Path) -> None:
    """Refuse a file that is there.

    Raises
    ------
    DataError
        It exists.
    """
    if out.exists():
        raise DataError(f"--out {out} exists; name a new file")


def print_json(value: Any) -> None:
    """Write one JSON document to stdout, for machines."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


class Shown(Protocol):
    """A result for people and for machines."""

    def as_json(self) -> dict[str, Any]:
        """Return it for machines."""

    def print(self) -> None:
        """Print it for people."""


def show(result: Shown, *, as_json: bool) -> None:
    """Print a result, or write it as one JSON document."""
    if as_json:
        print_json(result.as_json())
    else:
        result.print()
