"""The options of `assuage head build`, all but the named ones left out."""

from dataclasses import fields
from pathlib import Path

from assuage.cli.scans import Request


def request(folder: Path, **options) -> Request:
    """Return a request that writes into `folder / "head"`."""
    nothing = {item.name: None for item in fields(Request)}
    return Request(**(nothing | {"out": folder / "head", "orientation": "auto", "as_json": False} | options))
