"""The schema of the tables, read from `data/schema.toml`.

The same records serve the validator, the prompts of `add`, the filters and the page in docs/evidence.md.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from assuage.errors import DataError

SEPARATOR = ";"
"""Between several words in one cell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    kind
        "text", "id", "integer", "number", "word", "words", "level", "doi", "pmid", "pmcid", "registration" or "date".
    words
        Allowed words with their meaning, empty where any text will do.
    low, high
        Range of a number, both ends allowed.
    claim
        Whether the column states a result, which the level of text has to allow.
    to
        "table.column" that holds the same value, or "".
    wide
        Whether a table on the screen leaves it out unless asked.
    """

    name: str
    kind: str
    meaning: str
    unit: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    low: float | None = None
    high: float | None = None
    need: bool = False
    claim: bool = False
    to: str = ""
    wide: bool = False

    @property
    def numeric(self) -> bool:
        """Whether its cells are numbers."""
        return self.kind in {"integer", "number"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A level of text: its rank, and whether a row read from it may state a result."""

    name: str
    rank: int
    claims: bool
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSchema:
    """The columns of one table, in order."""

    name: str
    meaning: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """Return a column by its name.

        Raises
        ------
        DataError
            No such column; the message lists the known ones.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise DataError(f"table {self.name!r} has no column {name!r}; columns: {', '.join(self.names)}")


@cache
def tables() -> dict[str, TableSchema]:
    """Return the schema of every table by its name."""
    document = _document()
    words = {**document["words"], "level": {name: entry["meaning"] for name, entry in document["levels"].items()}}
    return {
        name: TableSchema(
            name=name, meaning=table["meaning"], columns=tuple(_column(entry, words) for entry in table["columns"])
        )
        for name, table in document["tables"].items()
    }


def table(name: str) -> TableSchema:
    """Return the schema of one table.

    Raises
    ------
    DataError
        No such table; the message lists the known ones.
    """
    if name not in tables():
        raise DataError(f"there is no table {name!r}; tables: {', '.join(tables())}")
    return tables()[name]


@cache
def levels() -> dict[str, Level]:
    """Return the levels of text by name."""
    return {name: Level(name=name, **entry) for name, entry in _document()["levels"].items()}


def family(word: str) -> frozenset[str]:
    """Return a technique together with the techniques that are kinds of it."""
    return frozenset({word, *_document()["families"].get(word, ())})


def plan_techniques(word: str) -> tuple[str, ...]:
    """Return the techniques of a plan that a word of `technique` speaks for; none for a drug and its like."""
    return tuple(_document()["plan_techniques"].get(word, ()))


@cache
def _document() -> dict[str, Any]:
    return tomllib.loads(files("assuage.evidence").joinpath("data/schema.toml").read_text(encoding="utf-8"))


def _column(entry: Mapping[str, Any], words: Mapping[str, Mapping[str, str]]) -> Column:
    kind = entry["kind"]
    allowed = words["level"] if kind == "level" else words[entry["words"]] if "words" in entry else {}
    return Column(**{**entry, "words": allowed})
