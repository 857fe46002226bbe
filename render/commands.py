"""The verbs of this room: ``render``, ``perform``, ``transfer``, ``fit``, ``convert``, ``doctor``, its ``train`` and ``evaluate``.

What they need is loaded when called.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from corpora.console import doing, print_figures, print_json, print_table, progress, telling
from corpora.errors import RequestError
from corpora.options import EvaluationOut, JsonFlag, Minutes, Resume, RunFolder, Score, Seed
from corpora.process import EXIT_FAULT
from corpora.safe_text import safe_text

__all__ = ["add_commands"]


def _engine_options(instruments: Iterable[str], bank: str | None) -> dict[str, Any]:
    """What the user wishes of an engine's own options; engines refuse those that they have not."""
    options: dict[str, Any] = {} if bank is None else {"bank": bank}
    for wish in instruments:
        part, equals, name = wish.rpartition("=")
        if not equals or not part or not name:
            raise RequestError(f"--instrument: expected PART=NAME, for example Soprano=violin, got {safe_text(wish)!r}")
        options.setdefault("instruments", {})[part] = name
    return options


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


def _list_rules(wanted: bool) -> None:
    """The rules of ``perform``, as an option that needs no score."""
    if wanted:
        from render.perform.rules import RULES

        print_table(("rule", "strength", "what it does"), [(rule.name, rule.default, rule.says) for rule in RULES])
        raise typer.Exit


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
    output: EvaluationOut = None,
    as_json: JsonFlag = False,
) -> None:
    """The engines side by side: onsets, tuning, and how far their sound is from the reference's."""
    from compose.evaluation_output import tell_evaluation
    from corpora.files import read_piece
    from render.engines import ENGINES
    from render.measures.evaluate import evaluate_render as evaluate
    from render.measures.tables import render_sections

    with progress() as say:
        read = [(path.name, read_piece(path)) for path in music or ()]
        figures = evaluate(engine or tuple(ENGINES), music=read, pieces=pieces, excerpt_s=seconds, font=font, seed=seed, say=say)
    tell_evaluation(render_sections(figures), figures, output, as_json)


def add_commands(app: typer.Typer, train: typer.Typer, evaluate: typer.Typer) -> None:
    """Add this room's verbs to the command line.

    Args:
        app: The whole.
        train: ``train render``.
        evaluate: ``evaluate render``.
    """
    app.command(epilog="Example: partimento render song.musicxml -o song.flac --stems stems --lufs -14")(render)
    app.command(
        epilog='Example: partimento perform song.musicxml -o song.mid --rule "phrase arch=0.5" --without pedal --plot song.png'
    )(perform)
    app.command(epilog="Example: partimento transfer sung.wav -o violin.flac --instrument violin --octave 1")(transfer)
    app.command(epilog="Example: partimento fit quartet.musicxml quartet.flac -o quartet.mid --report quartet.json")(fit)
    app.command(epilog="Example: partimento convert song.krn -o song.musicxml")(convert)
    app.command(epilog="Example: partimento doctor")(doctor)
    train.command(
        name="render",
        epilog="Example: partimento train render --instrument oboe --font GM.sf3 --program 68 --minutes 2 --out runs/oboe",
    )(train_render)
    evaluate.command(name="render", epilog="Example: partimento evaluate render --pieces 1 --seconds 20 -o engines.json")(
        evaluate_render
    )
