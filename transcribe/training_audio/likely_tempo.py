"""A tempo for scores whose reader finds none: ``with_likely_tempo``.

Kern files tell their tempo in words more often than in numbers, and MIDI made of them has 120 quarters a minute instead, at which a
Largo in 4/4 goes by at three times its speed. Words count as where scores are performed (``render.perform.words``); where nothing
is said, a beat lasts as long as in the median of the scores of the train splits in that meter that tell it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from corpora.kern_text import KernWords
from corpora.musicxml.marks import read_marks
from corpora.piece import TEMPO_DTYPE, Piece
from render.perform.tempo import tempo_of_word, written_words
from render.perform.words import parse_words
from transcribe.beats.score_beats import is_compound, tactus_quarters

__all__ = ["usual_tempo", "with_likely_tempo"]

# By the note that has a beat: medians of 696 scores, measured once; too few tell theirs in whole notes and sixteenths, which go on.
BEAT_S: Mapping[int, float] = {1: 1.3, 2: 0.85, 4: 0.62, 8: 0.30, 16: 0.20}
COMPOUND_BEAT_S = 0.80


def usual_tempo(beats: int, beat_type: int) -> float:
    """Quarters a minute that music in a meter usually has.

    >>> round(usual_tempo(4, 4)), round(usual_tempo(6, 8)), round(usual_tempo(2, 2))
    (97, 112, 141)
    """
    beat_s = COMPOUND_BEAT_S if is_compound(beats, beat_type) else BEAT_S.get(beat_type, BEAT_S[16])
    return 60.0 / beat_s * float(tactus_quarters(beats, beat_type))


def with_likely_tempo(piece: Piece, words: Sequence[KernWords] = ()) -> Piece:
    """The piece with a tempo at its beginning, and where words name another.

    Args:
        piece: With bars. One from MusicXML that tells a tempo, in numbers or words, is returned as it is.
        words: Of the kern text that it was read from, where that has no metronome rates (``corpora.kern_text.has_metronome``).
    """
    if not len(piece.measures) or _tells_tempo(piece):
        return piece
    at: dict[int, float] = {0: _tempo(piece, 0, None)}
    for bar, text, _ in words:
        rate = next((meaning.amount for meaning in parse_words(text) if meaning.kind == "tempo"), None)
        if rate is not None and bar < len(piece.measures):
            at[int(piece.measures["start_div"][bar])] = _tempo(piece, bar, rate)
    tempos = np.zeros(len(at), dtype=TEMPO_DTYPE)
    tempos["onset_div"], tempos["quarters_per_minute"] = list(at), list(at.values())
    return replace(piece, tempos=tempos[np.argsort(tempos["onset_div"])])


def _tempo(piece: Piece, bar: int, rate: float | None) -> float:
    beats, beat_type = int(piece.measures["beats"][bar]), int(piece.measures["beat_type"][bar])
    return usual_tempo(beats, beat_type) if rate is None else tempo_of_word(rate, beats, beat_type)


def _tells_tempo(piece: Piece) -> bool:
    """In numbers or words of MusicXML; MIDI always has a tempo, whether it means it or not."""
    if piece.source is None or piece.source.format != "musicxml":
        return False
    said = written_words(read_marks(piece.source.data, piece.source.name))
    return len(piece.tempos) > 0 or any(meaning.kind == "tempo" for words in said for meaning in parse_words(words.text))
