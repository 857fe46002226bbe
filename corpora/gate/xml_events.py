"""XML from outside, read by expat as a stream, with everything refused that is an attack and not music.

A DOCTYPE that names an outside DTD is let through, as every MusicXML file has one, and never fetched. Declarations inside the
DOCTYPE (entities, default attributes) are refused, and so are entity references, foreign encodings, deep nesting and endless texts.
The rules are those of defusedxml (entities and external references forbidden, DOCTYPE allowed) and stricter; expat is driven here
directly since a score of 25 MB is then checked in a second or two, in constant memory, and refusals know their line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final
from xml.parsers import expat

from corpora.errors import InputError
from corpora.gate.refusal import refusal

__all__ = ["MAX_DEPTH", "MAX_ELEMENTS", "MAX_TEXT_BYTES", "MAX_XML_BYTES", "XmlReader"]

MAX_XML_BYTES: Final = 40 << 20  # the longest score in the packs has 26.5 MB
MAX_DEPTH: Final = 64
MAX_ELEMENTS: Final = 1_200_000  # that score has 700,000
MAX_TEXT_BYTES: Final = 100_000
MAX_ATTRIBUTES: Final = 64
ENCODINGS: Final = frozenset({"utf-8", "utf8", "utf-16", "us-ascii", "ascii", "iso-8859-1", "iso-8859-15", "windows-1252"})
LONG_TEXT: Final = re.compile(rb">[^<]{%d}" % MAX_TEXT_BYTES)  # linear, as each search begins at a ">"

Start = Callable[[str, dict[str, str]], None]
End = Callable[[str], None]
Text = Callable[[str], None]


class XmlReader:
    """One reading of one document.

    Args:
        data: The whole document: UTF-8 or UTF-16 (with or without byte order mark), or an encoding of one byte that it declares.
        name: File name for messages.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self.data = data
        self.name = name
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.buffer_size = 1 << 18

    @property
    def line(self) -> int:
        """The line now being read, from 1."""
        return self._parser.CurrentLineNumber

    def refuse(self, expected: str, came: object) -> InputError:
        """The error to raise about the line now being read."""
        return refusal(self.name, f"line {self.line}", expected, came)

    def hear_text(self, text: Text | None) -> None:
        """From here on call ``text`` with each run of character data, or nothing; reading is fastest with nothing."""
        self._parser.CharacterDataHandler = text

    def read(self, start: Start, end: End, tags: frozenset[str] | None = None) -> None:
        """Read the document, calling ``start`` (name, attributes) and ``end`` (name) for its elements.

        With ``tags``, only for elements of these names; ``start`` also for the root and for all that have attributes. That is
        twice as fast.

        Raises:
            InputError: The document is too long, not well formed, or holds what the module forbids; or a handler raised it.
        """
        if len(self.data) > MAX_XML_BYTES:
            raise refusal(self.name, "", f"at most {MAX_XML_BYTES:,} bytes of XML", f"{len(self.data):,}")
        if LONG_TEXT.search(self.data):
            raise refusal(self.name, "", f"texts of at most {MAX_TEXT_BYTES:,} bytes", "a longer one")
        self._forbid_declarations()
        self._follow_elements(start, end, tags)
        try:
            self._parser.Parse(self.data, True)
        except expat.ExpatError as error:
            reason = expat.errors.messages.get(error.code, str(error))
            raise refusal(self.name, f"line {error.lineno}", "well-formed XML", f"'{reason}'") from None
        except (LookupError, ValueError) as error:  # an encoding that Python does not know or that does not fit
            raise self.refuse("text in a known encoding", f"'{error}'") from None

    def _follow_elements(self, start: Start, end: End, tags: frozenset[str] | None) -> None:
        depth = elements = 0

        def on_start(tag: str, attributes: dict[str, str]) -> None:
            nonlocal depth, elements
            depth += 1
            elements += 1
            if depth > MAX_DEPTH:
                raise self.refuse(f"elements at most {MAX_DEPTH} deep", "deeper ones")
            if elements > MAX_ELEMENTS:
                raise self.refuse(f"at most {MAX_ELEMENTS:,} elements", "more")
            if attributes:
                if len(attributes) > MAX_ATTRIBUTES:
                    raise self.refuse(f"at most {MAX_ATTRIBUTES} attributes", len(attributes))
                start(tag, attributes)
            elif tags is None or tag in tags or elements == 1:
                start(tag, attributes)

        def on_end(tag: str) -> None:
            nonlocal depth
            depth -= 1
            if tags is None or tag in tags:
                end(tag)

        self._parser.StartElementHandler = on_start
        self._parser.EndElementHandler = on_end

    def _forbid_declarations(self) -> None:
        def on_doctype(_root: str, _system: str | None, _public: str | None, has_declarations: int) -> None:
            if has_declarations:
                raise self.refuse("a DOCTYPE without declarations of its own", "declarations (entities?)")

        def on_entity(*declaration: object) -> None:
            raise self.refuse("no entity declarations", f"entity {declaration[0]}")

        def on_reference(*reference: object) -> int:
            raise self.refuse("no entity references but &amp; &lt; &gt; &quot; &apos;", f"&{reference[0]};")

        def on_declaration(_version: str, encoding: str | None, _standalone: int) -> None:
            if encoding is not None and encoding.lower() not in ENCODINGS:
                raise self.refuse("UTF-8 or UTF-16 text", f"encoding {encoding}")

        self._parser.StartDoctypeDeclHandler = on_doctype
        self._parser.EntityDeclHandler = on_entity
        self._parser.UnparsedEntityDeclHandler = on_entity
        self._parser.ExternalEntityRefHandler = on_reference
        self._parser.SkippedEntityHandler = on_reference
        self._parser.XmlDeclHandler = on_declaration
