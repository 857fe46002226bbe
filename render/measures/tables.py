"""The figures of ``evaluate render`` as tables for reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from compose.evaluation_tables import Section

__all__ = ["render_sections"]

PROBES_TEXT = """\
Time and tune, of a clarinet at {sample_rate_hz} Hz. Onset errors in samples (lowest to highest), the instrument's own attack
taken away: of notes between silences, and of notes in a held chord. Pitch errors in cents hold what the samples of the font or
the instrument are themselves out of tune; interval errors are re the same key at 0 cents."""
MUSIC_TEXT = """\
Music: the first {excerpt_s:g} s of {pieces} pieces, dry, beside {reference} with {font}. Mean over the pieces that an engine
can play: error of the integrated loudness (BS.1770, absolute values); then, at one loudness, difference of levels and spectral
convergence over transforms of {largest} to {smallest} samples."""
DISTRIBUTIONS_TEXT = """\
Every second of this music as a point
({embedding}):
Fréchet distance, and kernel distance (unbiased squared MMD, Gaussian kernel, bandwidth the median distance within the reference):
of all points, which come in pairs of one second; across halves, of a random half of the reference and the other half of the engine,
mean of 10 splits; and the floor, the same of the reference's own two halves. Only points of this embedding compare."""


def render_sections(figures: Mapping[str, Any]) -> tuple[Section, ...]:
    """The tables of what ``render.measures.evaluate`` gives."""
    probes = Section(
        PROBES_TEXT.format_map(figures),
        ("engine", "onset, alone", "onset, in a chord", "attack", "pitch (cents)", "interval (cents)"),
        tuple(_probe_row(name, found) for name, found in figures["probes"].items()),
    )
    sizes = figures["fft_sizes"]
    text = MUSIC_TEXT.format(**{**figures, "pieces": len(figures["pieces"])}, largest=max(sizes), smallest=min(sizes))
    music = Section(
        text,
        ("engine", "pieces", "loudness (LU)", "levels (dB)", "convergence"),
        tuple(_music_row(name, figures["pieces"]) for name in figures["probes"]),
    )
    distributions = Section(
        DISTRIBUTIONS_TEXT.format_map(figures),
        ("engine", "points", "Fréchet", "across halves", "floor", "kernel", "across halves", "floor", "bandwidth (dB)"),
        tuple(
            (
                name,
                str(found["points"]),
                f"{found['frechet']:.2f}",
                f"{found['frechet_across_halves']:.2f}",
                f"{found['frechet_floor']:.2f}",
                f"{found['kernel']:.4f}",
                f"{found['kernel_across_halves']:.4f}",
                f"{found['kernel_floor']:.4f}",
                f"{found['bandwidth_db']:.1f}",
            )
            for name, found in figures["distributions"].items()
        ),
    )
    return probes, music, distributions


def _probe_row(name: str, found: Mapping[str, Any]) -> tuple[str, ...]:
    isolated, overlapping = (_range(found[f"onset_errors_{kind}"], "d") for kind in ("isolated", "overlapping"))
    pitch, interval = (_range(found[f"{kind}_errors_cents"], ".3f") for kind in ("pitch", "interval"))
    return name, isolated, overlapping, str(found["attack_samples"]), pitch, interval


def _range(values: Sequence[int | float], form: str) -> str:
    return f"{min(values):{form}} to {max(values):{form}}"


def _music_row(name: str, pieces: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    found = [row["engines"][name] for row in pieces if "refused" not in row["engines"][name]]
    if not found:
        return name, f"0 of {len(pieces)}", "-", "-", "-"
    loudness = mean(abs(row["loudness_error_lu"]) for row in found)
    levels, convergence = (mean(row[kind] for row in found) for kind in ("log_magnitude_db", "spectral_convergence"))
    return name, f"{len(found)} of {len(pieces)}", f"{loudness:.2f}", f"{levels:.2f}", f"{convergence:.3f}"
