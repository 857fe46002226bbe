"""The doors for scores in plain text: Humdrum ``**kern`` and ABC.

Neither is parsed here as music; that happens in a child process. What is bounded is what makes parsers run away: length of lines,
number of spines, notes and voices, and every number that stands for a length of time.

Sources: the Humdrum user guide (https://www.humdrum.org/guide/) and the ABC standard 2.1 (https://abcnotation.com/wiki/abc:standard:v2.1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from corpora.gate.refusal import refusal

__all__ = ["MAX_ABC_BYTES", "MAX_KERN_BYTES", "TextScoreExtent", "check_abc", "check_kern"]

MAX_KERN_BYTES: Final = 16 << 20
MAX_ABC_BYTES: Final = 2 << 20
MAX_LINES: Final = 200_000
MAX_LINE_CHARACTERS: Final = 20_000
MAX_SPINES: Final = 256
MAX_TEXT_NOTES: Final = 200_000
MAX_TOKEN_CHARACTERS: Final = 2_000
MAX_EXPANSION: Final = 256  # section labels in one *>[...]
MAX_TUNES: Final = 2_000  # tune books come in one file
MAX_VOICES: Final = 64

CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
KERN_NOTE: Final = re.compile(r"[a-gA-Gr]")
RECIPROCAL: Final = re.compile(r"(\d+)(?:%(\d+))?(\.*)")
KERN_METER: Final = re.compile(r"\*M(\d+(?:\+\d+)*)(?:/(\d+)(?:%(\d+))?)?")
KERN_TEMPO: Final = re.compile(r"\*MM\[?(\d+(?:\.\d+)?)")
ABC_FIELD: Final = re.compile(r"([A-Za-z+]):(.*)")
ABC_INLINE: Final = re.compile(r"\[([A-Za-z]):([^\]]*)\]")
ABC_COMMENT: Final = re.compile(r"(?<!\\)%.*")
ABC_QUOTED: Final = re.compile(r'"[^"]*"|![^!]*!')
ABC_NOTE: Final = re.compile(r"[A-Ga-gz]")
ABC_LONG_NUMBER: Final = re.compile(r"\d{4,}")
ABC_MANY_REPEATS: Final = re.compile(r":{5,}|/{7,}|'{5,}|,{5,}|\^{3,}|_{3,}|>{4,}|<{4,}")
ABC_TUPLET: Final = re.compile(r"\((\d+)(?::(\d*))?(?::(\d*))?")
ABC_FRACTION: Final = re.compile(r"1(?:/(1|2|4|8|16|32|64|128|256|512))?")
ABC_MUSIC_FIELDS: Final = frozenset("IKLMmNPQRrSsTUVWwX+ABCDFGHOZ")


@dataclass(frozen=True)
class TextScoreExtent:
    """What a checked text score holds.

    Args:
        lines: Number of lines.
        voices: Most spines on a line (kern), or the voices declared (ABC; 1 when none is).
        notes: Notes and rests, counted roughly: what might be one counts.
    """

    lines: int
    voices: int
    notes: int


def check_kern(data: bytes, name: str) -> TextScoreExtent:
    """Check a Humdrum file with at least one ``**kern`` spine.

    Args:
        data: The whole file, UTF-8 or Latin-1.
        name: File name for messages.

    Raises:
        InputError: Its spines do not add up, a note value, meter or tempo is out of range, or it passes a limit: 16 MiB, 200,000
            lines of 20,000 characters, 256 spines, 200,000 notes.
    """
    lines = _lines(data, name, MAX_KERN_BYTES)
    spines: list[str] = []
    most, notes, has_kern = 0, 0, False
    for number, line in enumerate(lines, 1):
        place = f"line {number}"
        if not line.strip() or line.startswith("!!"):
            continue
        tokens = line.split("\t")
        if not spines:
            if not all(token.startswith("**") and len(token) > 2 for token in tokens):
                raise refusal(name, place, "a line of exclusive interpretations (**kern ...)", f"'{line}'")
            spines = [token[2:] for token in tokens]
            has_kern = has_kern or "kern" in spines
            continue
        if len(tokens) != len(spines):
            raise refusal(name, place, f"{len(spines)} spines", len(tokens))
        if tokens[0].startswith("*"):
            for token in tokens:
                _check_kern_interpretation(token, name, place)
            spines = _next_spines(spines, tokens, name, place)
            most = max(most, len(spines))
            if most > MAX_SPINES:
                raise refusal(name, place, f"at most {MAX_SPINES} spines", len(spines))
        elif not tokens[0].startswith(("!", "=")):
            for spine, token in zip(spines, tokens, strict=True):
                if spine == "kern" and token != ".":
                    notes += _check_kern_token(token, name, place)
            if notes > MAX_TEXT_NOTES:
                raise refusal(name, place, f"at most {MAX_TEXT_NOTES:,} notes", "more")
        most = max(most, len(tokens))
    if not has_kern:
        raise refusal(name, "", "a **kern spine", "none")
    if spines:
        raise refusal(name, f"line {len(lines)}", "all spines ended by *-", f"{len(spines)} open (truncated?)")
    return TextScoreExtent(len(lines), most, notes)


def check_abc(data: bytes, name: str) -> TextScoreExtent:
    """Check a file of ABC tunes.

    Args:
        data: The whole file, UTF-8 or Latin-1.
        name: File name for messages.

    Raises:
        InputError: It has no tune with a key, asks for another file or macros, holds a number out of range, or passes a limit:
            2 MiB, 200,000 lines of 20,000 characters, 2,000 tunes, 64 voices, 200,000 notes.
    """
    lines = _lines(data, name, MAX_ABC_BYTES)
    tunes, notes, has_key, in_tune = 0, 0, False, False
    voices: set[str] = set()
    for number, raw in enumerate(lines, 1):
        place = f"line {number}"
        if raw.startswith("%%") or raw.startswith("I:"):
            if "include" in raw:
                raise refusal(name, place, "music in this file", f"'{raw}'")
            continue
        line = ABC_COMMENT.sub("", raw)
        field = ABC_FIELD.match(line)
        if not raw.strip():
            in_tune = False  # what follows an empty line, up to the next X:, is no music
        if field and field[1] in ABC_MUSIC_FIELDS:
            tunes += field[1] == "X"
            in_tune = in_tune or field[1] == "X"
            has_key = has_key or field[1] == "K"
            _check_abc_field(field[1], field[2].strip(), voices, name, place)
        elif in_tune:
            for inline in ABC_INLINE.finditer(line):
                _check_abc_field(inline[1], inline[2].strip(), voices, name, place)
            notes += _check_abc_music(ABC_QUOTED.sub("", ABC_INLINE.sub("", line)), name, place)
        if tunes > MAX_TUNES or len(voices) > MAX_VOICES or notes > MAX_TEXT_NOTES:
            raise refusal(name, place, f"at most {MAX_TUNES:,} tunes, {MAX_VOICES} voices, {MAX_TEXT_NOTES:,} notes", "more")
    if not tunes or not has_key:
        raise refusal(name, "", "a tune with X: and K: fields", "none")
    return TextScoreExtent(len(lines), max(1, len(voices)), notes)


def _lines(data: bytes, name: str, limit_bytes: int) -> list[str]:
    """The lines of a text without control characters."""
    if len(data) > limit_bytes:
        raise refusal(name, "", f"at most {limit_bytes:,} bytes", f"{len(data):,}")
    body = data.removeprefix(b"\xef\xbb\xbf")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        text = body.decode("latin-1")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if len(lines) > MAX_LINES:
        raise refusal(name, "", f"at most {MAX_LINES:,} lines", f"{len(lines):,}")
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE_CHARACTERS:
            raise refusal(name, f"line {number}", f"at most {MAX_LINE_CHARACTERS:,} characters", f"{len(line):,}")
        control = CONTROLS.search(line)
        if control:
            raise refusal(name, f"line {number}", "text", f"control character {ord(control[0]):#04x}")
    return lines


def _next_spines(spines: list[str], tokens: list[str], name: str, place: str) -> list[str]:
    """The spines after a line of interpretations with their path operators: *- *+ *^ *v *x and new ** ones."""
    result: list[str] = []
    index = 0
    if tokens.count("*x") not in (0, 2):
        raise refusal(name, place, "two *x", tokens.count("*x"))
    while index < len(tokens):
        token, spine = tokens[index], spines[index]
        if token == "*v":
            run = index
            while run < len(tokens) and tokens[run] == "*v" and spines[run] == spine:
                run += 1
            if run == index + 1:
                raise refusal(name, place, "two or more *v side by side", "one")
            index = run - 1
        if token.startswith("**"):
            spine = token[2:]
        if token != "*-":
            result.append(spine)
        if token in ("*^", "*+"):
            result.append(spine)
        index += 1
    return result


def _check_kern_interpretation(token: str, name: str, place: str) -> None:
    if not token.startswith("*"):
        raise refusal(name, place, "interpretations in all spines", f"'{token}'")
    meter = KERN_METER.fullmatch(token)
    if meter:
        beats = [int(part[:6]) for part in meter[1].split("+")]
        unit = int((meter[2] or "4")[:6])
        if len(beats) > 16 or not all(1 <= beat <= 128 for beat in beats) or not 0 <= unit <= 64:
            raise refusal(name, place, "a meter of 1 to 128 beats", f"'{token}'")
    tempo = KERN_TEMPO.match(token)
    if tempo and not 1 <= float(tempo[1][:20]) <= 2000:
        raise refusal(name, place, "a tempo of 1 to 2000", f"'{token}'")
    if token.startswith("*>") and token.count(",") >= MAX_EXPANSION:
        raise refusal(name, place, f"at most {MAX_EXPANSION} sections in an expansion", token.count(",") + 1)


def _check_kern_token(token: str, name: str, place: str) -> int:
    """Check the note values in a data token; returns how many notes it may hold."""
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise refusal(name, place, f"a token of at most {MAX_TOKEN_CHARACTERS:,} characters", f"{len(token):,}")
    notes = 0
    for note in token.split(" "):
        for number, divided, dots in RECIPROCAL.findall(note):
            too_long = len(number) > 4 or len(divided) > 4 or len(dots) > 4
            if too_long or int(number) > 2048 or (divided and not 0 < int(divided) <= 64 * max(1, int(number))):
                raise refusal(name, place, "a note value of at most 64 whole notes and at least 1/2048", f"'{note}'")
        notes += KERN_NOTE.search(note) is not None
    return notes


def _check_abc_field(field: str, text: str, voices: set[str], name: str, place: str) -> None:
    expected = ""
    if field == "L" and not ABC_FRACTION.fullmatch(text):
        expected = "a unit note length from 1/1 to 1/512"
    elif field == "M" and not all(len(n) <= 3 and 1 <= int(n) <= 128 for n in re.findall(r"\d+", text)):
        expected = "a meter of 1 to 128 beats"
    elif field == "Q" and not all(
        len(n) <= 6 and 0 < float(n) <= 2000 for n in re.findall(r"\d+(?:\.\d+)?", re.sub('"[^"]*"', "", text))
    ):
        expected = "a tempo of 1 to 2000"
    elif field == "X" and not re.fullmatch(r"\d{1,9}", text):
        expected = "a tune number"
    elif field in "mU":
        expected = "music without macros"
    if expected:
        raise refusal(name, place, expected, f"'{field}:{text}'")
    if field == "V" and text:
        voices.add(text.split()[0])


def _check_abc_music(line: str, name: str, place: str) -> int:
    """Check a line of music without its fields and quoted texts; returns how many notes and rests it may hold."""
    long_number = ABC_LONG_NUMBER.search(line)
    if long_number:
        raise refusal(name, place, "numbers of at most 3 digits", f"'{long_number[0]}'")
    repeated = ABC_MANY_REPEATS.search(line)
    if repeated:
        raise refusal(name, place, "signs that are repeated a few times at most", f"'{repeated[0]}'")
    for tuplet in ABC_TUPLET.finditer(line):
        if not all(1 <= int(part) <= 64 for part in tuplet.groups() if part):
            raise refusal(name, place, "a tuplet of 1 to 64 notes", f"'{tuplet[0]}'")
    for rests in re.findall(r"[ZX](\d+)", line):
        if int(rests) > 500:
            raise refusal(name, place, "at most 500 bars of rest", rests)
    return len(ABC_NOTE.findall(line))
