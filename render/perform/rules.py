"""The rules by name, and how strongly each is applied: ``RULES``, ``strengths_of``.

A strength (the k of the KTH rule system: Friberg, Bresin & Sundberg, "Overview of the KTH rule system for musical performance",
Advances in Cognitive Psychology 2(2-3), 2006, 145-161) of 1 is what a musical performance has, 0 switches the rule off, 2 doubles
every deviation. They are applied in the order in which they stand here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from corpora.errors import RequestError
from corpora.safe_text import safe_text
from render.perform.articulation import apply_articulation
from render.perform.chords import apply_arpeggio, apply_melody_lead, apply_strum
from render.perform.draft import Draft
from render.perform.dynamics import apply_dynamics, apply_hairpins
from render.perform.graces import apply_grace_notes
from render.perform.holds import apply_breaths, apply_fermatas, apply_movement_pauses
from render.perform.noise import apply_level_noise, apply_timing_noise
from render.perform.ornaments import apply_ornaments, apply_tremolo
from render.perform.pedal import apply_pedal
from render.perform.shaping import apply_final_ritard, apply_metrical_accent, apply_phrase_arch
from render.perform.swing import apply_swing
from render.perform.techniques import apply_techniques
from render.perform.tempo import apply_gradual_tempo, apply_tempo_words

__all__ = ["RULES", "Rule", "parse_rules", "strengths_of"]

MAX_STRENGTH = 5.0


@dataclass(frozen=True)
class Rule:
    """A rule.

    Args:
        name: As the user writes it.
        says: What it does, in one line.
        apply: Changes the draft; is not called at strength 0.
        default: Strength when nothing is asked.
    """

    name: str
    says: str
    apply: Callable[[Draft, float], None]
    default: float = 1.0


RULES: tuple[Rule, ...] = (
    Rule("tempo words", "Allegro, più mosso, a tempo, Tempo I where no metronome mark says it", apply_tempo_words),
    Rule("gradual tempo", "rit., accel. and their kin, until the next a tempo", apply_gradual_tempo),
    Rule("dynamics", "pp to ff, fp and sf as velocities and expression", apply_dynamics),
    Rule("hairpins", "hairpins, cresc. and dim. as ramps", apply_hairpins),
    Rule("metrical accent", "downbeats, half bars and beats above what lies between", apply_metrical_accent),
    Rule("phrase arch", "phrases rise and fall in tempo and level", apply_phrase_arch),
    Rule("final ritard", "slower before the last onset of a movement", apply_final_ritard),
    Rule("fermatas", "notes and rests under fermatas last longer", apply_fermatas),
    Rule("movement pauses", "silence between movements", apply_movement_pauses),
    Rule("timing noise", "a clock with 1/f drift, fingers that scatter", apply_timing_noise),
    Rule("level noise", "levels that waver", apply_level_noise),
    Rule("articulation", "staccato, tenuto, accents, portato and slurs as lengths and levels", apply_articulation),
    Rule("grace notes", "short ones before the beat, long appoggiaturas on it", apply_grace_notes),
    Rule("swing", "the first eighth of a beat longer than the second, where the score says swing", apply_swing),
    Rule("breaths", "breath marks and caesuras", apply_breaths),
    Rule("ornaments", "trills, mordents and turns as their notes", apply_ornaments),
    Rule("tremolo", "strokes through stems as repeated or alternating notes", apply_tremolo),
    Rule("melody lead", "a keyboard's highest note comes first and is louder", apply_melody_lead),
    Rule("arpeggio", "chords with the sign are rolled", apply_arpeggio),
    Rule("strum", "guitars and harps play chords from the lowest string up", apply_strum),
    Rule("pedal", "sustain pedal of keyboards: the score's marks, else by harmony", apply_pedal),
    Rule("techniques", "pizz. and arco as programs", apply_techniques),
)
_BY_NAME = {rule.name: rule for rule in RULES}


def _rule_named(name: str) -> Rule:
    plain = " ".join(name.replace("_", " ").replace("-", " ").split()).lower()
    if plain not in _BY_NAME:
        raise RequestError(f"there is no rule {safe_text(name)!r}: expected one of {', '.join(_BY_NAME)}")
    return _BY_NAME[plain]


def strengths_of(wanted: Mapping[str, float] | None = None, *, without: Iterable[str] = ()) -> dict[str, float]:
    """The strength of every rule.

    Args:
        wanted: Strengths by name, 0 to 5; "all" sets those of all rules that are not named.
        without: Names of rules to switch off.

    Raises:
        RequestError: An unknown name, a strength out of range, or a rule that is asked for and switched off.
    """
    named = dict(wanted or {})
    for name, strength in named.items():
        if not 0.0 <= strength <= MAX_STRENGTH:  # false for NaN too
            raise RequestError(f"rule {safe_text(name)!r}: expected a strength from 0 to {MAX_STRENGTH:g}, got {strength}")
    every = named.pop("all", None)
    strengths = {rule.name: rule.default if every is None else every for rule in RULES}
    asked = {_rule_named(name).name: strength for name, strength in named.items()}
    strengths.update(asked)
    for name in without:
        rule = _rule_named(name)
        if asked.get(rule.name):
            raise RequestError(f"rule {rule.name!r} is asked for and switched off, expected one of the two")
        strengths[rule.name] = 0.0
    return strengths


def parse_rules(texts: Iterable[str]) -> dict[str, float]:
    """Strengths out of texts such as "phrase arch=0.5"; a name alone means 1.

    Raises:
        RequestError: No number after the sign.
    """
    found: dict[str, float] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        try:
            found[name.strip()] = float(value) if sign else 1.0
        except ValueError:
            raise RequestError(f"--rule {safe_text(text)!r}: expected NAME=NUMBER, such as 'phrase arch=0.5'") from None
    return found
