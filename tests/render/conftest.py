"""Small pieces of music, and a way to find where their notes begin in the sound."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import mido
import numpy as np
import pytest

from corpora.errors import ToolError
from corpora.piece import MEASURE_DTYPE, NOTE_DTYPE, Part, Piece, sort_notes
from render import fonts
from render.fluid import fluidsynth_version

TICKS_PER_QUARTER = 480


@pytest.fixture(scope="session")
def synthesiser() -> None:
    """Where libfluidsynth is not installed the reason is printed."""
    try:
        fluidsynth_version()
    except ToolError as error:
        pytest.skip(str(error))


@pytest.fixture
def wheel_font(monkeypatch: pytest.MonkeyPatch) -> None:
    """The font that is on every machine, whatever else is installed on this one."""
    monkeypatch.delenv(fonts.FONT_VARIABLE, raising=False)
    monkeypatch.setattr(fonts, "FONT_FOLDERS", ())


@pytest.fixture(scope="session")
def midi_file() -> Callable[..., bytes]:
    """Builds a Standard MIDI File; each track is a list of (tick, message), in any order, stable within a tick."""

    def build(*tracks: Sequence[tuple[int, mido.Message | mido.MetaMessage]], ticks_per_quarter: int = TICKS_PER_QUARTER) -> bytes:
        file = mido.MidiFile(type=1, ticks_per_beat=ticks_per_quarter)
        for events in tracks:
            track = mido.MidiTrack()
            now = 0
            for tick, message in sorted(events, key=lambda event: event[0]):
                track.append(message.copy(time=tick - now))
                now = tick
            file.tracks.append(track)
        stream = io.BytesIO()
        file.save(file=stream)
        return stream.getvalue()

    return build


@pytest.fixture(scope="session")
def note() -> Callable[..., list[tuple[int, mido.Message]]]:
    """The two events of one note: (start tick, end tick, key)."""

    def events(start: int, end: int, key: int = 69, channel: int = 0, velocity: int = 100) -> list[tuple[int, mido.Message]]:
        return [
            (start, mido.Message("note_on", channel=channel, note=key, velocity=velocity)),
            (end, mido.Message("note_off", channel=channel, note=key)),
        ]

    return events


@pytest.fixture(scope="session")
def make_piece() -> Callable[..., Piece]:
    """A piece in 4/4 at 120 with 4 divs a quarter out of (onset, duration, pitch, lane) rows."""

    def build(rows: Sequence[tuple[int, int, int, int]], lanes: Sequence[str] = ("Soprano", "Bass"), bars: int = 4) -> Piece:
        notes = np.zeros(len(rows), dtype=NOTE_DTYPE)
        for index, (onset, duration, pitch, lane) in enumerate(rows):
            notes[index] = (onset, duration, pitch, 80, lane, 1, f"n{index}", 0)
        measures = np.zeros(bars, dtype=MEASURE_DTYPE)
        for bar in range(bars):
            measures[bar] = (16 * bar, 16 * (bar + 1), str(bar + 1), 4, 4)
        return Piece(sort_notes(notes), 4, tuple(Part(name, f"P{lane + 1}") for lane, name in enumerate(lanes)), measures)

    return build


@pytest.fixture(scope="session")
def make_score() -> Callable[..., bytes]:
    """A one-staff MusicXML score; a bar is a list of (step, octave, type) or of the same with a colour, or of "rest"."""
    durations = {"whole": 8, "half": 4, "quarter": 2, "eighth": 1}

    def element(item: tuple[str, ...]) -> str:
        step, octave, kind, *colour = item
        attribute = f' color="{colour[0]}"' if colour else ""
        pitch = f"<pitch><step>{step}</step><octave>{octave}</octave></pitch>" if step != "rest" else "<rest/>"
        return f"<note{attribute}>{pitch}<duration>{durations[kind]}</duration><voice>1</voice><type>{kind}</type></note>"

    def build(
        bars: Sequence[Sequence[tuple[str, ...]]], title: str = "", extra: str = "", beats: str = "4", beat_type: str = "4"
    ) -> bytes:
        attributes = (
            "<attributes><divisions>2</divisions><key><fifths>0</fifths></key>"
            f"<time><beats>{beats}</beats><beat-type>{beat_type}</beat-type></time>"
            f"<clef><sign>G</sign><line>2</line></clef></attributes>{extra}"
        )
        measures = "".join(
            f'<measure number="{index + 1}">{attributes if not index else ""}{"".join(map(element, bar))}</measure>'
            for index, bar in enumerate(bars)
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?><score-partwise version="4.0">'
            f"<work><work-title>{title}</work-title></work>"
            '<part-list><score-part id="P1"><part-name>Voice</part-name></score-part></part-list>'
            f'<part id="P1">{measures}</part></score-partwise>'
        ).encode()

    return build
