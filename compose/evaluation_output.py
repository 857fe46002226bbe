"""What an ``evaluate`` command leaves: its tables on stdout or its figures as JSON, and both in files where that is wanted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compose.evaluation_tables import Section, markdown
from corpora.atomic import atomic_outputs
from corpora.console import print_json, print_table

__all__ = ["tell_evaluation"]


def tell_evaluation(sections: Sequence[Section], figures: Mapping[str, Any], output: Path | None, as_json: bool) -> None:
    """Write and print an evaluation.

    Args:
        sections: Its tables.
        figures: The same as JSON values.
        output: A .json file for the figures, with a .md file for the tables beside it; None for no files.
        as_json: Whether the figures are printed in place of the tables.

    Raises:
        InputError: A file cannot be written.
    """
    if output is not None:
        with atomic_outputs([output, output.with_suffix(".md")]) as (figures_path, tables_path):
            figures_path.write_text(json.dumps(figures, indent=2, allow_nan=False) + "\n", encoding="utf-8")
            tables_path.write_text(markdown(sections), encoding="utf-8")
    if as_json:
        print_json(figures)
        return
    for section in sections:
        print(section.text)
        print_table(section.columns, section.rows)
