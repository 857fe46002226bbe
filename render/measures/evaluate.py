"""The engines side by side: how they keep time and tune, and how far their sound of real music is from a reference engine's.

Time and tune are measured on notes that are made for it (``render.measures.probes``). The music is the beginning of test
pieces, played dry: no room, no limiter, one track. Loudness is compared as it comes; then each sound is brought to the loudness
of the reference's, and its spectra (``render.measures.spectral_distance``) and all seconds of all pieces as points
(``render.measures.embedding``) are compared. An engine that cannot play a piece is measured without it, and so is its
reference.
"""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from compose.evaluation_tasks import held_out
from corpora.audio import Audio
from corpora.datasets.folder import DATA_VARIABLE
from corpora.errors import InputError, RequestError
from corpora.files import read_piece
from corpora.piece import Piece
from render.engines import ENGINES, find_engine, stem_file
from render.fonts import find_font
from render.measures.distributions import distances_across_halves, frechet_distance, kernel_bandwidth, kernel_distance
from render.measures.embedding import EMBEDDING, log_mel_embedding
from render.measures.probes import PlayRaw, measure_onsets, measure_tuning
from render.measures.spectral_distance import FFT_SIZES, spectral_distance
from render.mix.loudness import integrated_lufs
from render.played import PlayedMusic, play

__all__ = ["evaluate_render", "excerpt"]

SAMPLE_RATE_HZ = 44_100
EXAMPLES = Path(__file__).parents[2] / "examples"
WITHOUT_FONT = ("ddsp",)


def excerpt(played: PlayedMusic, seconds: float) -> PlayedMusic:
    """The beginning of music, from its first note on; notes that go on longer end there.

    What was told before the first note is told at sample 0.
    """
    first = int(played.notes["onset_sample"].min())
    length = round(seconds * played.sample_rate_hz)
    notes = played.notes[played.notes["onset_sample"] < first + length].copy()
    for name in ("onset_sample", "release_sample", "end_sample"):
        notes[name] = np.minimum(notes[name] - first, length)
    events = tuple(replace(event, sample=max(event.sample - first, 0)) for event in played.events if event.sample < first + length)
    return replace(played, notes=notes, events=events)


def _test_music(pieces: int, seed: int) -> list[tuple[str, Piece]]:
    """Test pieces of the packs where there are any, else the examples, with names."""
    if os.environ.get(DATA_VARIABLE):
        return [(f"{pack}: {piece.source.name if piece.source else ''}", piece) for pack, piece in held_out(pieces, seed=seed)]
    paths = sorted(EXAMPLES.glob("*.musicxml"))
    if not paths:
        raise InputError(f"evaluation: expected music: files, or {DATA_VARIABLE} to name the folder of the packs, got none")
    return [(path.name, read_piece(path)) for path in paths]


def _player(engine: str, font: Path | None) -> PlayRaw:
    own = find_engine(engine)
    options = {} if engine in WITHOUT_FONT else {"font": font}
    return lambda played, folder: own(played, folder, stems=False, **options)


def _sound(play_raw: PlayRaw, played: PlayedMusic) -> Audio:
    with tempfile.TemporaryDirectory(prefix="partimento-") as folder:
        play_raw(played, Path(folder))
        frames = np.fromfile(stem_file(Path(folder), 0), dtype="<f4").reshape(-1, 2)
    return Audio(np.ascontiguousarray(frames.T, dtype=np.float32), played.sample_rate_hz)


def _of_loudness(sound: Audio, lufs: float, wanted_lufs: float) -> Audio:
    """A sound at another loudness."""
    return Audio((sound.samples * np.float32(10.0 ** ((wanted_lufs - lufs) / 20.0))).astype(np.float32), sound.sample_rate_hz)


def evaluate_render(
    engines: Sequence[str] = tuple(ENGINES),
    *,
    music: Sequence[tuple[str, Piece]] = (),
    pieces: int = 1,
    excerpt_s: float = 20.0,
    font: Path | None = None,
    seed: int = 0,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Measure engines; the same arguments give the same figures, but for times.

    Args:
        engines: Names, the reference first.
        music: Names and pieces; without any, test pieces of the packs under PARTIMENTO_DATA, or the examples where it is not set.
        pieces: Test pieces of each pack.
        excerpt_s: Seconds of each piece.
        font: Of the engines that play one; None for ``render.fonts.find_font``'s choice.
        seed: Of pieces and of the places of notes.
        say: Is told what is being done.

    Raises:
        RequestError: No such engine, or one is named twice, or there is too little music to compare.
        InputError: The font or the packs are missing or broken, there is no music, or the reference cannot play a piece.
        ToolError: An engine failed.
    """
    if not engines or len(set(engines)) < len(engines):
        raise RequestError(f"engines: expected names that differ, got {', '.join(engines) or 'none'}")
    started = time.process_time()
    players = {name: _player(name, font) for name in engines}
    say("reading test pieces")
    chosen = list(music) or _test_music(pieces, seed)
    probes = {}
    for name, play_raw in players.items():
        say(f"onsets and tuning of {name}")
        probes[name] = _probe_figures(play_raw, seed)
    rows: list[dict[str, Any]] = []
    points: dict[str, dict[int, Any]] = {name: {} for name in engines}
    for number, (title, piece) in enumerate(chosen):
        played = excerpt(play(piece, sample_rate_hz=SAMPLE_RATE_HZ, name=title), excerpt_s)
        row: dict[str, Any] = {"name": title, "parts": len(played.stems), "notes": len(played.notes), "engines": {}}
        reference: tuple[Audio, float] | None = None
        for name, play_raw in players.items():
            say(f"{name} plays {title} ({number + 1} of {len(chosen)})")
            try:
                sound = _sound(play_raw, played)
            except InputError as error:
                if reference is None:
                    raise
                row["engines"][name] = {"refused": str(error)}
                continue
            lufs = integrated_lufs(sound.samples, SAMPLE_RATE_HZ)
            if not math.isfinite(lufs):
                raise InputError(f"{title}: expected music that is heard, got silence from {name}")
            reference = reference or (sound, lufs)
            matched = _of_loudness(sound, lufs, reference[1])
            distance = spectral_distance(reference[0], matched)
            points[name][number] = log_mel_embedding(matched)
            row["engines"][name] = {
                "lufs": round(lufs, 2),
                "loudness_error_lu": round(lufs - reference[1], 2),
                "log_magnitude_db": round(distance.log_magnitude_db, 3),
                "spectral_convergence": round(distance.convergence, 4),
            }
        rows.append(row)
    say("comparing distributions")
    return {
        "reference": engines[0],
        "font": find_font(font).name,
        "sample_rate_hz": SAMPLE_RATE_HZ,
        "seed": seed,
        "excerpt_s": excerpt_s,
        "fft_sizes": list(FFT_SIZES),
        "embedding": EMBEDDING,
        "probes": probes,
        "pieces": rows,
        "distributions": _distributions(points, engines, seed),
        "processor_seconds": round(time.process_time() - started),
    }


def _probe_figures(play_raw: PlayRaw, seed: int) -> dict[str, Any]:
    onsets = measure_onsets(play_raw, sample_rate_hz=SAMPLE_RATE_HZ, seed=seed)
    tuning = measure_tuning(play_raw, sample_rate_hz=SAMPLE_RATE_HZ)
    return {
        "attack_samples": onsets.attack_samples,
        "onset_errors_isolated": list(onsets.isolated),
        "onset_errors_overlapping": list(onsets.overlapping),
        "pitch_errors_cents": [round(value, 4) for value in tuning.pitch_cents],
        "interval_errors_cents": [round(value, 4) for value in tuning.interval_cents],
    }


def _distributions(points: dict[str, dict[int, Any]], engines: Sequence[str], seed: int) -> dict[str, Any]:
    """Distances of all seconds of the pieces that an engine could play, and across halves beside the reference's own."""
    out: dict[str, Any] = {}
    for name in engines:
        places = sorted(points[name])
        if not places:
            continue
        pairs = [(points[engines[0]][place], points[name][place]) for place in places]
        both = [min(len(first), len(second)) for first, second in pairs]  # one may ring a second longer
        reference = np.concatenate([first[:count] for (first, _), count in zip(pairs, both, strict=True)])
        estimate = np.concatenate([second[:count] for (_, second), count in zip(pairs, both, strict=True)])
        bandwidth = kernel_bandwidth(reference)
        across = distances_across_halves(reference, estimate, seed=seed, bandwidth=bandwidth)
        floor = distances_across_halves(reference, reference, seed=seed, bandwidth=bandwidth)
        out[name] = {
            "pieces": len(places),
            "points": len(estimate),
            "frechet": round(frechet_distance(reference, estimate), 3),
            "kernel": round(kernel_distance(reference, estimate, bandwidth=bandwidth), 5),
            "bandwidth_db": round(bandwidth, 3),
            "frechet_across_halves": round(across[0], 3),
            "kernel_across_halves": round(across[1], 5),
            "frechet_floor": round(floor[0], 3),
            "kernel_floor": round(floor[1], 5),
        }
    return out
