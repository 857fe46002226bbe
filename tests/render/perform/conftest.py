from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from corpora.files import parse_piece
from corpora.piece import Piece

DIVISIONS = 24
QUARTERS = {"whole": 4.0, "half": 2.0, "quarter": 1.0, "eighth": 0.5, "16th": 0.25, "32nd": 0.125}


@pytest.fixture(scope="session")
def note() -> Callable[..., str]:
    """A ``<note>``: note("C4", "quarter", notations="<fermata/>"); "rest" for a rest; a "#" or "b" after the step alters."""

    def build(
        pitch: str,
        value: str = "quarter",
        *,
        notations: str = "",
        chord: bool = False,
        grace: str = "",
        voice: int = 1,
        staff: int = 0,
        tie: Sequence[str] = (),
        lyric: str = "",
    ) -> str:
        alter = {"#": 1, "b": -1}.get(pitch[1:2], 0)
        step, octave = pitch[0], pitch[-1]
        height = (
            f"<pitch><step>{step}</step><alter>{alter}</alter><octave>{octave}</octave></pitch>" if pitch != "rest" else "<rest/>"
        )
        length = "" if grace else f"<duration>{round(QUARTERS[value] * DIVISIONS)}</duration>"
        head = {"": "", "plain": "<grace/>", "slashed": '<grace slash="yes"/>'}[grace]
        ties = "".join(f'<tie type="{kind}"/>' for kind in tie)
        tail = f"<staff>{staff}</staff>" if staff else ""
        marks = f"<notations>{notations}</notations>" if notations else ""
        sung = f"<lyric><text>{lyric}</text></lyric>" if lyric else ""
        return (
            f"<note>{head}{'<chord/>' if chord else ''}{height}{length}{ties}<voice>{voice}</voice>"
            f"<type>{value}</type>{tail}{marks}{sung}</note>"
        )

    return build


@pytest.fixture(scope="session")
def direction() -> Callable[..., str]:
    """A ``<direction>``: direction("<wedge type='crescendo'/>", sound='tempo="60"')."""

    def build(content: str, sound: str = "", staff: int = 0) -> str:
        said = f"<sound {sound}/>" if sound else ""
        where = f"<staff>{staff}</staff>" if staff else ""
        return f"<direction><direction-type>{content}</direction-type>{where}{said}</direction>"

    return build


@pytest.fixture(scope="session")
def words(direction: Callable[..., str]) -> Callable[[str], str]:
    return lambda text: direction(f"<words>{text}</words>")


@pytest.fixture(scope="session")
def mark(direction: Callable[..., str]) -> Callable[[str], str]:
    return lambda name: direction(f"<dynamics><{name}/></dynamics>")


@pytest.fixture(scope="session")
def score() -> Callable[..., Piece]:
    """A piece out of parts (name -> bars, each the content of a measure)."""

    def build(
        bars: Sequence[str] | dict[str, Sequence[str]], *, beats: int = 4, beat_type: int = 4, fifths: int = 0, staves: int = 1
    ) -> Piece:
        parts = bars if isinstance(bars, dict) else {"Violin": bars}
        attributes = (
            f"<attributes><divisions>{DIVISIONS}</divisions><key><fifths>{fifths}</fifths></key>"
            f"<time><beats>{beats}</beats><beat-type>{beat_type}</beat-type></time><staves>{staves}</staves></attributes>"
        )
        heads = "".join(
            f'<score-part id="P{index}"><part-name>{name}</part-name></score-part>' for index, name in enumerate(parts, 1)
        )
        bodies = "".join(
            f'<part id="P{index}">'
            + "".join(
                f'<measure number="{number}">{attributes if number == 1 else ""}{content}</measure>'
                for number, content in enumerate(content_of_bars, 1)
            )
            + "</part>"
            for index, content_of_bars in enumerate(parts.values(), 1)
        )
        text = f'<score-partwise version="4.0"><part-list>{heads}</part-list>{bodies}</score-partwise>'
        return parse_piece(text.encode(), "score.musicxml")

    return build
