"""docs/safety.md is what the data say, and its example runs."""

import importlib.util
import re
from pathlib import Path

from assuage.safety import OUTCOMES, load_rule_set
from assuage.safety.records import READ_LEVELS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")


def tool():
    spec = importlib.util.spec_from_file_location("safety_table", ROOT / "tools" / "safety_table.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_are_those_of_the_data():
    assert tool().rewritten(PAGE, load_rule_set()) == PAGE, "run: python tools/safety_table.py"


def test_every_rule_topic_and_technique_is_on_the_page():
    rules = load_rule_set()
    for row in (*rules.rules, *rules.train_tables, *rules.interval_tables, *rules.output_tables, *rules.notices):
        assert f"`{row.rule_id}`" in PAGE
    assert all(f"`screen_{topic.key}`" in PAGE for topic in rules.topics)
    assert all(f"`{name}`" in PAGE for name in rules.techniques)


def test_outcomes_and_levels_are_explained():
    assert all(f"| {outcome} |" in PAGE for outcome in OUTCOMES)
    assert all(f"`{level}`" in PAGE for level in READ_LEVELS)


def test_the_example_runs():
    code = re.search(r"```python\n(.*?)```", PAGE, re.S)[1]
    exec(code.replace("print(", "str("), {})
