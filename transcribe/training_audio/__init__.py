"""Sound with labels to train and test transcription: scores, players and fonts become clips in a store."""

from transcribe.training_audio.clips import Clip
from transcribe.training_audio.making import KINDS, make_store
from transcribe.training_audio.sound_store import SoundStore, StoredClip

__all__ = ["KINDS", "Clip", "SoundStore", "StoredClip", "make_store"]
