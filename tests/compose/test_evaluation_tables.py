import pytest

from compose.evaluation_tables import Section, compose_sections, markdown

PLAIN = {"nats_per_note": 3.8149, "next": 0.46, "lane": 0.3, "pitch": 2.44, "duration": 0.61, "notes": 10, "bits_per_second": 34.2}
TASK = {
    "tasks": 27,
    "satisfied": 26,
    "refused": 1,
    "nats_per_note": {"with_controls": 2.811, "backfill": 3.0, "delta_0": 3.05, "without": 3.159},
    "nats_per_note_after": {"original": 2.0, "model": 2.1, "copy": 2.5, "retrieval": 2.75},
    "join_leap": {"original": 3.0, "model": 3.12, "copy": 5.0, "retrieval": 6.0},
    "pitch_class_distance": {"model": 0.41, "copy": 0.32, "retrieval": 0.5},
    "rhythm_distance": {"model": 0.53, "copy": 0.68, "retrieval": 0.6},
    "longest_run": {"model": {"median": 5.0, "max": 13.0}, "original": {"median": 5.5, "max": 23.0}},
    "likeness": {"model": {"median": 0.25, "max": 1.0}, "original": {"median": 0.5, "max": 0.9}},
    "diversity_of_8": {"model": 0.881},
}
SHARES = {"steps": 100, "mean": 3.21, "leaps": 0.105, "wide_leaps": 0.021, "wide_leaps_nearest": 0.004, "resized": 0.3}


def figures(task=TASK, stores=1):
    return {
        "model": "general",
        "temperature": 0.7,
        "top_p": 0.9,
        "pieces_asked": 6,
        "stores": stores,
        "pieces": {"openscore-lieder": 6, "mine": 2},
        "plain": {"openscore-lieder": PLAIN, "mine": PLAIN},
        "tasks": {"accompaniment": task},
        "leaps": {"mine": {"original": SHARES, "model": {**SHARES, "wide_leaps": 0.05}}},
        "processor_seconds": 301,
    }


def test_a_section_as_markdown():
    section = Section("Said.", ("", "a"), (("one", "1"), ("two", "2")))
    assert markdown([section, section]).split("\n\n")[:2] == ["Said.", "| | a |\n|---|---|\n| one | 1 |\n| two | 2 |"]


def test_every_figure_is_in_its_row():
    plain, tasks, leaps = compose_sections(figures())
    assert "--pieces 6 --store FOLDER`" in plain.text
    assert "5 minutes" in plain.text
    assert "Lieder 6, mine 2" in plain.text
    assert plain.columns == ("", "Lieder", "mine")
    assert plain.rows[0] == ("all", "3.81", "3.81")
    assert dict(tasks.rows) == {
        "tasks, satisfied": "27, 26",
        "nats per note: with controls": "2.81",
        "nats per note: backfill": "3.00",
        "nats per note: delta 0": "3.05",
        "nats per note: without": "3.16",
        "pitch classes: model, copy, retrieval": "0.41, 0.32, 0.50",
        "rhythm: model, copy, retrieval": "0.53, 0.68, 0.60",
        "bar after: original, model": "2.00, 2.10",
        "bar after: copy, retrieval": "2.50, 2.75",
        "leap at a join: original, model": "3.0, 3.1",
        "leap at a join: copy, retrieval": "5.0, 6.0",
        "differ between two of eight": "88%",
        "longest run: model": "5, 13",
        "longest run: original": "6, 23",
        "nearest line: model": "0.25, 1.00",
        "nearest line: original": "0.50, 0.90",
    }
    assert leaps.rows == (("mine", "100, 100", "3.2, 3.2", "10.5%, 10.5%", "2.1%, 5.0%", "0.4%, 0.4%", "30.0%, 30.0%"),)


@pytest.mark.parametrize("missing", ["longest_run", "likeness", "diversity_of_8"])
def test_what_was_not_measured_has_a_dash(missing):
    row = {name: value for name, value in TASK.items() if name != missing}
    before, after = (dict(compose_sections(figures(task, stores=0))[1].rows) for task in (TASK, row))
    assert {after[name] for name in before if before[name] != after[name]} == {"-"}


def test_a_filling_that_is_missing_has_a_dash_in_its_place():
    row = {**TASK, "pitch_class_distance": {"model": 0.41, "copy": 0.32}}
    assert dict(compose_sections(figures(row))[1].rows)["pitch classes: model, copy, retrieval"] == "0.41, 0.32, -"
