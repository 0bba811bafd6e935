"""The sourced data files of this stage, and how a row of one is quoted."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any


@cache
def read_table(name: str) -> Mapping[str, Any]:
    """Return `data/<name>.toml`."""
    text = files("assuage.techniques").joinpath(f"data/{name}.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))


def cited(row: Mapping[str, Any]) -> str:
    """Return the source of a row with how far it was read."""
    return f"{row['source']} [{row['source_level']}]"
