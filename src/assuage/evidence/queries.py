"""Selecting rows: filters by name, and a small expression language over the columns.

An expression compares columns with constants: `== != < <= > >=`, `column in ['a', 'b']`, `'text' in column`, joined by
`and`, `or`, `not` and brackets. It is parsed with `ast` and only these nodes are walked: no names but columns, no
calls, no attributes: a query from a file or a form can do nothing but select (`DataFrame.query` of pandas can do more).

| column | `==` and `in [...]` | `'text' in column` | `<` and its kin |
|---|---|---|---|
| number | equal numbers | refused | numbers |
| one word or text | equal, upper and lower case alike | holds the text | refused |
| several words | one of them is equal | holds the text | refused |

A blank cell is unknown: it satisfies no comparison, not even `!=`. `column == ''` asks for blanks. Findings and peaks
have the columns of their study too, under its names, where they have none of that name.
"""

import ast
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from assuage.errors import DataError
from assuage.evidence.schema import Column, family, levels, tables
from assuage.evidence.schema import table as table_schema
from assuage.evidence.tables import Evidence, Row, split

JOINED = ("findings", "coordinates")
"""Tables whose rows have the columns of their study."""
ORDERS: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
LONGEST = 2000
"""Characters of an expression; longer ones are no query of a person."""

Constant = str | int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What rows have to be. An empty filter lets everything through.

    Attributes
    ----------
    technique
        A technique; its kinds are found too (tms finds rtms, itbs, ...).
    population
        Text that the population holds, upper and lower case alike.
    age
        A word of the schema ("adolescents"), or a range of years ("12-17") that the ages let in must meet.
    level
        Lowest level of text.
    """

    domain: str = ""
    technique: str = ""
    population: str = ""
    age: str = ""
    level: str = ""
    nssi_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Rows that were asked for, each with the row of its study, and what has to be said about them."""

    table: str
    rows: tuple[Row, ...]
    studies: tuple[Row | None, ...]
    notes: tuple[str, ...]

    def cell(self, index: int, column: str) -> str:
        """Return a cell of a row, or of its study where the row has no such column."""
        row, study = self.rows[index], self.studies[index]
        own = column in table_schema(self.table).names
        return row[column] if own or study is None else study[column]


def query(
    evidence: Evidence, expression: str = "", *, table: str = "findings", filters: Filters | None = None
) -> Selection:
    """Return the rows of a table that satisfy an expression and the filters.

    Parameters
    ----------
    expression
        For example "domain == 'reward' and year >= 2020"; see the module.
    table
        "studies", "findings", "trials" or "coordinates".

    Raises
    ------
    DataError
        An expression that says something else, an unknown column or word, a filter the table has no column for.
    """
    columns = visible_columns(table)
    test = compile_expression(expression, columns) if expression.strip() else _everything
    chosen = _filter_test(filters or Filters(), columns, table)
    by_id = {row.id: row for row in evidence.rows["studies"]}
    rows, studies = [], []
    for row in evidence.rows[table]:
        study = by_id.get(row["study_id"]) if table in JOINED else None
        get = _reader(row, study, table)
        if test(get) and chosen(get):
            rows.append(row)
            studies.append(study)
    found = Selection(table=table, rows=tuple(rows), studies=tuple(studies), notes=())
    return replace(found, notes=_notes(found))


def visible_columns(table: str) -> dict[str, Column]:
    """Return the columns that an expression over a table may name: its own, then those of the study."""
    own = {column.name: column for column in table_schema(table).columns}
    joined = {column.name: column for column in tables()["studies"].columns} if table in JOINED else {}
    return {**joined, **own}


Reader = Callable[[str], str]
Test = Callable[[Reader], bool]


def compile_expression(expression: str, columns: dict[str, Column]) -> Test:
    """Return an expression as a function of what reads a cell.

    Raises
    ------
    DataError
        Anything but comparisons of columns with constants.
    """
    if len(expression) > LONGEST:
        raise DataError(f"the query has {len(expression)} characters, more than {LONGEST}; split it")
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise DataError(f"{expression!r} is no query; write for example {EXAMPLE}") from None
    return _compile(tree.body, columns)


EXAMPLE = "\"domain == 'reward' and year >= 2020\""


def _compile(node: ast.expr, columns: dict[str, Column]) -> Test:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            parts = [_compile(value, columns) for value in values]
            return lambda get: all(part(get) for part in parts)
        case ast.BoolOp(values=values):
            parts = [_compile(value, columns) for value in values]
            return lambda get: any(part(get) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _compile(operand, columns)
            return lambda get: not inner(get)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            sides = [left, *comparators]
            parts = [_comparison(a, op, b, columns) for a, op, b in zip(sides, ops, sides[1:], strict=False)]
            return lambda get: all(part(get) for part in parts)
    raise DataError(f"{ast.unparse(node)!r} is no comparison; write for example {EXAMPLE}")


def _comparison(left: ast.expr, op: ast.cmpop, right: ast.expr, columns: dict[str, Column]) -> Test:
    if isinstance(op, ast.In | ast.NotIn):
        found = _membership(left, right, columns)
        return found if isinstance(op, ast.In) else _known_and_not(found, _column_of(left, right, columns))
    column = _column_of(left, right, columns)
    value = _constant(right if isinstance(left, ast.Name) else left)
    mirrored = not isinstance(left, ast.Name)
    if isinstance(op, ast.Eq | ast.NotEq):
        equal = _equal(column, value)
        return equal if isinstance(op, ast.Eq) else _known_and_not(equal, column)
    order = ORDERS.get(type(op))
    if order is None:
        raise DataError(f"a query knows == != < <= > >= in, not {type(op).__name__}; write for example {EXAMPLE}")
    if not column.numeric or isinstance(value, str):
        raise DataError(f"{column.name} and {value!r} cannot be ordered; numbers can, texts are equal or not")
    number = float(value)

    def ordered(get: Reader) -> bool:
        cell = _number(get(column.name))
        return cell is not None and (order(number, cell) if mirrored else order(cell, number))

    return ordered


def _membership(left: ast.expr, right: ast.expr, columns: dict[str, Column]) -> Test:
    if isinstance(right, ast.List | ast.Tuple) and isinstance(left, ast.Name):
        column = _column(left, columns)
        any_of = [_equal(column, _constant(item)) for item in right.elts]
        return lambda get: any(test(get) for test in any_of)
    if isinstance(right, ast.Name):
        column, value = _column(right, columns), _constant(left)
        if column.numeric or not isinstance(value, str):
            raise DataError(f"{value!r} in {column.name}: only a text can lie in a text; compare numbers with == or <")
        wanted = value.casefold()
        return lambda get: wanted in get(column.name).casefold()
    raise DataError(f"write column in ['a', 'b'] or 'text' in column, not {ast.unparse(left)} in {ast.unparse(right)}")


def _equal(column: Column, value: Constant) -> Test:
    name = column.name
    if value == "":
        return lambda get: get(name) == ""
    if column.numeric:
        if isinstance(value, str):
            raise DataError(f"{name} is a number; write {name} == 2020 without quotes, not {value!r}")
        return lambda get: _number(get(name)) == float(value)
    if not isinstance(value, str):
        raise DataError(f"{name} is text; put {value!r} between quotes")
    if column.words and value not in column.words:
        raise DataError(f"{value!r} is no word of {name}; words: {', '.join(column.words)}")
    wanted = value.casefold()
    if column.kind == "words":
        return lambda get: wanted in {word.casefold() for word in split(get(name))}
    return lambda get: get(name).casefold() == wanted


def _known_and_not(test: Test, column: Column) -> Test:
    return lambda get: get(column.name) != "" and not test(get)


def _column_of(left: ast.expr, right: ast.expr, columns: dict[str, Column]) -> Column:
    named = [node for node in (left, right) if isinstance(node, ast.Name)]
    if len(named) != 1:
        raise DataError(f"{ast.unparse(left)} and {ast.unparse(right)}: compare one column with one constant")
    return _column(named[0], columns)


def _column(node: ast.Name, columns: dict[str, Column]) -> Column:
    if node.id not in columns:
        raise DataError(f"there is no column {node.id!r}; columns: {', '.join(columns)}; texts stand between quotes")
    return columns[node.id]


def _constant(node: ast.expr) -> Constant:
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=value)) if type(value) in {int, float}:
            return -float(value)  # type: ignore[arg-type]
        case ast.Constant(value=str() | int() | float() as value) if not isinstance(value, bool):
            return value
    raise DataError(f"{ast.unparse(node)!r} is neither a column nor a number nor a text between quotes")


def _reader(row: Row, study: Row | None, table: str) -> Reader:
    own = table_schema(table).names
    return lambda name: row[name] if name in own or study is None else study[name]


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _everything(_get: Reader) -> bool:
    return True


def _filter_test(filters: Filters, columns: dict[str, Column], table: str) -> Test:
    tests: list[Test] = []
    if filters.domain:
        tests.append(_equal(_needed("domain", columns, table), filters.domain))
    if filters.technique:
        column = _needed("technique", columns, table)
        _equal(column, filters.technique)
        wanted = family(filters.technique)
        tests.append(lambda get: bool(wanted & set(split(get("technique")))))
    if filters.population:
        _needed("population", columns, table)
        text = filters.population.casefold()
        tests.append(lambda get: text in get("population").casefold())
    if filters.age:
        tests.append(_age_test(filters.age, columns, table))
    if filters.level:
        _equal(_needed("coded_from", columns, table), filters.level)
        lowest = levels()[filters.level].rank
        tests.append(lambda get: _rank(get("coded_from")) >= lowest)
    if filters.nssi_only:
        tests.append(_equal(_needed("nssi_sample", columns, table), "yes"))
    return lambda get: all(test(get) for test in tests)


def _needed(name: str, columns: dict[str, Column], table: str) -> Column:
    if name not in columns:
        having = [other for other in tables() if name in visible_columns(other)]
        raise DataError(f"rows of {table} have no {name}; tables that do: {', '.join(having)}")
    return columns[name]


def _age_test(age: str, columns: dict[str, Column], table: str) -> Test:
    match = re.fullmatch(r"(\d{1,3})\s*-\s*(\d{1,3})", age)
    if match is None:
        return _equal(_needed("age_group", columns, table), age)
    _needed("age_min", columns, table)
    low, high = float(match[1]), float(match[2])
    if low > high:
        raise DataError(f"--age {age}: the lower age comes first")

    def meets(get: Reader) -> bool:
        youngest, oldest = _number(get("age_min")), _number(get("age_max"))
        return youngest is not None and oldest is not None and youngest <= high and oldest >= low

    return meets


def counted(rows: int) -> str:
    """Return a number of rows in words, for example "1 row"."""
    return f"{rows} row" if rows == 1 else f"{rows} rows"


def _rank(level: str) -> int:
    return levels()[level].rank if level in levels() else -1


def _notes(selection: Selection) -> tuple[str, ...]:
    def count(column: str, values: Sequence[str]) -> int:
        return sum(selection.cell(index, column) in values for index in range(len(selection.rows)))

    columns = visible_columns(selection.table)
    notes = []
    if "comparison" in columns:
        dimensional, group = count("comparison", ["dimensional"]), count("comparison", ["group"])
        if dimensional and group:
            notes.append(
                f"{counted(dimensional)} of correlations or predictors beside {counted(group)} of differences between "
                "groups: never pool the two"
            )
    other = count("nssi_sample", ["no", "part"])
    if other:
        notes.append(f"{counted(other)} from people not chosen because of non-suicidal self-injury: --nssi-only")
    pooled = count("design", ["meta_analysis", "network_meta_analysis"])
    if pooled:
        notes.append(f"{counted(pooled)} from meta-analyses, which hold other rows already")
    low = sum(_rank(selection.cell(i, "coded_from")) < levels()["abstract"].rank for i in range(len(selection.rows)))
    if low:
        notes.append(f"{counted(low)} read from less than an abstract: --level abstract")
    return tuple(notes)
