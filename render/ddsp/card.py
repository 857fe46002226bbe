"""The model card of a bank of instruments, written from its configs and figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from render.ddsp.instrument import InstrumentConfig

__all__ = ["FIGURES", "bank_card"]

FIGURES = {  # name in the config to heading in the table
    "notes": "notes",
    "held_out": "held out",
    "spectral_loss": "spectral loss",
    "spectral_loss_of_analysis": "of the analysis",
    "spectral_loss_of_averages": "of averages",
    "loudness_r": "loudness r",
    "brightness_r": "brightness r",
    "vibrato_r": "vibrato r",
}

HEAD = """# ddsp: {count} instruments

Notes to sound through expression (volume, fluctuation, peak, vibrato, brightness, attack), frame controls (pitch, level, harmonics,
noise) and a harmonic and noise synthesiser, after MIDI-DDSP (arXiv 2112.09312) and DDSP (arXiv 2001.04643). Each instrument is a
network of single frames, a body curve, and takes of how held notes wander. The timbre is as good as the notes below and no better.

The recordings and fonts below are not part of the weights, which were learned from them. The weights are under Apache-2.0; where a
source is under CC BY 3.0 (https://creativecommons.org/licenses/by/3.0/), its authors are named in the table, and the change made is
that the notes were analysed and a model fitted to them.

| instrument | keys | source | licence of the source | training |
|---|---|---|---|---|
{sources}

## Figures on held-out notes

For these the instruments were trained without every fifth pitch of their source (all its velocities), with the same settings and
stored in the same 8 bits; the weights here were then trained on all notes. *Spectral loss*: the sum over transforms of 4096 to 128
samples of mean absolute differences of magnitudes and of their logarithms, between a held-out note and the instrument playing it
with its measured pitch, level and expression; *of the analysis*: with its measured harmonics and noise too, which no instrument can
beat; *of averages*: with the mean spectrum of the training notes. *r*: correlation of what notes at held-out pitches were asked for
with what was measured in their sound.

| instrument | {headings} |
|---|{lines}|
{figures}

## Commands

{commands}
"""


def bank_card(configs: Sequence[InstrumentConfig], about: dict[str, dict[str, Any]]) -> str:
    """The card's text.

    Args:
        configs: Of the instruments.
        about: What ``InstrumentBank.about`` holds.
    """
    sources, figures, commands = [], [], []
    for config in configs:
        told = about.get(config.name, {})
        words = [str(told.get(field, "unknown")) for field in ("source", "licence", "training")]
        sources.append(f"| {config.name} | {config.low_key}-{config.high_key} | {' | '.join(words)} |")
        measured = told.get("figures", {})
        figures.append(f"| {config.name} | {' | '.join(str(measured.get(name, '')) for name in FIGURES)} |")
        if "command" in told:
            commands.append(f"    {told['command']}")
    return HEAD.format(
        count=len(configs),
        sources="\n".join(sources),
        headings=" | ".join(FIGURES.values()),
        lines="|".join("---" for _ in FIGURES),
        figures="\n".join(figures),
        commands="\n".join(commands),
    )
