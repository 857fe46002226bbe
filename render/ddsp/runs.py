"""``partimento train render``: one instrument from recordings or a font, as a run in a folder.

It is trained twice: in ``trial/`` without the notes that are held out, for the figures of the model card, then on all notes. The
folder holds ``notes.npz`` (the notes taken apart), of either training ``state.pt`` and the curve (``compose.training``), and in the
end ``model/``, a bank of this one instrument.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from compose.constraints.instruments import INSTRUMENTS, find_instrument
from compose.run_folder import check_run_folder
from compose.training import TrainingPlan, train
from corpora.errors import RequestError
from render.ddsp.bank import InstrumentBank
from render.ddsp.evaluation import figures_of
from render.ddsp.fitting import fit_crest, fit_dynamics, fit_expression, fit_release
from render.ddsp.instrument import Instrument, InstrumentConfig
from render.ddsp.learned_notes import LearnedNote, learn_notes, load_notes, save_notes, split_notes
from render.ddsp.sources import font_notes, recorded_notes, sample_notes
from render.ddsp.training_frames import FrameSet, frame_loss
from render.ddsp.wandering import learn_takes

__all__ = ["PROGRAMS", "run_render", "train_instrument"]

BATCH = 512
NOTES_FILE, DYNAMICS_FILE = "notes.npz", "dynamics.npz"
TRIAL_FOLDER = "trial"
LEARNING_RATE = 3e-3
FONT_STEP = 2  # semitones
DYNAMICS_VELOCITIES = (32, 64, 96, 120)
PROGRAMS: dict[str, tuple[int, ...]] = {  # besides an instrument's own the programs that it plays for want of a nearer one
    "violin": (40, 110),
    "viola": (41,),
    "cello": (42,),
    "contrabass": (43,),
    "trumpet": (56, 59),
    "trombone": (57,),
    "tuba": (58,),
    "horn": (60,),
    "saxophone": (66, 64, 65, 67),
    "oboe": (68, 69),
    "bassoon": (70,),
    "clarinet": (71,),
    "flute": (73, 72, 74, 75, 77, 79),
}


def train_instrument(
    folder: Path,
    notes: list[LearnedNote],
    held_out: list[LearnedNote],
    config: InstrumentConfig,
    plan: TrainingPlan,
    seed: int = 0,
) -> Instrument:
    """Train one instrument on notes, going on with the run in the folder when there is one.

    Args:
        folder: Of the run.
        notes: To learn from.
        held_out: To validate on; with none it is validated on its own notes.
        config: Its own; what can be measured of it is.
        plan: Time and rates.
        seed: Of weights and batches.
    """
    torch.manual_seed(seed)
    instrument = Instrument(replace(config, release_db_per_s=fit_release(notes, config.release_db_per_s)))
    frames = FrameSet(notes)
    validation = FrameSet(held_out or notes).plain()
    instrument.spectrum_mean.copy_(frames.spectrum_mean())

    @torch.no_grad()
    def evaluate(model: nn.Module) -> dict[str, float]:
        return {"error_db": round(float(frame_loss(model, validation)), 4)}

    train(instrument, frames.batches(np.random.default_rng(seed), BATCH), frame_loss, plan, folder, evaluate)
    learn_takes(instrument, notes)
    fit_expression(instrument, notes)
    instrument.config = fit_crest(instrument)
    return instrument


def _config(name: str, program: int | None, notes: list[LearnedNote]) -> InstrumentConfig:
    keys = [round(note.key) for note in notes]
    programs = PROGRAMS.get(name)
    if programs is None:
        known = find_instrument(name)
        own = INSTRUMENTS[known][2] if known else ()
        programs = tuple(own) or (() if program is None else (program,))
    return InstrumentConfig(name=name, programs=programs, low_key=min(keys), high_key=max(keys))


def run_render(
    folder: Path,
    instrument: str,
    minutes: float,
    *,
    samples: Path | None = None,
    recordings: Path | None = None,
    font: Path | None = None,
    program: int | None = None,
    keys: tuple[int, int] = (48, 84),
    source: str = "",
    licence: str = "",
    into: Path | None = None,
    steps: int = 0,
    seed: int = 0,
    resume: bool = False,
) -> dict[str, Any]:
    """Train one instrument.

    Args:
        folder: Of the run; made when missing.
        instrument: Its name.
        minutes: Wall time of the training, over all resumes; taking the notes apart comes before.
        samples: Folder of single notes, the pitch in each file's name.
        recordings: Folder of recordings of one voice, each with its .mid beside it.
        font: SoundFont; alone it is the source, beside samples or recordings it only teaches how brightness follows velocity.
        program: Of the font, General MIDI from 0.
        keys: First and last key to play the font at, when it is the source.
        source: What the model card says of where the notes are from.
        licence: Of the notes, for the model card.
        into: A bank to add the instrument to when it is done; made when missing.
        steps: When above 0, the length of each of the two trainings in steps of 512 frames instead, the same on every machine.
        seed: Of weights and batches.
        resume: Go on with the run in the folder.

    Returns:
        JSON values: where the checkpoint is, its size and its figures.

    Raises:
        RequestError: Not exactly one source, a font without its program, or the folder holds a run and ``resume`` is false, or
            the other way round.
        InputError, ToolError: As ``render.ddsp.sources``.
    """
    if (samples is not None) + (recordings is not None) > 1 or not (samples or recordings or font):
        raise RequestError("expected one source of notes: --samples FOLDER, --recordings FOLDER, or --font FONT with --program")
    if (font is None) != (program is None):
        raise RequestError("expected --font and --program together")
    if not instrument.strip() or "." in instrument:
        raise RequestError(f"instrument '{instrument}': expected a name without dots")
    if not 0 <= keys[0] < keys[1] <= 127:
        raise RequestError(f"keys: expected first below last, 0 to 127, got {keys[0]}-{keys[1]}")
    check_run_folder(folder, resume=resume, parts=(TRIAL_FOLDER,))
    folder.mkdir(parents=True, exist_ok=True)
    if not resume:  # notes of a run that was stopped before its first state may be of another source
        for name in (NOTES_FILE, DYNAMICS_FILE):
            (folder / name).unlink(missing_ok=True)
    notes, refused = _notes(folder, samples, recordings, font, program, keys)
    config = _config(instrument, program, notes)
    dynamics = _dynamics(folder, notes, font, program, samples is not None or recordings is not None, config)
    config = replace(config, brightness_per_velocity=dynamics)
    # half of the time goes to the figures, on notes that are held out; then it learns from all of them
    plan = TrainingPlan(minutes=minutes / 2, steps=steps, learning_rate=LEARNING_RATE, evaluate_every_s=30.0, averaging=0.99)
    trained, held_out = split_notes(notes)
    trial = InstrumentBank([train_instrument(folder / TRIAL_FOLDER, trained, held_out, config, plan, seed)])
    trial.save_pretrained(folder / TRIAL_FOLDER / "model")
    stored = InstrumentBank.from_pretrained(folder / TRIAL_FOLDER / "model")  # as it is kept, in 8 bits
    figures = figures_of(stored.get(instrument), len(trained), held_out)
    model = train_instrument(folder, notes, [], config, plan, seed)
    origin = f"--samples {samples.name}" if samples else f"--recordings {recordings.name}" if recordings else ""
    origin += f" --font {font.name} --program {program}" if font else ""
    if font and not (samples or recordings):
        origin += f" --low-key {keys[0]} --high-key {keys[1]}"
    length = f"--steps {steps}" if steps else f"--minutes {minutes:g}"
    verb = f"partimento train render --instrument {instrument} {origin.strip()}"
    about = {
        "source": source or "unknown",
        "licence": licence or "unknown",
        "training": f"twice {steps} steps" if steps else f"{minutes:g} minutes",
        "command": f"{verb} {length} --seed {seed} -o runs/{instrument}",
        "figures": figures,
    }
    bank = InstrumentBank([model], {instrument: about})
    bank.save_pretrained(folder / "model")
    if into is not None:
        held = InstrumentBank.from_pretrained(into) if into.exists() else InstrumentBank([])
        held.added(bank).save_pretrained(into)
    return {
        "model": str(folder / "model"),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "refused": refused,
        **figures,
    }


def _notes(
    folder: Path, samples: Path | None, recordings: Path | None, font: Path | None, program: int | None, keys: tuple[int, int]
) -> tuple[list[LearnedNote], list[str]]:
    """The notes of the run: those that were kept, else taken apart now."""
    kept = folder / NOTES_FILE
    if kept.exists():
        return load_notes(kept), []
    if samples is not None:
        found, refused = learn_notes(sample_notes(samples))
    elif recordings is not None:
        found, refused = learn_notes(recorded_notes(recordings))
    else:
        assert font is not None
        assert program is not None
        found, refused = learn_notes(font_notes(font, program, range(keys[0], keys[1] + 1, FONT_STEP)))
    save_notes(kept, found)
    return found, refused


def _dynamics(
    folder: Path, notes: list[LearnedNote], font: Path | None, program: int | None, beside: bool, config: InstrumentConfig
) -> float:
    """How brightness follows velocity: from the font beside the notes, else from the notes."""
    if not beside or font is None or program is None:
        return fit_dynamics(notes, config.brightness_per_velocity)
    kept = folder / DYNAMICS_FILE
    if not kept.exists():
        spots = np.linspace(config.low_key, config.high_key, 5).round().astype(int)[1:-1].tolist()
        save_notes(kept, learn_notes(font_notes(font, program, spots, DYNAMICS_VELOCITIES))[0])
    return fit_dynamics(load_notes(kept), config.brightness_per_velocity)
