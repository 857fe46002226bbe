"""What was read with an accompaniment to it: a lead sheet becomes a song."""

from __future__ import annotations

from typing import Final

from corpora.errors import ToolError
from corpora.files import parse_piece

__all__ = ["VOICES", "arranged"]

VOICES: Final = "voices"


def arranged(musicxml: bytes, arrangement: str, seed: int = 0) -> bytes:
    """A score with new parts, written on its chord symbols where it has some.

    Args:
        musicxml: With a melody as its first part.
        arrangement: "voices" for three voices under the melody (``compose.verbs.harmonise``), or an instrument such as "piano" for
            a part of its own (``compose.verbs.accompany``).
        seed: The same seed gives the same notes.

    Returns:
        MusicXML.

    Raises:
        RequestError: No such instrument, or nothing can be written on these chords.
        InputError: The score has no notes that can be read.
    """
    from compose.verbs import accompany, harmonise  # load the models

    piece = parse_piece(musicxml, "what was read.musicxml")
    done = harmonise(piece, seed=seed) if arrangement == VOICES else accompany(piece, arrangement, seed=seed)
    source = done[0].piece.source
    if source is None:
        raise ToolError("the arrangement has no file")
    return source.data
