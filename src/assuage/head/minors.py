"""An adult's anatomy or conductivities under somebody who is not grown up: one line that every report carries."""

from dataclasses import replace

from assuage.head.folder import EMBEDDED
from assuage.head.model import Head

ADULT_YEARS = 18.0
MARK = "adult template used for a minor"
"""The words by which the line is found again."""


def template_line(age_years: float | None) -> str | None:
    """Return the warning for a head built on the embedded adult, None for an adult or an unknown age."""
    if age_years is None or age_years >= ADULT_YEARS:
        return None
    return (
        f"{MARK} (age {age_years:g}): it is one adult man; skull thickness where the scan leaves it open follows him, "
        "and conductivities are those of adults"
    )


def with_age(head: Head, age_years: float | None) -> Head:
    """Return a head whose warnings say what an adult's template or conductivities mean at this age.

    Parameters
    ----------
    head
        Any head. Where its own metadata know an age below 18 the line is there already, and the head comes back as is.
    age_years
        Of the person, if known.
    """
    if age_years is None or age_years >= ADULT_YEARS or any(MARK in line for line in head.warnings):
        return head
    if "prior_mm" in head.metadata:
        line = template_line(age_years)
    elif head.sign_off == EMBEDDED:
        line = f"{MARK} (age {age_years:g}): the head is the embedded adult man's, with conductivities of adults"
    else:
        line = (
            f"{MARK} (age {age_years:g}): conductivities are those of adults, and so is the template of the program "
            "that made the head, unless it says otherwise"
        )
    known = {} if head.sign_off == EMBEDDED else {"age_years": age_years}
    told = [*head.metadata.get("warnings", []), line]
    return replace(head, metadata={**head.metadata, "warnings": told, **known})


def lines_of(warnings: object) -> tuple[str, ...]:
    """Return the lines about a minor among the warnings of a head."""
    told = [warnings] if isinstance(warnings, str) else list(warnings or [])  # type: ignore[call-overload]
    return tuple(str(line) for line in told if MARK in str(line))
