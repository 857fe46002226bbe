"""The only way bytes of a file come in: regular files, not empty, not too long, read once.

A symbolic link that the user names is followed, since people do keep scores behind links; what it leads to must be a regular
file. Devices, FIFOs, sockets and folders are refused without being read, so that nothing blocks.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
from collections.abc import Iterator

from corpora.errors import InputError
from corpora.gate.refusal import refusal
from corpora.safe_text import safe_text

__all__ = ["open_regular", "read_bytes"]

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read_bytes(path: str | os.PathLike[str], limit_bytes: int) -> bytes:
    """The whole content of the regular file at ``path``, 1 to ``limit_bytes`` bytes.

    Raises:
        InputError: There is no such file, it may not be read, is not a regular file, is empty, or is longer than the limit.
    """
    name = os.fspath(path)
    with open_regular(path, limit_bytes) as file:
        try:
            data = file.read(limit_bytes + 1)
        except OSError as error:
            raise InputError(f"{safe_text(name)}: cannot be read: {error.strerror}") from None
    if len(data) > limit_bytes:  # grown since, or a file of /proc that tells no size
        raise refusal(name, "", f"at most {limit_bytes:,} bytes", "more")
    if not data:
        raise InputError(f"{safe_text(name)}: the file is empty")
    return data


@contextlib.contextmanager
def open_regular(path: str | os.PathLike[str], limit_bytes: int) -> Iterator[io.BufferedReader]:
    """The regular file at ``path``, open for reading; for files that are too long to hold in memory.

    Raises:
        InputError: As ``read_bytes``, but an empty file is opened.
    """
    name = os.fspath(path)
    try:
        _refuse_special(name, os.stat(name))  # before open: opening a device can act on it
        descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise InputError(f"{safe_text(name) or '(empty name)'}: there is no such file") from None
    except OSError as error:
        raise InputError(f"{safe_text(name)}: cannot be read: {error.strerror}") from None
    except ValueError as error:  # NUL in the name
        raise InputError(f"{safe_text(name)}: cannot be read: {error}") from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        _refuse_special(name, status)
        if status.st_size > limit_bytes:
            raise refusal(name, "", f"at most {limit_bytes:,} bytes", f"{status.st_size:,}")
        yield file


def _refuse_special(name: str, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise refusal(name, "", "a regular file", KINDS.get(stat.S_IFMT(status.st_mode), "something else"))
