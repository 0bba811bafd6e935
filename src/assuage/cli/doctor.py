"""`assuage doctor`: what this machine offers, what is missing, and how to get it. Reads, never changes anything."""

import os
import platform
import re
import shutil
import tempfile
from dataclasses import asdict, dataclass
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from assuage.report.niivue import script_path

MEMORY_NEEDED_GIB = 5.0
"""Peak of a plan at 1 mm voxels on the embedded head (the project's own budget); 2 mm voxels need about a sixth."""
DISK_NEEDED_GIB = 1.0
"""Room for the volumes of one plan at 1 mm and the cache of compiled kernels."""
OPTIONAL_GROUPS = {"test": "run the tests", "lint": "run the checks", "bench": "run the benchmarks",
                   "build-head": "rebuild the embedded head from its source scan", "dicom": "read DICOM"}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the doctor's report."""

    topic: str
    name: str
    value: str
    ok: bool
    required: bool = True
    remedy: str = ""


def examine() -> list[Finding]:
    """Look at versions, threads, memory, disk, the kernel cache, the embedded head and optional extras."""
    return [*_versions(), *_machine(), *_package_parts(), *_extras()]


def as_json(findings: list[Finding]) -> dict[str, Any]:
    """Findings as one JSON object; `ok` is False where something required is missing."""
    return {"ok": healthy(findings), "findings": [asdict(f) for f in findings]}


def healthy(findings: list[Finding]) -> bool:
    """Whether nothing that is required is missing."""
    return all(f.ok for f in findings if f.required)


def _versions() -> list[Finding]:
    found = [Finding(topic="versions", name="python", value=platform.python_version(), ok=True)]
    for name, specifier, marker in _requirements():
        if marker:
            continue
        version = _version_of(name)
        found.append(
            Finding(
                topic="versions",
                name=name,
                value=version or f"missing ({name}{specifier} is needed)",
                ok=version is not None,
                remedy="" if version else f'python -m pip install "{name}{specifier}"',
            )
        )
    return [Finding(topic="versions", name="assuage", value=_version_of("assuage") or "not installed", ok=True), *found]


def _machine() -> list[Finding]:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    threads = os.environ.get("NUMBA_NUM_THREADS", str(usable))
    total, free = _memory_gib()
    disk_gib = shutil.disk_usage(Path.cwd()).free / 2**30
    enough = free is None or free >= MEMORY_NEEDED_GIB
    return [
        Finding(topic="machine", name="system", value=f"{platform.system()} {platform.machine()}", ok=True),
        Finding(
            topic="machine", name="cores", value=f"{usable} usable, {threads} threads for compiled kernels", ok=True
        ),
        Finding(
            topic="machine",
            name="memory",
            value=f"{free:.1f} GiB free of {total:.1f} GiB" if free is not None else "not known on this system",
            ok=enough,
            required=False,
            remedy="" if enough else f"1 mm plans need about {MEMORY_NEEDED_GIB:g} GiB: use --voxel-mm 2",
        ),
        Finding(
            topic="machine",
            name="disk here",
            value=f"{disk_gib:.1f} GiB free",
            ok=disk_gib >= DISK_NEEDED_GIB,
            required=False,
            remedy="" if disk_gib >= DISK_NEEDED_GIB else "free some space, or write elsewhere with --out",
        ),
    ]


def _package_parts() -> list[Finding]:
    cache = _kernel_cache_folder()
    head = resources.files("assuage.head").joinpath("data")
    files = [f.name for f in head.iterdir() if "colin27" in f.name.lower()] if head.is_dir() else []
    script = script_path()
    return [
        Finding(
            topic="package",
            name="kernel cache",
            value=f"writable: {cache}" if cache else "not writable: kernels are compiled anew in every run",
            ok=cache is not None,
            required=False,
            remedy="" if cache else "set NUMBA_CACHE_DIR to a folder you may write to",
        ),
        Finding(
            topic="package",
            name="embedded head",
            value=f"colin27 ({len(files)} data files)" if files else "missing",
            ok=bool(files),
            remedy="" if files else "install assuage again: the installation is not complete",
        ),
        Finding(
            topic="package",
            name="viewer script",
            value=str(script) if script else "missing: reports show still pictures only",
            ok=script is not None,
            required=False,
            remedy="" if script else 'python -m pip install "nilearn>=0.11"',
        ),
    ]  # fmt: skip


def _extras() -> list[Finding]:
    found = []
    for group, purpose in OPTIONAL_GROUPS.items():
        names = [name for name, _, marker in _requirements() if marker == group]
        missing = [name for name in names if _version_of(name) is None]
        found.append(
            Finding(
                topic="optional extras",
                name=group,
                value=f"{purpose}: " + (f"missing {', '.join(missing)}" if missing else "installed"),
                ok=not missing,
                required=False,
                remedy=f"in the source folder: python -m pip install -e '.[{group}]'" if missing else "",
            )
        )
    return found


def _requirements() -> list[tuple[str, str, str]]:
    """(name, version specifier, extra or "") of every requirement in the installed metadata."""
    try:
        lines = metadata.requires("assuage") or []
    except metadata.PackageNotFoundError:
        return []
    found = []
    for line in lines:
        match = re.match(r"([A-Za-z0-9._-]+)\s*([^;]*)(?:;.*extra\s*==\s*['\"]([^'\"]+)['\"])?", line)
        if match:
            found.append((match[1], match[2].strip(), match[3] or ""))
    return found


def _version_of(name: str) -> str | None:
    """Return the version of a distribution, or of the fuller one that contains it (cvxpy for cvxpy-base)."""
    for candidate in (name, name.removesuffix("-base")):
        try:
            return metadata.version(candidate)
        except metadata.PackageNotFoundError:
            continue
    return None


def _memory_gib() -> tuple[float | None, float | None]:
    """(total, available) memory, GiB; None where the system does not say."""
    try:
        rows = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
        total, free = (float(rows[key].split()[0]) / 2**20 for key in ("MemTotal", "MemAvailable"))
    except (OSError, KeyError, ValueError):
        return None, None
    return total, free


def _kernel_cache_folder() -> str | None:
    """Return the folder of the compiled kernels, or None if it cannot be written to."""
    from assuage.compile import cache_dir  # noqa: PLC0415 (numba takes a second to import)

    folder = cache_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return str(folder)
    except OSError:
        return None
