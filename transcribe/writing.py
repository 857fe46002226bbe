"""From a recording, or from what was heard of one before, to notes with beats and to a score, with what the user knows."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from compose.constraints.names import parse_pitch
from corpora.audio_stream import Progress
from corpora.errors import RequestError
from corpora.files import read_piece
from corpora.safe_text import safe_text
from transcribe.beats.combining import with_beats
from transcribe.beats.wishes import BeatWishes, parse_meter
from transcribe.frames.notes import Wanted
from transcribe.heard import DRUMS, HeardMusic
from transcribe.heard_files import HEARD_SUFFIX, read_heard
from transcribe.key_names import parse_key
from transcribe.listening import Transcription, transcribe, wanted_of
from transcribe.played_midi import heard_of_midi

if TYPE_CHECKING:
    from transcribe.score.notate import Notation

__all__ = ["Wishes", "rewrite", "write_down"]


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the user knows, in words; "" where nothing.

    Args:
        instruments: "piano, violin".
        pitches: "G3-E6".
        scale: The only pitch classes there are, "G major".
        meter: "6/8".
        tempo: "72", or "60-90".
        first_downbeat_s: In seconds.
        key: "Eb major".
        split: Lowest note of the right hand, "C4".
        pedal: Whether the score gets pedal marks; what is heard of the pedal is rough.

    Raises:
        RequestError: One of them cannot be understood.
    """

    instruments: str = ""
    pitches: str = ""
    scale: str = ""
    meter: str = ""
    tempo: str = ""
    first_downbeat_s: float | None = None
    key: str = ""
    split: str = ""
    pedal: bool = False

    def __post_init__(self) -> None:
        self.wanted()
        self.beats()
        self._key()
        self._split()

    def wanted(self) -> Wanted:
        """Instruments and pitches."""
        return wanted_of(self.instruments, self.pitches, self.scale)

    def beats(self) -> BeatWishes:
        """Meter, tempo and first downbeat."""
        meter = parse_meter(self.meter) if self.meter else None
        slowest, fastest = _tempi(self.tempo)
        return BeatWishes(meter=meter, slowest_bpm=slowest, fastest_bpm=fastest, first_downbeat_s=self.first_downbeat_s)

    def notate(self, music: HeardMusic) -> Notation:
        """The score of what was heard; its beats have these wishes already.

        Raises:
            InputError: There are no notes.
        """
        from transcribe.score.notate import notate

        names = [name.strip() for name in self.instruments.split(",") if name.strip() and name.strip().lower() != "drums"]
        return notate(music, key=self._key(), split=self._split(), instruments=names or None, pedal=self.pedal)

    def _key(self) -> tuple[int, int] | None:
        return parse_key(self.key) if self.key else None

    def _split(self) -> int | None:
        return parse_pitch(self.split.strip()) if self.split else None


def _tempi(text: str) -> tuple[float, float]:
    """Slowest and fastest; a single one has a tenth to either side."""
    usual = BeatWishes()
    if not text.strip():
        return usual.slowest_bpm, usual.fastest_bpm
    first, dash, last = text.partition("-")
    try:
        low = float(first)
        high = float(last) if dash else low
    except ValueError:
        raise RequestError(f"tempo: expected beats a minute, 72 or 60-90, got {safe_text(text)!r}") from None
    return (low, high) if dash and high > low else (0.9 * low, 1.1 * high)


def write_down(
    source: str | Path, wishes: Wishes, *, model: str = "frame", weights: str = "", progress: Progress | None = None
) -> Transcription:
    """Hear a recording; arguments and errors as ``transcribe.listening.transcribe``."""
    return transcribe(
        source,
        model=model,
        instruments=wishes.instruments,
        pitches=wishes.pitches,
        scale=wishes.scale,
        beats=wishes.beats(),
        weights=weights,
        progress=progress,
    )


def rewrite(source: str | Path, wishes: Wishes) -> Transcription:
    """What was heard before, or MIDI that somebody played, with beats anew.

    Args:
        source: A .json of ``transcribe.heard_files``, or a .mid.
        wishes: What is known now.

    Raises:
        InputError: No such file, or not what its suffix says.
    """
    started = time.perf_counter()
    path = Path(source)
    if path.suffix.lower() == HEARD_SUFFIX:
        music, logits = read_heard(path)
    else:
        music, logits = heard_of_midi(read_piece(path)), None
    wanted = wishes.wanted()
    notes = music.notes
    is_drum = notes["family"] == DRUMS
    kept = np.where(is_drum, wanted.drums, wanted.pitches()[notes["pitch"]])
    if wanted.families:
        kept &= is_drum | np.isin(notes["family"], list(wanted.families))
    music = with_beats(replace(music, notes=notes[kept]), logits, wishes.beats())
    return Transcription(music, logits, "kept", time.perf_counter() - started)
