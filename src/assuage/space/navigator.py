"""Navigator files: read any of them by content, write those that a round trip was shown for.

| format | read | write |
|---|---|---|
| Brainsight text, versions 5 to 14 | markers, samples, landmarks | version 12 |
| Localite instrument markers, trigger markers, entry and target, residuals | yes | instrument markers, RAS or LPS |
| ANT visor2 `.mrk` | yes | yes |
| InVesalius `.mkss` | yes | no |
| SofTaxic `.stmpx` | yes | no |
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

from assuage.errors import NavigatorError
from assuage.space import brainsight, invesalius, localite, softaxic, visor
from assuage.space.markers import Marker, NavigatorSession, require_millimetres
from assuage.space.reference import ReferenceImage

WriteFormat = Literal["brainsight", "localite-ras", "localite-lps", "visor"]
WRITE_FORMATS: tuple[WriteFormat, ...] = get_args(WriteFormat)
KNOWN = "Brainsight .txt, Localite .xml or TransformationRMS .txt, visor2 .mrk, InVesalius .mkss, SofTaxic .stmpx"


def read_session(path: str | Path, *, image: ReferenceImage | None = None) -> NavigatorSession:
    """Read everything that a navigator file says, poses in RAS+ mm and in the package's convention.

    Parameters
    ----------
    path
        A file of any known format; the content decides, not the name.
    image
        The image that the navigator showed. With it, the frame and the direction of every coil are checked.

    Raises
    ------
    AssuageError
        Unknown format, broken file, another unit, mixed coordinate spaces, a pose that is not rigid or was never set;
        with `image`: a frame that the image does not have, or a coil that faces away from the head.
    """
    path = Path(path)
    text = _text(path)
    session = require_millimetres(_read(text, path.name, image))
    if session.format == "localite" and not session.residuals_mm:
        session = replace(session, residuals_mm=localite.residuals_beside(path))
    if image is None:
        return session
    poses = [Marker(name=pulse.name, pose=pulse.pose) for pulse in session.pulses if pulse.pose is not None]
    image.require_facing([*session.markers, *poses])
    return session


def read_markers(path: str | Path, *, image: ReferenceImage | None = None) -> tuple[Marker, ...]:
    """Read the coil markers of a file; see `read_session`.

    Raises
    ------
    AssuageError
        As `read_session`, and if the file holds no coil marker.
    """
    session = read_session(path, image=image)
    if not session.markers:
        raise NavigatorError(
            f"{session.source} holds no coil marker (but {len(session.pulses)} pulses, {len(session.points)} points, "
            f"{session.unset_markers} markers never set); export the markers or targets"
        )
    return session.markers


def write_markers(
    path: str | Path,
    markers: Sequence[Marker],
    *,
    format: WriteFormat,
    image: ReferenceImage | None = None,
    created_by: str = "assuage",
) -> tuple[str, ...]:
    """Write coil markers for a navigator; a file that exists is never replaced.

    Parameters
    ----------
    path
        The file to write.
    markers
        Poses in the world of `image`.
    format
        "localite-ras" for a NIfTI base volume, "localite-lps" for a DICOM base volume.
    image
        Needed for "brainsight" and "visor", whose files name the image's transforms. With it, every coil must face the
        head.
    created_by
        Named in the file: a program, a space, its version.

    Returns
    -------
    What whoever loads the file has to do, one line each.

    Raises
    ------
    AssuageError
        No markers, two of one name, no image where one is needed, qform and sform that differ, a coil that faces away
        from the head, or a file that exists.
    """
    path = Path(path)
    text = _text_of(markers, format, image, created_by)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except FileExistsError:
        raise NavigatorError(f"{path} exists and is not replaced; name another file") from None
    except OSError as error:
        raise NavigatorError(f"cannot write {path}: {error.strerror}; choose another place") from None
    return loading_words(path.name, format=format, image=image)


def _text_of(markers: Sequence[Marker], format: WriteFormat, image: ReferenceImage | None, created_by: str) -> str:
    if not markers:
        raise NavigatorError("no marker to write; give at least one coil pose")
    names = [marker.name for marker in markers]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise NavigatorError(f"two markers are called {twice[0]!r}; nobody could tell them apart: rename one")
    if image is not None:
        image.require_facing(markers)
    if format == "localite-ras":
        return localite.write(markers, "RAS")
    if format == "localite-lps":
        return localite.write(markers, "LPS")
    if image is None:
        raise NavigatorError(f"{format} files name the transforms of the image; give the T1 that the navigator shows")
    if format == "brainsight":
        return brainsight.write(markers, image, created_by=created_by)
    if format == "visor":
        return visor.write(markers, image, created_by=created_by)
    raise NavigatorError(f"format {format!r} is not written; choose one of {', '.join(WRITE_FORMATS)}")


def loading_words(name: str, *, format: WriteFormat, image: ReferenceImage | None) -> tuple[str, ...]:
    """Return where a file is loaded and which setting it requires, one line each."""
    shown = "" if image is None else f" {image.name}"
    if format == "brainsight":
        assert image is not None
        frame = image.frame_name
        return (
            f"{name}: Brainsight, Targets, import; the project shows{shown} (NIfTI)",
            f'coordinate system of every later export: "{frame}" (Brainsight 2.5.3 or later: '
            f'"{frame.replace("NIfTI:", "NIfTI:S:" if image.sform_code else "NIfTI:Q:")}")',
        )
    if format == "visor":
        return (f"{name}: visor2, import target markers; the associated image must be{shown}, with the same qform",)
    base = (
        f"NIfTI file{shown}" if format == "localite-ras" else f"DICOM series of which{shown or ' the NIfTI'} was made"
    )
    other = "LPS" if format == "localite-ras" else "RAS"
    return (
        f"{name}: Localite TMS Navigator, load as instrument markers; the base volume must be the {base}",
        f"with the other kind of base volume, use the {other} file: left and right, front and back would be exchanged",
    )


def _read(text: str, source: str, image: ReferenceImage | None) -> NavigatorSession:
    if brainsight.matches(text):
        return brainsight.read(text, source, image)
    if visor.matches(text):
        return visor.read(text, source, image)
    if invesalius.matches(text):
        return invesalius.read(text, source)
    if softaxic.matches(text):
        return softaxic.read(text, source)
    if localite.matches(text):
        return localite.read(text, source)
    raise NavigatorError(f"{source} is no navigator file that is known; give {KNOWN}")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise NavigatorError(f"no such file: {path}; check the path") from None
    except IsADirectoryError:
        raise NavigatorError(
            f"{path} is a folder; name one file in it, such as TMSTrigger/TriggerMarkers_Coil0_....xml"
        ) from None
    except UnicodeDecodeError:
        raise NavigatorError(
            f"{path.name} is not UTF-8 text, so it is no navigator file that is known; give {KNOWN}"
        ) from None
    except OSError as error:
        raise NavigatorError(f"cannot read {path}: {error.strerror}; check the path") from None


def open_words(session: NavigatorSession) -> Iterator[str]:
    """Say what a session leaves open, one line each: untracked pulses, unknown dI/dt, unset markers."""
    pulses = len(session.pulses)
    if session.untracked_count:
        yield f"{session.untracked_count} of {pulses} pulses were not tracked: counted, but without a place"
    if session.missing_didt_count:
        yield f"dI/dt is missing for {session.missing_didt_count} of {pulses} pulses"
    if session.unset_markers:
        yield f"{session.unset_markers} markers were never set and are left out"
