"""How long a note is held, and how it is struck: ``articulation``.

Shares are of the written length (the key overlap ratio of the literature, 1 being held until the next note), at strength 1.
Staccato is 0.45: pianists play it at about 40% in any tempo (Bresin & Battel, "Articulation strategies in expressive piano
performance", Journal of New Music Research 29(3), 2000, 211-224), never longer than ``STACCATO_MAX_S``. Under a slur notes are
held until the next begins and overlap it by ``LEGATO_OVERLAP_S`` (same article: legato overlap grows with the length of the note;
here it is one number), the last one of a slur is lifted early. A key that is struck again is let go before (KTH rule
"Articulation of repeated notes").
"""

from __future__ import annotations

import numpy as np

from corpora.musicxml.marks import NoteMarks, Span
from render.perform.draft import Draft, is_voice

__all__ = ["apply_articulation", "under_slurs"]

STACCATO, STACCATISSIMO, SPICCATO, PORTATO, MARCATO = 0.45, 0.3, 0.35, 0.75, 0.8
TENUTO = 1.0
PLAIN, PLAIN_VOICE, SLUR_END = 0.93, 0.97, 0.85
STACCATO_MAX_S = 0.3
LEGATO_OVERLAP_S = 0.03
ACCENT_DB = {"accent": 4.0, "strong-accent": 6.0, "soft-accent": 2.5, "tenuto": 1.0, "stress": 3.0, "unstress": -2.0}
MAX_CLIP_S = 0.12  # what a plain note or the end of a slur is shortened by at most


def under_slurs(draft: Draft) -> tuple[set[str], set[str]]:
    """Ids of written notes that are slurred to the next one, and of those that end a slur; worked out once for a draft.

    A slur that never closes has no reach and slurs nothing but its first note.
    """
    if draft.slurred is None:
        draft.slurred = _under_slurs(draft)
    return draft.slurred


def _under_slurs(draft: Draft) -> tuple[set[str], set[str]]:
    assert draft.marks is not None  # only scores have slurs
    slurs: dict[int, list[Span]] = {}
    for span in draft.marks.spans:
        if span.kind == "slur":
            slurs.setdefault(span.part, []).append(span)
    inside: set[str] = set()
    ends: set[str] = set()
    written = draft.score.written.notes
    onsets, durations, ids = written["onset_div"], written["duration_div"], written["id"]
    key_of = {identity: (note.staff, note.voice) for identity, note in draft.marks.notes.items()}
    rows_of: dict[tuple[int, int, str], list[int]] = {}
    for row, identity in enumerate(ids.tolist()):
        rows_of.setdefault((draft.marks.notes[identity].part, *key_of[identity]), []).append(row)
    voices_of = {key: np.array(rows, dtype=np.int64) for key, rows in rows_of.items()}
    for part, spans in slurs.items():
        for span in spans:
            if span.end is None:
                inside.add(span.first_id)
                continue
            voices = {key_of[span.first_id], key_of[span.last_id]}
            for voice in voices:
                rows = voices_of[part, *voice]
                begun = (onsets[rows] >= span.start) & (onsets[rows] < span.end)
                touched = rows[begun & (onsets[rows] + durations[rows] <= span.end)]
                if not len(touched):
                    continue
                last_onset = int(onsets[touched].max())
                inside |= set(ids[touched[onsets[touched] < last_onset]].tolist())
                ends |= set(ids[touched[onsets[touched] == last_onset]].tolist())
    return inside, ends - inside


def _share(note: NoteMarks, in_slur: bool, ends_slur: bool, plain: float) -> float:
    marks = set(note.articulations)
    if "detached-legato" in marks or ("staccato" in marks and ("tenuto" in marks or in_slur)):
        return PORTATO
    if "staccatissimo" in marks:
        return STACCATISSIMO
    if "spiccato" in marks:
        return SPICCATO
    if "staccato" in marks:
        return STACCATO
    if "strong-accent" in marks:
        return MARCATO
    if in_slur or "tenuto" in marks:
        return TENUTO
    return SLUR_END if ends_slur else plain


def apply_articulation(draft: Draft, strength: float) -> None:
    """Staccato, tenuto, accents, portato and slurs as lengths and levels; plain notes are slightly detached."""
    if draft.marks is None:
        return
    draft.releases_repeated = True
    inside, ends = under_slurs(draft)
    seconds = draft.seconds_per_div(draft.notes["onset_div"]) * draft.notes["duration_div"]
    programs = [part.program for part in draft.piece.parts]
    for row, note in enumerate(draft.note_marks):
        assert note is not None  # there are marks
        identity = draft.written_ids[row]
        in_slur = identity in inside
        plain = PLAIN_VOICE if is_voice(programs[draft.notes["part"][row]]) else PLAIN
        share = _share(note, in_slur, identity in ends, plain)
        length_s = float(seconds[row])
        if share <= STACCATO:
            share = min(share, STACCATO_MAX_S / max(length_s, 1e-9))
        elif PORTATO < share < 1.0:
            share = max(share, 1.0 - MAX_CLIP_S / max(length_s, 1e-9))
        draft.end[row] -= strength * (1.0 - share) * (draft.notes["duration_div"][row])
        if in_slur and share == TENUTO:
            draft.end_shift_s[row] += strength * min(LEGATO_OVERLAP_S, length_s / 4)
        draft.level_db[row] += strength * sum(ACCENT_DB.get(mark, 0.0) for mark in set(note.articulations))
