"""A score played by rules: ``perform``."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from corpora.errors import InputError
from corpora.midi.events import split_events
from corpora.musicxml.marks import read_marks
from corpora.piece import Piece
from render.perform.draft import Draft, Message
from render.perform.dynamics import KNOWN_MARKS
from render.perform.graces import Appoggiaturas
from render.perform.ornaments import TrillStart
from render.perform.performance import Performance, RuleEffect
from render.perform.realise import realise
from render.perform.rules import RULES, strengths_of
from render.perform.tempo import written_words
from render.perform.unfolding import unfold
from render.perform.words import parse_words

__all__ = ["perform"]

CONTROL, CHANNEL_MODE = 0xB0, 120  # from here on controllers are channel mode messages
LEVEL_DB, SHIFT_S, LENGTH_S, TEMPO = 0.05, 0.0005, 0.001, 0.001  # smaller changes are not counted


def perform(
    piece: Piece,
    *,
    strengths: Mapping[str, float] | None = None,
    seed: int = 0,
    repeats: bool = True,
    trill_start: TrillStart = "main",
    appoggiaturas: Appoggiaturas = "long",
    swing: bool = False,
) -> Performance:
    """Play a piece.

    Args:
        piece: Best one that was read from MusicXML, kern or ABC: the rules read its marks. MIDI has none; its velocities stay.
        strengths: Of rules by name (``render.perform.rules.RULES``); rules that are not named have their own. {"all": 0} plays
            deadpan: as ``write_midi`` has the unfolded score.
        seed: The same seed gives the same bytes.
        repeats: Whether repeats and jumps are played.
        trill_start: Note that trills begin with: "main", or "upper" as before about 1800.
        appoggiaturas: "long" lets an unslashed grace note of an eighth or more take its time from its main note.
        swing: Whether eighths swing although the score does not say so.

    Raises:
        InputError: The piece has no notes, or more than 50,000 bars with its repeats.
        RequestError: A rule that there is not, or a strength out of range.
    """
    wanted = strengths_of(strengths)
    if not len(piece.notes):
        name = (piece.source.name if piece.source else "") or "piece"
        raise InputError(f"{name}: expected music to play, got no notes")
    source = piece.source
    marks = read_marks(source.data, source.name) if source is not None and source.format == "musicxml" else None
    score = unfold(piece, marks, repeats=repeats)
    draft = Draft(score, marks, seed, trill_start, appoggiaturas, swing)
    draft.messages += _own_controllers(piece)
    effects = []
    for rule in RULES:
        strength = wanted[rule.name]
        if strength > 0:
            before = _Snapshot(draft)
            rule.apply(draft, strength)
            effects.append(before.effect(draft, rule.name, strength))
    if marks is not None:
        texts = [words.text for words in written_words(marks) if words.text not in KNOWN_MARKS]
        draft.not_understood.update(text for text in texts if not parse_words(text))
    notes, played, messages = realise(draft)
    return Performance(notes, played, messages, score, seed, tuple(effects), dict(draft.not_understood), score.problems)


class _Snapshot:
    """The draft before a rule, to tell what the rule did."""

    def __init__(self, draft: Draft) -> None:
        self.level_db = draft.level_db.copy()
        self.onset_s, self.end_s = _times(draft)
        self.cell_s = draft.cell_s
        self.figures, self.messages = len(draft.figures), len(draft.messages)

    def effect(self, draft: Draft, name: str, strength: float) -> RuleEffect:
        change_db = draft.level_db - self.level_db
        louder, softer = change_db > LEVEL_DB, change_db < -LEVEL_DB
        cells = draft.cell_s
        factor = self.cell_s / np.maximum(cells, 1e-12)
        changed = np.abs(factor - 1) > TEMPO
        onset_s, end_s = _times(draft)
        shift_s = onset_s - self.onset_s
        moved = np.abs(shift_s) > SHIFT_S
        return RuleEffect(
            rule=name,
            strength=strength,
            notes_louder=int(louder.sum()),
            notes_softer=int(softer.sum()),
            level_db=_mean_size(change_db[louder | softer]),
            notes_shifted=int(moved.sum()),
            shift_ms=_mean_size(1000 * shift_s[moved]),
            notes_reshaped=int((np.abs((end_s - onset_s) - (self.end_s - self.onset_s)) > LENGTH_S).sum()),
            tempo_share=round(float(cells[changed].sum() / max(cells.sum(), 1e-12)), 4),
            slowest=round(float(factor.min()), 4),
            fastest=round(float(factor.max()), 4),
            added_s=round(float(cells.sum() - self.cell_s.sum()), 3),
            ornaments=len(draft.figures) - self.figures,
            messages=len(draft.messages) - self.messages,
        )


def _times(draft: Draft) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Onsets and ends in seconds at the score's own tempo, so that a change of tempo moves nothing here."""
    still = draft.still_seconds_at
    return still(draft.onset) + draft.onset_shift_s, still(draft.end) + draft.end_shift_s


def _own_controllers(piece: Piece) -> list[Message]:
    """The controllers of a MIDI file, which has been played already."""
    if piece.source is None or piece.source.format != "midi":
        return []
    file = split_events(piece.source.data, piece.source.name)
    lane_of = {(int(part.key), part.staff): lane for lane, part in enumerate(piece.parts)}
    found = []
    for index, track in enumerate(file.tracks):
        for event, status in enumerate(track.statuses):
            lane = lane_of.get((index, status & 0x0F))
            if status & 0xF0 == CONTROL and lane is not None:
                after = track.delta_starts[event + 1]
                number, value = file.data[after - 2], file.data[after - 1]
                if number < CHANNEL_MODE:
                    found.append(Message(lane, float(track.ticks[event]), CONTROL, number, value))
    return found


def _mean_size(values: NDArray[np.float64]) -> float:
    return round(float(np.abs(values).mean()), 3) if len(values) else 0.0
