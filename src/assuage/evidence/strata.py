"""Grades by technique, target and people: the rule of `grades` on the trials of one stratum alone.

    stratum   one technique x one target x one sample (NSSI or other) x one age (adolescents or adults)
    grade     A, B, C, D or none, by `grades`, from the trials that lie in the stratum and from no others

An age group that is not stated is not guessed: such trials, and those of several or other ages, lie in strata of their
own. So do trials whose target was not stated, or whose side was not stated or is both. Where no trial of a stratum
counts, the trials of the technique that count elsewhere are named as indirect, each with what differs: sample, age,
target, and that it is a pooled analysis. They never lend their grade. Indirectness of population and intervention as in
GRADE (Guyatt et al. 2011, J Clin Epidemiol 64:1303; the abstract was read).
"""

import csv
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from assuage.evidence.grades import Grade, Graded, Trial, graded

Sample = Literal["nssi", "other"]
SAMPLES: dict[Sample, str] = {"nssi": "NSSI sample", "other": "other sample"}
Age = Literal["adolescents", "adults", "several or other ages", "age not stated"]
AGES: tuple[Age, ...] = ("adolescents", "adults")
SEVERAL: Age = "several or other ages"
NO_AGE: Age = "age not stated"
NO_TARGET = "target not stated"
CHILD_YEARS, ADULT_YEARS, GROWN_YEARS = 10, 18, 20
"""The words of the tables: adolescents about 10 to 19 years, adults 18 and over; at 18 and 19 both hold."""
SIDE_WORDS = {"left": "L", "right": "R", "l": "L", "r": "R"}
SIDES = {"L": "left {}", "R": "right {}", "": "{} (side not stated or both)"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Indirect:
    """Trials that count in other strata of the technique, by id, and what differs."""

    differs: tuple[str, ...]
    trials: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """A stratum with its grade.

    Attributes
    ----------
    target
        As `target_name` spells it, as printed where it is no region, or `NO_TARGET`.
    sample
        "nssi": people chosen because of non-suicidal self-injury.
    age
        A word of `AGES`, `SEVERAL` or `NO_AGE`.
    graded
        Trials of the stratum and their grade.
    indirect
        Trials elsewhere; empty where a trial of the stratum counts.
    """

    technique: str
    target: str
    sample: Sample
    age: Age
    graded: Graded
    indirect: tuple[Indirect, ...]

    @property
    def grade(self) -> Grade:
        """By the rule of `grades`."""
        return self.graded.grade

    @property
    def trials(self) -> tuple[str, ...]:
        """Rows of the table of trials, those that count first."""
        return tuple(trial.id for trial in self.graded.trials)

    @property
    def people(self) -> str:
        """Sample and age in words."""
        return f"{SAMPLES[self.sample]}, {self.age}"

    @property
    def reason(self) -> str:
        """Why this grade, with the trials behind it."""
        counted = [trial.id for trial in self.graded.trials if trial.counted]
        if counted:
            trials = self.graded.nssi_controlled + self.graded.other_controlled
            pooled = self.graded.pooled_analyses
            said = [
                f"{count} {one if count == 1 else several}"
                for count, one, several in (
                    (trials, "controlled trial", "controlled trials"),
                    (pooled, "pooled analysis", "pooled analyses"),
                )
                if count
            ]
            return f"{' and '.join(said)} with a result read: {', '.join(counted)}"
        if not self.graded.trials:
            return "no trial"
        return "none counts: " + ", ".join(f"{trial.id} ({trial.why_not})" for trial in self.graded.trials)

    @property
    def indirect_words(self) -> str:
        """What counts elsewhere, in words; blank where nothing does or none is needed."""
        return "; ".join(f"{', '.join(item.trials)} ({', '.join(item.differs)})" for item in self.indirect)


def strata(technique: str, trials: Iterable[Trial], *, target: str = "") -> tuple[Stratum, ...]:
    """Return the strata of a technique: every target of its trials, and always both samples of both ages.

    Parameters
    ----------
    trials
        All trials; those of other techniques are left out.
    target
        A target that stands first, whether trials have it or not; blank: only those of the trials.
    """
    own = [trial for trial in trials if technique in trial.techniques]
    named = sorted({target_of(trial) for trial in own}, key=lambda name: (name == NO_TARGET, name))
    return tuple(
        _stratum(technique, place, sample, age, own)
        for place in dict.fromkeys([target, *named] if target else named or [NO_TARGET])
        for sample in SAMPLES
        for age in (*AGES, *_other_ages(own, place, sample))
    )


def target_name(region: str, hemisphere: str) -> str:
    """Return how a region is called as a target: "left insula"."""
    return SIDES.get(hemisphere, SIDES[""]).format(region)


def target_of(trial: Trial) -> str:
    """Return the target of a trial: a region with its side, as printed where it is none, or `NO_TARGET`."""
    region, hemisphere = region_of(trial)
    return target_name(region, hemisphere) if region else trial.target or NO_TARGET


def region_of(trial: Trial) -> tuple[str, str]:
    """Return region and hemisphere ("L", "R" or "") of a trial's target; blank where it is no region of a circuit.

    A target is one that `trial_targets.csv` names, or a region of it with "left" or "right" in front.
    """
    words = " ".join(trial.target.casefold().split())
    found = _regions().get(words)
    if found is None:
        side, _, rest = words.partition(" ")
        region, own_side = _regions().get(rest, ("", ""))
        found = (region, SIDE_WORDS[side]) if side in SIDE_WORDS and region and not own_side else ("", "")
    return found


def age_of(age_groups: Collection[str]) -> Age:
    """Return the age of a sample by the words of its row: a word of `AGES`, `SEVERAL` or `NO_AGE`."""
    groups = frozenset(age_groups)
    if not groups:
        return NO_AGE
    if groups == {"adolescents"}:
        return "adolescents"
    return "adults" if groups <= {"adults", "older_adults"} else SEVERAL


def age_group(age_years: float | None) -> Literal["", "adolescents", "adults"]:
    """Return the word of `AGES` for a person; blank where the age is unknown, or where both or neither word holds."""
    if age_years is None or age_years < CHILD_YEARS or ADULT_YEARS <= age_years < GROWN_YEARS:
        return ""
    return "adolescents" if age_years < ADULT_YEARS else "adults"


@cache
def _regions() -> Mapping[str, tuple[str, str]]:
    text = files("assuage.evidence").joinpath("data/trial_targets.csv").read_text(encoding="utf-8")
    return {row["target"].casefold(): (row["region"], row["hemisphere"]) for row in csv.DictReader(text.splitlines())}


def _sample_of(trial: Trial) -> Sample:
    return "nssi" if trial.nssi == "yes" else "other"


def _other_ages(own: list[Trial], target: str, sample: Sample) -> Iterator[Age]:
    here = {age_of(trial.age_groups) for trial in own if target_of(trial) == target and _sample_of(trial) == sample}
    return (age for age in (SEVERAL, NO_AGE) if age in here)


def _stratum(technique: str, target: str, sample: Sample, age: Age, own: list[Trial]) -> Stratum:
    inside = [t for t in own if (target_of(t), _sample_of(t), age_of(t.age_groups)) == (target, sample, age)]
    found: dict[tuple[str, ...], list[str]] = {}
    if not any(trial.counted for trial in inside):
        for trial in own:
            if trial.counted and trial not in inside:
                found.setdefault(tuple(_differs(trial, target, sample, age)), []).append(trial.id)
    return Stratum(
        technique=technique,
        target=target,
        sample=sample,
        age=age,
        graded=graded(inside),
        indirect=tuple(
            Indirect(differs=differs, trials=tuple(ids))
            for differs, ids in sorted(found.items(), key=lambda item: (len(item[0]), item[0]))
        ),
    )


def _differs(trial: Trial, target: str, sample: Sample, age: Age) -> Iterator[str]:
    if trial.pools:
        yield "pooled analysis"
    if _sample_of(trial) != sample:
        yield SAMPLES[_sample_of(trial)]
    if age_of(trial.age_groups) != age:
        yield age_of(trial.age_groups)
    if target_of(trial) != target:
        yield target_of(trial)
