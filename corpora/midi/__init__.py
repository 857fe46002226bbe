"""MIDI files: reading, editing in place, writing."""

from corpora.midi.editor import edit_midi
from corpora.midi.reader import MidiReadReport, read_midi, read_midi_with_report
from corpora.midi.writer import write_midi

__all__ = ["MidiReadReport", "edit_midi", "read_midi", "read_midi_with_report", "write_midi"]
