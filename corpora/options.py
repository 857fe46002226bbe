"""Options that several verbs of the command line have, said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from corpora.errors import RequestError

__all__ = ["EvaluationOut", "JsonFlag", "Minutes", "Model", "Resume", "RunFolder", "Score", "Seed", "Temperature", "TopP"]


def _figures_file(output: Path | None) -> Path | None:
    if output is not None and (output.suffix != ".json" or not output.parent.is_dir()):
        raise RequestError(f"--output: expected the name of a .json file in a folder that is there, got '{output}'")
    return output


JsonFlag = Annotated[bool, typer.Option("--json", help="Print the report as JSON on stdout.")]
Score = Annotated[Path, typer.Argument(metavar="PIECE", help="A .musicxml, .mxl, .mid, .krn or .abc file.", show_default=False)]
Model = Annotated[str, typer.Option(help="auto, a model that comes with the package, or the folder of your own.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same notes.")]
Temperature = Annotated[float, typer.Option(min=0.0, max=10.0, help="0 takes the likeliest note each time, 1 is as learned.")]
TopP = Annotated[float, typer.Option(min=0.01, max=1.0, help="Draw from the likeliest notes with this much probability.")]
RunFolder = Annotated[Path, typer.Option("--out", "-o", help="Folder of the run.")]
Minutes = Annotated[float, typer.Option(min=0.01, help="Wall time of the training, over all resumes.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")]
EvaluationOut = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Also as NAME.json, and beside it NAME.md with the tables.", callback=_figures_file),
]
