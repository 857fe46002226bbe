"""Files that appear whole or not at all.

Each output is first written beside its place under a hidden temporary name with the same suffix, flushed to the disk, and
renamed over its place. On any exception, Ctrl-C included, the temporary files are removed and what was there before stays.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from corpora.errors import InputError, ToolError
from corpora.safe_text import safe_text

__all__ = ["atomic_outputs", "atomic_path", "atomic_write"]

PathLike = str | os.PathLike[str]


def atomic_write(path: PathLike, data: bytes | str) -> None:
    """Write ``data`` (text as UTF-8, line ends as they are) to ``path``, whole or not at all.

    Raises:
        InputError: The folder is missing or cannot be written, the place is a folder or no regular file, or the disk is full.
    """
    encoded = data.encode("utf-8") if isinstance(data, str) else data
    with atomic_path(path) as temporary:
        try:
            temporary.write_bytes(encoded)
        except OSError as error:
            raise InputError(f"{_shown(path)} cannot be written: {error.strerror}") from error


@contextlib.contextmanager
def atomic_path(path: PathLike) -> Iterator[Path]:
    """A temporary path in the folder of ``path``, with its suffix; renamed to ``path`` when the block ends well.

    Raises:
        InputError: As ``atomic_write``.
        ToolError: The block took the temporary file away.

    Example:
        >>> with atomic_path("out.wav") as temporary:  # doctest: +SKIP
        ...     soundfile.write(temporary, samples, sample_rate_hz)
    """
    with atomic_outputs([path]) as temporaries:
        yield temporaries[0]


@contextlib.contextmanager
def atomic_outputs(paths: Sequence[PathLike]) -> Iterator[list[Path]]:
    """Temporary paths for all ``paths``, in order; when the block ends well, all appear, else none does.

    A symbolic link is followed: the file that it names is replaced, the link stays. A file that is replaced hands on its mode.

    Raises:
        InputError: As ``atomic_write``; or two of ``paths`` are the same file.
        ToolError: The block took a temporary file away.
    """
    targets = [_target(path) for path in paths]
    for place, target in enumerate(targets):
        if target in targets[:place]:
            raise InputError(f"{_shown(paths[place])} is named for two outputs, expected a file each")
    temporaries: list[Path] = []
    try:
        for target in targets:
            temporaries.append(_temporary_name(target))
            _create(temporaries[-1], target)
        yield list(temporaries)
        for temporary, target in zip(temporaries, targets, strict=True):
            _settle(temporary, target)
        _replace_all(temporaries, targets)
    finally:
        for temporary in temporaries:
            temporary.unlink(missing_ok=True)


def _target(path: PathLike) -> Path:
    """The real file behind ``path``, checked."""
    shown = _shown(path)
    if not os.fspath(path) or "\0" in os.fspath(path):
        raise InputError(f"'{shown}' is no file name")
    target = Path(os.path.realpath(path))
    try:
        if not target.parent.is_dir():
            raise InputError(f"{shown} cannot be written: there is no folder {safe_text(str(target.parent))}")
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return target
    except OSError as error:
        raise InputError(f"{shown} cannot be written: {error.strerror}") from error
    if stat.S_ISDIR(mode):
        raise InputError(f"{shown} is a folder, expected a file to write")
    if not stat.S_ISREG(mode):  # replacing /dev/null by a file would harm the machine
        raise InputError(f"{shown} is no regular file, expected one to write")
    return target


def _temporary_name(target: Path) -> Path:
    return target.with_name(f".partimento-{secrets.token_hex(6)}{target.suffix[:16]}")


def _create(temporary: Path, target: Path) -> None:
    try:
        # O_CREAT with 0o666 leaves the mode to the user's umask, which mkstemp would not
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except OSError as error:
        raise InputError(f"{_shown(target)} cannot be written: {error.strerror}") from error


def _settle(temporary: Path, target: Path) -> None:
    """Flush a finished temporary file to the disk and give it the mode of the file that it replaces."""
    if not temporary.is_file():
        raise ToolError(f"{_shown(target)} was not written: its temporary file is gone")
    descriptor = os.open(temporary, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        with contextlib.suppress(FileNotFoundError):
            os.fchmod(descriptor, stat.S_IMODE(target.stat().st_mode))
    except OSError as error:
        raise InputError(f"{_shown(target)} cannot be written: {error.strerror}") from error
    finally:
        os.close(descriptor)


def _replace_all(temporaries: list[Path], targets: list[Path]) -> None:
    """Rename each temporary over its target; if one fails, put back what the earlier ones replaced."""
    backups = [_temporary_name(target) for target in targets]
    try:
        for temporary, target, backup in zip(temporaries, targets, backups, strict=True):
            _keep(target, backup)
            os.replace(temporary, target)
    except BaseException as failure:
        for temporary, restored, backup in zip(temporaries, targets, backups, strict=True):
            if backup.exists():
                os.replace(backup, restored)
            elif not temporary.exists():  # renamed, and nothing was there before
                restored.unlink(missing_ok=True)
        if isinstance(failure, OSError):
            raise InputError(f"{_shown(target)} cannot be written: {failure.strerror}") from failure
        raise
    finally:
        for backup in backups:
            backup.unlink(missing_ok=True)
    for folder in {target.parent for target in targets}:
        _sync_folder(folder)


def _keep(target: Path, backup: Path) -> None:
    """Give the file at ``target``, if there is one, ``backup`` as a second name."""
    try:
        os.link(target, backup)
    except FileNotFoundError:
        return
    except OSError:  # file systems without hard links
        os.replace(target, backup)


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # some file systems refuse it; the rename has happened all the same
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _shown(path: PathLike) -> str:
    return safe_text(os.fspath(path))
