"""The command line of Partimento: one verb a job, each of which loads its room only when it is called.

Results go to stdout (``--json`` for machines), progress to stderr. Exit status: 0 done, 1 a fault of ours, 2 a mistake in the
request or a file that cannot be used (one line on stderr), 130 interrupted. Outputs of a command appear together or not at all.
"""

# The functions of this module import their rooms when called: ``partimento --help`` must not wait for torch.
from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from corpora.console import doing, print_figures, print_json, print_records, print_table, progress, telling
from corpora.errors import RequestError
from corpora.process import EXIT_FAULT, EXIT_INTERRUPTED, EXIT_MISTAKE, TRACEBACK_VARIABLE, complain, exit_status
from corpora.safe_text import safe_text
from omr.commands import add_commands as add_reading
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

JsonFlag = Annotated[bool, typer.Option("--json", help="Print the report as JSON on stdout.")]
Score = Annotated[Path, typer.Argument(metavar="PIECE", help="A .musicxml, .mxl, .mid, .krn or .abc file.", show_default=False)]
Parts = Annotated[str, typer.Option(help="Parts to write, by name, with commas between them; all when left out.")]
Wishes = Annotated[
    list[str] | None, typer.Option("--constraint", "-c", help='A wish that must hold, e.g. "scale: G major"; may be repeated.')
]
Model = Annotated[str, typer.Option(help="auto, a model that comes with the package, or the folder of your own.")]
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


def _list_rules(wanted: bool) -> None:
    """The rules of ``perform``, as an option that needs no score."""
    if wanted:
        from render.perform.rules import RULES

        print_table(("rule", "strength", "what it does"), [(rule.name, rule.default, rule.says) for rule in RULES])
        raise typer.Exit


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


def _engine_options(instruments: Iterable[str], bank: str | None) -> dict[str, Any]:
    """What the user wishes of an engine's own options; engines refuse those that they have not."""
    options: dict[str, Any] = {} if bank is None else {"bank": bank}
    for wish in instruments:
        part, equals, name = wish.rpartition("=")
        if not equals or not part or not name:
            raise RequestError(f"--instrument: expected PART=NAME, for example Soprano=violin, got {safe_text(wish)!r}")
        options.setdefault("instruments", {})[part] = name
    return options


@app.command(epilog="Example: partimento render song.musicxml -o song.flac --stems stems --lufs -14")
def render(
    piece: Score,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the sound goes: .flac, .wav, .ogg, .opus or .mp3.")],
    engine: Annotated[
        str,
        typer.Option(help="Who plays: soundfont, sampler (SoundFonts by our own arithmetic) or ddsp (learned instruments)."),
    ] = "soundfont",
    font: Annotated[Path | None, typer.Option(help="A .sf2 or .sf3 SoundFont; the best installed one when left out.")] = None,
    stems: Annotated[Path | None, typer.Option(help="A folder for each part alone, as it sounds in the mix.")] = None,
    note_map: Annotated[Path | None, typer.Option(help="A .json file for the first and last sample of each note.")] = None,
    lufs: Annotated[float | None, typer.Option(help="Loudness (BS.1770); -16 when neither it nor --gain is given.")] = None,
    true_peak: Annotated[float, typer.Option(help="Ceiling of the limiter in dBTP.")] = -1.0,
    gain: Annotated[float | None, typer.Option(help="A level change in dB in place of a loudness.")] = None,
    spectrogram: Annotated[Path | None, typer.Option(help="A picture of it over log frequency: .png, .svg or .pdf.")] = None,
    loudness: Annotated[Path | None, typer.Option(help="A picture of its loudness, momentary and short-term.")] = None,
    notes: Annotated[Path | None, typer.Option(help="A picture of the notes over the waveform.")] = None,
    room: Annotated[
        str, typer.Option(help="The room: studio, salon, chamber, theatre, hall, church, cathedral, plate; or none.")
    ] = "hall",
    tuning: Annotated[str | None, typer.Option(help='A tuning: "19-EDO", or a Scala file (.scl).')] = None,
    instrument: Annotated[
        list[str] | None, typer.Option(help="Which learned instrument plays a part, Soprano=violin; may be repeated.")
    ] = None,
    bank: Annotated[str | None, typer.Option(help="Of learned instruments: the folder of your own.")] = None,
    sample_rate_hz: Annotated[int, typer.Option("--sample-rate", min=8_000, max=192_000, help="In Hz.")] = 44_100,
    as_json: JsonFlag = False,
) -> None:
    """Play a piece into a sound file, with a file for each part where wanted."""
    if lufs is not None and gain is not None:
        raise RequestError(f"expected --lufs or --gain, got both ({lufs:g} LUFS, {gain:g} dB)")
    from corpora.files import read_piece
    from render.pictures import PicturePaths
    from render.rendering import DEFAULT_LUFS
    from render.sound_files import render_to_file

    with doing(f"reading {piece.name}"):
        music = read_piece(piece)
    with telling(piece.name) as told:
        made = render_to_file(
            music,
            out,
            engine,
            stems_folder=stems,
            note_map=note_map,
            pictures=PicturePaths(spectrogram=spectrogram, loudness=loudness, notes=notes),
            font=font,
            sample_rate_hz=sample_rate_hz,
            lufs=DEFAULT_LUFS if lufs is None else lufs,
            true_peak_dbtp=true_peak,
            gain_db=gain,
            room=None if room == "none" else room,
            tuning=tuning,
            options=_engine_options(instrument or (), bank),
            told=told,
        )
    if as_json:
        print_json(made.to_dict())
    else:
        print(*made.in_words(), sep="\n")


@app.command(
    epilog='Example: partimento perform song.musicxml -o song.mid --rule "phrase arch=0.5" --without pedal --plot song.png'
)
def perform(
    piece: Score,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the music goes: .mid, or .flac, .wav, .ogg, .opus or .mp3.")],
    seed: Seed = 0,
    rule: Annotated[
        list[str] | None,
        typer.Option("--rule", help="Strength of a rule, NAME=NUMBER: 0 is off, 1 as usual, up to 5; 'all=0' plays deadpan."),
    ] = None,
    without: Annotated[list[str] | None, typer.Option("--without", help="A rule to switch off; may be repeated.")] = None,
    settings: Annotated[Path | None, typer.Option(help='Strengths as JSON: {"phrase arch": 0.5, "pedal": 0}.')] = None,
    repeats: Annotated[bool, typer.Option(help="Play repeats and jumps.")] = True,
    trill_start: Annotated[str, typer.Option(help="Note that a trill begins with: main or upper.")] = "main",
    appoggiaturas: Annotated[
        str, typer.Option(help="Unslashed grace notes: long (they take time from their note) or short.")
    ] = "long",
    swing: Annotated[bool, typer.Option("--swing", help="Swing eighths although the score does not say so.")] = False,
    font: Annotated[Path | None, typer.Option(help="A .sf2 or .sf3 SoundFont for sound.")] = None,
    match: Annotated[Path | None, typer.Option(help="Also as a match file: .match.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Also tempo and levels as a picture: .png.")] = None,
    list_rules: Annotated[
        bool, typer.Option("--list-rules", help="Show the rules and stop.", is_eager=True, callback=_list_rules)
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Play a score as a musician would: dynamics, phrasing, articulation, ornaments, repeats, pedal; MIDI or sound."""
    del list_rules  # its callback has shown them
    for name, value, expected in (
        ("--trill-start", trill_start, ("main", "upper")),
        ("--appoggiaturas", appoggiaturas, ("long", "short")),
    ):
        if value not in expected:
            raise RequestError(f"{name}: expected {' or '.join(expected)}, got {value!r}")
    from render.perform.job import PerformOptions, perform_file, read_strengths
    from render.perform.rules import parse_rules, strengths_of

    asked = {**(read_strengths(settings) if settings is not None else {}), **parse_rules(rule or ())}
    with telling(piece.name) as told:
        options = PerformOptions(
            strengths=strengths_of(asked, without=without or ()),
            seed=seed,
            repeats=repeats,
            trill_start="upper" if trill_start == "upper" else "main",
            appoggiaturas="short" if appoggiaturas == "short" else "long",
            swing=swing,
            match=match,
            plot=plot,
            font=font,
            told=told,
        )
        report = perform_file(piece, out, options)
    if as_json:
        print_json(report)
        return
    notes = f"{report['notes']} notes ({report['ornament_notes']} of ornaments)"
    title = f"{notes}, {report['bars_played']} bars, {report['duration_s']:.1f} s"
    print_table(
        ("rule", "strength", "what it changed"), [(row["rule"], row["strength"], row["did"]) for row in report["rules"]], title
    )
    for line in (
        *report["problems"],
        *(f"not understood: {text} ({count} times)" for text, count in report["not_understood"].items()),
    ):
        print(line, file=sys.stderr)
    print(*report["files"], sep="\n")


@app.command(epilog="Example: partimento transfer sung.wav -o violin.flac --instrument violin --octave 1")
def transfer(
    recording: Annotated[Path, typer.Argument(help="One tone at a time: .wav, .flac, .ogg or .mp3.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the sound goes: .flac, .wav, .ogg, .opus or .mp3.")],
    instrument: Annotated[str, typer.Option(help="Who plays it: a name in the bank.")] = "violin",
    octave: Annotated[int, typer.Option(help="Octaves up, or down below 0.")] = 0,
    bank: Annotated[str, typer.Option(help="The bank that comes with the package, or the folder of your own.")] = "ddsp",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same noise.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Play a sung or played phrase on another instrument, with the same pitch and level over time."""
    from render.ddsp.transfer import transfer_file

    with telling(recording.name) as told:
        report = transfer_file(
            recording, out, instrument, octave=octave, bank=bank, seed=seed, told=lambda share: told("listening", share)
        )
    if as_json:
        print_json(report)
    else:
        print(
            f"{out}: {report['duration_s']:.1f} s of {report['instrument']}, {report['lowest_hz']:.0f} to"
            f" {report['highest_hz']:.0f} Hz, tones in {report['voiced_share']:.0%} of the time"
        )
        if report["beyond_share"] > 0:
            beyond = f"{report['beyond_share']:.0%} of the tones lie beyond the keys that {instrument} has learned"
            print(f"{beyond}: try another --octave", file=sys.stderr)


@app.command(epilog="Example: partimento fit quartet.musicxml quartet.flac -o quartet.mid --report quartet.json")
def fit(
    score: Score,
    recording: Annotated[Path, typer.Argument(help="A sound file of the same music in the same time.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the performance goes: .mid.")],
    report: Annotated[Path | None, typer.Option(help="A .json file for what was found of each note, and how surely.")] = None,
    font: Annotated[Path | None, typer.Option(help="A .sf2 or .sf3 SoundFont that sounds like the recording.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Find velocities, onsets, tuning and part gains with which a score sounds nearest to a recording of it."""
    from render.fit.job import FIT_COLUMNS, fit_files

    with telling(score.name) as told:
        made = fit_files(score, recording, out, report=report, font=font, told=told)
    if as_json:
        print_json(made.to_dict())
        return
    print_table(FIT_COLUMNS, made.rows(), made.title())
    for line in made.fit.problems:
        print(line, file=sys.stderr)
    print(*made.files, sep="\n")


@app.command(epilog="Example: partimento convert song.krn -o song.musicxml")
def convert(
    piece: Score,
    out: Annotated[Path, typer.Option("--out", "-o", help=".musicxml, .mxl or .mid; .png or .svg engraves it.")],
    as_json: JsonFlag = False,
) -> None:
    """Write a piece in another format, or engrave it."""
    from render.results import convert_file

    with doing(f"converting {piece.name}"):
        report = convert_file(piece, out)
    if as_json:
        print_json(report)
    else:
        print(*report["files"], sep="\n")
        for line in report["lost"]:
            print(f"lost: {line}", file=sys.stderr)


@app.command(epilog="Example: partimento doctor")
def doctor(as_json: JsonFlag = False) -> None:
    """Tell which synthesiser, SoundFont, engraver, torch, packs and weights are used, and what each missing one costs."""
    from render.doctor import examine

    with doing("looking around"):
        findings = examine()
    if as_json:
        print_json([finding.to_dict() for finding in findings])
    else:
        rows = [(f.name, "yes" if f.usable else "no", f.found, "" if f.usable else f"{f.costs}. {f.remedy}") for f in findings]
        print_table(("what", "there", "which", "what is missing costs, and how to get it"), rows)
    if any(finding.needed and not finding.usable for finding in findings):
        raise typer.Exit(EXIT_FAULT)


@corpora_app.command(name="list", epilog="Example: partimento corpora list")
def corpora_list(as_json: JsonFlag = False) -> None:
    """List the packs: what each holds, its licence, and how it is split."""
    from corpora.datasets.packs import corpora_list as records

    print_records(records(), as_json)


@corpora_app.command(name="verify", epilog="Example: partimento corpora verify")
def corpora_verify(as_json: JsonFlag = False) -> None:
    """Compare every file of every pack with the checksum in its manifest; status 2 when one differs."""
    from corpora.datasets.packs import corpora_verify as records

    with doing("comparing checksums"):
        found = records()
    print_records(found, as_json)
    if not all(record.whole for record in found):
        raise typer.Exit(EXIT_MISTAKE)


@corpora_app.command(name="stats", epilog="Example: partimento corpora stats --notes")
def corpora_stats(
    notes: Annotated[bool, typer.Option("--notes", help="Also read every score and count its notes (minutes).")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Count files, works, composers and bytes of every pack and split."""
    from corpora.datasets.packs import corpora_stats as records

    with doing("counting"):
        found = records(notes=notes)
    print_records(found, as_json)


@corpora_app.command(name="store", epilog="Example: partimento corpora store ~/store --pack openscore-lieder --limit 200")
def corpora_store(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the store goes.", show_default=False)],
    pack: Annotated[
        list[str] | None, typer.Option("--pack", help="A pack; may be repeated; all when neither packs nor folders are named.")
    ] = None,
    scores: Annotated[
        list[Path] | None, typer.Option("--folder", help="A folder of score files, with all its folders; may be repeated.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="At most so many files of each, a random sample; 0 takes all.")] = 0,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Batches of files read at the same time by threads.")] = 2,
    engine: Annotated[str, typer.Option(help="threads, or ray for all cores of a machine or cluster.")] = "threads",
    as_json: JsonFlag = False,
) -> None:
    """Read packs or folders of scores once into memory-mapped tables of notes, from which models are trained."""
    from corpora.datasets.note_store import build_store
    from corpora.datasets.packs import list_packs

    folders = scores or []
    packs = pack or ([] if folders else [found.name for found in list_packs()])
    limits = dict.fromkeys([*packs, *(path.resolve().name for path in folders)], limit) if limit else None
    with doing("reading scores"):
        figures = build_store(folder, packs, folders=folders, limits=limits, workers=workers, engine=engine)
    if as_json:
        print_json(figures)
    else:
        print_table(("source", "pieces", "notes", "refused"), [(name, *map(str, row.values())) for name, row in figures.items()])


@train_app.command(name="compose", epilog="Example: partimento train compose --store ~/store --minutes 100 --out runs/general")
def train_compose(
    out: RunFolder,
    store: Annotated[list[Path], typer.Option("--store", help="A folder of 'partimento corpora store'; may be repeated.")],
    start: Annotated[
        str,
        typer.Option("--from", help="A model of the same sizes to begin with, by name or folder."),
    ] = "",
    preset: Annotated[str, typer.Option(help="Sizes: cpu or gpu.")] = "cpu",
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that make batches; a GPU wants several.")] = 1,
    attention: Annotated[str, typer.Option(help="skew, sdpa, or flex on a GPU: the same numbers.")] = "skew",
    gradient_checkpointing: Annotated[
        bool, typer.Option("--gradient-checkpointing", help="Less memory for a third more time; the same gradients.")
    ] = False,
    strategy: Annotated[str, typer.Option(help="Of several processes under torchrun: ddp or fsdp.")] = "",
    minutes: Minutes = 10.0,
    seed: Seed = 0,
    resume: Resume = False,
    as_json: JsonFlag = False,
) -> None:
    """Train the general model: any score, any question, on the packs of one or more stores."""
    from compose.parallel import is_first
    from compose.runs import run_compose

    figures = run_compose(
        out,
        store,
        minutes,
        preset=preset,
        start=start,
        seed=seed,
        resume=resume,
        workers=workers,
        attention=attention,
        gradient_checkpointing=gradient_checkpointing,
        strategy=strategy,
    )
    if is_first():
        print_figures(figures, as_json)


@train_app.command(name="flat", epilog="Example: partimento train flat --vocabulary anticipation --store ~/store --out runs/flat")
def train_flat(
    out: RunFolder,
    store: Annotated[list[Path], typer.Option("--store", help="A folder of 'partimento corpora store'; may be repeated.")],
    vocabulary: Annotated[str, typer.Option(help="Whose ids the model reads and writes.")] = "anticipation",
    minutes: Minutes = 10.0,
    seed: Seed = 0,
    resume: Resume = False,
    as_json: JsonFlag = False,
) -> None:
    """Train a model of a flat vocabulary, which infill and continue take by --model FOLDER/model."""
    from compose.runs import run_flat

    print_figures(run_flat(out, store, minutes, vocabulary=vocabulary, seed=seed, resume=resume), as_json)


@train_app.command(name="voices", epilog="Example: partimento train voices --minutes 30 --out runs/voices")
def train_voices(
    out: RunFolder, minutes: Minutes = 10.0, seed: Seed = 0, resume: Resume = False, as_json: JsonFlag = False
) -> None:
    """Train the benchmark model of the JSB chorales: four voices on a grid of sixteenths."""
    from compose.runs import run_voices

    print_figures(run_voices(out, minutes, seed=seed, resume=resume), as_json)


@train_app.command(name="chorale", epilog="Example: partimento train chorale --minutes 30 --out runs/chorale")
def train_chorale(
    out: RunFolder, minutes: Minutes = 10.0, seed: Seed = 0, resume: Resume = False, as_json: JsonFlag = False
) -> None:
    """Train the model that infill and continue use, on the Bach chorales of music21 in all keys."""
    from compose.runs import run_chorale

    print_figures(run_chorale(out, minutes, seed=seed, resume=resume), as_json)


@train_app.command(
    name="render",
    epilog="Example: partimento train render --instrument oboe --font GM.sf3 --program 68 --minutes 2 --out runs/oboe",
)
def train_render(
    out: RunFolder,
    instrument: Annotated[str, typer.Option(help="Its name in the bank.")],
    samples: Annotated[Path | None, typer.Option(help="A folder of single notes, each file named by its pitch: A4, Bb3.")] = None,
    recordings: Annotated[Path | None, typer.Option(help="A folder of one-voice recordings, each with its .mid beside it.")] = None,
    font: Annotated[Path | None, typer.Option(help="A SoundFont: the source, or beside samples a teacher of dynamics.")] = None,
    program: Annotated[int | None, typer.Option(min=0, max=127, help="Of the font, General MIDI from 0.")] = None,
    low_key: Annotated[int, typer.Option(min=0, max=127, help="Lowest key to play the font at.")] = 48,
    high_key: Annotated[int, typer.Option(min=0, max=127, help="Highest key.")] = 84,
    source: Annotated[str, typer.Option(help="Where the notes are from, for the model card.")] = "",
    licence: Annotated[str, typer.Option(help="Of the notes, for the model card.")] = "",
    into: Annotated[Path | None, typer.Option(help="A bank to add the instrument to.")] = None,
    steps: Annotated[int, typer.Option(min=0, help="Length of the training in steps, in place of --minutes.")] = 0,
    minutes: Minutes = 2.0,
    seed: Seed = 0,
    resume: Resume = False,
    as_json: JsonFlag = False,
) -> None:
    """Train a DDSP instrument, which transfer takes by --bank FOLDER/model."""
    from render.ddsp.runs import run_render

    with progress() as say:
        say(f"taking notes of {instrument} apart")
        figures = run_render(
            out,
            instrument,
            minutes,
            samples=samples,
            recordings=recordings,
            font=font,
            program=program,
            keys=(low_key, high_key),
            source=source,
            licence=licence,
            into=into,
            steps=steps,
            seed=seed,
            resume=resume,
        )
    for line in figures.pop("refused"):
        print(f"left out: {line}", file=sys.stderr)
    print_figures(figures, as_json)


@evaluate_app.command(name="jsb", epilog="Example: partimento evaluate jsb --model voices")
def evaluate_jsb(model: Model = "voices", as_json: JsonFlag = False) -> None:
    """Nats per voice slot on the valid split of the JSB chorales."""
    from compose.evaluate import evaluate_jsb as evaluate

    print_figures(evaluate(model), as_json)


@evaluate_app.command(name="chorale", epilog="Example: partimento evaluate chorale --pieces 50")
def evaluate_chorale(
    model: Model = "chorale",
    pieces: Annotated[int, typer.Option(min=1, help="How many held-out chorales.")] = 50,
    seed: Seed = 0,
    as_json: JsonFlag = False,
) -> None:
    """Rewrite inner voices of held-out chorales: pitch accuracy, voice leading beside Bach's, memorised runs."""
    from compose.evaluate import evaluate_chorale as evaluate

    print_figures(evaluate(model, pieces=pieces, seed=seed), as_json)


@evaluate_app.command(name="roundtrip", epilog="Example: partimento evaluate roundtrip --vocabulary measured --pieces 200")
def evaluate_roundtrip(
    vocabulary: Annotated[str, typer.Option(help="measured, anticipation or voices.")] = "measured",
    pieces: Annotated[int, typer.Option(min=1, help="How many pieces of the packs.")] = 200,
    seed: Seed = 0,
    as_json: JsonFlag = False,
) -> None:
    """Encode and decode a sample of the packs: what is lost, and whether the report names it."""
    from compose.evaluate import evaluate_roundtrip as evaluate

    print_figures(evaluate(vocabulary, pieces=pieces, seed=seed), as_json)


@evaluate_app.command(name="compose", epilog="Example: partimento evaluate compose --pieces 6 --store ~/store")
def evaluate_compose(
    model: Model = "general",
    pieces: Annotated[int, typer.Option(min=1, help="Test pieces of each pack.")] = 6,
    store: Annotated[list[Path] | None, typer.Option("--store", help="Training data, to look for memorised runs.")] = None,
    seed: Seed = 0,
    temperature: Temperature = 0.7,
    top_p: TopP = 0.9,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also as NAME.json, and beside it NAME.md with the README's tables.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Likelihood and infills of the packs' test splits: by field, by task, beside a copy and a retrieval."""
    if output is not None and (output.suffix != ".json" or not output.parent.is_dir()):
        raise RequestError(f"--output: expected the name of a .json file in a folder that is there, got '{output}'")
    from compose.evaluate_general import evaluate_compose as evaluate
    from compose.evaluation_output import tell_evaluation
    from compose.evaluation_tables import compose_sections
    from compose.sampler import SamplerSettings

    settings = SamplerSettings(temperature=temperature, top_p=top_p)
    with progress() as say:
        figures = evaluate(model, pieces=pieces, stores=store or (), seed=seed, settings=settings, say=say)
    tell_evaluation(compose_sections(figures), figures, output, as_json)


@evaluate_app.command(name="render", epilog="Example: partimento evaluate render --pieces 1 --seconds 20 -o engines.json")
def evaluate_render(
    music: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PIECE]...", help="Music; the packs' test pieces, or the examples, when left out."),
    ] = None,
    engine: Annotated[
        list[str] | None, typer.Option("--engine", help="Who plays, the reference first; may be repeated; all when left out.")
    ] = None,
    font: Annotated[Path | None, typer.Option(help="A .sf2 or .sf3 SoundFont; the best installed one when left out.")] = None,
    pieces: Annotated[int, typer.Option(min=1, help="Test pieces of each pack.")] = 1,
    seconds: Annotated[float, typer.Option(min=3.0, max=600.0, help="So much of each piece.")] = 20.0,
    seed: Seed = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also as NAME.json, and beside it NAME.md with the tables.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """The engines side by side: onsets, tuning, and how far their sound is from the reference's."""
    if output is not None and (output.suffix != ".json" or not output.parent.is_dir()):
        raise RequestError(f"--output: expected the name of a .json file in a folder that is there, got '{output}'")
    from compose.evaluation_output import tell_evaluation
    from corpora.files import read_piece
    from render.engines import ENGINES
    from render.measures.evaluate import evaluate_render as evaluate
    from render.measures.tables import render_sections

    with progress() as say:
        read = [(path.name, read_piece(path)) for path in music or ()]
        figures = evaluate(engine or tuple(ENGINES), music=read, pieces=pieces, excerpt_s=seconds, font=font, seed=seed, say=say)
    tell_evaluation(render_sections(figures), figures, output, as_json)


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
