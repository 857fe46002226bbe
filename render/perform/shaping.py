"""Rules that shape the line from what is in the score without a sign: ``phrase arch``, ``metrical accent``, ``final ritard``.

Phrase arch: tempo and level rise and fall as parabolas over the phrase (Todd, "A model of expressive timing in tonal music",
Music Perception 3(1), 1985, 33-58; "The dynamics of dynamics", JASA 91(6), 1992, 3540-3550: intensity goes with tempo; in the KTH
system the rule Phrase arch, with an accelerando in the first part, a ritardando in the last, and the same for sound level). The
logarithm of tempo is ``-START ((turn - x)/turn)^2`` before the turning point and ``-END ((x - turn)/(1 - turn))^2`` after it,
less its mean, so that the rule leaves the length of a phrase nearly as it is; the level is the same with its own sizes. Sizes are
times the strength, and times how sure that end of the phrase is.

Metrical accent: level by the place in the bar (Sloboda 1983 and Drake & Palmer 1993 found stronger strokes on metrically strong
events).

Final ritard: ``v(x) = (1 + (w^q - 1) x)^(1/q)``, the tempo of runners who stop (Friberg & Sundberg, "Does music performance
allude to locomotion?", JASA 105(3), 1999, 1469-1484), x from 0 to 1 up to the last onset, w the last tempo, q = 3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from render.perform.draft import Draft, beat_quarters
from render.perform.phrases import Phrase, find_phrases
from render.perform.tempo import read_gradual_tempo
from render.perform.words import parse_words

__all__ = ["apply_final_ritard", "apply_metrical_accent", "apply_phrase_arch"]

Array = NDArray[np.float64]

TURN = 0.55
FAINT = 0.25  # size of an arch whose end nothing but the bars shows
TEMPO_START, TEMPO_END = 0.05, 0.10
LEVEL_START_DB, LEVEL_END_DB = 2.0, 3.0
DOWNBEAT_DB, HALF_BAR_DB, BEAT_DB, OFFBEAT_DB = 1.2, 0.6, 0.0, -0.7
LAST_TEMPO, CURVATURE = 0.6, 3.0  # w and q
RITARD_S, RITARD_BEATS, LONGEST_RITARD_S = (
    3.0,
    4,
    6.0,
)  # about how long it takes before the last onset: the longer of the two, at most
LAST_NOTE_S = 1.2  # what it adds to the last note at most
LOWEST_TEMPO = 0.3


def _arch(x: Array, start: float, end: float) -> Array:
    """A parabola on either side of the turning point, mean 0 over 0 to 1."""
    mean = -(start * TURN + end * (1 - TURN)) / 3
    value = np.where(x < TURN, -start * ((TURN - x) / TURN) ** 2, -end * ((x - TURN) / (1 - TURN)) ** 2)
    return np.asarray(value - mean)


def apply_phrase_arch(draft: Draft, strength: float) -> None:
    """Faster and louder towards the middle of a phrase, slower and softer towards its end."""
    phrases = find_phrases(draft)
    starts = np.array([phrase.start for phrase in phrases])

    def over_phrases(places: Array, start: float, end: float) -> Array:
        found = np.clip(np.searchsorted(starts, places, side="right") - 1, 0, None)
        out = np.zeros(len(places))
        for index in np.unique(found).tolist():
            here = found == index
            phrase: Phrase = phrases[index]
            x = np.clip((places[here] - phrase.start) / max(phrase.end - phrase.start, 1), 0.0, 1.0)
            sizes = [size * (FAINT + (1 - FAINT) * sure) for size, sure in ((start, phrase.start_weight), (end, phrase.end_weight))]
            out[here] = _arch(x, *sizes)
        return strength * out

    draft.log_tempo += over_phrases(draft.middles, TEMPO_START, TEMPO_END)
    draft.level_db += over_phrases(draft.notes["onset_div"].astype(np.float64), LEVEL_START_DB, LEVEL_END_DB)
    draft.curves.append(lambda lane, places: over_phrases(places, LEVEL_START_DB, LEVEL_END_DB))


def apply_metrical_accent(draft: Draft, strength: float) -> None:
    """Downbeats, half bars and beats above what lies between them."""
    measures = draft.piece.measures
    bar = draft.bar_of(draft.notes["onset_div"])
    quarter = draft.piece.divs_per_quarter
    row = measures[bar]
    beat = np.array([beat_quarters(int(b), int(t)) * quarter for b, t in zip(row["beats"], row["beat_type"], strict=True)])
    whole = 4 * quarter * row["beats"] / row["beat_type"]
    # a pickup is the end of a bar
    from_start = (
        draft.notes["onset_div"]
        - row["start_div"]
        + np.where(bar == 0, np.maximum(whole - (row["end_div"] - row["start_div"]), 0), 0)
    )
    in_beat = np.abs(from_start / beat - np.rint(from_start / beat)) < 1e-6
    beats_in_bar = np.rint(whole / beat)
    index = np.rint(from_start / beat)
    half = in_beat & (beats_in_bar % 2 == 0) & (beats_in_bar > 2) & (index * 2 == beats_in_bar)
    level = np.where(in_beat, BEAT_DB, OFFBEAT_DB)
    level = np.where(half, HALF_BAR_DB, level)
    level = np.where(from_start == 0, DOWNBEAT_DB, level)
    draft.level_db += strength * level


def _movement_ends(draft: Draft) -> list[int]:
    """Played places where a movement is over."""
    ends = [draft.piece.end_div]
    if draft.marks is not None:
        order = draft.score.order
        for played in range(1, len(order)):
            if draft.marks.bars[order[played]].first_of_movement:
                ends.append(int(draft.piece.measures["start_div"][played]))
    return sorted(set(ends))


def apply_final_ritard(draft: Draft, strength: float) -> None:
    """Before the last onset of every movement, unless the score itself says how to end."""
    onsets = np.unique(draft.notes["onset_div"])
    begin = 0
    for end in _movement_ends(draft):
        inside = onsets[(onsets >= begin) & (onsets < end)]
        if len(inside) > 2 and not _says_how_to_end(draft, int(inside[-1])):
            _add_ritard(draft, strength, int(inside[0]), int(inside[-1]), end)
        begin = end


def _says_how_to_end(draft: Draft, last: int) -> bool:
    """Whether a rit. reaches the last onset, or the score forbids one near it."""
    if draft.marks is None:
        return False
    written = float(draft.score.to_written(np.array([last]))[0])
    piece = draft.score.written
    bar = piece.measure_at(int(written))
    for gradual in read_gradual_tempo(piece, draft.marks):
        if gradual.log_tempo < 0 and gradual.start <= written <= gradual.stop:
            return True
    for direction in draft.marks.directions:
        if direction.kind == "words" and bar - 8 <= direction.measure <= bar:
            meanings = parse_words(direction.text)
            if direction.measure >= bar - 8 and meanings and meanings[0].kind == "silent" and "rit" in direction.text.lower():
                return True
    return False


def _add_ritard(draft: Draft, strength: float, first: int, last: int, end: int) -> None:
    """From a beat about ``RITARD_S`` before the last onset on."""
    grid = draft.grid[:-1]
    times = draft.seconds_at(draft.grid)
    at = float(draft.seconds_at(np.array([last]))[0])
    bars = draft.piece.measures["start_div"]
    bar = int(draft.bar_of(np.array([last]))[0])
    row = draft.piece.measures[bar]
    beat = beat_quarters(int(row["beats"]), int(row["beat_type"])) * draft.piece.divs_per_quarter
    candidates = [int(bars[other]) for other in range(max(bar - 2, 0), bar + 1) if first <= bars[other] < last]
    candidates += [round(last - beat * count) for count in range(1, 9) if last - beat * count >= first]
    if not candidates:
        return
    beats_s = at - float(np.interp(last - RITARD_BEATS * beat, draft.grid, times))
    wanted_s = min(max(RITARD_S, beats_s), LONGEST_RITARD_S)
    begin = min(candidates, key=lambda place: abs(at - float(np.interp(place, draft.grid, times)) - wanted_s))
    last_tempo = max(LAST_TEMPO**strength, LOWEST_TEMPO)
    x = np.clip((draft.middles - begin) / (last - begin), 0.0, 1.0)
    tempo = (1 + (last_tempo**CURVATURE - 1) * x) ** (1 / CURVATURE)
    end_s = float(np.interp(end, draft.grid, times))
    tempo[grid >= last] = max(last_tempo, (end_s - at) / (end_s - at + strength * LAST_NOTE_S))
    inside = (grid >= begin) & (grid < end)
    draft.log_tempo[inside] += np.log(tempo[inside])
