"""Coordinate-based meta-analysis (ALE, MKDA) by NiMARE where there are enough experiments; else the reason and counts.

Peaks are counted by experiment (a contrast of a study) after leaving out what may not be pooled: people not chosen
because of non-suicidal self-injury, studies without data of their own, contrasts that are not between groups, contrasts
and directions that are not known, and, for ALE, experiments without a number of people (it sets the kernel's width).

ALE needs at least 20 experiments: Eickhoff et al. 2016, NeuroImage 137:70, doi:10.1016/j.neuroimage.2016.04.072 (read:
the abstract), from simulations. Its authors confine that figure to ALE; none was found for MKDA, and the same number is
asked for.
"""

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from assuage.errors import DataError
from assuage.evidence.coordinates import Experiment, studyset_document
from assuage.evidence.peaks import experiments_of
from assuage.evidence.queries import visible_columns
from assuage.evidence.schema import SEPARATOR
from assuage.evidence.tables import Evidence, Row

FEWEST_EXPERIMENTS = 20
SOURCE = "Eickhoff et al. 2016, doi:10.1016/j.neuroimage.2016.04.072"
METHODS = ("ale", "mkda")
SIGNS = ("increase", "decrease")
RUNNER = "assuage.evidence.nimare_process"
"""NiMARE runs as a program of its own: it loads a package under the GPL, which is never imported here."""
VOXEL_P = 0.001
"""Cluster-forming threshold of NiMARE's examples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligible:
    """Experiments that may be pooled, and studies that were left out by reason."""

    method: str
    experiments: tuple[Experiment, ...]
    left_out: dict[str, tuple[str, ...]]
    without_peaks: int

    @property
    def enough(self) -> bool:
        """Whether there are as many as the method needs."""
        return len(self.experiments) >= FEWEST_EXPERIMENTS

    @property
    def sentence(self) -> str:
        """What there is, what was left out and what the method needs."""
        left = "; ".join(f"{reason}: {', '.join(studies)}" for reason, studies in self.left_out.items())
        source = SOURCE if self.method == "ale" else f"{SOURCE}, for ALE; none is known for MKDA"
        return (
            f"{self.method.upper()} needs {FEWEST_EXPERIMENTS} experiments at least ({source}), "
            f"{len(self.experiments)} may be pooled"
            + (f"; left out: {left}" if left else "")
            + (f"; {self.without_peaks} studies have no peaks in the tables" if self.without_peaks else "")
        )


def eligible(evidence: Evidence, *, method: str, domain: str = "", direction: str = "") -> Eligible:
    """Return the experiments that may be pooled by a method.

    Parameters
    ----------
    method
        "ale" or "mkda".
    domain
        One domain of the study, or "" for all.
    direction
        "increase", "decrease", or "" for both together.

    Raises
    ------
    DataError
        An unknown method, domain or direction.
    """
    _check(method, domain, direction)
    studies = {row.id: row for row in evidence.rows["studies"]}
    wanted = {study.id for study in studies.values() if not domain or domain in study["domain"].split(SEPARATOR)}
    kept: list[Row] = []
    left_out: dict[str, dict[str, None]] = {}
    for row in evidence.rows["coordinates"]:
        if row["study_id"] in wanted:
            reason = _reason(row, studies[row["study_id"]], direction)
            if reason:
                left_out.setdefault(reason, {})[row["study_id"]] = None
            else:
                kept.append(row)
    grouped = experiments_of(kept, evidence)
    pooled = [item for item in grouped.experiments if method != "ale" or item.people is not None]
    if method == "ale" and grouped.without_people:
        left_out["number of people not known"] = dict.fromkeys(grouped.without_people)
    having = {row["study_id"] for row in evidence.rows["coordinates"]}
    return Eligible(
        method=method,
        experiments=tuple(pooled),
        left_out={reason: tuple(ids) for reason, ids in left_out.items()},
        without_peaks=len(wanted - having),
    )


def pool(found: Eligible, out: Path, *, iterations: int, seed: int = 0) -> tuple[str, ...]:
    """Pool experiments with NiMARE, corrected by cluster-level family-wise error, and return the files written.

    Parameters
    ----------
    out
        Empty folder for NIfTI maps.
    iterations
        Of the permutation that corrects.

    Raises
    ------
    DataError
        Too few experiments, or NiMARE is not installed.
    """
    if not found.enough:
        raise DataError(f"cannot: {found.sentence}")
    if find_spec("nimare") is None:
        raise DataError("this needs NiMARE, which is not installed: pip install 'assuage[cbma]'")
    asked = {
        "method": found.method,
        "studyset": studyset_document(found.experiments, name="peaks"),
        "voxel_p": VOXEL_P,
        "iterations": iterations,
        "seed": seed,
        "out": str(out),
    }
    done = subprocess.run(
        [sys.executable, "-m", RUNNER], input=json.dumps(asked), text=True, capture_output=True, check=False
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise DataError(f"NiMARE stopped: {last}; check that its version is 0.22 or later")
    return tuple(sorted(path.name for path in out.iterdir()))


def _reason(row: Row, study: Row, direction: str) -> str:
    reasons = {
        "no data of its own": study["design"] != "primary",
        "people not chosen because of non-suicidal self-injury": study["nssi_sample"] != "yes",
        "contrast not known": row["comparison"] in {"", "unknown"},
        "not between groups": row["comparison"] != "group",
        "direction not known": row["direction"] not in SIGNS,
        "the other direction": bool(direction) and row["direction"] != direction,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _check(method: str, domain: str, direction: str) -> None:
    domains = visible_columns("studies")["domain"].words
    _one_of("method", method, METHODS)
    if domain:
        _one_of("domain", domain, domains)
    if direction:
        _one_of("direction", direction, SIGNS)


def _one_of(what: str, value: str, words: Iterable[str]) -> None:
    listed = tuple(words)
    if value not in listed:
        raise DataError(f"{what} {value!r} is unknown; choose {', '.join(listed)}")
