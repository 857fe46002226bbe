"""Keys and chords of music, from the pitch classes that sound: of notes, or of a recording's chroma."""

from transcribe.harmony.chords import CHORD_DTYPE, find_chords
from transcribe.harmony.chroma import note_chroma, pooled_chroma
from transcribe.harmony.keys import KEY_SPAN_DTYPE, find_key, find_keys

__all__ = ["CHORD_DTYPE", "KEY_SPAN_DTYPE", "find_chords", "find_key", "find_keys", "note_chroma", "pooled_chroma"]
