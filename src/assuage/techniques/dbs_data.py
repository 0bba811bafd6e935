"""Numbers with their sources for deep brain stimulation, from `data/dbs.toml`."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

UNVERIFIED = "from memory, unverified"


@cache
def _tables() -> dict[str, Any]:
    return tomllib.loads(files("assuage.techniques").joinpath("data/dbs.toml").read_text(encoding="utf-8"))


def table(name: str) -> dict[str, Any]:
    """Return one table of the data file."""
    return dict(_tables()[name])
