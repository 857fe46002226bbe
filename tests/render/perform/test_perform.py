"""The laws that hold whatever the rules are, on written examples, on hostile ones, and on scores of the packs."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from corpora.datasets.packs import iter_pack
from corpora.errors import InputError, RequestError
from corpora.files import parse_piece
from corpora.midi.reader import read_midi
from corpora.midi.writer import write_midi
from corpora.piece import Piece
from render.perform import RULES, Performance, perform
from render.perform.rules import parse_rules, strengths_of

Text = Callable[..., str]
DEADPAN = {"all": 0.0}
TIMELESS = {"fermatas": 0.0, "movement pauses": 0.0, "breaths": 0.0, "tempo words": 1.0}  # rules that add time of themselves: off
SHORTEST, LONGEST = 0.9, 1.3  # length with all other rules on, in lengths at the score's tempo
CHORD_S = 0.060


def check_laws(piece: Piece, **options: bool | int) -> Performance:
    """What must hold for every score; gives the performance with all rules."""
    played = perform(piece, **options)
    notes, written = played.notes, played.score.piece.notes
    mains = notes[notes["ornament"] == ""]
    assert sorted(mains[["id", "pitch", "part"]].tolist()) == sorted(written[["id", "pitch", "part"]].tolist())  # every note, once
    assert len(set(notes["id"].tolist())) == len(notes)
    assert set(notes["score_id"].tolist()) <= set(piece.notes["id"].tolist())
    assert notes["velocity"].min() >= 1
    assert notes["velocity"].max() <= 127
    assert notes["duration_tick"].min() >= 1
    assert notes["onset_tick"].min() >= 0
    check_order(played)
    assert perform(piece, **options).midi == played.midi  # same seed, same bytes
    back = read_midi(played.midi)
    assert np.abs(np.sort(back.div_to_seconds(back.notes["onset_div"])) - np.sort(notes["onset_s"])).max() < 1e-6
    assert back.measures["start_div"].tolist() == played.played.measures["start_div"].tolist()  # bars can still be found
    check_deadpan(piece, **options)
    still = perform(piece, strengths={**DEADPAN, "tempo words": 1.0}, **options)
    assert SHORTEST < perform(piece, strengths=TIMELESS, **options).duration_s / still.duration_s < LONGEST
    return played


def check_order(played: Performance) -> None:
    """Notes of a voice begin in the order of the score; chord notes are within 60 ms unless an arpeggio rolls them."""
    onset_of = {row["id"]: float(row["onset_s"]) for row in played.notes if not row["ornament"]}
    written = played.score.piece.notes
    rolled = {effect.rule: effect.notes_shifted for effect in played.effects}.get("arpeggio", 0)
    voices: dict[tuple[int, int], list[tuple[int, float]]] = {}
    for row in written[written["duration_div"] > 0]:
        voices.setdefault((int(row["part"]), int(row["voice"])), []).append((int(row["onset_div"]), onset_of[row["id"]]))
    for places in voices.values():
        by_place: dict[int, list[float]] = {}
        for place, onset in places:
            by_place.setdefault(place, []).append(onset)
        chords = [by_place[place] for place in sorted(by_place)]
        assert all(max(before) < min(after) for before, after in pairwise(chords))
        if not rolled:
            assert all(max(chord) - min(chord) <= CHORD_S for chord in chords)


def check_deadpan(piece: Piece, **options: bool | int) -> None:
    """All rules off is the unfolded score as ``write_midi`` has it, in every onset and release."""
    dead = perform(piece, strengths=DEADPAN, **options)
    ours, plain = read_midi(dead.midi), read_midi(write_midi(dead.score.piece))
    assert len(ours.notes) == len(plain.notes)
    assert np.abs(_times(ours) - _times(plain)).max() < 1e-6
    assert not dead.messages
    assert (dead.notes["ornament"] == "").all()


def _times(piece: Piece) -> np.ndarray:
    """Onsets and ends in seconds, each sorted within its lane and pitch, shape (2, notes)."""
    notes = piece.notes
    onsets = piece.div_to_seconds(notes["onset_div"])
    ends = piece.div_to_seconds(notes["onset_div"] + notes["duration_div"])
    return np.array([times[np.lexsort((times, notes["pitch"], notes["part"]))] for times in (onsets, ends)])


@pytest.fixture
def lied(score: Callable[..., Piece], note: Text, mark: Text, direction: Text, words: Text) -> Piece:
    """A little of everything."""
    start, stop = '<slur type="start"/>', '<slur type="stop"/>'
    sung = [
        mark("p") + note("C5", notations=start, lyric="Du") + note("D5", notations=stop) + note("E5") + note("F5", lyric="bist,"),
        direction('<wedge type="crescendo"/>') + note("G5", "half") + note("E5", "eighth", grace="plain") + note("D5", "half"),
        direction('<wedge type="stop"/>')
        + mark("f")
        + words("rit.")
        + note("C5", notations="<fermata/>")
        + note("rest")
        + note("E5", "half"),
        words("a tempo") + note("C5", "half", notations="<ornaments><trill-mark/></ornaments>") + note("rest", "half"),
    ]
    roll, dot = "<arpeggiate/>", "<articulations><staccato/></articulations>"
    right = [
        note("E4", "half") + note("G4", "half", chord=True) + note("F4", "eighth", notations=dot) * 4,
        note("E4", "whole", notations=roll) + note("G4", "whole", chord=True, notations=roll),
        note("B4", "16th", grace="slashed") + note("C5", notations=dot.replace("staccato", "accent")) + note("rest") * 3,
        note("C4", "half", notations='<ornaments><tremolo type="single">2</tremolo></ornaments>') + note("E4", "half"),
    ]  # fmt: skip
    repeat = '<barline location="right"><repeat direction="backward"/></barline>'
    return score({"Voice": [*sung[:-1], sung[-1] + repeat], "Piano": [*right[:-1], right[-1] + repeat]})


def test_the_laws_on_a_little_of_everything(lied: Piece) -> None:
    played = check_laws(lied)
    assert len(played.score.order) == 8
    assert set(played.notes["pass_number"].tolist()) == {1, 2}
    assert (played.notes["ornament"] != "").any()
    check_laws(lied, repeats=False)
    check_laws(lied, seed=5, swing=True)


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_each_rule_alone_keeps_the_laws_and_zero_is_off(rule: str, lied: Piece) -> None:
    alone = perform(lied, strengths={**DEADPAN, rule: 1.0})
    check_order(alone)
    assert [effect.rule for effect in alone.effects] == [rule]
    assert perform(lied, strengths={**DEADPAN, rule: 0.0}).midi == perform(lied, strengths=DEADPAN).midi
    check_order(perform(lied, strengths={**DEADPAN, rule: 5.0}))


def test_all_rules_at_full_strength_keep_the_order(lied: Piece) -> None:
    played = perform(lied, strengths={"all": 5.0, "melody lead": 1.0, "timing noise": 1.0, "strum": 1.0})
    check_order(played)
    assert played.duration_s < 10 * perform(lied, strengths=DEADPAN).duration_s


def test_midi_keeps_its_velocities_and_controllers() -> None:
    import mido

    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    file.tracks.append(track)
    track.append(mido.Message("control_change", control=64, value=100))
    for key, velocity in ((60, 30), (64, 90)):
        track.append(mido.Message("note_on", note=key, velocity=velocity))
        track.append(mido.Message("note_off", note=key, time=480))
    from io import BytesIO

    stream = BytesIO()
    file.save(file=stream)
    piece = parse_piece(stream.getvalue(), "two.mid")
    dead = perform(piece, strengths=DEADPAN)
    assert dead.notes["velocity"].tolist() == [30, 90]
    assert [message.data for message in dead.messages] == [bytes([64, 100])]
    assert len(perform(piece).notes) == 2


def test_kern_and_pieces_without_a_source_are_played_too(make_piece: Callable[..., Piece]) -> None:
    piece = make_piece([(place * 4, 4, 60 + place % 5, 0) for place in range(16)])
    check_laws(piece)


def test_no_notes_and_unknown_rules_are_refused(make_piece: Callable[..., Piece], score: Callable[..., Piece], note: Text) -> None:
    with pytest.raises(InputError, match="expected music to play"):
        perform(make_piece([]))
    with pytest.raises(RequestError, match="there is no rule 'rubato': expected one of tempo words"):
        perform(score([note("C4", "whole")]), strengths={"rubato": 1.0})
    for strength in (-1.0, 6.0, float("nan")):
        with pytest.raises(RequestError, match="expected a strength from 0 to 5"):
            strengths_of({"pedal": strength})
    with pytest.raises(RequestError, match="asked for and switched off"):
        strengths_of({"pedal": 1.0}, without=["pedal"])
    with pytest.raises(RequestError, match="expected NAME=NUMBER"):
        parse_rules(["phrase arch=much"])
    assert strengths_of(parse_rules(["Phrase-Arch=0.5", "all=0", "swing"]))["phrase arch"] == 0.5
    assert strengths_of({"all": 0.0, "swing": 1.0})["swing"] == 1.0


def test_hostile_scores_are_played(score: Callable[..., Piece], note: Text, direction: Text, words: Text, mark: Text) -> None:
    quarters = note("C4") * 4
    backward = '<barline location="right"><repeat direction="backward" times="30"/></barline>'
    scores = {
        "endless da capo": [quarters, direction("<words>D.C.</words>", 'dacapo="yes"') + quarters] * 3,
        "endings missing": [quarters, '<barline location="left"><ending number="2" type="start"/></barline>' + quarters + backward],
        "hairpins without end": [direction('<wedge type="crescendo"/>') + quarters] * 5,
        "hairpin ends without start": [direction('<wedge type="stop"/>') + quarters] * 2,
        "slurs that never close": [note("C4", notations='<slur type="start"/>') * 4] * 2,
        "empty bars": [quarters, "", "", quarters],
        "words alone": [words("Adagio") + quarters, words("") + words("🎵") + quarters],
        "rit. at the very end": [quarters, note("C4") * 3 + words("rit.") + note("C4")],
        "grace notes alone": [note("C4", "eighth", grace="slashed") * 30, quarters],
        "grace notes at the end": [quarters + note("C4", "eighth", grace="plain") * 3],
        "fermatas everywhere": [note("C4", notations="<fermata/>") * 4] * 3,
        "marks upon marks": [mark("ff") + mark("pp") + mark("sf") + mark("fp") + quarters],
        "pedal never lifted": [direction('<pedal type="start"/>') + quarters] * 2,
        "tremolo without partner": [note("C4", notations='<ornaments><tremolo type="stop">3</tremolo></ornaments>') * 4],
    }
    for name, bars in scores.items():
        piece = score({"Piano": bars})
        try:
            played = perform(piece)
            check_order(played)
            check_deadpan(piece)
        except Exception as error:
            raise AssertionError(name) from error


def test_half_a_thousand_twelfths_with_trills(score: Callable[..., Piece]) -> None:
    sign = "<notations><ornaments><trill-mark/></ornaments></notations>"
    tiny = f"<note><pitch><step>C</step><octave>5</octave></pitch><duration>1</duration><type>512th</type>{sign}</note>"
    played = perform(score([tiny * 96] * 2))
    check_order(played)
    assert len(played.notes) == 192


def test_times_of_a_repeat_are_bounded(score: Callable[..., Piece], note: Text) -> None:
    nested = "".join('<barline location="right"><repeat direction="backward" times="32"/></barline>' for _ in range(1))
    played = perform(score([note("C4", "whole") + nested]), strengths=DEADPAN)
    assert len(played.score.order) == 32


@pytest.mark.slow
@pytest.mark.parametrize(("pack", "count", "seed"), [("openscore-lieder", 16, 11), ("openscore-string-quartets", 4, 12)])
def test_the_laws_on_real_scores(pack: str, count: int, seed: int) -> None:
    if "PARTIMENTO_DATA" not in os.environ:
        pytest.skip("PARTIMENTO_DATA is unset: the packs are not here")
    seen = 0
    for row, data in iter_pack(pack, limit=count, seed=seed):
        try:
            piece = parse_piece(data, row.path)
        except InputError:
            continue
        check_laws(piece)
        seen += 1
    assert seen > count // 2
