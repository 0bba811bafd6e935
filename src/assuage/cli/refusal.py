"""What a failed command says: exactly one line on stderr, and an exit code.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | `assuage doctor` found something required that is missing; `assuage check`: a limit stops the protocol |
| 2 | bad input: what was wrong, the value, the way out |
| 70 | a defect of this package (set ASSUAGE_TRACEBACK=1 to see where) |
| 130, 143 | interrupted, terminated: nothing half-written is left behind |
"""

import os
import re
import signal
import sys
from collections.abc import Callable
from types import FrameType

import typer

from assuage.errors import AssuageError

EXIT_BAD_INPUT = 2
EXIT_DEFECT = 70
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143

# Typer carries its own copy of click since 0.21 and used the separate package before; both are reached from here.
_CLICK_EXCEPTION: type[Exception] = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")


class Terminated(BaseException):
    """SIGTERM, turned into an exception so that half-made output is removed on the way out."""


def guarded(command: Callable[[], int | None]) -> int:
    """Run a command and turn every way it can fail into one line on stderr and an exit code."""
    previous = signal.signal(signal.SIGTERM, _terminate)
    try:
        code = command() or 0
    except (KeyboardInterrupt, typer.Abort):
        code = EXIT_INTERRUPTED
    except Terminated:
        code = EXIT_TERMINATED
    except _CLICK_EXCEPTION as error:
        message = _usage(error)
        return _say(message, EXIT_BAD_INPUT) if message else EXIT_BAD_INPUT
    except (AssuageError, OSError) as error:
        if os.environ.get("ASSUAGE_TRACEBACK"):
            raise
        return _say(_text_of(error), EXIT_BAD_INPUT)
    except MemoryError:
        return _say("memory ran out; use a larger --voxel-mm, or close other programs", EXIT_BAD_INPUT)
    except Exception as error:
        if os.environ.get("ASSUAGE_TRACEBACK"):
            raise
        return _say(
            f"defect in assuage: {type(error).__name__}: {error}; "
            "set ASSUAGE_TRACEBACK=1 to see where, and please report it",
            EXIT_DEFECT,
        )
    finally:
        signal.signal(signal.SIGTERM, previous)
    if code in {EXIT_INTERRUPTED, EXIT_TERMINATED}:
        _say("interrupted; nothing half-written was left behind", code)
    return code


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


def _usage(error: Exception) -> str:
    """Return what is wrong with the words of a command; what is missing is shown in the command's own example."""
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    command = getattr(getattr(error, "ctx", None), "command", None)
    example = re.search(r"Example: (.+?)(?:\.? Example: |$)", getattr(command, "epilog", None) or "")
    missing = type(error).__name__ == "MissingParameter"
    return f"{message.rstrip('.')}; write for example {example[1]}" if missing and example else message


def _text_of(error: Exception) -> str:
    if isinstance(error, FileNotFoundError) and error.filename:
        return f"no such file or folder: {error.filename}; check the path"
    if isinstance(error, PermissionError) and error.filename:
        return f"not allowed to read or write {error.filename}; choose another place or change its permissions"
    if isinstance(error, IsADirectoryError) and error.filename:
        return f"{error.filename} is a folder; name a file in it"
    if isinstance(error, OSError) and error.filename:
        return f"{error.strerror or type(error).__name__}: {error.filename}"
    return str(error)


def _say(message: str, code: int) -> int:
    print(f"assuage: {' '.join(message.split())}", file=sys.stderr)  # noqa: T201  (this is the command line)
    return code
