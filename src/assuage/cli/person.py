"""`assuage person`: a raw T1, and BOLD if there is one, to head, target, plan, report and navigator files.

It runs `assuage head build`, `assuage target` and `assuage plan`, and says each as it would be typed. What can be
refused is refused before the first of them. A step that was finished with the same words and the same files is kept.
"""

import hashlib
import json
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from assuage import __version__
from assuage.cli.scans import require_one_source
from assuage.errors import DataError
from assuage.head.folder import SIGN_FILE
from assuage.head.hashing import file_hash

RECORD_FILE = "person.json"

Command = Callable[[list[str]], None]
"""Runs one command line of assuage; raises what that command raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The options of `assuage person` as typed."""

    t1: Path | None
    bids: Path | None
    participant: str | None
    session: str | None
    t2: Path | None
    age_years: float | None
    bold: Path | None
    confounds: Path | None
    task: str | None
    method: str | None
    circuit: str
    region: str | None
    out: Path
    for_plan: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One of the commands: its words, its folder, and the files that it reads."""

    name: str
    words: tuple[str, ...]
    folder: Path
    files: tuple[Path, ...]

    @property
    def line(self) -> str:
        """The command as it would be typed."""
        return shlex.join(["assuage", *self.words])


def steps_of(request: Request) -> tuple[Step, ...]:
    """Return the commands in their order.

    Raises
    ------
    DataError
        Options that do not fit together.
    """
    _check(request)
    dataset = _words(("--bids", request.bids), ("--participant", request.participant), ("--session", request.session))
    circuit = _words(("--circuit", request.circuit), ("--region", request.region))
    head, target, plan = (request.out / name for name in ("head", "target", "plan"))
    age = None if request.age_years is None else f"{request.age_years:g}"
    build = ("head", "build", *(() if request.t1 is None else (str(request.t1),)), *dataset)
    steps = [
        Step(
            name="head",
            words=(*build, *_words(("--t2", request.t2), ("--age", age)), "--out", str(head)),
            folder=head,
            files=_files(request.t1, request.t2),
        )
    ]
    if _has_bold(request):
        source = _words(("--bold", request.bold), ("--confounds", request.confounds), ("--method", request.method))
        source += () if request.task is None else (*dataset, "--task", request.task)
        steps.append(
            Step(
                name="target",
                words=("target", *source, *circuit, "--head", str(head), "--out", str(target)),
                folder=target,
                files=_files(request.bold, request.confounds),
            )
        )
        circuit = ("--target", str(target / "target.json"))
    words = ("plan", "--head", str(head), *circuit, *_words(("--age", age)), *request.for_plan)
    sign_off = head / SIGN_FILE  # a plan carries it: made again once a head is signed
    steps.append(
        Step(
            name="plan",
            words=(*words, "--out", str(plan), "--force"),
            folder=plan,
            files=(sign_off,) if sign_off.is_file() else (),
        )
    )
    return tuple(steps)


def make(request: Request, command: Command, *, quiet: bool = False) -> dict[str, Any]:
    """Run what is not yet done; return where everything is.

    Parameters
    ----------
    request
        The options.
    command
        Runs one command line.
    quiet
        What the steps print goes to stderr.

    Raises
    ------
    AssuageError
        What a step refuses, or a folder that was made from something else.
    """
    steps = steps_of(request)
    _refuse_early(steps, request, command)
    made = _read(request.out / RECORD_FILE)
    wanted = {step.name: {"command": step.line, "files": _hashes(step.files)} for step in steps}
    kept = _kept(steps, wanted, made)
    screen = Console(stderr=True)
    for number, step in enumerate(steps, start=1):
        said = "kept: " if step.name in kept else ""
        screen.print(Text(f"{number} of {len(steps)}  {said}{step.line}", style="bold"), soft_wrap=True)
        if step.name in kept:
            continue
        with _as_typed(step, quiet=quiet):
            command(list(step.words))
        made = {**made, step.name: wanted[step.name]}
        _write(request.out / RECORD_FILE, made)
    found = {step.name: str(step.folder) for step in steps}
    plan = steps[-1].folder
    return found | {"report": str(plan / "report.html"), "navigator": str(plan / "navigator")}


def _check(request: Request) -> None:
    require_one_source(request.t1, request.bids)
    if request.bold is not None and request.task is not None:
        raise DataError(f"--bold {request.bold} and --task {request.task} both name BOLD; give one")
    if request.task is not None and request.bids is None:
        raise DataError(f"--task {request.task} belongs to --bids; name the file with --bold")
    for option, value in (("--confounds", request.confounds), ("--method", request.method)):
        if value is not None and not _has_bold(request):
            raise DataError(f"{option} {value} belongs to BOLD; add --bold FILE, or --task NAME of the dataset")
    if request.confounds is not None and request.bold is None:
        raise DataError(f"--confounds {request.confounds} belongs to --bold; the dataset's are found")
    for word in request.for_plan:
        if word.split("=")[0] in {"--head", "--out", "--circuit", "--region", "--target", "--force", "--json"}:
            raise DataError(f"{word} behind -- is set by assuage person; leave it out")


def _has_bold(request: Request) -> bool:
    return request.bold is not None or request.task is not None


def _refuse_early(steps: tuple[Step, ...], request: Request, command: Command) -> None:
    """Let target and plan refuse their options before a head is built; the target's file is not there yet."""
    for path in _files(request.t1, request.t2):
        if not path.exists():
            raise DataError(f"no such file or folder: {path}; check the path")
    for step in steps[1:]:
        words = step.words
        if step.name == "target" and _filled(step.folder):
            continue
        if step.name == "plan" and "--target" in words:
            at = words.index("--target")
            words = (*words[:at], "--circuit", request.circuit, *words[at + 2 :])
        with _as_typed(step, quiet=True), redirect_stdout(None):
            command([*words, "--dry-run"])


def _kept(steps: tuple[Step, ...], wanted: dict[str, Any], made: dict[str, Any]) -> set[str]:
    """Return the steps that need not run again: same words, same files, and so were all before them."""
    kept: set[str] = set()
    for step in steps:
        same = made.get(step.name) == wanted[step.name] and _filled(step.folder)
        if same and len(kept) == steps.index(step):
            kept.add(step.name)
        elif step.name != "plan" and _filled(step.folder):
            raise DataError(
                f"{step.folder} was made from other files or options, or before what it stands on; "
                "name another --out, or move it away"
            )
    return kept


def _filled(folder: Path) -> bool:
    return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))


@contextmanager
def _as_typed(step: Step, *, quiet: bool) -> Iterator[None]:
    """Let a step record its own words as the command, since what reads its folder later reads them."""
    typed = sys.argv
    sys.argv = ["assuage", *step.words]
    try:
        with redirect_stdout(sys.stderr if quiet else sys.stdout):
            yield
    finally:
        sys.argv = typed


def _words(*options: tuple[str, object | None]) -> tuple[str, ...]:
    return tuple(word for option, value in options if value is not None for word in (option, str(value)))


def _files(*paths: Path | None) -> tuple[Path, ...]:
    return tuple(path for path in paths if path is not None)


def _hashes(paths: tuple[Path, ...]) -> dict[str, str]:
    """Return the SHA-256 of each file, of a folder over those of its files."""
    found = {}
    for path in paths:
        if path.is_dir():
            parts = [file_hash(file) for file in sorted(path.rglob("*")) if file.is_file()]
            found[str(path)] = hashlib.sha256("".join(parts).encode()).hexdigest()
        else:
            found[str(path)] = file_hash(path)
    return found


def _read(path: Path) -> dict[str, Any]:
    """Return the steps that this version finished; another version's are made again."""
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return dict(content["steps"]) if content["assuage"] == __version__ else {}
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is no record of assuage person ({error}); name another --out") from None


def _write(path: Path, steps: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}")
    scratch.write_text(json.dumps({"assuage": __version__, "steps": steps}, indent=2) + "\n", encoding="utf-8")
    scratch.replace(path)
