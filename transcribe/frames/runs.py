"""``partimento train transcribe``: a frame model from scores and SoundFonts, as a run in a folder.

The folder holds ``sound-train/`` and ``sound-valid/`` (``transcribe.training_audio``, unless stores are named), ``state.pt`` and
the curve (``compose.training``), and once it is done ``model/``, a checkpoint that ``--weights FOLDER/model`` takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from compose.curves import read_curve
from compose.run_folder import check_run_folder
from compose.training import TrainingPlan
from corpora.errors import RequestError
from corpora.safe_text import safe_text
from transcribe.frames.calibration import calibrate, example_of
from transcribe.frames.crops import CropSource
from transcribe.frames.drum_training import train_drums
from transcribe.frames.end_training import learn_ends
from transcribe.frames.listener import FrameListener
from transcribe.frames.model import FrameModel
from transcribe.frames.settings import DecoderSettings
from transcribe.frames.strength_training import learn_strengths
from transcribe.frames.timbre_training import train_timbre
from transcribe.frames.training import PRESETS, train_frames, training_batches
from transcribe.training_audio.for_runs import TrainingSound
from transcribe.training_audio.sound_store import SoundStore

__all__ = ["MODEL_FOLDER", "finish_run", "learn_drums", "learn_timbre", "run_transcribe"]

LEARNING_RATE = 3e-3
FEW: Mapping[str, Any] = {"frames": 250, "batch": 4}
MANY: Mapping[str, Any] = {"frames": 500, "batch": 32, "shares": (0.34, 0.34, 0.16, 0.16), "mixed": 0.25}  # enough for drums, too
CROPS = {"tiny": FEW, "cpu": FEW, "gpu": MANY}  # of the first part of the training
CALIBRATION_CLIPS = 24
DRUM_SHARE, TIMBRE_SHARE, STRENGTH_SHARE, END_SHARE = 0.24, 0.1, 0.1, 0.1  # of the time
READER_FRAMES, DRUM_CROPS, TIMBRE_CROPS = 250, 6, 8
DRUM_KINDS, DRUM_MIXTURES = (0.1, 0.15, 0.2, 0.55), 0.4  # of pianos, others, with drums, drums alone; share of mixtures
TIMBRE_KINDS, TIMBRE_MIXTURES = (0.15, 0.75, 0.1, 0.0), 0.1
VALIDATION_SHARE = 1 / 15  # of the hours that are made for training
MODEL_FOLDER = "model"

CARD = """# {name}: notes, drums, pedal and beats out of recordings

The frame model of `transcribe.frames`, preset `{preset}`, {parameters:,} weights.

| | |
|---|---|
| data | {sound} of sound made from the packs' train split and {voices} |
| validation | the packs' valid split, played by {other_voices} |
| training | {minutes:g} minutes, {steps} steps, seed {seed} |
| command | `partimento train transcribe --preset {preset} --minutes {minutes:g} --seed {seed}` |
| licence of the weights | Apache-2.0 |

Trained on synthetic sound alone: on recordings of real instruments it is weaker than these figures say.

## Losses on the validation music (nats a frame, summed over pitches)

| figure | value |
|---|---|
{figures}
"""


def run_transcribe(
    folder: Path,
    minutes: float,
    *,
    preset: str = "cpu",
    store: Path | None = None,
    validation: Path | None = None,
    fonts: Sequence[Path] = (),
    validation_fonts: Sequence[Path] = (),
    hours: float = 5.0,
    seed: int = 0,
    workers: int = 2,
    resume: bool = False,
    say: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Make the sound, train, learn the decoder's settings, and write the checkpoint.

    Args:
        folder: Of the run; made when missing.
        minutes: Wall time of the training, over all resumes; making the sound comes before.
        preset: In ``PRESETS``.
        store, validation: Stores of sound that are there already.
        fonts: SoundFonts that play the training music, where there is no store.
        validation_fonts: Others, for the validation music.
        hours: Of training sound to make.
        seed: Of weights, crops and sound.
        workers: Processes that make sound, and batches.
        resume: Go on with the run in the folder.
        say: Hears what is being done.

    Returns:
        JSON values: where the checkpoint is, its size and its losses.

    Raises:
        RequestError: No such preset; the folder holds a run and ``resume`` is false, or the other way round; or there are neither
            stores nor fonts.
        InputError: A store or font cannot be used, or PARTIMENTO_DATA names no packs.
    """
    if preset not in PRESETS:
        raise RequestError(f"preset '{safe_text(preset)}' is not known: expected one of {', '.join(PRESETS)}")
    check_run_folder(folder, resume=resume)
    told = say or (lambda what: None)
    sound = TrainingSound(seed, workers, told)
    train_store = store or sound.make(folder / "sound-train", fonts, "train", hours)
    valid_store = validation or sound.make(folder / "sound-valid", validation_fonts, "valid", hours * VALIDATION_SHARE)
    on_gpu = preset == "gpu"
    drum_share = 0.0 if on_gpu else DRUM_SHARE  # among many crops drums are learned with the rest
    plan = TrainingPlan(
        minutes=(1 - drum_share - TIMBRE_SHARE - STRENGTH_SHARE - END_SHARE) * minutes,
        learning_rate=LEARNING_RATE,
        weight_decay=0.01,
        averaging=0.995,
        evaluate_every_s=600.0,
        bfloat16=on_gpu,
        compiled=on_gpu,
    )
    model, figures = train_frames(
        folder, CropSource(str(train_store), seed, **CROPS[preset]), valid_store, plan, PRESETS[preset], workers=workers
    )
    if drum_share:
        learn_drums(model, train_store, drum_share * minutes, seed=seed, workers=workers, say=told)
    learn_timbre(model, train_store, TIMBRE_SHARE * minutes, seed=seed, workers=workers, say=told)
    learn_strengths(folder / "strengths", model, [train_store], STRENGTH_SHARE * minutes, seed=seed, say=told)
    return finish_run(folder, model, figures, train_store, valid_store, preset=preset, minutes=minutes, seed=seed, say=told)


def learn_drums(model: FrameModel, store: Path, minutes: float, *, seed: int, workers: int, say: Callable[[str], None]) -> float:
    """Let a trained model's drum readers go on with crops of its store; gives the last loss. Arguments as ``run_transcribe``."""
    source = CropSource(str(store), seed + 2, READER_FRAMES, DRUM_CROPS, shares=DRUM_KINDS, mixed=DRUM_MIXTURES)
    return train_drums(model.drums, training_batches(source, 0, workers), minutes, seed, say)


def learn_timbre(model: FrameModel, store: Path, minutes: float, *, seed: int, workers: int, say: Callable[[str], None]) -> float:
    """Teach a trained model's timbre reader on crops of its store; gives the last loss. Arguments as ``run_transcribe``."""
    source = CropSource(str(store), seed + 1, READER_FRAMES, TIMBRE_CROPS, shares=TIMBRE_KINDS, mixed=TIMBRE_MIXTURES)
    return train_timbre(model.timbre, training_batches(source, 0, workers), minutes, seed, say)


def finish_run(
    folder: Path,
    model: FrameModel,
    figures: dict[str, float],
    store: Path,
    validation: Path,
    *,
    preset: str,
    minutes: float,
    seed: int,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Learn the decoder's settings and the ends, and write the checkpoint of a trained model; arguments as ``run_transcribe``."""
    trained_on, held_out = SoundStore(store), SoundStore(validation)
    step = max(len(held_out) // CALIBRATION_CLIPS, 1)
    clips = [held_out.clip(index) for index in range(0, len(held_out), step)][:CALIBRATION_CLIPS]
    say(f"learning the decoder's settings on {len(clips)} clips")
    settings, value = calibrate([example_of(model, clip) for clip in clips], DecoderSettings(), say)
    learn_ends(folder / "ends", model, settings, [store], END_SHARE * minutes, seed=seed, say=say)
    parameters = sum(weight.numel() for weight in model.parameters())
    rows = "\n".join(f"| {name.replace('_', ' ')} | {value} |" for name, value in figures.items())
    about = {
        "preset": preset,
        "minutes": minutes,
        "seed": seed,
        "losses": figures,
        "calibration": round(value, 4),
        "voices": _voices(trained_on),
        "validation_voices": _voices(held_out),
    }
    card = CARD.format(
        name="frames",
        preset=preset,
        parameters=parameters,
        sound=f"{trained_on.duration_s / 3600:.1f} hours",
        voices=", ".join(_voices(trained_on)),
        other_voices=", ".join(_voices(held_out)),
        minutes=minutes,
        steps=_steps(folder),
        seed=seed,
        figures=rows,
    )
    FrameListener(model, settings).save_pretrained(folder / MODEL_FOLDER, card, about)
    return {"model": str(folder / MODEL_FOLDER), "parameters": parameters, "f1_of_calibration": round(value, 4), **figures}


def _voices(store: SoundStore) -> list[str]:
    return sorted({clip.voice for clip in store.clips})


def _steps(folder: Path) -> int:
    return max((int(line["step"]) for line in read_curve(folder)), default=0)
