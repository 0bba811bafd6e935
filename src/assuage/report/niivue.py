"""The viewer's script: NiiVue (BSD 2-Clause) as carried by the installed nilearn. Found, not redistributed."""

import importlib.util
from functools import cache
from importlib import resources
from pathlib import Path

NOTICE_FILE = "niivue_notice.txt"


def script_path() -> Path | None:
    """Return where the installed nilearn keeps NiiVue, or None; nilearn itself is not imported."""
    spec = importlib.util.find_spec("nilearn")
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0]) / "_assets" / "js" / "niivue.umd.js"
    return path if path.is_file() else None


@cache
def script() -> str | None:
    """Return the script with its licence notice, ready for a <script> element; None where it is not installed."""
    path = script_path()
    if path is None:
        return None
    notice = resources.files("assuage.report").joinpath("templates", NOTICE_FILE).read_text(encoding="utf-8")
    text = path.read_text(encoding="utf-8")
    return f"/*! {notice} */\n" + text.replace("</script", "<\\/script").replace("<!--", "<\\!--")
