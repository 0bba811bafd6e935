"""What a column of a study table means, from its name: the short names of the literature, plain words, RevMan's.

A role is what `effects` asks for:

| role | meaning |
|---|---|
| a b c d n1 n2 | events and non-events of arm 1 (treated), of arm 2, and sizes |
| m1 sd1 se1 var1 m2 sd2 se2 var2 | means, standard deviations, standard errors, variances (squared sd) of the arms |
| x1 t1 x2 t2 | events and time at risk of the arms |
| x m sd t n r | the same of one group; r a correlation |
| yi vi sei | effect as it is pooled (ratios on the log scale), variance, standard error |
| estimate ci_low ci_high p | effect as reported with its interval or two-sided p |
| ratio | odds, risk, hazard or rate ratio, not logged |
| d_value g_value t_value f_value direction | Cohen's d, Hedges' g, t, F with one numerator degree of freedom, sign |

Names are read without case, dots, spaces or underscores; a trailing i (n1i) means nothing.
"""

import re
from collections.abc import Mapping, Sequence

from assuage.errors import DataError
from assuage.synthesis.arm_names import Groups, groups_in, has_groups

_EXACT: dict[str, str] = {
    "ai": "a", "bi": "b", "ci": "c", "di": "d", "tpos": "a", "tneg": "b", "cpos": "c", "cneg": "d",
    "x1i": "x1", "x2i": "x2", "t1i": "t1", "t2i": "t2", "e1i": "x1", "e2i": "x2", "r1i": "a", "r2i": "c",
    "r1": "a", "r2": "c", "ri": "r", "ni": "n", "xi": "x", "mi": "m", "sdi": "sd", "ti": "t_value",
    "yi": "yi", "vi": "vi", "sei": "sei", "pi": "p", "zi": "yi",
}  # fmt: skip
_SINGLE: dict[str, tuple[str, ...]] = {
    role: tuple(words.split())
    for role, words in {
        "yi": (
            "y es effect effectsize te smd md rd meandifference riskdifference fisherz fishersz logor "
            "lnor logoddsratio logrr lnrr logriskratio loghr lnhr loghazardratio logirr lnirr "
            "lograteratio logodds lnoddsratio lnriskratio lnhazardratio lor lrr lhr meandiff differenceinmeans "
            " stdmeandifference stdmeandiff stdmdiff stddiffinmeans standardizedmeandifference "
            "standardisedmeandifference riskdiff logit yk theta metaes"
        ),
        "estimate": ("estimate est effectestimate pointestimate coef coefficient b beta prevalence prev proportion"),
        "vi": (
            "v var variance vyi vary vares esvar vareffsize sigma2 sigma2k effectvariance varianceofeffect "
            "samplingvariance"
        ),
        "sei": (
            "se sete stderr stderror standarderror seyi sees esse sey seeffect selogor selogrr "
            "seloghr selnor selnrr selnhr seg sed sesmd sigma sigmak sek metase"
        ),
        "ci_low": (
            "cilow cilb cilower cil lower lowerci lcl lci ll lb low lowerbound ci95low ci95lower "
            "95cilow 95cilower cistart cill lower95 conflow lower95ci cimin lowerlimit ci95lb lowercl "
            "llci loci cilo lowci ll95 lci95 lcl95 metacil"
        ),
        "ci_high": (
            "cihigh ciub ciupper ciu upper upperci ucl uci ul ub high upperbound ci95high ci95upper "
            "95cihigh 95ciupper ciend ciul upper95 confhigh upper95ci cimax upperlimit ci95ub uppercl "
            "ulci hici cihi highci ul95 uci95 ucl95 metaciu"
        ),
        "p": "p pvalue pval",
        "r": "r cor corr correlation pearsonr",
        "n": "n ntotal totaln samplesize total nobs sample ntot trials tested denominator",
        "x": "x events event cases responders successes positive positives numerator",
        "m": "m mean",
        "sd": "sd stdev standarddeviation",
        "t": "time persontime personyears personmonths persondays",
        "ratio": "or oddsratio rr riskratio relativerisk hr hazardratio irr rateratio incidencerateratio",
        "d_value": "d cohend cohensd",
        "g_value": "g hedgesg hedgeg hedgessg",
        "t_value": "t tvalue tval tstat tstatistic",
        "f_value": "f fvalue fval fstat fstatistic",
        "direction": "direction sign",
    }.items()
}
_MEASURE_OF: dict[str, str] = {
    name: measure
    for measure, names in {
        "OR": "or oddsratio logor lnor lor logoddsratio lnoddsratio",
        "RR": "rr riskratio relativerisk logrr lnrr lrr logriskratio lnriskratio",
        "HR": "hr hazardratio loghr lnhr lhr loghazardratio lnhazardratio",
        "IRR": "irr rateratio incidencerateratio logirr lnirr lograteratio",
        "SMD": (
            "smd g hedgesg hedgeg hedgessg d cohend cohensd stdmeandifference stdmeandiff stdmdiff stddiffinmeans "
            "standardizedmeandifference standardisedmeandifference"
        ),
        "MD": "md meandifference meandiff differenceinmeans",
        "RD": "rd riskdifference riskdiff",
        "ZCOR": "zi fisherz fishersz",
    }.items()
    for name in names.split()
}
_QUANTITY: dict[str, tuple[str, ...]] = {
    "m": ("m", "mean", "avg", "average"),
    "sd": ("sd", "std", "stdev", "s"),
    "se": ("se", "sem"),
    "n": ("n", "total", "size", "participants", "nn"),
    "events": ("events", "event", "cases", "responders", "deaths", "ev", "pos", "dead", "died", "yes"),
    "non": ("nonevents", "noevents", "noncases", "failures", "neg", "survivors", "alive", "no"),
    "count": ("x",),
    "time": ("time", "t", "persontime", "personyears", "personmonths", "persondays", "py"),
}
_ARM: dict[str, tuple[str, ...]] = {
    "1": ("1", "e", "exp", "experimental", "t", "trt", "tx", "treat", "treated", "treatment", "intervention", "active",
          "verum", "exposed", "stim", "i", "a"),
    "2": ("2", "c", "con", "ctl", "ctrl", "control", "controls", "comparator", "comparison", "placebo", "pbo", "sham",
          "unexposed", "waitlist", "untreated", "b"),
}  # fmt: skip
_ROLE_OF_PAIR = {
    "m": "m", "sd": "sd", "se": "se", "n": "n", "count": "x", "time": "t",
}  # fmt: skip
_NO_ARM = {"all", "whole", "overall", "both", "combined", "baseline", "pre", "post", "before", "after", "start", "end",
           "change", "followup", "follow", "men", "women", "male", "female", "tau", "usual"}  # fmt: skip
"""Beside a control arm they are everyone, a time, a part of the people or usual care, not the treated arm."""
_SPREADS: dict[str, tuple[str, ...]] = {
    "sei": ("se", "sei", "stderr", "stderror", "standarderror"), "vi": ("v", "vi", "var", "variance"),
    "ci_low": ("lower", "low", "lci", "lcl", "ll", "lb", "cilow", "cilower", "cilb"),
    "ci_high": ("upper", "high", "uci", "ucl", "ul", "ub", "cihigh", "ciupper", "ciub"),
}  # fmt: skip
"""Words of a spread that may stand before or behind the name of its effect."""
_FILLER = {"group", "arm", "grp", "of", "in", "the", "number", "patients", "subjects", "dev", "deviation", "standard"}


def plain(name: str) -> str:
    """Return a column name without case and separators."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def role_of(name: str) -> tuple[str, int] | None:
    """Return the role of a column and its rank (0: short names of the literature, 1: words); None if it has none."""
    key = plain(name)
    if key in _EXACT:
        return _EXACT[key], 0
    for role, names in _SINGLE.items():
        if key in names:
            return role, 1
    return _role_of_arm(name) or _role_of_spread(name)


def _role_of_spread(name: str) -> tuple[str, int] | None:
    """Return the role of a spread named with its effect: hr_lower, var_g, se.logor, or.ub."""
    effects = {*_MEASURE_OF, "es", "effect", "est", "estimate", "yi", "log", "ln", "te"}
    tokens = re.findall(r"[a-z]+|[0-9]+", name.lower())
    rest = "".join(token for token in tokens if token not in effects)
    spreads = ("vi", "sei", "ci_low", "ci_high", "p")
    if not rest or len(tokens) < 2:
        return None
    return next(((role, 2) for role in spreads if rest in _SINGLE[role] or _EXACT.get(rest) == role), None)


def _tokens(name: str) -> list[str]:
    return [t for t in re.findall(r"[a-z]+|[0-9]+", name.lower()) if t not in _FILLER]


def _treated_label(header: Sequence[str]) -> str | None:
    """Return the one label that stands beside `control` with the same quantities (x.nrt n.nrt x.ctrl n.ctrl)."""
    quantities = {word for words in _QUANTITY.values() for word in words}
    found: dict[str, set[str]] = {}
    for tokens in (_tokens(name) for name in header):
        for quantity, label in (tokens, tokens[::-1]) if len(tokens) == 2 else ():
            if quantity in quantities and len(label) > 2 and label not in _NO_ARM | quantities:
                found.setdefault(label, set()).add(quantity)
    controls = [label for label in found if label in _ARM["2"] and len(found[label]) > 1]
    others = [label for label in found if label not in controls and any(found[label] == found[c] for c in controls)]
    return others[0] if len(controls) == len(others) == 1 else None


def _role_of_arm(name: str, treated: str | None = None) -> tuple[str, int] | None:
    tokens = _tokens(name)
    joined = "".join(tokens)
    tokens = ["nonevents", *tokens[2:]] if joined.startswith(("nonevents", "noevents")) and len(tokens) > 1 else tokens
    if len(tokens) == 3 and tokens[2] == "i":
        tokens = tokens[:2]
    if len(tokens) != 2:
        return None
    for quantity, arm in ((tokens[0], tokens[1]), (tokens[1], tokens[0])):
        what = next((role for role, names in _QUANTITY.items() if quantity in names), None)
        which = "1" if arm == treated else next((number for number, names in _ARM.items() if arm in names), None)
        if what and which:
            if what in {"events", "non"}:
                return {"events1": "a", "non1": "b", "events2": "c", "non2": "d"}[what + which], 1
            return _ROLE_OF_PAIR[what] + which, 1
    return None


def roles(header: Sequence[str], given: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return role -> column of a table, and role -> a second column that claims it with equal right.

    `given` maps roles to columns and goes first.

    Raises
    ------
    DataError
        `given` names a column or role that is not there.
    """
    known = (
        set(_EXACT.values())
        | set(_SINGLE)
        | {"study"}
        | {f"{q}{i}" for q in ("m", "sd", "se", "var", "n") for i in "12"}
    )
    for role, column in given.items():
        if role not in known:
            raise DataError(
                f"--columns {role}={column}: {role!r} is not a role; take one of {', '.join(sorted(known))}"
            )
        if column not in header:
            raise DataError(f"--columns {role}={column}: there is no column {column!r}; there are {', '.join(header)}")
    found: dict[str, tuple[str, int]] = {role: (column, -1) for role, column in given.items()}
    rivals: dict[str, str] = {}
    names = {plain(name) for name in header}
    treated = _treated_label(header)
    for name in header:
        claim = _in_context(plain(name), names) or role_of(name) or _role_of_arm(name, treated)
        if claim is None or name in given.values():
            continue
        role, rank = claim
        held = found.get(role)
        if held is None or rank < held[1]:
            found[role] = (name, rank)
            rivals.pop(role, None)
        elif rank == held[1]:
            rivals[role] = name
    meaning = {role: column for role, (column, _) in found.items()}
    _own_spreads(meaning, rivals, header, given)
    _settle(meaning)
    _take(groups_in(header), meaning, rivals, given)
    return meaning, rivals


def _own_spreads(
    meaning: dict[str, str], rivals: dict[str, str], header: Sequence[str], given: Mapping[str, str]
) -> None:
    """Prefer the spread that is named after the effect (v_ln_OR beside ln_OR) to any other."""
    effects = [plain(meaning[role]) for role in ("yi", "ratio", "estimate", "g_value", "d_value") if role in meaning]
    for effect in effects[:1]:
        for role, words in _SPREADS.items():
            own = [name for name in header if plain(name) in {w + effect for w in words} | {effect + w for w in words}]
            if len(own) == 1 and role not in given and own[0] not in given.values():
                for other in [r for r, name in meaning.items() if name == own[0]]:
                    del meaning[other]
                meaning[role] = own[0]
                rivals.pop(role, None)


def _settle(meaning: dict[str, str]) -> None:
    """Settle roles that hang on which others are there."""
    has = meaning.keys()
    if {"x1", "x2", "n1", "n2"} <= has and not {"a", "t1"} & has:
        meaning["a"], meaning["c"] = meaning.pop("x1"), meaning.pop("x2")
    if {"a", "c", "t1", "t2"} <= has and not {"n1", "n2", "b", "d", "x1"} & has:
        meaning["x1"], meaning["x2"] = meaning.pop("a"), meaning.pop("c")
    if {"x", "n"} <= has and plain(meaning.get("estimate", "")) in {"prevalence", "prev", "proportion"}:
        del meaning["estimate"]
    if {"t1", "t2"} <= has and "x1" not in has:
        del meaning["t1"], meaning["t2"]
    if (
        "m" in has
        and not {"yi", "estimate", "ratio"} & has
        and not {"sd", "n"} <= has
        and has & {"sei", "vi", "ci_low"}
    ):
        meaning["estimate"] = meaning.pop("m")


def _take(groups: Groups, meaning: dict[str, str], rivals: dict[str, str], given: Mapping[str, str]) -> None:
    """Take the two groups that the names tell where no known names make them, or where those take means for counts."""
    means = {groups.roles.get("m1")} & {meaning.get("a"), meaning.get("x1")} - {None}
    if (
        groups.unordered
        or groups.rivals
        or not groups.roles
        or (has_groups(set(meaning)) and not means)
        or given.keys() & groups.roles
    ):
        return
    for role in [role for role, column in meaning.items() if column in groups.roles.values()]:
        del meaning[role]
        rivals.pop(role, None)
    meaning.update(groups.roles)
    for role in groups.roles:
        rivals.pop(role, None)


def open_groups(header: Sequence[str]) -> str:
    """Return what two groups leave open, which is the first or which column is meant, and what to write; or nothing."""
    groups = groups_in(header)
    said = ",".join(f"{role}={column}" for role, column in groups.roles.items())
    words = " and ".join(groups.words)
    if groups.rivals:
        first, other = groups.rivals
        return f"the groups {words}, and columns {first} and {other} for one number: --columns {said}, or with {other}"
    if groups.unordered:
        return f"two groups, {words}, either of which could be the first: --columns {said}, or the other way round"
    return ""


def _in_context(key: str, names: set[str]) -> tuple[str, int] | None:
    """Return the role of a name that means one thing beside some columns and another without them."""
    has_table = "ai" in names or "a" in names
    if key in {"a", "b", "c", "d"} and {"a", "c"} <= names:
        return key, 0
    if key == "di" and not has_table:
        return "d_value", 0
    if key == "ti" and names & {"xi", "x"} and "ni" not in names:
        return "t", 0
    if key == "t" and names & {"x", "events"} and "n" not in names:
        return "t", 1
    return _in_letters(key, names)


def _in_letters(key: str, names: set[str]) -> tuple[str, int] | None:
    """Return the role of letters that mean something together: Me Se Ne Mc Sc Nc, xt nt xc nc, xTi nTi xCi nCi."""
    if key in {"ne", "me", "se", "nc", "mc", "sc"} and {"ne", "me", "se", "nc", "mc", "sc"} <= names:
        return {"ne": "n1", "me": "m1", "se": "sd1", "nc": "n2", "mc": "m2", "sc": "sd2"}[key], 0
    compact = re.fullmatch(r"(n|x|m|mean|sd)([tec])()", key) or re.fullmatch(r"(n|x|m|mean|sd)([tc])(i)", key)
    if compact and {f"{compact[1]}c{compact[3]}", f"nc{compact[3]}"} <= names:
        return {"mean": "m"}.get(compact[1], compact[1]) + ("2" if compact[2] == "c" else "1"), 1
    return None


def measure_named(column: str) -> str | None:
    """Return the effect measure that a column's name says (logor, HR, smd); None where it says none."""
    return _MEASURE_OF.get(plain(column))
