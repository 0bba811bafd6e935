"""`assuage head show` and `head import`: the quality figures of a head and its overlay; a head of another program."""

import json
import tomllib
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from assuage.cli.listing import console
from assuage.cli.output import fresh_directory, print_json
from assuage.cli.progress import StepProgress
from assuage.errors import DataError
from assuage.head import Head, load_head, qc
from assuage.head.folder import is_head_folder, write_head
from assuage.head.signoff import said, sign_off
from assuage.head.signoff import sign as sign_head
from assuage.report import head_quality
from assuage.report.quality_page import PAGE_FILE, write_quality_page
from assuage.segmentation import read_scan
from assuage.segmentation.grid import Grid


def load(name: str, tissues: Path | None) -> Head:
    """Load a head; the file `tissues` names the labels of a label image and may give conductivities."""
    if tissues is None:
        return load_head(name)
    names, conductivities = read_tissues(tissues)
    return load_head(name, tissues=names, conductivity_S_per_m=conductivities)


def read_tissues(path: Path) -> tuple[dict[int, str], dict[str, float]]:
    """Return label to tissue name and tissue name to S/m from a TOML or JSON file.

    The file holds a table `tissues` and, if wanted, a table `conductivity_S_per_m`; or only lines `label = name`.

    Raises
    ------
    DataError
        Not TOML or JSON, keys that are not labels, or tables that are not known.
    """
    text = path.read_text(encoding="utf-8")
    try:
        raw: Any = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
        unknown = set(raw) - {"tissues", "conductivity_S_per_m"} if "tissues" in raw else set()
        if unknown:
            raise DataError(
                f"{path}: {', '.join(sorted(unknown))} is not known here; keep tissues and conductivity_S_per_m, or "
                "save the file beside the labels as NAME.tissues.toml"
            )
        names = {int(key): str(value) for key, value in raw.get("tissues", raw).items()}
        return names, {key: float(value) for key, value in raw.get("conductivity_S_per_m", {}).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f'{path} does not name labels ({error}); write lines such as 1 = "white_matter"') from None


def show(name: str, *, out: Path | None, tissues: Path | None, as_json: bool) -> None:
    """Print the quality figures of a head; write them and the overlay if `out` is given."""
    head = load(name, tissues)
    with StepProgress() as progress:
        progress("measure the head", 0.1)
        if out is None:
            figures = head_quality.as_json(qc(head))
        else:
            with fresh_directory(out) as folder:
                figures = head_quality.write(head, folder)
                write_quality_page(head, figures, folder, at=Path(name) if is_head_folder(Path(name)) else None)
    if as_json:
        print_json(figures)
        return
    _print(head, figures)
    if out is not None:
        console().print(f"written: {out / PAGE_FILE}, {out / head_quality.QC_FILE}", highlight=False)


def take(source: str, *, out: Path, t1: Path | None, tissues: Path | None, as_json: bool) -> None:
    """Write a head of another program as a head folder, with its quality page."""
    head = load(source, tissues)
    with StepProgress() as progress, fresh_directory(out) as folder:
        if t1 is not None:
            scan = read_scan(t1)
            grid = Grid(shape=head.labels.shape, affine=head.affine)
            head = replace(head, t1=grid.resampled(scan.values, scan.affine, beyond=0.0, order=1))
        progress("write the head", 0.2)
        write_head(head, folder)
        progress("quality page", 0.5)
        figures = head_quality.write(head, folder)
        write_quality_page(replace(head, sign_off=None), figures, folder, at=out)
    if as_json:
        print_json({"head": str(out), "warnings": head.warnings, "quality": figures})
        return
    screen = console()
    for line in head.warnings:
        screen.print(Text(f"note: {line}", style="yellow"))
    screen.print(f"written: {out}; look at {out / PAGE_FILE} and sign it off before you plan on it", highlight=False)


def sign(folder: Path, *, by: str, reject: bool, note: str, as_json: bool) -> None:
    """Write the sign-off of a head into its folder, and its quality page anew."""
    with StepProgress() as progress:
        progress("sign and write the quality page", 0.1)
        head = sign_head(folder, by=by, reject=reject, note=note)
        figures = json.loads((folder / head_quality.QC_FILE).read_text(encoding="utf-8"))
        write_quality_page(head, figures, folder, at=folder)
    found = sign_off(head)
    if as_json:
        print_json({"head": str(folder), "sign_off": None if found is None else asdict(found)})
        return
    console().print(Text(f"{head.name}: {said(found)}"))


def _print(head: Head, figures: dict[str, Any]) -> None:
    screen = console()
    shape = " x ".join(str(n) for n in head.labels.shape)
    voxel = " x ".join(f"{mm:.3g}" for mm in head.voxel_mm)
    screen.print(f"{head.name}: {shape} voxels of {voxel} mm", style="bold", highlight=False)
    table = Table(box=None, pad_edge=False)
    for heading in ("check", "value", "expected", "source"):
        table.add_column(heading, overflow="fold")
    for volume in figures["volumes"]:
        if volume["low"] is None:
            table.add_row(f"{volume['name']}, volume", f"{volume['volume_ml']:.0f} ml", "", "")
    for row in head_quality.rows(figures):
        table.add_row(*(Text(row[key]) for key in ("name", "value", "expected", "source")))
    screen.print(table)
    for line in figures["warnings"]:
        screen.print(Text(f"note: {line}", style="yellow"))
    screen.print(Text(f"sign-off: {said(sign_off(head))}"))
