"""A plan as one offline HTML file. Formats what the plan holds; computes nothing."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assuage.report.page import write_report

__all__ = ["write_report"]


def __getattr__(name: str) -> Any:
    """Import the report on first use: the command line asks this package for a path long before it draws anything."""
    if name != "write_report":
        raise AttributeError(f"module 'assuage.report' has no attribute {name!r}")
    from assuage.report.page import write_report  # noqa: PLC0415

    return write_report
