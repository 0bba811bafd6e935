from pathlib import Path

import pytest
from plan_example import write_example

from assuage.report import write_report


@pytest.fixture(scope="session")
def plan_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up plan on disk, as `assuage plan` leaves it."""
    return write_example(tmp_path_factory.mktemp("report") / "plan")


@pytest.fixture(scope="session")
def page(plan_folder: Path) -> str:
    """The report of the made-up plan."""
    return write_report(plan_folder, plan_folder / "report.html").read_text(encoding="utf-8")
