"""Chords: every quality, root and inversion exactly; through figuration; labels that mir_eval reads; analysed chorales."""

import numpy as np
import pytest

from corpora.piece import Table
from transcribe.harmony.chords import QUALITIES, chord_label, find_chords
from transcribe.harmony.chroma import bass_chroma, note_chroma
from transcribe.heard import HEARD_DTYPE


def played(*chords: tuple[int, ...]) -> tuple[Table, np.ndarray]:  # type: ignore[type-arg]
    """Block chords of a second each, and the edges of their seconds."""
    rows = [(float(index), index + 0.98, pitch) for index, chord in enumerate(chords) for pitch in chord]
    notes = np.zeros(len(rows), dtype=HEARD_DTYPE)
    for name, column in zip(("onset_s", "offset_s", "pitch"), zip(*rows, strict=True), strict=True):
        notes[name] = column
    notes["velocity"] = 64
    return notes, np.arange(len(chords) + 1.0)


def labels(notes: Table, edges_s: np.ndarray) -> list[str]:  # type: ignore[type-arg]
    found = find_chords(note_chroma(notes, edges_s), edges_s, bass_chroma(notes, edges_s))
    return [str(label) for label in found["label"]]


@pytest.mark.parametrize("quality", list(QUALITIES))
def test_every_chord_and_inversion_is_named(quality: str) -> None:
    for root in range(12):
        tones = QUALITIES[quality]
        for bass in tones[: 1 if quality in ("aug", "dim7") else None]:  # their inversions are each other's roots
            if (quality, bass) in (("hdim7", 3), ("dim", 6)):
                continue  # a minor chord with a sixth; a diminished seventh that lacks a tone
            chord = (36 + (root + bass) % 12, *(60 + (root + tone) % 12 for tone in tones))
            notes, edges_s = played(chord)
            assert labels(notes, edges_s) == [chord_label(root, quality, (root + bass) % 12)]


def test_a_progression_with_its_times() -> None:
    notes, edges_s = played(
        (48, 64, 67, 72), (47, 62, 65, 67), (48, 64, 67, 72), (41, 57, 60, 65), (43, 59, 62, 67), (48, 60, 64, 67)
    )
    found = find_chords(note_chroma(notes, edges_s), edges_s, bass_chroma(notes, edges_s))
    assert [str(label) for label in found["label"]] == ["C:maj", "G:7/3", "C:maj", "F:maj", "G:maj", "C:maj"]
    assert found["onset_s"].tolist() == [0, 1, 2, 3, 4, 5]
    assert found["offset_s"].tolist() == [1, 2, 3, 4, 5, 6]


def test_broken_chords_with_passing_notes() -> None:
    rng = np.random.default_rng(4)
    roots = [(0, "maj"), (9, "min"), (5, "maj"), (7, "7"), (0, "maj"), (4, "min"), (2, "min7"), (7, "maj")]
    rows = []
    for bar, (root, quality) in enumerate(roots):
        tones = [(root + tone) % 12 for tone in QUALITIES[quality]]
        rows.append((2.0 * bar, 2.0 * bar + 1.9, 36 + root))
        for eighth in range(8):
            foreign = eighth % 2 == 1 and rng.random() < 0.35
            pitch = 60 + (tones[eighth % len(tones)] + (2 if foreign else 0)) % 12
            rows.append((2.0 * bar + eighth / 4, 2.0 * bar + eighth / 4 + 0.25, pitch))
    notes = np.zeros(len(rows), dtype=HEARD_DTYPE)
    for name, column in zip(("onset_s", "offset_s", "pitch"), zip(*rows, strict=True), strict=True):
        notes[name] = column
    notes["velocity"] = 64
    edges_s = np.arange(0.0, 16.5, 0.5)
    found = find_chords(note_chroma(notes, edges_s), edges_s, bass_chroma(notes, edges_s))
    middle = [found[(found["onset_s"] <= t) & (found["offset_s"] > t)][0] for t in np.arange(1.25, 16, 2.0)]
    assert sum(int(row["root"]) == root for row, (root, _) in zip(middle, roots, strict=True)) >= 7


def test_silence_is_no_chord() -> None:
    notes, _ = played((60, 64, 67))
    edges_s = np.arange(4.0)
    assert labels(notes, edges_s) == ["C:maj", "N"]
    found = find_chords(np.zeros((3, 12)), edges_s)
    assert found["label"].tolist() == ["N"]
    assert len(find_chords(np.zeros((0, 12)), np.zeros(1))) == 0


def test_chroma_of_a_recording_has_root_positions() -> None:
    chroma = np.full((2, 12), 0.05)
    chroma[0, [2, 6, 9]], chroma[1, [7, 11, 2, 5]] = 1.0, 0.8
    assert find_chords(chroma, np.arange(3.0))["label"].tolist() == ["D:maj", "G:7"]


def test_mir_eval_reads_every_label() -> None:
    chord = pytest.importorskip("mir_eval.chord", reason="mir_eval is not installed")
    for quality, tones in QUALITIES.items():
        for root in range(12):
            for bass in tones:
                label = chord_label(root, quality, (root + bass) % 12)
                number, bits, low = chord.encode(label)
                assert number == root
                assert {index for index in range(12) if bits[index]} == set(tones)
                assert low == bass
    assert chord.encode("N")[0] == -1
