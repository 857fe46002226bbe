"""DDSP instruments: notes to expression to frame controls to sound, each level of which can be read and edited.

::

    bank = ddsp.InstrumentBank.from_pretrained()
    violin = bank.get("violin")
    how = ddsp.expression(notes, violin, 44_100)           # a NoteExpression for each note of a voice
    phrases = ddsp.controls(notes, how, violin, 44_100)    # FrameControls for each phrase
    sound = ddsp.synthesise(phrases[0].frames)             # Audio
"""

from typing import TYPE_CHECKING

from corpora.lazy import lazy_exports

if TYPE_CHECKING:
    from render.ddsp.analysis import analyse_note
    from render.ddsp.bank import InstrumentBank
    from render.ddsp.controls import FrameControls
    from render.ddsp.expressing import expression
    from render.ddsp.instrument import Instrument, InstrumentConfig
    from render.ddsp.measures import NoteExpression, measure_note
    from render.ddsp.midi_controls import expression_events
    from render.ddsp.playing import ChannelCurves, Phrase, controls
    from render.ddsp.spectral_loss import spectral_loss
    from render.ddsp.synthesis import StreamingSynth, synthesise
    from render.ddsp.transfer import transfer
    from render.ddsp.voices import allot_voices

__all__ = [
    "ChannelCurves",
    "FrameControls",
    "Instrument",
    "InstrumentBank",
    "InstrumentConfig",
    "NoteExpression",
    "Phrase",
    "StreamingSynth",
    "allot_voices",
    "analyse_note",
    "controls",
    "expression",
    "expression_events",
    "measure_note",
    "spectral_loss",
    "synthesise",
    "transfer",
]

_MODULES = {
    "ChannelCurves": "render.ddsp.playing",
    "FrameControls": "render.ddsp.controls",
    "Instrument": "render.ddsp.instrument",
    "InstrumentBank": "render.ddsp.bank",
    "InstrumentConfig": "render.ddsp.instrument",
    "NoteExpression": "render.ddsp.measures",
    "Phrase": "render.ddsp.playing",
    "StreamingSynth": "render.ddsp.synthesis",
    "allot_voices": "render.ddsp.voices",
    "analyse_note": "render.ddsp.analysis",
    "controls": "render.ddsp.playing",
    "expression": "render.ddsp.expressing",
    "expression_events": "render.ddsp.midi_controls",
    "measure_note": "render.ddsp.measures",
    "spectral_loss": "render.ddsp.spectral_loss",
    "synthesise": "render.ddsp.synthesis",
    "transfer": "render.ddsp.transfer",
}
__getattr__ = lazy_exports(__name__, _MODULES)
