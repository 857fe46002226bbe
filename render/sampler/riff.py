"""RIFF chunks of a memory-mapped file, every length checked against what holds it.

A chunk is four letters, a little-endian 32-bit length, that many bytes, and a pad byte where the length is odd; a ``LIST`` or
``RIFF`` chunk begins with four letters more and holds chunks. Some compressed fonts (MuseScore_General.sf3 among them) leave the
pad byte out: it is skipped where it is a zero, which no name begins with. Source: SoundFont Technical Specification 2.04, section 3
(https://www.synthfont.com/sfspec24.pdf).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpora.errors import InputError

__all__ = ["Chunk", "chunks_in", "only"]

HEADER_BYTES = 8
LETTERS = 4
MAX_CHUNKS = 256  # in one list; a SoundFont has at most 14


@dataclass(frozen=True)
class Chunk:
    """A chunk's place in the file.

    Args:
        name: Its four letters, or those of the list that it is.
        start: First byte of what it holds.
        stop: One past the last.
    """

    name: str
    start: int
    stop: int

    @property
    def length(self) -> int:
        """Bytes that it holds."""
        return self.stop - self.start


def chunks_in(data: NDArray[np.uint8], start: int, stop: int, name: str) -> Iterator[Chunk]:
    """The chunks between two bytes of a file.

    Args:
        data: The file, (bytes,).
        start: Where the first chunk begins.
        stop: Where the last must end.
        name: Of the file, for messages.

    Raises:
        InputError: A header or a chunk passes ``stop``, or there are too many.
    """
    place = start
    for _ in range(MAX_CHUNKS):
        if place >= stop:
            return
        if stop - place < HEADER_BYTES:
            raise InputError(f"{name}: byte {place}: expected a chunk's header of {HEADER_BYTES} bytes, got {stop - place}")
        letters = bytes(data[place : place + LETTERS])
        length = int.from_bytes(bytes(data[place + LETTERS : place + HEADER_BYTES]), "little")
        inside = place + HEADER_BYTES
        if length > stop - inside:
            raise InputError(f"{name}: byte {place}: chunk {letters!r} of {length} bytes where {stop - inside} are left")
        if letters in (b"LIST", b"RIFF"):
            if length < LETTERS:
                raise InputError(f"{name}: byte {place}: expected the name of a list, got {length} bytes")
            letters = bytes(data[inside : inside + LETTERS])
            yield Chunk(letters.decode("latin-1"), inside + LETTERS, inside + length)
        else:
            yield Chunk(letters.decode("latin-1"), inside, inside + length)
        place = inside + length
        if length % 2 and place < stop and data[place] == 0:
            place += 1
    raise InputError(f"{name}: byte {start}: expected at most {MAX_CHUNKS} chunks in a list")


def only(chunks: list[Chunk], wanted: str, name: str) -> Chunk:
    """The one chunk called ``wanted``.

    Raises:
        InputError: There is none, or more than one.
    """
    found = [chunk for chunk in chunks if chunk.name == wanted]
    if len(found) != 1:
        raise InputError(f"{name}: expected one chunk '{wanted}', got {len(found)}")
    return found[0]
