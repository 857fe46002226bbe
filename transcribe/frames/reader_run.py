"""``partimento train reader``: a reader of a frame model goes on learning, all else stays, as a run in a folder.

There are two that learn from what the frame model hears, those of strengths and of ends. The folder holds ``sound-piano/`` and
``sound-mixed/`` (``transcribe.training_audio``, unless stores are named), ``state.pt`` and the curve (``compose.training``), and
once it is done ``model/``, the whole frame model as a checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from compose.run_folder import check_run_folder
from corpora.checkpoints import find_weights, load_checkpoint
from corpora.errors import RequestError
from corpora.safe_text import safe_text
from transcribe.frames.end_training import learn_ends
from transcribe.frames.listener import FrameListener
from transcribe.frames.runs import MODEL_FOLDER
from transcribe.frames.strength_training import learn_strengths
from transcribe.training_audio.for_runs import TrainingSound

__all__ = ["READERS", "run_reader"]

READERS = ("strengths", "ends")
KINDS: Mapping[str, float] = {"piano": 0.85, "mixed": 0.15}  # of the hours that are made

CARD = """# {start}, with {reader} that went on learning

The frame model of `{start}`, whose card says how it was trained; its reader of {reader} (`transcribe.frames.{reader}`,
{parameters:,} weights) learned for {minutes:g} minutes, seed {seed}:
`partimento train reader {reader} --from {start} --minutes {minutes:g} --seed {seed}`.
On held-out clips its loss is {loss}.

Licence of the weights: Apache-2.0.
"""


def run_reader(
    reader: str,
    folder: Path,
    minutes: float,
    *,
    start: str,
    stores: Sequence[Path] = (),
    fonts: Sequence[Path] = (),
    hours: float = 12.0,
    seed: int = 0,
    workers: int = 2,
    resume: bool = False,
    say: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Make the sound, teach the reader from where it stands, and write the checkpoint.

    Args:
        reader: In ``READERS``.
        folder: Of the run; made when missing.
        minutes: Wall time of listening and training; making the sound comes before.
        start: Frame model, by name or folder; all but the reader stays as it is.
        stores: Of sound that are there already.
        fonts: SoundFonts that play the music, where there are no stores.
        hours: Of sound to make.
        seed: Of the reader, the sound and the order.
        workers: Processes that make sound.
        resume: Go on with the run in the folder.
        say: Hears what is being done.

    Returns:
        JSON values: where the checkpoint is, and the loss on held-out clips.

    Raises:
        CheckpointError: There is no such frame model.
        RequestError: There is no such reader; the folder holds a run and ``resume`` is false, or the other way round; there are
            neither stores nor fonts, or too little sound.
        InputError: A store or font cannot be used, or PARTIMENTO_DATA names no packs.
    """
    if reader not in READERS:
        raise RequestError(f"reader '{safe_text(reader)}' is not known: expected one of {', '.join(READERS)}")
    check_run_folder(folder, resume=resume)
    told = say or (lambda what: None)
    listener = FrameListener.from_pretrained(start)
    about = dict(load_checkpoint(find_weights(start)).config.get("about", {}))
    sound = TrainingSound(seed, workers, told)
    heard = list(stores) or [
        sound.make(folder / f"sound-{kind}", fonts, "train", share * hours, kind) for kind, share in KINDS.items()
    ]
    if reader == "strengths":
        figures = learn_strengths(folder, listener.model, heard, minutes, seed=seed, say=told)
    else:
        figures = learn_ends(folder, listener.model, listener.settings, heard, minutes, seed=seed, say=told)
    if not figures:
        raise RequestError(f"too little sound to learn {reader} from: expected at least two clips with notes")
    parameters = sum(weight.numel() for weight in listener.model.get_submodule(reader).parameters())
    card = CARD.format(start=start, reader=reader, parameters=parameters, minutes=minutes, seed=seed, loss=figures["loss"])
    about[reader] = {"minutes": minutes, "seed": seed, **figures}
    listener.save_pretrained(folder / MODEL_FOLDER, card, about)
    return {"model": str(folder / MODEL_FOLDER), "parameters": parameters, **figures}
