"""`assuage plan`: from what was typed to a folder with a plan and its report."""

import json
import shlex
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from assuage.cli.alternating import rhythm_of
from assuage.cli.anisotropy import with_tensors
from assuage.cli.head import load
from assuage.cli.listing import console
from assuage.cli.plan_request import (
    OVER_TARGET_FILE,
    Request,
    aim_of,
    implant_of,
    individual_target,
    read_request,
    sphere_at,
)
from assuage.cli.progress import StepProgress
from assuage.errors import PlanError
from assuage.plan import PlanRecord, plan
from assuage.plan.over_target import over_target
from assuage.plan.records import TechniqueRecord
from assuage.report import head_quality, words, write_report
from assuage.report.reading import QC_FOLDER
from assuage.units import A_PER_MA

REPORT_FILE = "report.html"
SHARE_OF_PLANNING, SHARE_OF_VOLUMES, SHARE_OF_CHECK = 0.92, 0.93, 0.94
"""Where planning, writing and the check of the head end, of the whole task by time; the report takes the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A plan on disk."""

    folder: Path
    record: PlanRecord
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return where the files are and the record of the plan."""
        return {
            "folder": str(self.folder),
            "report": str(self.folder / REPORT_FILE),
            "plan": self.record.model_dump(mode="json"),
        }

    def print(self) -> None:
        """Print the ranking and where the report is."""
        screen = console()
        table = Table(title=self.record.title, title_justify="left", title_style="bold", box=None, pad_edge=False)
        for heading in ("", "technique", "intensity", "in the target, V/m", "against", "cited limits"):
            table.add_column(heading)
        by_name = {item.technique: item for item in self.record.techniques}
        for rank in sorted(self.record.ranking.ranks, key=lambda rank: rank.place):
            item = by_name[rank.technique]
            dose = item.dose
            field = words.with_error(dose.magnitude_V_per_m, dose.error.combined_sd_V_per_m)
            if item.currency is not None and item.currency.target != self.record.target.name:
                field += f" in {item.currency.target}"
            if dose.is_unit:
                field += " for each A/µs"
            share = f"{words.percent(dose.relative_to_reference)} of {dose.reference_name}"
            row = (str(rank.place), item.label, words.typeset(dose.intensity), field, share)
            table.add_row(*(Text(cell) for cell in row), Text(words.WORST_WORDS[item.worst_verdict]))
        screen.print(table)
        for item in self.record.techniques:
            if item.courses:
                screen.print(_courses(item))
        for both in self.record.combinations:
            screen.print(Text(f"{both.label}: {words.listing(both.words)}"))
        for name, why in self.record.skipped.items():
            screen.print(Text(f"no proposal for {words.TECHNIQUES.get(name, name)}: {why}"))
        screen.print(Text("Research planning aid, not a medical device.", style="bold"))
        screen.print(Text(f"report: {self.folder / REPORT_FILE}  ({self.seconds:.0f} s)"), soft_wrap=True)


def _courses(item: TechniqueRecord) -> Table:
    """Return the courses of a coil as a table."""
    table = Table(title=f"Courses of {item.label}", title_justify="left", box=None, pad_edge=False)
    for heading in ("course", "pulses", "a session", "sessions", "intensity", "in the target, V/m", "cited limits"):
        table.add_column(heading)
    for course in item.courses:
        dose = course.intensity
        field = (
            f"{words.number(dose.target_over_threshold, digits=2)} of the threshold field"
            if dose.target_V_per_m is None
            else words.with_error(dose.target_V_per_m, dose.sd_V_per_m or 0.0)
        )
        row = (
            f"{course.label}*" if course.given else course.label,
            f"{course.pulses:,}", f"{course.pulses_per_session} in {words.short(course.session_s)} s",
            f"{course.sessions} in {course.days} days", words.typeset(dose.words), field,
            words.WORST_WORDS[course.worst_verdict],
        )  # fmt: skip
        table.add_row(*(Text(cell) for cell in row))
    named = [course.given for course in item.courses if course.given]
    table.caption, table.caption_justify = (f"* {'; '.join(named)}", "left") if named else (None, "left")
    return table


def make_plan(request: Request) -> Result:
    """Load, plan, write; the folder appears whole or not at all.

    A report that cannot be made does not cost the plan: the folder is written, and the command still fails.

    Raises
    ------
    AssuageError
        What was asked for does not fit together, does not exist, or cannot be written.
    """
    started = time.monotonic()
    asked = read_request(request)
    found = asked.found
    head = with_tensors(request, load(request.head, request.tissues))
    aim = aim_of(request, head, asked) if found is None else individual_target(request, head, found)
    implant = implant_of(request, head)
    partner = (
        request.tacs_partner if asked.second is None else sphere_at(request, head, asked.second, request.radius_mm)
    )
    rhythm = rhythm_of(request, partner)
    with StepProgress() as progress:
        made = plan(
            head,
            aim,
            asked.techniques,
            voxel_mm=request.voxel_mm,
            region=request.region,
            radius_mm=request.radius_mm,
            coil=asked.coil,
            current_A=request.current_milliampere * A_PER_MA,
            hair_mm=request.hair_mm,
            seed=request.seed,
            driving=asked.driving,
            rhythm=rhythm,
            courses=asked.courses,
            implant=implant,
            choosing=asked.choosing,
            sessions=asked.sessions,
            whereabouts=asked.whereabouts,
            protocol={} if request.age_years is None else {"age_years": request.age_years},
            command=shlex.join(["assuage", *sys.argv[1:]]),
            progress=lambda stage, fraction: progress(stage, SHARE_OF_PLANNING * fraction),
        )

        failed: list[Exception] = []

        def finish(folder: Path) -> None:
            try:
                progress("check the head", SHARE_OF_VOLUMES)
                (folder / QC_FOLDER).mkdir()
                head_quality.write(made.head, folder / QC_FOLDER)
                if found is not None:
                    values = over_target(made, found)
                    (folder / OVER_TARGET_FILE).write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
                progress("write the report", SHARE_OF_CHECK)
                write_report(folder, folder / REPORT_FILE)
            except Exception as error:
                failed.append(error)

        progress("write the volumes", SHARE_OF_PLANNING)
        record = made.write(request.out, force=request.force, finish=finish)
    if failed:
        raise PlanError(
            f"the plan is complete in {request.out}, but its report could not be made ({failed[0]}); "
            "the numbers are in plan.json"
        ) from failed[0]
    return Result(folder=request.out, record=record, seconds=time.monotonic() - started)
