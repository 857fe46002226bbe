"""Music as heard, made by hand, and sound to learn from."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from transcribe.heard import BEAT_DTYPE, HEARD_DTYPE, PEDAL_DTYPE, HeardMusic, sort_heard
from transcribe.training_audio.clips import make_clip
from transcribe.training_audio.random_music import random_passage
from transcribe.training_audio.sound_store import StoreWriter
from transcribe.training_audio.synthetic_voice import SyntheticVoice

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


@pytest.fixture(scope="session")
def piano_and_others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of three clips of random music: two of piano, one of a flute and a guitar."""
    folder = tmp_path_factory.mktemp("sound")
    writer = StoreWriter(folder, {"made": "by hand"})
    rng = np.random.default_rng(0)
    for programs in ((0,), (0,), (73, 24)):
        voice = SyntheticVoice(rng).play
        passage = random_passage(rng, 10.0, programs)
        clip = make_clip(passage, voice, rng, split="train", piece="made", voice_name="synthetic", played_rate_hz=32_000)
        assert clip is not None
        writer.add([clip])
    return folder
