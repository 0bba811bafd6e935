"""What a validator finds: one record a problem, with row and column."""

from dataclasses import dataclass

from assuage.evidence.tables import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One problem of one cell.

    Attributes
    ----------
    rule
        Short name of the rule, for example "doi-form"; what an exception in `known.toml` refers to.
    severity
        "error" (cannot be right, or breaks the schema) or "warning" (hardly can be right; look it up).
    line
        Line of the file; the heading is line 1.
    """

    rule: str
    severity: str
    table: str
    file: str
    line: int
    row: str
    column: str
    value: str
    message: str

    @property
    def text(self) -> str:
        """One line: place, row, column, what is wrong."""
        row = f" ({self.row})" if self.row else ""
        return f"{self.file} line {self.line}{row}, {self.column}: {self.message} [{self.rule}]"


def error(rule: str, row: Row, column: str, message: str) -> Problem:
    """Return a problem that cannot stand."""
    return _problem(rule, "error", row, column, message)


def warning(rule: str, row: Row, column: str, message: str) -> Problem:
    """Return a problem that has to be looked up."""
    return _problem(rule, "warning", row, column, message)


def _problem(rule: str, severity: str, row: Row, column: str, message: str) -> Problem:
    return Problem(
        rule=rule, severity=severity, table=row.table, file=row.file, line=row.line, row=row.id, column=column,
        value=row[column], message=message,
    )  # fmt: skip
