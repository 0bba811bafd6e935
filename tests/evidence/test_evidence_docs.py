"""docs/evidence.md lists every column, word and level of the schema, word for word."""

from pathlib import Path

import pytest

from assuage.evidence.schema import levels, tables

PAGE = Path(__file__).parents[2] / "docs" / "evidence.md"


def column_line(column):
    """Return the line of the page that documents a column."""
    allowed = {
        "words": " ".join(f"`{word}`" for word in column.words) + " (several, `;`)",
        "word": " ".join(f"`{word}`" for word in column.words),
        "level": "a level of text",
    }.get(column.kind, column.kind)
    if column.low is not None:
        allowed += f", {column.low:g} to {column.high:g}"
    if column.unit:
        allowed += f", {column.unit}"
    if column.to:
        allowed += f", in `{column.to}`"
    return f"| `{column.name}`{' *' if column.need else ''} | {allowed} | {column.meaning} |"


@pytest.mark.parametrize("name", tables())
def test_every_column_is_documented(name):
    text = PAGE.read_text(encoding="utf-8")
    section = text.partition(f"### {name}\n")[2].partition("\n### ")[0].partition("\n## ")[0]
    documented = [line for line in section.splitlines() if line.startswith("| `")]
    assert documented == [column_line(column) for column in tables()[name].columns]


def test_every_level_is_documented():
    text = PAGE.read_text(encoding="utf-8")
    for level in levels().values():
        assert f"| `{level.name}` | {level.meaning} | {'yes' if level.claims else 'no'} |" in text


def test_every_word_is_documented():
    text = PAGE.read_text(encoding="utf-8")
    columns = (column for table in tables().values() for column in table.columns if column.kind != "level")
    lines = [f"| `{word}` | {meaning} |" for column in columns for word, meaning in column.words.items()]
    assert [line for line in lines if line not in text] == []
