"""Numbers in the text of a cell, each with the interval that its rounding leaves open.

A printed 2.31 stands for anything from 2.305 to 2.315. Every check of `recompute` asks whether the intervals can meet,
so that a correct rounding never fails.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

NUMBER = r"[-−+]?(?:\d+(?:\.\d+)?|\.\d+)"
POWER = r"(?:\s*[×x*]\s*10\s*\^?\s*|[eE])([-−]?\d+)"
WHOLE = r"(?!\d|[.,]\d)"
"""Behind a number that stands alone: a decimal comma is not read as a full stop, and the number is left alone."""
NO_TIME = r"(?!\s*(?:s|min|h|hours?|days?|weeks?|months?|years?|y)\b)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """A number as printed, and the half unit of its last digit."""

    value: float
    half: float

    @property
    def low(self) -> float:
        """Smallest number that is printed like this."""
        return self.value - self.half

    @property
    def high(self) -> float:
        """Largest number that is printed like this."""
        return self.value + self.half


@dataclass(frozen=True, slots=True, kw_only=True)
class PValue:
    """A p value: relation "=", "<" or ">", and the number."""

    relation: str
    number: Printed


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """A test statistic, and the p value behind it where one is printed.

    Attributes
    ----------
    kind
        "t", "F", "r" (also rank correlation), "chi2" or "z".
    df
        Degrees of freedom as printed; empty where none are.
    one_sided
        Whether the text says so.
    """

    kind: str
    df: tuple[float, ...]
    statistic: Printed
    p: PValue | None
    one_sided: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """An estimate with its interval, and a standard error and a p value where printed.

    Attributes
    ----------
    measure
        "OR", "Peto OR", "RR", "HR" (ratios), a name of a difference such as "SMD", or "" where the text names none.
    """

    measure: str
    value: Printed
    low: Printed
    high: Printed
    se: Printed | None
    p: PValue | None
    text: str

    @property
    def ratio(self) -> bool:
        """Whether the measure is a ratio, whose interval is symmetric on the log scale."""
        return self.measure in RATIOS


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanSd:
    """A mean with its standard deviation, and the scale named before it ("" where none is)."""

    mean: Printed
    sd: Printed
    before: str
    text: str


LARGEST_POWER = 300
"""Of a p value; more is a typing error that no float holds."""
RATIOS = ("Peto OR", "OR", "RR", "HR")
DIFFERENCES = ("SMCC", "SMD", "MD", "WMD", "beta", "d", "g")

_P = re.compile(rf"\bp\s*([=<>≤≥])\s*({NUMBER}){WHOLE}(?:{POWER})?", re.IGNORECASE)
_TEST = re.compile(
    rf"(?<![A-Za-z])(?P<kind>t|F|rs|r|z|Z|chi2|chi-?square|χ2|χ²|X2)\s*"
    rf"(?:[(\[]\s*(?P<df>[\d.]+(?:\s*,\s*(?:[Nn]\s*=\s*)?[\d.]+)?)\s*[)\]])?\s*=\s*(?P<value>{NUMBER}){WHOLE}{NO_TIME}"
)
CI = r"95\s*%?\s*CI\s*[:=]?\s*"
_INTERVAL = re.compile(
    rf"(?P<measure>(?<![A-Za-z])(?:{'|'.join((*RATIOS, *DIFFERENCES))}))?\s*=?\s*(?P<value>(?<![\w.]){NUMBER})\s*%?\s*"
    rf"(?:[(\[]\s*(?:{CI})?|,?\s*{CI}[(\[]?\s*)"
    rf"(?P<low>{NUMBER})\s*(?:-|–|,|to)\s*(?P<high>{NUMBER})(?![\d.]|\s*%)\s*[)\]]?"
)  # fmt: skip
_WORD = re.compile(r"[A-Za-z]{2,}")
_SE = re.compile(rf"\bSE\s*=?\s*({NUMBER})")
_MEAN = re.compile(rf"({NUMBER})\s*(?:(?:\+-|±|\+/-)\s*({NUMBER})|\(\s*(?:SD\s*=?\s*)({NUMBER})\s*\)|\((\d+\.\d+)\))")
_COUNT = re.compile(r"(?<![\d./])(\d+)(?:\s*(?:/|of)\s*(\d+))?\s*\((\d+(?:\.\d+)?)\s*%\)")
_FRACTION = re.compile(r"(?<![\d./])(\d+)\s*(?:/|of)\s*(\d+)(?![\d./])")
_SCORE = re.compile(r"\b(mean|score|change|reduction|improvement|decrease|increase|drop)", re.IGNORECASE)
_PERCENT = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)\s*%")


def printed(text: str, power: int = 0) -> Printed:
    """Return a number printed with a power of ten, with the half unit of its last digit."""
    text = text.replace("−", "-")
    decimals = len(text.partition(".")[2])
    return Printed(value=float(f"{text}e{power}"), half=float(f"0.5e{power - decimals}"))


def clauses(text: str) -> tuple[str, ...]:
    """Return the parts of a text between semicolons: a p value belongs to the statistic of its own part."""
    return tuple(part.strip() for part in text.split(";") if part.strip())


def test_results(text: str) -> Iterator[TestResult]:
    """Yield every test statistic of a text; the p value is the first one between it and the next statistic."""
    sided = bool(re.search(r"one-?\s?(tailed|sided)", text, re.IGNORECASE))
    for clause in clauses(text):
        found = list(_TEST.finditer(clause))
        for match, after in zip(found, [*found[1:], None], strict=False):
            stop = after.start() if after else len(clause)
            yield TestResult(
                kind=_kind(match["kind"]),
                df=_df(match["kind"], match["df"]),
                statistic=printed(match["value"]),
                p=_p(clause[match.end() : stop]),
                one_sided=sided,
                text=match[0].strip(),
            )


def estimates(text: str) -> Iterator[Estimate]:
    """Yield every estimate with an interval; one without a word before it takes the measure of the one before it."""
    measure = ""
    for clause in clauses(text):
        found = list(_INTERVAL.finditer(clause))
        end = 0
        for match, after in zip(found, [*found[1:], None], strict=False):
            rest = clause[match.end() : after.start() if after else len(clause)]
            bare = not _WORD.search(clause[end : match.start()])
            measure, end = match["measure"] or (measure if bare else ""), match.end()
            se = _SE.search(rest)
            yield Estimate(
                measure=measure,
                value=printed(match["value"]),
                low=printed(match["low"]),
                high=printed(match["high"]),
                se=printed(se[1]) if se else None,
                p=_p(rest),
                text=match[0].strip(),
            )


def means(text: str) -> Iterator[MeanSd]:
    """Yield every mean with a standard deviation: "18.33 (SD 5.39)", "13.46+-3.98"; a bare bracket only behind one."""
    for clause in clauses(text):
        named = False
        for match in _MEAN.finditer(clause):
            sd = match[2] or match[3] or (match[4] if named else None)
            if sd:
                named = True
                yield MeanSd(mean=printed(match[1]), sd=printed(sd), before=clause[: match.start()], text=match[0])


def counts(clause: str) -> tuple[tuple[int, int | None, Printed], ...]:
    """Return count, people where they stand beside it, and percentage: "62 (1.1%)", "12/20 (60%)", "12 of 20 (60%)"."""
    return tuple(
        (int(match[1]), int(match[2]) if match[2] else None, printed(match[3])) for match in _COUNT.finditer(clause)
    )


def fractions(clause: str) -> tuple[tuple[int, int], ...]:
    """Return count and people of one clause: "12/20", "12 of 20"."""
    return tuple((int(match[1]), int(match[2])) for match in _FRACTION.finditer(clause))


def percentages(clause: str) -> tuple[Printed, ...]:
    """Return the percentages of one clause, alone or as "A% vs B%", that are shares of people and not of a score."""
    if _COUNT.search(clause) or _INTERVAL.search(clause) or _SCORE.search(clause):
        return ()
    found = tuple(printed(match[1]) for match in _PERCENT.finditer(clause))
    paired = bool(re.search(r"%\s*(?:vs\.?|versus|and)\s*\d", clause))
    return found if len(found) == 1 or (len(found) == 2 and paired) else ()


def p_values(text: str) -> Iterator[PValue]:
    """Yield every p value of a text."""
    for match in _P.finditer(text):
        power = int((match[3] or "0").replace("−", "-"))
        if abs(power) <= LARGEST_POWER:
            yield PValue(relation=_relation(match[1]), number=printed(match[2], power))


def _p(text: str) -> PValue | None:
    return next(p_values(text), None)


def _relation(sign: str) -> str:
    return {"≤": "<", "≥": ">"}.get(sign, sign)


def _kind(name: str) -> str:
    lower = name.lower()
    return {"rs": "r", "z": "z", "f": "F", "t": "t", "r": "r"}.get(lower, "chi2")


def _df(name: str, text: str | None) -> tuple[float, ...]:
    if not text:
        return ()
    values = tuple(float(part) for part in re.findall(r"\d+(?:\.\d+)?", text))
    return values[:1] if _kind(name) == "chi2" else values
