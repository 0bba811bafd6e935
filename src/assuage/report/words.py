"""Numbers and names as a reader expects them: a few digits, the unit, the error at the same precision."""

import math
from collections.abc import Iterable

from assuage.units import A_PER_MA, A_PER_S_PER_A_PER_US

TECHNIQUES = {
    "tms": "TMS",
    "tdcs": "tDCS, two pads",
    "hd_tdcs_4x1": "HD-tDCS, 4x1 ring",
    "hd_tdcs": "HD-tDCS, optimised for intensity",
    "hd_tdcs_focal": "HD-tDCS, optimised for focality",
}
OUTCOME_CLASS = {"within cited range": "pass", "warn": "warn", "stop": "stop", "cannot say": "none"}
OUTCOME_WORDS = {
    "within cited range": "within cited range",
    "warn": "beyond what the source covers",
    "stop": "beyond a cited limit",
    "cannot say": "no cited range applies",
}
SOURCE_LEVELS = {
    "abstract": "abstract read",
    "regulatory_text": "regulation read",
    "vendor_manual": "manual read",
    "from memory, unverified": "not verified",
}


def number(value: float | None, *, digits: int = 3) -> str:
    """Return a number with that many significant digits, without an exponent between 0.001 and 1e6."""
    if value is None:
        return "–"
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    if not 1e-3 <= abs(value) < 1e6:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{_minus(mantissa)} × 10{_superscript(int(exponent))}"
    places = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
    return _minus(f"{value:.{places}f}")


def with_error(value: float, sd: float) -> str:
    """Return "value ± sd", both to the decimal place of the second digit of the error."""
    if not (math.isfinite(sd) and sd > 0):
        return number(value)
    places = max(1 - math.floor(math.log10(sd)), 0)
    return f"{_minus(f'{value:.{places}f}')} ± {sd:.{places}f}"


def short(value: float) -> str:
    """Return a number with at most three digits and no trailing zeros, for what was chosen rather than measured."""
    return _minus(f"{value:.3g}")


def degrees(value: float) -> str:
    """Return an angle in whole degrees."""
    return _minus(f"{value:.0f}°")


def point(values: Iterable[float], *, digits: int = 0) -> str:
    """Return a coordinate as "x, y, z"."""
    return ", ".join(_minus(f"{0.0 if round(value, digits) == 0 else value:.{digits}f}") for value in values)


def milliampere(current_A: float) -> str:
    """Return a current in mA."""
    return f"{number(current_A / A_PER_MA)} mA"


def rate(didt_A_per_s: float) -> str:
    """Return a coil current rate in A/µs."""
    return f"{number(didt_A_per_s / A_PER_S_PER_A_PER_US)} A/µs"


def percent(share: float) -> str:
    """Return a share as a percentage."""
    return f"{number(100 * share, digits=2)} %"


def listing(items: Iterable[str]) -> str:
    """Return "a, b and c"."""
    words = list(items)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "none"


def plain(name: str) -> str:
    """Return a key such as grey_matter in words."""
    return name.replace("_", " ")


def megabytes(size: int) -> str:
    """Return a file size."""
    return f"{number(size / 1e6, digits=2)} MB" if size >= 100_000 else f"{number(size / 1e3, digits=2)} kB"


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _superscript(value: int) -> str:
    return str(value).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def sentence(text: str) -> str:
    """Return text with a capital and a full stop."""
    text = text.strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def signed(value: float) -> str:
    """Return a number with its sign and three digits."""
    return ("+" if value > 0 else "") + number(value)


def unit(name: str) -> str:
    """Return a unit as it is printed: "mA/cm^2" as "mA/cm²"."""
    return name.replace("^2", "²").replace("A/us", "A/µs")


def quantity(name: str) -> str:
    """Return the name of a protocol value without its unit: "total_current_A" as "total current"."""
    for suffix in ("_A_per_m2", "_A_per_s", "_V_per_m", "_percent_mt", "_A", "_C", "_s", "_Hz"):
        if name.endswith(suffix):
            return plain(name.removesuffix(suffix))
    return plain(name)
