"""The verbs of this room: ``read``, ``train omr``, ``evaluate omr``; what they need is loaded when called."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from corpora.console import print_figures, print_json, print_table, progress, telling
from corpora.options import EvaluationOut, JsonFlag, Minutes, Resume, RunFolder
from corpora.safe_text import safe_text

if TYPE_CHECKING:
    from omr.assembly.wishes import Wishes

__all__ = ["add_commands"]

SHOWN_BARS = 12  # least sure bars in the summary


def read(
    pages: Annotated[
        list[Path],
        typer.Argument(
            metavar="PAGE...",
            help="Pictures (.png, .jpg, .tif, .webp, .bmp) and .pdf documents, in the order of the music.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the score goes: .musicxml or .mxl.")],
    midi: Annotated[Path | None, typer.Option(help="Also as it is played, as MIDI.")] = None,
    audio: Annotated[Path | None, typer.Option(help="Also as sound: .flac, .wav, .ogg, .opus or .mp3.")] = None,
    overlay: Annotated[
        Path | None,
        typer.Option(help="Also the pages with what was read, coloured by how sure it is: .png (then NAME-2.png)."),
    ] = None,
    meter: Annotated[str, typer.Option(help='The meter up to the next printed one, "6/8"; read when left out.')] = "",
    key: Annotated[str, typer.Option(help='The key signature, "2 flats", "3 sharps", "none" or "Eb major".')] = "",
    clef: Annotated[
        list[str] | None, typer.Option(help='The clef of a staff, "2=alto" (staves count from above); may be repeated.')
    ] = None,
    staves: Annotated[str, typer.Option(help='Staves of the parts from above, "1,2" for a voice and a piano.')] = "",
    bar: Annotated[list[str] | None, typer.Option(help='Another reading of a bar, "12=2" for its second; may be repeated.')] = None,
    arrange: Annotated[
        str,
        typer.Option(
            help='Write to what was read, on its chord symbols: an instrument ("piano"), or "voices" for four-part harmony.'
        ),
    ] = "",
    as_pictures: Annotated[bool, typer.Option("--as-pictures", help="Read PDF documents from their pixels.")] = False,
    weights: Annotated[str, typer.Option(help="A folder of your own.")] = "signs",
    seed: Annotated[int, typer.Option(min=0, help="Of the performance and the arrangement.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Read pages of a score: notation that can be edited, and a performance of it."""
    from omr.read_paths import ReadPaths, check_pages

    paths = ReadPaths(score=out, midi=midi, audio=audio, overlay=overlay)
    paths.check(pages)
    wishes = _wishes(meter, key, clef or (), staves, bar or ())
    check_pages(pages)
    from omr.page_files import read_to_files  # loads the network

    name = safe_text(pages[0].name) + (f" and {len(pages) - 1} more" if len(pages) > 1 else "")
    with telling(name) as told:
        report = read_to_files(
            pages, paths, wishes, weights=weights, as_pictures=as_pictures, arrange=arrange, seed=seed, told=told
        )
    if as_json:
        print_json(report)
        return
    print_table(("read", ""), _summary(report))
    print(*report["files"], sep="\n")


def _wishes(meter: str, key: str, clefs: list[str] | tuple[str, ...], staves: str, bars: list[str] | tuple[str, ...]) -> Wishes:
    """The options in the words of the user."""
    from omr.assembly.wishes import Wishes
    from omr.wish_text import parse_clefs, parse_key, parse_meter, parse_readings, parse_staves

    return Wishes(
        meter=parse_meter(meter),
        fifths=parse_key(key),
        clefs=parse_clefs(clefs),
        staves=parse_staves(staves),
        readings=parse_readings(bars),
    )


def _summary(report: dict[str, Any]) -> list[tuple[str, str]]:
    bars = report["bars"]
    doubtful = sorted((bar["probability"], bar["bar"]) for bar in bars if bar["probability"] < 0.9)[:SHOWN_BARS]
    ways = sorted({page["way"] for page in report["pages"]})
    rows = [
        ("pages", f"{len(report['pages'])}, {sum(page['systems'] for page in report['pages'])} systems, from {' and '.join(ways)}"),
        ("parts", ", ".join(f"{part['name'] or 'part'} ({part['staves']})" for part in report["parts"])),
        ("bars", f"{len(bars)}, mean probability {report['mean_probability']:.2f}"),
        ("bars that do not fit the meter", str(report["escapes"])),
    ]
    if turned := [number for number, page in enumerate(report["pages"], 1) if page["turned_degrees"]]:
        rows.append(("turned upright", f"page {', '.join(map(str, turned))}"))
    if doubtful:
        rows.append(("least sure", ", ".join(f"bar {bar} ({chance:.2f})" for chance, bar in doubtful)))
    return rows + [("note", note) for note in report["notes"]]


def train_omr(
    out: RunFolder,
    minutes: Minutes = 90.0,
    preset: Annotated[str, typer.Option(help="tiny, cpu or gpu: sizes.")] = "cpu",
    systems: Annotated[int, typer.Option(min=8, help="Of training pages to engrave from the packs.")] = 4000,
    store: Annotated[list[Path] | None, typer.Option(help="Pages that were engraved before; may be repeated.")] = None,
    validation: Annotated[Path | None, typer.Option(help="Validation pages that were engraved before.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes that engrave and make batches.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, crops and pages.")] = 0,
    resume: Resume = False,
    as_json: JsonFlag = False,
) -> None:
    """Train the detector of signs on pages engraved from scores of the packs."""
    from omr.detector.runs import run_omr

    with progress() as say:
        figures = run_omr(
            out,
            minutes,
            preset=preset,
            systems=systems,
            stores=store or (),
            validation=validation,
            workers=workers,
            seed=seed,
            resume=resume,
            say=say,
        )
    print_figures(figures, as_json)


def evaluate_omr(
    pages: Annotated[
        list[Path] | None,
        typer.Option(
            help="A folder of NAME.musicxml and NAME-1.png ... or NAME.pdf; may be repeated; engraved of test songs if none."
        ),
    ] = None,
    way: Annotated[
        list[str] | None,
        typer.Option(help="clean, mild, medium, hard or photo, or glyphs (of PDFs); may be repeated."),
    ] = None,
    weights: Annotated[str, typer.Option(help="A folder of your own.")] = "signs",
    limit: Annotated[int, typer.Option(min=0, help="At most so many pieces of each folder; 0 takes all.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of the wear.")] = 0,
    output: EvaluationOut = None,
    as_json: JsonFlag = False,
) -> None:
    """Reading measured on held-out pages."""
    from compose.evaluation_output import tell_evaluation
    from omr.detector.reader import load_sign_reader
    from omr.evaluation.evaluate import evaluate_omr as evaluate
    from omr.evaluation.evaluate import omr_sections
    from omr.evaluation.held_out import page_folders

    with progress() as say, page_folders(pages or (), say) as folders:
        figures = evaluate(folders, way or ["clean"], load_sign_reader(weights), limit=limit, seed=seed, say=say)
    tell_evaluation(omr_sections(figures), figures, output, as_json)


def add_commands(app: typer.Typer, train: typer.Typer, evaluate: typer.Typer) -> None:
    """Add this room's verbs to the command line.

    Args:
        app: The whole; ``read`` goes there.
        train: ``train omr``.
        evaluate: ``evaluate omr``.
    """
    app.command(epilog="Example: partimento read page1.png page2.png -o song.musicxml --audio song.flac --overlay seen.png")(read)
    train.command(name="omr", epilog="Example: partimento train omr --minutes 90 --out runs/signs")(train_omr)
    evaluate.command(name="omr", epilog="Example: partimento evaluate omr --pages pages/lilypond/lieder --way clean --way photo")(
        evaluate_omr
    )
