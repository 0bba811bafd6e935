"""Numbers and names as a reader expects them: a few digits, the unit, the error at the same precision."""

import math
import re
from collections.abc import Iterable

TECHNIQUES = {
    "tms": "TMS",
    "tdcs": "tDCS, two pads",
    "hd_tdcs_4x1": "HD-tDCS, 4x1 ring",
    "hd_tdcs": "HD-tDCS, optimised for intensity",
    "hd_tdcs_focal": "HD-tDCS, optimised for focality",
    "tacs": "tACS, two pads",
    "hd_tacs": "HD-tACS",
    "ti": "temporal interference",
    "ect": "ECT",
    "mst": "MST",
    "dbs": "DBS",
    "rtms_1hz": "rTMS, 1 Hz",
    "rtms_10hz": "rTMS, 10 Hz",
    "itbs": "iTBS",
    "ctbs": "cTBS",
    "snt": "SNT",
    "tdcs_rtms": "tDCS, then rTMS",
}
GIVEN = {
    "tms": "TMS",
    "rtms": "rTMS",
    "tbs": "TBS",
    "itbs": "iTBS",
    "aitbs": "accelerated iTBS",
    "snt": "SNT",
    "tes": "tES",
    "tdcs": "tDCS",
    "hd_tdcs": "HD-tDCS",
    "tacs": "tACS",
    "hd_tacs": "HD-tACS",
    "ti": "temporal interference",
    "ect": "ECT",
    "mst": "MST",
    "dbs": "DBS",
    "closed_loop": "closed loop",
}
"""What was given, as the tables of evidence have it, where it is not a plain word."""
OUTCOME_CLASS = {"within cited range": "pass", "warn": "warn", "stop": "stop", "cannot say": "none"}
OUTCOME_WORDS = {
    "within cited range": "within cited range",
    "warn": "beyond what the source covers",
    "stop": "beyond a cited limit",
    "cannot say": "cannot say",
}
WORST_WORDS = {
    "within cited range": "within every cited range",
    "warn": "beyond what a source covers",
    "stop": "beyond a cited limit",
    "cannot say": "not every limit could be checked",
}
"""What the strictest of many outcomes says about a technique."""
QUANTITIES = {
    "didt_A_per_s": "rate of the coil current",
    "coil_max_didt_A_per_s": "largest rate of the coil current",
    "skin_density_A_per_m2": "current density at the skin",
    "brain_density_A_per_m2": "current density in the brain",
    "intensity_percent_mt": "intensity in % of the motor threshold",
    "age_years": "age",
    "hearing_protection": "hearing protection",
    "pulses_per_session": "pulses per session",
    "inter_train_interval_s": "pause between trains",
    "train_duration_s": "duration of a train",
    "frequency_Hz": "frequency",
    "total_current_A": "total current",
    "duration_s": "duration",
    "charge_C": "charge",
    "duration_per_day_s": "duration per day",
    "current_per_electrode_A": "largest current of an electrode",
    "current_per_pair_A": "current of a pair",
    "peak_current_A": "peak current",
    "skin_charge_density_C_per_m2": "charge density at the skin",
    "amplitude_A": "amplitude of a contact",
    "charge_per_phase_C": "charge of a phase",
    "charge_density_per_phase_C_per_m2": "charge density of a phase",
    "shannon_k": "Shannon k",
    "impedance_Ohm": "impedance",
    "pulse_width_s": "pulse width",
    "stimulus_duration_s": "duration of the stimulus",
    "session_interval_s": "pause between sessions",
    "ramp_s": "ramp",
}
SOURCE_LEVELS = {
    "abstract": "abstract read",
    "regulatory_text": "regulation read",
    "vendor_manual": "manual read",
    "repository_code": "code read",
    "device file": "device file read",
    "vendor_datasheet": "data sheet read",
    "registry": "registry entry read, no results",
    "secondary_web": "second-hand",
    "from memory, unverified": "not verified",
}

_NAME = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)*_(?:A|C|s|Hz|mt|years|session|protection|A_per_s|A_per_m2)\b")

ADDRESSES = {
    "10.": "https://doi.org/",
    "NCT": "https://clinicaltrials.gov/study/",
    "PMC": "https://pmc.ncbi.nlm.nih.gov/articles/",
    "PMID ": "https://pubmed.ncbi.nlm.nih.gov/",
}
"""Start of an identifier -> what stands before it in an address."""


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
    """Return a number with at most three digits behind the first and no trailing zeros, for what was chosen."""
    return _minus(f"{value:.0f}" if 1e3 <= abs(value) < 1e6 else f"{value:.3g}")


def degrees(value: float) -> str:
    """Return an angle in whole degrees."""
    return _minus(f"{value:.0f}°")


def point(values: Iterable[float], *, digits: int = 0) -> str:
    """Return a coordinate as "x, y, z"."""
    return ", ".join(_minus(f"{0.0 if round(value, digits) == 0 else value:.{digits}f}") for value in values)


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


def given(techniques: Iterable[str]) -> str:
    """Return what was given, of words of the tables of evidence."""
    return " + ".join(GIVEN.get(name, name) for name in techniques)


def address(identifier: str) -> str:
    """Return where a DOI, a registration or a PubMed number leads; blank where none is known."""
    return next(
        (
            prefix + identifier.removeprefix("PMID ")
            for start, prefix in ADDRESSES.items()
            if identifier.startswith(start)
        ),
        "",
    )


def megabytes(size: int) -> str:
    """Return a file size."""
    return f"{number(size / 1e6, digits=2)} MB" if size >= 100_000 else f"{number(size / 1e3, digits=2)} kB"


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _superscript(value: int) -> str:
    return str(value).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def duration(seconds: float | None) -> str:
    """Return a time as people say it: seconds below two minutes, then minutes, then hours."""
    if seconds is None:
        return "–"
    if seconds < 120:
        return f"{short(seconds)} s"
    if seconds < 2 * 3600:
        return f"{number(seconds / 60, digits=3).rstrip('0').rstrip('.')} min"
    return f"{number(seconds / 3600, digits=2)} h"


def thousands(value: int) -> str:
    """Return a count with its thousands apart."""
    return f"{value:,}".replace(",", "\u202f")


def sentence(text: str) -> str:
    """Return text with a capital and a full stop."""
    text = typeset(text.strip())
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def heading(text: str) -> str:
    """Return a title: "emotion_regulation on colin27" as "Emotion regulation on colin27"."""
    text = plain(text)
    return text[:1].upper() + text[1:]


def signed(value: float) -> str:
    """Return a number with its sign and three digits."""
    return ("+" if value > 0 else "") + number(value)


def typeset(text: str) -> str:
    """Return text of a plan as it is printed: plus-minus, micro, powers and names of quantities in words."""
    for plain_text, printed in (("+-", "± "), ("A/us", "A/µs"), ("cm^2", "cm²"), ("m^2", "m²"), ("mm3", "mm³")):
        text = text.replace(plain_text, printed)
    return _NAME.sub(lambda match: quantity(match[0]), text)


def quantity(name: str) -> str:
    """Return the name of a protocol value in words: "total_current_A" as "total current"."""
    return QUANTITIES.get(name) or plain(name)


def level(name: str) -> str:
    """Return how far a source was read: "regulatory_text (secondary copy)" as "regulation read, secondary copy"."""
    if name in SOURCE_LEVELS:
        return SOURCE_LEVELS[name]
    head, _, rest = name.partition(" (")
    return SOURCE_LEVELS.get(head, plain(head)) + (f", {plain(rest.rstrip(')'))}" if rest else "")


def amount(value: float | None, unit: str, *, chosen: bool = False) -> str:
    """Return a value with its unit; `chosen` values (limits) without trailing zeros; answers as a word."""
    if value is None:
        return "–"
    if unit == "given":
        return "given" if value else "not given"
    if unit == "yes":
        return "yes" if value else "no"
    return f"{short(value) if chosen else number(value)} {typeset(unit)}"


def setting(value: object) -> str:
    """Return a setting of a plan as text."""
    if value is None or (isinstance(value, dict | list) and not value):
        return "not given"
    if isinstance(value, float):
        return short(value)
    if isinstance(value, dict):
        return ", ".join(f"{plain(str(key))} {setting(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(setting(item) for item in value)
    return str(value)
