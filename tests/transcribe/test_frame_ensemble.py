"""Families of notes follow what is near and what the whole makes likely."""

from __future__ import annotations

import numpy as np

from transcribe.families import FAMILIES, find_family
from transcribe.frames.ensemble import HeardNote, family_shares, settled_rows

PIANO, STRINGS, BRASS, REED = (find_family(name) for name in ("piano", "strings", "brass", "reed"))
SURE, UNSURE, NEVER = 0.0, -1.0, -6.0


def notes_of(rows: list[tuple[float, int, dict[int, float]]]) -> list[HeardNote]:
    """Notes of (onset, pitch, log odds of families)."""
    made = []
    for onset_s, pitch, told in rows:
        families = np.full(len(FAMILIES), NEVER)
        families[list(told)] = list(told.values())
        made.append(HeardNote(onset_s, onset_s + 0.2, pitch, 80, 1.0, families))
    return made


def families_of(rows: list[tuple[float, int, dict[int, float]]]) -> list[int]:
    return settled_rows(notes_of(rows), (), 99.0)[0]["family"].tolist()


def test_a_doubtful_note_goes_with_its_register() -> None:
    rows = []
    for beat in range(40):
        low, high = {PIANO: SURE, STRINGS: -2.0}, {STRINGS: SURE, PIANO: -2.0}
        doubtful = {PIANO: UNSURE, STRINGS: UNSURE}
        rows += [(beat * 0.5, 45, doubtful if beat % 5 == 0 else low), (beat * 0.5, 79, doubtful if beat % 5 == 0 else high)]
    assert families_of(rows) == [PIANO, STRINGS] * 40


def test_a_doubtful_note_goes_with_its_time() -> None:
    rows = [(beat * 0.5, 60 + beat % 7, {BRASS: SURE, REED: -2.0}) for beat in range(60)]
    rows += [(60 + beat * 0.5, 60 + beat % 7, {REED: SURE, BRASS: -2.0}) for beat in range(60)]
    for place in (30, 90):
        rows[place] = (*rows[place][:2], {BRASS: UNSURE, REED: UNSURE})
    found = families_of(rows)
    assert found == [BRASS] * 60 + [REED] * 60


def test_what_only_comes_second_vanishes() -> None:
    rows = [(beat * 0.3, 60 + beat % 12, {STRINGS: SURE, REED: -0.7}) for beat in range(50)]
    rows[20] = (6.0, 65, {STRINGS: -0.7, REED: SURE})
    assert families_of(rows) == [STRINGS] * 50
    notes = notes_of(rows)
    onset_s, pitch = np.array([note.onset_s for note in notes]), np.array([note.pitch for note in notes])
    shares, each = family_shares(np.stack([note.families for note in notes]), onset_s, pitch)
    np.testing.assert_allclose(shares.sum(), 1.0)
    np.testing.assert_allclose(each.sum(1), 1.0)
    assert shares[STRINGS] > 0.99


def test_a_note_alone_is_what_it_sounds_like() -> None:
    for family in range(len(FAMILIES)):
        assert families_of([(3.0, 60, {family: SURE})]) == [family]
    assert len(settled_rows([], (), 0.0)[0]) == 0


def test_only_families_that_are_wanted_are_told() -> None:
    rows = [(beat * 0.3, 60, {STRINGS: SURE, REED: -3.0}) for beat in range(20)]
    assert set(settled_rows(notes_of(rows), {REED, PIANO}, 99.0)[0]["family"].tolist()) == {REED}


def test_hours_take_no_longer_than_they_must() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(5_000, len(FAMILIES)))
    onset_s, pitch = np.sort(rng.uniform(0, 3600, 5_000)), rng.integers(21, 109, 5_000)
    shares, _ = family_shares(logits, onset_s, pitch)
    np.testing.assert_allclose(shares.sum(), 1.0)
