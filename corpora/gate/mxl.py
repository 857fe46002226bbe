"""The door for compressed MusicXML: one XML document out of a ZIP file, with every step bounded.

Nothing is ever extracted to the disk and no declared size is believed. Verovio dies of corrupt .mxl files, so it is given the
document that comes out here, never the archive. Source of the layout: https://www.w3.org/2021/06/musicxml40/tutorial/compressed-mxl-files/
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import Final

from corpora.gate.refusal import refusal
from corpora.gate.xml_events import MAX_XML_BYTES, XmlReader
from corpora.safe_text import safe_text

__all__ = ["MAX_MXL_BYTES", "open_mxl"]

MAX_MXL_BYTES: Final = 20 << 20
MAX_MEMBERS: Final = 100
MAX_DIRECTORY_BYTES: Final = 1 << 20
MAX_CONTAINER_BYTES: Final = 1 << 16
CONTAINER: Final = "META-INF/container.xml"
END_RECORD: Final = struct.Struct("<4s4H2LH")  # end of central directory, PKWARE APPNOTE 4.3.16
MUSICXML_TYPES: Final = frozenset(
    {"", "application/vnd.recordare.musicxml+xml", "application/vnd.recordare.musicxml", "text/xml", "application/xml"}
)
READ_ERRORS: Final = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, RuntimeError, struct.error, OverflowError)


def open_mxl(data: bytes, name: str) -> bytes:
    """The MusicXML document inside an .mxl file, which still has to pass ``check_musicxml``.

    Args:
        data: The whole .mxl file.
        name: File name for messages.

    Raises:
        InputError: It is no readable ZIP file, has over 100 members, an encrypted, doubled or oddly compressed member, no
            container.xml, names a document that is not there, or the document inflates to more than 40 MiB.
    """
    if len(data) > MAX_MXL_BYTES:
        raise refusal(name, "", f"at most {MAX_MXL_BYTES:,} bytes", f"{len(data):,}")
    _check_end_record(data, name)
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except READ_ERRORS as error:
        raise refusal(name, "", "a readable ZIP file", f"'{error}'") from None
    with archive:
        members: dict[str, zipfile.ZipInfo] = {}
        for info in archive.infolist():
            if info.filename in members:
                raise refusal(name, f"member {safe_text(info.filename, 60)}", "each member once", "twice")
            members[info.filename] = info
        if len(members) > MAX_MEMBERS:
            raise refusal(name, "", f"at most {MAX_MEMBERS} members", len(members))
        if CONTAINER not in members:
            raise refusal(name, "", f"a member {CONTAINER}", "none (is this another kind of ZIP file?)")
        container = _read(archive, members[CONTAINER], MAX_CONTAINER_BYTES, name)
        path = _root_file(container, name)
        if path not in members:
            raise refusal(name, CONTAINER, "the path of a member", f"'{path}'")
        return _read(archive, members[path], MAX_XML_BYTES, name)


def _check_end_record(data: bytes, name: str) -> None:
    """Refuse long or split directories before ``zipfile`` reads them all."""
    place = data.rfind(b"PK\x05\x06", max(0, len(data) - 65_535 - END_RECORD.size))
    if place < 0 or place + END_RECORD.size > len(data):
        raise refusal(name, "", "a ZIP file with its directory", "none (truncated?)")
    _, disk, first_disk, here, total, directory_bytes, _, _ = END_RECORD.unpack_from(data, place)
    if disk or first_disk or here != total:
        raise refusal(name, f"byte {place}", "a ZIP file in one piece", "a split one")
    if total > MAX_MEMBERS:
        raise refusal(name, f"byte {place}", f"at most {MAX_MEMBERS} members", total)
    limit_bytes = min(MAX_DIRECTORY_BYTES, place)
    if directory_bytes > limit_bytes:
        raise refusal(name, f"byte {place}", f"a directory of at most {limit_bytes:,} bytes", f"{directory_bytes:,}")


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit_bytes: int, name: str) -> bytes:
    """The content of a member; never inflates more than ``limit_bytes`` + 1."""
    place = f"member {safe_text(info.filename, 60)}"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise refusal(name, place, "a stored or deflated member", f"compression method {info.compress_type}")
    if info.flag_bits & 1:
        raise refusal(name, place, "a member without password", "an encrypted one")
    try:
        with archive.open(info) as member:
            content = member.read(limit_bytes + 1)
    except READ_ERRORS as error:
        raise refusal(name, place, "a whole member", f"'{error}'") from None
    if len(content) > limit_bytes:
        raise refusal(name, place, f"at most {limit_bytes:,} bytes when inflated", "more")
    return content


def _root_file(container: bytes, name: str) -> str:
    """Path of the first MusicXML document that the container names."""
    paths: list[str] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag.rpartition(":")[2] == "rootfile" and attributes.get("media-type", "") in MUSICXML_TYPES:
            paths.append(attributes.get("full-path", ""))

    def end(_tag: str) -> None:
        pass

    XmlReader(container, f"{name} ({CONTAINER})").read(start, end)
    if not paths:
        raise refusal(name, CONTAINER, "a rootfile of MusicXML", "none")
    return paths[0]
