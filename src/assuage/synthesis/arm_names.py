"""Two groups by the words that end or begin the names of their columns: d.asp n.asp d.plac n.plac, pop1 deaths1 pop0.

The words need not be known: two of them that stand with the same quantities, enough for an effect, are the groups. The
second is the one that names a control (plac, cont, usual, untreated, nonsmokers beside smokers, 0 beside 1). Where
neither or both do, which is first is not said, and it is asked for; so is which of two columns of one quantity is meant
(resp.plac and deaths.plac).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

QUANTITIES: dict[str, tuple[str, ...]] = {
    "events": (
        "events", "event", "ev", "e", "d", "r", "x", "deaths", "death", "dead", "died", "cases", "case", "responders",
        "resp", "succ", "success", "successes", "pos", "npos", "ns", "nevents",
    ),
    "non": (
        "nonevents", "noevents", "noevent", "noncases", "nocases", "neg", "nneg", "nf", "failures", "nonresponders",
    ),
    "n": ("n", "total", "tot", "size", "pop", "nobs", "ntotal", "samplesize", "ss", "participants", "patients"),
    "m": ("mean", "m", "avg", "average", "x", "y"),
    "sd": ("sd", "s", "std", "stdev", "standarddeviation"),
    "se": ("se", "sem", "stderr"),
    "var": ("var", "variance"),
    "t": (
        "time", "py", "pyears", "pyrs", "personyears", "patientyears", "persontime", "exposure", "personmonths",
        "persondays",
    ),
}  # fmt: skip
CONTROLS = frozenset({
    "2", "0", "c", "con", "cont", "contr", "ctl", "ctr", "ctrl", "ctrls", "control", "controls", "comparator",
    "comparison", "placebo", "plac", "pla", "pbo", "pcb", "sham", "usual", "tau", "unexposed", "nonexposed",
    "untreated", "waitlist", "wl", "wlc", "waitinglist", "reference", "ref", "none", "notreatment", "standard", "b",
})  # fmt: skip
TREATED = frozenset({
    "1", "e", "exp", "exper", "experimental", "t", "trt", "tx", "treat", "treated", "treatment", "int", "interv",
    "intervention", "active", "verum", "exposed", "stim", "drug", "vacc", "vaccinated", "case", "i", "a",
})  # fmt: skip
NO_GROUP = frozenset({
    "all", "whole", "overall", "both", "combined", "baseline", "pre", "post", "before", "after", "start", "end",
    "change", "followup", "follow", "men", "women", "male", "female", "diff", "difference", "total", "pooled",
})  # fmt: skip
"""Everyone, a time, or a part of the people."""
COMPLETE: tuple[dict[str, tuple[str, str]], ...] = (
    {"m": ("m1", "m2"), "sd": ("sd1", "sd2"), "n": ("n1", "n2")},
    {"m": ("m1", "m2"), "se": ("se1", "se2"), "n": ("n1", "n2")},
    {"m": ("m1", "m2"), "var": ("var1", "var2"), "n": ("n1", "n2")},
    {"events": ("a", "c"), "n": ("n1", "n2")},
    {"events": ("a", "c"), "non": ("b", "d")},
    {"events": ("x1", "x2"), "t": ("t1", "t2")},
)
"""Quantities that make an effect, and their roles in the first and the second group; x with a deviation is a mean."""


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Roles of the columns of two groups.

    `unordered`: the first could as well be the second; `rivals`: two columns that could be one quantity of a group.
    """

    roles: dict[str, str] = field(default_factory=dict)
    words: tuple[str, str] = ("", "")
    unordered: bool = False
    rivals: tuple[str, ...] = ()


def has_groups(found: set[str]) -> bool:
    """Return whether some roles are those of two groups, complete."""
    return any(all({first, second} <= found for first, second in way.values()) for way in COMPLETE)


def groups_in(header: Sequence[str]) -> Groups:
    """Return the two groups that the names of the columns tell, or none."""
    by_word: dict[str, dict[str, str]] = {}
    also: dict[tuple[str, str], str] = {}
    for name in header:
        for quantity, word in _readings(name):
            if by_word.setdefault(word, {}).setdefault(quantity, name) != name:
                also[word, quantity] = name
    for way in COMPLETE:
        words = [word for word, held in by_word.items() if way.keys() <= held.keys() and word not in NO_GROUP]
        distinct = len({by_word[word][quantity] for word in words for quantity in way}) == len(words) * len(way)
        if len(words) != 2 or not distinct:
            continue
        first, second, unordered = _ordered(*words)
        twice = next((key for key in also if key[0] in words and key[1] in way), None)
        return Groups(
            roles={
                role: by_word[word][quantity]
                for quantity, pair in way.items()
                for word, role in zip((first, second), pair, strict=True)
            },
            words=(first, second),
            unordered=unordered,
            rivals=(by_word[twice[0]][twice[1]], also[twice]) if twice else (),
        )
    return Groups()


def _readings(name: str) -> list[tuple[str, str]]:
    """Return every (quantity, word of the group) that a name can be cut into."""
    parts = re.findall(r"[a-z]+|[0-9]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower())
    found = []
    for at in range(1, len(parts)):
        left, right = "".join(parts[:at]), "".join(parts[at:])
        for one, other in ((left, right), (right, left)):
            found += [(quantity, other) for quantity, names in QUANTITIES.items() if one in names]
    if len(parts) == 1:
        whole = parts[0]
        for quantity, names in QUANTITIES.items():
            found += [(quantity, whole[len(n) :]) for n in names if whole.startswith(n) and whole[len(n) :]]
            found += [(quantity, whole[: -len(n)]) for n in names if whole.endswith(n) and whole[: -len(n)] in _KNOWN]
    return found


_KNOWN = CONTROLS | TREATED


def _ordered(one: str, other: str) -> tuple[str, str, bool]:
    """Return first and second group, and whether that order is open."""
    first, second = (_is_control(other, one), _is_control(one, other))
    if first == second:
        first, second = (_bare(word) in TREATED for word in (one, other))
    return (other, one, False) if second and not first else (one, other, first == second)


def _bare(word: str) -> str:
    """Return a word without arm, group or the i of an index."""
    short = re.sub(r"(arm|group|grp)$|^(arm|group|grp)", "", word)
    return short[:-1] if short.endswith("i") and short[:-1] in _KNOWN else short or word


def _is_control(word: str, other: str) -> bool:
    word, other = _bare(word), _bare(other)
    if word == "2" or other == "2":
        return word == "2"
    return word in CONTROLS or word in {f"non{other}", f"un{other}", f"no{other}"}
