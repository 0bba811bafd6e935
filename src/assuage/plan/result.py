"""A finished plan and its folder on disk."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from assuage.errors import PlanError
from assuage.plan.navigators import write_navigator_files
from assuage.plan.records import FileRecord, PlanRecord, TechniqueRecord

if TYPE_CHECKING:
    from assuage.field import Field
    from assuage.head import Head
    from assuage.targets import Target

PLAN_FILE = "plan.json"
MAPS_FILE = "maps.npz"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Volume:
    """An image of the plan: array, (4, 4) affine in mm, and what it holds."""

    array: NDArray[Any]
    affine: NDArray[np.float64]
    says: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """A ranked, checked plan.

    Attributes
    ----------
    record
        Everything that `plan.json` says.
    head, target
        What was planned on and for.
    fields
        Technique to its solved field at the reference intensity.
    volumes
        File name to image, as `write` stores them.
    maps
        Arrays of `maps.npz`; `record.maps` says what each holds.
    """

    record: PlanRecord
    head: "Head" = field(repr=False)
    target: "Target" = field(repr=False)
    fields: "Mapping[str, Field]" = field(repr=False)
    volumes: Mapping[str, Volume] = field(repr=False)
    maps: Mapping[str, NDArray[Any]] = field(repr=False)

    @property
    def best(self) -> TechniqueRecord:
        """The technique in the first place."""
        first = self.record.ranking.ranks[0].technique
        return next(item for item in self.record.techniques if item.technique == first)

    def write(
        self, folder: str | Path, *, force: bool = False, finish: Callable[[Path], None] | None = None
    ) -> PlanRecord:
        """Write the folder: all of it or nothing.

        Parameters
        ----------
        folder
            Where to; made if it does not exist.
        force
            Replace the plan that is there. Only a folder that holds a plan is ever replaced.
        finish
            Called with the folder before it gets its name, to add files (the report).

        Returns
        -------
        The record as written, with the files and their hashes.

        Raises
        ------
        PlanError
            The folder holds something and may not be replaced, or cannot be written.
        """
        goal = Path(folder).expanduser().absolute()
        check_writable(goal, force=force)
        try:
            goal.parent.mkdir(parents=True, exist_ok=True)
            work = Path(tempfile.mkdtemp(prefix=f".{goal.name}-", dir=goal.parent))
        except OSError as error:
            raise PlanError(f"cannot write beside {goal}: {error.strerror}; choose another folder") from error
        try:
            record = self._fill(work)
            if finish is not None:
                finish(work)
            work.chmod(0o755)
            _swap(work, goal)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
        return record

    def _fill(self, work: Path) -> PlanRecord:
        says = {MAPS_FILE: "arrays of the scalp maps, see maps"}
        for name, volume in self.volumes.items():
            path = work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            image = nib.Nifti1Image(volume.array, volume.affine)
            image.header.set_xyzt_units("mm")
            image.set_qform(volume.affine, 1)
            image.set_sform(volume.affine, 1)
            nib.save(image, path)
            says[name] = volume.says
        np.savez_compressed(work / MAPS_FILE, allow_pickle=False, **dict(self.maps))
        says |= write_navigator_files(work, self.record)
        files = tuple(_file_record(work, name, text) for name, text in says.items())
        record = self.record.model_copy(update={"files": files})
        (work / PLAN_FILE).write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
        return record


def check_writable(folder: str | Path, *, force: bool = False) -> None:
    """Refuse a folder that `Plan.write` would refuse; call it before the work starts.

    Raises
    ------
    PlanError
        The path is a file, or a folder that holds something other than a plan to be replaced.
    """
    goal = Path(folder).expanduser().absolute()
    if not goal.exists():
        return
    if not goal.is_dir():
        raise PlanError(f"{goal} is a file; name a folder for the plan")
    if not any(goal.iterdir()):
        return
    if not (goal / PLAN_FILE).is_file():
        raise PlanError(f"{goal} holds files but no {PLAN_FILE}, so it is never replaced; name another folder")
    if not force:
        raise PlanError(f"{goal} already holds a plan; name another folder, or force its replacement")


def load_record(folder: str | Path) -> PlanRecord:
    """Read the record of a written plan.

    Raises
    ------
    PlanError
        No plan there, or one of another schema.
    """
    path = Path(folder) / PLAN_FILE
    try:
        return PlanRecord.model_validate_json(path.read_bytes())
    except OSError as error:
        raise PlanError(f"cannot read {path}: {error.strerror}; name the folder of a plan") from error
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise PlanError(f"{path} does not hold a plan of this version ({first}); plan again") from error


def _file_record(work: Path, name: str, says: str) -> FileRecord:
    content = (work / name).read_bytes()
    return FileRecord(path=name, sha256=hashlib.sha256(content).hexdigest(), bytes=len(content), says=says)


def _swap(work: Path, goal: Path) -> None:
    """Give the finished folder its name; the old one goes last, and comes back if that fails."""
    if not goal.exists():
        os.rename(work, goal)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{goal.name}-old-", dir=goal.parent))
    os.rename(goal, old / goal.name)
    try:
        os.rename(work, goal)
    except OSError:
        os.rename(old / goal.name, goal)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)
