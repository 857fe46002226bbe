"""Tones and envelopes in blocks of ``BLOCK`` samples, each computed once and kept while there is room.

Notes of one key with the same settings differ only in gain and length, so most of what a piece needs has been computed before.
A block is always computed over the same samples from the same state, whoever asks: what comes out does not depend on what was kept.
"""

from __future__ import annotations

import math
from collections.abc import Hashable

import numpy as np
import torch
from numpy.typing import NDArray

from render.sampler.block_cache import BlockCache
from render.sampler.byte_cache import ByteCache
from render.sampler.envelope import Envelope, released, volume_amplitude
from render.sampler.low_pass import STEP
from render.sampler.sources import Sources
from render.sampler.tones import Tone, ToneState, render_tones

__all__ = ["BLOCK", "Blocks"]

BLOCK = 256 * STEP
TONE_BLOCKS = 4_096  # 256 MiB
ENVELOPE_BLOCKS = 512
FALL_BYTES = 64 << 20
STATE_BYTES = 64 << 20
BYTES_OF_A_STATE = 512  # six numbers and their key


class Blocks:
    """Blocks of all tones of a font at a sample rate.

    Args:
        sources: What the tones read.
        sample_rate_hz: Samples a second.
    """

    def __init__(self, sources: Sources, sample_rate_hz: float) -> None:
        self._sources = sources
        self._rate_hz = sample_rate_hz
        self._tones = BlockCache(TONE_BLOCKS, BLOCK)
        self._states: ByteCache[tuple[float, ...]] = ByteCache(STATE_BYTES, lambda _: BYTES_OF_A_STATE)
        self._held = BlockCache(ENVELOPE_BLOCKS, BLOCK)
        self._falls: ByteCache[NDArray[np.float32]] = ByteCache(FALL_BYTES, lambda block: block.nbytes)
        self.computed_samples = 0

    def tone(self, tone: Tone, index: int, release: int) -> NDArray[np.float32]:
        """Block ``index`` of a tone that is let go at sample ``release`` after its onset, (BLOCK,)."""
        key = self._key(tone, index, release)
        found = self._tones.get(key)
        return found if found is not None else self._compute(tone, index, release)

    def _key(self, tone: Tone, index: int, release: int) -> Hashable:
        """Until its release a tone is that of any other length."""
        return tone, index, release if tone.feels_release and release < (index + 1) * BLOCK else -1

    def _compute(self, tone: Tone, index: int, release: int) -> NDArray[np.float32]:
        first = index  # the latest block whose beginning is known
        while first and self._states.get(self._key(tone, first - 1, release)) is None:
            first -= 1
        known = self._states.get(self._key(tone, first - 1, release)) if first else None
        state = ToneState.of_numbers(known) if known is not None else None
        source = self._sources.source(tone.source)
        later = self._sources.source(tone.after_release) if tone.after_release is not None else None
        block = np.empty(0, dtype=np.float32)
        for place in range(first, index + 1):
            bare = None if tone.bare is None else torch.from_numpy(self.tone(tone.bare, place, release))[None]
            with torch.inference_mode():
                sound, state = render_tones(
                    [tone],
                    [(source, later)],
                    place * BLOCK,
                    BLOCK,
                    self._rate_hz,
                    releases=[float(release)],
                    state=state,
                    bare=bare,
                )
            key = self._key(tone, place, release)
            self._states.put(key, state.numbers())
            block = self._tones.put(key, sound[0].numpy())
            self.computed_samples += BLOCK
        return block

    def envelope(self, envelope: Envelope, start: int, stop: int, release: int) -> float | NDArray[np.float32]:
        """The volume envelope from ``start`` to before ``stop`` within one block, in samples from the onset."""
        if stop <= release:
            return self._held_part(envelope, start, stop)
        fall = self._fall(float(envelope.release_s), stop - release) * np.float32(self.level(envelope, release))
        if start >= release:
            return np.asarray(fall[start - release : stop - release])
        before = self._held_part(envelope, start, release)
        whole = np.empty(stop - start, dtype=np.float32)
        whole[: release - start] = before
        whole[release - start :] = fall[: stop - release]
        return whole

    def level(self, envelope: Envelope, release: int) -> float:
        """Amplitude at the release."""
        block = self._held_part(envelope, max(release - 1, 0), max(release, 1))
        return float(block) if isinstance(block, float) else float(block[0])

    def _held_part(self, envelope: Envelope, start: int, stop: int) -> float | NDArray[np.float32]:
        """The envelope before its release; sample n has the value at the time of its end, (n + 1) / rate."""
        index = start // BLOCK
        key: Hashable = envelope
        if index * BLOCK >= math.ceil(float(envelope.sustain_start_s) * self._rate_hz):
            found = self._held.get(key)
            if found is None:
                end = torch.tensor([float(envelope.sustain_start_s)], dtype=torch.float64)
                found = self._held.put(key, volume_amplitude(end, envelope).float().numpy())
            return float(found[0])
        key = envelope, index
        found = self._held.get(key)
        if found is None:
            times = torch.arange(index * BLOCK + 1, (index + 1) * BLOCK + 1, dtype=torch.float64) / self._rate_hz
            found = self._held.put(key, volume_amplitude(times, envelope).float().numpy())
        return found[start - index * BLOCK : stop - index * BLOCK]

    def _fall(self, release_s: float, length: int) -> NDArray[np.float32]:
        """What the level at the release is multiplied by, for at least ``length`` samples from there on."""
        found = self._falls.get(release_s)
        if found is None or len(found) < length:
            samples = -(-length // BLOCK) * BLOCK
            times = torch.arange(1, samples + 1, dtype=torch.float64) / self._rate_hz
            found = self._falls.put(release_s, released(times, release_s).float().numpy())
        return found
