"""The engine: onsets to the sample, the same bytes again, stems that sum to the mix, and honest refusals."""

from __future__ import annotations

from pathlib import Path

import mido
import numpy as np
import pytest

from corpora.errors import InputError, RequestError
from render.ddsp.engine import render_stems
from render.engines import stem_file
from render.played import play

RATE_HZ = 44_100


@pytest.fixture
def hear(bank, tmp_path):
    """Plays MIDI; gives (samples, 2) of each file, and the report."""

    def run(data, *, stems=False, rate=RATE_HZ, **wishes):
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        played = play(data, sample_rate_hz=rate)
        report = render_stems(played, folder, stems=stems, bank=bank, **wishes)
        files = [stem_file(folder, stem) for stem in range(len(played.stems) if stems else 1)]
        return [np.fromfile(file, dtype="<f4").reshape(-1, 2) for file in files], report

    return run


@pytest.fixture
def quartet(midi_file, note):
    """Two tracks on two channels: a line with a chord, and a line."""
    violin = [(0, mido.Message("program_change", channel=0, program=40))]
    second = [(0, mido.Message("program_change", channel=1, program=40))]
    for index, key in enumerate((72, 74, 76, 76)):
        violin += note(480 * index, 480 * (index + 1), key)
        second += note(480 * index, 480 * index + 400, key - 12, channel=1)
    violin += note(480, 960, 81)
    return midi_file(violin, second)


def onset(sound, start=0):
    return start + int(np.flatnonzero(sound[start:].any(axis=1))[0])


@pytest.mark.parametrize("rate", [44_100, 48_000, 22_050])
def test_the_first_sample_that_sounds_is_the_onset(hear, midi_file, note, rate):
    notes = [*note(37, 200, 69), *note(1001, 1200, 76)]
    data = midi_file([(0, mido.Message("program_change", program=40)), *notes])
    played = play(data, sample_rate_hz=rate)
    (sound,), _ = hear(data, rate=rate)
    first, second = (int(each) for each in played.notes["onset_sample"])
    assert onset(sound) == first
    silent = np.flatnonzero(~sound[first:second].any(axis=1))
    assert len(silent) > 100  # the first note is gone before the second begins
    assert onset(sound, second - 100) == second


def test_repeated_and_tuned_notes_begin_where_they_should(hear, midi_file, note):
    data = midi_file([(0, mido.Message("program_change", program=40)), *note(0, 480, 69), *note(480, 960, 69)])
    (sound,), _ = hear(data)
    level = np.abs(sound[:, 0])
    gap = level[22_050 - 400 : 22_050].max()
    assert gap < 0.5 * level[10_000:20_000].max()


def test_reruns_are_the_same_bytes(hear, quartet):
    (first,), report = hear(quartet)
    (again,), _ = hear(quartet)
    assert first.tobytes() == again.tobytes()
    assert report.samples == len(first)
    assert report.peak == pytest.approx(np.abs(first).max())


def test_stems_sum_to_the_mix(hear, quartet):
    (whole,), _ = hear(quartet)
    parts, report = hear(quartet, stems=True)
    assert len(parts) == 2
    assert report.voices == 3
    np.testing.assert_allclose(sum(parts), whole, atol=1e-6)


def test_the_tail_dies_away(hear, midi_file, note):
    data = midi_file([(0, mido.Message("program_change", program=40)), *note(0, 960, 69)])
    (sound,), _ = hear(data)
    assert RATE_HZ < len(sound) < 1.7 * RATE_HZ
    assert np.abs(sound[-200:]).max() < 1e-4 * np.abs(sound).max()


def test_pan_and_volume(hear, midi_file, note):
    def at(*messages):
        return hear(midi_file([(0, mido.Message("program_change", program=40)), *messages, *note(0, 960, 69)]))[0][0]

    rest = at()
    np.testing.assert_array_equal(rest[:, 0], rest[:, 1])
    left = at((0, mido.Message("control_change", control=10, value=0)))
    assert np.abs(left[:, 1]).max() < 1e-6
    assert np.abs(left[:, 0]).max() == pytest.approx(np.sqrt(2) * np.abs(rest[:, 0]).max(), rel=1e-4)
    soft = at((0, mido.Message("control_change", control=7, value=50)))
    assert 20 * np.log10(np.abs(soft).max() / np.abs(rest).max()) == pytest.approx(-12.0, abs=0.1)


def test_drums_and_foreign_programs_are_refused_by_name(hear, midi_file, note):
    drums = midi_file([(0, mido.MetaMessage("track_name", name="Kit")), *note(0, 480, 38, channel=9)])
    with pytest.raises(InputError, match=r"part 'Kit': expected an instrument of the bank, got drums"):
        hear(drums)
    piano = midi_file([(0, mido.MetaMessage("track_name", name="Piano")), *note(0, 480, 60)])
    with pytest.raises(InputError, match=r"part 'Piano': expected a program near one of violin, got program 0"):
        hear(piano)
    (sound,), report = hear(piano, instruments={"Piano": "violin"})
    assert sound.any()
    assert report.players == {"Piano": ("violin",)}


def test_wrong_wishes_are_refused(hear, quartet):
    with pytest.raises(RequestError, match=r"expected no font, got x\.sf2"):
        hear(quartet, font=Path("x.sf2"))
    with pytest.raises(RequestError, match="no part 'Tuba'"):
        hear(quartet, instruments={"Tuba": "violin"})


def test_keys_beyond_what_was_learned_are_told(hear, midi_file, note):
    data = midi_file([(0, mido.Message("program_change", program=40)), *note(0, 480, 40)])
    _, report = hear(data)
    assert report.lost == (
        "1 notes of 'Track 1' beyond the keys that violin has learned (55-103): played with its outermost tones",
    )


def test_progress_comes_to_its_end(hear, quartet):
    shares: list[float] = []
    hear(quartet, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
