"""The command line of Partimento: one verb a job, each of which loads its room only when it is called.

Results go to stdout (``--json`` for machines), progress to stderr. Exit status: 0 done, 1 a fault of ours, 2 a mistake in the
request or a file that cannot be used (one line on stderr), 130 interrupted. Outputs of a command appear together or not at all.
"""

# The functions of this module import their rooms when called: ``partimento --help`` must not wait for torch.
from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from compose.commands import add_commands as add_training
from corpora.commands import add_commands as add_packs
from corpora.console import doing, print_json, print_table
from corpora.errors import RequestError
from corpora.options import JsonFlag, Model, Score, Seed, Temperature, TopP
from corpora.process import EXIT_INTERRUPTED, EXIT_MISTAKE, TRACEBACK_VARIABLE, complain, exit_status
from omr.commands import add_commands as add_reading
from render.commands import add_commands as add_playing
from transcribe.commands import add_commands as add_listening

if TYPE_CHECKING:
    from compose.infilling import Infill
    from corpora.piece import Piece
    from render.results import ResultPaths

__all__ = ["__version__", "app", "main"]

__version__ = "0.1.0"

_SETTINGS: dict[str, Any] = {"add_completion": False, "pretty_exceptions_enable": False}
app = typer.Typer(**_SETTINGS, help="Writes music under constraints and lets you hear it.")
corpora_app = typer.Typer(**_SETTINGS, help="The data packs under PARTIMENTO_DATA: what is there, whether it is whole.")
train_app = typer.Typer(**_SETTINGS, help="Train a model; a run that was stopped goes on with --resume.")
evaluate_app = typer.Typer(**_SETTINGS, help="Measure a model or a vocabulary on held-out music.")
app.add_typer(corpora_app, name="corpora")
app.add_typer(train_app, name="train")
app.add_typer(evaluate_app, name="evaluate")

Parts = Annotated[str, typer.Option(help="Parts to write, by name, with commas between them; all when left out.")]
Wishes = Annotated[
    list[str] | None, typer.Option("--constraint", "-c", help='A wish that must hold, e.g. "scale: G major"; may be repeated.')
]
Count = Annotated[int, typer.Option("--count", "-n", min=1, max=100, help="How many variations; the likeliest comes first.")]
ScoreOut = Annotated[
    Path, typer.Option("--out", "-o", help="Where the score goes: .musicxml, .mxl or .mid. Variations: NAME-2, NAME-3 ...")
]
MidiOut = Annotated[Path | None, typer.Option("--midi", help="Also as MIDI.")]
AudioOut = Annotated[Path | None, typer.Option("--audio", help="Also as sound: .flac, .wav, .ogg or .mp3.")]
ImageOut = Annotated[Path | None, typer.Option("--image", help="Also engraved, new notes in red: .png or .svg.")]
RollOut = Annotated[Path | None, typer.Option("--piano-roll", help="Also as a piano roll of before and after: .png.")]


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
    show_traceback: Annotated[bool, typer.Option("--traceback", help="Show where an unexpected fault happened.")] = False,
) -> None:
    if show_traceback:
        os.environ[TRACEBACK_VARIABLE] = "1"
    if version:
        print(f"partimento {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit


def _region(bars: str, beats: str, seconds: str) -> str:
    """The one region that was asked for, in the words of ``compose.infilling``."""
    given = [(name, text) for name, text in (("bars", bars), ("beats", beats), ("seconds", seconds)) if text]
    if len(given) != 1:
        came = " and ".join(f"--{name}" for name, _ in given) or "none"
        raise RequestError(f"expected one region, --bars, --beats or --seconds, got {came}")
    name, text = given[0]
    if name == "bars" and (":" in text or "s" in text):
        raise RequestError(f"--bars: expected two bar numbers such as 5-8, got {text!r}")
    if name == "beats" and ":" not in text:
        raise RequestError(f"--beats: expected bar:beat twice, such as 5:1-8:3, got {text!r}")
    if name != "seconds":
        return text
    first, dash, last = text.replace("s", "").partition("-")
    if not dash:
        raise RequestError(f"--seconds: expected two times such as 12.5-20, got {text!r}")
    return f"{first.strip()}s-{last.strip()}s"


def _names(parts: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in parts.split(",") if name.strip())


def _finish(before: Piece, infills: Sequence[Infill], paths: ResultPaths, as_json: bool) -> None:
    """Write the files of all variations together, then tell what was asked, what holds and where it is."""
    from render.results import result_files, write_together

    groups: list[dict[Path, bytes]] = []
    for rank, done in enumerate(infills):
        with doing(f"drawing and playing {rank + 1} of {len(infills)}"):
            groups.append(result_files(before, done.piece, paths.ranked(rank)))
    write_together({path: data for group in groups for path, data in group.items()})
    if as_json:
        print_json([{**done.report(), "files": [str(path) for path in group]} for done, group in zip(infills, groups, strict=True)])
        return
    for rank, (done, group) in enumerate(zip(infills, groups, strict=True), start=1):
        title = (
            f"{rank} of {len(infills)}: seed {done.seed}, {len(done.added)} new notes, {done.kept} kept,"
            f" {done.nats_per_note:.2f} nats a note, {done.seconds:.1f} s"
        )
        rows = [(asked.constraint, "yes" if asked.satisfied else "no", asked.measured) for asked in done.satisfied]
        print_table(("asked", "holds", "measured"), rows, title)
        print(*group, sep="\n")


@app.command(epilog='Example: partimento infill song.musicxml --bars 5-8 --parts Alto,Tenor -c "scale: G major" -o out.musicxml')
def infill(
    piece: Score,
    out: ScoreOut,
    bars: Annotated[str, typer.Option(help="Bars to rewrite, as printed: 5-8.")] = "",
    beats: Annotated[str, typer.Option(help="Bar and beat, the last one included: 5:1-8:3.")] = "",
    seconds: Annotated[str, typer.Option(help="Seconds from the start: 12.5-20.")] = "",
    parts: Parts = "",
    constraint: Wishes = None,
    model: Model = "auto",
    seed: Seed = 0,
    count: Count = 1,
    temperature: Temperature = 0.7,
    top_p: TopP = 0.9,
    midi: MidiOut = None,
    audio: AudioOut = None,
    image: ImageOut = None,
    piano_roll: RollOut = None,
    as_json: JsonFlag = False,
) -> None:
    """Rewrite a region of a piece under constraints; everything outside it stays as it is, byte for byte."""
    region = _region(bars, beats, seconds)
    from compose.infilling import Request
    from compose.infilling import infill as write_region
    from corpora.files import read_piece
    from render.results import ResultPaths

    paths = ResultPaths(score=out, midi=midi, audio=audio, image=image, piano_roll=piano_roll)
    paths.check()
    with doing(f"reading {piece.name}"):
        before = read_piece(piece)
    request = Request(
        before, region, _names(parts), tuple(constraint or ()), model, seed, count, temperature=temperature, top_p=top_p
    )
    with doing("writing notes"):
        infills = write_region(request)
    _finish(before, infills, paths, as_json)


@app.command(name="continue", epilog="Example: partimento continue song.mid --bars 8 --seed 3 -o longer.mid --audio longer.flac")
def continue_(
    piece: Score,
    out: ScoreOut,
    bars: Annotated[int, typer.Option(min=1, max=64, help="How many bars to add.")] = 4,
    parts: Parts = "",
    constraint: Wishes = None,
    model: Model = "auto",
    seed: Seed = 0,
    count: Count = 1,
    temperature: Temperature = 0.7,
    top_p: TopP = 0.9,
    midi: MidiOut = None,
    audio: AudioOut = None,
    image: ImageOut = None,
    piano_roll: RollOut = None,
    as_json: JsonFlag = False,
) -> None:
    """Write bars after the end of a piece."""
    from compose.infilling import continue_piece
    from corpora.files import read_piece
    from render.results import ResultPaths

    paths = ResultPaths(score=out, midi=midi, audio=audio, image=image, piano_roll=piano_roll)
    paths.check()
    with doing(f"reading {piece.name}"):
        before = read_piece(piece)
    with doing("writing notes"):
        infills = continue_piece(
            before,
            bars,
            parts=_names(parts),
            constraints=tuple(constraint or ()),
            model=model,
            seed=seed,
            count=count,
            temperature=temperature,
            top_p=top_p,
        )
    _finish(before, infills, paths, as_json)


@app.command(epilog="Example: partimento harmonise tune.musicxml -o four-voices.musicxml --image four-voices.png")
def harmonise(
    piece: Score,
    out: ScoreOut,
    chords: Annotated[str, typer.Option(help='"| G | C D7 | G |"; the chord symbols of the score when left out.')] = "",
    figures: Annotated[str, typer.Option(help='Of a given bass, bar by bar, a field a note: "| 6 | 7 # | 4-3 |".')] = "",
    given: Annotated[str, typer.Option(help="What the part is: melody, or bass (with figures it is).")] = "",
    constraint: Wishes = None,
    model: Model = "chorale",
    seed: Seed = 0,
    count: Count = 1,
    temperature: Temperature = 0.7,
    top_p: TopP = 0.9,
    midi: MidiOut = None,
    audio: AudioOut = None,
    image: ImageOut = None,
    piano_roll: RollOut = None,
    as_json: JsonFlag = False,
) -> None:
    """Add three voices to the melody of a score or MIDI file, on its chord symbols, or to a bass, on its figures."""
    from compose.verbs import harmonise as add_voices
    from corpora.files import read_piece
    from render.results import ResultPaths

    paths = ResultPaths(score=out, midi=midi, audio=audio, image=image, piano_roll=piano_roll)
    paths.check()
    with doing(f"reading {piece.name}"):
        before = read_piece(piece)
    options: dict[str, Any] = {"model": model, "seed": seed, "count": count, "temperature": temperature, "top_p": top_p}
    with doing("writing notes"):
        answers = add_voices(before, chords, figures, given, constraints=tuple(constraint or ()), **options)
    _finish(before, answers, paths, as_json)


@app.command(epilog="Example: partimento accompany tune.musicxml --instrument piano -o song.musicxml")
def accompany(
    piece: Score,
    out: ScoreOut,
    instrument: Annotated[str, typer.Option(help="Of the new part: piano, cello, flute, drums ...")] = "piano",
    bars: Annotated[str, typer.Option(help="Bars to write, as printed: 5-8; all when left out.")] = "",
    constraint: Wishes = None,
    model: Model = "general",
    seed: Seed = 0,
    count: Count = 1,
    temperature: Temperature = 0.7,
    top_p: TopP = 0.9,
    midi: MidiOut = None,
    audio: AudioOut = None,
    image: ImageOut = None,
    piano_roll: RollOut = None,
    as_json: JsonFlag = False,
) -> None:
    """Add a part of an instrument, drums among them, and write it; all other parts stay, byte for byte."""
    from compose.verbs import accompany as add_part
    from corpora.files import read_piece
    from render.results import ResultPaths

    paths = ResultPaths(score=out, midi=midi, audio=audio, image=image, piano_roll=piano_roll)
    paths.check()
    with doing(f"reading {piece.name}"):
        before = read_piece(piece)
    options: dict[str, Any] = {"model": model, "seed": seed, "count": count, "temperature": temperature, "top_p": top_p}
    with doing("writing notes"):
        answers = add_part(before, instrument, region=bars, constraints=tuple(constraint or ()), **options)
    _finish(before, answers, paths, as_json)


add_playing(app, train_app, evaluate_app)
add_packs(corpora_app)
add_training(train_app, evaluate_app)
add_listening(app, train_app, evaluate_app)
add_reading(app, train_app, evaluate_app)


def _run(arguments: list[str]) -> int:
    """The command, its mistakes about options as RequestError; gives the exit status."""
    try:
        status = app(args=arguments, prog_name="partimento", standalone_mode=False)
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except Exception as error:
        # typer's errors about options: its bundled click has no public name for their class
        if not hasattr(error, "format_message"):
            raise
        command = getattr(getattr(error, "ctx", None), "command_path", "partimento")
        complain(f"{command}: {error.format_message()} (see {command} --help)")
        return EXIT_MISTAKE
    if status == EXIT_INTERRUPTED:  # typer swallows KeyboardInterrupt and gives its status
        raise KeyboardInterrupt
    return int(status or 0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit status; ``arguments`` are those of the process when None."""
    return exit_status(lambda: _run(list(sys.argv[1:] if arguments is None else arguments)))


if __name__ == "__main__":
    sys.exit(main())
