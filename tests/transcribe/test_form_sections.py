"""Form: made of known sections, found again; laws of the similarity; letters."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from transcribe.form.sections import find_sections
from transcribe.form.similarity import novelty, self_similarity


def made(form: str, beats: int = 24, noise: float = 0.0, seed: int = 1) -> NDArray[np.float64]:
    """Beats of chroma: a harmony that changes every two beats, of other notes for each letter."""
    rng = np.random.default_rng(seed)
    parts = {}
    for letter in sorted(set(form)):
        chroma, own = np.zeros((beats, 12)), rng.choice(12, 5, replace=False)
        for beat in range(0, beats, 2):
            chroma[beat : beat + 2, rng.choice(own, 3, replace=False)] = 1.0
        parts[letter] = chroma
    whole = np.concatenate([parts[letter] for letter in form])
    return np.asarray(whole + noise * rng.random(whole.shape))


@pytest.mark.parametrize("form", ["ABA", "AABB", "ABACA", "AAB"])
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_sections_and_letters_come_back(form: str, noise: float) -> None:
    features = made(form, noise=noise)
    sections = find_sections(features, 0.5 * np.arange(len(features) + 1))
    per_beat = [str(row["label"]) for row in sections for _ in range(round((row["offset_s"] - row["onset_s"]) / 0.5))]
    truth = [letter for letter in form for _ in range(24)]
    pairs = list(itertools.combinations(range(0, len(truth), 3), 2))
    agree = [
        (per_beat[i] == per_beat[j]) == (truth[i] == truth[j]) for i, j in pairs if abs(i - j) % 24 == 0 or truth[i] != truth[j]
    ]
    assert np.mean(agree) > 0.95
    assert sections["onset_s"][0] == 0
    assert sections["onset_s"][1:].tolist() == sections["offset_s"][:-1].tolist()
    boundaries = [12.0 * index for index in range(1, len(form)) if form[index] != form[index - 1]]
    for boundary in boundaries:
        assert np.abs(sections["onset_s"] - boundary).min() <= 1.0


def test_similarity_is_a_cosine() -> None:
    features = np.random.default_rng(0).random((20, 12))
    similarity = self_similarity(features, 1)
    assert np.diag(similarity) == pytest.approx(np.ones(20))
    assert similarity == pytest.approx(similarity.T)
    assert similarity[2, 7] == pytest.approx(features[2] @ features[7] / np.linalg.norm(features[2]) / np.linalg.norm(features[7]))
    assert self_similarity(7 * features, 3) == pytest.approx(self_similarity(features, 3))


def test_novelty_peaks_between_blocks() -> None:
    blocks = np.zeros((40, 12))
    blocks[:25, 0], blocks[25:, 5] = 1.0, 1.0
    curve = novelty(self_similarity(blocks, 1), 8)
    assert int(curve.argmax()) == 25
    assert curve[:12].max() == pytest.approx(0.0, abs=1e-9)


def test_little_or_no_music_has_little_form() -> None:
    assert len(find_sections(np.zeros((0, 12)), np.zeros(1))) == 0
    one = find_sections(np.ones((3, 12)), np.arange(4.0))
    assert one["label"].tolist() == ["A"]
    assert (one["onset_s"][0], one["offset_s"][0]) == (0.0, 3.0)
    assert set(find_sections(np.zeros((30, 12)), np.arange(31.0))["label"]) <= {"A", "B", "C"}
