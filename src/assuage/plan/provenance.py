"""What it takes to repeat a plan: versions, hashes, settings."""

import hashlib
import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from assuage import __version__
from assuage.head import Head, conductivities
from assuage.head.hashing import head_hash
from assuage.head.signoff import sign_off
from assuage.plan.aim_records import AnisotropyRecord, HeadRecord, SignOffRecord, TissueRecord
from assuage.plan.bench import Bench
from assuage.plan.describe import matrix, number, point
from assuage.plan.records import Provenance, RuleSetRecord
from assuage.safety import load_rule_set
from assuage.sources import Coil
from assuage.units import MM3_PER_ML

PACKAGES = ("numpy", "scipy", "numba", "nibabel", "cvxpy-base", "clarabel", "pydantic")


def head_record(head: Head) -> HeadRecord:
    """Describe the head."""
    table = conductivities()
    voxel_ml = abs(np.linalg.det(head.affine[:3, :3])) / MM3_PER_ML
    counts = np.bincount(head.labels.reshape(-1), minlength=256)
    tissues = []
    for name in dict.fromkeys(head.tissues.values()):
        if name not in head.conductivity_S_per_m:
            continue
        tags = [tag for tag, tissue in head.tissues.items() if tissue == name]
        known, used = table.get(name), head.conductivity_S_per_m[name]
        default = known is not None and used == known.value
        tissues.append(
            TissueRecord(
                name=name,
                volume_ml=number(sum(counts[tag] for tag in tags) * voxel_ml),
                conductivity_S_per_m=number(used),
                low_S_per_m=None if known is None else known.low,
                high_S_per_m=None if known is None else known.high,
                source=known.source if known is not None and default else "given by the user",
                source_level=known.source_level if known is not None and default else "user",
                range_source="" if known is None else known.range_source,
                range_source_level="" if known is None else known.range_source_level,
            )
        )
    x, y, z = (int(n) for n in head.labels.shape)
    sha256 = head_hash(head)
    signed = sign_off(head, sha256=sha256)
    return HeadRecord(
        name=head.name,
        sha256=sha256,
        shape=(x, y, z),
        voxel_mm=point(head.voxel_mm),
        affine=matrix(head.affine),
        tissues=tuple(tissues),
        fiducials_mm={name: point(value) for name, value in head.fiducials_mm.items()},
        ten_ten_mm={name: point(value) for name, value in head.ten_ten_mm.items()},
        metadata=plain(head.metadata),
        anisotropy=None
        if head.tensors is None
        else AnisotropyRecord(tissue=head.tensors.tissue, **plain(head.tensors.origin)),
        sign_off=None if signed is None else SignOffRecord(**asdict(signed)),
    )


def coil_hash(coil: Coil) -> str:
    """Return the SHA-256 of a coil's dipoles."""
    digest = hashlib.sha256()
    digest.update(np.ascontiguousarray(coil.positions_mm).tobytes())
    digest.update(np.ascontiguousarray(coil.moments_m2).tobytes())
    return digest.hexdigest()


def provenance(bench: Bench, *, command: str, seconds: Mapping[str, float], asked: Mapping[str, Any]) -> Provenance:
    """Describe how the plan was made."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    conductor = bench.conductor
    return Provenance(
        created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        command=command,
        assuage=__version__,
        versions=versions,
        platform=f"Python {sys.version.split()[0]}, {platform.system()} {platform.machine()}",
        seed=bench.settings.seed,
        settings=plain({**asdict(bench.settings), **asked, "coil_sha256": coil_hash(bench.coil)}),
        conductor={
            "voxel_mm": bench.settings.voxel_mm,
            "shape": [int(n) for n in conductor.grid.shape],
            "nodes": int(conductor.active.sum()),
        },
        seconds={stage: round(float(value), 2) for stage, value in seconds.items()},
    )


def rule_set_record() -> RuleSetRecord:
    """Return which cited limits a plan is held against."""
    rules = load_rule_set()
    return RuleSetRecord(name=rules.name, version=rules.version, sha256=rules.sha256)


def plain(value: Any) -> Any:
    """Return a value that JSON holds: arrays as lists, anything unknown as text."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and np.isfinite(value)):
        return value
    return str(value)
