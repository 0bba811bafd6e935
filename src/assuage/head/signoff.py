"""Who looked at a head and what they decided: `signoff.json` in the folder of the head.

A sign-off holds for the head and the quality figures that were looked at, by their hashes. A head or figures that
changed later make it void. A head that was rejected is not planned on.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from assuage.errors import DataError, HeadError
from assuage.head.folder import (
    EMBEDDED,
    FIGURES_FILE,
    RECORD_FILE,
    SIGN_FILE,
    SIGN_FORMAT,
    is_head_folder,
    read_head,
)
from assuage.head.hashing import file_hash, head_hash
from assuage.head.model import Head

State = Literal["signed", "rejected", "void", "embedded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOff:
    """The state of a head's sign-off.

    Attributes
    ----------
    state
        "signed", "rejected", "void" (something changed since), or "embedded" (part of the package, checked with it).
    by, signed_utc, note
        Who, when, and what they wrote.
    decision
        What was decided, also where it is void by now.
    head_sha256, quality_sha256
        Of the head and of qc.json as they were looked at.
    why
        Of a void sign-off: what changed.
    """

    state: State
    by: str = ""
    signed_utc: str = ""
    note: str = ""
    decision: str = ""
    head_sha256: str = ""
    quality_sha256: str = ""
    why: str = ""


def sign(folder: Path, *, by: str, reject: bool = False, note: str = "") -> Head:
    """Write `signoff.json` into the folder of a head; an earlier one is replaced. Returns the head with it.

    Raises
    ------
    DataError
        No name, or no quality figures to look at.
    HeadError
        Not the folder of a head.
    """
    if not is_head_folder(folder):
        raise HeadError(
            f"{folder} is not the folder of a head ({RECORD_FILE} is missing); write one with assuage head import "
            f"{folder} --out DIR, then sign that"
        )
    if not by.strip():
        raise DataError("--by is empty; write a name or initials, for example --by 'A. Example'")
    figures = folder / FIGURES_FILE
    if not figures.is_file():
        raise DataError(f"{figures} is missing, so nobody can have looked at it; build the head again")
    head = read_head(folder)
    record = {
        "format": SIGN_FORMAT,
        "decision": "rejected" if reject else "signed",
        "by": by.strip(),
        "signed_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "head_sha256": head_hash(head),
        "quality_sha256": file_hash(figures),
        "note": note.strip(),
    }
    scratch = folder / f".{SIGN_FILE}.partial"
    scratch.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    scratch.replace(folder / SIGN_FILE)
    return read_head(folder)


def sign_off(head: Head, *, sha256: str | None = None) -> SignOff | None:
    """Return the state of a head's sign-off, None where nobody has signed.

    Parameters
    ----------
    head
        As loaded: a folder's `signoff.json` came with it.
    sha256
        Its hash, if it is known already.
    """
    raw = head.sign_off
    if raw is None:
        return None
    if raw == EMBEDDED:
        return SignOff(state="embedded")
    changed = []
    if raw["head_sha256"] != (sha256 or head_hash(head)):
        changed.append("the head has changed since")
    if raw["quality_sha256"] != raw["quality_now_sha256"]:
        changed.append("its quality figures have changed since")
    return SignOff(
        state="void" if changed else raw["decision"],
        why=" and ".join(changed),
        **{name: raw[name] for name in ("by", "signed_utc", "note", "decision", "head_sha256", "quality_sha256")},
    )


def refuse_rejected(head: Head) -> None:
    """Refuse a head that was looked at and rejected.

    Raises
    ------
    HeadError
        The rejection holds for this head.
    """
    found = sign_off(head)
    if found is not None and found.state == "rejected":
        said = f": {found.note}" if found.note else ""
        raise HeadError(
            f"head {head.name!r} was rejected by {found.by} on {found.signed_utc[:10]}{said}; correct the scan or the "
            "labels and build the head again, or sign it"
        )


def said(found: SignOff | None) -> str:
    """Return the state in one sentence."""
    if found is None:
        return "nobody has signed off this head"
    if found.state == "embedded":
        return "the embedded head needs no sign-off"
    whom = f"{found.by} on {found.signed_utc[:10]}" + (f" ({found.note})" if found.note else "")
    if found.state == "void":
        return f"nobody has signed off this head as it is: the sign-off by {whom} is void, {found.why}"
    return f"{'rejected' if found.state == 'rejected' else 'signed off'} by {whom}"
