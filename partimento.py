"""The command line of Partimento: one verb a job, each of which loads its room only when it is called.

Results go to stdout (``--json`` for machines), progress to stderr. Exit status: 0 done, 1 a fault of ours, 2 a mistake in the
request or a file that cannot be used (one line on stderr), 130 interrupted. Outputs of a command appear together or not at all.
"""

# The functions of this module import their rooms when called: ``partimento --help`` must not wait for torch.
from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from corpora.errors import PartimentoError, RequestError
from corpora.safe_text import safe_text

if TYPE_CHECKING:
    from types import FrameType

    from compose.infill import Infill
    from corpora.piece import Piece
    from render.results import ResultPaths

__all__ = ["__version__", "app", "main"]

__version__ = "0.1.0"

TRACEBACK_VARIABLE = "PARTIMENTO_TRACEBACK"
PIPE_COLUMNS = 120  # width of tables that nobody watches
EXIT_FAULT, EXIT_MISTAKE, EXIT_INTERRUPTED, EXIT_TERMINATED = 1, 2, 130, 143

_SETTINGS: dict[str, Any] = {"add_completion": False, "pretty_exceptions_enable": False}
app = typer.Typer(**_SETTINGS, help="Writes music under constraints and lets you hear it.")
corpora_app = typer.Typer(**_SETTINGS, help="The data packs under PARTIMENTO_DATA: what is there, whether it is whole.")
train_app = typer.Typer(**_SETTINGS, help="Train a model; a run that was stopped goes on with --resume.")
evaluate_app = typer.Typer(**_SETTINGS, help="Measure a model or a vocabulary on held-out music.")
app.add_typer(corpora_app, name="corpora")
app.add_typer(train_app, name="train")
app.add_typer(evaluate_app, name="evaluate")

JsonFlag = Annotated[bool, typer.Option("--json", help="Print the report as JSON on stdout.")]
Score = Annotated[Path, typer.Argument(metavar="PIECE", help="A .musicxml, .mxl, .mid, .krn or .abc file.", show_default=False)]
Parts = Annotated[str, typer.Option(help="Parts to write, by name, with commas between them; all when left out.")]
Wishes = Annotated[
    list[str] | None, typer.Option("--constraint", "-c", help='A wish that must hold, e.g. "scale: G major"; may be repeated.')
]
Model = Annotated[str, typer.Option(help="A model that comes with the package, or the folder of your own.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same notes.")]
Count = Annotated[int, typer.Option("--count", "-n", min=1, max=100, help="How many variations; the likeliest comes first.")]
Temperature = Annotated[float, typer.Option(min=0.0, max=10.0, help="0 takes the likeliest note each time, 1 is as learned.")]
TopP = Annotated[float, typer.Option(min=0.01, max=1.0, help="Draw from the likeliest notes with this much probability.")]
ScoreOut = Annotated[
    Path, typer.Option("--out", "-o", help="Where the score goes: .musicxml, .mxl or .mid. Variations: NAME-2, NAME-3 ...")
]
MidiOut = Annotated[Path | None, typer.Option("--midi", help="Also as MIDI.")]
AudioOut = Annotated[Path | None, typer.Option("--audio", help="Also as sound: .flac, .wav, .ogg or .mp3.")]
ImageOut = Annotated[Path | None, typer.Option("--image", help="Also engraved, new notes in red: .png or .svg.")]
RollOut = Annotated[Path | None, typer.Option("--piano-roll", help="Also as a piano roll of before and after: .png.")]
RunFolder = Annotated[Path, typer.Option("--out", "-o", help="Folder of the run.")]
Minutes = Annotated[float, typer.Option(min=0.01, help="Wall time of the whole run.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")]


def _example(text: str) -> dict[str, str]:
    return {"epilog": f"Example: {text}"}


@contextlib.contextmanager
def _doing(what: str) -> Iterator[None]:
    """Says on stderr what takes time, while a person is there to read it."""
    console = Console(stderr=True)
    with console.status(escape(safe_text(what))) if console.is_terminal else contextlib.nullcontext():
        yield


def _print_json(report: Any) -> None:
    print(json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False))


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    table = Table(title=title or None, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(safe_text(str(cell), 400)) for cell in row))
    Console(width=None if sys.stdout.isatty() else PIPE_COLUMNS).print(table)


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
    """The one region that was asked for, in the words of ``compose.infill``."""
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
        with _doing(f"drawing and playing {rank + 1} of {len(infills)}"):
            groups.append(result_files(before, done.piece, paths.ranked(rank)))
    write_together({path: data for group in groups for path, data in group.items()})
    if as_json:
        _print_json(
            [{**done.report(), "files": [str(path) for path in group]} for done, group in zip(infills, groups, strict=True)]
        )
        return
    for rank, (done, group) in enumerate(zip(infills, groups, strict=True), start=1):
        title = (
            f"{rank} of {len(infills)}: seed {done.seed}, {len(done.changed[0])} new notes, {done.kept} kept,"
            f" log likelihood {done.log_likelihood:.1f} nats, {done.seconds:.1f} s"
        )
        rows = [(asked.constraint, "yes" if asked.satisfied else "no", asked.measured) for asked in done.satisfied]
        _print_table(("asked", "holds", "measured"), rows, title)
        print(*group, sep="\n")


@app.command(**_example('partimento infill song.musicxml --bars 5-8 --parts Alto,Tenor -c "scale: G major" -o out.musicxml'))
def infill(
    piece: Score,
    out: ScoreOut,
    bars: Annotated[str, typer.Option(help="Bars to rewrite, as printed: 5-8.")] = "",
    beats: Annotated[str, typer.Option(help="Bar and beat, the last one included: 5:1-8:3.")] = "",
    seconds: Annotated[str, typer.Option(help="Seconds from the start: 12.5-20.")] = "",
    parts: Parts = "",
    constraint: Wishes = None,
    model: Model = "chorale",
    seed: Seed = 0,
    count: Count = 1,
    temperature: Temperature = 1.0,
    top_p: TopP = 0.98,
    midi: MidiOut = None,
    audio: AudioOut = None,
    image: ImageOut = None,
    piano_roll: RollOut = None,
    as_json: JsonFlag = False,
) -> None:
    """Rewrite a region of a piece under constraints; everything outside it stays as it is, byte for byte."""
    region = _region(bars, beats, seconds)
    from compose.infill import Request
    from compose.infill import infill as write_region
    from corpora.files import read_piece
    from render.results import ResultPaths

    paths = ResultPaths(score=out, midi=midi, audio=audio, image=image, piano_roll=piano_roll)
    paths.check()
    with _doing(f"reading {piece.name}"):
        before = read_piece(piece)
    request = Request(
        before, region, _names(parts), tuple(constraint or ()), model, seed, count, temperature=temperature, top_p=top_p
    )
    with _doing("writing notes"):
        infills = write_region(request)
    _finish(before, infills, paths, as_json)


@app.command(name="continue", **_example("partimento continue song.mid --bars 8 --seed 3 -o longer.mid --audio longer.flac"))
def continue_(
    piece: Score,
    out: ScoreOut,
    bars: Annotated[int, typer.Option(min=1, max=64, help="How many bars to add.")] = 4,
    parts: Parts = "",
    constraint: Wishes = None,
    model: Model = "chorale",
    seed: Seed = 0,
    count: Count = 1,
    temperature: Temperature = 1.0,
    top_p: TopP = 0.98,
    midi: MidiOut = None,
    audio: AudioOut = None,
    image: ImageOut = None,
    piano_roll: RollOut = None,
    as_json: JsonFlag = False,
) -> None:
    """Write bars after the end of a piece."""
    from compose.infill import continue_piece
    from corpora.files import read_piece
    from render.results import ResultPaths

    paths = ResultPaths(score=out, midi=midi, audio=audio, image=image, piano_roll=piano_roll)
    paths.check()
    with _doing(f"reading {piece.name}"):
        before = read_piece(piece)
    with _doing("writing notes"):
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


@app.command(**_example("partimento render song.musicxml -o song.flac"))
def render(
    piece: Score,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the sound goes: .flac, .wav, .ogg or .mp3.")],
    font: Annotated[Path | None, typer.Option(help="A .sf2 or .sf3 SoundFont; the best installed one when left out.")] = None,
    sample_rate_hz: Annotated[int, typer.Option("--rate", min=8_000, max=96_000, help="Sample rate in Hz.")] = 44_100,
    gain_db: Annotated[float | None, typer.Option(help="Level in dB; a peak of -1 dBFS when left out.")] = None,
    reverb: Annotated[bool, typer.Option(help="With a room around it.")] = True,
    as_json: JsonFlag = False,
) -> None:
    """Play a piece through a SoundFont into a sound file."""
    from render.results import render_file

    with _doing(f"playing {piece.name}"):
        report = render_file(piece, out, font=font, sample_rate_hz=sample_rate_hz, gain_db=gain_db, reverb=reverb)
    if as_json:
        _print_json(report)
    else:
        print(f"{out}: {report['duration_s']:.1f} s, played by {report['synth']} with {report['font']}")


@app.command(**_example("partimento convert song.krn -o song.musicxml"))
def convert(
    piece: Score,
    out: Annotated[Path, typer.Option("--out", "-o", help=".musicxml, .mxl or .mid; .png or .svg engraves it.")],
    as_json: JsonFlag = False,
) -> None:
    """Write a piece in another format, or engrave it."""
    from render.results import convert_file

    with _doing(f"converting {piece.name}"):
        report = convert_file(piece, out)
    if as_json:
        _print_json(report)
    else:
        print(*report["files"], sep="\n")


@app.command(**_example("partimento doctor"))
def doctor(as_json: JsonFlag = False) -> None:
    """Tell which synthesiser, SoundFont, engraver, torch, packs and weights are used, and what each missing one costs."""
    from render.doctor import examine

    with _doing("looking around"):
        findings = examine()
    if as_json:
        _print_json([finding.to_dict() for finding in findings])
    else:
        rows = [(f.name, "yes" if f.usable else "no", f.found, "" if f.usable else f"{f.costs}. {f.remedy}") for f in findings]
        _print_table(("what", "there", "which", "what is missing costs, and how to get it"), rows)
    if any(finding.needed and not finding.usable for finding in findings):
        raise typer.Exit(EXIT_FAULT)


def _interrupt_once(signum: int, frame: FrameType | None) -> None:
    """Ctrl-C stops the work; a second one must not stop the cleaning up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _terminate(signum: int, frame: FrameType | None) -> None:
    raise SystemExit(EXIT_TERMINATED)


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    """While a command runs, SIGINT and SIGTERM unwind it, so that no half file stays."""
    wanted = {signal.SIGINT: _interrupt_once, signal.SIGTERM: _terminate}
    before = {number: signal.getsignal(number) for number in wanted}
    for number, handler in wanted.items():
        if before[number] is not signal.SIG_IGN:  # nohup and background jobs keep their will
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def _complain(message: str) -> None:
    """One line on stderr."""
    print(safe_text(message, 2000), file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit status; ``arguments`` are those of the process when None."""
    try:
        with _signals():
            status = app(args=list(sys.argv[1:] if arguments is None else arguments), prog_name="partimento", standalone_mode=False)
        sys.stdout.flush()
    except PartimentoError as error:
        _complain(f"partimento: {error}")
        return EXIT_MISTAKE
    except (KeyboardInterrupt, typer.Abort):
        status = EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read stdout has gone: end quietly
        return EXIT_FAULT
    except Exception as error:
        if hasattr(error, "format_message"):  # typer's errors about options; its bundled click has no public name
            command = getattr(getattr(error, "ctx", None), "command_path", "partimento")
            _complain(f"{command}: {error.format_message()} (see {command} --help)")
            return EXIT_MISTAKE
        if os.environ.get(TRACEBACK_VARIABLE):
            traceback.print_exc()
        else:
            _complain(f"partimento: unexpected {type(error).__name__}: {error} ({TRACEBACK_VARIABLE}=1 shows where)")
        return EXIT_FAULT
    if status == EXIT_INTERRUPTED:
        _complain("partimento: interrupted")
    return int(status or 0)


if __name__ == "__main__":
    sys.exit(main())
