"""The templates of every page of the package, with the filters that they share."""

from functools import cache
from importlib import resources

import jinja2

from assuage.report import words


@cache
def environment() -> jinja2.Environment:
    """Return the environment in which every page is rendered: escaped, and strict about names."""
    made = jinja2.Environment(
        loader=jinja2.FunctionLoader(template_text),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        num=lambda value, digits=3: words.number(value, digits=digits),
        pm=words.with_error,
        short=words.short,
        degrees=words.degrees,
        point=lambda values, digits=0: words.point(values, digits=digits),
        plain=words.plain,
        address=words.address,
        given=words.given,
        listing=words.listing,
        sentence=words.sentence,
        heading=words.heading,
        signed=words.signed,
        size=words.megabytes,
        typeset=words.typeset,
        percent=words.percent,
        setting=words.setting,
        shade=lambda value: f"{0.75 * min(max(value, 0.0), 1.0):.2f}",
        amount=words.amount,
        duration=words.duration,
        thousands=words.thousands,
        level=words.level,
        quantity=words.quantity,
        cm=lambda mm: f"{mm / 10:.1f}",
    )
    made.globals.update(
        outcome_class=words.OUTCOME_CLASS,
        outcome_words=words.OUTCOME_WORDS,
        worst_words=words.WORST_WORDS,
        technique_words=words.TECHNIQUES,
    )
    return made


@cache
def template_text(name: str) -> str:
    """Return a template, script or style sheet of the package."""
    return resources.files("assuage.report").joinpath("templates", name).read_text(encoding="utf-8")
