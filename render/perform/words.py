"""What the words over a score ask for: ``parse_words``.

Italian, German, French and English as scores of the eighteenth to twentieth century have them. A text may mean several things
("dim. e rit."); what is negated ("senza rit.") means nothing but is understood. Amounts are relative: 1 as plain, "poco" makes it
0.5, "molto" 1.6. Metronome rates of tempo words are beats a minute, the middle of what metronome makers print.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NamedTuple

__all__ = ["Meaning", "parse_words"]

POCO, MOLTO = 0.5, 1.6


class Meaning(NamedTuple):
    """One thing that is asked for.

    ``kind``: louder, softer, slower, faster (all gradual), held back (at once), a tempo, tempo primo, tempo change (``amount`` is
    a factor), tempo (``amount`` is beats a minute), dynamics (``mark`` says which), pedal, no pedal, una corda, tre corde,
    pizzicato, arco, swing, straight, silent (understood, nothing to do).
    """

    kind: str
    amount: float = 1.0
    mark: str = ""


def _words(*stems: str) -> re.Pattern[str]:
    return re.compile(r"(?<![a-z])(" + "|".join(stems) + ")")


_NEGATED: Final = r"(?<![a-z])(senza|non|ohne|sans|nicht)\s+"
_DIES_AWAY: Final = r"smorz\w*|perdend\w*|morendo|calando|mancando|verlosch\w*|ersterbend"
_KINDS: Final = (
    ("louder", _words(r"cresc\w*", r"cres\b", r"anwachsend", r"rinforzando", r"immer starker", r"en augmentant")),
    ("softer", _words(r"dim\b", r"dimin\w*", r"decres\w*", _DIES_AWAY, r"abnehmend", r"en diminuant", r"immer schwacher")),
    ("held back", _words(r"riten\w*", r"retenu\w*", r"trattenuto", r"gehalten", r"zogernd")),
    (
        "slower",
        _words(
            *(r"rit\b", r"ritard\w*", r"rall\b", r"rallent\w*", r"allarg\w*", r"slarg\w*", r"slent\w*", r"lentando", _DIES_AWAY),
            *(r"cede[zr]?\b", r"ralenti\w*", r"en elargissant", r"elargi\w*"),
            *(r"zuruckhalt\w*", r"langsamer werd\w*", r"nachlass\w*", r"verbreitern\w*", r"breiter werd\w*", r"immer langsamer"),
            *(r"slower and slower", r"becoming slower", r"hold back", r"broaden\w*"),
        ),
    ),
    (
        "faster",
        _words(
            *(r"accel\w*", r"string\b", r"stringen\w*", r"affrett\w*", r"incalzando", r"animando", r"precipitando"),
            *(r"pressez", r"en pressant", r"serrez", r"animez", r"accelerez"),
            *(r"beschleunig\w*", r"drangend", r"schneller werd\w*", r"eilend", r"immer schneller", r"nach und nach bewegter"),
        ),
    ),
    ("tempo primo", _words(r"tempo (primo|1|i\b)", r"(1|i)\W{0,2}o?\W{0,2} ?tempo", r"erstes (zeitmass|tempo)", r"come prima")),
    ("a tempo", _words(r"a tempo", r"in tempo", r"im (tempo|takt)", r"au mouvement", r"mouvement$", r"^tempo\W*$", r"wieder im")),
    ("una corda", _words(r"una corda", r"mit verschiebung", r"sourdine")),
    ("tre corde", _words(r"tre corde", r"tutte le corde", r"ohne verschiebung")),
    ("pedal", _words(r"con ped\w*", r"mit ped\w*", r"with ped\w*", r"sempre ped\w*", r"^ped\W*$")),
    ("no pedal", _words(r"senza ped\w*", r"ohne ped\w*", r"without ped\w*", r"sans ped\w*")),
    ("pizzicato", _words(r"pizz\w*")),
    ("arco", _words(r"arco\b", r"gestrichen")),
    ("straight", _words(r"straight")),
    ("swing", _words(r"swing\w*", r"shuffle")),
)
_FASTER_NOW: Final = _words(
    r"piu (mosso|vivo|vivace|allegro|animato|moto|presto|vite)",
    *(r"plus (vite|anime|vif)", r"(un peu|tres|etwas) anime", r"bewegter", r"schneller", r"rascher", r"lebhafter", r"geschwinder"),
    *(r"(?<!not )faster", r"doppio movimento"),
)
_SLOWER_NOW: Final = _words(
    r"meno (mosso|vivo|allegro|presto)",
    r"piu (lento|adagio|tranquillo|largo|sostenuto)",
    *(r"moins vite", r"plus (lent|calme)", r"langsamer", r"ruhiger", r"breiter", r"slower", r"rather broader"),
)
FASTER_FACTOR, SLOWER_FACTOR = 1.16, 0.86
_RATES: Final = (
    (r"prestissimo", 190.0),
    (r"presto|tres vite", 172.0),
    (r"vivacissimo", 168.0),
    (r"allegro (assai|molto|vivace|con fuoco|con brio)|molto allegro|sehr (schnell|rasch|lebhaft)|tres anime|vif\b", 148.0),
    (r"allegro (moderato|non troppo|ma non troppo|maestoso|tranquillo)|ziemlich (schnell|lebhaft)|nicht zu schnell", 116.0),
    (r"vivace|vivo\b|lebhaft|lively", 144.0),
    (r"allegretto|ziemlich bewegt|nicht schnell|assez vite", 108.0),
    (r"allegro|schnell|rasch|munter|frisch|geschwind|vite\b|anime\b|fast\b", 132.0),
    (r"moderato|massig|mäßig|moderement|modere\b|moderately|moderate", 100.0),
    (r"andantino", 84.0),
    (r"andante (con moto|mosso|un poco mosso)|bewegt|con moto", 86.0),
    (r"andante (molto )?(sostenuto|cantabile|espressivo)|ruhig", 68.0),
    (r"andante|gehend", 76.0),
    (r"larghetto|nicht zu langsam|ziemlich langsam|assez lent", 62.0),
    (r"adagietto", 66.0),
    (r"adagio|sehr ruhig", 58.0),
    (r"grave|largo|tres lent|sehr langsam|ausserst langsam", 46.0),
    (r"lento|lent\b|langsam|slow\b|slowly", 54.0),
    (r"maestoso", 88.0),
    (r"alla polacca|tempo di pol(acca|on)|polonez|polonaise", 96.0),
    (r"(tempo di|alla) (marcia|marsz)|krakowiak", 112.0),
    (r"tempo di min", 120.0),
    (r"^(molto )?agitato", 138.0),
    (r"^mazur|tempo di mazur", 150.0),
    (r"tempo di val[sz]|tempo di walc", 168.0),
)
_RATE_PATTERNS: Final = tuple((_words(stems), rate) for stems, rate in _RATES)
_LEVELS: Final = (
    (_words(r"pianissimo", r"sehr leise"), "pp"),
    (_words(r"mezzo ?piano"), "mp"),
    (_words(r"mezzo ?forte"), "mf"),
    (_words(r"fortissimo"), "ff"),
    (_words(r"^piano\b", r"^leise", r"sotto voce"), "p"),
    (_words(r"^forte\b", r"^stark"), "f"),
)
_SILENT: Final = _words(
    *(r"espr\w*", r"dol\w*", r"cant\w*", r"tutti", r"solo\b", r"div\b", r"unis\w*", r"sul\b", r"con sord\w*", r"senza sord\w*"),
    *(
        r"[lrm]\W*[hdgsv]\b",
        r"fine",
        r"d\W*[cs]\b",
        r"da capo",
        r"dal segno",
        r"coda\b",
        r"trio\b",
        r"attacca",
        r"simile",
        r"sim\b",
    ),
    *(r"l'?istesso", r"lo stesso", r"ten\b", r"tenuto", r"colla (voce|parte)", r"suivez", r"ad lib\w*", r"a piacere", r"rubato"),
)
_ABBREVIATED: Final = tuple(  # as engravers of the time shortened them, after ``_plain``
    (_words(short), whole)
    for short, whole in (
        (r"all\W{0,2}t?to\b\.?", "allegretto"),
        (r"all(\.? ?o\b\.?|\.(?=\W|$))|alegro", "allegro"),
        (r"and\W{0,2}te\b\.?", "andante"),
        (r"and\W{0,2}no\b\.?", "andantino"),
        (r"mod\W{0,2}to\b\.?", "moderato"),
        (r"ad\W{0,2}o\b\.?|adag\b\.?", "adagio"),
        (r"larg\W{0,2}tto\b\.?", "larghetto"),
        (r"maest\W{0,2}o\b\.?", "maestoso"),
    )
)
_NOTHING: Final = re.compile(r"^[\W\d_]*$|^(i|ii|iii|iv|v|vi|a \d|[a-g])\W*$")


def _plain(text: str) -> str:
    """Lower case, no accents, single blanks."""
    folded = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("º", "o").replace("°", "o").lower())
    return " ".join("".join(char for char in folded if not unicodedata.combining(char)).split())


def parse_words(text: str) -> tuple[Meaning, ...]:
    """Everything that a text asks for; empty when it is not understood.

    >>> parse_words("molto rit. e dim.")
    (Meaning(kind='softer', amount=1.6, mark=''), Meaning(kind='slower', amount=1.6, mark=''))
    >>> parse_words("senza rit."), parse_words("mit Humor")
    ((Meaning(kind='silent', amount=1.0, mark=''),), ())
    """
    plain = _plain(text)
    for short, whole in _ABBREVIATED:
        plain = short.sub(whole, plain)
    if _NOTHING.search(plain):
        return (Meaning("silent"),)
    amount = MOLTO if re.search(r"(?<![a-z])(molto|assai|sehr|tres|viel)\b", plain) else 1.0
    if re.search(r"(?<![a-z])(poco|un peu|etwas|ein wenig|somewhat)\b", re.sub(r"poco a poco|peu a peu", "", plain)):
        amount = POCO
    found: list[Meaning] = []
    understood = False
    for kind, pattern in _KINDS:
        hit = pattern.search(plain)
        if not hit:
            continue
        understood = True
        if kind not in ("no pedal",) and re.search(_NEGATED + r"(\w+ )?" + re.escape(hit.group()), plain):
            continue
        found.append(Meaning(kind, amount if kind in ("louder", "softer", "slower", "faster", "held back") else 1.0))
    kinds = {meaning.kind for meaning in found}
    if not kinds & {"slower", "faster", "a tempo", "tempo primo"}:
        if _FASTER_NOW.search(plain):
            found.append(Meaning("tempo change", 1 + (FASTER_FACTOR - 1) * amount))
        elif _SLOWER_NOW.search(plain):
            found.append(Meaning("tempo change", 1 + (SLOWER_FACTOR - 1) * amount))
        elif not kinds & {"held back", "louder", "softer"}:
            rate = next((rate for pattern, rate in _RATE_PATTERNS if pattern.search(plain)), None)
            if rate is not None:
                found.append(Meaning("tempo", rate))
    level = next((mark for pattern, mark in _LEVELS if pattern.search(plain)), "")
    if level:
        found.append(Meaning("dynamics", mark=level))
    if not found and (understood or _SILENT.search(plain)):
        return (Meaning("silent"),)
    return tuple(found)
