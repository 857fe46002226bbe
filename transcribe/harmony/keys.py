"""Keys: ``find_key`` of a whole piece, ``find_keys`` where keys change.

Every key has a profile, how often each pitch class sounds in it. Pitch classes are taken as drawn from it, so that a key's log
likelihood is a sum over what sounds; where keys may change, Viterbi finds the likeliest way through the 24 (after Temperley,
"The Cognition of Basic Musical Structures", 2001, chapter 7, whose profiles are Bayesian in his "Music and Probability", 2007).

Profiles: "albrecht": Albrecht & Shanahan, "The use of large corpora to train a new type of key-finding algorithm", Music
Perception 31(1), 2013; "temperley": of the Kostka-Payne corpus, in the book of 2007; "krumhansl": Krumhansl & Kessler's ratings,
"Cognitive Foundations of Musical Pitch", 1990, page 30.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from corpora.piece import Table

__all__ = ["KEY_SPAN_DTYPE", "PROFILES", "Profile", "fifths_of", "find_key", "find_keys", "key_label"]

Profile: TypeAlias = Literal["albrecht", "temperley", "krumhansl"]
KEY_SPAN_DTYPE = np.dtype(
    [
        ("onset_s", np.float64),
        ("offset_s", np.float64),
        ("tonic", np.int32),  # pitch class from C
        ("mode", np.int32),  # 1 major, -1 minor
        ("confidence", np.float32),  # probability against the 23 other keys for the whole span
    ]
)
PROFILES: dict[Profile, tuple[tuple[float, ...], tuple[float, ...]]] = {  # major, minor
    "albrecht": (
        (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
        (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
    ),
    "temperley": (
        (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400),
        (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330),
    ),
    "krumhansl": (
        (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
        (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
    ),
}
WITNESSES_PER_S = 1.0  # independent notes that a second of music counts for: neighbouring ones are not
CHANGE_PRICE = 9.0  # nats of a change of key
NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_FIFTHS_MAJOR = (0, -5, 2, -3, 4, -1, 6, 1, -4, 3, -2, 5)  # of each tonic: D flat, F sharp


def key_label(tonic: int, mode: int) -> str:
    """A key as mir_eval writes it.

    >>> key_label(10, 1), key_label(6, -1)
    ('Bb major', 'F# minor')
    """
    return f"{NAMES[tonic]} {'major' if mode > 0 else 'minor'}"


def fifths_of(tonic: int, mode: int) -> int:
    """Key signature, -5 flats to 6 sharps.

    >>> fifths_of(0, -1), fifths_of(1, 1)
    (-3, -5)
    """
    return _FIFTHS_MAJOR[(tonic + (0 if mode > 0 else 3)) % 12]


def find_key(chroma: NDArray[np.float64], edges_s: NDArray[np.float64], profile: Profile = "temperley") -> Table:
    """The likeliest key of the whole: one KEY_SPAN_DTYPE row, none of silence.

    Args:
        chroma: (spans, 12), ``transcribe.harmony.chroma``.
        edges_s: Of the spans, shape (spans + 1,).
        profile: Which.
    """
    likelihood = _likelihoods(chroma, edges_s, profile).sum(axis=0)
    if not chroma.sum():
        return np.zeros(0, dtype=KEY_SPAN_DTYPE)
    return _spans(np.array([int(likelihood.argmax())]), likelihood[None], edges_s[[0, -1]])


def find_keys(
    chroma: NDArray[np.float64],
    edges_s: NDArray[np.float64],
    profile: Profile = "temperley",
    change_price: float = CHANGE_PRICE,
) -> Table:
    """The likeliest keys and where they change: KEY_SPAN_DTYPE rows, contiguous, none of silence.

    Args:
        chroma, edges_s, profile: As ``find_key``.
        change_price: Nats that a change costs: more gives fewer and longer keys.
    """
    if not chroma.sum():
        return np.zeros(0, dtype=KEY_SPAN_DTYPE)
    likelihoods = _likelihoods(chroma, edges_s, profile)
    path = cheapest_changes(likelihoods, change_price)
    return _spans(path, likelihoods, edges_s)


def cheapest_changes(likelihoods: NDArray[np.float64], change_price: float) -> NDArray[np.int64]:
    """Viterbi's path, shape (spans,), through log likelihoods (spans, states), every change costing the same."""
    count, states = likelihoods.shape
    total = likelihoods[0].copy()
    source = np.zeros((count, states), dtype=np.int64)
    own = np.arange(states)
    for span in range(1, count):
        best = int(total.argmax())
        changes = total[best] - change_price > total
        source[span] = np.where(changes, best, own)
        total = np.where(changes, total[best] - change_price, total) + likelihoods[span]
    path = np.zeros(count, dtype=np.int64)
    path[-1] = int(total.argmax())
    for span in range(count - 1, 0, -1):
        path[span - 1] = source[span, path[span]]
    return path


def _likelihoods(chroma: NDArray[np.float64], edges_s: NDArray[np.float64], profile: Profile) -> NDArray[np.float64]:
    """Log likelihood of each key (12 major, 12 minor) in each span, shape (spans, 24)."""
    logs = []
    for values in PROFILES[profile]:
        law = np.log(np.array(values) / np.sum(values))
        logs += [np.roll(law, tonic) for tonic in range(12)]
    loudness = np.maximum(chroma.sum(axis=1, keepdims=True), 1e-9)
    usual = float(np.median(loudness[loudness > 1e-6])) if (loudness > 1e-6).any() else 1.0
    counted = chroma / np.maximum(loudness, 0.25 * usual)  # near silence says little
    return np.asarray(WITNESSES_PER_S * np.diff(edges_s)[:, None] * counted @ np.array(logs).T)


def _spans(path: NDArray[np.int64], likelihoods: NDArray[np.float64], edges_s: NDArray[np.float64]) -> Table:
    starts = np.flatnonzero(np.diff(path, prepend=-1))
    stops = np.append(starts[1:], len(path))
    rows = np.zeros(len(starts), dtype=KEY_SPAN_DTYPE)
    for row, start, stop in zip(rows, starts.tolist(), stops.tolist(), strict=True):
        total = likelihoods[start:stop].sum(axis=0)
        state = int(path[start])
        row["onset_s"], row["offset_s"] = edges_s[start], edges_s[stop]
        row["tonic"], row["mode"] = state % 12, 1 if state < 12 else -1
        row["confidence"] = 1 / np.exp(np.clip(total - total[state], None, 50)).sum()
    return rows
