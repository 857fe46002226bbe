"""Good MusicXML passes with the right extent and is cleaned without loss; damaged MusicXML is refused or harmless."""

from __future__ import annotations

import contextlib
import io
import tarfile
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import defusedxml.common
import defusedxml.ElementTree
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from music21 import corpus
from music21.musicxml.m21ToXml import GeneralObjectExporter

from corpora.errors import InputError
from corpora.gate import check_musicxml, clean_musicxml, open_mxl, open_score
from corpora.gate.xml_events import XmlReader

DOCTYPE = (
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">'
)
NOTE = "<note><pitch><step>C</step><octave>4</octave></pitch><duration>{}</duration></note>"
SCORE = (
    f'<?xml version="1.0" encoding="UTF-8"?>{DOCTYPE}<?xml-stylesheet href="http://127.0.0.1:9/x.xsl"?><!-- made by hand -->'
    '<score-partwise version="4.0"><work><work-title>Für &amp; wider &lt;1&gt;</work-title></work>'
    '<part-list><score-part id="P1"/><score-part id="P2"/></part-list>'
    '<part id="P1"><measure number="X1"><attributes><divisions>2</divisions></attributes>'
    f'<direction><sound tempo="60"/></direction>{NOTE.format(2)}<note><chord/><pitch/><duration>2</duration></note>'
    f"<note><grace/></note><backup><duration>2</duration></backup>{NOTE.format(4)}</measure>"
    f'<measure number="1"><direction><sound tempo="120.5"/></direction>{NOTE.format(8)}</measure></part>'
    f'<part id="P2"><measure number="X1"><attributes><divisions>0.5</divisions></attributes>{NOTE.format("1.5")}</measure></part>'
    "</score-partwise>"
)


def leaves(data: bytes) -> list[tuple[str, dict[str, str], str, str]]:
    root = ElementTree.fromstring(data)
    return [(node.tag, dict(node.attrib), node.text or "", node.tail or "") for node in root.iter()]


@pytest.fixture(scope="module")
def chorale() -> bytes:
    return bytes(GeneralObjectExporter(corpus.parse("bwv66.6")).parse())


def test_extent_worked_out_by_hand() -> None:
    extent = check_musicxml(SCORE.encode(), "a.musicxml")
    assert extent.parts == ("P1", "P2")
    assert (extent.measures, extent.notes, extent.quarters) == (2, 6, 6.0)
    assert extent.seconds == pytest.approx(2 * 120 / 120 * 1.0 + 4 * 60 / 60, abs=2.01)  # bar 1 at 60 to 120, bar 2 from 60


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "iso-8859-1"])
def test_encodings_are_let_in_and_become_utf_8(encoding: str, tmp_path: Path) -> None:
    declared = "UTF-16" if "16" in encoding else "ISO-8859-1" if "8859" in encoding else "UTF-8"
    text = SCORE.replace("UTF-8", declared)
    data = text.encode(encoding)
    if encoding in ("utf-16-le", "utf-16-be"):
        data = ("\ufeff" + text).encode(encoding)
    (tmp_path / "a.musicxml").write_bytes(data)
    assert open_score(tmp_path / "a.musicxml").extent == check_musicxml(SCORE.encode(), "a")
    assert clean_musicxml(data) == clean_musicxml(SCORE.encode())


def test_cleaning_keeps_elements_and_drops_the_rest() -> None:
    clean = clean_musicxml(b"\xef\xbb\xbf" + SCORE.encode())
    assert leaves(clean) == leaves(SCORE.encode())
    for word in (b"DOCTYPE", b"stylesheet", b"made by hand", b"\xef\xbb\xbf"):
        assert word not in clean
    assert clean_musicxml(clean) == clean
    assert "Für &amp; wider &lt;1&gt;".encode() in clean


def test_cleaning_keeps_hard_attribute_values_and_line_ends() -> None:
    data = b"<score-partwise><a b='&quot;&apos;&#10;&#9;&lt;&amp;'>&#13;x\r\ny</a><c></c></score-partwise>"
    assert leaves(clean_musicxml(data)) == leaves(data)


def test_a_real_chorale_passes(chorale: bytes, tmp_path: Path) -> None:
    extent = check_musicxml(chorale, "bwv66.6.musicxml")
    assert (len(extent.parts), extent.measures, extent.quarters) == (4, 10, 37.0)
    assert extent.notes == chorale.count(b"<note")
    assert leaves(clean_musicxml(chorale)) == leaves(chorale)
    with zipfile.ZipFile(tmp_path / "c.mxl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.recordare.musicxml", zipfile.ZIP_STORED)
        archive.writestr("META-INF/container.xml", '<container><rootfiles><rootfile full-path="x/c.xml"/></rootfiles></container>')
        archive.writestr("x/c.xml", chorale)
        archive.writestr("x/picture.png", b"")
    checked = open_score(tmp_path / "c.mxl")
    assert (checked.format, checked.data, checked.extent) == ("musicxml", chorale, extent)
    assert checked.container == (tmp_path / "c.mxl").read_bytes()
    assert open_mxl(checked.container, "c.mxl") == chorale


def test_unusual_but_legal_numbers_pass() -> None:
    changes = {
        "<octave>4</octave>": "<alter>-0.5</alter><octave>9</octave>",
        '<sound tempo="60"/>': '<sound tempo="768"/><per-minute>c. 60 &#8211; 70</per-minute>',
        "<divisions>2</divisions>": "<divisions> 2 </divisions>"
        "<time><beats>3+2</beats><beat-type>8</beat-type></time><voice>1a</voice>",
        'number="X1"': 'number="1e9999" width="-12.5"',
    }
    text = SCORE
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new, 1)
    check_musicxml(text.encode(), "a.musicxml")


@pytest.mark.parametrize(
    "subset", ['<!ENTITY a "x">', '<!ENTITY a SYSTEM "file:///etc/hostname">', '<!ENTITY % a "x">', '<!NOTATION n SYSTEM "n">']
)
def test_at_least_as_strict_as_defusedxml(subset: str) -> None:
    data = f"<!DOCTYPE a [{subset}]><a/>".encode()
    with contextlib.suppress(defusedxml.common.DefusedXmlException):  # it lets a notation through
        defusedxml.ElementTree.fromstring(data, forbid_dtd=False, forbid_entities=True, forbid_external=True)
    with pytest.raises(InputError, match="DOCTYPE without declarations"):
        XmlReader(data, "a").read(lambda tag, attributes: None, lambda tag: None)
    doctype_only = SCORE.encode()
    defusedxml.ElementTree.fromstring(doctype_only, forbid_dtd=False)
    check_musicxml(doctype_only, "a")


WHOLE = SCORE.encode()
EVIL_LETTERS = b"\x00\x01\x1b<>&;\"'=/-+.eE019 %\xff\xc3"


def refusal_of(data: bytes) -> str | None:
    try:
        check_musicxml(data, "a.musicxml")
    except InputError as refusal:
        return str(refusal)
    return None


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, len(WHOLE) - 1), st.sampled_from(EVIL_LETTERS)),
        min_size=1,
        max_size=3,
    ),
    st.integers(0, len(WHOLE)),
)
def test_changed_bytes_are_refused_in_one_line_or_well_formed(changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(WHOLE)
    for place, value in changes:
        data[place] = value
    damaged = bytes(data) if cut % 4 else bytes(data[:cut])
    message = refusal_of(damaged)
    if message is not None:
        assert message.startswith("a.musicxml: ")
        assert message.isprintable()
    else:
        assert leaves(clean_musicxml(damaged)) == leaves(damaged)


@pytest.mark.slow
@pytest.mark.parametrize("pack", ["openscore-lieder", "openscore-string-quartets", "openscore-orchestra"])
def test_the_packs_pass(corpus_folder: Path, pack: str) -> None:
    """Eight scores of each pack: let in, and every note counted."""
    archive_path = corpus_folder / f"{pack}.tar.gz"
    if not archive_path.exists():
        pytest.skip(f"{pack} is not in PARTIMENTO_DATA")
    with tarfile.open(archive_path) as archive:
        members = [member for member in archive if member.name.endswith(".mxl")]
        for member in members[:: len(members) // 7]:
            file = archive.extractfile(member)
            assert file is not None
            document = open_mxl(file.read(), member.name)
            extent = check_musicxml(document, member.name)
            assert extent.notes == document.count(b"<note>") + document.count(b"<note ")


def test_utf_16_declared_as_utf_8_is_refused() -> None:
    with pytest.raises(InputError, match="well-formed XML"):
        check_musicxml(io.BytesIO(SCORE.encode("utf-16-le")).getvalue()[1:], "a.musicxml")
