"""basic-pitch (Bittner et al., arXiv 2203.09893): notes of any instrument, by its own code and weights, through ONNX.

It knows neither instruments nor pedal nor beats; velocities are its amplitudes. Install ``basic-pitch`` without its TensorFlow
(``pip install --no-deps basic-pitch``) and ``onnxruntime``, ``resampy`` and ``mir_eval``.
"""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import warnings
from pathlib import Path

import numpy as np

from corpora.audio_stream import AudioStream, Progress
from corpora.errors import ToolError
from corpora.piece import Table
from transcribe.frames.notes import Wanted
from transcribe.heard import HEARD_DTYPE, HeardMusic, sort_heard

__all__ = ["listen"]

RATE_HZ = 22_050


def listen(stream: AudioStream, wanted: Wanted, progress: Progress | None = None) -> tuple[HeardMusic, None]:
    """What basic-pitch hears.

    Args:
        stream: The sound.
        wanted: Pitches outside its range are left out; the first of its families is written for all notes.
        progress: Hears 1 when it is done.

    Raises:
        InputError: As ``AudioStream``.
        ToolError: It is not installed.
    """
    import soundfile

    with warnings.catch_warnings(), _quiet():
        warnings.simplefilter("ignore")
        try:
            import basic_pitch
            from basic_pitch.inference import predict
        except ImportError as error:
            raise ToolError(f"basic-pitch is not installed here: {error}") from None
        own = AudioStream(stream.source, RATE_HZ, stream.name)
        with tempfile.TemporaryDirectory(prefix="partimento-") as folder:
            path, samples = Path(folder) / "sound.wav", 0
            with soundfile.SoundFile(path, "w", RATE_HZ, 1, "FLOAT") as file:
                for block in own.levelled():
                    file.write(block)
                    samples += len(block)
            weights = Path(basic_pitch.__file__).parent / "saved_models/icassp_2022/nmp.onnx"
            _, _, events = predict(path, weights)
    if progress is not None:
        progress(1.0)
    return HeardMusic(_rows(events, wanted), samples / RATE_HZ, name=stream.name), None


def _rows(events: list[tuple[float, float, int, float, object]], wanted: Wanted) -> Table:
    family = min(wanted.families) if wanted.families else 0
    rows = [
        (start, end, pitch, min(max(round(127 * amplitude), 1), 127), family, 0, amplitude)
        for start, end, pitch, amplitude, _ in events
        if wanted.pitches()[pitch]
    ]
    return sort_heard(np.array(rows, dtype=HEARD_DTYPE))


class _quiet(contextlib.ExitStack):  # noqa: N801
    """It prints, and logs what else might be installed."""

    def __enter__(self) -> _quiet:
        super().__enter__()
        self.enter_context(contextlib.redirect_stdout(io.StringIO()))
        level = logging.root.manager.disable
        logging.disable(logging.WARNING)
        self.callback(logging.disable, level)
        return self
