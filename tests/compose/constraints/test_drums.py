"""Drum lanes: percussion keys and one voice whatever the logits, and wishes about pitch that leave them alone."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from compose.canvas import Note
from compose.constraints import parse_constraint, see_others
from compose.constraints.drums import DrumKeys, OneVoice, is_one_voice
from compose.constraints.names import find_drums
from compose.request import always_on, find_region, make_canvas
from compose.sampler import RandomScorer, SamplerSettings, write
from compose.verbs import DRUMS, with_part
from compose.writers.anticipation import AnticipationWriter
from compose.writers.compound import CompoundWriter
from compose.writers.measured import MeasuredWriter
from compose.writers.remi import RemiWriter
from corpora.errors import RequestError
from corpora.files import parse_piece, score_bytes
from corpora.general_midi import DRUM_NAMES, FIRST_DRUM, LAST_DRUM

QUARTER = 24
DURATIONS = np.arange(1, 97)


@pytest.fixture(scope="module", params=[".musicxml", ".mid"])
def piece(request, make_piece):
    """Two bars of a voice, from a file, and an empty drum part."""
    voice = make_piece(("Voice",), divs=24)
    notes = np.zeros(8, dtype=voice.notes.dtype)
    notes["onset_div"], notes["duration_div"], notes["pitch"], notes["velocity"] = np.arange(8) * 24, 24, 67, 80
    notes["id"] = [f"n{index}" for index in range(8)]
    read = parse_piece(score_bytes(voice.with_notes(notes), request.param), f"voice{request.param}")
    read = with_part(read, DRUMS)
    return read.rescaled(int(np.lcm(read.divs_per_quarter, 24))) if request.param == ".musicxml" else read


@pytest.mark.parametrize("writer", [MeasuredWriter, RemiWriter, CompoundWriter, AnticipationWriter])
def test_random_logits_play_drums(piece, writer):
    hits = []
    for seed in range(6):
        canvas, _ = make_canvas(piece, find_region(piece, "#1-#2", (1,)))
        rules = see_others(always_on(canvas, canvas.ticks_per_div))
        write(writer(canvas, rules), RandomScorer(seed), SamplerSettings(temperature=1.0, top_p=1.0), seed)
        hits += canvas.written
        assert all(rule.measure(canvas).satisfied for rule in rules)
        assert is_one_voice([(note.onset, note.end) for note in canvas.written])
    assert len(hits) > 10
    assert {note.lane for note in hits} == {1}
    assert all(FIRST_DRUM <= note.pitch <= LAST_DRUM for note in hits)
    assert len({note.pitch for note in hits}) > 6


def test_keys_are_those_of_the_lane(make_piece, make_canvas):
    piece = make_piece(("Voice", "Kit"), drums=("Kit",))
    canvas = make_canvas(piece=piece, lanes=(0, 1))
    rule = DrumKeys({1: frozenset({36, 42})})
    assert np.flatnonzero(rule.allows(canvas, 0, 1, DURATIONS)).tolist() == [36, 42]
    assert rule.allows(canvas, 0, 0, DURATIONS).all()
    canvas.written.append(Note(0, 1, 60, 12, 80))
    assert rule.measure(canvas).measured == "0 of 1 hits on percussion keys"
    assert not rule.measure(canvas).satisfied
    assert DrumKeys({1: frozenset()}).conflict(canvas) == "part 'Kit' has no instrument of General MIDI percussion"


def test_one_voice_follows_what_sounds(make_piece, make_canvas):
    piece = make_piece(("Voice", "Kit"), drums=("Kit",))
    fixed = (Note(0, 1, 36, 12, 80), Note(36, 1, 42, 24, 80))
    canvas = make_canvas(fixed, piece=piece, lanes=(1,))
    rule = OneVoice((1,))
    onsets = np.array([0, 6, 12, 36, 48, 60])
    assert rule.onsets(canvas, onsets, 1).tolist() == [True, False, True, True, False, True]
    assert rule.onsets(canvas, onsets, 0).all()

    def lengths(onset):
        return DURATIONS[rule.allows(canvas, onset, 1, DURATIONS)[0]].tolist()

    assert lengths(0) == [12]
    assert max(lengths(12)) == 24
    assert lengths(36) == [24]
    assert max(lengths(72)) == 24  # to the bar line
    canvas.write(Note(12, 1, 38, 48, 80))
    assert not rule.measure(canvas).satisfied


def test_two_voices_of_drums_may_stay_two(make_piece):
    piece = make_piece(("Kit",), divs=24, drums=("Kit",))
    notes = np.zeros(2, dtype=piece.notes.dtype)
    notes["duration_div"], notes["pitch"], notes["id"], notes["velocity"] = (24, 48), (42, 36), ("a", "b"), 80
    for rows, expected in ((notes, False), (notes[:1], True)):
        full = piece.with_notes(rows)
        canvas, _ = make_canvas(full, find_region(full, "#1", (0,)))
        assert any(isinstance(rule, OneVoice) for rule in always_on(canvas, 1)) == expected


@pytest.mark.parametrize("wish", ["scale: G major", "chords: | G | C |", "range: C4-E4", "avoid: C", "pitches: D", "no crossing"])
def test_wishes_about_pitch_leave_drums_alone(piece, wish):
    canvas, _ = make_canvas(piece, find_region(piece, "#1-#2", (1,)))
    rules = see_others((*always_on(canvas, canvas.ticks_per_div), parse_constraint(wish, piece)))
    write(MeasuredWriter(canvas, rules), RandomScorer(1), SamplerSettings(temperature=1.0, top_p=1.0), 1)
    assert len(Counter(note.pitch % 12 for note in canvas.written)) > 4
    assert all(rule.measure(canvas).satisfied for rule in rules)


def test_drums_have_the_names_that_people_use():
    expected = {
        "kick": {35, 36},
        "Bass Drum": {35, 36},
        "snares": {38, 40},
        "hi-hat": {42, 44, 46},
        "closed hat": {42},
        "crash": {49, 57},
        "ride": {51, 53, 59},
        "toms": {41, 43, 45, 47, 48, 50},
        "shaker": {70},
        "low conga": {64},
        "G": set(),
        "Bb4": set(),
        "kazoo": set(),
        "": set(),
    }
    assert {name: set(find_drums(name)) for name in expected} == expected
    for key, name in DRUM_NAMES.items():
        assert key in find_drums(name)


@pytest.mark.parametrize(
    ("wish", "open_keys"),
    [
        ("pitches: kick, snare, closed hat", {35, 36, 38, 40, 42}),
        ("avoid: tom, conga, crash", set(DRUM_NAMES) - {41, 43, 45, 47, 48, 50, 62, 63, 64, 49, 57}),
    ],
)
def test_drums_by_name(piece, wish, open_keys):
    canvas, _ = make_canvas(piece, find_region(piece, "#1-#2", (0, 1)))
    rule = parse_constraint(wish, piece)
    assert rule == parse_constraint(rule.text, piece)
    rules = see_others((*always_on(canvas, canvas.ticks_per_div), rule))
    write(MeasuredWriter(canvas, rules), RandomScorer(3), SamplerSettings(temperature=1.0, top_p=1.0), 3)
    played = {note.pitch for note in canvas.written if note.lane == 1}
    assert played
    assert played <= open_keys
    assert {note.pitch for note in canvas.written if note.lane == 0} - open_keys  # the voice is free
    assert rule.measure(canvas).satisfied
    voice, _ = make_canvas(piece, find_region(piece, "#1-#2", (0,)))
    assert rule.conflict(voice) == "the region writes no drums"
    assert rule.conflict(canvas) is None


def test_notes_and_drums_do_not_mix(piece):
    with pytest.raises(RequestError, match="'crash' is not understood: expected a note"):
        parse_constraint("avoid: F#, crash", piece)
    with pytest.raises(RequestError, match="'kick' is not a note name"):
        parse_constraint("pitches: C kick", piece)


def test_drums_are_an_instrument(piece):
    rule = parse_constraint("instruments: drum kit", piece)
    assert (rule.text, rule.lanes) == ("instruments: drums", (1,))
    with pytest.raises(RequestError, match="no part of the piece is drums"):
        parse_constraint("instruments: drums", replace(piece, parts=piece.parts[:1]))
