from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from corpora.piece import Piece
from render.perform import Performance, perform
from render.perform.noise import pink_noise
from render.perform.swing import swing_ratio

Text = Callable[..., str]


def only(piece: Piece, *rules: str, strength: float = 1.0, **options: bool | int) -> Performance:
    return perform(piece, strengths={"all": 0.0, **dict.fromkeys(rules, strength)}, **options)


def pedal_spans(played: Performance) -> list[tuple[float, float]]:
    """Seconds between which the pedal is down, first lane."""
    spans, down = [], None
    for message in played.messages:
        if message.data[0] != 64 or message.lane != 0:
            continue
        time_s = float(played.played.div_to_seconds(message.onset_div))
        if message.data[1] >= 64 and down is None:
            down = time_s
        elif message.data[1] < 64 and down is not None:
            spans.append((down, time_s))
            down = None
    assert down is None  # it is never left down
    return spans


def arpeggio(note: Text, *pitches: str) -> str:
    return "".join(note(pitch, "eighth") for pitch in pitches)


def test_pedal_changes_with_the_harmony(score: Callable[..., Piece], note: Text) -> None:
    tonic, dominant = ("C3", "G3", "E4", "G3") * 2, ("G3", "D4", "B4", "D4") * 2
    played = only(score({"Piano": [arpeggio(note, *tonic), arpeggio(note, *dominant), arpeggio(note, *tonic)]}), "pedal")
    spans = pedal_spans(played)
    assert [round(start, 2) for start, _ in spans] == [0.08, 2.08, 4.08]  # caught after the chord
    assert [round(end, 2) for _, end in spans] == [2.0, 4.0, 6.0]


def test_pedal_never_goes_through_a_rest(score: Callable[..., Piece], note: Text) -> None:
    bars = [
        note("C4") + note("rest") * 3,
        note("C4", "half") + note("rest", "half"),
        note("C4", "eighth") + note("rest", "eighth") + note("rest") * 3,
    ]
    for start, end in pedal_spans(only(score({"Piano": bars}), "pedal")):
        for silent_from, silent_to in ((0.5, 2.0), (3.0, 4.0), (4.25, 6.0)):
            assert end <= silent_from + 0.001 or start >= silent_to


def test_no_pedal_for_scales_staccato_and_other_instruments(score: Callable[..., Piece], note: Text) -> None:
    scale = arpeggio(note, "C4", "D4", "E4", "F4", "G4", "A4", "B4", "C5")
    assert not pedal_spans(
        only(score({"Piano": [scale.replace("eighth", "16th").replace("<duration>12", "<duration>6") * 2]}), "pedal")
    )
    dots = note("C4", notations="<articulations><staccato/></articulations>") * 4
    assert not pedal_spans(only(score({"Piano": [dots]}), "pedal"))
    assert not only(score({"Violin": [note("C4", "whole")]}), "pedal").messages
    assert not only(score({"Harpsichord": [note("C4", "whole")]}), "pedal").messages


def test_marks_of_the_score_are_kept(score: Callable[..., Piece], note: Text, direction: Text) -> None:
    down, change, up = (direction(f'<pedal type="{kind}"/>') for kind in ("start", "change", "stop"))
    bars = [down + note("C4") * 4, change + note("D4") * 3 + up + note("D4"), note("rest", "whole")]
    spans = pedal_spans(only(score({"Piano": bars}), "pedal"))
    assert np.array(spans) == pytest.approx(np.array([(0.02, 2.0), (2.08, 3.5)]), abs=0.01)


def test_soft_pedal_and_senza_pedale(score: Callable[..., Piece], note: Text, words: Text) -> None:
    played = only(score({"Piano": [words("una corda") + note("C4", "whole"), words("tre corde") + note("C4", "whole")]}), "pedal")
    assert [(m.data[1], m.onset_div // 1920) for m in played.messages if m.data[0] == 67] == [(127, 0), (0, 2)]
    dry = only(score({"Piano": [words("senza ped.") + note("C4", "whole"), words("con ped.") + note("C4", "whole")]}), "pedal")
    assert pedal_spans(dry)[0][0] > 2.0
    assert len(pedal_spans(dry)) == 1


def test_pizzicato_changes_the_program(score: Callable[..., Piece], note: Text, words: Text) -> None:
    played = only(score({"Violin": [words("pizz.") + note("C4") * 4, words("arco") + note("C4") * 4]}), "techniques")
    assert [message.data for message in played.messages] == [bytes([45]), bytes([40])]


def test_swing_goes_with_the_tempo(score: Callable[..., Piece], note: Text, words: Text) -> None:
    assert swing_ratio(np.array([60.0, 100.0, 200.0, 300.0, 400.0])).tolist() == [3.0, 3.0, 2.0, 1.0, 1.0]
    eighths = note("C4", "eighth") * 8
    piece = score([words("Swing") + eighths, words("straight") + eighths])
    gaps = np.diff(only(piece, "swing").notes["onset_s"])
    assert gaps[0] / gaps[1] == pytest.approx(2.8, abs=0.03)
    assert gaps[8:] == pytest.approx([0.25] * 7, abs=0.001)
    unmarked = score([eighths])
    assert only(unmarked, "swing").effects[0].notes_shifted == 0
    assert only(unmarked, "swing", swing=True).effects[0].notes_shifted == 4
    quarters = only(score([note("C4") * 4]), "swing", swing=True)
    assert quarters.effects[0].notes_shifted == 0  # beats stay


def test_pink_noise_has_its_spectrum() -> None:
    noise = pink_noise(np.random.default_rng(0), 1 << 14)
    power = np.abs(np.fft.rfft(noise)) ** 2
    frequency = np.arange(1, 4096)
    slope = np.polyfit(np.log(frequency), np.log(power[1:4096]), 1)[0]
    assert slope == pytest.approx(-1.0, abs=0.05)
    assert noise.std() == pytest.approx(1.0)
    assert pink_noise(np.random.default_rng(0), 1).tolist() == [0.0]


def test_noise_is_small_seeded_and_off_at_zero(score: Callable[..., Piece], note: Text) -> None:
    piece = score({"Violin": [note("C4") * 4] * 8, "Viola": [note("C4") * 4] * 8})
    still = only(piece).notes
    first, again, other = (only(piece, "timing noise", "level noise", seed=seed) for seed in (1, 1, 2))
    assert first.midi == again.midi != other.midi
    assert 0.5 < np.abs(first.notes["velocity"].astype(int) - 80).mean() < 6
    together = [
        np.ptp(first.notes["onset_s"][first.notes["score_onset_div"] == place]) for place in np.unique(still["score_onset_div"])
    ]
    assert 0.001 < np.mean(together) < 0.01
    assert max(together) < 0.02
    assert first.duration_s == pytest.approx(still["onset_s"].max() + 0.5, rel=0.03)
    assert only(piece, "timing noise", strength=0.0).midi == only(piece).midi


def test_one_rule_draws_the_same_whether_others_are_on(score: Callable[..., Piece], note: Text) -> None:
    piece = score({"Piano": [note("C4") * 4] * 4})
    alone, both = only(piece, "level noise"), only(piece, "level noise", "timing noise")
    assert sorted(alone.notes[["id", "velocity"]].tolist()) == sorted(both.notes[["id", "velocity"]].tolist())


def test_marks_at_the_beginning_alone_mean_simile(score: Callable[..., Piece], note: Text, direction: Text) -> None:
    chord = arpeggio(note, "C3", "G3", "E4", "G3", "C3", "G3", "E4", "G3")
    marked = direction('<pedal type="start"/>') + chord + direction('<pedal type="stop"/>')
    spans = pedal_spans(only(score({"Piano": [marked, *[chord] * 11]}), "pedal"))
    assert sum(end - start for start, end in spans) > 22.0  # of 24 s


def test_rests_inside_a_beat_lift_the_pedal(score: Callable[..., Piece], note: Text) -> None:
    bar = note("rest", "eighth") + note("C4", "eighth") + note("C4", "eighth") + note("rest", "eighth") + note("C4", "half")
    assert np.array(pedal_spans(only(score({"Piano": [bar, note("rest", "whole")]}), "pedal"))) == pytest.approx(
        np.array([(0.33, 0.75), (1.08, 2.0)]), abs=0.01
    )
    hasty = (note("C4", "32nd") + note("rest", "32nd") + note("rest", "16th")) * 16
    assert not pedal_spans(only(score({"Piano": [hasty]}), "pedal"))
