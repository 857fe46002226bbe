"""Notes to learn an instrument from: a folder of single notes, a program of a SoundFont, or recordings with their MIDI.

Conventions: mono float64 at 44.1 kHz; a note's key is a MIDI number; velocity 0 means that nobody knows it. Recordings must have
one note at a time.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np
from numpy.typing import NDArray

from corpora.audio import AUDIO_SUFFIXES, read_audio
from corpora.errors import InputError
from corpora.midi.reader import read_midi
from corpora.safe_text import safe_text
from render.ddsp.analysis import mono
from render.ddsp.frames import SAMPLE_RATE_HZ
from render.rendering import render

__all__ = ["SourceNote", "font_notes", "key_to_hz", "recorded_notes", "sample_notes"]

NOTE_NAME = re.compile(r"(?<![A-Za-z])([A-Ga-g])(s|#|b)?(-?\d)(?!\d)")
STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
ONSET_DB, END_DB = -35.0, -40.0  # re the loudest 10 ms of a note, where it begins and ends
RMS_SAMPLES = 441
LONGEST_NOTE_S = 8.0  # the end of longer ones is left out
FONT_NOTE_S, FONT_REST_S = 2.5, 1.0
FONT_STEP_SEMITONES = 2
TICKS_PER_SECOND = 960
MIN_NOTE_S = 0.1


@dataclass(frozen=True, kw_only=True, eq=False)
class SourceNote:
    """A note and where it sounds.

    Args:
        name: For messages and tables.
        samples: (samples,) mono float64 at 44.1 kHz.
        key: MIDI number, with fractions where the tuning is known.
        velocity: 1 to 127, or 0 when unknown.
        first: Sample of the onset.
        release: Sample at which the player lets go.
        last: Sample after which there is nothing of the note.
    """

    name: str
    samples: NDArray[np.float64]
    key: float
    velocity: int
    first: int
    release: int
    last: int


def key_to_hz(key: NDArray[np.float64] | float | int) -> NDArray[np.float64]:
    """Pitch of a MIDI number, A4 = 69 = 440 Hz."""
    return np.asarray(440.0 * 2.0 ** ((np.asarray(key, dtype=np.float64) - 69) / 12))


def _audio_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(
            f"{safe_text(str(folder))}: expected a folder of recordings, got {'a file' if folder.exists() else 'nothing'}"
        )
    files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in AUDIO_SUFFIXES]
    if not files:
        raise InputError(f"{safe_text(str(folder))}: expected sound files ({', '.join(AUDIO_SUFFIXES)}), there are none")
    return files


def key_of_name(stem: str) -> int | None:
    """The MIDI number that a file name says ("A4", "violin_As3", "Bb2", "60"), or None."""
    if stem.isdigit() and int(stem) < 128:
        return int(stem)
    found = NOTE_NAME.search(stem.replace("_", " "))
    if found is None:
        return None
    letter, accidental, octave = found.groups()
    shift = {"s": 1, "#": 1, "b": -1, None: 0}[accidental]
    return 12 * (int(octave) + 1) + STEPS[letter.lower()] + shift


def _loudness(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """dB of each 10 ms."""
    blocks = samples[: len(samples) // RMS_SAMPLES * RMS_SAMPLES].reshape(-1, RMS_SAMPLES)
    loudness: NDArray[np.float64] = 10 * np.log10(np.square(blocks).mean(axis=1) + 1e-12)
    return loudness


def sample_notes(folder: Path) -> Iterator[SourceNote]:
    """The notes of a folder with one note a file, the pitch in the file's name (A4, As3, Bb2, or a MIDI number).

    Raises:
        InputError: No folder, no sound files, a name without a pitch, or a file with nothing in it.
    """
    for path in _audio_files(folder):
        key = key_of_name(path.stem)
        if key is None:
            raise InputError(f"{safe_text(path.name)}: expected a file name with a pitch, such as A4 or Bb3, got none")
        samples = mono(read_audio(path))
        loudness = _loudness(samples)
        if not len(loudness) or loudness.max() < -80:
            raise InputError(f"{safe_text(path.name)}: expected a note, got silence")
        first = int(np.argmax(loudness > loudness.max() + ONSET_DB)) * RMS_SAMPLES
        sounding = np.flatnonzero(loudness > loudness.max() + END_DB)
        last = (int(sounding[-1]) + 1) * RMS_SAMPLES
        typical = np.median(loudness[first // RMS_SAMPLES : last // RMS_SAMPLES])
        held = np.flatnonzero(loudness > typical - 10)
        release = max((int(held[-1]) + 1) * RMS_SAMPLES, first + RMS_SAMPLES)
        last = min(last, first + int(LONGEST_NOTE_S * SAMPLE_RATE_HZ))
        yield SourceNote(
            name=path.stem,
            samples=samples[: last + RMS_SAMPLES],
            key=float(key),
            velocity=0,
            first=first,
            release=min(release, last),
            last=last,
        )


def font_notes(
    font: Path, program: int, keys: Sequence[int], velocities: Sequence[int] = (40, 64, 88, 112), bank: int = 0
) -> Iterator[SourceNote]:
    """Notes of a SoundFont, played one after the other without its room.

    Args:
        font: A .sf2 or .sf3 file.
        program: General MIDI program, from 0.
        keys: MIDI numbers.
        velocities: Each key is played with each of them.
        bank: Of the program.

    Raises:
        InputError, ToolError: As ``render.rendering.render``.
    """
    played = [(key, velocity) for key in keys for velocity in velocities]
    file = mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_SECOND // 2)
    track = mido.MidiTrack([mido.Message("control_change", control=0, value=bank), mido.Message("program_change", program=program)])
    for key, velocity in played:
        track.append(mido.Message("note_on", note=key, velocity=velocity, time=round(FONT_REST_S * TICKS_PER_SECOND)))
        track.append(mido.Message("note_off", note=key, velocity=0, time=round(FONT_NOTE_S * TICKS_PER_SECOND)))
    file.tracks.append(track)
    stream = io.BytesIO()
    file.save(file=stream)
    audio = render(
        stream.getvalue(),
        font=font,
        sample_rate_hz=SAMPLE_RATE_HZ,
        lufs=None,
        true_peak_dbtp=None,
        room=None,
        name=f"program {program}",
    ).audio
    samples = audio.samples.mean(axis=0).astype(np.float64)
    for index, (key, velocity) in enumerate(played):
        first = round((index * (FONT_NOTE_S + FONT_REST_S) + FONT_REST_S) * SAMPLE_RATE_HZ)
        release = first + round(FONT_NOTE_S * SAMPLE_RATE_HZ)
        last = release + round(0.5 * SAMPLE_RATE_HZ)
        begin, end = first - round(0.2 * SAMPLE_RATE_HZ), last + round(0.2 * SAMPLE_RATE_HZ)
        yield SourceNote(
            name=f"key {key} velocity {velocity}",
            samples=samples[begin:end],
            key=float(key),
            velocity=velocity,
            first=first - begin,
            release=release - begin,
            last=last - begin,
        )


def recorded_notes(folder: Path) -> Iterator[SourceNote]:
    """The notes of a folder of recordings, each with a .mid of the same name beside it that says when which note sounds.

    Notes that overlap others are left out: the recording is taken to have one voice.

    Raises:
        InputError: No folder or sound files, a recording without its MIDI, or MIDI that cannot be read.
    """
    for path in _audio_files(folder):
        score = path.with_suffix(".mid")
        if not score.is_file():
            raise InputError(
                f"{safe_text(path.name)}: expected its notes beside it in {safe_text(score.name)}, there is no such file"
            )
        samples = mono(read_audio(path))
        piece = read_midi(score.read_bytes(), score.name)
        onset = piece.div_to_seconds(piece.notes["onset_div"].astype(np.float64))
        end = piece.div_to_seconds((piece.notes["onset_div"] + piece.notes["duration_div"]).astype(np.float64))
        order = np.argsort(onset, kind="stable")
        onset, end, notes = onset[order], end[order], piece.notes[order]
        for index, note in enumerate(notes):
            following = onset[index + 1] if index + 1 < len(notes) else np.inf
            overlapped = index > 0 and bool((end[:index] > onset[index] + MIN_NOTE_S).any())
            last = min(end[index] + 0.3, following, len(samples) / SAMPLE_RATE_HZ)
            if overlapped or following - onset[index] < MIN_NOTE_S or last - onset[index] < MIN_NOTE_S:
                continue
            begin = max(0, round((onset[index] - 0.2) * SAMPLE_RATE_HZ))
            first = round(onset[index] * SAMPLE_RATE_HZ) - begin
            stop = round(last * SAMPLE_RATE_HZ) - begin
            yield SourceNote(
                name=f"{path.stem} {note['id']}",
                samples=samples[begin : begin + stop + RMS_SAMPLES],
                key=float(note["pitch"]),
                velocity=int(note["velocity"]),
                first=first,
                release=min(round(end[index] * SAMPLE_RATE_HZ) - begin, stop),
                last=stop,
            )
