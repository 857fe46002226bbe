"""MIDI files: reading, editing in place, writing."""

from corpora.midi.editor import edit_midi
from corpora.midi.reader import read_midi
from corpora.midi.writer import write_midi

__all__ = ["edit_midi", "read_midi", "write_midi"]
