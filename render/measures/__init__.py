"""Measures of sound: how far two sounds are apart, and whether notes stand where and sound as high as they were asked to."""

from render.measures.distributions import frechet_distance, kernel_distance
from render.measures.embedding import EMBEDDING, log_mel_embedding, mel_filters
from render.measures.evaluate import evaluate_render
from render.measures.probes import measure_onsets, measure_tuning
from render.measures.spectral_distance import SpectralDistance, spectral_distance

__all__ = [
    "EMBEDDING",
    "SpectralDistance",
    "evaluate_render",
    "frechet_distance",
    "kernel_distance",
    "log_mel_embedding",
    "measure_onsets",
    "measure_tuning",
    "mel_filters",
    "spectral_distance",
]
