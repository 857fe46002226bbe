"""Hostile files of our own making: each must be refused, in seconds, in one line, for the right reason.

``hostile_cases()`` lists them; ``case.make(folder)`` writes one and returns its path. ``case.kind`` names the door: "score",
"audio", "image", "pdf", "json" or "weights". ``case.words`` is a pattern that the refusal must match. All is deterministic;
nothing is stored.
"""

from __future__ import annotations

import io
import json
import os
import random
import socket
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from PIL import Image


class HostileCase(NamedTuple):
    name: str  # file name, unique, with the suffix that the door expects
    kind: str
    words: str
    content: bytes | Callable[[], bytes] | None  # None: ``place`` makes what lies there
    place: Callable[[Path], object] | None = None

    def make(self, folder: Path) -> Path:
        path = folder / self.name
        if self.place is not None:
            self.place(path)
        else:
            path.write_bytes(self.content() if callable(self.content) else self.content or b"")
        return path


def hostile_cases() -> list[HostileCase]:
    """All cases, in a fixed order."""
    makers = (paths, suffixes, midi, musicxml, entities, mxl, kern, abc, audio, images, json_texts, weights)
    return [case for maker in makers for case in maker()]


# --- places that are no files -------------------------------------------------------------------------------


def bind_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        folder = os.getcwd()
        try:  # the address of a socket is short; a test's folder is not
            os.chdir(path.parent)
            server.bind(path.name)
        finally:
            os.chdir(folder)


def paths() -> Iterator[HostileCase]:
    yield HostileCase("missing.mid", "score", "no such file", None, lambda path: None)
    yield HostileCase("folder.mid", "score", "a folder", None, Path.mkdir)
    yield HostileCase("fifo.mid", "score", "a FIFO", None, os.mkfifo)
    yield HostileCase("fifo.wav", "audio", "a FIFO", None, os.mkfifo)
    yield HostileCase("fifo.json", "json", "a FIFO", None, os.mkfifo)
    yield HostileCase("fifo.safetensors", "weights", "a FIFO", None, os.mkfifo)
    yield HostileCase("socket.mid", "score", "a socket", None, bind_socket)
    yield HostileCase("loop.mid", "score", "cannot be read", None, lambda path: path.symlink_to(path.name))
    yield HostileCase("dangling.mid", "score", "no such file", None, lambda path: path.symlink_to("nowhere"))
    yield HostileCase("device.mid", "score", "a device", None, lambda path: path.symlink_to("/dev/zero"))
    yield HostileCase(
        "link-to-fifo.mid", "score", "a FIFO", None, lambda path: (os.mkfifo(f"{path}.f"), path.symlink_to(f"{path}.f"))
    )
    yield HostileCase("link-to-folder.png", "image", "a folder", None, lambda path: path.symlink_to(path.parent))
    yield HostileCase(
        "huge-hole.mid", "score", "at most .* bytes, came", None, lambda path: (path.touch(), os.truncate(path, 1 << 40))
    )
    yield HostileCase(
        "huge-hole.png", "image", "at most .* bytes, came", None, lambda path: (path.touch(), os.truncate(path, 1 << 40))
    )
    yield HostileCase(
        "huge-hole.wav", "audio", "at most .* bytes, came", None, lambda path: (path.touch(), os.truncate(path, 1 << 40))
    )
    yield HostileCase("under-a-file.mid/x.mid", "score", "cannot be read", None, lambda path: path.parent.write_bytes(b"MThd"))
    yield HostileCase("red\x1b[31m\x07name.mid", "score", "truncated", b"MThd")
    yield HostileCase("right-to-left\u202edim.mid", "score", "truncated", b"MThd")
    for suffix, kind in (("mid", "score"), ("musicxml", "score"), ("mxl", "score"), ("krn", "score"), ("abc", "score")):
        yield HostileCase(f"empty.{suffix}", kind, "is empty", b"")
    for name, kind in (("empty.wav", "audio"), ("empty.png", "image"), ("empty.json", "json"), ("empty.pdf", "pdf")):
        yield HostileCase(name, kind, "is empty", b"")


def suffixes() -> Iterator[HostileCase]:
    """Files that hold something else than they say."""
    contents = {
        "png": png(4, 4),
        "wav": wav(np.zeros(800)),
        "pdf": b"%PDF-1.7\n",
        "elf": b"\x7fELF\x02\x01\x01" + bytes(57),
        "gzip": b"\x1f\x8b\x08" + bytes(20),
        "noise": random.Random(1).randbytes(2000),
        "text": b"Dear composer,\n",
        "nul": bytes(1000),
        "json": b"{}",
    }
    for kind, suffix in (("score", "mid"), ("score", "musicxml"), ("score", "mxl"), ("score", "krn"), ("score", "abc")):
        for what, content in contents.items():
            yield HostileCase(f"{what}-as.{suffix}", kind, "holds .*; expected", content)
    for kind, suffix in (("audio", "flac"), ("audio", "mp3"), ("image", "jpg"), ("image", "tiff")):
        for what in ("png", "wav", "elf", "text", "nul"):
            yield HostileCase(f"{what}-as.{suffix}", kind, "holds .*; expected", contents[what])
    yield HostileCase("midi-as.musicxml", "score", "holds a MIDI file; expected MusicXML", smf())
    yield HostileCase("musicxml-as.mid", "score", "holds MusicXML; expected a MIDI file", XML.encode())
    yield HostileCase("rmid.mid", "score", "holds nothing that is known", b"RIFF" + struct.pack("<I", 40) + b"RMIDdata" + smf())
    yield HostileCase("page.svg", "image", "holds MusicXML", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>")
    yield HostileCase("page.gif", "image", "damaged|can be decoded", b"GIF89a" + bytes(30))
    yield HostileCase("page.pdf", "pdf", "truncated", b"%PDF-1.7\n")
    yield HostileCase("png-as.pdf", "pdf", "holds a PNG image", contents["png"])
    yield HostileCase("page-pdf.png", "image", "holds a PDF document", b"%PDF-1.7\n")


# --- MIDI ---------------------------------------------------------------------------------------------------

NOTE = b"\x00\x90\x3c\x40\x60\x80\x3c\x00"
END = b"\x00\xff\x2f\x00"
FAR = b"\xff\xff\xff\x7f"  # 2^28 - 1 ticks


def head(fmt: int = 0, tracks: int = 1, division: int = 480, length: int = 6) -> bytes:
    return b"MThd" + struct.pack(">IHHH", length, fmt, tracks, division)


def track(body: bytes, length: int | None = None) -> bytes:
    return b"MTrk" + struct.pack(">I", len(body) if length is None else length) + body


def smf(body: bytes = NOTE + END, **header: int) -> bytes:
    return head(**header) + track(body)


def midi() -> Iterator[HostileCase]:
    def case(name: str, words: str, content: bytes | Callable[[], bytes]) -> HostileCase:
        return HostileCase(f"{name}.mid", "score", words, content)

    whole = smf(b"\x00\xff\x51\x03\x07\xa1\x20" + NOTE * 3 + END)
    for cut in (5, 8, 13, 14, 16, 20, 22, 24, 26, 30, 33, 36, len(whole) - 4, len(whole) - 1):
        yield case(f"cut-at-{cut}", "truncated|a chunk or the end of the file|tracks, as the header says", whole[:cut])
    for length in (0, 5, 7, 8, 2**31, 2**32 - 1):
        yield case(f"header-length-{length}", "a header length of 6", smf(length=length))
    for fmt in (2, 3, 0xFFFF):
        yield case(f"format-{fmt}", "MIDI format 0 or 1", smf(fmt=fmt))
    yield case("no-tracks", "1 to 256 tracks", head(tracks=0))
    yield case("65535-tracks-one-there", "1 to 256 tracks", smf(fmt=1, tracks=65535))
    yield case("two-tracks-one-there", "2 tracks, as the header says, came 1", smf(fmt=1, tracks=2))
    yield case("one-track-two-there", "1 tracks, as the header says", smf() + track(NOTE + END))
    yield case("format-0-two-tracks", "one track in format 0", smf(tracks=2) + track(END))
    yield case("257-tracks", "1 to 256 tracks", head(1, 257) + track(END) * 257)
    yield case("division-0", "at least 1 tick", smf(division=0))
    for division in (0xE728, 0xE250, 0x8000, 0xFFFF):
        yield case(f"smpte-{division:x}", "SMPTE time", smf(division=division))
    for length in (13, 2**31, 2**32 - 1):
        yield case(f"track-length-{length}", "truncated", head() + track(NOTE + END, length))
    yield case("track-too-short", "a whole event|an end-of-track event", head() + track(NOTE + END, 6))
    yield case("garbage-after", "a chunk", smf() + b"\x01\x02\x03")
    yield case("garbage-chunk", "a chunk name", smf() + b"\x00\x01\x02\x03\x00\x00\x00\x00")
    yield case("long-delta", "at most 4 bytes", smf(b"\xff\xff\xff\xff\x7f\x90\x3c\x40" + END))
    yield case("endless-delta", "at most 4 bytes", smf(b"\x80" * 1000))
    yield case("delta-2-28", "at most 7200 s", smf(FAR + b"\x90\x3c\x40" + END))
    yield case("delta-2-28-coarse", "at most 7200 s", smf(FAR + b"\x90\x3c\x40" + END, division=1))
    yield case("wrapped-ticks", "fewer than 2147483648 ticks", smf((FAR + b"\x90\x3c\x40") * 9 + END))
    yield case("wrapped-twice", "fewer than 2147483648 ticks", smf((FAR + b"\x90\x3c\x40") * 17 + END, division=32767))
    yield case("late-end", "at most 7200 s", smf(NOTE + FAR + b"\xff\x2f\x00"))
    yield case("late-end-in-track-2", "at most 7200 s", smf(fmt=1, tracks=2) + track(FAR + b"\xff\x2f\x00"))
    yield case(
        "slow-tempo",
        "at most 7200 s",
        smf(b"\x00\xff\x51\x03\xff\xff\xff\x8f\x00\x90\x3c\x40" + b"\xff\x7f\x90\x3c\x00" * 40 + END, division=1),
    )
    yield case("tempo-0", "a tempo above 0", smf(b"\x00\xff\x51\x03\x00\x00\x00" + NOTE + END))
    for length in (0, 1, 2, 4):
        yield case(f"tempo-of-{length}-bytes", "0x51 of 3 bytes", smf(bytes([0, 0xFF, 0x51, length]) + b"\x07" * length + END))
    yield case("meter-0-4", "at least 1 beat", smf(b"\x00\xff\x58\x04\x00\x02\x18\x08" + NOTE + END))
    for power in (7, 64, 255):
        yield case(f"meter-power-{power}", "a beat type of at most", smf(bytes([0, 0xFF, 0x58, 4, 4, power, 24, 8]) + END))
    yield case("meter-of-2-bytes", "0x58 of 4 bytes", smf(b"\x00\xff\x58\x02\x04\x02" + END))
    for fifths, mode in ((8, 0), (0xF8, 0), (0x7F, 0), (0, 2), (0, 255)):
        yield case(f"key-{fifths}-{mode}", "7 flats to 7 sharps", smf(bytes([0, 0xFF, 0x59, 2, fifths, mode]) + END))
    yield case("key-of-0-bytes", "0x59 of 2 bytes", smf(b"\x00\xff\x59\x00" + END))
    yield case("smpte-offset-bad-rate", "known frame rate", smf(b"\x00\xff\x54\x05\xff\x00\x00\x00\x00" + END))
    yield case("smpte-offset-short", "0x54 of 5 bytes", smf(b"\x00\xff\x54\x01\x00" + END))
    yield case("end-of-track-with-body", "0x2f of 0 bytes", smf(NOTE + b"\x00\xff\x2f\x01\x00"))
    yield case("meta-type-128", "type below 128", smf(b"\x00\xff\x80\x00" + END))
    yield case("meta-too-long", "inside its track", smf(b"\x00\xff\x01\xff\xff\xff\x7f" + END))
    yield case("meta-length-5-bytes", "at most 4 bytes", smf(b"\x00\xff\x01\xff\xff\xff\xff\x7f" + END))
    yield case("sysex-too-long", "inside its track", smf(b"\x00\xf0\xff\xff\xff\x7f" + END))
    yield case("running-status-first", "without running status", smf(b"\x00\x3c\x40" + END))
    yield case("running-status-after-sysex", "without running status", smf(b"\x00\x90\x3c\x40\x00\xf0\x01\xf7\x10\x3c\x00" + END))
    for status in (0xF1, 0xF2, 0xF3, 0xF4, 0xF6, 0xF8, 0xFA, 0xFE):
        yield case(f"status-{status:x}", "a channel, sysex or meta event", smf(bytes([0, status, 0, 0]) + END))
    for event in (b"\x90\x80\x40", b"\x90\x3c\x80", b"\x80\xff\x00", b"\xb0\x07\xff", b"\xc0\x80", b"\xe0\x00\x90"):
        yield case(f"data-{event.hex()}", "data bytes below 128", smf(b"\x00" + event + END))
    yield case("no-end-of-track", "an end-of-track event", smf(NOTE))
    yield case("after-end-of-track", "nothing after the end", smf(NOTE + END + NOTE))
    yield case("empty-track", "an end-of-track event", smf(b""))
    yield case("500001-events", "at most 500,000 events", lambda: smf(b"\x00\x90\x3c\x40" + b"\x00\x3c\x40" * 500_001 + END))
    yield case(
        "200000-in-each-of-3",
        "at most 500,000 events",
        lambda: head(1, 3) + track(b"\x00\x90\x3c\x40" + b"\x00\x3c\x40" * 200_000 + END) * 3,
    )
    yield case("17-megabytes", "at most 16,777,216 bytes", lambda: smf(b"\x00\xff\x01\x88\x80\x80\x00" + bytes(1 << 24) + END))


# --- MusicXML -----------------------------------------------------------------------------------------------

DOCTYPE = (
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">'
)
NOTE_XML = (
    "<note><pitch><step>C</step><alter>0</alter><octave>4</octave></pitch>"
    "<duration>4</duration><voice>1</voice><type>whole</type><staff>1</staff></note>"
)
ATTRIBUTES_XML = (
    "<attributes><divisions>1</divisions><key><fifths>0</fifths></key><time><beats>4</beats><beat-type>4</beat-type></time>"
    "<staves>1</staves><clef number='1'><sign>G</sign><line>2</line></clef></attributes>"
)
SOUND_XML = (
    "<direction><direction-type><metronome><beat-unit>quarter</beat-unit><per-minute>90</per-minute></metronome></direction-type>"
    '<sound tempo="90"/></direction>'
)
REPEAT_XML = '<barline location="right"><repeat direction="backward" times="2"/></barline>'
XML = (
    f'<?xml version="1.0" encoding="UTF-8"?>\n{DOCTYPE}\n<score-partwise version="4.0"><work><work-title>Hymn</work-title></work>'
    '<part-list><score-part id="P1"><part-name>Alto</part-name></score-part></part-list>\n'
    f'<part id="P1"><measure number="1">{ATTRIBUTES_XML}{SOUND_XML}{NOTE_XML}</measure>\n'
    f'<measure number="2">{NOTE_XML}{REPEAT_XML}</measure></part></score-partwise>'
)

BAD_NUMBERS: dict[str, tuple[str, ...]] = {
    "<divisions>1</divisions>": ("0", "-1", "nan", "inf", "1e300", "", "one", "0x10", "99999999", "1" * 400),
    "<duration>4</duration>": ("-4", "nan", "inf", "1e9", "1001", "999999999", "", "4 4", "٤"),
    "<beats>4</beats>": ("0", "-4", "1e6", "999999999", "4+0", "1+" * 40 + "1", ""),
    "<beat-type>4</beat-type>": ("0", "3", "-4", "4.5", "128", "99999999999", "nan", ""),
    "<octave>4</octave>": ("-1", "10", "999999999", "4.5", "nan", ""),
    "<step>C</step>": ("H", "c", "", "CC", "\u0421"),
    "<alter>0</alter>": ("nan", "inf", "1e300", "99", "-5", "sharp"),
    "<fifths>0</fifths>": ("8", "-8", "1000000000", "0.5", "nan"),
    "<staves>1</staves>": ("0", "-1", "17", "1000000", "1000000000"),
    "<staff>1</staff>": ("0", "-1", "17", "1000000000"),
    "<voice>1</voice>": ("-1", "1001", "1e300", "nan", "v" * 40),
    "<per-minute>90</per-minute>": ("0", "-90", "1e300", "nan", "inf", "9999999"),
    "<line>2</line>": ("1000000000", "nan", "-1000"),
}
BAD_ATTRIBUTES: dict[str, tuple[str, ...]] = {
    'tempo="90"': ("0", "-1", "1e300", "nan", "inf", "-inf", "1000000", "fast", ""),
    'times="2"': ("0", "-1", "1000000", "1e6", "nan"),
    "number='1'": ("0", "1000000000", "-1"),
    'location="right"': ("1e300", "nan", "99999999999"),
}


def musicxml() -> Iterator[HostileCase]:
    def case(name: str, words: str, content: str | bytes | Callable[[], bytes]) -> HostileCase:
        return HostileCase(f"{name}.musicxml", "score", words, content.encode() if isinstance(content, str) else content)

    def changed(old: str, new: str) -> str:
        assert old in XML, old
        return XML.replace(old, new, 1)

    for element, bad_texts in BAD_NUMBERS.items():
        tag = element[1 : element.index(">")]
        for index, text in enumerate(bad_texts):
            words = rf"line \d.*(in {tag}, came|a duration of at most 1000 quarters)"
            yield case(f"{tag}-{index}", words, changed(element, f"<{tag}>{text}</{tag}>"))
    for attribute, bad_texts in BAD_ATTRIBUTES.items():
        key = attribute[: attribute.index("=")]
        for index, text in enumerate(bad_texts):
            yield case(f"attribute-{key}-{index}", f"as {key} of", changed(attribute, f'{key}="{text}"'))
    for cut in (1, 30, 60, 200, 300, 500, 900, len(XML) - 30, len(XML) - 1):
        words = "holds nothing" if cut == 1 else "well-formed XML"
        yield case(f"cut-at-{cut}", words, XML.encode()[:cut])
    part = XML[XML.index("<part id") : XML.index("</score-partwise>")]
    lone_backup = "<backup><duration>{}</duration></backup>"
    trees = {
        "timewise": (XML.replace("score-partwise", "score-timewise"), "a partwise score"),
        "svg": ("<svg/>", "an XML document of svg"),
        "html": ("<!DOCTYPE html><html><body/></html>", "an XML document of html"),
        "opus": ("<opus/>", "an XML document of opus"),
        "no-parts": ("<score-partwise/>", "at least one part"),
        "no-measures": (XML.replace(part, '<part id="P1"/>'), "at least one measure"),
        "part-not-in-list": (changed('<part id="P1">', '<part id="P2">'), "the part list names"),
        "part-without-id": (changed('<part id="P1">', "<part>"), "the part list names"),
        "part-twice": (XML.replace(part, part * 2), "each part once"),
        "part-missing": (changed("</part-list>", '<score-part id="P9"/></part-list>'), "none for P9"),
        "part-id-twice": (changed("</part-list>", '<score-part id="P1"/></part-list>'), "a part id of its own"),
        "note-outside": (XML.replace(part, NOTE_XML + part), "notes inside a measure|divisions"),
        "measure-outside": (XML.replace(part, "<measure/>" + part), "measures inside a part"),
        "no-duration": (changed("<duration>4</duration>", ""), "a duration in note"),
        "no-divisions": (changed("<divisions>1</divisions>", ""), "divisions before"),
        "backup-too-far": (changed(NOTE_XML, NOTE_XML + lone_backup.format(5)), "a backup no further"),
        "backup-huge": (changed(NOTE_XML, NOTE_XML + lone_backup.format(999999999)), "at most 1000 quarters"),
        "backup-empty": (changed(NOTE_XML, NOTE_XML + "<backup/>"), "a duration in backup"),
        "forward-huge": (changed(NOTE_XML, "<forward><duration>999999999</duration></forward>"), "at most 1000 quarters"),
        "long-measure": (changed(NOTE_XML, NOTE_XML * 251), "a measure of at most 1000 quarters"),
        "tremolo": (changed("<voice>", "<notations><ornaments><tremolo>99</tremolo></ornaments></notations><voice>"), "in tremolo"),
        "tuplet-0": (
            changed("<voice>", "<time-modification><actual-notes>0</actual-notes></time-modification><voice>"),
            "in actual-notes",
        ),
        "multi-rest": (
            changed("<staves>", "<measure-style><multiple-rest>1000000</multiple-rest></measure-style><staves>"),
            "in multiple-rest",
        ),
        "transpose": (changed("<staves>", "<transpose><chromatic>1000000000</chromatic></transpose><staves>"), "in chromatic"),
        "transpose-octaves": (
            changed("<staves>", "<transpose><octave-change>1000000</octave-change></transpose><staves>"),
            "in octave-change",
        ),
        "midi-channel": (
            changed("</part-name>", "</part-name><midi-instrument id='I'><midi-channel>17</midi-channel></midi-instrument>"),
            "in midi-channel",
        ),
        "midi-program": (
            changed("</part-name>", "</part-name><midi-instrument id='I'><midi-program>129</midi-program></midi-instrument>"),
            "in midi-program",
        ),
        "page-width": (
            changed("<part-list>", "<defaults><page-layout><page-width>1e300</page-width></page-layout></defaults><part-list>"),
            "in page-width",
        ),
        "position": (changed("<note>", '<note default-x="1e300">'), "as default-x of note"),
        "position-nan": (changed("<note>", '<note default-x="NaN">'), "as default-x of note"),
        "beam-number": (changed("<voice>", '<beam number="1000000000">begin</beam><voice>'), "as number of beam"),
        "slur-number": (
            changed("<voice>", '<notations><slur type="start" number="1000000000"/></notations><voice>'),
            "as number of slur",
        ),
        "nul": (changed("Hymn", "Hy\0mn"), "well-formed XML"),
        "nul-reference": (changed("Hymn", "Hy&#0;mn"), "well-formed XML"),
        "escape-in-title": (changed("Hymn", "Hy\x1bmn"), "well-formed XML"),
        "mismatched-tags": (changed("</work>", "</wrok>"), "well-formed XML"),
        "two-roots": (XML + XML[XML.index("<score-p") :], "well-formed XML"),
        "attribute-twice": (changed('number="1"', 'number="1" number="1"'), "well-formed XML"),
        "deep": (changed("Hymn", "<a>" * 100 + "</a>" * 100), "at most 64 deep"),
        "many-attributes": (changed("<work>", "<work " + " ".join(f'a{i}="1"' for i in range(100)) + ">"), "at most 64 attributes"),
        "utf-7": (XML.replace("UTF-8", "UTF-7"), "UTF-8 or UTF-16 text"),
        "no-such-encoding": (XML.replace("UTF-8", "x-evil"), "UTF-8 or UTF-16 text|well-formed XML"),
        "shift-jis": (XML.replace("UTF-8", "Shift_JIS"), "UTF-8 or UTF-16 text|well-formed XML"),
    }
    for name, (text, words) in trees.items():
        yield case(name, words, text)
    yield case("latin-1-as-utf-8", "well-formed XML", XML.replace("Hymn", "Lied für").encode("latin-1"))
    yield case("utf-16-cut", "well-formed XML", XML.replace("UTF-8", "UTF-16").encode("utf-16")[:-3])
    yield case(
        "utf-16-half-pair",
        "well-formed XML",
        XML.replace("UTF-8", "UTF-16").replace("Hymn", "\ud800").encode("utf-16", "surrogatepass"),
    )
    yield case("deepest", "at most 64 deep", lambda: b"<score-partwise>" + b"<a>" * 1_000_000)
    yield case("million-elements", "1,200,000 elements", lambda: b"<score-partwise>" + b"<a/>" * 1_300_000 + b"</score-partwise>")
    yield case("long-title", "texts of at most", lambda: XML.replace("Hymn", "la" * 1_500_000).encode())
    yield case(
        "long-attribute", "at most 100,000 characters", lambda: XML.replace('number="1"', f'implicit="{"x" * 3_000_000}"').encode()
    )
    yield case(
        "long-comment", "at most 41,943,040 bytes", lambda: XML.replace("<work>", "<!--" + "x" * 43_000_000 + "--><work>").encode()
    )
    yield case("5001-measures", "at most 5,000 measures", lambda: XML.replace("</part>", "<measure/>" * 5_000 + "</part>").encode())
    yield case(
        "200001-notes",
        "at most 200,000 notes",
        lambda: XML.replace("</part>", "<measure>" + "<note><grace/></note>" * 200_001 + "</measure></part>").encode(),
    )
    yield case(
        "200-parts",
        "at most 128 parts",
        XML.replace("</part-list>", "".join(f'<score-part id="Q{i}"/>' for i in range(200)) + "</part-list>"),
    )
    yield case(
        "days-long",
        "at most 7200 s",
        lambda: (
            XML.replace('tempo="90"', 'tempo="1"')
            .replace("</part>", ("<measure>" + NOTE_XML * 100 + "</measure>") * 20 + "</part>")
            .encode()
        ),
    )


def entities() -> Iterator[HostileCase]:
    """Attacks by DOCTYPE."""
    laughs = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
    subsets = {
        "billion-laughs": (laughs, "&a9;"),
        "million-laughs": (laughs, "&a6;"),
        "quadratic": (f'<!ENTITY a "{"x" * 50_000}">', "&a;" * 20_000),
        "xxe-file": ('<!ENTITY a SYSTEM "file:///etc/hostname">', "&a;"),
        "xxe-http": ('<!ENTITY a SYSTEM "http://127.0.0.1:9/a">', "&a;"),
        "xxe-device": ('<!ENTITY a SYSTEM "file:///dev/zero">', "&a;"),
        "parameter-entity": ('<!ENTITY % a SYSTEM "file:///etc/hostname"> %a;', "x"),
        "unused-entity": ('<!ENTITY a "x">', "x"),
        "recursive": ('<!ENTITY a "&b;"><!ENTITY b "&a;">', "&a;"),
        "unparsed": ('<!NOTATION n SYSTEM "n"><!ENTITY a SYSTEM "a.gif" NDATA n>', "x"),
        "default-attributes": (f'<!ATTLIST note evil CDATA "{"x" * 90_000}">', "x"),
        "element-declaration": ("<!ELEMENT note ANY>", "x"),
    }
    for name, (subset, text) in subsets.items():
        content = XML.replace(DOCTYPE, f"<!DOCTYPE score-partwise [{subset}]>").replace("Hymn", text)
        yield HostileCase(f"{name}.musicxml", "score", "a DOCTYPE without declarations|texts of at most", content.encode())
    yield HostileCase(
        "undeclared-entity.musicxml", "score", "entity references|well-formed XML", XML.replace("Hymn", "&evil;").encode()
    )
    yield HostileCase(
        "undeclared-no-doctype.musicxml", "score", "well-formed XML", XML.replace(DOCTYPE, "").replace("Hymn", "&evil;").encode()
    )
    bomb = XML.replace(DOCTYPE, f"<!DOCTYPE score-partwise [{laughs}]>").replace("UTF-8", "UTF-16").replace("Hymn", "&a9;")
    yield HostileCase("utf-16-laughs.musicxml", "score", "a DOCTYPE without declarations", bomb.encode("utf-16"))
    yield HostileCase("laughs.mxl", "score", "a DOCTYPE without declarations", mxl_file({"s.xml": bomb.encode("utf-16")}))


# --- MXL ----------------------------------------------------------------------------------------------------


def container(path: str = "s.xml", head_text: str = "", media: str = "") -> bytes:
    files = f'<rootfiles><rootfile full-path="{path}"{media}/></rootfiles>'
    return f'<?xml version="1.0"?>{head_text}<container>{files}</container>'.encode()


def mxl_file(members: dict[str, bytes], box: bytes | None = b"", method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        if box is not None:
            archive.writestr(fixed("META-INF/container.xml", method), box or container(next(iter(members))))
        for name, content in members.items():
            archive.writestr(fixed(name, method), content)
    return buffer.getvalue()


def fixed(name: str, method: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)  # with a fixed date, so that cases are the same on every run
    info.compress_type = method
    return info


def zip_bomb(megabytes: int) -> bytes:
    """A ZIP member that inflates to ``megabytes``, made of one compressed block said again and again; sizes are declared small."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packer.compress(b"<score-partwise>" + b" " * (1 << 20))
    first = packer.flush(zlib.Z_FULL_FLUSH)
    packer.compress(b" " * (1 << 20))
    again = packer.flush(zlib.Z_FULL_FLUSH)
    return raw_member(first + again * megabytes + packer.flush(), megabytes << 20)


def raw_member(deflated: bytes, size: int) -> bytes:
    """An .mxl whose document is this raw deflate stream, with the size that is claimed."""
    whole = bytearray(mxl_file({"s.xml": b"?"}))
    box_end = whole.index(b"PK\x03\x04", 4)
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 8, 0, 0x21, 0, len(deflated), size, 5, 0) + b"s.xml"
    data = bytes(whole[:box_end]) + local + deflated
    directory = bytes(whole[whole.index(b"PK\x01\x02") : whole.rindex(b"PK\x01\x02")])
    directory += (
        struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 8, 0, 0x21, 0, len(deflated), size, 5, 0, 0, 0, 0, 0, box_end)
        + b"s.xml"
    )
    return data + directory + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2, 2, len(directory), len(data), 0)


def mxl() -> Iterator[HostileCase]:
    def case(name: str, words: str, content: bytes | Callable[[], bytes]) -> HostileCase:
        return HostileCase(f"{name}.mxl", "score", words, content)

    good = mxl_file({"s.xml": XML.encode()})
    for cut in (4, 30, 100, len(good) // 2, len(good) - 30, len(good) - 1):
        yield case(f"cut-at-{cut}", "a ZIP file with its directory", good[:cut])
    yield case("no-container", "a member META-INF/container.xml", mxl_file({"s.xml": XML.encode()}, box=None))
    yield case("docx", "a member META-INF/container.xml", mxl_file({"word/document.xml": b"<w/>"}, box=None))
    yield case("empty-zip", "a member META-INF/container.xml", b"PK\x05\x06" + bytes(18))
    for index, path in enumerate(("nowhere.xml", "../../etc/passwd", "/etc/passwd", "", "S.XML")):
        yield case(f"path-{index}", "the path of a member", mxl_file({"s.xml": XML.encode()}, container(path)))
    yield case("container-no-rootfile", "a rootfile of MusicXML", mxl_file({"s.xml": XML.encode()}, b"<container/>"))
    yield case(
        "container-pdf-only", "a rootfile of MusicXML", mxl_file({"s.xml": b"x"}, container(media=' media-type="application/pdf"'))
    )
    yield case("container-no-xml", "well-formed XML", mxl_file({"s.xml": XML.encode()}, b"hello"))
    box = container(head_text='<!DOCTYPE c [<!ENTITY a SYSTEM "file:///etc/passwd">]>')
    yield case("container-xxe", "a DOCTYPE without declarations", mxl_file({"s.xml": XML.encode()}, box))
    yield case(
        "container-huge",
        "at most 65,536 bytes when inflated",
        lambda: mxl_file({"s.xml": XML.encode()}, container() + b" " * (1 << 24)),
    )
    yield case("bzip2", "compression method 12", mxl_file({"s.xml": XML.encode()}, method=zipfile.ZIP_BZIP2))
    yield case("lzma", "compression method 14", mxl_file({"s.xml": XML.encode()}, method=zipfile.ZIP_LZMA))
    yield case("101-members", "at most 100 members", mxl_file({f"{i}.xml": b"" for i in range(101)}))
    yield case("5000-members", "at most 100 members", lambda: mxl_file({f"{i}.xml": b"" for i in range(5000)}))
    for megabytes in (50, 2048):
        yield case(f"bomb-{megabytes}", "at most 41,943,040 bytes when inflated", lambda size=megabytes: zip_bomb(size))
    lying = zlib.compress(XML.encode(), 9)[2:-4]
    yield case("size-too-small", "a whole member|well-formed XML", raw_member(lying, 10))
    yield case("wrong-checksum", "a whole member", raw_member(lying, len(XML.encode())))
    yield case("damaged-deflate", "a whole member", raw_member(b"\xff" * 200, 4000))
    yield case("deflate-cut", "a whole member|well-formed XML", raw_member(lying[:50], len(XML.encode())))
    encrypted = bytearray(good)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = -1
        while (place := encrypted.find(mark, place + 1)) >= 0:
            encrypted[place + offset] |= 1
    yield case("encrypted", "an encrypted one", bytes(encrypted))
    yield case("split", "a ZIP file in one piece", good[:-18] + b"\x01\x00" + good[-16:])
    yield case("count-lie", "at most 100 members|in one piece", good[:-14] + b"\xff\xff\xff\xff" + good[-10:])
    yield case("directory-size-lie", "a directory of at most", good[:-10] + b"\xff\xff\xff\x7f" + good[-6:])
    yield case("directory-place-lie", "a readable ZIP file|a whole member", good[:-6] + b"\xff\xff\xff\x7f" + good[-2:])
    double = bytearray(mxl_file({"s.xml": XML.encode(), "t.xml": b"<score-partwise/>"}))
    yield case("member-twice", "each member once", bytes(double).replace(b"t.xml", b"s.xml"))
    yield case("midi-inside", "well-formed XML", mxl_file({"s.xml": smf()}))
    yield case("mxl-in-mxl", "well-formed XML", mxl_file({"s.xml": good}))
    yield case("nothing-inside", "well-formed XML", mxl_file({"s.xml": b""}))
    yield case("timewise-inside", "a partwise score", mxl_file({"s.xml": b"<score-timewise/>"}))
    yield case("21-megabytes", "at most 20,971,520 bytes", lambda: mxl_file({"s.xml": bytes(21 << 20)}, method=zipfile.ZIP_STORED))


# --- kern and ABC -------------------------------------------------------------------------------------------

KERN = "**kern\t**kern\n*M4/4\t*M4/4\n=1\t=1\n4c\t4e\n2.d\t2.f\n==\t==\n*-\t*-\n"
ABC = "X:1\nT:Hymn\nM:4/4\nL:1/8\nQ:1/4=90\nK:G\n|: G2 A2 B2 c2 | d4 (3efg a2 :|\n"


def kern() -> Iterator[HostileCase]:
    def case(name: str, words: str, old: str, new: str) -> HostileCase:
        assert old in KERN
        return HostileCase(f"{name}.krn", "score", words, KERN.replace(old, new, 1).encode())

    yield case("spine-missing", "2 spines, came 1", "4c\t4e", "4c")
    yield case("spine-extra", "2 spines, came 3", "4c\t4e", "4c\t4e\t4g")
    yield case("no-kern", "a \\*\\*kern spine", "**kern\t**kern", "**text\t**dynam")
    yield case("not-exclusive", "exclusive interpretations", "**kern\t**kern", "**kern\tkern")
    yield case("open-spines", "all spines ended", "*-\t*-\n", "")
    yield case("one-open-spine", "all spines ended", "*-\t*-\n", "*-\t*\n")
    yield case("data-after-end", "exclusive interpretations", "*-\t*-\n", "*-\t*-\n4c\t4c\n")
    yield case("lone-join", "two or more", "=1\t=1", "*v\t*")
    yield case("three-exchange", "two \\*x", "=1\t=1", "*x\t*")
    for index, value in enumerate(("99999", "4" * 300, "4%0", "1%99999", "4.....", "3%1000", "100000000000")):
        yield case(f"value-{index}", "a note value", "4c", f"{value}c")
    for index, meter in enumerate(("0/4", "999999999/4", "4/999999999", "129/4")):
        yield case(f"meter-{index}", "a meter of 1 to 128", "*M4/4", f"*M{meter}")
    for index, tempo in enumerate(("0", "99999999")):
        yield case(f"tempo-{index}", "a tempo of 1 to 2000", "*M4/4\t*M4/4", f"*MM{tempo}\t*")
    yield case("long-expansion", "sections in an expansion", "*M4/4", f"*>[{'A,' * 5000}A]")
    yield case("control", "control character", "4c", "4c\x1b[2J")
    yield case("nul", "holds nothing that is known", "4c", "4c\0")
    yield case("long-line", "at most 20,000 characters", "4c", "4c" * 20_000)
    yield case("long-token", "a token of at most", "4c", "4c " * 1500)
    yield HostileCase(
        "many-spines.krn",
        "score",
        "at most 256 spines",
        "".join(["**kern\n", *("\t".join(["*^"] * 2**n) + "\n" for n in range(12))]).encode(),
    )
    yield HostileCase("many-lines.krn", "score", "at most 200,000 lines", lambda: b"**kern\n" + b"4c\n" * 200_001)
    yield HostileCase(
        "many-notes.krn", "score", "at most 200,000 notes", lambda: ("**kern\n" + (" ".join(["4c"] * 500) + "\n") * 500).encode()
    )
    yield HostileCase("17-megabytes.krn", "score", "at most 16,777,216 bytes", lambda: KERN.encode() + b"!!" * (9 << 20))


def abc() -> Iterator[HostileCase]:
    def case(name: str, words: str, old: str, new: str) -> HostileCase:
        assert old in ABC
        return HostileCase(f"{name}.abc", "score", words, ABC.replace(old, new, 1).encode())

    for index, length in enumerate(("1/0", "1/3", "0", "1/99999999", "9/1", "1e9")):
        yield case(f"unit-{index}", "a unit note length", "L:1/8", f"L:{length}")
    for index, meter in enumerate(("0/4", "4/0", "999999999/4", "4/999999999")):
        yield case(f"meter-{index}", "a meter of 1 to 128", "M:4/4", f"M:{meter}")
    for index, tempo in enumerate(("0", "1/4=99999999", "1/4=0", "1e300")):
        if tempo != "1e300":
            yield case(f"tempo-{index}", "a tempo of", "Q:1/4=90", f"Q:{tempo}")
    yield case("long-note", "numbers of at most 3 digits", "G2", "G999999999")
    yield case("short-note", "numbers of at most 3 digits", "G2", "G/999999999")
    yield case("slashes", "repeated a few times", "G2", "G" + "/" * 1000)
    yield case("octaves", "repeated a few times", "G2", "G" + "," * 1000)
    yield case("sharps", "repeated a few times", "G2", "^" * 100 + "G")
    yield case("repeats", "repeated a few times", ":|", ":" * 1000 + "|")
    yield case("broken-rhythm", "repeated a few times", "G2", "G" + ">" * 20 + "A")
    for index, tuplet in enumerate(("0", "999", "3:0:2", "3:2:999")):
        yield case(f"tuplet-{index}", "a tuplet of 1 to 64", "(3efg", f"({tuplet}efg")
    yield case("bars-of-rest", "500 bars of rest", "G2", "Z999")
    yield case("include", "music in this file", "T:Hymn", "%%abc-include /etc/passwd")
    yield case("include-instruction", "music in this file", "T:Hymn", "I:abc-include /etc/passwd")
    yield case("macro", "music without macros", "T:Hymn", "m:~n2 = " + "n" * 500)
    yield case("inline-meter", "a meter of 1 to 128", "G2", "[M:0/4]G2")
    yield case("no-key", "X: and K:", "K:G\n", "")
    yield case("tune-number", "a tune number", "X:1", "X:99999999999")
    yield case("control", "control character", "Hymn", "Hy\x1bmn")
    yield case("long-line", "at most 20,000 characters", "G2", "G2" * 20_000)
    yield case("many-voices", "64 voices", "K:G", "\n".join(f"V:{i}" for i in range(100)) + "\nK:G")
    yield HostileCase("many-tunes.abc", "score", "2,000 tunes", lambda: (ABC * 2_001).encode())
    yield HostileCase("many-notes.abc", "score", "200,000 notes", lambda: (ABC + ("G" * 19_000 + "\n") * 11).encode())


# --- sound --------------------------------------------------------------------------------------------------


def recording(samples: np.ndarray, rate: int = 16_000, fmt: str = "WAV", subtype: str | None = None) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=fmt, subtype=subtype)
    return buffer.getvalue()


def wav(samples: np.ndarray, rate: int = 16_000, subtype: str = "PCM_16") -> bytes:
    return recording(samples, rate, "WAV", subtype)


def patched(data: bytes, place: int, new: bytes) -> bytes:
    return data[:place] + new + data[place + len(new) :]


def audio() -> Iterator[HostileCase]:
    def case(name: str, words: str, content: bytes | Callable[[], bytes]) -> HostileCase:
        return HostileCase(name, "audio", words, content)

    tone = 0.3 * np.sin(np.arange(16_000) / 10)
    for index, value in enumerate((np.nan, np.inf, -np.inf)):
        for place in (0, 15_999):
            bad = tone.copy()
            bad[place] = value
            yield case(f"non-finite-{index}-{place}.wav", f"sample {place}: expected finite", wav(bad, subtype="FLOAT"))
    bad = tone.copy()
    bad[5] = np.nan
    yield case("non-finite-double.wav", "sample 5: expected finite", wav(bad, subtype="DOUBLE"))
    good = wav(tone)
    for rate in (0, 1, 100, 7_999, 192_001, 2**31 - 1, 2**32 - 1):
        yield case(f"rate-{rate}.wav", "a sample rate|can be decoded", patched(good, 24, struct.pack("<I", rate)))
    for channels in (0, 9, 255, 65535):
        yield case(
            f"channels-{channels}.wav",
            "channels|can be decoded|at least one sample",
            patched(good, 22, struct.pack("<H", channels)),
        )
    yield case("no-samples.wav", "at least one sample", wav(np.zeros(0)))
    for cut in (13, 30, 43, 44, 45, 1000, len(good) - 1):
        yield case(f"cut-at-{cut}.wav", "truncated", good[:cut])
    yield case("4-gigabytes.wav", "truncated", patched(good, 40, struct.pack("<I", 0xFFFFFFF0)))
    yield case("chunks-without-end.wav", "a thousand others", good[:12] + b"junk\x00\x00\x00\x00" * 2000)
    yield case("chunk-lie.wav", "truncated", good[:12] + b"junk\xff\xff\xff\xff" + good[12:])
    yield case("format-code.wav", "can be decoded", patched(good, 20, b"\xee\xee"))
    yield case("bits-0.wav", "can be decoded|finite", patched(good, 34, b"\x00\x00"))
    yield case("61-minutes.wav", "at most 3600 s", lambda: wav(np.zeros(61 * 60 * 8000, dtype=np.int16), 8000))
    flac = recording(tone, fmt="FLAC")
    for cut in (5, 40, len(flac) // 2, len(flac) - 100):
        yield case(f"cut-at-{cut}.flac", "can be decoded|truncated", flac[:cut])
    yield case("days-long.flac", "at most 3600 s", patched(flac, 21, bytes([flac[21] | 0x0F, 0xFF, 0xFF, 0xFF, 0xFF])))
    yield case("longer-than-it-is.flac", "can be decoded|truncated", patched(flac, 22, struct.pack(">I", 10_000_000)))
    yield case("rate-0.flac", "a sample rate|can be decoded", patched(flac, 18, b"\x00\x00\x00"))
    yield case("silence-bomb.flac", "at most 3600 s", lambda: recording(np.zeros(8000 * 3700, dtype=np.int16), 8000, "FLAC"))
    ogg = recording(tone, fmt="OGG")
    for cut in (10, 60, len(ogg) // 2):
        yield case(f"cut-at-{cut}.ogg", "can be decoded|at least one sample|truncated", ogg[:cut])
    yield case("header-damaged.ogg", "can be decoded", patched(ogg, 40, b"\xff" * 20))
    mp3 = recording(tone, fmt="MP3")
    for cut in (300, len(mp3) // 2):
        yield case(f"cut-at-{cut}.mp3", "can be decoded|truncated", mp3[:cut])
    yield case("tag-only.mp3", "can be decoded", b"ID3\x03\x00\x00\x7f\x7f\x7f\x7f" + bytes(100))


# --- pictures -----------------------------------------------------------------------------------------------


def png(width: int, height: int, rows: bytes | None = None, bits: int = 8, color: int = 0) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    if rows is None:
        rows = zlib.compress(bytes((width * bits // 8 + 1) * height), 1)
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def picture(fmt: str, size: tuple[int, int] = (64, 48), **options: object) -> bytes:
    pixels = np.arange(size[0] * size[1], dtype=np.uint8).reshape(size[1], size[0])
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, fmt, **options)
    return buffer.getvalue()


def images() -> Iterator[HostileCase]:
    def case(name: str, words: str, content: bytes | Callable[[], bytes]) -> HostileCase:
        return HostileCase(name, "image", words, content)

    yield case("200-megapixels.png", "at most 100,000,000 pixels", lambda: png(20_000, 10_000, bits=1))
    yield case("169-megapixels.png", "at most 100,000,000 pixels|can be decoded", lambda: png(13_000, 13_000, bits=1))
    yield case("101-megapixels.png", "at most 100,000,000 pixels", lambda: png(10_050, 10_050, bits=1))
    yield case("2-31-wide.png", "at most 100,000,000 pixels|can be decoded|damaged", png(2**31 - 1, 1, b""))
    yield case("2-31-square.png", "at most 100,000,000 pixels|can be decoded|damaged", png(2**31 - 1, 2**31 - 1, b""))
    yield case("very-wide.png", "20,000 a side", lambda: png(20_001, 2))
    yield case("no-width.png", "pixels|damaged|can be decoded", png(0, 10, b""))
    yield case("short-data.png", "can be decoded", png(100, 100, zlib.compress(bytes(50))))
    yield case("no-data.png", "can be decoded|damaged", png(100, 100, b""))
    yield case("damaged-data.png", "can be decoded", png(100, 100, b"\xff" * 100))
    yield case("bad-depth.png", "damaged|can be decoded", png(10, 10, bits=3))
    for fmt, suffix in (("PNG", "png"), ("JPEG", "jpg"), ("TIFF", "tiff"), ("WEBP", "webp"), ("BMP", "bmp"), ("GIF", "gif")):
        whole = picture(fmt, (640, 480))
        for part in (9, 10, 100, len(whole) // 2):
            yield case(f"cut-at-{part}.{suffix}", "can be decoded|damaged|pixels|holds nothing that is known", whole[:part])
    jpeg = picture("JPEG")
    size_at = jpeg.index(b"\xff\xc0") + 5
    yield case("65535-square.jpg", "at most 100,000,000 pixels|can be decoded", patched(jpeg, size_at, b"\xff\xff\xff\xff"))
    yield case("no-width.jpg", "pixels|can be decoded|damaged", patched(jpeg, size_at, b"\x00\x30\x00\x00"))
    frames = [Image.new("L", (8, 8), shade) for shade in (0, 90, 200)]
    for fmt, suffix in (("PNG", "png"), ("WEBP", "webp"), ("GIF", "gif")):
        buffer = io.BytesIO()
        frames[0].save(buffer, fmt, save_all=True, append_images=frames[1:])
        yield case(f"three-frames.{suffix}", "a still picture, came one that moves", buffer.getvalue())
    tiff = bytearray(picture("TIFF"))
    yield case("directory-outside.tiff", "can be decoded|damaged", patched(bytes(tiff), 4, b"\xff\xff\xff\x7f"))
    loop = bytes(tiff)
    first = struct.unpack_from("<I", loop, 4)[0]
    entries = struct.unpack_from("<H", loop, first)[0]
    for index in range(entries):
        tag = struct.unpack_from("<H", loop, first + 2 + 12 * index)[0]
        if tag == 256:
            wide = patched(loop, first + 2 + 12 * index, struct.pack("<HHII", 256, 4, 1, 2**31 - 1))
            yield case("2-31-wide.tiff", "at most 100,000,000 pixels|can be decoded|damaged", wide)
        if tag == 273:
            outside = patched(loop, first + 2 + 12 * index, struct.pack("<HHII", 273, 4, 1, 2**31 - 1))
            yield case("strip-outside.tiff", "can be decoded|damaged", outside)


# --- JSON and weights ---------------------------------------------------------------------------------------


def json_texts() -> Iterator[HostileCase]:
    texts: dict[str, tuple[bytes, str]] = {
        "nan": (b'{"a": NaN}', "finite numbers"),
        "infinity": (b"[Infinity]", "finite numbers"),
        "minus-infinity": (b"[-Infinity]", "finite numbers"),
        "overflow": (b"[1e999]", "a double can hold"),
        "minus-overflow": (b"[-1e999]", "a double can hold"),
        "long-integer": (b"[" + b"9" * 5000 + b"]", "at most 30 digits"),
        "long-fraction": (b"[0." + b"9" * 5000 + b"]", "a double can hold"),
        "deep-lists": (b"[" * 100_000 + b"]" * 100_000, "at most 64 deep"),
        "deep-objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "at most 64 deep"),
        "open-lists": (b"[" * 1_000_000, "at most 64 deep"),
        "key-twice": (b'{"seed": 1, "seed": 2}', "'seed' twice"),
        "comma": (b"[1,]", "expected JSON"),
        "comment": (b"[1] // one", "expected JSON"),
        "two-values": (b"{} {}", "expected JSON"),
        "single-quotes": (b"{'a': 1}", "expected JSON"),
        "cut": (b'{"a": [1, 2', "expected JSON"),
        "open-text": (b'["' + b"a" * 1000, "expected JSON"),
        "line-in-text": (b'["a\nb"]', "expected JSON"),
        "half-pair": (b'["\\ud800"]', "UTF-8 text"),
        "latin-1": ('["für"]'.encode("latin-1"), "UTF-8 text"),
        "utf-16": ('["a"]'.encode("utf-16"), "UTF-8 text|expected JSON"),
        "byte-order-mark": (b"\xef\xbb\xbf[]", "expected JSON|UTF-8"),
        "words": (b"nothing", "expected JSON"),
        "pickle": (b"\x80\x04\x95\x00", "UTF-8 text"),
    }
    for name, (text, words) in texts.items():
        yield HostileCase(f"{name}.json", "json", words, text)
    yield HostileCase("17-megabytes.json", "json", "at most 16,777,216 bytes", lambda: b'["' + b"a" * (17 << 20) + b'"]')


def tensors(header: object, body: bytes = bytes(16), length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def weights() -> Iterator[HostileCase]:
    def entry(dtype: object = "F32", shape: object = (4,), offsets: object = (0, 16)) -> dict[str, object]:
        return {"dtype": dtype, "shape": shape, "data_offsets": offsets}

    floats = {"nan": np.nan, "infinity": np.inf}
    contents: dict[str, tuple[bytes, str]] = {
        "no-header": (b"\x01\x00", "the length of a header"),
        "length-2-63": (tensors({}, length=2**63), "the length of a header"),
        "length-past-end": (tensors({"a": entry()}, length=10_000), "the length of a header"),
        "header-no-json": (tensors(b"{oops"), "expected JSON"),
        "header-list": (tensors([1]), "expected an object"),
        "header-nan": (tensors(b'{"a": NaN}'), "finite numbers"),
        "name-twice": (tensors(b'{"a": 1, "a": 1}'), "'a' twice"),
        "no-shape": (tensors({"a": {"dtype": "F32", "data_offsets": [0, 16]}}), "dtype, shape and data_offsets"),
        "more-keys": (tensors({"a": {**entry(), "run": "rm"}}), "dtype, shape and data_offsets"),
        "type-unknown": (tensors({"a": entry("F128")}), "a type out of"),
        "type-object": (tensors({"a": entry(["F32"])}), "a type out of"),
        "shape-negative": (tensors({"a": entry(shape=[-4])}), "a shape of"),
        "shape-float": (tensors({"a": entry(shape=[4.0])}), "a shape of"),
        "shape-true": (tensors({"a": entry(shape=[True, 4])}), "a shape of"),
        "shape-huge": (tensors({"a": entry(shape=[2**47, 2**47])}), "bytes of F32"),
        "shape-2-70": (tensors({"a": entry(shape=[2**70])}), "a shape of"),
        "many-axes": (tensors({"a": entry(shape=[1] * 100)}), "a shape of"),
        "offsets-backward": (tensors({"a": entry(offsets=[16, 0])}), "bytes of F32"),
        "offsets-three": (tensors({"a": entry(offsets=[0, 16, 32])}), "bytes of F32"),
        "offsets-past-end": (tensors({"a": entry(shape=[400], offsets=[0, 1600])}), "truncated"),
        "gap": (tensors({"a": entry(shape=[2], offsets=[8, 16])}), "data from byte 0"),
        "overlap": (tensors({"a": entry(), "b": entry()}), "data from byte 16"),
        "bytes-left": (tensors({"a": entry()}, bytes(20)), "as the header says"),
        "cut": (tensors({"a": entry()}, bytes(9)), "truncated"),
        "pickle": (b"\x80\x02}q\x00.PK\x03\x04" + bytes(100), "the length of a header"),
    }
    for name, value in floats.items():
        for dtype, kind in (("F16", "<f2"), ("F32", "<f4"), ("F64", "<f8")):
            body = np.array([1, 2, value], dtype=kind).tobytes()
            contents[f"{name}-{dtype}"] = (tensors({"a": entry(dtype, [3], [0, len(body)])}, body), "item 2: expected finite")
    contents["nan-BF16"] = (tensors({"a": entry("BF16", [2], [0, 4])}, b"\x80\x3f\xc0\x7f"), "item 1: expected finite")
    for name, (content, words) in contents.items():
        yield HostileCase(f"{name}.safetensors", "weights", words, content)
