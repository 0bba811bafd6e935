"""The house rules that no linter holds: the map is complete, modules stay readable, doors stay few."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "assuage"
MODULES = sorted(PACKAGE.rglob("*.py"))
STAGES = sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file())

LONGEST_MODULE = 600
MOST_EXPORTS = 13
"""The aim is 12; `sources` needs one more."""


def test_every_stage_stands_on_the_map():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    missing = [stage for stage in STAGES if f"`{stage}`" not in text]
    assert missing == []


def test_folders_are_two_deep():
    deeper = [p for p in MODULES if len(p.relative_to(PACKAGE).parts) > 2]
    assert deeper == []


def test_nobody_is_called_utils():
    assert {path.stem for path in MODULES} & {"utils", "util", "core", "helpers", "misc", "common"} == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_modules_stay_readable(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= LONGEST_MODULE
    assert ast.get_docstring(ast.parse(text)), "a module says what it is for"


@pytest.mark.parametrize("stage", STAGES)
def test_stages_have_few_doors(stage):
    tree = ast.parse((PACKAGE / stage / "__init__.py").read_text(encoding="utf-8"))
    exported = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets)
    ]
    assert len(exported) == 1, "a stage names what it exports"
    assert len(ast.literal_eval(exported[0])) <= MOST_EXPORTS


def test_every_data_file_travels_with_the_package():
    suffixes = {p.suffix for p in PACKAGE.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    known = {".py", ".typed", ".toml", ".csv", ".npz", ".json", ".gz", ".txt", ".css", ".js", ".j2", ".md"}
    assert suffixes <= known
