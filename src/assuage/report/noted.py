"""Notes of a proposal as a reader takes them in: short points, their sources as footnotes, the numerics apart."""

import re
from dataclasses import dataclass, field

from assuage.report import words

NUMERICS = re.compile(r"^forward solutions?\b")
DELIVERED = re.compile(r"\s*The model carries these currents to [^ ]+ %\.")
LEVELS = "|".join(
    ("abstract", "from memory", "unverified", "derived", "repository_code", "device file", "vendor_\\w+", "registry")
)
_PARENTHESIS = re.compile(rf"\s*[(\[]([^()\[\]]*\b(?:{LEVELS})\b[^()\[\]]*(?:\([^()]*\)[^()\[\]]*)?)[)\]]")
_CITED = re.compile(
    r"(?<!\bof )(?<!fter )(?<!\bby )(?:: )?\b"
    r"([A-Z][\w-]+(?:, [A-Z][\w-]+)*(?: (?:&|and) [A-Z][\w-]+| et al\.)?,? (?:19|20)\d\d\b"
    r"[^:;()]*?(?:\d+:[\w-]+)?[^:;()]*?(?: \(PMC[^)]*\)|doi:[^\s;,]*[^\s;,.:)]))"
)
_PART = re.compile(r"; |(?<=[a-z)0-9])(?<! al)\. (?=[A-Z0-9])")
_LABEL = re.compile(r"^([A-Za-z][\w /-]{2,28}): (?=\S)")
_OPENING = re.compile(r"^\(([^()]*)\)(?=[;,])")
SHORTEST = 12
"""A shorter rest is no text of its own: then the source stays where it is."""
LONG = 150
"""A note of more characters is shown in its parts."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One point: what it is about, its parts (text and numbers of its sources)."""

    label: str
    parts: tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True, kw_only=True)
class Notes:
    """Points with their footnotes, and how the numbers were solved."""

    points: tuple[Point, ...] = ()
    sources: tuple[str, ...] = ()
    method: tuple[str, ...] = ()


@dataclass
class _Footnotes:
    texts: list[str] = field(default_factory=list)

    def number(self, text: str) -> int:
        """Return the number of a source; the same source has one number."""
        text = text.strip(" ,:")
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text) + 1


def notes(lines: tuple[str, ...], proposal_words: str = "") -> Notes:
    """Return the notes of a technique in order.

    Parameters
    ----------
    lines
        As its record holds them.
    proposal_words
        Of its proposal; what the model delivers belongs to the method, see `headline`.
    """
    feet, points = _Footnotes(), []
    method = [found.strip() for found in DELIVERED.findall(proposal_words)]
    for line in lines:
        if NUMERICS.match(line):
            method.append(words.sentence(line))
            continue
        label = _LABEL.match(line)
        body = line[label.end() :] if label else line
        pieces = _pieces(body) if len(body) > LONG else [body]
        parts = tuple(_footed(piece, feet) for piece in pieces if piece.strip(" ."))
        if label:
            points.append(Point(label=words.heading(label[1]), parts=parts))
        else:
            points += [Point(label="", parts=(part,)) for part in parts]
    return Notes(points=tuple(points), sources=tuple(words.sentence(text) for text in feet.texts), method=tuple(method))


def headline(text: str) -> str:
    """Return the words of a proposal without what the model delivers, which belongs to the method."""
    return DELIVERED.sub("", text)


def _pieces(text: str) -> list[str]:
    """Return the parts of a long note; what stands in brackets stays together."""
    pieces, start = [], 0
    for match in _PART.finditer(text):
        before = text[: match.start()]
        if before.count("(") + before.count("[") == before.count(")") + before.count("]"):
            pieces.append(text[start : match.start()])
            start = match.end()
    return [*pieces, text[start:]]


def _footed(text: str, feet: _Footnotes) -> tuple[str, tuple[int, ...]]:
    """Return a text without its sources, and their numbers; how far a source was read stands with it."""
    cited, levels = _CITED.findall(text), _PARENTHESIS.findall(_CITED.sub("", text))
    bare = _OPENING.sub(r"\1", _PARENTHESIS.sub("", _CITED.sub("", text)).strip(" ,;:"))
    if not (cited or levels) or len(bare) < SHORTEST:
        return words.sentence(text), ()
    read = [words.SOURCE_LEVELS.get(level, level) for level in levels]
    source = "; ".join(cited) + (f" ({'; '.join(read)})" if cited and read else "; ".join(read))
    return words.sentence(re.sub(r"\s+(?=[,.;:])", "", bare)), (feet.number(source),)
