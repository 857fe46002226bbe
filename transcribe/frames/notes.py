"""From what the frame model hears to notes: as the sound comes in, each as soon as it is certain (``NoteReader``)."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from compose.constraints.scales import parse_scale
from corpora.piece import Table
from transcribe.frames.drum_kit import settled_drums
from transcribe.frames.drums import DRUM_CLASSES
from transcribe.frames.end_finder import EndFinder
from transcribe.frames.ends import EndReader
from transcribe.frames.ensemble import HeardNote, rows_of, settled_rows
from transcribe.frames.paths import Evidence, PathFinder, Span, logit, onset_mass
from transcribe.frames.settings import DecoderSettings
from transcribe.frames.stream import HeardFrames, HeardLooks
from transcribe.frames.strengths import StrengthReader
from transcribe.frames.targets import LOWEST_PITCH, MAX_VELOCITY, NUM_PITCHES
from transcribe.frames.weighing import weighed_velocities
from transcribe.heard import DRUMS, HEARD_DTYPE, PEDAL_DTYPE, sort_heard
from transcribe.spectra.timing import frames_to_seconds, seconds_to_frames

__all__ = ["NoteReader", "Wanted"]

DENSE = HeardFrames._fields[1:-2]  # what is kept of every frame
NEVER = -1e9  # score of what cannot be
NEAREST_LOOK = 2  # frames about a note within which its onset was looked at
SHORTEST = 0.5  # frames that a note sounds, at least
LONGEST_SHIFT = 0.5  # frames from the peak of an onset's mass to its place, at most
SUREST_STROKES, LEAST_SURE_OF_DRUMS = (
    0.25,
    0.87,
)  # of them the least sure is 0.72 to 0.82 in speech-like noise, 0.93 and more of drums

Floats = NDArray[np.float32]


class Wanted(NamedTuple):
    """What a user knows of the music.

    Args:
        families: The only ones there are; empty for any.
        low, high: Lowest and highest pitch.
        drums: Whether there may be drums.
        scale: The only pitch classes there are, "G major" (``compose.constraints.scales``); empty for any.
    """

    families: Collection[int] = ()
    low: int = 0
    high: int = 127
    drums: bool = True
    scale: str = ""

    @property
    def names_drums(self) -> bool:
        """Whether drums are among the instruments that were named, alone (then no pitch is possible) or with others."""
        return self.drums and (len(self.families) > 0 or self.low > self.high)

    def pitches(self) -> NDArray[np.bool_]:
        """Which of the MIDI pitches there may be, (128,).

        Raises:
            RequestError: The scale is not known.
        """
        numbers = np.arange(128)
        allowed = (numbers >= self.low) & (numbers <= self.high)
        if self.scale:
            allowed &= np.isin(numbers % 12, list(parse_scale(self.scale)[1]))
        return np.asarray(allowed)


class NoteReader:
    """Reads notes, drums and pedal out of ``HeardFrames`` that come in order.

    Args:
        settings: Of the decoder.
        wanted: Nothing else is read.
        ends: Of the model that heard; with it ``settled`` tells ends by it, of frames that were heard for ends.
    """

    def __init__(self, settings: DecoderSettings, wanted: Wanted | None = None, ends: EndReader | None = None) -> None:
        self._settings = settings
        self._wanted = wanted or Wanted()
        self._ends = EndFinder(ends) if ends is not None else None
        self._possible = self._wanted.pitches()[LOWEST_PITCH : LOWEST_PITCH + NUM_PITCHES]
        self._keys = PathFinder(NUM_PITCHES, settings)
        self._pedal = PathFinder(1, settings)
        self._kept: HeardFrames | None = None  # frames that notes may still need
        self._fed = 0  # frames whose evidence has been given to the path finders
        self._pending: list[Table] = []
        self._pedals: list[Span] = []
        self._all_notes: list[HeardNote] = []
        self._all_drums: list[Table] = []

    def feed(self, heard: HeardFrames) -> Table:
        """HEARD_DTYPE rows that are certain now, in order over all calls."""
        self._kept = heard if self._kept is None else _joined(self._kept, heard)
        before = len(self._all_notes)
        certain = self._read(final=False)
        if self._ends is not None:
            self._ends.feed(heard, self.each(before), self._keys.decided, self._keys.open_since)
        return certain

    def finish(self) -> Table:
        """The rows that are left."""
        before = len(self._all_notes)
        certain = self._read(final=True)
        if self._ends is not None:
            self._ends.finish(self.each(before))
        return certain

    def each(self, first: int = 0) -> Table:
        """HEARD_DTYPE rows of the notes that are known, from one on, one for each, with the family that it sounds most like."""
        return rows_of(self._all_notes[first:], self._wanted.families, np.inf)

    def settled(self, strengths: StrengthReader | None = None) -> Table:
        """All rows again, after ``finish``, with families, ends, velocities and drums that the whole makes likely.

        See ``transcribe.frames.ensemble``, ``transcribe.frames.weighing`` and ``transcribe.frames.drum_kit``. Ends are those that
        the reader of ends tells, where there is one.

        Args:
            strengths: Of the model that heard; without it velocities stay as they were heard.

        Drums that are doubtful all along are left out, unless they were named: consonants, hammers and bows sound like them now
        and then.
        """
        rows, owner = settled_rows(self._all_notes, self._wanted.families, self._settings.family_logit)
        if strengths is not None:
            rows["velocity"] = weighed_velocities(rows, [self._all_notes[index].look for index in owner.tolist()], strengths)
        if self._ends is not None:
            ends_s = self._ends.ends_s
            told = [ends_s.get(index, end_s) for index, end_s in zip(owner.tolist(), rows["offset_s"].tolist(), strict=True)]
            rows["offset_s"] = np.maximum(np.minimum(told, _next_onsets(rows)), rows["onset_s"] + frames_to_seconds(SHORTEST))
        drums = np.concatenate([rows[:0], *self._all_drums])
        if len(drums) and not self._wanted.names_drums:
            sure = np.quantile(drums["confidence"], 1 - SUREST_STROKES) >= LEAST_SURE_OF_DRUMS
            drums = drums if sure else drums[:0]
        return sort_heard(np.concatenate([rows, settled_drums(drums)]))

    def pedals(self) -> Table:
        """PEDAL_DTYPE rows by onset, of all that has been read; after ``finish``."""
        spans = sorted(self._pedals, key=lambda span: span.first)
        rows = np.zeros(len(spans), dtype=PEDAL_DTYPE)
        rows["onset_s"] = [frames_to_seconds(span.first) for span in spans]
        rows["offset_s"] = [frames_to_seconds(span.last) for span in spans]
        return rows

    def _read(self, *, final: bool) -> Table:
        kept = self._kept
        if kept is None:
            return np.zeros(0, dtype=HEARD_DTYPE)
        # an onset's mass needs a frame on either side, and its peak another one
        ready = kept.first + len(kept.onset) - (0 if final else 2)
        if ready > self._fed:
            self._pending += self._feed_paths(kept, ready)
            self._fed = ready
        if final:
            self._pending.append(self._notes(kept, self._keys.finish()))
            self._pedals += self._pedal.finish()
        horizon = self._keys.frames if final else self._keys.horizon
        self._kept = _from(kept, max(horizon - 2, kept.first))
        rows = sort_heard(np.concatenate(self._pending)) if self._pending else np.zeros(0, dtype=HEARD_DTYPE)
        certain = rows["onset_s"] < (np.inf if final else frames_to_seconds(horizon - LONGEST_SHIFT))
        self._pending = [rows[~certain]]
        return rows[certain]

    def _feed_paths(self, kept: HeardFrames, ready: int) -> list[Table]:
        first, last = self._fed - kept.first, ready - kept.first
        mass = _mass(kept.onset, first, last)
        scores = self._settings
        strong = scores.onset_weight * logit(mass) + scores.onset_bias
        possible = _is_peak(kept.onset, first, last) & self._possible
        evidence = Evidence(
            onset=np.where(possible, strong, np.float32(NEVER)).astype(np.float32),
            frame=(scores.frame_weight * (logit(kept.frame[first:last]) + scores.frame_bias)).astype(np.float32),
            offset=(scores.offset_weight * logit(kept.offset[first:last]) + scores.offset_bias).astype(np.float32),
        )
        down = logit(kept.pedal[first:last, None])
        switch = np.full_like(down, -scores.pedal_switch)
        self._pedals += self._pedal.feed(Evidence(switch, down, switch))
        return [self._notes(kept, self._keys.feed(evidence)), self._drums(kept, first, last)]

    def _notes(self, kept: HeardFrames, spans: list[Span]) -> Table:
        """A row for each note, or several where families sound together."""
        tables = []
        for span in spans:
            at = span.first - kept.first
            around = slice(max(at - 1, 0), at + 2)
            weights = kept.onset[around, span.key]
            mass = float(_mass(kept.onset, at, at + 1)[0, span.key])
            velocity = float(np.average(kept.velocity[around, span.key], weights=weights + 1e-6))
            onset_s = max(frames_to_seconds(span.first + _shift(kept.onset[:, span.key], at)), 0.0)
            note = HeardNote(
                onset_s=onset_s,
                offset_s=max(frames_to_seconds(span.last), onset_s + frames_to_seconds(SHORTEST)),
                pitch=span.key + LOWEST_PITCH,
                velocity=min(max(round(velocity * MAX_VELOCITY), 1), MAX_VELOCITY),
                confidence=min(mass, 1.0),
                families=np.average(kept.families[:, around, span.key], axis=1, weights=weights + 1e-6),
                look=_look(kept.looks, round(seconds_to_frames(onset_s)), span.key),
            )
            self._all_notes.append(note)
            tables.append(rows_of([note], self._wanted.families, self._settings.family_logit))
        return np.concatenate(tables) if tables else np.zeros(0, dtype=HEARD_DTYPE)

    def _drums(self, kept: HeardFrames, first: int, last: int) -> Table:
        if not self._wanted.drums:
            return np.zeros(0, dtype=HEARD_DTYPE)
        mass = _mass(kept.drums, first, last)
        struck = _is_peak(kept.drums, first, last) & (logit(mass) > self._settings.drum_logit)
        rows = []
        for row, drum in np.argwhere(struck).tolist():
            at = first + row
            onset_s = max(frames_to_seconds(kept.first + at + _shift(kept.drums[:, drum], at)), 0.0)
            velocity = min(max(round(float(kept.drum_velocity[at, drum]) * MAX_VELOCITY), 1), MAX_VELOCITY)
            key = DRUM_CLASSES[drum].keys[0]
            rows.append((onset_s, onset_s + frames_to_seconds(2), key, velocity, DRUMS, 0, min(float(mass[row, drum]), 1.0)))
        self._all_drums.append(np.array(rows, dtype=HEARD_DTYPE))
        return self._all_drums[-1]


def _next_onsets(rows: Table) -> NDArray[np.float64]:
    """Where the key of each row is struck again, in seconds; infinity where it is not."""
    out = np.full(len(rows), np.inf)
    for pitch in np.unique(rows["pitch"]).tolist():
        own = np.flatnonzero(rows["pitch"] == pitch)
        strokes = np.append(np.unique(rows["onset_s"][own]), np.inf)
        out[own] = strokes[np.searchsorted(strokes, rows["onset_s"][own], side="right")]
    return out


def _mass(onset: Floats, first: int, last: int) -> Floats:
    """``onset_mass`` of frames ``first`` to ``last`` of what is kept; beyond it is silence."""
    wide = np.zeros((last - first + 2, onset.shape[1]), dtype=np.float32)
    low, high = max(first - 1, 0), min(last + 1, len(onset))
    wide[low - first + 1 : high - first + 1] = onset[low:high]
    return onset_mass(wide[1:-1], wide[:1], wide[-1:])


def _is_peak(onset: Floats, first: int, last: int) -> NDArray[np.bool_]:
    """Where the mass of frames ``first`` to ``last`` is larger than just before and not smaller than just after."""
    wide = _mass(onset, first - 1, last + 1)
    return np.asarray((wide[1:-1] > wide[:-2]) & (wide[1:-1] >= wide[2:]))


def _shift(column: Floats, at: int) -> float:
    """Where an onset is beside its peak frame: the difference of the triangle's flanks, in frames."""
    before = float(column[at - 1]) if at > 0 else 0.0
    after = float(column[at + 1]) if at + 1 < len(column) else 0.0
    shift = (after - before) / max(after + before, 1e-6)
    return min(max(shift, -LONGEST_SHIFT), LONGEST_SHIFT)


def _joined(kept: HeardFrames, more: HeardFrames) -> HeardFrames:
    parts = {}
    for name in DENSE:
        one, other = getattr(kept, name), getattr(more, name)
        parts[name] = np.concatenate([one, other], 1 if one.ndim == 3 else 0)
    return kept._replace(first=kept.first, looks=HeardLooks.joined([kept.looks, more.looks]), course=None, **parts)


def _from(kept: HeardFrames, first: int) -> HeardFrames:
    """What is kept, from a frame on."""
    skip = first - kept.first
    parts = {}
    for name in DENSE:
        part = getattr(kept, name)
        parts[name] = part[:, skip:] if part.ndim == 3 else part[skip:]
    return kept._replace(first=first, looks=kept.looks.of(kept.looks.frame >= first), course=None, **parts)


def _look(looks: HeardLooks, frame: int, key: int) -> Floats | None:
    """That of the onset of a key that is nearest to a frame."""
    low, high = np.searchsorted(looks.frame, [frame - NEAREST_LOOK, frame + NEAREST_LOOK + 1])
    own = low + np.flatnonzero(looks.pitch[low:high] == key)
    if not len(own):
        return None
    nearest = own[np.abs(looks.frame[own] - frame).argmin()]
    return np.array(looks.kept[nearest])  # a copy: a view would keep all the others
