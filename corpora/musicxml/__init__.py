"""MusicXML in, edited and out: notes map to the bytes they came from, so that an edit leaves all other bytes alone."""

from corpora.musicxml.editor import NEW_NOTE_COLOUR, colour_notes, edit_musicxml
from corpora.musicxml.mxl import pack_mxl, repack_mxl, score_member
from corpora.musicxml.reader import ReadReport, graces_before_bar_lines, read_musicxml, read_musicxml_with_report
from corpora.musicxml.writer import WriteReport, write_musicxml, write_musicxml_with_report

__all__ = [
    "NEW_NOTE_COLOUR",
    "ReadReport",
    "WriteReport",
    "colour_notes",
    "edit_musicxml",
    "graces_before_bar_lines",
    "pack_mxl",
    "read_musicxml",
    "read_musicxml_with_report",
    "repack_mxl",
    "score_member",
    "write_musicxml",
    "write_musicxml_with_report",
]
