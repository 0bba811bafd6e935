"""The technician's sheet: a protocol on one A4 page, planned beside actual, offline; PDF through a browser, if any.

It formats what the protocol holds and computes nothing. Verdicts of cited limits come as plain records with at least
`rule_id`, `outcome`, `why`, `source` and `source_level`.
"""

import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from assuage import __version__
from assuage.errors import DataError
from assuage.protocols import Protocol
from assuage.protocols.combined import NOT_ADDITIVE, TdcsRtmsPlan
from assuage.protocols.implanted import DbsPlan
from assuage.protocols.protocol import DISCLAIMER, write_whole
from assuage.protocols.words import (
    TECHNIQUES,
    counted,
    schedule_words,
)
from assuage.report import words
from assuage.report.sheet_rows import sections
from assuage.report.templating import environment

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER_PATIENCE_S = 60
"""A page of some kilobytes prints within seconds; a browser that takes longer hangs."""
MOST_FINDINGS = 6
"""Verdicts shown one by one, if no more than these are stops; the check itself lists all."""
OUTCOMES = ("stop", "warn", "cannot say", "within cited range")
"""What a verdict may say, strictest first."""


def write_sheet(
    protocol: Protocol, path: Path | str, *, verdicts: Iterable[Mapping[str, Any]] = (), rules: str = ""
) -> Path:
    """Write the sheet as HTML or, where the name ends in .pdf, as PDF; the file appears whole or not at all.

    `rules` names the set of limits that the verdicts come from; "": what the protocol says.

    Returns
    -------
    The path.

    Raises
    ------
    DataError
        PDF was asked for and no browser is there to print it.
    """
    out = Path(path)
    page = render_sheet(protocol, verdicts=verdicts, rules=rules)
    return _print_pdf(page, out) if out.suffix.lower() == ".pdf" else write_whole(out, page)


def render_sheet(protocol: Protocol, *, verdicts: Iterable[Mapping[str, Any]] = (), rules: str = "") -> str:
    """Return the sheet as HTML text; see `write_sheet`."""
    found = sorted(verdicts, key=_strictness)
    return (
        environment()
        .get_template("sheet.html.j2")
        .render(
            protocol=protocol,
            header=protocol.header,
            session=_session(protocol),
            technique=TECHNIQUES[protocol.technique],
            schedule=schedule_words(protocol.dose),
            sections=sections(protocol),
            findings=_shown(found),
            findings_words=_findings_words(found),
            note=NOT_ADDITIVE if isinstance(protocol.dose, TdcsRtmsPlan) else "",
            rules=rules or protocol.safety.rule_set or "",
            level=words.level,
            typeset=words.typeset,
            disclaimer=DISCLAIMER,
            version=__version__,
        )
    )


def _session(protocol: Protocol) -> str:
    """Return the number of this session, with a blank where it is not planned, and how many there are."""
    number = protocol.header.session_number
    if isinstance(protocol.dose, DbsPlan):
        return str(number or "not in sessions")
    dose = protocol.dose.rtms if isinstance(protocol.dose, TdcsRtmsPlan) else protocol.dose
    return f"{number or '____'} of {dose.course.sessions}"


def _strictness(verdict: Mapping[str, Any]) -> int:
    if verdict.get("outcome") not in OUTCOMES:
        raise DataError(f"a verdict says {verdict.get('outcome')!r}; it says one of {', '.join(OUTCOMES)}")
    return OUTCOMES.index(verdict["outcome"])


def _shown(verdicts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return every stop, and warnings as far as there is room."""
    stops = [verdict for verdict in verdicts if verdict["outcome"] == "stop"]
    warnings = [verdict for verdict in verdicts if verdict["outcome"] == "warn"]
    return [*stops, *warnings[: max(0, MOST_FINDINGS - len(stops))]]


def _findings_words(verdicts: Sequence[Mapping[str, Any]]) -> str:
    if not verdicts:
        return "The protocol has not been held against cited limits here."
    count = Counter(str(verdict["outcome"]) for verdict in verdicts)
    said = ", ".join(f"{count[outcome]} {outcome}" for outcome in OUTCOMES if count[outcome])
    left = count["stop"] + count["warn"] - len(_shown(verdicts))
    more = f" {counted(left, 'warning')} more: see the check." if left else ""
    caution = "'Within cited range' is not a statement of safety."
    return f"{counted(len(verdicts), 'limit')}: {said}.{more} {caution}"


def _print_pdf(page: str, out: Path) -> Path:
    """Print a page with a headless browser, a process of its own."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise DataError(
            f"{out} needs Chromium or Chrome to be written, and none was found ({', '.join(BROWSERS)}); write "
            f"{out.with_suffix('.html').name} instead and print it from any browser, or install chromium"
        )
    with tempfile.TemporaryDirectory(prefix="assuage-sheet-") as folder:
        source, printed = Path(folder, "sheet.html"), Path(folder, "sheet.pdf")
        source.write_text(page, encoding="utf-8")
        command = [
            browser,
            "--headless",
            "--disable-gpu",
            "--no-pdf-header-footer",
            f"--user-data-dir={folder}/profile",
        ]
        command += ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        command += [f"--print-to-pdf={printed}", source.as_uri()]
        try:
            done = subprocess.run(command, capture_output=True, timeout=BROWSER_PATIENCE_S, check=False)
        except subprocess.TimeoutExpired:
            raise DataError(f"{browser} did not print within {BROWSER_PATIENCE_S} s; write HTML and print it") from None
        if not printed.is_file():
            said = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
            raise DataError(f"{browser} did not print the sheet ({said[0]}); write HTML and print it from a browser")
        scratch = out.with_name(f".{out.name}.partial")
        try:
            shutil.copyfile(printed, scratch)
            scratch.replace(out)
        finally:
            scratch.unlink(missing_ok=True)
    return out
