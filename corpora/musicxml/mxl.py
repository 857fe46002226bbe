"""Compressed MusicXML: puts a score's text into a new .mxl, or back into the one that it came out of.

Source: MusicXML 4.0, "Compressed .MXL files": a zip whose ``META-INF/container.xml`` names the score as its first ``rootfile``.
"""

from __future__ import annotations

import io
import zipfile
from xml.etree import ElementTree

from corpora.errors import InputError

__all__ = ["pack_mxl", "repack_mxl", "score_member"]

CONTAINER_PATH = "META-INF/container.xml"
MEDIA_TYPE = "application/vnd.recordare.musicxml+xml"
SCORE_PATH = "score.musicxml"
# Zip files hold a date; a fixed one makes equal scores equal files.
FIXED_DATE = (1980, 1, 1, 0, 0, 0)
_CONTAINER = f"""<?xml version="1.0" encoding="UTF-8"?>
<container>
  <rootfiles>
    <rootfile full-path="{SCORE_PATH}" media-type="{MEDIA_TYPE}"/>
  </rootfiles>
</container>
"""


def pack_mxl(xml: bytes) -> bytes:
    """A new .mxl file that holds this score; the same text always gives the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in ((CONTAINER_PATH, _CONTAINER.encode()), (SCORE_PATH, xml)):
            info = zipfile.ZipInfo(path, FIXED_DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return out.getvalue()


def repack_mxl(container: bytes, new_xml: bytes) -> bytes:
    """The .mxl file with another score text; all other members keep their data, names, order, dates and compression.

    Raises:
        InputError: The container names no score that it holds.
    """
    out = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(container)) as old, zipfile.ZipFile(out, "w") as new:
            score = _score_of(old)
            new.comment = old.comment
            for info in old.infolist():
                new.writestr(info, new_xml if info.filename == score else old.read(info), info.compress_type)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise InputError(f".mxl file: expected a readable zip: {error}") from error
    return out.getvalue()


def score_member(container: bytes) -> str:
    """Name of the member that holds the score.

    Raises:
        InputError: The container names no score that it holds, or is no zip.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(container)) as archive:
            return _score_of(archive)
    except zipfile.BadZipFile as error:
        raise InputError(f".mxl file: expected a readable zip: {error}") from error


def _score_of(archive: zipfile.ZipFile) -> str:
    names = archive.namelist()
    try:
        root = ElementTree.fromstring(archive.read(CONTAINER_PATH))
    except KeyError:
        raise InputError(f".mxl file: expected a member {CONTAINER_PATH}, got {names[:5]}") from None
    except ElementTree.ParseError as error:
        raise InputError(f".mxl file: {CONTAINER_PATH} is not well-formed: {error}") from error
    # Some writers put the container in a namespace, most do not.
    paths = [element.get("full-path", "") for element in root.iter() if element.tag.rpartition("}")[2] == "rootfile"]
    if not paths or paths[0] not in names:
        raise InputError(f".mxl file: the score {paths[0] if paths else '(none named)'!r} is not in it")
    return paths[0]
