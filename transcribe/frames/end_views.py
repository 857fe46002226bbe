"""What is seen along a note, frame by frame from its onset on, to tell when it ends: ``views``.

Besides what the frame model says of the note's own key, and its cells there, the levels of the note's partials; what sounds and
begins an octave or a twelfth and so on away, which may hide the note or be taken for it; how much begins and ends at the same time
near by and on the whole, since notes end where others begin, and with the pedal all together; and where the key is struck again.
All places are relative to the note's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from transcribe.frames.targets import NUM_PITCHES

__all__ = ["LONGEST", "NEVER", "Along", "Begun", "Seen", "seen_along", "views", "views_size"]

LONGEST = 512  # frames that a note is followed, 8.2 s
NEVER = 1 << 20  # frames until the key is struck again
HARMONIC = (-24, -19, -12, 12, 19, 24)  # semitones to keys whose sound is much like the note's
PARTIALS = (0, 12, 19, 24, 28)  # semitones to the partials whose levels are seen
NEAR = 5.0  # semitones within which what begins and ends is near
SETTLED = 3  # frames after the onset whose levels all others can be held against
BEYOND = 2  # frames that are seen of the next stroke of the key
LOGIT_SCALE, PEDAL_SCALE, USUAL_LEVEL, TIME_SCALE, LONG = 3.0, 3.0, 4.0, 6.0, 250.0
FEW, MANY = 4.0, 8.0  # keys that begin or end, and sound, at once
MOST = 2.0
SILENT = -9.2  # logit beyond the keyboard
ONSET, FRAME, OFFSET = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Along:
    """What is known of some frames in a row.

    Args:
        told: Logits of onset, frame and offset.
        levels: Of ``transcribe.frames.timbre.semitone_levels``.
        pedal: Logits.
    """

    told: Float[Tensor, "3 time 88"]
    levels: Float[Tensor, "2 time semitone"]
    pedal: Float[Tensor, " time"]


@dataclass(frozen=True, eq=False)
class Begun:
    """Notes whose ends are asked for.

    Args:
        frame: Of the onset, from the first of ``Along``.
        pitch: From the lowest.
        until: Frames from the onset to the next one of the same key, or ``NEVER``.
        velocity: 0 to 1.
        family: Index into FAMILIES.
    """

    frame: Int[Tensor, " note"]
    pitch: Int[Tensor, " note"]
    until: Int[Tensor, " note"]
    velocity: Float[Tensor, " note"]
    family: Int[Tensor, " note"]

    def of(self, chosen: Tensor) -> Begun:
        """Some of them."""
        return Begun(*(column[chosen] for column in (self.frame, self.pitch, self.until, self.velocity, self.family)))

    def later(self, frames: int) -> Begun:
        """All of them some frames later."""
        return replace(self, frame=self.frame + frames)


@dataclass(frozen=True, eq=False)
class Seen:
    """Notes as ``transcribe.frames.ends.EndReader`` takes them.

    Args:
        views: Of ``views``.
        cells: The frame model's along each note.
        family: Index into FAMILIES.
        there: Whether the frame may be a note's.
    """

    views: Float[Tensor, "note size time"]
    cells: Float[Tensor, "note width time"]
    family: Int[Tensor, " note"]
    there: Bool[Tensor, "note time"]


def views_size() -> int:
    """Numbers of a frame, without the cells."""
    own, harmonic, near, levels, whole, times = 3, 2 * len(HARMONIC), 2, 2 * len(PARTIALS), 4, 4
    return own + harmonic + near + levels + whole + times + 3 + 2 * len(PARTIALS)


def seen_along(begun: Begun, frames: int) -> Int[Tensor, " note"]:
    """How many frames are seen of each note.

    Args:
        begun: The notes.
        frames: How many there are in all.
    """
    return torch.minimum(begun.until + BEYOND, frames - begun.frame).clamp(2, LONGEST)


def views(along: Along, begun: Begun) -> tuple[Float[Tensor, "note size time"], Bool[Tensor, "note time"]]:
    """What is seen, and which frames are a note's.

    Args:
        along: Frames.
        begun: At least one note.
    """
    total = along.told.shape[1]
    lengths = seen_along(begun, total)
    steps = torch.arange(int(lengths.max()), device=lengths.device)
    there = steps < lengths[:, None]
    times = (begun.frame[:, None] + steps).clamp(max=total - 1)
    pitch = begun.pitch[:, None]
    reach = max(HARMONIC)
    wide = functional.pad(along.told, (reach, reach), value=SILENT)
    levels = functional.pad(along.levels, (0, max(PARTIALS))) - USUAL_LEVEL
    near, whole = _crowd(along)
    parts = [
        along.told[:, times, pitch] / LOGIT_SCALE,
        torch.stack([wide[kind][times, pitch + reach + away] / LOGIT_SCALE for kind in (ONSET, FRAME) for away in HARMONIC]),
        near[:, times, pitch],
        torch.stack([levels[sharp][times, pitch + away] for sharp in (0, 1) for away in PARTIALS]),
        whole[:, times],
        _times(begun, steps),
        _of_the_note(begun, levels, total)[..., None].expand(-1, -1, len(steps)),
    ]
    return torch.cat(parts).transpose(0, 1), there


def _crowd(along: Along) -> tuple[Float[Tensor, "2 time 88"], Float[Tensor, "4 time"]]:
    """How many keys begin and end near each key; and on the whole how many begin, end and sound, and the pedal."""
    likely = torch.sigmoid(along.told)
    keys = torch.arange(NUM_PITCHES, device=likely.device)
    nearness = torch.exp(-(keys[:, None] - keys).abs() / NEAR)
    near = torch.log1p(likely[[ONSET, OFFSET]] @ nearness)
    sums = likely.sum(-1)
    whole = torch.stack([sums[ONSET] / FEW, sums[OFFSET] / FEW, sums[FRAME] / MANY, along.pedal / PEDAL_SCALE])
    return near, whole


def _times(begun: Begun, steps: Tensor) -> Float[Tensor, "4 note time"]:
    """How long the note has been sounding, and how long it is to the next stroke of its key."""
    passed = steps.float().expand(len(begun.frame), -1)
    left = begun.until[:, None].float() - passed
    again = (begun.until < NEVER).float()[:, None] * torch.exp(-left.abs() / BEYOND)
    scaled = torch.log1p(left.clamp(0, LONGEST)) / TIME_SCALE
    return torch.stack([torch.log1p(passed) / TIME_SCALE, (passed / LONG).clamp(max=MOST), scaled, again])


def _of_the_note(begun: Begun, levels: Tensor, frames: int) -> Float[Tensor, "size note"]:
    """What is the same all along it."""
    settled = (begun.frame + SETTLED).clamp(max=frames - 1)
    own = [2 * begun.pitch / NUM_PITCHES - 1, 2 * begun.velocity - 1, (begun.until < NEVER).float()]
    return torch.stack(own + [levels[sharp][settled, begun.pitch + away] for sharp in (0, 1) for away in PARTIALS])
