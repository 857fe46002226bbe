"""The verbs of this room: ``transcribe``, and its ``train`` and ``evaluate``; what they need is loaded when called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from corpora.console import doing, print_figures, print_json, print_table, progress, telling
from corpora.errors import RequestError
from corpora.options import EvaluationOut, JsonFlag, Minutes, Resume, RunFolder
from corpora.safe_text import safe_text

__all__ = ["add_commands"]

Fonts = Annotated[list[Path] | None, typer.Option("--font", help="A SoundFont that plays training music; may be repeated.")]


def transcribe(
    recording: Annotated[
        Path,
        typer.Argument(
            metavar="RECORDING",
            help="A .wav, .flac, .mp3 or .ogg file; a .mid that was played; or a .json of --keep, to write it again.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Where it goes: .mid as it was played, or .musicxml or .mxl as a score.")
    ],
    instruments: Annotated[
        str, typer.Option(help="The only ones there are, with commas: piano, violin, drums ...; any when left out.")
    ] = "",
    pitches: Annotated[str, typer.Option(help='Lowest and highest note, "G3-E6"; any when left out.')] = "",
    scale: Annotated[str, typer.Option(help='The only pitch classes there are, "G major"; any when left out.')] = "",
    meter: Annotated[str, typer.Option(help='"6/8"; found when left out.')] = "",
    tempo: Annotated[str, typer.Option(help='Beats a minute, "72" or "60-90"; found when left out.')] = "",
    first_downbeat: Annotated[float | None, typer.Option(min=0.0, help="Where the first whole bar begins, in seconds.")] = None,
    key: Annotated[str, typer.Option(help='"Eb major"; found when left out.')] = "",
    split: Annotated[str, typer.Option(help='The lowest note of the right hand, "C4"; found bar by bar when left out.')] = "",
    pedal: Annotated[bool, typer.Option("--pedal", help="Pedal marks in the score; what is heard of the pedal is rough.")] = False,
    model: Annotated[str, typer.Option(help="frame, mt3, basic-pitch or transkun.")] = "frame",
    weights: Annotated[str, typer.Option(help="A folder of your own for frame or mt3.")] = "",
    score: Annotated[Path | None, typer.Option(help="Also as a score: .musicxml or .mxl.")] = None,
    midi: Annotated[Path | None, typer.Option(help="Also as MIDI.")] = None,
    image: Annotated[Path | None, typer.Option(help="Also engraved: .png or .svg.")] = None,
    keep: Annotated[Path | None, typer.Option(help="Also what was heard, as .json, to write it again.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Hear a recording: notes with velocity, pedal, instruments and beats, as MIDI or as a score."""
    from corpora.atomic import atomic_outputs
    from transcribe.results import MIDI_SUFFIXES, SCORE_SUFFIXES, HeardPaths, heard_files

    if out.suffix.lower() not in (*MIDI_SUFFIXES, *SCORE_SUFFIXES):
        expected = ", ".join((*MIDI_SUFFIXES, *SCORE_SUFFIXES))
        raise RequestError(f"--out: expected a name ending in {expected}, got {safe_text(out.name)!r}")
    is_score = out.suffix.lower() in SCORE_SUFFIXES
    if (is_score and score is not None) or (not is_score and midi is not None):
        raise RequestError(
            f"expected one {'score' if is_score else 'MIDI file'}, got --out and --{'score' if is_score else 'midi'}"
        )
    paths = HeardPaths(midi=midi if is_score else out, score=out if is_score else score, image=image, keep=keep)
    paths.check()
    from transcribe.listening import Transcription
    from transcribe.writing import Wishes, rewrite, write_down

    wishes = Wishes(
        instruments=instruments,
        pitches=pitches,
        scale=scale,
        meter=meter,
        tempo=tempo,
        first_downbeat_s=first_downbeat,
        key=key,
        split=split,
        pedal=pedal,
    )
    with telling(safe_text(recording.name)) as told:
        heard: Transcription = (
            rewrite(recording, wishes)
            if recording.suffix.lower() in (".json", *MIDI_SUFFIXES)
            else write_down(recording, wishes, model=model, weights=weights, progress=lambda share: told("listening to", share))
        )
    with doing("writing it down"):
        notation = wishes.notate(heard.music) if paths.wants_score else None
        files = heard_files(heard.music, notation, heard.beat_logits, heard.model, paths)
    with atomic_outputs(list(files)) as places:
        for place, data in zip(places, files.values(), strict=True):
            place.write_bytes(data)
    report = heard.report() | ({"score": notation.report} if notation is not None else {})
    if as_json:
        print_json({**report, "files": [str(path) for path in files]})
        return
    print_table(("heard", ""), _summary(report))
    print(*files, sep="\n")


def _summary(report: dict[str, Any]) -> list[tuple[str, str]]:
    notes, beats = report["notes"], report["beats"]
    sure = sum(note["confidence"] for note in notes) / max(len(notes), 1)
    return [
        ("notes", f"{len(notes)}, mean confidence {sure:.2f}"),
        ("instruments", ", ".join(report["instruments"]) or "none"),
        ("pedal", f"{len(report['pedals'])} times down"),
        ("beats", f"{len(beats)}" + (f", {report['meter']} at {report['tempo']:.0f} a minute" if report["tempo"] else "")),
        *_other_readings(report),
        ("length", f"{report['duration_s']:.1f} s, {report['work_per_second']:.3f} s of work for each"),
    ]


def _other_readings(report: dict[str, Any]) -> list[tuple[str, str]]:
    """A row on what meter or tempo is likely besides, for users who know better."""
    meters, tempi = report["readings"]["meters"], report["readings"]["tempi"]
    own = report["tempo"] or 0.0
    said = [f"--meter {row['meter']} ({row['share']:.0%})" for row in meters if row["meter"] != report["meter"]]
    said += [f"--tempo {row['tempo']:.0f} ({row['share']:.0%})" for row in tempi if not own / 1.2 < row["tempo"] < own * 1.2]
    return [("or", ", ".join(said))] if said else []


def train_transcribe(
    out: RunFolder,
    minutes: Minutes = 90.0,
    preset: Annotated[str, typer.Option(help="tiny, cpu or gpu: sizes.")] = "cpu",
    font: Fonts = None,
    validation_font: Annotated[
        list[Path] | None, typer.Option(help="A SoundFont that plays the validation music, none of the others; may be repeated.")
    ] = None,
    hours: Annotated[float, typer.Option(min=0.01, help="Of training sound to make from the packs.")] = 5.0,
    store: Annotated[Path | None, typer.Option(help="Training sound that was made before, in place of fonts.")] = None,
    validation: Annotated[Path | None, typer.Option(help="Validation sound that was made before.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes that make sound and batches.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, crops and sound.")] = 0,
    resume: Resume = False,
    as_json: JsonFlag = False,
) -> None:
    """Train the frame model on scores of the packs, performed and played by SoundFonts."""
    from transcribe.frames.runs import run_transcribe

    with progress() as say:
        figures = run_transcribe(
            out,
            minutes,
            preset=preset,
            store=store,
            validation=validation,
            fonts=font or (),
            validation_fonts=validation_font or (),
            hours=hours,
            seed=seed,
            workers=workers,
            resume=resume,
            say=say,
        )
    print_figures(figures, as_json)


def train_reader(
    reader: Annotated[str, typer.Argument(help="strengths or ends: how hard notes are struck, or when they end.")],
    out: RunFolder,
    minutes: Minutes = 40.0,
    start: Annotated[str, typer.Option("--from", help="The frame model whose reader is taught, by name or folder.")] = "frames",
    font: Fonts = None,
    store: Annotated[list[Path] | None, typer.Option(help="Sound made before, in place of fonts; may be repeated.")] = None,
    hours: Annotated[float, typer.Option(min=0.01, help="Of training sound to make from the packs.")] = 12.0,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes that make sound.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="Of weights and sound.")] = 0,
    resume: Resume = False,
    as_json: JsonFlag = False,
) -> None:
    """Let a frame model go on learning how hard notes are struck, or when they end; all else that it hears stays."""
    from transcribe.frames.reader_run import run_reader

    with progress() as say:
        figures = run_reader(
            reader,
            out,
            minutes,
            start=start,
            stores=store or (),
            fonts=font or (),
            hours=hours,
            seed=seed,
            workers=workers,
            resume=resume,
            say=say,
        )
    print_figures(figures, as_json)


def train_beats(
    out: RunFolder,
    minutes: Minutes = 90.0,
    start: Annotated[str, typer.Option("--from", help="Trained weights to go on with, by name or folder.")] = "",
    preset: Annotated[str, typer.Option(help="cpu or gpu: sizes.")] = "cpu",
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes that perform the scores.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="Of scores, performances and weights.")] = 0,
    resume: Resume = False,
    as_json: JsonFlag = False,
) -> None:
    """Train the network that hears beats in notes on scores of the packs, performed by rule."""
    from transcribe.beats.pack_training import run_beats

    with progress() as say:
        figures = run_beats(out, minutes, preset=preset, start=start, seed=seed, workers=workers, resume=resume, say=say)
    print_figures(figures, as_json)


def evaluate_transcribe(
    store: Annotated[
        list[Path] | None,
        typer.Option(help="Sound with its notes (NAME is the folder's); may be repeated; made from the packs' test split if none."),
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="frame, mt3, basic-pitch or transkun; may be repeated.")] = None,
    weights: Annotated[str, typer.Option(help="A folder of your own for frame or mt3.")] = "",
    font: Annotated[Path | None, typer.Option(help="A SoundFont for sound that is made; the one in pretty_midi if none.")] = None,
    minutes: Annotated[float, typer.Option(min=0.0, help="At most so much of each; 0 takes all.")] = 5.0,
    degraded: Annotated[bool, typer.Option(help="Also the first with noise, as MP3, in a room, out of tune, slower.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of sound and noise.")] = 0,
    output: EvaluationOut = None,
    as_json: JsonFlag = False,
) -> None:
    """Transcribers side by side on held-out pieces, played by a font that ours never heard."""
    from compose.evaluation_output import tell_evaluation
    from render.fonts import font_in_wheel
    from transcribe.measures.evaluate import evaluate_transcribe as evaluate
    from transcribe.measures.evaluate import transcribe_sections
    from transcribe.measures.measured_sound import measured_stores

    with progress() as say, measured_stores(store or (), font=font, minutes=minutes or 5.0, seed=seed, say=say) as stores:
        first = next(iter(stores)) if degraded else ""
        figures = evaluate(
            stores,
            model or ["frame"],
            weights=weights,
            degraded=first,
            minutes=minutes,
            font=font or font_in_wheel(),
            seed=seed,
            say=say,
        )
    tell_evaluation(transcribe_sections(figures), figures, output, as_json)


def add_commands(app: typer.Typer, train: typer.Typer, evaluate: typer.Typer) -> None:
    """Add this room's verbs to the command line.

    Args:
        app: The whole; ``transcribe`` goes there.
        train: ``train transcribe``, ``train reader`` and ``train beats``.
        evaluate: ``evaluate transcribe``.
    """
    app.command(epilog="Example: partimento transcribe song.flac -o song.mid --score song.musicxml --instruments piano")(transcribe)
    example = "Example: partimento train transcribe --font A.sf2 --validation-font B.sf2 --minutes 90 --out runs/ear"
    train.command(name="transcribe", epilog=example)(train_transcribe)
    example = "Example: partimento train reader strengths --font A.sf2 --font B.sf2 --minutes 40 --out runs/strengths"
    train.command(name="reader", epilog=example)(train_reader)
    train.command(name="beats", epilog="Example: partimento train beats --minutes 90 --out runs/beats")(train_beats)
    example = "Example: partimento evaluate transcribe --model frame --model basic-pitch --minutes 2"
    evaluate.command(name="transcribe", epilog=example)(evaluate_transcribe)
