"""Chords beat by beat: ``find_chords``.

Each chord says how likely each pitch class is to sound and to be the bass; what sounds in a span is taken as drawn from that,
and Viterbi finds the likeliest sequence, changes costing something (templates and a change penalty: Mauch & Dixon, "Approximate
note transcription for the improved identification of difficult chords", ISMIR 2010, and the simpler systems before it). Labels
are those of Harte et al., "Symbolic representation of musical chords", ISMIR 2005, as mir_eval reads them.

Conventions: spans and chroma as in ``transcribe.harmony.chroma``; pitch classes from C.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corpora.piece import Table
from transcribe.harmony.keys import NAMES, cheapest_changes

__all__ = ["CHORD_DTYPE", "QUALITIES", "chord_label", "find_chords"]

CHORD_DTYPE = np.dtype(
    [
        ("onset_s", np.float64),
        ("offset_s", np.float64),
        ("root", np.int32),  # pitch class; -1 for no chord
        ("quality", "U7"),  # of QUALITIES; "N" for no chord
        ("bass", np.int32),  # pitch class; -1 for no chord
        ("label", "U12"),  # such as "G:7/3" or "N"
        ("confidence", np.float32),  # share of what sounds that belongs to the chord
    ]
)
QUALITIES: dict[str, tuple[int, ...]] = {
    "maj": (0, 4, 7),
    "min": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "min7": (0, 3, 7, 10),
    "hdim7": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
}
USUAL = {"maj": 0.40, "min": 0.24, "dim": 0.04, "aug": 0.01, "7": 0.15, "maj7": 0.02, "min7": 0.06, "hdim7": 0.03, "dim7": 0.05}
DEGREES = {0: "1", 3: "b3", 4: "3", 6: "b5", 7: "5", 8: "#5", 9: "bb7", 10: "b7", 11: "7"}
TONE_WEIGHTS = (1.3, 1.0, 0.9, 0.8)  # root, third, fifth, seventh: how often each sounds
BASS_WEIGHTS = (0.66, 0.2, 0.09, 0.05)
FOREIGN_SHARE, FOREIGN_BASS = 0.08, 0.10  # of what sounds, and of basses, that is none of the chord
WITNESSES, BASS_WITNESSES = 8.0, 1.2  # independent notes that a span counts for
CHANGE_PRICE = 2.0
SILENCE = 0.02  # of the median loudness


def chord_label(root: int, quality: str, bass: int) -> str:
    """A chord as mir_eval reads it.

    >>> chord_label(7, "7", 11), chord_label(9, "min", 9), chord_label(-1, "N", -1)
    ('G:7/3', 'A:min', 'N')
    """
    if root < 0:
        return "N"
    degree = DEGREES.get((bass - root) % 12, "1")
    return f"{NAMES[root]}:{quality}" + ("" if degree == "1" else f"/{degree}")


def find_chords(
    chroma: NDArray[np.float64],
    edges_s: NDArray[np.float64],
    bass: NDArray[np.float64] | None = None,
    change_price: float = CHANGE_PRICE,
) -> Table:
    """The likeliest chords, CHORD_DTYPE rows, contiguous.

    Args:
        chroma: (spans, 12); spans are best beats.
        edges_s: Shape (spans + 1,).
        bass: Chroma of the bass alone, same shape; without it every chord is in root position.
        change_price: Nats that a change costs.
    """
    if not len(chroma):
        return np.zeros(0, dtype=CHORD_DTYPE)
    states = [(root, quality) for quality in QUALITIES for root in range(12)]
    tones = np.array([_tone_law(root, quality) for root, quality in states])  # (states, 12)
    basses = np.array([_bass_law(root, quality) for root, quality in states])
    prior = np.log([USUAL[quality] for _, quality in states])
    loudness = chroma.sum(axis=1, keepdims=True)
    sounding = loudness > SILENCE * max(float(np.median(loudness[loudness > 0])) if (loudness > 0).any() else 1.0, 1e-12)
    likelihood = WITNESSES * (chroma / np.maximum(loudness, 1e-12)) @ np.log(tones).T
    if bass is not None:
        likelihood += BASS_WITNESSES * (bass / np.maximum(bass.sum(axis=1, keepdims=True), 1.0)) @ np.log(basses).T
    likelihood = np.where(sounding, likelihood + 0.5 * prior, -1e3)
    silent = np.where(sounding, -1e3, 0.0)
    path = cheapest_changes(np.concatenate([likelihood, silent], axis=1), change_price)
    return _rows(path, states, chroma, bass, edges_s)


def _rows(
    path: NDArray[np.int64],
    states: list[tuple[int, str]],
    chroma: NDArray[np.float64],
    bass: NDArray[np.float64] | None,
    edges_s: NDArray[np.float64],
) -> Table:
    """One row for each chord and bass; a bass that changes under a chord begins a row."""
    found: list[tuple[float, float, int, str, int, str, float]] = []
    lengths = np.diff(edges_s)
    start = 0
    lowest = [
        _bass_of(states[state], None if bass is None else bass[span]) if state < len(states) else -1
        for span, state in enumerate(path.tolist())
    ]
    for span in range(1, len(path) + 1):
        if span < len(path) and path[span] == path[start] and lowest[span] == lowest[start]:
            continue
        root, quality = states[path[start]] if path[start] < len(states) else (-1, "N")
        heard = (chroma[start:span] * lengths[start:span, None]).sum(axis=0)
        own = heard[[(root + tone) % 12 for tone in QUALITIES[quality]]].sum() if root >= 0 else 0.0
        share = float(own / max(heard.sum(), 1e-12)) if root >= 0 else 1.0
        label = chord_label(root, quality, lowest[start])
        found.append((float(edges_s[start]), float(edges_s[span]), root, quality, lowest[start], label, share))
        start = span
    return np.array(found, dtype=CHORD_DTYPE)


def _bass_of(state: tuple[int, str], bass: NDArray[np.float64] | None) -> int:
    """The tone of the chord that is lowest longest; the root where none is."""
    root, quality = state
    if bass is None:
        return root
    tones = [(root + tone) % 12 for tone in QUALITIES[quality]]
    longest = int(np.argmax(bass[tones]))
    return tones[longest] if bass[tones[longest]] > 0 else root


def _tone_law(root: int, quality: str) -> NDArray[np.float64]:
    return _law(root, quality, TONE_WEIGHTS, FOREIGN_SHARE)


def _bass_law(root: int, quality: str) -> NDArray[np.float64]:
    return _law(root, quality, BASS_WEIGHTS, FOREIGN_BASS)


def _law(root: int, quality: str, weights: tuple[float, ...], foreign: float) -> NDArray[np.float64]:
    """Probability of each pitch class, sum 1: the chord's tones by their weights, all others alike."""
    tones = QUALITIES[quality]
    law = np.full(12, foreign / (12 - len(tones)))
    own = np.array(weights[: len(tones)])
    law[[(root + tone) % 12 for tone in tones]] = (1 - foreign) * own / own.sum()
    return law
