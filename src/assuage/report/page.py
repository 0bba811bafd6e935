"""The report: records and volumes of a plan, laid out by one template into one file that needs nothing else."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib

from assuage.errors import DataError
from assuage.figures import FIELD_MAP
from assuage.protocols.protocol import write_whole
from assuage.report import content, niivue
from assuage.report.reading import PlanFiles, read_plan
from assuage.report.templating import environment, template_text

if TYPE_CHECKING:
    from assuage.plan import Plan

LARGEST_BYTES = 25_000_000
"""A report travels by mail; mail servers commonly refuse more."""


def write_report(plan: "Plan | Path | str", path: Path | str) -> Path:
    """Write a plan as one offline HTML file.

    Parameters
    ----------
    plan
        Folder that `assuage plan` wrote, or a plan.
    path
        File to write; its folder exists. It appears whole or not at all.

    Returns
    -------
    The path.

    Raises
    ------
    DataError
        The folder holds no plan that this version reads.
    """
    files = read_plan(plan)
    page = render(files)
    out = Path(path)
    size = len(page.encode("utf-8"))
    if size > LARGEST_BYTES:
        raise DataError(
            f"the report would be {size / 1e6:.0f} MB (at most {LARGEST_BYTES / 1e6:.0f}); plan fewer techniques"
        )
    return write_whole(out, page)


def render(files: PlanFiles) -> str:
    """Return the report as HTML text."""
    stills, viewer = content.fields(files)
    maps = content.scalp_maps(files)
    context: dict[str, Any] = {
        "contents": content.contents(
            field=bool(stills),
            scalp=bool(maps),
            scale=any(item.currency is not None for item in files.record.techniques),
            courses=any(item.courses for item in files.record.techniques),
            combination=bool(files.record.combinations),
            distribution=files.record.target_distribution is not None,
            shortlist=files.record.shortlist is not None,
            evidence=files.record.evidence is not None,
            circuit=files.record.circuit is not None,
        ),
        **content.overview(files),
        **content.tables(files.record),
        "maps": maps,
        "stills": stills,
        "field_words": content.field_words(files),
        "viewer_data": _json_for_script(viewer),
        "script": niivue.script() if stills else None,
        "viewer_js": template_text("viewer.js"),
        "css": template_text("report.css"),
        "gradient": _gradient(),
        "qc_rows": content.qc_rows(files),
        "overlay": files.overlay,
        "plan": files.record,
    }
    return environment().get_template("report.html.j2").render(context)


def _json_for_script(value: Mapping[str, Any]) -> str:
    """JSON that may stand in a <script> element: no sequence in it can close the element."""
    return json.dumps(value).replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _gradient() -> str:
    colours = matplotlib.colormaps[FIELD_MAP]
    return ", ".join(matplotlib.colors.to_hex(colours(k / 10)) for k in range(11))
