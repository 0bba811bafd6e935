"""Cells of printed tables that hold several numbers, as columns of their own.

| cell | columns made |
|---|---|
| 4/123, 4/123 (3 %) | events and total |
| 5.1 (2.3), 5.1 ± 2.3 under a name with mean and SD | mean and sd |
| 0.41 (0.13 to 1.26), 0.41 [0.13, 1.26] under the name of an effect, or one with CI | the effect, ci_low and ci_high |
| 0.13-1.26, (0.13; 1.26) under a name with CI | ci_low and ci_high |

What else the name says (the group, the effect) is kept: `Control n/N` gives `events Control` and `total Control`. A
column is cut only if all of its cells that hold something have the form. An interval of another level than 95 %, an age
with its range or a median with its quartiles is left alone. Two columns whose names differ only in n and N are events
and total, if no n is above its N and no other column is of events or means.
"""

import re
from collections.abc import Callable, Collection, Sequence

from assuage.synthesis.arm_names import QUANTITIES
from assuage.synthesis.columns import plain, role_of
from assuage.synthesis.network_columns import EFFECT_ROLES

NUMBER = r"([+\-−]?\d+(?:[.,]\d+)?)"
_TO = r"(?!\s+[-−]\d)\s*(?:to|,|;|–|-|\.\.)\s*"
"""Between two bounds; behind a blank, a minus that touches a number is its sign (-0.5 -0.1 is left alone)."""
_OPEN, _CLOSE = r"\s*[(\[]\s*", r"\s*[)\]]\s*"
_COUNT = r"([1-9]\d{0,2}(?:,\d{3})+|\d+)"
_COUNTS = re.compile(_COUNT + r"\s*/\s*" + _COUNT + r"(?:\s*\([\d.,]+\s*%\))?")
_MEAN = re.compile(NUMBER + r"\s*(?:±|\+/-|\()\s*" + NUMBER + r"\s*\)?")
_EFFECT = re.compile(
    NUMBER + r"\s*[,;:]?" + _OPEN + r"(?:95\s*%\s*(?:CI)?\s*[,:]?\s*)?" + NUMBER + _TO + NUMBER + _CLOSE
)
_INTERVAL = re.compile(r"[(\[]?\s*" + NUMBER + _TO + NUMBER + r"\s*[)\]]?")
_SAYS_CI = re.compile(
    r"(95\s*%?\s*)?(?<![a-z])(c\.?i\.?|confidence[ _.]intervals?|conf\.? ?int\.?)(?![a-z])(\s*95\s*%?)?", re.IGNORECASE
)
_EVENTS = {"ai", "ri", "xi", "yi", "te", *QUANTITIES["events"], *QUANTITIES["m"]}
"""Beside one of these words, n is people."""
_OTHER_LEVEL = re.compile(r"\b(?!95)\d{2}\s*%")

Row = dict[str, str]


def apart(
    header: list[str], rows: list[Row], is_missing: Callable[[str], bool], *, named: Collection[str] = ()
) -> tuple[list[str], list[Row]]:
    """Return header and rows with several columns for one whose cells hold several numbers; what is `named` stays."""
    renamed = _n_of_total(header, rows, is_missing)
    if renamed and not renamed.keys() & set(named):
        rows = [{renamed.get(name, name): cell for name, cell in row.items()} for row in rows]
        header = [renamed.get(name, name) for name in header]
    forms = {name: _form(name, [row[name] for row in rows if not is_missing(row[name])]) for name in header}
    effects = [form for form in forms.values() if form and form[0] is _EFFECT]
    for column, form in forms.items():
        if form is None or column in named:
            continue
        pattern, names = form
        if pattern is _EFFECT and len(effects) > 1:
            names = (names[0], *(f"{bound} {names[0]}" for bound in names[1:]))
        if set(names) & set(header):
            continue
        header = [*(name for name in header if name != column), *names]
        found = [pattern.fullmatch(row[column]) for row in rows]
        parts = [cut.groups() if cut else [""] * len(names) for cut in found]
        if pattern is _COUNTS:
            parts = [[part.replace(",", "") for part in cut] for cut in parts]
        rows = [
            {**_but(row, column), **dict(zip(names, cut, strict=True))} for row, cut in zip(rows, parts, strict=True)
        ]
    return header, rows


def _but(row: Row, column: str) -> Row:
    return {name: cell for name, cell in row.items() if name != column}


def _n_of_total(header: Sequence[str], rows: Sequence[Row], is_missing: Callable[[str], bool]) -> dict[str, str]:
    """Return new names of columns that differ only in n (events) and N (total)."""
    renamed = {}
    for column in header:
        total = re.sub(r"(?<![A-Za-z])n(?![a-z])", "N", column)
        if total == column or total not in header:
            continue
        pairs = [(row[column], row[total]) for row in rows if not (is_missing(row[column]) or is_missing(row[total]))]
        if not pairs or not all(n.isdecimal() and size.isdecimal() and int(n) <= int(size) for n, size in pairs):
            continue
        for name, word in ((column, "events "), (total, "total ")):
            rest = re.sub(r"(?<![A-Za-z])[nN](?![a-z])", "", name).strip(" ._-()")
            renamed[name] = f"{word}{rest}".strip()
    others = {word for name in header if name not in renamed for word in re.findall(r"[a-z]+", name.lower())}
    return {} if others & _EVENTS or set(renamed.values()) & set(header) else renamed


def _form(column: str, cells: Sequence[str]) -> tuple[re.Pattern[str], tuple[str, ...]] | None:
    """Return the form of a column of such cells, and the names of the columns they make."""
    if not cells or _OTHER_LEVEL.search(column):
        return None
    if all(_COUNTS.fullmatch(cell) for cell in cells):
        rest = _without(
            column,
            r"[(\[]?\b(n|r|x|events?|cases|responders|no\.?)\s*/\s*(n|total|patients)\b[)\]]?|\bevents?\b|\(%\)|%",
        )
        return _COUNTS, (f"events {rest}".strip(), f"total {rest}".strip())
    words = re.findall(r"[a-z]+", column.lower())
    if "mean" in words and "sd" in words and all(_MEAN.fullmatch(cell) for cell in cells):
        rest = _without(column, r"\bmeans?\b|\bsds?\b|±|\+/-|[()\[\],]")
        return _MEAN, (f"mean {rest}".strip(), f"sd {rest}".strip())
    says_ci = _SAYS_CI.search(column)
    if all(_EFFECT.fullmatch(cell) for cell in cells):
        rest = _without(column, _SAYS_CI.pattern + r"|[()\[\],]") or "estimate"
        if says_ci or _is_effect(rest):
            return _EFFECT, (rest, "ci_low", "ci_high")
    if says_ci and all(_INTERVAL.fullmatch(cell) for cell in cells):
        return _INTERVAL, ("ci_low", "ci_high")
    return None


def _is_effect(name: str) -> bool:
    role, _ = role_of(name) or ("", 0)
    return role in {"yi", "estimate", "ratio", "g_value", "d_value"} or plain(name) in EFFECT_ROLES["effect"]


def _without(column: str, pattern: str) -> str:
    return " ".join(re.sub(pattern, " ", column, flags=re.IGNORECASE).split())
