"""Music as heard, made by hand."""

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from transcribe.heard import BEAT_DTYPE, HEARD_DTYPE, PEDAL_DTYPE, HeardMusic, sort_heard

Row = tuple[float, float, int]  # onset and offset in seconds, pitch
MakeHeard = Callable[..., HeardMusic]


@pytest.fixture
def make_heard() -> MakeHeard:
    """A HeardMusic of rows; beats as times with the number of the first, counted up to ``per_bar``."""

    def make(
        rows: Iterable[Row],
        *,
        beats: Iterable[float] = (),
        first: int = 1,
        per_bar: int = 4,
        meter: tuple[int, int] = (4, 4),
        pedals: Iterable[tuple[float, float]] = (),
        family: int = 0,
        program: int = 0,
        velocity: int = 80,
        duration_s: float | None = None,
    ) -> HeardMusic:
        found = [(on, off, pitch, velocity, family, program, 1.0) for on, off, pitch in rows]
        times = list(beats)
        numbered = [(time, (first - 1 + index) % per_bar + 1) for index, time in enumerate(times)]
        end = max([off for _, off, _ in rows] + times + [1.0]) if duration_s is None else duration_s
        return HeardMusic(
            notes=sort_heard(np.array(found, dtype=HEARD_DTYPE)),
            duration_s=float(end),
            pedals=np.array(list(pedals), dtype=PEDAL_DTYPE),
            beats=np.array(numbered, dtype=BEAT_DTYPE),
            beats_per_bar=meter[0] if times else 0,
            beat_type=meter[1] if times else 0,
        )

    return make
