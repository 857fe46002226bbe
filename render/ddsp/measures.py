"""The expression of a note as it is measured in its sound: the numbers that the instruments are asked for, in physical units.

Source: Wu et al., "MIDI-DDSP: Detailed Control of Musical Performance via Hierarchical Modeling" (arXiv 2112.09312), section 3.2
and appendix B.2, whose six numbers these are, but unscaled: in dB, cents, Hz and harmonic numbers. Relative to the original: levels
are of the whole sound instead of its harmonics; the fluctuation leaves the first and the last 80 ms out, whose rise and fall are
not expression; the depth of vibrato is that of the strongest line between 3 and 9 Hz, and its rate is kept.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from corpora.errors import RequestError
from render.ddsp.controls import frame_rms
from render.ddsp.frames import FRAME_HZ

__all__ = ["ATTACK_FRAMES", "NoteExpression", "brightness_of", "measure_note", "vibrato_of"]

ATTACK_FRAMES = 10  # 80 ms
EDGE_FRAMES = 10
MIN_VIBRATO_FRAMES = 50
VIBRATO_HZ = (3.0, 9.0)
FLOOR_DB = -120.0
RANGES = {  # what a note can be asked for
    "volume_db": (-90.0, 0.0),
    "fluctuation_db": (0.0, 12.0),
    "peak_position": (0.0, 1.0),
    "vibrato_cents": (0.0, 200.0),
    "vibrato_hz": (0.0, 12.0),
    "brightness": (1.0, 60.0),
    "attack_noise_db": (-100.0, 0.0),
}
ARTICULATIONS = ("detached", "legato", "staccato")


@dataclass(frozen=True, kw_only=True)
class NoteExpression:
    """How a note is played.

    Args:
        volume_db: Mean level, dBFS RMS, between attack and release.
        fluctuation_db: Standard deviation of the level over the note.
        peak_position: Where in the note it is loudest, 0 to 1.
        vibrato_cents: Depth, from the middle to the top.
        vibrato_hz: Rate.
        brightness: Mean harmonic number, weighted by amplitude (the spectral centroid over the pitch); 1 is a sine.
        attack_noise_db: Mean level of the noise in the first 80 ms re ``volume_db``.
        articulation: "detached", "legato" (goes on from the note before, without an attack of its own), or "staccato".

    Raises:
        RequestError: A value out of range.
    """

    volume_db: float
    fluctuation_db: float = 0.5
    peak_position: float = 0.4
    vibrato_cents: float = 0.0
    vibrato_hz: float = 5.5
    brightness: float = 4.0
    attack_noise_db: float = -30.0
    articulation: str = "detached"

    def __post_init__(self) -> None:
        for name, (least, most) in RANGES.items():
            if not least <= getattr(self, name) <= most:
                raise RequestError(f"expression: {name}: expected {least:g} to {most:g}, got {getattr(self, name):g}")
        if self.articulation not in ARTICULATIONS:
            raise RequestError(f"expression: articulation: expected {', '.join(ARTICULATIONS)}, got '{self.articulation}'")

    def to_dict(self) -> dict[str, float | str]:
        """The values by name."""
        return asdict(self)

    def limited(self, **changes: float | str) -> NoteExpression:
        """With changes, each number brought into its range."""
        kept = {
            name: float(np.clip(value, *RANGES[name])) if isinstance(value, (int, float)) else value
            for name, value in changes.items()
        }
        return replace(self, **kept)  # type: ignore[arg-type]


def brightness_of(amplitudes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(F,) mean harmonic number of frames (F, K), weighted by amplitude; 1 in silence."""
    k = np.arange(1, amplitudes.shape[-1] + 1)
    total = amplitudes.sum(-1)
    return np.where(total > 0, (amplitudes * k).sum(-1) / np.maximum(total, 1e-12), 1.0)


def vibrato_of(cents: NDArray[np.float64]) -> tuple[float, float]:
    """Depth in cents and rate in Hz of the strongest line between 3 and 9 Hz; (0, 0) for notes below 0.4 s.

    Args:
        cents: (F,) pitch at the frames re anything.
    """
    if len(cents) < MIN_VIBRATO_FRAMES:
        return 0.0, 0.0
    window = scipy.signal.get_window(("tukey", 0.5), len(cents), fftbins=False)
    padded = 8 * len(cents)
    lines = np.abs(np.fft.rfft(scipy.signal.detrend(cents) * window, padded)) * 2 / window.sum()
    frequencies = np.fft.rfftfreq(padded, 1 / FRAME_HZ)
    inside = np.flatnonzero((frequencies >= VIBRATO_HZ[0]) & (frequencies <= VIBRATO_HZ[1]))
    best = inside[int(np.argmax(lines[inside]))]
    return float(lines[best]), float(frequencies[best])


def measure_note(
    f0_hz: NDArray[np.float64], amplitudes: NDArray[np.float64], bands: NDArray[np.float64], articulation: str = "detached"
) -> NoteExpression:
    """The expression of a note from its frames, the first at its onset and the last where it is let go.

    Args:
        f0_hz: (F,).
        amplitudes: (F, K) of the harmonics, linear.
        bands: (F, 65) gains of the noise, linear.
        articulation: Which nobody can measure in one note alone.
    """
    level = np.maximum(20 * np.log10(np.maximum(frame_rms(amplitudes, bands), 1e-9)), FLOOR_DB)
    noise = np.maximum(20 * np.log10(np.maximum(frame_rms(np.zeros_like(amplitudes), bands), 1e-9)), FLOOR_DB)
    inner = slice(EDGE_FRAMES, -EDGE_FRAMES) if len(level) > 3 * EDGE_FRAMES else slice(None)
    volume = float(level[inner].mean())
    depth, rate = vibrato_of(1200 * np.log2(f0_hz))
    weights = amplitudes.sum(-1)[inner]
    brightness = float((brightness_of(amplitudes)[inner] * weights).sum() / max(float(weights.sum()), 1e-12))
    return NoteExpression(volume_db=np.clip(volume, *RANGES["volume_db"]).item()).limited(
        fluctuation_db=float(level[inner].std()),
        peak_position=float(np.argmax(level) / max(len(level) - 1, 1)),
        vibrato_cents=depth,
        vibrato_hz=rate,
        brightness=brightness,
        attack_noise_db=float(noise[:ATTACK_FRAMES].mean()) - volume,
        articulation=articulation,
    )
