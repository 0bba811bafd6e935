"""Names of columns and the shape of a table: which column means what, by the names that published files use.

Names are compared without case, spaces and signs: `std.err`, `Std_Err` and `stderr` are one name, `t[,1]` is `t1`.

| layout | needs |
|---|---|
| arms | study, treatment, and events n, or mean sd n, or mean se, or events person_time; one row for each arm |
| wide arms | treatment, and the same, numbered: treat1 event1 n1 treat2 event2 n2 ...; one row for each study |
| arms by treatment | the same with the treatment in the name: dA nA dB nB ..., empty where a study lacks it |
| contrasts | study, treat1, treat2, an effect, and its se, variance or interval; one row for each contrast |
| baseline contrasts | study, treatment, diff, se; the baseline has no diff, and in multi-arm studies its own se |
| wide baseline contrasts | t1 t2 ..., y2 y3 ..., se2 se3 ..., V; as in WinBUGS |

An effect under a name such as `OR`, `RR` or `HR` is a ratio and gets its logarithm; `logOR`, `lnHR`, `TE`, `effect` and
`yi` are already on the scale of analysis. Names that are not known are given by the user: role=column.
"""

import re
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import product

from assuage.errors import DataError
from assuage.synthesis.columns import plain

ARM_ROLES: dict[str, tuple[str, ...]] = {
    "treatment": (
        "treatment", "treat", "trt", "trtc", "intervention", "drug", "treatmentname", "arm", "tid", "trtn", "t", "tx",
    ),
    "events": (
        "events", "event", "r", "responders", "response", "resp", "xi", "x", "cases", "death", "deaths", "dead",
        "success", "successes", "nevents", "eventcount", "d", "exac", "stroke",
    ),
    "n": (
        "n", "ni", "total", "samplesize", "size", "ss", "ntotal", "randomized", "randomised", "participants",
        "patients", "nrandomized", "nrandomised", "npatients", "tot", "ntot", "nobs",
    ),
    "nonevents": ("nonevents", "noevents", "noevent", "nonevent", "nonresponders", "nonresponse", "failures", "neg"),
    "mean": ("mean", "mi", "m", "y", "outcome", "meanchange", "change", "yi"),
    "sd": ("sd", "sdi", "stddev", "std", "standarddeviation", "stdev", "s"),
    "se": ("se", "sei", "stderr", "standarderror", "sem", "semean"),
    "person_time": (
        "persontime", "time", "exposure", "e", "personyears", "patientyears", "py", "pt", "tpy", "years", "followup",
        "person", "atrisk",
    ),
    "variance": ("v", "variance", "var", "vi", "basevariance", "baselinevariance", "vararm1"),
}  # fmt: skip
EFFECT_ROLES: dict[str, tuple[str, ...]] = {
    "effect": (
        "te", "effect", "estimate", "es", "effectsize", "yi", "y", "diff", "differences", "difference", "logeffect",
        "coef", "d", "g",
    ),
    "se": (
        "sete", "se", "sei", "stderr", "standarderror", "seeffect", "sediff", "seyi", "sey", "selogor", "selnor",
        "selogrr", "selnrr", "seloghr", "selnhr", "selhr", "selor", "semd", "sesmd", "selogirr", "selnirr", "sed",
        "sediffs",
    ),
    "variance": ("vi", "v", "var", "variance", "vare", "varte"),
    "lower": (
        "lower", "lo", "low", "cilow", "cilower", "lowerci", "lcl", "lci", "ll", "cilb", "lb", "cil", "lower95",
        "lower95ci", "95cilower", "lowerlimit", "lowerbound", "llci", "lowci",
        "ci95low",
    ),
    "upper": (
        "upper", "hi", "up", "high", "cihigh", "ciupper", "upperci", "ucl", "uci", "ul", "ciub", "ub", "ciu", "upper95",
        "upper95ci", "95ciupper", "upperlimit", "upperbound", "ulci", "upci",
        "ci95high", "highci",
    ),
    "baseline_se": ("baselinese", "sebaseline", "basese", "seb"),
    "baseline_variance": ("baselinevariance", "basevariance", "varbaseline", "vb"),
}  # fmt: skip
MEASURE_OF_NAME: dict[str, tuple[str, bool]] = {
    **dict.fromkeys(("logor", "lnor", "lor"), ("OR", False)),
    **dict.fromkeys(("logrr", "lnrr", "lrr"), ("RR", False)),
    **dict.fromkeys(("loghr", "lnhr", "lhr"), ("HR", False)),
    **dict.fromkeys(("logirr", "lnirr"), ("IRR", False)),
    **dict.fromkeys(("logrom", "lnrom", "rom"), ("ROM", False)),
    **dict.fromkeys(("or", "oddsratio"), ("OR", True)),
    **dict.fromkeys(("rr", "riskratio", "relativerisk"), ("RR", True)),
    **dict.fromkeys(("hr", "hazardratio"), ("HR", True)),
    **dict.fromkeys(("irr", "rateratio"), ("IRR", True)),
    "md": ("MD", False), "smd": ("SMD", False), "rd": ("RD", False),
}  # fmt: skip
ON_SCALE = ("te", "yi", "logeffect")
"""Never ratios: beside OR or HR they are its logarithm, and a standard error is theirs; bounds are the ratio's."""
VAGUE = ("id", "author", "authors", "firstauthor", "reference")
"""May number rows, or name two studies alike."""
STUDY = (
    "study", "studlab", "studyid", "trial", "studyname", "studyn", "studyc", "studynr", "stud", "trialid", "sid", "s",
    "studlabel", "label", *VAGUE,
)  # fmt: skip
AGAINST = (
    ("intervention", "comparator"), ("treatment", "comparator"), ("treat", "comparator"), ("treatment", "control"),
    ("experimental", "control"), ("intervention", "control"), ("treat", "comp"), ("trt", "comp"),
    *((arm, other) for arm in ("treatment", "treat", "trt") for other in ("ref", "reference", "base", "baseline")),
)  # fmt: skip
LETTERED = ("treat", "treatment", "trt", "arm", "intervention", "drug")
FIRST = ("treat", "treatment", "trt", "t", "arm", "intervention", "drug")
MODERATOR_ROLES: dict[str, tuple[str, ...]] = {
    "rob": ("rob", "riskofbias", "bias", "overallrob", "overallbias"),
    "indirectness": ("indirectness", "indirect", "directness"),
}
ROLES = sorted({"study", "treat1", "treat2", *ARM_ROLES, *EFFECT_ROLES, *MODERATOR_ROLES})

One = Callable[[str, Sequence[str]], dict[str, str]]
"""Finds the column of a role by its known names: role to column, or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The shape of a table: its kind, and for each role the column (or the numbered columns) that hold it."""

    kind: str
    """arms, wide_arms, named_arms, contrasts, baseline or wide_baseline"""
    single: dict[str, str]
    numbered: dict[str, dict[int, str]]
    measure: str | None = None
    is_ratio: bool = False
    labels: dict[int, str] = field(default_factory=dict)
    """Treatments by number, where the names of the columns hold them."""

    @property
    def used(self) -> set[str]:
        """The columns that have a role."""
        return set(self.single.values()) | {c for group in self.numbered.values() for c in group.values()}


def find_layout(
    columns: Sequence[str], given: Mapping[str, str], *, has_blank: Mapping[str, bool], is_distinct: Mapping[str, bool]
) -> Layout:
    """Tell which column means what.

    Parameters
    ----------
    columns
        Names as in the file.
    given
        Role to column, as the user named them; they come before every known name.
    has_blank
        For each column, whether some of its cells are empty: a baseline has no difference to itself.
    is_distinct
        For each column, whether no two cells are alike: it numbers rows, so in a table of arms it names no study.

    Raises
    ------
    DataError
        The columns make none of the known layouts.
    """
    names: dict[str, str] = {}
    for column in columns:
        names.setdefault(plain(column), column)
    for role, column in given.items():
        if role not in ROLES:
            raise DataError(f"--columns {role}={column}: no role {role!r}; roles are {', '.join(ROLES)}")
        if column not in columns and not _numbered(names, (plain(column),)):
            raise DataError(f"--columns {role}={column}: no column {column!r}; the file has {', '.join(columns)}")

    def one(role: str, aliases: Sequence[str]) -> dict[str, str]:
        if given.get(role) in columns:
            return {role: given[role]}
        free = {plain(column) for other, column in given.items() if other != role}
        return next(({role: names[alias]} for alias in aliases if alias in names and alias not in free), {})

    def study(known: Sequence[str] = STUDY, *, distinct: bool) -> dict[str, str]:
        fitting = [alias for alias in known if alias in names and is_distinct[names[alias]] == distinct]
        return one("study", [*fitting, *known])

    layout = (
        _contrasts(names, given, one("study", STUDY[: -len(VAGUE)]) or study(VAGUE, distinct=False), one)
        or _wide(names, given, study(distinct=True), one)
        or _long(study(distinct=False), one, has_blank)
        or _named(columns, study(distinct=True), one)
    )
    if layout is None:
        raise DataError(
            f"the columns {', '.join(columns)} make no known table; write arms (study, treatment, events, n | mean, "
            "sd, n | events, person_time), wide arms (treat1, event1, n1, treat2, ...) or contrasts (study, treat1, "
            "treat2, effect, se), or name them: --columns events=NAME,n=NAME"
        )
    return layout


def _pair(names: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    if "treat1" in given and "treat2" in given:
        return {"treat1": given["treat1"], "treat2": given["treat2"]}
    for stem in FIRST:
        for first, second in (("1", "2"), ("a", "b")):
            if stem + first in names and stem + second in names and not (stem == "t" and first == "a"):
                return {"treat1": names[stem + first], "treat2": names[stem + second]}
    for first, second in AGAINST:
        if first in names and second in names:
            return {"treat1": names[first], "treat2": names[second]}
    return {}


def _contrasts(names: Mapping[str, str], given: Mapping[str, str], study: Mapping[str, str], one: One) -> Layout | None:
    pair = _pair(names, given)
    if not pair:
        return None
    known = [(alias, MEASURE_OF_NAME[alias]) for alias in MEASURE_OF_NAME if alias in names]
    several = list({measure: names[alias] for alias, (measure, _) in known}.values())
    if len(several) > 1 and "effect" not in given:
        raise DataError(
            f"columns {several[0]} and {several[1]} are effects of two measures; say which: --columns "
            f"effect={several[0]} or effect={several[1]}"
        )
    named = known[0] if known else None
    found = one("effect", EFFECT_ROLES["effect"])
    measure, is_ratio = None, False
    spread = one("se", EFFECT_ROLES["se"]) or one("variance", EFFECT_ROLES["variance"])
    if named and "effect" not in given:
        measure, is_ratio = named[1]
        if is_ratio and spread and found and plain(found["effect"]) in ON_SCALE:
            is_ratio = False
        else:
            found = {"effect": names[named[0]]}
    elif found and plain(found["effect"]) in MEASURE_OF_NAME:
        measure, is_ratio = MEASURE_OF_NAME[plain(found["effect"])]
    if not found:
        return None
    own = plain(found["effect"])
    for role in ("se", "variance", "lower", "upper", "baseline_se", "baseline_variance"):
        named_after = [name for word in EFFECT_ROLES[role] for name in (own + word, word + own)]
        found |= one(role, [*named_after, *EFFECT_ROLES[role]])
    if not ({"se"} & found.keys() or {"variance"} & found.keys() or {"lower", "upper"} <= found.keys()):
        return None
    if not study:
        raise DataError(
            "a table of contrasts needs a column study, so that the contrasts of one trial are known as such; add it, "
            "with a name of its own in every row if each is a trial"
        )
    numbered = {"n": _numbered(names, ("n", "total", "samplesize"))} if "n1" in names else {}
    return Layout(
        kind="contrasts", single={**study, **pair, **found, **_further(one)}, numbered=numbered, measure=measure,
        is_ratio=is_ratio,
    )  # fmt: skip


def _further(one: One) -> dict[str, str]:
    found: dict[str, str] = {}
    for role, aliases in MODERATOR_ROLES.items():
        found |= one(role, aliases)
    return found


def _numbered(names: Mapping[str, str], stems: Sequence[str]) -> dict[int, str]:
    for stem in stems:
        for form in (stem + r"(\d{1,2})", r"(?:arm|group)?(\d{1,2})" + stem, stem + r"(?:arm|group)(\d{1,2})"):
            found = {int(match[1]): column for name, column in names.items() if (match := re.fullmatch(form, name))}
            if 2 in found:
                return found
    return {}


def _lettered(names: Mapping[str, str], stems: Sequence[str]) -> dict[int, str]:
    """Columns of arms named treatA, treatB, ...; by the place of the letter."""
    for stem in stems:
        found = {"abcdefgh".index(name[-1]) + 1: names[name] for name in names if re.fullmatch(stem + "[a-h]", name)}
        if {1, 2} <= found.keys():
            return found
    return {}


def _wide(names: Mapping[str, str], given: Mapping[str, str], study: Mapping[str, str], one: One) -> Layout | None:
    groups = {}
    arms = _lettered if not _numbered(names, FIRST) and _lettered(names, LETTERED) else _numbered
    for role, aliases in ARM_ROLES.items():
        own = (plain(given[role]),) if role in given else aliases
        if found := arms(names, own):
            groups[role] = found
    if "treatment" not in groups:
        return None
    single = {**study, **_further(one)}
    roles = groups.keys()
    if _complete(roles) and 1 in groups.get("events", groups.get("mean", {})):
        return Layout(kind="wide_arms", single=single, numbered=groups)
    effects = groups.get("mean")
    if effects and 1 not in effects and "se" in groups:
        return Layout(kind="wide_baseline", single=single | one("variance", ARM_ROLES["variance"]), numbered=groups)
    return None


def _named(columns: Sequence[str], study: Mapping[str, str], one: One) -> Layout | None:
    """Columns of each treatment, whose label ends the name: dA, nA; mean_placebo, sd_placebo, n_placebo."""
    for stems in (("events", "n"), ("mean", "sd", "n"), ("mean", "se"), ("events", "person_time")):
        for groups in product(*(_labels(columns, ARM_ROLES[role]).values() for role in stems)):
            shared = [label for label in groups[0] if all(label in group for group in groups)]
            if len(shared) > 1:
                numbered = {
                    role: {i: group[label] for i, label in enumerate(shared, 1)}
                    for role, group in zip(stems, groups, strict=True)
                }
                return Layout(
                    kind="named_arms", single={**study, **_further(one)}, numbered=numbered,
                    labels=dict(enumerate(shared, 1)),
                )  # fmt: skip
    return None


def _labels(columns: Sequence[str], stems: Sequence[str]) -> dict[str, dict[str, str]]:
    """For every stem the labels that follow it and their columns."""
    found: dict[str, dict[str, str]] = {}
    for stem in stems:
        for column in columns:
            label = column[len(stem) :].strip("._ -")
            if column.lower().startswith(stem) and label and not label.isdecimal():
                found.setdefault(stem, {})[label] = column
    return found


SPREADS: tuple[Set[str], ...] = ({"sd"}, {"se"}, {"variance", "n"}, {"lower", "upper"})
"""Of a mean."""


def _complete(roles: Set[str]) -> bool:
    return (
        {"events", "n"} <= roles
        or {"events", "nonevents"} <= roles
        or {"events", "person_time"} <= roles
        or ("mean" in roles and any(spread <= roles for spread in SPREADS))
    )


def _long(study: Mapping[str, str], one: One, has_blank: Mapping[str, bool]) -> Layout | None:
    found = one("treatment", ARM_ROLES["treatment"])
    if not found or not study or study["study"] == found["treatment"]:
        return None
    single = {**study, **found, **_further(one)}
    effect = one("effect", [*MEASURE_OF_NAME, *(a for a in EFFECT_ROLES["effect"] if a not in {"d", "g"})])
    spread = one("se", EFFECT_ROLES["se"]) | one("variance", ARM_ROLES["variance"])
    if effect and spread and has_blank[effect["effect"]]:
        measure, is_ratio = MEASURE_OF_NAME.get(plain(effect["effect"]), (None, False))
        return Layout(kind="baseline", single=single | effect | spread, numbered={}, measure=measure, is_ratio=is_ratio)
    for role, aliases in ARM_ROLES.items():
        single |= one(role, aliases)
    if "mean" in single and not {"sd", "se"} & single.keys():
        single |= one("lower", EFFECT_ROLES["lower"]) | one("upper", EFFECT_ROLES["upper"])
    return Layout(kind="arms", single=single, numbered={}) if _complete(single.keys()) else None
