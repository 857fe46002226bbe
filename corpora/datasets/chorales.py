"""The Bach chorales that the installed music21 carries (``corpus/bach``), as four lanes: soprano, alto, tenor, bass.

Files with more parts (instruments doubling or adding to the choir) give their choir. The pieces of the valid and test parts of
the JSB benchmark are told apart by ``jsb_valid_test_bwv.csv``, made by aligning every file with every benchmark piece (closely
related settings are listed too, for caution): a model that is measured on the benchmark trains on split "train" only.

Repeats are not unfolded. The music is in the public domain; music21 states the encodings' sources in its corpus.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np
from defusedxml import ElementTree

from corpora.errors import InputError, ToolError
from corpora.musicxml import read_musicxml
from corpora.musicxml.walker import walk
from corpora.piece import Part, Piece

__all__ = ["Chorale", "ChoraleSplit", "bach_chorales", "chorale_files", "chorale_split", "read_chorale", "skipped_chorales"]

ChoraleSplit = Literal["train", "held_out", "valid", "test", "all"]

VOICES = ("Soprano", "Alto", "Tenor", "Bass")
HELD_OUT_FILE = "jsb_valid_test_bwv.csv"


@dataclass(frozen=True)
class Chorale:
    """A four-part chorale.

    Args:
        name: File name without suffix, for example "bwv10.7".
        split: "train", "valid" or "test".
        piece: Four lanes, soprano first. Its ``source`` is None where other parts were left out.
        fermatas: Onsets in divs of the notes under fermatas, increasing: the phrase ends. The soprano's where it has any, else
            those of all four voices; empty where the edition has none.
    """

    name: str
    split: str
    piece: Piece
    fermatas: tuple[int, ...]


@cache
def _held_out() -> dict[str, str]:
    """File stem to "valid" or "test"; a file that is listed for both counts as test."""
    text = files("corpora.datasets").joinpath(HELD_OUT_FILE).read_text(encoding="utf-8")
    split_of: dict[str, str] = {}
    for row in csv.DictReader(io.StringIO(text)):
        stem = row["bwv_file"].rpartition(".")[0]
        split_of[stem] = "test" if "test" in (row["split"], split_of.get(stem)) else row["split"]
    return split_of


def chorale_split(path: str | Path) -> str:
    """Split of a chorale file by its name: "valid", "test", or "train" for what is in neither."""
    return _held_out().get(Path(path).stem, "train")


def chorale_files(split: ChoraleSplit = "all") -> list[Path]:
    """The MusicXML files of ``corpus/bach`` by name, also those that ``bach_chorales`` skips.

    Args:
        split: "held_out" means valid and test.

    Raises:
        ToolError: music21 is not installed.
    """
    spec = find_spec("music21")  # its folder is all we need: importing it takes seconds
    if spec is None or not spec.submodule_search_locations:
        raise ToolError("the chorales come with music21, which is not installed")
    folder = Path(spec.submodule_search_locations[0], "corpus", "bach")
    wanted = {"held_out": {"valid", "test"}, "all": {"train", "valid", "test"}}.get(split, {split})
    return [path for path in sorted(folder.iterdir()) if path.suffix in (".mxl", ".xml") and chorale_split(path) in wanted]


def _musicxml(path: Path) -> bytes:
    """The MusicXML text of a .mxl or .xml file."""
    if path.suffix == ".xml":
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        rootfile = ElementTree.fromstring(archive.read("META-INF/container.xml")).find(".//{*}rootfile")
        return archive.read(rootfile.attrib["full-path"] if rootfile is not None else "")


def _choir(parts: tuple[Part, ...]) -> list[int]:
    """Lanes of soprano, alto, tenor and bass, by the first word of their names."""
    found = [[lane for lane, part in enumerate(parts) if part.name.split()[:1] == [voice]] for voice in VOICES]
    if any(len(lanes) != 1 for lanes in found):
        raise InputError(f"expected one part each for {', '.join(VOICES)}, came {', '.join(part.name for part in parts)}")
    return [lane for lanes in found for lane in lanes]


def _only_lanes(piece: Piece, lanes: list[int]) -> Piece:
    """The piece with these lanes alone, in this order."""
    if lanes == list(range(len(piece.parts))):
        return piece
    new_lane = np.full(len(piece.parts), -1)
    new_lane[lanes] = range(len(lanes))
    notes = piece.notes[np.isin(piece.notes["part"], lanes)].copy()
    notes["part"] = new_lane[notes["part"]]
    return replace(piece, parts=tuple(piece.parts[lane] for lane in lanes)).with_notes(notes)


def _fermatas(data: bytes, parts: tuple[Part, ...], name: str) -> tuple[int, ...]:
    """Onsets of notes under fermatas: the first lane's if it has any, else all lanes'."""
    document = walk(data, name)
    onsets_of: dict[str, set[int]] = {part.key: set() for part in parts}
    for part in document.parts:
        if part.key not in onsets_of:
            continue
        for start, measure in zip(document.starts, part.measures, strict=False):
            for item in measure.items:
                if item.kind == "note" and item.element.find("notations/fermata") is not None:
                    onsets_of[part.key].add(start + item.onset)
    return tuple(sorted(onsets_of[parts[0].key] or set().union(*onsets_of.values())))


def read_chorale(path: str | Path) -> Chorale:
    """One file of ``chorale_files``.

    Raises:
        InputError: the file cannot be read, has no four-part choir, or a voice has several notes at once; the message says why.
    """
    path = Path(path)
    try:
        data = _musicxml(path)
    except (OSError, KeyError, AttributeError, zipfile.BadZipFile, ElementTree.ParseError) as error:
        raise InputError(f"{path.name}: {error}") from None
    whole = read_musicxml(data, path.name)
    try:
        piece = _only_lanes(whole, _choir(whole.parts))
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from None
    for lane, part in enumerate(piece.parts):
        notes = piece.notes[piece.notes["part"] == lane]
        if not len(notes):
            raise InputError(f"{path.name}: {part.name} has no notes")
        if (notes["onset_div"][1:] < (notes["onset_div"] + notes["duration_div"])[:-1]).any():
            raise InputError(f"{path.name}: {part.name} has several notes at once")
    return Chorale(path.stem, chorale_split(path), piece, _fermatas(data, piece.parts, path.name))


def bach_chorales(split: ChoraleSplit = "all") -> Iterator[Chorale]:
    """The four-part chorales of a split, by file name; ``skipped_chorales`` tells which files are not among them.

    Args:
        split: "train", "valid", "test", "held_out" (valid and test) or "all".
    """
    for path in chorale_files(split):
        try:
            yield read_chorale(path)
        except InputError:
            continue


def skipped_chorales(split: ChoraleSplit = "all") -> dict[str, str]:
    """The files that ``bach_chorales`` leaves out, each with its reason."""
    reasons: dict[str, str] = {}
    for path in chorale_files(split):
        try:
            read_chorale(path)
        except InputError as error:
            reasons[path.name] = str(error)
    return reasons
