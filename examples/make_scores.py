"""Writes the two example scores: `python examples/make_scores.py`.

Both tunes are old and free: "Old Hundredth" (Geneva 1551, ascribed to Loys Bourgeois; words by William Kethe, 1561) and the
"Ode to Joy" (Ludwig van Beethoven, 1824; words by Friedrich Schiller, 1785). The settings are our own and under the licence
of the project. Music is typed as text: a pitch and its length in eighths ("F#4:3"), "_" joins two notes to one syllable.
"""

import re
from pathlib import Path
from xml.sax.saxutils import escape

DIVISIONS = 2  # an eighth is one division
TYPES = {1: "<type>eighth</type>", 2: "<type>quarter</type>", 3: "<type>quarter</type><dot/>", 4: "<type>half</type>"}
TYPES |= {6: "<type>half</type><dot/>", 8: "<type>whole</type>"}

OLD_HUNDREDTH_WORDS = (
    "All peo- ple that on earth do dwell, Sing to the Lord with cheer- ful voice; "
    "Him serve with fear, his praise forth tell, Come ye be- fore him and re- joice."
)
# One bar a column; a note without a length is a quarter; "!" is a fermata.
OLD_HUNDREDTH = {
    ("Soprano", "G", 2, 53): "G4 | G4 F#4 E4 D4 | G4 A4 B4! B4 | B4 B4 A4 G4 | C5 B4 A4! G4"
    " | A4 B4 A4 G4 | E4 F#4 G4! D5 | B4 G4 A4 C5 | B4 A4 G4!",
    ("Alto", "G", 2, 53): "D4 | D4 D4 B3 B3 | B3 D4 D4! G4 | G4 G4 F#4 E4 | G4 G4 F#4! D4"
    " | D4 G4 F#4 E4 | C4 D4 D4! G4 | D4 E4 D4 D4 | D4 D4 B3!",
    ("Tenor", "G-8", 2, 53): "B3 | B3 A3 G3 F#3 | G3 F#3 G3! D4 | D4 D4 D4 B3 | C4 D4 D4! B3"
    " | D4 D4 D4 B3 | A3 A3 B3! B3 | G3 B3 A3 A3 | G3 F#3 G3!",
    ("Bass", "F", 4, 53): "G3 | G3 D3 E3 B2 | E3 D3 G2! G3 | G3 B2 D3 E3 | E3 G3 D3! G3"
    " | F#3 G3 D3 E3 | A3 D3 G2! G2 | G3 E3 F#3 F#3 | G3 D3 G2!",
}

ODE_WORDS = (
    "Freu- de, schö- ner Göt- ter- fun- ken, Toch- ter aus E- ly- si- um, "
    "wir be- tre- ten feu- er- trun- ken, Himm- li- sche, dein Hei- lig- tum! "
    "Dei- ne Zau- ber bin- den wie- der, was die Mo- de streng ge- teilt; "
    "al- le Men- schen wer- den Brü- der, wo dein sanf- ter Flü- gel weilt."
)
ODE_PHRASE = "F#4 F#4 G4 A4 | A4 G4 F#4 E4 | D4 D4 E4 F#4"
ODE_VOICE = (
    f"{ODE_PHRASE} | F#4:3 E4:1 E4:4 | {ODE_PHRASE} | E4:3 D4:1 D4:4 | E4 E4 F#4 D4 | E4 F#4:1 _G4:1 F#4 D4"
    f" | E4 F#4:1 _G4:1 F#4 E4 | D4 E4 A3:4 | {ODE_PHRASE} | E4:3 D4:1 D4:4"
)
# Right hand of the piano: a broken chord in eighths for every two quarters, or its first half for one.
BROKEN = {
    "D": "A3:1 F#4:1 D4:1 F#4:1",
    "A": "A3:1 E4:1 C#4:1 E4:1",
    "A7": "G3:1 E4:1 C#4:1 E4:1",
    "A/C#": "G3:1 E4:1 A3:1 E4:1",
    "F#7": "F#3:1 E4:1 C#4:1 E4:1",
    "a": "G3:1 E4:1",
    "d": "A3:1 F#4:1",
    "b": "F#3:1 D4:1",
    "e": "B3:1 D4:1",
    "end": "F#3:4",
}
ODE_CHORDS = (
    "D D | A7 A7 | D a d | D A | D D | A7 A7 | D a d | A7 D | A/C# D | A/C# D | A F#7 | b e A | D D | A7 A7 | D a d | A7 end"
)
ODE_BASS = (
    "D3:4 F#3:4 | E3:4 A2:4 | D3:4 C#3 D3 | A2:4 A2:4 | D3:4 F#3:4 | E3:4 A2:4 | D3:4 C#3 D3 | A2:4 D3:4 | C#3:4 D3:4"
    " | C#3:4 D3:4 | A2:4 A#2:4 | B2 G#2 A2:4 | D3:4 F#3:4 | E3:4 A2:4 | D3:4 C#3 D3 | A2:4 D3:4"
)

Bar = list[tuple[str, int, bool, bool]]  # pitch, eighths, fermata, whether it continues a syllable


def bars_of(text: str) -> list[Bar]:
    """The notes of a line of music, bar by bar."""
    bars: list[Bar] = []
    for bar in text.split("|"):
        found = [re.fullmatch(r"(_?)([A-G]#?\d)(?::(\d))?(!?)", word) for word in bar.split()]
        bars.append([(n[2], int(n[3] or 2), bool(n[4]), bool(n[1])) for n in found if n])
        assert all(found), bar
    return bars


def lyric(words: list[str], inside: bool) -> tuple[str, bool]:
    """The <lyric> of the next syllable, and whether its word goes on after it."""
    syllable = words.pop(0)
    goes_on = syllable.endswith("-")
    kind = {(False, False): "single", (False, True): "begin", (True, True): "middle", (True, False): "end"}[inside, goes_on]
    return f"<lyric><syllabic>{kind}</syllabic><text>{escape(syllable.rstrip('-'))}</text></lyric>", goes_on


def note(pitch: str, eighths: int, voice: int, staff: int | None, sharps: set[str], beam: str, notations: str, words: str) -> str:
    """One <note>, with a sharp where the key does not have it."""
    step, sharp, octave = pitch[0], pitch[1:-1], pitch[-1]
    assert sharp or f"{step}#" not in sharps, f"naturals against the key are not written: {pitch}"
    alter = "<alter>1</alter>" if sharp else ""
    accidental = "<accidental>sharp</accidental>" if sharp and f"{step}#" not in sharps else ""
    where = f"<staff>{staff}</staff>" if staff else ""
    beamed = f'<beam number="1">{beam}</beam>' if beam else ""
    marks = f"<notations>{notations}</notations>" if notations else ""
    return (
        f"      <note><pitch><step>{step}</step>{alter}<octave>{octave}</octave></pitch><duration>{eighths}</duration>"
        f"<voice>{voice}</voice>{TYPES[eighths]}{accidental}{where}{beamed}{marks}{words}</note>\n"
    )


def beams(bar: Bar) -> list[str]:
    """What the beam does at each note: eighths of one half of a bar hang together."""
    onset = 0
    halves: list[int | None] = []  # the half that an eighth lies in, None for longer notes
    for _, eighths, _, _ in bar:
        halves.append(onset // 4 if eighths == 1 else None)
        onset += eighths
    names = {(False, True): "begin", (True, True): "continue", (True, False): "end", (False, False): ""}
    around = [None, *halves, None]
    return [
        names[here is not None and around[i] == here, here is not None and around[i + 2] == here] for i, here in enumerate(halves)
    ]


def staff_bar(bar: Bar, voice: int, staff: int | None, sharps: set[str], words: list[str], inside: list[bool]) -> str:
    """The notes of one bar of one staff."""
    text = ""
    for index, ((pitch, eighths, fermata, continues), beam) in enumerate(zip(bar, beams(bar), strict=True)):
        marks = '<slur type="stop"/>' if continues else ""
        if index + 1 < len(bar) and bar[index + 1][3]:
            marks += '<slur type="start"/>'
        sung = ""
        if words and not continues:
            sung, inside[0] = lyric(words, inside[0])
        text += note(pitch, eighths, voice, staff, sharps, beam, marks + ("<fermata/>" if fermata else ""), sung)
    return text


def clef_xml(clef: str, line: int, number: int | None = None) -> str:
    """A <clef>; "G-8" sounds an octave lower."""
    change = "<clef-octave-change>-1</clef-octave-change>" if clef.endswith("-8") else ""
    which = f' number="{number}"' if number else ""
    return f"<clef{which}><sign>{clef[0]}</sign><line>{line}</line>{change}</clef>"


def part_xml(part: str, staves: list[tuple[str, int, list[Bar]]], fifths: int, quarters_per_minute: int, words: str) -> str:
    """One <part>: every bar with its staves one after the other."""
    sharps = {f"{step}#" for step in "FCGDAEB"[:fifths]}
    several = len(staves) > 1
    left = words.split()
    inside = [False]
    text = f'  <part id="{part}">\n'
    bars = len(staves[0][2])
    pickup = sum(n[1] for n in staves[0][2][0]) < 8
    for index in range(bars):
        number = index if pickup else index + 1
        text += f'    <measure number="{number}"{" implicit=" + chr(34) + "yes" + chr(34) if number == 0 else ""}>\n'
        if index == 0:
            clefs = "".join(clef_xml(c, line, n if several else None) for n, (c, line, _) in enumerate(staves, start=1))
            text += (
                f"      <attributes><divisions>{DIVISIONS}</divisions><key><fifths>{fifths}</fifths><mode>major</mode></key>"
                f"<time><beats>4</beats><beat-type>4</beat-type></time>"
                f"{f'<staves>{len(staves)}</staves>' if several else ''}{clefs}</attributes>\n"
            )
            if part == "P1":
                text += (
                    '      <direction placement="above"><direction-type><metronome><beat-unit>quarter</beat-unit>'
                    f"<per-minute>{quarters_per_minute}</per-minute></metronome></direction-type>"
                    f'<sound tempo="{quarters_per_minute}"/></direction>\n'
                )
        for staff, (_, _, lines) in enumerate(staves, start=1):
            if staff > 1:
                text += f"      <backup><duration>{sum(n[1] for n in staves[0][2][index])}</duration></backup>\n"
            text += staff_bar(lines[index], 1 if staff == 1 else 5, staff if several else None, sharps, left, inside)
        if index == bars - 1:
            text += '      <barline location="right"><bar-style>light-heavy</bar-style></barline>\n'
        text += "    </measure>\n"
    assert not left, left
    return text + "  </part>\n"


def score_xml(title: str, composer: str, poet: str, parts: list[tuple[str, int, str]]) -> str:
    """The whole file; parts are (name, General MIDI program from 1, the <part> element)."""
    listed = "".join(
        f'    <score-part id="P{n}"><part-name>{name}</part-name><score-instrument id="P{n}-I1"><instrument-name>{name}'
        f'</instrument-name></score-instrument><midi-instrument id="P{n}-I1"><midi-channel>{n}</midi-channel>'
        f"<midi-program>{program}</midi-program></midi-instrument></score-part>\n"
        for n, (name, program, _) in enumerate(parts, start=1)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
        '"http://www.musicxml.org/dtds/partwise.dtd">\n'
        '<score-partwise version="4.0">\n'
        f"  <work><work-title>{title}</work-title></work>\n"
        f'  <identification>\n    <creator type="composer">{composer}</creator>\n    <creator type="lyricist">{poet}</creator>\n'
        "    <rights>Setting: Partimento, Apache-2.0; tune and words are in the public domain</rights>\n  </identification>\n"
        f"  <part-list>\n{listed}  </part-list>\n{''.join(text for _, _, text in parts)}</score-partwise>\n"
    )


def old_hundredth() -> str:
    """The chorale: four voices on four staves, with a pickup."""
    parts = []
    for number, ((name, clef, line, program), music) in enumerate(OLD_HUNDREDTH.items(), start=1):
        words = OLD_HUNDREDTH_WORDS if number == 1 else ""
        parts.append((name, program, part_xml(f"P{number}", [(clef, line, bars_of(music))], 1, 84, words)))
    return score_xml("Old Hundredth", "Loys Bourgeois", "William Kethe", parts)


def ode_to_joy() -> str:
    """The song: a voice over broken chords of a piano on two staves."""
    right = " | ".join(" ".join(BROKEN[chord] for chord in bar.split()) for bar in ODE_CHORDS.split("|"))
    voice = part_xml("P1", [("G", 2, bars_of(ODE_VOICE))], 2, 120, ODE_WORDS)
    piano = part_xml("P2", [("G", 2, bars_of(right)), ("F", 4, bars_of(ODE_BASS))], 2, 120, "")
    return score_xml("Ode to Joy", "Ludwig van Beethoven", "Friedrich Schiller", [("Voice", 54, voice), ("Piano", 1, piano)])


if __name__ == "__main__":
    folder = Path(__file__).parent
    (folder / "old-hundredth.musicxml").write_text(old_hundredth(), encoding="utf-8")
    (folder / "ode-to-joy.musicxml").write_text(ode_to_joy(), encoding="utf-8")
