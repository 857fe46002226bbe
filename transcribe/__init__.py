"""Sound to notes to notation."""

from typing import TYPE_CHECKING

from corpora.lazy import lazy_exports

if TYPE_CHECKING:
    from transcribe.heard import HeardMusic
    from transcribe.listening import Transcription, iter_notes, transcribe
    from transcribe.midi_file import heard_to_midi
    from transcribe.score.notate import Notation, notate

__all__ = [
    "HeardMusic",
    "Notation",
    "Transcription",
    "heard_to_midi",
    "iter_notes",
    "notate",
    "transcribe",
]

_MODULES = {
    "HeardMusic": "transcribe.heard",
    "Notation": "transcribe.score.notate",
    "Transcription": "transcribe.listening",
    "heard_to_midi": "transcribe.midi_file",
    "iter_notes": "transcribe.listening",
    "notate": "transcribe.score.notate",
    "transcribe": "transcribe.listening",
}
__getattr__ = lazy_exports(__name__, _MODULES)
