"""Stems to a finished mix, block by block: any length takes the same memory.

Order: each stem's level and place -> what it sends to the room -> sum -> tone control -> compressor -> gain -> limiter. What is
linear is done to every stem (or, where no stems are asked for, to their sum, which is the same); the gains of compressor and
limiter come from the sum and are applied to every stem, so that the stems that are written add up to the mix.

The loudness is reached in passes: the first one makes everything up to the gain and measures it; where the limiter then works, the
gain is sought that brings the limited sound to the loudness, with as many passes over the unlimited sound as that takes.

Conventions: raw files (``render.mix.raw_sound``); sample 0 of the mix is sample 0 of the stems; the mix is longer by the room's
tail. The same stems and settings give the same bytes.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from corpora.errors import InputError
from corpora.safe_text import safe_text
from render.mix.compressor import Compressor
from render.mix.equalizer import Equalizer
from render.mix.levels import Block, balance_gains, db_to_ratio
from render.mix.limiter import Limiter
from render.mix.loudness import LoudnessMeter
from render.mix.raw_sound import RAW_DTYPE, RawReader, raw_length, read_raw, write_block, write_curve
from render.mix.rooms import RoomSend, find_room
from render.mix.settings import MixSettings, StemSettings
from render.mix.true_peak import TruePeakMeter

__all__ = ["MixReport", "mixdown"]

BLOCK_SAMPLES = 1 << 15
TOLERANCE_LU, REACHED_LU = 0.05, 0.1  # what is sought, and what counts as reached
MAX_PASSES = 8
MAX_MAKEUP_DB = 60.0
MAX_DRIVE_DB = 15.0  # into the limiter, beyond the gain that would do without it


@dataclass(frozen=True)
class MixReport:
    """How a mix came out.

    Args:
        samples: Length of the mix.
        sample_rate_hz: Samples a second.
        integrated_lufs: Its loudness; -inf for silence.
        loudness_range_lu: Its loudness range.
        true_peak_dbtp: Its true peak; -inf for silence.
        gain_db: Level change before the limiter.
        limiter_reduction_db: The most that the limiter took away.
        compressor_reduction_db: The most that the compressor took away.
        passes: Times that the limiter went over the sound.
        reached: Whether the loudness asked for was reached within 0.1 LU (True where none was asked for).
        note: Why not; else empty.
        mix_s: Seconds of work.
    """

    samples: int
    sample_rate_hz: int
    integrated_lufs: float
    loudness_range_lu: float
    true_peak_dbtp: float
    gain_db: float
    limiter_reduction_db: float
    compressor_reduction_db: float
    passes: int
    reached: bool
    note: str
    mix_s: float


def mixdown(
    stems: Sequence[Path],
    target: Path,
    *,
    sample_rate_hz: int,
    settings: MixSettings | None = None,
    stem_settings: Sequence[StemSettings] | None = None,
    stem_targets: Sequence[Path] = (),
    progress: Callable[[float], None] | None = None,
) -> MixReport:
    """Mix stems into one stereo sound.

    Args:
        stems: Raw files, all of one length.
        target: The raw file to write; its folder also holds what is needed in between (as much as the mix again, and half as much).
        sample_rate_hz: Samples a second.
        settings: None for ``MixSettings()``.
        stem_settings: One for each stem; None leaves them as they are.
        stem_targets: A raw file for each stem as it sounds in the mix, with its share of the room; empty for none. They add up to
            the mix.
        progress: Told the share of the work that is done, 0 to 1.

    Returns:
        The report.

    Raises:
        InputError: No stems, not of one length, not raw files, or the disk is full.
        RequestError: A tone control above half the sample rate.
        ToolError: A stem has samples that are not finite.
    """
    started = time.perf_counter()
    length = _checked_length(stems)
    chosen = settings or MixSettings()
    each = [StemSettings()] * len(stems) if stem_settings is None else list(stem_settings)
    if len(each) != len(stems) or len(stem_targets) not in (0, len(stems)):
        raise ValueError(f"expected settings and targets for {len(stems)} stems, got {len(each)} and {len(stem_targets)}")
    try:
        with tempfile.TemporaryDirectory(prefix=".partimento-mix-", dir=target.parent) as scratch:
            work = _Mixdown(Path(scratch), target, sample_rate_hz, chosen, progress or (lambda _: None))
            work.sum_up(stems, each, stem_targets, length)
            work.reach_loudness()
            work.finish_stems(stem_targets)
            return work.report(time.perf_counter() - started)
    except OSError as error:
        raise InputError(f"{safe_text(str(target))} cannot be written: {error.strerror or error}") from error


def _checked_length(stems: Sequence[Path]) -> int:
    if not stems:
        raise InputError("mix: expected at least one stem, got none")
    lengths = [raw_length(path) for path in stems]
    for path, length in zip(stems, lengths, strict=True):
        if length != lengths[0]:
            raise InputError(
                f"{safe_text(path.name)}: expected {lengths[0]:,} samples like {safe_text(stems[0].name)}, got {length:,}"
            )
    return lengths[0]


def _true_peak_dbtp(path: Path) -> float:
    meter = TruePeakMeter()
    for block in read_raw(path, BLOCK_SAMPLES):
        meter.add(block)
    return meter.peak_dbtp


class _LinearChain:
    """Dry sound and what is sent to the room in, both with tone control out."""

    def __init__(self, settings: MixSettings, sample_rate_hz: int) -> None:
        self._room = RoomSend(find_room(settings.room), sample_rate_hz) if settings.room is not None else None
        self._equalizer = Equalizer(settings.equalizer, sample_rate_hz) if settings.equalizer is not None else None
        self.tail_samples = self._room.tail_samples if self._room else 0

    def process(self, dry: Block, sent: Block) -> Block:
        out = dry + self._room.process(sent) if self._room else dry
        return self._equalizer.process(out) if self._equalizer else out


class _Mixdown:
    """The passes of one mix and what they found."""

    def __init__(
        self, scratch: Path, target: Path, sample_rate_hz: int, settings: MixSettings, progress: Callable[[float], None]
    ) -> None:
        self._target = target
        self._rate = sample_rate_hz
        self._settings = settings
        self._progress = progress
        self._unlimited = scratch / "unlimited.f32"  # the sum up to the compressor
        self._compressor_gains = scratch / "compressor.f32"
        self._limiter_gains = scratch / "limiter.f32"
        self._compressor = Compressor(settings.compressor, sample_rate_hz) if settings.compressor is not None else None
        self._samples = 0
        self._meter = LoudnessMeter(sample_rate_hz)  # of the unlimited sum, later of the mix
        self._peak_dbtp = -math.inf  # of the same
        self._gain_db = settings.gain_db
        self._limiter_reduction_db = 0.0
        self._passes = 0
        self._note = ""

    def sum_up(self, stems: Sequence[Path], each: Sequence[StemSettings], stem_targets: Sequence[Path], length: int) -> None:
        """Write the sum of the stems up to the compressor, and each stem up to the tone control where asked for."""
        chains = [_LinearChain(self._settings, self._rate) for _ in range(max(1, len(stem_targets)))]
        self._samples = length + chains[0].tail_samples
        peak_meter = TruePeakMeter()
        gains = [np.array(balance_gains(one.pan), dtype=np.float32)[:, None] * np.float32(db_to_ratio(one.gain_db)) for one in each]
        sends = [np.float32(db_to_ratio(self._settings.send_db + one.send_db)) for one in each]
        with ExitStack() as stack:
            readers = [stack.enter_context(RawReader(path)) for path in stems]
            writers = [stack.enter_context(path.open("wb")) for path in stem_targets]
            out = stack.enter_context(self._unlimited.open("wb"))
            gains_out = stack.enter_context(self._compressor_gains.open("wb"))
            for start in range(0, self._samples, BLOCK_SAMPLES):
                count = min(BLOCK_SAMPLES, self._samples - start)
                dry = [reader.next(count) * gain for reader, gain in zip(readers, gains, strict=True)]
                if not writers:
                    sent = sum((send * block for send, block in zip(sends[1:], dry[1:], strict=True)), start=sends[0] * dry[0])
                    mix = chains[0].process(sum(dry[1:], start=dry[0]), sent)
                else:
                    mix = np.zeros((2, count), dtype=np.float32)
                    for chain, block, send, writer in zip(chains, dry, sends, writers, strict=True):
                        share = chain.process(block, send * block)
                        write_block(writer, share)
                        mix += share
                if self._compressor:
                    compressing = self._compressor.gains(mix)
                    mix *= compressing
                    write_curve(gains_out, compressing)
                write_block(out, mix)
                self._meter.add(mix)
                peak_meter.add(mix)
                self._progress(0.5 * (start + count) / self._samples)
        self._peak_dbtp = peak_meter.peak_dbtp

    def reach_loudness(self) -> None:
        """Find the gain and write the mix with it."""
        wanted = self._settings.lufs
        before = self._meter.integrated_lufs
        if wanted is not None:
            self._gain_db = min(wanted - before, MAX_MAKEUP_DB) if math.isfinite(before) else 0.0
        ceiling = self._settings.true_peak_dbtp
        if ceiling is None or self._peak_dbtp + self._gain_db <= ceiling:
            self._write_unlimited()
        elif wanted is None or not math.isfinite(before):
            self._limit(ceiling)
        else:
            self._seek(ceiling, wanted)
        if self._passes:
            self._peak_dbtp = _true_peak_dbtp(self._target)
        after = self._meter.integrated_lufs
        if wanted is not None and not abs(after - wanted) <= REACHED_LU:
            self._note = self._why_not(before, after, wanted)

    def _why_not(self, before: float, after: float, wanted: float) -> str:
        if not math.isfinite(before):
            return "the mix is silence to a loudness meter (BS.1770: below -70 LUFS, or shorter than 0.4 s), it was left as it is"
        missed = f"expected {wanted:g} LUFS, got {after:.1f}"
        if not self._passes:
            return f"{missed}: it would take more than {MAX_MAKEUP_DB:g} dB of gain"
        return f"{missed}: the limiter already takes away {self._limiter_reduction_db:.0f} dB to keep the peaks where they may be"

    def _write_unlimited(self) -> None:
        """The mix where the limiter has nothing to do: one factor."""
        ratio = np.float32(db_to_ratio(self._gain_db))
        with self._target.open("wb") as out:
            for block in read_raw(self._unlimited, BLOCK_SAMPLES):
                write_block(out, block * ratio)
        self._meter.amplify(float(ratio))
        self._peak_dbtp += self._gain_db
        self._progress(1.0)

    def _seek(self, ceiling_dbtp: float, wanted_lufs: float) -> None:
        """Limit with ever better gains until the loudness is right: secants through the last two passes."""
        first = self._gain_db
        tried: list[tuple[float, float]] = []  # gain, loudness
        while True:
            self._limit(ceiling_dbtp)
            tried.append((self._gain_db, self._meter.integrated_lufs))
            missing = wanted_lufs - tried[-1][1]
            if abs(missing) <= TOLERANCE_LU or self._passes == MAX_PASSES:
                return
            if len(tried) == 1:  # the more the limiter took from the loudness, the more it will take of what is added
                slope = 1.0 / (1.0 + max(missing, 0.0))
            else:
                (gain_a, lufs_a), (gain_b, lufs_b) = tried[-2:]
                slope = min(max((lufs_b - lufs_a) / (gain_b - gain_a), 0.1), 2.0)
            following = min(self._gain_db + missing / slope, first + MAX_DRIVE_DB)
            if following == self._gain_db:  # at the end of what the limiter is given
                return
            self._gain_db = following

    def _limit(self, ceiling_dbtp: float) -> None:
        """Write the mix at the present gain through the limiter, and measure it."""
        limiter = Limiter(ceiling_dbtp, self._rate)
        delay = limiter.delay_samples
        self._meter = LoudnessMeter(self._rate)
        ratio = np.float32(db_to_ratio(self._gain_db))
        self._passes += 1
        waiting = np.zeros((2, 0), dtype=np.float32)
        with self._target.open("wb") as out, self._limiter_gains.open("wb") as gains_out, RawReader(self._unlimited) as reader:
            late = delay  # the first gains are for samples before the start
            for start in range(0, self._samples + delay, BLOCK_SAMPLES):
                block = reader.next(min(BLOCK_SAMPLES, self._samples + delay - start)) * ratio
                gains = limiter.gains(block)[late:]
                late = 0
                waiting = np.concatenate([waiting, block], axis=1)
                limited = waiting[:, : len(gains)] * gains
                waiting = waiting[:, len(gains) :]
                write_curve(gains_out, gains)
                write_block(out, limited)
                self._meter.add(limited)
        self._limiter_reduction_db = limiter.greatest_reduction_db
        self._progress(1.0 - 0.5**self._passes)

    def finish_stems(self, stem_targets: Sequence[Path]) -> None:
        """Apply to each stem the gains that the sum was given."""
        ratio = np.float32(db_to_ratio(self._gain_db))
        for path in stem_targets:
            with ExitStack() as stack:
                stem = stack.enter_context(path.open("r+b"))
                compressing = stack.enter_context(self._compressor_gains.open("rb")) if self._compressor else None
                limiting = stack.enter_context(self._limiter_gains.open("rb")) if self._passes else None
                for start in range(0, self._samples, BLOCK_SAMPLES):
                    count = min(BLOCK_SAMPLES, self._samples - start)
                    stem.seek(start * 2 * RAW_DTYPE.itemsize)
                    frames = np.fromfile(stem, dtype=RAW_DTYPE, count=2 * count).reshape(-1, 2) * ratio
                    for curve in (compressing, limiting):
                        if curve is not None:
                            frames *= np.fromfile(curve, dtype=RAW_DTYPE, count=count)[:, None]
                    stem.seek(start * 2 * RAW_DTYPE.itemsize)
                    stem.write(frames.data)
        self._progress(1.0)

    def report(self, mix_s: float) -> MixReport:
        """What came out."""
        return MixReport(
            samples=self._samples,
            sample_rate_hz=self._rate,
            integrated_lufs=self._meter.integrated_lufs,
            loudness_range_lu=self._meter.loudness_range_lu,
            true_peak_dbtp=self._peak_dbtp,
            gain_db=self._gain_db,
            limiter_reduction_db=self._limiter_reduction_db,
            compressor_reduction_db=self._compressor.greatest_reduction_db if self._compressor else 0.0,
            passes=self._passes,
            reached=not self._note,
            note=self._note,
            mix_s=mix_s,
        )
