"""BibTeX and RIS records as cells of `studies` or `trials`: what a record says, and nothing that it does not.

A record gives citation, title, year and identifiers. What the study is about (population, domain, sample, results) is
for the coder to read; the level of text of a bare record is "title". Readers: bibtexparser, rispy (extra `records`).
"""

import contextlib
import importlib
import logging
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from assuage.errors import DataError
from assuage.evidence.cells import DOI, FORMS
from assuage.evidence.schema import table

SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "o", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
"""Letters that are more than a letter with an accent."""
LONGEST_CITATION_AUTHORS = 2
"""More authors become "First et al."."""


def read_bibtex(text: str, *, name: str) -> tuple[dict[str, str], ...]:
    """Return the cells of every entry of a BibTeX text, in order.

    Parameters
    ----------
    name
        Of the file, for messages.

    Raises
    ------
    DataError
        No entry, an entry that cannot be read, or the reader is not installed.
    """
    reader = _library("bibtexparser", name)
    middlewares = importlib.import_module("bibtexparser.middlewares")
    with _silent():
        library = reader.parse_string(text, append_middleware=[middlewares.LatexDecodingMiddleware()])
    if library.failed_blocks:
        line = (library.failed_blocks[0].start_line or 0) + 1
        raise DataError(f"{name} line {line}: this entry is no BibTeX; check its braces and commas, or export it again")
    records = [_bibtex_fields(entry, name) for entry in library.entries]
    return _cells(records, name)


def read_ris(text: str, *, name: str) -> tuple[dict[str, str], ...]:
    """Return the cells of every record of a RIS text, in order.

    Raises
    ------
    DataError
        No record, text that is no RIS, or the reader is not installed.
    """
    reader = _library("rispy", name)
    try:
        with _silent():
            found = reader.loads(text)
    except Exception as error:
        # rispy documents no exceptions of its own: OSError, ValueError, KeyError and IndexError have been met
        raise DataError(f"{name} is no RIS ({' '.join(str(error).split())[:80]}); export it again") from None
    return _cells([_ris_fields(record, name) for record in found], name)


def identifier_of(cells: Mapping[str, str], taken: Collection[str]) -> str:
    """Return an identifier such as "koenig2021", with a letter behind it where that is taken."""
    year = cells.get("year", "")
    authors = cells.get("citation", "").partition(f" {year}")[0]
    first = re.split(r" et al\.| and |,", authors, maxsplit=1)[0]
    base = (re.sub(r"[^a-z]", "", _ascii(first).casefold()) or "study") + year
    endings = ("", *"bcdefghijklmnopqrstuvwxyz")
    free: str | None = next((base + ending for ending in endings if base + ending not in taken), None)
    if free is None:
        raise DataError(f"{base} and {base}b to {base}z are all taken; name the row with --set id=...")
    return free


def year_of(text: str, *, where: str) -> str:
    """Return the year that a text states; blank where it holds no number.

    Raises
    ------
    DataError
        A number that is no year of the schema.
    """
    column = table("studies").column("year")
    low, high = column.low or 0, column.high or 0
    years = [year for year in re.findall(r"\b\d{4}\b", text) if low <= int(year) <= high]
    if not years and re.search(r"\d", text):
        raise DataError(f"{where}: {text!r} holds no year from {low:g} to {high:g}; correct it or leave it empty")
    return years[0] if years else ""


def _cells(records: list[dict[str, str]], name: str) -> tuple[dict[str, str], ...]:
    if not records:
        raise DataError(f"{name} holds no record; export the references again as BibTeX or RIS")
    known = table("studies").names
    return tuple({key: value for key, value in record.items() if value and key in known} for record in records)


def _bibtex_fields(entry: Any, name: str) -> dict[str, str]:
    fields = {key.lower(): _plain(str(field.value)) for key, field in entry.fields_dict.items()}
    authors = [author for author in re.split(r"\s+and\s+", fields.get("author", "")) if author]
    return _record(
        name=name,
        authors=authors,
        year=fields.get("year", "") or fields.get("date", ""),
        journal=fields.get("journal", "") or fields.get("journaltitle", "") or fields.get("booktitle", ""),
        title=fields.get("title", ""),
        doi=fields.get("doi", ""),
        pmid=fields.get("pmid", ""),
        pmcid=fields.get("pmcid", "") or fields.get("pmc", ""),
    )


def _ris_fields(record: Mapping[str, Any], name: str) -> dict[str, str]:
    def first(*keys: str) -> str:
        return next((_plain(str(record[key])) for key in keys if record.get(key)), "")

    accession = first("accession_number")
    return _record(
        name=name,
        authors=[_plain(str(author)) for author in record.get("authors") or record.get("first_authors") or []],
        year=first("year", "publication_year", "date"),
        journal=first("alternate_title3", "journal_name", "alternate_title2", "secondary_title"),
        title=first("title", "primary_title"),
        doi=first("doi"),
        pmid=accession if FORMS["pmid"][0].fullmatch(accession) else "",
        pmcid="",
    )


def _record(
    *, name: str, authors: list[str], year: str, journal: str, title: str, doi: str, pmid: str, pmcid: str
) -> dict[str, str]:
    stated = year_of(year, where=f"{name}, {title or ' and '.join(authors) or 'a record'}")
    found = DOI.search(doi)
    return {
        "citation": _citation(authors, stated, journal) or title,
        "title": title,
        "year": stated,
        "doi": found[0] if found else "",
        "pmid": pmid,
        "pmcid": pmcid if pmcid.startswith("PMC") or not pmcid else f"PMC{pmcid}",
    }


def _citation(authors: list[str], year: str, journal: str) -> str:
    surnames = [author.split(",")[0].strip() if "," in author else author.split()[-1] for author in authors]
    if not surnames:
        return ""
    several = len(surnames) > LONGEST_CITATION_AUTHORS
    names = f"{surnames[0]} et al." if several else " and ".join(surnames)
    return " ".join(part for part in (names, year, journal) if part)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).replace("{", "").replace("}", "").split())


def _ascii(text: str) -> str:
    spelled = text.translate(SPELLED)
    return unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode("ascii")


def _library(module: str, name: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        needed = f"{Path(name).name} needs {module}, which is not installed"
        raise DataError(f"{needed}: pip install 'assuage[records]'") from None


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keep a library's own log off the screen: what it could not read is refused with one line."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
