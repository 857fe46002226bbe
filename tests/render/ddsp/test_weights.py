"""The shipped bank: small, whole, and still doing what it is asked for, measured from its sound."""

import numpy as np
import pytest

from corpora.checkpoints import list_weights, load_checkpoint
from render.ddsp.bank import DEFAULT_BANK, InstrumentBank, load_bank
from render.ddsp.evaluation import asked_and_measured

pytestmark = pytest.mark.skipif(DEFAULT_BANK not in list_weights(), reason="the DDSP bank is not in this checkout")

MAX_BYTES = 6 * 1024**2
WANTED = {"violin", "viola", "cello", "flute", "clarinet", "bassoon", "horn", "trumpet"}
LOUDNESS_R, BRIGHTNESS_R, VIBRATO_R = 0.95, 0.85, 0.8


@pytest.fixture(scope="module")
def shipped() -> InstrumentBank:
    return load_bank()


def correlations(instrument, count):
    keys = [instrument.config.low_key + 5, (instrument.config.low_key + instrument.config.high_key) // 2]
    pairs = asked_and_measured(instrument, keys, count, seed=7)

    def of(name, scale=lambda x: x):
        asked, came = (scale(np.array([getattr(pair[side], name) for pair in pairs])) for side in (0, 1))
        return np.corrcoef(asked, came)[0, 1]

    return of("volume_db"), of("brightness", np.log2), of("vibrato_cents")


def test_the_bank_is_small_and_has_its_instruments(shipped):
    assert set(shipped.names()) >= WANTED
    assert sum(path.stat().st_size for path in list_weights()[DEFAULT_BANK].iterdir()) < MAX_BYTES


def test_the_card_names_a_licence_and_figures_for_each(shipped):
    card = load_checkpoint(list_weights()[DEFAULT_BANK]).card
    for name in shipped.names():
        about = shipped.about[name]
        assert f"| {name} |" in card
        assert about["licence"] != "unknown"
        figures = about["figures"]
        assert figures["loudness_r"] > LOUDNESS_R
        assert figures["brightness_r"] > BRIGHTNESS_R
        assert figures["vibrato_r"] > VIBRATO_R
        assert figures["spectral_loss"] < figures["spectral_loss_of_averages"]


def test_an_instrument_does_what_it_is_asked_for(shipped):
    loudness, brightness, vibrato = correlations(shipped.get("violin"), 6)
    assert loudness > LOUDNESS_R
    assert brightness > BRIGHTNESS_R
    assert vibrato > VIBRATO_R


@pytest.mark.slow
def test_all_instruments_do_what_they_are_asked_for(shipped):
    for name in shipped.names():
        loudness, brightness, vibrato = correlations(shipped.get(name), 16)
        assert (loudness > LOUDNESS_R, brightness > BRIGHTNESS_R, vibrato > VIBRATO_R) == (True, True, True), name
