"""Read `.ccd` coil files; text helpers shared with the other reader.

A `.ccd` file: line 1 a comment with `key=value` fields separated by `;`, line 2 the number of dipoles, line 3 a
comment, then one dipole per line, `x y z mx my mz` in m and A m^2 per A.
"""

from pathlib import Path

import numpy as np

from assuage.errors import CoilFileError
from assuage.sources.coil import Coil
from assuage.units import A_PER_S_PER_A_PER_US, MM_PER_M

EXTENT_MM = (1.0, 1000.0)
"""Largest extent a coil can have: outside it, the file is in another unit."""
COLUMNS = 6


def read_ccd(path: Path) -> Coil:
    """Read a `.ccd` dipole file."""
    lines = read_text(path).splitlines()
    header = _header_fields(lines)
    count_line, rows = _rows(path, lines)
    table = np.array([_numbers(path, number, text) for number, text in rows])
    if count_line is not None and count_line[1] != len(table):
        raise CoilFileError(
            f"{path.name}: line {count_line[0]} announces {count_line[1]} dipoles, the file holds {len(table)}; it is "
            "incomplete or edited: fetch it again"
        )
    positions = table[:, :3] * MM_PER_M
    check_extent(path, positions, "metres")
    limit = header.get("didtmax")
    return Coil(
        name=header.get("coilname") or path.stem,
        positions_mm=positions,
        moments_m2=table[:, 3:],
        max_didt_A_per_s=None if limit is None else _limit(path, limit),
        origin=f"{path.name}" + (f" (stimulator {header['stimulator']})" if header.get("stimulator") else ""),
    )


def check_extent(path: Path, positions_mm: np.ndarray[tuple[int, ...], np.dtype[np.float64]], unit: str) -> None:
    """Refuse positions in another unit than the format's."""
    extent = float(np.linalg.norm(np.ptp(positions_mm, axis=0)))
    farthest = float(np.abs(positions_mm).max())
    if (len(positions_mm) > 1 and extent < EXTENT_MM[0]) or farthest > EXTENT_MM[1]:
        raise CoilFileError(
            f"{path.name}: read as {unit}, the elements span {extent:.3g} mm and reach {farthest:.3g} mm from the "
            f"origin; no coil does: positions must be in {unit}"
        )


def read_text(path: Path) -> str:
    """Return the text of a coil file, refusing what is not there or not text."""
    try:
        return path.read_text(encoding="utf-8", errors="strict")
    except FileNotFoundError:
        raise CoilFileError(f"{path}: no such coil file; check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CoilFileError(f"{path.name}: cannot be read as text ({error}); is it a coil file?") from error


def _header_fields(lines: list[str]) -> dict[str, str]:
    first = lines[0] if lines and lines[0].lstrip().startswith("#") else ""
    fields = (part.split("=", 1) for part in first.split(";") if "=" in part)
    return {key.split()[-1].strip().lower(): value.strip() for key, value in fields if key.strip()}


def _rows(path: Path, lines: list[str]) -> tuple[tuple[int, int] | None, list[tuple[int, str]]]:
    """Return (line, count) if the file announces its count, and the numbered data lines."""
    rows = [(n, text) for n, text in enumerate(lines, 1) if text.strip() and not text.lstrip().startswith("#")]
    count = None
    if rows and len(rows[0][1].split()) == 1:
        number, text = rows.pop(0)
        try:
            count = (number, int(text))
        except ValueError:
            raise CoilFileError(
                f"{path.name} line {number}: expected the number of dipoles, got {text.strip()!r}"
            ) from None
    if not rows:
        raise CoilFileError(f"{path.name}: no dipole lines; expected 'x y z mx my mz' in metres and A m^2 per A")
    return count, rows


def _numbers(path: Path, number: int, text: str) -> list[float]:
    words = text.replace(",", " ").split()
    if len(words) != COLUMNS:
        raise CoilFileError(f"{path.name} line {number}: {len(words)} values instead of {COLUMNS} (x y z mx my mz)")
    try:
        values = [float(word) for word in words]
    except ValueError:
        raise CoilFileError(f"{path.name} line {number}: not a number in {text.strip()!r}") from None
    if not np.isfinite(values).all():
        raise CoilFileError(f"{path.name} line {number}: holds NaN or infinity; fetch the file again")
    return values


def _limit(path: Path, text: str) -> float:
    try:
        value = float(text) * A_PER_S_PER_A_PER_US
    except ValueError:
        value = np.nan
    if not (np.isfinite(value) and value > 0):
        raise CoilFileError(
            f"{path.name} line 1: dIdtmax={text!r} is not a positive number of A/µs; correct or remove it"
        )
    return value
