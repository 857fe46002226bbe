"""MusicXML in, edited and out: notes map to the bytes they came from, so that an edit leaves all other bytes alone."""

from corpora.musicxml.reader import ReadReport, read_musicxml, read_musicxml_with_report

__all__ = ["ReadReport", "read_musicxml", "read_musicxml_with_report"]
