"""What a mix is asked to be."""

from __future__ import annotations

from dataclasses import dataclass

from corpora.errors import RequestError
from render.mix.compressor import CompressorSettings
from render.mix.equalizer import EqualizerSettings
from render.mix.rooms import find_room

__all__ = ["MixSettings", "StemSettings"]

MAX_GAIN_DB = 60.0
MIN_LUFS, MAX_LUFS = -60.0, -5.0
MIN_PEAK_DBTP, MAX_PEAK_DBTP = -20.0, 0.0


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise RequestError(f"mix: {name}: expected {low:g} to {high:g}, got {value:g}")


@dataclass(frozen=True, kw_only=True)
class StemSettings:
    """What is done to one stem.

    Args:
        gain_db: Its level, -60 to 60.
        pan: -1 (left) to 1 (right), constant power (``render.mix.levels.balance_gains``).
        send_db: What it sends to the room re ``MixSettings.send_db``, -60 to 60; the level of the stem counts too.

    Raises:
        RequestError: A number outside its range.
    """

    gain_db: float = 0.0
    pan: float = 0.0
    send_db: float = 0.0

    def __post_init__(self) -> None:
        _check("stem gain (dB)", self.gain_db, -MAX_GAIN_DB, MAX_GAIN_DB)
        _check("pan", self.pan, -1.0, 1.0)
        _check("stem send (dB)", self.send_db, -MAX_GAIN_DB, MAX_GAIN_DB)


@dataclass(frozen=True, kw_only=True)
class MixSettings:
    """What is done to all stems together.

    Args:
        room: A name in ``render.mix.rooms.ROOMS``; None for none.
        send_db: Level of the room beside the dry sound, -60 to 20.
        equalizer: Tone control; None for none.
        compressor: None for none.
        lufs: Integrated loudness to reach, -60 to -5; None takes ``gain_db`` instead.
        true_peak_dbtp: Ceiling of the limiter, -20 to 0; None for no limiter.
        gain_db: Level change where no loudness is asked for, -60 to 60.

    Raises:
        RequestError: A number outside its range, no such room, or both a loudness and a gain.
    """

    room: str | None = "hall"
    send_db: float = -12.0
    equalizer: EqualizerSettings | None = None
    compressor: CompressorSettings | None = None
    lufs: float | None = -16.0
    true_peak_dbtp: float | None = -1.0
    gain_db: float = 0.0

    def __post_init__(self) -> None:
        if self.room is not None:
            find_room(self.room)
        _check("send (dB)", self.send_db, -MAX_GAIN_DB, 20.0)
        _check("gain (dB)", self.gain_db, -MAX_GAIN_DB, MAX_GAIN_DB)
        if self.true_peak_dbtp is not None:
            _check("true peak (dBTP)", self.true_peak_dbtp, MIN_PEAK_DBTP, MAX_PEAK_DBTP)
        if self.lufs is not None:
            _check("loudness (LUFS)", self.lufs, MIN_LUFS, MAX_LUFS)
            if self.gain_db:
                raise RequestError(f"mix: expected a loudness or a gain, got both ({self.lufs:g} LUFS, {self.gain_db:g} dB)")
